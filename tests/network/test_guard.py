"""What bounds, stops and repeats requests."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from beacon.network.guard import Breaker, Budget, Bulkhead, Manners
from beacon.network.latencies import Latencies
from beacon.network.states import MemberFailure, State

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


def breaker(clock: Clock | None = None, chance: float = 0.5) -> Breaker:
    return Breaker(Manners(), clock or Clock(), lambda: chance)


def test_five_failures_in_a_row_open_the_breaker() -> None:
    tested = breaker()
    tested.succeeded()

    assert [tested.failed() for _ in range(5)] == [False] * 4 + [True]
    with pytest.raises(MemberFailure, match="not answering since 12:00 UTC") as caught:
        tested.check()
    assert caught.value.state is State.BREAKER_OPEN


def test_an_answer_in_between_keeps_it_closed() -> None:
    tested = breaker()
    for _ in range(10):
        tested.succeeded()

    for _ in range(4):
        tested.failed()
    tested.succeeded()
    opened = [tested.failed() for _ in range(4)]

    assert not any(opened)
    tested.check()


def test_half_of_at_least_ten_failures_open_it() -> None:
    tested = breaker()
    opened = []
    for _ in range(5):
        opened.append(tested.failed())
        tested.succeeded()
    opened.append(tested.failed())

    assert opened == [False] * 5 + [True]


def test_only_the_last_twenty_count() -> None:
    tested = breaker()
    for _ in range(3):
        for _ in range(4):
            tested.failed()
        for _ in range(20):
            tested.succeeded()

    assert not tested.failed()


def test_a_day_later_the_reason_has_a_date() -> None:
    clock = Clock()
    tested = breaker(clock)
    for _ in range(5):
        tested.failed()
    clock.time += timedelta(days=1)

    with pytest.raises(MemberFailure, match="not answering since 2026-03-02 12:00 UTC"):
        tested.check()


def test_what_was_asked_before_it_opened_changes_nothing() -> None:
    clock = Clock()
    tested = breaker(clock)
    for _ in range(5):
        tested.failed()
    clock.time += timedelta(minutes=1)

    assert not tested.failed()
    tested.succeeded()
    assert tested.open_since == NOON


def test_probes_come_at_growing_intervals_up_to_five_minutes() -> None:
    tested = breaker()

    assert [tested.pause_s() for _ in range(8)] == [5, 10, 20, 40, 80, 160, 300, 300]


def test_intervals_are_spread_by_a_quarter() -> None:
    assert breaker(chance=0.0).pause_s() == 3.75
    assert breaker(chance=1.0).pause_s() == 6.25


def test_on_probation_one_failure_opens_it_again_and_the_intervals_go_on() -> None:
    tested = breaker()
    for _ in range(5):
        tested.failed()
    tested.pause_s()
    tested.recovered()

    tested.check()
    assert tested.failed()
    assert tested.pause_s() == 10


def test_an_answer_ends_probation() -> None:
    tested = breaker()
    for _ in range(5):
        tested.failed()
    tested.pause_s()
    tested.recovered()
    tested.succeeded()

    assert not tested.failed()
    assert tested.pause_s() == 5


def test_a_budget_is_a_share_of_all_and_a_few_to_begin_with() -> None:
    budget = Budget(0.1, at_once=3)
    spent = 0
    for _ in range(1000):
        budget.earn()
        spent += budget.spend()

    assert 100 <= spent <= 103


async def test_a_bulkhead_lets_some_go_some_wait_and_turns_the_rest_away() -> None:
    bulkhead = Bulkhead(2, 3)
    done = asyncio.Event()

    async def go() -> None:
        async with bulkhead:
            await done.wait()

    tasks = [asyncio.create_task(go()) for _ in range(7)]
    await asyncio.sleep(0)
    seen = (bulkhead.in_flight, bulkhead.waiting)
    done.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)

    assert seen == (2, 3)
    assert [type(one) for one in ended] == [type(None)] * 5 + [MemberFailure] * 2
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


async def test_who_is_cancelled_gives_up_the_place_in_the_queue_or_in_flight() -> None:
    bulkhead = Bulkhead(1, 4)

    async def go() -> None:
        async with bulkhead:
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(go()) for _ in range(5)]
    await asyncio.sleep(0)
    for one in tasks:
        one.cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)

    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)
    async with asyncio.timeout(1), bulkhead:
        assert bulkhead.in_flight == 1


def test_quantiles_are_those_of_the_last_answers() -> None:
    latencies = Latencies(kept=100)
    nothing = latencies.quantile(0.5)
    for _ in range(300):
        latencies.add(9.0)
    for number in range(100):
        latencies.add(number / 100)

    assert nothing is None
    assert len(latencies) == 100
    assert latencies.quantile(0.5) == 0.5
    assert latencies.quantile(0.95) == 0.95
    assert latencies.quantile(1.0) == 0.99
