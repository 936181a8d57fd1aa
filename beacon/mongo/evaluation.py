"""One dataset's answer to one plan: set algebra over rows, and a page of records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import msgspec
from pyroaring import BitMap

from beacon.framework.access import Access
from beacon.framework.answer import Basis, Record, ResultSet
from beacon.framework.query import Query
from beacon.model.links import visible
from beacon.model.ontology import Ontologies
from beacon.model.reference import References
from beacon.mongo import documents
from beacon.mongo.asked_rows import AskedRows
from beacon.mongo.collections import Collections
from beacon.mongo.documents import record_id
from beacon.mongo.enough import individuals_of, people_of_entries
from beacon.mongo.fetch import Lookup
from beacon.mongo.fitting import Fitting
from beacon.mongo.frequencies import Frequencies
from beacon.mongo.layers import AsyncDocuments, Dataset, Layers
from beacon.mongo.parts import part_of
from beacon.mongo.plan import ROW_SCOPES, VARIANT, Plan
from beacon.mongo.ranges import SharedRanges
from beacon.mongo.rows import ordinals_page, project
from beacon.mongo.scan import Scan
from beacon.mongo.similar import PlannedCase, Similar, Similarities
from beacon.mongo.stored_alleles import Alleles
from beacon.mongo.tally import Tally
from beacon.mongo.variants import Variants


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
        self._layers = layers
        self._page_max = page_max
        self._records = Lookup(database[documents.RECORDS], {"r": 1})
        alleles = Alleles(database)
        scan = Scan(database, alleles)
        self._fitting = Fitting(scan, alleles, layers)
        self._similarities = Similarities(layers, scan, alleles)
        self._asked = AskedRows(database, layers, self._fitting)
        self._collections = Collections(layers, self._asked, self._fitting)
        self._variants = Variants(
            alleles,
            layers,
            self._fitting,
            Frequencies(database),
            references=references,
            case_level_data_max=case_level_data_max,
        )

    def prepare(self, datasets: Iterable[Dataset], ontologies: Ontologies) -> None:
        """Begin what would otherwise be done when the first case is asked."""
        self._similarities.prepare(datasets, ontologies)

    async def result_set(self, plan: Plan, access: Access, shared: SharedRanges) -> ResultSet:
        """What one dataset has."""
        query = plan.query
        if plan.impossible:
            return ResultSet(dataset_id=plan.dataset.id, count=0)
        is_protected = bool(access.protections.get(plan.dataset.id))
        rows, own = await self._asked.rows(plan, shared)
        wants_records = query.wants_records and access.shows_records(query, plan.dataset.id)
        similar: Similar | None = None
        if plan.case is not None:
            similar = await self._similarities.found(plan, plan.case, shared)
            alike = await self._similarities.rows(plan, similar)
            rows = alike if rows is None else rows & alike
        if query.entry_type == VARIANT:
            offset, limit = self.offset_and_limit(query)
            return await self._variants.result_set(
                plan,
                rows,
                access,
                shared,
                offset=offset,
                limit=limit,
                wants_records=wants_records,
            )
        simple = rows is None and own is None and query.entry_id is None and not wants_records
        simple = simple and plan.tally is None
        if plan.concerns_alleles:
            by_size = plan.zygosities is None and not plan.dataset.withdrawn
            by_size = by_size and (plan.dataset.rows_are_individuals or not is_protected)
            if simple and by_size and _rows_are(plan):
                count = await self._fitting.count_single(plan, shared)
                if count is not None:
                    basis = _basis(plan, count) if is_protected else None
                    return ResultSet(dataset_id=plan.dataset.id, count=count, basis=basis)
            rows = await self._fitting.carriers(plan, rows, shared)
        count, ordinals = await project(self._layers, plan, rows, own)
        if query.entry_id is not None:
            ordinal = await self._asked.ordinal(plan, query.entry_type, query.entry_id)
            present = ordinal is not None and (ordinals is None or ordinal in ordinals)
            ordinals = [ordinal] if present and ordinal is not None else []
            count = len(ordinals)
        if plan.tally is not None and ordinals is not None:
            count, ordinals = await self._tallied(plan, plan.tally, count, ordinals)
        records: tuple[Record, ...] = ()
        if wants_records and count:
            if plan.case is not None and similar is not None:
                records = await self._most_similar(plan, plan.case, similar, ordinals)
            else:
                records = await self._page(plan, count, ordinals, access)
        basis = None
        if is_protected:
            basis = await self._basis_of(plan, count, ordinals)
        if plan.tally is not None:
            plan.tally.basis = basis
        return ResultSet(dataset_id=plan.dataset.id, count=count, records=records, basis=basis)

    async def members(
        self, plan: Plan, access: Access, shared: SharedRanges
    ) -> tuple[list[Record], Basis | None]:
        """The dataset's record, or its cohorts' records, that satisfy everything that is asked."""
        return await self._collections.members(plan, access, shared)

    def offset_and_limit(self, query: Query) -> tuple[int, int]:
        """Records before the page, and records on it at most."""
        return query.pagination.offset, min(
            query.pagination.limit or self._page_max, self._page_max
        )

    async def _tallied(
        self, plan: Plan, tally: Tally, count: int, ordinals: Sequence[int] | BitMap
    ) -> tuple[int, Sequence[int] | BitMap | None]:
        """The entries that are to be counted, whose people are noted."""
        members = await individuals_of(self._layers, plan, ordinals)
        tally.counted(members, count)
        instead = None if tally.guard is None else tally.guard.people(tally, members)
        if instead is None:
            return count, ordinals
        rows = tally.rows_of(instead) - (plan.withdrawn or BitMap())
        return await project(self._layers, plan, rows, None)

    async def _basis_of(
        self, plan: Plan, count: int, ordinals: Sequence[int] | BitMap | None
    ) -> Basis:
        part = await part_of(self._layers, plan, count, ordinals)
        if plan.query.entry_type == "individual":
            return msgspec.structs.replace(_basis(plan, count), part=part)
        size = plan.dataset.counts[plan.query.entry_type]
        people = await people_of_entries(self._layers, plan, count, ordinals)
        left = BitMap() if ordinals is None else BitMap(range(size)) - BitMap(ordinals)
        others = await people_of_entries(self._layers, plan, len(left), left)
        return Basis(
            people=people,
            size=size,
            others=others,
            part=part,
            filtered=plan.query.chooses_people,
        )

    async def _most_similar(
        self,
        plan: Plan,
        case: PlannedCase,
        similar: Similar,
        ordinals: Sequence[int] | BitMap | None,
    ) -> tuple[Record, ...]:
        """A page of those who are similar, most similar first."""
        roster = await self._layers.roster(plan.dataset.metadata)
        names, scores = roster.individuals, similar.scores
        offset, limit = self.offset_and_limit(plan.query)
        ranked = sorted(ordinals or (), key=lambda one: (-scores.get(one, 0.0), names[one]))
        chosen = ranked[offset : offset + limit]
        return tuple(await self._similarities.described(plan, case, similar, chosen))

    async def _page(
        self, plan: Plan, count: int, ordinals: Sequence[int] | BitMap | None, access: Access
    ) -> tuple[Record, ...]:
        offset, limit = self.offset_and_limit(plan.query)
        entry_type = plan.query.entry_type
        given: Sequence[int] | BitMap = range(count) if ordinals is None else ordinals
        if entry_type in ROW_SCOPES and access.protects_people(plan.dataset.id):
            # Where records were loaded one by one, rows are in the order of who carries what.
            roster = await self._layers.roster(plan.dataset.metadata)
            names = roster.individuals if entry_type == "individual" else roster.biosamples
            given = sorted(given, key=names.__getitem__)
        chosen = ordinals_page(given, offset, limit)
        keys = [record_id(plan.dataset.metadata, entry_type, ordinal) for ordinal in chosen]
        found = await self._records.get_many(keys)
        level_of = partial(access.level, plan.dataset.id)
        return tuple(
            visible(entry_type, msgspec.json.decode(found[key]["r"]), level_of)
            for key in keys
            if key in found
        )


def _basis(plan: Plan, count: int) -> Basis:
    """Of entries each of which is of another person."""
    target = plan.query.entry_type
    size = plan.dataset.counts[target]
    others = None if target == "individual" else size - count
    return Basis(people=count, size=size, others=others, filtered=plan.query.chooses_people)


def _rows_are(plan: Plan) -> bool:
    target = plan.query.entry_type
    return (target == "individual" and plan.dataset.rows_are_individuals) or (
        target == "biosample" and plan.dataset.rows_are_biosamples
    )
