"""Deadlines that many things share."""

from __future__ import annotations

import asyncio

import pytest

from beacon.network.deadlines import Deadlines


async def test_all_that_ends_at_one_moment_ends_then_and_not_before() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines()
    deadline = loop.time() + 0.1

    async def wait() -> float:
        with pytest.raises(TimeoutError), deadlines.until(deadline):
            await asyncio.Event().wait()
        return loop.time()

    ended = await asyncio.gather(*(wait() for _ in range(200)))

    # The clock of a timer may be a tick behind.
    assert all(deadline - 0.002 <= one < deadline + 1.0 for one in ended)


async def test_what_is_done_in_time_is_left_alone() -> None:
    deadlines = Deadlines()
    deadline = asyncio.get_running_loop().time() + 0.05

    with deadlines.until(deadline):
        await asyncio.sleep(0)
    await asyncio.sleep(0.1)

    assert asyncio.current_task() is not None


async def test_one_end_does_not_take_the_others_along() -> None:
    deadlines = Deadlines()
    deadline = asyncio.get_running_loop().time() + 0.1

    async def wait() -> str:
        with deadlines.until(deadline):
            await asyncio.Event().wait()
        return "unreachable"

    first, second = asyncio.create_task(wait()), asyncio.create_task(wait())
    await asyncio.sleep(0)
    first.cancel()
    ended = await asyncio.gather(first, second, return_exceptions=True)

    assert isinstance(ended[0], asyncio.CancelledError)
    assert isinstance(ended[1], TimeoutError)


async def test_who_is_cancelled_by_others_as_well_is_cancelled() -> None:
    deadlines = Deadlines()
    loop = asyncio.get_running_loop()

    async def wait() -> None:
        with deadlines.until(loop.time() + 0.02):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    loop.call_at(loop.time() + 0.02, task.cancel)
    loop.call_at(loop.time() + 0.02, task.cancel)
    with pytest.raises((asyncio.CancelledError, TimeoutError)):
        await task

    assert task.done()


async def test_a_deadline_that_has_passed_ends_at_the_first_wait() -> None:
    deadlines = Deadlines()

    with pytest.raises(TimeoutError), deadlines.until(asyncio.get_running_loop().time() - 1):
        await asyncio.Event().wait()
