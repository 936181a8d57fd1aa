"""Attack A10, and U3: what the time of an answer says, and what protections cost of it."""

from __future__ import annotations

import asyncio
import math
import time

import numpy as np

from tests.attacks.live import Account, Beacon, Protections
from tests.attacks.measures import auc, kolmogorov_smirnov
from tests.attacks.people import Floats, Places
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
            took[kind, number] = await _one(stage, beacon, account, dataset_id, site, "g_variants")
    return took[0], took[1]


async def _one(
    stage: Stage,
    beacon: Beacon,
    account: Account,
    dataset_id: str,
    site: int,
    path: str = "individuals",
) -> float:
    query = {
        "requestedGranularity": "record" if path == "g_variants" else "count",
        "includeResultsetResponses": "HIT",
        "requestParameters": {
            "g_variant": stage.cohorts.genomes.asked(site),
            "datasets": {"datasetIds": [dataset_id]},
        },
    }
    begun = time.perf_counter()
    status, raw = await beacon.post(f"/api/{path}", account, {"query": query})
    took = time.perf_counter() - begun
    assert status == 200, raw
    return took * 1e3


async def overhead(stage: Stage) -> list[Arm]:
    """How much longer an answer takes, and how much processor time, with all protections.

    Both beacons are asked for the same alleles by turns, without steps of time, which make answers
    later on purpose.
    """
    dataset_id = stage.datasets(max(stage.scale.sizes))[0]
    present = stage.cohorts.present(dataset_id)
    number = min(max(stage.scale.timings // 4, 50), 500)
    sites: Places = np.random.default_rng(3).permutation(present)[:number]
    took: dict[str, list[float]] = {"off": [], "on": []}
    used = {}
    beacons = {"off": stage.off, "on": stage.on}
    for name, beacon in beacons.items():
        await _one(stage, beacon, stage.account("u3"), dataset_id, int(present[0]))
        used[name] = beacon.cpu_s()
    for site in sites:
        for name, beacon in beacons.items():
            account = stage.account("u3")
            took[name].append(await _one(stage, beacon, account, dataset_id, int(site)))
            await asyncio.sleep(0)
    spent = {
        name: (beacon.cpu_s() - used[name]) / len(sites) * 1e3 for name, beacon in beacons.items()
    }
    p95 = {name: float(np.percentile(times, 95)) for name, times in took.items()}
    medians = {name: float(np.median(times)) for name, times in took.items()}
    return [
        Arm(
            "U3",
            "registered",
            "p95 of an answer, of the same without protections",
            p95["on"] / p95["off"] - 1,
            measure="more, as a share",
            at_most=0.2,
            questions=len(sites),
            note=f"p95 {p95['on']:.1f} and {p95['off']:.1f} ms; medians {medians['on']:.1f} and "
            f"{medians['off']:.1f} ms",
        ),
        Arm(
            "U3",
            "registered",
            "processor time of an answer more than without protections",
            spent["on"] - spent["off"],
            measure="ms",
            at_most=5.0,
            questions=len(sites),
            note=f"{spent['on']:.1f} and {spent['off']:.1f} ms",
        ),
    ]
