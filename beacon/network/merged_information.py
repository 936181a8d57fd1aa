"""What a network says of itself: the informational documents, put together from its members'.

URLs in them are the network's own; what members call theirs is never repeated, but in their own
`/info`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from beacon.framework import information
from beacon.framework.answer import Terms
from beacon.framework.entry_types import EntryType, Model
from beacon.framework.extensions import NONE, Extensions, described
from beacon.framework.information import Document
from beacon.framework.query import Within
from beacon.framework.response import Identity
from beacon.framework.source import TermsQuery
from beacon.network.discovery import Discovery
from beacon.network.members import Member
from beacon.network.merged_terms import MergedTerm, understood_by
from beacon.network.metadata import Metadata
from beacon.network.vocabulary import How


def documents(
    identity: Identity,
    model: Model,
    members: Sequence[Member],
    metadata: Mapping[str, Metadata],
    extensions: Extensions = NONE,
    security: Document | None = None,
) -> Mapping[str, Document]:
    """Every informational document of a network, by its path.

    Args:
        identity: Of the network; its `base_url` is what all URLs start with.
        metadata: What is known of members, by id; one that is missing may serve anything.
        extensions: What the network understands beyond the specification.
        security: What `/service-info` says of the credentials that are taken.
    """
    served = served_model(model, members, metadata)
    found = dict(information.documents(identity, served))
    found["/info"] = {
        **found["/info"],
        "isAggregated": True,
        "responses": [
            one.info
            for member in members
            if (one := metadata.get(member.id)) is not None and one.info is not None
        ],
    }
    found["/"] = found["/info"]
    if security is not None:
        found["/service-info"] = {**found["/service-info"], "security": security}
    if offered := described(extensions, identity):
        found["/service-info"] = {**found["/service-info"], "extensions": offered}
    return found


def served_model(
    model: Model, members: Sequence[Member], metadata: Mapping[str, Metadata]
) -> Model:
    """What any member serves of a model.

    Of a member that does not say what it serves, everything is expected. When nobody is left who
    serves anything, the model stays as it is: a beacon without entry types is none.
    """
    known = [metadata.get(member.id) for member in members]
    if not all(one is not None and one.entry_types for one in known):
        return model
    told = [one for one in known if one is not None]
    entry_types = tuple(
        _served(one, told)
        for one in model.entry_types
        if any(one.id in of_member.entry_types for of_member in told)
    )
    if not entry_types:
        return model
    ids = {one.id for one in entry_types}
    return replace(
        model,
        entry_types=tuple(
            msgspec.structs.replace(
                one,
                linked=tuple(other for other in one.linked if other in ids),
                collection_of=tuple(other for other in one.collection_of if other in ids),
            )
            for one in entry_types
        ),
    )


def _served(entry_type: EntryType, told: Sequence[Metadata]) -> EntryType:
    served = [one for of_member in told if (one := of_member.entry_types.get(entry_type.id))]
    return msgspec.structs.replace(
        entry_type,
        linked=tuple(
            other
            for other in entry_type.linked
            if any(one.linked is None or other in one.linked for one in served)
        ),
        non_filtered_queries_allowed=any(one.listed_whole for one in served),
    )


DETAILED = 1_000
"""Terms of a page up to which each says who understands it by way of other terms."""


def filtering_terms(query: TermsQuery, members: Sequence[Member], discovery: Discovery) -> Terms:
    """A page of what any member can be filtered by; what all of them say of one is merged.

    Each term says in its `info.understoodBy` which members understand it: member id → `exact`,
    `descendants`, `ancestor` or `mapped`. In pages of more than `DETAILED` terms only those are
    named that list it. The terms of one dataset are those of the members that have it: members do
    not tell more.
    """
    of = _having(query.within, members, discovery)
    selected = discovery.terms.select(query, members=of)
    metadata = discovery.all() if len(selected) <= DETAILED else {}
    found = discovery.terms.terms_of(selected)
    terms = tuple(
        msgspec.structs.replace(term, info={"understoodBy": _understood(one, metadata, discovery)})
        for term, one in zip(found.terms, selected, strict=True)
    )
    return msgspec.structs.replace(found, terms=terms)


def _understood(
    merged: MergedTerm, metadata: Mapping[str, Metadata], discovery: Discovery
) -> Mapping[str, str]:
    exactly = dict.fromkeys(merged.members, How.EXACT.value)
    return exactly | understood_by(merged, metadata, discovery.ontologies)


def _having(
    within: Within | None, members: Sequence[Member], discovery: Discovery
) -> frozenset[str] | None:
    """The members that may have an entry, `None` for all of them."""
    if within is None:
        return None
    having = set()
    for member in members:
        known = discovery.of(member.id)
        if known is None:
            continue
        own = within.id.removeprefix(f"{member.id}:")
        if within.entry_type != "dataset" or not known.has_all_datasets or own in known.datasets:
            having.add(member.id)
    return frozenset(having)
