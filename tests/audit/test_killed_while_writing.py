"""Every answer that a client has got is in the trail, in whatever way the server ended."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from audited import found_in, lines

from beacon import databases, settings_file
from tests.web.real_server import COUNT, load, served

SETTINGS = """
[mongo]
uri = "{uri}"
database = "{database}"
[server]
workers = 2
[log]
access = false
[policy.datasets.ds]
min_count = 1
accept_risk = "invented people"
public."*" = "count"
"""


class Client(threading.Thread):
    """Asks on one connection until there is nobody to answer; keeps what was answered."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__()
        self._url, self._prefix = urlsplit(url), name
        self.answered: list[str] = []
        self.counts: set[int | None] = set()

    def run(self) -> None:
        assert self._url.hostname is not None
        connection = http.client.HTTPConnection(self._url.hostname, self._url.port, timeout=20)
        with (
            contextlib.suppress(OSError, http.client.HTTPException),
            contextlib.closing(connection),
        ):
            while True:
                name = f"{self._prefix}-{len(self.answered)}"
                connection.request("GET", COUNT, headers={"X-Request-ID": name})
                response = connection.getresponse()
                document = json.loads(response.read())
                self.counts.add(document["responseSummary"].get("numTotalResults"))
                self.answered.append(name)


def children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def test_what_was_answered_is_there_after_a_kill(
    tmp_path: Path, mongo_uri: str, database: str
) -> None:
    (tmp_path / "settings.toml").write_text(SETTINGS.format(uri=mongo_uri, database=database))
    settings = settings_file.load(tmp_path / "settings.toml", {})
    with databases.open_database(settings) as opened:
        load(opened, tmp_path)
    answered: list[str] = []
    for attempt in range(3):
        with served(tmp_path) as (url, process):
            clients = [Client(url, f"a{attempt}c{number}") for number in range(4)]
            for one in clients:
                one.start()
            until = time.monotonic() + 240
            while min(len(one.answered) for one in clients) < 20 and time.monotonic() < until:
                time.sleep(0.05)
            workers = children_of(process.pid)
            for pid in (process.pid, *workers):
                os.kill(pid, signal.SIGKILL)
            process.wait()
            for one in clients:
                one.join(60)
                answered += one.answered
                assert one.counts == {2}
        # Nobody has the chains any more once the kernel is done with the processes.
        while any(is_running(pid) for pid in workers) and time.monotonic() < until + 60:
            time.sleep(0.05)

    written = {one["request"] for one in lines(tmp_path / ".beacon" / "audit")}
    found = found_in(settings)
    assert len(answered) >= 3 * 4 * 20
    assert set(answered) <= written
    assert [(one.chain, one.broken) for one in found] == [(0, None), (1, None)]
