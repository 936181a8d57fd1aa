"""Requests per second: a server in a process of its own, asked by a client in another."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from urllib.parse import urlencode

import click
from aiohttp import web

from beacon import composition, logs
from beacon.settings import (
    DatasetPolicy,
    Level,
    LogSettings,
    MongoSettings,
    PolicySettings,
    Settings,
)
from beacon.web import server
from tests.bench.cohort import ASSEMBLY, MAIN, Cohort
from tests.bench.measure import Results

CONNECTIONS = 64


def measure(results: Results, uri: str, database: str, cohort: Cohort, seconds: float) -> None:
    """Start a server, ask it in turns, and tell."""
    results.section(f"HTTP, {CONNECTIONS} connections, one server process")
    with (
        tempfile.TemporaryDirectory(prefix="beacon-bench-http-") as folder,
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.http_load", "serve", uri, database, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        targets = {
            "a handler that says hello": (ports["bare"], ["/"]),
            "a constant document of ours (/api/map)": (ports["api"], ["/api/map"]),
            "exact count of people": (ports["api"], _paths(cohort, "individuals")),
            "exact count of variants": (ports["api"], _paths(cohort, "g_variants")),
        }
        rates: dict[str, list[float]] = {name: [] for name in targets}
        middle: dict[str, float] = {}
        for _ in range(3):
            for name, (port, paths) in targets.items():
                done = subprocess.run(
                    [sys.executable, "-m", "tests.bench.http_load", "ask", str(port), str(seconds)],
                    input=json.dumps(paths).encode(),
                    stdout=subprocess.PIPE,
                    check=True,
                )
                told = json.loads(done.stdout)
                rates[name].append(told["rate"])
                middle[name] = told["p50_ms"]
        process.stdin.close()
        process.wait(timeout=20)
    base = "a handler that says hello"
    for name, measured in rates.items():
        rate = sorted(measured)[1]
        results.add(
            name,
            rate,
            "req/s",
            ratio=None if name == base else rate / sorted(rates[base])[1],
            of="hello",
            note=f"p50 {middle[name]:.1f} ms",
        )


def _paths(cohort: Cohort, entry_type: str) -> list[str]:
    paths = []
    for allele in cohort.alleles[:: max(len(cohort.alleles) // 5_000, 1)]:
        pos, ref, alt = allele.vcf
        parameters = {
            "referenceName": allele.reference_name,
            "assemblyId": ASSEMBLY,
            "start": pos - 1,
            "referenceBases": ref,
            "alternateBases": alt,
            "datasets": MAIN,
            "requestedGranularity": "count",
        }
        paths.append(f"/api/{entry_type}?{urlencode(parameters)}")
    return paths


async def _serve(uri: str, database: str, folder: str) -> None:
    settings = Settings(
        data_dir=folder,
        mongo=MongoSettings(uri=uri, database=database),
        log=LogSettings(),
        policy=PolicySettings(
            datasets={
                MAIN: DatasetPolicy(
                    public={"*": Level.COUNT}, min_count=1, accept_risk="invented people"
                )
            }
        ),
    )
    logs.configure(settings.log)
    sockets = server.bind("127.0.0.1", 0), server.bind("127.0.0.1", 0)
    api, bare = (one[0] for one in sockets)

    async def hello(_request: web.Request) -> web.Response:
        return web.Response(body=b'{"hello": true}', content_type="application/json")

    trivial = web.Application()
    trivial.router.add_get("/", hello)
    runner = web.AppRunner(trivial, access_log=None)
    await runner.setup()
    await web.SockSite(runner, bare).start()
    async with composition.open_app(settings) as app:
        ports = {"api": api.getsockname()[1], "bare": bare.getsockname()[1]}
        click.echo(json.dumps(ports))
        await server.serve(app, api, shutdown_timeout_s=1, lifeline=sys.stdin.fileno())
    await runner.cleanup()


class _Client(asyncio.Protocol):
    """One connection that asks again as soon as it was answered."""

    def __init__(self, requests: Sequence[bytes], at: int, done_at: float) -> None:
        self.times: list[float] = []
        self.failed = 0
        self.closed = asyncio.get_running_loop().create_future()
        self._requests, self._at, self._done_at = requests, at, done_at
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._requests[self._at % len(self._requests)])  # type: ignore[attr-defined]
        self._at += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lowered = head.lower()
        at = lowered.index(b"content-length:") + 15
        if len(body) < int(lowered[at:].split(b"\r\n", 1)[0]):
            return
        self._buffer = b""
        now = time.perf_counter()
        self.times.append(now - self._sent)
        self.failed += not head.startswith(b"HTTP/1.1 200")
        if now < self._done_at:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


async def _ask(port: int, seconds: float, paths: Sequence[str]) -> None:
    requests = [f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in paths]
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    clients = []
    for number in range(CONNECTIONS):
        _, client = await loop.create_connection(
            lambda number=number: _Client(
                requests, number * len(requests) // CONNECTIONS, started + seconds
            ),
            "127.0.0.1",
            port,
        )
        clients.append(client)
    await asyncio.gather(*(client.closed for client in clients))
    took = time.perf_counter() - started
    times = sorted(one for client in clients for one in client.times)
    if any(client.failed for client in clients):
        raise SystemExit(f"{sum(client.failed for client in clients)} answers were not 200")
    click.echo(json.dumps({"rate": len(times) / took, "p50_ms": times[len(times) // 2] * 1e3}))


def main(arguments: Sequence[str]) -> None:
    """`serve URI DATABASE FOLDER`, or `ask PORT SECONDS` with paths as JSON on standard input."""
    if arguments[0] == "serve":
        work = _serve(*arguments[1:])
    else:
        work = _ask(int(arguments[1]), float(arguments[2]), json.load(sys.stdin))
    with asyncio.Runner(loop_factory=server.new_loop) as runner:
        runner.run(work)


if __name__ == "__main__":
    main(sys.argv[1:])
