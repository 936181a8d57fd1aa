"""What was assessed: BED files, and who speaks where several things are said."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from beacon.framework.errors import LoadError
from beacon.load.assessed import (
    Said,
    Spans,
    copies_in_regions,
    has_one_x,
    read_regions,
    regions_beside,
    runs,
)

X, Y, MT = 23, 24, 25


def spans(*intervals: tuple[int, int, int]) -> Spans:
    columns = np.array(intervals, np.int64).reshape(-1, 3)
    return Spans(columns[:, 0], columns[:, 1], columns[:, 2].astype(np.int8))


def listed(found: Spans) -> list[tuple[int, int, int]]:
    return list(zip(*(column.tolist() for column in found), strict=True))


def test_records_speak_before_blocks_and_blocks_before_regions():
    found = runs(
        {
            Said.REGION: spans((0, 100, 2)),
            Said.BLOCK: spans((10, 20, 1), (30, 40, 0)),
            Said.RECORD: spans((15, 16, 2), (35, 36, 1), (50, 60, 0)),
        }
    )

    assert listed(found) == [
        (0, 10, 2),
        (10, 15, 1),
        (15, 16, 2),
        (16, 20, 1),
        (20, 30, 2),
        (35, 36, 1),
        (40, 50, 2),
        (60, 100, 2),
    ]


def test_what_agrees_is_one_run():
    found = runs({Said.REGION: spans((0, 50, 2), (50, 70, 2)), Said.RECORD: spans((20, 21, 2))})

    assert listed(found) == [(0, 70, 2)]


def test_of_two_records_the_one_with_more_alleles_called_counts():
    found = runs({Said.RECORD: spans((0, 10, 1), (4, 6, 2), (5, 8, 0))})

    assert listed(found) == [(0, 4, 1), (4, 6, 2), (6, 10, 1)]


def test_nothing_said_is_no_run():
    assert listed(runs({})) == []
    assert listed(runs({Said.BLOCK: spans((5, 5, 2)), Said.RECORD: spans((1, 2, 0))})) == []


def test_a_bed_file_is_read_by_sequence_and_its_regions_united(tmp_path):
    bed = tmp_path / "a.bed.gz"
    text = "browser position\n#x\nchr2\t5\t9\nchr2 0 6\tname\n\nNC_000001.11\t1\t2\nchrUn_7\t0\t9\n"
    bed.write_bytes(gzip.compress(text.encode()))
    regions = read_regions(bed, "GRCh38")

    assert {code: listed(found) for code, found in regions.items()} == {
        1: [(1, 2, 2)],
        2: [(0, 9, 2)],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("22\t1\n", "line 1: a BED line is a sequence, a start and an end"),
        ("22\t1\t2\n22\t-1\t2\n", "line 2: a BED line is"),
        ("22\t9\t3\n", "is no region of 22"),
        ("22\t0\t51000000\n", "which has 50,818,468 bases on GRCh38"),
        ("NC_000022.10\t0\t5\n", "is of GRCh37, and the load is on GRCh38"),
        ("chrUn_1\t0\t5\n", "no region on any of the chromosomes"),
    ],
)
def test_what_is_no_bed_of_the_assembly_is_refused(tmp_path, text, message):
    bed = tmp_path / "a.bed"
    bed.write_text(text)

    with pytest.raises(LoadError, match=message):
        read_regions(bed, "GRCh38")


def test_a_bed_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(LoadError, match="cannot be read"):
        read_regions(tmp_path / "none.bed", "GRCh38")


@pytest.mark.parametrize(
    ("vcf", "bed"),
    [
        ("a.vcf.gz", "a.bed"),
        ("a.vcf", "a.bed.gz"),
        ("a.g.vcf.gz", "a.bed"),
        ("a.b.bcf", "a.b.bed"),
        ("a.vcf.gz", None),
    ],
)
def test_regions_lie_beside_the_file(tmp_path: Path, vcf: str, bed: str | None):
    if bed:
        (tmp_path / bed).touch()
    found = regions_beside(tmp_path / vcf)

    assert found == (tmp_path / bed if bed else None)


def test_copies_in_regions_are_those_of_the_sequence():
    regions = spans((0, 3_000_000, 2))

    assert listed(copies_in_regions(regions, 22, "GRCh38", one_x=True)) == [(0, 3_000_000, 2)]
    assert listed(copies_in_regions(regions, Y, "GRCh38", one_x=False)) == [(0, 3_000_000, 1)]
    assert listed(copies_in_regions(regions, MT, "GRCh38", one_x=False)) == [(0, 3_000_000, 1)]
    assert listed(copies_in_regions(regions, X, "GRCh38", one_x=False)) == [(0, 3_000_000, 2)]
    assert listed(copies_in_regions(regions, X, "GRCh38", one_x=True)) == [
        (0, 10_000, 1),
        (10_000, 2_781_479, 2),
        (2_781_479, 3_000_000, 1),
    ]


def test_a_persons_records_outside_the_paired_ends_tell_how_many_x_there_are():
    paired = [(100_000 + at, 100_001 + at, 2) for at in range(9)]

    assert has_one_x(spans((5_000_000, 5_000_001, 1), *paired), "GRCh38")
    assert not has_one_x(spans((5_000_000, 5_000_001, 2), (6, 7, 1)), "GRCh38")
    assert not has_one_x(spans(), "GRCh38")
