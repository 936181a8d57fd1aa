"""What several files and loads say of the same allele."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.framework.errors import LoadError
from beacon.mongo.merging import UNASSESSED, SampleSets, supersede, unite
from beacon.mongo.packing import Entry

carriers = st.dictionaries(st.integers(0, 30), st.integers(0, 3), max_size=10)


SETS = SampleSets({})
FIRST, SECOND = (SETS.number(np.array(rows, np.uint32)) for rows in (range(15), range(15, 31)))


def entry(of_row: dict[int, int], numbers: dict[int, int], flags: int = 0) -> Entry:
    codes = np.array([row << 2 | kind for row, kind in sorted(of_row.items())], np.uint32)
    kinds = list(of_row.values())
    return Entry(
        1,
        "A",
        "C",
        codes,
        len(kinds) + kinds.count(1),
        sum(numbers.values()),
        kinds.count(1),
        kinds.count(2),
        flags,
        numbers,
    )


def who(merged: Entry) -> dict[int, int]:
    return {int(code) >> 2: int(code) & 3 for code in merged.codes}


@given(carriers, carriers)
def test_contributions_of_one_load_are_united(first, second):
    united = unite(entry(first, {FIRST: 10}), entry(second, {SECOND: 20}), SETS)

    assert who(united) == first | second
    assert list(united.codes) == sorted(united.codes)
    assert united.allele_number == 30
    assert united.allele_count == len(first | second) + list((first | second).values()).count(1)


@given(carriers)
def test_the_same_contribution_twice_changes_nothing(of_row):
    once = entry(of_row, {FIRST: 10})
    twice = unite(once, once, SETS)

    assert who(twice) == of_row
    assert (twice.allele_count, twice.allele_number) == (once.allele_count, 10)


@given(carriers, carriers)
def test_a_later_load_decides_for_its_own_people_only(old, new):
    new = {row: kind for row, kind in new.items() if row >= 15}
    merged = supersede(entry(old, {FIRST: 10}), entry(new, {SECOND: 20}), SETS)

    kept = {row: kind for row, kind in old.items() if row < 15}
    assert who(merged) == kept | new
    assert merged.allele_number == 30


def test_a_later_load_of_the_same_people_brings_its_own_allele_number():
    merged = supersede(entry({1: 0}, {FIRST: 10}), entry({2: 1}, {FIRST: 12}), SETS)

    assert (who(merged), merged.allele_number, merged.allele_count) == ({2: 1}, 12, 2)


def test_one_of_two_files_loaded_again_does_not_count_twice():
    both = unite(entry({1: 0}, {FIRST: 4}), entry({20: 0}, {SECOND: 4}), SETS)
    again = supersede(both, entry({1: 0}, {FIRST: 4}), SETS)

    assert (who(again), again.allele_number) == ({1: 0, 20: 0}, 8)


def test_a_base_before_the_allele_is_one_base():
    anchored = unite(entry({}, {FIRST: 1}, flags=2), entry({}, {SECOND: 1}, flags=4), SETS)

    assert anchored.flags == 2


def test_a_stated_count_stands_where_nobody_is_named():
    first, second = entry({}, {UNASSESSED: 0}), entry({}, {UNASSESSED: 0})
    first.allele_count, second.allele_count = 7, 5

    assert unite(first, second, SETS).allele_count == 7


def test_the_same_people_are_the_same_set_of_samples():
    sets = SampleSets({})
    first = sets.number(np.array([1, 2], np.uint32))
    again = SampleSets(sets.stored()).number(np.array([2, 1], np.uint32))

    assert again == first != UNASSESSED


def test_sets_of_samples_cover_or_are_apart():
    sets = SampleSets({})
    some, more, others = (
        sets.number(np.array(rows, np.uint32)) for rows in ([1, 2], [1, 2, 3], [7, 8])
    )

    assert sets.covered(more, [some, others, UNASSESSED]) == [some]
    assert sets.relation(some, others) == "apart"
    assert list(sets.rows(others)) == [7, 8]


def test_a_file_with_only_some_of_the_samples_of_an_earlier_one_is_refused():
    sets = SampleSets({})
    old, new = sets.number(np.array([1, 2], np.uint32)), sets.number(np.array([2, 3], np.uint32))

    with pytest.raises(LoadError, match="1 of 2 samples were loaded before, together with 1 other"):
        sets.covered(new, [old])
