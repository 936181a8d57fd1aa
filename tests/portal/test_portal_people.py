"""What is typed about people: as fields of the form, as an address, and as a question."""

from __future__ import annotations

from typing import Any, cast

import pytest
from aiohttp import web
from multidict import MultiDict

from beacon.framework.access import Access
from beacon.framework.query import Filter, Granularity, Include, Operator, Similarity
from beacon.portal import people_question
from beacon.portal.people import FEMALE, Line, Typed, address, chosen, edited, is_form, typed
from beacon.portal.people_found import PeopleFound, at_most, of_row, people_of, unanswered
from beacon.portal.people_question import Question
from beacon.portal.reading import Reader, gene_names
from beacon.portal.rows import Bounds, Row
from beacon.portal.suggestions import KnownTerms
from tests.portal.people_world import Told, member

DELETION = "7-117559590-ATCT-A"


def given(*pairs: tuple[str, str]) -> MultiDict[str]:
    return MultiDict(pairs)


async def read(*pairs: tuple[str, str], filters_max: int = 100) -> Question:
    terms = KnownTerms(Told(()), cast(web.Request, None), Access(grants={}))
    reader = Reader(gene_names(()))
    return await people_question.understood(typed(given(*pairs)), terms, reader, filters_max)


def codes(question: Question) -> list[tuple[str, str]]:
    return [(one.place, one.code) for one in question.troubles]


def test_repeated_fields_are_lines() -> None:
    found = typed(
        given(
            ("term", "Bronchiectasis"),
            ("kinds", "all"),
            ("near", "exact"),
            ("term", " HP:0001250 "),
            ("kinds", "exactly"),
            ("near", "high"),
        )
    )

    assert found.lines == (
        Line("Bronchiectasis"),
        Line("HP:0001250", kinds=False, near=Similarity.HIGH),
    )


@pytest.mark.parametrize(
    "line",
    [
        Line("HP:0002110"),
        Line("HP:0002110", kinds=False),
        Line("HP:0002110", near=Similarity.LOW),
        Line("HP:0002110", kinds=False, near=Similarity.MEDIUM),
        Line("LOINC:39156-5:>=30"),
    ],
    ids=str,
)
def test_a_line_is_read_back_from_an_address(line: Line) -> None:
    assert Line.of(line.token) == line


def test_filters_of_an_address_stand_in_the_fields_of_the_form() -> None:
    found = typed(
        given(
            ("filter", "HP:0002110"),
            ("filter", FEMALE),
            ("filter", "ageOfOnset:>=P18M"),
            ("filter", "ageOfOnset:<=P3Y"),
            ("filter", "age:<=P90Y"),
            ("filter", "GENO:0000136"),
            ("variant", DELETION),
        )
    )

    assert found == Typed(
        lines=(Line("HP:0002110"), Line("age:<=P90Y")),
        sex=FEMALE,
        age_of="ageOfOnset",
        age_from="18",
        age_to="P3Y",
        age_unit="M",
        variant=DELETION,
        zygosity="GENO:0000136",
    )


def test_lines_are_added_removed_and_chosen() -> None:
    found = typed(given(("term", "asthma"), ("term", "zzz")))

    more = edited(found, given(("add", "1")))
    fewer = edited(found, given(("remove", "0")))
    assert more is not None
    assert fewer is not None
    assert len(more.lines) == 3
    assert fewer.lines == (Line("zzz"),)
    assert chosen(found, given(("choose", "0 HP:0002099"))).lines[0] == Line("HP:0002099")


@pytest.mark.parametrize("place", ["9" * 5000, "-1", "x", "", "9 HP:1"])
def test_a_line_that_is_not_there_changes_nothing(place: str) -> None:
    found = typed(given(("term", "asthma")))

    removed = edited(found, given(("remove", place)))
    assert removed == found
    assert chosen(found, given(("choose", place))) == found


def test_an_address_is_no_form() -> None:
    assert not is_form(given(("filter", "HP:0002110"), ("variant", DELETION)))
    assert is_form(given(("term", ""), ("variant", DELETION)))


def test_an_address_is_plain_to_read() -> None:
    tokens = ["HP:0002110", "ageOfOnset:>=P30Y"]

    assert address(tokens, DELETION, "GRCh38") == (
        f"/people?filter=HP:0002110&filter=ageOfOnset:%3E%3DP30Y&variant={DELETION}&assembly=GRCh38"
    )


async def test_everything_is_asked_of_the_same_people() -> None:
    question = await read(
        ("term", "Bronchiectasis (HP:0002110)"),
        ("kinds", "exactly"),
        ("near", "medium"),
        ("sex", FEMALE),
        ("age-of", "ageOfOnset"),
        ("age-to", "40"),
        ("age-unit", "Y"),
        ("variant", DELETION),
        ("zygosity", "GENO:0000136"),
    )

    assert question.troubles == ()
    query = question.query
    assert query.filters == (
        Filter(id="HP:0002110", include_descendant_terms=False, similarity=Similarity.MEDIUM),
        Filter(id=FEMALE),
        Filter(id="ageOfOnset", operator=Operator.LESS_OR_EQUAL, value="P40Y"),
        Filter(id="GENO:0000136"),
    )
    assert query.variation is not None
    assert query.variation.reference_name == "7"
    assert (query.entry_type, query.granularity, query.include) == (
        "individual",
        Granularity.COUNT,
        Include.ALL,
    )
    assert question.address == (
        "/people?filter=HP:0002110~exactly~medium&filter=NCIT:C16576"
        f"&filter=ageOfOnset:%3C%3DP40Y&filter=GENO:0000136&variant={DELETION}"
    )
    assert "GENO" not in question.address_without_variant


@pytest.mark.parametrize(
    ("text", "term_id"),
    [
        ("bronchiectasis", "HP:0002110"),
        ("hp:0002110", "HP:0002110"),
        ("HP_0002110", "HP:0002110"),
        ("Asthma (HP:0002099)", "HP:0002099"),
        ("Karyotypic sex: XX", "karyotypicSex:XX"),
        ("HP:0009999", "HP:0009999"),
    ],
)
async def test_terms_go_by_name_and_by_id(text: str, term_id: str) -> None:
    question = await read(("term", text))

    assert question.troubles == ()
    assert [one.filter.id for one in question.asked] == [term_id]


async def test_a_term_that_nobody_lists_is_asked_with_a_doubt() -> None:
    question = await read(("term", "HP:0009999"))

    assert [one.is_listed for one in question.asked] == [False]


@pytest.mark.parametrize(
    ("text", "code", "choices"),
    [
        ("asthma", "several", {"HP:0002099", "MONDO:0004979"}),
        ("bronch", "not_quite", {"HP:0002110"}),
        ("zzz", "unknown", set()),
        ("XX:1", "vocabulary", set()),
        ("HP:2110", "digits", {"HP:0002110"}),
        ("HP:00021100", "digits", set()),
        ("BMI", "needs_value", set()),
        ("ageOfOnset:>=30", "age_unit", set()),
        ("ageOfOnset >=", "unknown", set()),
        ("BMI >= much", "comparison", set()),
        ("shoe size >= 40", "attribute", set()),
        ("BMI >= 30,HP:0002110", "comma", set()),
    ],
)
async def test_the_line_that_is_wrong_is_told(text: str, code: str, choices: set[str]) -> None:
    question = await read(("term", "HP:0002110"), ("term", text))

    assert codes(question) == [("term-1", code)]
    assert {one.id for one in question.troubles[0].choices} == choices
    assert question.typed.lines[1].text == text


@pytest.mark.parametrize("text", ["BMI >= 30", "BMI:>=30", "LOINC:39156-5 > 30 kg/m2"])
async def test_measurements_are_compared(text: str) -> None:
    question = await read(("term", text))

    assert question.troubles == ()
    assert question.asked[0].filter.operator is not None


@pytest.mark.parametrize(
    ("pairs", "trouble"),
    [
        ((("age-from", "thirty"), ("age-unit", "Y")), ("age", "age")),
        ((("age-from", "-1"), ("age-unit", "Y")), ("age", "age")),
        ((("age-from", "30"), ("age-unit", "")), ("age", "age_unit")),
        ((("filter", "ageOfOnset:>=30"),), ("age", "age_unit")),
        ((("age-from", "3"), ("age-to", "P30M"), ("age-unit", "Y")), ("age", "age_order")),
        ((("zygosity", "GENO:0000136"),), ("zygosity", "zygosity")),
        ((("variant", "no variant at all"),), ("variant", "variant")),
        ((("term", ""),), ("form", "nothing")),
    ],
)
async def test_the_field_that_is_wrong_is_told(
    pairs: tuple[tuple[str, str], ...], trouble: tuple[str, str]
) -> None:
    question = await read(*pairs)

    assert codes(question) == [trouble]


async def test_no_more_is_asked_at_once_than_may_be() -> None:
    lines = [("term", f"HP:{number:07}") for number in range(4)]
    question = await read(*lines, filters_max=3)
    nearly = await read(*lines[:3], ("sex", FEMALE), filters_max=3)

    assert codes(question) == codes(nearly) == [("form", "too_many")]
    assert [one.text for one in question.typed.lines] == [text for _, text in lines]


def row(status: str, **others: Any) -> Row:
    found = PeopleFound()
    sets = others.pop("sets", ())
    answer = {"response": {"resultSets": sets}}
    about = member("fi", status, **others)
    found.take(0, {"kind": "member", "about": about, "answer": answer})
    return found.rows["fi"]


@pytest.mark.parametrize(
    ("applied", "told"),
    [
        ({"filters": [{"asked": "a", "how": "mapped", "put": "b"}]}, ["put_mapped"]),
        (
            {"filters": [{"asked": "a", "how": "descendants", "kindsListed": 3}], "bound": "lower"},
            ["put_descendants", "bound_lower"],
        ),
        (
            {"filters": [{"asked": "a", "how": "ancestor", "put": "b"}], "bound": "upper"},
            ["put_ancestor", "bound_upper"],
        ),
        ({"filters": [{"asked": "a", "how": "unlisted"}]}, ["put_unlisted"]),
        ({"filters": [{"asked": "a", "how": "guessed"}]}, ["put_other"]),
        ({}, []),
    ],
)
def test_what_was_really_asked_is_told(applied: dict[str, Any], told: list[str]) -> None:
    assert [one.code for one in of_row(row("hit", applied=applied))] == told


def test_who_does_not_know_a_term_has_no_number() -> None:
    found = row("notApplicable", reason="does not know HP:0002110")

    note = unanswered(found)
    assert note is not None
    assert (note.code, note.values) == ("not_known_there", {"term": "HP:0002110"})
    assert people_of(found) is None


def test_who_was_asked_for_something_broader_has_at_most_that_many() -> None:
    found = row(
        "notApplicable",
        applied={"filters": [], "bound": "upper"},
        sets=[{"id": "d", "exists": True, "resultsCount": 12}],
    )

    assert at_most(found) == 12
    assert people_of(found) is None


def test_who_says_no_more_than_yes_has_one_at_least() -> None:
    assert people_of(row("hit")) == Bounds(1, None)
    assert people_of(row("miss")) is None


def test_datasets_of_one_beacon_may_share_people() -> None:
    found = PeopleFound()
    sets = [
        {"id": "a", "exists": True, "resultsCount": 5},
        {"id": "b", "exists": True, "resultsCount": 3},
    ]
    summary = {"responseSummary": {"exists": True}, "response": {"resultSets": sets}}
    found.take(0, {"kind": "summary", "answer": summary})

    assert found.people == Bounds(5, 8)
