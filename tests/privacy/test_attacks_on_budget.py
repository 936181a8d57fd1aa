"""Attacks on the budget: ways to learn of people who are not charged, or less than they should."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from pyroaring import BitMap

from beacon.framework.access import Access, Asker, Protection
from beacon.framework.budget import UNITS, Budget, cost
from beacon.framework.errors import TooManyRequests
from beacon.framework.query import Filter, Granularity, Pagination, VariationQuery, Within
from beacon.mongo import documents
from beacon.mongo.ledger import SUMMED_EVERY, Ledger
from beacon.mongo.ledger_account import MONTH_S, SETS_MAX, Entry
from beacon.mongo.ledger_entries import with_people
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore
from beacon.mongo.tally import Tally
from tests.contract.test_sources_agree import load
from tests.privacy.test_budget import (
    KEY,
    LEAST,
    PEOPLE,
    asking,
    budget,
    exactly,
    having,
    mongo,
    number,
    opened,
    record,
    stored,
    term,
    told,
    use_up,
)

__all__ = ["mongo", "opened", "stored"]

DAY_S = 86_400.0
PLENTY = budget(4_000 * UNITS)


HAVING = {0: 60, 1: 30, 2: 29, 5: 10, 6: 9, 7: 23}
"""How many people have a sign: the first ones."""


@pytest.fixture
def cohort(stored: Any, tmp_path: Path) -> None:
    """Alleles at 1000+i: 12 people from i on; at 3000 one that nobody is known to carry."""
    individuals = [
        {
            "id": one,
            "sex": {"id": "NCIT:C16576", "label": "female"},
            "phenotypicFeatures": [term(sign) for sign, many in HAVING.items() if place < many],
        }
        for place, one in enumerate(PEOPLE)
    ]
    status = {"id": "EFO:0009655", "label": "abnormal sample"}
    samples = [{"id": one, "individualId": one, "biosampleStatus": status} for one in PEOPLE]
    alleles = [record(1000 + place, PEOPLE[place : place + 12]) for place in range(40)]
    counts = {"population": "Total", "alleleCount": 50, "alleleNumber": 120, "alleleFrequency": 0.4}
    source = {"source": "x", "sourceReference": "x", "frequencies": [counts]}
    alleles.append({**record(3000, []), "frequencyInPopulations": [source]})
    made: dict[str, list[dict[str, Any]]] = {
        "individual": individuals,
        "biosample": samples,
        "genomicVariant": alleles,
    }
    load(MongoSink(stored, grace_s=0), "d1", made, tmp_path)


def rich(access: Access | None = None, given: Budget = PLENTY) -> Access:
    return msgspec.structs.replace(access or told(), budgets={"d1": given})


def levels(**min_counts: tuple[int, int, int]) -> Access:
    """A caller with other thresholds, by entry type and level."""
    protections = {
        entry_type: tuple(Protection(min_count=one) for one in of_levels)
        for entry_type, of_levels in min_counts.items()
    }
    return msgspec.structs.replace(
        rich(),
        grants={"d1": dict.fromkeys(min_counts, Granularity.COUNT)},
        protections={"d1": protections},
    )


async def charged(opened: Any) -> list[int]:
    """The largest charge of each answer, in order."""
    entries = opened[documents.LEDGER].find({"q": {"$exists": True}}).sort("_id", 1)
    found = [one async for one in with_people(opened[documents.LEDGER], entries, 0)]
    return [int(np.frombuffer(one["u"], np.uint32).max(initial=0)) for one in found]


# Sets of people that differ in one person -------------------------------------------------------


async def test_sets_asked_about_at_once_have_one_number(mongo: MongoStore) -> None:
    """Who asks for both before either is answered learns no more than one after the other."""
    both = [asking(filters=having(one)) for one in (1, 2)]
    numbers = await asyncio.gather(*(number(mongo, one) for one in both))

    assert len(set(numbers)) == 1


async def test_sets_asked_about_in_two_processes_have_one_number(opened: Any, cohort: None) -> None:
    first, second = (MongoStore(opened, refresh_s=0, ledger=Ledger(opened, KEY)) for _ in range(2))
    for one in (first, second):
        await number(one, asking(variation=exactly(1030)))

    assert await number(first, asking(filters=having(1))) == 30
    assert await number(second, asking(filters=having(2))) == 30


@pytest.mark.parametrize("entry_type", ["biosample", "individual"])
async def test_sets_of_two_entry_types_have_one_number(mongo: MongoStore, entry_type: str) -> None:
    """There is a sample of each person: samples must not tell what people do not."""
    other = {"biosample": "individual", "individual": "biosample"}[entry_type]

    assert await number(mongo, asking(entry_type, filters=having(1))) == 30
    assert await number(mongo, asking(other, filters=having(2))) == 30
    assert await number(mongo, asking(other, filters=having(2))) == 30


async def test_datasets_are_told_of_by_the_earlier_set(mongo: MongoStore) -> None:
    """Ten people are enough for a yes; that nine of them are not would say who the tenth is."""
    access = rich()
    ten, nine = (
        asking("dataset", filters=having(one), granularity=Granularity.BOOLEAN) for one in (5, 6)
    )
    for query in (ten, nine):
        (found,) = (await mongo.search(query, access)).result_sets
        assert found.exists


async def test_a_difference_is_too_small_by_the_highest_threshold(mongo: MongoStore) -> None:
    """Numbers need ten people, a yes or no five: seven people are too few of a difference."""
    access = levels(individual=(5, LEAST, LEAST))

    assert await number(mongo, asking(filters=having(1)), access) == 30
    assert await number(mongo, asking(filters=having(7)), access) == 30


async def test_identities_that_are_linked_later_keep_their_sets(mongo: MongoStore) -> None:
    ben = msgspec.structs.replace(told(), asker=Asker(identities=("ben",)))
    both = msgspec.structs.replace(told(), asker=Asker(identities=("anna", "ben")))

    assert await number(mongo, asking(filters=having(1)), ben) == 30
    assert await number(mongo, asking(filters=having(2)), both) == 30


# Charged too little -----------------------------------------------------------------------------


async def test_a_stricter_spelling_does_not_pay_for_a_looser_one(
    mongo: MongoStore, opened: Any
) -> None:
    """A filter on samples that says nothing asks for 40 people, by the threshold of samples."""
    access = levels(individual=(LEAST,) * 3, biosample=(40,) * 3, genomicVariant=(LEAST,) * 3)
    says_nothing = (Filter(id="EFO:0009655", scope="biosample"),)

    assert await number(mongo, asking(variation=exactly(1000), filters=says_nothing), access) == 12
    assert await number(mongo, asking(variation=exactly(1000)), access) == 12
    assert sorted(await charged(opened)) == [cost(12, 40), cost(12, LEAST)]


async def test_who_may_be_told_more_later_pays_again(mongo: MongoStore, opened: Any) -> None:
    """The same question before and after a tier that is told of fewer people."""
    query = asking(variation=exactly(1000))
    await number(mongo, query, levels(individual=(40,) * 3, genomicVariant=(40,) * 3))
    assert await number(mongo, query, levels(individual=(10,) * 3, genomicVariant=(10,) * 3)) == 12

    assert sorted(await charged(opened)) == [cost(12, 40), cost(12, 10)]


async def test_charges_beyond_32_bits_are_not_small_ones(mongo: MongoStore) -> None:
    """Whoever carries as many alleles of a range as no entry can hold is charged the most."""
    await mongo.check()
    roster = await mongo._layers.roster(mongo._releases.datasets["d1"].metadata)
    tally = Tally(roster, 1, shows_alleles=True)
    for _ in range((1 << 32) // cost(1, 1) + 1):
        tally.rests_on(BitMap([3]))

    people, units = tally.charged.charges()
    of_one = dict(zip(people.tolist(), units.astype(np.uint32).tolist(), strict=True))
    assert of_one[3] == 0xFFFF_FFFF


async def test_runs_of_all_who_have_any_are_not_everybody(
    stored: Any, opened: Any, tmp_path: Path
) -> None:
    """A filter that holds for all runs chooses the people who have runs: they are charged."""
    people = PEOPLE[:40]
    runs = [
        {"id": f"R{one}", "individualId": one, "biosampleId": one, "platform": "P",
         "librarySource": {"id": "GENEPIO:1", "label": "genomic"}, "runDate": "2020-01-01"}
        for one in people[:15]
    ]  # fmt: skip
    made: dict[str, list[dict[str, Any]]] = {
        "individual": [{"id": one} for one in people],
        "biosample": [{"id": one, "individualId": one} for one in people],
        "run": runs,
        "genomicVariant": [record(1000, people[:12])],
    }
    load(MongoSink(stored, grace_s=0), "d1", made, tmp_path)
    mongo = MongoStore(opened, refresh_s=0, ledger=Ledger(opened, KEY))

    assert await number(mongo, asking(), rich()) == 40
    assert await number(mongo, asking(filters=(Filter(id="GENEPIO:1", scope="run"),)), rich()) == 15

    assert max(await charged(opened)) == cost(15, LEAST)


# Questions that may not be asked any more --------------------------------------------------------


async def test_no_more_questions_is_said_before_it_is_known_what_they_mean(
    mongo: MongoStore,
) -> None:
    """Else a free answer would say that no other allele is in a wider range."""
    access = rich(given=budget(4_000 * UNITS, questions_max=2))
    await number(mongo, asking(variation=exactly(1000)), access)
    await number(mongo, asking(variation=exactly(1020)), access)
    wider = VariationQuery(reference_name="17", start=(990,), end=(1001,), assembly_id="GRCh38")

    with pytest.raises(TooManyRequests):
        await number(mongo, asking(variation=wider), access)
    assert await number(mongo, asking(variation=exactly(1000)), access) == 12
    page = asking(variation=exactly(1000), pagination=Pagination(skip=3))
    assert await number(mongo, page, access) == 12


async def test_other_words_are_another_question_to_count(mongo: MongoStore) -> None:
    access = rich(given=budget(4_000 * UNITS, questions_max=2))
    for filters in (having(1), having(1, 0)):
        assert await number(mongo, asking(filters=filters), access) == 30

    with pytest.raises(TooManyRequests):
        await number(mongo, asking(filters=having(1, 1, 0)), access)


async def test_questions_are_counted_across_restarts(opened: Any) -> None:
    given = budget(questions_max=SETS_MAX + 2 * SUMMED_EVERY)
    ledger = Ledger(opened, KEY)
    standing = await ledger.standing(Asker(identities=("anna",)), "d1", given)
    for one in range(SETS_MAX + SUMMED_EVERY):
        assert await ledger.charge(standing, Entry(f"{one}".encode()))

    again = await Ledger(opened, KEY).standing(Asker(identities=("anna",)), "d1", given)
    assert again.own.asked_lately() == SETS_MAX + SUMMED_EVERY


# Accounts ----------------------------------------------------------------------------------------


async def test_a_shorter_window_makes_nobody_forget(opened: Any) -> None:
    now = [1.8e9]
    long = msgspec.structs.replace(budget(100), dataset_limit=100)
    short = msgspec.structs.replace(long, window_s=DAY_S)
    ledger = Ledger(opened, KEY, clock=lambda: now[0])
    anna, ben = Asker(identities=("anna",)), Asker(identities=("ben",))
    one = np.array([7], np.uint64)
    standing = await ledger.standing(anna, "d1", long)
    assert await ledger.charge(standing, Entry(b"q", one, np.array([100], np.uint32)))
    now[0] += 100 * DAY_S

    later = Ledger(opened, KEY, clock=lambda: now[0])
    await later.standing(ben, "d1", short)
    assert (await later.standing(ben, "d1", long)).excluded(1) is not None
    assert (await later.standing(ben, "d1", long)).excluded(1).tolist() == [7]  # type: ignore[union-attr]


async def test_sums_that_were_written_in_part_lose_nothing(opened: Any) -> None:
    """Whoever writes the sums dies between two months."""
    start = 1_000 * MONTH_S
    now = [start - 60.0]
    given = budget(10**6)
    anna = Asker(identities=("anna",))
    ledger = Ledger(opened, KEY, clock=lambda: now[0])
    standing = await ledger.standing(anna, "d1", given)
    for each in range(SUMMED_EVERY):
        now[0] = start - 60.0 if each < 100 else start + 60.0
        entry = Entry(f"{each}".encode(), np.array([7], np.uint64), np.array([3], np.uint32))
        assert await ledger.charge(standing, entry)
    account = standing.own.id
    head = account + b"s" + b"\xff" * 8
    later = account + b"s" + (1_000).to_bytes(8, "big")
    await opened[documents.LEDGER].delete_one({"_id": head})
    await opened[documents.LEDGER].delete_one({"_id": later})

    known = await Ledger(opened, KEY, clock=lambda: now[0]).standing(anna, "d1", given)
    assert known.own.most() == 3 * SUMMED_EVERY


async def test_a_charge_that_was_cancelled_in_the_middle_is_known(mongo: MongoStore) -> None:
    access = rich()
    for at in range(1000, 1030):
        with suppress(TimeoutError):
            asked = mongo.search(asking(variation=exactly(at)), access)
            await asyncio.wait_for(asked, 0.001 * (at % 12))
        assert await number(mongo, asking(variation=exactly(at)), access) == 12


async def test_who_is_used_up_and_gone_from_the_data_is_no_fault(
    stored: Any, opened: Any, tmp_path: Path
) -> None:
    made = {"genomicVariant": [record(1000, [])]}
    load(MongoSink(stored, grace_s=0), "d1", made, tmp_path)
    ledger = Ledger(opened, KEY)
    await use_up(ledger, told().asker, PLENTY, set(PEOPLE))  # type: ignore[arg-type]
    mongo = MongoStore(opened, refresh_s=0, ledger=ledger)

    assert await number(mongo, asking(variation=exactly(1000)), rich()) == 0


# Whether somebody was left out -------------------------------------------------------------------


async def test_frequencies_do_not_say_that_somebody_is_used_up(
    mongo: MongoStore, opened: Any
) -> None:
    """An allele that who is used up does not carry is told as before."""
    access = msgspec.structs.replace(
        rich(told(level=Granularity.RECORD)), grants={"d1": {"genomicVariant": Granularity.RECORD}}
    )
    query = asking("genomicVariant", variation=exactly(1030), granularity=Granularity.RECORD)
    ben = msgspec.structs.replace(access, asker=Asker(identities=("ben",)))
    await use_up(mongo._spending._ledger, told().asker, PLENTY, {"P00"})  # type: ignore
    (of_anna,) = (await mongo.search(query, access)).result_sets
    (of_ben,) = (await mongo.search(query, ben)).result_sets

    assert of_anna.count == 1
    assert of_anna.records == of_ben.records


async def test_ways_to_one_allele_are_one_question(mongo: MongoStore, opened: Any) -> None:
    access = rich()
    for query in (
        asking("genomicVariant", variation=exactly(1000)),
        asking("genomicVariant", variation=exactly(1000), within=Within("dataset", "d1")),
    ):
        assert await number(mongo, query, access) == 1

    assert len(await charged(opened)) == 1


async def test_alleles_without_carriers_do_not_say_that_somebody_is_used_up(
    mongo: MongoStore,
) -> None:
    await use_up(mongo._spending._ledger, told().asker, PLENTY, {"P00"})  # type: ignore

    query = asking("genomicVariant", variation=exactly(3000))
    ben = msgspec.structs.replace(rich(), asker=Asker(identities=("ben",)))
    assert await number(mongo, query, ben) == 1
    assert await number(mongo, query, rich()) == 1


async def test_a_condition_that_everybody_meets_does_not_count_who_is_used_up(
    mongo: MongoStore,
) -> None:
    await use_up(mongo._spending._ledger, told().asker, PLENTY, set(PEOPLE[:20]))  # type: ignore

    assert await number(mongo, asking(filters=having(0)), rich()) == 60


async def test_an_individual_who_is_used_up_is_not_there_by_name(mongo: MongoStore) -> None:
    access = levels(individual=(1, 1, 1))
    await use_up(mongo._spending._ledger, told().asker, PLENTY, {"P00"})  # type: ignore

    assert await number(mongo, asking(entry_id="P01"), access) == 1
    assert await number(mongo, asking(entry_id="P00"), access) == 0


async def test_cohorts_cost_by_the_people_of_each(stored: Any, opened: Any, tmp_path: Path) -> None:
    """Twelve of a cohort's people have a sign that forty have."""
    made: dict[str, list[dict[str, Any]]] = {
        "individual": [{"id": one, "phenotypicFeatures": [term(1)]} for one in PEOPLE[:40]]
        + [{"id": one} for one in PEOPLE[40:]],
        "biosample": [{"id": one, "individualId": one} for one in PEOPLE],
        "cohort": [
            {"id": "c", "name": "c", "cohortType": "study-defined", "individualIds": PEOPLE[28:]}
        ],
    }
    load(MongoSink(stored, grace_s=0), "d1", made, tmp_path)
    mongo = MongoStore(opened, refresh_s=0, ledger=Ledger(opened, KEY))
    await mongo.search(asking("cohort", filters=having(1)), rich())

    assert max(await charged(opened)) > cost(40, LEAST)
