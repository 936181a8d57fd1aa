"""Cases are questions like others: who asks them learns no more of anybody than a budget allows."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from beacon.framework import matching
from beacon.framework.access import ANY, Access, Asker, Protection
from beacon.framework.budget import UNITS
from beacon.framework.matching import MatchRequest
from beacon.framework.noise import Noise
from beacon.framework.query import (
    Case,
    CaseVariant,
    Filter,
    Granularity,
    Query,
    VariationQuery,
)
from beacon.framework.request import Limits
from beacon.framework.service import Service
from beacon.memory import MemoryDataset, MemoryStore
from beacon.memory.rows import JoinedDataset
from beacon.model.entry_types import MODEL
from beacon.mongo import documents
from beacon.mongo.ledger import Ledger
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore
from tests.contract import random_cohorts as made
from tests.contract.test_cases_agree import ONTOLOGIES, case, cohort
from tests.contract.test_sources_agree import load, plain
from tests.mongo.test_withdrawal import names_of, renamed, without
from tests.privacy.protected_world import IDENTITY
from tests.privacy.test_budget import KEY, budget, opened, stored, use_up

__all__ = ["opened", "stored"]

ANNA = Asker(identities=("anna",))
LEAST = 5


def access(least: int, **more: Any) -> Access:
    rules = {ANY: (Protection(min_count=least),) * 3}
    return Access(
        grants={"d1": {ANY: Granularity.COUNT}},
        protections={"d1": rules},
        asker=ANNA,
        **more,
    )


@settings(
    max_examples=8,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rng=st.randoms(use_true_random=False))
async def test_who_is_used_up_is_similar_to_nobody(
    rng: Random, stored: Any, opened: Any, tmp_path: Path
) -> None:
    """Random cohorts and cases: the answer is that of a beacon in which they never were."""
    sink = MongoSink(stored, grace_s=0)
    for ontology in ONTOLOGIES:
        sink.put_ontology(ontology)
    sink.drop("d1")
    records = renamed(cohort(rng, "GRCh38"))
    records["individual"].append({"id": "zqI7wx", "sex": made.term("NCIT:C16576")})
    load(sink, "d1", records, tmp_path)
    joined = JoinedDataset("d1", MemoryDataset(records=records, assembly="GRCh38"))
    people = sorted({row.individual for row in joined.rows})
    gone = set(rng.sample(people, rng.randint(1, max(1, len(people) - 1))))
    left = without(copy.deepcopy(records), gone, names_of(joined, gone))
    assembly = "GRCh38" if records["genomicVariant"] else None
    memory = MemoryStore({"d1": MemoryDataset(records=left, assembly=assembly)}, ONTOLOGIES)
    plenty = budget(4_000 * UNITS)
    for _ in range(20):
        # A caller's earlier questions may change what later ones are told.
        stored[documents.LEDGER].drop()
        ledger = Ledger(opened, KEY)
        await use_up(ledger, ANNA, plenty, gone)
        mongo = MongoStore(opened, refresh_s=0, ledger=ledger)
        query = Query(
            entry_type="individual",
            case=case(rng, {"d1": records}),
            granularity=Granularity.COUNT,
            dataset_ids=("d1",),
        )

        expected = await memory.search(query, access(2, budgets={"d1": plenty}))
        actual = await mongo.search(query, access(2, budgets={"d1": plenty}))

        assert plain(actual) == plain(expected), query


# People who are alike -----------------------------------------------------------------------------

ALIKE = 6
TARGET = "P00"


def alleles(number: int) -> list[int]:
    """Where somebody has alleles that nobody else has."""
    return [100 + 50 * number + step for step in range(20)]


def record(start: int, carrier: str) -> dict[str, Any]:
    interval = {
        "type": "SequenceInterval",
        "start": {"type": "Number", "value": start},
        "end": {"type": "Number", "value": start + 1},
    }
    location = {
        "type": "SequenceLocation",
        "sequence_id": "refseq:NC_000017.11",
        "interval": interval,
    }
    bases = {"variantType": "SNP", "referenceBases": "G", "alternateBases": "A"}
    return {
        "variantInternalId": f"v{start}",
        "variation": {**bases, "location": location},
        "caseLevelData": [{"biosampleId": carrier, "individualId": carrier}],
    }


def everybody() -> made.Records:
    """Forty people; six have the same features, and each has alleles of its own."""
    names = [f"P{number:02}" for number in range(40)]
    return {
        "individual": [
            {
                "id": name,
                "sex": made.term("NCIT:C16576"),
                "phenotypicFeatures": [
                    {"featureType": made.term("HP:0000012" if number < ALIKE else "HP:0000021")}
                ],
            }
            for number, name in enumerate(names)
        ],
        "genomicVariant": [
            record(start, name) for number, name in enumerate(names) for start in alleles(number)
        ],
    }


def genome(number: int) -> Case:
    """What an attacker has who holds somebody's genome."""
    return Case(
        variants=tuple(
            CaseVariant(
                variation=VariationQuery(
                    assembly_id="GRCh38",
                    reference_name="17",
                    start=(start,),
                    reference_bases="G",
                    alternate_bases="A",
                ),
                name=f"17-{start}",
            )
            for start in alleles(number)
        )
    )


@pytest.fixture
def mongo(stored: Any, opened: Any, tmp_path: Path) -> MongoStore:
    sink = MongoSink(stored, grace_s=0)
    for ontology in ONTOLOGIES:
        sink.put_ontology(ontology)
    load(sink, "d1", everybody(), tmp_path)
    return MongoStore(opened, refresh_s=0, ledger=Ledger(opened, KEY))


async def told(mongo: MongoStore, asked: Case, granted: Access) -> list[Any]:
    """What a caller is told of each band, whole."""
    service = Service(
        identity=IDENTITY,
        model=MODEL,
        source=mongo,
        test_source=mongo,
        limits=Limits(),
        noise=Noise(b"key"),
    )
    request = MatchRequest(case=asked, granularity=Granularity.RECORD)
    ordered = await service.answer_together(matching.queries(request), granted)
    answer = matching.answer(request, ordered, granted, IDENTITY, lambda *names: "x")
    assert answer.matches == ()
    return [(band["exists"], band.get("count")) for band in answer.sets[0]["bands"]]


async def test_a_genome_does_not_tell_whether_its_owner_is_here(mongo: MongoStore) -> None:
    """All alleles of somebody at once, which nobody else has."""
    granted = access(LEAST, budgets={"d1": budget(1_000 * UNITS)})

    here = await told(mongo, genome(0), granted)
    elsewhere = await told(mongo, genome(100), granted)

    assert here == elsewhere == [(False, 0)] * 3


async def test_without_protection_it_would(mongo: MongoStore) -> None:
    granted = Access(grants={"d1": {ANY: Granularity.COUNT}})

    assert await told(mongo, genome(0), granted) == [(True, 1)] * 3
    assert await told(mongo, genome(100), granted) == [(False, 0)] * 3


async def test_where_single_people_are_told_of_no_case_is_compared(mongo: MongoStore) -> None:
    granted = access(1, budgets={"d1": budget(1_000 * UNITS)})
    query = msgspec.structs.replace(matching.queries(MatchRequest(case=genome(0)))[0])

    (found,) = (await mongo.search(query, granted)).result_sets

    assert found.count == 0
    assert "notApplicable" in (found.info or {})


async def test_cases_use_up_a_budget(mongo: MongoStore) -> None:
    """Each costs everybody who is similar 1 / 6, so that one unit is six cases, or fewer."""
    granted = access(LEAST, budgets={"d1": budget(UNITS)})
    answered = 0
    for number in range(20):
        # The same people each time, by another question.
        asked = Case(
            features=("HP:0000012",), excluded=tuple(sorted(PASSED_OVER[:number])), least=0.5
        )
        query = Query(
            entry_type="individual", case=asked, granularity=Granularity.COUNT, dataset_ids=("d1",)
        )
        (found,) = (await mongo.search(query, granted)).result_sets
        answered += bool(found.count)

    assert 1 <= answered <= ALIKE


PASSED_OVER = [f"HP:09{number:05}" for number in range(20)]
"""Of which nobody is known to have any."""


async def test_the_same_case_is_paid_for_once(mongo: MongoStore) -> None:
    granted = access(LEAST, budgets={"d1": budget(UNITS)})
    asked = Case(features=("HP:0000012",), least=0.5)
    query = Query(entry_type="individual", case=asked, granularity=Granularity.COUNT)

    counts = [(await mongo.search(query, granted)).result_sets[0].count for _ in range(30)]

    assert counts == [ALIKE] * 30


# Alleles that are nearly common -------------------------------------------------------------------

PEOPLE = 60
AT = [100 * number for number in range(20)]
"""Where alleles are."""


def carriers_of(number: int, many: int) -> list[str]:
    """Of an allele: `P00` and some others."""
    others = [f"P{one:02}" for one in range(1, PEOPLE)]
    return ["P00", *Random(number).sample(others, many - 1)]


def nearly_common(many: int) -> made.Records:
    """Sixty people, and alleles that so many of them carry each."""
    records = [record(start, "") for start in AT]
    for number, one in enumerate(records):
        one["caseLevelData"] = [
            {"biosampleId": name, "individualId": name} for name in carriers_of(number, many)
        ]
    return {
        "individual": [
            {"id": f"P{number:02}", "sex": made.term("NCIT:C16576")} for number in range(PEOPLE)
        ],
        "genomicVariant": records,
    }


def alleles_at(starts: Sequence[int]) -> Case:
    of_one = genome(0).variants
    return Case(
        variants=tuple(
            CaseVariant(
                variation=msgspec.structs.replace(one.variation, start=(start,)),
                name=f"17-{start}",
            )
            for one, start in zip(of_one, starts, strict=False)
        )
    )


async def charged(
    many: int, starts: Sequence[int], stored: Any, opened: Any, folder: Path
) -> Mapping[str, int]:
    """What a case costs those who carry any of it, in a dataset where so many carry each."""
    sink = MongoSink(stored, grace_s=0)
    load(sink, "d1", nearly_common(many), folder)
    ledger = Ledger(opened, KEY)
    mongo = MongoStore(opened, refresh_s=0, ledger=ledger)
    plenty = budget(1_000 * UNITS)
    await told(mongo, alleles_at(starts), access(LEAST, budgets={"d1": plenty}))
    names = [f"P{number:02}" for number in range(PEOPLE)]
    account = (await ledger.standing(ANNA, "d1", plenty)).own
    return {
        name: account.known_of(np.array([key], np.uint64))
        for name, key in zip(names, ledger.people("d1", names), strict=True)
    }


@pytest.mark.parametrize("many", [10, 11, 30])
async def test_nobody_more_makes_an_allele_common(
    many: int, stored: Any, opened: Any, tmp_path: Path
) -> None:
    """Where an account is kept, all who carry an allele are similar, however many they are."""
    sink = MongoSink(stored, grace_s=0)
    load(sink, "d1", nearly_common(many), tmp_path)
    mongo = MongoStore(opened, refresh_s=0, ledger=Ledger(opened, KEY))
    memory = MemoryStore({"d1": MemoryDataset(records=nearly_common(many), assembly="GRCh38")})
    granted = access(LEAST, budgets={"d1": budget(1_000 * UNITS)})

    assert await told(mongo, alleles_at(AT[:1]), granted) == [(True, many)] * 3
    question = matching.queries(MatchRequest(case=alleles_at(AT[:1])))[0]
    (in_memory,) = (await memory.search(question, granted)).result_sets
    assert in_memory.count == many


async def test_who_keeps_no_account_passes_over_what_is_common(
    stored: Any, opened: Any, tmp_path: Path
) -> None:
    sink = MongoSink(stored, grace_s=0)
    load(sink, "d1", nearly_common(11), tmp_path)
    mongo = MongoStore(opened, refresh_s=0)

    assert await told(mongo, alleles_at(AT[:1]), access(LEAST)) == [(False, 0)] * 3


async def test_alleles_together_cost_no_less_than_each_alone(
    stored: Any, opened: Any, tmp_path: Path
) -> None:
    """The people who carry any of many are many: their number alone would cost each hardly any."""
    spent = await charged(9, AT[:8], stored, opened, tmp_path)

    assert spent["P00"] >= 8 * UNITS / 9


async def test_bands_about_the_same_people_cost_as_much_as_one(
    stored: Any, opened: Any, tmp_path: Path
) -> None:
    """All who carry it are similar in all three bands."""
    spent = await charged(6, AT[:1], stored, opened, tmp_path)

    assert UNITS / 6 <= spent["P00"] < 1.5 * UNITS / 6


async def test_all_bands_leave_out_the_same(stored: Any, opened: Any, tmp_path: Path) -> None:
    """However little a caller may still learn, no band has more people than one below it."""
    sink = MongoSink(stored, grace_s=0)
    load(sink, "d1", nearly_common(9), tmp_path)
    mongo = MongoStore(opened, refresh_s=0, ledger=Ledger(opened, KEY))
    granted = access(LEAST, budgets={"d1": budget(UNITS)})
    told_of = [await told(mongo, alleles_at(AT[first : first + 3]), granted) for first in range(18)]

    assert told_of[0][0][0]
    assert told_of[-1] == [(False, 0)] * 3
    for bands in told_of:
        assert len(set(bands)) == 1, told_of


async def test_nearly_the_same_people_have_one_number_with_its_noise(
    stored: Any, opened: Any, tmp_path: Path
) -> None:
    """Else two numbers that are equal would say that the same people were counted."""
    records = nearly_common(12)
    for first in range(0, 18, 3):
        carriers = records["genomicVariant"][first]["caseLevelData"]
        records["genomicVariant"][first + 1]["caseLevelData"] = carriers[1:]
        records["genomicVariant"][first + 2]["caseLevelData"] = [*carriers]
    sink = MongoSink(stored, grace_s=0)
    load(sink, "d1", records, tmp_path)
    mongo = MongoStore(opened, refresh_s=0, ledger=Ledger(opened, KEY))
    rule = Protection(min_count=LEAST, noise=0.3)
    granted = Access(
        grants={"d1": {ANY: Granularity.COUNT}},
        protections={"d1": {ANY: (rule,) * 3}},
        asker=ANNA,
        budgets={"d1": budget(1_000 * UNITS)},
    )
    numbers = [
        [(await told(mongo, alleles_at([start]), granted))[0] for start in AT[first : first + 3]]
        for first in range(0, 18, 3)
    ]

    assert all(len(set(one)) == 1 for one in numbers), numbers
    assert len({one[0] for one in numbers}) > 1


async def test_alleles_among_nearly_the_same_people_have_noise_of_their_own(
    stored: Any, opened: Any, tmp_path: Path
) -> None:
    """Else the number of one, which everybody knows, would tell the noise of all others."""
    records = nearly_common(12)
    for number, person in enumerate(records["individual"]):
        features = ["HP:0000012"] * (number < 20) + ["HP:0000021"] * (number < 19)
        person["phenotypicFeatures"] = [{"featureType": made.term(one)} for one in features]
    sink = MongoSink(stored, grace_s=0)
    for ontology in ONTOLOGIES:
        sink.put_ontology(ontology)
    load(sink, "d1", records, tmp_path)
    mongo = MongoStore(opened, refresh_s=0, ledger=Ledger(opened, KEY))
    granted = access(LEAST, budgets={"d1": budget(1_000 * UNITS)})

    async def asked(term: str, start: int | None = None) -> Any:
        variation = None if start is None else alleles_at([start]).variants[0].variation
        query = Query(
            entry_type="individual" if start is None else "genomicVariant",
            variation=variation,
            filters=(Filter(id=term, scope="individual"),),
            granularity=Granularity.COUNT,
        )
        return (await mongo.search(query, granted)).result_sets[0].basis

    first, near = await asked("HP:0000012"), await asked("HP:0000021")
    alleles = [await asked("HP:0000021", start) for start in AT[:4]]

    assert (first.question, first.members) == (near.question, near.members)
    assert len({one.question for one in (first, *alleles)}) == 5
