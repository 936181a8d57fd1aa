"""Ontologies: which terms are kinds of which, and which are near each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from beacon.framework.answer import Resource
from beacon.framework.query import Similarity

SIMILARITY_THRESHOLDS: Mapping[Similarity, float] = {
    Similarity.HIGH: 0.8,
    Similarity.MEDIUM: 0.6,
    Similarity.LOW: 0.4,
}
"""The least Lin similarity of each wording."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term: its label and the ids of what it is a kind of (more than one is common)."""

    label: str | None = None
    parents: tuple[str, ...] = ()


class Ontology:
    """One ontology. Immutable; closures are computed when first asked for and kept.

    Args:
        resource: What `/filtering_terms` says of it.
        terms: Term id → term. Parents that are not terms themselves are ignored.
        described: Term id → number of things, such as diseases, that the term or a kind of it is
            known of. What is in this says how telling a term is; else its place in the ontology
            does.
    """

    def __init__(
        self,
        resource: Resource,
        terms: Mapping[str, Term],
        described: Mapping[str, int] | None = None,
    ) -> None:
        self.resource = resource
        self.terms = terms
        self.described = described or {}
        self._children: dict[str, list[str]] = {}
        for term_id, term in terms.items():
            for parent in term.parents:
                if parent in terms:
                    self._children.setdefault(parent, []).append(term_id)
        self._ancestors: dict[str, frozenset[str]] = {}
        self._descendants: dict[str, frozenset[str]] = {}
        self._information: dict[str, float] | None = None

    def ancestors(self, term_id: str) -> frozenset[str]:
        """The term and everything it is a kind of; an unknown term is its own only ancestor."""
        found = self._ancestors.get(term_id)
        if found is None:
            found = frozenset(_reach(term_id, self._parents))
            self._ancestors[term_id] = found
        return found

    def descendants(self, term_id: str) -> frozenset[str]:
        """The term and all its kinds; an unknown term has no other."""
        found = self._descendants.get(term_id)
        if found is None:
            found = frozenset(_reach(term_id, self._children_of))
            self._descendants[term_id] = found
        return found

    def information(self, term_id: str) -> float:
        """How telling a term is, in bits: 0 says nothing; 0 for what is no term.

        Resnik (1995): - log2 of the share of things that the term, or a kind of it, is known of.
        Without such numbers, the intrinsic information (Seco 2004) of `similar`, in bits.
        """
        if term_id not in self.terms:
            return 0.0
        if self.described:
            most = max(self._described_most, 1)
            return max(-math.log2((self.described.get(term_id, 0) + 0.5) / (most + 1)), 0.0)
        return self._information_content()[term_id] * math.log2(max(len(self.terms), 2))

    @cached_property
    def _described_most(self) -> int:
        return max(self.described.values(), default=0)

    def similar(self, term_id: str, threshold: float) -> frozenset[str]:
        """The terms whose Lin similarity to this one is at least `threshold` (0 to 1), with itself.

        Lin (1998): twice the information of the most informative common ancestor, over the sum of
        both terms' own. Information is intrinsic (Seco 2004): 1 - ln(kinds + 1) / ln(all terms).
        """
        if term_id not in self.terms:
            return frozenset((term_id,))
        information = self._information_content()
        own = information[term_id]
        similar = {term_id}
        seen: set[str] = set()
        # Best ancestor first: the first that a term shares is the most informative one.
        for ancestor in sorted(self.ancestors(term_id), key=lambda one: -information[one]):
            shared = information[ancestor]
            if shared <= 0 or 2 * shared < threshold * (own + shared):
                break  # no kind of this ancestor, nor of a poorer one, is near enough
            kinds = self.descendants(ancestor) - seen
            seen |= kinds
            similar.update(
                kind for kind in kinds if 2 * shared >= threshold * (own + information[kind])
            )
        return frozenset(similar)

    def _information_content(self) -> dict[str, float]:
        if self._information is None:
            kinds = dict.fromkeys(self.terms, 0)
            for term_id in self.terms:
                for ancestor in _reach(term_id, self._parents):  # too many to keep
                    kinds[ancestor] += 1  # itself included: the "+ 1" of the formula
            whole = math.log(max(len(self.terms), 2))
            self._information = {one: 1 - math.log(count) / whole for one, count in kinds.items()}
        return self._information

    def _parents(self, term_id: str) -> Iterable[str]:
        term = self.terms.get(term_id)
        return () if term is None else (one for one in term.parents if one in self.terms)

    def _children_of(self, term_id: str) -> Iterable[str]:
        return self._children.get(term_id, ())


class Ontologies:
    """Several ontologies, each asked for the terms of its own prefix (`HP`, `MONDO`).

    A term of no ontology here has no ancestors, descendants or neighbours but itself.
    """

    def __init__(self, by_prefix: Mapping[str, Ontology] | None = None) -> None:
        self.by_prefix: Mapping[str, Ontology] = dict(by_prefix or {})

    def __iter__(self) -> Iterator[Ontology]:
        return iter(self.by_prefix.values())

    def of(self, term_id: str) -> Ontology | None:
        """The ontology that has the term."""
        ontology = self.by_prefix.get(term_id.partition(":")[0])
        return ontology if ontology is not None and term_id in ontology.terms else None

    def label(self, term_id: str) -> str | None:
        """The label of a term, if known."""
        ontology = self.of(term_id)
        return None if ontology is None else ontology.terms[term_id].label

    def ancestors(self, term_id: str) -> frozenset[str]:
        """The term and everything it is a kind of."""
        ontology = self.of(term_id)
        return frozenset((term_id,)) if ontology is None else ontology.ancestors(term_id)

    def descendants(self, term_id: str) -> frozenset[str]:
        """The term and all its kinds."""
        ontology = self.of(term_id)
        return frozenset((term_id,)) if ontology is None else ontology.descendants(term_id)

    def similar(self, term_id: str, similarity: Similarity) -> frozenset[str]:
        """The terms near enough to this one, with itself."""
        ontology = self.of(term_id)
        if ontology is None or similarity is Similarity.EXACT:
            return frozenset((term_id,))
        return ontology.similar(term_id, SIMILARITY_THRESHOLDS[similarity])

    def closure(self, term_ids: Iterable[str]) -> set[str]:
        """The terms and all their ancestors."""
        return {ancestor for term_id in term_ids for ancestor in self.ancestors(term_id)}

    def resources(self, term_ids: Iterable[str]) -> tuple[Resource, ...]:
        """The ontologies that the terms come from, by prefix; of those not here, the prefix."""
        prefixes = {term_id.partition(":")[0] for term_id in term_ids}
        return tuple(
            self.by_prefix[one].resource
            if one in self.by_prefix
            else Resource(id=one.lower(), namespace_prefix=one)
            for one in sorted(prefixes)
        )


def _reach(start: str, step: Callable[[str], Iterable[str]]) -> set[str]:
    reached = {start}
    waiting = [start]
    while waiting:
        for following in step(waiting.pop()):
            if following not in reached:  # a cycle ends here
                reached.add(following)
                waiting.append(following)
    return reached
