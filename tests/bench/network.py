"""A network over beacons of ours and over fake ones, against asking the same without a network."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import click
import msgspec
from aiohttp import web

from beacon import logs, network_composition
from beacon.framework.query import Granularity, Include, Query, VariationQuery
from beacon.model.entry_types import MODEL
from beacon.network.dialects import Dialect
from beacon.network.requests import MemberRequest, encode
from beacon.settings import (
    IdentitySettings,
    LimitSettings,
    LogLevel,
    LogSettings,
    MemberSettings,
    NetworkSettings,
    ServerSettings,
    Settings,
)
from beacon.web import server
from tests.bench.measure import Results
from tests.network.fake_members import FakeMember
from tests.network.real_beacons import ASSEMBLY, COUNTRIES, ROOT, Running, running

FAKES = 300
ROUNDS = 3

_STREAMS = 30
_ENTRY_TYPES = ("individual", "biosample", "genomicVariant")
_MET_S = 120.0


@dataclass(frozen=True, slots=True)
class Question:
    """One question as a network is asked it, and as a network asks its members."""

    path: str
    parameters: dict[str, str]
    request: MemberRequest


@dataclass(slots=True)
class Run:
    """What was measured of one way to ask, over all rounds."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    times: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Queries a second."""
        return len(self.times) / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Processor time of a query."""
        return self.cpu_s * 1e3 / len(self.times)

    def quantile(self, share: float) -> float:
        """Milliseconds within which a share of the answers came."""
        return sorted(self.times)[int(share * (len(self.times) - 1))] * 1e3


def measure(results: Results, uri: str, seconds: float) -> None:
    """Both networks, each by turns with its rival.

    Args:
        uri: A database server for the beacons of ours.
        seconds: Of each stretch of questions.
    """
    with tempfile.TemporaryDirectory(prefix="beacon-bench-network-") as name:
        folder = Path(name)
        with _in_two_processes(uri, folder) as beacons:
            members = beacons.members()
            questions = [
                _question(one.chromosome, one.pos - 1, one.ref, one.alt, entry_type)
                for entry_type in _ENTRY_TYPES
                for one in beacons.truth
            ]
            title = f"A network of {len(members)} beacons of ours, in two processes"
            _measure(results, title, members, questions, folder / "ours", seconds, 16)
        with _child("fakes", str(FAKES)) as (urls, _):
            members = {
                f"fake{number}": MemberSettings(
                    name="Fake", country="FI", url=url, allow_private=True, disjoint=True
                )
                for number, url in enumerate(urls)
            }
            questions = [_question("17", 10 * n, "G", "A", "individual") for n in range(5_000)]
            title = f"A network of {len(members)} beacons that do nothing, in one process"
            _measure(results, title, members, questions, folder / "fakes", seconds, 4)


@contextlib.contextmanager
def _in_two_processes(uri: str, folder: Path) -> Iterator[Running]:
    """All beacons of ours: one process would keep one core busy, and the network wait for it."""
    with ExitStack() as stack:
        halves = []
        for number in range(2):
            own = folder / f"half{number}"
            own.mkdir()
            halves.append(stack.enter_context(running(uri, own, COUNTRIES[number::2])))
        first, second = halves
        yield replace(
            first, urls={**first.urls, **second.urls}, people={**first.people, **second.people}
        )


def _measure(
    results: Results,
    title: str,
    members: dict[str, MemberSettings],
    questions: Sequence[Question],
    folder: Path,
    seconds: float,
    at_once: int,
) -> None:
    results.section(f"{title}, {at_once} questions at a time")
    told = json.dumps([one.url for one in members.values()])
    settings = _settings(members, folder)
    with (
        _child("network", msgspec.json.encode(settings).decode()) as (port, network_pid),
        _child("bare", told) as (bare_port, bare_pid),
        asyncio.Runner(loop_factory=server.new_loop) as runner,
    ):
        url, bare_url = f"http://127.0.0.1:{port}/api", f"http://127.0.0.1:{bare_port}/"
        network, bare, firsts = Run(), Run(), list[float]()
        runner.run(_until_met(url, len(members)))
        turns = itertools.cycle(questions)
        for number in range(ROUNDS + 1):
            # The first round warms up.
            kept = (network, bare) if number else (Run(), Run())
            for run, ask, pid in zip(
                kept,
                (_network_asker(url, len(members)), _bare_asker(bare_url)),
                (network_pid, bare_pid),
                strict=True,
            ):
                runner.run(_stretch(run, ask, pid, turns, seconds, at_once))
        firsts += runner.run(_first_events(url, turns))
    _tell(results, network, bare, firsts, len(members))


def _tell(results: Results, network: Run, bare: Run, firsts: Sequence[float], members: int) -> None:
    of = "bare"
    results.add("bare fan-out with aiohttp", bare.rate, "1/s", note=_quantiles(bare))
    results.add(
        "the network",
        network.rate,
        "1/s",
        ratio=network.rate / bare.rate,
        of=of,
        note=_quantiles(network),
    )
    results.add("bare: processor time of a query", bare.cpu_ms, "ms")
    results.add(
        "the network: processor time of a query",
        network.cpu_ms,
        "ms",
        ratio=network.cpu_ms / bare.cpu_ms,
        of=of,
    )
    results.add("bare: of that, a member", bare.cpu_ms / members, "ms")
    results.add("the network: of that, a member", network.cpu_ms / members, "ms")
    results.add(
        "first event of a stream",
        statistics.median(firsts) * 1e3,
        "ms",
        note=f"p95 {sorted(firsts)[int(0.95 * len(firsts))] * 1e3:.0f} ms",
    )


def _quantiles(run: Run) -> str:
    return f"p50 {run.quantile(0.5):.0f} ms, p95 {run.quantile(0.95):.0f} ms"


def _question(name: str, start: int, ref: str, alt: str, entry_type: str) -> Question:
    variation = VariationQuery(
        assembly_id=ASSEMBLY,
        reference_name=name,
        start=(start,),
        reference_bases=ref,
        alternate_bases=alt,
    )
    query = Query(
        entry_type=entry_type,
        variation=variation,
        granularity=Granularity.COUNT,
        include=Include.ALL,
        include_given=True,
    )
    parameters = {
        "assemblyId": ASSEMBLY,
        "referenceName": name,
        "start": str(start),
        "referenceBases": ref,
        "alternateBases": alt,
        "requestedGranularity": "count",
        "includeResultsetResponses": "ALL",
    }
    path = f"/{MODEL.by_id(entry_type).path}"
    return Question(path, parameters, encode(query, Dialect(), MODEL))


Ask = Callable[[aiohttp.ClientSession, Question], Awaitable[None]]


def _network_asker(url: str, members: int) -> Ask:
    async def ask(session: aiohttp.ClientSession, question: Question) -> None:
        async with session.get(url + question.path, params=question.parameters) as response:
            document = msgspec.json.decode(await response.read())
        answered = document["info"]["networkStatus"]["answered"]
        if answered != members:
            raise SystemExit(f"{answered} of {members} members answered: {document['info']}")

    return ask


def _bare_asker(url: str) -> Ask:
    async def ask(session: aiohttp.ClientSession, question: Question) -> None:
        headers = {"Target": question.request.target}
        async with session.post(url, data=question.request.body, headers=headers) as response:
            await response.read()
            response.raise_for_status()

    return ask


async def _stretch(
    run: Run,
    ask: Ask,
    pid: int,
    questions: Iterator[Question],
    seconds: float,
    at_once: int,
) -> None:
    async def ask_on(session: aiohttp.ClientSession) -> None:
        while (asked_at := time.perf_counter()) < until:
            await ask(session, next(questions))
            run.times.append(time.perf_counter() - asked_at)

    async with aiohttp.ClientSession() as session:
        cpu_s, started = _cpu_s(pid), time.perf_counter()
        until = started + seconds
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(ask_on(session))
        run.seconds += time.perf_counter() - started
        run.cpu_s += _cpu_s(pid) - cpu_s


async def _first_events(url: str, questions: Iterator[Question]) -> list[float]:
    """Seconds to the first event of streams, one after the other."""
    times = []
    async with aiohttp.ClientSession(headers={"Accept": "application/x-ndjson"}) as session:
        for question in itertools.islice(questions, _STREAMS):
            asked_at = time.perf_counter()
            async with session.get(url + question.path, params=question.parameters) as response:
                await response.content.readline()
                times.append(time.perf_counter() - asked_at)
                await response.read()
    return times


async def _until_met(url: str, members: int) -> None:
    until = time.monotonic() + _MET_S
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(url + "/network/members") as response:
                listed = (await response.json())["response"]["members"]
            met = sum("apiVersion" in one for one in listed)
            if met == members:
                return
            if time.monotonic() > until:
                raise SystemExit(f"only {met} of {members} members were met")
            await asyncio.sleep(0.5)


def _cpu_s(pid: int) -> float:
    """Processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _settings(members: dict[str, MemberSettings], folder: Path) -> Settings:
    return Settings(
        data_dir=str(folder),
        server=ServerSettings(port=0),
        identity=IdentitySettings(id="eu.example.network", name="Network"),
        limits=LimitSettings(),
        log=LogSettings(access=False),
        network=NetworkSettings(members=members, refresh_s=86_400),
    )


@contextlib.contextmanager
def _child(*arguments: str) -> Iterator[tuple[Any, int]]:
    """A process of this module: what it says when it is ready, and its id."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.network"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(arguments).encode() + b"\n")
        process.stdin.flush()
        said = process.stdout.readline()
        if not said:
            raise SystemExit(f"the process of {arguments[0]} ended before it was ready")
        yield json.loads(said), process.pid
        process.stdin.close()
        process.wait(timeout=30)


async def _serve_network(settings: Settings) -> None:
    (sock,) = server.bind("127.0.0.1", 0)
    port = sock.getsockname()[1]
    settings = msgspec.structs.replace(settings, server=ServerSettings(port=port))
    async with network_composition.open_network_app(settings) as app:
        await _serve(app, sock)


async def _serve_bare(urls: Sequence[str]) -> None:
    """Every request goes on to all members, and their answers are read."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(url: str, body: bytes) -> int:
            headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
            async with session.post(url, data=body, headers=headers) as response:
                response.raise_for_status()
                return len(await response.read())

        async def fan_out(request: web.Request) -> web.Response:
            body, target = await request.read(), request.headers["Target"]
            sizes = await asyncio.gather(*(one(url + target, body) for url in urls))
            return web.json_response({"bytes": sum(sizes)})

        app = web.Application()
        app.router.add_post("/", fan_out)
        (sock,) = server.bind("127.0.0.1", 0)
        await _serve(app, sock)


async def _serve(app: web.Application, sock: Any) -> None:
    port = sock.getsockname()[1]
    await server.serve(
        app,
        sock,
        shutdown_timeout_s=1,
        lifeline=sys.stdin.fileno(),
        on_ready=lambda: click.echo(json.dumps(port)),
    )


async def _serve_fakes(number: int) -> None:
    async with AsyncExitStack() as stack:
        fakes = [
            await stack.enter_async_context(FakeMember(f"fake{place}")) for place in range(number)
        ]
        server.settle_garbage_collector()
        click.echo(json.dumps([one.url for one in fakes]))
        parent_left = asyncio.Event()
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), parent_left.set)
        await parent_left.wait()


def main() -> None:
    """Be a child: what of is the first line of standard input, whose end is the end."""
    logs.configure(LogSettings(access=False, level=LogLevel.WARNING))
    # Unbuffered: of what is read ahead, the end would not be seen.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as given:
        kind, told = json.loads(given.readline())
    match kind:
        case "network":
            work = _serve_network(msgspec.json.decode(told, type=Settings))
        case "bare":
            work = _serve_bare(json.loads(told))
        case _:
            work = _serve_fakes(int(told))
    with asyncio.Runner(loop_factory=server.new_loop) as runner:
        runner.run(work)


if __name__ == "__main__":
    main()
