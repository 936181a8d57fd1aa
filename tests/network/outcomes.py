"""The home of made-up members and of what they answer, for tests of what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from beacon.framework.query import Granularity, Include, Query, VariationQuery
from beacon.network.members import Member
from beacon.network.states import MemberReply, Outcome, ReportedSet, State
from beacon.settings import CountSettings, Reporting

PEOPLE = Query(entry_type="individual", granularity=Granularity.COUNT, include=Include.ALL)
VARIANTS = Query(entry_type="genomicVariant", granularity=Granularity.RECORD, include=Include.ALL)
ALLELE = Query(
    entry_type="genomicVariant",
    granularity=Granularity.COUNT,
    include=Include.ALL,
    variation=VariationQuery(
        assembly_id="GRCh38",
        reference_name="17",
        start=(7577120,),
        reference_bases="G",
        alternate_bases="A",
    ),
)


def member(
    member_id: str = "fi",
    *,
    reporting: Reporting = Reporting.EXACT,
    threshold: int = 1,
    step: int = 1,
    scale: float = 0.0,
    people: int | None = None,
    disjoint: bool = True,
    country: str | None = None,
) -> Member:
    """A beacon of a network; two letters of its id are its country if none is given."""
    return Member(
        id=member_id,
        name=member_id.upper(),
        country=country or member_id[:2].upper(),
        urls=(f"https://{member_id}.example.org/api",),
        hosts=frozenset((f"{member_id}.example.org:443",)),
        people=people,
        disjoint=disjoint,
        counts=CountSettings(reporting=reporting, threshold=threshold, step=step, scale=scale),
    )


def reported(
    count: int | None,
    dataset_id: str = "d",
    *,
    exists: bool | None = None,
    records: Sequence[Mapping[str, Any]] = (),
    **said: Any,
) -> ReportedSet:
    """A result set; it exists if its count says so."""
    return ReportedSet(
        id=dataset_id,
        exists=bool(count) if exists is None else exists,
        count=count,
        records=tuple(msgspec.Raw(msgspec.json.encode(one)) for one in records),
        **said,
    )


def answered(of: Member, *sets: ReportedSet, **said: Any) -> Outcome:
    """A member answered with these result sets. `said` is of the reply or of the outcome."""
    of_outcome = {key: said.pop(key) for key in ("state", "applied", "age_s") if key in said}
    exists = any(one.exists for one in sets)
    reply = MemberReply(
        exists=said.pop("exists", exists), granularity=Granularity.COUNT, sets=sets, **said
    )
    state = of_outcome.pop("state", State.HIT if exists else State.MISS)
    return Outcome(member=of, state=state, after_ms=12.4, reply=reply, **of_outcome)


def silent(of: Member, state: State = State.TIMEOUT) -> Outcome:
    """A member that did not answer the question."""
    return Outcome(member=of, state=state, after_ms=10_000.0, reason="said nothing")
