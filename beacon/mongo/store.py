"""`MongoStore`: a national node's answers, as set algebra over what was loaded."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from pymongo.errors import PyMongoError

from beacon.framework.access import Access
from beacon.framework.answer import Answer, Record, ResultSet, Terms
from beacon.framework.errors import DeadlineExceeded, SourceUnavailable
from beacon.framework.query import Granularity, Query
from beacon.framework.source import TermsQuery
from beacon.model import filters
from beacon.model.entry_types import NO_INDIVIDUALS, OF_PEOPLE
from beacon.model.liftover import applied
from beacon.model.reference import NO_REFERENCES, References
from beacon.model.variation_query import check_reference
from beacon.mongo.evaluation import Evaluation
from beacon.mongo.layers import AsyncDocuments, Dataset, Layers
from beacon.mongo.plan import Plan, plan, touched
from beacon.mongo.ranges import SharedRanges
from beacon.mongo.releases import Releases
from beacon.mongo.terms import filtering_terms

Value = TypeVar("Value")


class MongoStore:
    """Answers from one database. Made and used within one event loop.

    Args:
        refresh_s: How old what is known of the published releases may be; 0 asks every time.
        page_max: Records of a result set at most, whatever was asked.
        case_level_data_max: Carriers that one variant record names at most.
        sets_max_bytes: Memory for filtering terms' sets and attributes.
        references: Sequences of the assemblies, and the chains between them.
    """

    def __init__(
        self,
        database: AsyncDocuments,
        *,
        refresh_s: float = 1.0,
        page_max: int = 1_000,
        case_level_data_max: int = 1_000,
        sets_max_bytes: int = 512 << 20,
        references: References = NO_REFERENCES,
    ) -> None:
        self._database = database
        self._references = references
        self._layers = Layers(database, sets_max_bytes=sets_max_bytes)
        self._releases = Releases(database, self._layers, refresh_s)
        self._evaluation = Evaluation(
            database,
            self._layers,
            references=references,
            page_max=page_max,
            case_level_data_max=case_level_data_max,
        )

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
            await self._releases.refresh()
            return await filtering_terms(self._releases, self._layers, query, access)
        except PyMongoError as error:
            raise SourceUnavailable("the database does not answer") from error

    async def check(self) -> None:
        """Return when the database answers."""
        try:
            await self._database.command("ping")
            await self._releases.refresh()
        except PyMongoError as error:
            raise SourceUnavailable("the database does not answer") from error

    async def _search(self, query: Query, access: Access) -> Answer:
        await self._releases.refresh()
        for asked in query.filters:
            if filters.is_alphanumeric(asked):
                # What makes no sense is refused, whatever there is to compare it with.
                filters.compile_comparison(asked)
        known = self._releases.datasets
        asked_ids = [one for one in known if _is_asked(one, query)]
        datasets = [known[one] for one in access.datasets(asked_ids, touched(query))]
        if query.variation is not None:
            served = {dataset.assembly for dataset in datasets if dataset.assembly}
            check_reference(query.variation, served)
        plans = await _all(self._plan(query, one, access) for one in datasets)
        shared = SharedRanges(self._database, [one.dataset for one in plans])
        if query.entry_type in ("dataset", "cohort"):
            return await self._collections(query, plans, access, shared)
        found = await _all(self._evaluation.result_set(one, access, shared) for one in plans)
        return Answer(
            result_sets=tuple(
                msgspec.structs.replace(result_set, info=one.info)
                for one, result_set in zip(plans, found, strict=True)
            )
        )

    async def _plan(self, query: Query, dataset: Dataset, access: Access) -> Plan:
        sources = await self._releases.sources(dataset, access) if query.filters else {}
        condition = None
        info: Mapping[str, Any] | None = None
        if query.variation is not None:
            if dataset.assembly is None:
                info = {"notApplicable": "this dataset has no genomic variation"}
            else:
                condition, info = applied(
                    query.variation,
                    dataset.assembly,
                    self._releases.gene,
                    self._references,
                    normalised=dataset.normalised,
                )
        made = plan(query, dataset, sources, self._releases.ontologies, condition)
        impossible = made.impossible or (query.variation is not None and condition is None)
        if dataset.observed and dataset.rows <= dataset.empty_rows and info is None:
            # Counts of alleles do not say who else carries what: that is not "no".
            if query.entry_type in OF_PEOPLE:
                impossible = True
            if impossible:
                info = NO_INDIVIDUALS
        return replace(made, impossible=impossible, info=info)

    async def _collections(
        self, query: Query, plans: Sequence[Plan], access: Access, shared: SharedRanges
    ) -> Answer:
        """Datasets or cohorts: one page over all of them together."""
        found = await _all(self._evaluation.members(one, access, shared) for one in plans)
        offset, limit = self._evaluation.offset_and_limit(query)
        seen = 0
        result_sets = []
        for one, (records, basis) in zip(plans, found, strict=True):
            shown: tuple[Record, ...] = ()
            if access.level(one.dataset.id, query.entry_type) is Granularity.RECORD:
                low, high = max(offset - seen, 0), max(offset + limit - seen, 0)
                shown = tuple(records[low:high]) if query.wants_records else ()
                seen += len(records)
            result_sets.append(
                ResultSet(
                    dataset_id=one.dataset.id,
                    count=len(records),
                    records=shown,
                    info=one.info,
                    basis=basis,
                )
            )
        return Answer(result_sets=tuple(result_sets))


async def _all(asked: Iterable[Coroutine[Any, Any, Value]]) -> list[Value]:
    """What all of them give, in order: side by side when there are several."""
    waiting = list(asked)
    if len(waiting) == 1:
        return [await waiting[0]]
    return await asyncio.gather(*waiting)


def _is_asked(dataset_id: str, query: Query) -> bool:
    """Whether a question is to a dataset: by its list, or because its path names one."""
    if query.dataset_ids and dataset_id not in query.dataset_ids:
        return False
    within = query.within
    if within is not None and within.entry_type == "dataset" and within.id != dataset_id:
        return False
    return query.entry_type != "dataset" or query.entry_id in (None, dataset_id)
