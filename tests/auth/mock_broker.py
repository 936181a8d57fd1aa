"""Issuers of tokens and visas on ports of this machine, and a canary that nobody may sing to.

A `MockIssuer` signs what it is told to, serves its keys and answers userinfo; it keeps what it was
asked. `World` is one of each: a broker, an issuer of visas, a canary, and an authenticator that
trusts the first two with a clock of its own.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any, Self

import jwt
import msgspec
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from beacon.auth.authenticator import Authenticator
from beacon.auth.callers import Caller
from beacon.framework.errors import Unauthorized
from beacon.metrics import CredentialMetrics, Metrics
from beacon.settings import AuthSettings

Document = dict[str, Any]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

NOON = 1_800_000_000.0
AUDIENCE = "urn:example:beacon"
DAC = "https://dac.example.org"
DATASET = "https://example.org/datasets/1"
REFUSAL = (
    "the credentials are not valid here; log in again, or ask without the Authorization header "
    "for public access"
)
TERMS = "https://doi.org/10.1038/s41431-018-0219-y"


class Clock:
    """Seconds since 1970, set by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@cache
def rsa_key(name: str = "usual", bits: int = 2048) -> rsa.RSAPrivateKey:
    """An RSA key of that name: making one takes its time."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(header: object, claims: object, sign: Callable[[bytes], bytes]) -> str:
    """A token of whatever parts."""
    parts = [
        part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)
    ]
    signed = ".".join(map(encoded, parts))
    return f"{signed}.{encoded(sign(signed.encode()))}"


def signer(key: PrivateKey) -> Callable[[bytes], bytes]:
    """Signs as an issuer does: RS256 or ES256."""
    match key:
        case rsa.RSAPrivateKey():
            return lambda signed: RSAAlgorithm(RSAAlgorithm.SHA256).sign(signed, key)
        case _:
            return lambda signed: ECAlgorithm(ECAlgorithm.SHA256).sign(signed, key)


def jwk(key: PrivateKey, key_id: str, **changes: Any) -> Document:
    match key:
        case rsa.RSAPrivateKey():
            document = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        case _:
            document = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {"use": "sig", **document, "kid": key_id, **changes}


@dataclass
class Canary:
    """Listens, and counts who connects."""

    connections: int = 0
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/jwks"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def _connected(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


class MockIssuer:
    """A broker or an issuer of visas on 127.0.0.1.

    `keys` are what it signs with, by `kid`, the last one usually; `documents` are served instead of
    its key set; `people` is what userinfo says, by `sub`.
    """

    def __init__(self, *, algorithm: str = "ES256") -> None:
        self.algorithm = algorithm
        self.keys: dict[str, PrivateKey] = {}
        self.key_set: bytes | None = None
        self.cache_control = ""
        self.padding = 0
        self.jwks_status = 200
        self.location = ""
        self.jwks_asked = 0
        self.people: dict[str, Document] = {}
        self.userinfo_status = 200
        self.userinfo_delay_s: Callable[[], float] = lambda: 0.0
        self.userinfo_asked: list[Mapping[str, str]] = []
        self.asked_otherwise: list[str] = []
        self._runner: web.AppRunner | None = None
        self._port = 0
        self.rotate()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def issuer(self) -> str:
        return f"{self.url}/oidc/"

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/jwks"

    @property
    def key_id(self) -> str:
        return list(self.keys)[-1]

    def rotate(self, *, forget: bool = False) -> None:
        """Sign with a new key from now on."""
        if forget:
            self.keys.clear()
        key = rsa_key() if self.algorithm == "RS256" else ec_key()
        self.keys[f"key-{secrets.token_hex(4)}"] = key

    def redirect(self, url: str) -> None:
        """Say that the keys are elsewhere."""
        self.jwks_status = 302
        self.location = url

    def signed(self, claims: Document, **header: Any) -> str:
        """A token with its signature; `header` parts that are None are left out."""
        head = {"alg": self.algorithm, "kid": self.key_id, "typ": "JWT", **header}
        key = self.keys.get(head["kid"], self.keys[self.key_id])
        return compact(
            {name: part for name, part in head.items() if part is not None}, claims, signer(key)
        )

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/jwks", self._jwks)
        app.router.add_get("/userinfo", self._userinfo)
        app.router.add_route("*", "/{path:.*}", self._other)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05)
        await self._runner.setup()
        await self.listen()
        return self

    async def listen(self) -> None:
        assert self._runner is not None
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()
        if not self._port:
            self._port = self._runner.addresses[0][1]

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _jwks(self, _request: web.Request) -> web.Response:
        self.jwks_asked += 1
        headers = {}
        if self.location:
            headers["Location"] = self.location
        if self.cache_control:
            headers["Cache-Control"] = self.cache_control
        body = self.key_set
        if body is None:
            keys = [jwk(key, key_id) for key_id, key in self.keys.items()]
            body = json.dumps({"keys": keys}).encode()
        return web.Response(
            status=self.jwks_status, body=b" " * self.padding + body, headers=headers
        )

    async def _userinfo(self, request: web.Request) -> web.Response:
        self.userinfo_asked.append(request.headers.copy())
        token = request.headers["Authorization"].removeprefix("Bearer ")
        subject = jwt.decode(token, options={"verify_signature": False}).get("sub", "")
        await asyncio.sleep(self.userinfo_delay_s())
        document = self.people.get(subject, {"sub": subject})
        return web.json_response(document, status=self.userinfo_status)

    async def _other(self, request: web.Request) -> web.Response:
        self.asked_otherwise.append(request.path)
        return web.Response(status=404)


@dataclass
class World:
    """Everybody that takes part. `broker_changes` and the like are fields of settings."""

    broker: MockIssuer = field(default_factory=MockIssuer)
    visas: MockIssuer = field(default_factory=MockIssuer)
    canary: Canary = field(default_factory=Canary)
    clock: Clock = field(default_factory=Clock)
    metrics: Metrics = field(default_factory=Metrics)
    broker_changes: Document = field(default_factory=dict)
    visas_changes: Document = field(default_factory=dict)
    changes: Document = field(default_factory=dict)
    other_brokers: Document = field(default_factory=dict)
    may_assert: Document = field(default_factory=dict)
    authenticator: Authenticator = field(init=False)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        for one in (self.broker, self.visas, self.canary):
            await self._stack.enter_async_context(one)
        self.authenticator = await self._stack.enter_async_context(
            Authenticator(
                self.settings(),
                CredentialMetrics(self.metrics),
                clock=self.clock,
                chance=lambda: 0.5,
            )
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def settings(self) -> AuthSettings:
        """The section `auth` that this world makes up."""
        broker = {
            "issuer": self.broker.issuer,
            "jwks_url": self.broker.jwks_url,
            "userinfo_url": f"{self.broker.url}/userinfo",
            "algorithms": [self.broker.algorithm],
            "audiences": [AUDIENCE],
        }
        visas = {
            "issuer": self.visas.issuer,
            "jwks_url": self.visas.jwks_url,
            "algorithms": [self.visas.algorithm],
            "brokers": ["login"],
            "subjects_of": "login",
            "may_assert": {
                "ControlledAccessGrants": {"sources": [DAC], "by": ["dac"]},
                "ResearcherStatus": {"sources": [DAC]},
                "AffiliationAndRole": {"sources": [DAC]},
                "AcceptedTermsAndPolicies": {"sources": [DAC]},
                **self.may_assert,
            },
        }
        return msgspec.convert(
            {
                "brokers": {"login": {**broker, **self.broker_changes}, **self.other_brokers},
                "visa_issuers": {"rems": {**visas, **self.visas_changes}},
                "allow_loopback_http": True,
                **self.changes,
            },
            AuthSettings,
        )

    def access_token(self, header: Document | None = None, /, **claims: Any) -> str:
        """An access token of Alice; claims that are None are left out."""
        return self.broker.signed(
            _without_none(
                {
                    "iss": self.broker.issuer,
                    "sub": "alice",
                    "aud": AUDIENCE,
                    "iat": NOON - 10,
                    "exp": NOON + 7200,
                    "scope": "openid ga4gh_passport_v1",
                    "jti": secrets.token_hex(8),
                    **claims,
                }
            ),
            **{"typ": "at+jwt", **(header or {})},
        )

    def passport(self, *visas: str, header: Document | None = None, **claims: Any) -> str:
        return self.access_token(
            {"typ": "vnd.ga4gh.passport+jwt", **(header or {})},
            **{"scope": None, "ga4gh_passport_v1": list(visas), **claims},
        )

    def visa(
        self,
        header: Document | None = None,
        content: Document | None = None,
        /,
        **claims: Any,
    ) -> str:
        """A grant of the data access committee to Alice, who goes by the broker's name of her."""
        said = {
            "type": "ControlledAccessGrants",
            "asserted": NOON - 1000,
            "value": DATASET,
            "source": DAC,
            "by": "dac",
            **(content or {}),
        }
        return self.visas.signed(
            _without_none(
                {
                    "iss": self.visas.issuer,
                    "sub": "alice",
                    "iat": NOON - 1000,
                    "exp": NOON + 86_400,
                    "jti": secrets.token_hex(8),
                    "ga4gh_visa_v1": _without_none(said),
                    **claims,
                }
            ),
            **{"typ": "vnd.ga4gh.visa+jwt", "jku": self.visas.jwks_url, **(header or {})},
        )

    async def refuses(self, token: str) -> str:
        """The code of the reason why a token is refused, which only logs and metrics say."""
        before = self._outcomes()
        with pytest.raises(Unauthorized) as caught:
            await self.caller(token)
        assert str(caught.value) == REFUSAL
        assert caught.value.challenge == 'Bearer error="invalid_token"'
        (outcome,) = [one for one, n in self._outcomes().items() if n != before.get(one)]
        return outcome

    async def refuses_quietly(self, token: str) -> None:
        """As `refuses`, while others are being refused."""
        with pytest.raises(Unauthorized):
            await self.caller(token)

    def left_out(self) -> dict[str, float]:
        """How many visas of the issuer were left out, by reason."""
        return {
            sample.labels["outcome"]: sample.value
            for metric in self.metrics.registry.collect()
            for sample in metric.samples
            if sample.name == "beacon_visas_total" and sample.labels["outcome"] != "accepted"
        }

    def _outcomes(self) -> dict[str, float]:
        return {
            sample.labels["outcome"]: sample.value
            for metric in self.metrics.registry.collect()
            for sample in metric.samples
            if sample.name == "beacon_credentials_total"
        }

    async def caller(self, token: str) -> Caller:
        """Who shows a token."""
        caller = await self.authenticator.caller({"Authorization": f"Bearer {token}"})
        assert caller is not None
        return caller

    async def values(self, *visas: str) -> list[str]:
        """The values of those visas of a passport that count."""
        return [visa.value for visa in (await self.caller(self.passport(*visas))).visas]


def _without_none(claims: Document) -> Document:
    return {name: value for name, value in claims.items() if value is not None}
