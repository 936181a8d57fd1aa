"""The seam `Audit`: who is told of every access to data before an answer leaves."""

from __future__ import annotations

from typing import Protocol

import msgspec

from beacon.framework.access import Access, Asker
from beacon.framework.decisions import Decision
from beacon.framework.query import Granularity, Query


class Accessed(msgspec.Struct, frozen=True, kw_only=True):
    """One access to data, or one that was refused.

    Attributes:
        request_id: What the log calls the request.
        endpoint: The pattern of the path, never the path: that may hold an id.
        status: The HTTP status of the answer.
        access: What the caller may learn; `None` when that was not found out.
        asker: Who was refused though the credentials are valid.
        has_credentials: Whether the caller showed any.
        query: What was asked; `None` for filtering terms, or when it was not read.
        granted: The granularity that was told; `NONE` when nothing was.
        decisions: What was decided of each dataset that was reached.
        reason: Why credentials were refused, in one word.
        members: How many beacons a network asked.
    """

    request_id: str
    endpoint: str
    status: int
    access: Access | None = None
    asker: Asker | None = None
    has_credentials: bool = False
    query: Query | None = None
    granted: Granularity = Granularity.NONE
    decisions: tuple[Decision, ...] = ()
    reason: str | None = None
    members: int | None = None


class Audit(Protocol):
    """Where every access is written down."""

    def record(self, accessed: Accessed) -> None:
        """Write an access down. When this returns, it was written.

        Raises:
            AuditUnavailable: It cannot be, so that no answer may leave.
        """
