"""What is said of countries and datasets, made of what they tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from beacon.portal.consent import conditions
from beacon.portal.countries import Country, Counts, ago, infos
from beacon.portal.datasets import Dataset, Described, link_of, text_of
from beacon.portal.languages import CODES, languages
from beacon.portal.look_up import Bounds

LANGUAGES = languages()
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TERMS = (
    *(4, 6, 7, 11, 12, 15, 16, 18, 19, 20, 21, 22, 24, 25, 26, 27, 28, 29),
    *(42, 43, 44, 45, 46),
)
MEMBER: dict[str, Any] = {
    "id": "fi",
    "name": "Finland",
    "url": "https://fi.example.org/api",
    "documentUrl": "https://network.example.org/api/network/members/fi",
    "state": "answering",
    "askedAs": "public",
}


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (Counts("exact"), "As they are."),
        (Counts("raised", threshold=10), "Fewer than 10 are shown as 10. 7 as 10"),
        (Counts("raised", threshold=1), "As they are."),
        (Counts("zeroed", threshold=5), "Fewer than 5 are shown as 0: a 0 is not a “no”. 3 as 0"),
        (Counts("omitted", threshold=5), "Datasets with fewer than 5 are left out."),
        (Counts("rounded", step=10), "Rounded to multiples of 10. 47 as 50"),
        (Counts("rounded_up", step=10), "Rounded up to multiples of 10. 47 as 50"),
        (Counts("boolean"), "None: only “seen” or “not seen”."),
        (Counts("noisy", scale=2.0), "Changed at random, by about 2. 13 as 15"),
    ],
    ids=lambda value: value.reporting if isinstance(value, Counts) else None,
)
def test_how_counts_are_told_is_said_with_an_example(counts: Counts, said: str) -> None:
    text = LANGUAGES["en"].text(f"countries.{counts.key}", **counts.values)
    values = counts.values
    if values["count"] != values["shown"]:
        text += f" {values['count']} as {values['shown']}"

    assert text == said


@pytest.mark.parametrize("reporting", ["boolean", "raised", "zeroed", "omitted"])
@pytest.mark.parametrize("threshold", [1, 2, 3, 7, 100])
def test_an_example_is_of_a_number_that_is_not_told_as_it_is(
    reporting: str, threshold: int
) -> None:
    counts = Counts(reporting, threshold=threshold)

    assert 1 <= counts.values["count"] < max(threshold, 8)


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("term", TERMS)
def test_conditions_of_use_are_said_in_every_language(term: int, language: str) -> None:
    record = {"dataUseConditions": {"duoDataUse": [{"id": f"DUO:{term:07}"}]}}

    (found,) = conditions(record)

    assert LANGUAGES[language].has(f"consent.duo_{found.code}")


def test_what_data_may_be_used_for_comes_before_the_conditions() -> None:
    stated = [
        {"id": "DUO:0000018"},
        {"id": "http://purl.obolibrary.org/obo/DUO_0000042", "label": "general research use"},
        {"id": "LOCAL:1", "label": "ask first"},
        "nonsense",
    ]

    found = conditions({"dataUseConditions": {"duoDataUse": stated}})

    assert [one.id for one in found] == ["DUO:0000042", "DUO:0000018", "LOCAL:1"]
    assert found[2].code is None


@pytest.mark.parametrize(
    "record", [{}, {"dataUseConditions": None}, {"dataUseConditions": {"duoDataUse": {}}}]
)
def test_a_dataset_without_conditions_has_none(record: dict[str, Any]) -> None:
    assert conditions(record) == ()


@pytest.mark.parametrize(
    ("written", "link"),
    [
        ("https://example.org/a?b=c", "https://example.org/a?b=c"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("a@example.org", "mailto:a@example.org"),
        ("javascript:alert(1)", None),
        ("data:text/html,hello", None),
        ("https://example.org/\nx", None),
        ("//example.org", None),
        (7, None),
        (None, None),
    ],
)
def test_only_addresses_of_the_web_and_of_mail_are_links(written: Any, link: str | None) -> None:
    assert link_of(written) == link


def test_texts_of_other_beacons_are_read_in_several_forms() -> None:
    assert text_of([{"label": "WGS"}, " WES ", 3, None]) == "WGS, WES"


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(seconds=-3), ("ago_seconds", 0)),
        (timedelta(seconds=59), ("ago_seconds", 59)),
        (timedelta(minutes=59), ("ago_minutes", 59)),
        (timedelta(hours=2, minutes=59), ("ago_hours", 2)),
        (timedelta(days=3), ("ago_days", 3)),
    ],
)
def test_how_long_ago_is_said_in_the_largest_unit(passed: timedelta, said: tuple[str, int]) -> None:
    assert ago(NOON - passed, NOON) == said


def test_a_country_that_was_never_met_is_described_as_far_as_it_is_known() -> None:
    found = Country.of(MEMBER, {})

    assert found.people is None
    assert found.dataset_ids == ()
    assert found.welcome_url is None


def test_a_country_is_asked_for_its_own_datasets_where_all_are_known() -> None:
    stated = {**MEMBER, "numberOfDatasets": 1, "datasets": [{"id": "d1"}]}

    assert Country.of(stated, {}).dataset_ids == ("fi:d1",)
    assert Country.of({**stated, "numberOfDatasets": None}, {}).dataset_ids == ()


def test_times_and_documents_that_make_no_sense_are_passed_over() -> None:
    found = Country.of({**MEMBER, "lastAnswerDateTime": "soon"}, {"organization": "nobody"})

    assert found.last_answer is None
    assert found.organisation == ""
    assert infos({"responses": [None, {"response": {"id": 3}}, {"response": {"id": "fi"}}]}) == {
        "fi": {"id": "fi"}
    }


def result_set(**changes: Any) -> dict[str, Any]:
    return {"id": "d1", "exists": True, **changes}


@pytest.mark.parametrize(
    ("found", "people"),
    [
        (result_set(resultsCount=3), Bounds(3, 3)),
        (
            result_set(resultsCount=10, countPrecision="imprecise", info={"bounds": [1, 10]}),
            Bounds(1, 10),
        ),
        (result_set(info={"bounds": [1]}), None),
        (result_set(), None),
    ],
)
def test_people_of_a_dataset_are_a_number_a_range_or_untold(
    found: dict[str, Any], people: Bounds | None
) -> None:
    described = Described("fi")
    about = {"beaconId": "fi", "status": "hit"}
    listed = {"response": {"collections": [{"id": "d1", "name": "One"}]}}
    described.take(0, {"kind": "member", "about": about, "answer": listed})
    described.take(
        1, {"kind": "member", "about": about, "answer": {"response": {"resultSets": [found]}}}
    )

    assert described.datasets == [Dataset(id="d1", name="One", people=people)]


def test_answers_of_other_countries_are_passed_over() -> None:
    described = Described("fi")
    described.take(0, {"kind": "member", "about": {"beaconId": "es", "status": "hit"}})

    assert described.state == "pending"


def test_a_country_that_was_too_late_is_told_in_the_summary() -> None:
    status = {"members": [{"beaconId": "fi", "status": "timeout"}]}
    described = Described("fi")
    described.take(0, {"kind": "summary", "answer": {"info": {"networkStatus": status}}})

    assert described.state == "timeout"
