"""The home of `Condition`: how each member does, as seen from here, and what it may be used for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from types import TracebackType
from typing import Self

import msgspec

from beacon.network.guard import Breaker, Budget, Bulkhead, Manners
from beacon.network.latencies import Latencies
from beacon.network.members import Member
from beacon.network.states import MemberFailure, State


class BreakerState(StrEnum):
    """Whether a member is asked: yes, no, or again since it answered a probe."""

    CLOSED = "closed"
    OPEN = "open"
    PROBATION = "probation"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How a member does, as seen from here, since this process began.

    `since` is when the breaker opened, if it is. The quantiles are those of its last answers.
    `counts` are requests by how they ended: `answered` with any HTTP status, or the state of the
    failure. `retries` and `hedges` are requests that were sent a second time.
    """

    breaker: BreakerState
    since: datetime | None
    in_flight: int
    waiting: int
    last_answer_at: datetime | None
    last_failure_at: datetime | None
    last_failure: str | None
    p50_ms: float | None
    p95_ms: float | None
    counts: Mapping[str, int]
    retries: int
    hedges: int


class Way:
    """What is known of the way to one member, and what it may still be used for."""

    def __init__(
        self,
        member: Member,
        manners: Manners,
        now: Callable[[], datetime],
        chance: Callable[[], float],
    ) -> None:
        self.member = member
        self.latencies = Latencies()
        self.bulkhead = Bulkhead(member.concurrent, manners.waiting_times * member.concurrent)
        self.breaker = Breaker(manners, now, chance)
        self.retry_budget = Budget(manners.retry_share)
        self.hedge_budget = Budget(manners.hedge_share)
        self.patience_s = min(manners.patience_s, member.timeout_s / 2)
        self._manners, self._now = manners, now
        self._counts: Counter[str] = Counter()
        self._retries = self._hedges = 0
        self._last_answer: float | None = None
        self._last_failure: tuple[datetime, str] | None = None
        self._avoided: dict[str, float] = {}

    @property
    def urls(self) -> Sequence[str]:
        """The member's URLs, those that lately had no connection at the end."""
        if not self._avoided:
            return self.member.urls
        now = asyncio.get_running_loop().time()
        self._avoided = {url: until for url, until in self._avoided.items() if until > now}
        return sorted(self.member.urls, key=self._avoided.__contains__)

    def avoid(self, url: str) -> None:
        """Ask at the other URLs first for a while."""
        self._avoided[url] = asyncio.get_running_loop().time() + self._manners.avoided_s

    def may_retry(self, latest: float, pause_s: float) -> bool:
        """Whether to ask again after a pause that ends by `latest`; counts it if so."""
        in_time = asyncio.get_running_loop().time() + pause_s <= latest
        allowed = in_time and self.retry_budget.spend()
        self._retries += allowed
        return allowed

    def may_hedge(self) -> bool:
        """Whether to ask a copy as well; counts it if so."""
        allowed = self.hedge_budget.spend()
        self._hedges += allowed
        return allowed

    def hedge_after_s(self) -> float | None:
        """After how many seconds a copy is asked as well; `None`: never."""
        if len(self.member.urls) < 2 or len(self.latencies) < self._manners.hedge_after:
            return None
        usual_s = self.latencies.quantile(0.95)
        return None if usual_s is None else max(usual_s, self._manners.hedge_min_s)

    def count_answer(self) -> None:
        """The member replied."""
        self._counts["answered"] += 1
        self._last_answer = asyncio.get_running_loop().time()

    def note_away(self, status: int) -> None:
        """The member replied that it is not there."""
        self._last_failure = (self._now(), f"answers with HTTP status {status}")

    def count_failure(self, failure: MemberFailure) -> None:
        """The member did not reply, or was not asked."""
        self._counts[failure.state.value] += 1
        if failure.state is not State.BREAKER_OPEN:
            self._last_failure = (self._now(), failure.reason)

    def condition(self) -> Condition:
        """How the member does."""
        breaker = BreakerState.PROBATION if self.breaker.on_probation else BreakerState.CLOSED
        if self.breaker.open_since is not None:
            breaker = BreakerState.OPEN
        answered_at = None
        if self._last_answer is not None:
            ago_s = asyncio.get_running_loop().time() - self._last_answer
            answered_at = self._now() - timedelta(seconds=ago_s)
        failed_at, failure = self._last_failure or (None, None)
        return Condition(
            breaker=breaker,
            since=self.breaker.open_since,
            in_flight=self.bulkhead.in_flight,
            waiting=self.bulkhead.waiting,
            last_answer_at=answered_at,
            last_failure_at=failed_at,
            last_failure=failure,
            p50_ms=_ms(self.latencies.quantile(0.5)),
            p95_ms=_ms(self.latencies.quantile(0.95)),
            counts=dict(self._counts),
            retries=self._retries,
            hedges=self._hedges,
        )


class Watch:
    """Counts how one request to a member ends, and makes the end of its time a failure.

    The breaker hears of what the member did, not of what the asker did or how many others ask.
    """

    __slots__ = ("_deadline", "_failed", "_sent", "_started", "_way")

    def __init__(self, way: Way, deadline: float, failed: Callable[[Way], None]) -> None:
        """`failed` is called when the member, not the asker, made the request end."""
        self._way, self._deadline, self._failed = way, deadline, failed
        self._started = asyncio.get_running_loop().time()
        self._sent: float | None = None

    def __enter__(self) -> Self:
        try:
            if self._started >= self._deadline:
                raise MemberFailure(State.TIMEOUT, "no time was left to ask it")
            self._way.breaker.check()
        except MemberFailure as failure:
            self._way.count_failure(failure)
            raise
        return self

    def begins(self) -> None:
        """It is the request's turn.

        Raises:
            MemberFailure: The breaker opened while it waited.
        """
        self._way.breaker.check()
        self._sent = asyncio.get_running_loop().time()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        way = self._way
        if error is None:
            way.count_answer()
        elif isinstance(error, MemberFailure):
            if error.state is State.UNREACHABLE and self._sent is not None:
                self._failed(way)
            way.count_failure(error)
        elif isinstance(error, TimeoutError | asyncio.CancelledError) and self._was_patient():
            self._failed(way)
        if isinstance(error, TimeoutError):
            given_s = self._deadline - self._started
            failure = MemberFailure(State.TIMEOUT, f"no answer within {given_s:.2g} s")
            way.count_failure(failure)
            raise failure from error

    def _was_patient(self) -> bool:
        """Whether the member had the request for long enough, and the asker waited to the end."""
        if self._sent is None or asyncio.get_running_loop().time() < self._deadline:
            return False
        return self._deadline - self._sent >= self._way.patience_s


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
