"""Beacons on a real database whose releases change, people who ask, and receivers of webhooks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import msgspec
import pymongo
from aiohttp import web

from beacon import composition
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink
from beacon.settings import (
    AuthSettings,
    LogSettings,
    MongoSettings,
    PolicySettings,
    PortalSettings,
    Settings,
    SubscriptionSettings,
)
from tests.auth.mock_broker import DAC
from tests.network.identity_world import IdentityWorld, bearer, visa_value

Document = dict[str, Any]

BEACON = "urn:beacon"
SOON = 0.3 / 3600
"""Hours between looks, so that a test need not wait for the night."""

VCF = """\
##fileformat=VCFv4.2
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{samples}
17\t{pos}\t.\tG\tA\t.\tPASS\t.\tGT\t{calls}
"""
ASKED, OTHER = 7577121, 7579472
"""1-based positions of two variants; the first is what is asked for."""

QUESTION: Document = {
    "entryType": "individual",
    "query": {
        "requestParameters": {
            "g_variant": {
                "assemblyId": "GRCh38",
                "referenceName": "17",
                "start": [ASKED - 1],
                "referenceBases": "G",
                "alternateBases": "A",
            }
        }
    },
}


@dataclass
class Receiver:
    """Somebody who is sent webhooks, and believes only what is signed.

    `statuses` are the answers to the next attempts; then it is 204. `location` is where it sends
    whoever comes on to.
    """

    secret: str = ""
    statuses: list[int] = field(default_factory=list)
    location: str = ""
    port: int = 0
    attempts: list[tuple[str, Document]] = field(default_factory=list)
    accepted: list[tuple[str, Document]] = field(default_factory=list)
    forged: int = 0
    clock: Callable[[], float] = time.time
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/hook", self._received)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _received(self, request: web.Request) -> web.Response:
        body = await request.read()
        message, timestamp = (request.headers[f"webhook-{one}"] for one in ("id", "timestamp"))
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = f"{message}.{timestamp}.".encode() + body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if request.headers["webhook-signature"] != f"v1,{expected}":
            self.forged += 1
            return web.Response(status=401)
        assert abs(self.clock() - int(timestamp)) < 300
        self.attempts.append((message, json.loads(body)))
        status = self.statuses.pop(0) if self.statuses else 204
        if status < 300:
            self.accepted.append((message, json.loads(body)))
        return web.Response(
            status=status, headers={"Location": self.location} if self.location else {}
        )


@dataclass
class Asker:
    """Somebody with a token, at one beacon or network."""

    session: aiohttp.ClientSession
    url: str
    token: str | None

    async def send(self, method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
        async with self.session.request(
            method, f"{self.url}/subscriptions{path}", json=body, headers=bearer(self.token)
        ) as response:
            return response.status, await response.json(content_type=None)

    async def stand(self, question: Document = QUESTION, **more: Any) -> Document:
        """Let a question stand; what is told of it."""
        status, document = await self.send("POST", "", {**question, **more})
        assert status == 201, document
        subscription: Document = document["response"]["subscription"]
        return subscription

    async def one(self, subscription_id: str) -> Document:
        status, document = await self.send("GET", f"/{subscription_id}")
        assert status == 200, document
        subscription: Document = document["response"]["subscription"]
        return subscription

    async def change(self, subscription_id: str, status: str) -> Document:
        code, document = await self.send("PATCH", f"/{subscription_id}", {"status": status})
        assert code == 200, document
        subscription: Document = document["response"]["subscription"]
        return subscription

    async def inbox(self, query: str = "") -> Document:
        status, document = await self.send("GET", f"/inbox{query}")
        assert status == 200, document
        response: Document = document["response"]
        return response

    async def told(self) -> list[tuple[str, str, int | None]]:
        """What the inbox tells, the oldest first: from, to, at least."""
        told = (await self.inbox())["notifications"]
        return [
            (one["from"]["state"], one["to"]["state"], one["to"].get("atLeast"))
            for one in reversed(told)
        ]


@dataclass
class Standing:
    """One beacon with the dataset `ds`, on a database of its own."""

    world: IdentityWorld
    uri: str
    database: str
    folder: Path
    loaded: int = 0
    published_at: float = 0.0

    def load(self, people: int, pos: int = ASKED) -> None:
        """Publish a release with so many more people, who carry the variant at `pos`."""
        with self.publishing():
            names = [f"P{self.loaded + n}" for n in range(people)]
            self.loaded += people
            file = self.folder / f"{self.loaded}-{pos}.vcf"
            file.write_text(
                VCF.format(samples="\t".join(names), calls="\t".join(["0/1"] * people), pos=pos)
            )
            with pymongo.MongoClient[Document](self.uri) as client:
                assert load_vcf(MongoSink(client[self.database]), "ds", "GRCh38", [file]).ok

    @contextlib.contextmanager
    def publishing(self) -> Iterator[None]:
        """In another second than before: networks know releases by their dates."""
        time.sleep(max(self.published_at + 1.1 - time.time(), 0))
        yield
        self.published_at = time.time()

    def settings(self, *, dataset: Document | None = None, **subscriptions: Any) -> Settings:
        policy = {
            "min_count": 1,
            "accept_risk": "invented people",
            "visa_value": visa_value("ds"),
            "dac": [DAC],
            "tiers": {"controlled": {"*": "count"}},
            **(dataset or {}),
        }
        return Settings(
            data_dir=str(self.folder / "data"),
            mongo=MongoSettings(uri=self.uri, database=self.database),
            log=LogSettings(access=False),
            portal=PortalSettings(enabled=False),
            auth=msgspec.convert(self.world.auth(BEACON), AuthSettings),
            policy=msgspec.convert({"datasets": {"ds": policy}}, PolicySettings),
            subscriptions=msgspec.convert(wanted(**subscriptions), SubscriptionSettings),
        )

    async def served(self, settings: Settings | None = None) -> str:
        app = await self.world.stack.enter_async_context(
            composition.open_app(settings or self.settings())
        )
        return await self.world.serve(app)

    def asker(self, url: str, person: str | None = "alice", audience: str = BEACON) -> Asker:
        token = None if person is None else self.world.broker.access_token(person, audience)
        return Asker(self.world.session, url, token)

    def audited(self) -> list[Document]:
        """What the audit says of standing questions that were asked."""
        lines = []
        for file in sorted((self.folder / "data/audit").glob("*.jsonl")):
            lines += [json.loads(line) for line in file.read_text().splitlines()]
        return [one for one in lines if one.get("endpoint") == "standing question"]

    async def asked_again(self) -> None:
        """Wait until the release that is published now was asked."""
        with pymongo.MongoClient[Document](self.uri) as client:
            (manifest,) = client[self.database]["datasets"].find()
        release = str(manifest["release"])
        await until(lambda: self.audited()[-1]["datasets"][0].get("release") == release)


def wanted(**changes: Any) -> Document:
    """The section `subscriptions`."""
    return {"enabled": True, "every_hours": SOON, "allow_loopback_http": True, **changes}


async def until(
    holds: Callable[[], bool] | Callable[[], Awaitable[bool]], within_s: float = 120
) -> None:
    """Wait for something; the machine may be slow."""
    async with asyncio.timeout(within_s):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def standing_world(uri: str, database: str, folder: Path) -> AsyncIterator[Standing]:
    async with IdentityWorld(folder) as world:
        world.grant("alice", "ds")
        world.grant("bob", "ds")
        made = Standing(world, uri, database, folder)
        made.load(3, OTHER)
        yield made


def toml(settings: Mapping[str, Any], at: str = "") -> str:
    """Settings as a file has them."""
    tables = {key: one for key, one in settings.items() if isinstance(one, Mapping)}
    lines = [
        f"{json.dumps(key)} = {json.dumps(one)}"
        for key, one in settings.items()
        if key not in tables
    ]
    text = "\n".join(lines) + "\n"
    for key, table in tables.items():
        name = f"{at}.{json.dumps(key)}" if at else json.dumps(key)
        text += f"\n[{name}]\n{toml(table, name)}"
    return text
