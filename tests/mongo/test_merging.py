"""What several files and loads say of the same allele."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from beacon.model.allele import Called
from beacon.mongo.merging import Merging
from beacon.mongo.packing import Entry

ROWS = range(31)
kinds = st.integers(0, 3)
calls = st.dictionaries(st.sampled_from(ROWS), st.none() | st.integers(0, 4), max_size=12)
"""Of rows that a file has: not called, a zygosity, or 4 for the reference twice."""
carriers = st.dictionaries(st.sampled_from(ROWS), kinds, max_size=10)

_COPIES = {0: 2, 1: 2, 2: 1, 3: 2, 4: 2}


def genotyped(of_row: dict[int, int | None], flags: int = 0) -> Entry:
    """What a file with genotypes says, of all its samples."""
    carried = {row: kind for row, kind in of_row.items() if kind is not None and kind < 4}
    copies = {row: _COPIES[kind] for row, kind in of_row.items() if kind is not None}
    called = Called(
        BitMap(row for row, number in copies.items() if number == 2),
        BitMap(row for row, number in copies.items() if number == 1),
    )
    made = named(carried, flags)
    made.called, made.samples = called, BitMap(of_row)
    made.allele_number = called.allele_number
    return made


def named(of_row: dict[int, int], flags: int = 0) -> Entry:
    """What a record says that names carriers, and nobody else."""
    codes = np.array([row << 2 | kind for row, kind in sorted(of_row.items())], np.uint32)
    given_kinds = list(of_row.values())
    count = len(given_kinds) + given_kinds.count(1)
    return Entry(1, "A", "C", codes, count, 0, given_kinds.count(1), given_kinds.count(2), flags)


def who(merged: Entry) -> dict[int, int]:
    return {int(code) >> 2: int(code) & 3 for code in merged.codes}


def carried(of_row: dict[int, int | None]) -> dict[int, int]:
    return {row: kind for row, kind in of_row.items() if kind is not None and kind < 4}


def number(of_row: dict[int, int | None]) -> int:
    return sum(_COPIES[kind] for kind in of_row.values() if kind is not None)


@given(carriers, carriers)
def test_contributions_of_one_load_are_united(first, second):
    united = Merging().unite(named(first), named(second))

    assert who(united) == first | second
    assert list(united.codes) == sorted(united.codes)
    assert united.allele_count == len(first | second) + list((first | second).values()).count(1)
    assert united.allele_number == 0


@given(calls)
def test_the_same_contribution_twice_changes_nothing(of_row):
    once = genotyped(of_row)
    twice = Merging().unite(once, once)

    assert who(twice) == carried(of_row)
    assert (twice.allele_count, twice.allele_number) == (once.allele_count, number(of_row))


@given(calls, calls)
def test_a_later_load_decides_of_its_own_samples_and_of_no_other(old, new):
    merged = Merging().supersede(genotyped(old), genotyped(new))

    assert who(merged) == carried(old | new)
    assert merged.allele_number == number(old | new)


@given(calls, calls, calls)
def test_allele_numbers_are_right_however_samples_overlap(first, second, third):
    merging = Merging()
    merged = merging.supersede(genotyped(first), genotyped(second))
    again = merging.supersede(merged, genotyped(third))

    assert who(again) == carried(first | second | third)
    assert again.allele_number == number(first | second | third)


def test_a_record_that_names_carriers_decides_of_nobody_else():
    merged = Merging().supersede(genotyped({1: 0, 2: 4, 3: None}), named({2: 1, 9: 0}))

    assert who(merged) == {1: 0, 2: 1, 9: 0}
    assert merged.allele_number == 6  # 9 was looked at too, and 3 was not called


def test_genotypes_speak_for_people_whom_a_record_named():
    merged = Merging().supersede(named({1: 0, 9: 2}), genotyped({1: 4, 2: 0}))

    assert who(merged) == {2: 0, 9: 2}
    assert merged.allele_number == 5  # two of 1, two of 2, and the one copy of 9


def test_a_base_before_the_allele_is_one_base():
    anchored = Merging().unite(genotyped({}, flags=2), genotyped({}, flags=4))

    assert anchored.flags == 2


def test_a_stated_count_stands_where_nobody_is_named():
    first, second = named({}), named({})
    first.allele_count, second.allele_count = 7, 5

    assert Merging().unite(first, second).allele_count == 7


def test_counts_without_genotypes_are_those_of_the_later_load():
    first, second = named({}), named({})
    first.allele_count, first.allele_number, first.homozygous = 7, 100, 2
    second.allele_count, second.allele_number, second.homozygous = 0, 120, 0
    second.strata = np.array([[0, 120, 0, 0, 0]])
    merged = Merging().supersede(first, second)

    assert (merged.allele_count, merged.allele_number, merged.homozygous) == (0, 120, 0)
    assert merged.strata is second.strata
