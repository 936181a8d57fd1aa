"""The home of `plan`: how a question is put to one member, or why it cannot be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from beacon.framework.query import Filter, Query, VariationQuery, Within
from beacon.model.assemblies import asked_assembly
from beacon.model.hgvs import GenomicName
from beacon.model.liftover import NotLifted, lift
from beacon.model.ontology import Ontologies
from beacon.model.reference import References
from beacon.model.variation_query import genomic_name
from beacon.network.dialects import Dialect, spoken
from beacon.network.members import Member
from beacon.network.metadata import Metadata
from beacon.network.vocabulary import NO_ONTOLOGIES, Bound, How, Understood

DEFAULT_DIALECT = Dialect()
"""How a member is asked that has not said anything of itself yet."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question as it is put to a member.

    `query` is the very object that was asked where nothing had to be changed, and one object for
    all members that are asked the same instead. `applied` says what was changed: `liftover`,
    `filters`, and `bound`: `upper` or `lower` when the answer can only be more or less than what
    was asked for.
    """

    query: Query
    dialect: Dialect
    applied: Mapping[str, Any] | None = None


class NotApplicable(msgspec.Struct, frozen=True, kw_only=True):
    """A question that a member cannot answer: `reason` says what it lacks, such as "does not…"."""

    reason: str


def plan(
    query: Query,
    member: Member,
    metadata: Metadata | None,
    references: References,
    *,
    ontologies: Ontologies = NO_ONTOLOGIES,
    member_ids: Collection[str] = (),
) -> Ask | NotApplicable:
    """Put a question to a member as far as that can answer it.

    What a member does not say of itself is taken to be possible: asking costs a request, not asking
    an answer.

    Args:
        metadata: What the member says of itself, `None` when that is not known yet.
        references: Chain files to lift questions with.
        ontologies: What tells the kinds of a filter's term; without them, what is listed counts.
        member_ids: All members', to tell a dataset id that names its member from one with a colon.
    """
    try:
        return _plan(query, member, metadata, references, ontologies, member_ids)
    except _CannotAnswer as error:
        return NotApplicable(reason=str(error))


class _CannotAnswer(Exception):
    """The message is the reason."""


def _plan(
    query: Query,
    member: Member,
    metadata: Metadata | None,
    references: References,
    ontologies: Ontologies,
    member_ids: Collection[str],
) -> Ask:
    entry_id, within, dataset_ids = query.entry_id, query.within, query.dataset_ids
    if entry_id is not None or within is not None or dataset_ids:
        entry_id, within, dataset_ids = _own_ids(query, member, metadata, member_ids)
    variation, filters = query.variation, query.filters
    applied: dict[str, Any] = {}
    if metadata is None:
        dialect = spoken(DEFAULT_DIALECT, member.dialect)
    else:
        dialect = spoken(metadata.dialect, member.dialect)
        if metadata.entry_types:
            _check_served(query, metadata)
        if variation is not None:
            if query.entry_type in metadata.unread_variation:
                raise _CannotAnswer("does not read variation parameters")
            variation, info = _on_its_assembly(variation, metadata, references)
            if info is not None:
                applied["liftover"] = info
        if filters and metadata.terms:
            filters = _in_its_terms(query, metadata, ontologies, applied)
    if (
        variation is not query.variation
        or filters is not query.filters
        or dataset_ids is not query.dataset_ids
        or entry_id is not query.entry_id
        or within is not query.within
    ):
        query = _put(query, entry_id, within, dataset_ids, variation, filters)
    return Ask(query=query, dialect=dialect, applied=applied or None)


@lru_cache(maxsize=256)
def _put(
    query: Query,
    entry_id: str | None,
    within: Within | None,
    dataset_ids: tuple[str, ...],
    variation: VariationQuery | None,
    filters: tuple[Filter, ...],
) -> Query:
    """One object for members that are asked the same, so that it is written once."""
    return msgspec.structs.replace(
        query,
        entry_id=entry_id,
        within=within,
        dataset_ids=dataset_ids,
        variation=variation,
        filters=filters,
    )


def _own_ids(
    query: Query, member: Member, metadata: Metadata | None, member_ids: Collection[str]
) -> tuple[str | None, Within | None, tuple[str, ...]]:
    """The ids of a question without the member's own before them: `FI:d1` is its `d1`."""
    entry_id, within = query.entry_id, query.within
    if entry_id is not None:
        entry_id = _own_id(entry_id, query.entry_type, member, metadata, member_ids)
        if entry_id is None:
            raise _CannotAnswer(f"has no {query.entry_type} {query.entry_id}")
    if within is not None:
        own = _own_id(within.id, within.entry_type, member, metadata, member_ids)
        if own is None:
            raise _CannotAnswer(f"has no {within.entry_type} {within.id}")
        if own != within.id:
            within = Within(within.entry_type, own)
    dataset_ids = query.dataset_ids
    if dataset_ids:
        known = (_own_id(one, "dataset", member, metadata, member_ids) for one in query.dataset_ids)
        dataset_ids = tuple(one for one in known if one is not None)
        if not dataset_ids:
            raise _CannotAnswer(f"has no dataset {' or '.join(query.dataset_ids[:5])}")
        if dataset_ids == query.dataset_ids:
            dataset_ids = query.dataset_ids
    return entry_id, within, dataset_ids


def _own_id(
    asked: str,
    entry_type: str,
    member: Member,
    metadata: Metadata | None,
    member_ids: Collection[str],
) -> str | None:
    """The id that a member knows an entry by, `None` if it is known to have none."""
    of_dataset = entry_type == "dataset" and metadata is not None and metadata.has_all_datasets
    if of_dataset and metadata is not None and asked in metadata.datasets:
        return asked
    qualifier, colon, own = asked.partition(":")
    if colon and own and qualifier == member.id:
        asked = own
    elif colon and own and qualifier in member_ids:
        return None
    if of_dataset and metadata is not None and asked not in metadata.datasets:
        return None
    return asked


def _check_served(query: Query, metadata: Metadata) -> None:
    """Refuse an entry type, or a way to it, that the member does not have."""
    served = metadata.entry_types
    own = served.get(query.entry_type)
    within = query.within
    if own is None and within is None:
        raise _CannotAnswer(f"does not serve {query.entry_type}")
    if within is not None:
        around = served.get(within.entry_type)
        if around is None:
            raise _CannotAnswer(f"does not serve {within.entry_type}")
        if around.linked is not None and query.entry_type not in around.linked:
            raise _CannotAnswer(f"does not serve {query.entry_type} of one {within.entry_type}")
    elif own is not None and not own.listed_whole and query.is_unfiltered:
        raise _CannotAnswer(f"does not list its {own.path} whole")
    if query.variation is not None and "genomicVariant" not in served:
        raise _CannotAnswer("has no genomic variants")
    for one in query.filters:
        if one.scope is not None and one.scope in _SCOPES and one.scope not in served:
            raise _CannotAnswer(f"does not serve {one.scope}, which {one.id} is asked of")


_SCOPES = frozenset({"individual", "biosample", "run", "analysis", "genomicVariant", "cohort"})


def _on_its_assembly(
    variation: VariationQuery, metadata: Metadata, references: References
) -> tuple[VariationQuery, Mapping[str, Any] | None]:
    """The variation as the member's data has it, and what to tell of a liftover."""
    served = metadata.served_assemblies
    expression = genomic_name(variation)
    source = asked_assembly(variation.reference_name, variation.assembly_id)
    if source is None and expression is not None:
        source = expression.assembly
    if not served or source is None or source in served:
        return variation, None
    if any(pair[0] == source for pair in metadata.lifts):
        return variation, None  # it lifts the question itself, and says so in its answer
    reason = f"is on {' and '.join(sorted(served))}, the question on {source}"
    if not variation.start and (expression is None or variation.reference_name is not None):
        raise _CannotAnswer(reason)
    for target in sorted(served, reverse=True):
        found = _lifted(variation, expression, source, target, references)
        if not isinstance(found, str):
            return found
        reason = f"{reason}; {found}"
    raise _CannotAnswer(reason)


@lru_cache(maxsize=256)
def _lifted(
    variation: VariationQuery,
    expression: GenomicName | None,
    source: str,
    target: str,
    references: References,
) -> tuple[VariationQuery, Mapping[str, Any]] | str:
    """A variation on another assembly, or why there is none; the same for every member there."""
    try:
        if not variation.start:
            variation = _spelled_out(variation, expression, source, references)
        return lift(variation, source, target, references)
    except NotLifted as error:
        return str(error)


def _spelled_out(
    variation: VariationQuery, expression: GenomicName | None, source: str, references: References
) -> VariationQuery:
    """What an HGVS expression says, as a position and bases."""
    spelling = None
    if expression is not None:
        spelling = expression.spelling(references.bases.get(source))
    if spelling is None or expression is None:
        raise NotLifted("the expression does not write the bases")
    return msgspec.structs.replace(
        variation,
        genomic_allele_short_form=None,
        reference_name=expression.reference_name,
        start=(spelling.start,),
        reference_bases=spelling.reference_bases,
        alternate_bases=spelling.alternate_bases,
    )


def _in_its_terms(
    query: Query, metadata: Metadata, ontologies: Ontologies, applied: dict[str, Any]
) -> tuple[Filter, ...]:
    """The filters in terms that the member lists; what was exchanged is added to `applied`."""
    put: list[Filter] = []
    told: list[dict[str, Any]] = []
    bounds: set[Bound] = set()
    for asked in query.filters:
        understood = metadata.vocabulary.understand(asked, query.entry_type, ontologies)
        if understood is None:
            raise _CannotAnswer(f"does not know {asked.id}")
        scopes = metadata.vocabulary.scopes(understood)
        if asked.scope in _SCOPES and scopes and asked.scope not in scopes:
            raise _CannotAnswer(f"knows {asked.id}, but not of a {asked.scope}")
        if understood.how is How.EXACT:
            put.append(asked)
            continue
        put.append(_exchanged(asked, understood))
        told.append(_told(asked, understood))
        if understood.bound is not None:
            bounds.add(understood.bound)
    if len(bounds) > 1:
        raise _CannotAnswer(
            f"knows {_listing([one['asked'] for one in told])} only as broader and narrower terms"
        )
    if not told:
        return query.filters
    applied["filters"] = told
    for bound in bounds:
        applied["bound"] = bound.value
    filters = tuple(put)
    return query.filters if filters == query.filters else filters


def _exchanged(asked: Filter, understood: Understood) -> Filter:
    if understood.put == asked.id:
        return asked
    if understood.how is How.ANCESTOR:
        # Whoever is recorded more finely than the broader term may be one of those asked for.
        return msgspec.structs.replace(asked, id=understood.put, include_descendant_terms=True)
    return msgspec.structs.replace(asked, id=understood.put)


def _told(asked: Filter, understood: Understood) -> dict[str, Any]:
    told: dict[str, Any] = {"asked": str(asked), "how": understood.how.value}
    if understood.put != asked.id:
        told["put"] = understood.put
    if understood.kinds:
        told["kindsListed"] = understood.kinds
    return told


def _listing(ids: Sequence[str]) -> str:
    return " and ".join(ids)
