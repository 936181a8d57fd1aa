"""Collections and indexes as the store needs them."""

from __future__ import annotations

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

from beacon.mongo import documents

Documents = Database[dict[str, Any]]

_COMPRESSED = (
    documents.BLOCKS,
    documents.RARE,
    documents.DENSE,
    documents.CALLED,
    documents.PATTERNS,
    documents.STRATA,
    documents.ANNOTATIONS,
)
_INDEXES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (documents.RECORDS, ("l", "t", "id")),
    (documents.STAGED, ("l", "t", "id")),
    (documents.ASSESSED, ("l", "c", "r")),
    (documents.STRUCTURAL, ("l", "c", "k", "s", "e")),
    (documents.STRUCTURAL, ("l", "_id")),
    (documents.ANNOTATIONS, ("l", "c", "s")),
    (documents.ANNOTATIONS, ("l", "ids")),
    (documents.ANNOTATIONS, ("l", "g")),
    (documents.ANNOTATIONS, ("l", "aa")),
    (documents.ANNOTATIONS, ("l", "t")),
    (documents.ANNOTATIONS, ("l", "x")),
)


def prepare(database: Documents) -> None:
    """Make what is missing; what is there already stays as it is."""
    existing = set(database.list_collection_names())
    for name in _COMPRESSED:
        if name not in existing:
            database.create_collection(
                name, storageEngine={"wiredTiger": {"configString": "block_compressor=zstd"}}
            )
    for name, fields in _INDEXES:
        database[name].create_index([(field, ASCENDING) for field in fields])
    for name in (documents.ROSTER, documents.CATALOGUE, documents.TERMS, documents.ATTRIBUTES):
        database[name].create_index([("l", ASCENDING)])
