"""Both stores keep rows alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from msgspec.structs import replace

from beacon.subscriptions.file_rows import FileRows
from beacon.subscriptions.kept import Row
from beacon.subscriptions.mongo_rows import COLLECTION, MongoRows
from beacon.subscriptions.seams import Store

ALICE, ALIAS, BOB = b"alice", b"alias", b"bob"


@pytest.fixture(params=["mongo", "file"])
async def store(
    request: pytest.FixtureRequest, mongo_uri: str, database: str, tmp_path: Path
) -> AsyncIterator[Store]:
    if request.param == "file":
        async with FileRows(tmp_path) as rows:
            yield rows
        return
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        yield MongoRows(client[database][COLLECTION])


def row(name: str, *owners: bytes, due: float = 10.0) -> Row:
    return Row(id=name, owners=owners or (ALICE,), revision=1, due=due, sealed=name.encode())


async def test_rows_are_found_by_any_of_their_owners(store: Store) -> None:
    await store.add(row("a", ALIAS, ALICE), 9)
    await store.add(row("b", BOB), 9)

    assert await store.of((ALICE,)) == [row("a", ALIAS, ALICE)]
    assert await store.of((ALIAS, BOB)) == [row("a", ALIAS, ALICE), row("b", BOB)]
    assert await store.find("b") == row("b", BOB)


async def test_nobody_has_more_than_may_be(store: Store) -> None:
    kept = [await store.add(row(name), 2) for name in "abc"]

    assert kept == [True, True, False]
    assert [one.id for one in await store.of((ALICE,))] == ["a", "b"]


async def test_of_two_changes_at_once_one_is_made(store: Store) -> None:
    await store.add(row("a"), 9)
    new = replace(row("a"), revision=2)
    done = await asyncio.gather(*(store.replace(new) for _ in range(4)))

    assert sorted(done) == [False, False, False, True]


async def test_what_is_due_is_taken_once_and_again_when_nobody_finished(store: Store) -> None:
    await store.add(row("a"), 9)
    await store.add(row("b", due=99), 9)
    taken = await asyncio.gather(*(store.claim(10, 30) for _ in range(4)))

    assert [one.id for one in taken if one is not None] == ["a"]
    assert await store.claim(29, 60) is None
    assert (await store.claim(30, 60)) is not None


async def test_a_change_ends_the_claim(store: Store) -> None:
    await store.add(row("a"), 9)
    await store.claim(10, 1000)
    await store.replace(replace(row("a"), revision=2))

    assert (await store.claim(10, 1000)) is not None


async def test_what_is_removed_is_gone(store: Store) -> None:
    await store.add(row("a"), 9)

    assert await store.remove("a")
    assert not await store.remove("a")
    assert not await store.replace(replace(row("a"), revision=2))
    assert await store.of((ALICE,)) == []


async def test_a_file_is_closed_only_when_nobody_writes_to_it_any_more(tmp_path: Path) -> None:
    """Work of those who were cancelled goes on in threads; the process must outlive that."""
    large = replace(row("a", *(bytes([n]) for n in range(50))), sealed=bytes(50_000))
    for attempt in range(20):
        async with FileRows(tmp_path / str(attempt)) as rows:
            tasks = [
                asyncio.create_task(rows.add(replace(large, id=str(n)), 99)) for n in range(12)
            ]
            await asyncio.sleep(0.002)
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
