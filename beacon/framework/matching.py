"""The home of a case's answer: how many are similar in each band, and who is, where that is told.

How similar people are is asked for as other questions about individuals are, once a band, so that
whatever protects people in those protects them here, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from beacon.framework.access import Access
from beacon.framework.disclosure import Disclosed, DisclosedSet
from beacon.framework.query import BANDS, Case, Granularity, Include, Pagination, Query
from beacon.framework.response import Identity

Conceal = Callable[[str, str], str]
"""A dataset and the id of somebody in it → a name that only this beacon can make of these."""


class MatchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A case, and how much is to be told of whoever is similar.

    Attributes:
        case: Whom with.
        granularity: The most that is to be told.
        limit: Of how many people at most.
        dataset_ids: Where; nothing is everywhere.
    """

    case: Case
    granularity: Granularity = Granularity.COUNT
    limit: int = 10
    dataset_ids: tuple[str, ...] = ()


class MatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What may be told of those who are similar, in the words of the answer.

    Attributes:
        sets: Of each dataset, its bands.
        matches: Those who are similar, most similar first.
        info: Of the answer as a whole.
    """

    sets: tuple[Mapping[str, Any], ...] = ()
    matches: tuple[Mapping[str, Any], ...] = ()
    info: Mapping[str, Any] = {}


@runtime_checkable
class MatchSource(Protocol):
    """A source that knows by itself how to compare people with a case: it asks other beacons."""

    async def match(
        self, asked: MatchRequest, access: Access, *, deadline_s: float | None = None
    ) -> MatchAnswer:
        """Compare; raises as `Source.search` does."""


def queries(asked: MatchRequest) -> list[Query]:
    """The questions that a case is, one a band, the highest first; the last one tells who."""
    lowest = min(BANDS.values())
    return [
        Query(
            entry_type="individual",
            case=msgspec.structs.replace(asked.case, least=least),
            dataset_ids=asked.dataset_ids,
            include=Include.ALL,
            pagination=Pagination(limit=asked.limit),
            granularity=asked.granularity
            if least == lowest
            else min(asked.granularity, Granularity.COUNT),
        )
        for least in BANDS.values()
    ]


def answer(
    asked: MatchRequest,
    disclosed: Sequence[Disclosed],
    access: Access,
    identity: Identity,
    conceal: Conceal,
) -> MatchAnswer:
    """The answers to `queries`, put together.

    Args:
        asked: What was asked.
        disclosed: As the questions are in order.
        access: What the caller may learn.
        identity: Whose answer it is.
        conceal: Makes the names of those who are similar.
    """
    question = queries(asked)[-1]

    def least(dataset_id: str) -> int:
        return access.protecting(question, dataset_id, Granularity.COUNT).min_count

    by_band = [{one.dataset_id: one for one in found.result_sets} for found in disclosed]
    matches = [
        {
            **record,
            "id": conceal(one.dataset_id, str(record["id"])),
            "beaconId": identity.beacon_id,
            "datasetId": one.dataset_id,
        }
        for one in disclosed[-1].result_sets
        for record in one.records or ()
        if isinstance(record, Mapping)
    ]
    return MatchAnswer(
        sets=tuple(
            _set(
                [bands[lowest.dataset_id] for bands in by_band], identity, least(lowest.dataset_id)
            )
            for lowest in disclosed[-1].result_sets
            if all(lowest.dataset_id in bands for bands in by_band)
        ),
        matches=ranked(matches, asked.limit),
    )


def ranked(matches: Sequence[Mapping[str, Any]], limit: int) -> tuple[Mapping[str, Any], ...]:
    """Those who are most similar, whichever beacon they are in."""

    def rank(one: Mapping[str, Any]) -> tuple[float, str, str]:
        return -one["score"], str(one.get("beaconId")), str(one.get("id"))

    return tuple(sorted(matches, key=rank)[:limit])


def document(found: MatchAnswer, asked: MatchRequest, identity: Identity) -> dict[str, Any]:
    """The answer as it leaves."""
    lowest = [one["bands"][-1] for one in found.sets if one.get("bands")]
    summary: dict[str, Any] = {"exists": any(one.get("exists") for one in lowest)}
    counted = [one["count"] for one in lowest if one.get("count") is not None]
    if counted and len(counted) == len(lowest):
        summary["numTotalResults"] = sum(counted)
        if any(one.get("countPrecision") != "exact" for one in lowest):
            summary["countPrecision"] = "imprecise"
    response: dict[str, Any] = {"matchSets": list(found.sets)}
    if asked.granularity is Granularity.RECORD:
        response["matches"] = list(found.matches)
    case = asked.case
    return {
        "meta": {"beaconId": identity.beacon_id, "apiVersion": identity.api_version},
        "responseSummary": summary,
        "response": response,
        "info": {
            "case": {
                "features": len(case.features),
                "excluded": len(case.excluded),
                "genes": len(case.genes),
                "variants": len(case.variants),
            },
            **found.info,
        },
    }


def _set(bands: Sequence[DisclosedSet], identity: Identity, least: int) -> dict[str, Any]:
    """What is told of one dataset: of each band, those that are at least so similar.

    A band holds the one above. Where fewer than `least` people lie between two, the number of the
    upper one is not told: the difference would be a number of few people.
    """
    lowest = bands[-1]
    told_of = [
        upper if not _is_near(upper, lower, least) else msgspec.structs.replace(upper, count=None)
        for upper, lower in zip(bands, [*bands[1:], None], strict=True)
    ]
    told: dict[str, Any] = {
        "id": lowest.dataset_id,
        "setType": "dataset",
        "beaconId": identity.beacon_id,
        "exists": lowest.exists,
        "bands": [
            _band(name, score, one)
            for (name, score), one in zip(BANDS.items(), told_of, strict=True)
        ],
    }
    if lowest.info:
        told["info"] = lowest.info
    return told


def _is_near(upper: DisclosedSet, lower: DisclosedSet | None, least: int) -> bool:
    if lower is None or least <= 1 or not upper.exists:
        return False
    if upper.count is None or lower.count is None:
        return False
    return upper.precision == lower.precision == "exact" and lower.count - upper.count < least


def _band(name: str, score: float, one: DisclosedSet) -> dict[str, Any]:
    told: dict[str, Any] = {"band": name, "minScore": score, "exists": one.exists}
    if one.count is not None:
        told |= {"count": one.count, "countPrecision": one.precision}
        if one.adjusted_to:
            told["countAdjustedTo"] = list(one.adjusted_to)
    return told
