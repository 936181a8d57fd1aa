"""Blocks hold what was put in, and find it again."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyroaring import BitMap

from beacon.model.allele import Allele, Called, Observation
from beacon.mongo.blocks import (
    COLUMNS,
    COMMON,
    Block,
    RareCarriers,
    allele_bases,
    allele_code,
    codes_of_dense,
    row_set,
    rows_of_set,
)
from beacon.mongo.called import Patterns, called_of, called_of_alleles
from beacon.mongo.documents import block_id
from beacon.mongo.packing import (
    Entry,
    Stored,
    decode_entries,
    dense_sets,
    encode_block,
    entries_of,
)
from beacon.mongo.roaring import serialized

KEY = block_id(12, 1, 7, 3)
START = 7 << 12
ROWS = 6_000
EMPTY = np.empty(0, np.uint32)

bases = st.text("ACGT", max_size=14)
carriers = st.one_of(
    st.dictionaries(st.integers(0, ROWS - 1), st.integers(0, 3), max_size=5),
    st.integers(100, ROWS).map(lambda size: dict.fromkeys(range(size), 1)),
    st.integers(100, ROWS).map(lambda size: {row: row % 4 for row in range(0, size, 3)}),
)
alleles = st.tuples(st.integers(0, 4095), bases, st.one_of(bases, st.just("AN")))


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    made = []
    sets = [None, Called(BitMap(range(ROWS)), BitMap()), Called(BitMap([5]), BitMap([1, 2]))]
    looked_at = st.sampled_from([*sets, draw(st.sampled_from(sets))])
    counts = st.lists(
        st.lists(st.integers(-1, 2 * ROWS), min_size=5, max_size=5), min_size=1, max_size=3
    )
    for offset, reference_bases, alternate_bases in draw(
        st.lists(alleles, min_size=1, max_size=12, unique=True)
    ):
        strata = draw(st.none() | counts)
        of_row = draw(carriers)
        codes = np.array([row << 2 | kind for row, kind in sorted(of_row.items())], np.uint32)
        kinds = list(of_row.values())
        made.append(
            Entry(
                offset,
                reference_bases,
                alternate_bases,
                codes,
                draw(st.integers(0, 2 * ROWS)),
                draw(st.integers(0, 2 * ROWS)),
                kinds.count(1),
                kinds.count(2),
                draw(st.integers(0, 5)),
                draw(looked_at),
                None,
                None if strata is None else np.array(strata, np.int64),
            )
        )
    return made


def plain(entry: Entry) -> tuple[object, ...]:
    return (
        *entry.key,
        entry.codes.tolist(),
        entry.allele_count,
        entry.allele_number,
        entry.homozygous,
        entry.hemizygous,
        entry.flags & ~COMMON,
        entry.called,
        _without_unstated(entry.strata),
    )


def _without_unstated(strata: np.ndarray | None) -> list[list[int]] | None:
    """Populations up to the last one that anything is stated of."""
    lines = [] if strata is None else strata.tolist()
    while lines and max(lines[-1]) < 0:
        lines.pop()
    return lines or None


def packed_and_read(packed: list[Entry]) -> list[Entry]:
    patterns = Patterns(3)
    encoded = encode_block(KEY, 3, packed, ROWS, patterns)
    sets = {document["_id"]: called_of(document) for document in patterns.drain()}
    stored = Stored(
        encoded.block,
        encoded.rare,
        {document["_id"]: document for document in encoded.dense},
        called_of_alleles(encoded.called, len(packed), sets),
        encoded.strata,
    )
    return decode_entries(stored)


@given(entries())
def test_what_was_packed_comes_out(packed):
    unpacked = packed_and_read(packed)

    key = operator.itemgetter(0, 1, 2)
    assert sorted(map(plain, unpacked), key=key) == sorted(map(plain, packed), key=key)


def test_alleles_looked_at_in_the_same_people_share_one_set():
    everybody, males = Called(BitMap(range(ROWS)), BitMap()), Called(BitMap(), BitMap([1]))
    patterns = Patterns(3)
    alleles = [Entry(at, "A", "C", EMPTY, 0, 0, 0, 0, 0, everybody) for at in range(9)]
    encoded = encode_block(KEY, 3, alleles, ROWS, patterns)
    again = encode_block(
        KEY + (1 << 16), 3, [*alleles, Entry(9, "A", "C", EMPTY, 0, 0, 0, 0, 0, males)], 1, patterns
    )

    assert (len(encoded.called["w"]), "i" in encoded.called) == (1, False)
    assert len(again.called["w"]) == 2
    assert len(patterns.drain()) == 2


@given(entries(), alleles)
def test_an_allele_is_found_where_it_is_and_nowhere_else(packed, absent):
    block = Block(encode_block(KEY, 3, packed, ROWS, Patterns(3)).block)
    for entry in packed:
        offset, reference_bases, alternate_bases = entry.key
        index = block.find(START + offset, reference_bases, alternate_bases)

        assert index is not None
        assert block.bases(index) == (reference_bases, alternate_bases)
        assert block.number("carriers", index) == len(entry.codes)
    if absent not in [entry.key for entry in packed]:
        assert block.find(START + absent[0], *absent[1:]) is None


@given(entries())
def test_single_numbers_are_those_of_the_columns(packed):
    block = Block(encode_block(KEY, 3, packed, ROWS, Patterns(3)).block)
    for name, _ in COLUMNS:
        assert [block.number(name, index) for index in range(block.size)] == block.column(
            name
        ).tolist()
    assert [block.is_observed(index) for index in range(block.size)] == block.observed().tolist()


@given(entries(), st.data())
def test_carriers_of_several_alleles_are_those_of_each(packed, data):
    encoded = encode_block(KEY, 3, packed, ROWS, Patterns(3))
    size = encoded.block["n"]
    rare = RareCarriers(encoded.rare, size)
    chosen = sorted(data.draw(st.sets(st.integers(0, size - 1))))
    one_by_one = [code for index in chosen for code in rare.of(index).tolist()]
    counted = rare.codes % 8 == 0

    assert rare.of_all(np.array(chosen, int)).tolist() == one_by_one
    assert rare.carried(counted).tolist() == [
        bool((rare.of(index) % 8 == 0).any()) for index in range(size)
    ]


@given(bases, bases)
def test_a_packed_code_stands_for_its_bases(reference_bases, alternate_bases):
    code = allele_code(reference_bases, alternate_bases)

    assert (code is None) == (len(reference_bases + alternate_bases) > 10)
    if code is not None:
        assert allele_bases(code) == (reference_bases, alternate_bases)


@pytest.mark.parametrize(
    "rows",
    [
        [5],
        list(range(0, 9_000, 2)),  # more than an array container holds
        list(range(3_000)),  # runs
        [1, 70_000, 200_000],  # several containers
        list(range(0, 60_000, 15)),
    ],
    ids=["one", "many", "runs", "far apart", "sparse"],
)
def test_common_carriers_are_roaring_bitmaps_that_anybody_can_read(rows):
    codes = np.array(rows, np.uint32) << np.uint32(2)
    codes[::2] |= np.uint32(1)
    (document,) = dense_sets([codes])

    assert BitMap.deserialize(document["a"]) == BitMap(rows)
    assert BitMap.deserialize(document["m"]) == BitMap(rows[::2])
    assert codes_of_dense(document).tolist() == codes.tolist()


spread = st.builds(
    lambda start, step, size: range(start, start + step * size, step),
    st.integers(0, 140_000),
    st.sampled_from([1, 2, 3, 40]),
    st.integers(1, 9_000),
)
few = st.sets(st.integers(0, 70_000), min_size=1, max_size=20)


@given(st.lists(st.builds(set, spread) | st.builds(set.union, few, few) | few, max_size=6))
@example([{0}, {65_535}, {65_536}, {65_535, 65_536}, set(range(65_536)), set(range(65_537))])
@example([set(range(0, 8_192, 2)), set(range(0, 8_194, 2)), {1, 2}, {1, 2, 3}, {3, 4, 6}])
def test_bitmaps_are_those_that_roaring_itself_would_write_where_runs_may_be_shorter(sets):
    arrays = [np.array(sorted(one), np.uint32) for one in sets]
    ends = np.cumsum([0, *map(len, arrays)])
    expected = [BitMap(one) for one in sets]
    for bitmap in expected:
        bitmap.run_optimize()
    found = list(serialized(np.concatenate([EMPTY, *arrays]), ends))

    assert [BitMap.deserialize(one) for one in found] == expected
    for one, rows, bitmap in zip(found, sets, expected, strict=True):
        if 2 * len(rows) > max(rows) or max(rows) > 65_535:
            assert one == bitmap.serialize()
        else:
            assert len(one) <= 16 + 2 * len(rows) or one == bitmap.serialize()


@given(st.sets(st.integers(0, 2**32 - 1)))
def test_sets_and_arrays_say_the_same(rows):
    array = np.array(sorted(rows), np.uint32)

    assert row_set(array) == BitMap(rows)
    assert rows_of_set(BitMap(rows)).tolist() == sorted(rows)


def observation(rows: list[int], zygosity: list[int], count: int | None) -> Observation:
    allele = Allele.from_vcf("1", START + 11, "A", "C")
    return Observation(
        allele,
        np.array(rows, np.uint32),
        np.array(zygosity, np.uint8),
        allele_number=20,
        allele_count=count,
    )


def test_entries_are_in_the_order_of_rows_whatever_the_order_of_samples():
    first, second, third = entries_of(
        [
            observation([3, 1, 2], [0, 1, 0], 4),
            observation([], [], None),
            observation([0, 9], [1, 0], None),
        ],
        [None, None, None],
        START,
    )

    assert first.codes.tolist() == [1 << 2 | 1, 2 << 2, 3 << 2]
    assert (first.offset, first.allele_count, first.homozygous) == (10, 4, 1)
    assert (second.codes.tolist(), second.allele_count) == ([], 0)
    assert (third.codes.tolist(), third.allele_count) == ([1, 9 << 2], 3)


def test_a_count_without_carriers_stands():
    (entry,) = entries_of([observation([], [], 17)], [None], START)

    assert entry.allele_count == 17
