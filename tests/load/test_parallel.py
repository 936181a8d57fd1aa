"""Cutting files into regions, and reading them region by region."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pysam
import pytest
from memory_sink import MemorySink

from beacon.load.bgzf_index import read_index
from beacon.load.byte_stream import Section
from beacon.load.genotypes import Columns
from beacon.load.parallel import Cutting, Processes, cut
from beacon.load.report import EXAMPLES, Problem, Report
from beacon.load.vcf import RecordReader, load_vcf
from beacon.load.vcf_file import VcfFile

ASSEMBLY = "GRCh38"
CONTIGS = ("chr2", "chr1", "decoy")
RECORDS = 3_000
WINDOW = 1 << 14


@pytest.fixture(scope="module", params=["tbi", "csi", "bcf"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Several BGZF blocks of records on three contigs, some of them long."""
    chance = random.Random(1)
    folder = tmp_path_factory.mktemp("indexed")
    lines = [
        "##fileformat=VCFv4.3",
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        *(f"##contig=<ID={name}>" for name in CONTIGS),
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB",
    ]
    for contig in CONTIGS:
        for number in range(RECORDS):
            size = 30_000 if number % 700 == 5 else chance.choice((1, 1, 9))
            ref = "A" + "".join(chance.choices("ACGT", k=size - 1))
            pos = 1_000 + 91 * number
            lines.append(f"{contig}\t{pos}\t.\t{ref}\tC\t.\t.\t.\tGT\t0/1\t./.")
    plain = folder / "file.vcf"
    plain.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if request.param == "bcf":
        path = folder / "file.bcf"
        with (
            pysam.VariantFile(str(plain)) as given,
            pysam.VariantFile(str(path), "wb", header=given.header) as written,
        ):
            for record in given:
                written.write(record)
        pysam.tabix_index(str(path), preset="bcf", csi=True)
        return path
    path = folder / "file.vcf.gz"
    pysam.tabix_compress(str(plain), str(path))
    pysam.tabix_index(str(path), preset="vcf", csi=request.param == "csi")
    return path


@pytest.fixture
def opened(file: Path) -> Any:
    vcf = VcfFile(file, ASSEMBLY)
    yield vcf
    vcf.close()


def test_an_index_tells_contigs_in_the_order_of_the_file_and_counts_them(opened):
    index = opened.index()

    assert {contig: one.records for contig, one in index.items()} == dict.fromkeys(CONTIGS, RECORDS)
    assert list(index) == list(CONTIGS)


@pytest.mark.parametrize("start", [-1, 0, WINDOW, 3 * WINDOW, 7 * WINDOW + 5, 1 << 20])
@pytest.mark.parametrize("contig", CONTIGS)
def test_a_section_has_all_records_that_reach_into_it(opened, contig, start):
    end = start + 2 * WINDOW
    offset = opened.index()[contig].offset(max(start - 1, 0))
    found = [
        (record.POS, len(record.REF))
        for record in opened.section(Section(contig, offset, start, end))
    ]
    wanted = [
        (record.POS, len(record.REF))
        for record in opened.records()
        if contig == record.CHROM
        and end >= record.POS
        and record.POS - 1 + len(record.REF) >= start
    ]

    assert [one for one in found if one[0] - 1 + one[1] >= start] == wanted


def test_a_section_inflates_little_of_what_lies_before_it(opened):
    index = opened.index()["chr1"]
    start = 12 * WINDOW
    section = Section("chr1", index.offset(start - 1), start, 13 * WINDOW)
    read = sum(1 for _ in opened.section(section))
    if not opened.path.with_name("file.vcf.gz.tbi").exists():
        pytest.skip("other indexes than .tbi are as fine as the compressed blocks")

    assert read < RECORDS // 4


def test_regions_cover_chromosomes_without_gap_or_overlap(opened):
    tiny = Cutting(smallest=1 << 40, largest=1 << 40, step=WINDOW, widest=WINDOW)
    regions = list(cut([opened.index()], ASSEMBLY, tiny))

    assert [one.chromosome for one in (regions[0], regions[-2], regions[-1])] == ["1", "2", ""]
    # Other indexes than .tbi are as fine as the compressed blocks.
    assert len(regions) > (20 if opened.path.with_name("file.vcf.gz.tbi").exists() else 3)
    for one, other in pairwise(regions):
        if one.chromosome == other.chromosome:
            assert one.end == other.start
            assert other.start % WINDOW == 0
        else:
            assert (one.end, other.start) == (1 << 40, -1)


def test_regions_are_of_about_as_many_compressed_bytes(opened):
    index = opened.index()
    of_contig = (index["chr1"].end >> 16) - (index["chr1"].begin >> 16)
    cutting = Cutting(smallest=of_contig // 4, largest=of_contig // 4, step=WINDOW)
    regions = [one for one in cut([index], ASSEMBLY, cutting) if one.chromosome == "1"]

    assert 2 <= len(regions) <= 5


def test_small_files_are_one_region_for_each_chromosome(opened):
    regions = list(cut([opened.index()], ASSEMBLY))

    assert [one.name for one in regions] == [f"{name}:-1-{1 << 40}" for name in ("1", "2", "")]


@pytest.mark.parametrize("content", [b"", b"no index", b"\x1f\x8b\x08\x04broken"])
def test_an_index_that_is_damaged_is_not_used(file, tmp_path, content):
    copy = tmp_path / file.name
    copy.write_bytes(file.read_bytes())
    (tmp_path / f"{file.name}.csi").write_bytes(content)

    assert read_index(copy, {}) is None


def test_an_index_of_a_file_that_has_grown_is_not_used(file, tmp_path):
    copy = tmp_path / file.name
    copy.write_bytes(file.read_bytes() + bytes(1 << 17))
    for suffix in (".tbi", ".csi"):
        beside = file.with_name(file.name + suffix)
        if beside.exists():
            (tmp_path / beside.name).write_bytes(beside.read_bytes())

    assert read_index(copy, dict(enumerate(CONTIGS))) is None
    assert read_index(file, dict(enumerate(CONTIGS))) is not None


def test_a_sink_that_cannot_be_shared_is_loaded_by_one_process(file):
    sink = MemorySink()
    in_parts = Processes(2, ASSEMBLY, cutting=Cutting(worthwhile=0))
    report = load_vcf(sink, "d", ASSEMBLY, [file], in_parts=in_parts)

    assert report.records == 3 * RECORDS
    assert report.alleles == 2 * RECORDS


def test_each_record_is_counted_once_and_each_allele_taken_once(opened):
    """Wherever the border lies: a record before it can have an allele behind it."""
    records = [one for one in opened.records() if one.CHROM == "chr1" and one.POS < 40_000]

    def read(start: int, end: int) -> tuple[Report, list[Any]]:
        report = Report()
        columns = Columns(np.arange(2, dtype=np.uint32))
        reader = RecordReader("f", ASSEMBLY, columns, report, start=start, end=end)
        for record in records:
            reader.take(record)
        report.check_complete()
        return report, reader.drain()

    whole, alleles = read(-1, 1 << 40)
    for border in (20_000, 1_454, 1_455, 1_456, 31_454, 31_455, 31_456):
        parts = [read(-1, border), read(border, 1 << 40)]

        assert sum(report.records for report, _ in parts) == whole.records
        assert sum(report.alleles for report, _ in parts) == whole.alleles
        assert {one.allele for _, some in parts for one in some} == {one.allele for one in alleles}
        assert sum(len(some) for _, some in parts) == len(alleles)


def test_reports_of_parts_add_up_to_that_of_the_whole():
    whole, merged = Report(), Report()
    for part in range(3):
        one = Report()
        for report in (whole, one):
            report.records += 5
            report.items += 7
            report.loaded["genomicVariant"] += 2
            report.nothing_to_load["reference block"] += 1
            for number in range(3):
                place = f"record {part}.{number}"
                report.lose(Problem(file="f", place=place, reason="lost"))
                report.warn(Problem(file="f", place=place, reason=f"odd {part % 2}"))
        merged.merge(one)

    assert merged.as_dict() == whole.as_dict()
    assert len(merged.not_loaded["lost"].examples) == EXAMPLES
