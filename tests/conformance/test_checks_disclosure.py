"""Conformance checks 118 to 124: who is told what."""

from __future__ import annotations

from typing import Any

import pytest

from beacon.framework.entry_types import endpoints
from beacon.framework.query import Granularity
from beacon.model.entry_types import MODEL
from tests.conformance import seed
from tests.conformance.checks import check
from tests.conformance.client import Beacon, Reply, answered, refused
from tests.conformance.test_checks_answers import ENDPOINTS, INCLUDES, LEVELS, ROOTS, filled
from tests.conformance.test_checks_variants import Q1

Q1_POST = {"requestParameters": {"g_variant": Q1}}
UNSEEN = seed.ids_of("hidden", "old")
GRANTED = ("open", "partial", "shy", "faint")


def _asked(beacon: Beacon, path: str, level: str, **options: Any) -> Reply:
    return answered(
        beacon.get(path, requestedGranularity=level, includeResultsetResponses="ALL", **options),
        path,
    )


def _level(result_set: dict[str, Any]) -> Granularity:
    if "results" in result_set:
        return Granularity.RECORD
    return Granularity.COUNT if "resultsCount" in result_set else Granularity.BOOLEAN


@check(118)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dataset_id", GRANTED)
@pytest.mark.parametrize("entry_type", ROOTS)
def test_answer_says_the_least_of_asked_and_granted(
    beacon: Beacon, entry_type: str, dataset_id: str, level: str
) -> None:
    """Check 118, for the public: the one tier there is without an identity provider."""
    asked = Granularity[level.upper()]
    expected = min(asked, seed.PUBLIC.level(dataset_id, entry_type))
    reply = _asked(beacon, ROOTS[entry_type], level, datasetIds=dataset_id)

    assert reply.meta["returnedGranularity"] == expected.wire
    assert reply.summary["exists"]
    assert ("numTotalResults" in reply.summary) == (expected >= Granularity.COUNT)
    response = reply.document.get("response", {})
    assert all(_level(one) is expected for one in response.get("resultSets", []))
    if expected is not Granularity.RECORD:
        assert not response.get("collections")


@check(118)
@pytest.mark.parametrize("level", LEVELS)
def test_each_set_of_a_mixed_answer_says_its_own_least(beacon: Beacon, level: str) -> None:
    """Check 118, when datasets of different levels answer together."""
    asked = Granularity[level.upper()]
    reply = _asked(beacon, "/individuals", level)
    expected = {
        dataset_id: min(asked, seed.PUBLIC.level(dataset_id, "individual"))
        for dataset_id in GRANTED
    }

    assert {key: _level(one) for key, one in reply.sets.items()} == expected
    assert reply.meta["returnedGranularity"] == max(expected.values()).wire


@check(118)
def test_record_says_of_carriers_what_may_be_told_of_them(beacon: Beacon) -> None:
    """Check 118: `partial` shows its variants, but neither its samples nor its people."""
    reply = answered(beacon.get("/g_variants", requestedGranularity="record", **Q1))
    [record] = reply.records("partial")

    assert seed.entry_id(record) == "partial-A"
    assert "caseLevelData" not in record
    assert b"partial-1" not in reply.body
    assert all("caseLevelData" in one for one in reply.records("open"))


@check(119)
@pytest.mark.parametrize("credentials", ["Bearer nonsense", "Bearer", "Basic YTpi", ""])
def test_credentials_that_nobody_can_check_are_refused(beacon: Beacon, credentials: str) -> None:
    """Check 119, without an identity provider: none is the public, any is refused."""
    headers = {"Authorization": credentials}
    for method, path, body in (
        ("GET", "/individuals", None),
        ("POST", "/individuals", b'{"meta": {"apiVersion": "v2.0"}}'),
        ("GET", "/filtering_terms", None),
    ):
        reply = beacon.request(method, path, body, headers)

        assert refused(reply, 401)
        assert reply.headers["WWW-Authenticate"] == "Bearer"


@check(120)
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.pattern)
def test_hidden_datasets_show_nowhere(beacon: Beacon, endpoint: Any) -> None:
    """Check 120: in no list, no set, no count, and on no path of their own."""
    for include in INCLUDES:
        reply = answered(
            beacon.get(
                filled(endpoint),
                requestedGranularity="record",
                includeResultsetResponses=include,
                limit=0,
            ),
            filled(endpoint),
        )
        assert not _names_unseen(reply)
        if "resultSets" in reply.document["response"]:
            assert set(reply.sets) <= set(GRANTED)
    for dataset_id in ("hidden", "old"):
        kind = endpoint.within or endpoint.entry_type
        entry = seed.entry_id(seed.RECORDS[dataset_id][kind][0])
        if "{id}" in endpoint.pattern:
            path = endpoint.pattern.replace("{id}", entry)
            for level in LEVELS:
                reply = _asked(beacon, path, level)
                assert not reply.summary["exists"]
                assert not _names_unseen(reply)
        reply = answered(beacon.get(filled(endpoint), datasetIds=dataset_id), filled(endpoint))
        assert not reply.summary["exists"]


@check(120)
def test_hidden_datasets_do_not_count(beacon: Beacon) -> None:
    """Check 120: what everybody has, the hidden ones too, is counted without them."""
    reply = answered(beacon.get("/individuals", requestedGranularity="count"))
    counted = [one for one in GRANTED if seed.PUBLIC.level(one, "individual") >= Granularity.COUNT]

    assert reply.summary["numTotalResults"] == sum(
        len(seed.RECORDS[one]["individual"]) for one in counted
    )


@check(120)
def test_terms_of_hidden_datasets_are_not_listed(beacon: Beacon) -> None:
    """Check 120: nor are they found, or told from terms that nobody has."""
    body = beacon.get("/filtering_terms").body

    assert seed.SECRET["id"].encode() not in body
    for dataset_id in ("hidden", "no-such-dataset"):
        listed = beacon.get(f"/datasets/{dataset_id}/filtering_terms")
        assert listed.status == 200
        assert listed.document["response"]["filteringTerms"] == []
    unknown = _asked(beacon, "/individuals", "count", filters="HP:9999999").document
    secret = _asked(beacon, "/individuals", "count", filters=seed.SECRET["id"]).document
    for one in (unknown, secret):
        one["meta"]["receivedRequestSummary"].pop("filters")
    assert secret == unknown
    assert not secret["responseSummary"]["exists"]


@check(121)
def test_sum_that_leaves_a_hit_out_says_so(beacon: Beacon) -> None:
    """Check 121: counts are told as they are or not at all, and a sum of some is imprecise."""
    for level in ("count", "record"):
        reply = answered(beacon.get("/individuals", requestedGranularity=level))
        assert reply.summary["countPrecision"] == "imprecise"  # `faint` hit, and does not say more
    for dataset_ids, path in ((["open", "shy"], "/individuals"), (["shy"], "/runs")):
        options: dict[str, Any] = {
            "requestedGranularity": "count",
            "datasetIds": dataset_ids,
        }
        assert answered(beacon.get(path, **options)).summary["countPrecision"] == "exact"
        for one in _asked(beacon, path, "count", datasetIds=dataset_ids).sets.values():
            assert one["countPrecision"] == "exact"
    # Of blindness `faint` has none, so that nothing is left out.
    missed = answered(
        beacon.get("/individuals", requestedGranularity="count", filters="HP:0000618")
    )
    assert missed.summary["countPrecision"] == "exact"


@check(122)
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.pattern)
def test_test_mode_answers_anybody_from_made_up_records(beacon: Beacon, endpoint: Any) -> None:
    """Check 122."""
    headers = {"Authorization": "Bearer nonsense", "Content-Type": "application/json"}
    body = b"""{"meta": {"apiVersion": "v2.0"}, "query": {"testMode": true,
        "requestedGranularity": "record", "pagination": {"limit": 0}}}"""
    kind = endpoint.within or endpoint.entry_type
    made_up = seed.entry_id(seed.SYNTHETIC["synthetic"][kind][0])
    path = endpoint.pattern.replace("{id}", made_up)
    get = f"{path}?testMode=true&requestedGranularity=record&limit=0"
    for reply in (
        beacon.request("GET", get, headers=headers),
        beacon.request("POST", path, body, headers),
    ):
        assert answered(reply, path).meta["testMode"] is True
        assert reply.received["testMode"] is True
        assert reply.summary["exists"]
        assert set(_ids(reply)) <= {
            seed.entry_id(record) for record in seed.SYNTHETIC["synthetic"][endpoint.entry_type]
        }
    path = filled(endpoint)
    real = answered(beacon.get(path, testMode="true", requestedGranularity="record"), path)
    assert real.summary["exists"] == ("{id}" not in endpoint.pattern)


@check(122)
def test_test_mode_lists_terms_of_made_up_records(beacon: Beacon) -> None:
    """Check 122, for filtering terms."""
    headers = {"Authorization": "Bearer nonsense"}
    for pattern in (one.pattern for one in endpoints(MODEL) if one.kind == "filtering_terms"):
        path = pattern.replace("{id}", "synthetic")
        reply = beacon.request("GET", f"{path}?testMode=true", headers=headers)

        assert reply.status == 200
        assert b"MONDO:0005148" not in reply.body


@check(123)
def test_withheld_count_cannot_be_had_by_subtraction(beacon: Beacon) -> None:
    """Check 123: with and without `faint`, every sum over a filter and its opposite is the same."""

    def total(*dataset_ids: str, filters: str = "", **more: Any) -> int:
        asked: dict[str, Any] = {"datasetIds": list(dataset_ids), **more}
        if filters:
            asked["filters"] = filters
        reply = answered(beacon.get("/individuals", requestedGranularity="count", **asked))
        count: int = reply.summary["numTotalResults"]
        return count

    for filters in ("", seed.FEMALE["id"], seed.MALE["id"], "HP:0001250", "karyotypicSex:!XX"):
        assert total("open", "shy", filters=filters) == total(
            "open", "shy", "faint", "hidden", filters=filters
        )
        for page in ({"skip": 1, "limit": 1}, {"limit": 0}, {"skip": 99, "limit": 100}):
            assert total("open", "faint", filters=filters, **page) == total("open", filters=filters)
    faint = answered(beacon.get("/individuals", requestedGranularity="count", datasetIds="faint"))
    assert faint.summary == {"exists": True}


@check(124)
def test_entry_type_may_refuse_to_be_listed_whole(wary: Beacon) -> None:
    """Check 124."""
    for query in (
        {},
        {"requestedGranularity": "count"},
        {"requestParameters": {"datasets": {"datasetIds": ["open"]}}},
    ):
        assert wary.refused("/individuals", query)
    assert refused(wary.get("/individuals"), 400)
    answered(wary.post("/individuals", {"filters": [{"id": "HP:0001250"}]}))
    answered(wary.post("/individuals", Q1_POST))
    answered(wary.get("/individuals/I01"))
    answered(wary.get("/datasets/open/individuals"))
    answered(wary.get("/biosamples"))
    answered(wary.get("/individuals", testMode="true"))
    definitions = wary.get("/entry_types").document["response"]["entryTypes"]
    assert {key: one["nonFilteredQueriesAllowed"] for key, one in definitions.items()} == {
        key: key != "individual" for key in seed.EXAMPLES
    }


def _ids(reply: Reply) -> list[str]:
    response = reply.document["response"]
    records = [*response.get("collections", [])]
    for one in response.get("resultSets", []):
        records += one.get("results", [])
    return [seed.entry_id(record) for record in records]


def _names_unseen(reply: Reply) -> bool:
    return any(f'"{one}"'.encode() in reply.body for one in UNSEEN)
