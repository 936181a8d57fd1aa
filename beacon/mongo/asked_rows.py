"""The home of the rows that a plan leaves: by filters on people, and by the entry around it."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
from pyroaring import BitMap

from beacon.mongo import documents
from beacon.mongo.blocks import row_set
from beacon.mongo.fitting import Fitting
from beacon.mongo.layers import AsyncDocuments, Layers
from beacon.mongo.plan import ATTACHED_SCOPES, VARIANT, Alternative, Plan
from beacon.mongo.ranges import SharedRanges
from beacon.mongo.rows import attachment, cohort_members, people


class AskedRows:
    """Finds the rows of whom plans ask.

    Args:
        database: Where records are.
        layers: Where rosters, cohorts and sets are.
        fitting: Finds who carries what filters name.
    """

    def __init__(self, database: AsyncDocuments, layers: Layers, fitting: Fitting) -> None:
        self._database = database
        self._layers = layers
        self._fitting = fitting

    async def rows(self, plan: Plan, shared: SharedRanges) -> tuple[BitMap | None, BitMap | None]:
        """Rows left by filters on people and by the entry within which the question is asked."""

        async def carriers_of(one: Alternative) -> BitMap:
            bare = msgspec.structs.replace(plan.query, entry_id=None, within=None, variation=None)
            only = replace(one, scopes=(VARIANT,), refs=())
            alone = Plan(plan.dataset, bare, (only,), None, None)
            return await self._fitting.carriers(alone, None, shared)

        rows, own = await people(self._layers, plan, carriers_of)
        rows = await self._within(plan, rows)
        chooses = rows is not None or own is not None
        if plan.query.entry_type != VARIANT and plan.query.entry_id is not None:
            chooses = True
        if plan.excluded is not None and chooses:
            rows = (BitMap(range(plan.dataset.rows)) if rows is None else rows) - plan.excluded
        return rows, own

    async def _within(self, plan: Plan, rows: BitMap | None) -> BitMap | None:
        """The rows that are within the entry that the path names, if it names one."""
        within = plan.query.within
        if within is None or within.entry_type in ("dataset", VARIANT):
            return rows
        if within.entry_type == "cohort":
            cohorts = await self._layers.cohorts(plan.dataset.metadata)
            if any(cohort["id"] == within.id for cohort in cohorts):
                found = await cohort_members(self._layers, plan, within.id)
            else:
                found = BitMap()
        else:
            found = await self._rows_of_entry(plan, within.entry_type, within.id)
        return found if rows is None else rows & found

    async def _rows_of_entry(self, plan: Plan, entry_type: str, entry_id: str) -> BitMap:
        ordinal = await self.ordinal(plan, entry_type, entry_id)
        if ordinal is None:
            return BitMap()
        roster = await self._layers.roster(plan.dataset.metadata)
        if entry_type in ATTACHED_SCOPES:
            attached = attachment(roster, entry_type)
            return BitMap(attached.rows[attached.ends[ordinal] : attached.ends[ordinal + 1]])
        of_row = roster.individual_of if entry_type == "individual" else roster.biosample_of
        return row_set(np.flatnonzero(of_row == ordinal))

    async def ordinal(self, plan: Plan, entry_type: str, entry_id: str) -> int | None:
        """The ordinal of an entry among those of its type; `None` where the dataset has none."""
        found = await self._database[documents.RECORDS].find_one(
            {"l": plan.dataset.metadata, "t": entry_type, "id": entry_id}, {"_id": 1}
        )
        return None if found is None else documents.ordinal_of(found["_id"])
