"""Genotype arithmetic against the plainest way to do it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from beacon.load.genotypes import Calls
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
