"""`python -m tests.bench`: what questions and loads cost on this machine, in one run."""

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
from tests.bench import http_load, vcf_load
from tests.bench.cohort import Cohort, make
from tests.bench.measure import Results
from tests.bench.questions import PLAIN, PLAIN_SIZE, Questions, ask

DATABASE = "bench"


def main() -> None:
    """Run everything, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--variants", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=300, help="repetitions of a question")
    parser.add_argument("--seconds", type=float, default=2.0, help="a stretch of HTTP requests")
    parser.add_argument("--vcf", type=Path, help="a VCF file to load, in place of a synthetic one")
    parser.add_argument("--assembly", default="GRCh38", help="of that file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    results = Results(quiet=given.json)
    with (
        tempfile.TemporaryDirectory(prefix="beacon-bench-") as folder,
        embedded_mongod(Path(folder)) as uri,
        pymongo.MongoClient[dict[str, Any]](uri) as client,
    ):
        about: dict[str, Any] = {
            "people": given.people,
            "variants": given.variants,
            "cores": os.cpu_count(),
            "load_average": os.getloadavg()[0],
            "mongod": client.server_info()["version"],
            "date": time.strftime("%Y-%m-%d"),
        }
        if not given.json:
            click.echo(", ".join(f"{key} {value}" for key, value in about.items()))
        cohort = _load(client, results, given.people, given.variants)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(_ask(uri, cohort, results, given.rounds))
        http_load.measure(results, uri, DATABASE, cohort, given.seconds)
        path = given.vcf or vcf_load.write_vcf(Path(folder) / "synthetic.vcf", 8_000)
        vcf_load.measure(results, client[f"{DATABASE}_vcf"], path, given.assembly, 3)
    if given.json:
        click.echo(results.as_json(about))


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
