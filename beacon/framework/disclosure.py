"""What may leave: the only place that makes an answer poorer. Encoders accept only its output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from beacon.framework.access import Access
from beacon.framework.answer import Answer, Record, Reported, ResultSet
from beacon.framework.query import Granularity, Include, Query


class DisclosedSet(msgspec.Struct, frozen=True, kw_only=True):
    """One result set as it may be shown: what is `None` is withheld, not empty."""

    dataset_id: str
    exists: bool
    count: int | None = None
    records: tuple[Record, ...] | tuple[msgspec.Raw, ...] | None = None
    info: Mapping[str, Any] | None = None
    reported: Reported | None = None


class Disclosed(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it may be shown.

    `exists` and `total` describe the whole query, whatever sets are included. `total` is `None`
    when no count may be told; `precision` is `countPrecision`, never `exact` when a set that hit
    withheld its count. `info` is about the answer as a whole.
    """

    granularity: Granularity
    exists: bool
    total: int | None
    precision: str
    result_sets: tuple[DisclosedSet, ...]
    info: Mapping[str, Any] | None = None


Narrowed = Callable[[Record], Record]
"""What is shown of a record."""


def disclose(
    answer: Answer, query: Query, access: Access, narrowed: Narrowed | None = None
) -> Disclosed:
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
        if level >= Granularity.COUNT and found.count is not None:
            highest = max(highest, level)
            counted = True
            total += found.count
        elif found.exists:
            withheld_hit = True
        disclosed.append(_disclose_set(found, level, narrowed))
    exists = any(one.exists for one in disclosed)
    if not disclosed:
        # Nobody to ask: say as much as was asked, so that an empty beacon and a beacon whose
        # datasets are hidden from this caller are one and the same.
        highest, counted = query.granularity, query.granularity >= Granularity.COUNT
    precision = "imprecise" if withheld_hit else "exact"
    in_all: int | None = total if counted else None
    if answer.total is not None and counted:
        in_all, precision = answer.total.count, answer.total.precision
        if in_all is None and not disclosed and highest is Granularity.COUNT:
            highest = Granularity.BOOLEAN  # nobody told a number
    return Disclosed(
        granularity=highest,
        exists=exists,
        total=in_all,
        precision=precision,
        result_sets=tuple(one for one in disclosed if _is_included(one, query.include)),
        info=answer.info,
    )


def _disclose_set(found: ResultSet, level: Granularity, narrowed: Narrowed | None) -> DisclosedSet:
    return DisclosedSet(
        dataset_id=found.dataset_id,
        exists=found.exists,
        count=found.count if level >= Granularity.COUNT else None,
        records=_records(found, narrowed) if level is Granularity.RECORD else None,
        info=found.info,
        reported=found.reported,
    )


def _records(
    found: ResultSet, narrowed: Narrowed | None
) -> tuple[Record, ...] | tuple[msgspec.Raw, ...]:
    if found.reported is None:
        return found.records if narrowed is None else tuple(map(narrowed, found.records))
    if narrowed is None:
        return found.reported.records
    return tuple(narrowed(msgspec.json.decode(one)) for one in found.reported.records)


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
