"""One dataset's answer to one plan: set algebra over rows, and alleles with their carriers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
import numpy as np
from pyroaring import BitMap

from beacon.framework.access import Access
from beacon.framework.answer import NOBODYS, Basis, Record, ResultSet
from beacon.framework.query import Granularity, Query
from beacon.model.datasets import with_assembly
from beacon.model.links import visible
from beacon.model.protected_variants import people_counted
from beacon.model.reference import References
from beacon.mongo import documents
from beacon.mongo.allele_keys import allele_key
from beacon.mongo.blocks import COMMON, row_set
from beacon.mongo.carried import Among, carried
from beacon.mongo.documents import record_id
from beacon.mongo.enough import (
    Enough,
    enough,
    needs_carriers,
    people_of,
    people_of_entries,
    uncounted,
)
from beacon.mongo.fetch import Lookup
from beacon.mongo.found import Found, Packed, Structural, Window
from beacon.mongo.frequencies import Frequencies
from beacon.mongo.layers import AsyncDocuments, Layers
from beacon.mongo.plan import ATTACHED_SCOPES, VARIANT, Alternative, Plan
from beacon.mongo.ranges import SharedRanges
from beacon.mongo.render import CaseLevel, codes_among, render_variant
from beacon.mongo.rows import (
    attachment,
    cohort_members,
    ordinals_page,
    people,
    project,
    record_satisfies,
    rows_array,
)
from beacon.mongo.scan import Alleles


class Evaluation:
    """Evaluates plans.

    Args:
        references: Sequences of the assemblies.
        page_max: Records of a result set at most, whatever was asked.
        case_level_data_max: Carriers that one variant record names at most.
    """

    def __init__(
        self,
        database: AsyncDocuments,
        layers: Layers,
        *,
        references: References,
        page_max: int,
        case_level_data_max: int,
    ) -> None:
        self._references = references
        self._database = database
        self._layers = layers
        self._page_max = page_max
        self._case_level_data_max = case_level_data_max
        self._alleles = Alleles(database)
        self._frequencies = Frequencies(database)
        self._records = Lookup(database[documents.RECORDS], {"r": 1})

    async def result_set(self, plan: Plan, access: Access, shared: SharedRanges) -> ResultSet:
        """What one dataset has."""
        query = plan.query
        if plan.impossible:
            return ResultSet(dataset_id=plan.dataset.id, count=0)
        is_protected = bool(access.protections.get(plan.dataset.id))
        rows, own = await self._people(plan, shared)
        wants_records = (
            query.wants_records
            and access.level(plan.dataset.id, query.entry_type) is Granularity.RECORD
        )
        if query.entry_type == VARIANT:
            return await self._variants(plan, rows, access, shared, wants_records=wants_records)
        simple = rows is None and own is None and query.entry_id is None and not wants_records
        if plan.concerns_alleles:
            by_size = plan.zygosities is None and not plan.dataset.withdrawn
            by_size = by_size and (plan.dataset.rows_are_individuals or not is_protected)
            if simple and by_size and self._rows_are(plan):
                count = await self._count_single(plan, shared)
                if count is not None:
                    basis = self._basis(plan, count) if is_protected else None
                    return ResultSet(dataset_id=plan.dataset.id, count=count, basis=basis)
            rows = await self._carriers(plan, rows, shared)
        count, ordinals = await project(self._layers, plan, rows, own)
        if query.entry_id is not None:
            ordinal = await self._ordinal(plan, query.entry_type, query.entry_id)
            present = ordinal is not None and (ordinals is None or ordinal in ordinals)
            ordinals = [ordinal] if present and ordinal is not None else []
            count = len(ordinals)
        records: tuple[Record, ...] = ()
        if wants_records and count:
            records = await self._page(plan, count, ordinals, access)
        basis = None
        if is_protected:
            basis = await self._basis_of(plan, count, ordinals)
        return ResultSet(dataset_id=plan.dataset.id, count=count, records=records, basis=basis)

    @staticmethod
    def _basis(plan: Plan, count: int) -> Basis:
        """Of entries each of which is of another person."""
        target = plan.query.entry_type
        size = plan.dataset.counts[target]
        others = None if target == "individual" else size - count
        return Basis(people=count, size=size, others=others)

    async def _basis_of(
        self, plan: Plan, count: int, ordinals: Sequence[int] | BitMap | None
    ) -> Basis:
        if plan.query.entry_type == "individual":
            return self._basis(plan, count)
        size = plan.dataset.counts[plan.query.entry_type]
        people = await people_of_entries(self._layers, plan, count, ordinals)
        left = BitMap() if ordinals is None else BitMap(range(size)) - BitMap(ordinals)
        others = await people_of_entries(self._layers, plan, len(left), left)
        return Basis(people=people, size=size, others=others)

    @staticmethod
    def _rows_are(plan: Plan) -> bool:
        target = plan.query.entry_type
        return (target == "individual" and plan.dataset.rows_are_individuals) or (
            target == "biosample" and plan.dataset.rows_are_biosamples
        )

    # People -------------------------------------------------------------------------------------

    async def _people(
        self, plan: Plan, shared: SharedRanges
    ) -> tuple[BitMap | None, BitMap | None]:
        """Rows left by filters on people and by the entry within which the question is asked."""

        async def carriers_of(one: Alternative) -> BitMap:
            bare = msgspec.structs.replace(plan.query, entry_id=None, within=None, variation=None)
            only = replace(one, scopes=(VARIANT,), refs=())
            alone = Plan(plan.dataset, bare, (only,), None, None)
            return await self._carriers(alone, None, shared)

        rows, own = await people(self._layers, plan, carriers_of)
        within = plan.query.within
        if within is None or within.entry_type in ("dataset", VARIANT):
            return rows, own
        if within.entry_type == "cohort":
            cohorts = await self._layers.cohorts(plan.dataset.metadata)
            if any(cohort["id"] == within.id for cohort in cohorts):
                found = await cohort_members(self._layers, plan, within.id)
            else:
                found = BitMap()
        else:
            found = await self._rows_of_entry(plan, within.entry_type, within.id)
        return (found if rows is None else rows & found), own

    async def _rows_of_entry(self, plan: Plan, entry_type: str, entry_id: str) -> BitMap:
        ordinal = await self._ordinal(plan, entry_type, entry_id)
        if ordinal is None:
            return BitMap()
        roster = await self._layers.roster(plan.dataset.metadata)
        if entry_type in ATTACHED_SCOPES:
            attached = attachment(roster, entry_type)
            return BitMap(attached.rows[attached.ends[ordinal] : attached.ends[ordinal + 1]])
        of_row = roster.individual_of if entry_type == "individual" else roster.biosample_of
        return row_set(np.flatnonzero(of_row == ordinal))

    async def _ordinal(self, plan: Plan, entry_type: str, entry_id: str) -> int | None:
        found = await self._database[documents.RECORDS].find_one(
            {"l": plan.dataset.metadata, "t": entry_type, "id": entry_id}, {"_id": 1}
        )
        return None if found is None else documents.ordinal_of(found["_id"])

    async def _page(
        self, plan: Plan, count: int, ordinals: Sequence[int] | BitMap | None, access: Access
    ) -> tuple[Record, ...]:
        offset, limit = self.offset_and_limit(plan.query)
        chosen = ordinals_page(range(count) if ordinals is None else ordinals, offset, limit)
        entry_type = plan.query.entry_type
        keys = [record_id(plan.dataset.metadata, entry_type, ordinal) for ordinal in chosen]
        found = await self._records.get_many(keys)
        level_of = partial(access.level, plan.dataset.id)
        return tuple(
            visible(entry_type, msgspec.json.decode(found[key]["r"]), level_of)
            for key in keys
            if key in found
        )

    def offset_and_limit(self, query: Query) -> tuple[int, int]:
        """Records before the page, and records on it at most."""
        return query.pagination.offset, min(
            query.pagination.limit or self._page_max, self._page_max
        )

    # Alleles ------------------------------------------------------------------------------------

    async def _count_single(self, plan: Plan, shared: SharedRanges) -> int | None:
        """Carriers of the only allele that fits, without reading who they are."""
        found: list[Found] = []
        async for window in self._alleles.windows(plan, shared):
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

    async def _carriers(self, plan: Plan, among: BitMap | None, shared: SharedRanges) -> BitMap:
        """Rows that carry an allele that fits, among the given ones."""
        if among is not None and not among:
            return BitMap()
        seen = np.zeros(plan.dataset.rows, bool)
        common = BitMap()
        zygosities = plan.zygosities
        async for window in self._alleles.windows(plan, shared):
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

    async def _variants(
        self,
        plan: Plan,
        rows: BitMap | None,
        access: Access,
        shared: SharedRanges,
        *,
        wants_records: bool,
    ) -> ResultSet:
        query = plan.query
        dataset = plan.dataset
        unconditional = rows is None and plan.zygosities is None
        everything = unconditional and not plan.concerns_alleles and query.entry_id is None
        is_protected = bool(access.protections.get(dataset.id))
        counted = None if dataset.withdrawn is not None or is_protected else dataset.observed
        if everything and not wants_records and counted is not None:
            return ResultSet(dataset_id=dataset.id, count=counted)
        offset, limit = self.offset_and_limit(query)
        count = 0
        page: list[Found] = []
        if rows is not None and not rows:
            return ResultSet(dataset_id=dataset.id, count=0)
        among = Among.of(dataset, rows)
        most = 0
        async for window in self._alleles.windows(plan, shared):
            if is_protected:
                found = await self._enough(
                    plan, window, among, access.people_min(query, dataset.id)
                )
                window, most = found.window, max(most, found.most)
            elif not unconditional:
                carriers = await self._alleles.carriers(window)
                window = carried(window, carriers, among, plan.zygosities)
            elif among is not None:
                window = await self._standing(window, among)
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

    async def _enough(self, plan: Plan, window: Window, among: Among | None, least: int) -> Enough:
        """The alleles of a window that enough people carry."""
        dataset = plan.dataset
        carriers = roster = None
        if needs_carriers(dataset, among, plan.zygosities):
            carriers = await self._alleles.carriers(window)
        if not dataset.rows_are_individuals:
            roster = await self._layers.roster(dataset.metadata)
        recorded = {}
        if among is None and plan.zygosities is None and (unknown := uncounted(window)):
            records = await self._alleles.records(dataset, unknown)
            recorded = {key: people_counted(record) for key, record in records.items()}
        return enough(
            window,
            carriers,
            among,
            plan.zygosities,
            roster=roster,
            recorded=recorded,
            least=least,
        )

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
        if case_level is not None or populations is not None or dataset.withdrawn:
            window = Window(
                [(one.block, np.array([one.index])) for one in found if isinstance(one, Packed)]
            )
            carriers = await self._alleles.carriers(window)
            all_codes = [carriers.codes(one) for one in found]
        counted = all_codes if populations is not None or dataset.withdrawn else None
        frequencies = await self._frequencies.of(dataset, found, counted, populations)
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
        rows, _ = await self._people(others, shared)
        restricted = rows is not None or others.concerns_alleles
        if others.concerns_alleles:
            if own_scope == "dataset" and rows is None and plan.zygosities is None:
                if is_protected:
                    most = await self._most_carriers(others, shared)
                    found = self._own(plan, own)
                    return found, [most for _ in found]
                return self._own(plan, own) if await self._any_allele(others, shared) else [], None
            rows = await self._carriers(others, rows, shared)
        counts = is_protected and restricted and rows is not None
        roster = await self._layers.roster(plan.dataset.metadata) if counts else None
        if own_scope == "dataset":
            found = self._own(plan, own) if not restricted or rows else []
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
                if not rows or not members.intersect(rows):
                    continue
                people.append(people_of(rows_array(members & rows), roster) if counts else 0)
            cohorts.append(cohort)
        return cohorts, people if counts else None

    @staticmethod
    def _own(plan: Plan, own: Sequence[Any]) -> list[Record]:
        record = plan.dataset.record
        if not all(record_satisfies("dataset", record, one) for one in own):
            return []
        return [with_assembly(record, plan.dataset.assembly)]

    async def _any_allele(self, plan: Plan, shared: SharedRanges) -> bool:
        among = Among.of(plan.dataset, None)
        async for window in self._alleles.windows(plan, shared):
            if among is not None:
                window = await self._standing(window, among)
            if window.structural or any(len(indexes) for _, indexes in window.blocks):
                return True
        return False

    async def _most_carriers(self, plan: Plan, shared: SharedRanges) -> int:
        """How many people carry the allele that most do, of those that fit."""
        among = Among.of(plan.dataset, None)
        most = 0
        async for window in self._alleles.windows(plan, shared):
            most = max(most, (await self._enough(plan, window, among, 0)).most)
        return most

    async def _standing(self, window: Window, among: Among) -> Window:
        """The alleles of a window that would be there without those who have withdrawn."""
        carriers = await self._alleles.carriers(window)
        return carried(window, carriers, among, None, or_uncarried=True)


def _may_split(query: Query, dataset_id: str, access: Access) -> bool:
    """Whether alleles may be counted by population, which counts individuals.

    Only where the record hides whatever numbers of individuals hide.
    """
    if access.level(dataset_id, "individual") < Granularity.COUNT:
        return False
    of_individuals = access.protection(dataset_id, "individual", Granularity.COUNT)
    return access.protecting(query, dataset_id, Granularity.RECORD).covers(of_individuals)


def _see(seen: Any, codes: Any, zygosities: frozenset[int] | None) -> None:
    if zygosities is not None:
        codes = codes[np.isin(codes & 3, list(zygosities))]
    seen[codes >> 2] = True


def _key(found: Found) -> str:
    return allele_key(found.allele)
