"""Whatever is sent: refused at once, with words that help, or answered at once; never a failure."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote

import pytest

from tests.conformance.client import Beacon, Reply, answered, refused

PROMPT_S = 0.5
MATCHING_S = 0.2
ATTEMPTS = 40
HUGE = 10**18
SITE = {"assemblyId": "GRCh38", "referenceName": "17"}
MANY = 100_000

NONSENSICAL: tuple[tuple[dict[str, Any], tuple[str, ...]], ...] = (
    # Positions that do not say which alleles are meant.
    ({**SITE, "start": [5]}, ("start", "end", "alternateBases")),
    ({**SITE, "start": [5], "variantType": "DEL"}, ("start", "end")),
    ({**SITE, "start": [5], "variantMinLength": 3}, ("start", "end")),
    ({**SITE, "start": [5, 9]}, ("start", "end")),
    ({**SITE, "end": [9]}, ("start", "end")),
    ({**SITE, "end": [5, 9]}, ("start", "end")),
    ({**SITE, "start": [5, 9], "end": [12]}, ("start", "end")),
    ({**SITE, "start": [5], "end": [9, 12]}, ("start", "end")),
    ({**SITE, "start": [9, 5], "end": [12, 15]}, ("start",)),
    ({**SITE, "start": [5, 9], "end": [15, 12]}, ("end",)),
    ({**SITE, "start": [9], "end": [5]}, ("start", "end")),
    ({**SITE, "start": [9], "end": [9]}, ("start", "end")),
    ({**SITE, "start": [1, 2, 3], "end": [9]}, ("start",)),
    ({**SITE, "start": [], "end": [9]}, ("start",)),
    ({"start": [5], "end": [9]}, ("referenceName",)),
    ({**SITE, "start": [-5], "end": [9]}, ("start",)),
    ({**SITE, "start": [5.5], "end": [9]}, ("start",)),
    ({**SITE, "start": ["5x"], "end": [9]}, ("start",)),
    ({**SITE, "start": [True], "end": [9]}, ("start",)),
    ({**SITE, "start": {"$gt": 0}, "end": [9]}, ("start",)),
    ({**SITE, "start": [2**63], "end": [2**64]}, ("start",)),
    ({**SITE, "start": list(range(MANY)), "end": [9]}, ("start",)),
    # Values of other kinds than the parameter takes.
    ({**SITE, "start": [5], "alternateBases": "a"}, ("alternateBases",)),
    ({**SITE, "start": [5], "alternateBases": "A%"}, ("alternateBases",)),
    ({**SITE, "start": [5], "referenceBases": ".*", "alternateBases": "A"}, ("referenceBases",)),
    ({**SITE, "start": [5], "alternateBases": {"$ne": "A"}}, ("alternateBases",)),
    ({**SITE, "referenceName": {"$gt": ""}}, ("referenceName",)),
    ({**SITE, "assemblyId": {"$gt": ""}}, ("assemblyId",)),
    ({**SITE, "assemblyId": "GRCh99"}, ("assemblyId",)),
    ({**SITE, "referenceName": "chr99"}, ("referenceName",)),
    ({"assemblyId": "GRCh38", "referenceName": "NC_000017.10"}, ("assemblyId", "referenceName")),
    ({"geneId": ["A", "B"]}, ("geneId",)),
    ({"geneId": {"$regex": ".*"}}, ("geneId",)),
    ({"aminoacidChange": {"$where": "1"}}, ("aminoacidChange",)),
    ({"genomicAlleleShortForm": 5}, ("genomicAlleleShortForm",)),
    ({**SITE, "variantType": ["DEL"]}, ("variantType",)),
    ({**SITE, "variantMinLength": -1}, ("variantMinLength",)),
    ({**SITE, "variantMaxLength": 0}, ("variantMaxLength",)),
    ({**SITE, "variantMinLength": 9, "variantMaxLength": 5}, ("variantMinLength",)),
    ({**SITE, "mateName": "8"}, ("mateName",)),
    # Names that are nearly right.
    ({**SITE, "Start": [5]}, ("Start", "start")),
    ({**SITE, "alternatebases": "A"}, ("alternatebases", "alternateBases")),
    ({**SITE, "$where": "sleep(1000)"}, ("$where",)),
)


def one_filter(**parts: Any) -> dict[str, Any]:
    return {"filters": [{"id": "BMI", **parts}]}


REFUSED: tuple[tuple[dict[str, Any], tuple[str, ...]], ...] = (
    *(({"requestParameters": {"g_variant": one}}, words) for one, words in NONSENSICAL),
    ({"filters": ["HP:0001250"]}, ("filters[0]",)),
    ({"filters": "HP:0001250"}, ("filters",)),
    ({"filters": {"id": "HP:0001250"}}, ("filters",)),
    ({"filters": [{}]}, ("filters[0].id",)),
    ({"filters": [{"id": ""}]}, ("filters[0].id",)),
    ({"filters": [{"id": ["HP:0001250"]}]}, ("filters[0].id",)),
    ({"filters": [{"id": {"$gt": ""}}]}, ("filters[0].id",)),
    ({"filters": [{"id": "HP:0001250"}, {"id": 5}]}, ("filters[1].id",)),
    (one_filter(operator="~", value="5"), ("filters[0].operator", "<=")),
    (one_filter(operator="$gt", value="5"), ("filters[0].operator",)),
    (one_filter(operator=["="], value="5"), ("filters[0].operator",)),
    (one_filter(operator=">"), ("filters[0].value",)),
    (one_filter(operator=">", value=""), ("filters[0].value",)),
    (one_filter(operator=">", value={"$gt": 5}), ("filters[0].value",)),
    (one_filter(operator=">", value=["5"]), ("filters[0].value",)),
    (one_filter(operator=">", value="tall"), ("BMI", "tall")),
    (one_filter(operator=">", value="1%"), ("BMI", "%")),
    (one_filter(scope=["individual", "biosample"]), ("filters[0].scope",)),
    (one_filter(scope={"$ne": ""}), ("filters[0].scope",)),
    ({"filters": [{"id": "HP:0001250", "similarity": "some"}]}, ("similarity", "high")),
    ({"filters": [{"id": "HP:0001250", "includeDescendantTerms": 1}]}, ("includeDescendantTerms",)),
    ({"filters": [{"id": "HP:0001250"}] * 101}, ("filters", "101", "100")),
    ({"filters": [{"id": "A:1"}] * (MANY // 4)}, ("filters", "100")),
    ({"filters": ["A"] * MANY}, ("filters",)),
    ({"pagination": {"skip": -1}}, ("pagination.skip",)),
    ({"pagination": {"limit": -1}}, ("pagination.limit",)),
    ({"pagination": {"limit": "ten"}}, ("pagination.limit",)),
    ({"pagination": {"limit": 10**30}}, ("pagination.limit",)),
    ({"pagination": {"skip": HUGE, "limit": 1000}}, ("skip",)),
    ({"pagination": {"skip": {"$gt": 0}}}, ("pagination.skip",)),
    ({"pagination": [0, 10]}, ("pagination",)),
    ({"requestedGranularity": "RECORD"}, ("requestedGranularity", "record")),
    ({"requestedGranularity": ["record"]}, ("requestedGranularity",)),
    ({"includeResultsetResponses": "hit"}, ("includeResultsetResponses", "HIT")),
    ({"testMode": 1}, ("testMode",)),
    ({"requestParameters": "17:5"}, ("requestParameters",)),
    ({"requestParameters": [5]}, ("requestParameters",)),
    ({"requestParameters": [{}] * MANY}, ("requestParameters", "100")),
    ({"requestParameters": [[[]]]}, ("requestParameters",)),
    ({"requestParameters": {"g_variant": []}}, ("requestParameters.g_variant",)),
    ({"requestParameters": {"gvariant": {}}}, ("gvariant", "g_variant")),
    ({"requestParameters": {"datasets": {"datasetIds": [5]}}}, ("datasetIds",)),
    ({"requestParameters": {"datasets": {"ids": ["open"]}}}, ("datasets.ids", "datasetIds")),
    ({"requestParameters": {"datasets": {"datasetIds": {"$ne": ""}}}}, ("datasetIds",)),
)


def timed(beacon: Beacon, *request: Any, seconds: float = PROMPT_S) -> Reply:
    """A request that must be replied to promptly.

    What takes long takes it every time; a machine with other work is late now and then.
    """
    for _ in range(ATTEMPTS):
        started = time.perf_counter()
        reply = beacon.request(*request)
        took = time.perf_counter() - started
        assert reply.status < 500, reply.body
        if took < seconds:
            return reply
    raise AssertionError(f"{took:.2f} s: {reply.body[:200]!r}")


def post(
    beacon: Beacon, query: Any, path: str = "/individuals", seconds: float = PROMPT_S
) -> Reply:
    document = query if isinstance(query, bytes) else json.dumps({"query": query}).encode()
    headers = {"Content-Type": "application/json"}
    return timed(beacon, "POST", path, document, headers, seconds=seconds)


@pytest.mark.parametrize(("query", "words"), REFUSED, ids=lambda value: ascii(value)[:60])
def test_refusal_names_what_is_wrong(
    beacon: Beacon, query: dict[str, Any], words: tuple[str, ...]
) -> None:
    for path in ("/individuals", "/g_variants"):
        message = refused(post(beacon, query, path), 400)

        assert [word for word in words if word not in message] == [], message
        assert len(message) < 1000


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("start=5&referenceName=17&assemblyId=GRCh38", ("start", "end")),
        ("start=a&end=9&referenceName=17", ("start",)),
        ("start=1,2,3&end=9&referenceName=17", ("start",)),
        ("start=" + "1," * 10_000, ("start",)),
        ("geneId=A&geneId=B", ("geneId",)),
        ("limit=ten", ("limit",)),
        (f"skip={HUGE}&limit=1000", ("skip",)),
        (f"skip={10**400}", ("skip",)),
        ("requestedGranularity=all", ("requestedGranularity", "count")),
        ("testMode=yes", ("testMode",)),
        ("filters=BMI:>", ("filters",)),
        ("filters=BMI:>tall", ("BMI", "tall")),
        ("filters=" + ",".join(["HP:1"] * 101), ("filters", "100")),
        ("filters=%00", ("filters", "NUL")),
        ("filters=%ED%A0%80", ("UTF-8",)),
        ("filters=%FF", ("UTF-8",)),
        ("&".join(f"a{number}=1" for number in range(1001)), ("too many",)),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_refused_url_names_what_is_wrong(
    beacon: Beacon, parameters: str, words: tuple[str, ...]
) -> None:
    message = refused(timed(beacon, "GET", f"/individuals?{parameters}"), 400)

    assert [word for word in words if word not in message] == [], message
    assert len(message) < 1000


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"query": "' + b"x" * 10_000_000 + b'"}', 413),
        (b"{" + b" " * 10_000_000 + b"}", 413),
        (b'{"query": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
        (b'{"query": {"filters": ' + b"[" * 40 + b"]" * 40 + b"}}", 400),
        (b'{"query": {"filters": [' + b"[]," * 100_000 + b"[]]}}", 400),
        (b'{"query": {"requestParameters": [' + b"{}," * 100_000 + b"5]}}", 400),
        (b'{"query": {"filters": [{"id": "a\\u0000b"}]}}', 400),
        (b'{"query": {"filters": [{"id": "\\ud800"}]}}', 400),
        (b'{"query": {"filters": [{"id": "\\udc00\\ud800"}]}}', 400),
        (b'{"query": {"filters": [{"id": "\xed\xa0\x80"}]}}', 400),
        (b'{"query": {"filters": [{"id": "a\x00b"}]}}', 400),
        (b'\xef\xbb\xbf{"query": {}}', 400),
        (b'{"query": {"pagination": {"limit": ' + b"9" * 500_000 + b"}}}", 400),
        (b'{"query": {"pagination": {"limit": 1e999999}}}', 400),
        (b'{"query": {"pagination": {"limit": NaN}}}', 400),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_body_that_no_question_can_have_is_refused(
    beacon: Beacon, body: bytes, status: int
) -> None:
    assert refused(post(beacon, body), status)


@pytest.mark.parametrize(
    "query",
    [
        {"pagination": {"skip": HUGE, "limit": 1}, "requestedGranularity": "record"},
        {"pagination": {"skip": 2**63 - 1, "limit": 1}, "requestedGranularity": "record"},
        {"pagination": {"skip": 0, "limit": HUGE}, "requestedGranularity": "record"},
        {"filters": [{"id": "HP:0001250"}] * 100},
        {"filters": [{"id": f"HP:{number:07}", "similarity": "low"} for number in range(100)]},
        {"filters": [{"id": "A" * 500_000}]},
        {"filters": [{"id": "HP:0001250", "scope": "s" * 500_000}]},
        {"filters": [{"id": "$where", "operator": "=", "value": "$ne"}]},
        {"filters": [{"id": "info.$[].a", "operator": "!", "value": "x"}]},
        {"requestParameters": {"datasets": {"datasetIds": ["x"] * MANY}}},
        {"requestParameters": {"datasets": {"datasetIds": [str(n) for n in range(MANY)]}}},
        {"requestParameters": {"g_variant": {"geneId": "G" * 500_000}}},
        {"requestParameters": {"g_variant": {"genomicAlleleShortForm": "NC_1:g." * 70_000}}},
        {"requestParameters": {"g_variant": {"aminoacidChange": "V" * 500_000}}},
        {
            "requestParameters": {
                "g_variant": {
                    **SITE,
                    "start": [7577120],
                    "referenceBases": "N" * 400_000,
                    "alternateBases": "N" * 400_000,
                }
            }
        },
        {"requestParameters": {"g_variant": {**SITE, "start": [2**62], "end": [2**63 - 1]}}},
        {"requestParameters": {"g_variant": {**SITE, "start": [0], "end": [2**63 - 1]}}},
        {"requestParameters": {"g_variant": {**SITE, "variantMinLength": 2**63 - 1}}},
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_large_question_is_answered_or_refused_at_once(
    beacon: Beacon, query: dict[str, Any]
) -> None:
    for path in ("/individuals", "/g_variants", "/datasets"):
        reply = post(beacon, query, path)
        if reply.status == 200:
            answered(reply, path)
        else:
            assert refused(reply, 400)


@pytest.mark.parametrize(
    "entry_id",
    [
        "$where",
        '{"$gt":""}',
        "[$ne]",
        "%",
        "*",
        ".*",
        "a" * 20_000,
        "\x01",
        "💥",
        "a/b",
        "' or 1=1",
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_no_entry_has_such_an_id(beacon: Beacon, entry_id: str) -> None:
    for path in (f"/individuals/{quote(entry_id, safe='')}", f"/g_variants/{quote(entry_id)}"):
        for target in (path, f"{path}/biosamples"):
            reply = timed(beacon, "GET", target)

            assert reply.status in (200, 400, 404)
            assert reply.status != 200 or not answered(reply).summary["exists"]


def test_id_with_a_nul_is_refused(beacon: Beacon) -> None:
    assert "id" in refused(timed(beacon, "GET", "/individuals/%00"), 400)


@pytest.mark.parametrize(
    "value",
    [
        "%a" * 100,
        "%a" * 100_000 + "%z",
        "%i%l%l%u%m%i%n%a%",
        "%%%%%%%%%%%%%%%%%%%%%%%%%%%%z",
        "%" * 500_000 + "z",
        "(a+)+$%",
        "%" + "I" * 500_000 + "%",
        "1" * 500_000 + "!",
        "1" * 500_000 + ".",
        "." * 500_000,
        " " * 400_000 + "1" + " " * 400_000 + "x",
        "P" + "1" * 500_000 + "!",
        "P" + "1." * 200_000 + "Y",
        "1e" + "9" * 500_000,
        "2020-01-01T" + " " * 500_000,
        "1 " + "µ" * 100_000,
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_no_filter_value_takes_long_to_read(beacon: Beacon, value: str) -> None:
    for attribute in ("pipelineName", "BMI", "runDate", "collectionMoment"):
        for operator in ("=", "!", ">"):
            asked = {"id": attribute, "operator": operator, "value": value}

            assert post(beacon, {"filters": [asked]}).status in (200, 400)


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("%a%", True),
        ("%A" * 20 + "%", True),
        ("%a" * 20 + "%b", False),
        ("%aa" * 500 + "%b%", False),
        ("%a" * 100_000, False),
        ("a%" * 4 + "b", False),
        ("%" + "a" * 9_999 + "b%", False),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_wildcards_do_not_go_astray_in_a_long_text(beacon: Beacon, value: str, fits: bool) -> None:
    """A regular expression would try more ways to fit than there is time for."""
    asked = {"id": "pipelineName", "operator": "=", "value": value}
    query = {
        "requestedGranularity": "record",
        "requestParameters": {"datasets": {"datasetIds": ["suomi"]}},
        "filters": [asked],
    }
    reply = answered(post(beacon, query, "/analyses", MATCHING_S))

    assert reply.summary["exists"] is fits
