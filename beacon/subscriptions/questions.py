"""The home of standing questions in the specification's words, and of how their answers compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from beacon.framework.access import Access
from beacon.framework.audit import Accessed, Audit
from beacon.framework.decisions import Decision
from beacon.framework.disclosure import Disclosed
from beacon.framework.entry_types import Endpoint
from beacon.framework.errors import AuditUnavailable, BeaconError, InvalidRequest, TooManyRequests
from beacon.framework.parameters import show, with_names
from beacon.framework.query import Granularity, Include, Pagination, Query
from beacon.framework.request import decode_post
from beacon.framework.service import Service
from beacon.subscriptions.seams import Question, Told
from beacon.subscriptions.states import Place, State

STANDING = "standing question"
"""The endpoint that the audit names: nobody sent a request."""

_OK = 200
_ENTRY_TYPE = "genomicVariant"
_STATES = {
    "hit": State.HIT,
    "miss": State.MISS,
    "notCovered": State.NOT_COVERED,
    "notApplicable": State.NOT_COVERED,
}
_DEFINITE = {*_STATES, "restricted"}
"""What a member says that will not say more if it is asked again."""


class _Document(msgspec.Struct, kw_only=True):
    query: dict[str, msgspec.Raw]
    meta: msgspec.Raw = msgspec.Raw(b"null")
    entryType: str = _ENTRY_TYPE  # noqa: N815


@dataclass(frozen=True, slots=True)
class Asking:
    """How standing questions are asked.

    Attributes:
        audit: Where each is written down before anything comes of its answer.
        is_network: Whether the places of an answer are members, or datasets.
    """

    service: Service
    audit: Audit | None
    deadline_s: float
    is_network: bool

    def record(
        self,
        access: Access,
        request_id: str,
        query: Query,
        *,
        status: int = _OK,
        granted: Granularity = Granularity.NONE,
        decisions: tuple[Decision, ...] = (),
        members: int | None = None,
    ) -> None:
        """Write down that a question was asked; raises `AuditUnavailable`."""
        if self.audit is None:
            return
        self.audit.record(
            Accessed(
                request_id=request_id,
                endpoint=STANDING,
                status=status,
                access=access,
                has_credentials=True,
                query=query,
                granted=granted,
                decisions=decisions,
                members=members,
            )
        )


@dataclass(frozen=True, slots=True)
class Questions:
    """Reads questions as `POST` requests to the data endpoints are read."""

    asking: Asking

    def read(self, question: bytes) -> Question:
        """See `Kind`."""
        try:
            document = msgspec.json.decode(question, type=_Document)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest(f"the question cannot be read: {error}") from error
        service = self.asking.service
        model = service.model
        entry_type = model.canonical(document.entryType)
        if entry_type is None:
            known = ", ".join(one.id for one in model.entry_types)
            raise InvalidRequest(
                f"entryType is {show(document.entryType)}; it must be one of {known}"
            )
        path = model.by_id(entry_type).path
        entry = Endpoint(pattern=f"/{path}", kind="collection", entry_type=entry_type)
        # Numbers are wanted, as classes, unless somebody says otherwise.
        asked = {"requestedGranularity": "count", **with_names(document.query)}
        body = msgspec.json.encode({"meta": document.meta, "query": asked})
        query = decode_post(entry, {}, body, model, service.limits)
        if query.test_mode:
            raise InvalidRequest("test mode never changes, so that nothing can be told of it")
        if query.variation is None and not query.filters:
            raise InvalidRequest("a standing question asks for a variant, a gene or a phenotype")
        return Asked(
            self.asking,
            replace(
                query,
                granularity=min(query.granularity, Granularity.COUNT),
                include=Include.ALL,
                include_given=True,
                pagination=Pagination(limit=1),
            ),
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was read, to be asked as any other."""

    by: Asking
    query: Query

    def reached(self, access: Access, releases: Mapping[str, str]) -> dict[str, str]:
        """See `Question`."""
        if self.by.is_network:
            return dict(releases)
        own = access.datasets(releases, (self.query.entry_type,))
        named = self.query.dataset_ids
        return {one: releases[one] for one in own if not named or one in named}

    def is_limited(self, access: Access) -> bool:
        """See `Question`."""
        named = self.query.dataset_ids
        return any(not named or one in named for one in access.budgets)

    async def ask(self, access: Access, request_id: str) -> Told:
        """See `Question`."""
        by = self.by
        try:
            found = await by.service.answer(self.query, access, by.deadline_s)
        except (AuditUnavailable, TooManyRequests):
            raise
        except BeaconError as error:
            by.record(access, request_id, self.query, status=error.status)
            raise
        if by.is_network:
            members = members_of(found.info)
            granted = found.granularity
            by.record(access, request_id, self.query, granted=granted, members=len(members))
            return Told(places=_of_members(members), unanswered=unanswered(members))
        granted = max((one.level for one in found.decisions), default=Granularity.NONE)
        by.record(access, request_id, self.query, granted=granted, decisions=found.decisions)
        return Told(
            places=_of_datasets(found),
            releases={
                one.dataset_id: one.release for one in found.decisions if one.release is not None
            },
        )


def _of_datasets(found: Disclosed) -> dict[str, Place]:
    """What each dataset of a beacon says, in numbers that were released."""
    places = {}
    for one in found.result_sets:
        state = State.HIT if one.exists else State.MISS
        if not one.exists and "notApplicable" in (one.info or {}):
            state = State.NOT_COVERED
        places[one.dataset_id] = _place(state, one.count)
    return places


def _of_members(members: Iterable[Mapping[str, Any]]) -> dict[str, Place]:
    """What each member of a network says; of its number no more than that it is at least so much.

    Who was away, late or unreadable, and who wants to know who asks, has said nothing.
    """
    places = {}
    for one in members:
        state = state_of(one)
        bounds = one.get("bounds") or ()
        count = max(int(bounds[0]), 1) if state is State.HIT and bounds else None
        places[one["beaconId"]] = _place(state, count)
    return places


def _place(state: State, count: int | None) -> Place:
    if state is not State.HIT:
        return Place(state=state)
    return Place(state=state, count=None if count is None else int(count))


def state_of(member: Mapping[str, Any]) -> State:
    """What a member of a network says, by what the network says of it."""
    return _STATES.get(member["status"], State.UNKNOWN)


def members_of(info: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """What a network says of each of its members, in `info` of its answer."""
    return list(((info or {}).get("networkStatus") or {}).get("members", ()))


def unanswered(members: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Those members that may say more when they are asked again."""
    return frozenset(one["beaconId"] for one in members if one["status"] not in _DEFINITE)
