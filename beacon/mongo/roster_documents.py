"""The roster and the catalogue of a metadata layer as documents: parts of any size, in chunks."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from pymongo.database import Database

from beacon.mongo import documents
from beacon.mongo.roster import Attachment, Roster

_CHUNK_BYTES = 8 << 20

_encode = msgspec.json.encode
_decode = msgspec.json.decode


ROSTER_PARTS = (
    "samples",
    "individuals",
    "biosamples",
    "individual_of",
    "biosample_of",
    "runs",
    "run_ends",
    "run_rows",
    "analyses",
    "analysis_ends",
    "analysis_rows",
)
"""What a roster is put together from; a layer has other parts beside it."""


def write_roster(database: Database[dict[str, Any]], layer: int, roster: Roster) -> None:
    """Keep who the rows of a layer are."""
    parts = {
        "samples": _encode(roster.samples),
        "individuals": _encode(roster.individuals),
        "biosamples": _encode(roster.biosamples),
        "individual_of": roster.individual_of.tobytes(),
        "biosample_of": roster.biosample_of.tobytes(),
        "runs": _encode(roster.runs.ids),
        "run_ends": roster.runs.ends.tobytes(),
        "run_rows": roster.runs.rows.tobytes(),
        "analyses": _encode(roster.analyses.ids),
        "analysis_ends": roster.analyses.ends.tobytes(),
        "analysis_rows": roster.analyses.rows.tobytes(),
    }
    for name, data in parts.items():
        write_part(database, layer, name, data)


def write_part(database: Database[dict[str, Any]], layer: int, name: str, data: bytes) -> None:
    """Keep one part of a roster, whatever its size, in place of what was kept of it before."""
    for number, chunk in enumerate(_chunks(data)):
        key = f"{layer}|{name}|{number:04}"
        document = {"_id": key, "l": layer, "p": name, "z": chunk}
        database[documents.ROSTER].replace_one({"_id": key}, document, upsert=True)


def read_part(database: Database[dict[str, Any]], layer: int, name: str) -> bytes | None:
    """One part of a roster, `None` when it was never kept."""
    found = database[documents.ROSTER].find({"l": layer, "p": name}).sort("_id", 1)
    packed = zlib.decompressobj()
    parts = [packed.decompress(document["z"]) for document in found]
    return b"".join(parts) if parts else None


def roster_from_documents(found: Iterable[Mapping[str, Any]]) -> Roster:
    """Put a roster together from its documents, given in the order of their ids."""
    packed: dict[str, bytearray] = {}
    for document in found:
        packed.setdefault(document["p"], bytearray()).extend(document["z"])
    parts = {name: zlib.decompress(data) for name, data in packed.items()}

    def names(part: str) -> list[str]:
        return msgspec.json.decode(parts[part], type=list[str])

    def numbers(part: str) -> Any:
        return np.frombuffer(parts[part], np.int32)

    return Roster(
        names("samples"),
        names("individuals"),
        names("biosamples"),
        numbers("individual_of"),
        numbers("biosample_of"),
        Attachment(names("runs"), numbers("run_ends"), numbers("run_rows")),
        Attachment(names("analyses"), numbers("analysis_ends"), numbers("analysis_rows")),
    )


def catalogue_from_documents(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The catalogue's entries, from its documents in the order of their ids."""
    packed = b"".join(document["z"] for document in found)
    entries: list[dict[str, Any]] = _decode(zlib.decompress(packed)) if packed else []
    return entries


def write_catalogue(
    database: Database[dict[str, Any]], layer: int, entries: Iterable[Mapping[str, Any]]
) -> None:
    """Keep what can be filtered by.

    An entry has a scope `s`, an id `i`, a kind `k`, a label `b`, the number `n` of direct uses and,
    for attributes, the documents `a` of its values and the few texts `v` that it takes.
    """
    for number, chunk in enumerate(_chunks(_encode(list(entries)))):
        database[documents.CATALOGUE].insert_one(
            {"_id": f"{layer}|{number:04}", "l": layer, "z": chunk}
        )


def _chunks(data: bytes) -> Iterator[bytes]:
    packed = zlib.compress(data, 6)
    for start in range(0, len(packed), _CHUNK_BYTES):
        yield packed[start : start + _CHUNK_BYTES]
