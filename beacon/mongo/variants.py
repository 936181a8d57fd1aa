"""The home of one dataset's answer about alleles: how many fit, and the records of a page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from pyroaring import BitMap

from beacon.framework.access import Access
from beacon.framework.answer import Basis, Record, ResultSet
from beacon.framework.query import Granularity, Query
from beacon.model.links import visible
from beacon.model.reference import References
from beacon.mongo.allele_keys import allele_key
from beacon.mongo.carried import Among, carried
from beacon.mongo.fitting import Fitting
from beacon.mongo.found import Found, Packed, Window
from beacon.mongo.frequencies import Frequencies
from beacon.mongo.layers import Layers
from beacon.mongo.plan import VARIANT, Plan
from beacon.mongo.put_question import people_max
from beacon.mongo.ranges import SharedRanges
from beacon.mongo.render import CaseLevel, codes_among, render_variant
from beacon.mongo.stored_alleles import Alleles


class Variants:
    """Evaluates plans that deliver alleles.

    Args:
        alleles: Where the alleles are.
        layers: Where rosters and populations are.
        fitting: Finds the alleles that fit.
        frequencies: Where what was counted by population is.
        references: Sequences of the assemblies.
        case_level_data_max: Carriers that one variant record names at most.
    """

    def __init__(
        self,
        alleles: Alleles,
        layers: Layers,
        fitting: Fitting,
        frequencies: Frequencies,
        *,
        references: References,
        case_level_data_max: int,
    ) -> None:
        self._alleles = alleles
        self._layers = layers
        self._fitting = fitting
        self._frequencies = frequencies
        self._references = references
        self._case_level_data_max = case_level_data_max

    async def result_set(
        self,
        plan: Plan,
        rows: BitMap | None,
        access: Access,
        shared: SharedRanges,
        *,
        offset: int,
        limit: int,
        wants_records: bool,
    ) -> ResultSet:
        """The alleles that fit.

        Args:
            plan: What is asked of which dataset.
            rows: Those whose carriers count; `None` is all of them.
            access: What the caller may learn.
            shared: What questions of the same moment read together.
            offset: Records before the page.
            limit: Records on the page at most.
            wants_records: Whether there is a page.
        """
        query = plan.query
        dataset = plan.dataset
        unconditional = rows is None and plan.zygosities is None
        everything = unconditional and not plan.concerns_alleles and query.entry_id is None
        is_protected = bool(access.protections.get(dataset.id))
        counted: int | None = dataset.observed
        if dataset.withdrawn is not None or is_protected or plan.tally is not None:
            counted = None
        if everything and not wants_records and counted is not None:
            return ResultSet(dataset_id=dataset.id, count=counted)
        count = 0
        page: list[Found] = []
        if plan.tally is not None:
            if rows is not None and plan.tally.guard is not None:
                rows = plan.tally.guard.rows(plan.tally, rows) - (plan.excluded or BitMap())
        elif rows is not None and not rows:
            return ResultSet(dataset_id=dataset.id, count=0)
        among, of_all = Among.of(dataset, rows), rows is None
        most = 0
        enough = people_max(plan, access) if plan.tally is not None else 0
        async for window in self._fitting.windows(plan, shared):
            counted_people = None
            if plan.tally is not None:
                if unconditional and not wants_records:
                    gone = len(dataset.withdrawn or ())
                    window, others, of_most = plan.tally.charged.apart(window, enough, gone)
                    count, most = count + others, max(most, of_most)
                known = await self._alleles.carriers(window)
                counted_people = plan.tally.charged.carried(window, known, among, plan.zygosities)
            if is_protected:
                least = access.people_min(query, dataset.id)
                found = await self._fitting.enough(
                    plan, window, among, least, of_all=of_all, counted=counted_people
                )
                window, most = found.window, max(most, found.most)
            elif not unconditional:
                carriers = await self._alleles.carriers(window)
                window = carried(window, carriers, among, plan.zygosities)
            elif among is not None:
                window = await self._fitting.standing(window, among)
            for block, indexes in window.blocks:
                if wants_records and count < offset + limit:
                    low, high = max(offset - count, 0), offset + limit - count
                    page += [Packed(block, int(index)) for index in indexes[low:high]]
                count += len(indexes)
            for one in window.structural:
                if wants_records and offset <= count < offset + limit:
                    page.append(one)
                count += 1
            if everything and len(page) >= limit and counted is not None:
                count = counted
                break
        records: tuple[Record, ...] = ()
        if page:
            table = None if among is None else among.table
            records = await self._render(plan, page, table, access)
        basis = Basis(people=most, each=True) if is_protected else None
        return ResultSet(dataset_id=dataset.id, count=count, records=records, basis=basis)

    async def _render(
        self, plan: Plan, found: Sequence[Found], among: Any, access: Access
    ) -> tuple[Record, ...]:
        """The records of alleles.

        Args:
            among: Of every row, whether carriers on it count; `None` is all of them.
        """
        dataset = plan.dataset
        level_of = partial(access.level, dataset.id)
        loaded = await self._alleles.records(dataset, found)
        case_level = None
        if level_of("biosample") is Granularity.RECORD:
            roster = await self._layers.roster(dataset.metadata)
            case_level = CaseLevel(level_of, roster, self._case_level_data_max)
        populations = None
        if _may_split(plan.query, dataset.id, access):
            populations = await self._layers.populations(dataset.metadata)
        all_codes: list[Any] | None = None
        is_kept = plan.tally is not None
        if case_level is not None or populations is not None or dataset.withdrawn or is_kept:
            window = Window(
                [(one.block, np.array([one.index])) for one in found if isinstance(one, Packed)]
            )
            carriers = await self._alleles.carriers(window)
            all_codes = [carriers.codes(one) for one in found]
        counted = all_codes if populations is not None or plan.withdrawn else None
        left_out = None
        if plan.excluded is not None and all_codes is not None:
            gone = np.asarray(plan.excluded.to_array(), np.uint32)
            is_out = [np.isin(codes >> 2, gone) for codes in all_codes]
            left_out = [codes[out] for codes, out in zip(all_codes, is_out, strict=True)]
            if counted is not None:
                counted = [codes[~out] for codes, out in zip(all_codes, is_out, strict=True)]
        frequencies = await self._frequencies.of(
            replace(dataset, withdrawn=plan.withdrawn), found, counted, populations, left_out
        )
        bases = self._references.bases.get(dataset.assembly or "")
        rendered = []
        for index, one in enumerate(found):
            codes = None
            if case_level is not None and all_codes is not None:
                codes = codes_among(all_codes[index], among, plan.zygosities)
            record = loaded.get(_key(one))
            shown = render_variant(
                one, record, codes, dataset, case_level, frequencies[index], bases
            )
            rendered.append(visible(VARIANT, shown, level_of))
            # A page of common alleles is work of seconds, which a deadline must be able to end.
            await asyncio.sleep(0)
        return tuple(rendered)


def _may_split(query: Query, dataset_id: str, access: Access) -> bool:
    """Whether alleles may be counted by population, which counts individuals.

    Only where the record hides whatever numbers of individuals hide.
    """
    if access.level(dataset_id, "individual") < Granularity.COUNT:
        return False
    of_individuals = access.protection(dataset_id, "individual", Granularity.COUNT)
    return access.protecting(query, dataset_id, Granularity.RECORD).covers(of_individuals)


def _key(found: Found) -> str:
    return allele_key(found.allele)
