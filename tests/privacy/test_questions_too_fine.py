"""Where few people are protected, numbers of people are compared at the edges of bins only."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from protected_world import COUNT, asked, document, person, store

from beacon.framework.access import ANY, Access, Protection
from beacon.framework.budget import Budget
from beacon.framework.query import Filter, Granularity, Operator
from beacon.model.binning import too_fine

TEN = (Protection(min_count=10),) * 3
HEIGHT, BMI = "LOINC:8308-9", "LOINC:39156-5"


def access(**more: Any) -> Access:
    return Access(grants={"d": {ANY: COUNT}}, protections={"d": {ANY: TEN}}, **more)


def where(name: str, operator: str, value: str, scope: str | None = None) -> Filter:
    return Filter(id=name, operator=Operator(operator), value=value, scope=scope)


def why(*filters: Filter, granted: Access | None = None) -> str | None:
    query = asked("individual", COUNT, filters=filters)
    found = too_fine(query, granted or access(), "d")
    return None if found is None else found["notApplicable"]


@pytest.mark.parametrize(
    "right",
    [
        ("age", ">=", "P40Y"),
        ("age", "<", "45"),
        ("age", ">", "60 months"),
        ("Age", ">", "40"),
        ("collectionMoment", "<=", "P0Y"),
        ("collectionDate", ">=", "2021"),
        ("collectionDate", "=", "2021"),
        (BMI, ">=", "30"),
        (BMI, ">=", "30 kg/m2"),
        (HEIGHT, ">", "180 cm"),
        (HEIGHT, ">", "1.8 m"),
        (HEIGHT, ">", "180"),
        ("LOINC:4548-4", ">=", "6.5"),
        ("LOINC:4548-4", "<", "0"),
        ("LOINC:4548-4", ">", "-15"),
        ("site", "=", "north"),
        ("karyotypicSex", "!", "XX"),
        ("platform", "=", "10x"),
        ("name", "=", "37", "dataset"),
        ("variantType", "=", "SNP"),
        ("cohortSize", ">", "37"),
        (HEIGHT, "=", "%37%"),
    ],
    ids=str,
)
def test_edges_of_bins_are_right(right: tuple[str, ...]) -> None:
    assert why(where(*right)) is None


@pytest.mark.parametrize(
    ("fine", "instead"),
    [
        (("age", ">=", "P41Y"), "P40Y or P45Y"),
        (("age", ">=", "41"), "P40Y or P45Y"),
        (("age", ">=", "41", "biosample"), "P40Y or P45Y"),
        (("age", ">=", "P40Y1D"), "P40Y or P45Y"),
        (("age", ">=", "481 months"), "P40Y or P45Y"),
        (("Age", ">=", "41"), "P40Y or P45Y"),
        (("diseases.ageOfOnset", "<", "P41Y"), "P40Y or P45Y"),
        (("age", "=", "P40Y"), "not by ="),
        (("age", "!", "40"), "not by !"),
        (("age", "=", "0041"), "not by ="),
        (("age", ">", "1e99"), "nobody"),
        (("collectionDate", ">", "2021-03"), "such as 2021"),
        (("collectionDate", "=", "2021-03-01"), "such as 2021"),
        ((BMI, ">", "27"), "25 or 30"),
        (("Body mass index", ">", "18.5"), "15 or 20"),
        ((HEIGHT, ">", "175 cm"), "1.7 m or 1.8 m"),
        ((HEIGHT, ">", "70 in"), "1.7 m or 1.8 m"),
        ((HEIGHT, "=", "180 cm"), "not by ="),
        ((HEIGHT, ">", "175"), "170 or 180"),
        (("LOINC:4548-4", ">", "6.7"), "6.5 or 7"),
        (("LOINC:4548-4", ">", "-6.7"), "-7 or -6.5"),
        (("LOINC:4548-4", ">", "1e99"), "no such number"),
    ],
    ids=str,
)
def test_finer_values_are_not_applied(fine: tuple[str, ...], instead: str) -> None:
    said = why(where(*fine))

    assert said is not None
    assert instead in said


def test_what_is_suggested_is_right() -> None:
    for value in ("41", "P3Y2M", "99.99", "0.01"):
        said = why(where("age", ">", value))
        assert said is not None
        for edge in said.rpartition("use ")[2].split(" or "):
            assert why(where("age", ">", edge)) is None
    for number in ("171", "0.00123", "-6.7", "101", "99.5", "1234567", "9.99"):
        said = why(where(HEIGHT, ">", number))
        assert said is not None
        for edge in said.rpartition("use ")[2].split(" or "):
            assert why(where(HEIGHT, ">", edge)) is None


def test_whoever_may_be_told_of_anybody_may_ask_for_anything() -> None:
    nothing_hidden = Access(grants={"d": {ANY: COUNT}})
    only_rounded = Access(
        grants={"d": {ANY: COUNT}}, protections={"d": {ANY: (Protection(round_to=10),) * 3}}
    )

    assert why(where("age", "=", "41"), granted=nothing_hidden) is None
    assert why(where("age", "=", "41"), granted=only_rounded) is None


def test_the_level_of_the_answer_decides() -> None:
    of_levels = (Protection(), Protection(min_count=10), Protection(min_count=10))
    granted = Access(grants={"d": {ANY: COUNT}}, protections={"d": {ANY: of_levels}})
    query = asked("individual", COUNT, filters=[where("age", ">", "41")])
    yes_or_no = msgspec.structs.replace(query, granularity=Granularity.BOOLEAN)

    assert too_fine(query, granted, "d") is not None
    assert too_fine(yes_or_no, granted, "d") is None


def test_more_filters_than_the_budget_allows() -> None:
    budget = Budget(limit=1, organisation_limit=1, dataset_limit=1, window_s=1.0, filters_max=2)
    filters = [Filter(id=f"MONDO:{one}") for one in range(3)]

    assert why(*filters[:2], granted=access(budgets={"d": budget})) is None
    assert "takes 2" in (why(*filters, granted=access(budgets={"d": budget})) or "")
    assert why(*filters, granted=access(budgets={"e": budget})) is None


async def test_a_question_that_is_too_fine_has_the_answer_of_any_data() -> None:
    old = [person(one) | {"info": {"age": 41}} for one in range(30)]
    young = [person(one) | {"info": {"age": 12}} for one in range(30)]
    query = asked("individual", COUNT, filters=[where("age", ">", "41")])
    answers = {
        await document(store({"d": {"individual": one}}), query, access()) for one in (old, young)
    }

    (only,) = answers
    (found,) = json.loads(only)["response"]["resultSets"]
    assert (found["exists"], found["resultsCount"]) == (False, 0)
    assert "P40Y" in found["info"]["notApplicable"]
