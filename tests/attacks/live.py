"""Beacons that are attacked: real processes on a real database, and accounts to ask them with."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.attacks.people import Genomes, Places
from tests.auth.mock_broker import AUDIENCE, DAC, TERMS, World

BATCH = 500
"""Questions in one request."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Protections:
    """What stands between a caller and the data; by default what registered callers meet.

    Hundreds of attackers ask the same dataset here, each for themselves: `dataset_factor` keeps
    them from using up what all callers together may learn.
    """

    min_count: int = 10
    round_to: int = 10
    power: float | None = 0.2
    noise: float | None = 0.3
    answer_step_ms: float = 0.0
    questions_per_month: int = 2000
    dataset_factor: float = 1e6
    variants: str = "count"


OFF = Protections(min_count=1, round_to=1, power=None, noise=None, variants="record")
"""What a beacon without any protection tells."""


@dataclass(frozen=True, slots=True)
class Told:
    """One answer; `count` is `None` where only a yes or no was told."""

    exists: bool
    count: int | None
    body: bytes
    status: int = 200

    @property
    def number(self) -> int:
        """The count, or 1 for a yes."""
        return int(self.exists) if self.count is None else self.count


REFUSED = 429
"""Of an account that may not ask any more."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who is registered, of an organisation."""

    name: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Beacon:
    """A running beacon, and how it is asked.

    `asked` counts the questions that were answered.
    """

    url: str
    pid: int
    folder: Path
    database: str
    protections: Protections
    session: aiohttp.ClientSession
    asked: list[int] = field(default_factory=lambda: [0])

    async def many(
        self,
        account: Account,
        dataset_id: str,
        questions: Sequence[Document],
        *,
        entry_type: str = "individual",
        granularity: str = "count",
    ) -> list[Told]:
        """Answers in the order of the questions, which are the `items` of a batch without `id`."""
        told: list[Told] = []
        for begin in range(0, len(questions), BATCH):
            items = [
                {"id": str(place), **one}
                for place, one in enumerate(questions[begin : begin + BATCH])
            ]
            shared = {
                "requestedGranularity": granularity,
                "includeResultsetResponses": "ALL",
                "requestParameters": {"datasets": {"datasetIds": [dataset_id]}},
            }
            body = {"entryType": entry_type, "query": shared, "items": items}
            status, raw = await self.post("/api/batch", account, body)
            assert status == 200, raw
            told.extend(map(_told, json.loads(raw)["results"]))
        self.asked[0] += len(questions)
        return told

    async def alleles(
        self,
        account: Account,
        dataset_id: str,
        genomes: Genomes,
        sites: Sequence[int] | Places,
        *,
        boolean: bool = False,
    ) -> list[Told]:
        """How many people carry each of these alleles; or whether there are such variants."""
        questions = [{"requestParameters": {"g_variant": genomes.asked(int(one))}} for one in sites]
        if not boolean:
            return await self.many(account, dataset_id, questions)
        return await self.many(
            account,
            dataset_id,
            questions,
            entry_type="genomicVariant",
            granularity="boolean",
        )

    async def case(
        self,
        account: Account,
        dataset_id: str,
        genomes: Genomes,
        sites: Sequence[int] | Places,
    ) -> Told:
        """How many people are most similar to somebody with these alleles."""
        variants = [genomes.asked(int(one)) for one in sites]
        body = {
            "query": {
                "case": {"variants": variants},
                "requestedGranularity": "count",
                "datasets": [dataset_id],
            }
        }
        status, raw = await self.post("/api/match", account, body)
        assert status == 200, raw
        self.asked[0] += 1
        (found,) = json.loads(raw)["response"]["matchSets"]
        strong = found["bands"][0]
        return Told(strong["exists"], strong.get("count"), raw)

    async def post(self, path: str, account: Account, body: Document) -> tuple[int, bytes]:
        async with self.session.post(
            self.url + path, json=body, headers={"Accept": "application/json", **account.headers}
        ) as response:
            return response.status, await response.read()

    async def get(
        self, path: str, account: Account, parameters: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        async with self.session.get(
            self.url + path, params=parameters, headers=account.headers
        ) as response:
            return response.status, await response.read()

    def cpu_s(self) -> float:
        """Seconds of processor time that the process has used, with its workers."""
        used = 0
        for pid in (self.pid, *_children(self.pid)):
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used += int(stat[11]) + int(stat[12])
        return used / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found]


def _told(document: Document) -> Told:
    if "error" in document:
        error = document["error"]
        return Told(False, None, json.dumps(error).encode(), error["errorCode"])
    summary = document["responseSummary"]
    body = {key: value for key, value in document.items() if key not in ("id", "meta")}
    return Told(
        summary["exists"],
        summary.get("numTotalResults"),
        json.dumps(body, sort_keys=True).encode(),
    )


@dataclass(frozen=True)
class Accounts:
    """Makes registered people, each with a Passport of their own, which they keep."""

    world: World
    made: dict[str, Account] = field(default_factory=dict)

    def registered(self, name: str, organisation: str | None = None) -> Account:
        if name not in self.made:
            self.made[name] = self._registered(name, organisation)
        return self.made[name]

    def _registered(self, name: str, organisation: str | None) -> Account:
        now = time.time()
        kinds = {"ResearcherStatus": TERMS, "AcceptedTermsAndPolicies": TERMS}
        if organisation is not None:
            kinds["AffiliationAndRole"] = f"faculty@{organisation}"
        visas = [
            self.world.visa(
                None,
                {"type": kind, "value": value, "by": "so", "asserted": int(now) - 1000},
                sub=name,
                iat=int(now) - 1000,
                exp=int(now) + 86_000,
            )
            for kind, value in kinds.items()
        ]
        token = self.world.passport(*visas, sub=name, iat=int(now) - 10, exp=int(now) + 7200)
        return Account(name, {"Authorization": f"Bearer {token}"})


PUBLIC = Account("the public", {})


def settings_text(
    uri: str, database: str, world: World, dataset_ids: Sequence[str], protections: Protections
) -> str:
    """Settings of a beacon that protects all datasets in the same way."""
    signer = "allow_private = true\n"
    lines = [
        f'[mongo]\nuri = "{uri}"\ndatabase = "{database}"\n',
        "[limits]\ndeadline_s = 600\n",
        "[portal]\nenabled = false\n",
        f"[privacy]\nanswer_step_ms = {protections.answer_step_ms}\n",
        "[auth]\nallow_loopback_http = true\n",
        f"[auth.brokers.login]\nissuer = {json.dumps(world.broker.issuer)}\n"
        f"jwks_url = {json.dumps(world.broker.jwks_url)}\n"
        f"algorithms = {json.dumps([world.broker.algorithm])}\n"
        f'audiences = {json.dumps([AUDIENCE])}\nvisas_from = ["passport"]\n{signer}',
        f"[auth.visa_issuers.rems]\nissuer = {json.dumps(world.visas.issuer)}\n"
        f"jwks_url = {json.dumps(world.visas.jwks_url)}\n"
        f"algorithms = {json.dumps([world.visas.algorithm])}\n"
        f'brokers = ["login"]\nsubjects_of = "login"\n{signer}',
    ]
    asserted = [
        f"[auth.visa_issuers.rems.may_assert.{kind}]\nsources = {json.dumps([DAC])}\n"
        for kind in ("ResearcherStatus", "AcceptedTermsAndPolicies", "AffiliationAndRole")
    ]
    return "\n".join((*lines, *asserted, *(_policy(one, protections) for one in dataset_ids)))


def _policy(dataset_id: str, protections: Protections) -> str:
    is_off = protections.min_count == 1
    common = f"min_count = {protections.min_count}, round_to = {protections.round_to}"
    noise = "" if protections.noise is None else f", noise = {protections.noise}"
    rule = f'{{ level = "count", {common}{noise} }}'
    return "\n".join(
        (
            f'[policy.datasets."{dataset_id}"]',
            'accept_risk = "invented people"' if is_off else "membership_sensitive = true",
            f'[policy.datasets."{dataset_id}".tiers.registered]',
            'dataset = "record"',
            f'genomicVariant = {{ level = "{protections.variants}", {common} }}',
            f"individual = {rule}",
            f"biosample = {rule}",
            *(
                ()
                if protections.power is None
                else (
                    f'[policy.datasets."{dataset_id}".budgets.registered]',
                    f"power = {protections.power}",
                    f"questions_per_month = {protections.questions_per_month}",
                    f"dataset_factor = {protections.dataset_factor}",
                )
            ),
            "",
        )
    )


@contextmanager
def process(folder: Path, name: str, text: str, *arguments: str) -> Iterator[tuple[str, int]]:
    """`beacon serve` with these settings, in a folder of its own; where it is, and its pid."""
    where = folder / name
    where.mkdir(exist_ok=True)
    (where / "settings.toml").write_text(text)
    command = [sys.executable, "-m", "beacon.cli", "serve", "--no-access-log", "--port", "0"]
    with (where / "log").open("w") as log:
        running = subprocess.Popen(
            [*command, "--settings", str(where / "settings.toml"), *arguments], stderr=log
        )
    try:
        yield _listening(where / "log", running), running.pid
    finally:
        running.terminate()
        running.wait(60)


def _listening(log: Path, running: subprocess.Popen[bytes]) -> str:
    """Where a process says that it listens."""
    until = time.monotonic() + 240
    while time.monotonic() < until:
        said = log.read_text()
        assert running.poll() is None, said
        for line in said.splitlines(keepends=True):
            if line.endswith("}\n") and "url" in (event := json.loads(line)):
                return str(event["url"]).removesuffix("/api")
        time.sleep(0.05)
    raise TimeoutError(log.read_text())


@asynccontextmanager
async def beacon(
    folder: Path,
    name: str,
    *,
    uri: str,
    database: str,
    world: World,
    dataset_ids: Sequence[str],
    protections: Protections,
    session: aiohttp.ClientSession,
    arguments: Sequence[str] = (),
) -> AsyncIterator[Beacon]:
    """A beacon that answers until the end of the block."""
    text = settings_text(uri, database, world, dataset_ids, protections)
    # The process is waited for beside the loop, in which the broker answers it.
    running = process(folder, name, text, *arguments)
    url, pid = await asyncio.to_thread(running.__enter__)
    try:
        yield Beacon(url, pid, folder / name, database, protections, session)
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)
