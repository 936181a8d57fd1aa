"""When a member is not asked, asked again, or asked at two places."""

from __future__ import annotations

import asyncio

import pytest

from beacon.network.guard import Manners
from beacon.network.remote import Remotes
from beacon.network.requests import MemberRequest
from beacon.network.states import State
from tests.network.fake_members import (
    Answers,
    FakeMember,
    Hangs,
    InTurn,
    Resets,
    Says,
    Slow,
    busy,
)
from tests.network.remote_requests import (
    HEDGING,
    QUICK,
    ask,
    both,
    condition,
    fail,
    failure_of,
    until,
)


async def test_a_member_that_is_away_is_not_asked_and_found_again_without_a_question() -> None:
    loop = asyncio.get_running_loop()
    async with FakeMember() as fake:
        member = fake.member()
        await fake.stop()
        async with Remotes([member], manners=QUICK) as remotes:
            await fail(remotes, member, 5)
            started = loop.time()
            failure = await failure_of(remotes, member)
            took = loop.time() - started
            away = condition(remotes, member)
            await fake.listen()
            await until(lambda: condition(remotes, member).breaker == "probation")
            questions_meanwhile = len(fake.questions)
            reply = await ask(remotes, member)
            after = condition(remotes, member)

    assert failure.state is State.BREAKER_OPEN
    assert failure.reason.startswith("not answering since ")
    assert failure.reason.endswith(" UTC")
    assert took < 2.0
    assert (away.breaker, away.since is not None) == ("open", True)
    assert questions_meanwhile == 0
    assert [one.path for one in fake.received] == ["/info", "/g_variants"]
    assert reply.status == 200
    assert (after.breaker, after.since) == ("closed", None)
    assert after.counts == {"unreachable": 5, "breakerOpen": 1, "answered": 1}


async def test_silence_opens_the_breaker_and_costs_nothing_from_then_on() -> None:
    loop = asyncio.get_running_loop()
    async with FakeMember(behaviour=Hangs(), informs=False) as fake:
        member = fake.member(timeout_s=0.2)
        async with Remotes([member], manners=QUICK) as remotes:
            await asyncio.gather(*(failure_of(remotes, member, seconds=0.2) for _ in range(5)))
            started = loop.time()
            failure = await failure_of(remotes, member)
            took = loop.time() - started

    assert failure.state is State.BREAKER_OPEN
    assert took < 2.0


async def test_askers_in_a_hurry_do_not_open_the_breaker() -> None:
    async with FakeMember(behaviour=Slow(0.2)) as fake:
        member = fake.member()
        async with Remotes([member], manners=QUICK) as remotes:
            await asyncio.gather(*(failure_of(remotes, member, seconds=0.05) for _ in range(8)))
            reply = await ask(remotes, member)

    assert reply.status == 200


@pytest.mark.parametrize("status", [502, 503])
async def test_a_proxy_that_finds_no_beacon_opens_the_breaker(status: int) -> None:
    async with FakeMember(behaviour=Says(b"", status=status)) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            replies = [(await ask(remotes, member)).status for _ in range(5)]
            failure = await failure_of(remotes, member)
            after = condition(remotes, member)

    assert replies == [status] * 5
    assert failure.state is State.BREAKER_OPEN
    assert after.last_failure == f"answers with HTTP status {status}"


async def test_errors_of_a_beacon_that_is_there_do_not() -> None:
    async with FakeMember(behaviour=Says(b"", status=500)) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            replies = [(await ask(remotes, member)).status for _ in range(12)]

    assert replies == [500] * 12


async def test_a_member_that_only_answers_probes_is_left_alone_after_one_question() -> None:
    async with FakeMember(behaviour=Hangs()) as fake:
        member = fake.member(timeout_s=0.1)
        async with Remotes([member], manners=QUICK) as remotes:
            await asyncio.gather(*(failure_of(remotes, member, seconds=0.1) for _ in range(5)))
            await until(lambda: condition(remotes, member).breaker == "probation")
            once = await failure_of(remotes, member, seconds=0.1)
            again = await failure_of(remotes, member, seconds=0.1)

    assert (once.state, again.state) == (State.TIMEOUT, State.BREAKER_OPEN)


async def test_a_broken_connection_is_tried_once_more() -> None:
    async with FakeMember(behaviour=InTurn([Resets(), Answers()])) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            reply = await ask(remotes, member)
            after = condition(remotes, member)

    assert reply.status == 200
    assert (after.retries, after.counts) == (1, {"answered": 1})


@pytest.mark.parametrize(
    ("retry_after", "seconds", "status"),
    [
        ("0", 5.0, 200),
        ("1", 12.0, 200),
        ("2", 5.0, 503),  # too long to wait for
        ("1", 1.5, 503),  # more than half of the time
        (None, 5.0, 503),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 5.0, 503),
    ],
)
async def test_a_member_that_says_when_to_come_again_soon_is_asked_again(
    retry_after: str | None, seconds: float, status: int
) -> None:
    async with FakeMember(behaviour=InTurn([busy(retry_after), Answers()])) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            reply = await ask(remotes, member, seconds=seconds)

    assert reply.status == status


async def test_second_attempts_have_a_budget() -> None:
    behaviour = Resets()
    async with FakeMember(behaviour=behaviour) as fake:
        member = fake.member()
        patient = Manners(failures_in_a_row=1000, recent_min=1000, retry_pause_s=0.0)
        async with Remotes([member], manners=patient) as remotes:
            await fail(remotes, member, 60)
            after = condition(remotes, member)

    assert after.retries <= 3 + 6
    assert len(fake.questions) == 60 + after.retries


async def test_a_copy_is_asked_at_once_when_the_first_has_no_connection() -> None:
    async with FakeMember() as fake, FakeMember() as copy:
        member = both(fake, copy)
        await fake.stop()
        async with Remotes([member]) as remotes:
            replies = [(await ask(remotes, member)).status for _ in range(3)]
            after = condition(remotes, member)
            avoided = len(copy.questions)

    assert replies == [200] * 3
    assert avoided == 3
    assert (after.retries, after.hedges, after.breaker) == (0, 0, "closed")


async def test_a_copy_is_asked_as_well_when_the_first_is_unusually_slow() -> None:
    loop = asyncio.get_running_loop()
    async with FakeMember() as fake, FakeMember(behaviour=Answers({"copy": 1})) as copy:
        member = both(fake, copy)
        async with Remotes([member], manners=HEDGING) as remotes:
            for _ in range(25):
                await ask(remotes, member)
            before = len(copy.received)
            fake.behaviour = Hangs()
            started = loop.time()
            reply = await ask(remotes, member)
            took = loop.time() - started
            await until(lambda: fake.abandoned == 1)
            after = condition(remotes, member)

    assert before == 0
    assert b'"copy"' in reply.body
    assert 0.19 <= took < 3.0
    assert (after.hedges, after.in_flight) == (1, 0)


async def test_the_first_of_both_answers_counts() -> None:
    async with FakeMember() as fake, FakeMember(behaviour=Hangs()) as copy:
        member = both(fake, copy)
        async with Remotes([member], manners=HEDGING) as remotes:
            for _ in range(25):
                await ask(remotes, member)
            fake.behaviour = Slow(0.5, Answers({"first": 1}))
            reply = await ask(remotes, member)
            await until(lambda: copy.abandoned == 1)

    assert b'"first"' in reply.body


async def test_copies_have_a_budget_and_are_not_asked_for_records() -> None:
    records = MemberRequest(method="GET", target="/individuals", limit_bytes=8_000_000)
    async with FakeMember() as fake, FakeMember() as copy:
        member = both(fake, copy)
        async with Remotes([member], manners=HEDGING) as remotes:
            for _ in range(25):
                await ask(remotes, member)
            fake.behaviour = Slow(0.3)
            await ask(remotes, member, records)
            for_records = len(copy.received)
            for _ in range(5):
                await ask(remotes, member)

    assert for_records == 0
    assert 1 <= len(copy.received) <= 3


async def test_without_a_copy_nothing_is_asked_twice() -> None:
    async with FakeMember() as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            for _ in range(25):
                await ask(remotes, member)
            fake.behaviour = Slow(0.2)
            await ask(remotes, member)

    assert len(fake.received) == 26
