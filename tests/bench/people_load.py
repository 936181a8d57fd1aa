"""The speed of merging a thousand files of one person each, without a database."""

from __future__ import annotations

import gzip
import resource
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from beacon.framework.source import SourceFile
from beacon.load.single_samples import load_single_samples
from tests.bench.measure import Results

PEOPLE = 1_000
RECORDS = 5_000  # of each
SITES = 100_000

_HEADER = (
    "##fileformat=VCFv4.2\n##contig=<ID=22,length=50818468>\n"
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
)


class Counting:
    """A sink and a load that count alleles and carriers, and forget them."""

    assembly = "GRCh38"

    def __init__(self) -> None:
        self.alleles = self.carriers = 0

    def open(self, dataset_id: str, *, assembly: str | None, files: Sequence[Any]) -> Counting:
        return self

    def is_loaded(self, file: SourceFile) -> bool:
        return False

    def position(self, file: SourceFile) -> int:
        return 0

    def rows(self, sample_names: Sequence[str]) -> Any:
        return np.arange(len(sample_names), dtype=np.uint32)

    def left_shifted(self, *, all_of_them: bool) -> None: ...

    def write_alleles(self, observations: Sequence[Any]) -> None:
        self.alleles += len(observations)
        self.carriers += sum(one.rows.size for one in observations)

    def waiting(self) -> Sequence[Any]:
        return ()

    def mark(self, file: SourceFile, position: int) -> None: ...

    def finish(self, file: SourceFile) -> None: ...

    def publish(self) -> Mapping[str, int]:
        return {"genomicVariant": self.alleles}

    def abandon(self) -> None: ...


def write_people(folder: Path, people: int = PEOPLE, seed: int = 5) -> Path:
    """Files as callers write them: a seventh of the records insertions and deletions."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(seed)
    positions = np.sort(random.choice(35_000_000, SITES, replace=False)) + 11_000_000
    alleles = [
        ("AT", "A") if kind == 0 else ("G", "GCA") if kind == 1 else ("A", "G")
        for kind in random.integers(0, 14, SITES)
    ]
    weights = 1 / np.arange(1, SITES + 1)
    random.shuffle(weights)
    weights /= weights.sum()
    for person in range(people):
        chosen = np.sort(random.choice(SITES, RECORDS, replace=False, p=weights))
        lines = [f"{_HEADER}S{person:04}\n"]
        for site, call in zip(chosen.tolist(), random.integers(0, 3, RECORDS), strict=True):
            ref, alt = alleles[site]
            genotype = "1/1:0,35:35:99:1100,105,0" if call == 0 else "0/1:17,18:35:99:480,0,460"
            lines.append(
                f"22\t{positions[site]}\t.\t{ref}\t{alt}\t812.77\tPASS\tAC=1;AF=0.500;AN=2;"
                f"DP=35;FS=1.2;MQ=60.00;QD=23.2;SOR=0.7\tGT:AD:DP:GQ:PL\t{genotype}\n"
            )
        (folder / f"S{person:04}.vcf.gz").write_bytes(gzip.compress("".join(lines).encode(), 1))
    (folder / "assessed.bed").write_text("22\t10600000\t50800000\n")
    return folder


def measure(results: Results, folder: Path) -> None:
    """Read and merge all files, in one process and in as many as there are processors."""
    results.section("Files of single people")
    for processes, note in ((1, "one process"), (None, "a process for each processor")):
        sink = Counting()
        started = time.perf_counter()
        report = load_single_samples(
            sink,
            "people",
            "GRCh38",
            [folder],
            assessed=folder / "assessed.bed",
            process_count=processes,
        )
        taken = time.perf_counter() - started
        results.add(
            f"{len(report.files):,} files of {RECORDS:,} records, merged",
            taken * 1e3,
            "ms",
            note=f"{report.records / taken:,.0f} records/s, {note}",
        )
    peak = max(resource.getrusage(who).ru_maxrss for who in (0, resource.RUSAGE_CHILDREN))
    results.add("memory of the largest process", peak / 1024, "MB")
