"""Conformance checks 25 to 62: the form of answers, pages, and which result sets are shown."""

from __future__ import annotations

from typing import Any

import pytest

from beacon.framework.entry_types import Endpoint, endpoints
from beacon.model.entry_types import MODEL
from tests.conformance import seed
from tests.conformance.checks import check
from tests.conformance.client import Beacon, Reply, answered, conform, has_null, refused
from tests.conformance.conftest import PAGE_MAX

ENDPOINTS = [one for one in endpoints(MODEL) if one.kind != "filtering_terms"]
ROOTS = {one.id: f"/{one.path}" for one in MODEL.entry_types}
LEVELS = ("boolean", "count", "record")
INCLUDES = ("HIT", "MISS", "ALL", "NONE")
SEEN = {"open", "partial", "shy", "faint"}


def filled(endpoint: Endpoint) -> str:
    """The path of an endpoint, with an entry that exists."""
    return endpoint.pattern.replace("{id}", seed.EXAMPLES[endpoint.within or endpoint.entry_type])


def by_path(function: Any) -> Any:
    return pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.pattern)(function)


def both(beacon: Beacon, path: str, **options: Any) -> tuple[Reply, Reply]:
    """The same options by GET and by POST."""
    query = dict(options)
    pages = {key: query.pop(key) for key in ("skip", "limit") if key in query}
    return beacon.get(path, **options), beacon.post(path, {**query, "pagination": pages})


@check(25, 27, 33, 34, 35, 37, 38, 48, 49)
@by_path
def test_every_endpoint_answers_every_granularity(beacon: Beacon, endpoint: Endpoint) -> None:
    """Checks 25, 27, 33, 34, 35, 37, 38, 48 and 49."""
    path = filled(endpoint)
    for level in LEVELS:
        for reply in both(beacon, path, requestedGranularity=level):
            document = answered(reply, path).document
            returned = document["meta"]["returnedGranularity"]

            assert not has_null(document)
            assert LEVELS.index(returned) <= LEVELS.index(level)
            assert reply.meta["returnedSchemas"][0]["entityType"] == endpoint.entry_type
            total = reply.summary.get("numTotalResults")
            if total is not None and reply.summary.get("countPrecision", "exact") == "exact":
                assert reply.summary["exists"] == (total > 0)
            if returned == "boolean":
                assert total is None
            for one in document.get("response", {}).get("resultSets", []):
                assert one["setType"] in ("dataset", "cohort")
                assert one.get("resultsCount", 0) == 0 or one["exists"]
                assert LEVELS.index(_level_of(one)) <= LEVELS.index(returned)
            for handover in _handovers(document):
                assert ":" in handover["handoverType"]["id"]
                assert handover["url"].startswith("http")
            assert document["meta"]["testMode"] is False


@check(26)
@by_path
def test_smallest_body_is_enough(beacon: Beacon, endpoint: Endpoint) -> None:
    """Check 26."""
    answered(beacon.send(filled(endpoint), {"meta": {"apiVersion": "v2.0"}}), filled(endpoint))


@check(28, 29, 30)
@by_path
def test_request_is_echoed(beacon: Beacon, endpoint: Endpoint) -> None:
    """Checks 28, 29 and 30: for nested and for flat parameters alike."""
    g_variant = {"referenceName": "17", "assemblyId": "GRCh38", "start": [1], "end": [9]}
    filters = [
        {"id": "HP:0001250", "includeDescendantTerms": False},
        {"id": "ageOfOnset", "operator": ">", "value": "P65Y"},
    ]
    for parameters in ({"g_variant": g_variant}, g_variant):
        reply = answered(
            beacon.send(
                filled(endpoint),
                {
                    "meta": {
                        "apiVersion": "v2.1",
                        "requestedSchemas": [{"entityType": "individual", "schema": "s"}],
                    },
                    "query": {
                        "requestParameters": parameters,
                        "filters": filters,
                        "requestedGranularity": "count",
                        "includeResultsetResponses": "ALL",
                        "pagination": {"skip": 1, "limit": 3},
                    },
                },
            ),
            filled(endpoint),
        )

        assert reply.received == {
            "apiVersion": "v2.1",
            "requestedSchemas": [{"entityType": "individual", "schema": "s"}],
            "requestParameters": {"g_variant": g_variant},
            "filters": ["HP:0001250", "ageOfOnset:>P65Y"],
            "requestedGranularity": "count",
            "includeResultsetResponses": "ALL",
            "pagination": {"skip": 1, "limit": 3},
            "testMode": False,
        }


@check(31, 32)
@by_path
def test_defaults_are_reported(beacon: Beacon, endpoint: Endpoint) -> None:
    """Checks 31 and 32."""
    for reply in both(beacon, filled(endpoint)):
        assert reply.received["pagination"] == {"skip": 0, "limit": 10}
        assert reply.received["includeResultsetResponses"] == "HIT"
        assert reply.received["requestedGranularity"] == "boolean"


@check(36)
@pytest.mark.parametrize("entry_type", seed.COUNTS)
def test_counts_are_the_known_ones(beacon: Beacon, entry_type: str) -> None:
    """Check 36."""
    reply = beacon.ask(ROOTS[entry_type], granularity="count")

    assert reply.meta["returnedGranularity"] == "count"
    assert reply.summary == {
        "exists": True,
        "numTotalResults": seed.COUNTS[entry_type],
        "countPrecision": "exact",
    }


@check(38, 39)
@by_path
def test_counts_of_sets_add_up(beacon: Beacon, endpoint: Endpoint) -> None:
    """Checks 38 and 39."""
    for include in ("ALL", "HIT"):
        reply = beacon.ask(filled(endpoint), include=include)
        if "resultSets" in reply.document["response"]:
            sets = reply.sets.values()

            assert sum(one["resultsCount"] for one in sets) == reply.summary["numTotalResults"]
            assert all(one["exists"] == (one["resultsCount"] > 0) for one in sets)


@check(40)
@by_path
def test_records_are_right_by_the_schema_of_their_entry_type(
    beacon: Beacon, endpoint: Endpoint
) -> None:
    """Check 40."""
    reply = beacon.ask(filled(endpoint), datasets=())
    response = reply.document["response"]
    records = [*response.get("collections", [])]
    for one in response.get("resultSets", []):
        records += one.get("results", [])

    assert records
    for record in records:
        conform(record, f"entry_types/{endpoint.entry_type}.json")


@check(41)
@pytest.mark.parametrize("path", ["/datasets", "/cohorts"])
def test_collections_are_listed(beacon: Beacon, path: str) -> None:
    """Check 41."""
    reply = answered(beacon.get(path, requestedGranularity="record"), path)
    listed = {record["id"] for record in reply.document["response"]["collections"]}

    # Of the others the beacon may count, but not show, the records.
    assert listed == ({"open"} if path == "/datasets" else {"diabetes", "eyes"})
    assert reply.summary["exists"]
    only = beacon.ask(path)
    assert only.summary["numTotalResults"] == len(only.document["response"]["collections"])


@check(42, 43)
@pytest.mark.parametrize("entry_type", seed.EXAMPLES)
def test_single_entry_is_the_one_that_is_asked(beacon: Beacon, entry_type: str) -> None:
    """Checks 42 and 43."""
    wanted = seed.EXAMPLES[entry_type]
    reply = beacon.ask(f"{ROOTS[entry_type]}/{wanted}", datasets=())

    assert reply.ids() == [wanted]
    assert reply.summary["exists"]
    assert [one["id"] for one in reply.sets.values()] == ["open"]


@check(44)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("entry_type", seed.EXAMPLES)
def test_unknown_entry_and_hidden_entry_look_alike(
    beacon: Beacon, entry_type: str, level: str
) -> None:
    """Check 44."""
    hidden = seed.entry_id(seed.RECORDS["hidden"][entry_type][0])
    replies = [
        beacon.get(
            f"{ROOTS[entry_type]}/{wanted}",
            requestedGranularity=level,
            includeResultsetResponses=include,
        )
        for wanted in (hidden, "no-such-entry")
        for include in INCLUDES
    ]

    assert not any(answered(reply).summary["exists"] for reply in replies)
    half = len(INCLUDES)
    assert [one.document for one in replies[:half]] == [one.document for one in replies[half:]]


@check(45)
def test_linked_entries_are_those_that_say_so(beacon: Beacon) -> None:
    """Check 45."""
    for number in (1, 3, 24, 25):
        individual = seed.name(number)
        for entry_type in ("biosample", "run", "analysis"):
            assert beacon.ids(f"/individuals/{individual}{ROOTS[entry_type]}") == {
                record["id"]
                for record in seed.OPEN[entry_type]
                if record["individualId"] == individual
            }
    for entry_type, key in {
        "individual": "individualId",
        "biosample": "biosampleId",
        "run": "runId",
        "analysis": "analysisId",
    }.items():
        carried: dict[str, set[str]] = {}
        for record in seed.OPEN["genomicVariant"]:
            carriers = {one[key] for one in record.get("caseLevelData", []) if key in one}
            found = beacon.ids(f"/g_variants/{record['variantInternalId']}{ROOTS[entry_type]}")
            assert found == carriers
            for one in carriers:
                carried.setdefault(one, set()).add(record["variantInternalId"])
        for one in ("01", "03", "26"):
            entry = f"{next(iter(carried))[0]}{one}"
            assert beacon.ids(f"{ROOTS[entry_type]}/{entry}/g_variants") == carried.get(
                entry, set()
            )


@check(45)
def test_linked_entries_of_collections_are_their_members(beacon: Beacon) -> None:
    """Check 45, for datasets and cohorts."""
    assert beacon.ids("/datasets/open/individuals") == set(seed.numbered(range(1, 26)))
    assert beacon.ids("/datasets/open/g_variants") == {
        seed.entry_id(record) for record in seed.OPEN["genomicVariant"]
    }
    assert beacon.ids("/cohorts/diabetes/individuals") == set(seed.DIABETICS)
    assert beacon.ids("/cohorts/eyes/individuals") == {"I05", "I07"}
    assert beacon.ids("/cohorts/eyes/biosamples") == {"B05", "B07"}
    assert beacon.ids("/cohorts/eyes/runs") == {"R05", "R07"}
    assert beacon.ids("/cohorts/eyes/analyses") == {"A05", "A07"}
    assert beacon.ids("/cohorts/eyes/g_variants") == {"D", "F"}


@check(46, 47)
@by_path
def test_verb_and_trailing_slash_make_no_difference(beacon: Beacon, endpoint: Endpoint) -> None:
    """Checks 46 and 47."""
    path = filled(endpoint)
    for options in (
        {"requestedGranularity": "record", "limit": 3},
        {"requestedGranularity": "count", "includeResultsetResponses": "ALL"},
    ):
        documents = [
            answered(reply, path).document
            for target in (path, f"{path}/")
            for reply in both(beacon, target, **options)
        ]

        assert documents == [documents[0]] * 4


@check(50, 51, 52, 54)
@pytest.mark.parametrize(
    "path",
    ["/individuals", "/biosamples", "/runs", "/analyses", "/g_variants", "/cohorts/diabetes/runs"],
)
def test_pages_are_a_partition(beacon: Beacon, path: str) -> None:
    """Checks 50, 51, 52 and 54."""
    whole = beacon.ask(path)
    everything = whole.ids()
    for limit in (1, 3, 8):
        pages = [
            beacon.ask(path, skip=skip, limit=limit) for skip in range(len(everything) // limit + 2)
        ]

        assert [one for page in pages for one in page.ids()] == everything
        assert all(len(page.ids()) == limit for page in pages[: len(everything) // limit])
        assert pages[-1].ids() == []
        assert all(page.summary == whole.summary for page in pages)
        assert {page.sets["open"]["resultsCount"] for page in pages} == {len(everything)}


@check(51)
def test_skip_counts_pages(beacon: Beacon) -> None:
    """Check 51."""
    everything = beacon.ask("/individuals").ids()

    assert beacon.ask("/individuals", skip=2, limit=8).ids() == everything[16:24]


@check(50, 51)
def test_collections_come_in_pages(beacon: Beacon) -> None:
    """Checks 50 and 51, for the collections: one list over all datasets."""
    everything = beacon.ask("/cohorts").document["response"]["collections"]
    pages = [beacon.ask("/cohorts", skip=skip, limit=1) for skip in range(3)]

    assert [page.document["response"]["collections"] for page in pages] == [
        everything[:1],
        everything[1:],
        [],
    ]
    assert {page.summary["numTotalResults"] for page in pages} == {2}


@check(53, 56)
def test_limit_is_capped_and_reported(beacon: Beacon) -> None:
    """Checks 53 and 56."""
    for limit in (0, PAGE_MAX + 1, 10**9):
        reply = beacon.ask("/individuals", limit=limit)

        assert reply.received["pagination"] == {"skip": 0, "limit": PAGE_MAX}
        assert len(reply.ids()) == seed.COUNTS["individual"]


@check(55)
@pytest.mark.parametrize("key", ["skip", "limit"])
@pytest.mark.parametrize("value", [-1, "-1", "1.5", "x", "", True, [1]])
def test_page_that_is_none_is_refused(beacon: Beacon, key: str, value: Any) -> None:
    """Check 55."""
    beacon.refused("/individuals", {"pagination": {key: value}})
    refused(beacon.get("/individuals", **{key: "1,2" if isinstance(value, list) else value}), 400)


@check(57, 58, 59, 60, 61)
@pytest.mark.parametrize("granularity", LEVELS)
@pytest.mark.parametrize("filters", [["HP:0001250"], ["LOINC:39156-5:>30"], [], ["no:term"]])
def test_include_chooses_sets_and_nothing_else(
    beacon: Beacon, filters: list[str], granularity: str
) -> None:
    """Checks 57 to 61."""
    options = {"requestedGranularity": granularity}
    replies = {
        include: answered(
            beacon.get(
                "/individuals",
                filters=filters,
                includeResultsetResponses=include,
                **options,
            )
        )
        for include in INCLUDES
    }
    sets = {
        include: reply.sets for include, reply in replies.items() if "response" in reply.document
    }

    assert all(one["exists"] for one in sets["HIT"].values())
    assert not any(one["exists"] or one.get("results") for one in sets["MISS"].values())
    assert set(sets["ALL"]) == SEEN
    assert {**sets["HIT"], **sets["MISS"]} == sets["ALL"]
    assert sets.get("NONE", {}) == {}
    plain = [
        {key: reply.summary.get(key) for key in ("exists", "numTotalResults")}
        for reply in replies.values()
    ]
    assert plain == [plain[0]] * len(INCLUDES)


@check(60)
def test_include_none_shows_no_sets(beacon: Beacon) -> None:
    """Check 60."""
    reply = beacon.ask("/individuals", include="NONE")

    assert reply.document["response"] == {"resultSets": []}
    assert reply.meta["returnedGranularity"] == "record"
    for granularity in ("boolean", "count"):
        assert (
            "response"
            not in beacon.ask("/individuals", include="NONE", granularity=granularity).document
        )


@check(62)
@pytest.mark.parametrize("value", ["hit", "Hit", "SOME", "", 1, True, ["HIT"]])
def test_unknown_include_is_refused(beacon: Beacon, value: Any) -> None:
    """Check 62."""
    beacon.refused("/individuals", {"includeResultsetResponses": value})


def _level_of(result_set: dict[str, Any]) -> str:
    if "results" in result_set:
        return "record"
    return "count" if "resultsCount" in result_set else "boolean"


def _handovers(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [handover for one in value for handover in _handovers(one)]
    if not isinstance(value, dict):
        return []
    own = [*value.get("beaconHandovers", []), *value.get("resultsHandovers", [])]
    return own + [handover for one in value.values() for handover in _handovers(one)]
