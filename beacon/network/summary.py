"""The home of what is said of members: their states, in one document each and all together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from beacon.framework.query import Granularity, Query
from beacon.network.bounds import Bounds, bounds_of_outcome, written_bounds
from beacon.network.refusals import cleaned
from beacon.network.states import MemberReply, Outcome, State
from beacon.settings import CountSettings, Reporting

_ERRORS = (State.UNREACHABLE, State.BAD_RESPONSE, State.BREAKER_OPEN)
_STATES = {str(one): one for one in State}


def state_of(reply: MemberReply) -> tuple[State, str | None]:
    """Whether a reply is a yes, a no, or says that it is neither; and why, if that is so."""
    if any(one.exists for one in reply.sets) or reply.exists:
        return State.HIT, None
    if reply.sets:
        reasons = [(one.info or {}).get("notApplicable") for one in reply.sets]
        if None not in reasons:
            return State.NOT_APPLICABLE, cleaned(str(reasons[0]))
    return _state_of_network(reply.network_status)


def member_document(outcome: Outcome, query: Query, bounds: Bounds | None = None) -> dict[str, Any]:
    """One member's part in the answer, as JSON: what became of the question there.

    Args:
        bounds: Of its count, if they are known already.

    Returns:
        `beaconId`, `name`, `country`, `status` and `afterMs`; where there is something to say
        `reason`, `ageSeconds`, `applied`, `reportedBeaconId`, and, where a count was asked for and
        an answer came, `bounds`.
    """
    member, state = outcome.member, outcome.state
    document: dict[str, Any] = {
        "beaconId": member.id,
        "name": member.name,
        "country": member.country,
        "status": state.value,
        "afterMs": round(outcome.after_ms),
    }
    if outcome.reason is not None:
        document["reason"] = outcome.reason
    if outcome.age_s is not None:
        document["ageSeconds"] = round(outcome.age_s)
    if outcome.applied:
        document["applied"] = outcome.applied
    reply = outcome.reply
    if reply is None:
        return document
    if reply.reported_id not in (None, member.id):
        document["reportedBeaconId"] = reply.reported_id
    if query.granularity >= Granularity.COUNT and state.is_answer:
        bounds = bounds or bounds_of_outcome(outcome, query)
        document["bounds"] = written_bounds(bounds)
    return document


def network_status(
    outcomes: Sequence[Outcome],
    documents: Sequence[Mapping[str, Any]],
    leaves: Sequence[Mapping[str, Any]],
    *,
    query_id: str,
) -> dict[str, Any]:
    """`info.networkStatus`: how many members are in each state, and each member.

    The states add up to `asked`. `responded` counts every definite reply, `answered` those that
    are a yes or a no, `error` what is counted as unreachable, badResponse and breakerOpen. The
    answer is complete when every member, and every beacon behind one, said yes or no.

    Args:
        documents: Of the members, see `member_document`.
        leaves: Of the beacons behind members that are networks, each with its `path`.
    """
    states = [one.state for one in outcomes]
    counts = {state.value: states.count(state) for state in State}
    answered = counts["hit"] + counts["miss"]
    status: dict[str, Any] = {
        "queryId": query_id,
        "asked": len(states),
        "responded": sum(state.is_response for state in states),
        "answered": answered,
        **counts,
        "error": sum(counts[state.value] for state in _ERRORS),
        "complete": (
            answered == len(states)
            and all(map(_is_answer, leaves))
            and all(map(_is_whole, outcomes))
        ),
        "members": list(documents),
    }
    if leaves:
        status["leaves"] = list(leaves)
    return status


def leaves_of(outcome: Outcome) -> Iterator[dict[str, Any]]:
    """What a member that is a network says of its own, each with the `path` that leads there."""
    reply = outcome.reply
    if reply is None or reply.network_status is None:
        return
    way = [outcome.member.id]
    status = reply.network_status
    behind = {
        str(leaf["path"][0])
        for leaf in _objects(status.get("leaves"))
        if isinstance(leaf.get("path"), list) and leaf["path"]
    }
    for document in _objects(status.get("members")):
        if document["beaconId"] not in behind:
            # Of a network among them, its own members tell more.
            yield _leaf(document, [*way, document["beaconId"]])
    for document in _objects(status.get("leaves")):
        path = document.get("path")
        if isinstance(path, list) and path:
            yield _leaf(document, [*way, *map(str, path)])


def reasons_for_bounds(told: Iterable[tuple[Outcome, Bounds]]) -> list[str]:
    """Why a combined count has bounds, in words: what members did to theirs, and who is missing."""
    by_reason: dict[str, list[str]] = {}
    for outcome, bounds in told:
        if not bounds.is_exact:
            by_reason.setdefault(_reason(outcome), []).append(outcome.member.id)
    return [
        f"{ids[0]}: {reason}" if len(ids) == 1 else f"{len(ids)} members: {reason}"
        for reason, ids in by_reason.items()
    ]


def _reason(outcome: Outcome) -> str:
    state, reply = outcome.state, outcome.reply
    if reply is None or not state.is_answer:
        return state.value
    match (outcome.applied or {}).get("bound"):
        case "upper":
            return "asked for more than the question says"
        case "lower":
            return "asked for less than the question says"
    counts = outcome.member.counts
    if counts.reporting is not Reporting.EXACT:
        return count_policy(counts)
    if reply.network_status is not None:
        return "is a network, whose count has bounds"
    if any("notApplicable" in (one.info or {}) for one in reply.sets):
        return "has datasets that cannot be asked this"
    if reply.total is None and not any(one.count is not None for one in reply.sets):
        return "only yes or no"
    if any(one.precision not in (None, "exact") for one in reply.sets):
        return "counts are not exact"
    return "datasets may share what they have"


def count_policy(counts: CountSettings) -> str:
    """How a member reports counts, in words."""
    below = f"counts below {counts.threshold}"
    match counts.reporting:
        case Reporting.EXACT:
            return "counts as they are"
        case Reporting.RAISED:
            return f"{below} given as {counts.threshold}"
        case Reporting.ZEROED:
            return f"{below} given as 0"
        case Reporting.OMITTED:
            return f"datasets with {below} left out"
        case Reporting.ROUNDED:
            return f"counts rounded to multiples of {counts.step}"
        case Reporting.ROUNDED_UP:
            return f"counts rounded up to multiples of {counts.step}"
        case Reporting.BOOLEAN if counts.threshold > 1:
            return f"only yes or no, and no for {below}"
        case Reporting.BOOLEAN:
            return "only yes or no"
        case Reporting.NOISY:
            return f"counts with noise of scale {counts.scale:g}"


def _state_of_network(status: Mapping[str, Any] | None) -> tuple[State, str | None]:
    """A network none of whose members said yes or no said neither."""
    if status is None or status.get("answered") != 0 or not status.get("asked"):
        return State.MISS, None
    asked = cleaned(str(status["asked"]))
    states = {
        _STATES.get(str(document.get("status"))) for document in _objects(status.get("members"))
    }
    state = states.pop() if len(states) == 1 else None
    if state is not None and not state.is_answer:
        return state, f"so it is at all {asked} of its beacons"
    return State.UNREACHABLE, f"none of its {asked} beacons answered"


def _leaf(document: Mapping[str, Any], path: list[str]) -> dict[str, Any]:
    kept = {key: document[key] for key in _OF_LEAVES if key in document}
    if str(kept.get("status")) not in _STATES:
        kept["status"] = State.BAD_RESPONSE.value
    return {**kept, "path": path}


_OF_LEAVES = (
    "beaconId",
    "name",
    "country",
    "status",
    "afterMs",
    "reason",
    "ageSeconds",
    "applied",
    "bounds",
)


def _is_answer(document: Mapping[str, Any]) -> bool:
    return document["status"] in (State.HIT, State.MISS)


def _is_whole(outcome: Outcome) -> bool:
    """Whether a member that is a network does not say itself that somebody is missing."""
    status = None if outcome.reply is None else outcome.reply.network_status
    if status is None:
        return True
    return status.get("complete") is not False and status.get("answered") == status.get("asked")


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list that have the id of a beacon; what others send may be anything."""
    if not isinstance(value, list):
        return []
    return [
        one for one in value if isinstance(one, Mapping) and isinstance(one.get("beaconId"), str)
    ]
