"""The home of `State` and `Outcome`: what became of a question at each member of a network."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from beacon.framework.errors import BeaconError
from beacon.framework.query import Granularity
from beacon.network.members import Member


class State(StrEnum):
    """What a member's silence or answer means; every member is in exactly one."""

    HIT = "hit"
    MISS = "miss"
    NOT_COVERED = "notCovered"
    RESTRICTED = "restricted"
    NOT_APPLICABLE = "notApplicable"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    BAD_RESPONSE = "badResponse"
    BREAKER_OPEN = "breakerOpen"
    STALE = "stale"
    PENDING = "pending"

    is_answer: bool
    """Whether the member said yes or no to the question, now."""

    is_response: bool
    """Whether the member said anything definite, or could be known to have nothing to say."""

    def __init__(self, value: str) -> None:
        # Asked of every member several times: not worth finding out each time.
        self.is_answer = value in ("hit", "miss")
        definite = ("notCovered", "restricted", "notApplicable")
        self.is_response = self.is_answer or value in definite


class MemberFailure(BeaconError):
    """A member gave no answer that could be used. Never ends a question to a network."""

    status = 502

    def __init__(self, state: State, reason: str) -> None:
        """`reason` is for whoever asked: it names neither addresses nor what was asked."""
        super().__init__(reason)
        self.state = state
        self.reason = reason


class ReportedSet(msgspec.Struct, frozen=True, kw_only=True):
    """A result set as a member gave it.

    `path` are the ids of the networks and the beacon that it came through, below this member;
    empty where the member has the data itself. `emulated` marks a set that stands for an answer
    without any. `info` is decoded; records are as they came.
    """

    id: str
    exists: bool
    count: int | None = None
    set_type: str = "dataset"
    precision: str | None = None
    adjusted_to: tuple[int, ...] = ()
    records: tuple[msgspec.Raw, ...] = ()
    info: Mapping[str, Any] | None = None
    handovers: msgspec.Raw | None = None
    path: tuple[str, ...] = ()
    emulated: bool = False


class MemberReply(msgspec.Struct, frozen=True, kw_only=True):
    """What a member said, whatever its dialect.

    `reported_id` is what it calls itself. `total` is its own; `None` when it gave none.
    `sets` are all of its sets, hit or miss. `network_status` is its `info.networkStatus` where it
    is a network itself. `schema` is the schema its records are in.
    """

    exists: bool
    granularity: Granularity
    total: int | None = None
    precision: str | None = None
    adjusted_to: tuple[int, ...] = ()
    sets: tuple[ReportedSet, ...] = ()
    reported_id: str | None = None
    schema: str | None = None
    network_status: Mapping[str, Any] | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one question at one member.

    `after_ms` counts from when the question came; `reason` says why in words, where there is
    something to say. `applied` is what the reader must know of how the question was put:
    `liftover`, `filters` (terms that were left out or exchanged), `bound` (`upper` or `lower` when
    what was asked is broader or narrower). `age_s` is that of a stale answer.
    """

    member: Member
    state: State
    after_ms: float
    reply: MemberReply | None = None
    reason: str | None = None
    applied: Mapping[str, Any] | None = None
    age_s: float | None = None
