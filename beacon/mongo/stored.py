"""Reading the documents of bins whole, to be merged or purged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from pymongo import InsertOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from beacon.model.allele import Called
from beacon.mongo import documents
from beacon.mongo.blocks import COMMON, Block
from beacon.mongo.called import (
    called_of,
    called_of_alleles,
    keys_of,
    pattern_id,
    sample_keys_of,
    samples_of_alleles,
)
from beacon.mongo.documents import dense_range
from beacon.mongo.packing import Stored

_RANGES_AT_ONCE = 100
_KEY_BYTES = 8
"""Of the key of a common allele's carriers, what is the key of the block."""

Documents = Database[dict[str, Any]]
CalledIn = Callable[[Collection[bytes]], Mapping[bytes, Called]]


def read_stored(
    database: Documents,
    blocks: Mapping[int, dict[str, Any]],
    called_in: CalledIn,
    *,
    being_loaded: int | None = None,
) -> dict[int, Stored]:
    """All documents of some bins.

    Args:
        being_loaded: The slot of an open load: of its blocks also whom it has spoken for.
        blocks: The blocks, by key.
        called_in: Reads the sets of those who were looked at, by their keys.
    """
    beside: dict[str, dict[int, dict[str, Any]]] = {}
    for collection in (documents.RARE, documents.CALLED, documents.STRATA):
        found = database[collection].find({"_id": {"$in": list(blocks)}})
        beside[collection] = {document["_id"]: document for document in found}
    called = beside[documents.CALLED]
    open_ones = {key: one for key, one in called.items() if one["l"] == being_loaded}
    wanted = {key for document in called.values() for key in keys_of(document)}
    patterns = called_in(
        wanted | {key for document in open_ones.values() for key in sample_keys_of(document)}
    )
    dense = _dense(database, blocks)
    stored = {}
    for key, block in blocks.items():
        stored[key] = Stored(
            block,
            beside[documents.RARE].get(key),
            dense[key],
            called_of_alleles(called.get(key), block["n"], patterns),
            beside[documents.STRATA].get(key),
            samples_of_alleles(open_ones.get(key), block["n"], patterns),
        )
    return stored


def _dense(
    database: Documents, blocks: Mapping[int, dict[str, Any]]
) -> dict[int, dict[bytes, dict[str, Any]]]:
    """The carriers of blocks' common alleles; of blocks that have none, nothing is asked."""
    having = [key for key, one in blocks.items() if (Block(one).column("flags") & COMMON).any()]
    dense: dict[int, dict[bytes, dict[str, Any]]] = {key: {} for key in blocks}
    for start in range(0, len(having), _RANGES_AT_ONCE):
        ranges = {dense_range(key): key for key in having[start : start + _RANGES_AT_ONCE]}
        asked = [{"_id": {"$gte": low, "$lte": high}} for low, high in ranges]
        key_of = {low[:_KEY_BYTES]: key for (low, _), key in ranges.items()}
        for document in database[documents.DENSE].find({"$or": asked}):
            dense[key_of[document["_id"][:_KEY_BYTES]]][document["_id"]] = document
    return dense


def read_called(database: Documents, keys: Collection[bytes]) -> dict[bytes, Called]:
    """Sets of those who were looked at, by their keys."""
    found = database[documents.PATTERNS].find({"_id": {"$in": list(keys)}})
    return {bytes(document["_id"]): called_of(document) for document in found}


def copy_patterns(database: Documents, old: int, new: int) -> None:
    """Give a slot the sets that the structural variants of another name."""
    digests = database[documents.STRUCTURAL].distinct("w", {"l": old})
    keys = [pattern_id(old, digest) for digest in digests if digest is not None]
    copies = [
        InsertOne({**document, "_id": pattern_id(new, bytes(document["_id"])[2:]), "l": new})
        for document in database[documents.PATTERNS].find({"_id": {"$in": keys}})
    ]
    if copies:
        insert_missing(database, copies)


def insert_missing(database: Documents, inserts: list[InsertOne[dict[str, Any]]]) -> None:
    """Insert sets; one that is there already is the same."""
    try:
        database[documents.PATTERNS].bulk_write(inserts, ordered=False)
    except BulkWriteError as error:
        if any(one["code"] != DUPLICATE for one in error.details["writeErrors"]):
            raise


DUPLICATE = 11000
"""The server's code for a key that is there already."""
