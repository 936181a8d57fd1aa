"""U3: what protections cost of the time of an answer, and of the processor's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import numpy as np
import pymongo

from tests.attacks import live, loading, people
from tests.attacks.live import Account, Beacon, Protections
from tests.attacks.people import Genomes
from tests.attacks.stage import Arm, Stage

DATASET = "costs"
BASES = 20_000
"""Of a region, and of a question about one: a gene's length."""

SITES = 500
"""In each region, of 10,000 people."""

CALLERS = 100
"""Who ask at once; each one question after the other."""

AT_MOST_MS = {"people: an allele": 300.0, "people: an allele and a term": 1000.0}
"""What the slowest twentieth of answers may take while so many ask."""

_FREQUENCIES = (5e-5, 5e-2)
_BETWEEN = 1_000_000

Document = dict[str, Any]
Question = Callable[[int], tuple[str, Document]]
"""The path and the query of a question about a site."""


def genomes(number: int, regions: int, seed: int = 13) -> Genomes:
    """Genomes without linkage, in so many regions; most alleles are rare."""
    chance = np.random.default_rng(seed)
    sites = regions * SITES
    frequencies = np.exp(chance.uniform(*np.log(_FREQUENCIES), sites))
    haplotypes = np.zeros((sites, number, 2), bool)
    for site, frequency in enumerate(frequencies):
        haplotypes[site] = chance.random((number, 2), dtype=np.float32) < frequency
    region = np.repeat(np.arange(regions), SITES)
    within = [np.sort(chance.choice(BASES, SITES, replace=False)) for _ in range(regions)]
    return Genomes(haplotypes, region, _BETWEEN + np.concatenate(within))


def questions(genomes: Genomes, seed: int = 5) -> Mapping[str, Question]:
    """What networks, portals and tools ask, a kind each."""
    chance = np.random.default_rng(seed)

    def allele(site: int) -> Document:
        return {"g_variant": genomes.asked(site)}

    def region(site: int) -> Document:
        start = int(genomes.start[site])
        return {
            "g_variant": {
                "assemblyId": "GRCh38",
                "referenceName": genomes.chromosome(site),
                "start": [start - BASES // 2],
                "end": [start + BASES // 2],
            }
        }

    def terms(number: int) -> list[Document]:
        chosen = chance.choice(people.ATTRIBUTES, number, replace=False)
        return [{"id": people.attribute(int(one))} for one in chosen]

    def about(path: str, where: Callable[[int], Document] | None, number: int = 0) -> Question:
        return lambda site: (
            f"/api/{path}",
            {"filters": terms(number), "requestParameters": {} if where is None else where(site)},
        )

    return {
        "variants: an allele": about("g_variants", allele),
        "people: an allele": about("individuals", allele),
        "people: an allele and a term": about("individuals", allele, 1),
        "variants: a gene's length": about("g_variants", region),
        "variants: a gene's length and a term": about("g_variants", region, 1),
        "people: a gene's length": about("individuals", region),
        "people: a gene's length and a term": about("individuals", region, 1),
        "people: three terms": about("individuals", None, 3),
    }


async def overhead(stage: Stage) -> list[Arm]:
    """How much longer an answer takes, and how much processor time, with all protections.

    Two beacons over the same people are asked the same by turns, one question at a time, without
    steps of time, which make answers later on purpose. Then many ask at once.
    """
    number = stage.scale.honest_people
    made = genomes(number, 8 if stage.scale.name == "full" else 2)
    with pymongo.MongoClient[Document](stage.uri) as client:
        await asyncio.to_thread(
            loading.load_dataset, client, DATASET, stage.folder, DATASET, made, np.arange(number)
        )
    async with AsyncExitStack() as running:
        beacons = {
            name: await running.enter_async_context(
                stage.beacon(f"costs-{name}", DATASET, [DATASET], protections)
            )
            for name, protections in (("off", live.OFF), ("on", Protections()))
        }
        arms = [*await _compared(stage, made, beacons), await _journal(stage)]
        return [*arms, *[await _at_once(stage, made, beacons, kind) for kind in AT_MOST_MS]]


async def _compared(stage: Stage, made: Genomes, beacons: Mapping[str, Beacon]) -> list[Arm]:
    present = np.flatnonzero(made.carried.any(axis=1))
    sites = np.random.default_rng(3).permutation(present)
    each = min(stage.scale.timings // 20, len(sites) // 8)
    account = stage.account("u3")
    took: dict[tuple[str, str], list[float]] = {}
    used: dict[tuple[str, str], float] = {}
    for question in questions(made, seed=6).values():  # the first of a kind takes longer
        for beacon in beacons.values():
            await _one(beacon, stage.account("u3-first"), *question(int(sites[-1])))
    for place, (kind, question) in enumerate(questions(made).items()):
        for name, beacon in beacons.items():
            used[kind, name] = -beacon.cpu_s()
        for site in sites[place * each : (place + 1) * each]:
            path, query = question(int(site))
            for name, beacon in beacons.items():
                took.setdefault((kind, name), []).append(await _one(beacon, account, path, query))
        for name, beacon in beacons.items():
            used[kind, name] += beacon.cpu_s()
    kinds = list(questions(made))
    arms = [_slower("all kinds together", took, kinds)]
    arms += [_slower(kind, took, [kind]) for kind in kinds]
    asked = each * len(kinds)
    spent = {name: sum(used[kind, name] for kind in kinds) / asked * 1e3 for name in ("off", "on")}
    return [
        *arms,
        Arm(
            "U3",
            "registered",
            "processor time of an answer more than without protections",
            spent["on"] - spent["off"],
            measure="ms",
            at_most=5.0,
            people=made.people,
            questions=asked,
            note=f"{spent['on']:.1f} and {spent['off']:.1f} ms",
        ),
    ]


async def _journal(stage: Stage) -> Arm:
    """How long the shortest entry takes to be safe, of what an answer with a budget waits for."""
    took = []
    async with pymongo.AsyncMongoClient[Document](stage.uri) as client:
        collection = client[DATASET].get_collection(
            "journal", write_concern=pymongo.WriteConcern(w=1, j=True)
        )
        for number in range(stage.scale.timings // 10 + 1):
            await asyncio.sleep(0.005)  # as between answers
            begun = time.perf_counter()
            await collection.insert_one({"_id": number})
            took.append((time.perf_counter() - begun) * 1e3)
        await collection.drop()
    return Arm(
        "U3",
        "database",
        "an entry of a few bytes in the journal, which no answer is told without: p95",
        float(np.percentile(took[1:], 95)),
        measure="ms",
        questions=len(took) - 1,
        note=f"median {np.median(took[1:]):.1f} ms",
    )


async def _at_once(stage: Stage, made: Genomes, beacons: Mapping[str, Beacon], kind: str) -> Arm:
    """How long answers take while a hundred callers ask."""
    each = max(stage.scale.timings // CALLERS, 2)
    present = np.flatnonzero(made.carried.any(axis=1))
    question = questions(made)[kind]
    p95, rate = {}, {}
    for name, beacon in beacons.items():
        took: list[float] = []

        async def ask(caller: int, number: int, beacon: Beacon = beacon) -> list[float]:
            account = stage.account("u3", caller)
            sites = np.random.default_rng(caller).choice(present, number, replace=False)
            return [await _one(beacon, account, *question(int(site))) for site in sites]

        await asyncio.gather(*(ask(caller, 1) for caller in range(CALLERS)))
        begun = time.perf_counter()
        for times in await asyncio.gather(*(ask(caller, each) for caller in range(CALLERS))):
            took += times
        rate[name] = len(took) / (time.perf_counter() - begun)
        p95[name] = float(np.percentile(took, 95))
    return Arm(
        "U3",
        "registered",
        f"{kind}, asked by {CALLERS} callers at once: p95 of an answer",
        p95["on"],
        measure="ms",
        at_most=AT_MOST_MS[kind],
        people=made.people,
        questions=CALLERS * each,
        note=f"{rate['on']:,.0f} answers a second; without protections {p95['off']:.0f} ms, "
        f"{rate['off']:,.0f} a second",
    )


def _slower(title: str, took: Mapping[tuple[str, str], list[float]], kinds: Sequence[str]) -> Arm:
    """By how much the slowest twentieth of some kinds of answers is slower."""
    together = {name: np.concatenate([took[one, name] for one in kinds]) for name in ("off", "on")}
    p95 = {name: float(np.percentile(times, 95)) for name, times in together.items()}
    medians = {name: float(np.median(times)) for name, times in together.items()}
    return Arm(
        "U3",
        "registered",
        f"{title}: p95 of an answer, of the same without protections",
        p95["on"] / p95["off"] - 1,
        measure="more, as a share",
        at_most=0.2,
        questions=len(together["on"]),
        note=f"p95 {p95['on']:.1f} and {p95['off']:.1f} ms; medians {medians['on']:.1f} and "
        f"{medians['off']:.1f} ms",
    )


async def _one(beacon: Beacon, account: Account, path: str, query: Document) -> float:
    """Milliseconds of an answer with a count."""
    parameters = {**query["requestParameters"], "datasets": {"datasetIds": [DATASET]}}
    body = {
        **query,
        "requestParameters": parameters,
        "requestedGranularity": "count",
        "includeResultsetResponses": "HIT",
    }
    begun = time.perf_counter()
    status, raw = await beacon.post(path, account, {"query": body})
    took = time.perf_counter() - begun
    assert status == 200, raw
    return took * 1e3
