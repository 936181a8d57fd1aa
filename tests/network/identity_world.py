"""A broker that exchanges tokens, beacons that believe it, and networks over them, on real sockets.

`Alice` and `Bob` are two people of different rights: each has a grant for one dataset of every
beacon, and everybody may know of the open one that there is somebody.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import jwt
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization

from beacon import composition, network_composition
from beacon.auth.authenticator import Authenticator
from beacon.memory import MemoryDataset, MemoryStore
from beacon.metrics import CredentialMetrics, Metrics
from beacon.network.vocabulary import NO_ONTOLOGIES
from beacon.settings import (
    AuthSettings,
    IdentitySettings,
    Level,
    LogSettings,
    NetworkSettings,
    PolicySettings,
    ServerSettings,
    Settings,
)
from tests.auth.mock_broker import DAC, MockIssuer, ec_key
from tests.network.real_beacons import free_port

Document = dict[str, Any]
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
NETWORK = "urn:example:network"
CLIENT_KEY = ec_key()
FIELD_BYTES = 1 << 17


@dataclass(frozen=True)
class Exchanged:
    """What the token endpoint was sent, and what it gave."""

    form: Mapping[str, str]
    headers: Mapping[str, str]
    token: str


class Broker(MockIssuer):
    """An identity provider with a token endpoint.

    `delay_s` is how long it takes, `lifetime_s` how long its tokens live. `answer` answers in its
    place, and `audience_of` says whom its tokens are for. While `is_down` it breaks connections
    off.
    """

    def __init__(self) -> None:
        super().__init__()
        self.exchanged: list[Exchanged] = []
        self.delay_s: Callable[[], float] = lambda: 0.0
        self.lifetime_s = 3600
        self.answer: Callable[[Mapping[str, str]], web.StreamResponse] | None = None
        self.audience_of: Callable[[str], Any] = lambda audience: audience
        self.is_down = False
        self.under_way = 0
        self.most_under_way = 0

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    def access_token(self, subject: str, audience: Any = NETWORK, **changes: Any) -> str:
        now = time.time()
        claims = {
            "iss": self.issuer,
            "sub": subject,
            "aud": audience,
            "iat": int(now) - 5,
            "exp": int(now) + self.lifetime_s,
            "scope": "openid ga4gh_passport_v1",
            "jti": secrets.token_hex(8),
            **changes,
        }
        return self.signed(claims, typ="at+jwt")

    async def _other(self, request: web.Request) -> web.Response:
        if request.path != "/token" or request.method != "POST":
            return await super()._other(request)
        if self.is_down:
            assert request.transport is not None
            request.transport.abort()
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.delay_s())
        finally:
            self.under_way -= 1
        if self.answer is not None:
            self.exchanged.append(Exchanged(form, request.headers.copy(), ""))
            return self.answer(form)  # type: ignore[return-value]
        subject = "network"
        if form["grant_type"] == EXCHANGE:
            shown = jwt.decode(form["subject_token"], options={"verify_signature": False})
            assert shown["aud"] == NETWORK or NETWORK in shown["aud"] or "inner" in shown["aud"]
            subject = shown["sub"]
        token = self.access_token(subject, self.audience_of(form.get("audience", "")))
        self.exchanged.append(Exchanged(form, request.headers.copy(), token))
        return web.json_response(
            {
                "access_token": token,
                "issued_token_type": ACCESS_TOKEN,
                "token_type": "Bearer",
                "expires_in": self.lifetime_s,
            }
        )


@dataclass
class IdentityWorld:
    """A broker, an issuer of visas, and all that is opened on top of them, until it is left."""

    folder: Path
    broker: Broker = field(default_factory=Broker)
    visas: MockIssuer = field(default_factory=MockIssuer)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    session: aiohttp.ClientSession = field(init=False)

    async def __aenter__(self) -> Self:
        await self.stack.enter_async_context(self.broker)
        await self.stack.enter_async_context(self.visas)
        self.session = await self.stack.enter_async_context(aiohttp.ClientSession())
        (self.folder / "key.pem").write_bytes(
            CLIENT_KEY.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        (self.folder / "key.pem").chmod(0o600)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()

    def grant(self, person: str, *datasets: str) -> None:
        """Have the broker hand on a visa for each of the datasets; see `visa_value`."""
        now = int(time.time())
        listed = [
            self.visas.signed(
                {
                    "iss": self.visas.issuer,
                    "sub": person,
                    "iat": now - 100,
                    "exp": now + 7200,
                    "jti": secrets.token_hex(8),
                    "ga4gh_visa_v1": {
                        "type": "ControlledAccessGrants",
                        "asserted": now - 100,
                        "value": visa_value(dataset),
                        "source": DAC,
                        "by": "dac",
                    },
                },
                typ="vnd.ga4gh.visa+jwt",
                jku=self.visas.jwks_url,
            )
            for dataset in datasets
        ]
        self.broker.people[person] = {"sub": person, "ga4gh_passport_v1": listed}

    def auth(self, audience: str, *, asks_for_visas: bool = True) -> Document:
        """The section `auth` of a beacon or a network that goes by that audience."""
        broker = {
            "issuer": self.broker.issuer,
            "jwks_url": self.broker.jwks_url,
            "algorithms": ["ES256"],
            "audiences": [audience],
            "visas_from": ["userinfo"] if asks_for_visas else ["passport"],
        }
        if asks_for_visas:
            broker["userinfo_url"] = f"{self.broker.url}/userinfo"
        rems = {
            "issuer": self.visas.issuer,
            "jwks_url": self.visas.jwks_url,
            "algorithms": ["ES256"],
            "brokers": ["login"],
            "subjects_of": "login",
            "may_assert": {"ControlledAccessGrants": {"sources": [DAC], "by": ["dac"]}},
        }
        return {
            "brokers": {"login": broker},
            "visa_issuers": {"rems": rems} if asks_for_visas else {},
            "allow_loopback_http": True,
        }

    async def beacon(self, code: str, **tiers: Any) -> str:
        """A beacon with the datasets `{code}-open`, `{code}-a` and `{code}-b`; its base URL."""
        port = free_port()
        sizes = {"open": 1, "a": 2, "b": 3}
        datasets = {
            f"{code}-{name}": MemoryDataset(
                assembly="GRCh38",
                records={
                    "individual": [{"id": f"{code}-{name}-{n}", "sex": FEMALE} for n in range(size)]
                },
            )
            for name, size in sizes.items()
        }
        closed = {
            f"{code}-{name}": {
                "visa_value": visa_value(f"{code}-{name}"),
                "dac": [DAC],
                "tiers": {"controlled": {"individual": Level.RECORD.value}, **tiers},
            }
            for name in ("a", "b")
        }
        settings = Settings(
            data_dir=str(self.folder / code),
            server=ServerSettings(port=port),
            identity=IdentitySettings(id=f"{code}.example", name=code),
            log=LogSettings(access=False),
            auth=msgspec.convert(self.auth(f"urn:{code}"), AuthSettings),
            policy=msgspec.convert(
                {
                    "datasets": {
                        f"{code}-open": {
                            "min_count": 1,
                            "accept_risk": "invented people",
                            "public": {"individual": Level.BOOLEAN.value},
                        },
                        **closed,
                    }
                },
                PolicySettings,
            ),
        )
        known = await self.stack.enter_async_context(
            Authenticator(settings.auth, CredentialMetrics(Metrics()))
        )
        store = MemoryStore(datasets)
        return await self.serve(composition.app(settings, store, store, known), port)

    def endpoint(self, **changes: Any) -> Document:
        """What a network knows of the token endpoint."""
        return {
            "url": self.broker.token_url,
            "client_id": "network",
            "secret_file": str(self.folder / "key.pem"),
            "algorithm": "ES256",
            **changes,
        }

    def settings(
        self,
        members: Mapping[str, Document],
        *,
        network_id: str = "eu.example.network",
        audience: str = NETWORK,
        endpoints: Mapping[str, Document] | None = None,
        **changes: Any,
    ) -> Settings:
        """Of a network; `members` is id → its URL and what else differs from the usual."""
        usual = {"name": "Member", "country": "FI", "allow_private": True}
        endpoints = {"login": self.endpoint()} if endpoints is None else endpoints
        network = {
            "members": {one: {**usual, **about} for one, about in members.items()},
            "token_endpoints": endpoints,
            **changes,
        }
        return Settings(
            data_dir=str(self.folder / network_id),
            identity=IdentitySettings(id=network_id, name="Network"),
            log=LogSettings(access=False),
            auth=msgspec.convert(self.auth(audience, asks_for_visas=False), AuthSettings),
            network=msgspec.convert(network, NetworkSettings),
        )

    async def network(self, members: Mapping[str, Document], **changes: Any) -> Client:
        """A network over members that have been met, and whoever asks it."""
        settings = self.settings(members, **changes)
        app = await self.stack.enter_async_context(
            network_composition.open_network_app(settings, ontologies=NO_ONTOLOGIES)
        )
        client = Client(self.session, await self.serve(app))
        await client.met(len(members))
        return client

    async def serve(self, app: web.Application, port: int = 0) -> str:
        """The base URL of an application that is served until the world ends."""
        server = TestServer(app, port=port)
        await server.start_server(max_field_size=FIELD_BYTES, shutdown_timeout=0.05)
        self.stack.push_async_callback(server.close)
        return f"http://127.0.0.1:{server.port}/api"


@dataclass(frozen=True)
class Client:
    """Whoever asks a network."""

    session: aiohttp.ClientSession
    url: str

    async def get(self, path: str, token: str | None = None, **headers: str) -> Any:
        given = {**bearer(token), **{key.replace("_", "-"): one for key, one in headers.items()}}
        async with self.session.get(self.url + path, headers=given) as response:
            return response.status, await response.json()

    async def told(self, token: str | None = None, **headers: str) -> Told:
        """What a question for all individuals is answered."""
        status, document = await self.get(ALL, token, **headers)
        assert status == 200, document
        return Told.of(document)

    async def batch(self, token: str | None, items: int) -> list[Told]:
        """The same question so many times in one batch."""
        body = {
            "entryType": "individual",
            "query": {"requestedGranularity": "record", "includeResultsetResponses": "ALL"},
            "items": [{"id": str(n), "requestParameters": {}} for n in range(items)],
        }
        async with self.session.post(
            f"{self.url}/batch", json=body, headers=bearer(token)
        ) as response:
            lines = [msgspec.json.decode(one) for one in (await response.read()).splitlines()]
            assert response.status == 200, lines
        return [Told.of(one) for one in lines if "responseSummary" in one]

    @contextlib.asynccontextmanager
    async def stream(
        self, token: str | None, path: str | None = None, **headers: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer in lines."""
        given = {"Accept": "application/x-ndjson", **bearer(token), **headers}
        async with self.session.get(self.url + (path or ALL), headers=given) as response:
            yield response

    async def met(self, number: int) -> None:
        """Wait until so many members have said what they are."""
        async with asyncio.timeout(20):
            while True:
                _, document = await self.get("/network/members")
                met = document["response"]["members"]
                if sum("apiVersion" in one for one in met) >= number:
                    return
                await asyncio.sleep(0.05)


@dataclass(frozen=True)
class Told:
    """What an answer says: datasets by id with their counts, and the state of each member."""

    datasets: Mapping[str, tuple[int | None, int]]
    states: Mapping[str, str]
    reasons: Mapping[str, str]

    @classmethod
    def of(cls, document: Document) -> Told:
        sets = document.get("response", {}).get("resultSets", [])
        members = document["info"]["networkStatus"]["members"]
        return cls(
            datasets={
                one["id"]: (one.get("resultsCount"), len(one.get("results", ()))) for one in sets
            },
            states={one["beaconId"]: one["status"] for one in members},
            reasons={one["beaconId"]: one.get("reason", "") for one in members},
        )


def exchange(code: str, **changes: Any) -> Document:
    """How a member that goes by `urn:{code}` is asked as the caller."""
    return {"via": "exchange", "audience": f"urn:{code}", **changes}


def visa_value(dataset: str) -> str:
    return f"https://example.org/datasets/{dataset}"


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


FEMALE = {"id": "NCIT:C16576", "label": "female"}
ALL = "/individuals?requestedGranularity=record&includeResultsetResponses=ALL"
