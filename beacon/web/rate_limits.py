"""The home of how much one caller may ask: a person by name, the public by address."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import hdrs, web

from beacon.framework.access import Access
from beacon.framework.errors import TooManyRequests
from beacon.framework.query import Query
from beacon.settings import LimitSettings
from beacon.web.client_addresses import ClientAddresses

_BUCKETS_MAX = 20_000
"""Callers after which those that have not asked for a while are forgotten, in two steps."""

_VARIANTS_MAX = 200_000
"""Questions about variants that are remembered for all of the public together."""

_DAY_S = 86_400
_VARIANT = "genomicVariant"


@dataclass(slots=True)
class _Visit:
    """One request on its way through.

    Attributes:
        address: Where it comes from.
        has_credentials: Whether it says who asks.
        person: Who asks, once that is verified.
        place: Under which name it counts among those that are answered at this moment.
    """

    address: str
    has_credentials: bool
    person: str | None = None
    place: str | None = None


VISIT = web.RequestKey("visit", _Visit)
"""What limits know of this request."""


class RateLimits:
    """The limits of one process.

    A request without credentials counts against its address when it comes. One with credentials
    counts against the person whom they turn out to name; when they name nobody, against the
    address, apart from what the public asks there: whoever tries out credentials is stopped, and
    does not use up what others at that address may ask.
    """

    def __init__(
        self,
        settings: LimitSettings,
        addresses: ClientAddresses,
        *,
        workers: int = 1,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Take over the limits.

        Args:
            settings: The section `limits`.
            addresses: Says where requests come from.
            workers: Processes that share the limits: each allows its share, but one at least.
            clock: Seconds, for rates.
            wall_clock: Seconds since 1970, for days.
        """
        self._addresses = addresses
        burst = max(1.0, settings.burst / workers)
        public = settings.requests_per_minute_public
        self._of_people = _Buckets(settings.requests_per_minute, workers, burst, clock)
        self._of_public = _Buckets(public, workers, burst, clock)
        self._of_unverified = _Buckets(public, workers, burst, clock)
        self._variants = _Variants(_share(settings.variants_per_day_public, workers), wall_clock)
        self._concurrent = _share(settings.concurrent, workers)
        self._answered: dict[str, int] = {}
        self._is_on = any(
            (
                settings.requests_per_minute,
                settings.requests_per_minute_public,
                settings.variants_per_day_public,
                settings.concurrent,
            )
        )

    @property
    def is_on(self) -> bool:
        """Whether there is any limit: if not, nothing needs to be counted."""
        return self._is_on

    def enter(self, request: web.Request) -> None:
        """Count a request that comes; `leave` has to be called when it is answered.

        Raises:
            TooManyRequests: It is one too many.
        """
        has_credentials = hdrs.AUTHORIZATION in request.headers
        visit = _Visit(self._addresses.of(request), has_credentials)
        if has_credentials:
            self._of_unverified.take(visit.address, 0)
        else:
            self._of_public.take(visit.address, 1)
            self._begin(visit, visit.address)
        request[VISIT] = visit

    def admit(self, request: web.Request, access: Access, questions: int = 1) -> None:
        """Count the questions of a request of which it is known who asks.

        Raises:
            TooManyRequests: They are too many.
        """
        visit = request.get(VISIT)
        if visit is None:
            return
        if access.asker is not None:
            visit.person = access.asker.person
            self._of_people.take(visit.person, questions)
            self._begin(visit, visit.person)
            return
        buckets = self._of_unverified if visit.has_credentials else self._of_public
        if questions > 1:
            buckets.take(visit.address, questions - 1)
        self._begin(visit, visit.address)

    def count_variant(self, request: web.Request, access: Access, query: Query) -> None:
        """Count what the public asks about variants, each question once a day.

        Raises:
            TooManyRequests: It is a new one, and too many were asked from there today.
        """
        visit = request.get(VISIT)
        if visit is None or access.asker is not None or query.test_mode:
            return
        asked = _variant_of(query)
        if asked is not None:
            self._variants.add(visit.address, hash(asked))

    def leave(self, request: web.Request) -> None:
        """Count a request that was answered, however that went."""
        visit = request.get(VISIT)
        if visit is None:
            return
        if visit.has_credentials and visit.person is None:
            self._of_unverified.charge(visit.address, 1)
        if visit.place is not None:
            left = self._answered[visit.place] - 1
            if left:
                self._answered[visit.place] = left
            else:
                del self._answered[visit.place]

    def _begin(self, visit: _Visit, place: str) -> None:
        if not self._concurrent or visit.place is not None:
            return
        under_way = self._answered.get(place, 0)
        if under_way >= self._concurrent:
            raise TooManyRequests(
                f"{under_way} requests of yours are being answered; ask again when one is done", 1
            )
        self._answered[place] = under_way + 1
        visit.place = place


class _Buckets:
    """A token bucket for each caller.

    What costs more than a full bucket is let through when the bucket is full, and owed: a batch
    may hold more questions than may come at once.
    """

    def __init__(
        self, per_minute: int, workers: int, burst: float, clock: Callable[[], float]
    ) -> None:
        self._per_minute = per_minute
        self._per_s = per_minute / workers / 60
        self._burst = burst
        self._clock = clock
        # Level and time of it by caller. A caller who is in neither has a full bucket.
        self._recent: dict[str, tuple[float, float]] = {}
        self._earlier: dict[str, tuple[float, float]] = {}

    def take(self, caller: str, cost: int) -> None:
        """Take the cost of a request; with cost 0 see whether one of cost 1 could be paid."""
        if not self._per_s:
            return
        now = self._clock()
        level = self._level(caller, now)
        missing = min(cost or 1, self._burst) - level
        if missing > 0:
            wait_s = max(1, math.ceil(missing / self._per_s))
            raise TooManyRequests(
                f"too many requests: {self._per_minute} a minute are answered; ask again in "
                f"{wait_s} s",
                wait_s,
            )
        if cost:
            self._keep(caller, level - cost, now)

    def charge(self, caller: str, cost: int) -> None:
        """Take a cost whether or not there is enough."""
        if self._per_s:
            now = self._clock()
            self._keep(caller, self._level(caller, now) - cost, now)

    def _level(self, caller: str, now: float) -> float:
        known = self._recent.get(caller) or self._earlier.get(caller)
        if known is None:
            return self._burst
        level, at = known
        return min(self._burst, level + (now - at) * self._per_s)

    def _keep(self, caller: str, level: float, now: float) -> None:
        if len(self._recent) >= _BUCKETS_MAX:
            self._earlier, self._recent = self._recent, {}
        self._recent[caller] = (level, now)


class _Variants:
    """The distinct questions about variants that were asked today, by address."""

    def __init__(self, per_day: int, clock: Callable[[], float]) -> None:
        self._per_day = per_day
        self._clock = clock
        self._day = 0
        self._kept = 0
        self._asked: OrderedDict[str, set[int]] = OrderedDict()

    def add(self, address: str, question: int) -> None:
        if not self._per_day:
            return
        now = self._clock()
        if int(now // _DAY_S) != self._day:
            self._day, self._kept = int(now // _DAY_S), 0
            self._asked.clear()
        asked = self._asked.setdefault(address, set())
        self._asked.move_to_end(address)
        if question in asked:
            return
        if len(asked) >= self._per_day:
            raise TooManyRequests(
                f"{len(asked)} variants were asked about from this address today; ask about "
                "others tomorrow (UTC), or with credentials",
                math.ceil(_DAY_S - now % _DAY_S),
            )
        asked.add(question)
        self._kept += 1
        if self._kept > _VARIANTS_MAX:
            _, forgotten = self._asked.popitem(last=False)
            self._kept -= len(forgotten)


def _share(limit: int, workers: int) -> int:
    return max(1, limit // workers) if limit else 0


def _variant_of(query: Query) -> tuple[object, ...] | None:
    """What a question asks about variants, whatever else it asks; `None`: nothing."""
    entry_id = query.entry_id if query.entry_type == _VARIANT else None
    within = query.within.id if query.within and query.within.entry_type == _VARIANT else None
    if query.variation is None and entry_id is None and within is None:
        return None
    return query.variation, entry_id or within
