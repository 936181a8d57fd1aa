"""The home of `Part`: an answer of a network as its members give it, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from beacon.client.answers import Answer, MemberState, member_state, read_answer
from beacon.client.envelopes import Document, mapping, text

HEARTBEAT = "heartbeat"
COMPLETE = "complete"
ERROR = "error"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an answer.

    Attributes:
        kind: First `accepted`; a `member` for each as it answers; `summary`; last `complete`.
        member: Of a `member`, who it is and what became of the question there.
        answer: Of a `member`, what it says, if it said anything; of a `summary`, what all said.
        document: As it came.
    """

    kind: str
    member: MemberState | None = None
    answer: Answer | None = None
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_part(line: Document) -> Part:
    """Read a line; raises `NotABeacon` for an answer in it that is none."""
    kind, about = str(line.get("kind")), mapping(line.get("about"))
    said = line.get("answer")
    is_member = kind == "member" and text(about.get("beaconId")) is not None
    return Part(
        kind=kind,
        member=member_state(about) if is_member else None,
        answer=read_answer(said, text(about.get("beaconId"))) if isinstance(said, dict) else None,
        document=line,
    )
