"""The way back from a member: what it said, whatever its version, becomes a `MemberReply`.

Only the envelope is read. Records stay the bytes that came.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from beacon.framework.parameters import INT64_MAX
from beacon.framework.query import Granularity, Query
from beacon.network import envelopes
from beacon.network.envelopes import (
    Envelope,
    Number,
    Set,
    Summary,
    bad_response,
    handovers_of,
    info_of,
    precision_of,
)
from beacon.network.members import Member
from beacon.network.refusals import beacon_error, error_text, refusal
from beacon.network.states import MemberFailure, MemberReply, ReportedSet, State
from beacon.settings import Reporting

if TYPE_CHECKING:
    from beacon.network.remote import RawReply

__all__ = ["beacon_error", "decode"]


def decode(reply: RawReply, query: Query, member: Member) -> MemberReply:
    """Read what a member answered.

    Args:
        reply: As it came, of whatever HTTP status.
        query: What the member was asked. Nothing is taken that was not asked for: neither counts
            and records beyond the granularity, nor result sets of other datasets.
        member: Who was asked. How it reports counts decides which of them make sense.

    Raises:
        MemberFailure: It refuses, cannot say, or said what makes no sense.
    """
    if not 200 <= reply.status < 300:
        raise refusal(reply.status, beacon_error(reply.status, reply.body), query)
    envelope = envelopes.envelope(reply.body, reply.content_type)
    _check_error(envelope, query)
    return _Reader(query, member, envelope.meta.beacon_id).read(envelope)


def _check_error(envelope: Envelope, query: Query) -> None:
    """An error in an answer of status 200 is one all the same; its code tells which."""
    error = envelope.error
    if not error:
        return
    status = _status(error)
    # Some servers send an empty error along with a good answer.
    if status or envelope.response_summary is None:
        status = status or 500
        raise refusal(status, error_text(status, error), query)


Found = tuple[Set, dict[str, Any]]
"""A result set as it came, and its `info`."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one answer. `own_id` is what the member calls itself in it."""

    query: Query
    member: Member
    own_id: str | None

    def read(self, envelope: Envelope) -> MemberReply:
        found = _found(envelope)
        sets = [
            self._narrowed(self._set(one, info)) for one, info in found if not _is_silent(one, info)
        ]
        summary = envelope.response_summary or Summary()
        total = self._count(summary.num_total_results, summary.results_count, summary.result_count)
        exists = self._said(summary.exists, total, found, envelope) or any(s.exists for s in sets)
        precision, adjusted_to = precision_of(summary, exists)
        total = self._meant(total, exists, precision)
        asked = self._asked_datasets(sets)
        chosen = [one for one in sets if self._is_asked(one, asked)]
        if len(chosen) < len(sets):
            if not chosen:
                raise MemberFailure(State.NOT_APPLICABLE, "has none of the datasets that are asked")
            total, precision, adjusted_to = None, None, ()
            exists = any(one.exists for one in chosen)
        status = self._network_status(envelope, found, chosen)
        if (exists and not any(one.exists for one in chosen)) or not (chosen or status):
            self._check_all_are_asked(exists)
            chosen.append(
                ReportedSet(
                    id=self.member.id,
                    exists=exists,
                    count=total,
                    precision=precision,
                    adjusted_to=adjusted_to,
                    records=self._records(_collections(envelope)),
                    emulated=True,
                )
            )
        return MemberReply(
            exists=exists,
            granularity=self._granularity(envelope, chosen, total),
            total=total,
            precision=precision,
            adjusted_to=adjusted_to,
            sets=tuple(chosen),
            reported_id=self.own_id,
            schema=self._schema(envelope.meta.returned_schemas),
            network_status=status,
        )

    def _said(
        self,
        stated: bool | None,
        total: int | None,
        found: Sequence[Found],
        envelope: Envelope,
    ) -> bool:
        """What the summary says; where there is none, what follows from the rest."""
        if stated is not None or total is not None:
            return self._exists(stated, total, None, "it")
        collections = _collections(envelope)
        if not found and (collections is None or not self._tells_by_records(collections)):
            raise bad_response("answers no Beacon document: neither a summary nor result sets")
        return bool(collections)

    def _set(self, one: Set, info: dict[str, Any]) -> ReportedSet:
        count = self._count(one.results_count, one.result_count)
        exists = self._exists(one.exists, count, one.results, "a result set of it")
        precision, adjusted_to = precision_of(one, exists)
        set_id = one.id if one.id not in (None, "") else one.beacon_id or self.member.id
        return ReportedSet(
            id=str(set_id),
            exists=exists,
            count=self._meant(count, exists, precision),
            set_type=one.set_type or "dataset",
            precision=precision,
            adjusted_to=adjusted_to,
            records=self._records(one.results),
            info=info or None,
            handovers=handovers_of(one.results_handovers),
            path=self._path(one, info),
            emulated=one.id in (None, "") or info.get("emulated") is True,
        )

    def _exists(
        self, stated: bool | None, count: int | None, results: Sequence[Any] | None, who: str
    ) -> bool:
        if stated is None:
            if count is None and not self._tells_by_records(results):
                raise bad_response(f"{who} says neither yes nor no")
            return bool(results) or (count or 0) > 0
        if not stated and results:
            raise bad_response(f"{who} says no, and gives records")
        if not stated and count and not self._is_noisy:
            raise bad_response(f"{who} says no, and counts {count}")
        return stated

    def _count(self, value: Number, misnamed: Number, misplaced: Number = None) -> int | None:
        if value is None:
            value = misnamed if misnamed is not None else misplaced
        if value is None or (type(value) is int and 0 <= value <= INT64_MAX):
            return value
        if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, float) and (value.is_integer() or self._is_noisy):
            value = round(value)
        if not isinstance(value, int) or abs(value) > INT64_MAX:
            raise bad_response("gives a count that is no whole number")
        if value < 0 and not self._is_noisy:
            raise bad_response("gives a count below zero")
        return value

    def _meant(self, count: int | None, exists: bool, precision: str | None) -> int | None:
        """A count as far as it was asked for and means anything.

        None of something that exists is a count that is kept back, unless counts are known to be
        changed so.
        """
        if self.query.granularity < Granularity.COUNT:
            return None
        is_plain = precision in (None, "exact") and self.member.counts.reporting in _NEVER_ZEROED
        return None if exists and count == 0 and is_plain else count

    def _records(self, results: Sequence[msgspec.Raw] | None) -> tuple[msgspec.Raw, ...]:
        if not results or not self.query.wants_records:
            return ()
        if not all(_is_object(one) for one in results):
            raise bad_response("gives records that are no objects")
        return tuple(results)

    def _path(self, one: Set, info: dict[str, Any]) -> tuple[str, ...]:
        given = info.get("path")
        if given is None and one.beacon_id is None:
            return ()
        if not isinstance(given, list) or not 0 < len(given) <= _PATH_MAX:
            given = [one.beacon_id or ""]
        if not all(isinstance(step, str) and 0 < len(step) <= _ID_CHARACTERS for step in given):
            return ()
        first = next((n for n, step in enumerate(given) if step not in self._own_ids), len(given))
        return tuple(given[first:])

    def _network_status(
        self, envelope: Envelope, found: Sequence[Found], sets: Sequence[ReportedSet]
    ) -> dict[str, Any] | None:
        """What a network says of its members, or what its result sets say of those that failed."""
        status = info_of(envelope.info).get("networkStatus")
        if isinstance(status, dict):
            return status
        silent = [self._silent(one, info) for one, info in found if _is_silent(one, info)]
        if not silent:
            return None
        answered = len({one.path for one in sets})
        return {"asked": len(silent) + answered, "answered": answered, "members": silent}

    def _silent(self, one: Set, info: dict[str, Any]) -> dict[str, Any]:
        """The state of a beacon behind a network that says of it only that it failed."""
        error = info["error"]
        status = _status(error) or 500
        failure = refusal(status, error_text(status, error), self.query)
        leaf = one.beacon_id or one.id or "unknown"
        return {"beaconId": str(leaf), "status": failure.state.value, "reason": failure.reason}

    def _tells_by_records(self, records: Sequence[Any] | None) -> bool:
        """Whether records, or that there are none, say yes or no: not on a page after the first."""
        return bool(records) or (records is not None and not self.query.pagination.offset)

    def _narrowed(self, one: ReportedSet) -> ReportedSet:
        """A result set for all of a beacon's datasets cannot say yes for some of them."""
        if not (one.emulated and one.exists and self._is_of_datasets):
            return one
        info = {**(one.info or {}), "notApplicable": _TOGETHER}
        return msgspec.structs.replace(one, exists=False, count=None, records=(), info=info)

    def _asked_datasets(self, sets: Sequence[ReportedSet]) -> tuple[str, ...]:
        """The datasets that are asked; the one that is asked for entries of, where it is named."""
        within = self.query.within
        if within is not None and within.entry_type == "dataset":
            return (within.id,) if any(one.id == within.id for one in sets) else ()
        return self.query.dataset_ids

    def _is_asked(self, one: ReportedSet, asked: Sequence[str]) -> bool:
        if not asked or one.emulated or one.id in asked:
            return True
        return any(f"{step}:{one.id}" in asked for step in (*one.path, *self._own_ids))

    def _check_all_are_asked(self, exists: bool) -> None:
        """Raises if a yes for all datasets need not hold for those that are asked."""
        if exists and self._is_of_datasets:
            raise MemberFailure(State.NOT_APPLICABLE, _TOGETHER)

    def _granularity(
        self, envelope: Envelope, sets: Sequence[ReportedSet], total: int | None
    ) -> Granularity:
        stated = _GRANULARITIES.get(envelope.meta.returned_granularity or "", Granularity.BOOLEAN)
        if total is not None or any(one.count is not None for one in sets):
            stated = max(stated, Granularity.COUNT)
        if any(one.records for one in sets):
            stated = Granularity.RECORD
        return min(stated, self.query.granularity)

    def _schema(self, returned: Any) -> str | None:
        listed = [one for one in returned if isinstance(one, dict)] if _is_list(returned) else []
        listed.sort(key=lambda one: one.get("entityType") != self.query.entry_type)
        schema = listed[0].get("schema") if listed else None
        return schema if isinstance(schema, str) else None

    @property
    def _own_ids(self) -> tuple[str | None, ...]:
        return (self.own_id, self.member.id)

    @property
    def _is_of_datasets(self) -> bool:
        return bool(self.query.dataset_ids) and self.query.entry_type not in _COLLECTIONS

    @property
    def _is_noisy(self) -> bool:
        return self.member.counts.reporting is Reporting.NOISY


def _found(envelope: Envelope) -> list[Found]:
    response = envelope.response
    listed = response.result_sets if response is not None else None
    return [(one, info_of(one.info)) for one in listed or envelope.result_sets or ()]


def _collections(envelope: Envelope) -> list[msgspec.Raw] | None:
    return envelope.response.collections if envelope.response is not None else None


def _is_object(raw: msgspec.Raw) -> bool:
    return bytes(memoryview(raw)[:1]) == b"{"


def _is_silent(one: Set, info: dict[str, Any]) -> bool:
    return not one.exists and bool(info.get("error"))


def _status(error: Any) -> int:
    """The HTTP status that the code of an error is; 0 if it is none."""
    code = str(error.get("errorCode")) if isinstance(error, dict) else ""
    return int(code) if _STATUS.fullmatch(code) else 0


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


_DIGITS = re.compile(r"\d{1,18}", re.ASCII)
_STATUS = re.compile(r"[45]\d\d", re.ASCII)
_PATH_MAX = 8
_ID_CHARACTERS = 256
_NEVER_ZEROED = (Reporting.EXACT, Reporting.RAISED, Reporting.OMITTED, Reporting.BOOLEAN)
_TOGETHER = "answers for all its datasets together"
_COLLECTIONS = ("dataset", "cohort")
# The draft before 2.0 had `aggregated`, which tells no more than counts.
_GRANULARITIES = {
    **{one.wire: one for one in Granularity if one is not Granularity.NONE},
    "aggregated": Granularity.COUNT,
}
