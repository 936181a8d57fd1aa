"""HTTP: which spelling of a request is understood, and how what is not is refused."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from small_beacon import Client
from yarl import URL

from beacon import schemas

ASK = {"meta": {"apiVersion": "v2.2.0"}, "query": {"requestedGranularity": "count"}}


@pytest.mark.parametrize("mount", ["/api", "/api/v2", "/api/v2.0", "/api/v2.0.0", "/api/v2.2.0"])
@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize("path", ["/info", "/individuals", "/individuals/o1", "/filtering_terms"])
async def test_version_before_and_slash_behind_a_path_change_nothing(
    client: Client, mount: str, path: str, end: str
) -> None:
    plain = await client.get("/api" + path)
    spelt = await client.get(mount + path + end)

    assert spelt.status == 200
    assert await spelt.read() == await plain.read()


@pytest.mark.parametrize("end", ["", "/"])
async def test_post_answers_as_get_does(client: Client, end: str) -> None:
    got = await client.get("/api/individuals?requestedGranularity=count")
    posted = await client.post("/api/individuals" + end, json=ASK)

    assert (await posted.json())["responseSummary"] == (await got.json())["responseSummary"]


@pytest.mark.parametrize("path", ["", "/", "/info", "/service-info", "/configuration", "/map"])
async def test_informational_endpoints_are_for_get_only(client: Client, path: str) -> None:
    got = await client.get("/api" + path)
    posted = await client.post("/api" + path, json={})

    assert got.status == 200
    assert posted.status == 405
    assert "GET" in posted.headers["Allow"]
    check_error(await posted.json(), 405)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/unknown", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/api/v3/individuals", 404),
        ("GET", "/api/individuals/o1/unknown", 404),
        ("GET", "/api/schemas/unknown.json", 404),
        ("GET", "/api/schemas/../../pyproject.toml", 404),
        ("DELETE", "/api/individuals", 405),
        ("POST", "/api/individuals/filtering_terms", 405),
        ("GET", "/api/individuals?skip=-1", 400),
        ("GET", "/api/individuals?filters=%ff", 400),
        ("GET", "/api/individuals?" + "a=1&" * 2000, 400),
    ],
)
async def test_what_is_not_understood_is_refused(
    client: Client, method: str, path: str, status: int
) -> None:
    response = await client.request(method, URL("http://host" + path, encoded=True).relative())

    assert response.status == status
    check_error(await response.json(), status)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"Content-Type": "application/json"}, 200),
        (b"{}", {"Content-Type": "application/json; charset=utf-8"}, 200),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b"{", {"Content-Type": "application/json"}, 400),
        (b"[]", {"Content-Type": "application/json"}, 400),
        (b" " * 10_001, {"Content-Type": "application/json"}, 413),
        (gzip.compress(b"{}", mtime=0), {"Content-Encoding": "gzip"}, 200),
        (gzip.compress(b" " * 10_000_000, mtime=0), {"Content-Encoding": "gzip"}, 413),
        (gzip.compress(b"{}", mtime=0)[:5], {"Content-Encoding": "gzip"}, 400),
        (b"not compressed at all", {"Content-Encoding": "gzip"}, 400),
    ],
)
async def test_body_must_be_json_of_reasonable_size(
    client: Client, body: bytes, headers: dict[str, str], status: int
) -> None:
    headers = {"Content-Type": "application/json", **headers}
    response = await client.post("/api/individuals", data=body, headers=headers)

    assert response.status == status
    if status != 200:
        check_error(await response.json(), status)


async def test_body_without_a_content_type_is_taken_for_json(client: Client) -> None:
    response = await client.post(
        "/api/individuals", data=json.dumps(ASK).encode(), skip_auto_headers=["Content-Type"]
    )

    assert response.status == 200


@pytest.mark.parametrize("path", ["/api/individuals", "/api/info", "/livez"])
async def test_head_is_get_without_the_body(client: Client, path: str) -> None:
    got = await client.get(path)
    response = await client.head(path)

    assert response.status == 200
    assert response.headers["Content-Length"] == got.headers["Content-Length"]
    assert await response.read() == b""


@pytest.mark.parametrize("query", ["filters=age:>P70Y", "filters=age:%3EP70Y"])
async def test_comparison_need_not_be_encoded(client: Client, query: str) -> None:
    response = await client.get(URL(f"/api/individuals?{query}", encoded=True))
    echoed = (await response.json())["meta"]["receivedRequestSummary"]["filters"]

    assert echoed == ["age:>P70Y"]


async def test_plus_sign_is_a_space(client: Client) -> None:
    url = URL("/api/individuals?filters=HP_0032443:!unknown+medical+history", encoded=True)
    response = await client.get(url)
    echoed = (await response.json())["meta"]["receivedRequestSummary"]["filters"]

    assert echoed[0].endswith("!unknown medical history")


async def test_answers_are_kept_by_nobody_and_documents_for_a_while(client: Client) -> None:
    answer = await client.get("/api/individuals")
    document = await client.get("/api/map")

    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert document.headers["Cache-Control"].startswith("public")


async def test_request_id_is_echoed_when_it_is_harmless(client: Client) -> None:
    own = await client.get("/api/info", headers={"X-Request-ID": "abc-123"})
    odd = await client.get("/api/info", headers={"X-Request-ID": "a b"})
    one, two = [(await client.get("/api/info")).headers["X-Request-ID"] for _ in range(2)]

    assert own.headers["X-Request-ID"] == "abc-123"
    assert odd.headers["X-Request-ID"] != "a b"
    assert one != two


async def test_front_page_says_where_the_api_is(client: Client) -> None:
    assert "https://beacon.example.org/api" in await (await client.get("/")).text()


async def test_info_in_the_form_of_a_service_description(client: Client) -> None:
    response = await client.get("/api/info?requestedSchema=ga4gh-service-info-v1.0")

    assert (await response.json())["response"]["type"]["artifact"] == "beacon"


async def test_schemas_that_answers_name_are_served(client: Client) -> None:
    answer = await (await client.get("/api/individuals?requestedGranularity=record")).json()
    url = URL(answer["meta"]["returnedSchemas"][0]["schema"])
    served = await (await client.get(url.relative())).json()

    assert served == schemas.schema("entry_types/individual.json")


async def test_failure_of_the_source_is_told_apart_from_no(broken: Client) -> None:
    response = await broken.get("/api/individuals")

    assert response.status == 503
    check_error(await response.json(), 503)


async def test_unexpected_failure_tells_no_detail(broken: Client) -> None:
    response = await broken.get("/api/biosamples", headers={"X-Request-ID": "the-id"})
    text = await response.text()

    assert response.status == 500
    assert "secret detail" not in text
    assert "the-id" in text
    check_error(json.loads(text), 500)


def check_error(document: dict[str, Any], status: int) -> None:
    """A Beacon error, whole."""
    schemas.validator("responses/beaconErrorResponse.json").validate(document)

    assert document["error"]["errorCode"] == status
