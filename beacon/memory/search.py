"""How one question is answered from one dataset in memory: the meaning of a query, spelt out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from beacon.framework.access import Access
from beacon.framework.answer import NOBODYS, Basis
from beacon.framework.query import Case, Filter, Granularity, Query
from beacon.memory.basis import (
    Predicate,
    members_digest,
    part_of,
    question_digest,
    rows_of,
)
from beacon.memory.rows import Carrier, Entry, JoinedDataset
from beacon.memory.similar import Similar
from beacon.model import filters, matching
from beacon.model.allele import Zygosity
from beacon.model.binning import too_fine
from beacon.model.comparison import Comparison
from beacon.model.entry_types import MODEL, NO_INDIVIDUALS, OF_PEOPLE
from beacon.model.liftover import applied
from beacon.model.ontology import Ontologies
from beacon.model.protected_variants import people_counted
from beacon.model.reference import NO_REFERENCES, References
from beacon.model.variation_query import Genes, VariationCondition

ENTRY_TYPES = tuple(one.id for one in MODEL.entry_types)


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that was found; of a genomic variant, the carriers that may be shown with it.

    Of somebody who is similar to a case, `described` says how similar.
    """

    entry: Entry
    carriers: tuple[Carrier, ...] = ()
    described: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What one dataset has for a question.

    `info` says that it was lifted from another assembly, or why it could not be applied. `basis`
    is whom the matches rest on, where the caller may not be told of few people.
    """

    dataset: JoinedDataset
    matches: tuple[Match, ...]
    info: Mapping[str, Any] | None = None
    basis: Basis | None = None


class Search:
    """One question to one dataset.

    Every condition is about entries of one type. Those about the type that is delivered choose
    among its entries; of any other type, the entries that satisfy all conditions on that type
    stand for their rows, and what is delivered must be on one of the rows common to all.
    """

    def __init__(
        self,
        query: Query,
        access: Access,
        dataset: JoinedDataset,
        ontologies: Ontologies,
        genes: Genes,
        references: References = NO_REFERENCES,
    ) -> None:
        self.query, self.access, self.dataset = query, access, dataset
        self.ontologies, self.genes, self.references = ontologies, genes, references
        self.target = query.entry_type
        self.conditions: dict[str, list[Predicate]] = {one: [] for one in ENTRY_TYPES}
        self.either: list[dict[str, Predicate]] = []  # of each, one of several entry types will do
        self.zygosities: frozenset[Zygosity] | None = None
        self.rows: frozenset[int] | None = None  # where what is delivered must be
        self.variants: list[Match] | None = None  # what a dataset must have

    def found(self) -> Found:
        """The matching entries, in the order of the dataset."""
        query, dataset = self.query, self.dataset
        refused = too_fine(query, self.access, dataset.id) or matching.refused(
            query, self.access, dataset.id
        )
        if refused is not None:
            return Found(dataset, (), refused)
        if query.entry_id is not None:
            self._require_id(query.entry_type, query.entry_id)
        if query.within is not None:
            self._require_id(query.within.entry_type, query.within.id)
        info = None
        if query.variation is not None:
            if dataset.assembly is None:
                return Found(
                    dataset, (), {"notApplicable": "this dataset has no genomic variation"}
                )
            condition, info = applied(
                query.variation, dataset.assembly, self.genes, self.references
            )
            if condition is None:
                return Found(dataset, (), info)
            self.conditions["genomicVariant"].append(_asked_for(condition))
        no_individuals = info
        if info is None and dataset.entries["genomicVariant"] and not dataset.rows:
            no_individuals = NO_INDIVIDUALS
            if query.entry_type in OF_PEOPLE:
                return Found(dataset, (), no_individuals)
        if not all(self._take(one) for one in query.filters):
            return Found(dataset, (), no_individuals)
        matches = tuple(self._matches())
        if query.case is not None:
            matches = self._similar(query.case, matches)
            info = matching.not_compared(query.case, self.ontologies)
        if not self.access.protections.get(dataset.id):
            return Found(dataset, matches, info)
        enough, basis = self._enough(matches)
        return Found(dataset, enough, info, basis)

    def _similar(self, case: Case, matches: Iterable[Match]) -> tuple[Match, ...]:
        """Those who are similar to a case, most similar first."""
        similar = Similar(
            case,
            self.dataset,
            self.ontologies,
            self.genes,
            self.references,
            regardless=matching.is_regardless(self.access, self.dataset.id),
        )
        found = [
            Match(one.entry, one.carriers, described)
            for one in matches
            if (described := similar.described(one.entry)) is not None
        ]
        return tuple(sorted(found, key=lambda one: (-(one.described or {})["score"], one.entry.id)))

    def _enough(self, matches: tuple[Match, ...]) -> tuple[tuple[Match, ...], Basis]:
        """The matches without those of too few people, where they are of people each."""
        if self.target == "dataset" and self.variants is not None:
            people = [self._people_of_variants()]
        elif self.target == "dataset" and self.rows is not None:
            people = [self.dataset.people(self.rows)]
        elif self.target == "cohort" and self.rows is not None:
            people = [self.dataset.people(one.entry.rows & self.rows) for one in matches]
        elif self.target in ("dataset", "cohort"):
            return matches, NOBODYS
        elif self.target == "genomicVariant":
            people = [people_of(one, self.dataset) for one in matches]
        else:
            return matches, self._basis([one.entry for one in matches])
        least = self.access.people_min(self.query, self.dataset.id)
        enough = tuple(one for one, number in zip(matches, people, strict=False) if number >= least)
        most = max(people, default=0) if matches else 0
        return enough, Basis(people=most, each=True)

    def _basis(self, counted: list[Entry]) -> Basis:
        """Whom a count of people, or of what is of one person each, rests on."""
        dataset = self.dataset
        entries = dataset.entries[self.target]
        matched = {one.id for one in counted}
        others = [one for one in entries if one.id not in matched]
        are_people = self.target == "individual"
        return Basis(
            people=len(counted) if are_people else dataset.people(rows_of(counted)),
            size=len(entries),
            others=None if are_people else dataset.people(rows_of(others)),
            part=part_of(self.query, dataset, counted),
            filtered=self.query.chooses_people,
            question=question_digest(
                self.target, dataset, self.conditions, self.either, self.zygosities
            ),
            members=members_digest(dataset, counted),
        )

    def _people_of_variants(self) -> int:
        variants = self.variants or []
        if self.rows is None and self.zygosities is None:
            return max((people_of(one, self.dataset) for one in variants), default=0)
        return self.dataset.people(
            frozenset(carrier.row for one in variants for carrier in one.carriers)
        )

    def _require_id(self, entry_type: str, entry_id: str) -> None:
        self.conditions[entry_type].append(lambda entry: entry.id == entry_id)

    def _take(self, asked: Filter) -> bool:
        """Add a filter to the conditions; false when nothing can satisfy it."""
        zygosities = filters.asked_zygosities(asked)
        if zygosities is not None:
            if not filters.resolve_scopes(asked, self.target, self._visible(("genomicVariant",))):
                return False
            self.zygosities = (
                zygosities if self.zygosities is None else self.zygosities & zygosities
            )
            return True
        predicates = self._predicates(asked)
        scopes = filters.resolve_scopes(asked, self.target, tuple(predicates))
        if len(scopes) == 1:
            self.conditions[scopes[0]].append(predicates[scopes[0]])
        elif scopes:
            self.either.append({scope: predicates[scope] for scope in scopes})
        return bool(scopes)

    def _predicates(self, asked: Filter) -> dict[str, Predicate]:
        """What the filter means for each entry type that it is defined for and may be read."""
        visible = self._visible(ENTRY_TYPES)
        if not filters.is_alphanumeric(asked):
            accepted = filters.accepted_terms(asked, self.ontologies)

            def has_term(entry: Entry) -> bool:
                return asked.id in entry.custom or not accepted.isdisjoint(entry.terms)

            return {
                entry_type: has_term
                for entry_type in visible
                if any(map(has_term, self.dataset.entries[entry_type]))
            }
        comparison = filters.compile_comparison(asked)
        predicates: dict[str, Predicate] = {}
        for entry_type in visible:
            labels = self.dataset.labels(entry_type)
            names = filters.find_attributes(entry_type, asked.id, labels)
            if names:
                predicates[entry_type] = _compared(comparison, names)
        return predicates

    def _visible(self, entry_types: Iterable[str]) -> tuple[str, ...]:
        return tuple(
            one for one in entry_types if self.access.level(self.dataset.id, one) > Granularity.NONE
        )

    def _matches(self) -> Iterable[Match]:
        if self.target != "dataset" and not self._satisfying("dataset"):
            return []
        rows = self.rows = self._rows_of_other_types()
        if self.target == "genomicVariant":
            return self._variants(rows)
        if self.conditions["genomicVariant"] or self.zygosities is not None:
            variants = self._variants(rows)
            if self.target == "dataset":
                self.variants = variants
                return self._entries(None) if variants else []
            rows = self.rows = frozenset(
                carrier.row for one in variants for carrier in one.carriers
            )
        return self._entries(rows)

    def _rows_of_other_types(self) -> frozenset[int] | None:
        """The rows common to all conditions on people and samples; `None` without any.

        A dataset's own filters are no such condition: they hold for what no row carries, too.
        """
        conditions = [
            rows_of(self._satisfying(entry_type))
            for entry_type in ENTRY_TYPES
            if entry_type not in (self.target, "dataset", "genomicVariant")
            and self.conditions[entry_type]
        ]
        for either in self.either:
            chosen = {scope: self._chosen(scope, one) for scope, one in either.items()}
            if not chosen.get("dataset"):
                conditions.append(frozenset().union(*map(rows_of, chosen.values())))
        return frozenset.intersection(*conditions) if conditions else None

    def _variants(self, rows: frozenset[int] | None) -> list[Match]:
        """The alleles asked for, each with the carriers that count; without any only if none must.

        Args:
            rows: Where carriers must be.
        """
        matches = []
        for entry in self._satisfying("genomicVariant"):
            carriers = tuple(
                one
                for one in entry.carriers
                if (rows is None or one.row in rows)
                and (self.zygosities is None or one.zygosity in self.zygosities)
            )
            if carriers or (rows is None and self.zygosities is None):
                matches.append(Match(entry, carriers))
        return matches

    def _entries(self, rows: frozenset[int] | None) -> list[Match]:
        if self.target == "dataset" and rows is not None and not rows:
            return []
        return [
            Match(entry)
            for entry in self._satisfying(self.target)
            if rows is None or self.target == "dataset" or entry.rows & rows
        ]

    def _satisfying(self, entry_type: str) -> list[Entry]:
        predicates = self.conditions[entry_type]
        return [
            entry
            for entry in self.dataset.entries[entry_type]
            if all(holds(entry) for holds in predicates)
        ]

    def _chosen(self, entry_type: str, predicate: Predicate) -> list[Entry]:
        return [entry for entry in self.dataset.entries[entry_type] if predicate(entry)]


def people_of(match: Match, dataset: JoinedDataset) -> int:
    """The people that carry a variant; where only alleles were counted, those of them that may."""
    if match.carriers or match.entry.carriers:
        return dataset.people(frozenset(carrier.row for carrier in match.carriers))
    return people_counted(match.entry.record)


def _compared(comparison: Comparison, names: Iterable[str]) -> Predicate:
    def holds(entry: Entry) -> bool:
        return comparison.matches(value for name in names for value in entry.values.get(name, ()))

    return holds


def _asked_for(condition: VariationCondition) -> Predicate:
    def holds(entry: Entry) -> bool:
        return entry.allele is not None and condition.matches(entry.allele, entry.record)

    return holds
