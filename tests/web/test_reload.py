"""Settings are read again at SIGHUP, by a real server that answers all the while."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymongo
import pytest
import structlog
from real_server import COUNT, ask, ask_until, load, served

from beacon.reload import Place, Rereading
from beacon.settings import IdentitySettings, MongoSettings, Settings

OLD = """\
[identity]
name = "Old name"

[policy.datasets.ds]
min_count = 1
accept_risk = "invented people"
public = { "*" = "count" }
"""
NEW = OLD.replace("Old", "New").replace('"count"', '"boolean"')
CLIENTS = 8


@dataclass(slots=True)
class Told:
    """What clients were told: names of the beacon, and what failed."""

    names: Counter[str] = field(default_factory=Counter)
    totals: Counter[int | None] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


class Clients:
    """Clients that ask without a pause, and never twice when they are not answered."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.told = Told()
        self._host, self._port = parts.hostname, parts.port
        self._over = asyncio.Event()

    async def ask(self, *, kept: bool) -> None:
        """Ask until it is over, on one connection as long as the server keeps it, or on many."""
        connection = None
        while not self._over.is_set():
            try:
                connection = connection or await asyncio.open_connection(self._host, self._port)
                for path in ("/api/info", COUNT):
                    kind = "keep-alive" if kept else "close"
                    head, body = await self.exchange(*connection, path, kind)
                    self._note(head, body)
                    if not kept or b"connection: close" in head.lower():
                        connection[1].close()
                        await connection[1].wait_closed()
                        connection = await asyncio.open_connection(self._host, self._port)
            except (OSError, EOFError) as error:
                self.told.failures.append(repr(error))
                connection = None
                await asyncio.sleep(0.01)
        if connection is not None:
            connection[1].close()
            await connection[1].wait_closed()

    async def exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, kind: str
    ) -> tuple[bytes, bytes]:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: {kind}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length is not None
        return head, await reader.readexactly(int(length[1]))

    def _note(self, head: bytes, body: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 200 "):
            self.told.failures.append(head.partition(b"\r\n")[0].decode())
            return
        document: dict[str, Any] = json.loads(body)
        if "responseSummary" in document:
            self.told.totals[document["responseSummary"].get("numTotalResults")] += 1
        else:
            self.told.names[document["response"]["name"]] += 1

    def end(self) -> None:
        self._over.set()


def lines(folder: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of the log so far."""
    for line in (folder / "log").read_text().split("\n")[:-1]:
        if line.startswith("{"):
            yield json.loads(line)


async def seen(folder: Path, event: str, times: int = 1, seconds: float = 120) -> dict[str, Any]:
    """Wait for a line of the log; the line."""
    until = time.monotonic() + seconds
    while len(found := [one for one in lines(folder) if one["event"] == event]) < times:
        assert time.monotonic() < until, f"no {event} within {seconds} s"
        await asyncio.sleep(0.02)
    return found[times - 1]


def told_by(url: str) -> tuple[str, int | None]:
    """The name of the beacon, and the number that it gives."""
    name = json.loads(ask(url + "/api/info")[1])["response"]["name"]
    return name, json.loads(ask(url + COUNT)[1])["responseSummary"].get("numTotalResults")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs, and the folder with its settings and its log."""

    url: str
    process: subprocess.Popen[str]
    folder: Path

    def reload(self, settings: str) -> None:
        (self.folder / "settings.toml").write_text(settings)
        self.process.send_signal(signal.SIGHUP)


@pytest.fixture(scope="module")
def environment(
    mongo_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """That of a server: it names a database in which there is something."""
    name = f"test_{uuid.uuid4().hex}"
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        load(client[name], tmp_path_factory.mktemp("vcf"))
        yield {"BEACON__MONGO__URI": mongo_uri, "BEACON__MONGO__DATABASE": name}
        client.drop_database(name)


@pytest.fixture(params=["1", "2"], ids=["one process", "two workers"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, environment: dict[str, str]
) -> Iterator[Server]:
    (tmp_path / "settings.toml").write_text(OLD)
    with served(tmp_path, "--workers", request.param, environment=environment) as (url, process):
        ask_until(200, url + "/readyz", 60)
        yield Server(url, process, tmp_path)


async def test_no_request_fails_when_settings_change(server: Server) -> None:
    before = told_by(server.url)
    clients = Clients(server.url)
    asking = [asyncio.create_task(clients.ask(kept=n % 2 == 0)) for n in range(CLIENTS)]
    await asyncio.sleep(0.5)
    server.reload(NEW)
    reloading = await seen(server.folder, "reloading")
    await seen(server.folder, "reloaded")
    server.reload(OLD)  # and back, while the first is hardly over
    await seen(server.folder, "old_settings_gone", times=2)
    clients.end()
    await asyncio.gather(*asking)
    after = told_by(server.url)
    server.process.terminate()
    status = await asyncio.to_thread(server.process.wait, 30)

    assert clients.told.failures == []
    assert before == after == ("Old name", 2)
    assert clients.told.names["Old name"] > 50
    assert clients.told.names["New name"] > 10
    assert clients.told.totals[None] > 10
    assert reloading["changed"] == ["identity.name", "policy.datasets.ds.public.*"]
    assert status == 0


async def test_wrong_settings_change_nothing_and_right_ones_end_the_old(server: Server) -> None:
    wrong = {
        "[identity": "settings.toml: Expected ']'",
        OLD.replace("name", "nmae"): "identity.nmae is not a setting; did you mean identity.name",
        OLD.replace('"*"', "individuals"): "individuals",
        OLD + '[assemblies.GRCh38]\nfasta = "none.fa"': "there is no file",
    }
    reasons = []
    for number, settings in enumerate(wrong, start=1):
        server.reload(settings)
        reasons.append((await seen(server.folder, "reload_failed", number))["reason"])
    still = told_by(server.url)
    clients = Clients(server.url)
    idle = await asyncio.open_connection("127.0.0.1", urlsplit(server.url).port)
    first, _ = await clients.exchange(*idle, "/api/info", "keep-alive")
    server.reload('data_dir = "x"\n[server]\nhost = "::"\nworkers = 3\n' + NEW)
    warned = await seen(server.folder, "reload_needs_restart")
    await seen(server.folder, "reloaded")
    last, _ = await clients.exchange(*idle, "/api/info", "keep-alive")
    nothing = await idle[0].read()
    idle[1].close()
    await idle[1].wait_closed()
    await seen(server.folder, "old_settings_gone")
    now = told_by(server.url)

    assert all(there in said for there, said in zip(wrong.values(), reasons, strict=True))
    assert still == ("Old name", 2)
    assert b"connection: close" not in first.lower()
    assert b"connection: close" in last.lower()
    assert nothing == b""
    # How many workers there are is on the command line, which stays.
    assert warned["settings"] == ["data_dir", "server.host"]
    assert now == ("New name", None)


async def test_a_network_takes_up_members_and_keeps_them_when_there_would_be_none(
    tmp_path: Path,
) -> None:
    one = """
[network.members."org.example.fr"]
name = "France"
country = "FR"
url = "http://127.0.0.1:1/api"
allow_private = true
"""
    two = one.replace("fr", "se").replace("France", "Sweden").replace("FR", "SE")

    def members(url: str) -> list[str]:
        document = json.loads(ask(url + "/api/network/members")[1])
        return [each["id"] for each in document["response"]["members"]]

    (tmp_path / "settings.toml").write_text(one)
    with served(tmp_path, command=["network", "serve"]) as (url, process):
        network = Server(url, process, tmp_path)
        ask_until(200, url + "/livez", 60)
        before = members(url)
        network.reload("")
        failed = await seen(tmp_path, "reload_failed")
        still = members(url)
        network.reload(one + two)
        reloading = await seen(tmp_path, "reloading", 2)
        await seen(tmp_path, "old_settings_gone")
        after = members(url)

    assert before == still == ["org.example.fr"]
    assert "a network needs members" in failed["reason"]
    assert after == ["org.example.fr", "org.example.se"]
    assert "network.members.org.example.se" in reloading["changed"]


def test_server_whose_terminal_is_closed_stops(tmp_path: Path, environment: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "beacon.cli", "serve", "--port", "0"],
        env={**os.environ, **environment},
        cwd=tmp_path,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        said = os.read(ours, 4096)
        os.close(ours)
        time.sleep(2)
        process.send_signal(signal.SIGHUP)
        process.wait(20)
    finally:
        process.kill()
        process.wait()

    assert b"serving" in said


def test_an_embedded_database_stays_where_it_is() -> None:
    place = Place(started=Settings(), uri="mongodb://socket/", port=5050)
    read = Settings(
        mongo=MongoSettings(uri="mongodb://beacon:hunter2@db/", database="other", cache_gb=2),
        identity=IdentitySettings(name="New name"),
    )
    running = place.running(read)

    assert place.kept(read) == ("mongo.cache_gb", "mongo.uri")
    assert running.mongo == MongoSettings(uri="mongodb://socket/", database="other")
    assert running.identity.name == "New name"


def test_another_server_of_the_database_is_taken_up() -> None:
    started = Settings(mongo=MongoSettings(uri="mongodb://one/"))
    place = Place(started=started, uri="mongodb://one/", port=5050)
    read = Settings(mongo=MongoSettings(uri="mongodb://two/"))

    assert place.kept(read) == ()
    assert place.running(read).mongo.uri == "mongodb://two/"


def test_the_log_names_what_changed_and_never_how() -> None:
    started = Settings()
    read = Settings(mongo=MongoSettings(uri="mongodb://beacon:hunter2@db/"))
    place = Place(started=started, uri="mongodb://socket/", port=5050)
    with structlog.testing.capture_logs() as logged:
        Rereading(place, lambda: read, lambda _settings: None)()

    assert [(one["event"], one.get("changed", one.get("settings"))) for one in logged] == [
        ("reloading", ["mongo.uri"]),
        ("reload_needs_restart", ["mongo.uri"]),
    ]
    assert "hunter2" not in str(logged)
