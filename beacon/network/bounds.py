"""The home of bounds: between which numbers a count lies, given what a member says and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from beacon.framework.query import Query
from beacon.network.members import Member
from beacon.network.spans import (
    ANYTHING,
    NOTHING,
    Bounds,
    Span,
    added,
    overlapping,
    read_bounds,
    written_bounds,
)
from beacon.network.states import MemberReply, Outcome, ReportedSet
from beacon.settings import CountSettings, Reporting

__all__ = [
    "Bounds",
    "Told",
    "adds_up",
    "bounds_of_outcome",
    "bounds_of_set",
    "told_by",
    "written_bounds",
]

UNKNOWN_DATASETS: Mapping[str, Sequence[str]] = {}


def bounds_of_set(reported: ReportedSet, member: Member) -> Bounds:
    """Between which numbers the true count of a result set lies."""
    return span_of_set(reported, member).bounds


def bounds_of_outcome(
    outcome: Outcome,
    query: Query,
    datasets: Mapping[str, Sequence[str]] = UNKNOWN_DATASETS,
) -> Bounds:
    """Between which numbers the true count of a member lies, whatever became of the question.

    Args:
        query: What was asked of the network.
        datasets: By the id of a member, the datasets it is known to have: how many could have been
            left out of its answer.
    """
    return told_by(outcome, query, datasets).of_all.bounds


class Told(NamedTuple):
    """The bounds of a member's count, to be added up.

    `of_all` of all that it has; `of_answers` if those that said nothing have nothing, be it the
    member, beacons behind it, or datasets that could not be asked.
    """

    of_all: Span
    of_answers: Span


def told_by(
    outcome: Outcome,
    query: Query,
    datasets: Mapping[str, Sequence[str]] = UNKNOWN_DATASETS,
) -> Told:
    """As `bounds_of_outcome`, to be added up."""
    member, reply = outcome.member, outcome.reply
    known = datasets.get(member.id)
    if reply is None or not outcome.state.is_answer:
        if query.dataset_ids and known is not None and not _asked_of(member, known, query):
            return Told(NOTHING, NOTHING)
        return Told(_capped(ANYTHING, member, query), NOTHING)
    said = whole = span_of_reply(reply, member, query)
    if reply.network_status is not None:
        whole = _of_network(whole, reply.network_status)
    if any(_is_not_applicable(one) for one in reply.sets):
        whole = Span(whole.lower, None, whole.noise, whole.told)
    of_answers = _qualified(said, outcome, query, known)
    if whole is said:
        return Told(of_answers, of_answers)
    return Told(_qualified(whole, outcome, query, known), of_answers)


def span_of_reply(reply: MemberReply, member: Member, query: Query) -> Span:
    """The bounds of what a member told of, without what it may have kept to itself."""
    spans = [span_of_set(one, member) for one in reply.sets if not _is_not_applicable(one)]
    if not spans:
        if reply.sets:
            return NOTHING
        return _span(
            reply.exists, reply.total, reply.precision, reply.adjusted_to, member.counts, None
        )
    if len(spans) == 1:
        return spans[0]
    # Two result sets of one name may be the same one twice.
    are_several = len({(*one.path, one.id) for one in reply.sets}) == len(reply.sets)
    found = added(spans) if are_several and adds_up(query, member) else overlapping(spans)
    total = reply.total
    if (
        total is not None
        and found.upper is not None
        and found.lower <= total
        and member.counts.reporting is Reporting.EXACT
        and reply.precision in (None, "exact")
        and total != found.upper
    ):
        # The member knows better than the sum: it counted what two datasets share once, or counted
        # datasets that it does not list.
        return Span(found.lower, total, found.noise, total)
    return found


def span_of_set(reported: ReportedSet, member: Member) -> Span:
    """As `bounds_of_set`, to be added up."""
    info = reported.info
    if _is_not_applicable(reported):
        return ANYTHING
    return _span(
        reported.exists,
        reported.count,
        reported.precision,
        reported.adjusted_to,
        member.counts,
        None if info is None else info.get("bounds"),
    )


def adds_up(query: Query, member: Member) -> bool:
    """Whether what is counted twice is two.

    Datasets and cohorts belong to one beacon. A person, and with them their samples and what was
    done with these, can be in several unless it is known that they are not. A variant can be seen
    anywhere.
    """
    if query.entry_type in _COLLECTIONS:
        return True
    return member.disjoint and query.entry_type != "genomicVariant"


_COLLECTIONS = ("dataset", "cohort")


def _is_not_applicable(reported: ReportedSet) -> bool:
    return reported.info is not None and "notApplicable" in reported.info


def _span(
    exists: bool,
    count: int | None,
    precision: str | None,
    adjusted_to: tuple[int, ...],
    counts: CountSettings,
    network_bounds: Any,
) -> Span:
    if network_bounds is not None:
        bounds = read_bounds(network_bounds)
        if bounds is not None:
            return Span(bounds.lower, bounds.upper, 0.0, int(exists) if count is None else count)
    if count is None or counts.reporting is Reporting.BOOLEAN:
        return _yes_or_no(exists, counts)
    if counts.reporting is Reporting.EXACT:
        if precision in (None, "exact"):
            return Span(count, count, 0.0, count)
        return _of_statement(exists, count, precision, adjusted_to)
    return _BY_REPORTING[counts.reporting](exists, count, counts)


def _yes_or_no(exists: bool, counts: CountSettings) -> Span:
    threshold = counts.threshold
    if exists:
        # Only where it is the booleans that a threshold is applied to does a yes say more.
        lower = threshold if counts.reporting is Reporting.BOOLEAN else 1
        return Span(0 if counts.reporting is Reporting.NOISY else lower, None, 0.0, 1)
    match counts.reporting:
        case Reporting.BOOLEAN | Reporting.ZEROED:
            return Span(0, threshold - 1)
        case Reporting.ROUNDED:
            return Span(0, counts.step // 2)
        case Reporting.NOISY:
            return ANYTHING
        case _:
            return NOTHING


def _of_statement(
    exists: bool, count: int, precision: str | None, adjusted_to: tuple[int, ...]
) -> Span:
    """What `countPrecision` and `countAdjustedTo` leave open.

    Two numbers are the limits of the true count. A single one is a threshold where the count is
    imprecise, and below it or at it was adjusted; it is a step where the count is rounded.
    """
    least = 1 if exists else 0
    if len(adjusted_to) == 2:
        low, high = sorted(adjusted_to)
        return Span(max(low, 0), max(high, count), 0.0, count)
    if len(adjusted_to) == 1:
        given = adjusted_to[0]
        if precision == "rounded" and given > 0 and count % given == 0:
            low = max(count - given + 1, least)
            return Span(low, max(count + given - 1, low), 0.0, count)
        if precision == "imprecise" and count <= given:
            return Span(least, max(given, least), 0.0, count)
    return Span(least, None, 0.0, count)


def _raised(exists: bool, count: int, counts: CountSettings) -> Span:
    if count > counts.threshold or not exists:
        return Span(count, count, 0.0, count)
    return Span(1, counts.threshold, 0.0, count)


def _zeroed(exists: bool, count: int, counts: CountSettings) -> Span:
    if count:
        return Span(count, count, 0.0, count)
    return Span(1 if exists else 0, counts.threshold - 1, 0.0, 0)


def _omitted(exists: bool, count: int, counts: CountSettings) -> Span:
    return Span(count, count, 0.0, count)


def _rounded(exists: bool, count: int, counts: CountSettings) -> Span:
    half = counts.step // 2
    return Span(max(count - half, 1 if exists else 0), count + half, 0.0, count)


def _rounded_up(exists: bool, count: int, counts: CountSettings) -> Span:
    least = 1 if exists and count else 0
    return Span(max(count - counts.step + 1, least), count, 0.0, count)


def _noisy(exists: bool, count: int, counts: CountSettings) -> Span:
    return Span(count, count, counts.scale**2, count)


_BY_REPORTING: Mapping[Reporting, Callable[[bool, int, CountSettings], Span]] = {
    Reporting.RAISED: _raised,
    Reporting.ZEROED: _zeroed,
    Reporting.OMITTED: _omitted,
    Reporting.ROUNDED: _rounded,
    Reporting.ROUNDED_UP: _rounded_up,
    Reporting.NOISY: _noisy,
}


def _of_network(told: Span, status: Mapping[str, Any]) -> Span:
    """A network's own bounds count those of its members that did not answer."""
    bounds = read_bounds(status.get("bounds"))
    if bounds is not None:
        return Span(bounds.lower, bounds.upper, 0.0, told.told)
    if status.get("complete") is True and status.get("existsCertainty") != "partial":
        return told
    return Span(told.bounds.lower, None, 0.0, told.told)


def _qualified(told: Span, outcome: Outcome, query: Query, known: Sequence[str] | None) -> Span:
    """Given what is left out, how the question was put, and how many there can be at most."""
    if outcome.member.counts.reporting is Reporting.OMITTED:
        told = _with_omitted(told, outcome, known, query)
    match (outcome.applied or {}).get("bound"):
        case "upper":
            told = Span(0, told.bounds.upper, 0.0, told.told)
        case "lower":
            told = Span(told.bounds.lower, None, 0.0, told.told)
    return _capped(told, outcome.member, query)


def _with_omitted(told: Span, outcome: Outcome, known: Sequence[str] | None, query: Query) -> Span:
    if known is None or told.upper is None or outcome.reply is None:
        return Span(told.lower, None, told.noise, told.told)
    named = {one.id for one in outcome.reply.sets}
    omitted = sum(one not in named for one in _asked_of(outcome.member, known, query))
    most = omitted * (outcome.member.counts.threshold - 1)
    return Span(told.lower, told.upper + most, told.noise, told.told)


def _asked_of(member: Member, known: Sequence[str], query: Query) -> Sequence[str]:
    """The datasets of a member that a question is about; ids may be `member:dataset`."""
    if not query.dataset_ids:
        return known
    asked = query.dataset_ids
    return [one for one in known if one in asked or f"{member.id}:{one}" in asked]


def _capped(span: Span, member: Member, query: Query) -> Span:
    if member.people is None or query.entry_type != "individual":
        return span
    bounds = span.bounds
    if bounds.upper is not None and bounds.upper <= member.people:
        return span
    return Span(bounds.lower, max(member.people, bounds.lower), 0.0, span.told)
