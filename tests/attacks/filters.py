"""Attacks A5 and A6: differences between filters, and other words for the same question."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pymongo

from beacon.mongo import documents
from tests.attacks import people
from tests.attacks.live import Beacon
from tests.attacks.people import Floats
from tests.attacks.stage import DATABASE, Arm, Stage, limits, numbers

Filters = list[dict[str, Any]]

K = 10


# A5: differences -----------------------------------------------------------------------------


def isolating(target: int, number: int, features: int) -> list[tuple[Filters, Filters]]:
    """Pairs of filters that hold for the same people, but for the target and few others.

    The second has one more: a feature that nearly everybody has and the target lacks.

    Args:
        features: Of the target's, in each filter: the more, the fewer others are in the difference,
            and in the number that has to be told.
    """
    own = [one for one in range(people.ATTRIBUTES) if people.has_attribute(target, one)]
    chance = np.random.default_rng(target)
    sets = {tuple(sorted(chance.choice(own, features, replace=False))) for _ in range(3 * number)}
    pairs = []
    for chosen in itertools.islice(sorted(sets), number):
        wide: Filters = [{"id": people.attribute(int(one))} for one in chosen]
        pairs.append((wide, [*wide, {"id": people.lacked(target)}]))
    return pairs


async def differences(stage: Stage) -> list[Arm]:
    """How many more people are there without the condition that the target does not meet?"""
    size = max(stage.scale.sizes)
    arms = []
    seen: Counter[int] = Counter()
    for beacon, name in ((stage.off, "off"), (stage.on, "registered")):

        async def attack(
            dataset_id: str, target: int, beacon: Beacon = beacon, name: str = name
        ) -> Floats:
            # Where few are told, the target alone; else as few others as the threshold allows.
            pairs = isolating(target, stage.scale.pairs, 9 if name == "off" else 3)
            asked = [{"filters": one} for both in pairs for one in both]
            account = stage.account("a5", dataset_id, target)
            told = numbers(await beacon.many(account, dataset_id, asked))
            between = told[0::2] - told[1::2]
            if name == "registered":
                seen.update(int(one) for one in between)
            return np.cumsum(np.repeat(between / 2, 2))

        scores = await stage.each_target(size, attack, max(stage.scale.targets // 8, 20))
        arms.append(
            scores.arm(
                "A5",
                name,
                f"{stage.scale.pairs} pairs of filters that differ in the target",
                people=size,
                **limits(off=name == "off", control=0.95, protected=0.15),
            )
        )
    exact = sum(number for value, number in seen.items() if 0 < abs(value) < K)
    arms.append(
        Arm(
            "A5",
            "registered",
            "differences of fewer than 10 people that were seen",
            exact,
            measure="number",
            at_most=0,
            people=size,
            questions=2 * sum(seen.values()),
        )
    )
    return arms


# A6: averaging -------------------------------------------------------------------------------


def spellings(stage: Stage, site: int, filters: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One and the same question in many words."""
    asked = stage.cohorts.genomes.asked(site)
    start = asked["start"][0]
    contigs = (asked["referenceName"], f"chr{asked['referenceName']}")
    places: tuple[dict[str, Any], ...] = (
        {"start": [start]},
        {"start": start},
        {"start": [start], "end": [start + 1]},
    )
    terms = [{"id": one, "scope": "individual"} for one in filters]
    plain: list[dict[str, Any]] = [{"id": one} for one in filters]
    orders = (plain, plain[::-1], terms, [*plain, plain[0]])
    assemblies = ("GRCh38", "hg38")
    for contig, place, order, assembly in itertools.product(contigs, places, orders, assemblies):
        variant = {**asked, "referenceName": contig, "assemblyId": assembly, **place}
        yield {"requestParameters": {"g_variant": variant}, "filters": order}
    long = [{**one, "includeDescendantTerms": True} for one in plain]
    for order in (long, long[::-1]):
        yield {"requestParameters": {"g_variant": asked}, "filters": order}


async def averaging(stage: Stage) -> list[Arm]:
    """The same question again, in other words, and at other endpoints."""
    dataset_id = stage.datasets(max(stage.scale.sizes))[0]
    carriers = stage.cohorts.genomes.carried[:, stage.cohorts.members[dataset_id]].sum(axis=1)
    site = int(np.argmin(np.abs(carriers - len(stage.cohorts.members[dataset_id]) * 0.55)))
    filters = [people.FEMALE["id"], people.attribute(0)]
    account = stage.account("a6")
    before = _charges(stage)
    asked = list(spellings(stage, site, filters))
    told = await stage.on.many(account, dataset_id, asked)
    answers = {(one.exists, one.count, one.status) for one in told}
    again = max(stage.scale.repeats - len(asked), 0)
    for one in await stage.on.many(account, dataset_id, asked[:1] * again):
        answers.add((one.exists, one.count, one.status))
    # The entry point of individuals, with another page, another granularity, other result sets.
    for pagination, include in itertools.product((1, 5, 100), ("HIT", "ALL", "NONE")):
        query = {
            **asked[0],
            "requestedGranularity": "count",
            "includeResultsetResponses": include,
            "pagination": {"limit": pagination},
        }
        query["requestParameters"] = {
            **asked[0]["requestParameters"],
            "datasets": {"datasetIds": [dataset_id]},
        }
        status, raw = await stage.on.post("/api/individuals", account, {"query": query})
        summary = json.loads(raw)["responseSummary"]
        answers.add((summary["exists"], summary.get("numTotalResults"), status))
    return [
        Arm(
            "A6",
            "registered",
            f"different answers to {len(asked)} spellings and {again + 9} repetitions",
            len(answers),
            measure="number",
            at_most=1,
            questions=len(asked) + again + 9,
        ),
        Arm(
            "A6",
            "registered",
            "charges for them",
            _charges(stage) - before,
            measure="number",
            at_most=1,
        ),
    ]


def _charges(stage: Stage) -> int:
    """Questions that are in the ledger, of whoever asked."""
    with pymongo.MongoClient[dict[str, Any]](stage.uri) as client:
        return client[DATABASE][documents.LEDGER].count_documents({"q": {"$exists": True}})
