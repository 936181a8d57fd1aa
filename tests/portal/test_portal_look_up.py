"""What is said of a country, of what became of the two questions there."""

from __future__ import annotations

import itertools

import pytest

from beacon.portal.look_up import FAILED, HIT, MISS, PENDING, PEOPLE, SHAPES, VARIANTS, LookUp
from beacon.portal.records import Frequency
from beacon.portal.rows import Bounds, state_of
from tests.portal.look_up_world import (
    NO_ONE,
    SEEN,
    about,
    accepted,
    counted,
    member,
    record,
    result_set,
    summary,
    taken,
)

PAIRS = list(itertools.product(SHAPES, SHAPES))


@pytest.mark.parametrize(("variants", "people"), PAIRS, ids=str)
def test_a_no_is_said_only_where_the_question_about_variants_was_answered_no(variants, people):
    state = state_of(variants, people)

    assert (state == MISS) == (variants == MISS and people not in (HIT, PENDING))
    assert (state == HIT) == (HIT in (variants, people))


@pytest.mark.parametrize(("variants", "people"), PAIRS, ids=str)
def test_what_may_still_become_a_yes_is_pending(variants, people):
    state = state_of(variants, people)

    assert (state == PENDING) == (PENDING in (variants, people) and HIT not in (variants, people))


@pytest.mark.parametrize(
    ("variants", "people", "state"),
    [
        ("timeout", "miss", "timeout"),  # nobody linked to it is no "no" about variants
        ("restricted", "miss", "restricted"),
        ("notApplicable", "miss", "notApplicable"),
        ("notCovered", "miss", "notCovered"),
        ("stale", "miss", "stale"),
        ("miss", "timeout", "miss"),  # a failure takes nothing back
        ("miss", "restricted", "miss"),
        ("miss", "stale", "miss"),
        ("restricted", "timeout", "restricted"),
        ("timeout", "restricted", "timeout"),
        ("unreachable", "hit", "hit"),
    ],
)
def test_silence_about_variants_is_what_is_shown(variants, people, state):
    assert state_of(variants, people) == state


def test_a_state_that_is_not_known_is_no_answer():
    found = taken([accepted(0, "A"), *_both(about("A", "maybe"))])

    assert found.rows["a"].state == "badResponse"


def test_a_no_to_less_than_was_asked_is_none():
    found = taken([accepted(0, "A"), *_both(about("A", "miss", applied={"bound": "lower"}))])

    assert found.rows["a"].state == "notApplicable"


@pytest.mark.parametrize(
    ("bounds", "state"),
    [([0, 0], "miss"), ([0, 9], "few"), ([0], "few"), (None, "miss")],
    ids=str,
)
def test_a_no_of_who_tells_few_as_nobody_is_none(bounds, state):
    found = taken([accepted(0, "A"), *_both(about("A", "miss", bounds=bounds))])

    assert found.rows["a"].state == state
    assert found.answered == (state == "miss")


def test_a_no_of_some_datasets_is_none_where_others_cannot_say():
    silent = {"id": "b", "exists": False, "info": {"notApplicable": "does not know HP:1"}}
    found = taken([member(VARIANTS, about("Finland", "miss"), result_set(exists=False), silent)])
    found.take(*member(PEOPLE, about("Finland", "miss")))

    row = found.rows["finland"]

    assert (row.state, row.reason) == ("notApplicable", "does not know HP:1")


def test_a_no_of_some_beacons_is_none_where_others_behind_the_country_cannot_say():
    leaves = [
        {"beaconId": "a", "path": ["finland", "a"], "status": "miss"},
        {"beaconId": "b", "path": ["finland", "b"], "status": "timeout"},
    ]
    said = about("Finland", "miss")
    found = taken([member(VARIANTS, said), member(PEOPLE, said)])

    changed = found.take(*summary(VARIANTS, said, status={"leaves": leaves}))

    assert [row.state for row in changed] == ["notApplicable"]


def test_a_dataset_that_cannot_say_leaves_the_number_of_people_open():
    sets = [
        {"id": "a", "exists": True, "resultsCount": 4},
        {"id": "b", "exists": False, "info": {"notApplicable": "other assembly"}},
    ]
    answer = {
        "responseSummary": {"exists": True, "numTotalResults": 4},
        "response": {"resultSets": sets},
    }
    found = LookUp()

    found.take(PEOPLE, {"kind": "summary", "answer": answer})

    assert found.people == Bounds(4, None)


def test_rows_keep_their_order_whoever_answers_first():
    found = taken([accepted(0, "Spain", "Finland", "Malta"), *_both(about("Spain", "hit"))])

    assert [row.name for row in found.rows.values()] == ["Finland", "Malta", "Spain"]


def test_being_asked_the_second_question_changes_no_row():
    found = LookUp()
    first = found.take(*accepted(VARIANTS, "Spain"))

    again = found.take(*accepted(PEOPLE, "Spain"))

    assert [row.name for row in first] == ["Spain"]
    assert again == []


def test_who_missed_the_deadline_is_settled_by_the_sums():
    late = about("Malta", "timeout", afterMs=10_000)
    found = taken([accepted(0, "Malta"), accepted(1, "Malta"), summary(0, late), summary(1, late)])

    assert found.rows["malta"].state == "timeout"
    assert found.is_complete


def test_an_answer_that_comes_late_replaces_the_silence():
    late = about("Malta", "timeout")
    parts = [accepted(0, "Malta"), *_both(late), summary(0, late), summary(1, late)]

    found = taken([*parts, member(VARIANTS, about("Malta", "hit"), result_set(), kind="late")])

    assert found.rows["malta"].state == HIT
    assert found.answered == 1


def test_an_earlier_answer_is_told_with_its_age_and_is_no_answer():
    stale = about("Malta", "stale", ageSeconds=7_300)
    found = taken([accepted(0, "Malta"), member(0, stale, result_set()), member(1, stale)])

    row = found.rows["malta"]
    assert (row.state, row.earlier, row.age_s) == ("stale", HIT, 7_300)
    assert found.answered == 0
    assert row.state in FAILED


def test_every_kind_of_silence_is_counted_apart():
    found = taken(NO_ONE)

    assert {state: len(rows) for state, rows in found.kinds_of_silence.items()} == {"restricted": 1}
    assert [row.name for row in found.silent] == ["Malta"]


def test_a_dataset_in_no_result_set_was_not_asked():
    found = LookUp()
    _alone(found, VARIANTS, {"id": "one", "exists": True, "results": []})
    _alone(found, PEOPLE, {"id": "two", "exists": False, "results": [], "resultsCount": 0})

    states = {row.id: row.state for row in found.rows.values()}

    assert states == {"one": HIT, "two": "notApplicable"}
    assert not any(row.is_pending for row in found.rows.values())


def test_a_country_that_shows_several_variants_has_no_frequency_of_all():
    several = result_set(record(counted("Total", 1, 10)), record(counted("Total", 2, 10), pos=5))
    found = taken([accepted(0, "A"), member(0, about("A", "hit"), several)])

    assert found.rows["a"].total is None


def test_of_datasets_that_may_share_people_the_largest_counts():
    same = result_set(record(counted("Total", 1, 10)), record(counted("Total", 2, 30)))
    found = taken([accepted(0, "A"), member(0, about("A", "hit"), same)])

    total = found.rows["a"].total
    assert total is not None
    assert (total.count, total.number) == (2, 30)


@pytest.mark.parametrize(
    "stated",
    [
        {"population": "Total", "alleleCount": 11, "alleleNumber": 10},
        {"population": "Total", "alleleCount": -1, "alleleNumber": 10},
        {"population": "Total", "alleleCount": 0, "alleleNumber": 0},
        {"population": "Total", "alleleCount": True, "alleleNumber": 10},
        {"population": None, "alleleCount": {}, "alleleNumber": "many"},
        {"alleleCount": 0, "alleleNumber": 1e308},
        {"alleleCount": 1, "alleleNumber": 10**400},
    ],
)
def test_counts_that_make_no_sense_are_no_counts(stated):
    one = Frequency.of(stated)

    assert (one.count, one.number, one.interval) == (None, None, None)


def test_an_allele_that_was_looked_for_and_not_seen_is_below_three_in_all():
    one = Frequency.of(counted("Total", 0, 30_000))

    assert one.highest == pytest.approx(3 / 30_000, rel=0.01)
    assert Frequency.of(counted("Total", 1, 30_000)).highest is None


def test_records_of_any_shape_break_nothing():
    odd = result_set(
        {"frequencyInPopulations": {"populations": [counted("ALL", 1, 8), 7]}},
    )
    found = taken([accepted(0, "A"), member(0, about("A", "hit"), {**odd, "id": None})])

    total = found.rows["a"].total
    assert total is not None
    assert total.number == 8


def test_who_says_only_yes_is_told_from_who_counts():
    found = taken(SEEN)
    only = taken([accepted(0, "A"), *_both(about("A", "hit", bounds=[1, 800]))])

    assert not found.rows["finland"].says_only_yes
    assert only.rows["a"].says_only_yes


def _both(said):
    return [member(VARIANTS, said), member(PEOPLE, said)]


def _alone(found: LookUp, place: int, one) -> None:
    answer = {"responseSummary": {"exists": True}, "response": {"resultSets": [one]}}
    found.take(place, {"kind": "summary", "about": {}, "answer": answer})
