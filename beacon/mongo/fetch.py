"""Look-ups by key that join: all keys that arrive while one is under way go as one `$in`.

The datasets of one question, and the questions of many callers, thus share round trips.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

Document = dict[str, Any]


class Lookup:
    """Documents of one collection by `_id`, for one event loop."""

    def __init__(
        self,
        collection: AsyncCollection[Document],
        projection: dict[str, int] | None = None,
        *,
        concurrent: int = 2,
    ) -> None:
        self._collection = collection
        self._projection = projection
        self._concurrent = concurrent
        self._under_way: set[asyncio.Task[None]] = set()
        self._waiting: dict[Any, list[asyncio.Future[Document | None]]] = {}
        self._scheduled = False

    async def get(self, key: Any) -> Document | None:
        """One document, `None` when there is none."""
        return await self._ask(key)

    async def get_many(self, keys: Iterable[Any]) -> dict[Any, Document]:
        """Those documents that there are, by key."""
        futures = {key: self._ask(key) for key in keys}
        if not futures:
            return {}
        found = await asyncio.gather(*futures.values())
        return {
            key: document
            for key, document in zip(futures, found, strict=True)
            if document is not None
        }

    def _ask(self, key: Any) -> asyncio.Future[Document | None]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Document | None] = loop.create_future()
        self._waiting.setdefault(key, []).append(future)
        if not self._scheduled and len(self._under_way) < self._concurrent:
            # Not at once: whatever else is asked for in this turn of the loop comes along.
            self._scheduled = True
            loop.call_soon(self._send)
        return future

    def _send(self) -> None:
        self._scheduled = False
        if not self._waiting:
            return
        batch, self._waiting = self._waiting, {}
        task = asyncio.get_running_loop().create_task(self._fetch(batch))
        self._under_way.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if self._waiting and not self._scheduled:
            self._send()

    async def _fetch(self, batch: dict[Any, list[asyncio.Future[Document | None]]]) -> None:
        keys = list(batch)
        try:
            cursor = self._collection.find(
                {"_id": keys[0] if len(keys) == 1 else {"$in": keys}}, self._projection
            )
            found = {document["_id"]: document for document in await cursor.to_list()}
        except BaseException as error:
            # Whoever waits must hear of it, whatever it is; this is a relay, not a handler.
            for futures in batch.values():
                for future in futures:
                    if not future.done():
                        future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for key, futures in batch.items():
            document = found.get(key)
            for future in futures:
                if not future.done():
                    future.set_result(document)
