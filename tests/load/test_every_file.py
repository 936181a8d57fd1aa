"""Every VCF of the reference data is loaded, or refused with a reason, and nothing is lost."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cyvcf2
import pymongo
import pytest
from memory_sink import MemorySink

from beacon.framework.errors import LoadError
from beacon.framework.source import Sink
from beacon.load.annotate import annotate
from beacon.load.frequencies import load_frequencies
from beacon.load.report import Report
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
FOLDERS = ("vcf-genotypes", "vcf-annotated", "vcf-sv", "vcf-af-sites", "vcf-edge")
SUFFIXES = (".vcf", ".vcf.gz")

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the reference data are not here")

REFUSED = {
    "cbi_pathogenic_chr22_2504.GRCh37.vcf.gz": "not valid VCF at record 15",
    "clinvar_alleles_750.GRCh37.vcf": "no annotation that is known",
    "cyvcf2_test_gt_alt_freqs.vcf": "on neither GRCh37 nor GRCh38",
    "opencga_sv_large.vcf": "cut short",
}
"""Files that cannot be loaded, and why."""


def files() -> list[Path]:
    return sorted(
        path
        for folder in FOLDERS
        for path in (SHARED / folder).glob("*")
        if path.name.endswith(SUFFIXES)
    )


def specification_files() -> list[Path]:
    return sorted((SHARED / "vcf-edge").glob("hts-specs_vcf4.*/**/*.vcf"))


def lines_of(path: Path) -> Iterator[bytes]:
    # Not `gzip.decompress`: of the many members of bgzip it copies all that follow each.
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as lines:
        yield from lines


def alleles_in(path: Path) -> int:
    """Alternate alleles, one for a record without any, counted on the text."""
    return sum(
        len(line.split(b"\t", 5)[4].split(b","))
        for line in lines_of(path)
        if not line.startswith(b"#")
    )


def has_samples(path: Path) -> bool:
    heads = (line for line in lines_of(path) if line.startswith(b"#CHROM"))
    return next(heads, b"").count(b"\t") > 8


def assembly_of(path: Path) -> str:
    on_38 = ("GRCh38", "b38", "bio2zarr_chr_m_indels")
    return "GRCh38" if any(name in path.name for name in on_38) else "GRCh37"


def accounted(report: Report) -> int:
    return (
        sum(report.loaded.values())
        + sum(report.nothing_to_load.values())
        + sum(finding.count for finding in report.not_loaded.values())
    )


def load(sink: Sink, path: Path) -> Report:
    if has_samples(path):
        return load_vcf(sink, "d", assembly_of(path), [path])
    try:
        return load_frequencies(sink, "d", assembly_of(path), [path])
    except LoadError:
        # Sites without counts say something of alleles, and bring none.
        return annotate(sink, "d", assembly_of(path), [path])


@pytest.fixture(scope="module")
def table() -> Iterator[list[tuple[str, str]]]:
    lines: list[tuple[str, str]] = []
    yield lines
    width = max((len(name) for name, _ in lines), default=0)
    print()  # noqa: T201
    for name, what in lines:
        print(f"{name:{width}}  {what}")  # noqa: T201


@pytest.fixture
def sink(mongo_uri: str, database: str) -> Iterator[MongoSink]:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        yield MongoSink(client[database], grace_s=0)


def described(report: Report) -> str:
    counts = Counter({f"loaded {kind}": count for kind, count in report.loaded.items()})
    counts.update(report.nothing_to_load)
    counts.update({reason: finding.count for reason, finding in report.not_loaded.items()})
    return ", ".join(f"{name}: {count:,}" for name, count in sorted(counts.items()))


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_every_allele_of_a_file_is_loaded_or_has_a_reason(
    sink: MongoSink, table: list[tuple[str, str]], path: Path
) -> None:
    if path.name in REFUSED:
        with pytest.raises(LoadError, match=REFUSED[path.name]):
            load(sink, path)

        assert sink.manifests() == []
        table.append((path.name, f"refused: {REFUSED[path.name]}"))
        return
    report = load(sink, path)

    assert accounted(report) == report.items == alleles_in(path)
    table.append((path.name, described(report)))


@pytest.mark.parametrize("path", specification_files(), ids=lambda path: path.name)
def test_files_of_the_specification_are_loaded_whole_or_not_at_all(
    table: list[tuple[str, str]], path: Path
) -> None:
    sink = MemorySink()
    try:
        report = load(sink, path)
    except LoadError as error:
        assert sink.published == {}
        table.append((path.name, f"refused: {str(error)[-60:]}"))
        return
    table.append((path.name, described(report)))

    assert accounted(report) == report.items


def test_the_counting_of_alleles_is_that_of_another_reader() -> None:
    path = SHARED / "vcf-edge" / "cyvcf2_o.vcf.gz"
    alleles = sum(len(record.ALT) or 1 for record in cyvcf2.VCF(str(path)))

    assert alleles_in(path) == alleles
