"""U1, U2 and U4: what honest callers notice, and whether the ledger keeps what it was told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import Counter
from typing import Any

import aiohttp
import numpy as np
import pymongo
from pymongo.collection import Collection

from beacon.framework.budget import limit_of_power
from beacon.load.vcf import load_vcf
from beacon.mongo import documents
from beacon.mongo.sink import MongoSink
from tests.attacks import live
from tests.attacks.attackers import Mechanism
from tests.attacks.live import Beacon, Protections
from tests.attacks.people import Genomes, Places, write_vcf
from tests.attacks.stage import DATABASE, Arm, Stage, numbers

DATASET = "many"
SITES = 1_200
LEDGER = {"q": {"$exists": True}}
"""Entries that are a person's: those of organisations and datasets do not know the question."""


def unrelated(people: int, sites: int, seed: int = 11) -> Genomes:
    """Genomes without linkage, of alleles with frequencies from 1e-4 to 5e-2, as many in each."""
    chance = np.random.default_rng(seed)
    frequencies = np.exp(chance.uniform(np.log(1e-4), np.log(5e-2), sites))
    haplotypes = np.zeros((sites, people, 2), bool)
    for site, frequency in enumerate(frequencies):
        haplotypes[site] = chance.random((people, 2), dtype=np.float32) < frequency
    places = np.arange(sites)
    return Genomes(haplotypes, places % 200, 1_000_000 + places * 50)


async def look_ups(stage: Stage) -> list[Arm]:
    """Somebody who looks up alleles of no one person in particular, within a month's questions."""
    people = stage.scale.honest_people
    genomes = unrelated(people, min(SITES, stage.scale.honest_questions + 200))
    database = "honest"
    with pymongo.MongoClient[dict[str, Any]](stage.uri) as client:
        folder = stage.folder / database
        folder.mkdir()
        path = write_vcf(folder / "calls.vcf", genomes, np.arange(people))
        sink = MongoSink(client[database], grace_s=0)
        report = await asyncio.to_thread(load_vcf, sink, DATASET, "GRCh38", [path])
        assert report.ok
        path.unlink()
    carriers = genomes.carried.sum(axis=1)
    chance = np.random.default_rng(1)
    sites: Places = chance.permutation(np.flatnonzero(carriers))[: stage.scale.honest_questions]
    common = chance.permutation(np.flatnonzero(carriers >= 100))[
        : stage.scale.honest_questions // 5
    ]
    async with stage.beacon(database, database, [DATASET], Protections()) as beacon:
        account, other = stage.account("u1"), stage.account("u2")
        told = numbers(await beacon.alleles(account, DATASET, genomes, sites, boolean=True))
        counts = numbers(await beacon.alleles(other, DATASET, genomes, common))
    positive = Mechanism(people, boolean=True).told[carriers[sites]] > 0
    error = np.abs(counts - carriers[common]) / carriers[common]
    return [
        Arm(
            "U1",
            "registered",
            f"positive answers to {len(sites)} look-ups that are as without a budget",
            float((told[positive] > 0).mean()),
            measure="share",
            at_least=0.99,
            people=people,
            questions=len(sites),
            note=f"{int(positive.sum())} of the answers are positive",
        ),
        Arm(
            "U2",
            "registered",
            "median relative error of numbers of 100 people or more",
            float(np.median(error)),
            measure="share",
            at_most=0.05,
            people=people,
            questions=len(common),
        ),
        Arm(
            "U2",
            "registered",
            "of them told as absent",
            int((counts == 0).sum()),
            measure="number",
            at_most=0,
            people=people,
            questions=len(common),
        ),
    ]


async def ledger(stage: Stage) -> list[Arm]:
    """Processes that are killed, and processes that spend from the same account at once."""
    return [await _killed(stage), await _at_once(stage)]


async def _killed(stage: Stage) -> Arm:
    """Kill -9 while answers are given: every answer that came must be in the ledger."""
    dataset_id = stage.datasets(max(stage.scale.sizes))[0]
    present = stage.cohorts.present(dataset_id)
    genomes = stage.cohorts.genomes
    rounds, missing, answered = (5 if stage.scale.name == "full" else 1), 0, 0
    for number in range(rounds):
        came = 0
        before = entries(stage)
        account = stage.account("u4-killed", number)
        async with stage.beacon(
            f"killed-{number}", DATABASE, list(stage.cohorts.members), Protections()
        ) as beacon:

            async def asking(
                part: Places, beacon: Beacon = beacon, account: live.Account = account
            ) -> None:
                nonlocal came
                with contextlib.suppress(aiohttp.ClientError):
                    for site in part:
                        (told,) = await beacon.alleles(account, dataset_id, genomes, [int(site)])
                        came += told.status == 200

            parts = np.array_split(np.random.default_rng(number).permutation(present)[:400], 4)
            tasks = [asyncio.ensure_future(asking(part)) for part in parts]
            await asyncio.sleep(1.0 + 0.3 * number)
            os.kill(beacon.pid, signal.SIGKILL)
            await asyncio.gather(*tasks)
        answered += came
        missing += max(came - (entries(stage) - before), 0)
    return Arm(
        "U4",
        "registered",
        f"answers without an entry, of {answered} before {rounds} kills",
        missing,
        measure="number",
        at_most=0,
        questions=answered,
    )


def entries(stage: Stage) -> int:
    """Questions that are charged for."""
    with pymongo.MongoClient[dict[str, Any]](stage.uri) as client:
        return client[DATABASE][documents.LEDGER].count_documents(LEDGER)


async def _at_once(stage: Stage) -> Arm:
    """Two processes are asked the same and other things by one account: nobody pays too little."""
    dataset_id = stage.datasets(max(stage.scale.sizes))[0]
    genomes = stage.cohorts.genomes
    carriers = genomes.carried[:, stage.cohorts.members[dataset_id]].sum(axis=1)
    dear = np.flatnonzero((carriers > 0) & (carriers < 60))
    endless = Protections(questions_per_month=0)
    known = list(stage.cohorts.members)
    of_each = min(100, stage.scale.spends // 2)
    rounds = max(stage.scale.spends // (2 * of_each), 1)
    double = 0
    with pymongo.MongoClient[dict[str, Any]](stage.uri) as client:
        collection = client[DATABASE][documents.LEDGER]
        async with (
            stage.beacon("one", DATABASE, known, endless) as one,
            stage.beacon("other", DATABASE, known, endless) as other,
        ):
            for number in range(rounds):
                before = {entry["_id"] for entry in collection.find(LEDGER, {"_id": 1})}
                account = stage.account("u4-at-once", number)
                sites = np.random.default_rng(number).choice(dear, of_each, replace=False)
                halves = (sites, sites[::-1])
                await asyncio.gather(
                    *(
                        beacon.alleles(account, dataset_id, genomes, part)
                        for beacon, half in zip((one, other), halves, strict=True)
                        for part in np.array_split(half, 4)
                    )
                )
                new = [entry for entry in collection.find(LEDGER) if entry["_id"] not in before]
                double += _too_much([_charges(collection, entry) for entry in new])
                asked = Counter(entry["q"] for entry in new)
                double += sum(times - 1 for times in asked.values())
    return Arm(
        "U4",
        "registered",
        "people on whom more was spent than the budget, or who were charged twice for one question",
        double,
        measure="number",
        at_most=0,
        questions=2 * of_each * rounds,
    )


def _charges(collection: Collection[dict[str, Any]], entry: dict[str, Any]) -> dict[str, Any]:
    """The entry that says whom one charges: itself, or that of all callers."""
    if "r" not in entry:
        return entry
    found = collection.find_one({"_id": entry["r"]})
    assert found is not None
    return found


def _too_much(new: list[dict[str, Any]]) -> int:
    """People on whom one account spent more than there is."""
    power = Protections().power
    assert power is not None
    limit = limit_of_power(power)
    spent: Counter[int] = Counter()
    everybody = 0
    for entry in new:
        people = np.frombuffer(entry["p"], np.uint64).tolist()
        units = np.frombuffer(entry["u"], np.uint32).tolist()
        spent.update(dict(zip(people, units, strict=True)))
        everybody += entry["e"]
    return sum(one + everybody > limit for one in spent.values())
