"""The home of `MongoRows`: the standing questions of a beacon, in its database.

A document a row: `_id`, `o` (owners), `r` (revision), `due` and `claimed` (seconds since 1970), and
`s`, sealed. What is written is in the journal before anything is told of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import structlog
from pymongo import ReturnDocument, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from beacon.framework.errors import SourceUnavailable
from beacon.subscriptions.kept import Row

COLLECTION = "subscriptions"

log = structlog.stdlib.get_logger()


class MongoRows:
    """Rows in one collection. Made and used within one event loop."""

    def __init__(self, collection: AsyncCollection[dict[str, Any]]) -> None:
        self._rows = collection.with_options(write_concern=WriteConcern(w="majority", j=True))
        self._ready = False
        self._preparing = asyncio.Lock()

    async def add(self, row: Row, most: int) -> bool:
        """See `Store`."""
        async with self._reached():
            await self._rows.insert_one({**_document(row), "_id": row.id, "claimed": 0.0})
            # Counted behind: of two who come at the same time none may slip in as one too many.
            if await self._rows.count_documents(_of(row.owners)) <= most:
                return True
            await self._rows.delete_one({"_id": row.id})
            return False

    async def of(self, owners: Sequence[bytes]) -> Sequence[Row]:
        """See `Store`."""
        async with self._reached():
            found = await self._rows.find(_of(owners)).sort("_id", 1).to_list()
        return [_row(one) for one in found]

    async def find(self, row_id: str) -> Row | None:
        """See `Store`."""
        async with self._reached():
            found = await self._rows.find_one({"_id": row_id})
        return None if found is None else _row(found)

    async def replace(self, row: Row) -> bool:
        """See `Store`."""
        async with self._reached():
            done = await self._rows.update_one(
                {"_id": row.id, "r": row.revision - 1}, {"$set": {**_document(row), "claimed": 0.0}}
            )
        return done.matched_count == 1

    async def remove(self, row_id: str) -> bool:
        """See `Store`."""
        async with self._reached():
            done = await self._rows.delete_one({"_id": row_id})
        return done.deleted_count == 1

    async def claim(self, now: float, until: float) -> Row | None:
        """See `Store`."""
        async with self._reached():
            found = await self._rows.find_one_and_update(
                {"due": {"$lte": now}, "claimed": {"$lte": now}},
                {"$set": {"claimed": until}},
                sort=[("due", 1)],
                return_document=ReturnDocument.AFTER,
            )
        return None if found is None else _row(found)

    @contextlib.asynccontextmanager
    async def _reached(self) -> AsyncIterator[None]:
        try:
            await self._prepare()
            yield
        except PyMongoError as error:
            log.warning("subscriptions_not_kept", reason=type(error).__name__)
            raise SourceUnavailable("the database does not answer") from error

    async def _prepare(self) -> None:
        if self._ready:
            return
        async with self._preparing:
            if not self._ready:
                await self._rows.create_index("o")
                await self._rows.create_index("due")
                self._ready = True


def _of(owners: Sequence[bytes]) -> dict[str, Any]:
    return {"o": {"$in": list(owners)}}


def _document(row: Row) -> dict[str, Any]:
    return {"o": list(row.owners), "r": row.revision, "due": row.due, "s": row.sealed}


def _row(document: Mapping[str, Any]) -> Row:
    return Row(
        id=document["_id"],
        owners=tuple(bytes(one) for one in document["o"]),
        revision=document["r"],
        due=document["due"],
        sealed=bytes(document["s"]),
    )
