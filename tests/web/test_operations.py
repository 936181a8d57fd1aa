"""What operators and browsers rely on: health, metrics, log lines, CORS."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from real_server import COUNT, ask, ask_until, on_its_own_database
from small_beacon import SETTINGS, STORE, Client, Start

from beacon.settings import LogSettings


async def test_alive_is_not_ready(client: Client, broken: Client) -> None:
    statuses = [
        (await one.get(path)).status for one in (client, broken) for path in ("/livez", "/readyz")
    ]

    assert statuses == [200, 200, 200, 503]


async def test_metrics_count_by_pattern_and_never_name_what_was_asked(client: Client) -> None:
    await client.get("/api/individuals/o1?filters=NCIT:C16576")
    await client.get("/nowhere/o1")
    text = await (await client.get("/metrics")).text()

    assert (
        'beacon_requests_total{endpoint="/api/individuals/{id}",method="GET",status="200"} 1.0'
        in text
    )
    assert 'endpoint="unknown",method="GET",status="404"' in text
    assert "o1" not in text
    assert "C16576" not in text


async def test_one_log_line_a_request_that_does_not_say_what_was_asked(client: Client) -> None:
    with structlog.testing.capture_logs() as lines:
        await client.get("/api/individuals/o1?filters=NCIT:C16576&requestedGranularity=count")

    assert len(lines) == 1
    assert lines[0]["endpoint"] == "/api/individuals/{id}"
    assert lines[0]["granularity"] == "count"
    assert lines[0]["status"] == 200
    assert "o1" not in str(lines[0]).replace(lines[0]["request_id"], "")
    assert "C16576" not in str(lines)


async def test_access_log_can_be_turned_off_but_failures_are_logged(start: Start) -> None:
    settings = msgspec.structs.replace(SETTINGS, log=LogSettings(access=False))
    client = await start(STORE, settings)
    with structlog.testing.capture_logs() as lines:
        await client.get("/api/individuals")

    assert lines == []


async def test_unexpected_failure_is_logged_with_its_request_id(broken: Client) -> None:
    with structlog.testing.capture_logs() as lines:
        response = await broken.get("/api/biosamples")

    assert lines[0]["event"] == "request_failed"
    assert lines[0]["request_id"] == response.headers["X-Request-ID"]


@pytest.mark.parametrize("path", ["/api/individuals", "/api/info"])
async def test_preflight_is_answered(client: Client, path: str) -> None:
    headers = {"Origin": "https://portal.example.org", "Access-Control-Request-Method": "POST"}
    response = await client.options(path, headers=headers)

    assert response.status == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
    assert "POST" in response.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("https://portal.example.org", "https://portal.example.org"), ("https://evil.org", None)],
)
async def test_only_chosen_origins_may_read(start: Start, origin: str, allowed: Any) -> None:
    server = msgspec.structs.replace(SETTINGS.server, cors_origins=("https://portal.example.org",))
    client = await start(STORE, msgspec.structs.replace(SETTINGS, server=server))
    response = await client.get("/api/individuals", headers={"Origin": origin})

    assert response.headers.get("Access-Control-Allow-Origin") == allowed
    assert response.headers.getall("Vary")[-1] == "Origin"


def kill_mongod(data_dir: Path) -> None:
    """Kill it in the middle of its work."""
    database = str(data_dir / "mongo").encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if arguments[0].endswith(b"/mongod") and database in arguments:
            os.kill(int(process.name), signal.SIGKILL)


def test_server_outlives_its_database_but_not_for_ever(tmp_path: Path) -> None:
    data_dir = tmp_path / ".beacon"
    with on_its_own_database(tmp_path) as (url, process):
        before = ask_until(200, url + COUNT)
        (data_dir / "mongo").rename(data_dir / "away")  # it cannot start as long as this is so
        kill_mongod(data_dir)
        started = time.monotonic()
        during = ask(url + COUNT)
        took_s = time.monotonic() - started
        watched = [ask(url + path)[0] for path in ("/livez", "/readyz")]
        (data_dir / "away").rename(data_dir / "mongo")
        ready = ask_until(200, url + "/readyz")[0]
        after = ask(url + COUNT)
        (data_dir / "mongo").rename(data_dir / "away")
        kill_mongod(data_dir)
        status = process.wait(60)
    log = (tmp_path / "log").read_text()

    assert json.loads(before[1])["responseSummary"]["numTotalResults"] == 2
    assert during[0] == json.loads(during[1])["error"]["errorCode"] == 503
    assert took_s < 5
    assert watched == [200, 503]
    assert ready == 200
    assert after == before
    assert status == 2
    assert '"database_back"' in log
    assert '"database_lost"' in log
    assert "died again and again" in log
