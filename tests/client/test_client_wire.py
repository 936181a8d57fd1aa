"""Requests are sent again when that can help, and show the token to nobody but the beacon."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from beacon.client import (
    AsyncBeacon,
    NotABeacon,
    Refused,
    TooLarge,
    TooLate,
    Unreachable,
    Variant,
)
from tests.client.scripted_beacon import Says, hangs_up, says, says_lines, scripted, summary

A = Variant("GRCh38", "17", 7577120, "G", "A")
YES = says(summary(True, numTotalResults=3))
ERROR = {"error": {"errorCode": 400, "errorMessage": "that\nis wrong"}}


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_server_that_is_down_is_asked_again(status: int) -> None:
    async with (
        scripted({"/individuals": [says({}, status), YES]}) as server,
        AsyncBeacon(server.url) as beacon,
    ):
        answer = await beacon.count()

    assert answer.count == 3
    assert len(server.at("/individuals")) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 500, 501])
async def test_a_refusal_is_final(status: int) -> None:
    async with (
        scripted({"/individuals": [says(ERROR, status), YES]}) as server,
        AsyncBeacon(server.url) as beacon,
    ):
        with pytest.raises(Refused) as caught:
            await beacon.count()

    assert (caught.value.status, caught.value.message) == (status, "that is wrong")
    assert len(server.at("/individuals")) == 1


async def test_who_asked_too_much_waits_as_long_as_told() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    script = [says({}, 429, Retry_After="1"), says({}, 429, Retry_After=later), YES]
    async with scripted({"/individuals": script}) as server, AsyncBeacon(server.url) as beacon:
        begin = asyncio.get_running_loop().time()
        answer = await beacon.count()

    assert answer.exists
    assert asyncio.get_running_loop().time() - begin >= 1


async def test_who_must_wait_too_long_is_refused_at_once() -> None:
    script = [says(ERROR, 429, Retry_After="3600")]
    async with scripted({"/individuals": script}) as server, AsyncBeacon(server.url) as beacon:
        with pytest.raises(Refused, match="status 429"):
            await beacon.count()

    assert len(server.at("/individuals")) == 1


async def test_a_connection_that_breaks_is_made_again() -> None:
    async with (
        scripted({"/individuals": [hangs_up, YES]}) as server,
        AsyncBeacon(server.url) as beacon,
    ):
        answer = await beacon.count()

    assert answer.exists


async def test_nobody_there_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with AsyncBeacon(f"http://127.0.0.1:{port}/api", retries=0) as beacon:
        with pytest.raises(Unreachable, match="no connection"):
            await beacon.count()


async def test_a_beacon_that_says_nothing_is_too_late() -> None:
    async def sleep(_request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    async with (
        scripted({"/individuals": [sleep]}) as server,
        AsyncBeacon(server.url, timeout_s=1) as beacon,
    ):
        await beacon.about()
        with pytest.raises(TooLate):
            await beacon.count()

    # It was told how long it had.
    assert 0 < int(server.at("/individuals")[0].headers["Beacon-Deadline-Ms"]) <= 900


async def test_an_answer_without_end_is_not_read_to_it() -> None:
    async with (
        scripted({"/individuals": [says(summary(True, padding="x" * 5000))]}) as server,
        AsyncBeacon(server.url, max_bytes=4000) as beacon,
    ):
        with pytest.raises(TooLarge):
            await beacon.count()


@pytest.mark.parametrize("said", ["<html>", "", "[]", '{"a": 1}', "[" * 100_000])
async def test_what_is_no_answer_is_no_no(said: str) -> None:
    async def respond(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=said)

    async with scripted({"/individuals": [respond]}) as server, AsyncBeacon(server.url) as beacon:
        with pytest.raises(NotABeacon):
            await beacon.count()


async def test_an_error_in_an_answer_of_status_200_is_one() -> None:
    async with (
        scripted({"/individuals": [says(ERROR)]}) as server,
        AsyncBeacon(server.url) as beacon,
    ):
        with pytest.raises(Refused, match="status 400"):
            await beacon.count()


async def test_the_token_follows_a_redirect_to_the_same_host_only() -> None:
    async with scripted({"/individuals": [YES]}) as other:
        there = says({}, 307, Location=f"{other.url}/individuals")
        script = {"/individuals": [says({}, 308, Location="/api/people")], "/people": [there]}
        async with scripted(script) as server, AsyncBeacon(server.url, token="secret") as beacon:
            answer = await beacon.count(filters=["HP:0001250"])

    assert answer.exists
    assert server.at("/people")[0].headers["Authorization"] == "Bearer secret"
    assert "Authorization" not in other.asked[0].headers
    assert other.asked[0].body["query"]["filters"] == [{"id": "HP:0001250"}]


async def test_redirects_in_a_circle_end() -> None:
    script = {"/individuals": [says({}, 307, Location="/api/individuals")]}
    async with (
        scripted(script) as server,
        AsyncBeacon(server.url, retries=0) as beacon,
    ):
        with pytest.raises(Unreachable, match="redirects"):
            await beacon.count()


async def test_a_batch_elsewhere_is_not_shown_the_token() -> None:
    offered = {"extensions": {"batch": {"url": "https://other.example/batch", "maxItems": 2}}}
    line = {"id": "17-7577121-G-A", **summary(True)}
    script = {
        "/service-info": [says(offered)],
        "/batch": [says_lines(line, {"complete": True, "items": 1, "answered": 1})],
    }
    async with scripted(script) as server, AsyncBeacon(server.url, token="secret") as beacon:
        found = [one async for one in beacon.batch([A])]

    assert [item_id for item_id, _ in found] == ["17-7577121-G-A"]
    assert len(server.at("/batch")) == 1


async def test_a_batch_that_is_cut_off_goes_on_with_what_is_left() -> None:
    script = {
        "/service-info": [says({"extensions": {"batch": {"maxItems": 10}}})],
        "/batch": [
            says_lines({"kind": "heartbeat"}, {"id": "a", **summary(True)}, whole=False),
            says_lines({"id": "b", "error": {"errorCode": 403, "errorMessage": "no"}}),
        ],
    }
    async with scripted(script) as server, AsyncBeacon(server.url) as beacon:
        found = {key: one async for key, one in beacon.batch({"a": A, "b": A})}

    assert [one["id"] for one in server.at("/batch")[1].body["items"]] == ["b"]
    assert not isinstance(found["a"], Exception)
    assert isinstance(found["b"], Refused)


async def test_no_more_is_asked_at_once_than_a_beacon_takes() -> None:
    async def says_all(request: web.BaseRequest) -> web.StreamResponse:
        items = (await request.json())["items"]
        lines = [{"id": one["id"], **summary(True)} for one in items]
        return await says_lines(*lines, {"complete": True})(request)

    offered = says({"extensions": {"batch": {"maxItems": 2}}})
    script: dict[str, list[Says]] = {"/service-info": [offered], "/batch": [says_all]}
    async with scripted(script) as server, AsyncBeacon(server.url) as beacon:
        found = {key async for key, _ in beacon.batch(dict.fromkeys("abcde", A))}

    assert found == {*"abcde"}
    assert [len(one.body["items"]) for one in server.at("/batch")] == [2, 2, 1]


async def test_without_batches_four_questions_are_under_way_at_most() -> None:
    running, most = 0, 0

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return web.json_response(summary(True))

    async with scripted({"/g_variants": [answer]}) as server, AsyncBeacon(server.url) as beacon:
        found = {key async for key, _ in beacon.batch(dict.fromkeys("abcdefghij", A))}

    assert found == {*"abcdefghij"}
    assert most == 4


async def test_questions_of_a_batch_that_get_no_line_have_a_failure() -> None:
    script = {
        "/service-info": [says({"extensions": {"batch": {"maxItems": 10}}})],
        "/batch": [says_lines({"complete": True, "items": 0, "answered": 0})],
    }
    async with scripted(script) as server, AsyncBeacon(server.url) as beacon:
        found = [one async for one in beacon.batch({"a": A})]

    assert [(key, type(one)) for key, one in found] == [("a", Unreachable)]


async def test_a_stream_that_is_cut_off_is_no_answer() -> None:
    script = {
        "/service-info": [
            says({"extensions": {"streaming": {"mediaTypes": ["application/x-ndjson"]}}})
        ],
        "/g_variants": [says_lines({"kind": "accepted", "number": 1, "about": {}})],
    }
    async with scripted(script) as server, AsyncBeacon(server.url) as beacon:
        parts = beacon.stream(A)
        assert (await anext(parts)).kind == "accepted"
        with pytest.raises(Unreachable, match="cut off"):
            await anext(parts)


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("beacon.example.org", None),
        ("ftp://beacon.example.org", None),
        ("https://me:secret@beacon.example.org/api", None),
        ("https://beacon.example.org/api", ""),
        ("https://beacon.example.org/api", "a\nX-Header: b"),
        ("https://beacon.example.org/api", "Bearer a"),
    ],
)
def test_what_cannot_be_asked_is_refused_before(url: str, token: str | None) -> None:
    with pytest.raises(ValueError, match=r"URL|token"):
        AsyncBeacon(url, token)


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(AsyncBeacon("https://beacon.example.org/api", "secret"))
    assert "secret" not in repr(vars(AsyncBeacon("https://beacon.example.org/api", "secret")))
