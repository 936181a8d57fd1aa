"""Few people are told as nobody: byte for byte, in every form of question."""

from __future__ import annotations

import json
from typing import Any

import pytest
from protected_world import (
    BOOLEAN,
    COUNT,
    IDENTITY,
    RECORD,
    V100,
    asked,
    cohort,
    document,
    frequencies,
    frequency,
    store,
    terms,
    variant,
)

from beacon.framework.access import ANY, Access, Protection
from beacon.framework.answer import Answer, ResultSet
from beacon.framework.disclosure import disclose, released
from beacon.framework.query import Filter, Granularity, Include, Pagination, Within
from beacon.framework.response import encode_answer
from beacon.model.entry_types import MODEL

TEN = Protection(min_count=10)
ROUNDED = Protection(min_count=10, round_to=10)
ILL = Filter(id="MONDO:1", scope="individual")
FORMS = [
    (granularity, include)
    for granularity in (BOOLEAN, COUNT, RECORD)
    for include in (Include.ALL, Include.HIT, Include.MISS, Include.NONE)
]


def access(level: Granularity = COUNT, protection: Protection = TEN, **levels: Any) -> Access:
    return Access(grants={"d": {ANY: level, **levels}}, protections={"d": {ANY: (protection,) * 3}})


@pytest.mark.parametrize(
    ("count", "size", "protection", "told"),
    [
        (0, 100, TEN, (0, "imprecise", (9,))),
        (9, 100, TEN, (0, "imprecise", (9,))),
        (10, 100, TEN, (10, "exact", ())),
        (90, 100, TEN, (90, "exact", ())),
        (91, 100, TEN, (100, "imprecise", (91, 100))),
        (100, 100, TEN, (100, "imprecise", (91, 100))),
        (100, None, TEN, (100, "exact", ())),
        (9, 9, TEN, (0, "imprecise", (9,))),
        (14, 100, ROUNDED, (10, "rounded", (10,))),
        (15, 100, ROUNDED, (20, "rounded", (10,))),
        (95, 100, ROUNDED, (100, "imprecise", (80, 110))),
        (3, 100, Protection(min_count=10, tells_few=True), (10, "imprecise", (10,))),
        (0, 100, Protection(min_count=10, tells_few=True), (0, "exact", ())),
        (12, 100, Protection(min_count=12, round_to=10), (20, "rounded", (10,))),
    ],
)
def test_numbers_are_released_so(
    count: int, size: int | None, protection: Protection, told: tuple[Any, ...]
) -> None:
    assert released(count, count, size, protection) == told


@pytest.mark.parametrize("protection", [TEN, ROUNDED], ids=["ten", "rounded"])
@pytest.mark.parametrize(("granularity", "include"), FORMS)
@pytest.mark.parametrize(
    "question",
    [
        {"entry_type": "individual", "filters": [ILL]},
        {"entry_type": "individual", "filters": [Filter(id="MONDO:1")]},
        {"entry_type": "biosample", "filters": [ILL]},
        {"entry_type": "dataset", "filters": [ILL]},
        {"entry_type": "genomicVariant", "variation": V100},
        {"entry_type": "genomicVariant", "entry_id": "v1"},
        {"entry_type": "individual", "variation": V100},
        {"entry_type": "biosample", "variation": V100},
        {"entry_type": "dataset", "variation": V100},
        {"entry_type": "genomicVariant", "filters": [ILL]},
        {"entry_type": "individual", "within": Within("dataset", "d"), "filters": [ILL]},
        {"entry_type": "individual", "filters": [ILL], "pagination": Pagination(skip=1, limit=2)},
        {"entry_type": "genomicVariant", "pagination": Pagination(limit=0)},
    ],
    ids=str,
)
async def test_few_are_as_if_there_were_nobody(
    question: dict[str, Any], granularity: Granularity, include: Include, protection: Protection
) -> None:
    nobody, few = store({"d": cohort([], [])}), store({"d": cohort(range(9), range(9))})
    query = asked(question["entry_type"], granularity, include, **_without_type(question))

    for level in (BOOLEAN, COUNT, RECORD):
        granted = access(level, protection)
        assert await document(few, query, granted) == await document(nobody, query, granted)


async def test_a_person_asked_for_by_id_is_one_of_few() -> None:
    source = store({"d": cohort(range(9))})
    known = await document(source, asked("individual", entry_id="I1"), access())
    unknown = await document(source, asked("individual", entry_id="I99"), access())

    assert known == unknown


async def test_all_but_few_are_as_if_they_were_all() -> None:
    query = asked("individual", COUNT, filters=[ILL])
    everybody, nearly = store({"d": cohort(range(30))}), store({"d": cohort(range(21))})
    document_of_all = json.loads(await document(everybody, query, access()))

    assert await document(nearly, query, access()) == await document(everybody, query, access())
    assert document_of_all["response"]["resultSets"][0]["resultsCount"] == 30
    assert document_of_all["response"]["resultSets"][0]["countAdjustedTo"] == [21, 30]


async def test_enough_are_told_as_they_are() -> None:
    source = store({"d": cohort(range(12), range(12))})
    people = json.loads(await document(source, asked("individual", COUNT, filters=[ILL]), access()))
    alleles = json.loads(await document(source, asked("genomicVariant", COUNT), access()))

    assert people["responseSummary"]["numTotalResults"] == 12
    assert alleles["responseSummary"]["numTotalResults"] == 2


async def test_few_behind_many_samples_are_few() -> None:
    records = cohort(range(3))
    for number in range(30, 60):
        sample = {**records["biosample"][0], "id": f"B{number}", "individualId": "I1"}
        records["biosample"].append(sample)
    few = await document(store({"d": records}), asked("biosample", filters=[ILL]), access())

    assert json.loads(few)["responseSummary"]["exists"] is False


@pytest.mark.parametrize("reads", ["scoped", "unscoped", "variation"])
async def test_whatever_a_question_reads_protects(reads: str) -> None:
    """Samples are told as they are; those of people who are ill, or carry something, are not."""
    source = store({"d": cohort(range(9), range(9))})
    granted = Access(
        grants={"d": {ANY: COUNT}},
        protections={"d": {"individual": (TEN,) * 3, "genomicVariant": (TEN,) * 3}},
    )
    more: dict[str, Any] = {
        "scoped": {"filters": [ILL]},
        "unscoped": {"filters": [Filter(id="MONDO:1")]},
        "variation": {"variation": V100},
    }[reads]
    whole = json.loads(await document(source, asked("biosample"), granted))
    narrowed = json.loads(await document(source, asked("biosample", **more), granted))

    assert whole["responseSummary"]["numTotalResults"] == 30
    assert narrowed["responseSummary"]["numTotalResults"] == 0


async def test_a_total_adds_up_what_was_released() -> None:
    source = store({"a": cohort(range(9)), "b": cohort(range(12)), "c": cohort(range(14))})
    granted = Access(
        grants={one: {ANY: COUNT} for one in "abc"},
        protections={one: {ANY: (ROUNDED,) * 3} for one in "abc"},
    )
    found = json.loads(await document(source, asked("individual", COUNT, filters=[ILL]), granted))
    counts = [one["resultsCount"] for one in found["response"]["resultSets"]]

    assert counts == [0, 10, 10]
    assert found["responseSummary"]["numTotalResults"] == 20
    assert found["responseSummary"]["countPrecision"] == "imprecise"


async def test_each_level_has_a_protection_of_its_own() -> None:
    """Whether there is any may be told of three, how many of ten."""
    source = store({"d": cohort(range(5), range(5))})
    granted = Access(
        grants={"d": {ANY: COUNT}},
        protections={"d": {ANY: (Protection(min_count=3), TEN, TEN)}},
    )
    for query in (
        asked("individual", COUNT, filters=[ILL]),
        asked("genomicVariant", COUNT, variation=V100),
    ):
        (found,) = json.loads(await document(source, query, granted))["response"]["resultSets"]

        assert found == {"id": "d", "setType": "dataset", "exists": True}


async def test_few_may_be_told_as_the_threshold() -> None:
    source = store({"d": cohort(range(4))})
    granted = access(protection=Protection(min_count=10, tells_few=True))
    query = asked("individual", COUNT, filters=[ILL])
    (found,) = json.loads(await document(source, query, granted))["response"]["resultSets"]

    assert found["exists"] is True
    assert (found["resultsCount"], found["countAdjustedTo"]) == (10, [10])


async def test_terms_of_few_are_not_listed() -> None:
    few, none = store({"d": cohort(range(9))}), store({"d": cohort([])})
    many = store({"d": cohort(range(10))})

    assert await terms(few, access()) == await terms(none, access())
    assert "MONDO:1" in [one.id for one in (await terms(many, access())).terms]
    assert "MONDO:1" in [
        one.id for one in (await terms(few, access(protection=Protection()))).terms
    ]


def test_a_source_that_does_not_say_whom_it_counts_tells_nothing() -> None:
    answer = Answer(result_sets=(ResultSet(dataset_id="d", count=500),))
    found = disclose(answer, asked("individual"), access())

    assert (found.exists, found.total) == (False, 0)


async def test_variants_name_nobody_and_tell_released_frequencies() -> None:
    records = cohort([])
    records["genomicVariant"] = [
        variant("v1", 100, range(12), info={"AC": 12})
        | frequencies(frequency("Total", 12, 60), frequency("F", 6, 30), frequency("M", 6, 30))
    ]
    found = await document(
        store({"d": records}), asked("genomicVariant"), access(RECORD, protection=ROUNDED)
    )
    (record,) = json.loads(found)["response"]["resultSets"][0]["results"]

    assert "caseLevelData" not in record
    assert "info" not in record
    assert record["frequencyInPopulations"][0]["frequencies"] == [frequency("Total", 10, 60)]


async def test_alleles_that_were_only_counted_are_of_as_many_people_as_may_be() -> None:
    records = cohort([])
    records["genomicVariant"] = [
        variant("rare", 100, []) | frequencies(frequency("Total", 9, 60_000)),
        variant("common", 200, []) | frequencies(frequency("Total", 10, 60_000)),
    ]
    found = json.loads(
        await document(store({"d": records}), asked("genomicVariant"), access(RECORD))
    )

    assert [one["id"] for one in found["response"]["resultSets"][0]["results"]] == ["common"]


async def test_records_of_people_are_not_shown_where_their_number_is_protected() -> None:
    found = await document(store({"d": cohort([])}), asked("individual"), access(RECORD))
    (one,) = json.loads(found)["response"]["resultSets"]

    assert one["resultsCount"] == 30
    assert "results" not in one


async def test_what_describes_a_dataset_is_about_nobody() -> None:
    found = json.loads(
        await document(store({"d": cohort([], people=3)}), asked("dataset"), access(RECORD))
    )

    assert found["responseSummary"]["exists"] is True


def test_without_protection_nothing_changes() -> None:
    answer = Answer(result_sets=(ResultSet(dataset_id="d", count=1, records=({"id": "a"},)),))
    query = asked("individual")
    open_to_all = Access(grants={"d": {ANY: RECORD}})
    found = json.loads(encode_answer(disclose(answer, query, open_to_all), query, IDENTITY, MODEL))

    assert found["response"]["resultSets"][0]["countPrecision"] == "exact"
    assert found["response"]["resultSets"][0]["results"] == [{"id": "a"}]


def _without_type(question: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in question.items() if name != "entry_type"}
