"""The home of `MatchAnswer`: who is like a case, as a beacon or a network tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from beacon.client.answers import MemberState, members_of, network_status, of_network
from beacon.client.envelopes import (
    Document,
    MatchEnvelope,
    RawBand,
    RawMatch,
    RawMatchSet,
    RawReason,
    Summary,
    mapping,
    read_as,
)
from beacon.client.failures import NotABeacon
from beacon.client.ranges import ANYTHING, CountRange, range_of, read_range, whole


@dataclass(frozen=True, slots=True)
class Band:
    """People who are at least so alike: of bands that follow each other, each holds the former.

    `count` is as it was told, `None` if it was not; the true one is from `low` to `high`.
    """

    band: str
    min_score: float
    exists: bool | None
    count: int | None
    precision: str | None
    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class MatchSet:
    """What one dataset says.

    `exists` is `None` where it does not know or does not tell. `not_compared` are terms of the
    case that it knows nothing of.
    """

    beacon_id: str | None
    dataset_id: str | None
    exists: bool | None
    bands: tuple[Band, ...]
    not_compared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody matches, with what it adds to the score, or takes.

    `kind` is `feature`, `contradiction`, `chance`, `sameVariant`, `sameCodon` or `sameGene`.
    """

    kind: str
    score: float
    asked: Any = None
    found: Any = None
    common: Any = None


@dataclass(frozen=True, slots=True)
class Match:
    """Somebody who is alike. `id` means nothing elsewhere; `score` is at most 1."""

    beacon_id: str | None
    dataset_id: str | None
    id: str
    score: float
    band: str | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class MatchAnswer:
    """Who is like a case.

    Attributes:
        exists: Whether there is anybody, `None` when nobody knows or tells; never a no.
        low: The least number of people in the lowest band.
        high: The most; `None` is no bound.
        sets: What each dataset says.
        matches: People, where they are told of one by one.
        unknown: Terms that were asked with and that no dataset could compare.
        members: What became of the question at each member of a network; empty for a beacon.
        document: The answer as it came.
    """

    exists: bool | None
    low: int
    high: int | None
    sets: tuple[MatchSet, ...] = ()
    matches: tuple[Match, ...] = ()
    unknown: tuple[str, ...] = ()
    members: tuple[MemberState, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_matches(document: Document) -> MatchAnswer:
    """Read an answer about a case; raises `NotABeacon` for what is none."""
    envelope = read_as(MatchEnvelope, document)
    if envelope.response_summary is None and envelope.response is None:
        raise NotABeacon("the answer has neither a summary nor a response")
    summary = envelope.response_summary or Summary()
    own_id = envelope.meta.beacon_id if envelope.meta is not None else None
    response = envelope.response
    sets = tuple(_set(one, own_id) for one in response.match_sets) if response else ()
    status = network_status(envelope.info)
    told = range_of(
        summary.exists,
        summary.num_total_results,
        summary.count_precision,
        summary.count_adjusted_to,
    )
    if told.exists is False and any(one.exists is not False for one in sets):
        told = ANYTHING  # the silence of some is no part of a no
    if told.high is None:
        told = CountRange(max(told.low, *(band.low for one in sets for band in one.bands), 0), None)
    found = of_network(told, status)
    return MatchAnswer(
        exists=found.exists,
        low=found.low,
        high=found.high,
        sets=sets,
        matches=tuple(_match(one, own_id) for one in response.matches) if response else (),
        unknown=_unknown(envelope.info, sets),
        members=members_of(status),
        document=document,
    )


def _set(one: RawMatchSet, own_id: str | None) -> MatchSet:
    info = mapping(one.info)
    is_silent = not one.exists and bool(info.get("error") or "notApplicable" in info)
    bands = tuple(map(_band, one.bands))
    exists = None if is_silent else one.exists
    if exists is False and any(band.exists is not False for band in bands):
        exists = None
    not_compared = _texts(info.get("notCompared"))
    return MatchSet(one.beacon_id or own_id, one.id, exists, bands, not_compared)


def _unknown(info: Any, sets: Sequence[MatchSet]) -> tuple[str, ...]:
    stated = _texts(mapping(mapping(info).get("case")).get("unknown"))
    if stated or not sets:
        return stated
    first, *others = sets
    return tuple(
        term for term in first.not_compared if all(term in one.not_compared for one in others)
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _band(one: RawBand) -> Band:
    found = range_of(one.exists, one.count, one.count_precision, one.count_adjusted_to)
    found = read_range(mapping(one.info).get("bounds")) or found
    number = whole(one.count)
    return Band(
        band=one.band,
        min_score=one.min_score,
        exists=found.exists,
        count=number,
        precision=None if number is None else one.count_precision or "exact",
        low=found.low,
        high=found.high,
    )


def _match(one: RawMatch, own_id: str | None) -> Match:
    return Match(
        beacon_id=one.beacon_id or own_id,
        dataset_id=one.dataset_id,
        id=one.id,
        score=one.score,
        band=one.band,
        reasons=tuple(map(_reason, one.reasons)),
    )


def _reason(one: RawReason) -> Reason:
    return Reason(one.kind, one.score, one.asked, one.found, one.common)
