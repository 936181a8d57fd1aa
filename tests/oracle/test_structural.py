"""Structural variants of real files: range and bracket queries against a look at every one."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from questions import Asker, Open

from beacon.load.frequencies import load_frequencies
from beacon.load.vcf import load_vcf
from beacon.model.variation_query import VariationCondition
from beacon.mongo.predicates import structural_question
from beacon.mongo.sink import MongoSink

FILES = {
    "sv-genotypes": ("GRCh37", "svtools_lmerge_gt_3samples.GRCh37.vcf"),
    "sv-v4": ("GRCh38", "gnomad_v4.0_sv_chr1_262.GRCh38.vcf.gz"),
    "sv-v2": ("GRCh37", "gnomad_v2.1_sv_sites.GRCh37.vcf"),
    "cnv-v4": ("GRCh38", "gnomad_v4.0_cnv.GRCh38.vcf.gz"),
    "mei": ("GRCh37", "scout_643594.MEI.GRCh37.vcf.gz"),
}
CHROMOSOMES = {*map(str, range(1, 23)), "X", "Y"}
Place = tuple[str, int, int]


def info(text: str) -> dict[str, str]:
    return dict(one.partition("=")[::2] for one in text.split(";"))


def footprints(path: Path) -> Iterator[Place]:
    """Chromosome, start and end (0-based, half-open) of each observed allele, from the text."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.name.endswith(".gz") else content).decode()
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        chromosome, pos, _, _ref, alts, _, _, text, *samples = line.rstrip("\n").split("\t")
        chromosome = chromosome.removeprefix("chr")
        said, start = info(text), int(pos)
        counts = said.get("AC", said.get("SC", "")).split(",")
        if alts == "<CNV>":  # copies that are counted by themselves
            counts = [said["CN_NONREF_COUNT"]]
        for number, alt in enumerate(alts.split(","), start=1):
            if samples:
                calls = [one.split(":")[0].replace("|", "/").split("/") for one in samples[1:]]
                is_seen = any(str(number) in call for call in calls)
            else:
                is_seen = int(float(counts[min(number, len(counts)) - 1])) > 0
            if not is_seen or chromosome not in CHROMOSOMES:
                continue
            symbol = alt.strip("<>").partition(":")[0]
            if "[" in alt or "]" in alt or symbol == "BND" or symbol == "INS":
                yield chromosome, start - 1, start
            else:
                yield chromosome, start, int(said["END"])


@pytest.fixture(scope="module")
def loaded(sink: MongoSink, data: Path) -> dict[str, list[Place]]:
    found = {}
    for dataset_id, (assembly, name) in FILES.items():
        path = data / "vcf-sv" / name
        load = load_vcf if "svtools" in name or "scout" in name else load_frequencies
        load(sink, dataset_id, assembly, [path])
        found[dataset_id] = list(footprints(path))
    return found


@pytest.mark.parametrize("dataset_id", FILES)
async def test_ranges_and_brackets_find_what_looking_at_every_variant_finds(
    open_beacon: Open, loaded: dict[str, list[Place]], dataset_id: str
) -> None:
    assembly, _ = FILES[dataset_id]
    places = loaded[dataset_id]
    chance = random.Random(dataset_id)
    wrong = []
    async with open_beacon(dataset_id) as client:
        asker = Asker(client, dataset_id, assembly)
        for _ in range(60):
            chromosome, start, end = chance.choice(places)
            width = int(10 ** chance.uniform(0, 6))
            low = max(0, chance.choice((start, end)) - chance.randrange(width + 1))
            asked = asker.range(chromosome, low, low + width)
            expected = sum(
                one == chromosome and first < low + width and last > low
                for one, first, last in places
            )
            if await asker.count("g_variants", asked) != expected:
                wrong.append((asked, expected))
            around = [max(0, start - width), start + width], [max(1, end - width), end + width]
            bracket = {
                "assemblyId": assembly,
                "referenceName": chromosome,
                "start": around[0],
                "end": around[1],
            }
            expected = sum(
                one == chromosome
                and around[0][0] <= first < around[0][1]
                and around[1][0] <= last < around[1][1]
                for one, first, last in places
            )
            if await asker.count("g_variants", bracket) != expected:
                wrong.append((bracket, expected))

    assert not wrong


def test_an_overlap_examines_little_more_than_it_finds(
    mongo_uri: str, database_name: str, loaded: dict[str, list[Place]]
) -> None:
    chance = random.Random(5)
    examined = hits = 0
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        database = client[database_name]
        for dataset_id in ("sv-v4", "sv-genotypes"):
            layer = database["datasets"].find_one({"_id": dataset_id})["structural"]
            for _ in range(50):
                chromosome, start, end = chance.choice(loaded[dataset_id])
                condition = VariationCondition(
                    assembly=FILES[dataset_id][0],
                    kind="range",
                    reference_name=chromosome,
                    start=(max(0, start - 1_000),),
                    end=(end + 1_000,),
                )
                plan = (database["sv"].find(structural_question(layer, condition)).explain())[
                    "executionStats"
                ]
                examined += plan["totalKeysExamined"]
                hits += plan["nReturned"]

    assert hits >= 100
    assert examined <= 10 * hits
