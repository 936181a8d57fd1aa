"""Numbers with noise: asked in any words, they are one number, and thresholds hold behind it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from protected_world import COUNT, IDENTITY, V100, asked, cohort, person, store

from beacon.framework.access import ANY, Access, Protection
from beacon.framework.answer import Answer, Basis, Part, ResultSet
from beacon.framework.disclosure import disclose
from beacon.framework.noise import Added, Noise
from beacon.framework.numbers import released
from beacon.framework.query import Filter, Granularity, Query, Within
from beacon.framework.request import Limits
from beacon.framework.response import encode_answer
from beacon.framework.service import Service
from beacon.framework.source import Source
from beacon.memory import MemoryDataset, MemoryStore
from beacon.model.entry_types import MODEL

NOISE = Noise(b"n" * 32)
NOISY = Protection(min_count=10, noise=0.3)
ILL = Filter(id="MONDO:1", scope="individual")


def access(protection: Protection = NOISY, level: Granularity = COUNT) -> Access:
    return Access(grants={"d": {ANY: level}}, protections={"d": {ANY: (protection,) * 3}})


async def told(source: Source, query: Query, granted: Access | None = None) -> dict[str, Any]:
    service = Service(
        identity=IDENTITY,
        model=MODEL,
        source=source,
        test_source=source,
        limits=Limits(),
        noise=NOISE,
    )
    found = await service.answer(query, granted or access())
    (only,) = json.loads(encode_answer(found, query, IDENTITY, MODEL))["response"]["resultSets"]
    assert isinstance(only, dict)
    return only


def many(ill: int) -> MemoryStore:
    return store({"d": cohort(range(ill), range(40), people=100)})


async def test_spellings_of_a_question_have_one_answer() -> None:
    source = many(50)
    women = Filter(id="NCIT:C16576", scope="individual")
    everybody = Filter(id="UBERON:0000178", scope="biosample")
    spellings: list[list[Filter]] = [
        [ILL, women],
        [women, ILL],
        [women, ILL, ILL],
        [Filter(id="MONDO_1"), women],
        [Filter(id="MONDO:1"), Filter(id="NCIT:C16576")],
        [ILL, everybody, women],
    ]
    answers = [await told(source, asked("individual", COUNT, filters=one)) for one in spellings]

    assert all(one == answers[0] for one in answers)
    assert answers[0]["countPrecision"] == "imprecise"


async def test_noise_is_of_one_question_and_of_one_release_of_people() -> None:
    numbers = {
        (await told(many(ill), asked("individual", COUNT, filters=[ILL])))["resultsCount"] - ill
        for ill in range(20, 80, 3)
    }

    assert len(numbers) > 5


async def test_everybody_is_told_without_noise() -> None:
    for query in (asked("individual", COUNT), asked("biosample", COUNT)):
        assert (await told(many(50), query))["resultsCount"] == 100


async def test_carriers_have_noise_and_alleles_have_none() -> None:
    source = many(50)
    carriers = await told(source, asked("individual", COUNT, variation=V100))
    alleles = await told(source, asked("genomicVariant", COUNT, filters=[ILL]))

    assert carriers["countPrecision"] == "imprecise"
    assert (alleles["resultsCount"], alleles["countPrecision"]) == (2, "exact")


@pytest.mark.parametrize("entry_type", ["individual", "biosample"])
async def test_thresholds_hold_whatever_the_noise(entry_type: str) -> None:
    """Few are nobody, nearly everybody is everybody, and nothing between looks like either."""
    for ill in (*range(0, 20, 3), 9, 10, 40, 60, *range(80, 101, 3), 90, 91):
        one = await told(many(ill), asked(entry_type, COUNT, filters=[ILL]))
        if ill < 10:
            assert (one["exists"], one["resultsCount"]) == (False, 0)
        elif ill > 90:
            assert one["resultsCount"] == 100
        else:
            assert 10 <= one["resultsCount"] <= 90
            low, high = one["countAdjustedTo"]
            assert 10 <= low <= one["resultsCount"] <= high


async def test_most_limits_hold_the_true_number() -> None:
    outside = 0
    for ill in range(10, 91, 2):
        one = await told(many(ill), asked("individual", COUNT, filters=[ILL]))
        low, high = one["countAdjustedTo"]
        outside += not low <= ill <= high

    assert outside <= 3


@pytest.mark.parametrize("without", ["question", "members", "basis", "key"])
def test_a_count_without_its_noise_is_withheld(without: str) -> None:
    basis = Basis(
        people=50,
        size=100,
        question=None if without == "question" else b"q",
        members=None if without == "members" else b"m",
    )
    found = ResultSet(dataset_id="d", count=50, basis=None if without == "basis" else basis)
    query = asked("individual", COUNT, filters=[ILL])
    noise = None if without == "key" else NOISE
    disclosed = disclose(Answer(result_sets=(found,)), query, access(), noise=noise)

    (one,) = disclosed.result_sets
    assert one.exists is (without != "basis")
    assert one.count == (0 if without == "basis" else None)


async def test_rounding_comes_last() -> None:
    rounded = access(Protection(min_count=10, round_to=10, noise=0.3))
    for ill in range(10, 91, 10):
        query = asked("individual", COUNT, filters=[ILL])
        assert (await told(many(ill), query, rounded))["resultsCount"] % 10 == 0


@pytest.mark.parametrize("amount", [-500, -3, 0, 3, 500])
def test_noise_leads_past_no_threshold(amount: int) -> None:
    count, precision, _ = released(50, 50, 100, NOISY, added=Added(amount, 5))

    assert precision == "imprecise"
    assert count == min(max(50 + amount, 10), 90)


def test_a_cohort_but_for_few_is_blurred_as_the_cohort_is() -> None:
    part = Part(size=40, others=5, outside=60)
    nearly = released(35, 35, 100, NOISY, part=part, added=Added(2, 5))
    whole = released(
        40, 40, 100, NOISY, part=Part(size=40, others=0, outside=60), added=Added(2, 5)
    )

    assert nearly == whole
    assert nearly[2][0] <= 31


# Cohorts ----------------------------------------------------------------------------------------


def with_cohort(ill: int, members: int, people: int = 100) -> MemoryStore:
    records = {
        "individual": [
            person(one, *(["MONDO:1"] if one < ill else []))
            | ({"info": {"cohortId": "c"}} if one < members else {})
            for one in range(people)
        ],
        "cohort": [{"id": "c", "name": "c", "cohortType": "study-defined"}],
    }
    return MemoryStore({"d": MemoryDataset(assembly="GRCh38", records=records)})


@pytest.mark.parametrize("entry_type", ["individual"])
async def test_all_of_a_cohort_but_few_are_told_as_the_cohort(entry_type: str) -> None:
    granted = access(Protection(min_count=10))
    query = asked(entry_type, COUNT, filters=[ILL], within=Within("cohort", "c"))
    answers = [await told(with_cohort(ill, 40), query, granted) for ill in range(31, 41)]
    enough = await told(with_cohort(30, 40), query, granted)

    assert all(one == answers[0] for one in answers)
    assert (answers[0]["resultsCount"], answers[0]["countAdjustedTo"]) == (40, [31, 40])
    assert (enough["resultsCount"], enough["countPrecision"]) == (30, "exact")


async def test_a_cohort_of_nearly_everybody_is_everybody() -> None:
    granted = access(Protection(min_count=10))
    query = asked("individual", COUNT, within=Within("cohort", "c"))
    nearly = await told(with_cohort(0, 95), query, granted)

    assert nearly == await told(with_cohort(0, 100), query, granted)
    assert nearly["resultsCount"] == 100


async def test_few_outside_the_ill_of_a_cohort_of_nearly_everybody() -> None:
    """Told as the cohort they would be all but few of everybody."""
    granted = access(Protection(min_count=10))
    query = asked("individual", COUNT, filters=[ILL], within=Within("cohort", "c"))
    found = await told(with_cohort(88, 95), query, granted)

    assert found["resultsCount"] == 100
