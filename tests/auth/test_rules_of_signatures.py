"""Rules 1 to 13, by number: how tokens get here, their form, their signature and its keys."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from multidict import CIMultiDict

from beacon.auth.issuers import Trust
from beacon.framework.errors import SettingsError, SourceUnavailable, Unauthorized
from beacon.settings import AuthSettings
from tests.auth.mock_broker import (
    AUDIENCE,
    NOON,
    Canary,
    MockIssuer,
    World,
    compact,
    ec_key,
    encoded,
    jwk,
    rsa_key,
    signer,
)

SCOPE = "openid ga4gh_passport_v1"


def claims_of(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "iss": world.broker.issuer,
        "sub": "alice",
        "aud": AUDIENCE,
        "iat": NOON,
        "exp": NOON + 60,
        "scope": SCOPE,
        **changes,
    }


@pytest.mark.parametrize("key", ["issuer", "jwks_url", "userinfo_url"])
@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://login.example.org/x", False),
        ("http://login.example.org/x", True),
        ("http://127.0.0.1/x", False),
        ("https://somebody@login.example.org/x", False),
    ],
)
def test_rule_01_open_lines_refuse_to_start(key: str, url: str, loopback: bool) -> None:
    broker = {
        "issuer": "https://login.example.org/",
        "jwks_url": "https://login.example.org/jwks",
        "userinfo_url": "https://login.example.org/userinfo",
        "audiences": [AUDIENCE],
        key: url,
    }
    settings = msgspec.convert(
        {"brokers": {"login": broker}, "allow_loopback_http": loopback}, AuthSettings
    )

    with pytest.raises(SettingsError, match=f"auth.brokers.login.{key}"):
        Trust.from_settings(settings)


async def test_rule_02_one_header_and_nothing_else_is_looked_at(world: World) -> None:
    token = world.access_token()
    two = CIMultiDict([("Authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")])

    assert await world.authenticator.caller({"Cookie": f"access_token={token}"}) is None
    assert await world.authenticator.caller({"X-Forwarded-Access-Token": token}) is None
    with pytest.raises(Unauthorized):
        await world.authenticator.caller(two)
    for value in (token, f"Basic {token}", f"Bearer {token},{token}", "Bearer", "Bearer ", ""):
        with pytest.raises(Unauthorized):
            await world.authenticator.caller({"Authorization": value})
    assert await world.authenticator.caller({"AUTHORIZATION": f"bearer {token}"}) is not None


@pytest.mark.parametrize(
    "make",
    [
        lambda token: "a" * 1_000_000,
        lambda token: f"{token}.{'a' * 70_000}",
        lambda token: token + "=",
        lambda token: token.rpartition(".")[0],
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token + ".a",
        lambda token: token.replace(".", ".+", 1),
        lambda token: "." + token,
        lambda token: token[:-1] + chr(ord(token[-1]) + 1),  # other bits after the last byte
    ],
)
async def test_rule_03_what_is_no_compact_token_is_refused(
    world: World, make: Callable[[str], str]
) -> None:
    token = make(world.access_token())
    started = time.perf_counter()
    await world.refuses(token)

    assert time.perf_counter() - started < 0.05
    assert world.broker.jwks_asked <= 1


async def test_rule_03_large_passports_are_refused(world: World) -> None:
    visa = "a.b.c"

    assert await world.refuses(world.access_token(filler="x" * 30_000)) == "size"
    assert await world.refuses(world.passport(*[f"{visa}{n}" for n in range(101)])) == "visas"
    assert await world.refuses(world.passport(*[visa] * 10_000)) == "size"
    assert await world.caller(world.passport(*[f"{visa}{n}" for n in range(100)]))


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"ES256","alg":"ES256","kid":"%s","typ":"at+jwt"}',
        b'{"alg":"ES256","kid":"%s","typ":"at+jwt","crit":["exp"]}',
        b'{"alg":"ES256","kid":"%s","typ":"at+jwt","crit":[]}',
        b'{"alg":"ES256","kid":"%s","typ":"at+jwt","zip":"DEF"}',
        b'{"alg":"ES256","kid":"%s","typ":"at+jwt","enc":"A256GCM"}',
        b'{"alg":"ES256","kid":"%s","typ":"at+jwt","x":NaN}',
        b'{"alg":"ES256","kid":"%s","typ":"at+jwt","x":1e999}',
        b'{"alg":"ES256","kid":"%s","typ":"at+jwt","x":"\\ud800"}',
        b'{"alg":"ES256","kid":"%s","typ":"at+jwt","x":"\xff"}',
        b'{"alg":"ES256","kid":"%s","typ":"at+jwt","x":' + b"[" * 9000 + b"]" * 9000 + b"}",
        b'["%s"]',
        b'{"kid":"%s","typ":"at+jwt"}',
    ],
    ids=range(12),
)
async def test_rule_04_headers_of_two_meanings_are_refused(world: World, header: bytes) -> None:
    key_id = world.broker.key_id
    sign = signer(world.broker.keys[key_id])

    token = compact(header.replace(b"%s", key_id.encode()), claims_of(world), sign)
    assert await world.refuses(token) == "format"


async def test_rule_04_a_claim_that_comes_twice_is_refused(world: World) -> None:
    claims = json.dumps(claims_of(world))[:-1] + ',"sub":"bob"}'
    head = {"alg": "ES256", "kid": world.broker.key_id, "typ": "at+jwt"}
    token = compact(head, claims.encode(), signer(world.broker.keys[world.broker.key_id]))

    assert await world.refuses(token) == "format"


async def test_rule_05_invalid_credentials_are_never_the_public(world: World) -> None:
    assert await world.authenticator.caller({}) is None
    assert await world.refuses(world.access_token(exp=NOON - 1)) == "expired"
    assert await world.refuses("nonsense") == "format"


@pytest.mark.parametrize("name", ["none", "None", "nOnE", "HS256", "RS256", "PS256", "ES256", ""])
async def test_rule_06_the_algorithm_is_that_of_the_settings(name: str) -> None:
    """Signed with nothing, with the public key as a password, or otherwise than the key is for."""
    async with World(broker=MockIssuer(algorithm="RS256")) as world:
        key = rsa_key()
        pem = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
        sign = {
            "HS256": lambda signed: hmac.new(pem, signed, hashlib.sha256).digest(),
            "PS256": lambda signed: key.sign(signed, pss, hashes.SHA256()),
            "ES256": signer(ec_key()),
            "RS256": signer(rsa_key("of somebody else")),
        }.get(name, lambda signed: b"\0")
        head = {"alg": name, "kid": world.broker.key_id, "typ": "at+jwt"}

        token = compact(head, claims_of(world), sign)
        assert await world.refuses(token) == ("signature" if name == "RS256" else "algorithm")
        assert (await world.caller(world.access_token())).subject == "alice"


async def test_rule_06_nor_is_one_key_used_as_the_settings_do_not_say(world: World) -> None:
    assert await world.refuses(world.access_token({"alg": "none"})) == "algorithm"
    assert world.broker.jwks_asked == 0
    async with World(broker_changes={"algorithms": ["RS256", "ES256"]}) as both:
        assert await both.refuses(both.access_token({"alg": "RS256"})) == "algorithm"
        assert await both.caller(both.access_token())


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: jwk(rsa_key(), "k"), "key_id"),
        (lambda: jwk(rsa_key("small", 1024), "k"), "key_id"),
        (lambda: jwk(ec_key(ec.SECP384R1()), "k"), "key_id"),
        (lambda: jwk(ec_key(), "k", use="enc"), "key_id"),
        (lambda: jwk(ec_key(), "k", alg="ES384"), "key_id"),
        (lambda: jwk(ec_key(), "k", key_ops=["sign"]), "key_id"),
        (lambda: jwk(ec_key(), "k", x="AAAA"), "key_id"),
        (lambda: jwk(ec_key(), "k", kid=7), "key_id"),
        (lambda: {"kty": "oct", "kid": "k", "k": "AAAA", "alg": "HS256"}, "key_id"),
        (lambda: jwk(ec_key(), "k"), "signature"),
    ],
)
async def test_rule_07_keys_are_for_what_they_are_used_for(
    world: World, make: Callable[[], dict[str, Any]], reason: str
) -> None:
    world.broker.key_set = json.dumps({"keys": [make()]}).encode()

    assert await world.refuses(world.access_token({"kid": "k"})) == reason


async def test_rule_07_rsa_keys_of_1024_bits_are_no_keys() -> None:
    async with World(broker=MockIssuer(algorithm="RS256")) as world:
        world.broker.keys = {"k": rsa_key("small", 1024)}

        assert await world.refuses(world.access_token()) == "key_id"


async def test_rule_08_keys_are_chosen_within_their_issuer(world: World) -> None:
    """A key of that name that the issuer of visas has is not the broker's."""
    world.broker.keys = {"same": ec_key()}
    world.visas.keys = {"same": ec_key(), "other": ec_key()}
    forged = compact(
        {"alg": "ES256", "kid": "same", "typ": "at+jwt"},
        claims_of(world),
        signer(world.visas.keys["same"]),
    )

    assert await world.refuses(forged) == "signature"
    assert await world.refuses(world.access_token({"kid": "other"})) == "key_id"
    assert await world.refuses(world.access_token({"kid": None})) == "key_id"
    assert (await world.caller(world.access_token())).subject == "alice"


async def test_rule_08_a_key_id_that_is_there_twice_is_no_key(world: World) -> None:
    twins = [jwk(ec_key(), "k"), jwk(world.broker.keys[world.broker.key_id], "k")]
    world.broker.key_set = json.dumps({"keys": twins}).encode()

    assert await world.refuses(world.access_token({"kid": "k"})) == "key_id"


@pytest.mark.parametrize("known", [True, False])
async def test_rule_09_keys_in_headers_are_not_looked_at(world: World, known: bool) -> None:
    own = ec_key()
    key_id = world.broker.key_id if known else "own"
    head = {
        "alg": "ES256",
        "kid": key_id,
        "typ": "at+jwt",
        "jwk": jwk(own, key_id),
        "x5u": world.canary.url,
        "x5c": [encoded(b"certificate")],
    }

    refused = await world.refuses(compact(head, claims_of(world), signer(own)))
    assert refused == ("signature" if known else "key_id")
    assert world.canary.connections == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda own, canary: canary,
        lambda own, canary: canary.replace("http://", f"http://{own.split('/')[2]}@"),
        lambda own, canary: own.replace("127.0.0.1", "127.0.0.1.evil.example"),
        lambda own, canary: f"{own}/..",
        lambda own, canary: f"{own}/",
        lambda own, canary: f"{own}?",
        lambda own, canary: f"{own}#",
        lambda own, canary: own.upper(),
        lambda own, canary: [own],
    ],
)
async def test_rule_10_jku_is_that_of_the_settings_or_nothing_is_fetched(
    world: World, make: Callable[[str, str], Any]
) -> None:
    forged = make(world.broker.jwks_url, world.canary.url)

    assert await world.refuses(world.access_token({"jku": forged})) == "key_url"
    assert world.canary.connections == world.broker.jwks_asked == 0
    visa = world.visa({"jku": make(world.visas.jwks_url, world.canary.url)})
    assert await world.values(visa) == []
    assert world.canary.connections == world.visas.jwks_asked == 0
    assert await world.caller(world.access_token({"jku": world.broker.jwks_url}))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda world: setattr(world.broker, "jwks_status", 500),
        lambda world: setattr(world.broker, "padding", 300_000),
        lambda world: setattr(world.broker, "key_set", b"<html>"),
        lambda world: setattr(world.broker, "key_set", b"[]"),
        lambda world: setattr(
            world.broker,
            "key_set",
            json.dumps({"keys": [jwk(ec_key(), str(n)) for n in range(51)]}).encode(),
        ),
        lambda world: world.broker.redirect(world.canary.url),
    ],
)
async def test_rule_11_key_sets_are_fetched_from_where_they_are_and_bounded(
    world: World, spoil: Callable[[World], object]
) -> None:
    spoil(world)

    with pytest.raises(SourceUnavailable) as caught:
        await world.caller(world.access_token())
    assert caught.value.retry_after_s == 5
    assert world.canary.connections == 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"])
@pytest.mark.parametrize("allow_private", [True, False])
async def test_rule_11_inner_addresses_are_for_issuers_that_may_have_them(
    host: str, allow_private: bool
) -> None:
    outside = {
        "issuer": "https://login.example.org/",
        "jwks_url": "https://login.example.org/jwks",
        "userinfo_url": "https://login.example.org/userinfo",
    }
    async with Canary() as canary:
        inside = {"jwks_url": canary.url.replace("http:", "https:").replace("127.0.0.1", host)}
        changes = {**outside, **inside, "allow_private": allow_private}
        async with World(
            broker_changes=changes,
            visas_changes={name: outside[name] for name in ("issuer", "jwks_url")},
            changes={"allow_loopback_http": False},
        ) as world:
            with pytest.raises(SourceUnavailable):
                await world.caller(world.access_token(iss=outside["issuer"]))

        assert (canary.connections > 0) == allow_private


async def test_rule_12_unknown_keys_are_looked_for_once_a_minute(world: World) -> None:
    forged = [world.access_token({"kid": f"random-{n}"}) for n in range(1000)]
    outcomes = [await world.refuses(token) for token in forged]

    assert set(outcomes) == {"key_id"}
    assert world.broker.jwks_asked == 1
    world.clock.now += 61
    await asyncio.gather(*(world.refuses_quietly(token) for token in forged[:100]))
    assert world.broker.jwks_asked == 2


async def test_rule_12_new_keys_are_known_at_the_next_look_and_old_ones_till_the_next(
    world: World,
) -> None:
    await world.caller(world.access_token())
    old = world.access_token()
    world.broker.rotate(forget=True)
    new = world.access_token()

    assert await world.refuses(new) == "key_id"
    assert (await world.caller(old)).subject == "alice"
    world.clock.now += 61
    assert (await world.caller(new)).subject == "alice"
    another_old = world.access_token({"kid": "key-of-before"})
    assert await world.refuses(another_old) == "key_id"


@pytest.mark.parametrize(
    ("cache_control", "ttl_s"),
    [
        ("", 3600),
        ("public, max-age=1200", 1200),
        ("max-age=1", 300),
        ("no-store", 3600),
        ("max-age=31536000", 86_400),
    ],
)
async def test_rule_12_keys_are_kept_as_long_as_their_issuer_says_within_bounds(
    world: World, cache_control: str, ttl_s: float
) -> None:
    world.broker.cache_control = cache_control
    await world.caller(world.access_token())

    world.clock.now = NOON + ttl_s - 1
    await world.caller(world.access_token(iat=world.clock.now, exp=world.clock.now + 60))
    assert world.broker.jwks_asked == 1
    world.clock.now = NOON + ttl_s + 1
    await world.caller(world.access_token(iat=world.clock.now, exp=world.clock.now + 60))
    assert world.broker.jwks_asked == 2


async def test_rule_12_a_removed_key_is_refused_after_its_time(world: World) -> None:
    await world.caller(world.access_token())
    head = {"kid": world.broker.key_id}
    stolen = world.broker.keys[world.broker.key_id]
    world.broker.rotate(forget=True)
    world.clock.now = NOON + 3601

    claims = claims_of(world, exp=NOON + 7200)
    forged = compact({"alg": "ES256", "typ": "at+jwt", **head}, claims, signer(stolen))
    assert await world.refuses(forged) == "key_id"


async def test_rule_13_the_last_good_keys_are_kept_for_a_day(world: World) -> None:
    await world.caller(world.access_token())
    world.broker.jwks_status = 503
    for hours in (2, 12, 23.9):
        world.clock.now = NOON + hours * 3600
        token = world.access_token(iat=world.clock.now, exp=world.clock.now + 60)
        assert (await world.caller(token)).subject == "alice"
    with pytest.raises(SourceUnavailable):  # whether it has been made since, nobody can say
        await world.caller(
            world.access_token({"kid": "new"}, iat=world.clock.now, exp=world.clock.now + 60)
        )
    world.clock.now = NOON + 24 * 3600 + 1
    with pytest.raises(SourceUnavailable) as caught:
        await world.caller(
            world.access_token(iat=world.clock.now, exp=world.clock.now + 60),
        )

    assert caught.value.retry_after_s == 60
    world.broker.jwks_status = 200
    world.clock.now += 61
    token = world.access_token(iat=world.clock.now, exp=world.clock.now + 60)
    assert (await world.caller(token)).subject == "alice"
