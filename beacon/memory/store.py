"""The memory store: answers from plain records, one by one, and so says what right answers are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from beacon.framework.access import Access
from beacon.framework.answer import Answer, Record, ResultSet, Terms
from beacon.framework.query import Granularity, Query
from beacon.framework.source import TermsQuery
from beacon.memory.rows import JoinedDataset, MemoryDataset
from beacon.memory.search import ENTRY_TYPES, Found, Match, Search
from beacon.memory.terms import TermGatherer
from beacon.model import filters
from beacon.model.datasets import with_assembly
from beacon.model.links import hidden_links, visible
from beacon.model.ontology import Ontologies
from beacon.model.reference import NO_REFERENCES, References
from beacon.model.term_search import starting_with
from beacon.model.variation_query import Genes, check_reference

COLLECTIONS = ("dataset", "cohort")


class MemoryStore:
    """A source that holds everything in memory and looks at every record for every question.

    It is meant to be evidently right rather than fast: other sources are tested against it, and
    test mode answers from it.

    Args:
        datasets: Dataset id → its records, in the order of answers.
        ontologies: What terms are expanded with.
        genes: Where genes lie.
        references: Sequences of the assemblies, and the chains between them.
    """

    def __init__(
        self,
        datasets: Mapping[str, MemoryDataset],
        ontologies: Ontologies | None = None,
        genes: Genes = lambda assembly, symbol: None,
        references: References = NO_REFERENCES,
    ) -> None:
        self._datasets = {name: JoinedDataset(name, one) for name, one in datasets.items()}
        self._ontologies = ontologies or Ontologies()
        self._genes = genes
        self._references = references

    async def search(
        self,
        query: Query,
        access: Access,
        *,
        deadline_s: float | None = None,
    ) -> Answer:
        """Answer one question; see `Source`."""
        for asked in query.filters:
            if filters.is_alphanumeric(asked):
                # A filter without sense is refused whatever the records are.
                filters.compile_comparison(asked)
        datasets = self._reachable(query, access)
        if query.variation is not None:
            served = {one.assembly for one in datasets if one.assembly is not None}
            check_reference(query.variation, sorted(served))
        found = [
            Search(query, access, dataset, self._ontologies, self._genes, self._references).found()
            for dataset in datasets
        ]
        return Answer(result_sets=tuple(_page(query, access, found)))

    async def filtering_terms(self, query: TermsQuery, access: Access) -> Terms:
        """The terms in use, by type and id; see `Source`.

        The terms of a cohort are those of the datasets that hold it.
        """
        gatherer = TermGatherer(self._ontologies)
        for dataset in self._datasets.values():
            for entry_type in ENTRY_TYPES:
                if (
                    query.entry_type in (None, entry_type)
                    and access.level(dataset.id, entry_type) > Granularity.NONE
                    and _holds(dataset, query, access)
                ):
                    least = access.protection(dataset.id, entry_type).min_count
                    gatherer.gather(dataset, entry_type, least)
        terms = gatherer.terms()
        if query.prefix is not None:
            terms = starting_with(terms, query.prefix)
        start = query.pagination.offset
        stop = start + query.pagination.limit if query.pagination.limit else None
        return Terms(
            terms=tuple(terms[start:stop]),
            resources=self._ontologies.resources(
                one.id for one in terms if one.type == "ontologyTerm"
            ),
        )

    async def check(self) -> None:
        """Always ready."""

    def _reachable(self, query: Query, access: Access) -> list[JoinedDataset]:
        """The datasets that are asked and that let the caller read whatever the question touches.

        Only what the question itself names counts here. Where a filter applies by itself depends on
        the records, so that hiding a dataset on its account would tell something of them: there,
        entry types that the caller may not read are looked through (`Search`).
        """
        touched = {query.entry_type}
        touched.update(one.scope for one in query.filters if one.scope in ENTRY_TYPES)
        if query.variation is not None:
            touched.add("genomicVariant")
        if query.within is not None:
            touched.add(query.within.entry_type)
        if query.case is not None and query.case.has_candidates:
            touched.add("genomicVariant")
        asked = [name for name in self._datasets if _is_asked(name, query)]
        return [self._datasets[name] for name in access.datasets(asked, sorted(touched))]


def _is_asked(dataset_id: str, query: Query) -> bool:
    """Whether a question is to a dataset: by its list, or because its path names one."""
    within = query.within
    return (
        (not query.dataset_ids or dataset_id in query.dataset_ids)
        and (within is None or within.entry_type != "dataset" or within.id == dataset_id)
        and (query.entry_type != "dataset" or query.entry_id in (None, dataset_id))
    )


def _page(query: Query, access: Access, found: Iterable[Found]) -> Iterable[ResultSet]:
    """Count everything, show one page: of each dataset, or of a collection over all datasets."""
    before = query.pagination.offset
    left = query.pagination.limit or None
    for one in found:
        count = len(one.matches)
        records: tuple[Record, ...] = ()
        if query.wants_records and access.shows_records(query, one.dataset.id):
            stop = None if left is None else before + left
            shown = one.matches[before:stop]
            records = tuple(
                _record(match, query.entry_type, one.dataset, access) for match in shown
            )
            if query.entry_type in COLLECTIONS:
                before = max(before - count, 0)
                left = None if left is None else left - len(records)
        yield ResultSet(
            dataset_id=one.dataset.id, count=count, records=records, info=one.info, basis=one.basis
        )


def _record(match: Match, entry_type: str, dataset: JoinedDataset, access: Access) -> Record:
    """A record as it may be shown.

    Who carries a variant is told by samples, so it is shown where records of biosamples may be; the
    ids of individuals, runs and analyses in it where theirs may.
    """

    def level_of(entry_type: str) -> Granularity:
        return access.level(dataset.id, entry_type)

    if match.described is not None:
        return match.described
    shown = visible(entry_type, match.entry.record, level_of)
    if entry_type == "dataset":
        return with_assembly(shown, dataset.assembly)
    if match.entry.allele is None:
        return shown
    record = {name: value for name, value in shown.items() if name != "caseLevelData"}
    if level_of("biosample") is not Granularity.RECORD or not match.carriers:
        return record
    hidden = hidden_links(level_of)
    record["caseLevelData"] = [
        {name: value for name, value in carrier.case.items() if name not in hidden}
        for carrier in match.carriers
    ]
    return record


def _holds(dataset: JoinedDataset, query: TermsQuery, access: Access) -> bool:
    """Whether a dataset is, or holds, the entry whose terms are asked for."""
    if query.within is None:
        return True
    return access.level(dataset.id, query.within.entry_type) > Granularity.NONE and any(
        entry.id == query.within.id for entry in dataset.entries[query.within.entry_type]
    )
