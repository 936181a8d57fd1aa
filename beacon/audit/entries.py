"""The home of what the lines of the audit trail say."""

from __future__ import annotations

from typing import Literal

import msgspec

PUBLIC = "public"
"""In the place of a person: whoever showed no credentials."""

UNVERIFIED = "unverified"
"""In the place of a person: whoever showed credentials that were not taken."""

REFUSALS = (401, 403)

DAY = len("2026-11-23")
"""Of a moment, the day."""


class DatasetEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was decided of one dataset.

    Attributes:
        id: Of the dataset, as in the settings.
        decision: `withheld` when nothing was told of it.
        level: The granularity at which it was told.
        rules: Where the settings grant that.
        rare: Whether there are some, and they rest on few people.
        release: The release that was asked.
        charge: Millionths of a unit of information; 0 when the same answer was given before.
    """

    id: str
    decision: Literal["answered", "withheld"]
    level: str
    rules: tuple[str, ...] = ()
    rare: bool = False
    release: str | None = None
    charge: int | None = None


class AccessEntry(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="access"
):
    """One access to data, allowed or refused.

    Attributes:
        at: When, in UTC.
        request: The id of the request.
        endpoint: The pattern of the path.
        status: The HTTP status of the answer.
        person: A pseudonym, `public` or `unverified`.
        organisation: The pseudonym of one.
        tiers: That the person is in.
        visa_issuers: Who says so.
        purpose: A code of the Data Use Ontology.
        entry_type: What was asked for.
        asked: The granularity that was asked for.
        granted: The granularity that was told.
        datasets: Those that the question reached.
        question: The keyed hash of what was asked.
        via: How many networks the question came through.
        members: How many beacons a network asked.
        reason: Why credentials were refused, in one word.
    """

    at: str
    request: str
    endpoint: str
    status: int
    person: str
    organisation: str | None = None
    tiers: tuple[str, ...] = ()
    visa_issuers: tuple[str, ...] = ()
    purpose: str | None = None
    entry_type: str | None = None
    asked: str | None = None
    granted: str | None = None
    datasets: tuple[DatasetEntry, ...] = ()
    question: str | None = None
    via: int = 0
    members: int | None = None
    reason: str | None = None

    @property
    def is_denied(self) -> bool:
        """Whether somebody asked for what they may not learn."""
        if self.status in REFUSALS:
            return True
        return bool(self.datasets) and all(one.decision == "withheld" for one in self.datasets)

    @property
    def rare(self) -> int:
        """How many datasets said that there are some, and few."""
        return sum(one.rare for one in self.datasets)


class AlarmEntry(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="alarm"
):
    """Something that somebody should look at.

    Attributes:
        at: When, in UTC.
        alarm: Which; see `beacon.audit.alarms`.
        person: Whose questions they are, by pseudonym.
        dataset: Which is concerned.
        value: What was reached: how many, or which share.
    """

    at: str
    alarm: str
    person: str | None = None
    dataset: str | None = None
    value: float


class OpenedEntry(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="opened"
):
    """A process goes on with a chain: the first line of a file, and of a process.

    Attributes:
        at: When, in UTC.
        chain: The number of the chain.
        before: The file that the line before is in; none has the first line of a chain.
        torn: How many bytes of an unfinished line were found behind it, and put aside.
    """

    at: str
    chain: int
    before: str | None = None
    torn: int = 0


class DeletedEntry(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="deleted"):
    """A file is old enough to be deleted.

    Attributes:
        at: When, in UTC.
        file: Its name.
        last: The number of its last line.
        last_hash: The hash of that line.
    """

    at: str
    file: str
    last: int
    last_hash: str


Entry = AccessEntry | AlarmEntry | OpenedEntry | DeletedEntry

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """An entry as a JSON object."""
    return _encoder.encode(entry)


def decode(line: bytes) -> Entry | None:
    """What a line says, `None` when it is none."""
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
