"""Charges of callers who ask at the same time are written at once, as if one after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import numpy as np
import pymongo
import pytest
from pymongo.errors import AutoReconnect
from pymongo.monitoring import CommandListener

from beacon.framework.access import Asker
from beacon.framework.budget import Budget
from beacon.framework.errors import SourceUnavailable, TooManyRequests
from beacon.mongo import documents
from beacon.mongo.ledger import SUMMED_EVERY, Ledger
from beacon.mongo.ledger_account import Account
from beacon.mongo.ledger_entries import Entries, entry_key
from beacon.mongo.sums import U64
from tests.mongo.test_ledger import KEY, asker, budget, entry

Document = dict[str, Any]
Insert = Callable[[Entries, Sequence[Document]], Awaitable[int]]


class Inserts(CommandListener):
    """Counts what is written to the ledger."""

    def __init__(self) -> None:
        self.documents: list[int] = []

    def started(self, event: Any) -> None:
        if event.command_name == "insert":
            self.documents.append(len(event.command["documents"]))

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass


@pytest.fixture
def inserts() -> Inserts:
    return Inserts()


@pytest.fixture
async def opened(mongo_uri: str, database: str, inserts: Inserts) -> AsyncIterator[Any]:
    async with pymongo.AsyncMongoClient[dict[str, Any]](
        mongo_uri, event_listeners=[inserts]
    ) as client:
        yield client[database]


@pytest.fixture
def ledger(opened: Any) -> Ledger:
    return Ledger(opened, KEY)


async def charge(ledger: Ledger, who: Asker, given: Budget, question: str, **of: Any) -> bool:
    standing = await ledger.standing(who, "d", given)
    return await ledger.charge(standing, entry(question, **of))


def known(account: Account, people: range) -> list[int]:
    keys: U64 = np.array(people, np.uint64)
    return [account.known_of(keys[place : place + 1]) for place in range(len(keys))]


async def test_charges_of_many_are_few_writes_and_nothing_is_missing(
    ledger: Ledger, opened: Any, inserts: Inserts
) -> None:
    given = budget(10**6)
    everybody = [asker(f"p{one}", organisation=f"o{one % 3}") for one in range(60)]
    await asyncio.gather(*(ledger.standing(one, "d", given) for one in everybody))

    done = await asyncio.gather(
        *(
            charge(ledger, who, given, f"q{place}", people={place % 7: 10, 9: 1}, everybody=2)
            for place, who in enumerate(everybody)
        )
    )

    assert all(done)
    assert sum(inserts.documents) == 3 * 60
    assert len(inserts.documents) <= 4
    for one in (ledger, Ledger(opened, KEY)):
        standing = await one.standing(everybody[0], "d", given)
        (dataset, _), (organisation, _), (own, _) = standing.accounts
        assert known(dataset, range(7)) == [
            10 * sum(place % 7 == person for place in range(60)) + 120 for person in range(7)
        ]
        assert known(organisation, range(9, 10)) == [20 * 1 + 20 * 2]
        assert known(own, range(1)) == [12]


async def test_what_fits_by_itself_and_not_with_others_is_charged_to_some(ledger: Ledger) -> None:
    given = budget(100, dataset=2)
    done = await asyncio.gather(
        *(charge(ledger, asker(f"p{one}"), given, "q", people={1: 70}) for one in range(10))
    )

    assert sum(done) == 2  # of 200


async def test_one_person_who_asks_at_once_is_charged_one_after_the_other(ledger: Ledger) -> None:
    anna = asker("anna")
    done = await asyncio.gather(
        *(charge(ledger, anna, budget(100), f"q{one}", people={1: 30}) for one in range(10)),
        *(charge(ledger, anna, budget(100), "same", people={2: 30}) for _ in range(5)),
    )

    assert sum(done[:10]) == 3
    assert sum(done[10:]) == 1


async def test_who_may_not_ask_any_more_holds_up_nobody(ledger: Ledger) -> None:
    given = budget(1000, questions_max=1)
    anna, ben = asker("anna"), asker("ben")
    assert await charge(ledger, anna, given, "first", people={1: 1})
    found = await asyncio.gather(
        charge(ledger, anna, given, "second", people={1: 1}),
        charge(ledger, ben, given, "first", people={1: 1}),
        return_exceptions=True,
    )

    assert isinstance(found[0], TooManyRequests)
    assert found[1] is True


async def test_an_entry_that_is_too_large_fails_alone(ledger: Ledger) -> None:
    given = budget(10**6)
    keys = np.arange(1_500_000, dtype=np.uint64)
    large = entry("large", {})
    large = type(large)(large.question, keys, np.ones(len(keys), np.uint32))
    standings = [await ledger.standing(asker(f"p{one}"), "d", given) for one in range(4)]
    found = await asyncio.gather(
        *(
            ledger.charge(one, large if place == 1 else entry("small", {place: 1}))
            for place, one in enumerate(standings)
        ),
        return_exceptions=True,
    )

    assert isinstance(found.pop(1), SourceUnavailable)
    assert found == [True] * 3


async def test_a_charge_that_was_partly_written_with_others_is_finished_with_others(
    ledger: Ledger, opened: Any
) -> None:
    """Another process writes between the entries that are written at once.

    The first is written alone, and the others then at once: all of the second, some of the third.
    """
    given = budget(100)
    people = [asker(f"p{one}", organisation=f"o{one}") for one in range(4)]
    standings = [await ledger.standing(one, "d", given) for one in people]
    elsewhere = Entries(opened[documents.LEDGER], given.window_s)
    key = entry_key(standings[2].own.id, 1)
    theirs = elsewhere.document(key, entry("theirs", {1: 5}), time.time(), given.window_s, None)
    assert await elsewhere.insert([theirs]) == 1

    charges = [ledger.charge(one, entry(f"q{one.own.id!r}", {1: 10})) for one in standings]
    async with asyncio.timeout(10):
        done = await asyncio.gather(*charges)

    assert done == [True] * 4
    for one in (ledger, Ledger(opened, KEY)):
        spent = [
            [known(account, range(1, 2)) for account, _ in standing.accounts]
            for standing in [await one.standing(who, "d", given) for who in people]
        ]
        assert spent == [[[40], [10], [own]] for own in (10, 10, 15, 10)]


class Faults:
    """Lets writes wait, and fail before, between and after what they write."""

    def __init__(self, rng: Random, rate: float) -> None:
        self._rng = rng
        self._rate = rate

    def over(self, insert: Insert) -> Insert:
        async def faulty(entries: Entries, documents: Sequence[Document]) -> int:
            await asyncio.sleep(self._rng.choice([0, 0, self._rng.random() / 200]))
            drawn = self._rng.random()
            if drawn < self._rate:
                raise AutoReconnect("before")
            if drawn < 2 * self._rate:
                await insert(entries, documents[: self._rng.randint(1, len(documents))])
                raise AutoReconnect("between")
            written = await insert(entries, documents)
            if drawn < 3 * self._rate:
                raise AutoReconnect("after")
            return written

        return faulty


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("seed", range(6))
async def test_several_processes_at_once_know_the_same_and_overspend_nothing(
    seed: int, rate: float, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some let go of accounts in between, some who ask give up, and some writes fail."""
    rng = Random(seed)
    given = budget(100, organisation=2, dataset=4)
    ledgers = [Ledger(opened, KEY) for _ in range(3)]
    people = [asker(f"p{one}", organisation=f"o{one % 2}") for one in range(8)]
    monkeypatch.setattr(Entries, "insert", Faults(rng, rate).over(Entries.insert))
    told: list[tuple[Asker, dict[int, int]]] = []

    async def one(number: int) -> None:
        await asyncio.sleep(rng.random() / 20)
        ledger, who = rng.choice(ledgers), rng.choice(people)
        amounts = {rng.randrange(6): rng.randint(1, 12) for _ in range(rng.randint(1, 3))}
        standing = await ledger.standing(who, "d", given)
        if rng.random() < 0.1:
            ledger._accounts.pop(rng.choice(list(ledger._accounts)), None)
        for _ in range(10):
            with suppress(AutoReconnect):
                if await ledger.charge(standing, entry(number, amounts)):
                    told.append((who, amounts))
                    break

    asking = [asyncio.create_task(one(number)) for number in range(300)]
    for task in rng.sample(asking, 30):
        asyncio.get_running_loop().call_later(rng.random() / 20, task.cancel)
    async with asyncio.timeout(60):
        ended = await asyncio.gather(*asking, return_exceptions=True)

    assert {type(one) for one in ended} <= {type(None), asyncio.CancelledError}
    fresh = Ledger(opened, KEY)
    for who in people:
        of_all = [told, [one for one in told if one[0].organisation == who.organisation]]
        of_all.append([one for one in told if one[0] is who])
        afresh = (await fresh.standing(who, "d", given)).accounts
        for (account, limit), answers in zip(afresh, of_all, strict=True):
            charged = known(account, range(6))
            assert max(charged) <= limit
            for person in range(6):
                assert charged[person] >= sum(amounts.get(person, 0) for _, amounts in answers)
    assert len(told) > 10
    for ledger in ledgers:
        ledger._others_wrote += 1
        for who in people:
            standing = await ledger.standing(who, "d", given)
            await ledger._refresh(account for account, _ in standing.accounts)
            afresh = (await fresh.standing(who, "d", given)).accounts
            for (account, _), (right, _) in zip(standing.accounts, afresh, strict=True):
                assert known(account, range(6)) == known(right, range(6))


async def test_sums_are_written_whichever_charge_of_a_group_makes_them_due(
    ledger: Ledger, opened: Any
) -> None:
    given = budget(10**6)
    for begin in range(0, SUMMED_EVERY + 40, 50):
        await asyncio.gather(
            *(
                charge(ledger, asker(f"p{one}"), given, f"{begin}", people={3: 1})
                for one in range(50)
            )
        )

    sums = await opened["ledger"].find({"n": {"$exists": True}, "m": {"$exists": True}}).to_list()
    assert [one["n"] for one in sums if one["n"] >= SUMMED_EVERY]
