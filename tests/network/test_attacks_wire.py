"""What strict clients get, what members can put on the wire, and what nobody must learn."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from beacon.settings import MemberSettings
from tests.network.fake_members import (
    Answers,
    Behaviour,
    FakeMember,
    Hangs,
    Resets,
    Says,
    Slow,
    redirects,
)
from tests.network.real_beacons import serving_network

POSITION = 31_415_926
QUESTION = {
    "meta": {"apiVersion": "v2.2.0"},
    "query": {
        "requestedGranularity": "record",
        "includeResultsetResponses": "ALL",
        "requestParameters": {
            "g_variant": {
                "assemblyId": "GRCh38",
                "referenceName": "17",
                "start": [POSITION],
                "referenceBases": "G",
                "alternateBases": "A",
            }
        },
    },
}
NDJSON, EVENTS = "application/x-ndjson", "text/event-stream"


@dataclass(frozen=True, slots=True)
class Net:
    """A network that is served, and a client of it."""

    url: str
    client: aiohttp.ClientSession
    folder: Path

    async def post(self, accept: str, path: str = "/g_variants") -> bytes:
        async with self.client.post(
            f"{self.url}{path}", json=QUESTION, headers={"Accept": accept}
        ) as response:
            assert response.status == 200, await response.text()
            return await response.read()


@contextlib.asynccontextmanager
async def serving(folder: Path, *fakes: FakeMember, **settings: Any) -> AsyncIterator[Net]:
    members = {
        one.beacon_id: MemberSettings(
            name=one.beacon_id, country="FI", url=one.url, allow_private=True
        )
        for one in fakes
    }
    async with (
        serving_network("eu.example.network", members, folder, **settings) as url,
        aiohttp.ClientSession() as client,
    ):
        yield Net(url, client, folder)


@contextlib.asynccontextmanager
async def fake(beacon_id: str, behaviour: Behaviour | None = None) -> AsyncIterator[FakeMember]:
    async with FakeMember(beacon_id, behaviour) as one:
        yield one


def pretty() -> Says:
    """Written for people, with handovers and records of several lines."""
    document = {
        "meta": {"beaconId": "fi", "returnedGranularity": "record"},
        "responseSummary": {"exists": True, "numTotalResults": 1},
        "response": {
            "resultSets": [
                {
                    "id": "d1",
                    "exists": True,
                    "resultsCount": 1,
                    "results": [
                        {"variantInternalId": "v1", "info": {"note": "a\n\ndata: b\u2028"}}
                    ],
                    "resultsHandovers": [{"url": "https://example.org"}],
                }
            ]
        },
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return Says(b"\xef\xbb\xbf" + text.replace("\n", "\r\n\r\n").encode())


def events(body: bytes) -> Iterator[tuple[dict[str, str], Any]]:
    """The events of a stream, by the letter of its specification: fields, and the data decoded."""
    for block in body.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n\n")[:-1]:
        fields: dict[str, list[str]] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        assert set(fields) <= {"", "event", "id", "data", "retry"}, block
        if "data" in fields:
            told = {name: values[-1] for name, values in fields.items()}
            yield told, json.loads("\n".join(fields["data"]))


def records(parts: list[Any]) -> list[Any]:
    return [
        record
        for part in parts
        for found in part.get("answer", {}).get("response", {}).get("resultSets", [])
        for record in found["results"]
    ]


NOTE = {"variantInternalId": "v1", "info": {"note": "a\n\ndata: b\u2028"}}


async def test_what_members_write_on_many_lines_is_passed_on_in_one(tmp_path: Path):
    async with fake("fi", pretty()) as fi, serving(tmp_path, fi) as net:
        lines = (await net.post(NDJSON)).split(b"\n")
        told = list(events(await net.post(EVENTS)))
        whole = json.loads(await net.post("application/json"))
        batch = {"query": QUESTION["query"], "items": [{"id": "a"}, {"id": "b"}]}
        async with net.client.post(f"{net.url}/batch", json=batch) as response:
            *of_batch, last = (await response.read()).split(b"\n")

    kinds = ["accepted", "member", "summary", "complete"]
    assert lines.pop() == b""
    parts = [json.loads(line) for line in lines]
    assert [one["kind"] for one in parts] == kinds
    assert [fields["event"] for fields, _ in told] == [one["kind"] for _, one in told] == kinds
    assert [int(fields["id"].rpartition("/")[2]) for fields, _ in told] == [1, 2, 3, 4]
    assert records(parts) == records([one for _, one in told]) == [NOTE]
    assert whole["response"]["resultSets"][0]["results"] == [NOTE]
    assert last == b""
    assert sorted(json.loads(one).get("id", "z") for one in of_batch) == ["a", "b", "z"]


async def test_a_stream_can_be_looked_at_without_reading_it_and_from_other_origins(tmp_path: Path):
    origin = {"Origin": "https://portal.example.org", "Accept": EVENTS}
    asked = {**origin, "Access-Control-Request-Headers": "Last-Event-ID, Prefer"}
    async with fake("fi", Hangs()) as fi, serving(tmp_path, fi) as net:
        async with net.client.options(f"{net.url}/network/queries/x", headers=asked) as response:
            preflight = response.status, response.headers["Access-Control-Allow-Headers"]
        async with net.client.post(
            f"{net.url}/g_variants", json=QUESTION, headers=origin
        ) as response:
            headers = response.headers
            await response.content.readline()
            name = (await response.content.readline()).decode().removeprefix("id: ")
            query_id = name.partition("/")[0]
            async with asyncio.timeout(5):  # nobody answers for half a minute
                async with net.client.head(f"{net.url}/network/queries/{query_id}") as head:
                    looked = head.status, await head.read()

    assert preflight[0] == 204
    assert "Last-Event-ID" in preflight[1]
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert "Content-Encoding" not in headers
    assert looked == (200, b"")


SECRETS = ("31415926", "HP:0007777", "NCT00SECRET")


async def test_no_log_metric_or_file_holds_what_was_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    echo = json.dumps(
        {"error": {"errorCode": 400, "errorMessage": f"at {POSITION}: HP:0007777 NCT00SECRET"}}
    ).encode()
    behaviours: Mapping[str, Behaviour] = {
        "echo": Says(echo, status=400),
        "fails": Says(echo, status=500),
        "resets": Resets(),
        "broken": Says(b'{"31415926": '),
        "hangs": Hangs(),
        "elsewhere": redirects("https://evil.example.org/31415926?HP:0007777"),
        "good": Answers({"d1": 1}),
    }
    asked = json.loads(json.dumps(QUESTION))
    asked["query"]["filters"] = [{"id": "HP:0007777"}, {"id": "NCT00SECRET"}]
    with capture_logs() as events_logged, caplog.at_level(logging.DEBUG):
        async with contextlib.AsyncExitStack() as stack:
            fakes = [
                await stack.enter_async_context(FakeMember(name, one, reads_variation=False))
                for name, one in behaviours.items()
            ]
            net = await stack.enter_async_context(
                serving(tmp_path, *fakes, deadline_s=1.0, stream_deadline_s=1.5)
            )
            for accept in ("application/json", NDJSON):
                async with net.client.post(
                    f"{net.url}/individuals", json=asked, headers={"Accept": accept}
                ) as response:
                    answer = await response.text()
            async with net.client.get(f"{net.url.removesuffix('/api')}/metrics") as response:
                metrics = await response.text()
            async with net.client.get(f"{net.url}/network/members") as response:
                page = await response.text()
            pages = [page]
            for name in behaviours:
                async with net.client.get(f"{net.url}/network/members/{name}") as response:
                    pages.append(await response.text())
    told = [*map(_line, events_logged), *(one.getMessage() for one in caplog.records)]
    files = await asyncio.to_thread(_contents, tmp_path)

    assert "good" in answer
    assert "evil.example.org" not in answer
    for secret in SECRETS:
        for what in (*told, metrics, *files, *pages):
            assert secret not in what
    reasons = [line for line in answer.splitlines() if '"echo"' in line]
    assert not any(
        SECRETS[2] in json.loads(one).get("about", {}).get("reason", "") for one in reasons
    )


def _line(event: Mapping[str, Any]) -> str:
    error = event.get("exc_info")
    if not isinstance(error, BaseException):
        return str(event)
    return str(event) + "".join(traceback.format_exception(error))


def _contents(folder: Path) -> list[str]:
    return [one.read_bytes().decode("latin-1") for one in folder.rglob("*") if one.is_file()]


async def test_a_member_learns_nothing_of_who_asks(tmp_path: Path):
    headers = {
        "Accept": NDJSON,
        "Cookie": "session=secret",
        "X-Forwarded-For": "192.0.2.1",
        "X-Request-ID": "mine-1",
        "Referer": "https://portal.example.org/patient",
        "User-Agent": "somebody",
        "Beacon-Deadline-Ms": "4000",
    }
    in_test_mode = {**QUESTION, "query": {**QUESTION["query"], "testMode": True}}
    people = Answers({"d1": 1}, records=[{"id": "P/1 ?#&"}])
    async with fake("fi", people) as fi, serving(tmp_path, fi) as net:
        async with net.client.post(f"{net.url}/g_variants", json=in_test_mode) as one:
            made_up = await one.json()
        before = [one for one in fi.questions if str(POSITION).encode() in one.body]
        async with net.client.post(f"{net.url}/g_variants", json=QUESTION, headers=headers) as one:
            await one.read()
        (asked,) = [one for one in fi.questions if str(POSITION).encode() in one.body]
        entry = "/individuals/P%2F1%20%3F%23%26"
        for path in (entry, f"{entry}/g_variants"):
            query = "?requestedGranularity=record&includeResultsetResponses=ALL"
            async with net.client.get(net.url + path + query) as response:
                assert (await response.json())["responseSummary"]["exists"]
        paths = {one.path for one in fi.questions if one.path.startswith("/individuals/")}

    assert made_up["meta"]["testMode"]
    assert not before
    assert {name.lower() for name in asked.headers} == {
        "host",
        "accept",
        "accept-encoding",
        "beacon-deadline-ms",
        "beacon-network-path",
        "content-length",
        "content-type",
        "user-agent",
    }
    assert asked.headers["User-Agent"].startswith("beacon/")
    assert paths == {"/individuals/P/1 ?#&", "/individuals/P/1 ?#&/g_variants"}


async def test_who_reads_no_further_holds_up_nobody(tmp_path: Path):
    """Many open streams, none of them read, and then one more question."""
    async with fake("fi", Slow(0.4)) as fi, serving(tmp_path, fi) as net:
        host = net.url.removeprefix("http://").removesuffix("/api").split(":")
        body = json.dumps(QUESTION).encode()
        head = (
            f"POST /api/g_variants HTTP/1.1\r\nHost: x\r\nAccept: {EVENTS}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writers = []
        for _ in range(200):
            _, writer = await asyncio.open_connection(host[0], int(host[1]))
            writer.write(head.encode() + body)
            writers.append(writer)
        async with asyncio.timeout(5):
            document = json.loads(await net.post("application/json"))
        sent = [one for one in fi.questions if str(POSITION).encode() in one.body]
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.05)

    assert document["info"]["networkStatus"]["hit"] == 1
    assert len(sent) <= 10
