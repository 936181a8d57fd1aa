"""The home of standing cases: whether somebody is similar to a patient by now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from beacon.framework import matching
from beacon.framework.access import Access
from beacon.framework.errors import AuditUnavailable, BeaconError, TooManyRequests
from beacon.framework.matching import MatchRequest, MatchSource
from beacon.framework.query import BANDS, Granularity
from beacon.model.cases import decode_match
from beacon.subscriptions.questions import Asked, Asking, members_of, state_of, unanswered
from beacon.subscriptions.seams import Question, Told
from beacon.subscriptions.states import Place, State

BAND = "good"
"""The band that people have to reach: of the possible ones there are always some."""


@dataclass(frozen=True, slots=True)
class Cases:
    """Reads cases as `POST /match` reads them."""

    asking: Asking

    def read(self, question: bytes) -> Question:
        """See `Kind`."""
        asked = decode_match(question, 1)
        asked = replace(asked, granularity=min(asked.granularity, Granularity.COUNT))
        if self.asking.is_network:
            return _OfMembers(self.asking, asked)
        query = next(
            one
            for one in matching.queries(asked)
            if one.case is not None and one.case.least == BANDS[BAND]
        )
        return Asked(self.asking, query)


@dataclass(frozen=True, slots=True)
class _OfMembers:
    """A case that a network asks its members."""

    by: Asking
    asked: MatchRequest

    def reached(self, access: Access, releases: Mapping[str, str]) -> dict[str, str]:
        """See `Question`."""
        return dict(releases)

    def is_limited(self, access: Access) -> bool:
        """See `Question`."""
        return False

    async def ask(self, access: Access, request_id: str) -> Told:
        """See `Question`."""
        by, query = self.by, matching.queries(self.asked)[-1]
        source = by.service.source
        if not isinstance(source, MatchSource):
            raise TypeError("a network compares people with a case by asking its members")
        try:
            found = await source.match(self.asked, access, deadline_s=by.deadline_s)
        except (AuditUnavailable, TooManyRequests):
            raise
        except BeaconError as error:
            by.record(access, request_id, query, status=error.status)
            raise
        members = members_of(found.info)
        granted = Granularity.COUNT
        by.record(access, request_id, query, granted=granted, members=len(members))
        return Told(
            places={one["beaconId"]: _place(one, found.sets) for one in members},
            unanswered=unanswered(members),
        )


def _place(member: Mapping[str, Any], sets: tuple[Mapping[str, Any], ...]) -> Place:
    """What a member says of the band, over all its datasets."""
    state = state_of(member)
    if state is not State.HIT:
        return Place(state=state)
    bands = [
        band
        for one in sets
        if one["path"][0] == member["beaconId"]
        for band in one["bands"]
        if band["band"] == BAND and band["exists"]
    ]
    if not bands:
        return Place(state=State.MISS)
    counts = [band.get("count") for band in bands]
    known = [one for one in counts if one is not None]
    return Place(state=State.HIT, count=max(sum(known), 1) if len(known) == len(counts) else None)
