"""The documents of where people's files say that they were looked at.

A load of single people's files has a layer of such documents: one for each sample of a file, one
for each sequence of such a sample, and one for each set of assessed regions, however many samples
share it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo.database import Database
from pyroaring import BitMap

from beacon.model.assessment import PersonFileSaid, PlaceSaid
from beacon.mongo import documents

Documents = Database[dict[str, Any]]

_DIGEST_BYTES = 12
_BEFORE_DIGEST = 3
"""Bytes of the key of regions before their digest."""

FileKey = tuple[int, int, bytes]
"""Layer, row and digest of the path: a file of one sample in one load."""


@dataclass(frozen=True, slots=True)
class PersonFile:
    """A file of one sample that a release has."""

    key: FileKey
    name: bytes
    codes: frozenset[int]
    says: bool
    is_bounded: bool

    @property
    def row(self) -> int:
        """The sample's row."""
        return self.key[1]

    def replaces(self, other: PersonFile) -> bool:
        """Whether this file takes the place of an earlier one of the same sample."""
        if self.key[0] <= other.key[0] or self.name != other.name:
            return False
        return not (self.codes and other.codes) or bool(self.codes & other.codes)


def current(files: Sequence[PersonFile]) -> list[PersonFile]:
    """Those of which no later file has taken the place."""
    by_row: dict[int, list[PersonFile]] = {}
    for one in sorted(files, key=lambda file: file.key[0]):
        of_row = by_row.setdefault(one.row, [])
        of_row[:] = [other for other in of_row if not one.replaces(other)] + [one]
    return [one for files in by_row.values() for one in files]


def documents_of(
    layer: int, said: PersonFileSaid | PlaceSaid, shared: dict[bytes, bytes]
) -> Iterator[dict[str, Any]]:
    """What is kept of a file, or of a sequence.

    Args:
        shared: The keys of the regions that are kept already, by digest; those that are new are
            added.
    """
    if isinstance(said, PersonFileSaid):
        yield document_of_file(layer, said)
        return
    document = {
        "_id": _id(layer, said.code, said.row, said.file),
        "l": layer,
        "c": said.code,
        "r": said.row,
        "f": _digest(said.file),
        "b": b"",
        "z": said.rest,
    }
    if said.regions:
        digest = hashlib.blake2b(said.regions, digest_size=_DIGEST_BYTES).digest()
        if digest not in shared:
            shared[digest] = layer.to_bytes(2, "big") + b"\xff" + digest
            yield {"_id": shared[digest], "l": layer, "z": said.regions}
        document["b"] = shared[digest]
    yield document


def document_of_file(layer: int, said: PersonFileSaid) -> dict[str, Any]:
    """What is kept of a file for one of its samples."""
    return {
        "_id": _id(layer, 0, said.row, said.file),
        "l": layer,
        "c": 0,
        "r": said.row,
        "f": _digest(said.file),
        "n": _digest(Path(said.file).name),
        "k": list(said.codes),
        "s": said.says,
        "e": said.is_bounded,
    }


def person_file(document: Mapping[str, Any]) -> PersonFile:
    """A file as it was kept."""
    return PersonFile(
        (document["l"], document["r"], document["f"]),
        document["n"],
        frozenset(document["k"]),
        document["s"],
        document["e"],
    )


def _id(layer: int, code: int, row: int, file: str) -> bytes:
    return layer.to_bytes(2, "big") + bytes((code,)) + row.to_bytes(4, "big") + _digest(file)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()


def shared_regions(database: Documents, layers: Sequence[int]) -> dict[bytes, bytes]:
    """The keys of regions that are kept, by their digests."""
    found = database[documents.ASSESSED].find({"l": {"$in": [*layers]}, "c": None}, {"_id": 1})
    return {bytes(one["_id"])[_BEFORE_DIGEST:]: bytes(one["_id"]) for one in found}


def forget_assessed(database: Documents, layers: Sequence[int], rows: BitMap) -> None:
    """Delete what is kept of people, and regions that are nobody else's."""
    collection = database[documents.ASSESSED]
    of_layers = {"l": {"$in": [*layers]}}
    collection.delete_many({**of_layers, "r": {"$in": [*rows]}})
    shared = {**of_layers, "c": None}
    used = {key for key in collection.distinct("b", of_layers) if key}
    due = [one["_id"] for one in collection.find(shared, {"_id": 1}) if one["_id"] not in used]
    for start in range(0, len(due), 1_000):
        collection.delete_many({"_id": {"$in": due[start : start + 1_000]}})
