"""Attack A10: what the time of an answer says."""

from __future__ import annotations

import math
import time

import numpy as np

from tests.attacks.live import Account, Beacon, Protections
from tests.attacks.measures import auc, kolmogorov_smirnov
from tests.attacks.people import Floats
from tests.attacks.stage import DATABASE, Arm, Stage, limits

K = 10
STEP_MS = 25.0
QUESTIONS_OF_ONE = 400
"""After so many an account is changed: none of them may run out of questions."""


async def timing(stage: Stage) -> list[Arm]:
    """Nobody, or fewer than ten? By how long the answer takes."""
    arms = []
    steady = Protections(answer_step_ms=STEP_MS)
    async with stage.beacon("steady", DATABASE, list(stage.cohorts.members), steady) as beacon:
        for one, name in ((stage.off, "off"), (beacon, "registered")):
            number = stage.scale.timings
            none, few = await _timed(stage, one, name, number // 4 if one is stage.off else number)
            area = auc(few, none)
            area = max(area, 1 - area)
            must = limits(off=name == "off", control=0.7, protected=_limit(len(few)))
            same = kolmogorov_smirnov(none, few)
            note = (
                f"medians {np.median(none):.2f} and {np.median(few):.2f} ms; "
                f"Kolmogorov-Smirnov p = {same:.2g}"
            )
            arms.append(
                Arm(
                    "A10",
                    name,
                    "time of the answer about nobody, and about 1 to 9 people",
                    area,
                    measure="area under the curve",
                    targets=len(few),
                    questions=1,
                    note=note,
                    **must,
                )
            )
    return arms


def _limit(number: int) -> float:
    """0.55, and for few answers three standard errors of an area that says nothing."""
    return max(0.55, 0.5 + 3 * math.sqrt(1 / (6 * number)))


async def _timed(stage: Stage, beacon: Beacon, name: str, times: int) -> tuple[Floats, Floats]:
    """Milliseconds of answers about alleles that nobody carries, and that few do, by turns."""
    dataset_id = stage.datasets(max(stage.scale.sizes))[0]
    carriers = stage.cohorts.genomes.carried[:, stage.cohorts.members[dataset_id]].sum(axis=1)
    chance = np.random.default_rng(10)
    kinds = [np.flatnonzero(carriers == 0), np.flatnonzero((carriers > 0) & (carriers < K))]
    chosen = [chance.choice(one, times) for one in kinds]
    took = np.zeros((2, times))

    for number in range(times):
        account = stage.account("a10", name, number // QUESTIONS_OF_ONE)
        for kind in chance.permutation(2):
            site = int(chosen[kind][number])
            took[kind, number] = await _one(stage, beacon, account, dataset_id, site)
    return took[0], took[1]


async def _one(
    stage: Stage,
    beacon: Beacon,
    account: Account,
    dataset_id: str,
    site: int,
) -> float:
    query = {
        "requestedGranularity": "record",
        "includeResultsetResponses": "HIT",
        "requestParameters": {
            "g_variant": stage.cohorts.genomes.asked(site),
            "datasets": {"datasetIds": [dataset_id]},
        },
    }
    begun = time.perf_counter()
    status, raw = await beacon.post("/api/g_variants", account, {"query": query})
    took = time.perf_counter() - begun
    assert status == 200, raw
    return took * 1e3
