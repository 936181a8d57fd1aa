"""Look-ups by key that join: all keys that arrive while one is under way go as one `$in`.

The datasets of one question, and the questions of many callers, thus share round trips.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

Document = dict[str, Any]

Batch = dict[Any, list[asyncio.Future[Document | None]]]

_PATIENCE_S = 0.003
_KEYS_MAX = 10_000  # of one look-up: a longer list would hold up, and could sink, all others


class Lookup:
    """Documents of one collection by `_id`, for one event loop.

    Args:
        concurrent: Look-ups under way at most. Another one begins when the one before takes longer
            than it usually does, so that a slow one holds nobody up; until then, waiting for it
            and going together costs less than going at once.
    """

    def __init__(
        self,
        collection: AsyncCollection[Document],
        projection: dict[str, int] | None = None,
        *,
        concurrent: int = 4,
    ) -> None:
        self._collection = collection
        self._projection = projection
        self._concurrent = concurrent
        self._under_way: set[asyncio.Task[dict[Any, Document]]] = set()
        self._waiting: Batch = {}
        self._sending: asyncio.Handle | None = None

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
        if self._sending is None:
            if not self._under_way:
                # Not at once: whatever else is asked for in this turn of the loop comes along.
                self._sending = loop.call_soon(self._send)
            elif len(self._under_way) < self._concurrent:
                self._sending = loop.call_later(_PATIENCE_S, self._send)
        return future

    def _send(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        batch = self._waiting
        self._waiting = {}
        if len(batch) > _KEYS_MAX:
            keys = list(batch)
            self._waiting = {key: batch.pop(key) for key in keys[_KEYS_MAX:]}
        self._start(batch)

    def _start(self, batch: Batch) -> None:
        task = asyncio.get_running_loop().create_task(self._fetch(list(batch)))
        self._under_way.add(task)
        task.add_done_callback(lambda task: self._done(task, batch))

    def _done(self, task: asyncio.Task[dict[Any, Document]], batch: Batch) -> None:
        """Tell whoever waits; by way of the task, so that they hear of any failure whatever."""
        self._under_way.discard(task)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None:
            found = task.result()
            _tell(batch, lambda future, key: future.set_result(found.get(key)))
        elif len(batch) > 1 and not isinstance(error, PyMongoError | asyncio.CancelledError):
            # One caller's impossible key is no reason to fail the others.
            for key, futures in batch.items():
                self._start({key: futures})
        else:
            failure = error
            _tell(batch, lambda future, _: future.set_exception(failure))
        if self._waiting:
            self._send()

    async def _fetch(self, keys: list[Any]) -> dict[Any, Document]:
        cursor = self._collection.find(
            {"_id": keys[0] if len(keys) == 1 else {"$in": keys}}, self._projection
        )
        return {document["_id"]: document for document in await cursor.to_list()}


def _tell(batch: Batch, tell: Callable[[asyncio.Future[Document | None], Any], None]) -> None:
    for key, futures in batch.items():
        for future in futures:
            if not future.done():
                tell(future, key)
