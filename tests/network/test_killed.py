"""Processes killed while questions come in: right answers or honest ones, and recovery."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pymongo
import pytest

from beacon import databases, settings_file
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink
from tests.network.real_beacons import free_port

Document = dict[str, Any]

CODES = ("fi", "es", "de")
PEOPLE = 3
ALLELES = 4 ** len(CODES)
ASKERS = 4
SILENT = {"unreachable", "breakerOpen", "timeout", "badResponse"}
RECOVERY_S = 45.0
"""A member is looked at after 5, 10 and 20 seconds, a quarter more or less."""


def carriers(code: str, allele: int) -> int:
    """How many people of a country carry an allele: no two alleles have the same three counts."""
    unit: int = 4 ** CODES.index(code)
    return allele // unit % 4


def write_vcf(path: Path, code: str) -> Path:
    names = "\t".join(f"{code}{number}" for number in range(PEOPLE))
    lines = [
        "##fileformat=VCFv4.2",
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}",
    ]
    for allele in range(ALLELES):
        calls = "\t".join("0/1" if n < carriers(code, allele) else "0/0" for n in range(PEOPLE))
        lines.append(f"17\t{7_500_001 + 10 * allele}\t.\tG\tA\t.\tPASS\t.\tGT\t{calls}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@dataclass
class Served:
    """`beacon serve` or `beacon network serve`, always at the same port."""

    folder: Path
    command: tuple[str, ...]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None
        return self.process

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "beacon.cli", *self.command, "--port", str(self.port)),
                    *("--settings", str(self.folder / "settings.toml")),
                ],
                stderr=log,
            )

    def until_ready(self) -> None:
        def is_ready() -> bool:
            assert self.running.poll() is None, self.said()
            return self.ask("/info")[0] == 200

        wait_for(is_ready, 60, self.said)

    def ask(self, path: str) -> tuple[int, Document]:
        """Status and document; status 0 when no whole answer came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/api" + path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException):
            return 0, {}
        finally:
            connection.close()

    def kill(self) -> None:
        self.running.kill()
        self.running.wait(10)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    def said(self) -> str:
        return (self.folder / "log").read_text()


def wait_for(condition: Callable[[], bool], seconds: float, told: Callable[[], object]) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, told()
        time.sleep(0.05)


@dataclass
class Heard:
    """One answer of the network: when it came, how long it took, and each member's state."""

    at: float
    took: float
    states: dict[str, str]


@dataclass
class World:
    """Three countries and their network, which is asked all the time."""

    members: dict[str, Served]
    network: Served
    heard: list[Heard] = field(default_factory=list)
    lost: int = 0
    wrong: list[str] = field(default_factory=list)

    def ask_on(self, over: threading.Event, seed: int) -> None:
        """Ask about one allele after the other, and check what is said."""
        chance = random.Random(seed)
        while not over.is_set():
            allele = chance.randrange(ALLELES)
            started = time.monotonic()
            status, answer = self.network.ask(question(allele))
            if status == 0:
                self.lost += 1
                time.sleep(0.05)
                continue
            now = time.monotonic()
            if status != 200:
                self.wrong.append(f"HTTP status {status}: {answer}")
                continue
            self.wrong += faults(allele, answer)
            self.heard.append(Heard(now, now - started, states_of(answer)))
            time.sleep(0.01)

    def since(self, moment: float) -> list[Heard]:
        """What was heard of questions that were put after a moment."""
        return [one for one in self.heard if one.at - one.took >= moment]

    def wait_for_states(self, states: Mapping[str, set[str]], seconds: float) -> list[Heard]:
        """Wait until the members are in these states; everything heard until then."""
        began = time.monotonic()

        def reached() -> bool:
            since = self.since(began)
            return any(
                all(one.states.get(code) in wanted for code, wanted in states.items())
                for one in since[-20:]
            )

        wait_for(reached, seconds, lambda: (self.since(began)[-3:], self.wrong[:3]))
        return self.since(began)


def question(allele: int) -> str:
    asked = {
        "assemblyId": "GRCh38",
        "referenceName": "17",
        "start": 7_500_000 + 10 * allele,
        "referenceBases": "G",
        "alternateBases": "A",
        "requestedGranularity": "count",
        "includeResultsetResponses": "ALL",
    }
    return "/individuals?" + urlencode(asked)


def states_of(answer: Mapping[str, Any]) -> dict[str, str]:
    return {one["beaconId"]: one["status"] for one in answer["info"]["networkStatus"]["members"]}


def faults(allele: int, answer: Mapping[str, Any]) -> Iterator[str]:
    """Everything in an answer that is not so, and every silence that is taken for a no."""
    status, summary = answer["info"]["networkStatus"], answer["responseSummary"]
    sets = {one["beaconId"]: one for one in answer["response"]["resultSets"]}
    total = sum(carriers(code, allele) for code in CODES)
    for code, state in states_of(answer).items():
        count = carriers(code, allele)
        if state in SILENT:
            if code in sets:
                yield f"{code} is {state} and has a result set: {sets[code]}"
        elif state != ("hit" if count else "miss") or sets[code]["resultsCount"] != count:
            yield f"{code} is {state} with {sets.get(code)}, not {count}"
    if len(states_of(answer)) != len(CODES):
        yield f"members are missing: {status}"
    is_silence = any(state in SILENT for state in states_of(answer).values())
    if summary["exists"] and not total:
        yield f"exists, and does not: {answer}"
    if not summary["exists"] and (
        total if not is_silence else status["existsCertainty"] != "partial"
    ):
        yield f"does not exist for certain: {answer}"
    bounds = status["bounds"]
    if not bounds["lower"] <= total <= bounds.get("upper", total):
        yield f"{total} is not within {bounds}"
    if status["complete"] and is_silence:
        yield f"complete without somebody: {status}"


@pytest.fixture(scope="module")
def world(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """`es` has a database server of its own, which can be killed."""
    folder = tmp_path_factory.mktemp("killed")
    members = {code: Served(made(folder / code), ("serve",)) for code in CODES}
    network = Served(made(folder / "network"), ("network", "serve"))
    for code, one in members.items():
        where = (
            "" if code == "es" else f'[mongo]\nuri = "{mongo_uri}"\ndatabase = "killed_{code}"\n'
        )
        policy = (
            f'[policy.datasets.{code}]\nmin_count = 1\naccept_risk = "invented people"\n'
            'public = { "*" = "count" }\n'
        )
        own = f'[log]\naccess = false\n[identity]\nid = "{code}.example"\n'
        (one.folder / "settings.toml").write_text(where + own + policy)
        fill(one.folder, code)
    (network.folder / "settings.toml").write_text("".join(_settings(members)))
    found = World(members, network)
    over = threading.Event()
    askers = [
        threading.Thread(target=found.ask_on, args=(over, seed), daemon=True)
        for seed in range(ASKERS)
    ]
    try:
        for served in (network, *members.values()):
            served.start()
        for served in (network, *members.values()):
            served.until_ready()
        for asker in askers:
            asker.start()
        yield found
    finally:
        over.set()
        for asker in askers:
            if asker.is_alive():
                asker.join(30)
        for served in (network, *members.values()):
            served.stop()
        with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
            for code in CODES:
                client.drop_database(f"killed_{code}")


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def fill(folder: Path, code: str) -> None:
    settings = settings_file.load(folder / "settings.toml", {})
    with databases.open_database(settings) as database:
        vcf = write_vcf(folder / "some.vcf", code)
        assert load_vcf(MongoSink(database), code, "GRCh38", [vcf]).ok


def _settings(members: Mapping[str, Served]) -> Iterator[str]:
    yield '[log]\naccess = false\n[identity]\nid = "net.example"\n[network]\ndeadline_s = 5\n'
    for code, one in members.items():
        yield f'[network.members.{code}]\nname = "{code}"\ncountry = "{code.upper()}"\n'
        yield f'url = "{one.url}"\nallow_private = true\npeople = {PEOPLE}\ndisjoint = true\n'


ANSWERS = {"hit", "miss"}
ALL_WELL = dict.fromkeys(CODES, ANSWERS)


@pytest.fixture(autouse=True)
def everybody_answers(world: World) -> Iterator[None]:
    """Every test begins and ends with all well, and nothing wrong ever said."""
    world.wait_for_states(ALL_WELL, RECOVERY_S)
    pids = {code: one.running.pid for code, one in world.members.items()}
    yield
    world.wait_for_states(ALL_WELL, RECOVERY_S)
    assert world.wrong == []
    again = {code for code, one in world.members.items() if one.running.pid != pids[code]}
    assert len(again) <= 1, "only who was killed was started again"


def test_a_member_that_is_killed_is_missed_and_comes_back(world: World) -> None:
    killed_at = time.monotonic()
    world.members["fi"].kill()
    away = {"fi": {"breakerOpen"}, "es": ANSWERS, "de": ANSWERS}
    heard = world.wait_for_states(away, 20)
    world.members["fi"].start()
    heard += world.wait_for_states(ALL_WELL, RECOVERY_S)

    meanwhile = world.since(killed_at)
    assert len(meanwhile) > 50
    assert {one.states["fi"] for one in meanwhile} > {"breakerOpen"}
    assert {one.states[code] for one in meanwhile for code in ("es", "de")} <= ANSWERS
    assert world.lost == 0


def test_a_database_that_is_killed_is_missed_and_comes_back(world: World) -> None:
    killed_at = time.monotonic()
    mongod = mongod_under(world.members["es"].running.pid, world.members["es"].folder)
    os.kill(mongod, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{mongod}").exists(), 10, lambda: "it lives")
    world.wait_for_states(ALL_WELL, RECOVERY_S)
    wait_for(lambda: len(world.since(killed_at)) > 20, 10, lambda: world.since(killed_at))

    meanwhile = world.since(killed_at)
    assert {one.states[code] for one in meanwhile for code in ("fi", "de")} <= ANSWERS
    assert mongod_under(world.members["es"].running.pid, world.members["es"].folder) != mongod
    assert world.lost == 0


def test_a_network_that_is_killed_says_nothing_wrong_and_comes_back(world: World) -> None:
    cut = threading.Event()
    lines: list[bytes] = []
    reader = threading.Thread(target=read_streams, args=(world.network, lines, cut))
    reader.start()
    wait_for(lambda: len(lines) > 20, 20, lambda: lines)
    world.network.kill()
    reader.join(30)
    world.network.start()
    world.network.until_ready()
    started_at = time.monotonic()
    world.wait_for_states(ALL_WELL, RECOVERY_S)

    assert cut.is_set()
    assert world.lost > 0
    assert world.since(started_at)


def read_streams(network: Served, lines: list[bytes], cut: threading.Event) -> None:
    """Read one stream after the other until one of them ends without saying so."""
    for allele in range(100_000):
        connection = http.client.HTTPConnection("127.0.0.1", network.port, timeout=30)
        with contextlib.closing(connection):
            last = b""
            try:
                headers = {"Accept": "application/x-ndjson"}
                connection.request("GET", "/api" + question(allele % ALLELES), headers=headers)
                for line in connection.getresponse():
                    last = line
                    lines.append(line)
            except (OSError, http.client.HTTPException):
                cut.set()
                return
            if not last.startswith(b'{"kind":"complete"'):
                cut.set()
                return


def mongod_under(pid: int, folder: Path) -> int:
    """The `mongod` that a process started for the data of a folder."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    ours = {pid}
    while more := {child for child, parent in parents.items() if parent in ours} - ours:
        ours |= more
    (found,) = (
        one
        for one in ours
        if (command := Path(f"/proc/{one}/cmdline").read_text().split("\0"))[0].endswith("mongod")
        and str(folder.resolve() / ".beacon" / "mongo") in command
    )
    return found
