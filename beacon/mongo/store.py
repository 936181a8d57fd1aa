"""`MongoStore`: a national node's answers, as set algebra over what was loaded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from pymongo.errors import PyMongoError

from beacon.framework.access import Access
from beacon.framework.answer import Answer, Basis, Record, ResultSet, Terms
from beacon.framework.errors import DeadlineExceeded, SourceUnavailable
from beacon.framework.query import Granularity, Query
from beacon.framework.source import TermsQuery
from beacon.model import filters, matching
from beacon.model.binning import too_fine
from beacon.model.entry_types import NO_INDIVIDUALS, OF_PEOPLE
from beacon.model.liftover import applied
from beacon.model.reference import NO_REFERENCES, References
from beacon.model.variation_query import VariationCondition, check_reference
from beacon.mongo.evaluation import Evaluation
from beacon.mongo.guard import has_own_numbers
from beacon.mongo.layers import AsyncDocuments, Dataset, Layers
from beacon.mongo.ledger import Ledger
from beacon.mongo.ledger_account import Entry
from beacon.mongo.plan import VARIANT, Plan, plan, touched
from beacon.mongo.put_question import people_max, people_min
from beacon.mongo.ranges import SharedRanges
from beacon.mongo.releases import Releases
from beacon.mongo.similar import planned_case
from beacon.mongo.spending import Spending, Spent, Watch
from beacon.mongo.tally import Tally
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
        ledger: The accounts of callers who have a budget; without it these get no answer.
        watch: Told of what these spend.
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
        ledger: Ledger | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._database = database
        self._references = references
        self._layers = Layers(database, sets_max_bytes=sets_max_bytes)
        self._spending = None if ledger is None else Spending(ledger, self._layers, watch)
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
        (found,) = await self.search_together([query], access, deadline_s=deadline_s)
        return found

    async def search_together(
        self, queries: Sequence[Query], access: Access, *, deadline_s: float | None = None
    ) -> list[Answer]:
        """Answer questions about the same people; see `framework.source.TogetherSource`."""
        try:
            async with asyncio.timeout(deadline_s):
                return await self._search(queries, access)
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
        """Return when the database answers; what is new is prepared for the questions to come."""
        try:
            await self._database.command("ping")
            await self._releases.refresh()
        except PyMongoError as error:
            raise SourceUnavailable("the database does not answer") from error
        self._evaluation.prepare(self._releases.datasets.values(), self._releases.ontologies)

    async def _search(self, queries: Sequence[Query], access: Access) -> list[Answer]:
        await self._releases.refresh()
        query = queries[0]
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
        plans = [await _all(self._plan(one, each, access) for each in datasets) for one in queries]
        shared = SharedRanges(self._database, datasets)
        if query.entry_type in ("dataset", "cohort"):
            return [await self._collections(query, plans[0], access, shared)]
        found = await _all(
            self._result_sets(of_dataset, access, shared) for of_dataset in zip(*plans, strict=True)
        )
        return [Answer(result_sets=one) for one in zip(*found, strict=True)] or [
            Answer(result_sets=()) for _ in queries
        ]

    async def _result_sets(
        self, plans: Sequence[Plan], access: Access, shared: SharedRanges
    ) -> list[ResultSet]:
        """What one dataset has, to each of some plans."""
        evaluate = self._evaluation.result_set
        if plans[0].dataset.id in access.budgets:
            spent = await self._spent(plans, access, lambda one: evaluate(one, access, shared))
            found = [_paid(one, each, access) for one, each in zip(plans, spent, strict=True)]
        else:
            found = [await self._unpaid(one, access, shared) for one in plans]
        return [
            msgspec.structs.replace(result_set, info=one.info, release=str(one.dataset.release))
            for one, result_set in zip(plans, found, strict=True)
        ]

    async def _unpaid(self, plan: Plan, access: Access, shared: SharedRanges) -> ResultSet:
        evaluate = self._evaluation.result_set
        if not access.adds_noise(plan.dataset.id):
            return await evaluate(plan, access, shared)
        roster = await self._layers.roster(plan.dataset.metadata)
        noted = Tally(roster, people_min(plan, access))
        found = await evaluate(replace(plan, tally=noted), access, shared)
        return _with_question(plan, found, noted)

    async def _spent(
        self, plans: Sequence[Plan], access: Access, evaluate: Callable[[Plan], Awaitable[Value]]
    ) -> list[Spent[Value]]:
        if self._spending is None:
            raise SourceUnavailable("no account can be kept here of what a caller learns")
        return await self._spending.ask(plans, access, evaluate)

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
        refused = too_fine(query, access, dataset.id)
        if refused is None and query.case is not None:
            refused = await self._not_comparable(query, access, dataset)
            info = info or matching.not_compared(query.case, self._releases.ontologies)
        if refused is not None:
            impossible, info = True, refused
        case = planned_case(
            query,
            self._candidates(query, dataset),
            self._releases.ontologies,
            regardless=matching.is_regardless(access, dataset.id),
        )
        return replace(made, impossible=impossible, info=info, case=case)

    async def _not_comparable(
        self, query: Query, access: Access, dataset: Dataset
    ) -> Mapping[str, Any] | None:
        """Why nobody of a dataset is compared with a case."""
        if await self._layers.features(dataset.metadata) is None:
            return {"notApplicable": "this dataset was loaded before cases could be compared with"}
        return matching.refused(query, access, dataset.id)

    def _candidates(self, query: Query, dataset: Dataset) -> Iterator[VariationCondition | None]:
        """The variants of a case as the dataset is asked for them."""
        for one in query.case.variants if query.case is not None else ():
            if dataset.assembly is None:
                yield None
                continue
            condition, _ = applied(
                one.variation,
                dataset.assembly,
                self._releases.gene,
                self._references,
                normalised=dataset.normalised,
            )
            yield condition

    async def _collections(
        self, query: Query, plans: Sequence[Plan], access: Access, shared: SharedRanges
    ) -> Answer:
        """Datasets or cohorts: one page over all of them together."""
        found = await _all(self._members(one, access, shared) for one in plans)
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

    async def _members(
        self, plan: Plan, access: Access, shared: SharedRanges
    ) -> tuple[list[Record], Basis | None]:
        if plan.dataset.id not in access.budgets or plan.query.is_unfiltered:
            return await self._evaluation.members(plan, access, shared)
        (spent,) = await self._spent(
            [plan], access, lambda one: self._evaluation.members(one, access, shared)
        )
        return spent.found


def _nearly(plan: Plan, access: Access) -> int:
    """By how many people the numbers may be another question's; it depends on the question."""
    query = plan.query
    if query.entry_type == VARIANT:
        query = msgspec.structs.replace(query, variation=None, entry_id=None)
    return people_max(plan, access) - 1 if query.chooses_people else 0


def _paid(plan: Plan, spent: Spent[ResultSet], access: Access) -> ResultSet:
    """An answer as it was paid for."""
    found = spent.found
    if spent.instead is not None and has_own_numbers(spent.instead, plan):
        found = _with_numbers_of(spent.instead, found)
    basis = found.basis or Basis(people=0, each=plan.query.entry_type == VARIANT)
    basis = msgspec.structs.replace(basis, nearly=_nearly(plan, access))
    found = msgspec.structs.replace(found, basis=basis, charge=spent.charge)
    told = None if spent.instead is None else spent.instead.basis
    # Of alleles another number is told than the earlier one, among nearly the same people.
    is_its_number = spent.instead is not None and (
        plan.query.entry_type == spent.instead.kind != VARIANT
    )
    if told is None or told.question is None or not is_its_number:
        return _with_question(plan, found, spent.noted)
    # With the noise of the number that is told instead, too.
    basis = msgspec.structs.replace(
        basis, question=told.question, members=told.members, filtered=True
    )
    return msgspec.structs.replace(found, basis=basis)


def _with_question(plan: Plan, found: ResultSet, noted: Tally) -> ResultSet:
    """An answer with what noise is made of."""
    if found.basis is None:
        return found
    basis = msgspec.structs.replace(
        found.basis,
        question=noted.question(plan),
        members=noted.members_digest(),
        filtered=noted.members is not None,
    )
    return msgspec.structs.replace(found, basis=basis)


def _with_numbers_of(instead: Entry, found: ResultSet) -> ResultSet:
    """An answer with the numbers of one about nearly the same people."""
    return msgspec.structs.replace(found, count=instead.count, basis=instead.basis)


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
