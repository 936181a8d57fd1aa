"""Annotating a dataset: what a file says is added to the alleles that are there, and no others."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from memory_sink import MemorySink

from beacon.framework.errors import LoadError
from beacon.load.annotate import annotate
from beacon.load.vcf import load_vcf
from beacon.model.allele import Allele
from beacon.model.annotation import merged
from beacon.mongo import documents
from beacon.mongo.sink import MongoSink

SHARED = Path(__file__).parents[2].parent / "shared" / "data"

HEADER = (
    "##fileformat=VCFv4.3\n"
    "##INFO=<ID=ANN,Number=.,Type=String,Description=\"Functional annotations: 'Allele'\">\n"
)


def sites(path: Path, *records: str, header: str = HEADER) -> Path:
    columns = "#CHROM POS ID REF ALT QUAL FILTER INFO".replace(" ", "\t")
    lines = "".join("\t".join(record.split()) + "\n" for record in records)
    path.write_text(f"{header}{columns}\n{lines}")
    return path


def ann(*allele_and_gene: tuple[str, str]) -> str:
    return "ANN=" + ",".join(
        f"{allele}|missense_variant|MODERATE|{gene}|||||||||||" for allele, gene in allele_and_gene
    )


def genes(sink: MemorySink, *spelling: Any) -> list[str]:
    """The genes of an allele, after everything that was said of it."""
    record: dict[str, Any] = {}
    for allele, fragment in sink.published["d"].annotations:
        if allele == Allele.from_vcf(*spelling):
            record = merged(record, fragment)
    return record.get("molecularAttributes", {}).get("geneIds", [])


@pytest.fixture
def sink(tmp_path: Path) -> MemorySink:
    """A dataset that has `1 100 A C`, `1 200 CTT C` and `1 200 CTT CT`."""
    sink = MemorySink()
    path = tmp_path / "calls.vcf"
    columns = "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT S".replace(" ", "\t")
    rows = ("1 100 . A C . . . GT 0/1", "1 200 . CTT C,CT . . . GT 1/2")
    lines = "\n".join("\t".join(row.split()) for row in rows)
    path.write_text(
        "##fileformat=VCFv4.3\n##contig=<ID=1>\n"
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        f"{columns}\n{lines}\n"
    )
    load_vcf(sink, "d", "GRCh38", [path])
    return sink


def test_alleles_of_the_dataset_are_annotated_and_all_others_accounted_for(sink, tmp_path):
    file = sites(
        tmp_path / "said.vcf",
        f"chr1 100 . A C,G . . {ann(('C', 'ONE'), ('G', 'OTHER'))}",
        f"1 200 . CTT C,CT,* . . {ann(('C', 'LONG'), ('CT', 'SHORT'), ('*', 'SPANNED'))}",
        "1 300 . A C . . .",
        "1 301 . A . . . .",
        f"GL000192.1 5 . A C . . {ann(('C', 'ONE'))}",
        f"1 400 . A R . . {ann(('R', 'ONE'))}",
    )
    report = annotate(sink, "d", "hg38", [file])

    assert genes(sink, "1", 100, "A", "C") == ["ONE"]
    assert genes(sink, "1", 200, "CTT", "C") == ["LONG"]
    assert genes(sink, "1", 200, "CTT", "CT") == ["SHORT"]
    assert len(sink.published["d"].annotations) == 3
    assert report.loaded == {"annotation": 3}
    assert report.nothing_to_load == {
        "allele not in the dataset": 1,
        "spanning deletion": 1,
        "nothing said of the allele": 1,
        "no alternate allele": 1,
    }
    assert {reason: one.count for reason, one in report.not_loaded.items()} == {
        "unknown chromosome": 1,
        "ALT is not a sequence of bases": 1,
    }
    assert (report.records, report.items) == (6, 9)


def test_nothing_is_published_when_the_dataset_has_none_of_the_alleles(sink, tmp_path):
    before = sink.published["d"]
    file = sites(tmp_path / "said.vcf", f"2 100 . A C . . {ann(('C', 'ONE'))}")
    report = annotate(sink, "d", "GRCh38", [file])

    assert sink.published["d"] is before
    assert not sink.open_loads
    assert report.nothing_to_load == {"allele not in the dataset": 1}


def test_the_same_file_may_be_given_again(sink, tmp_path):
    file = sites(tmp_path / "said.vcf", f"1 100 . A C . . {ann(('C', 'ONE'))}")
    annotate(sink, "d", "GRCh38", [file])
    report = annotate(sink, "d", "GRCh38", [file])

    assert report.loaded == {"annotation": 1}
    assert genes(sink, "1", 100, "A", "C") == ["ONE"]


def test_genotypes_of_a_file_can_still_be_loaded_after_its_annotations(sink, tmp_path):
    calls = tmp_path / "calls.vcf"
    said = sites(tmp_path / "said.vcf", f"1 100 . A C . . {ann(('C', 'ONE'))}")
    text = said.read_text().replace("INFO\n", "INFO\tFORMAT\tT\n").replace("||\n", "||\tGT\t1/1\n")
    gt = '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    calls.write_text(text.replace("#CHROM", f"{gt}#CHROM"))
    annotate(sink, "d", "GRCh38", [calls])
    report = load_vcf(sink, "d", "GRCh38", [calls])

    assert report.already_loaded == []
    assert report.loaded == {"genomicVariant": 1}


def test_an_interrupted_load_goes_on_where_it_was(sink, tmp_path):
    others = (f"2 {pos} . A C . . {ann(('C', 'FAR'))}" for pos in range(1, 5001))
    file = sites(
        tmp_path / "said.vcf",
        f"1 100 . A C . . {ann(('C', 'ONE'))}",
        *others,
        f"1 200 . CTT C . . {ann(('C', 'LONG'))}",
    )
    sink.stop_after_mark = 1
    with pytest.raises(KeyboardInterrupt):
        annotate(sink, "d", "GRCh38", [file])
    interrupted = genes(sink, "1", 100, "A", "C")
    report = annotate(sink, "d", "GRCh38", [file])

    assert interrupted == []
    assert genes(sink, "1", 100, "A", "C") == ["ONE"]
    assert genes(sink, "1", 200, "CTT", "C") == ["LONG"]
    assert report.nothing_to_load["read before the interruption"] == 5000
    assert report.loaded == {"annotation": 1}


@pytest.mark.parametrize(
    ("header", "assembly", "problem"),
    [
        ("##fileformat=VCFv4.3\n", "GRCh38", "has no annotation that is known"),
        (HEADER, "GRCh36", "assembly GRCh36 is unknown"),
        (f"{HEADER}##contig=<ID=1,length=249250621>\n", "GRCh38", "is on GRCh37"),
    ],
)
def test_files_that_cannot_be_read_as_asked_are_refused(sink, tmp_path, header, assembly, problem):
    file = sites(tmp_path / "said.vcf", "1 100 . A C . . .", header=header)

    with pytest.raises(LoadError, match=problem):
        annotate(sink, "d", assembly, [file])
    assert not sink.open_loads


@pytest.fixture
def mongo(mongo_uri: str, database: str) -> Iterator[Any]:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        yield client[database]


def test_clinvar_can_be_asked_for_once_it_is_added(mongo, tmp_path):
    """The real file, and somebody who has every hundredth of its alleles."""
    clinvar = SHARED / "vcf-af-sites" / "clinvar_20260226_chr13_chr17.GRCh38.vcf.gz"
    if not clinvar.is_file():
        pytest.skip("the real data are not here")
    lines = gzip.decompress(clinvar.read_bytes()).decode().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    carried = [row for row in rows if row[4] != "."][::100]
    calls = tmp_path / "calls.vcf"
    body = "".join("\t".join((*row[:5], ".", ".", ".", "GT", "0/1")) + "\n" for row in carried)
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n"
    calls.write_text(
        "##fileformat=VCFv4.3\n##contig=<ID=13>\n##contig=<ID=17>\n"
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n' + columns + body
    )
    sink = MongoSink(mongo)
    load_vcf(sink, "d", "GRCh38", [calls])
    report = annotate(sink, "d", "GRCh38", [clinvar])
    again = annotate(sink, "d", "GRCh38", [clinvar])
    found = list(mongo[documents.ANNOTATIONS].find({}, {"ids": 1, "g": 1}))
    hgvs = {name for one in found for name in one["ids"]}

    expected = {field[8:] for row in carried for field in row[7].split(";") if "HGVS=" in field}
    assert report.ok
    assert report.loaded["annotation"] == again.loaded["annotation"] >= len(carried)
    assert expected <= hgvs
    assert any("BRCA2" in one["g"] for one in found)
