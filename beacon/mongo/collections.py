"""The home of a dataset's answer about itself and its cohorts: the collections that satisfy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pyroaring import BitMap

from beacon.framework.access import Access
from beacon.framework.answer import NOBODYS, Basis, Record
from beacon.model.datasets import with_assembly
from beacon.model.links import visible
from beacon.mongo.asked_rows import AskedRows
from beacon.mongo.enough import people_of
from beacon.mongo.fitting import Fitting
from beacon.mongo.layers import Layers
from beacon.mongo.plan import Plan
from beacon.mongo.ranges import SharedRanges
from beacon.mongo.rows import cohort_members, record_satisfies, rows_array


class Collections:
    """Evaluates plans that deliver datasets or cohorts.

    Args:
        layers: Where rosters and cohorts are.
        asked: Finds the rows of whom a plan asks.
        fitting: Finds the alleles that fit.
    """

    def __init__(self, layers: Layers, asked: AskedRows, fitting: Fitting) -> None:
        self._layers = layers
        self._asked = asked
        self._fitting = fitting

    async def members(
        self, plan: Plan, access: Access, shared: SharedRanges
    ) -> tuple[list[Record], Basis | None]:
        """The dataset's record, or its cohorts' records, that satisfy everything that is asked.

        With whom they rest on, where the caller may not be told of few people.
        """
        level_of = partial(access.level, plan.dataset.id)
        is_protected = bool(access.protections.get(plan.dataset.id))
        found, most = await self._members(plan, shared, is_protected=is_protected)
        basis = None
        if is_protected:
            basis = NOBODYS if most is None else Basis(people=max(most, default=0), each=True)
            least = access.people_min(plan.query, plan.dataset.id)
            if most is not None:
                found = [one for one, people in zip(found, most, strict=True) if people >= least]
        return [visible(plan.query.entry_type, record, level_of) for record in found], basis

    async def _members(
        self, plan: Plan, shared: SharedRanges, *, is_protected: bool
    ) -> tuple[list[Record], list[int] | None]:
        """The records, and the people of each, where these matter and are asked for."""
        query = plan.query
        if plan.impossible:
            return [], None
        own_scope = query.entry_type
        own = [one for one in plan.filters if one.scopes == (own_scope,)]
        others = replace(plan, filters=tuple(one for one in plan.filters if one not in own))
        rows, _ = await self._asked.rows(others, shared)
        restricted = rows is not None or others.concerns_alleles
        if others.concerns_alleles:
            if own_scope == "dataset" and rows is None and plan.zygosities is None:
                if is_protected:
                    most = await self._fitting.most_carriers(others, shared)
                    found = _own(plan, own)
                    return found, [most for _ in found]
                return _own(plan, own) if await self._fitting.has_any(others, shared) else [], None
            rows = await self._fitting.carriers(others, rows, shared)
        if plan.tally is not None:
            for one in own:
                plan.tally.unmet(one)
            if restricted and rows is not None:
                if plan.tally.guard is not None:
                    rows = plan.tally.guard.rows(plan.tally, rows) - (plan.excluded or BitMap())
                plan.tally.counted(plan.tally.people_of(rows), 1)
        counts = is_protected and restricted and rows is not None
        roster = await self._layers.roster(plan.dataset.metadata) if counts else None
        if own_scope == "dataset":
            found = _own(plan, own) if not restricted or rows else []
            if not counts or rows is None:
                return found, None
            return found, [people_of(rows_array(rows), roster) for _ in found]
        cohorts = []
        people = []
        for cohort in await self._layers.cohorts(plan.dataset.metadata):
            if query.entry_id is not None and cohort["id"] != query.entry_id:
                continue
            if not all(record_satisfies("cohort", cohort, one) for one in own):
                continue
            if restricted:
                members = await cohort_members(self._layers, plan, str(cohort["id"]))
                if plan.tally is not None and rows is not None:
                    plan.tally.rests_on(plan.tally.people_of(members & rows))
                if not rows or not members.intersect(rows):
                    continue
                people.append(people_of(rows_array(members & rows), roster) if counts else 0)
            cohorts.append(cohort)
        return cohorts, people if counts else None


def _own(plan: Plan, own: Sequence[Any]) -> list[Record]:
    record = plan.dataset.record
    if not all(record_satisfies("dataset", record, one) for one in own):
        return []
    return [with_assembly(record, plan.dataset.assembly)]
