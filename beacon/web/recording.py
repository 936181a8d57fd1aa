"""The home of `Recording`: tells the audit of each access before its answer leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import hdrs, web

from beacon.framework.access import Access
from beacon.framework.audit import Accessed, Audit
from beacon.framework.disclosure import Disclosed
from beacon.framework.errors import (
    AuditUnavailable,
    BeaconError,
    Forbidden,
    TooManyRequests,
    Unauthorized,
)
from beacon.framework.query import Granularity, Query
from beacon.framework.service import DisclosedPart
from beacon.web.middleware import ID, QUERY, endpoint_of

ACCESS = web.RequestKey("access", Access)
"""What the sender of a request may learn, once that is known and data are asked for."""

DISCLOSED = web.RequestKey("disclosed", Disclosed)
"""What is about to be told."""

_RECORDED = web.RequestKey("recorded", bool)
_OK = 200


@dataclass(frozen=True, slots=True)
class Recording:
    """What is written down of requests. Test mode has nobody's data, and is not.

    Attributes:
        audit: Where to; `None` writes nothing down.
    """

    audit: Audit | None

    def request(self, request: web.Request, status: int, error: BeaconError | None = None) -> None:
        """Write a request down if it reached for data, and is not written down already.

        Args:
            request: What came.
            status: Of the answer.
            error: What the answer is instead.

        Raises:
            AuditUnavailable: It cannot be written down.
        """
        if self.audit is None or request.get(_RECORDED):
            return
        if isinstance(error, AuditUnavailable | TooManyRequests):
            return
        query = request.get(QUERY)
        is_refused = isinstance(error, Unauthorized | Forbidden)
        if not is_refused and query is None and ACCESS not in request:
            return
        if query is not None and query.test_mode:
            return
        disclosed = None if error is not None else request.get(DISCLOSED)
        self._write(request, query, request.get(ACCESS), disclosed, status, error=error)
        request[_RECORDED] = True

    def question(
        self, request: web.Request, query: Query, access: Access, found: Disclosed | BeaconError
    ) -> None:
        """Write one question of a batch down; raises as `request`."""
        if self.audit is None or query.test_mode:
            return
        if isinstance(found, BeaconError):
            self._write(request, query, access, None, found.status, error=found)
        else:
            self._write(request, query, access, found, _OK)

    def stream(
        self, request: web.Request, query: Query, access: Access, first: DisclosedPart
    ) -> None:
        """Write an answer in parts down, before its first part; raises as `request`."""
        if not request.get(_RECORDED):
            self.begun(request, query, access, first)
            request[_RECORDED] = True

    def begun(
        self, request: web.Request, query: Query, access: Access, first: DisclosedPart
    ) -> None:
        """Write one of several answers in parts down, before its first part."""
        if self.audit is None or query.test_mode:
            return
        members = first.about.get("asked")
        self._write(request, query, access, first.disclosed, _OK, members=members)

    def _write(
        self,
        request: web.Request,
        query: Query | None,
        access: Access | None,
        disclosed: Disclosed | None,
        status: int,
        *,
        error: BeaconError | None = None,
        members: int | None = None,
    ) -> None:
        if self.audit is None:
            return
        if disclosed is not None and members is None:
            members = _members(disclosed.info)
        self.audit.record(
            Accessed(
                request_id=request[ID],
                endpoint=endpoint_of(request),
                status=status,
                access=access,
                asker=error.asker if isinstance(error, Forbidden) else None,
                has_credentials=hdrs.AUTHORIZATION in request.headers,
                query=query,
                granted=_granted(disclosed),
                decisions=() if disclosed is None else disclosed.decisions,
                reason=_reason(error),
                members=members,
            )
        )


def _granted(disclosed: Disclosed | None) -> Granularity:
    """The granularity that was told; of a network, the one of the whole answer."""
    if disclosed is None:
        return Granularity.NONE
    if _members(disclosed.info) is not None:
        return disclosed.granularity
    return max((one.level for one in disclosed.decisions), default=Granularity.NONE)


def _members(info: Mapping[str, Any] | None) -> int | None:
    """How many beacons a network asked."""
    status = (info or {}).get("networkStatus")
    return None if status is None else status["asked"]


def _reason(error: BeaconError | None) -> str | None:
    match error:
        case Unauthorized():
            return error.reason
        case Forbidden():
            return "opens_nothing"
        case _:
            return None
