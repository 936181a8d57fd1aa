"""Attack A7: what a release says of the people who were added to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pymongo

from tests.attacks import live, loading
from tests.attacks.live import Beacon, Protections
from tests.attacks.measures import power
from tests.attacks.people import Floats, Places
from tests.attacks.stage import Arm, Stage, limits, numbers

DATASET = "grows"
REFRESHED_S = 4.0
"""Until a beacon has seen that there is another release."""

LIMIT = 0.1
"""Of alleles that are recovered, at 5 % of others: chance, and as much again."""


async def releases(stage: Stage) -> list[Arm]:
    """Ask for rare alleles before and after people are added: which of them did they bring?"""
    arms = []
    for added in (1, 10) if stage.scale.name == "full" else (1,):
        database = f"grows_{added}"
        order = stage.cohorts.members[stage.datasets(max(stage.scale.sizes))[0]]
        begun, joining = order[added:], order[:added]
        folder = stage.folder / database
        folder.mkdir()
        with pymongo.MongoClient[dict[str, Any]](stage.uri) as client:
            genomes = stage.cohorts.genomes
            await asyncio.to_thread(
                loading.load_dataset, client, database, folder, DATASET, genomes, begun
            )
            outside = stage.cohorts.targets_out[stage.datasets(max(stage.scale.sizes))[0]]
            asked = [
                _asked(stage, begun, int(new), int(other))
                for new, other in zip(joining, outside, strict=False)
            ]
            async with (
                stage.beacon(f"off-{database}", database, [DATASET], live.OFF) as off,
                stage.beacon(f"on-{database}", database, [DATASET], Protections()) as on,
            ):
                beacons = {"off": off, "registered": on}
                before = {
                    name: await _told(stage, one, added, asked) for name, one in beacons.items()
                }
                await asyncio.to_thread(
                    loading.load_dataset,
                    client,
                    database,
                    folder,
                    DATASET,
                    genomes,
                    joining,
                    "more",
                )
                await asyncio.sleep(REFRESHED_S)
                for name, one in beacons.items():
                    more = await _told(stage, one, added, asked) - before[name]
                    carries = np.concatenate([of_new for _, of_new in asked])
                    reached = power(more[carries], more[~carries])
                    must = limits(off=name == "off", control=0.9, protected=LIMIT)
                    arms.append(
                        Arm(
                            "A7",
                            name,
                            f"rare alleles of each of {added} who joined {len(begun)}",
                            reached.power,
                            measure="share of them recovered, at 5 % of others",
                            people=len(order),
                            targets=reached.targets,
                            interval=(round(reached.low, 4), round(reached.high, 4)),
                            questions=2.0 * len(carries) / len(asked),
                            **(must if added == 1 or name != "off" else {}),
                        )
                    )
    return arms


def _asked(stage: Stage, begun: Places, joining: int, outsider: int) -> tuple[Places, Any]:
    """Rare alleles that were there before: those the new one carries, and as many of an outsider.

    Alleles of one person are inherited together, so that the same people are used up by questions
    about them: alleles of nobody in particular would differ in that, whoever joins.
    """
    genomes = stage.cohorts.genomes
    carriers = genomes.carried[:, begun].sum(axis=1)
    rare = (carriers >= 1) & (carriers <= len(begun) // 20)
    of_new, of_outsider = genomes.carried[:, joining], genomes.carried[:, outsider]
    chance = np.random.default_rng(7)
    own = chance.permutation(np.flatnonzero(rare & of_new & ~of_outsider))[:100]
    others = chance.permutation(np.flatnonzero(rare & ~of_new & of_outsider))[: len(own)]
    sites = chance.permutation(np.concatenate((own, others)))
    return sites, of_new[sites]


async def _told(
    stage: Stage, beacon: Beacon, added: int, asked: Sequence[tuple[Places, Any]]
) -> Floats:
    """What is told of each list of alleles, to an account of its own."""
    told: list[int] = []
    for number, (sites, _) in enumerate(asked):
        account = stage.account("a7", added, number)
        answers = await beacon.alleles(account, DATASET, stage.cohorts.genomes, sites)
        told += numbers(answers).tolist()
    return np.array(told, np.float64)
