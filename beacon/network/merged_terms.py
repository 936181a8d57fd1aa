"""The home of `MergedTerms`: what any member can be filtered by, ready to be searched."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import msgspec

from beacon.framework.answer import FilteringTerm, Resource, Terms
from beacon.framework.entry_types import Model
from beacon.framework.source import TermsQuery
from beacon.model.ontology import Ontologies
from beacon.network.metadata import Metadata, NamedOntology
from beacon.network.vocabulary import How, canonical_id

_ORDER = {"ontologyTerm": 0, "alphanumeric": 1, "custom": 2}
_KEY_LENGTH = 24
_LOOKED_AT = 2_000
"""Words that a search looks at most: one letter would find half of them all."""


class MergedTerm(msgspec.Struct, frozen=True, kw_only=True):
    """A term as one or more members list it; `members` are the ids of those, in their order."""

    term: FilteringTerm
    members: tuple[str, ...]


class MergedTerms:
    """Every term once, ontology terms first and by id, and an index over the words of their labels.

    Args:
        terms: In the order in which they are listed.
        resources: The ontologies that they come from, by prefix.
    """

    def __init__(self, terms: Iterable[MergedTerm], resources: Mapping[str, Resource]) -> None:
        self.terms = tuple(terms)
        self._resources = resources
        words = sorted(
            (word, place) for place, one in enumerate(self.terms) for word in _words(one.term)
        )
        self._words = [word for word, _ in words]
        self._places = [place for _, place in words]

    def __len__(self) -> int:
        return len(self.terms)

    def starting_with(self, text: str) -> tuple[MergedTerm, ...]:
        """The terms of which the id or a word of the label starts so.

        Those that most members list come first, then the shortest labels. Of texts that very many
        begin with, only some are found.
        """
        wanted = " ".join(text.casefold().split())
        key = wanted[:_KEY_LENGTH]
        first = bisect_left(self._words, key)
        near: dict[int, None] = {}
        for at in range(first, min(first + _LOOKED_AT, len(self._words))):
            if not self._words[at].startswith(key):
                break
            near[self._places[at]] = None
        found = [self.terms[place] for place in near]
        if len(wanted) > _KEY_LENGTH:
            found = [one for one in found if any(wanted in text for text in _texts(one.term))]
        return tuple(sorted(found, key=_rank))

    def select(
        self, query: TermsQuery, *, members: frozenset[str] | None = None
    ) -> tuple[MergedTerm, ...]:
        """A page of terms.

        Args:
            query: Which entry type's, how they start, and which page; a `limit` of 0 is all.
            members: Of these members only.
        """
        terms: Iterable[MergedTerm] = self.terms
        if query.prefix is not None:
            terms = self.starting_with(query.prefix)
        if query.entry_type is not None:
            terms = (one for one in terms if query.entry_type in one.term.scopes)
        if members is not None:
            terms = (one for one in terms if not members.isdisjoint(one.members))
        start, limit = query.pagination.offset, query.pagination.limit
        return tuple(islice(terms, start, start + limit if limit else None))

    def terms_of(self, selected: Iterable[MergedTerm]) -> Terms:
        """Terms as a source lists them, with the ontologies that they come from."""
        terms = tuple(one.term for one in selected)
        prefixes = {one.id.partition(":")[0] for one in terms if one.type == "ontologyTerm"}
        return Terms(
            terms=terms,
            resources=tuple(
                self._resources.get(one) or Resource(id=one.lower(), namespace_prefix=one)
                for one in sorted(prefixes)
            ),
        )


NO_TERMS = MergedTerms((), {})


def merge_terms(metadata: Mapping[str, Metadata], model: Model) -> MergedTerms:
    """The terms of all members, by id: the first label there is, the scopes and values of all.

    Args:
        metadata: By member id, in the members' order.
    """
    gathered: dict[str, _Gathered] = {}
    resources: dict[str, Resource] = {}
    for member_id, of_member in metadata.items():
        for listed_id, listed in of_member.terms.items():
            term_id = canonical_id(listed_id) if listed.type == "ontologyTerm" else listed_id
            one = gathered.get(term_id)
            if one is None:
                one = gathered[term_id] = _Gathered(listed.type)
            one.label = one.label or listed.label
            one.members[member_id] = None
            one.scopes.update(listed.scopes)
            one.values.update(listed.values)
        for resource in of_member.resources:
            prefix = resource.namespace_prefix or resource.id.upper()
            # Whoever names its version has said more of it than whoever does not.
            if prefix not in resources or (resource.version and not resources[prefix].version):
                resources[prefix] = _resource(resource)
    order = {one.id: place for place, one in enumerate(model.entry_types)}
    names = sorted(gathered, key=lambda name: (_ORDER[gathered[name].type], name))
    return MergedTerms((_merged(name, gathered[name], order) for name in names), resources)


def understood_by(
    merged: MergedTerm, metadata: Mapping[str, Metadata], ontologies: Ontologies
) -> dict[str, str]:
    """Which members understand a term, and how: `exact`, `descendants`, `ancestor` or `mapped`."""
    listing = frozenset(merged.members)
    found = {}
    for member_id, of_member in metadata.items():
        if member_id in listing:
            found[member_id] = How.EXACT.value
        elif merged.term.type == "ontologyTerm":
            understood = of_member.vocabulary.term(merged.term.id, ontologies)
            if understood is not None and understood.how is not How.UNLISTED:
                found[member_id] = understood.how.value
    return found


class _Gathered:
    __slots__ = ("label", "members", "scopes", "type", "values")

    def __init__(self, kind: str) -> None:
        self.type, self.label = kind, ""
        self.members: dict[str, None] = {}
        self.scopes: set[str] = set()
        self.values: set[str] = set()


def _merged(term_id: str, gathered: _Gathered, order: Mapping[str, int]) -> MergedTerm:
    return MergedTerm(
        term=FilteringTerm(
            type=gathered.type,
            id=term_id,
            label=gathered.label or None,
            scopes=tuple(sorted(gathered.scopes, key=order.__getitem__)),
            values=tuple(sorted(gathered.values)),
        ),
        members=tuple(gathered.members),
    )


def _resource(named: NamedOntology) -> Resource:
    return msgspec.convert(named, Resource, from_attributes=True)


def _texts(term: FilteringTerm) -> tuple[str, ...]:
    return term.id.casefold(), " ".join((term.label or "").casefold().split())


def _words(term: FilteringTerm) -> Iterator[str]:
    """The id, and the rest of the label from each of its words on."""
    term_id, label = _texts(term)
    yield term_id[:_KEY_LENGTH]
    start = 0
    while label:
        yield label[start : start + _KEY_LENGTH]
        start = label.find(" ", start) + 1
        if not start:
            return


def _rank(merged: MergedTerm) -> tuple[int, int, str]:
    return -len(merged.members), len(merged.term.label or ""), merged.term.id
