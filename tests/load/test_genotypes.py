"""Genotype arithmetic against the plainest way to do it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from beacon.framework.source import NOBODY
from beacon.load.genotypes import Calls, Columns, Genotypes
from beacon.model.allele import Zygosity

call = st.lists(st.integers(-1, 3), min_size=1, max_size=3)


def one_by_one(calls: list[list[int]], allele: int) -> list[tuple[int, int]]:
    carriers = []
    for row, alleles in enumerate(calls):
        if allele not in alleles:
            continue
        if -1 in alleles:
            zygosity = Zygosity.UNSPECIFIED
        elif set(alleles) != {allele}:
            zygosity = Zygosity.HET
        else:
            zygosity = Zygosity.HEMI if len(alleles) == 1 else Zygosity.HOM
        carriers.append((row, zygosity))
    return carriers


@given(
    st.lists(call, min_size=1, max_size=12),
    st.integers(1, 3),
    st.booleans(),
)
def test_carriers_are_those_that_looking_at_each_call_finds(calls, allele, phased):
    ploidy = max(map(len, calls))
    absent = -(2**31) + 1
    array = np.array(
        [
            [2 * called + 2 + phased for called in one] + [absent] * (ploidy - len(one))
            for one in calls
        ],
        dtype=np.int32,
    )
    found = Calls(array, np.arange(len(calls), dtype=np.uint32))
    carriers = found.carriers(allele)

    assert list(zip(carriers.rows, carriers.zygosity, strict=True)) == one_by_one(calls, allele)
    assert carriers.allele_count == sum(one.count(allele) for one in calls)
    assert found.allele_number == sum(called >= 0 for one in calls for called in one)
    assert found.highest == max(0, *(called for one in calls for called in one))
    assert (carriers.rows.dtype, carriers.zygosity.dtype) == (np.uint32, np.uint8)


def looked_at(calls: list[list[int]], rows: list[int], alleles: int) -> set[int]:
    """Rows with so many alleles called; two is two or more."""
    counts = [min(sum(called >= 0 for called in one), 2) for one in calls]
    pairs = zip(rows, counts, strict=True)
    return {row for row, count in pairs if row != NOBODY and count == alleles}


@given(
    st.lists(st.lists(st.integers(-1, 9), min_size=1, max_size=2), min_size=1, max_size=12),
    st.sampled_from([np.int8, np.int16, np.int32]),
    st.data(),
)
def test_people_who_withdrew_are_left_out_of_everything(calls, dtype, data):
    rows = [
        NOBODY if data.draw(st.booleans(), label="withdrew") else row for row in range(len(calls))
    ]
    ploidy = max(map(len, calls))
    array = np.array(
        [[2 * called + 2 for called in one] + [-127] * (ploidy - len(one)) for one in calls], dtype
    )
    left = [one for one, row in zip(calls, rows, strict=True) if row != NOBODY]
    columns = Columns(np.array(rows, np.uint32))
    found = Calls(Genotypes.of_integers(array), columns)

    assert found.allele_number == sum(called >= 0 for one in left for called in one)
    assert found.highest == max(0, *(called for one in left for called in one), 0)
    assert set(found.called.twice) == looked_at(calls, rows, 2)
    assert set(found.called.once) == looked_at(calls, rows, 1)
    for allele in range(1, 10):
        carriers = found.carriers(allele)
        expected = [(rows[at], code) for at, code in one_by_one(calls, allele)]
        assert list(zip(carriers.rows, carriers.zygosity, strict=True)) == [
            pair for pair in expected if pair[0] != NOBODY
        ]
        assert carriers.allele_count == sum(one.count(allele) for one in left)


def encoded(*calls: tuple[int, ...]) -> np.ndarray:
    return np.array(calls, np.int32)


def test_who_was_looked_at_is_one_object_for_all_complete_records():
    columns = Columns(np.arange(3, dtype=np.uint32))
    first = Calls(encoded((2, 2), (2, 4), (4, 4)), columns)
    second = Calls(encoded((2, 2), (2, 6), (4, 4)), columns)

    assert first.called is second.called


def test_a_record_with_calls_of_no_alleles_says_nothing_of_others():
    columns = Columns(np.arange(3, dtype=np.uint32))
    nothing = Calls(np.empty((3, 0), np.int32), columns)
    something = Calls(encoded((2, 2), (2, 4), (4, 4)), columns)

    assert [len(rows) for rows in nothing.called] == [0, 0]
    assert [len(rows) for rows in something.called] == [3, 0]


def test_neighbours_with_the_same_people_looked_at_share_them():
    absent = -(2**31) + 1
    columns = Columns(np.arange(3, dtype=np.uint32))
    first = Calls(encoded((2, absent), (2, 4), (0, 0)), columns)
    second = Calls(encoded((4, absent), (2, 2), (0, 0)), columns)

    assert first.called is second.called
    assert (set(first.called.twice), set(first.called.once)) == ({1}, {0})
