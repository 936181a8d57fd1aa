"""Callers with a budget: who is used up is left out, and every answer is paid for once."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pymongo
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from beacon.framework.access import ANY, Access, Asker, Protection
from beacon.framework.budget import UNITS, Budget, cost, limit_of_power
from beacon.framework.errors import InvalidRequest, SourceUnavailable
from beacon.framework.query import Filter, Granularity, Query, VariationQuery
from beacon.memory import MemoryDataset, MemoryStore
from beacon.memory.rows import JoinedDataset
from beacon.mongo import documents
from beacon.mongo.ledger import Ledger
from beacon.mongo.ledger_account import Entry
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore
from tests.contract import random_cohorts as made
from tests.contract.test_sources_agree import load, plain, whole
from tests.mongo.test_withdrawal import names_of, renamed, without

KEY = b"k" * 32
ASKER = Asker(identities=("anna",))
QUESTIONS = 40
DAY_S = 86_400.0


def budget(limit: int = UNITS, *, questions_max: int = 0, factor: int = 30) -> Budget:
    return Budget(
        limit=limit,
        organisation_limit=5 * limit,
        dataset_limit=factor * limit,
        window_s=365 * DAY_S,
        questions_max=questions_max,
    )


@pytest.fixture
def stored(mongo_uri: str, database: str) -> Iterator[Any]:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        yield client[database]


@pytest.fixture
async def opened(mongo_uri: str, database: str) -> AsyncIterator[Any]:
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        yield client[database]


async def use_up(ledger: Ledger, asker: Asker, given: Budget, people: set[str]) -> None:
    """Let a caller have learnt all that there is to learn of some people."""
    standing = await ledger.standing(asker, "d1", given)
    keys = np.sort(ledger.people("d1", sorted(people)))
    units = np.full(len(keys), given.limit, np.uint32)
    assert await ledger.charge(standing, Entry(b"used up", keys, units))


@settings(
    max_examples=10,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rng=st.randoms(use_true_random=False))
async def test_who_is_used_up_is_as_if_never_there_and_nobody_else_is(
    rng: Random, stored: Any, opened: Any, tmp_path: Path
) -> None:
    """Random cohorts and questions; another caller is told what everybody is."""
    sink = MongoSink(stored, grace_s=0)
    sink.put_ontology(made.ONTOLOGY)
    for assembly, genes in made.GENES.items():
        sink.put_genes(assembly, genes, "1")
    sink.drop("d1")
    stored[documents.LEDGER].drop()
    records = renamed(made.cohort(rng, "GRCh38"))
    records["individual"].append({"id": "zqI7wx", "sex": made.term("NCIT:C16576")})
    load(sink, "d1", records, tmp_path)
    joined = JoinedDataset("d1", MemoryDataset(records=records, assembly="GRCh38"))
    people = sorted({row.individual for row in joined.rows})
    if len(people) == 1:
        return  # a dataset of nobody says so
    gone = set(rng.sample(people, rng.randint(1, max(1, len(people) - 1))))
    left = without(copy.deepcopy(records), gone, names_of(joined, gone))
    for cohort in left["cohort"]:
        if any(belongs_to(one, cohort) for one in records["individual"]) and not any(
            belongs_to(one, cohort) for one in left["individual"]
        ):  # a cohort that nobody is said to belong to is everybody
            cohort.setdefault("info", {"individualIds": []})
    for entry_type in ("run", "analysis"):  # those of nobody go with whoever goes first
        ids = {one.id for one in joined.entries[entry_type] if one.rows}
        left[entry_type] = [one for one in left[entry_type] if one["id"] in ids]
    assembly = "GRCh38" if records["genomicVariant"] else None

    def memory(of: made.Records) -> MemoryStore:
        return MemoryStore(
            {"d1": MemoryDataset(records=of, assembly=assembly)},
            made.ONTOLOGIES,
            lambda name, symbol: made.GENES.get(name, {}).get(symbol),
        )

    for_all, for_anna = memory(records), memory(left)
    ledger = Ledger(opened, KEY)
    mongo = MongoStore(opened, refresh_s=0, ledger=ledger)
    # So much that nobody else is ever used up.
    plenty = budget(4_000 * UNITS)
    await use_up(ledger, ASKER, plenty, gone)
    for _ in range(QUESTIONS):
        query, access = made.question(rng), made.access(rng)
        if "d1" not in access.grants or not chooses_people(query):
            continue
        query = msgspec.structs.replace(query, granularity=Granularity.COUNT, dataset_ids=("d1",))
        for store, name in ((for_anna, "anna"), (for_all, "ben")):
            theirs = msgspec.structs.replace(
                access, asker=Asker(identities=(name,)), budgets={"d1": plenty}
            )
            try:
                expected = plain(await store.search(whole(query), access))
            except InvalidRequest:
                continue

            assert plain(await mongo.search(whole(query), theirs)) == expected, (query, name)
            assert plain(await mongo.search(whole(query), theirs)) == expected, "a replay"


def belongs_to(individual: dict[str, Any], cohort: dict[str, Any]) -> bool:
    """Whether a person's record says so."""
    return cohort["id"] in individual.get("info", {}).get("cohortIds", ())


def chooses_people(query: Query) -> bool:
    """Whether the answer depends on people, and not on how large the dataset is."""
    if query.entry_type in ("dataset", "cohort") or any(
        one.scope in (None, "dataset", "cohort") for one in query.filters
    ):
        return False
    within = query.within
    return bool(
        query.filters
        or query.variation is not None
        or (within is not None and within.entry_type not in ("dataset", "cohort"))
    )


# A cohort that is known ---------------------------------------------------------------------------

PEOPLE = [f"P{number:02}" for number in range(60)]
LEAST = 10


def record(start: int, carriers: list[str]) -> dict[str, Any]:
    return {
        "variantInternalId": f"17-{start}-A-C",
        "variation": {
            "location": {
                "type": "SequenceLocation",
                "sequence_id": "refseq:NC_000017.11",
                "interval": {
                    "type": "SequenceInterval",
                    "start": {"type": "Number", "value": start},
                    "end": {"type": "Number", "value": start + 1},
                },
            },
            "variantType": "SNP",
            "referenceBases": "A",
            "alternateBases": "C",
        },
        "caseLevelData": [
            {
                "biosampleId": one,
                "individualId": one,
                "zygosity": {"id": "GENO:0000458", "label": "simple heterozygous"},
            }
            for one in carriers
        ],
    }


def term(number: int) -> dict[str, Any]:
    return {"featureType": {"id": f"HP:{number:07}", "label": f"sign {number}"}}


@pytest.fixture
def cohort(stored: Any, tmp_path: Path) -> None:
    """`HP:1`: 30 people; `HP:2`: those but one; alleles at 1000+i: 12 people from i on.

    At 2000 three, and from 3000 on 40, 55 and 12 people.
    """
    sink = MongoSink(stored, grace_s=0)
    individuals = [
        {
            "id": one,
            "sex": {"id": "NCIT:C16576", "label": "female"},
            "phenotypicFeatures": [term(0)] + [term(1)] * (number < 30) + [term(2)] * (number < 29),
            "diseases": [
                {"diseaseCode": {"id": "MONDO:1"}, "ageOfOnset": {"iso8601duration": "P30Y"}}
            ],
        }
        for number, one in enumerate(PEOPLE)
    ]
    samples = [{"id": one, "individualId": one} for one in PEOPLE]
    alleles = [record(1000 + number, PEOPLE[number : number + 12]) for number in range(40)]
    alleles.append(record(2000, PEOPLE[:3]))
    alleles += [record(3000, PEOPLE[:40]), record(3001, PEOPLE[:55]), record(3002, PEOPLE[5:17])]
    load(
        sink, "d1", {"individual": individuals, "biosample": samples, "genomicVariant": alleles},
        tmp_path,
    )  # fmt: skip


def told(entry_type: str = "individual", *, level: Granularity = Granularity.COUNT) -> Access:
    """What a caller with a budget may learn."""
    least = Protection(min_count=LEAST)
    return Access(
        grants={"d1": {ANY: level}},
        protections={"d1": {ANY: (least, least, least)}},
        asker=ASKER,
        budgets={"d1": budget(limit_of_power(0.2))},
    )


def exactly(at: int, **more: Any) -> VariationQuery:
    return VariationQuery(
        **{
            "reference_name": "17", "start": (at,), "reference_bases": "A",
            "alternate_bases": "C", "assembly_id": "GRCh38", **more,
        }
    )  # fmt: skip


def asking(entry_type: str = "individual", **more: Any) -> Query:
    return Query(**{"entry_type": entry_type, "granularity": Granularity.COUNT, **more})


def having(*ids: int) -> tuple[Filter, ...]:
    return tuple(Filter(id=f"HP:{one:07}") for one in ids)


@pytest.fixture
def mongo(opened: Any, cohort: None) -> MongoStore:
    return MongoStore(opened, refresh_s=0, ledger=Ledger(opened, KEY))


async def number(mongo: MongoStore, query: Query, access: Access | None = None) -> int | None:
    (found,) = (await mongo.search(query, access or told())).result_sets
    return found.count


async def asked_so_far(opened: Any) -> int:
    found: int = await opened[documents.LEDGER].count_documents({"q": {"$exists": True}})
    return found


SPELLINGS = [
    asking(variation=exactly(1000), granularity=level, filters=filters)
    for level in (Granularity.BOOLEAN, Granularity.COUNT, Granularity.RECORD)
    for filters in ((), having(0))
] + [
    asking(variation=one)
    for one in (
        exactly(1000, reference_name="chr17"),
        exactly(1000, variant_type="SNP"),
        exactly(1000, end=(1001,)),
        exactly(1000, start=(999, 1001), end=(1000, 1002), reference_bases=None),
        VariationQuery(reference_name="17", start=(1000,), end=(1001,), assembly_id="GRCh38"),
    )
]


async def test_all_spellings_are_one_question_one_charge_one_answer(
    mongo: MongoStore, opened: Any
) -> None:
    answers = {await number(mongo, one) for one in SPELLINGS * 5}

    assert answers == {12}
    assert await asked_so_far(opened) == 1


async def test_orders_and_tautologies_of_filters_are_one_question(
    mongo: MongoStore, opened: Any
) -> None:
    everybody = Filter(id="NCIT:C16576")
    for filters in (
        having(1), having(1, 1), having(1, 0), having(0, 1), (*having(1), everybody),
        tuple(Filter(id=one.id, include_descendant_terms=False) for one in having(1)),
        tuple(Filter(id=one.id, scope="individual") for one in having(1)),
    ):  # fmt: skip
        assert await number(mongo, asking(filters=filters)) == 30

    assert await asked_so_far(opened) == 1


async def test_an_attack_on_one_person_ends(mongo: MongoStore) -> None:
    """P11 carries alleles 1000 to 1011, each told at first; then P11 is in no answer any more."""
    numbers = [await number(mongo, asking(variation=exactly(1000 + one))) for one in range(12)]

    assert numbers[:6] == [12] * 6
    assert numbers[-1] != 12
    assert [
        await number(mongo, asking(variation=exactly(1000 + one))) for one in range(12)
    ] == numbers
    ben = msgspec.structs.replace(told(), asker=Asker(identities=("ben",)))
    assert await number(mongo, asking(variation=exactly(1011)), ben) == 12


async def test_sets_that_differ_in_one_person_have_one_number(mongo: MongoStore) -> None:
    assert await number(mongo, asking(filters=having(1))) == 30
    assert await number(mongo, asking(filters=having(2))) == 30
    assert await number(mongo, asking(filters=having(2))) == 30

    ben = msgspec.structs.replace(told(), asker=Asker(identities=("ben",)))
    assert await number(mongo, asking(filters=having(2)), ben) == 29


async def test_who_is_few_is_charged_like_who_is_told(mongo: MongoStore, opened: Any) -> None:
    """Three carriers are nobody to callers, and the question costs what any other does."""
    await mongo.search(asking(variation=exactly(2000)), told())
    (entry,) = await opened[documents.LEDGER].find({"p": {"$gt": b""}}).to_list()

    charged = sorted(np.frombuffer(entry["u"], np.uint32).tolist())
    assert charged[-3:] == [cost(3, LEAST)] * 3
    assert charged[-4] < cost(3, LEAST) / 50  # those who are not among the three


async def test_without_a_ledger_there_is_no_answer(opened: Any, cohort: None) -> None:
    with pytest.raises(SourceUnavailable):
        await MongoStore(opened, refresh_s=0).search(asking(filters=having(1)), told())


async def test_many_at_once_learn_no_more_than_one_after_the_other(mongo: MongoStore) -> None:
    """Two hundred questions in flight: nobody is charged beyond the limit."""
    questions = [asking(variation=exactly(1000 + one)) for one in range(40)] * 5
    await asyncio.gather(*(mongo.search(one, told()) for one in questions))

    ledger = mongo._spending._ledger  # type: ignore[union-attr]
    standing = await ledger.standing(ASKER, "d1", told().budgets["d1"])
    assert cost(12, LEAST) <= standing.own.most() <= limit_of_power(0.2)


async def test_a_range_costs_for_each_allele_where_each_is_shown(
    mongo: MongoStore, opened: Any
) -> None:
    """Ten alleles of a person at once cost more than may be learnt: such people are left out."""
    region = VariationQuery(reference_name="17", start=(1000,), end=(1040,), assembly_id="GRCh38")
    query = asking("genomicVariant", variation=region, granularity=Granularity.RECORD)
    access = told(level=Granularity.RECORD)
    access = msgspec.structs.replace(access, grants={"d1": {"genomicVariant": Granularity.RECORD}})
    (found,) = (await mongo.search(query, access)).result_sets

    ledger = mongo._spending._ledger  # type: ignore[union-attr]
    standing = await ledger.standing(ASKER, "d1", access.budgets["d1"])
    assert (found.count or 0) < 40
    assert standing.own.most() <= limit_of_power(0.2)


async def test_who_carries_what_many_do_is_not_read_to_count_alleles(
    mongo: MongoStore, stored: Any, opened: Any
) -> None:
    dense = stored[documents.DENSE]
    unread = [one["_id"] for one in dense.find() if len(BitMap.deserialize(one["a"])) == 55]
    assert dense.delete_many({"_id": {"$in": unread}}).deleted_count == 1
    region = VariationQuery(reference_name="17", start=(3000,), end=(3010,), assembly_id="GRCh38")

    assert await number(mongo, asking("genomicVariant", variation=region)) == 3
    (entry,) = await opened[documents.LEDGER].find({"p": {"$gt": b""}}).to_list()
    charged = {int(one) for one in np.frombuffer(entry["p"], np.uint64)}
    ledger = mongo._spending._ledger  # type: ignore[union-attr]
    near = set(ledger.people("d1", PEOPLE[5:17]).tolist())
    assert near <= charged


async def test_a_question_that_was_told_is_evaluated_again_only_if_others_are_left_out(
    mongo: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated = 0
    result_set = mongo._evaluation.result_set

    async def counted(*given: Any) -> Any:
        nonlocal evaluated
        evaluated += 1
        return await result_set(*given)

    monkeypatch.setattr(mongo._evaluation, "result_set", counted)
    first = VariationQuery(reference_name="17", start=(1005,), end=(1006,), assembly_id="GRCh38")
    again = exactly(1005, variant_type="SNP")
    told_first = await number(mongo, asking(variation=first))
    assert evaluated == 1
    assert await number(mongo, asking(variation=again)) == told_first == 12
    assert evaluated == 2

    for one in range(6, 16):  # until some of the twelve are used up
        await number(mongo, asking(variation=exactly(1000 + one)))
    evaluated = 0
    assert await number(mongo, asking(variation=exactly(1005))) == 12
    assert evaluated == 2  # as of now, to know the question, and as it was told
