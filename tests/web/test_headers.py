"""Every response says that it is data and nobody else's, whatever became of the request."""

from __future__ import annotations

import json

import pytest
from raw_clients import ask, listening
from small_beacon import SETTINGS, STORE, SYNTHETIC, Client

from beacon import composition
from beacon.web.connections import Listening

WANTED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "genome-beacon",
}
NOBODY_KEEPS = "private, no-store"
REQUESTS = [
    ("GET", "/api/individuals", 200, NOBODY_KEEPS),
    ("GET", "/api/individuals?requestedGranularity=record&testMode=true", 200, NOBODY_KEEPS),
    ("GET", "/api/filtering_terms", 200, NOBODY_KEEPS),
    ("POST", "/api/batch", 415, NOBODY_KEEPS),
    ("HEAD", "/api/individuals", 200, NOBODY_KEEPS),
    ("GET", "/api/info", 200, "public, max-age=300"),
    ("GET", "/api/openapi.json", 200, "public, max-age=300"),
    ("OPTIONS", "/api/individuals", 204, "no-store"),
    ("GET", "/", 200, "no-store"),
    ("GET", "/livez", 200, "no-store"),
    ("GET", "/readyz", 200, "no-store"),
    ("GET", "/metrics", 200, "no-store"),
    ("GET", "/nowhere", 404, NOBODY_KEEPS),
    ("DELETE", "/api/individuals", 405, NOBODY_KEEPS),
    ("GET", "/api/individuals?limit=x", 400, NOBODY_KEEPS),
    ("GET", "/api/individuals?access_token=x", 401, NOBODY_KEEPS),
]


@pytest.mark.parametrize(("method", "path", "status", "kept"), REQUESTS)
async def test_answers_and_errors_have_them(
    client: Client, method: str, path: str, status: int, kept: str
) -> None:
    response = await client.request(method, path)

    assert response.status == status
    assert {name: response.headers.get(name) for name in WANTED} == WANTED
    assert response.headers["Cache-Control"] == kept
    assert len(response.headers.getall("Server")) == 1


async def test_failures_and_refused_credentials_have_them(client: Client, broken: Client) -> None:
    responses = [
        await broken.get("/api/individuals"),
        await broken.get("/api/biosamples"),
        await broken.get("/readyz"),
        await client.get("/api/individuals", headers={"Authorization": "Bearer x"}),
        await client.post("/api/individuals", json="x" * 20_000),
        await client.post("/api/individuals", data=b"x", headers={"Content-Type": "text/plain"}),
    ]

    assert [one.status for one in responses] == [503, 500, 503, 401, 413, 415]
    for response in responses:
        assert {name: response.headers.get(name) for name in WANTED} == WANTED
        assert response.headers["Cache-Control"] == NOBODY_KEEPS


async def test_what_depends_on_the_caller_says_on_what(client: Client) -> None:
    response = await client.get("/api/individuals")

    assert response.headers["Vary"] == "Authorization, X-Beacon-Purpose"


@pytest.mark.parametrize("hsts_s", [0, 3600])
async def test_what_is_no_request_is_answered_alike(hsts_s: int) -> None:
    app = composition.app(SETTINGS, STORE, SYNTHETIC)
    async with listening(app, Listening(hsts_s=hsts_s)) as port:
        reply = await ask(port, b"SECRET nonsense\r\n\r\n")

    assert reply.status == 400
    assert {name: reply.headers.get(name) for name in WANTED} == WANTED
    assert reply.headers.get("Strict-Transport-Security") == ("max-age=3600" if hsts_s else None)
    assert json.loads(reply.body) == {
        "error": {"errorCode": 400, "errorMessage": "this is not a request of HTTP/1.1"}
    }
