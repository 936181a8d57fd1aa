"""Attack A4: alleles that are inherited together say something of each other."""

from __future__ import annotations

import math

import numpy as np

from tests.attacks import attackers
from tests.attacks.attackers import Knowledge, Neighbours
from tests.attacks.inferring import imputed
from tests.attacks.membership import LIMIT, SPENT_AT, Membership
from tests.attacks.people import Floats
from tests.attacks.stage import Arm, limits

HIDDEN = 0.05
"""Alleles less frequent than this are kept from attackers who infer them."""


async def neighbours(own: Membership) -> list[Arm]:
    """Hidden alleles told by their neighbours; and numbers that two neighbours share."""
    smallest = min(own.stage.scale.sizes)
    inferred: dict[int, Floats] = {}
    arms = [await _imputed(own, smallest, inferred, off=one) for one in (True, False)]
    reference = own.carried[:, own.stage.cohorts.reference]
    for size in own.stage.scale.sizes:
        near = Neighbours.of(reference, own.stage.cohorts.genomes.region, 15 / size)
        arms += [await _pairs(own, size, near, off=off) for off in (True, False)]
    return arms


async def _imputed(own: Membership, size: int, inferred: dict[int, Floats], *, off: bool) -> Arm:
    cohorts, genomes = own.stage.cohorts, own.stage.cohorts.genomes
    oracle = cohorts.oracle
    panel = genomes.haplotypes[:, cohorts.reference].reshape(len(genomes.start), -1)
    known = Knowledge(own.mechanism(size, boolean=not off, off=off), oracle)
    is_common = (oracle >= HIDDEN) & (oracle <= 1 - HIDDEN)
    common = np.flatnonzero(is_common)
    hidden = np.flatnonzero((oracle >= 0.004) & (oracle < HIDDEN))
    worth = known.information(np.ones(len(genomes.start), bool))[hidden]

    async def attack(dataset_id: str, target: int) -> Floats:
        if target not in inferred:
            both = genomes.haplotypes[:, target]
            inferred[target] = imputed(panel, both, genomes.region, is_common, hidden)
        carrying = np.clip(inferred[target], 1e-6, 1 - 1e-6)
        gain = carrying**2 * worth if off else carrying * worth / known.costs[hidden]
        order = np.argsort(-gain)[: 100 if off else 12]
        sites, weights = hidden[order], carrying[order]
        begin = 0.0
        if off:
            scraped = own.scraped[dataset_id]
            told = scraped.carriers[sites].astype(np.int64)
            dosage = genomes.dosage[common][:, [target]].astype(np.float64)
            begin = float(
                attackers.likelihood_of_frequencies(
                    dosage, scraped.copies[common] / (2 * size), oracle[common]
                )[0]
            )
        else:
            told = await own.ask("a4-hidden", dataset_id, target, sites, boolean=True)
        yes, no = (known.scores(sites, np.full(len(sites), which), told) for which in (True, False))
        each = np.logaddexp(np.log(weights) + yes, np.log1p(-weights) + no)
        return begin + np.cumsum(each)

    scores = await own.stage.each_target(size, attack, max(own.some // 2, 20))
    return scores.arm(
        "A4",
        "off" if off else "registered",
        "alleles below 5 % hidden, inferred from the common ones",
        people=size,
        **limits(off=off, control=0.8, protected=LIMIT),
    )


async def _pairs(own: Membership, size: int, near: Neighbours, *, off: bool) -> Arm:
    mechanism = own.mechanism(size, off=off)
    # In larger datasets one person moves a number less: that is what the beacon is to show.
    control = 0.8 if size == min(own.stage.scale.sizes) else None

    async def attack(dataset_id: str, target: int) -> Floats:
        # Without a budget the attacker takes all there are, however alike those of a region are.
        limit, number, of_each = math.inf, 2000, math.inf
        if not off:
            limit, number, of_each = SPENT_AT, min(own.stage.scale.pairs, 25), attackers.OF_REGION
        candidates = near.pairs(own.carried[:, target])
        regions = own.stage.cohorts.genomes.region
        chosen = attackers.chosen_pairs(
            candidates, own.mechanism(size), limit, number, regions, of_each
        )
        sites = [site for one in chosen for site in (one.lacked, one.carried)]
        if off:
            told = own.scraped[dataset_id].carriers[sites].astype(np.int64)
        else:
            told = await own.ask("a4-pairs", dataset_id, target, sites, boolean=False)
        each = [
            attackers.pair_score(one, mechanism, int(told[2 * n + 1]), int(told[2 * n]))
            for n, one in enumerate(chosen)
        ]
        return np.cumsum(np.repeat(np.array(each) / 2, 2))

    scores = await own.stage.each_target(size, attack)
    return scores.arm(
        "A4",
        "off" if off else "registered",
        "an allele of the target, and its nearest that the target lacks",
        people=size,
        **limits(off=off, control=control, protected=LIMIT),
    )
