"""The records of a metadata layer without people who have withdrawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from pymongo import ASCENDING
from pymongo.database import Database

from beacon.mongo import documents
from beacon.mongo.barred import (
    BIOSAMPLE,
    INDIVIDUAL,
    RUN,
    Barred,
    Id,
    names_gone,
    waiting_without_gone,
    without_gone,
)
from beacon.mongo.roster_documents import read_part

Documents = Database[dict[str, Any]]


class FreedRecords(Mapping[str, Any]):
    """The records of a metadata layer without those who are barred; each look-up reads afresh."""

    def __init__(self, database: Documents, layer: int, barred: Barred) -> None:
        self._database, self._layer, self._barred = database, layer, barred
        # Runs that name the people go, and so do analyses that name these runs.
        self._runs = {
            (RUN, str(record["id"]))
            for record in map(msgspec.json.decode, self._stored(RUN))
            if names_gone(RUN, record, barred.holds)
        }

    def __getitem__(self, entry_type: str) -> Iterator[bytes]:
        for encoded in self._stored(entry_type):
            record = msgspec.json.decode(encoded)
            if not names_gone(entry_type, record, self._is_gone):
                free = waiting_without_gone if entry_type == documents.WAITING else without_gone
                freed = free(record, self._is_gone)
                if freed is not None:
                    yield encoded if freed is record else msgspec.json.encode(freed)

    def __iter__(self) -> Iterator[str]:
        return iter(documents.ENTRY_CODES)

    def __len__(self) -> int:
        return len(documents.ENTRY_CODES)

    def owners(self) -> dict[str, str]:
        """Sample → individual, where variant records say so."""
        stored = read_part(self._database, self._layer, "owners")
        owners = msgspec.json.decode(stored or b"{}", type=dict[str, str])
        return {
            sample: individual
            for sample, individual in owners.items()
            if not (self._is_gone((BIOSAMPLE, sample)) or self._is_gone((INDIVIDUAL, individual)))
        }

    def freed(self, encoded: bytes) -> bytes:
        """A record that names nobody who is barred."""
        return msgspec.json.encode(without_gone(msgspec.json.decode(encoded), self._is_gone))

    def _is_gone(self, one: Id) -> bool:
        return one in self._runs or self._barred.holds(one)

    def _stored(self, entry_type: str) -> Iterator[bytes]:
        asked = {"l": self._layer, "t": entry_type, "g": {"$exists": False}}
        found = self._database[documents.RECORDS].find(asked, {"r": 1})
        return (document["r"] for document in found.sort("_id", ASCENDING))
