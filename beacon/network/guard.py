"""The home of what keeps a member in trouble from becoming everybody's trouble.

A `Bulkhead` bounds what is under way to it, a `Breaker` stops asking it, and a `Budget` bounds
what is asked twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType

from beacon.network.states import MemberFailure, State


@dataclass(frozen=True, slots=True)
class Manners:
    """How members are treated; the defaults are what a network does.

    `patience_s` is how long a member must have had for its silence to count as a failure: callers
    in a hurry do not bring a breaker to open. Members with copies are asked a second time after
    `hedge_min_s` or their own 95 % quantile, whichever is longer, once it is known from
    `hedge_after` answers. `avoided_s` is how long a copy goes first that stood in for a URL
    without connection. Shares are of all requests to the member.
    """

    connect_s: float = 2.0
    keep_alive_s: float = 75.0
    dns_cache_s: int = 300
    waiting_times: int = 16
    patience_s: float = 2.0
    failures_in_a_row: int = 5
    recent: int = 20
    recent_min: int = 10
    probe_s: float = 5.0
    probe_max_s: float = 300.0
    probe_timeout_s: float = 5.0
    retry_share: float = 0.1
    retry_pause_s: float = 0.05
    retry_after_max_s: float = 1.0
    hedge_share: float = 0.05
    hedge_min_s: float = 0.05
    hedge_after: int = 20
    avoided_s: float = 30.0


class Bulkhead:
    """Lets `concurrent` requests go at a time and a number of others wait, as a context."""

    def __init__(self, concurrent: int, waiting_max: int) -> None:
        """`waiting_max` requests wait at most; the next is turned away."""
        self._concurrent, self._waiting_max = concurrent, waiting_max
        self._queue: deque[asyncio.Future[None]] = deque()
        self.in_flight = 0

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    async def __aenter__(self) -> None:
        if self.in_flight < self._concurrent:
            self.in_flight += 1
            return
        if len(self._queue) >= self._waiting_max:
            raise MemberFailure(State.UNREACHABLE, "busy: too many questions wait for it")
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()  # it was given the place that it has no use for any more
            elif turn in self._queue:
                self._queue.remove(turn)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        """Give a place to who has waited longest; nobody comes in between."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.in_flight -= 1


class Budget:
    """Permits something for a share of all times that it could be, with a few to begin with."""

    def __init__(self, share: float, at_once: int = 3) -> None:
        """At most `at_once` are saved up."""
        self._share, self._most = share, float(at_once)
        self._left = self._most

    def earn(self) -> None:
        """One more of all times."""
        left = self._left + self._share
        self._left = left if left < self._most else self._most

    def spend(self) -> bool:
        """Whether it is permitted, which uses it up."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Breaker:
    """Whether a member is asked at all: not after it failed in a row, or half of the time.

    While it is open only probes ask, at intervals that grow. After a probe was answered the member
    is asked again, on probation: one failure opens the breaker again, and the intervals go on from
    where they were, until a question is answered.
    """

    def __init__(
        self, manners: Manners, now: Callable[[], datetime], chance: Callable[[], float]
    ) -> None:
        """`chance` gives 0 to 1, which spreads the probes of several networks."""
        self._manners, self._now, self._chance = manners, now, chance
        self._in_a_row = 0
        self._recent: deque[bool] = deque(maxlen=manners.recent)
        self._pause_s = manners.probe_s
        self.on_probation = False
        self.open_since: datetime | None = None

    def check(self) -> None:
        """Let a request go.

        Raises:
            MemberFailure: The breaker is open.
        """
        if self.open_since is not None:
            today = self.open_since.date() == self._now().date()
            since = self.open_since.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")
            raise MemberFailure(State.BREAKER_OPEN, f"not answering since {since} UTC")

    def failed(self) -> bool:
        """Count a failure; whether the breaker opened because of it."""
        if self.open_since is not None:
            return False
        self._in_a_row += 1
        self._recent.append(True)
        half = len(self._recent) >= self._manners.recent_min and (
            2 * sum(self._recent) >= len(self._recent)
        )
        if self._in_a_row < self._manners.failures_in_a_row and not half and not self.on_probation:
            return False
        self.open_since = self._now()
        return True

    def succeeded(self) -> None:
        """Count an answer."""
        if self.open_since is None:
            self._in_a_row = 0
            self._recent.append(False)
            if self.on_probation:
                self.on_probation = False
                self._pause_s = self._manners.probe_s

    def recovered(self) -> None:
        """Close: a probe was answered."""
        self.open_since = None
        self.on_probation = True
        self._in_a_row = 0
        self._recent.clear()

    def pause_s(self) -> float:
        """Seconds to the next probe: each time about twice as many, a quarter more or less."""
        pause_s = self._pause_s * (0.75 + 0.5 * self._chance())
        self._pause_s = min(2 * self._pause_s, self._manners.probe_max_s)
        return pause_s
