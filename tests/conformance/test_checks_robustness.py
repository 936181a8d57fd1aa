"""Conformance checks 125 to 130: what clients do that no specification foresaw."""

from __future__ import annotations

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conformance import seed
from tests.conformance.checks import check
from tests.conformance.client import Beacon, answered, refused
from tests.conformance.conftest import BODY_MAX_BYTES
from tests.conformance.test_checks_variants import Q1, Q5

JSON = {"Content-Type": "application/json"}
INJECTIONS: tuple[Any, ...] = (
    {"$gt": ""},
    {"$where": "sleep(5000)"},
    {"$ne": None},
    ["$where"],
    "$where",
    '{"$gt": ""}',
    "'; return true; var a='",
    "' OR '1'='1",
    ".*",
    "$" + "a" * 100,
    "../../etc/passwd",
    "\u0000",
    "a\u0000b",
    "\ud800",
    "💥",
)
LATENCY_S = 5.0


@check(125)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"nonsense", 400),
        (b'{"meta": {"apiVersion": "v2.0"}', 400),
        (b"[]", 400),
        (b'[{"meta": {"apiVersion": "v2.0"}}]', 400),
        (b"null", 400),
        (b"5", 400),
        (b'"query"', 400),
        (b"\xff\xfe{}", 400),
        (b'{"query": "\xff"}', 400),
        (b'{"query": []}', 400),
        (b'{"query": 5}', 400),
        (b'{"query": {}, "meta": 5}', 400),
        (b'{"meta": {"apiVersion": {}}}', 400),
        (b'{"query": {"pagination": []}}', 400),
        (b'{"query": {"requestParameters": 5}}', 400),
        (b'{"query": {"requestedGranularity": "aggregated"}}', 400),
        (b'{"query": {"requestedGranularity": "Record"}}', 400),
        (b'{"query": {"testMode": "perhaps"}}', 400),
        (b'{"query": {"pagination": {"limit": 1e400}}}', 400),
        (b'{"query": {"pagination": {"limit": 99999999999999999999999}}}', 400),
        (b'{"query": {"pagination": {"skip": 9223372036854775807}}}', 400),
        (b'{"query": {"filters": ' + b"[" * 5000 + b"]" * 5000 + b"}}", 400),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400),
        (b'{"meta": "' + b"x" * BODY_MAX_BYTES + b'"}', 413),
        (b"{" + b" " * 1024 * 1024 + b"}", 413),
    ],
    ids=lambda value: str(value)[:40],
)
def test_body_that_is_none_is_refused(beacon: Beacon, body: bytes, status: int) -> None:
    """Check 125."""
    for path in ("/individuals", "/g_variants", "/datasets/open"):
        assert refused(beacon.request("POST", path, body, JSON), status)


@check(125)
def test_body_is_json_or_refused(beacon: Beacon) -> None:
    """Check 125."""
    body = b'{"meta": {"apiVersion": "v2.0"}}'
    for content_type in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        reply = beacon.request("POST", "/individuals", body, {"Content-Type": content_type})
        assert refused(reply, 415)
    for content_type in ("application/json", "application/json; charset=utf-8"):
        answered(beacon.request("POST", "/individuals", body, {"Content-Type": content_type}))


@check(125)
def test_compressed_body_is_measured_unpacked(beacon: Beacon) -> None:
    """Check 125: a small file may hold a large one."""
    headers = {**JSON, "Content-Encoding": "gzip"}
    small = gzip.compress(b'{"meta": {"apiVersion": "v2.0"}}')
    large = gzip.compress(b'{"meta": "' + b"x" * 20 * BODY_MAX_BYTES + b'"}')

    answered(beacon.request("POST", "/individuals", small, headers))
    assert refused(beacon.request("POST", "/individuals", large, headers), 413)
    assert refused(beacon.request("POST", "/individuals", b"no gzip", headers), 400)


@check(125)
def test_too_many_filters_are_refused(beacon: Beacon) -> None:
    """Check 125."""
    beacon.refused("/individuals", {"filters": [{"id": "HP:0001250"}] * 101})
    assert refused(beacon.get("/individuals", filters=["HP:0001250"] * 101), 400)
    answered(beacon.post("/individuals", {"filters": [{"id": "HP:0001250"}] * 100}))


@check(126)
@pytest.mark.parametrize(
    "path",
    ["/nothing", "/individuals/I01/nothing", "/individuals/I01/g_variants/A", "/g_variant", "//"],
)
def test_unknown_path_is_not_found(beacon: Beacon, path: str) -> None:
    """Check 126."""
    assert refused(beacon.get(path), 404)
    assert refused(beacon.post(path), 404)


@check(126)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/individuals", "/datasets/open", "/map", "/filtering_terms"])
def test_wrong_verb_is_not_allowed(beacon: Beacon, method: str, path: str) -> None:
    """Check 126."""
    reply = beacon.request(method, path, b"{}", JSON)

    assert refused(reply, 405)
    assert "GET" in reply.headers["Allow"]


@check(127, 128)
@pytest.mark.parametrize("injected", INJECTIONS, ids=lambda value: ascii(value)[:20])
def test_injected_operators_are_values_or_refused(beacon: Beacon, injected: Any) -> None:
    """Checks 127 and 128: in every parameter of a POST."""
    names = (
        *("assemblyId", "referenceName", "start", "end", "referenceBases", "alternateBases"),
        *("variantType", "variantMinLength", "variantMaxLength", "mateName", "geneId"),
        *("aminoacidChange", "genomicAlleleShortForm"),
    )
    queries: list[dict[str, Any]] = [
        {"requestParameters": {"g_variant": {**Q1, name: injected}}} for name in names
    ]
    queries += [{"requestParameters": {"g_variant": {name: injected}}} for name in names]
    queries += [
        {"filters": [{"id": injected}]},
        {"filters": [{"id": "HP:0001250", "scope": injected}]},
        {"filters": [{"id": "karyotypicSex", "operator": "=", "value": injected}]},
        {"requestParameters": {"datasets": {"datasetIds": [injected]}}},
        {"requestParameters": {"datasets": injected}},
    ]
    for query in queries:
        for path in ("/g_variants", "/individuals"):
            reply = beacon.post(path, query)
            if reply.status == 200:
                assert not answered(reply).summary["exists"], query
            else:
                assert refused(reply, 400)


@check(127, 128)
@pytest.mark.parametrize(
    "injected",
    ["%24where", "%7B%22%24gt%22%3A%22%22%7D", "%00", "%FF", "%F0%9F%92%A5", "..%2F..", "%2E%2E"],
)
def test_injected_text_in_a_url_is_a_value_or_refused(beacon: Beacon, injected: str) -> None:
    """Checks 127 and 128: in every parameter of a GET, and in the path."""
    for name in ("filters", "geneId", "variantType", "datasetIds", "aminoacidChange"):
        reply = beacon.get("/g_variants", raw=f"{name}={injected}")
        assert reply.status in (200, 400)
        assert reply.status == 400 or not answered(reply).summary["exists"]
    for name in ("skip", "limit", "start", "requestedGranularity", "testMode"):
        assert refused(beacon.get("/g_variants", raw=f"{name}={injected}"), 400)
    assert beacon.get("/g_variants", raw=f"filters[$ne]={injected}").status in (200, 400)
    for path in (f"/individuals/{injected}", f"/individuals/{injected}/g_variants"):
        reply = beacon.get(path)
        assert reply.status in (200, 400, 404)
        assert reply.status != 200 or not answered(reply).summary["exists"]


@check(128)
def test_text_of_filters_is_taken_as_it_is(beacon: Beacon) -> None:
    """Check 128: Unicode, commas, plus signs, spaces, quotes."""
    for value in ("Ääkköset", "基因", "a, b", "a+b", "a & b", '"', "\\", "ß", "\u200b", "a\nb"):
        asked = {"id": "pipelineName", "operator": "=", "value": value}
        reply = answered(beacon.post("/analyses", {"filters": [asked]}))

        assert not reply.summary["exists"]
        assert reply.received["filters"] == [f"pipelineName:={value}"]
    found = beacon.ids(
        "/analyses", filters=[{"id": "pipelineName", "operator": "=", "value": "100\u0025 own"}]
    )
    assert found == {"A05"}


@check(129)
def test_many_at_once_are_told_the_same(beacon: Beacon) -> None:
    """Check 129: what one is told does not depend on who else asks."""
    queries: list[dict[str, Any]] = [
        {"requestParameters": {"g_variant": Q5}, "requestedGranularity": "record"},
        {"filters": [{"id": "HP:0000118"}], "requestedGranularity": "record"},
        {"filters": [{"id": seed.FEMALE["id"]}], "requestedGranularity": "count"},
    ]

    def ask(number: int) -> tuple[int, bytes, float]:
        started = time.perf_counter()
        reply = beacon.post("/individuals", queries[number % len(queries)])
        return number % len(queries), reply.body, time.perf_counter() - started

    alone = [beacon.post("/individuals", query).body for query in queries]
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(ask, range(120)))

    assert all(body == alone[number] for number, body, _ in replies)
    assert max(seconds for *_, seconds in replies) < LATENCY_S
    assert all(json.loads(body)["responseSummary"]["exists"] for body in alone)


@check(130)
@pytest.mark.parametrize("path", ["/individuals", "/g_variants/A/individuals", "/map"])
def test_browsers_may_ask(beacon: Beacon, path: str) -> None:
    """Check 130."""
    headers = {
        "Origin": "https://portal.example.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    preflight = beacon.request("OPTIONS", path, headers=headers)
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()

    assert preflight.status in (200, 204)
    assert preflight.headers["Access-Control-Allow-Origin"] in ("*", headers["Origin"])
    assert {"GET", "POST", "OPTIONS"} <= set(
        preflight.headers["Access-Control-Allow-Methods"].replace(" ", "").split(",")
    )
    assert "authorization" in allowed
    assert "content-type" in allowed
    for reply in (
        beacon.request("GET", path, headers=headers),
        beacon.request("GET", "/nothing", headers=headers),
    ):
        assert reply.headers["Access-Control-Allow-Origin"] in ("*", headers["Origin"])
