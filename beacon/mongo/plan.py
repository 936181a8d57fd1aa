"""From a question to what must be looked up in one dataset: pure, no database call.

Every condition on people becomes a set of rows; see `mongo/rows.py` for how they are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyroaring import BitMap

from beacon.framework.query import Filter, Query, Similarity
from beacon.model.comparison import Comparison, compile_comparison
from beacon.model.filters import (
    accepted_terms,
    asked_zygosities,
    canonical_curie,
    find_attributes,
    is_alphanumeric,
    resolve_scopes,
)
from beacon.model.ontology import Ontologies
from beacon.model.variation_query import VariationCondition
from beacon.mongo.documents import term_id
from beacon.mongo.layers import Catalogue, Dataset, Entry

if TYPE_CHECKING:
    from beacon.mongo.similar import PlannedCase
    from beacon.mongo.tally import Tally

ROW_SCOPES = ("individual", "biosample")
ATTACHED_SCOPES = ("run", "analysis")
PEOPLE_SCOPES = (*ROW_SCOPES, *ATTACHED_SCOPES)
VARIANT = "genomicVariant"
ENTRY_TYPES = (*PEOPLE_SCOPES, VARIANT, "dataset", "cohort")


@dataclass(frozen=True, slots=True)
class SetRef:
    """A filter in one scope: a union of terms' sets, or values of attributes that compare."""

    scope: str
    term_keys: tuple[tuple[str, bool], ...] = ()
    attribute_keys: tuple[str, ...] = ()
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class Alternative:
    """A filter in the entry types that it applies to: any of them will do.

    Attributes:
        refs: What to look up in those of people and samples.
        accepted: The terms of which a single record must have one.
    """

    asked: Filter
    scopes: tuple[str, ...]
    refs: tuple[SetRef, ...]
    accepted: frozenset[str]

    @property
    def only_attached(self) -> bool:
        """Whether it says which runs, or which analyses, count."""
        return len(self.scopes) == 1 and self.scopes[0] in ATTACHED_SCOPES

    @property
    def only_variants(self) -> bool:
        """Whether it says which alleles count, rather than which people."""
        return self.scopes == (VARIANT,)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one dataset must answer.

    Attributes:
        filters: Each must hold. One that can hold nowhere makes the plan `impossible`.
        variation: Which alleles, if the question is about any.
        zygosities: Which carriers count; `None` is all.
        info: What a reader of the answer must know: that the question was lifted to another
            assembly, or why it could not be applied.
        excluded: Rows of people of whom the caller may learn nothing more, but who have not
            withdrawn; `dataset.withdrawn` has them, too.
        tally: Notes which question this is and whom the answer rests upon, for callers of whom an
            account is kept.
        case: Whom people are compared with, if with anybody.
    """

    dataset: Dataset
    query: Query
    filters: tuple[Alternative, ...]
    variation: VariationCondition | None
    zygosities: frozenset[int] | None
    impossible: bool = False
    info: Mapping[str, Any] | None = None
    excluded: BitMap | None = None
    tally: Tally | None = None
    case: PlannedCase | None = None

    @property
    def withdrawn(self) -> BitMap | None:
        """Rows of those who have withdrawn, whoever asks."""
        gone = self.dataset.withdrawn
        if gone is None or self.excluded is None:
            return gone
        return (gone - self.excluded) or None

    @property
    def variant_filters(self) -> tuple[Alternative, ...]:
        """The filters that say which alleles count."""
        return tuple(one for one in self.filters if one.only_variants)

    @property
    def people_filters(self) -> tuple[Alternative, ...]:
        """The filters that say which people or samples count."""
        return tuple(one for one in self.filters if not one.only_variants)

    @property
    def concerns_alleles(self) -> bool:
        """Whether somebody must carry something to count."""
        within = self.query.within
        return (
            self.variation is not None
            or self.zygosities is not None
            or any(one.only_variants for one in self.filters)
            or (within is not None and within.entry_type == VARIANT)
        )


def touched(query: Query) -> frozenset[str]:
    """The entry types that a question itself names: all of them must be open to the caller.

    Where a filter applies by itself depends on the records; there, entry types that the caller may
    not read are looked through instead, since leaving out the dataset would tell something of them.
    """
    named = {query.entry_type}
    named.update(one.scope for one in query.filters if one.scope in ENTRY_TYPES)
    if query.variation is not None:
        named.add(VARIANT)
    if query.within is not None:
        named.add(query.within.entry_type)
    if query.case is not None and query.case.has_candidates:
        named.add(VARIANT)
    return frozenset(named)


def plan(
    query: Query,
    dataset: Dataset,
    sources: Mapping[str, Catalogue],
    ontologies: Ontologies,
    variation: VariationCondition | None,
) -> Plan:
    """Resolve the filters of a question against what one dataset has.

    Args:
        sources: What can be filtered by, by entry type; only those that the caller may read.
        ontologies: Only looked at for similarity and for terms without their kinds.
    """
    resolved: list[Alternative] = []
    zygosities: frozenset[int] | None = None
    impossible = False
    for asked in query.filters:
        codes = asked_zygosities(asked)
        if codes is not None:
            if not resolve_scopes(
                asked, query.entry_type, (VARIANT,) if VARIANT in sources else ()
            ):
                impossible = True
            own = frozenset(int(code) for code in codes)
            zygosities = own if zygosities is None else zygosities & own
            continue
        one = _resolve(asked, query.entry_type, dataset, sources, ontologies)
        if one is None:
            impossible = True
        else:
            resolved.append(one)
    return Plan(dataset, query, tuple(resolved), variation, zygosities, impossible)


def _resolve(
    asked: Filter,
    target: str,
    dataset: Dataset,
    sources: Mapping[str, Catalogue],
    ontologies: Ontologies,
) -> Alternative | None:
    defined = {
        scope: found
        for scope, source in sources.items()
        if (found := _find(asked, scope, source, ontologies)) is not None
    }
    scopes = resolve_scopes(asked, target, defined)
    if not scopes:
        return None
    refs = tuple(
        _set_ref(asked, scope, defined[scope], dataset)
        for scope in scopes
        if scope in PEOPLE_SCOPES
    )
    return Alternative(asked, scopes, refs, accepted_terms(asked, ontologies) | {asked.id})


def _find(
    asked: Filter, scope: str, source: Catalogue, ontologies: Ontologies
) -> tuple[Entry, ...] | None:
    """The terms or attributes of a scope that the filter is about, `None` when there are none."""
    if is_alphanumeric(asked):
        attributes = source.attributes.get(scope, {})
        labels = {name: entry.label for name, entry in attributes.items()}
        found = find_attributes(scope, asked.id, labels)
        return tuple(attributes[name] for name in sorted(found)) or None
    terms = source.terms.get(scope, {})
    if asked.include_descendant_terms and asked.similarity is Similarity.EXACT:
        # Closed over the ontology at load: a term is here when it or a kind of it is in use.
        for name in (asked.id, _curie(asked.id)):
            if name in terms:
                return (terms[name],)
        return None
    if not asked.include_descendant_terms and asked.similarity is Similarity.EXACT:
        names = frozenset((asked.id, _curie(asked.id)))
    else:
        names = accepted_terms(asked, ontologies)
    return (
        tuple(terms[name] for name in sorted(names) if name in terms and terms[name].uses) or None
    )


def _set_ref(asked: Filter, scope: str, found: tuple[Entry, ...], dataset: Dataset) -> SetRef:
    if is_alphanumeric(asked):
        keys = tuple(key for entry in found for key in entry.value_documents)
        return SetRef(scope, attribute_keys=keys, comparison=compile_comparison(asked))
    closed = asked.include_descendant_terms and asked.similarity is Similarity.EXACT
    return SetRef(
        scope,
        term_keys=tuple(
            (term_id(dataset.metadata, scope, entry.id), not closed) for entry in found
        ),
    )


def _curie(asked_id: str) -> str:
    return canonical_curie(asked_id if ":" in asked_id else asked_id.replace("_", ":", 1))
