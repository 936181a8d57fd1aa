"""The home of the keyed hash of a question: the same question has the same, and it says no more."""

from __future__ import annotations

import hmac

import msgspec
from msgspec.structs import replace

from beacon.framework.query import Filter, Granularity, Include, Pagination, Query

_encoder = msgspec.json.Encoder(order="sorted")
_DIGITS = 32
_FIRST = Pagination()


def hashed(key: bytes, query: Query) -> str:
    """The keyed hash of a question, hexadecimal, of 128 bits.

    How much of an answer is shown is no part of the question: pages, granularity, which sets, and
    in which schema. Nor is the order of filters.
    """
    question = replace(
        query,
        pagination=_FIRST,
        granularity=Granularity.NONE,
        include=Include.HIT,
        include_given=False,
        requested_schemas=(),
        api_version="",
        filters=_sorted(query.filters),
        population_filters=_sorted(query.population_filters),
        dataset_ids=tuple(sorted(query.dataset_ids)),
    )
    return hmac.digest(key, _encoder.encode(question), "sha256").hex()[:_DIGITS]


def _sorted(filters: tuple[Filter, ...]) -> tuple[Filter, ...]:
    return filters if len(filters) < 2 else tuple(sorted(filters, key=_encoder.encode))
