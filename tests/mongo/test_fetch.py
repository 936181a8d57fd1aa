"""Look-ups that are asked for together go together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from beacon.mongo import fetch
from beacon.mongo.fetch import Lookup


class Shelf:
    """A collection in memory that remembers what it was asked, and answers when it is let."""

    def __init__(self, *, open_at_once: bool = True) -> None:
        self.asked: list[list[int]] = []
        self.gates: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        self.fails = False
        self._open_at_once = open_at_once

    def find(self, query: dict[str, Any], _projection: object) -> Reading:
        wanted = query["_id"]
        keys = wanted["$in"] if isinstance(wanted, dict) else [wanted]
        gate = asyncio.Event()
        if self._open_at_once:
            gate.set()
        self.asked.append(keys)
        self.gates.put_nowait(gate)
        return Reading(self, keys, gate)


class Reading:
    """What `find` gives back."""

    def __init__(self, shelf: Shelf, keys: list[int], gate: asyncio.Event) -> None:
        self._shelf, self._keys, self._gate = shelf, keys, gate

    async def to_list(self) -> list[dict[str, Any]]:
        await self._gate.wait()
        if max(self._keys) >= 1 << 63:
            raise OverflowError("no such number in BSON")
        if self._shelf.fails:
            raise AutoReconnect("gone")
        return [{"_id": key, "square": key * key} for key in self._keys if key >= 0]


def lookup(shelf: Shelf, **options: int) -> Lookup:
    return Lookup(shelf, **options)  # type: ignore[arg-type]


async def test_everything_asked_for_in_one_turn_goes_as_one():
    shelf = Shelf()
    squares = lookup(shelf)
    found = await asyncio.gather(*(squares.get(key) for key in (2, 3, 2, -1)))

    assert [one and one["square"] for one in found] == [4, 9, 4, None]
    assert shelf.asked == [[2, 3, -1]]


async def test_many_are_asked_for_once_and_absent_ones_left_out():
    shelf = Shelf()

    assert sorted(await lookup(shelf).get_many([1, -5, 4])) == [1, 4]
    assert await lookup(shelf).get_many([]) == {}
    assert shelf.asked == [[1, -5, 4]]


async def test_no_look_up_is_longer_than_it_may_be(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetch, "_KEYS_MAX", 3)
    shelf = Shelf()
    squares = lookup(shelf)
    found = await asyncio.gather(
        squares.get_many([1, 2]), squares.get_many(range(3, 10)), squares.get(2)
    )

    assert [sorted(one) for one in found[:2]] == [[1, 2], list(range(3, 10))]
    assert found[2] == {"_id": 2, "square": 4}
    assert max(map(len, shelf.asked)) == 3


async def test_a_key_that_cannot_be_asked_for_fails_only_who_asks_for_it():
    shelf = Shelf()
    squares = lookup(shelf)
    found = await asyncio.gather(
        squares.get_many([1, 2]), squares.get_many([3, 1 << 64]), return_exceptions=True
    )

    assert sorted(found[0]) == [1, 2]
    assert isinstance(found[1], OverflowError)


async def test_what_comes_meanwhile_waits_and_goes_together():
    shelf = Shelf(open_at_once=False)
    squares = lookup(shelf, concurrent=1)
    asking = [asyncio.create_task(squares.get(1))]
    gate = await shelf.gates.get()
    for key in (2, 3, 4):
        asking.append(asyncio.create_task(squares.get(key)))
        await asyncio.sleep(0)
    gate.set()
    (await shelf.gates.get()).set()
    await asyncio.gather(*asking)

    assert shelf.asked == [[1], [2, 3, 4]]


async def test_a_slow_look_up_does_not_hold_up_the_next():
    shelf = Shelf(open_at_once=False)
    squares = lookup(shelf)
    slow = asyncio.create_task(squares.get(1))
    gate = await shelf.gates.get()
    quick = asyncio.create_task(squares.get(2))
    async with asyncio.timeout(5):
        (await shelf.gates.get()).set()
        found = await quick

    assert found == {"_id": 2, "square": 4}
    assert not slow.done()
    gate.set()
    await slow


async def test_a_failure_is_everybodys_and_not_for_ever():
    shelf = Shelf()
    squares = lookup(shelf)
    shelf.fails = True
    found = await asyncio.gather(squares.get(1), squares.get(2), return_exceptions=True)
    shelf.fails = False

    assert [type(one) for one in found] == [AutoReconnect, AutoReconnect]
    assert await squares.get(3) == {"_id": 3, "square": 9}


async def test_one_who_gives_up_does_not_spoil_it_for_the_others():
    shelf = Shelf(open_at_once=False)
    squares = lookup(shelf)
    leaving, staying = (asyncio.create_task(squares.get(1)) for _ in range(2))
    gate = await shelf.gates.get()
    leaving.cancel()
    gate.set()

    assert await staying == {"_id": 1, "square": 1}
    with pytest.raises(asyncio.CancelledError):
        await leaving
