"""The home of the envelopes that answers come in, as loose as they are met.

Names are the specification's, with those that servers write instead of them. What is read of the
extension that matches cases is here, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from beacon.client.failures import NotABeacon

Document = dict[str, Any]
"""A JSON object as it came."""

Read = TypeVar("Read", bound=msgspec.Struct)


class Summary(msgspec.Struct, frozen=True, rename="camel"):
    """`responseSummary`."""

    exists: bool | None = None
    num_total_results: Any = None
    results_count: Any = None
    result_count: Any = None
    count_precision: str | None = None
    count_adjusted_to: Any = None


class Set(msgspec.Struct, frozen=True, rename="camel"):
    """One of `resultSets`."""

    id: str | int | None = None
    beacon_id: str | None = None
    exists: bool | None = None
    results_count: Any = None
    result_count: Any = None
    count_precision: str | None = None
    count_adjusted_to: Any = None
    results: list[Any] | None = None
    info: Any = None


class Response(msgspec.Struct, frozen=True, rename="camel"):
    """`response`."""

    result_sets: list[Set] | None = None
    collections: list[Any] | None = None


class Meta(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of `meta`."""

    beacon_id: str | None = None


class Envelope(msgspec.Struct, frozen=True, rename="camel"):
    """An answer. `resultSets` belong into `response`, but are also met beside it."""

    meta: Meta | None = None
    response_summary: Summary | None = None
    response: Response | None = None
    result_sets: list[Set] | None = None
    info: Any = None
    error: Any = None

    @property
    def sets(self) -> list[Set]:
        """All result sets."""
        inside = self.response.result_sets if self.response is not None else None
        return inside or self.result_sets or []

    @property
    def collections(self) -> list[Any] | None:
        """Datasets or cohorts that are listed."""
        return None if self.response is None else self.response.collections


class RawBand(msgspec.Struct, frozen=True, rename="camel"):
    """A band of a match set."""

    band: str
    min_score: float
    exists: bool | None = None
    count: Any = None
    count_precision: str | None = None
    count_adjusted_to: Any = None
    info: Any = None


class RawMatchSet(msgspec.Struct, frozen=True, rename="camel"):
    """One of `matchSets`."""

    id: str | None = None
    beacon_id: str | None = None
    exists: bool | None = None
    bands: list[RawBand] = []
    info: Any = None


class RawReason(msgspec.Struct, frozen=True):
    """Why somebody matches, or matches less."""

    kind: str
    score: float = 0.0
    asked: Any = None
    found: Any = None
    common: Any = None


class RawMatch(msgspec.Struct, frozen=True, rename="camel"):
    """One of `matches`."""

    id: str
    score: float
    beacon_id: str | None = None
    dataset_id: str | None = None
    band: str | None = None
    reasons: list[RawReason] = []


class MatchResponse(msgspec.Struct, frozen=True, rename="camel"):
    """`response` of an answer about a case."""

    match_sets: list[RawMatchSet] = []
    matches: list[RawMatch] = []


class MatchEnvelope(msgspec.Struct, frozen=True, rename="camel"):
    """An answer about a case."""

    meta: Meta | None = None
    response_summary: Summary | None = None
    response: MatchResponse | None = None
    info: Any = None


def read_as(kind: type[Read], document: Document) -> Read:
    """A document as what it should be; raises `NotABeacon` if it is not."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise NotABeacon(f"the answer is no Beacon document: {error}") from error


def mapping(value: Any) -> Mapping[str, Any]:
    """An object, an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; none of anything else."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None
