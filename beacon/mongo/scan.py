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
from beacon.mongo.blocks import Block
from beacon.mongo.found import NAME_OF_CODE, Found, Packed, Structural, Window
from beacon.mongo.layers import Dataset
from beacon.mongo.plan import Alternative, Plan
from beacon.mongo.predicates import Indexes, exact_allele, select, span
from beacon.mongo.ranges import SharedRanges
from beacon.mongo.rows import record_satisfies
from beacon.mongo.stored_alleles import Alleles

AsyncDocuments = AsyncDatabase[dict[str, Any]]
Document = dict[str, Any]


class Scan:
    """Finds the alleles that fit plans.

    Args:
        database: Where it is kept what is said of alleles.
        alleles: Reads what is found.
    """

    def __init__(self, database: AsyncDocuments, alleles: Alleles) -> None:
        self._database = database
        self._alleles = alleles

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
                records = await self._alleles.records(plan.dataset, window.all())
                yield await self._checked(plan, window, records)
        elif condition is None:
            async for window in self._everywhere(plan, ANYTHING):
                yield window
        elif exact is not None and not condition.gene_id:
            yield await self._exact(plan, condition, exact)
        else:
            async for window in self._positional(plan, condition, shared):
                yield window

    # Where to look ------------------------------------------------------------------------------

    async def _exact(
        self, plan: Plan, condition: VariationCondition, exact: tuple[int, str, str]
    ) -> Window:
        dataset = plan.dataset
        name = condition.reference_name or ""
        code = chromosome_code(name)
        window = Window()
        number = exact[0] >> dataset.shift
        if plan.tally is None:
            block = await self._alleles.newest(dataset, code, number)
        else:  # who carries it will be asked for
            read = await self._alleles.newest_with_carriers(dataset, code, number)
            block, window.rare = read
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
            async for stretch in self._alleles.stretches(
                dataset,
                chromosome_code(name),
                extent,
                shared,
                with_carriers=plan.tally is not None,
            ):
                chosen = [(block, select(block, condition, name)) for block in stretch.blocks]
                if condition.gene_id:
                    seen.update(_keys_of(chosen, name))
                yield Window([one for one in chosen if len(one[1])], rare=stretch.rare)
            if dataset.structural:
                window = await self._alleles.structural(dataset, condition)
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
            async for stretch in self._alleles.stretches(dataset, code, None, None):
                chosen = [
                    (block, select(block, condition, NAME_OF_CODE[code]))
                    for block in stretch.blocks
                ]
                yield Window([one for one in chosen if len(one[1])])
        if dataset.structural:
            yield await self._alleles.structural(dataset, condition)

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
        window = await self._alleles.by_keys(dataset, keys)
        records = await self._alleles.records(dataset, window.all())
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
        window = await self._alleles.by_keys(plan.dataset, named.union(records))
        if named:
            records = await self._alleles.records(plan.dataset, window.all())
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

    async def of_genes(self, dataset: Dataset, genes: Sequence[str]) -> dict[str, Record]:
        """The records, by allele key, that say that alleles are of these genes."""
        if dataset.annotations is None or not genes:
            return {}
        cursor = self._database[documents.ANNOTATIONS].find(
            {"l": dataset.annotations, "g": {"$in": list(genes)}}, {"key": 1, "r": 1}
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
        window = await self._alleles.by_keys(dataset, records)
        return await self._checked(plan, window, records)


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
