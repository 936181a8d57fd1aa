"""The home of outcomes: what became of one member, by its reply or by the lack of one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from beacon.network.asked import Asked
from beacon.network.members import Member
from beacon.network.planning import Ask
from beacon.network.states import MemberFailure, MemberReply, Outcome, State
from beacon.network.summary import state_of

_UNSURE: Mapping[tuple[str | None, State], str] = {
    ("lower", State.MISS): "has none of what could be asked of it, which is less than was meant",
    ("upper", State.HIT): "has some of what could be asked of it, which is more than was meant",
}
"""What is neither a no nor a yes: the bound that an answer is, and the state it would have."""


def replied(asked: Asked, member: Member, ask: Ask, reply: MemberReply) -> Outcome:
    """The outcome of a member that replied."""
    state, reason = state_of(reply)
    unsure = _UNSURE.get(((ask.applied or {}).get("bound"), state))
    if unsure is not None:
        state, reason = State.NOT_APPLICABLE, unsure
    return _outcome(asked, member, state, ask=ask, reply=reply, reason=reason)


def failed(asked: Asked, member: Member, ask: Ask, failure: MemberFailure) -> Outcome:
    """The outcome of a member that gave no answer."""
    return _outcome(asked, member, failure.state, ask=ask, reason=failure.reason)


def not_applicable(asked: Asked, member: Member, reason: str) -> Outcome:
    """The outcome of a member that is not asked."""
    return _outcome(asked, member, State.NOT_APPLICABLE, reason=reason)


def stale(
    asked: Asked, member: Member, ask: Ask, kept: MemberReply, reason: str | None, age_s: float
) -> Outcome:
    """The outcome of a member that is out of reach, by a reply of it that was kept."""
    return _outcome(asked, member, State.STALE, ask=ask, reply=kept, reason=reason, age_s=age_s)


def _outcome(
    asked: Asked,
    member: Member,
    state: State,
    *,
    ask: Ask | None = None,
    reply: MemberReply | None = None,
    reason: str | None = None,
    age_s: float | None = None,
) -> Outcome:
    return Outcome(
        member=member,
        state=state,
        after_ms=(asyncio.get_running_loop().time() - asked.started) * 1000,
        reply=reply,
        reason=reason,
        applied=None if ask is None else ask.applied,
        age_s=age_s,
    )
