"""What common alleles of somebody say of those that are kept from the attacker."""

from __future__ import annotations

import numpy as np

from tests.attacks.people import Bits, Floats, Places

VOTERS = 4
"""Haplotypes that agree with a target's, without which more must be let to agree."""


def imputed(
    panel: Bits, target: Bits, regions: Places, known: Bits, hidden: Places, neighbours: int = 10
) -> Floats:
    """How probably a target carries alleles that were kept from the attacker.

    Haplotypes of a panel that agree with the target's at the nearest known sites vote; where too
    few agree with all of them, the farthest are let go.

    Args:
        panel: Haplotypes of other people: sites x haplotypes.
        target: The two of the target: sites x 2; hidden sites are not read.
        regions: Of sites.
        known: Which sites are known of the target.
        hidden: The sites to tell, ascending.
        neighbours: Known sites that are looked at; half of them farther on, others are.
    """
    carrying = np.zeros(len(hidden))
    step = max(neighbours // 2, 1)
    for region in np.unique(regions[hidden]):
        around = np.flatnonzero(known & (regions == region))
        own = np.flatnonzero(regions[hidden] == region)
        if not len(around):
            carrying[own] = 1 - (1 - panel[hidden[own]].mean(axis=1)) ** 2
            continue
        stretch = np.searchsorted(around, hidden[own]) // step
        for one in np.unique(stretch):
            middle = one * step + step // 2
            near = around[max(middle - neighbours // 2, 0) : middle + neighbours // 2 + 1]
            # The nearest first, so that the farthest are let go first.
            near = near[np.argsort(np.abs(near - around[min(middle, len(around) - 1)]))]
            sites = hidden[own[stretch == one]]
            lacking = np.ones(len(sites))
            for haplotype in target[near].T:
                agree = np.logical_and.accumulate(panel[near] == haplotype[:, None], axis=0)
                enough = np.flatnonzero(agree.sum(axis=1) >= VOTERS)
                votes = panel[sites]
                lacking *= 1 - (votes[:, agree[enough[-1]]] if len(enough) else votes).mean(axis=1)
            carrying[own[stretch == one]] = 1 - lacking
    return carrying
