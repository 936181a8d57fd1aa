"""The home of the alleles that fit a plan, of who carries them and of how many do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from pyroaring import BitMap

from beacon.model.protected_variants import people_counted
from beacon.mongo.blocks import COMMON, row_set
from beacon.mongo.carried import Among, carried
from beacon.mongo.enough import Enough, enough, needs_carriers, uncounted
from beacon.mongo.found import Carriers, Carrying, Found, Packed, Structural, Window
from beacon.mongo.layers import Layers
from beacon.mongo.plan import Plan
from beacon.mongo.ranges import SharedRanges
from beacon.mongo.scan import Scan
from beacon.mongo.stored_alleles import Alleles


class Fitting:
    """Finds the alleles that fit plans, and their carriers.

    Args:
        scan: Finds them.
        alleles: Reads who carries them.
        layers: Where rosters are.
    """

    def __init__(self, scan: Scan, alleles: Alleles, layers: Layers) -> None:
        self._scan = scan
        self._alleles = alleles
        self._layers = layers

    async def windows(self, plan: Plan, shared: SharedRanges) -> AsyncIterator[Window]:
        """The alleles that fit, noted where somebody keeps an account."""
        async for window in self._scan.windows(plan, shared):
            if plan.tally is not None:
                plan.tally.saw(window)
            yield window

    async def count_single(self, plan: Plan, shared: SharedRanges) -> int | None:
        """Carriers of the only allele that fits, without reading who; `None` if more fit."""
        found: list[Found] = []
        async for window in self._scan.windows(plan, shared):
            for block, indexes in window.blocks:
                found += [Packed(block, int(index)) for index in indexes[:2]]
            found += window.structural
            if len(found) > 1:
                return None
        if not found:
            return 0
        one = found[0]
        if isinstance(one, Structural):
            return int(one.document["n"][0])
        return one.block.number("carriers", one.index)

    async def carriers(self, plan: Plan, among: BitMap | None, shared: SharedRanges) -> BitMap:
        """Rows that carry an allele that fits, among the given ones."""
        if among is not None and not among and plan.tally is None:
            return BitMap()
        seen = np.zeros(plan.dataset.rows, bool)
        common = BitMap()
        zygosities = plan.zygosities
        async for window in self.windows(plan, shared):
            if not window.blocks and not window.structural:
                continue
            carriers = await self._alleles.carriers(window)
            for block, indexes in window.blocks:
                rare = carriers.of_block(block)
                flags = block.column("flags")
                for index in indexes[flags[indexes] & COMMON > 0]:
                    common |= carriers.common_rows(block, int(index), zygosities)
                _see(seen, rare.of_all(indexes), zygosities)
            for one in window.structural:
                _see(seen, carriers.codes(one), zygosities)
        rows = common | row_set(np.flatnonzero(seen))
        if plan.dataset.withdrawn:
            rows -= plan.dataset.withdrawn
        return rows if among is None else rows & among

    async def has_any(self, plan: Plan, shared: SharedRanges) -> bool:
        """Whether an allele fits that somebody has who has not withdrawn, or nobody is known to."""
        among = Among.of(plan.dataset, None)
        found = False
        async for window in self.windows(plan, shared):
            if plan.tally is not None:
                of_window = await self._alleles.carriers(window)
                plan.tally.charged.carried(window, of_window, among, None)
            if among is not None:
                window = await self.standing(window, among)
            if window.structural or any(len(indexes) for _, indexes in window.blocks):
                found = True
                if plan.tally is None:
                    break
        return found

    async def most_carriers(self, plan: Plan, shared: SharedRanges) -> int:
        """How many people carry the allele that most do, of those that fit."""
        among = Among.of(plan.dataset, None)
        found = 0
        async for window in self.windows(plan, shared):
            counted = None
            if plan.tally is not None:
                carriers = await self._alleles.carriers(window)
                counted = plan.tally.charged.carried(window, carriers, among, None)
            of_window = await self.enough(plan, window, among, 0, counted=counted)
            found = max(found, of_window.most)
        return found

    async def enough(
        self,
        plan: Plan,
        window: Window,
        among: Among | None,
        least: int,
        *,
        of_all: bool = True,
        counted: Carrying | None = None,
    ) -> Enough:
        """The alleles of a window that enough people carry.

        Args:
            of_all: Whether the question chooses nobody by themselves.
            counted: How many people carry these alleles, where that is known.
        """
        dataset = plan.dataset
        # Numbers of which nobody knows whose they are stay the same whoever is used up.
        of_all = of_all and plan.zygosities is None and plan.withdrawn is None
        roster = None
        carriers: Carriers | None = None
        if counted is None and needs_carriers(dataset, among, plan.zygosities):
            carriers = await self._alleles.carriers(window)
        if not dataset.rows_are_individuals:
            roster = await self._layers.roster(dataset.metadata)
        recorded = {}
        if of_all and (unknown := uncounted(window)):
            records = await self._alleles.records(dataset, unknown)
            recorded = {key: people_counted(record) for key, record in records.items()}
        return enough(
            window,
            carriers,
            among,
            plan.zygosities,
            roster=roster,
            of_all=of_all,
            recorded=recorded,
            least=least,
            counted=counted,
        )

    async def standing(self, window: Window, among: Among) -> Window:
        """The alleles of a window that would be there without those who have withdrawn."""
        carriers = await self._alleles.carriers(window)
        return carried(window, carriers, among, None, or_uncarried=True)


def _see(seen: Any, codes: Any, zygosities: frozenset[int] | None) -> None:
    if zygosities is not None:
        codes = codes[np.isin(codes & 3, list(zygosities))]
    seen[codes >> 2] = True
