"""How long `beacon match` takes for an exome, with a network that answers.

python -m tests.bench.exome family.vcf.gz --ped family.ped --assembly GRCh37 \
    --network http://127.0.0.1:5050/api

The exome is made of the records of a family's annotated file, again and again, a few bases on.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import rich.console
import rich.table

FURTHER = 7
"""Bases from one copy of a record to the next."""

FEATURES = ("HP:0001250", "HP:0001263")


def main() -> None:
    """Print seconds of every run, and their medians."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.exome",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("family", type=Path, help="VCF, gzipped, sorted")
    parser.add_argument("--ped", type=Path, required=True)
    parser.add_argument("--assembly", required=True)
    parser.add_argument("--network", required=True)
    parser.add_argument("--records", type=int, default=80_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="beacon-bench-") as folder:
        exome, case = Path(folder) / "exome.vcf.gz", Path(folder) / "case.json"
        write_exome(given.family, exome, given.records)
        features = [{"type": {"id": one}} for one in FEATURES]
        case.write_text(json.dumps({"id": "case", "phenotypicFeatures": features}))
        command = [
            *(sys.executable, "-m", "beacon.cli", "match", str(exome), "--json"),
            *("--phenopacket", str(case), "--ped", str(given.ped)),
            *("--assembly", given.assembly, "--network", given.network),
        ]
        runs = [timed(command) for _ in range(given.runs)]
    table = rich.table.Table("s", "s of a processor", title=f"{given.records:,} records")
    for wall, processor in runs:
        table.add_row(f"{wall:.1f}", f"{processor:.1f}")
    table.add_section()
    medians = (statistics.median(column) for column in zip(*runs, strict=True))
    table.add_row(*(f"{one:.1f}" for one in medians))
    rich.console.Console().print(table)


def write_exome(family: Path, path: Path, records: int) -> None:
    """A file of so many records, in the order of the family's."""
    with gzip.open(family, "rt") as lines:
        whole = list(lines)
    head = [line for line in whole if line.startswith("#")]
    rows = [line.split("\t") for line in whole if not line.startswith("#")]
    contigs = {name: place for place, name in enumerate(dict.fromkeys(row[0] for row in rows))}
    copies = -(-records // len(rows))
    made = [(row, int(row[1]) + FURTHER * copy) for row in rows for copy in range(copies)]
    made.sort(key=lambda one: (contigs[one[0][0]], one[1]))
    with gzip.open(path, "wt", compresslevel=4) as out:
        out.writelines(head)
        for (contig, _, *rest), pos in made[:records]:
            out.write("\t".join((contig, str(pos), *rest)))


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds, and seconds of processor time, of a command that has to succeed."""
    before, begun = _used(), time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - begun, _used() - before


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
