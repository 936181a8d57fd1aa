"""The home of `Answer`: what a beacon or a network says to a question, whatever its version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from beacon.client.envelopes import (
    Document,
    Envelope,
    Set,
    Summary,
    mapping,
    objects,
    read_as,
    text,
)
from beacon.client.failures import NotABeacon
from beacon.client.ranges import (
    ANYTHING,
    NOTHING,
    SOMETHING,
    CountRange,
    range_of,
    read_range,
    together,
    whole,
)


@dataclass(frozen=True, slots=True)
class Frequency:
    """How often an allele is seen in a population; counts are of alleles, `None` if not told."""

    population: str
    frequency: float
    allele_count: int | None = None
    allele_number: int | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """What one dataset says.

    Attributes:
        beacon_id: Of the beacon that has the dataset.
        dataset_id: The dataset.
        exists: Yes, no, or `None`: it does not know, or does not tell.
        count: As it was told, `None` if it was not; how sure it is, `low` and `high` say.
        precision: `exact`, `imprecise` or `rounded`; `None` where there is no count.
        low: The least that the true count can be.
        high: The most; `None` is no bound.
        frequencies: Of the variant, where records were given that have them.
    """

    beacon_id: str | None
    dataset_id: str | None
    exists: bool | None
    count: int | None
    precision: str | None
    low: int
    high: int | None
    frequencies: tuple[Frequency, ...] = ()


@dataclass(frozen=True, slots=True)
class MemberState:
    """What became of a question at one member of a network.

    `status` is `hit` or `miss`; any other, such as `timeout` or `restricted`, means that the
    member did not answer, and `reason` may say why.
    """

    id: str
    name: str | None
    status: str
    country: str | None = None
    reason: str | None = None

    @property
    def is_answer(self) -> bool:
        """Whether the member said yes or no."""
        return self.status in ("hit", "miss")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a beacon or a network says.

    Attributes:
        exists: Yes, no, or `None`: nobody knows, or nobody tells. `None` is never a no.
        low: The least that the true count can be.
        high: The most; `None` is no bound. `low == high` is an exact count.
        sets: What each dataset says, as far as the beacon names them.
        members: What became of the question at each member of a network; empty for a beacon.
        document: The answer as it came.
    """

    exists: bool | None
    low: int
    high: int | None
    sets: tuple[AnswerSet, ...] = ()
    members: tuple[MemberState, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def count(self) -> int | None:
        """The true count, where that is certain."""
        return self.low if self.low == self.high else None


def read_answer(document: Document, beacon_id: str | None = None) -> Answer:
    """Read an answer.

    Args:
        document: As it came; `meta` may be missing.
        beacon_id: Who said it, where the document does not say.

    Raises:
        NotABeacon: It says neither yes nor no, nor that it does not know.
    """
    envelope = read_as(Envelope, document)
    status = network_status(envelope.info)
    if (
        envelope.response_summary is None
        and not envelope.sets
        and envelope.collections is None
        and not status
    ):
        raise NotABeacon("the answer has neither a summary nor result sets")
    own_id = (envelope.meta.beacon_id if envelope.meta is not None else None) or beacon_id
    sets = tuple(_set(one, own_id) for one in envelope.sets)
    found = of_network(_told(envelope, sets), status)
    return Answer(found.exists, found.low, found.high, sets, members_of(status), document)


def network_status(info: Any) -> Mapping[str, Any]:
    """What a network says of its members; empty for a beacon."""
    return mapping(mapping(info).get("networkStatus"))


def members_of(status: Mapping[str, Any]) -> tuple[MemberState, ...]:
    """The members that a network tells of."""
    return tuple(
        member_state(one) for one in objects(status.get("members")) if text(one.get("beaconId"))
    )


def member_state(about: Mapping[str, Any]) -> MemberState:
    """One member, as a network writes it."""
    return MemberState(
        id=str(about.get("beaconId")),
        name=text(about.get("name")),
        status=text(about.get("status")) or "unknown",
        country=text(about.get("country")),
        reason=text(about.get("reason")),
    )


def of_network(told: CountRange, status: Mapping[str, Any]) -> CountRange:
    """What a network told, given who was silent: what those have may come on top."""
    if not status:
        return told
    bounds = read_range(status.get("bounds"))
    if bounds is not None:
        return bounds
    if status.get("existsCertainty") == "partial":
        return CountRange(told.low, None)
    if status.get("complete") is False or not all(one.is_answer for one in members_of(status)):
        return CountRange(told.low, None)
    return told


def _told(envelope: Envelope, sets: Sequence[AnswerSet]) -> CountRange:
    """What the summary says; what it does not say follows from the sets."""
    summary = envelope.response_summary or Summary()
    stated = summary.exists
    if stated is None and not sets and envelope.collections is not None:
        stated = bool(envelope.collections)
    count = _first(summary.num_total_results, summary.results_count, summary.result_count)
    whole_range = range_of(stated, count, summary.count_precision, summary.count_adjusted_to)
    ranges = [CountRange(one.low, one.high) for one in sets]
    if whole(count) is None and any(one.count is not None for one in sets):
        of_sets = together(ranges)
        return CountRange(max(of_sets.low, whole_range.low), of_sets.high)
    if any(one.exists for one in sets) and whole_range.exists is False:
        return SOMETHING
    if stated is None and whole(count) is None:
        return together(ranges) if ranges else ANYTHING
    if whole_range == NOTHING and any(one.exists is None for one in sets):
        return together(ranges)  # silence of some is no part of a no
    if whole_range.high is None:
        # However many are in several datasets, there are as many as in the largest.
        return CountRange(max(whole_range.low, together(ranges).low), None)
    return whole_range


def _set(one: Set, own_id: str | None) -> AnswerSet:
    info = mapping(one.info)
    stated, count = one.exists, _first(one.results_count, one.result_count)
    if stated is None and whole(count) is None and one.results:
        stated = True
    found = read_range(info.get("bounds"))
    if found is None:
        found = range_of(stated, count, one.count_precision, one.count_adjusted_to)
    if not stated and (info.get("error") or "notApplicable" in info):
        found, count = ANYTHING, None  # it could not be asked
    number = whole(count)
    return AnswerSet(
        beacon_id=one.beacon_id or own_id,
        dataset_id=None if one.id is None else str(one.id),
        exists=found.exists,
        count=number,
        precision=None if number is None else one.count_precision or "exact",
        low=found.low,
        high=found.high,
        frequencies=tuple(_frequencies(one.results or ())),
    )


def _frequencies(records: Sequence[Any]) -> Iterator[Frequency]:
    for record in records:
        for source in objects(mapping(record).get("frequencyInPopulations")):
            for one in objects(source.get("frequencies")):
                population, frequency = text(one.get("population")), one.get("alleleFrequency")
                if population is None or not isinstance(frequency, int | float):
                    continue
                yield Frequency(
                    population=population,
                    frequency=float(frequency),
                    allele_count=whole(one.get("alleleCount")),
                    allele_number=whole(one.get("alleleNumber")),
                    source=text(source.get("source")),
                )


def _first(*values: Any) -> Any:
    return next((one for one in values if one is not None), None)
