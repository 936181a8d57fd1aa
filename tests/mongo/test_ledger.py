"""The ledger: nothing is spent twice, by however many writers, and nothing is forgotten early."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import msgspec
import numpy as np
import pymongo
import pytest
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

from beacon.framework.access import Asker
from beacon.framework.budget import UNITS, Budget, cost, limit_of_power
from beacon.framework.errors import SourceUnavailable, TooManyRequests
from beacon.mongo import documents
from beacon.mongo.ledger import SUMMED_EVERY, Ledger
from beacon.mongo.ledger_account import MONTH_S, Account, Entry
from beacon.mongo.ledger_summary import spent
from beacon.mongo.standing import Standing
from beacon.mongo.sums import U64

KEY = b"k" * 32
DAY_S = 86_400.0
LIMIT = limit_of_power(0.2)


def asker(*identities: str, organisation: str | None = None) -> Asker:
    return Asker(identities=identities, organisation=organisation)


def budget(
    limit: int = LIMIT, *, organisation: int = 5, dataset: int = 30, questions_max: int = 0
) -> Budget:
    return Budget(
        limit=limit,
        organisation_limit=organisation * limit,
        dataset_limit=dataset * limit,
        window_s=365 * DAY_S,
        questions_max=questions_max,
    )


class Clock:
    def __init__(self) -> None:
        self.now = 1.8e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def opened(mongo_uri: str, database: str) -> AsyncIterator[Any]:
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        yield client[database]


@pytest.fixture
def ledger(opened: Any, clock: Clock) -> Ledger:
    return Ledger(opened, KEY, clock=clock)


def entry(question: object, people: dict[int, int], everybody: int = 0) -> Entry:
    keys = sorted(people)
    return Entry(
        f"{question}".encode(),
        np.array(keys, np.uint64),
        np.array([people[one] for one in keys], np.uint32),
        everybody,
    )


async def beyond(standing: Standing, cost: int = 1) -> list[int] | None:
    found = standing.excluded(cost)
    return None if found is None else found.tolist()


async def test_random_charges_by_two_writers_are_what_thirty_lines_say(
    opened: Any, clock: Clock
) -> None:
    """Two processes, interleaved, over months: whoever fits is charged, and whoever does not."""
    rng = Random(7)
    given = budget(100, organisation=2, dataset=3)
    writers = [Ledger(opened, KEY, clock=clock) for _ in range(2)]
    spent: dict[str, list[tuple[float, int, int]]] = defaultdict(list)  # account → at, whom, amount
    charged = 0

    def counts(at: float) -> bool:
        return (at // MONTH_S + 1) * MONTH_S > clock.now - 365 * DAY_S - MONTH_S and (
            at // MONTH_S >= (clock.now - 365 * DAY_S) // MONTH_S
        )

    def known(account: str, person: int) -> int:
        return sum(
            amount for at, whom, amount in spent[account] if whom in (person, -1) and counts(at)
        )

    for number in range(400):
        name, organisation = rng.choice(["anna", "ben", "carl"]), rng.choice(["uni", "clinic"])
        people = {rng.randrange(8): rng.randint(1, 40) for _ in range(rng.randint(0, 3))}
        everybody = rng.choice([0, 0, 0, 0, 2])
        writer = rng.choice(writers)
        accounts = {f"person {name}": 100, f"organisation {organisation}": 200, "all": 300}
        fits = all(
            known(account, person) + amount + everybody <= limit
            for account, limit in accounts.items()
            for person, amount in {**people, -1: 0}.items()
        )

        standing = await writer.standing(asker(name, organisation=organisation), "d", given)
        done = await writer.charge(standing, entry(number, people, everybody))
        if not done:  # the other writer's entries were not known: now they are
            done = await writer.charge(standing, entry(number, people, everybody))

        assert done is fits, number
        if fits:
            charged += 1
            for account in accounts:
                spent[account] += [(clock.now, who, amount) for who, amount in people.items()]
                spent[account].append((clock.now, -1, everybody))
        clock.now += rng.choice([0, 1, 3600, 2 * DAY_S])

    assert 50 < charged < 350


@pytest.mark.parametrize("seed", range(20))
def test_who_is_near_the_limit_is_known_as_if_everybody_were_looked_at(seed: int) -> None:
    rng = Random(seed)
    account = Account(b"one", 12 * MONTH_S)
    spent: dict[int, int] = defaultdict(int)
    everybody, limits = 0, [(3000, 100), (3000, 400), (9000, 100)]
    for number in range(300):
        charged = {one: rng.randint(0, 120) for one in rng.sample(range(60), rng.randint(0, 12))}
        of_all = rng.choice([0, 0, 1, 30])
        account.add(entry(number, charged, of_all), 0.0, number + 1)
        everybody += of_all
        for one, amount in charged.items():
            spent[one] += amount
        limit, each = rng.choice(limits)
        more = {one: rng.randint(1, 500) for one in rng.sample(range(60), 5)}

        left = limit - each - everybody
        assert account.beyond(limit, each).tolist() == sorted(
            one for one in spent if spent[one] > left
        )
        assert account.most() == max(spent.values(), default=0) + everybody
        left = limit - everybody - 7
        assert account.short(entry(0, more, 7), limit).tolist() == sorted(
            one for one in more if spent[one] + more[one] > left
        )


async def test_ten_thousand_spend_at_once_and_none_spends_twice(opened: Any, clock: Clock) -> None:
    """Of ten thousand questions about one person, as many are paid as the budget holds."""
    each = cost(10, 10)
    writers = [Ledger(opened, KEY, clock=clock) for _ in range(4)]
    given = budget()

    async def spend(number: int) -> bool:
        writer = writers[number % len(writers)]
        standing = await writer.standing(asker("anna"), "d", given)
        for _ in range(50):
            if await beyond(standing, each) != []:
                return False
            if await writer.charge(standing, entry(number, {1: each})):
                return True
        return False

    done = await asyncio.gather(*map(spend, range(10_000)))

    assert sum(done) == LIMIT // each
    asked = {"q": {"$exists": True}}
    assert await opened[documents.LEDGER].count_documents(asked) == LIMIT // each


async def test_a_question_that_was_asked_is_paid_once(ledger: Ledger) -> None:
    standing = await ledger.standing(asker("anna"), "d", budget())

    done = await asyncio.gather(
        *(ledger.charge(standing, entry("same", {1: 10})) for _ in range(20))
    )

    assert sum(done) == 1
    assert standing.own.most() == 10
    assert await ledger.entry(standing, b"same") is not None


async def test_sums_are_made_after_the_answer_or_when_they_are_needed(ledger: Ledger) -> None:
    standing = await ledger.standing(asker("anna"), "d", budget(100))
    assert await ledger.charge(standing, entry("first", {7: 60}))
    assert standing.own._unsettled
    assert await beyond(standing, 41) == [7]

    assert await ledger.charge(standing, entry("second", {9: 70}))
    assert standing.own._unsettled
    await asyncio.sleep(0)
    assert not standing.own._unsettled
    assert await beyond(standing, 41) == [7, 9]


async def test_a_ledger_that_is_opened_again_knows_everything(
    opened: Any, ledger: Ledger, clock: Clock
) -> None:
    """From its sums and the entries since."""
    standing = await ledger.standing(asker("anna"), "d", budget(UNITS))
    for number in range(SUMMED_EVERY + 10):
        assert await ledger.charge(standing, entry(number, {number % 7: 1}, number % 2))
        clock.now += DAY_S / 8

    standing.own.forget(clock.now)
    again = Ledger(opened, KEY, clock=clock)
    known = await again.standing(asker("anna"), "d", budget(UNITS))

    assert known.own.number == SUMMED_EVERY + 10
    assert known.own.most() == standing.own.most()
    assert known.own.asked_lately() == standing.own.asked_lately()
    assert (await again.entry(known, b"3")) is not None
    assert not await again.charge(known, entry(5, {1: 1}))


async def test_whom_an_answer_rests_upon_is_written_once(opened: Any, ledger: Ledger) -> None:
    """And every account that is read anew knows it, of more entries than are read at once."""
    given, anna = budget(10**6), asker("anna", organisation="uni")
    standing = await ledger.standing(anna, "d", given)
    for number in range(70):
        assert await ledger.charge(standing, entry(number, {1: 2, number + 2: 1}, 3))
    assert await ledger.charge(standing, entry("nobody", {}, 5))

    written = await opened[documents.LEDGER].find({"t": {"$exists": True}}).to_list()
    again = await Ledger(opened, KEY).standing(anna, "d", given)

    assert len(written) == 3 * 71
    assert sum(bool(one.get("p")) for one in written) == 70
    for account, _ in again.accounts:
        people: U64 = np.arange(1, 72, dtype=np.uint64)
        known = [account.known_of(people[place : place + 1]) for place in range(71)]
        assert known == [2 * 70 + 215] + [1 + 215] * 70


async def test_entries_that_all_say_whom_they_charge_are_known(opened: Any, clock: Clock) -> None:
    """As earlier versions wrote them."""
    given, anna = budget(100), asker("anna", organisation="uni")
    first = Ledger(opened, KEY, clock=clock)
    standing = await first.standing(anna, "d", given)
    assert await first.charge(standing, entry("first", {1: 60}))
    entries = opened[documents.LEDGER]
    kept = await entries.find_one({"p": {"$gt": b""}}, {"p": 1, "u": 1, "e": 1, "_id": 0})
    changed = await entries.update_many(
        {"r": {"$exists": True}}, {"$set": kept, "$unset": {"r": 1}}
    )
    assert changed.modified_count == 2

    again = Ledger(opened, KEY, clock=clock)
    assert not await again.charge(await again.standing(anna, "d", given), entry("second", {1: 41}))
    assert await again.charge(await again.standing(anna, "d", given), entry("third", {1: 40}))


async def test_an_account_that_lacks_what_it_charged_is_not_read_as_less(
    opened: Any, ledger: Ledger, clock: Clock
) -> None:
    given = budget(100)
    standing = await ledger.standing(asker("anna"), "d", given)
    assert await ledger.charge(standing, entry("first", {1: 60}))
    lost = await opened[documents.LEDGER].delete_one({"p": {"$gt": b""}})
    assert lost.deleted_count == 1

    again = Ledger(opened, KEY, clock=clock)
    with pytest.raises(SourceUnavailable, match="lacks"):
        await again.standing(asker("anna"), "d", given)
    clock.now += 400 * DAY_S  # by then it does not count
    standing = await again.standing(asker("anna"), "d", given)
    assert await beyond(standing, 100) == []
    assert await again.charge(standing, entry("second", {1: 100}))


async def test_what_may_not_be_in_the_journal_is_not_told(
    opened: Any, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database wrote it, and did not wait until it is safe."""
    standing = await ledger.standing(asker("anna"), "d", budget())

    async def written(self: Any, documents: list[Any], **more: Any) -> None:
        details = {"writeErrors": [], "nInserted": len(documents), "writeConcernErrors": [{}]}
        raise BulkWriteError(details)

    monkeypatch.setattr(AsyncCollection, "insert_many", written)
    with pytest.raises(BulkWriteError):
        await ledger.charge(standing, entry("first", {1: 60}))


async def test_sums_that_are_written_while_they_are_read_lose_nothing(
    opened: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, anna = budget(UNITS), asker("anna")
    writer = Ledger(opened, KEY, clock=clock)
    standing = await writer.standing(anna, "d", given)
    for number in range(2 * SUMMED_EVERY - 1):
        assert await writer.charge(standing, entry(number, {1: 1}))
    reader = Ledger(opened, KEY, clock=clock)
    find, reads = AsyncCollection.find, 0

    def found(self: Any, *asked: Any, **more: Any) -> Any:
        cursor = find(self, *asked, **more)
        keys = asked[0]["_id"]
        of_sums = isinstance(keys, dict) and keys.get("$gte", b"").endswith(b"s" + bytes(8))
        return _Slow(cursor) if of_sums else cursor

    class _Slow:
        """Between two documents, the writer writes all sums anew."""

        def __init__(self, cursor: Any) -> None:
            self.cursor = cursor.batch_size(1)

        def sort(self, *by: Any) -> _Slow:
            self.cursor = self.cursor.sort(*by)
            return self

        async def __aiter__(self) -> AsyncIterator[Any]:
            nonlocal reads
            async for document in self.cursor:
                yield document
                reads += 1
                await writer.charge(standing, entry("last", {1: 1}))

    monkeypatch.setattr(AsyncCollection, "find", found)
    known = await reader.standing(anna, "d", given)

    assert reads
    assert [account.most() for account, _ in known.accounts] == [2 * SUMMED_EVERY] * 2


async def test_what_is_charged_elsewhere_to_an_identity_that_is_linked_counts(
    opened: Any, clock: Clock
) -> None:
    given = budget(100)
    here, there = (Ledger(opened, KEY, clock=clock) for _ in range(2))
    for one, amount in ((here, 1), (there, 99)):
        standing = await one.standing(asker("anna"), "d", given)
        while not await one.charge(standing, entry(amount, {1: amount})):
            pass

    both = await here.standing(asker("a.smith", "anna"), "d", given)
    assert await beyond(both) == [1]
    assert not await here.charge(both, entry("more", {1: 1}))


async def test_entries_are_kept_for_as_long_as_anybody_counts_them(
    opened: Any, clock: Clock
) -> None:
    ledger = Ledger(opened, KEY, longest_s=365 * DAY_S, clock=clock)
    short = msgspec.structs.replace(budget(), window_s=30 * DAY_S)
    standing = await ledger.standing(asker("anna"), "d", short)
    for number in range(SUMMED_EVERY):
        assert await ledger.charge(standing, entry(number, {1: 1}))

    kept = [one["gone"].timestamp() async for one in opened[documents.LEDGER].find()]
    assert min(kept) >= clock.now + 365 * DAY_S


async def test_what_was_learnt_is_forgotten_after_the_window_and_not_before(
    ledger: Ledger, clock: Clock
) -> None:
    standing = await ledger.standing(asker("anna"), "d", budget(100))
    assert await ledger.charge(standing, entry("first", {1: 100}))

    clock.now += 364 * DAY_S
    assert not await ledger.charge(standing, entry("early", {1: 1}))
    clock.now += 32 * DAY_S
    assert await ledger.charge(standing, entry("late", {1: 1}))


async def test_linked_identities_are_one_person_from_then_on(ledger: Ledger, clock: Clock) -> None:
    """Also for what each of them has learnt before, and when only one of them is shown again."""
    given = budget(100)
    for name in ("anna", "a.smith"):
        standing = await ledger.standing(asker(name), "d", given)
        assert await ledger.charge(standing, entry(name, {1: 60}))

    both = await ledger.standing(asker("a.smith", "anna"), "d", given)
    assert await beyond(both) == [1]
    assert await ledger.charge(both, entry("both", {2: 70}))
    clock.now += 60

    for name in ("anna", "a.smith"):
        alone = await ledger.standing(asker(name), "d", given)
        assert not await ledger.charge(alone, entry(f"{name} again", {2: 40}))
        assert await beyond(alone, 31) == [1, 2]


async def test_others_are_not_charged_unless_they_are_of_one_organisation(ledger: Ledger) -> None:
    given = budget(100, organisation=2, dataset=10)
    for name in ("anna", "ben"):
        standing = await ledger.standing(asker(name, organisation="uni"), "d", given)
        assert await ledger.charge(standing, entry(name, {1: 100}))

    colleague = await ledger.standing(asker("carl", organisation="uni"), "d", given)
    stranger = await ledger.standing(asker("dora", organisation="clinic"), "d", given)

    assert await beyond(colleague) == [1]
    assert await beyond(stranger) == []


async def test_all_callers_together_have_a_limit(ledger: Ledger) -> None:
    given = budget(100, dataset=3)
    for name in ("anna", "ben", "carl"):
        standing = await ledger.standing(asker(name), "d", given)
        assert await ledger.charge(standing, entry(name, {1: 100}))

    assert await beyond(await ledger.standing(asker("dora"), "d", given)) == [1]
    assert await beyond(await ledger.standing(asker("dora"), "other", given)) == []


async def test_so_many_different_questions_a_month(ledger: Ledger, clock: Clock) -> None:
    given = budget(questions_max=3)
    standing = await ledger.standing(asker("anna"), "d", given)
    for number in range(3):
        assert await ledger.charge(standing, entry(number, {}))

    with pytest.raises(TooManyRequests, match="3") as refused:
        await ledger.charge(standing, entry("one more", {}))
    assert refused.value.retry_after_s == 30 * DAY_S
    clock.now += 30 * DAY_S + 1
    assert await ledger.charge(standing, entry("one more", {}))


async def test_nothing_in_the_ledger_names_anybody(opened: Any, ledger: Ledger) -> None:
    people = ledger.people("d", ["NA12878", "NA12891"])
    standing = await ledger.standing(asker("anna", organisation="uni"), "d", budget())
    charge = entry("q", {int(one): 5 for one in people})
    assert await ledger.charge(standing, charge)

    held = repr(await opened[documents.LEDGER].find().to_list())

    assert not [name for name in ("NA12878", "anna", "uni") if name in held]


async def test_what_is_spent_is_told_of_the_dataset_it_was_spent_on(
    opened: Any, ledger: Ledger, clock: Clock
) -> None:
    datasets = [f"d{number}" for number in range(6)]
    for number, dataset_id in enumerate(datasets, 1):
        for caller in range(number):
            clock.now += 1
            standing = await ledger.standing(asker(f"p{caller}"), dataset_id, budget())
            assert await ledger.charge(standing, entry(dataset_id, {1: 10}))

    told = await spent(opened, ledger, {one: (budget(), 10) for one in datasets}, clock.now)
    assert [told[one].callers for one in datasets] == [1, 2, 3, 4, 5, 6]


async def test_many_who_give_up_before_there_are_indexes_are_only_cancelled(ledger: Ledger) -> None:
    asking = [asyncio.create_task(ledger.standing(asker("anna"), "d", budget())) for _ in range(5)]
    await asyncio.sleep(0)
    assert ledger._ready is not None
    await ledger._ready
    for task in asking:
        task.cancel()
    ended = await asyncio.gather(*asking, return_exceptions=True)

    assert {type(one) for one in ended} == {asyncio.CancelledError}
    assert (await ledger.standing(asker("anna"), "d", budget())).accounts
