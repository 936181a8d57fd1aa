"""Frequencies where few people are protected: no few can be computed from what is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protected_world import frequency

from beacon.framework.access import Protection
from beacon.model.protected_variants import protected, told_frequencies

LEAST = 10
TEN = Protection(min_count=LEAST)
COUNTRIES, SEXES = ("FI", "SE", "EE"), ("M", "F")
LEAVES = [(country, sex, kind) for country in COUNTRIES for sex in SEXES for kind in "ab"]


def members(population: str) -> np.ndarray[Any, Any]:
    """Which of `LEAVES` a population is made of."""
    if population == "Total":
        return np.ones(len(LEAVES), int)
    parts = population.split("_")
    return np.array([int(all(part in leaf for part in parts)) for leaf in LEAVES])


POPULATIONS = (
    "Total",
    *SEXES,
    *COUNTRIES,
    *(f"{country}_{sex}" for country in COUNTRIES for sex in SEXES),
    "a",
    "b",
)


def table(carried: list[int], others: list[int]) -> list[dict[str, Any]]:
    found = []
    for population in POPULATIONS:
        count = int(members(population) @ np.array(carried))
        rest = int(members(population) @ np.array(others))
        if count + rest:
            found.append(frequency(population, count, count + rest))
    return found


NUMBERS = st.lists(
    st.one_of(st.just(0), st.integers(0, 14), st.integers(10, 60)),
    min_size=len(LEAVES),
    max_size=len(LEAVES),
)


@settings(max_examples=300, deadline=None)
@given(carried=NUMBERS, others=NUMBERS)
def test_no_few_can_be_computed_from_what_is_told(carried: list[int], others: list[int]) -> None:
    """By sums and differences of any kind, from populations that are known to make up the whole."""
    told = told_frequencies(table(carried, others), TEN)
    numbers = {one["population"]: one for one in told}
    known = np.array([members(one) for one in numbers] or [np.zeros(len(LEAVES), int)])
    rank = np.linalg.matrix_rank(known)

    for population in POPULATIONS:
        count = int(members(population) @ np.array(carried))
        rest = int(members(population) @ np.array(others))
        is_few = 0 < count < LEAST or 0 < rest < LEAST
        if not is_few:
            continue
        is_capped = population == "Total" and count >= LEAST
        assert population not in numbers or is_capped
        if not is_capped:
            added = np.linalg.matrix_rank(np.vstack([known, members(population)]))
            assert added > rank, (population, told)


@settings(max_examples=100, deadline=None)
@given(carried=NUMBERS, others=NUMBERS)
def test_what_is_told_is_true(carried: list[int], others: list[int]) -> None:
    whole = {one["population"]: one for one in table(carried, others)}
    for one in told_frequencies(list(whole.values()), TEN):
        truth = whole[one["population"]]
        assert one["alleleNumber"] == truth["alleleNumber"]
        assert one["alleleFrequency"] == one["alleleCount"] / one["alleleNumber"]
        assert one["alleleCount"] in (truth["alleleCount"], truth["alleleNumber"])


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([("Total", 9, 100)], []),
        ([("Total", 10, 100)], [("Total", 10, 100)]),
        ([("Total", 95, 100), ("M", 45, 50), ("F", 50, 50)], [("Total", 100, 100)]),
        ([("Total", 100, 100)], [("Total", 100, 100)]),
        ([("Total", 30, 100), ("M", 15, 50), ("F", 15, 50)], ...),
        ([("Total", 25, 100), ("M", 20, 50), ("F", 5, 50)], [("Total", 25, 100)]),
        ([("Total", 27, 300), ("FI", 12, 100), ("SE", 15, 100), ("EE", 0, 100)], "without EE"),
        (
            [("Total", 30, 300), ("FI", 12, 100), ("SE", 15, 100), ("EE", 3, 100)],
            [("Total", 30, 300), ("SE", 15, 100)],
        ),
        ([("FI", 12, 100), ("SE", 3, 100)], [("FI", 12, 100)]),
    ],
)
def test_populations_are_told_so(entries: list[tuple[str, int, int]], told: Any) -> None:
    expected = {"without EE": entries[:-1]}.get(told) if isinstance(told, str) else told
    found = told_frequencies([frequency(*one) for one in entries], TEN)

    wanted = entries if expected is ... else expected
    assert found == [frequency(*one) for one in wanted]


def test_frequencies_are_of_released_counts_and_split_no_further() -> None:
    one = {**frequency("Total", 14, 60), "alleleCountHomozygous": 1, "alleleCountHeterozygous": 12}

    assert told_frequencies([one], Protection(min_count=10, round_to=10)) == [
        frequency("Total", 10, 60)
    ]


def test_a_frequency_without_counts_cannot_be_judged() -> None:
    assert told_frequencies([{"population": "Total", "alleleFrequency": 0.5}], TEN) == []


def test_records_of_other_types_are_left_alone() -> None:
    assert protected("dataset", {"id": "d", "info": {"a": 1}}, TEN) == {"id": "d", "info": {"a": 1}}
