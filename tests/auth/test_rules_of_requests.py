"""Rules 44 to 46, by number: requests do not get mixed up, and what is said of credentials."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from beacon.framework.errors import Unauthorized
from tests.auth.mock_broker import DAC, NOON, World


async def test_rule_44_two_hundred_interleaved_requests_of_two_people_never_cross(
    world: World,
) -> None:
    chance = random.Random(7)
    world.broker.userinfo_delay_s = lambda: chance.uniform(0, 0.05)
    for name in ("alice", "bob"):
        visa = world.visa(None, {"value": f"data of {name}"}, sub=name)
        world.broker.people[name] = {"sub": name, "ga4gh_passport_v1": [visa]}

    async def answer(request: web.Request) -> web.Response:
        caller = await world.authenticator.caller(request.headers)
        await asyncio.sleep(chance.uniform(0, 0.01))
        if caller is None:
            return web.Response(text="public")
        return web.Response(text=f"{caller.subject}: {[visa.value for visa in caller.visas]}")

    app = web.Application()
    app.router.add_get("/", answer)
    kept = {name: world.access_token(sub=name) for name in ("alice", "bob")}

    async def ask(number: int) -> tuple[str, str]:
        name = chance.choice(["alice", "bob", "public"]) if number % 4 else "public"
        token = kept.get(name) if number % 3 else world.access_token(sub=name)
        headers = {"Authorization": f"Bearer {token}"} if name != "public" else {}
        async with session.get(server.make_url("/"), headers=headers) as response:
            return name, await response.text()

    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        answers = await asyncio.gather(*(ask(number) for number in range(200)))

    assert len({name for name, _ in answers}) == 3
    for name, text in answers:
        assert text == (name if name == "public" else f"{name}: ['data of {name}']")


async def test_rule_44_who_gives_up_takes_nobody_along(world: World) -> None:
    world.broker.userinfo_delay_s = lambda: 0.1
    token = world.access_token()
    first = asyncio.create_task(world.caller(token))
    others = [asyncio.create_task(world.caller(token)) for _ in range(5)]
    await asyncio.sleep(0.05)
    first.cancel()

    assert {caller.subject for caller in await asyncio.gather(*others)} == {"alice"}
    assert len(world.broker.userinfo_asked) == 1


async def test_rule_44_closing_ends_what_is_under_way() -> None:
    async with World() as world:
        world.broker.userinfo_delay_s = lambda: 2.5
        waiting = asyncio.create_task(world.caller(world.access_token()))
        await asyncio.sleep(0.05)

    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize("name", ["user_name", "X-Forwarded-User", "X-User", "Remote-User", "From"])
async def test_rule_45_identity_is_never_what_a_request_says(world: World, name: str) -> None:
    assert await world.authenticator.caller({name: "alice"}) is None
    caller = await world.authenticator.caller(
        {name: "alice", "Authorization": f"Bearer {world.access_token(sub='bob')}"}
    )

    assert caller is not None
    assert caller.subject == "bob"


async def test_rule_46_which_check_failed_is_for_the_log_only(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    """`refuses` asserts that every refusal reads the same."""
    token = world.access_token(exp=NOON - 1, sub="secret-person")
    reason = await world.refuses(token)
    logged = "".join(capfd.readouterr())

    assert reason == "expired"
    assert "credentials_rejected" in logged
    assert "expired" in logged
    assert "secret" not in logged
    assert token not in logged
    assert not any(part in logged for part in token.split("."))


ANYTHING: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    10**30,
    "",
    "A",
    "https://x",
    "é",
    "\x00",
    "A" * 500,
    [],
    [1],
    ["a"],
    {},
    {"a": 1},
]


async def test_whatever_a_token_says_it_is_refused_or_taken(world: World) -> None:
    """Nothing in a header or a claim is ever a failure of the server."""
    content = {"asserted": NOON, "value": "x", "source": DAC, "by": "dac"}
    tokens = [
        token
        for value in ANYTHING
        for name in CLAIMS
        for token in (
            world.access_token(**{name: value}),
            world.passport(**{name: value}),
            world.passport(world.visa(**{name: value})),
        )
    ]
    tokens += [
        world.passport(world.visa(ga4gh_visa_v1={"type": kind, **content, name: value}))
        for value in ANYTHING
        for name in ("type", "asserted", "value", "source", "by", "conditions")
        for kind in ("ControlledAccessGrants", "LinkedIdentities")
    ]
    tokens += [
        token
        for value in ANYTHING
        for name in ("alg", "typ", "jku", "jwk", "x5u", "x5c", "crit", "cty")
        for token in (
            world.access_token({name: value}),
            world.passport(world.visa({name: value})),
        )
    ]
    taken = 0
    for token in tokens:
        with contextlib.suppress(Unauthorized):
            await world.caller(token)
            taken += 1

    assert 0 < taken < len(tokens)


CLAIMS = ("iss", "sub", "aud", "iat", "exp", "nbf", "scope", "jti", "typ", "ga4gh_passport_v1")


async def test_what_is_kept_holds_no_token(world: World) -> None:
    tokens = [world.access_token(scope="openid") for _ in range(20)]
    for token in tokens:
        await world.caller(token)
    known = world.authenticator._known

    assert len(known) == 20
    assert not any(token in repr(known) for token in tokens)
