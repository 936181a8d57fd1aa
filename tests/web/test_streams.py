"""Answers in parts, over real connections: lines, events, signs of life, and going on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from slow_network import QUERY_ID, Prepared
from small_beacon import SETTINGS, STORE, SYNTHETIC, Client, Start

from beacon import composition
from beacon.framework.access import EVERYTHING, Access
from beacon.framework.request import Limits
from beacon.framework.service import Service
from beacon.framework.source import Source
from beacon.model.entry_types import MODEL
from beacon.web.app import Serving, create_app

ASK = "/api/individuals?filters=NCIT:C16576&requestedGranularity=count"
LINES = {"Accept": "application/x-ndjson"}
EVENTS = {"Accept": "text/event-stream"}

Connect = Callable[[Source], Awaitable[Client]]


async def everybody(_headers: Mapping[str, str]) -> Access:
    return EVERYTHING


@pytest.fixture
def connect(aiohttp_client: Any) -> Connect:
    """A client of a network that anybody may ask."""

    async def connect(source: Source, serving: Serving | None = None) -> Client:
        service = Service(
            identity=composition.identity(SETTINGS),
            model=MODEL,
            source=source,
            test_source=SYNTHETIC,
            limits=Limits(),
        )
        app: web.Application = create_app(service, everybody, serving or Serving(heartbeat_s=0.05))
        client: Client = await aiohttp_client(app)
        return client

    return connect


async def documents(response: ClientResponse) -> list[dict[str, Any]]:
    lines = (await response.text()).splitlines()
    found = [json.loads(line) for line in lines]
    return [one for one in found if one["kind"] != "heartbeat"]


async def events(response: ClientResponse) -> list[dict[str, str]]:
    blocks = (await response.text()).strip().split("\n\n")
    return [
        dict(line.split(": ", 1) for line in block.splitlines())
        for block in blocks
        if not block.startswith(":")
    ]


async def next_document(response: ClientResponse) -> dict[str, Any]:
    """The next line that says something."""
    while True:
        document: dict[str, Any] = json.loads(await response.content.readline())
        if document["kind"] != "heartbeat":
            return document


async def test_parts_are_lines_that_say_what_each_member_said(connect: Connect) -> None:
    client = await connect(Prepared())

    response = await client.get(ASK, headers=LINES)
    found = await documents(response)

    assert response.status == 200
    assert response.headers["Content-Type"] == "application/x-ndjson; charset=utf-8"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert response.headers["X-Request-ID"]
    assert [one["kind"] for one in found] == ["accepted", "member", "member", "summary", "complete"]
    assert [one["number"] for one in found] == [1, 2, 3, 4, 5]
    assert found[0]["about"] == {"queryId": QUERY_ID}
    assert found[1]["about"] == {"beaconId": "fi", "status": "hit"}
    assert found[1]["answer"]["responseSummary"] == {"exists": True, "numTotalResults": 3}
    assert found[1]["answer"]["response"]["resultSets"][0]["beaconId"] == "fi"
    # Only what the client wants to see: without asking for misses it gets none.
    assert found[2]["answer"] == {
        "responseSummary": {"exists": False, "numTotalResults": 0, "countPrecision": "exact"}
    }


async def test_the_summary_is_about_all_members_and_does_not_repeat_them(connect: Connect) -> None:
    client = await connect(Prepared())

    response = await client.get(ASK, headers=LINES)
    summary = (await documents(response))[3]["answer"]

    assert summary["meta"]["returnedGranularity"] == "count"
    assert summary["responseSummary"]["exists"] is True
    assert summary["responseSummary"]["numTotalResults"] == 3
    assert "response" not in summary


async def test_post_streams_as_get_does(connect: Connect) -> None:
    client = await connect(Prepared())
    body = {"query": {"filters": [{"id": "NCIT:C16576"}], "requestedGranularity": "count"}}

    got = await client.get(ASK, headers=LINES)
    posted = await client.post("/api/individuals", json=body, headers=LINES)

    assert await documents(posted) == await documents(got)


async def test_events_have_a_name_and_an_id_to_go_on_after(connect: Connect) -> None:
    client = await connect(Prepared())

    response = await client.get(ASK, headers=EVENTS)
    found = await events(response)

    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert [one["event"] for one in found] == [
        *("accepted", "member", "member", "summary", "complete")
    ]
    assert [one["id"] for one in found] == [f"{QUERY_ID}/{number}" for number in range(1, 6)]
    assert json.loads(found[1]["data"])["about"]["beaconId"] == "fi"


async def test_a_part_leaves_as_soon_as_it_is_known(connect: Connect) -> None:
    source = Prepared(ready=1)
    client = await connect(source)
    loop = asyncio.get_running_loop()
    response = await client.get(ASK, headers=LINES)
    await next_document(response)

    await source.let_go(2)
    told = loop.time()
    member = await next_document(response)
    after_s = loop.time() - told
    await source.let_go(5)

    assert member["number"] == 2
    assert after_s < 0.05
    assert [one["number"] for one in await documents(response)] == [3, 4, 5]


@pytest.mark.parametrize(
    ("headers", "beat"), [(LINES, b'{"kind":"heartbeat"}\n'), (EVENTS, b": heartbeat\n")]
)
async def test_a_connection_shows_that_it_lives(
    connect: Connect, headers: dict[str, str], beat: bytes
) -> None:
    source = Prepared(ready=0)
    client = await connect(source)

    # The head and a heartbeat come before anything is known at all.
    response = await client.get(ASK, headers=headers)
    line = await response.content.readline()
    await source.let_go(5)

    assert line == beat
    assert b"complete" in await response.read()


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("application/json, application/x-ndjson", "application/json"),
        ("application/json;q=0.5, application/x-ndjson", "application/x-ndjson"),
        ("application/x-ndjson;q=0.1, application/json", "application/json"),
        ("application/x-ndjson;q=0, */*", "application/json"),
        ("text/event-stream, application/x-ndjson", "text/event-stream"),
        ("text/html, application/x-ndjson;q=x", "application/json"),
    ],
)
async def test_the_form_is_the_one_that_the_client_likes_best(
    connect: Connect, accept: str, content_type: str
) -> None:
    client = await connect(Prepared())

    response = await client.get(ASK, headers={"Accept": accept})

    assert response.content_type == content_type


async def test_a_beacon_with_data_of_its_own_answers_at_once(start: Start) -> None:
    client = await start(STORE, SETTINGS)

    response = await client.get(ASK, headers=LINES)

    assert response.content_type == "application/json"
    assert (await response.json())["responseSummary"]["exists"] is True


async def test_test_mode_has_two_parts(connect: Connect) -> None:
    client = await connect(Prepared())

    response = await client.get(f"{ASK}&testMode=true", headers=LINES)
    found = await documents(response)

    assert [one["kind"] for one in found] == ["summary", "complete"]
    assert found[0]["answer"]["responseSummary"]["numTotalResults"] == 1


async def test_what_is_wrong_with_a_question_is_an_error_of_its_own(connect: Connect) -> None:
    client = await connect(Prepared())

    response = await client.get("/api/individuals?skip=-1", headers=LINES)

    assert response.status == 400
    assert (await response.json())["error"]["errorCode"] == 400


async def test_a_source_that_fails_before_its_first_part_is_an_error(connect: Connect) -> None:
    source = Prepared()
    source.failing = True
    client = await connect(source)

    response = await client.get(ASK, headers=EVENTS)

    assert response.status == 503
    assert (await response.json())["error"]["errorMessage"] == "everybody left"


async def test_a_source_that_fails_later_is_a_last_line(connect: Connect) -> None:
    source = Prepared(ready=1)
    client = await connect(source)
    response = await client.get(ASK, headers=LINES)
    await next_document(response)

    await source.fail()
    last = (await documents(response))[-1]

    assert last == {
        "kind": "error",
        "error": {"errorCode": 503, "errorMessage": "everybody left"},
    }


async def test_an_unforeseen_failure_cuts_the_connection(connect: Connect) -> None:
    class Torn(Prepared):
        async def _parts(self, after: int) -> Any:
            yield self.parts[0]
            await asyncio.sleep(0.1)
            raise KeyError("secret detail")

    client = await connect(Torn())
    response = await client.get(ASK, headers=LINES)
    first = await response.content.readline()

    # aiohttp's client says it either way: that it was cut off, or that the rest is missing.
    with pytest.raises(Exception, match=r"(?i)closed|incomplete|not enough|reset|payload"):
        await response.read()
    assert json.loads(first)["number"] == 1


async def test_a_stream_ends_when_its_client_is_gone(connect: Connect) -> None:
    source = Prepared(ready=1)
    client = await connect(source)
    response = await client.get(ASK, headers=LINES)
    await next_document(response)

    response.close()
    async with asyncio.timeout(5):
        await source.closed.wait()

    assert source.closed.is_set()


@pytest.mark.parametrize("way", ["parameter", "header"])
async def test_a_question_is_taken_up_where_it_was(connect: Connect, way: str) -> None:
    client = await connect(Prepared())
    await (await client.get(ASK, headers=LINES)).read()

    path = f"/api/network/queries/{QUERY_ID}"
    if way == "parameter":
        response = await client.get(f"{path}?after=3")
    else:
        response = await client.get(path, headers={"Last-Event-ID": f"{QUERY_ID}/3"})

    assert response.content_type == "application/x-ndjson"
    assert [one["number"] for one in await documents(response)] == [4, 5]


async def test_a_browser_that_comes_back_goes_on_with_the_same_question(connect: Connect) -> None:
    source = Prepared()
    client = await connect(source)
    await (await client.get(ASK, headers=EVENTS)).read()

    response = await client.get(ASK, headers={**EVENTS, "Last-Event-ID": f"{QUERY_ID}/4"})
    found = await events(response)

    assert [one["id"] for one in found] == [f"{QUERY_ID}/5"]
    assert len(source.deadlines) == 1


async def test_a_browser_that_has_all_is_told_not_to_come_back(connect: Connect) -> None:
    client = await connect(Prepared())
    await (await client.get(ASK, headers=EVENTS)).read()

    response = await client.get(ASK, headers={**EVENTS, "Last-Event-ID": f"{QUERY_ID}/5"})

    assert response.status == 204


@pytest.mark.parametrize("given", ["gone/3", "nonsense", f"{QUERY_ID}/x", "/"])
async def test_a_question_that_is_not_kept_is_asked_anew(connect: Connect, given: str) -> None:
    client = await connect(Prepared())

    response = await client.get(ASK, headers={**EVENTS, "Last-Event-ID": given})

    assert (await events(response))[0]["event"] == "accepted"


async def test_another_question_is_asked_and_not_taken_up(connect: Connect) -> None:
    source = Prepared()
    client = await connect(source)
    await (await client.get(ASK, headers=EVENTS)).read()

    other = ASK.replace("C16576", "C20197")
    response = await client.get(other, headers={**EVENTS, "Last-Event-ID": f"{QUERY_ID}/4"})

    assert (await events(response))[0]["event"] == "accepted"
    assert len(source.deadlines) == 2


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/network/queries/none", 404), (f"/api/network/queries/{QUERY_ID}?after=x", 400)],
)
async def test_what_cannot_be_taken_up_is_refused(connect: Connect, path: str, status: int) -> None:
    client = await connect(Prepared())
    await (await client.get(ASK, headers=LINES)).read()

    response = await client.get(path)

    assert response.status == status
    assert (await response.json())["error"]["errorCode"] == status


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize(
    ("headers", "seconds", "applied"),
    [
        ({}, 30.0, None),
        ({"Prefer": "wait=3"}, 3.0, "wait=3"),
        ({"Prefer": 'respond-async, wait="3"'}, 3.0, "wait=3"),
        ({"Prefer": "wait=60"}, 30.0, None),
        ({"Prefer": "wait=0"}, 30.0, None),
        ({"Prefer": "wait=soon"}, 30.0, None),
        ({"Beacon-Deadline-Ms": "2500"}, 2.5, None),
        ({"Beacon-Deadline-Ms": "90000"}, 30.0, None),
        ({"Beacon-Deadline-Ms": "2500", "Prefer": "wait=1"}, 1.0, "wait=1"),
        ({"Beacon-Deadline-Ms": "2500", "Prefer": "wait=5"}, 2.5, None),
    ],
)
async def test_a_client_may_wait_less_and_never_longer(
    connect: Connect, accept: str, headers: dict[str, str], seconds: float, applied: str | None
) -> None:
    source = Prepared()
    client = await connect(source)

    response = await client.get(ASK, headers={"Accept": accept, **headers})

    assert response.status == 200
    assert source.deadlines == [seconds]
    assert response.headers.get("Preference-Applied") == applied


@pytest.mark.parametrize("given", ["", "0", "-1", "2.5", "soon"])
async def test_a_deadline_that_is_no_number_is_refused(connect: Connect, given: str) -> None:
    client = await connect(Prepared())

    response = await client.get(ASK, headers={"Beacon-Deadline-Ms": given})

    assert response.status == 400
    assert "Beacon-Deadline-Ms" in (await response.json())["error"]["errorMessage"]


async def test_pages_of_other_origins_may_read_a_stream(connect: Connect) -> None:
    client = await connect(Prepared())

    response = await client.get(ASK, headers={**EVENTS, "Origin": "https://portal.example.org"})

    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Preference-Applied" in response.headers["Access-Control-Expose-Headers"]


async def test_what_there_is_is_described(connect: Connect, client: Client) -> None:
    network = await connect(Prepared())

    own = await (await client.get("/api/service-info")).json()
    of_network = await (await network.get("/api/service-info")).json()
    described = await (await network.get("/api/openapi.json")).json()

    assert own["extensions"] == {
        "batch": {"url": "https://beacon.example.org/api/batch", "maxItems": 1000},
        "match": {"url": "https://beacon.example.org/api/match"},
        "filteringTerms": {"descendantsAreFound": True},
    }
    assert of_network["extensions"]["streaming"] == {
        "mediaTypes": ["application/x-ndjson", "text/event-stream"],
        "resumeUrl": "https://beacon.example.org/api/network/queries/{id}",
    }
    answers = described["paths"]["/g_variants"]["get"]["responses"]["200"]["content"]
    assert {*answers} == {"application/json", "application/x-ndjson", "text/event-stream"}
    assert "/network/queries/{id}" in described["paths"]
