"""Equal requests that are under way at the same time are one request."""

from __future__ import annotations

import asyncio

import pytest

from beacon.framework.query import Granularity
from beacon.network.cells import Cells, Key
from beacon.network.requests import MemberRequest
from beacon.network.states import MemberFailure, MemberReply, State

KEY = Key("fi", MemberRequest(method="GET", target="/g_variants"), (), 10.0)
REPLY = MemberReply(exists=True, granularity=Granularity.COUNT)


class Asks:
    """Counts how often it is asked; answers when it is let."""

    def __init__(self) -> None:
        self.times = 0
        self.given_up = 0
        self.let = asyncio.Event()

    async def __call__(self) -> MemberReply:
        self.times += 1
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return REPLY


async def test_who_asks_the_same_meanwhile_gets_the_same_answer():
    cells, asks = Cells(kept=0), Asks()

    first, second = cells.join(KEY, asks), cells.join(KEY, asks)
    asks.let.set()

    assert await first.task == await second.task == REPLY
    assert asks.times == 1


async def test_who_asks_afterwards_asks_anew():
    cells, asks = Cells(kept=0), Asks()
    asks.let.set()

    await cells.join(KEY, asks).task
    await cells.join(KEY, asks).task

    assert asks.times == 2


async def test_callers_on_different_ways_do_not_share():
    cells, asks = Cells(kept=0), Asks()
    asks.let.set()

    tasks = [cells.join(KEY, asks).task, cells.join(KEY._replace(via=("a",)), asks).task]
    await asyncio.gather(*tasks)

    assert asks.times == 2


async def test_a_request_is_given_up_when_the_last_one_leaves():
    cells, asks = Cells(kept=0), Asks()
    first, second = cells.join(KEY, asks), cells.join(KEY, asks)
    await asyncio.sleep(0)

    cells.leave(first)
    await asyncio.sleep(0)
    assert asks.given_up == 0
    cells.leave(second)
    await asyncio.wait([second.task])

    assert asks.given_up == 1
    assert second.task.cancelled()


async def test_nobody_joins_what_is_being_given_up():
    cells, asks = Cells(kept=0), Asks()
    first = cells.join(KEY, asks)
    await asyncio.sleep(0)
    cells.leave(first)

    second = cells.join(KEY, asks)
    asks.let.set()

    assert await second.task == REPLY
    assert first.task.cancelled()


async def test_the_last_answer_is_remembered_only_if_so_wanted():
    asks = Asks()
    asks.let.set()
    with_memory, without = Cells(kept=1), Cells(kept=0)

    await with_memory.join(KEY, asks).task
    await without.join(KEY, asks).task
    await asyncio.sleep(0)

    found = with_memory.last(KEY)
    assert found is not None
    assert found[1] == REPLY
    assert without.last(KEY) is None


async def test_memory_has_a_bound():
    cells, asks = Cells(kept=2), Asks()
    asks.let.set()
    keys = [KEY._replace(member_id=one) for one in ("fi", "es", "de")]

    for key in keys:
        await cells.join(key, asks).task
        await asyncio.sleep(0)

    assert [cells.last(key) is not None for key in keys] == [False, True, True]


async def test_a_failure_is_not_remembered():
    cells = Cells(kept=1)

    async def fails() -> MemberReply:
        raise MemberFailure(State.UNREACHABLE, "cannot be reached")

    with pytest.raises(MemberFailure):
        await cells.join(KEY, fails).task
    await asyncio.sleep(0)

    assert cells.last(KEY) is None
