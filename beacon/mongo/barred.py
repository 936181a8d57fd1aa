"""Who has withdrawn from a dataset, kept as salted digests, and records freed of them.

Nothing here can be read back into an id; an id that comes again is recognised. The digests outlive
the dataset, so that files which still hold a person bring nobody back.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pymongo.database import Database

from beacon.framework.answer import Record
from beacon.mongo import documents

Documents = Database[dict[str, Any]]

INDIVIDUAL, BIOSAMPLE, RUN, ANALYSIS = "individual", "biosample", "run", "analysis"
"""Kinds of ids; a sample of genotypes goes by the id of a biosample, or its individual's."""

Id = tuple[str, str]
"""A kind of id, and an id."""
IsGone = Callable[[Id], bool]

_DIGEST_BYTES = 16
_NAMED_BY = {
    "individualId": INDIVIDUAL,
    "individualIds": INDIVIDUAL,
    "memberId": INDIVIDUAL,
    "members": INDIVIDUAL,
    "biosampleId": BIOSAMPLE,
    "biosampleIds": BIOSAMPLE,
    "sampleId": BIOSAMPLE,
    "sampleIds": BIOSAMPLE,
    "runId": RUN,
    "runIds": RUN,
    "analysisId": ANALYSIS,
    "analysisIds": ANALYSIS,
}
"""Keys of records under which other records are named."""


class Barred:
    """Those who have withdrawn from one dataset.

    Attributes:
        pending: Whether a withdrawal was begun and has not ended.
    """

    def __init__(self, database: Documents, dataset_id: str) -> None:
        self._collection = database[documents.WITHDRAWN]
        self._dataset_id = dataset_id
        found = self._collection.find_one({"_id": dataset_id}) or {}
        self._salt: bytes = found.get("salt") or secrets.token_bytes(16)
        self._people: list[list[bytes]] = [list(one) for one in found.get("people", ())]
        self._digests = {digest for person in self._people for digest in person}
        self.pending = bool(found.get("pending"))

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __len__(self) -> int:
        return len(self._people)

    def holds(self, one: Id) -> bool:
        """Whether an id is of somebody who has withdrawn."""
        return bool(self._digests) and self._digest(one) in self._digests

    def named(self, name: str) -> bool:
        """Whether somebody who has withdrawn, or a sample of theirs, went by a name."""
        return any(self.holds((kind, name)) for kind in (INDIVIDUAL, BIOSAMPLE))

    def add(self, people: Iterable[Iterable[Id]], *, pending: bool) -> None:
        """Remember people, each by all ids of theirs."""
        for ids in people:
            self._people.append(sorted({self._digest(one) for one in ids}))
        self._store(pending)

    def retract(self, people: int) -> None:
        """Forget those who were added last; their withdrawal could not begin."""
        if people:
            self._people = self._people[:-people]
        self._store(pending=False)

    def join(self, known: Id, other: Id) -> None:
        """Remember one more id of somebody who has withdrawn, learnt from a record."""
        digest = self._digest(other)
        if digest not in self._digests:
            person = next(one for one in self._people if self._digest(known) in one)
            person.append(digest)
            self._store(self.pending)

    def finish(self) -> None:
        """Note that the withdrawal that was begun has ended."""
        self._store(pending=False)

    def readmit(self, name: str) -> bool:
        """Forget that somebody has withdrawn; false when nobody of that name had."""
        wanted = {self._digest((kind, name)) for kind in (INDIVIDUAL, BIOSAMPLE)}
        left = [one for one in self._people if wanted.isdisjoint(one)]
        if len(left) == len(self._people):
            return False
        self._people = left
        self._store(self.pending)
        return True

    def _store(self, pending: bool) -> None:
        self.pending = pending
        self._digests = {digest for person in self._people for digest in person}
        document = {"salt": self._salt, "people": self._people, "pending": pending}
        self._collection.replace_one({"_id": self._dataset_id}, document, upsert=True)

    def _digest(self, one: Id) -> bytes:
        kind, name = one
        return hashlib.blake2b(
            f"{kind}:{name}".encode(), key=self._salt, digest_size=_DIGEST_BYTES
        ).digest()


def names_gone(entry_type: str, record: Record, is_gone: IsGone) -> bool:
    """Whether a record is about somebody who is gone: by its own id, or by whose it says it is."""
    if entry_type not in (INDIVIDUAL, BIOSAMPLE, RUN, ANALYSIS):
        return False
    own = (entry_type, str(record.get("id")))
    return is_gone(own) or any(is_gone(one) for one in links_of(record))


def links_of(record: Record) -> Sequence[Id]:
    """Which entries a record of a sample, run or analysis says that it belongs to."""
    found = []
    for key in ("individualId", "biosampleId", "runId"):
        value = record.get(key)
        if isinstance(value, str) and value:
            found.append((_NAMED_BY[key], value))
    return found


def without_gone(value: Any, is_gone: IsGone) -> Any:
    """A record freed of those who are gone; itself where it names none of them.

    What is said of them in a list goes whole, such as an entry of `caseLevelData` or a member of a
    pedigree; elsewhere the id goes.
    """
    if isinstance(value, Mapping):
        kept = {}
        changed = False
        for key, one in value.items():
            kind = _NAMED_BY.get(key)
            if kind is not None and isinstance(one, str) and is_gone((kind, one)):
                changed = True
                continue
            new = _listed(one, kind, is_gone) if isinstance(one, list) else None
            new = without_gone(one, is_gone) if new is None else new
            changed |= new is not one
            kept[key] = new
        return kept if changed else value
    return _listed(value, None, is_gone) if isinstance(value, list) else value


def variant_without_gone(record: Record, is_gone: IsGone) -> Record | None:
    """A variant record freed of those who are gone; `None` when it names no other carriers."""
    freed: Record = without_gone(record, is_gone)
    return None if record.get("caseLevelData") and not freed.get("caseLevelData") else freed


def waiting_without_gone(waiting: Record, is_gone: IsGone) -> Record | None:
    """The same of a variant record that waits for the assembly."""
    freed = variant_without_gone(waiting["record"], is_gone)
    if freed is None or freed is waiting["record"]:
        return None if freed is None else waiting
    return {**waiting, "record": freed}


def _listed(values: list[Any], kind: str | None, is_gone: IsGone) -> list[Any]:
    kept = []
    changed = False
    for one in values:
        if isinstance(one, str):
            gone = kind is not None and is_gone((kind, one))
        else:
            gone = isinstance(one, Mapping) and any(
                isinstance(name, str) and is_gone((_NAMED_BY[key], name))
                for key, name in one.items()
                if key in _NAMED_BY
            )
        if gone:
            changed = True
            continue
        new = without_gone(one, is_gone)
        changed |= new is not one
        kept.append(new)
    return kept if changed else values
