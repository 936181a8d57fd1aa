"""Who is like a case, as the contract of `POST /api/match` has it."""

from __future__ import annotations

import pytest

from beacon.client import AsyncBeacon, Case, NotABeacon, Refused
from tests.client.scripted_beacon import Document, says, scripted, summary

CASE = Case(features=("HP:0001250",), excluded=("HP:0001251",), genes=("SCN1A",))


def band(name: str, least: float, **told: object) -> Document:
    return {"band": name, "minScore": least, **told}


ANSWER: Document = {
    "meta": {"beaconId": "fi.example", "apiVersion": "v2.2.0"},
    "responseSummary": {"exists": True, "numTotalResults": 12},
    "response": {
        "matchSets": [
            {
                "id": "d1",
                "beaconId": "fi.example",
                "exists": True,
                "bands": [
                    band("strong", 0.6, exists=True, count=3, countPrecision="exact"),
                    band("good", 0.4, exists=True),
                    band(
                        "possible",
                        0.25,
                        exists=True,
                        count=10,
                        countPrecision="imprecise",
                        countAdjustedTo=[10],
                    ),
                ],
            }
        ],
        "matches": [
            {
                "beaconId": "fi.example",
                "datasetId": "d1",
                "id": "opaque",
                "score": 0.83,
                "band": "strong",
                "reasons": [
                    {"kind": "feature", "score": 0.21, "asked": {"id": "HP:0001250"}},
                    {"kind": "sameVariant", "score": 0.5, "asked": "2-166012346-G-A"},
                ],
            }
        ],
    },
    "info": {"case": {"features": 1, "unknown": ["HP:9999999"]}},
}


async def test_a_match_is_asked_for_and_read() -> None:
    async with scripted({"/match": [says(ANSWER)]}) as server, AsyncBeacon(server.url) as beacon:
        answer = await beacon.match(CASE, granularity="record", limit=5)

    (asked,) = server.at("/match")
    assert asked.body["query"] == {
        "case": {
            "features": [{"id": "HP:0001250"}, {"id": "HP:0001251", "excluded": True}],
            "genes": ["SCN1A"],
        },
        "requestedGranularity": "record",
        "pagination": {"limit": 5},
    }
    assert (answer.exists, answer.low, answer.high) == (True, 12, 12)
    assert [(b.band, b.count, b.low, b.high) for b in answer.sets[0].bands] == [
        ("strong", 3, 3, 3),
        ("good", None, 1, None),
        ("possible", 10, 1, 10),
    ]
    (match,) = answer.matches
    assert (match.id, match.score, [one.kind for one in match.reasons]) == (
        "opaque",
        0.83,
        ["feature", "sameVariant"],
    )
    assert answer.unknown == ("HP:9999999",)


async def test_nobody_in_those_who_answered_is_not_nobody() -> None:
    status = {
        "complete": False,
        "existsCertainty": "partial",
        "members": [{"beaconId": "mt.example", "status": "timeout"}],
    }
    document = {**summary(False), "info": {"networkStatus": status}}
    async with scripted({"/match": [says(document)]}) as server, AsyncBeacon(server.url) as beacon:
        answer = await beacon.match(CASE)

    assert (answer.exists, answer.high) == (None, None)
    assert [(one.id, one.is_answer) for one in answer.members] == [("mt.example", False)]


async def test_a_beacon_that_matches_nobody_refuses() -> None:
    async with scripted({}) as server, AsyncBeacon(server.url) as beacon:
        with pytest.raises(Refused, match="404"):
            await beacon.match(CASE)


async def test_what_is_no_match_is_no_answer() -> None:
    async with (
        scripted({"/match": [says({"response": {"matchSets": 3}})]}) as server,
        AsyncBeacon(server.url) as beacon,
    ):
        with pytest.raises(NotABeacon):
            await beacon.match(CASE)
