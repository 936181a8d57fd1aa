"""The parts of the bench that load files: seconds, ratios to `cyvcf2`, and memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymongo

from tests.bench import load_files, people_load
from tests.bench.measure import Results

_ROOT = Path(__file__).parents[2]
_DATABASE = "bench_load"
_NAMES = {
    "cyvcf2": "cyvcf2 reads the genotypes",
    "reader": "read: genotypes, carriers, who was called",
    "vcf": "load: digest, read, pack, write, publish",
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is loaded; some of the defaults are a tenth of the full size."""

    cohort_records: int | None  # of 2,504 people; `None` is the whole file
    large_cohort_records: int  # of 100,000 people
    sites: int
    packets: int
    people: int  # with a file each


REDUCED = Sizes(5_000, 500, 100_000, 1_000, 100)
FULL = Sizes(None, 4_000, 1_000_000, 10_000, 1_000)


@dataclass(frozen=True, slots=True)
class Took:
    """What one process took, see `one_load`."""

    seconds: float
    processor_s: float
    records: int
    loaded: int
    peak_bytes: int


class Loads:
    """Runs ways of reading and loading, each in a process of its own, into an empty database."""

    def __init__(self, uri: str, results: Results, repetitions: int, *, profile: bool) -> None:
        self.results, self.repetitions = results, repetitions
        self._uri, self._profile = uri, profile

    def run(self, way: str, path: Path, assembly: str = "GRCh38", *, clear: bool = True) -> Took:
        """Do it once.

        Args:
            clear: Whether the database is emptied before.
        """
        if clear:
            with pymongo.MongoClient[dict[str, Any]](self._uri) as client:
                client.drop_database(_DATABASE)
        command = [sys.executable, "-m", "tests.bench.one_load", way, str(path)]
        command += ["--assembly", assembly, "--uri", self._uri, "--database", _DATABASE]
        if self._profile:
            command.append("--profile")
        done = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
        told = json.loads(done.stdout)
        if told["not_loaded"] > told["records"] // 4:
            raise SystemExit(f"{path} was not loaded: {told['not_loaded']} items were refused")
        return Took(
            told["seconds"],
            told["processor_s"],
            told["records"],
            max(told["loaded"].values(), default=0),
            told["peak_bytes"],
        )

    def add(
        self, name: str, took: Sequence[Took], unit: str, amount: Callable[[Took], int]
    ) -> None:
        """Add the median of a load, how much of `unit` that is a minute, and its memory."""
        median = statistics.median(one.seconds for one in took)
        computing = statistics.median(one.processor_s for one in took)
        rate = statistics.median(amount(one) / one.seconds * 60 for one in took)
        peak = max(one.peak_bytes for one in took)
        self.results.add(
            name,
            median * 1e3,
            "ms",
            note=f"{rate:,.0f} {unit}/min, processor {computing:.1f} s, {peak / 2**20:,.0f} MiB",
        )

    def repeat(self, way: str, path: Path, assembly: str = "GRCh38") -> list[Took]:
        """Do it as often as asked."""
        return [self.run(way, path, assembly) for _ in range(self.repetitions)]


def cohorts(loads: Loads, sizes: Sizes) -> None:
    """VCF and BCF of many people, against `cyvcf2` by turns."""
    real = load_files.real_cohort(sizes.cohort_records)
    small, assembly = (real, "GRCh37") if real else (load_files.small_cohort(), "GRCh38")
    for path in small:
        _cohort(loads, path, assembly)
    for path in load_files.cohort(100_000, sizes.large_cohort_records):
        _cohort(loads, path, "GRCh38")


def _cohort(loads: Loads, path: Path, assembly: str) -> None:
    loads.results.section(f"Cohort: {path.name}")
    took: dict[str, list[Took]] = {way: [] for way in _NAMES}
    for _ in range(loads.repetitions):
        for way, of_way in took.items():
            of_way.append(loads.run(way, path, assembly))
    theirs = took["cyvcf2"]
    for way, ours in took.items():
        pairs = list(zip(theirs, ours, strict=True))
        computing = statistics.median(one.processor_s / two.processor_s for one, two in pairs)
        peak = max(one.peak_bytes for one in ours)
        loads.results.add(
            _NAMES[way],
            statistics.median(one.seconds for one in ours) * 1e3,
            "ms",
            ratio=statistics.median(one.seconds / two.seconds for one, two in pairs),
            of="as fast as cyvcf2",
            note=f"by processor time {computing:.2f}, {ours[0].records:,} records, "
            f"{peak / 2**20:,.0f} MiB",
        )


def frequencies(loads: Loads, sizes: Sizes) -> None:
    """Sites with counts of ten populations, as VCF and as a table."""
    loads.results.section(f"Frequencies: {sizes.sites:,} sites")
    for name, path in (
        ("VCF, ten populations", load_files.counted_sites(sizes.sites, by_sex=False)),
        ("VCF, ten populations, each by sex", load_files.counted_sites(sizes.sites, by_sex=True)),
        ("TSV, ten populations", load_files.counted_table(sizes.sites)),
    ):
        loads.add(name, loads.repeat("frequencies", path), "sites", lambda one: one.loaded)


def phenopackets(loads: Loads, sizes: Sizes) -> None:
    """Phenopackets in one file."""
    loads.results.section(f"Phenopackets: {sizes.packets:,}")
    path = load_files.phenopackets(sizes.packets)
    loads.add("phenopackets", loads.repeat("phenopackets", path), "people", lambda _: sizes.packets)


def people(loads: Loads, sizes: Sizes) -> None:
    """Files of one person each, merged by place."""
    loads.results.section(f"Files of single people: {sizes.people:,}")
    folder = load_files.made_once(
        f"people-{sizes.people}", lambda path: people_load.write_people(path, sizes.people)
    )
    name = f"{sizes.people:,} files of {people_load.RECORDS:,} records"
    loads.add(name, loads.repeat("people", folder), "records", lambda one: one.records)


def annotations(loads: Loads, _: Sizes) -> None:
    """ClinVar's file, onto a dataset that has all of its alleles."""
    path = load_files.clinvar(50_000)
    loads.results.section(f"Annotations: {path.name}")
    carrier = load_files.sites_of(path)
    took = []
    for _ in range(loads.repetitions):
        loads.run("vcf", carrier)
        took.append(loads.run("annotate", path, clear=False))
    note = f"annotated: {took[0].loaded:,} of {took[0].records:,} records"
    loads.add(note, took, "records", lambda one: one.records)


PARTS: dict[str, Callable[[Loads, Sizes], None]] = {
    "cohorts": cohorts,
    "frequencies": frequencies,
    "phenopackets": phenopackets,
    "people": people,
    "annotations": annotations,
}
"""The parts of `load`, by the name they can be asked for."""


def measure(loads: Loads, parts: Sequence[str], sizes: Sizes) -> None:
    """Run some parts, and say how busy the machine was."""
    for part in parts:
        before = os.getloadavg()[0]
        PARTS[part](loads, sizes)
        loads.results.add("load average before and after", before, "", note=_busy())


def _busy() -> str:
    return f"{os.getloadavg()[0]:.1f} after"
