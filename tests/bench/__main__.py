"""`python -m tests.bench [PART ...]`: what questions and loads cost on this machine, in one run.

Without a part: questions, HTTP, and the load of observations and of a VCF. `load` is all of the
parts that load files; each of them can be named instead. `network` asks networks of many beacons.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import pymongo

from beacon.mongo import documents
from beacon.mongo.embedded import embedded_mongod
from beacon.mongo.sink import MongoSink
from beacon.web.server import new_loop
from tests.bench import http_load, loading, network, vcf_load
from tests.bench.cohort import Cohort, make
from tests.bench.measure import Results
from tests.bench.questions import PLAIN, PLAIN_SIZE, Questions, ask

DATABASE = "bench"


def main() -> None:
    """Run everything, and print a table or JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"network, load, or of load: {', '.join(loading.PARTS)}",
    )
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--variants", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=300, help="repetitions of a question")
    parser.add_argument("--seconds", type=float, default=2.0, help="a stretch of HTTP requests")
    parser.add_argument("--vcf", type=Path, help="a VCF file to load, in place of a synthetic one")
    parser.add_argument("--assembly", default="GRCh38", help="of that file")
    parser.add_argument("--full", action="store_true", help="load files of full size, not a tenth")
    parser.add_argument("--repetitions", type=int, default=3, help="of the load of a file")
    parser.add_argument("--profile", action="store_true", help="say where the time of loads goes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    if unknown := set(given.parts) - {*loading.PARTS, "load", "network"}:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    results = Results(quiet=given.json)
    with (
        tempfile.TemporaryDirectory(prefix="beacon-bench-") as folder,
        embedded_mongod(Path(folder)) as uri,
        pymongo.MongoClient[dict[str, Any]](uri) as client,
    ):
        about: dict[str, Any] = {
            "cores": os.cpu_count(),
            "load_average": os.getloadavg()[0],
            "mongod": client.server_info()["version"],
            "date": time.strftime("%Y-%m-%d"),
        }
        if not given.parts:
            about |= {"people": given.people, "variants": given.variants}
        if not given.json:
            click.echo(", ".join(f"{key} {value}" for key, value in about.items()))
        if "network" in given.parts:
            network.measure(results, uri, given.seconds)
        parts = [one for one in given.parts if one != "network"]
        if parts:
            parts = list(loading.PARTS) if "load" in parts else parts
            loads = loading.Loads(uri, results, given.repetitions, profile=given.profile)
            loading.measure(loads, parts, loading.FULL if given.full else loading.REDUCED)
        elif not given.parts:
            _run(given, results, uri, client, Path(folder))
    if given.json:
        click.echo(results.as_json(about))


def _run(
    given: argparse.Namespace,
    results: Results,
    uri: str,
    client: pymongo.MongoClient[dict[str, Any]],
    folder: Path,
) -> None:
    """Questions, HTTP, and the load of observations and of a VCF."""
    cohort = _load(client, results, given.people, given.variants)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_ask(uri, cohort, results, given.rounds))
    http_load.measure(results, uri, DATABASE, cohort, given.seconds)
    path = given.vcf or vcf_load.write_vcf(folder / "synthetic.vcf", 8_000)
    vcf_load.measure(results, client[f"{DATABASE}_vcf"], path, given.assembly, 3)


def _load(
    client: pymongo.MongoClient[dict[str, Any]], results: Results, people: int, variants: int
) -> Cohort:
    database = client[DATABASE]
    results.section("Load of observations (no file to decode), and bytes")
    sink = MongoSink(database)
    cohort = make(sink, people, variants)
    database[PLAIN].insert_many({"_id": number, "n": number} for number in range(PLAIN_SIZE))
    results.add("variants", variants / cohort.load_s, "1/s", note=f"{cohort.load_s:.1f} s")
    results.add("carriers", cohort.pairs / cohort.load_s, "1/s", note=f"{cohort.pairs:,} in all")
    client.admin.command("fsync")
    loaded = variants + len(cohort.small) * len(cohort.small_carriers)
    for name in (documents.BLOCKS, documents.RARE, documents.DENSE):
        told = database.command("collstats", name)
        results.add(f"{name}: bytes on disk a variant", told["storageSize"] / loaded, "B")
        results.add(f"{name}: index bytes a variant", told["totalIndexSize"] / loaded, "B")
    return cohort


async def _ask(uri: str, cohort: Cohort, results: Results, rounds: int) -> None:
    client: pymongo.AsyncMongoClient[dict[str, Any]] = pymongo.AsyncMongoClient(uri)
    async with client:
        await ask(Questions(client[DATABASE], cohort), results, rounds)


if __name__ == "__main__":
    main()
