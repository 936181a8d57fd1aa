"""Attack A11: the alleles of somebody as cases that everybody is compared with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import numpy as np

from tests.attacks import attackers
from tests.attacks.attackers import ERROR, Knowledge, Mechanism
from tests.attacks.membership import LIMIT, SPENT_AT, Membership
from tests.attacks.people import Bits, Floats, Places
from tests.attacks.stage import Arm, limits, numbers

OF_CASE = 20
"""Alleles in one case at most."""

CONTROLS, OF_CONTROL = 10, 2
"""Cases that are enough without protections in a small dataset, and alleles of each."""

BANDS = 3
"""Each is a question that is charged."""

COMMON_LEAST, COMMON_SHARE = 10, 0.01
"""An allele that more people carry is passed over."""

_DRAWS = 4000


async def cases(own: Membership) -> list[Arm]:
    """A genome as cases; alleles that together reach the threshold; and those that one person more
    would make common, were alleles passed over that many carry."""
    arms = []
    regions = own.stage.cohorts.genomes.region
    for size in own.stage.scale.sizes:
        off = Knowledge(own.mechanism(size, off=True), own.stage.cohorts.oracle)
        on = Knowledge(own.mechanism(size), own.stage.cohorts.oracle)
        for name, title, known, chosen in (
            ("rarest", "alleles that tell most, two a case", off, _rarest),
            (
                "together",
                "alleles of which about as many people as the threshold have any",
                on,
                partial(_together, regions=regions),
            ),
            ("nearly", "alleles that one person more would make common", on, _nearly_common),
        ):
            attack = _attack(own, f"a11-{name}", known, partial(chosen, known))
            scores = await own.stage.each_target(size, attack, own.some)
            is_off = known is off
            beacon = "off" if is_off else "registered"
            control = 0.95 if size == min(own.stage.scale.sizes) else None
            bound = limits(off=is_off, control=control, protected=LIMIT)
            arms.append(scores.arm("A11", beacon, title, people=size, **bound))
    return arms


def _rarest(known: Knowledge, carries: Bits) -> list[Places]:
    sites = attackers.best_first(known, carries, CONTROLS * OF_CONTROL)
    return [sites[begin : begin + OF_CONTROL] for begin in range(0, len(sites), OF_CONTROL)]


def _together(known: Knowledge, carries: Bits, regions: Places) -> list[Places]:
    """Cases of alleles, one of a region each, that about as many as the threshold have any of."""
    size, wanted = known.mechanism.size, known.mechanism.min_count - 0.5
    expected = known.shares * size
    sites = np.flatnonzero(carries & (expected <= wanted / 2))
    sites = sites[np.argsort(-expected[sites], kind="stable")]
    _, first = np.unique(regions[sites], return_index=True)
    found: list[Places] = []
    case: list[int] = []
    for site in sites[np.sort(first)]:
        if len(case) == OF_CASE or sum(expected[case]) + expected[site] > wanted:
            found.append(np.array(case, dtype=np.intp))
            case = []
        case.append(int(site))
    return found[:10]


def _nearly_common(known: Knowledge, carries: Bits) -> list[Places]:
    expected = known.shares * known.mechanism.size
    limit = _limit(known.mechanism)
    far = np.abs(expected - limit - 0.5)
    sites = np.flatnonzero(carries & (far < 1.5 * np.sqrt(limit)))
    sites = sites[np.argsort(far[sites], kind="stable")]
    return [sites[begin : begin + OF_CASE] for begin in range(0, len(sites), OF_CASE)]


def _limit(mechanism: Mechanism) -> float:
    return max(COMMON_LEAST, COMMON_SHARE * mechanism.size)


def _attack(
    own: Membership, name: str, known: Knowledge, chosen: Callable[[Bits], list[Places]]
) -> Callable[[str, int], Awaitable[Floats]]:
    """Asks the cases that are chosen, and believes nothing once the target must be left out."""
    stage, mechanism = own.stage, known.mechanism
    is_off = mechanism.min_count == 1

    async def attack(dataset_id: str, target: int) -> Floats:
        account = stage.account(name, dataset_id, target)
        beacon = stage.off if is_off else stage.on
        found, spent = [0.0], 0.0
        for sites in chosen(own.carried[:, target]):
            (told,) = numbers(
                [await beacon.case(account, dataset_id, stage.cohorts.genomes, sites)]
            )
            if spent <= SPENT_AT or is_off:
                found.append(_ratio(mechanism, known.shares[sites], int(told), target))
            spent += BANDS * float(mechanism.cost(np.array([float(told)]))[0])
        return np.cumsum(found)

    return attack


def _ratio(mechanism: Mechanism, shares: Floats, told: int, seed: int) -> float:
    """What a number of similar people says for membership, by drawing who else carries what."""
    chance = np.random.default_rng(seed)
    size = mechanism.size
    others = chance.binomial(size - 1, shares, (_DRAWS, len(shares)))
    lacking = np.prod(1 - others / (size - 1), axis=1)
    people = np.rint((size - 1) * (1 - lacking)).astype(int)
    own = (chance.random((_DRAWS, len(shares))) < shares).any(axis=1)
    place = int(mechanism.place(np.array([told]))[0])
    within = float(mechanism.chances[people + 1, place].mean())
    without = float(mechanism.chances[people + own, place].mean())
    return float(np.log(max(within, ERROR)) - np.log(max(without, ERROR)))
