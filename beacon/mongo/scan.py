"""Finding alleles: from a plan to the alleles of one dataset that fit, block by block."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from pymongo.asynchronous.database import AsyncDatabase

from beacon.framework.answer import Record
from beacon.model import filters
from beacon.model.allele import Allele, internal_id
from beacon.model.assemblies import code as chromosome_code
from beacon.model.fields import FIELD_BY_NAME, FIELDS
from beacon.model.variation import parse_internal_id
from beacon.model.variation_query import VariationCondition
from beacon.mongo import documents
from beacon.mongo.allele_keys import allele_key, is_long
from beacon.mongo.blocks import COMMON, Block
from beacon.mongo.documents import bin_key, block_id
from beacon.mongo.fetch import Lookup
from beacon.mongo.found import NAME_OF_CODE, Carriers, Found, Packed, Structural, Window
from beacon.mongo.layers import Dataset
from beacon.mongo.plan import Alternative, Plan
from beacon.mongo.predicates import Indexes, exact_allele, select, span, structural_question
from beacon.mongo.ranges import SharedRanges, newest_of_bins
from beacon.mongo.rows import record_satisfies

AsyncDocuments = AsyncDatabase[dict[str, Any]]
Document = dict[str, Any]

_WINDOW_BLOCKS = 256


class Alleles:
    """Reads alleles and their carriers."""

    def __init__(self, database: AsyncDocuments) -> None:
        self._database = database
        self.blocks = Lookup(database[documents.BLOCKS])
        self.rare = Lookup(database[documents.RARE])
        self.dense = Lookup(database[documents.DENSE])
        self.structural = Lookup(database[documents.STRUCTURAL])
        self.annotations = Lookup(database[documents.ANNOTATIONS], {"r": 1})

    async def windows(self, plan: Plan, shared: SharedRanges) -> AsyncIterator[Window]:
        """All alleles of a dataset that fit, in the order of the genome, structural ones last."""
        query = plan.query
        ids = [query.entry_id] if query.entry_type == "genomicVariant" and query.entry_id else []
        if query.within is not None and query.within.entry_type == "genomicVariant":
            ids.append(query.within.id)
        condition = plan.variation
        exact = exact_allele(condition) if condition is not None else None
        if ids:
            yield await self._by_id(plan, ids)
        elif any(not _is_about_type(one) for one in plan.variant_filters) or (
            condition is not None and (condition.aminoacid_change or condition.short_form)
        ):
            yield await self._annotated(plan, condition, shared)
        elif plan.variant_filters:
            # Only the type is asked for, which alleles have without any annotation.
            bare = replace(plan, filters=plan.people_filters)
            async for window in self.windows(bare, shared):
                records = await self.records(plan.dataset, window.all())
                yield await self._checked(plan, window, records)
        elif condition is None:
            async for window in self._everywhere(plan, ANYTHING):
                yield window
        elif exact is not None and not condition.gene_id:
            yield await self._exact(plan.dataset, condition, exact)
        else:
            async for window in self._positional(plan, condition, shared):
                yield window

    # Where to look ------------------------------------------------------------------------------

    async def _exact(
        self, dataset: Dataset, condition: VariationCondition, exact: tuple[int, str, str]
    ) -> Window:
        name = condition.reference_name or ""
        code = chromosome_code(name)
        window = Window()
        block = await self._newest(dataset, code, exact[0] >> dataset.shift)
        index = None if block is None else block.find(*exact)
        if (
            block is not None
            and index is not None
            and block.is_observed(index)
            and (_is_plain(condition) or condition.matches_allele(block.allele(index, name)))
        ):
            window.blocks.append((block, np.array([index])))
        if dataset.typed_alleles or (dataset.long_alleles and is_long(*exact[1:])):
            start, reference_bases, alternate_bases = exact
            key = f"{dataset.structural:05}|{code}:{start}:{reference_bases}:{alternate_bases}"
            asked = {"_id": {"$gte": key, "$lt": key + ";"}, "o": True}  # with a type, or without
            cursor = self._database[documents.STRUCTURAL].find(asked).sort("_id", 1)
            found = [Structural(document) for document in await cursor.to_list()]
            window.structural += [one for one in found if condition.matches_allele(one.allele)]
        return window

    async def _newest(self, dataset: Dataset, code: int, number: int) -> Block | None:
        slots = dataset.slots_of.get(code, ())
        keys = [block_id(dataset.shift, code, number, slot) for slot in slots]
        if len(keys) == 1:
            document = await self.blocks.get(keys[0])
            return None if document is None else Block(document)
        found = await self.blocks.get_many(keys)
        return Block(found[max(found)]) if found else None

    async def _positional(
        self, plan: Plan, condition: VariationCondition, shared: SharedRanges
    ) -> AsyncIterator[Window]:
        region = condition.gene_region
        name = condition.reference_name or (region[0] if region else None)
        dataset = plan.dataset
        by_gene_only = condition.kind == "gene"
        if name is None and not (by_gene_only and region is None):
            async for window in self._everywhere(plan, condition):
                yield window
            return
        seen: set[str] = set()
        annotated = (
            await self._annotated_with_gene(plan, condition) if condition.gene_id else Window()
        )
        if name is not None and not (condition.gene_id and region is None):
            extent = span(condition)
            async for blocks in self._stretches(dataset, chromosome_code(name), extent, shared):
                chosen = [(block, select(block, condition, name)) for block in blocks]
                if condition.gene_id:
                    seen.update(_keys_of(chosen, name))
                yield Window([one for one in chosen if len(one[1])])
            if dataset.structural:
                window = await self._structural(dataset, condition)
                seen.update(allele_key(one.allele) for one in window.structural)
                yield window
        # Annotated with the gene but lying outside of it, such as upstream.
        if condition.gene_id:
            yield _without(annotated, seen)

    async def _everywhere(self, plan: Plan, condition: VariationCondition) -> AsyncIterator[Window]:
        dataset = plan.dataset
        name = condition.reference_name
        codes = [chromosome_code(name)] if name else sorted(dataset.slots_of)
        for code in codes:
            async for blocks in self._stretches(dataset, code, None, None):
                chosen = [(block, select(block, condition, NAME_OF_CODE[code])) for block in blocks]
                yield Window([one for one in chosen if len(one[1])])
        if dataset.structural:
            yield await self._structural(dataset, condition)

    async def _stretches(
        self,
        dataset: Dataset,
        code: int,
        extent: tuple[int, int] | None,
        shared: SharedRanges | None,
    ) -> AsyncIterator[list[Block]]:
        """Blocks of a stretch of the genome, the newest of each bin, some at a time."""
        slots = dataset.slots_of.get(code, ())
        if not slots:
            return
        low, high = (
            (0, 0xFFFFFF)
            if extent is None
            else (extent[0] >> dataset.shift, extent[1] >> dataset.shift)
        )
        if high - low < 4:
            keys = [
                block_id(dataset.shift, code, number, slot)
                for number in range(low, high + 1)
                for slot in slots
            ]
            found = await self.blocks.get_many(keys)
            yield newest_of_bins([found[key] for key in sorted(found)])
            return
        if shared is not None and high - low <= shared.bins_max:
            ranged = await shared.read(dataset, code, low, high)
            yield newest_of_bins([one for one in ranged if one["l"] in slots])
            return
        cursor = self._database[documents.BLOCKS].find(
            {
                "_id": {
                    "$gte": block_id(dataset.shift, code, low, 0),
                    "$lte": block_id(dataset.shift, code, high, documents.SLOT_MAX),
                },
                "l": {"$in": list(slots)},
            }
        )
        waiting: list[Document] = []
        async for document in cursor.sort("_id", 1):
            same_bin = waiting and bin_key(waiting[-1]["_id"]) == bin_key(document["_id"])
            if len(waiting) >= _WINDOW_BLOCKS and not same_bin:
                yield newest_of_bins(waiting)
                waiting = []
            waiting.append(document)
        if waiting:
            yield newest_of_bins(waiting)

    async def _structural(self, dataset: Dataset, condition: VariationCondition) -> Window:
        asked = structural_question(dataset.structural or 0, condition)
        found = await self._database[documents.STRUCTURAL].find(asked).sort("_id", 1).to_list()
        window = Window(structural=[Structural(document) for document in found])
        window.structural = [
            one for one in window.structural if _matches_but_gene_text(condition, one.allele)
        ]
        return window

    async def _by_id(self, plan: Plan, ids: Sequence[str]) -> Window:
        """The alleles whose id it is: as their record says, or as made of what they are."""
        dataset = plan.dataset
        keys: set[str] = set()
        named: dict[str, str] = {}
        if dataset.annotations is not None:
            cursor = self._database[documents.ANNOTATIONS].find(
                {"l": dataset.annotations, "ids": {"$in": list(ids)}}, {"key": 1, "id": 1}
            )
            for document in await cursor.to_list():
                if document["id"] in ids:
                    keys.add(document["key"])
        for one in ids:
            parsed = parse_internal_id(one)
            if parsed is not None and parsed[0] == dataset.assembly:
                key = allele_key(parsed[1])
                keys.add(key)
                named[key] = one
        window = await self._by_keys(dataset, keys)
        records = await self.records(dataset, window.all())
        return await self._checked(plan, window, records, ids)

    async def _checked(
        self,
        plan: Plan,
        window: Window,
        records: Mapping[str, Record],
        ids: Sequence[str] = (),
    ) -> Window:
        """Those alleles that everything asked of alleles holds for, annotations included."""
        assembly = plan.dataset.assembly or ""
        condition = plan.variation

        def fits(found: Found) -> bool:
            allele = found.allele
            record = records.get(allele_key(allele))
            if ids and variant_id(allele, assembly, record) != ids[0]:
                return False
            if len(ids) > 1 and ids[1] != ids[0]:
                return False
            if condition is not None and not condition.matches(allele, record):
                return False
            return all(_variant_satisfies(record, allele, one) for one in plan.variant_filters)

        return Window(
            [
                (block, np.array(kept))
                for block, indexes in window.blocks
                if (kept := [int(index) for index in indexes if fits(Packed(block, int(index)))])
            ],
            [one for one in window.structural if fits(one)],
        )

    async def _annotated(
        self, plan: Plan, condition: VariationCondition | None, shared: SharedRanges
    ) -> Window:
        """Alleles that are found by what their records say, or by the name that is asked for."""
        named: set[str] = set()
        for one in condition.named if condition is not None else ():
            async for window in self.windows(replace(plan, filters=(), variation=one), shared):
                named.update(allele_key(found.allele) for found in window.all())
        records = await self._records_asked_for(plan, condition)
        window = await self._by_keys(plan.dataset, named.union(records))
        if named:
            records = await self.records(plan.dataset, window.all())
        return await self._checked(plan, window, records)

    async def _records_asked_for(
        self, plan: Plan, condition: VariationCondition | None
    ) -> dict[str, Record]:
        """The records, by allele key, that may say what is asked for."""
        dataset = plan.dataset
        if dataset.annotations is None:
            return {}
        asked: list[Document] = []
        if condition is not None:
            if condition.short_form:
                asked.append({"ids": condition.short_form})
            if condition.aminoacid_change:
                asked.append({"aa": condition.aminoacid_change})
            if condition.reference_name:
                asked.append({"c": chromosome_code(condition.reference_name)})
        for one in plan.variant_filters:
            if filters.is_alphanumeric(one.asked):
                if _is_about_type(one):
                    continue  # every allele has one
                labels = {field.id: field.label for field in FIELDS["genomicVariant"]}
                names = filters.find_attributes("genomicVariant", one.asked.id, labels)
                asked.append({"x": {"$in": sorted(names)}})
            else:
                asked.append({"t": {"$in": sorted(one.accepted)}})
        cursor = self._database[documents.ANNOTATIONS].find(
            {"l": dataset.annotations, "$and": asked}, {"key": 1, "r": 1}
        )
        return {
            document["key"]: msgspec.json.decode(document["r"])
            for document in await cursor.to_list()
        }

    async def _annotated_with_gene(self, plan: Plan, condition: VariationCondition) -> Window:
        dataset = plan.dataset
        if dataset.annotations is None:
            return Window()
        cursor = self._database[documents.ANNOTATIONS].find(
            {"l": dataset.annotations, "g": condition.gene_id}, {"key": 1, "r": 1}
        )
        records = {
            document["key"]: msgspec.json.decode(document["r"])
            for document in await cursor.to_list()
        }
        window = await self._by_keys(dataset, records)
        return await self._checked(plan, window, records)

    async def _by_keys(self, dataset: Dataset, keys: Iterable[str]) -> Window:
        """Observed alleles by key, in the order of the genome."""
        packed: list[tuple[int, int, str, str]] = []
        bulky: list[str] = []
        for key in keys:
            parts = key.split(":")
            code, start = int(parts[0]), int(parts[1])
            if len(parts) == 4 and not parts[2].isdigit():
                packed.append((code, start, parts[2], parts[3]))
                if not is_long(parts[2], parts[3]):
                    continue
            bulky.append(key)
        window = Window()
        wanted = {(code, start >> dataset.shift) for code, start, _, _ in packed}
        block_of: dict[tuple[int, int], Block] = {}
        ids = {
            block_id(dataset.shift, code, number, slot): (code, number)
            for code, number in wanted
            for slot in dataset.slots_of.get(code, ())
        }
        for identifier, document in sorted((await self.blocks.get_many(ids)).items()):
            block_of[ids[identifier]] = Block(document)  # ascending: the newest slot comes last
        chosen: dict[tuple[int, int], list[int]] = {}
        for code, start, reference_bases, alternate_bases in packed:
            place = (code, start >> dataset.shift)
            block = block_of.get(place)
            index = None if block is None else block.find(start, reference_bases, alternate_bases)
            if block is not None and index is not None and block.is_observed(index):
                chosen.setdefault(place, []).append(index)
        window.blocks = [
            (block_of[place], np.array(sorted(chosen[place]))) for place in sorted(chosen)
        ]
        if dataset.structural and bulky:
            found = await self.structural.get_many(
                f"{dataset.structural:05}|{key}" for key in bulky
            )
            window.structural = [Structural(found[key]) for key in sorted(found) if found[key]["o"]]
        return window

    # What was found -----------------------------------------------------------------------------

    async def records(self, dataset: Dataset, found: Iterable[Found]) -> dict[str, Record]:
        """The records that alleles were loaded with, by allele key."""
        if dataset.annotations is None:
            return {}
        keys = [f"{dataset.annotations:05}|{allele_key(one.allele)}" for one in found]
        documents_found = await self.annotations.get_many(keys)
        return {
            key.partition("|")[2]: msgspec.json.decode(document["r"])
            for key, document in documents_found.items()
        }

    async def carriers(self, window: Window) -> Carriers:
        """Who carries the alleles of a window: one look-up for the rare, one for the common."""
        rare_keys = []
        dense_keys = []
        for block, indexes in window.blocks:
            common = block.column("flags")[indexes] & COMMON > 0
            if not common.all():
                rare_keys.append(block.document_id)
            dense_keys += [block.dense_key(int(index)) for index in indexes[common]]
        rare = await self.rare.get_many(rare_keys) if rare_keys else {}
        dense = await self.dense.get_many(dense_keys) if dense_keys else {}
        return Carriers(rare, dense)


ANYTHING = VariationCondition(assembly="", kind="any")


def variant_id(allele: Allele, assembly: str, record: Record | None) -> str:
    """The `variantInternalId` of an allele: its record's, else one made of what it is."""
    given = (record or {}).get("variantInternalId")
    return given if isinstance(given, str) and given else internal_id(allele, assembly)


def _is_plain(condition: VariationCondition) -> bool:
    return (
        condition.types is None
        and condition.min_length is None
        and condition.max_length is None
        and condition.gene_region is None
    )


def _matches_but_gene_text(condition: VariationCondition, allele: Allele) -> bool:
    if not condition.matches_allele(allele):
        return False
    if condition.gene_region is None:
        return True
    name, gene_start, gene_end = condition.gene_region
    start, end = allele.footprint
    return allele.reference_name == name and start < gene_end and end > gene_start


def _is_about_type(one: Alternative) -> bool:
    named = FIELD_BY_NAME["genomicVariant"].get(one.asked.id)
    return filters.is_alphanumeric(one.asked) and named is not None and named.id == "variantType"


def _variant_satisfies(record: Record | None, allele: Allele, one: Alternative) -> bool:
    # What is said of an allele that came with genotypes does not say what it is.
    known = {"variation": {"variantType": allele.variant_type}, **(record or {})}
    return record_satisfies("genomicVariant", known, one)


def _keys_of(chosen: Sequence[tuple[Block, Indexes]], name: str) -> Iterable[str]:
    for block, indexes in chosen:
        for index in indexes:
            yield allele_key(block.allele(int(index), name))


def _without(window: Window, seen: set[str]) -> Window:
    if not seen:
        return window
    blocks = []
    for block, indexes in window.blocks:
        kept = [
            int(index)
            for index in indexes
            if allele_key(Packed(block, int(index)).allele) not in seen
        ]
        if kept:
            blocks.append((block, np.array(kept)))
    return Window(blocks, [one for one in window.structural if allele_key(one.allele) not in seen])
