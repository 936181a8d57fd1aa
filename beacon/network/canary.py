"""The home of the canary: a question for an allele that nobody has, whose answer must be no.

A beacon that passes over the variation parameters of a question answers for everybody it has: a
yes that nobody meant. Whoever says yes to the canary is not asked for variants any more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from beacon.framework.entry_types import Model
from beacon.framework.query import Granularity, Include, Query, VariationQuery
from beacon.network.dialects import Dialect, spoken
from beacon.network.members import Member
from beacon.network.metadata import Metadata
from beacon.network.replies import decode
from beacon.network.requests import MemberRequest, encode
from beacon.network.states import MemberFailure, State
from beacon.settings import Reporting, Shape

if TYPE_CHECKING:
    from beacon.network.remote import RawReply

ASKED = ("genomicVariant", "individual", "biosample", "run", "analysis")
"""Entry types that are asked for by variation, the one first by which a dialect is told."""

Send = Callable[[MemberRequest], Awaitable["RawReply"]]


class _Found(msgspec.Struct, frozen=True):
    nested: bool
    unread: tuple[str, ...]


async def tested(metadata: Metadata, member: Member, model: Model, send: Send) -> Metadata:
    """What is known of a member, with what its answers to the canary say.

    One that says yes in the shape that it declares is asked in the other one; what it then says
    no to is its dialect. A member whose settings tell the shape is asked in that only.

    Args:
        send: Asks the member.

    Returns:
        The very `metadata` where that already says so.

    Raises:
        MemberFailure: The member cannot be asked now: nothing was found out.
    """
    if member.counts.reporting is Reporting.NOISY:
        return metadata  # its no may be a yes by chance
    found = await _find_out(metadata, member, model, send)
    if found.nested == metadata.dialect.nested and found.unread == metadata.unread_variation:
        return metadata
    dialect = replace(metadata.dialect, nested=found.nested)
    return replace(metadata, dialect=dialect, unread_variation=found.unread)


def carried_over(metadata: Metadata, before: Metadata) -> Metadata:
    """What is known of a member, with what its answers to an earlier canary said."""
    unread = before.unread_variation
    if before.api_version != metadata.api_version:
        return replace(metadata, unread_variation=unread) if unread else metadata
    dialect = replace(metadata.dialect, nested=before.dialect.nested)
    if dialect == metadata.dialect and unread == metadata.unread_variation:
        return metadata
    return replace(metadata, dialect=dialect, unread_variation=unread)


async def _find_out(metadata: Metadata, member: Member, model: Model, send: Send) -> _Found:
    nested = metadata.dialect.nested
    served = [one for one in ASKED if not metadata.entry_types or one in metadata.entry_types]
    if not served:
        return _Found(nested, ())
    dialect = spoken(metadata.dialect, member.dialect)
    allele = _impossible(metadata)

    async def says_yes(entry_type: str, dialect: Dialect) -> bool | None:
        return await _says_yes(entry_type, allele, dialect, member, model, send)

    first = await says_yes(served[0], dialect)
    if first is not False and member.dialect.parameters is Shape.DECLARED:
        other = replace(dialect, nested=not dialect.nested)
        if await says_yes(served[0], other) is False:
            first, dialect, nested = False, other, other.nested
    unread = [served[0]] if first else []
    unread += [one for one in served[1:] if await says_yes(one, dialect)]
    return _Found(nested, tuple(unread))


async def _says_yes(
    entry_type: str,
    allele: VariationQuery,
    dialect: Dialect,
    member: Member,
    model: Model,
    send: Send,
) -> bool | None:
    """Whether the member claims to have the allele; `None` when it does not answer that."""
    query = Query(
        entry_type=entry_type,
        variation=allele,
        granularity=Granularity.BOOLEAN,
        include=Include.ALL,
        include_given=True,
    )
    try:
        return decode(await send(encode(query, dialect, model)), query, member).exists
    except MemberFailure as error:
        if error.state in _NOT_NOW:
            raise
        return None


def _impossible(metadata: Metadata) -> VariationQuery:
    """An allele where no base is known: the first of chromosome 1 is an N in both assemblies."""
    served = metadata.served_assemblies
    return VariationQuery(
        assembly_id="GRCh37" if "GRCh37" in served and "GRCh38" not in served else "GRCh38",
        reference_name="1",
        start=(0,),
        reference_bases="A",
        alternate_bases="C",
    )


_NOT_NOW = (State.TIMEOUT, State.UNREACHABLE, State.BREAKER_OPEN)
