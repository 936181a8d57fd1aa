"""The home of `Remotes`: how members are asked, so that none of them holds up the others."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Any, Self

import msgspec

from beacon.network.bodies import read_lines
from beacon.network.conditions import Condition, Watch, Way
from beacon.network.deadlines import Deadlines
from beacon.network.exchanges import Exchanges
from beacon.network.guard import Manners
from beacon.network.incoming import Incoming, NoConnection
from beacon.network.members import Member
from beacon.network.requests import SUMMARY_BYTES, MemberRequest
from beacon.network.states import MemberFailure, State

__all__ = ["LINE_BYTES", "Condition", "RawReply", "Remotes"]

LINE_BYTES = SUMMARY_BYTES
"""The longest line of a batch that is read."""


class RawReply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back, whatever its status.

    `body` is decompressed; `retry_after_s` is what the header of that name asks for, where it
    gives seconds.
    """

    status: int
    body: bytes
    content_type: str
    retry_after_s: float | None = None


class Remotes:
    """All members of a network and the connections to them, as an asynchronous context."""

    def __init__(
        self,
        members: Sequence[Member],
        *,
        manners: Manners = Manners(),  # noqa: B008 - frozen
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`now` is the wall clock, in UTC; `chance` spreads probes and gives 0 to 1."""
        self._manners = manners
        self._exchanges = Exchanges(manners)
        self._deadlines = Deadlines()
        self._ways = {one.id: Way(one, manners, now, chance) for one in members}
        self._probes: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        await self._exchanges.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await _end(self._probes.values())
        await self._exchanges.__aexit__(kind, error, traceback)

    async def ask(
        self,
        member: Member,
        request: MemberRequest,
        *,
        deadline: float,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> RawReply:
        """What a member replies to a request.

        Args:
            deadline: By the clock of the event loop; nothing is waited for any longer.
            headers: Sent along to this member, and to no host but its own.

        Raises:
            MemberFailure: There is no reply: `TIMEOUT`, `UNREACHABLE`, `BAD_RESPONSE` (it is too
                large, broken or leads elsewhere) or `BREAKER_OPEN`.
        """
        way = self._ways[member.id]
        with Watch(way, deadline, self._failed) as watch, self._deadlines.until(deadline):
            async with way.bulkhead:
                watch.begins()
                reply = await self._insist(way, request, deadline, headers)
                if reply.status in _AWAY:
                    way.note_away(reply.status)
                    self._failed(way)
                else:
                    way.breaker.succeeded()
                return reply

    async def lines(
        self,
        member: Member,
        request: MemberRequest,
        *,
        deadline: float,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> AsyncGenerator[bytes, None]:
        """The lines of a reply as they come, without their ends; close them when done early.

        Args:
            deadline: As for `ask`.
            headers: As for `ask`.

        Raises:
            MemberFailure: As for `ask`; also for every status but 200: `RESTRICTED` for 401 and
                403, `UNREACHABLE` for 429, 502 and 503, otherwise `NOT_APPLICABLE`.
        """
        way = self._ways[member.id]
        with Watch(way, deadline, self._failed) as watch:
            async with AsyncExitStack() as stack:
                with self._deadlines.until(deadline):
                    await stack.enter_async_context(way.bulkhead)
                    watch.begins()
                    incoming = await self._opened(way, request, deadline, headers)
                stack.callback(incoming.abandon)
                if incoming.status != 200:
                    raise _unable(incoming.status)
                async for one in read_lines(incoming, line_bytes=LINE_BYTES, deadline=deadline):
                    yield one
                way.breaker.succeeded()

    def condition(self, member_id: str) -> Condition:
        """How a member does.

        Raises:
            KeyError: There is no such member.
        """
        return self._ways[member_id].condition()

    async def _opened(
        self, way: Way, request: MemberRequest, deadline: float, headers: Mapping[str, str]
    ) -> Incoming:
        """An answer with its body still to be read, by whoever has to abandon it, too."""
        half_time = (_clock() + deadline) / 2
        way.retry_budget.earn()
        try:
            return await self._opened_anywhere(way, request, headers)
        except NoConnection as failure:
            pause_s = self._manners.retry_pause_s
            if failure.is_second or not way.may_retry(half_time, pause_s):
                raise
        await asyncio.sleep(pause_s)
        return await self._opened_anywhere(way, request, headers)

    async def _opened_anywhere(
        self, way: Way, request: MemberRequest, headers: Mapping[str, str]
    ) -> Incoming:
        *others, last = way.urls
        for url in others:
            try:
                return await self._exchanges.reply(way.member, url, request, headers, whole=False)
            except NoConnection:
                way.avoid(url)
        return await self._exchanges.reply(way.member, last, request, headers, whole=False)

    def _failed(self, way: Way) -> None:
        if way.breaker.failed():
            probe = asyncio.create_task(self._probe(way))
            self._probes[way.member.id] = probe

    async def _probe(self, way: Way) -> None:
        while way.breaker.open_since is not None:
            await asyncio.sleep(way.breaker.pause_s())
            try:
                async with asyncio.timeout(self._manners.probe_timeout_s):
                    reply = await self._any_url(way, _PROBE, {})
            except (MemberFailure, TimeoutError):
                continue
            if reply.status not in _AWAY:
                way.breaker.recovered()

    async def _insist(
        self, way: Way, request: MemberRequest, deadline: float, headers: Mapping[str, str]
    ) -> RawReply:
        """Ask, and once more where that may help, is soon enough, and is not done too often."""
        half_time = (_clock() + deadline) / 2
        way.retry_budget.earn()
        way.hedge_budget.earn()
        try:
            reply = await self._first_reply(way, request, headers)
            pause_s = reply.retry_after_s
            if reply.status not in _AWAY or pause_s is None:
                return reply
            if pause_s > self._manners.retry_after_max_s or not way.may_retry(half_time, pause_s):
                return reply
        except NoConnection as failure:
            pause_s = self._manners.retry_pause_s
            if failure.is_second or not way.may_retry(half_time, pause_s):
                raise
        await asyncio.sleep(pause_s)
        return await self._first_reply(way, request, headers)

    def _first_reply(
        self, way: Way, request: MemberRequest, headers: Mapping[str, str]
    ) -> Coroutine[Any, Any, RawReply]:
        """Ask, and ask a copy as well when the reply is later than this member's usually are."""
        if len(way.member.urls) == 1:
            return self._one_url(way, way.member.urls[0], request, headers)
        usual_s = way.hedge_after_s()
        if usual_s is None or request.limit_bytes > SUMMARY_BYTES:
            return self._any_url(way, request, headers)
        return self._hedged(way, usual_s, request, headers)

    async def _hedged(
        self, way: Way, usual_s: float, request: MemberRequest, headers: Mapping[str, str]
    ) -> RawReply:
        tasks = {asyncio.create_task(self._any_url(way, request, headers))}
        try:
            done, pending = await asyncio.wait(tasks, timeout=usual_s)
            if not done and way.may_hedge():
                copy = self._one_url(way, way.urls[1], request, headers)
                tasks.add(asyncio.create_task(copy))
            pending = tasks
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                replied = [one for one in done if one.exception() is None]
                if replied:
                    return replied[0].result()
            return done.pop().result()
        finally:
            await _end(tasks)

    async def _any_url(
        self, way: Way, request: MemberRequest, headers: Mapping[str, str]
    ) -> RawReply:
        """Ask at the first URL that there is a connection to."""
        *others, last = way.urls
        for url in others:
            try:
                return await self._one_url(way, url, request, headers)
            except NoConnection:
                way.avoid(url)
        return await self._one_url(way, last, request, headers)

    async def _one_url(
        self, way: Way, url: str, request: MemberRequest, headers: Mapping[str, str]
    ) -> RawReply:
        started = _clock()
        incoming = await self._exchanges.reply(way.member, url, request, headers, whole=True)
        way.latencies.add(_clock() - started)
        told = incoming.headers
        return RawReply(
            status=incoming.status,
            body=incoming.whole,
            content_type=_content_type(told.get(b"content-type")),
            retry_after_s=_seconds(told.get(b"retry-after")),
        )


_PROBE = MemberRequest(method="GET", target="/info")

# A proxy's words for a beacon that is not there.
_AWAY = frozenset({502, 503})


def _unable(status: int) -> MemberFailure:
    if status in (401, 403):
        return MemberFailure(State.RESTRICTED, "does not take batches from everybody")
    if status in (429, *_AWAY):
        return MemberFailure(State.UNREACHABLE, f"answers with HTTP status {status}")
    return MemberFailure(State.NOT_APPLICABLE, f"answers batches with HTTP status {status}")


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for one in tasks:
        one.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _content_type(header: bytes | None) -> str:
    """The header without parameters."""
    if header is None:
        return "application/octet-stream"
    return header.partition(b";")[0].strip().lower().decode("latin-1")


def _seconds(retry_after: bytes | None) -> float | None:
    if retry_after is None or not retry_after.strip().isdigit():
        return None
    return float(retry_after)
