"""Look-ups by key that join: all keys that arrive while one is under way go as one `$in`.

The datasets of one question, and the questions of many callers, thus share round trips.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

Document = dict[str, Any]

_PATIENCE_S = 0.003
_KEYS_MAX = 10_000  # of one look-up: a longer list would hold up, and could sink, all others


class _Asked(NamedTuple):
    """Keys that were asked for together, and who waits for their documents."""

    keys: Sequence[Any]
    found: asyncio.Future[dict[Any, Document]]


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
        self._waiting: list[_Asked] = []
        self._sending: asyncio.Handle | None = None

    async def get(self, key: Any) -> Document | None:
        """One document, `None` when there is none."""
        return (await self._ask((key,))).get(key)

    async def get_many(self, keys: Iterable[Any]) -> dict[Any, Document]:
        """Those documents that there are, by key."""
        wanted = list(dict.fromkeys(keys))
        if not wanted:
            return {}
        if len(wanted) <= _KEYS_MAX:
            return await self._ask(wanted)
        parts = [wanted[begin : begin + _KEYS_MAX] for begin in range(0, len(wanted), _KEYS_MAX)]
        found: dict[Any, Document] = {}
        for part in await asyncio.gather(*map(self._ask, parts)):
            found |= part
        return found

    def _ask(self, keys: Sequence[Any]) -> asyncio.Future[dict[Any, Document]]:
        loop = asyncio.get_running_loop()
        asked = _Asked(keys, loop.create_future())
        self._waiting.append(asked)
        if self._sending is None:
            if not self._under_way:
                # Not at once: whatever else is asked for in this turn of the loop comes along.
                self._sending = loop.call_soon(self._send)
            elif len(self._under_way) < self._concurrent:
                self._sending = loop.call_later(_PATIENCE_S, self._send)
        return asked.found

    def _send(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        number, together = 0, 0
        for asked in self._waiting:
            number += len(asked.keys)
            if number > _KEYS_MAX:
                break
            together += 1
        batch, self._waiting = self._waiting[:together], self._waiting[together:]
        self._start(batch)

    def _start(self, batch: Sequence[_Asked]) -> None:
        keys = list(dict.fromkeys(key for asked in batch for key in asked.keys))
        task = asyncio.get_running_loop().create_task(self._fetch(keys))
        self._under_way.add(task)
        task.add_done_callback(lambda task: self._done(task, batch))

    def _done(self, task: asyncio.Task[dict[Any, Document]], batch: Sequence[_Asked]) -> None:
        """Tell whoever waits; by way of the task, so that they hear of any failure whatever."""
        self._under_way.discard(task)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        waiting = [asked for asked in batch if not asked.found.done()]
        if error is None:
            found = task.result()
            for asked in waiting:
                asked.found.set_result({key: found[key] for key in asked.keys if key in found})
        elif len(batch) > 1 and not isinstance(error, PyMongoError | asyncio.CancelledError):
            # One caller's impossible key is no reason to fail the others.
            for asked in waiting:
                self._start([asked])
        else:
            for asked in waiting:
                asked.found.set_exception(error)
        if self._waiting:
            self._send()

    async def _fetch(self, keys: list[Any]) -> dict[Any, Document]:
        cursor = self._collection.find(
            {"_id": keys[0] if len(keys) == 1 else {"$in": keys}}, self._projection
        )
        return {document["_id"]: document for document in await cursor.to_list()}
