"""The home of requests that are under way: equal ones to one member are sent once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NamedTuple

from beacon.network.identities import AsWhom
from beacon.network.requests import MemberRequest
from beacon.network.states import MemberReply


class Key(NamedTuple):
    """What makes two requests one: to whom, what, by which way, for how long it may take, and on
    whose behalf. Nobody is given the answer to a request that is another's."""

    member_id: str
    request: MemberRequest
    via: tuple[str, ...]
    patience_s: float
    as_whom: AsWhom | None = None


@dataclass(slots=True, eq=False)
class Cell:
    """One request to one member, and how many questions wait for it."""

    key: Key
    task: asyncio.Task[MemberReply]
    waiting: int = 0


KEPT_BYTES = 128 * 1024 * 1024
"""Of records that are kept with last answers."""


def size_of(reply: MemberReply | None) -> int:
    """Bytes of the records of a reply, which are nearly all of it where there are any."""
    if reply is None:
        return 0
    return sum(memoryview(raw).nbytes for one in reply.sets for raw in one.records)


class Cells:
    """All requests that are under way, and the last answers where those are kept."""

    def __init__(self, *, kept: int, bytes_max: int = KEPT_BYTES) -> None:
        """`kept` is how many answers are remembered, 0 none; `bytes_max` is of their records."""
        self._cells: dict[Key, Cell] = {}
        self._kept = kept
        self._answers: OrderedDict[Key, tuple[float, MemberReply]] = OrderedDict()
        self._kept_bytes, self._bytes_max = 0, bytes_max

    def join(self, key: Key, ask: Callable[[], Coroutine[Any, Any, MemberReply]]) -> Cell:
        """The request of that key; `ask` starts it when it is not under way."""
        cell = self._cells.get(key)
        if cell is None:
            cell = Cell(key, asyncio.ensure_future(ask()))
            self._cells[key] = cell
            cell.task.add_done_callback(lambda task: self._end(key, task))
        cell.waiting += 1
        return cell

    def leave(self, cell: Cell) -> None:
        """Wait for it no more: a request that nobody waits for is given up."""
        cell.waiting -= 1
        if not cell.waiting and not cell.task.done():
            # Somebody who asks the same from now on must not join what is being given up.
            self._cells.pop(cell.key, None)
            cell.task.cancel()

    def last(self, key: Key) -> tuple[float, MemberReply] | None:
        """The last answer to that request and when it came, by the clock of the event loop."""
        return self._answers.get(key)

    async def close(self) -> None:
        """Give up all that is under way."""
        tasks = [cell.task for cell in self._cells.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, key: Key, task: asyncio.Task[MemberReply]) -> None:
        cell = self._cells.get(key)
        if cell is not None and cell.task is task:
            del self._cells[key]
        if not self._kept or task.cancelled() or task.exception() is not None:
            return
        before = self._answers.pop(key, None)
        self._answers[key] = (asyncio.get_running_loop().time(), task.result())
        self._kept_bytes += size_of(task.result()) - (0 if before is None else size_of(before[1]))
        while len(self._answers) > self._kept or self._kept_bytes > self._bytes_max:
            _, (_, gone) = self._answers.popitem(last=False)
            self._kept_bytes -= size_of(gone)
