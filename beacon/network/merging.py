"""The home of merging: what all members said as one answer, that says no more than they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Raw
from msgspec.json import decode, encode
from msgspec.structs import replace

from beacon.framework.answer import Answer, Reported, ResultSet, Total
from beacon.framework.query import Granularity, Query
from beacon.network.bounds import (
    UNKNOWN_DATASETS,
    adds_up,
    bounds_of_set,
    told_by,
)
from beacon.network.distinct import Variant, is_single_allele, variants_of
from beacon.network.frequencies import combined_frequencies
from beacon.network.spans import Bounds, Span, added, overlapping, written_bounds
from beacon.network.states import Outcome, ReportedSet, State
from beacon.network.summary import (
    leaves_of,
    member_document,
    network_status,
    reasons_for_bounds,
)

__all__ = ["answer_of", "member_document", "merge"]

_COLLECTIONS = ("dataset", "cohort")
_HAS_SETS = (State.HIT, State.MISS, State.STALE)


def merge(
    outcomes: Sequence[Outcome],
    query: Query,
    *,
    network_id: str,
    query_id: str,
    datasets: Mapping[str, Sequence[str]] = UNKNOWN_DATASETS,
) -> Answer:
    """The answer of a network.

    Args:
        outcomes: One for each member, in their order; result sets come in the same.
        query: What was asked of the network.
        network_id: What the network calls itself; names it as the source of frequencies.
        query_id: Under which the question can be asked after.
        datasets: By the id of a member, the datasets it is known to have.
    """
    outcomes = _counted_once(outcomes)
    told = [told_by(one, query, datasets) for one in outcomes]
    bounds_of = [one.of_all.bounds for one in told]
    documents = [
        member_document(outcome, query, bounds)
        for outcome, bounds in zip(outcomes, bounds_of, strict=True)
    ]
    status = network_status(outcomes, documents, _leaves(outcomes), query_id=query_id)
    variants = _variants(outcomes, query)
    in_all = _together(outcomes, [one.of_all for one in told], query)
    bounds = _narrowed(in_all, variants, query).bounds
    status["existsCertainty"] = "complete" if bounds.lower or bounds.upper == 0 else "partial"
    info: dict[str, Any] = {"networkStatus": status}
    total = None
    if query.granularity >= Granularity.COUNT:
        answers = _together(outcomes, [one.of_answers for one in told], query)
        answering = _narrowed(answers, variants, query)
        status["bounds"] = _document(bounds, answering.bounds, outcomes, bounds_of)
        total = _total(bounds, answering, outcomes)
    if frequencies := combined_frequencies(variants, outcomes, network_id):
        info["frequencies"] = frequencies
    return Answer(
        result_sets=tuple(one for outcome in outcomes for one in _result_sets(outcome, query)),
        total=total,
        info=info,
    )


def answer_of(outcome: Outcome, query: Query) -> Answer:
    """What one member said, as an answer of its own; empty where it said nothing."""
    if outcome.reply is None or outcome.state not in _HAS_SETS:
        return Answer()
    total = None
    if query.granularity >= Granularity.COUNT:
        told = told_by(outcome, query)
        total = _total(told.of_all.bounds, told.of_answers, (outcome,))
    return Answer(result_sets=tuple(_result_sets(outcome, query)), total=total)


def _variants(outcomes: Sequence[Outcome], query: Query) -> Sequence[Variant]:
    if query.entry_type != "genomicVariant" or not query.wants_records:
        return ()
    return variants_of(outcomes)


def _result_sets(outcome: Outcome, query: Query) -> list[ResultSet]:
    reply = outcome.reply
    if reply is None or outcome.state not in _HAS_SETS:
        return []
    sets = reply.sets
    if query.entry_type in _COLLECTIONS:
        sets = tuple(replace(one, records=_named(one, outcome)) for one in sets)
    return [_result_set(one, outcome, reply.reported_id) for one in sets]


def _named(said: ReportedSet, outcome: Outcome) -> tuple[Raw, ...]:
    """Datasets or cohorts, each with the id of the member that has it: a list has no sets.

    What a nested network says of its own members stays.
    """
    named = []
    for one in said.records:
        record = decode(one)
        if isinstance(record, dict):
            record.setdefault("beaconId", (outcome.member.id, *said.path)[-1])
        named.append(Raw(encode(record)))
    return tuple(named)


def _result_set(said: ReportedSet, outcome: Outcome, reported_id: str | None) -> ResultSet:
    member = outcome.member
    info = {} if said.info is None else dict(said.info)
    if not said.path or "country" not in info:
        info["country"] = member.country
    info["latencyMs"] = round(outcome.after_ms)
    info["path"] = [member.id, *said.path]
    info.pop("bounds", None)
    bounds = bounds_of_set(said, member)
    if not bounds.is_exact:
        info["bounds"] = written_bounds(bounds)
    if not said.path and reported_id not in (None, member.id):
        info["reportedBeaconId"] = reported_id
    if said.emulated:
        info["emulated"] = True
    if outcome.applied:
        info["applied"] = outcome.applied
    if outcome.age_s is not None:
        info["ageSeconds"] = round(outcome.age_s)
    return ResultSet(
        dataset_id=said.id,
        # Noise may take a count below zero, which the specification does not allow.
        count=None if said.count is None else max(said.count, 0),
        info=info,
        reported=Reported(
            beacon_id=member.id,
            exists=said.exists,
            set_type=said.set_type,
            precision=_precision(said, bounds),
            adjusted_to=said.adjusted_to,
            records=said.records,
            handovers=said.handovers,
        ),
    )


def _precision(said: ReportedSet, bounds: Bounds) -> str | None:
    if said.count is None:
        return said.precision
    if bounds.is_exact:
        return "exact"
    return "imprecise" if said.precision in (None, "exact") else said.precision


def _together(outcomes: Sequence[Outcome], spans: Sequence[Span], query: Query) -> Span:
    """The bounds of how many there are in the whole network."""
    apart: list[Span] = []
    shared: list[Span] = []
    for outcome, span in zip(outcomes, spans, strict=True):
        (apart if adds_up(query, outcome.member) else shared).append(span)
    if not shared:
        return added(apart)
    # Members that share nobody are one large one, to which the others may be anything.
    return overlapping([added(apart), *shared])


def _narrowed(span: Span, variants: Sequence[Variant], query: Query) -> Span:
    """Bounds of a number of variants, given the records of some of them."""
    if query.entry_type != "genomicVariant" or span.upper == 0:
        return span
    lower, upper = max(span.lower, len(variants)), span.upper
    again = sum(len(one.sightings) - 1 for one in variants)
    if upper is not None:
        upper = max(upper - again, lower)
    if is_single_allele(query):
        upper = max(lower, 1)
    return Span(lower, upper, span.noise, span.told - again)


def _total(bounds: Bounds, told: Span, outcomes: Sequence[Outcome]) -> Total:
    """The number that those who answered told of, no lower and no higher than it can be.

    There is none where nobody answered. What is said to be there, if only by an old answer or by
    one with noise, is not counted as nothing.
    """
    said = [one.reply for one in outcomes if one.reply is not None and one.state in _HAS_SETS]
    if not said and bounds.upper != 0:
        return Total(count=None, precision="imprecise")
    within = told.bounds
    count = max(told.told, within.lower)
    if not count and any(one.exists for one in said):
        return Total(count=1, precision="imprecise")
    if within.upper is not None:
        count = min(count, within.upper)
    return Total(count=count, precision="exact" if bounds.is_exact else "imprecise")


def _document(
    bounds: Bounds, answering: Bounds, outcomes: Sequence[Outcome], told: Sequence[Bounds]
) -> dict[str, Any]:
    document: dict[str, Any] = {"lower": bounds.lower}
    if bounds.upper is not None:
        document["upper"] = bounds.upper
    if answering.upper is not None:
        document["upperIfOnlyAnswering"] = answering.upper
    if not bounds.is_exact:
        document["why"] = reasons_for_bounds(zip(outcomes, told, strict=True)) or [_OVERLAP]
    return document


_OVERLAP = "what several members have may be the same"


def _counted_once(outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """Without the result sets that came another way, too: a fresh answer by the shortest way."""
    if not any(said.path for outcome in outcomes for said in _sets(outcome)):
        return outcomes
    ways = [
        _Way(outcome.state is State.STALE, len(said.path), place, number)
        for place, outcome in enumerate(outcomes)
        for number, said in enumerate(_sets(outcome))
    ]
    names = _names_of(outcomes)
    leaves = [_leaf_ids(outcome, names) for outcome in outcomes]
    seen: set[tuple[str, str]] = set()
    kept: list[dict[int, ReportedSet]] = [{} for _ in outcomes]
    for way in sorted(ways):
        said = _sets(outcomes[way.place])[way.number]
        key = (leaves[way.place][_leaf(said)], _dataset(said))
        if not (way.length and key in seen):
            kept[way.place][way.number] = said
        seen.add(key)
    return [
        _with_sets(outcome, tuple(sets[number] for number in sorted(sets)))
        for outcome, sets in zip(outcomes, kept, strict=True)
    ]


class _Way(NamedTuple):
    """Where a result set is, in the order in which its like are preferred."""

    is_stale: bool
    length: int
    place: int
    number: int


def _sets(outcome: Outcome) -> Sequence[ReportedSet]:
    return () if outcome.reply is None else outcome.reply.sets


def _leaf_ids(outcome: Outcome, names: Mapping[str, str]) -> dict[str, str]:
    """The beacons that a member's result sets are from: its names for them, to what they are to us.

    A network says of its members what they call themselves; two of that name are not believed.
    """
    claims: dict[str, str] = {}
    for said in _sets(outcome):
        claim = (said.info or {}).get("reportedBeaconId") if said.path else outcome.member.id
        claims[_leaf(said)] = claim if isinstance(claim, str) else _leaf(said)
    known = [names.get(claim, claim) for claim in claims.values()]
    return {
        leaf: one if not leaf or known.count(one) == 1 else names.get(leaf, leaf)
        for leaf, one in zip(claims, known, strict=True)
    }


def _leaf(said: ReportedSet) -> str:
    """The beacon that has the data; empty where it is the member itself."""
    return said.path[-1] if said.path else ""


def _dataset(said: ReportedSet) -> str:
    """The dataset; empty where a result set stands for all of its beacon."""
    return "" if said.emulated or (said.info or {}).get("emulated") else said.id


def _names_of(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """What members call themselves, to the ids they are registered by.

    A name that is another member's id, or that two members use, is not believed.
    """
    registered = {one.member.id for one in outcomes}
    names: dict[str, str] = {}
    claimed: set[str] = set()
    for outcome in outcomes:
        reported = None if outcome.reply is None else outcome.reply.reported_id
        if reported is None or reported in registered:
            continue
        if reported in claimed:
            names.pop(reported, None)
        else:
            names[reported] = outcome.member.id
        claimed.add(reported)
    return names


def _with_sets(outcome: Outcome, kept: tuple[ReportedSet, ...]) -> Outcome:
    """An outcome with fewer result sets, and then without what it says of all of them."""
    reply = outcome.reply
    if reply is None or len(kept) == len(reply.sets):
        return outcome
    status = reply.network_status
    if status is not None:
        status = {key: value for key, value in status.items() if key != "bounds"}
    reply = replace(
        reply,
        sets=kept,
        exists=any(one.exists for one in kept),
        total=None if kept else 0,
        precision=None,
        adjusted_to=(),
        network_status=status,
    )
    return replace(outcome, reply=reply)


def _leaves(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The beacons behind networks, each once: by the way that answered, or else the shortest.

    Those that are members themselves and answered are not among them.
    """
    found = [leaf for outcome in outcomes for leaf in leaves_of(outcome)]
    if not found:
        return found
    names = _names_of(outcomes)
    direct = {one.member.id for one in outcomes if one.state.is_answer}
    best: dict[str, dict[str, Any]] = {}
    for leaf in sorted(found, key=lambda one: (one["status"] not in _ANSWERS, len(one["path"]))):
        leaf_id = names.get(leaf["beaconId"], leaf["beaconId"])
        if leaf_id not in direct:
            best.setdefault(leaf_id, leaf)
    chosen = {id(one) for one in best.values()}
    return [leaf for leaf in found if id(leaf) in chosen]


_ANSWERS = (State.HIT, State.MISS)
