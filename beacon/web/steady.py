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
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Clock:
    """When answers to one request may leave."""

    step_s: float
    arrived: float

    def left(self) -> float:
        """Seconds until the next step."""
        passed = time.monotonic() - self.arrived
        return max(math.ceil(passed / self.step_s), 1) * self.step_s - passed


async def _until(moment: float) -> None:
    """Return at a moment of `time.monotonic`, and not before.

    The clock of an event loop may count whole milliseconds, and its timers end as much too early.
    """
    while (left := moment - time.monotonic()) > 0:  # noqa: ASYNC110 - there is no event, only time
        await asyncio.sleep(left)


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
        clock = _Clock(step_s, time.monotonic())
        request[_CLOCK] = clock
        response = await handler(request)
        caller = request.get(CALLER)
        if BEGUN not in request and caller is not None and _waits(caller, request.get(QUERY)):
            await _until(time.monotonic() + clock.left())
        return response

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
                leaves = time.monotonic() + clock.left()
                while following is not None and following.done() and time.monotonic() < leaves:
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
                        await asyncio.wait((following,), timeout=leaves - time.monotonic())
                await _until(leaves)
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
