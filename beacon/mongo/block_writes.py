"""Writing blocks so that a crash leaves each of them as it was or as it shall be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pymongo import DeleteMany, InsertOne, ReplaceOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from beacon.framework.errors import LoadError
from beacon.mongo import documents
from beacon.mongo.documents import dense_range
from beacon.mongo.packing import Encoded
from beacon.mongo.stored import DUPLICATE, insert_missing

Documents = Database[dict[str, Any]]

_BATCH = 2_000
_BESIDE = (documents.RARE, documents.CALLED, documents.STRATA)
"""What a bin may have beside its block, under the same key."""
_MERGE = "merge"


class BlockWrites:
    """Writes the blocks of one slot.

    Args:
        part: The part of the slot that they are of, where several processes write to it.
    """

    def __init__(self, database: Documents, slot: int, part: str = "") -> None:
        self._database = database
        self._slot = slot
        self._kind = f"{_MERGE}|{part}" if part else _MERGE

    def write(self, encoded: Sequence[Encoded], merged: frozenset[int]) -> None:
        """Write blocks, carriers first and blocks last: a block that carries a stamp is whole.

        Args:
            merged: Keys of those that take the place of a block.

        Raises:
            LoadError: The database refuses them.
        """
        fresh = [one for one in encoded if one.block["_id"] not in merged]
        for collection, batch in _by_collection(fresh):
            self._put(collection, batch)
        if merged:
            self._replace([one for one in encoded if one.block["_id"] in merged])

    def write_patterns(self, patterns: Sequence[dict[str, Any]]) -> None:
        """Write sets of those who were looked at, before what names them."""
        for start in range(0, len(patterns), _BATCH):
            part = patterns[start : start + _BATCH]
            insert_missing(self._database, [InsertOne(one) for one in part])

    def _put(self, collection: str, batch: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(batch), _BATCH):
            part = batch[start : start + _BATCH]
            try:
                self._database[collection].insert_many(part, ordered=False)
            except BulkWriteError as error:
                if any(one["code"] != DUPLICATE for one in error.details["writeErrors"]):
                    raise LoadError(f"the database refused documents of {collection}") from None
                # A crash left some of them, in blocks that were not finished.
                self._database[collection].bulk_write(_replacements(part), ordered=False)

    def _replace(self, encoded: Sequence[Encoded]) -> None:
        """Write blocks in place of others, all of them or, should we die on the way, none.

        What is to be written is kept first, and written from there when the load is taken up again.
        """
        kept: list[dict[str, Any]] = [
            {
                "_id": f"{self._slot}|{self._kind}|{collection}|{number}",
                "c": collection,
                "d": document,
            }
            for collection, batch in _by_collection(encoded)
            for number, document in enumerate(batch)
        ]
        for one in kept:
            one.update(l=self._slot, t=self._kind)
        self._put(documents.STAGED, kept)
        self._database[documents.STAGED].insert_one(
            {
                "_id": f"{self._slot}|{self._kind}",
                "l": self._slot,
                "t": self._kind,
                "keys": [one.block["_id"] for one in encoded],
            }
        )
        self.recover()

    def recover(self) -> None:
        """Finish, or forget, what a crash interrupted."""
        staged = self._database[documents.STAGED]
        whole = staged.find_one({"_id": f"{self._slot}|{self._kind}"})
        if whole is not None:
            for collection in _BESIDE:
                self._database[collection].delete_many({"_id": {"$in": whole["keys"]}})
            ranges = [dense_range(key) for key in whole["keys"]]
            deletions = [DeleteMany({"_id": {"$gte": low, "$lte": high}}) for low, high in ranges]
            if deletions:
                self._database[documents.DENSE].bulk_write(deletions, ordered=False)
            for collection in (*_BESIDE, documents.DENSE, documents.BLOCKS):
                kept = staged.find({"l": self._slot, "t": self._kind, "c": collection})
                batch = [one["d"] for one in kept]
                for start in range(0, len(batch), _BATCH):
                    part = batch[start : start + _BATCH]
                    self._database[collection].bulk_write(_replacements(part), ordered=False)
            staged.delete_one({"_id": whole["_id"]})
        staged.delete_many({"l": self._slot, "t": self._kind})


def copy_layer(database: Documents, collection: str, old: int, new: int) -> None:
    """Give a slot what another has of a collection whose keys begin with the slot."""
    key = {"$concat": [f"{new:05}", {"$substrBytes": ["$_id", 5, -1]}]}
    database[collection].aggregate(
        [
            {"$match": {"l": old}},
            {"$set": {"l": new, "_id": key}},
            {"$merge": {"into": collection, "whenMatched": "keepExisting"}},
        ]
    )


def _by_collection(encoded: Sequence[Encoded]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    yield documents.RARE, [one.rare for one in encoded if one.rare is not None]
    yield documents.CALLED, [one.called for one in encoded if one.called is not None]
    yield documents.STRATA, [one.strata for one in encoded if one.strata is not None]
    yield documents.DENSE, [document for one in encoded for document in one.dense]
    yield documents.BLOCKS, [one.block for one in encoded]


def _replacements(batch: Sequence[dict[str, Any]]) -> list[ReplaceOne[dict[str, Any]]]:
    return [ReplaceOne({"_id": one["_id"]}, one, upsert=True) for one in batch]
