"""The home of what is read from the audit trail: its lines by time, and who asked how much."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from beacon.audit.entries import DAY, AccessEntry, AlarmEntry, decode
from beacon.audit.folder import TrailFile, files


class _Moment(msgspec.Struct):
    """When a line was written."""

    at: str


class PersonReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one person did.

    Attributes:
        person: By pseudonym, `public` or `unverified`.
        tiers: All that the person was in.
        questions: How many were asked.
        denied: How many of them were refused.
        rare: How often there were some, and few.
        charge: What all answers cost together, in millionths.
        last: When the last question was asked.
        alarms: Those about the person.
    """

    person: str
    tiers: tuple[str, ...]
    questions: int
    denied: int
    rare: int
    charge: int
    last: str
    alarms: tuple[str, ...]

    @property
    def denied_share(self) -> float:
        """Of the questions, how many were refused; 0 to 1."""
        return self.denied / self.questions if self.questions else 0.0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked how much, those first who asked most, and every alarm."""

    people: tuple[PersonReport, ...]
    alarms: tuple[AlarmEntry, ...]


@dataclass(slots=True)
class _Sums:
    tiers: set[str] = field(default_factory=set)
    alarms: set[str] = field(default_factory=set)
    questions: int = 0
    denied: int = 0
    rare: int = 0
    charge: int = 0
    last: str = ""


def lines(folder: Path, since: str = "", until: str = "~") -> Iterator[bytes]:
    """The lines of all chains by time, as they were written, without their ends.

    Args:
        folder: Of the files.
        since: The first moment, such as `2026-11-23`.
        until: The moment before which they were written.
    """
    of_chains = (_of_chain(one, since, until) for one in files(folder).values())
    for _, line in heapq.merge(*of_chains, key=lambda one: one[0]):
        yield line


def report(folder: Path, since: str = "", until: str = "~") -> Report:
    """Who asked how much; arguments as of `lines`."""
    sums: dict[str, _Sums] = {}
    alarms = []
    for line in lines(folder, since, until):
        match decode(line):
            case AccessEntry() as access:
                _add(sums.setdefault(access.person, _Sums()), access)
            case AlarmEntry() as alarm:
                alarms.append(alarm)
                if alarm.person is not None:
                    sums.setdefault(alarm.person, _Sums()).alarms.add(alarm.alarm)
    people = [_person(name, one) for name, one in sums.items()]
    people.sort(key=lambda one: (-one.questions, one.person))
    return Report(people=tuple(people), alarms=tuple(alarms))


def _add(sums: _Sums, access: AccessEntry) -> None:
    sums.tiers.update(access.tiers)
    sums.questions += 1
    sums.denied += access.is_denied
    sums.rare += access.rare
    sums.charge += sum(one.charge or 0 for one in access.datasets)
    sums.last = max(sums.last, access.at)


def _person(name: str, sums: _Sums) -> PersonReport:
    return PersonReport(
        person=name,
        tiers=tuple(sorted(sums.tiers)),
        questions=sums.questions,
        denied=sums.denied,
        rare=sums.rare,
        charge=sums.charge,
        last=sums.last,
        alarms=tuple(sorted(sums.alarms)),
    )


def _of_chain(of_chain: Sequence[TrailFile], since: str, until: str) -> Iterator[tuple[str, bytes]]:
    for file in of_chain:
        if file.day < since[:DAY] or file.day >= until:
            continue
        with file.path.open("rb") as opened:
            yield from _within(opened, since, until)


def _within(texts: Iterable[bytes], since: str, until: str) -> Iterator[tuple[str, bytes]]:
    for text in texts:
        if not text.endswith(b"\n"):
            return
        try:
            at = msgspec.json.decode(text, type=_Moment).at
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # `verify` says so
        if since <= at < until:
            yield at, text[:-1]
