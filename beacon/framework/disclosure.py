"""What may leave: the only place that makes an answer poorer. Encoders accept only its output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from beacon.framework.access import Access
from beacon.framework.answer import Answer, Record, ResultSet
from beacon.framework.query import Granularity, Include, Query


class DisclosedSet(msgspec.Struct, frozen=True, kw_only=True):
    """One result set as it may be shown: what is `None` is withheld, not empty."""

    dataset_id: str
    exists: bool
    count: int | None = None
    records: tuple[Record, ...] | None = None
    info: Mapping[str, Any] | None = None


class Disclosed(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it may be shown.

    `exists` and `total` describe the whole query, whatever sets are included. `total` is `None`
    when no count may be told; `total_is_exact` is false when a set that hit withheld its count.
    """

    granularity: Granularity
    exists: bool
    total: int | None
    total_is_exact: bool
    result_sets: tuple[DisclosedSet, ...]


def disclose(answer: Answer, query: Query, access: Access) -> Disclosed:
    """Hold back whatever the caller may not learn, set by set.

    The level of a set is the least of what was asked and what the policy grants for the entry type
    that is delivered. A set at level `NONE` is left out in every mode, as if it were not there.
    """
    disclosed = []
    total = 0
    counted = withheld_hit = False
    highest = Granularity.BOOLEAN
    for found in answer.result_sets:
        level = min(query.granularity, access.level(found.dataset_id, query.entry_type))
        if level is Granularity.NONE:
            continue
        highest = max(highest, level)
        if level >= Granularity.COUNT:
            counted = True
            total += found.count
        elif found.count:
            withheld_hit = True
        disclosed.append(_disclose_set(found, level))
    exists = any(one.exists for one in disclosed)
    if not disclosed:
        # Nobody to ask: say as much as was asked, so that an empty beacon and a beacon whose
        # datasets are hidden from this caller are one and the same.
        highest, counted = query.granularity, query.granularity >= Granularity.COUNT
    return Disclosed(
        granularity=highest,
        exists=exists,
        total=total if counted else None,
        total_is_exact=not withheld_hit,
        result_sets=tuple(one for one in disclosed if _is_included(one, query.include)),
    )


def _disclose_set(found: ResultSet, level: Granularity) -> DisclosedSet:
    return DisclosedSet(
        dataset_id=found.dataset_id,
        exists=found.count > 0,
        count=found.count if level >= Granularity.COUNT else None,
        records=found.records if level is Granularity.RECORD else None,
        info=found.info,
    )


def _is_included(disclosed: DisclosedSet, include: Include) -> bool:
    match include:
        case Include.ALL:
            return True
        case Include.HIT:
            return disclosed.exists
        case Include.MISS:
            return not disclosed.exists
        case Include.NONE:
            return False
