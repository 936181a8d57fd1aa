"""The home of `Vocabulary`: which of the terms that are asked for a member understands, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from types import MappingProxyType

import msgspec

from beacon.framework.query import Filter, Similarity
from beacon.model.fields import FIELD_BY_NAME, canonical_curie
from beacon.model.filters import is_alphanumeric
from beacon.model.ontology import Ontologies

KINDS_MAX = 500
"""A term with more kinds than this says too little to stand in for one of them."""

NO_ONTOLOGIES = Ontologies()


class ListedTerm(msgspec.Struct, frozen=True, array_like=True):
    """A filtering term that a member lists; `scopes` are canonical entry type ids."""

    type: str
    label: str = ""
    scopes: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


class How(StrEnum):
    """How a member understands a term.

    `EXACT`: it lists it. `DESCENDANTS`: it lists kinds of it. `ANCESTOR`: it lists something
    broader. `MAPPED`: it has another name for the same. `UNLISTED`: it lists others of the same
    vocabulary, and may find kinds that nobody here knows of.
    """

    EXACT = "exact"
    DESCENDANTS = "descendants"
    ANCESTOR = "ancestor"
    MAPPED = "mapped"
    UNLISTED = "unlisted"


class Bound(StrEnum):
    """What the answer says of the question when it was put differently."""

    UPPER = "upper"
    LOWER = "lower"


class Understood(msgspec.Struct, frozen=True):
    """A term as it is put to a member: `put` is the id that the member is asked for.

    `bound` is `None` when what is put means the same as what was asked.
    """

    how: How
    put: str
    bound: Bound | None = None
    kinds: int = 0


class Vocabulary:
    """The terms of one member. What was found out of a term of an ontology is kept.

    Args:
        terms: By the id as listed.
        expands: Prefixes of which a term finds its kinds, whether it is listed or not.
    """

    def __init__(
        self, terms: Mapping[str, ListedTerm], *, expands: Collection[str] = frozenset()
    ) -> None:
        self.terms = terms
        self._expands = frozenset(expands)
        self._prefixes = frozenset(
            _prefix(term_id) for term_id, term in terms.items() if term.type == "ontologyTerm"
        )
        self._listed = {canonical_id(term_id): term_id for term_id in terms}
        self._by_label = {
            term.label.casefold(): term_id
            for term_id, term in terms.items()
            if term.label and term.type == "alphanumeric"
        }
        self._ontologies = NO_ONTOLOGIES
        self._kinds: Mapping[str, int] = {}
        self._known: dict[str, Understood | None] = {}

    def __len__(self) -> int:
        return len(self.terms)

    def prepare(self, ontologies: Ontologies) -> None:
        """Find out which terms have kinds that are listed, so that no question has to.

        Done at the first question with these ontologies, if it was not before.
        """
        if ontologies is self._ontologies:
            return
        self._kinds = Counter(
            chain.from_iterable(ontologies.ancestors(listed) for listed in self._listed)
        )
        self._known, self._ontologies = {}, ontologies

    def scopes(self, understood: Understood) -> tuple[str, ...]:
        """The entry types that the term which is put is listed for; empty when that is not said."""
        listed = self.terms.get(understood.put)
        return listed.scopes if listed is not None else ()

    def understand(
        self, asked: Filter, entry_type: str, ontologies: Ontologies
    ) -> Understood | None:
        """How a filter is understood, `None` if not at all.

        Args:
            entry_type: What is asked for, which a filter without a scope is about.
            ontologies: What tells the kinds of a term.
        """
        if is_alphanumeric(asked):
            return self._attribute(asked.id, asked.scope or entry_type)
        term_id = canonical_id(asked.id)
        found = self.term(term_id, ontologies)
        if found is not None and found.how in (How.EXACT, How.MAPPED):
            return found
        if _prefix(term_id) in self._expands and _prefix(term_id) in self._prefixes:
            # What it lists is all there is, and it finds the kinds: its answer is the answer.
            return Understood(How.UNLISTED, asked.id)
        if asked.similarity is not Similarity.EXACT:
            found = self._similar(asked, ontologies) or found
        elif not asked.include_descendant_terms and found is not None:
            # The very term was asked for, and nothing is recorded with it.
            return found if found.how is How.ANCESTOR else None
        return found

    def term(self, term_id: str, ontologies: Ontologies) -> Understood | None:
        """How a term with its kinds is understood, by its canonical id; `None` if not at all."""
        listed = self._listed.get(term_id)
        if listed is not None:
            return Understood(How.EXACT, listed)
        self.prepare(ontologies)
        if term_id in self._known:
            return self._known[term_id]
        if ontologies.of(term_id) is None:
            return self._mapped(term_id) or self._unlisted(term_id)
        # No more of them than the ontologies have terms.
        found = self._known[term_id] = (
            self._mapped(term_id)
            or self._by_kinds(term_id, ontologies)
            or self._by_ancestor(term_id, ontologies)
        )
        return found

    def _attribute(self, asked: str, entry_type: str) -> Understood | None:
        listed = self._listed.get(canonical_id(asked))
        if listed is not None:
            return Understood(How.EXACT, listed)
        field = FIELD_BY_NAME.get(entry_type, {}).get(asked)
        names = field.names if field is not None else ()
        for name in names:
            if name in self.terms:
                return Understood(How.MAPPED, name)
        labelled = self._by_label.get(asked.casefold())
        if labelled is None and field is not None:
            labelled = self._by_label.get(field.label.casefold())
        return Understood(How.MAPPED, labelled) if labelled is not None else None

    def _mapped(self, term_id: str) -> Understood | None:
        for other in SAME.get(term_id, ()):
            listed = self._listed.get(other)
            if listed is not None:
                return Understood(How.MAPPED, listed)
        return None

    def _unlisted(self, term_id: str) -> Understood | None:
        if _prefix(term_id) not in self._prefixes:
            return None
        return Understood(How.UNLISTED, term_id, Bound.LOWER)

    def _by_kinds(self, term_id: str, ontologies: Ontologies) -> Understood | None:
        kinds = self._kinds.get(term_id, 0)
        if not kinds:
            return None
        if _prefix(term_id) in self._expands:
            return Understood(How.DESCENDANTS, term_id, kinds=kinds)
        if kinds == 1:
            # It may know the ontology or not: a term that it lists finds something either way.
            only = next(one for one in ontologies.descendants(term_id) if one in self._listed)
            return Understood(How.DESCENDANTS, self._listed[only], Bound.LOWER, kinds=1)
        return Understood(How.DESCENDANTS, term_id, Bound.LOWER, kinds=kinds)

    def _by_ancestor(self, term_id: str, ontologies: Ontologies) -> Understood | None:
        ontology = ontologies.of(term_id)
        if ontology is None:
            return None
        broader = [one for one in ontology.ancestors(term_id) if one in self._listed]
        if not broader:
            return None
        # Whatever has most above it is the nearest, and cheap to tell.
        nearest = max(broader, key=lambda one: (len(ontology.ancestors(one)), one))
        if len(ontology.descendants(nearest)) > KINDS_MAX:
            return None
        return Understood(How.ANCESTOR, self._listed[nearest], Bound.UPPER)

    def _similar(self, asked: Filter, ontologies: Ontologies) -> Understood | None:
        term_id = canonical_id(asked.id)
        near = ontologies.similar(term_id, asked.similarity) & self._listed.keys()
        if not near:
            return None
        return Understood(How.DESCENDANTS, asked.id, Bound.LOWER, kinds=len(near))


def _prefix(term_id: str) -> str:
    return canonical_id(term_id).partition(":")[0]


@lru_cache(maxsize=4096)
def canonical_id(term_id: str) -> str:
    """One spelling of a term's id: `HP_0000118` is `HP:0000118`."""
    curie = term_id if ":" in term_id else term_id.replace("_", ":", 1)
    return canonical_curie(curie)


def _same(groups: Collection[tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType(
        {one: tuple(other for other in group if other != one) for group in groups for one in group}
    )


SAME = _same(
    (
        ("NCIT:C16576", "PATO:0000383", "SNOMED:248152002", "SCTID:248152002"),
        ("NCIT:C20197", "PATO:0000384", "SNOMED:248153007", "SCTID:248153007"),
    )
)
"""Terms of different vocabularies that mean the same: female and male, which every beacon has."""
