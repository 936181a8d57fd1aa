"""All attacks, one after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator
from functools import partial
from pathlib import Path

from tests.attacks import cases, cells, costs, filters, honest, linkage, releases, timing
from tests.attacks.membership import Membership
from tests.attacks.stage import Arm, Scale, Stage, set_up

Attack = Callable[[], Awaitable[list[Arm]]]

NAMES = ("A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "U1", "U3", "U4")
"""What can be chosen; U2 is of the questions of U1."""

_OF_ALLELES = {"A1", "A2", "A3", "A4", "A8", "A11"}


async def run(
    scale: Scale,
    uri: str,
    folder: Path,
    chosen: Collection[str] = NAMES,
    *,
    begins: Callable[[str], None] = lambda name: None,
    ends: Callable[[Stage, list[Arm]], None] = lambda stage, arms: None,
) -> list[Arm]:
    """Attack a beacon.

    Args:
        scale: How large everything is.
        uri: A database server; what is loaded there stays.
        folder: For files of the beacons.
        chosen: Names of attacks.
        begins: Told the name of each, and of what comes before.
        ends: Told what each found, and where.

    Returns:
        All that was found.
    """
    begins("people, genomes and beacons")
    arms: list[Arm] = []
    async with set_up(scale, uri, folder) as stage:
        if _OF_ALLELES & set(chosen):
            begins("frequencies of the beacon without protections")
            membership = await Membership.of(stage)
        else:
            membership = Membership(stage, {})
        for name, attack in _attacks(stage, membership):
            if name in chosen:
                begins(name)
                found = await attack()
                arms += found
                ends(stage, found)
    return arms


def _attacks(stage: Stage, membership: Membership) -> Iterator[tuple[str, Attack]]:
    # What is timed comes first, while the ledger is small and nobody else asks.
    yield "A10", partial(timing.timing, stage)
    yield "U3", partial(costs.overhead, stage)
    yield "A1", membership.random_order
    yield "A2", membership.best_order
    yield "A3", membership.frequencies
    yield "A4", partial(linkage.neighbours, membership)
    yield "A8", membership.colluding
    yield "A11", partial(cases.cases, membership)
    yield "A5", partial(filters.differences, stage)
    yield "A6", partial(filters.averaging, stage)
    yield "A7", partial(releases.releases, stage)
    yield "A9", partial(cells.cells, stage)
    yield "U1", partial(honest.look_ups, stage)
    yield "U4", partial(honest.ledger, stage)
