"""`MongoStore`: a national node's answers, as set algebra over what was loaded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from pymongo.errors import PyMongoError
from pyroaring import BitMap

from beacon.framework.access import Access
from beacon.framework.answer import (
    Answer,
    FilteringTerm,
    Record,
    ResultSet,
    Terms,
)
from beacon.framework.errors import DeadlineExceeded, SourceUnavailable
from beacon.framework.query import Granularity, Query
from beacon.framework.source import TermsQuery
from beacon.model import filters
from beacon.model.entry_types import MODEL
from beacon.model.fields import is_category
from beacon.model.ontology import Ontologies
from beacon.model.variation_query import check_reference, interpret, not_applicable
from beacon.mongo import documents
from beacon.mongo.alleles import allele_key
from beacon.mongo.blocks import COMMON
from beacon.mongo.documents import record_id
from beacon.mongo.fetch import Lookup
from beacon.mongo.layers import AsyncDocuments, Catalogue, Dataset, Entry, Layers
from beacon.mongo.plan import (
    ATTACHED_SCOPES,
    PEOPLE_SCOPES,
    VARIANT,
    Alternative,
    Plan,
    plan,
    touched,
)
from beacon.mongo.render import CaseLevel, codes_among, render_variant
from beacon.mongo.rows import (
    attachment,
    cohort_members,
    ordinals_page,
    people,
    project,
    record_satisfies,
)
from beacon.mongo.scan import Alleles, Carriers, Found, Packed, SharedRanges, Structural, Window
from beacon.mongo.sink import ontologies_from, reference_from

Region = tuple[str, int, int]


class MongoStore:
    """Answers from one database. Made and used within one event loop.

    Args:
        refresh_s: How old what is known of the published releases may be; 0 asks every time.
        page_max: Records of a result set at most, whatever was asked.
        case_level_data_max: Carriers that one variant record names at most.
        sets_max_bytes: Memory for filtering terms' sets and attributes.
    """

    def __init__(
        self,
        database: AsyncDocuments,
        *,
        refresh_s: float = 1.0,
        page_max: int = 1_000,
        case_level_data_max: int = 1_000,
        sets_max_bytes: int = 512 << 20,
    ) -> None:
        self._database = database
        self._refresh_s = refresh_s
        self._page_max = page_max
        self._case_level_data_max = case_level_data_max
        self._layers = Layers(database, sets_max_bytes=sets_max_bytes)
        self._alleles = Alleles(database)
        self._records = Lookup(database[documents.RECORDS], {"r": 1})
        self._datasets: dict[str, Dataset] = {}
        self._genes: dict[str, dict[str, Region]] = {}
        self._ontologies = Ontologies()
        self._reference_version: object = None
        self._refreshed_at = -1e9
        self._refreshing: asyncio.Task[None] | None = None

    # The source ---------------------------------------------------------------------------------

    async def search(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> Answer:
        """Answer one question; see `framework.source.Source`."""
        try:
            async with asyncio.timeout(deadline_s):
                return await self._search(query, access)
        except TimeoutError as error:
            raise DeadlineExceeded(
                "the question could not be answered in the time that was left; narrow it, "
                "or ask for less"
            ) from error
        except PyMongoError as error:
            raise SourceUnavailable("the database does not answer") from error

    async def filtering_terms(self, query: TermsQuery, access: Access) -> Terms:
        """The terms in use, over all datasets that the caller may filter."""
        try:
            await self._refresh()
            return await self._filtering_terms(query, access)
        except PyMongoError as error:
            raise SourceUnavailable("the database does not answer") from error

    async def check(self) -> None:
        """Return when the database answers."""
        try:
            await self._database.command("ping")
            await self._refresh()
        except PyMongoError as error:
            raise SourceUnavailable("the database does not answer") from error

    # Releases -----------------------------------------------------------------------------------

    async def _refresh(self) -> None:
        if time.monotonic() - self._refreshed_at < self._refresh_s:
            return
        if self._refreshing is None:
            self._refreshing = asyncio.ensure_future(self._read_manifests())
            self._refreshing.add_done_callback(self._refreshed)
        # With something to go on, a question does not wait for news unless it must be the newest.
        await asyncio.shield(self._refreshing)

    def _refreshed(self, task: asyncio.Task[None]) -> None:
        self._refreshing = None
        if not task.cancelled() and task.exception() is None:
            self._refreshed_at = time.monotonic()

    async def _read_manifests(self) -> None:
        found = await self._database[documents.MANIFESTS].find().sort("_id", 1).to_list()
        known = self._datasets
        datasets = {}
        for manifest in found:
            old = known.get(manifest["_id"])
            # A dataset that was dropped and loaded anew starts its releases again.
            same = ("release", "created")
            if old is not None and all(getattr(old, one) == manifest[one] for one in same):
                datasets[old.id] = old
                continue
            datasets[manifest["_id"]] = Dataset.of(manifest)
        version = (
            await self._database[documents.REFERENCE]
            .find({"part": 0}, {"version": 1})
            .sort("_id", 1)
            .to_list()
        )
        if version != self._reference_version:
            await self._read_reference()
            self._reference_version = version
        self._datasets = datasets
        if any(known.get(one) is not datasets[one] for one in datasets) or len(known) > len(
            datasets
        ):
            kept = {one.metadata for one in datasets.values()}
            kept |= {one.annotations for one in datasets.values() if one.annotations}
            self._layers.forget(frozenset(kept))

    async def _read_reference(self) -> None:
        stored = await self._database[documents.REFERENCE].find().sort("_id", 1).to_list()

        def read() -> tuple[dict[str, dict[str, Region]], Ontologies]:
            genes = {
                name: msgspec.json.decode(data, type=dict[str, Region])
                for name, data in reference_from(stored, "genes")
            }
            return genes, ontologies_from(reference_from(stored, "ontology"))

        self._genes, self._ontologies = await asyncio.to_thread(read)

    def _gene(self, assembly: str, symbol: str) -> Region | None:
        return self._genes.get(assembly, {}).get(symbol)

    # Search -------------------------------------------------------------------------------------

    async def _search(self, query: Query, access: Access) -> Answer:
        await self._refresh()
        for asked in query.filters:
            if filters.is_alphanumeric(asked):
                # What makes no sense is refused, whatever there is to compare it with.
                filters.compile_comparison(asked)
        known = self._datasets
        asked_ids = [one for one in known if _is_asked(one, query)]
        datasets = [known[one] for one in access.datasets(asked_ids, touched(query))]
        if query.variation is not None:
            served = {dataset.assembly for dataset in datasets if dataset.assembly}
            check_reference(query.variation, served)
        plans = await asyncio.gather(*(self._plan(query, one, access) for one in datasets))
        shared = SharedRanges(self._database, [one.dataset for one in plans])
        if query.entry_type in ("dataset", "cohort"):
            return await self._collections(query, plans, access, shared)
        found = await asyncio.gather(*(self._result_set(one, access, shared) for one in plans))
        return Answer(result_sets=tuple(found))

    async def _plan(self, query: Query, dataset: Dataset, access: Access) -> Plan:
        sources = await self._sources(dataset, access) if query.filters else {}
        condition = None
        reason = None
        if query.variation is not None:
            if dataset.assembly is None:
                reason = "this dataset has no genomic variation"
            else:
                condition = interpret(query.variation, dataset.assembly, self._gene)
                if condition is None:
                    reason = not_applicable(query.variation, dataset.assembly)
        made = plan(query, dataset, sources, self._ontologies, condition)
        return made if reason is None else replace(made, impossible=True, reason=reason)

    async def _sources(self, dataset: Dataset, access: Access) -> dict[str, Catalogue]:
        """What can be filtered by, in those entry types that the caller may read."""
        people_terms = await self._layers.catalogue(dataset.metadata)
        sources = dict.fromkeys(PEOPLE_SCOPES, people_terms)
        sources[VARIANT] = await self._variant_catalogue(dataset)
        cohorts = await self._layers.cohorts(dataset.metadata)
        for entry_type, records in (("dataset", [dataset.record]), ("cohort", cohorts)):
            sources[entry_type] = catalogue_of_records(entry_type, records, self._ontologies)
        return {
            scope: source
            for scope, source in sources.items()
            if access.level(dataset.id, scope) > Granularity.NONE
        }

    async def _variant_catalogue(self, dataset: Dataset) -> Catalogue:
        annotated = _EMPTY_CATALOGUE
        if dataset.annotations is not None:
            annotated = await self._layers.catalogue(dataset.annotations)
        attributes = dict(annotated.attributes.get(VARIANT, {}))
        if dataset.observed:
            attributes.setdefault("variantType", _VARIANT_TYPE)
        return Catalogue(annotated.terms, {VARIANT: attributes})

    async def _result_set(self, plan: Plan, access: Access, shared: SharedRanges) -> ResultSet:
        query = plan.query
        if plan.impossible:
            info = {"notApplicable": plan.reason} if plan.reason else None
            return ResultSet(dataset_id=plan.dataset.id, count=0, info=info)
        rows, own = await self._people(plan, shared)
        wants_records = (
            query.wants_records
            and access.level(plan.dataset.id, query.entry_type) is Granularity.RECORD
        )
        if query.entry_type == VARIANT:
            return await self._variants(plan, rows, access, shared, wants_records=wants_records)
        simple = rows is None and own is None and query.entry_id is None and not wants_records
        if plan.concerns_alleles:
            if simple and plan.zygosities is None and self._rows_are(plan):
                count = await self._count_single(plan, shared)
                if count is not None:
                    return ResultSet(dataset_id=plan.dataset.id, count=count)
            rows = await self._carriers(plan, rows, shared)
        count, ordinals = await project(self._layers, plan, rows, own)
        if query.entry_id is not None:
            ordinal = await self._ordinal(plan, query.entry_type, query.entry_id)
            present = ordinal is not None and (ordinals is None or ordinal in ordinals)
            ordinals = [ordinal] if present and ordinal is not None else []
            count = len(ordinals)
        records: tuple[Record, ...] = ()
        if wants_records and count:
            records = await self._page(plan, count, ordinals)
        return ResultSet(dataset_id=plan.dataset.id, count=count, records=records)

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
        return BitMap(np.flatnonzero(of_row == ordinal).astype(np.uint32))

    async def _ordinal(self, plan: Plan, entry_type: str, entry_id: str) -> int | None:
        found = await self._database[documents.RECORDS].find_one(
            {"l": plan.dataset.metadata, "t": entry_type, "id": entry_id}, {"_id": 1}
        )
        return None if found is None else documents.ordinal_of(found["_id"])

    async def _page(
        self, plan: Plan, count: int, ordinals: Sequence[int] | BitMap | None
    ) -> tuple[Record, ...]:
        offset, limit = self._offset_and_limit(plan.query)
        chosen = ordinals_page(range(count) if ordinals is None else ordinals, offset, limit)
        entry_type = plan.query.entry_type
        keys = [record_id(plan.dataset.metadata, entry_type, ordinal) for ordinal in chosen]
        found = await self._records.get_many(keys)
        return tuple(msgspec.json.decode(found[key]["r"]) for key in keys if key in found)

    def _offset_and_limit(self, query: Query) -> tuple[int, int]:
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
        return int(one.block.column("carriers")[one.index])

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
                for index in indexes:
                    if flags[index] & COMMON:
                        common |= carriers.common_rows(block, int(index), zygosities)
                        continue
                    _see(seen, rare.of(int(index)), zygosities)
            for one in window.structural:
                _see(seen, carriers.codes(one), zygosities)
        rows = common | BitMap(np.flatnonzero(seen).astype(np.uint32))
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
        if everything and not wants_records:
            return ResultSet(dataset_id=dataset.id, count=dataset.observed)
        offset, limit = self._offset_and_limit(query)
        count = 0
        page: list[tuple[Found, Any]] = []
        table = None
        if rows is not None:
            if not rows:
                return ResultSet(dataset_id=dataset.id, count=0)
            table = np.zeros(dataset.rows, bool)
            table[np.array(rows)] = True
        async for window in self._alleles.windows(plan, shared):
            if not unconditional:
                carriers = await self._alleles.carriers(window)
                window = _carried(window, carriers, rows, table, plan.zygosities)
            for block, indexes in window.blocks:
                if wants_records and count < offset + limit:
                    low, high = max(offset - count, 0), offset + limit - count
                    page += [(Packed(block, int(index)), None) for index in indexes[low:high]]
                count += len(indexes)
            for one in window.structural:
                if wants_records and offset <= count < offset + limit:
                    page.append((one, None))
                count += 1
            if everything and len(page) >= limit:
                count = dataset.observed
                break
        records: tuple[Record, ...] = ()
        if page:
            records = await self._render(plan, [found for found, _ in page], rows, access)
        return ResultSet(dataset_id=dataset.id, count=count, records=records)

    async def _render(
        self, plan: Plan, found: Sequence[Found], rows: BitMap | None, access: Access
    ) -> tuple[Record, ...]:
        dataset = plan.dataset
        loaded = await self._alleles.records(dataset, found)
        case_level = None
        carriers = None
        if access.level(dataset.id, "biosample") is Granularity.RECORD:
            roster = await self._layers.roster(dataset.metadata)
            case_level = CaseLevel(access, dataset, roster, self._case_level_data_max)
            window = Window(
                [(one.block, np.array([one.index])) for one in found if isinstance(one, Packed)]
            )
            carriers = await self._alleles.carriers(window)
        rendered = []
        for one in found:
            codes = None
            if carriers is not None:
                codes = codes_among(carriers.codes(one), rows, plan.zygosities)
            record = loaded.get(_key(one))
            rendered.append(render_variant(one, record, codes, dataset, case_level))
        return tuple(rendered)

    # Collections --------------------------------------------------------------------------------

    async def _collections(
        self, query: Query, plans: Sequence[Plan], access: Access, shared: SharedRanges
    ) -> Answer:
        """Datasets or cohorts: one page over all of them together."""
        found = await asyncio.gather(*(self._members(one, access, shared) for one in plans))
        offset, limit = self._offset_and_limit(query)
        seen = 0
        result_sets = []
        for one, records in zip(plans, found, strict=True):
            shown: tuple[Record, ...] = ()
            if access.level(one.dataset.id, query.entry_type) is Granularity.RECORD:
                low, high = max(offset - seen, 0), max(offset + limit - seen, 0)
                shown = tuple(records[low:high]) if query.wants_records else ()
                seen += len(records)
            info = {"notApplicable": one.reason} if one.reason else None
            result_sets.append(
                ResultSet(dataset_id=one.dataset.id, count=len(records), records=shown, info=info)
            )
        return Answer(result_sets=tuple(result_sets))

    async def _members(self, plan: Plan, access: Access, shared: SharedRanges) -> list[Record]:
        """The dataset's record, or its cohorts' records, that satisfy everything that is asked."""
        query = plan.query
        if plan.impossible:
            return []
        own_scope = query.entry_type
        own = [one for one in plan.filters if one.scopes == (own_scope,)]
        others = replace(plan, filters=tuple(one for one in plan.filters if one not in own))
        rows, _ = await self._people(others, shared)
        restricted = rows is not None or others.concerns_alleles
        if others.concerns_alleles:
            if own_scope == "dataset" and rows is None and plan.zygosities is None:
                return self._own(plan, own) if await self._any_allele(others, shared) else []
            rows = await self._carriers(others, rows, shared)
        if own_scope == "dataset":
            return self._own(plan, own) if not restricted or rows else []
        cohorts = []
        for cohort in await self._layers.cohorts(plan.dataset.metadata):
            if query.entry_id is not None and cohort["id"] != query.entry_id:
                continue
            if not all(record_satisfies("cohort", cohort, one) for one in own):
                continue
            if restricted:
                members = await cohort_members(self._layers, plan, str(cohort["id"]))
                if not rows or not members.intersect(rows):
                    continue
            cohorts.append(cohort)
        return cohorts

    @staticmethod
    def _own(plan: Plan, own: Sequence[Any]) -> list[Record]:
        record = plan.dataset.record
        return [record] if all(record_satisfies("dataset", record, one) for one in own) else []

    async def _any_allele(self, plan: Plan, shared: SharedRanges) -> bool:
        async for window in self._alleles.windows(plan, shared):
            if window.structural or any(len(indexes) for _, indexes in window.blocks):
                return True
        return False

    # Filtering terms ----------------------------------------------------------------------------

    async def _filtering_terms(self, query: TermsQuery, access: Access) -> Terms:
        """The terms of a cohort are those of the datasets that hold it."""
        gathered: dict[tuple[str, str], tuple[set[str], set[str], list[str]]] = {}
        within = query.within
        for dataset in self._datasets.values():
            cohorts = await self._layers.cohorts(dataset.metadata)
            if within is not None:
                if access.level(dataset.id, within.entry_type) is Granularity.NONE:
                    continue
                ids = [dataset.id] if within.entry_type == "dataset" else [c["id"] for c in cohorts]
                if within.id not in ids:
                    continue
            for entry in await self._entries(dataset, cohorts):
                if (
                    entry.uses
                    and query.entry_type in (None, entry.scope)
                    and access.level(dataset.id, entry.scope) > Granularity.NONE
                ):
                    scopes, values, labels = gathered.setdefault(
                        (entry.kind, entry.id), (set(), set(), [])
                    )
                    scopes.add(entry.scope)
                    values.update(entry.values)
                    labels.append(entry.label)
        order = sorted(gathered, key=lambda key: (_TERM_TYPES.index(key[0]), key[1]))
        terms = [
            FilteringTerm(
                type=kind,
                id=name,
                label=self._ontologies.label(name)
                or next((label for label in gathered[kind, name][2] if label), None),
                scopes=tuple(one for one in MODEL_ORDER if one in gathered[kind, name][0]),
                values=tuple(sorted(gathered[kind, name][1])),
            )
            for kind, name in order
        ]
        resources = self._ontologies.resources(
            term.id for term in terms if term.type == "ontologyTerm"
        )
        start = query.pagination.offset
        stop = start + query.pagination.limit if query.pagination.limit else None
        return Terms(terms=tuple(terms[start:stop]), resources=resources)

    async def _entries(self, dataset: Dataset, cohorts: Sequence[Record]) -> list[Entry]:
        catalogues = [
            await self._layers.catalogue(dataset.metadata),
            await self._variant_catalogue(dataset),
            catalogue_of_records("dataset", [dataset.record], self._ontologies),
            catalogue_of_records("cohort", cohorts, self._ontologies),
        ]
        entries = [
            entry
            for catalogue in catalogues
            for where in (catalogue.terms, catalogue.attributes)
            for of_scope in where.values()
            for entry in of_scope.values()
        ]
        if dataset.slots_of or dataset.structural:
            entries += [
                Entry(VARIANT, term, "ontologyTerm", label, 1) for term, label in filters.ZYGOSITIES
            ]
        return entries


_EMPTY_CATALOGUE = Catalogue({}, {})
_VARIANT_TYPE = Entry(VARIANT, "variantType", "alphanumeric", "Variant type", 1)
"""Every allele has a type, annotated or not."""
MODEL_ORDER = tuple(one.id for one in MODEL.entry_types)
_TERM_TYPES = ("ontologyTerm", "alphanumeric", "custom")


def _is_asked(dataset_id: str, query: Query) -> bool:
    """Whether a question is to a dataset: by its list, or because its path names one."""
    if query.dataset_ids and dataset_id not in query.dataset_ids:
        return False
    within = query.within
    if within is not None and within.entry_type == "dataset" and within.id != dataset_id:
        return False
    return query.entry_type != "dataset" or query.entry_id in (None, dataset_id)


def catalogue_of_records(
    entry_type: str, records: Sequence[Record], ontologies: Ontologies
) -> Catalogue:
    """The terms and attributes of a few records, looked at as they are."""
    terms: dict[str, Entry] = {}
    attributes: dict[str, Entry] = {}
    for record in records:
        for kind, found in (
            ("ontologyTerm", filters.term_ids(entry_type, record)),
            ("custom", filters.custom_ids(entry_type, record)),
        ):
            for name, label in found.items():
                terms[name] = Entry(entry_type, name, kind, label or "", 1)
        for name, label, value in filters.attributes(entry_type, record):
            known = attributes.get(name)
            values = set(known.values) if known is not None else set()
            if value.text and is_category(entry_type, name):
                values.add(value.text)
            attributes[name] = Entry(
                entry_type, name, "alphanumeric", label or "", 1, values=tuple(sorted(values))
            )
    for name in list(terms):
        for ancestor in ontologies.ancestors(name):
            terms.setdefault(ancestor, Entry(entry_type, ancestor, "ontologyTerm", "", 0))
    return Catalogue({entry_type: terms}, {entry_type: attributes})


def _see(seen: Any, codes: Any, zygosities: frozenset[int] | None) -> None:
    if zygosities is not None:
        codes = codes[np.isin(codes & 3, list(zygosities))]
    seen[codes >> 2] = True


def _carried(
    window: Window,
    carriers: Carriers,
    rows: BitMap | None,
    table: Any,
    zygosities: frozenset[int] | None,
) -> Window:
    """The alleles of a window that somebody who counts carries."""

    def counts(codes: Any) -> bool:
        if zygosities is not None:
            codes = codes[np.isin(codes & 3, list(zygosities))]
        return bool(len(codes) if table is None else table[codes >> 2].any())

    blocks = []
    for block, indexes in window.blocks:
        rare = carriers.of_block(block)
        flags = block.column("flags")
        kept = []
        for index in indexes:
            if flags[index] & COMMON:
                common = carriers.common_rows(block, int(index), zygosities)
                if common.intersect(rows) if rows is not None else len(common):
                    kept.append(int(index))
            elif counts(rare.of(int(index))):
                kept.append(int(index))
        if kept:
            blocks.append((block, np.array(kept)))
    return Window(blocks, [one for one in window.structural if counts(carriers.codes(one))])


def _key(found: Found) -> str:
    return allele_key(found.allele)
