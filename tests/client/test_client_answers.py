"""What a beacon does not say is neither yes nor no; what it says is read in any version."""

from __future__ import annotations

from typing import Any

import pytest

from beacon.client import Answer, MemberState, NotABeacon, Variant
from beacon.client.answers import read_answer
from tests.client.scripted_beacon import Document, summary


def told(answer: Answer) -> tuple[bool | None, int, int | None]:
    return answer.exists, answer.low, answer.high


def of_sets(*sets: Document, **more: Any) -> Document:
    return {**more, "response": {"resultSets": [{"setType": "dataset", **one} for one in sets]}}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(summary(True), (True, 1, None), id="yes"),
        pytest.param(summary(False), (False, 0, 0), id="no"),
        pytest.param(summary(True, numTotalResults=7), (True, 7, 7), id="exact"),
        pytest.param(summary(True, numTotalResults="7"), (True, 7, 7), id="digits"),
        pytest.param(summary(True, resultsCount=7), (True, 7, 7), id="misnamed"),
        pytest.param(summary(True, numTotalResults=0), (True, 1, None), id="kept back"),
        pytest.param(summary(False, numTotalResults=4), (None, 0, None), id="noise"),
        pytest.param(
            summary(True, numTotalResults=10, countPrecision="imprecise", countAdjustedTo=[10]),
            (True, 1, 10),
            id="raised",
        ),
        pytest.param(
            summary(False, numTotalResults=0, countPrecision="imprecise", countAdjustedTo=[9]),
            (None, 0, 9),
            id="a no below a threshold",
        ),
        pytest.param(
            summary(True, numTotalResults=20, countPrecision="rounded", countAdjustedTo=[10]),
            (True, 11, 29),
            id="rounded",
        ),
        pytest.param(
            summary(True, numTotalResults=5, countPrecision="imprecise", countAdjustedTo=["<10"]),
            (True, 1, 9),
            id="in words",
        ),
        pytest.param(
            summary(True, numTotalResults=5, countPrecision="imprecise", countAdjustedTo=[0, 9]),
            (True, 1, 9),
            id="a yes within limits",
        ),
        pytest.param(
            summary(False, numTotalResults=0, countPrecision="imprecise", countAdjustedTo=[1, 9]),
            (None, 0, 9),
            id="a no within limits",
        ),
        pytest.param(of_sets({"id": "a", "exists": True}), (True, 1, None), id="sets alone"),
        pytest.param(
            of_sets(
                {"id": "a", "exists": True, "resultsCount": 3},
                {"id": "b", "exists": True, "resultsCount": 2},
            ),
            (True, 3, 5),
            id="people may be in two datasets",
        ),
        pytest.param(
            of_sets(
                {"id": "a", "exists": False},
                {"id": "b", "exists": False, "info": {"error": {"errorCode": 503}}},
                **summary(False),
            ),
            (None, 0, None),
            id="a member that failed",
        ),
        pytest.param(
            {"response": {"collections": []}, "meta": {}}, (False, 0, 0), id="no collections"
        ),
    ],
)
def test_a_count_is_as_sure_as_what_is_said(document: Document, expected: tuple[Any, ...]) -> None:
    assert told(read_answer(document)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"complete": True, "existsCertainty": "complete"}, (False, 0, 0)),
        ({"complete": False, "existsCertainty": "partial"}, (None, 0, None)),
        ({"complete": False}, (None, 0, None)),
        ({"members": [{"beaconId": "a", "status": "timeout"}]}, (None, 0, None)),
        ({"bounds": {"lower": 0, "upper": 9}}, (None, 0, 9)),
        ({"bounds": {"lower": 0}}, (None, 0, None)),
    ],
)
def test_a_no_of_a_network_is_a_no_of_all_members(
    status: Document, expected: tuple[Any, ...]
) -> None:
    assert told(read_answer({**summary(False), "info": {"networkStatus": status}})) == expected


def test_members_say_what_became_of_the_question() -> None:
    silent = {"beaconId": "mt.example", "name": "Malta", "status": "restricted", "reason": "why"}
    document = {**summary(True), "info": {"networkStatus": {"members": [silent, {"name": "x"}]}}}

    assert read_answer(document).members == (
        MemberState("mt.example", "Malta", "restricted", reason="why"),
    )


def test_a_set_has_the_bounds_of_its_network_and_its_frequencies() -> None:
    frequency = {"population": "FI", "alleleFrequency": 0.25, "alleleCount": 2, "alleleNumber": 8}
    record = {"frequencyInPopulations": [{"source": "GoE", "frequencies": [frequency, {}]}]}
    one = {
        "id": "d",
        "beaconId": "fi",
        "exists": True,
        "resultsCount": 10,
        "countPrecision": "imprecise",
        "info": {"bounds": [1, 10]},
        "results": [record],
    }
    (found,) = read_answer(of_sets(one)).sets

    assert (found.beacon_id, found.dataset_id, found.low, found.high) == ("fi", "d", 1, 10)
    assert (found.count, found.precision) == (10, "imprecise")
    assert [(f.population, f.frequency, f.allele_number) for f in found.frequencies] == [
        ("FI", 0.25, 8)
    ]


@pytest.mark.parametrize(
    "document", [{}, {"responseSummary": "yes"}, {"response": {"resultSets": [1]}}]
)
def test_what_says_nothing_is_no_beacon(document: Document) -> None:
    with pytest.raises(NotABeacon):
        read_answer(document)


@pytest.mark.parametrize("text", ["17-7577121-G-A", "chr17:7577121:g>a", " 17:7577121-G-A "])
def test_a_variant_is_read_with_a_position_from_1(text: str) -> None:
    variant = Variant.parse(text, assembly="GRCh38")

    assert variant == Variant("GRCh38", "17", 7577120, "G", "A")
    assert str(variant) == "17-7577121-G-A"


@pytest.mark.parametrize("text", ["", "17-0-G-A", "17-1-G", "BRCA1", "17-1-G-<DEL>"])
def test_what_is_no_variant_is_not_asked_for(text: str) -> None:
    with pytest.raises(ValueError, match="17-43094692-G-A"):
        Variant.parse(text, assembly="GRCh38")
