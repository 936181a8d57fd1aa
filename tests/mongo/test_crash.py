"""Loads that are killed, at any moment: run again, they end as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from beacon.framework.access import Access
from beacon.framework.errors import LoadError
from beacon.framework.query import Granularity, Pagination, Query
from beacon.load.bff import load_bff
from beacon.load.vcf import load_vcf
from beacon.mongo import documents
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

ASSEMBLY = "GRCh38"
SAMPLES = [f"S{number}" for number in range(24)]
RECORDS = 16_000
FEMALE = {"id": "NCIT:C16576", "label": "female"}
TYPES = ("individual", "biosample", "genomicVariant")

LOAD = """
import sys
from pathlib import Path
import pymongo
from beacon.load.bff import load_bff
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink
uri, database, kind, path = sys.argv[1:]
with pymongo.MongoClient(uri) as client:
    sink = MongoSink(client[database])
    print("begun", flush=True)
    if kind == "vcf":
        load_vcf(sink, "d", "GRCh38", [Path(path)])
    else:
        load_bff(sink, "d", [Path(path)], assembly="GRCh38")
"""

Documents = pymongo.database.Database[dict[str, Any]]


@pytest.fixture
def stored(mongo_uri: str, database: str) -> Iterator[Documents]:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        yield client[database]


@pytest.fixture(scope="session")
def genotypes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rare, common and multi-allelic sites, indels and deletions, over several marks."""
    return written(tmp_path_factory.mktemp("crash") / "genotypes.vcf", RECORDS)


@pytest.fixture(scope="session")
def few_genotypes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("crash") / "few.vcf", 1_000)


def written(path: Path, records: int) -> Path:
    chance = random.Random(1)
    lines = [
        "##fileformat=VCFv4.3",
        '##ALT=<ID=DEL,Description="Deletion">',
        '##INFO=<ID=END,Number=1,Type=Integer,Description="End">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        "##contig=<ID=1>",
        "\t".join(("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT", *SAMPLES)),
    ]
    for number in range(records):
        pos = 100_000 + 37 * number
        alt = chance.choice(("G", "G", "T", "AC", "G,T", "<DEL>" if number % 40 == 0 else "C"))
        info = f"END={pos + 700}" if alt == "<DEL>" else "."
        highest = alt.count(",") + 1
        often = chance.choice((0.02, 0.5))
        calls = (
            "/".join(
                str(chance.randint(1, highest)) if chance.random() < often else "0"
                for _ in range(2)
            )
            for _ in SAMPLES
        )
        lines.append("\t".join(("1", str(pos), ".", "A", alt, ".", ".", info, "GT", *calls)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People, and more variants than fit between two marks."""
    chance = random.Random(2)
    folder = tmp_path_factory.mktemp("crash")
    people = [{"id": name, "sex": FEMALE} for name in (*SAMPLES, "without-genotypes")]
    variations = [
        {
            "variantInternalId": f"v{number}",
            "variation": {
                "variantType": "SNP",
                "referenceBases": "A",
                "alternateBases": chance.choice("GT"),
                "location": {
                    "type": "SequenceLocation",
                    "sequence_id": "refseq:NC_000001.11",
                    "interval": {
                        "type": "SequenceInterval",
                        "start": {"type": "Number", "value": 99_999 + 37 * number},
                        "end": {"type": "Number", "value": 100_000 + 37 * number},
                    },
                },
            },
            "caseLevelData": [{"biosampleId": chance.choice(SAMPLES)}],
        }
        for number in range(5_500)
    ]
    (folder / "individuals.json").write_text(json.dumps(people), encoding="utf-8")
    (folder / "genomicVariations.json").write_text(json.dumps(variations), encoding="utf-8")
    return folder


def start(uri: str, database: str, kind: str, path: Path) -> subprocess.Popen[bytes]:
    """Another process that loads; returned once it begins."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOAD, uri, database, kind, str(path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    return process


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with process:
        process.wait()


async def answers(uri: str, database: str) -> list[Any]:
    """Everything that can be asked of the dataset, record by record."""
    everything = Access(grants={"d": {"*": Granularity.RECORD}})
    async with pymongo.AsyncMongoClient[dict[str, Any]](uri) as client:
        store = MongoStore(client[database], page_max=100_000)
        found = []
        for entry_type in TYPES:
            query = Query(
                entry_type=entry_type,
                granularity=Granularity.RECORD,
                pagination=Pagination(limit=0),
            )
            answer = await store.search(query, everything)
            found += [(one.count, one.records) for one in answer.result_sets]
        return found


@pytest.fixture
def uninterrupted(mongo_uri: str, database: str) -> Iterator[str]:
    """The name of another database, for the load that is left alone."""
    name = f"{database}_whole"
    yield name
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        client.drop_database(name)


def run(uri: str, database: str, kind: str, path: Path) -> float:
    """Load to the end in another process; the seconds it took."""
    process = start(uri, database, kind, path)
    begun = time.monotonic()
    with process:
        assert process.wait() == 0
    return time.monotonic() - begun


def kill_often(
    uri: str, database: str, kind: str, path: Path, *, times: int, seconds: float
) -> int:
    """Begin a load again and again, and kill each; how many died at work.

    Each goes on where the last was killed, so the first are killed soonest: the whole may have
    been timed while the machine was busy, and all would end before the third was killed.
    """
    chance = random.Random(kind)
    killed = 0
    for turn in range(times):
        process = start(uri, database, kind, path)
        try:
            process.wait(chance.uniform(0.02, 0.7 * (turn + 1) / times) * seconds)
        except subprocess.TimeoutExpired:
            killed += 1
        kill(process)
    return killed


async def test_a_killed_load_of_genotypes_goes_on(
    mongo_uri: str, database: str, uninterrupted: str, stored: Documents, genotypes: Path
) -> None:
    seconds = run(mongo_uri, uninterrupted, "vcf", genotypes)
    killed = kill_often(mongo_uri, database, "vcf", genotypes, times=6, seconds=seconds)
    run(mongo_uri, database, "vcf", genotypes)
    (manifest,) = MongoSink(stored).manifests()

    assert killed > 2
    assert manifest["release"] == 1
    assert await answers(mongo_uri, database) == await answers(mongo_uri, uninterrupted)


async def test_a_killed_load_of_records_goes_on(
    mongo_uri: str,
    database: str,
    uninterrupted: str,
    stored: Documents,
    few_genotypes: Path,
    records: Path,
) -> None:
    for name in (database, uninterrupted):
        run(mongo_uri, name, "vcf", few_genotypes)
    seconds = run(mongo_uri, uninterrupted, "bff", records)
    before = await answers(mongo_uri, database)
    killed = kill_often(mongo_uri, database, "bff", records, times=4, seconds=seconds)
    (manifest,) = MongoSink(stored).manifests()
    between = await answers(mongo_uri, database)
    run(mongo_uri, database, "bff", records)

    assert killed > 1
    assert manifest["release"] == 2 or between == before
    assert await answers(mongo_uri, database) == await answers(mongo_uri, uninterrupted)


def until_marked(stored: Documents, process: subprocess.Popen[bytes]) -> None:
    """Wait until something is written for good."""
    while not stored[documents.LOADS].find_one({"positions": {"$ne": {}}}):
        assert process.poll() is None
        time.sleep(0.01)


def test_a_load_is_refused_while_another_is_alive(
    mongo_uri: str, database: str, stored: Documents, genotypes: Path
) -> None:
    process = start(mongo_uri, database, "vcf", genotypes)
    until_marked(stored, process)
    os.kill(process.pid, signal.SIGSTOP)  # alive, and sure not to be done
    try:
        with pytest.raises(LoadError, match=rf"another load .*\(process {process.pid} "):
            load_vcf(MongoSink(stored), "d", ASSEMBLY, [genotypes])
    finally:
        kill(process)
    report = load_vcf(MongoSink(stored), "d", ASSEMBLY, [genotypes])

    assert report.ok
    assert report.records == RECORDS


async def test_other_files_begin_anew_after_a_killed_load(
    mongo_uri: str,
    database: str,
    uninterrupted: str,
    stored: Documents,
    genotypes: Path,
    records: Path,
) -> None:
    process = start(mongo_uri, database, "vcf", genotypes)
    until_marked(stored, process)
    kill(process)
    load_bff(MongoSink(stored), "d", [records], assembly=ASSEMBLY)
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        load_bff(MongoSink(client[uninterrupted]), "d", [records], assembly=ASSEMBLY)

    assert await answers(mongo_uri, database) == await answers(mongo_uri, uninterrupted)


def test_nothing_of_killed_loads_is_left_in_the_end(
    mongo_uri: str, database: str, uninterrupted: str, stored: Documents, genotypes: Path
) -> None:
    for _ in range(2):
        process = start(mongo_uri, database, "vcf", genotypes)
        until_marked(stored, process)
        kill(process)
    sizes = []
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        for name in (database, uninterrupted):
            load_vcf(MongoSink(client[name]), "d", ASSEMBLY, [genotypes])
            MongoSink(client[name], grace_s=0).drop("nothing")  # and collects what is garbage
            names = set(client[name].list_collection_names()) - {documents.COUNTERS}
            sizes.append({one: client[name][one].count_documents({}) for one in sorted(names)})

    assert sizes[0] == sizes[1]


# Releases and withdrawal ------------------------------------------------------------------------


class Commands:
    """Runs `beacon`, and kills it, against one database."""

    def __init__(self, folder: Path, uri: str) -> None:
        self._settings = folder / "settings.toml"
        self._settings.write_text("[limits]\ndeadline_s = 0.1\n", encoding="utf-8")
        self._environment = {**os.environ, "BEACON__MONGO__URI": uri}

    def start(self, database: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "beacon.cli"),
                *(map(str, arguments)),
                *("--settings", str(self._settings)),
            ],
            env={**self._environment, "BEACON__MONGO__DATABASE": database},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def run(self, database: str, *arguments: str | Path) -> int:
        process = self.start(database, *arguments)
        process.communicate()
        return process.returncode

    def kill(self, database: str, after_s: float, *arguments: str | Path) -> bool:
        """Whether it died at work."""
        process = self.start(database, *arguments)
        try:
            process.communicate(timeout=after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return True
        return False


@pytest.fixture
def beacon(tmp_path: Path, mongo_uri: str) -> Commands:
    return Commands(tmp_path, mongo_uri)


def released(stored: Documents) -> int:
    (manifest,) = MongoSink(stored).manifests()
    return int(manifest["release"])


async def test_a_killed_rollback_leaves_one_release_or_the_other(
    mongo_uri: str,
    database: str,
    stored: Documents,
    few_genotypes: Path,
    records: Path,
    beacon: Commands,
) -> None:
    run(mongo_uri, database, "vcf", few_genotypes)
    older = await answers(mongo_uri, database)
    run(mongo_uri, database, "bff", records)
    newer = await answers(mongo_uri, database)
    chance = random.Random(3)
    seen = set()
    for number in range(8):
        order = ("rollback", "d") if released(stored) == 2 else ("publish", "d", "--release", "2")
        if number % 2:
            beacon.run(database, "datasets", *order)
        else:
            beacon.kill(database, chance.uniform(0.2, 1.2), "datasets", *order)
        release = released(stored)
        seen.add(release)
        assert await answers(mongo_uri, database) == (older if release == 1 else newer)

    assert seen == {1, 2}


def told_of_people(found: list[Any]) -> list[Any]:
    """Counts, the records of people and samples, and who carries what."""
    individuals, biosamples, (variants, described) = found
    carriers = [one.get("caseLevelData") for one in described]
    return [individuals, biosamples, variants, carriers]


async def test_a_killed_withdrawal_is_finished_when_it_is_asked_for_again(
    mongo_uri: str,
    database: str,
    uninterrupted: str,
    stored: Documents,
    few_genotypes: Path,
    records: Path,
    beacon: Commands,
) -> None:
    withdrawal = ("datasets", "withdraw", "d", "S3", "S7", "without-genotypes", "--yes")
    for name in (database, uninterrupted):
        run(mongo_uri, name, "vcf", few_genotypes)
        run(mongo_uri, name, "bff", records)
    before = await answers(mongo_uri, database)
    begun = time.monotonic()
    assert beacon.run(uninterrupted, *withdrawal) == 0
    seconds = time.monotonic() - begun
    after = await answers(mongo_uri, uninterrupted)
    told = (told_of_people(before), told_of_people(after))
    chance = random.Random(4)
    killed = 0
    for _ in range(6):
        killed += beacon.kill(database, chance.uniform(0.1, 0.95) * seconds, *withdrawal)
        # Out of all answers, or of none: also while their data are being deleted.
        assert told_of_people(await answers(mongo_uri, database)) in told
    again = beacon.run(database, *withdrawal)
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        withdrawn = client[database][documents.WITHDRAWN].find_one({"_id": "d"}) or {}

    assert killed > 2
    assert again == 0
    assert withdrawn["pending"] is False
    assert await answers(mongo_uri, database) == after


async def test_a_killed_load_leaves_a_release_to_go_back_to_whole(
    mongo_uri: str,
    database: str,
    stored: Documents,
    few_genotypes: Path,
    genotypes: Path,
    records: Path,
    beacon: Commands,
) -> None:
    run(mongo_uri, database, "vcf", few_genotypes)
    older = await answers(mongo_uri, database)
    run(mongo_uri, database, "bff", records)
    assert beacon.run(database, "datasets", "rollback", "d") == 0
    kill_often(mongo_uri, database, "bff", records, times=2, seconds=2.0)
    between = await answers(mongo_uri, database)
    numbers = released(stored)
    run(mongo_uri, database, "bff", records)
    newer = await answers(mongo_uri, database)
    assert beacon.run(database, "datasets", "rollback", "d", "--to", "1") == 0

    assert between == (older if numbers == 1 else newer)
    assert released(stored) == 1
    assert await answers(mongo_uri, database) == older


async def test_a_killed_drop_is_finished_by_the_next(
    mongo_uri: str,
    database: str,
    stored: Documents,
    few_genotypes: Path,
    records: Path,
    beacon: Commands,
) -> None:
    run(mongo_uri, database, "vcf", few_genotypes)
    run(mongo_uri, database, "bff", records)
    before = await answers(mongo_uri, database)
    for seconds in (0.6, 0.9, 1.2, 1.5):
        beacon.kill(database, seconds, "datasets", "drop", "d")
        assert await answers(mongo_uri, database) in (before, [])
    beacon.run(database, "datasets", "drop", "d")
    MongoSink(stored, grace_s=0).drop("nothing")  # and collects what is garbage
    left = {
        name
        for name in stored.list_collection_names()
        if stored[name].find_one() and name not in (documents.COUNTERS, documents.LOADS)
    }

    assert await answers(mongo_uri, database) == []
    assert left <= {documents.REFERENCE}
