"""Token endpoints over HTTP: what is sent, what is taken, and what is never believed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from aiohttp import web

from beacon.auth.exchange import TokenEndpoints, TokenRefused, TokenUnavailable
from beacon.framework.errors import SettingsError
from beacon.network.identities import For
from beacon.settings import TokenEndpointSettings
from tests.auth.mock_broker import compact, encoded
from tests.network.identity_world import CLIENT_KEY, IdentityWorld, basic

WANTED = For("urn:fi", "https://fi.example/api", "openid", frozenset({"urn:ee", "urn:network"}))
TOKEN = "a.token.of-alice"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[IdentityWorld]:
    async with IdentityWorld(tmp_path) as one:
        yield one


async def endpoints(world: IdentityWorld, **changes: Any) -> TokenEndpoints:
    settings = msgspec.convert(world.endpoint(**changes), TokenEndpointSettings)
    made = TokenEndpoints(
        {"login": settings}, {"login": world.broker.issuer}, allow_loopback_http=True
    )
    return await world.stack.enter_async_context(made)


async def test_a_statement_says_who_the_network_is(world: IdentityWorld) -> None:
    tokens = await endpoints(world, key_id="key-1")
    await tokens.own("login", WANTED)
    await tokens.own("login", WANTED)

    first, second = (one.form for one in world.broker.exchanged)
    assertion = first["client_assertion"]
    claims = jwt.decode(
        assertion, CLIENT_KEY.public_key(), algorithms=["ES256"], audience=world.broker.token_url
    )
    assert claims["iss"] == claims["sub"] == first["client_id"] == "network"
    assert claims["exp"] - time.time() <= 60
    assert jwt.get_unverified_header(assertion)["kid"] == "key-1"
    assert first["client_assertion_type"] == (
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    )
    again = jwt.decode(second["client_assertion"], options={"verify_signature": False})
    assert again["jti"] != claims["jti"]


async def test_a_password_is_sent_in_the_header_alone(world: IdentityWorld, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret:/\n")
    file.chmod(0o600)
    tokens = await endpoints(world, client_auth="client_secret_basic", secret_file=str(file))
    await tokens.own("login", WANTED)
    file.write_text("changed")
    await tokens.own("login", WANTED)

    first, second = world.broker.exchanged
    assert first.headers["Authorization"] == basic("network", "s3cret%3A%2F")
    assert second.headers["Authorization"] == basic("network", "changed")
    assert not {"client_secret", "client_assertion", "client_id"} & first.form.keys()


async def test_a_token_of_another_issuer_is_not_sent_anywhere(world: IdentityWorld) -> None:
    tokens = await endpoints(world)

    with pytest.raises(TokenRefused, match="exchanges no tokens"):
        await tokens.exchanged(TOKEN, "https://elsewhere.example", WANTED)
    assert world.broker.exchanged == []


def signed(**claims: Any) -> str:
    return compact({"alg": "none"}, claims, lambda _: b"signature")


TWINS = ".".join(map(encoded, (b"{}", b'{"aud": "urn:fi", "aud": "urn:ee"}', b"signature")))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({}, TokenUnavailable),
        ({"access_token": 7, "token_type": "Bearer"}, TokenUnavailable),
        ({"access_token": "with spaces in it", "token_type": "Bearer"}, TokenUnavailable),
        ({"access_token": "a" * 40_000, "token_type": "Bearer"}, TokenUnavailable),
        ({"access_token": "abcdefghij"}, TokenUnavailable),
        ({"access_token": "abcdefghij", "token_type": "DPoP"}, TokenUnavailable),
        ({"access_token": TWINS, "token_type": "Bearer"}, TokenUnavailable),
        (
            {"access_token": signed(aud="urn:fi", exp=1000), "token_type": "Bearer"},
            TokenUnavailable,
        ),
        (
            {
                "access_token": "abcdefghij",
                "token_type": "Bearer",
                "issued_token_type": "urn:ietf:params:oauth:token-type:refresh_token",
            },
            TokenRefused,
        ),
        ({"access_token": signed(aud="urn:ee"), "token_type": "Bearer"}, TokenRefused),
        ({"access_token": signed(aud=["urn:fi", "urn:ee"]), "token_type": "Bearer"}, TokenRefused),
        ({"access_token": signed(aud="URN:FI"), "token_type": "Bearer"}, TokenRefused),
        ({"access_token": f"x{TOKEN}x", "token_type": "Bearer"}, TokenRefused),
    ],
)
async def test_what_is_no_token_for_that_member_is_not_taken(
    world: IdentityWorld, answer: dict[str, Any], error: type[Exception]
) -> None:
    tokens = await endpoints(world)
    world.broker.answer = lambda _: web.json_response(answer)

    with pytest.raises(error) as caught:
        await tokens.exchanged(TOKEN, world.broker.issuer, WANTED)
    assert not any(str(one) in str(caught.value) for one in answer.values())


@pytest.mark.parametrize("audience", ["urn:fi", ["urn:fi"], ["account", "https://fi.example/api"]])
async def test_a_token_for_that_member_is_taken(world: IdentityWorld, audience: Any) -> None:
    tokens = await endpoints(world)
    world.broker.audience_of = lambda _: audience
    token = world.broker.access_token("alice", "inner")

    issued = await tokens.exchanged(token, world.broker.issuer, WANTED)

    assert issued.token == world.broker.exchanged[0].token
    assert abs(issued.expires - time.time() - 3600) < 10
    assert issued.token not in repr(issued)


async def test_a_token_ends_when_it_or_the_broker_says_so(world: IdentityWorld) -> None:
    tokens = await endpoints(world)
    now = time.time()
    lives = []
    for answer in (
        {"access_token": "abcdefghij"},
        {"access_token": "abcdefghij", "expires_in": 90},
        {"access_token": "abcdefghij", "expires_in": 10**9},
        {"access_token": signed(exp=now + 200), "expires_in": 900},
    ):
        world.broker.answer = lambda _, answer=answer: web.json_response(
            {**answer, "token_type": "bearer"}
        )
        issued = await tokens.own("login", WANTED)
        lives.append(round((issued.expires - now) / 10) * 10)

    assert lives == [60, 90, 3600, 200]


async def test_an_endpoint_that_fails_is_left_alone_for_a_while(world: IdentityWorld) -> None:
    tokens = await endpoints(world)
    world.broker.answer = lambda _: web.Response(status=503)
    for _ in range(20):
        with pytest.raises(TokenUnavailable):
            await tokens.own("login", WANTED)
    assert len(world.broker.exchanged) == 3
    world.broker.answer = None
    await asyncio.sleep(1.1)

    assert (await tokens.own("login", WANTED)).token


async def test_an_endpoint_that_is_away_or_leads_elsewhere(world: IdentityWorld) -> None:
    tokens = await endpoints(world)
    world.broker.answer = lambda _: web.Response(
        status=307, headers={"Location": f"{world.visas.url}/token"}
    )
    with pytest.raises(TokenUnavailable):
        await tokens.exchanged(TOKEN, world.broker.issuer, WANTED)
    await world.broker.__aexit__(None, None, None)
    with pytest.raises(TokenUnavailable):
        await tokens.exchanged(TOKEN, world.broker.issuer, WANTED)

    assert world.visas.asked_otherwise == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"url": "http://login.example/token"}, "must start with https"),
        ({"secret_file": "/nowhere/key.pem"}, "No such file"),
        ({"algorithm": "RS256"}, "holds no key for RS256"),
    ],
)
async def test_what_cannot_work_is_told_at_the_start(
    world: IdentityWorld, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        await endpoints(world, **changes)


async def test_a_secret_that_everybody_can_read_is_none(
    world: IdentityWorld, tmp_path: Path
) -> None:
    (tmp_path / "key.pem").chmod(0o644)

    with pytest.raises(SettingsError, match="read by everybody"):
        await endpoints(world)


async def test_what_a_broker_says_is_not_repeated(
    world: IdentityWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    tokens = await endpoints(world)
    for status in (400, 401, 500):
        world.broker.answer = lambda form, status=status: web.Response(
            status=status,
            text=json.dumps({"error": form["subject_token"]}),
            content_type="application/json",
        )
        with pytest.raises((TokenRefused, TokenUnavailable)) as caught:
            await tokens.exchanged(TOKEN, world.broker.issuer, WANTED)
        assert TOKEN not in str(caught.value)

    logged = "".join(capfd.readouterr())
    assert "token_not_issued" in logged
    assert TOKEN not in logged
