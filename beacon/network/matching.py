"""The home of a case that is compared in every beacon: all are asked at once, and ranked together.

Members compare, and decide what they tell. What comes back are numbers and, where a member tells of
people, scores with reasons; no record passes through here.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from beacon.framework.access import Access
from beacon.framework.matching import MatchAnswer, MatchRequest, ranked
from beacon.framework.query import Granularity, Query
from beacon.model.cases import encode_match
from beacon.network.members import Member
from beacon.network.refusals import beacon_error, refusal
from beacon.network.requests import MemberRequest
from beacon.network.states import MemberFailure, Outcome, State
from beacon.network.summary import member_document, network_status

if TYPE_CHECKING:
    from beacon.network.network import Network

_ANSWER_BYTES = 4 * 1024 * 1024

_QUESTION = Query(entry_type="individual")
"""What is known of a case where outcomes are described: it is never repeated there."""


class _Band(msgspec.Struct, frozen=True):
    band: str
    minScore: float  # noqa: N815
    exists: bool
    count: Annotated[int, msgspec.Meta(ge=0)] | None = None
    countPrecision: str | None = None  # noqa: N815
    countAdjustedTo: tuple[int, ...] | None = None  # noqa: N815


class _Set(msgspec.Struct, frozen=True):
    id: str
    exists: bool
    bands: tuple[_Band, ...]
    beaconId: str | None = None  # noqa: N815
    path: tuple[str, ...] = ()
    info: dict[str, Any] | None = None


class _Match(msgspec.Struct, frozen=True):
    id: str
    datasetId: str  # noqa: N815
    score: Annotated[float, msgspec.Meta(ge=0, le=1)]
    reasons: tuple[dict[str, Any], ...] = ()
    band: str | None = None
    beaconId: str | None = None  # noqa: N815
    path: tuple[str, ...] = ()


class _Response(msgspec.Struct, frozen=True):
    matchSets: tuple[_Set, ...]  # noqa: N815
    matches: tuple[_Match, ...] = ()


class _Info(msgspec.Struct, frozen=True):
    networkStatus: dict[str, Any] | None = None  # noqa: N815


class _Document(msgspec.Struct, frozen=True):
    response: _Response
    info: _Info = _Info()


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the case at one member, and what it said."""

    outcome: Outcome
    document: _Document | None = None


async def match(
    network: Network, asked: MatchRequest, access: Access, *, network_id: str, deadline: float
) -> MatchAnswer:
    """Compare a case with the people of all members.

    Args:
        network: Whose members.
        asked: The case.
        access: Who asks.
        network_id: What the network is called on the way of a question.
        deadline: By the clock of the event loop.
    """
    request = MemberRequest(
        method="POST",
        target="/match",
        body=msgspec.json.encode(encode_match(asked)),
        limit_bytes=_ANSWER_BYTES,
        accept="application/json",
    )
    told = await asyncio.gather(
        *(
            _ask(network, member, request, access, network_id=network_id, deadline=deadline)
            for member in network.members
        )
    )
    answered = [(one.outcome.member.id, one.document) for one in told if one.document is not None]
    sets = [_set(member, one) for member, found in answered for one in found.response.matchSets]
    matches = [_match(member, one) for member, found in answered for one in found.response.matches]
    status = network_status(
        [one.outcome for one in told],
        [_described(one) for one in told],
        [],
        query_id=str(uuid.uuid4()),
    )
    return MatchAnswer(
        sets=tuple(sets),
        matches=ranked(matches, asked.limit) if asked.granularity is Granularity.RECORD else (),
        info={"networkStatus": status},
    )


async def _ask(
    network: Network,
    member: Member,
    request: MemberRequest,
    access: Access,
    *,
    network_id: str,
    deadline: float,
) -> _Told:
    loop = asyncio.get_running_loop()
    begun = loop.time()

    def told(state: State, reason: str | None = None, document: _Document | None = None) -> _Told:
        after_ms = (loop.time() - begun) * 1000
        outcome = Outcome(member=member, state=state, after_ms=after_ms, reason=reason)
        return _Told(outcome=outcome, document=document)

    metadata = network.discovery.of(member.id)
    if metadata is None:
        return told(State.UNREACHABLE, "it has not been met yet")
    if metadata.beacon_id in (*access.via, network_id):
        return told(State.NOT_APPLICABLE, "the question came from there")
    if not metadata.compares_cases:
        return told(State.NOT_APPLICABLE, "it does not compare people with a case")
    until = min(deadline, begun + member.timeout_s)
    try:
        shown, headers = await network.shown(member, access, until)
        reply = await network.remotes.ask(member, request, deadline=until, headers=headers)
        shown.check(reply.status, reply.body)
        try:
            if reply.status != 200:
                raise refusal(reply.status, beacon_error(reply.status, reply.body), _QUESTION)
            document = _read(reply.body)
        except MemberFailure as failure:
            raise shown.cleared(failure) from None
    except MemberFailure as failure:
        return told(failure.state, failure.reason)
    applicable = [one for one in document.response.matchSets if _is_compared(one)]
    if document.response.matchSets and not applicable:
        return told(State.NOT_APPLICABLE, "none of its datasets can be compared", document)
    found = any(one.exists for one in applicable)
    return told(State.HIT if found else State.MISS, None, document)


def _read(body: bytes) -> _Document:
    try:
        return msgspec.json.decode(body, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MemberFailure(State.BAD_RESPONSE, "its answer is not one about a case") from error


def _is_compared(one: _Set) -> bool:
    return "notApplicable" not in (one.info or {})


def _described(told: _Told) -> Mapping[str, Any]:
    document = member_document(told.outcome, _QUESTION)
    status = None if told.document is None else told.document.info.networkStatus
    return document if status is None else {**document, "networkStatus": status}


def _set(member_id: str, one: _Set) -> dict[str, Any]:
    path = [member_id, *one.path]
    told: dict[str, Any] = {
        "id": one.id,
        "setType": "dataset",
        "beaconId": path[-1],
        "path": path,
        "exists": one.exists,
        "bands": [_known(band) for band in one.bands],
    }
    if one.info:
        told["info"] = one.info
    return told


def _match(member_id: str, one: _Match) -> dict[str, Any]:
    path = [member_id, *one.path]
    return {**_known(one), "path": path, "beaconId": path[-1]}


def _known(one: msgspec.Struct) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(one).items() if value is not None}
