"""What may leave: the only place that makes an answer poorer. Encoders accept only its output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from beacon.framework.access import Access, Protection
from beacon.framework.answer import NOBODYS, Answer, Basis, Record, Reported, ResultSet
from beacon.framework.decisions import Decision, decided
from beacon.framework.noise import Added, Noise
from beacon.framework.numbers import Released, released, widened
from beacon.framework.query import Granularity, Include, Query

__all__ = ["Disclosed", "DisclosedSet", "Narrowed", "Protected", "Released", "disclose", "released"]


class DisclosedSet(msgspec.Struct, frozen=True, kw_only=True):
    """One result set as it may be shown: what is `None` is withheld, not empty.

    `precision` and `adjusted_to` are `countPrecision` and `countAdjustedTo` of `count`.
    """

    dataset_id: str
    exists: bool
    count: Released | None = None
    precision: str = "exact"
    adjusted_to: tuple[int, ...] = ()
    records: tuple[Record, ...] | tuple[msgspec.Raw, ...] | None = None
    info: Mapping[str, Any] | None = None
    reported: Reported | None = None


class Disclosed(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it may be shown.

    `exists` and `total` describe the whole query, whatever sets are included. `total` is `None`
    when no count may be told; `precision` is `countPrecision`, never `exact` when a set that hit
    withheld its count. `info` is about the answer as a whole. `decisions` name every dataset that
    was asked here, included or not; they never leave.
    """

    granularity: Granularity
    exists: bool
    total: Released | None
    precision: str
    adjusted_to: tuple[int, ...] = ()
    result_sets: tuple[DisclosedSet, ...]
    info: Mapping[str, Any] | None = None
    decisions: tuple[Decision, ...] = ()


_COHORT = "cohort"

Narrowed = Callable[[Record], Record]
"""What is shown of a record."""

Protected = Callable[[Record, Protection], Record]
"""A record with the numbers of people in it as they may be told."""


class _Shown(NamedTuple):
    """What is shown of a record."""

    narrowed: Narrowed | None
    protected: Protected | None


def disclose(
    answer: Answer,
    query: Query,
    access: Access,
    narrowed: Narrowed | None = None,
    protected: Protected | None = None,
    noise: Noise | None = None,
) -> Disclosed:
    """Hold back whatever the caller may not learn, set by set.

    The level of a set is the least of what was asked and what the policy grants for the entry type
    that is delivered. A set at level `NONE` is left out in every mode, as if it were not there.

    Args:
        answer: What the source found, as far as it may look.
        query: What was asked.
        access: What the caller may learn.
        narrowed: What is shown of a record, of those that the question asked for.
        protected: What is shown of a record where few people are protected. Without it, no
            records are shown there.
        noise: Makes the noise that rules want. Without it, no number is told where they do.
    """
    disclosed = []
    decisions: list[Decision] = []
    told: list[DisclosedSet] = []
    withheld_hit = False
    highest = Granularity.BOOLEAN
    for found in answer.result_sets:
        level = min(query.granularity, access.level(found.dataset_id, query.entry_type))
        if level is Granularity.NONE:
            decisions.append(Decision(dataset_id=found.dataset_id, level=level))
            continue
        if access.protections:
            one, level = _disclose_protected(
                found, query, access, level, _Shown(narrowed, protected), noise
            )
        else:
            one = _disclose_set(found, level, narrowed)
        if one.count is not None:
            highest = max(highest, level)
            told.append(one)
        elif one.exists:
            withheld_hit = True
        disclosed.append(one)
        if found.reported is None:
            decisions.append(decided(found, level, query, access, exists=one.exists))
    exists = any(one.exists for one in disclosed)
    counted = bool(told)
    if not disclosed:
        # Nobody to ask: say as much as was asked, so that an empty beacon and a beacon whose
        # datasets are hidden from this caller are one and the same.
        highest, counted = query.granularity, query.granularity >= Granularity.COUNT
    in_all = Released(sum(one.count or 0 for one in told)) if counted else None
    precision, adjusted_to = _precision_of_sum(told)
    if withheld_hit:
        precision, adjusted_to = "imprecise", ()
    if answer.total is not None and counted:
        of_all = answer.total.count
        in_all, precision = None if of_all is None else Released(of_all), answer.total.precision
        if in_all is None and not disclosed and highest is Granularity.COUNT:
            highest = Granularity.BOOLEAN  # nobody told a number
    return Disclosed(
        granularity=highest,
        exists=exists,
        total=in_all,
        precision=precision,
        adjusted_to=adjusted_to,
        result_sets=tuple(one for one in disclosed if _is_included(one, query.include)),
        info=answer.info,
        decisions=tuple(decisions),
    )


def _disclose_set(found: ResultSet, level: Granularity, narrowed: Narrowed | None) -> DisclosedSet:
    counted = level >= Granularity.COUNT and found.count is not None
    return DisclosedSet(
        dataset_id=found.dataset_id,
        exists=found.exists,
        count=Released(found.count or 0) if counted else None,
        records=_records(found, narrowed) if level is Granularity.RECORD else None,
        info=found.info,
        reported=found.reported,
    )


def _disclose_protected(
    found: ResultSet,
    query: Query,
    access: Access,
    level: Granularity,
    shown: _Shown,
    noise: Noise | None,
) -> tuple[DisclosedSet, Granularity]:
    """A set, and its level: the highest at which so few people may be told of.

    Where that is none, the set is what it would be if there were nobody: no line below knows
    which of the two it is.
    """
    each = found.basis is not None and found.basis.each
    # Without a basis, nothing says that they are not few.
    people = 0 if found.basis is None else found.basis.people
    if found.basis == NOBODYS and not found.count:
        people = 0
    for lower in reversed(range(Granularity.BOOLEAN, level + 1)):
        own = Granularity(lower)
        protection = access.protecting(query, found.dataset_id, own)
        if protection.is_open:
            if query.entry_type == _COHORT and access.protects_people(found.dataset_id):
                found = _without_sizes(found, protection, shown.protected)
            return _disclose_set(found, own, shown.narrowed), own
        if people < protection.min_count and not (
            people and protection.tells_few and not each and own < Granularity.RECORD
        ):
            continue
        if own is Granularity.RECORD and not (each and shown.protected):
            continue  # who reads records of people one by one can count them
        if each:
            one = _each_protected(found, own, protection, shown)
            if one is not None:
                return one, own
            continue
        added = None
        if own is Granularity.COUNT and _is_noisy(found, protection):
            added = _added(found, protection, noise)
            if added is None:
                continue  # a number without the noise is not for this caller
        return _counted(found, own, protection, added), own
    protection = access.protecting(query, found.dataset_id, level)
    return _as_if_nobody(found, level, protection), level


def _is_noisy(found: ResultSet, protection: Protection) -> bool:
    """Whether the number of a set is of those whom the question chose, and is to be blurred."""
    return bool(protection.noise) and (found.basis is None or found.basis.filtered)


def _added(found: ResultSet, protection: Protection, noise: Noise | None) -> Added | None:
    return None if noise is None else noise.of(found, protection.noise)


def _without_sizes(
    found: ResultSet, protection: Protection, protected: Protected | None
) -> ResultSet:
    """Cohorts whose own rule hides nothing, where another one hides how many people there are."""
    records = (
        () if protected is None else tuple(protected(one, protection) for one in found.records)
    )
    return msgspec.structs.replace(found, records=records)


def _as_if_nobody(found: ResultSet, level: Granularity, protection: Protection) -> DisclosedSet:
    few = protection.min_count - 1
    if found.basis is not None and not found.basis.each:
        few += found.basis.nearly
    hides = few > 0 and not protection.tells_few
    is_counted = level >= Granularity.COUNT
    return DisclosedSet(
        dataset_id=found.dataset_id,
        exists=False,
        count=Released(0) if is_counted else None,
        precision="imprecise" if hides and is_counted else "exact",
        adjusted_to=(few,) if hides and is_counted else (),
        records=() if level is Granularity.RECORD else None,
        info=found.info,
    )


def _each_protected(
    found: ResultSet,
    level: Granularity,
    protection: Protection,
    shown: _Shown,
) -> DisclosedSet | None:
    """A set of entries that are of people each: the source left out those of too few.

    Such are left out for the level that was asked for. There may be one that is told of at a lower
    one; then this is that lower level, and nothing is counted.
    """
    if level is not Granularity.BOOLEAN and not found.count:
        return None
    is_near = found.basis is not None and found.basis.nearly > 0
    records: tuple[Record, ...] | None = None
    if level is Granularity.RECORD and shown.protected is not None:
        records = tuple(shown.protected(one, protection) for one in found.records)
        records = records if shown.narrowed is None else tuple(map(shown.narrowed, records))
    return DisclosedSet(
        dataset_id=found.dataset_id,
        exists=True,
        count=Released(found.count or 0) if level >= Granularity.COUNT else None,
        precision="imprecise" if is_near and level >= Granularity.COUNT else "exact",
        records=records,
        info=found.info,
    )


def _counted(
    found: ResultSet, level: Granularity, protection: Protection, added: Added | None
) -> DisclosedSet:
    """A set of people who are enough, or whose being few may be told."""
    exists = bool(found.count)
    if level is Granularity.BOOLEAN:
        return DisclosedSet(dataset_id=found.dataset_id, exists=exists, info=found.info)
    basis = found.basis or Basis(people=0)
    count, precision, adjusted_to = released(
        found.count or 0,
        basis.people,
        basis.size,
        protection,
        others=basis.others,
        part=basis.part,
        added=added,
    )
    count, precision, adjusted_to = widened(count, precision, adjusted_to, basis.nearly)
    return DisclosedSet(
        dataset_id=found.dataset_id,
        exists=exists,
        count=count,
        precision=precision,
        adjusted_to=adjusted_to,
        info=found.info,
    )


def _precision_of_sum(told: list[DisclosedSet]) -> tuple[str, tuple[int, ...]]:
    """The precision of the sum of what was told, and of no other number."""
    kinds = {one.precision for one in told if one.reported is None}
    if kinds <= {"exact"}:
        return "exact", ()
    if len(told) == 1:
        return told[0].precision, told[0].adjusted_to
    return "rounded" if kinds == {"rounded"} else "imprecise", ()


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
