"""The home of answers that leave at steps of time: how long they took is not told.

Who times answers could else tell nobody from a few who are told as nobody, or see that somebody
asked the same before. Only answers about datasets that protect few people wait, be they errors.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from aiohttp import web
from aiohttp.typedefs import Middleware

from beacon.framework.access import Access
from beacon.framework.errors import BeaconError
from beacon.framework.query import Query
from beacon.web.middleware import BEGUN, QUERY

CALLER = web.RequestKey("caller", Access)
"""What the sender of a request for data may learn, once that is known."""

Value = TypeVar("Value")


class _Clock:
    """When answers to one request may leave: at the steps of time after it came, by number.

    Event loops count time in pieces, of whole milliseconds some of them, and how late a timer ends
    within one depends on when it was set. Set once an answer is ready it would tell when that was:
    so each is set at the step before, and the first as the request comes.
    """

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._arrived = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._reached = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._timer = self._loop.call_later(step_s, self._tick)

    def next(self) -> int:
        """The step that is next."""
        return max(math.ceil((time.monotonic() - self._arrived) / self._step_s), 1)

    def left(self, step: int) -> float:
        """Seconds until a step."""
        return self._arrived + step * self._step_s - time.monotonic()

    async def until(self, step: int) -> None:
        """Return at a step, and not before."""
        if step > self._reached:
            reached = self._loop.create_future()
            self._waiting.append((step, reached))
            await reached

    def stop(self) -> None:
        """Nobody waits any more."""
        self._timer.cancel()

    def _tick(self) -> None:
        if self.left(self._reached + 1) <= 0:  # timers may end too early as well
            self._reached += 1
            for step, reached in self._waiting:
                if step <= self._reached and not reached.done():
                    reached.set_result(None)
            self._waiting = [one for one in self._waiting if not one[1].done()]
        self._timer = self._loop.call_later(max(self.left(self._reached + 1), 0), self._tick)


_CLOCK = web.RequestKey("clock", _Clock)


def steady(step_s: float) -> Middleware:
    """The outermost middleware: whatever an answer goes through comes before it waits.

    Args:
        step_s: Answers leave at multiples of it after their request came; 0 is at once.
    """

    @web.middleware
    async def middleware(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if step_s <= 0:
            return await handler(request)
        request[_CLOCK] = clock = _Clock(step_s)
        try:
            response = await handler(request)
            caller = request.get(CALLER)
            if BEGUN not in request and caller is not None and _waits(caller, request.get(QUERY)):
                await clock.until(clock.next())
            return response
        finally:
            clock.stop()

    return middleware


async def in_steps(
    request: web.Request, access: Access, values: AsyncGenerator[Value]
) -> AsyncGenerator[list[Value]]:
    """Values as they come, or all those of one step of time together where answers wait.

    Args:
        request: What is answered.
        access: What its sender may learn.
        values: None of them is `None`; closed at the end.
    """
    clock = request.get(_CLOCK)
    async with aclosing(values):
        if clock is None or not _waits(access, request.get(QUERY)):
            async for value in values:
                yield [value]
            return
        failure: BeaconError | None = None
        following: asyncio.Future[Value | None] | None = asyncio.ensure_future(anext(values, None))
        try:
            while following is not None:
                await asyncio.wait((following,))
                ready: list[Value] = []
                step = clock.next()
                while following is not None and following.done() and clock.left(step) > 0:
                    found: Value | None = None
                    try:
                        found = following.result()
                    except BeaconError as error:
                        failure = error
                    if found is None:
                        following = None
                    else:
                        ready.append(found)
                        following = asyncio.ensure_future(anext(values, None))
                        await asyncio.wait((following,), timeout=clock.left(step))
                await clock.until(step)
                yield ready
            if failure is not None:
                raise failure
        finally:
            if following is not None:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)


async def one_by_one(
    request: web.Request, access: Access, lines: AsyncGenerator[bytes]
) -> AsyncGenerator[bytes]:
    """Lines in their order, as `in_steps`."""
    async with aclosing(in_steps(request, access, lines)) as steps:
        async for ready in steps:
            for line in ready:
                yield line


def _waits(access: Access, query: Query | None) -> bool:
    """Whether an answer is about a dataset that protects few people from this caller."""
    asked = () if query is None else query.dataset_ids
    return any(
        access.protects_people(one) for one in access.protections if not asked or one in asked
    )
