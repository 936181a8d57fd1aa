"""`python -m tests.bench.one_load`: one way to read or load files, in a process of its own.

A process of its own, so that the memory is that of this load and of nothing before it. Prints a
JSON object; seconds are those of the work, without the time that starting and importing take.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymongo

from beacon.load.report import Report
from beacon.mongo.sink import MongoSink

DATASET = "loaded"
READING = ("cyvcf2", "reader")
"""Ways to read genotypes without a database."""
_ALL = sys.maxsize
_PROFILED = 40  # lines

Reading = Callable[[Path, int], int]
Loading = Callable[[Any, str, str, list[Path]], Report]


# Each way imports what it needs alone: modules take memory too.


def _reading(way: str) -> Reading:
    from tests.bench import decode

    return decode.cyvcf2_reads_genotypes if way == "cyvcf2" else decode.reads_genotypes


def _cohort() -> Loading:
    from beacon.load.vcf import load_vcf

    return load_vcf


def _frequencies() -> Loading:
    from beacon.load.frequencies import load_frequencies

    return load_frequencies


def _phenopackets() -> Loading:
    from beacon.load.phenopackets import load_phenopackets

    return lambda sink, dataset_id, assembly, paths: load_phenopackets(
        sink, dataset_id, paths, assembly=assembly
    )


def _people() -> Loading:
    from beacon.load.single_samples import load_single_samples

    return lambda sink, dataset_id, assembly, paths: load_single_samples(
        sink, dataset_id, assembly, paths, assessed=paths[0] / "assessed.bed"
    )


def _annotate() -> Loading:
    from beacon.load.annotate import annotate

    return annotate


LOADING: dict[str, Callable[[], Loading]] = {
    "vcf": _cohort,
    "frequencies": _frequencies,
    "phenopackets": _phenopackets,
    "people": _people,
    "annotate": _annotate,
}


def main() -> None:
    """Do one of `READING` or `LOADING`, and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.one_load", description=__doc__)
    parser.add_argument("way", choices=(*READING, *LOADING))
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--assembly", default="GRCh38")
    parser.add_argument("--uri", help="of the database to load into")
    parser.add_argument("--database", default="bench_load")
    parser.add_argument("--profile", action="store_true", help="say where the time goes, on stderr")
    given = parser.parse_args()
    took: dict[str, Any] = {"records": 0, "loaded": {}, "not_loaded": 0}
    profile = cProfile.Profile() if given.profile else None
    reading = _reading(given.way) if given.way in READING else None
    loading = LOADING[given.way]() if reading is None else None
    before_s, before_cpu_s = time.perf_counter(), _processor_s()
    if profile is not None:
        profile.enable()
    if reading is not None:
        took["records"] = reading(given.paths[0], _ALL)
    elif loading is not None:
        with pymongo.MongoClient[dict[str, Any]](given.uri) as client:
            sink = MongoSink(client[given.database])
            report = loading(sink, DATASET, given.assembly, given.paths)
        took["records"] = report.records
        took["loaded"] = dict(report.loaded)
        took["not_loaded"] = sum(one.count for one in report.not_loaded.values())
    if profile is not None:
        profile.disable()
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(_PROFILED)
    took["seconds"] = time.perf_counter() - before_s
    took["processor_s"] = _processor_s() - before_cpu_s
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    took["peak_bytes"] = max(_peak_kib(), children) * 1024  # of the largest process
    sys.stdout.write(json.dumps(took) + "\n")


def _peak_kib() -> int:
    """The most memory that this process held at once.

    Not `ru_maxrss`: it begins with what the process held that started this one.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _processor_s() -> float:
    """Processor time of this process and of those it has waited for."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main()
