"""Rules 14 to 29, by number: what access tokens and passports say, and asking their broker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from beacon.auth.issuers import Trust
from beacon.framework.errors import SettingsError, SourceUnavailable
from tests.auth.mock_broker import AUDIENCE, DATASET, NOON, MockIssuer, World


@pytest.mark.parametrize(
    "issuer",
    ["{0}", "{0}oidc", "{0}oidc//", "{0}OIDC/", "https://evil.example/", "", None, 7, ["{0}oidc/"]],
)
async def test_rule_14_the_issuer_is_compared_character_by_character(
    world: World, issuer: Any
) -> None:
    forged = issuer.format(f"{world.broker.url}/") if isinstance(issuer, str) else issuer

    assert await world.refuses(world.access_token(iss=forged)) == "issuer"
    assert world.broker.jwks_asked == 0


async def test_rule_15_issuers_are_as_configured_never_discovered(world: World) -> None:
    world.broker.people["alice"] = {"sub": "alice", "ga4gh_passport_v1": [world.visa()]}
    await world.caller(world.access_token())

    assert world.broker.asked_otherwise == world.visas.asked_otherwise == []


@pytest.mark.parametrize("audience", ["app-123", ["app-123"], [], None, "", AUDIENCE.upper(), [7]])
async def test_rule_16_a_token_for_another_service_is_refused(world: World, audience: Any) -> None:
    assert await world.refuses(world.access_token(aud=audience)) == "audience"
    assert await world.refuses(world.passport(aud=audience)) == "audience"
    assert await world.caller(world.access_token(aud=["app-123", AUDIENCE]))


async def test_rule_16_a_token_for_no_service_is_taken_where_the_settings_say() -> None:
    async with World(broker_changes={"audience_required": False}) as world:
        assert await world.caller(world.access_token(aud=None))
        assert await world.refuses(world.access_token(aud="app-123")) == "audience"
    with pytest.raises(SettingsError, match=r"auth\.brokers\.login\.audiences is empty"):
        Trust.from_settings(World(broker_changes={"audiences": []}).settings())


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": None}, "times"),
        ({"iat": None}, "times"),
        ({"exp": NOON}, "expired"),
        ({"exp": str(NOON + 60)}, "times"),
        ({"exp": True}, "times"),
        ({"exp": 1e300}, "times"),
        ({"iat": NOON + 61}, "times"),
        ({"nbf": NOON + 61}, "times"),
        ({"nbf": "now"}, "times"),
        ({"iat": NOON - 10, "exp": NOON + 86_400}, "times"),
        ({"iat": NOON + 59, "nbf": NOON + 59}, None),
        ({"iat": NOON - 10, "exp": NOON + 86_390}, None),
    ],
)
async def test_rule_17_tokens_say_when_they_are_valid_and_not_for_long(
    world: World, claims: dict[str, Any], reason: str | None
) -> None:
    for token in (world.access_token(**claims), world.passport(**claims)):
        if reason is None:
            assert await world.caller(token)
        else:
            assert await world.refuses(token) == reason


@pytest.mark.parametrize("subject", [None, "", "a" * 256, 7, "al\nice", ["alice"]])
async def test_rule_18_the_subject_is_required(world: World, subject: Any) -> None:
    assert await world.refuses(world.access_token(sub=subject)) == "subject"


async def test_rule_18_identity_is_issuer_and_subject_never_an_address(world: World) -> None:
    token = world.access_token(
        sub="mallory", email="alice@example.org", preferred_username="alice", upn="alice"
    )
    caller = await world.caller(token)

    assert (caller.issuer, caller.subject) == (world.broker.issuer, "mallory")
    assert "alice" not in repr(caller)


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        ("openid ga4gh_passport_v1", True),
        ("ga4gh_passport_v1 email openid", True),
        ("openid", False),
        ("openid ga4gh_passport_v1x", False),
    ],
)
async def test_rule_19_visas_are_sought_with_their_scope_only(
    world: World, scope: str, asked: bool
) -> None:
    world.broker.people["alice"] = {"sub": "alice", "ga4gh_passport_v1": [world.visa()]}
    caller = await world.caller(world.access_token(scope=scope))

    assert bool(caller.visas) == asked
    assert len(world.broker.userinfo_asked) == asked


@pytest.mark.parametrize("scope", [None, "", "ga4gh_passport_v1", "OPENID", ["openid"], 7])
async def test_rule_19_a_token_without_its_scope_is_refused(world: World, scope: Any) -> None:
    assert await world.refuses(world.access_token(scope=scope)) == "scope"


async def test_rule_20_visas_in_an_access_token_are_ignored(world: World) -> None:
    caller = await world.caller(world.access_token(ga4gh_passport_v1=[world.visa()]))

    assert caller.visas == ()


@pytest.mark.parametrize("kind", [None, "", "logout+jwt", "vnd.ga4gh.visa+jwt", "dpop+jwt", 7])
async def test_rule_21_the_type_of_a_token_is_that_of_an_access_token(
    world: World, kind: Any
) -> None:
    assert await world.refuses(world.access_token({"typ": kind})) == "token_type"


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "application/at+jwt"])
async def test_rule_21_access_tokens_are_of_either_type(world: World, kind: str) -> None:
    assert await world.caller(world.access_token({"typ": kind}))


async def test_rule_21_one_kind_of_token_does_not_stand_in_for_another(world: World) -> None:
    visa = {"typ": "vnd.ga4gh.visa+jwt"}
    as_passport = {"typ": "vnd.ga4gh.passport+jwt"}

    id_token = world.access_token({"typ": "JWT"}, nonce="n", at_hash="h")
    assert await world.refuses(id_token) == "token_type"
    assert await world.refuses(world.access_token({"typ": "JWT"}, typ="ID")) == "token_type"
    assert await world.refuses(world.access_token(typ="Refresh")) == "token_type"
    assert await world.refuses(world.visa()) == "token_type"
    assert await world.refuses(world.visa({"typ": "JWT"})) == "issuer"
    assert await world.refuses(world.access_token({"typ": "JWT"}, ga4gh_visa_v1={})) == "token_type"
    assert await world.refuses(world.access_token(as_passport)) == "visas"
    assert await world.refuses(world.passport(header={"typ": "at+jwt"})) == "scope"
    assert await world.refuses(world.passport(header=visa)) == "token_type"
    assert await world.values(world.passport(), world.access_token()) == []
    # Some brokers put a nonce in access tokens, and say so.
    assert await world.caller(world.access_token({"typ": "JWT"}, nonce="n", typ="Bearer"))


@pytest.mark.parametrize("token", ["b5a8f1c0e8d24c7e9d3b", "ya29.a0AfH6SMB", "a~b", "a.b.c.d.e"])
async def test_rule_22_opaque_tokens_are_refused(world: World, token: str) -> None:
    assert await world.refuses(token) == "format"
    assert world.broker.userinfo_asked == []


async def test_rule_23_what_is_known_of_a_token_ends_with_it(world: World) -> None:
    short = world.access_token(exp=NOON + 60)
    long = world.access_token(exp=NOON + 7200)
    assert (await world.caller(short)).expires == NOON + 60
    assert (await world.caller(long)).expires == NOON + 3600
    world.clock.now = NOON + 59
    assert await world.caller(short)

    world.clock.now = NOON + 60
    assert await world.refuses(short) == "expired"
    world.clock.now = NOON + 3600
    assert (await world.caller(long)).expires == NOON + 7200


async def test_rule_23_what_could_not_be_found_out_is_not_kept(world: World) -> None:
    token = world.access_token()
    world.broker.userinfo_status = 500
    with pytest.raises(SourceUnavailable):
        await world.caller(token)
    world.broker.userinfo_status = 200

    assert (await world.caller(token)).subject == "alice"


async def test_rule_24_revoked_tokens_and_people_are_refused() -> None:
    changes = {"revoked_ids": ["stolen"]}
    async with World(changes=changes, broker_changes={"revoked_subjects": ["mallory"]}) as world:
        assert await world.refuses(world.access_token(jti="stolen")) == "revoked"
        assert await world.refuses(world.passport(jti="stolen")) == "revoked"
        assert await world.refuses(world.access_token(sub="mallory")) == "revoked"
        assert await world.caller(world.access_token(jti="other"))


@pytest.mark.parametrize(
    ("visas_from", "by_passport", "by_userinfo"),
    [
        (["passport", "userinfo"], True, True),
        (["passport"], True, False),
        (["userinfo"], False, True),
        ([], False, False),
    ],
)
async def test_rule_25_visas_come_the_way_that_is_switched_on(
    visas_from: list[str], by_passport: bool, by_userinfo: bool
) -> None:
    async with World(broker_changes={"visas_from": visas_from}) as world:
        world.broker.people["alice"] = {"sub": "alice", "ga4gh_passport_v1": [world.visa()]}
        caller = await world.caller(world.access_token())

        assert [visa.value for visa in caller.visas] == [DATASET] * by_userinfo
        if by_passport:
            assert await world.values(world.visa()) == [DATASET]
        else:
            assert await world.refuses(world.passport(world.visa())) == "route"


@pytest.mark.parametrize("visas", [None, "a.b.c", {}, [7], [["a.b.c"]], [None]])
async def test_rule_26_an_invalid_passport_is_refused_as_a_whole(world: World, visas: Any) -> None:
    assert await world.refuses(world.passport(ga4gh_passport_v1=visas)) == "visas"
    assert await world.refuses(world.passport(world.visa(), exp=NOON - 1)) == "expired"
    assert await world.refuses(world.passport(world.visa(), iss=world.visas.issuer)) == "issuer"
    assert await world.refuses(world.passport(world.visa())[:-8] + "AAAAAAAA") == "signature"


@pytest.mark.parametrize("subject", ["bob", "Alice", "", None, 7])
async def test_rule_27_userinfo_about_somebody_else_is_refused(world: World, subject: Any) -> None:
    world.broker.people["alice"] = {"sub": subject, "ga4gh_passport_v1": [world.visa(sub="bob")]}
    token = world.access_token()

    assert await world.refuses(token) == "subject"
    assert await world.refuses(token) == "subject"
    assert len(world.broker.userinfo_asked) == 1


async def test_rule_28_a_broker_is_asked_once_an_hour_for_a_token(world: World) -> None:
    world.broker.userinfo_delay_s = lambda: 0.05
    token = world.access_token()
    await asyncio.gather(*(world.caller(token) for _ in range(50)))
    world.clock.now = NOON + 3599
    await world.caller(token)
    assert len(world.broker.userinfo_asked) == 1

    world.clock.now = NOON + 3600
    await world.caller(token)
    assert len(world.broker.userinfo_asked) == 2


async def test_rule_28_nor_more_often_while_an_issuer_of_visas_is_away(world: World) -> None:
    world.broker.people["alice"] = {"sub": "alice", "ga4gh_passport_v1": [world.visa()]}
    world.visas.jwks_status = 500
    token = world.access_token()
    for _ in range(3):
        with pytest.raises(SourceUnavailable):
            await world.caller(token)
    world.visas.jwks_status = 200
    world.clock.now += 6

    assert [visa.value for visa in (await world.caller(token)).visas] == [DATASET]
    assert len(world.broker.userinfo_asked) == 1


async def test_rule_28_who_refuses_a_token_is_believed(world: World) -> None:
    world.broker.userinfo_status = 401
    token = world.access_token()

    assert await world.refuses(token) == "refused_by_broker"
    assert await world.refuses(token) == "refused_by_broker"
    assert len(world.broker.userinfo_asked) == 1


async def test_rule_28_an_outage_is_not_the_public_and_is_not_made_worse(world: World) -> None:
    world.broker.userinfo_status = 502
    for n in range(20):
        with pytest.raises(SourceUnavailable) as caught:
            await world.caller(world.access_token(sub=f"person-{n}"))
        assert caught.value.retry_after_s == 1
    assert len(world.broker.userinfo_asked) == 3

    world.clock.now += 1.1
    with pytest.raises(SourceUnavailable) as caught:
        await world.caller(world.access_token())
    assert caught.value.retry_after_s == 2
    world.broker.userinfo_status = 200
    world.clock.now += 2.1
    assert await world.caller(world.access_token())


async def test_rule_28_a_broker_has_three_seconds(world: World) -> None:
    world.broker.userinfo_delay_s = lambda: 10.0

    async with asyncio.timeout(4):
        with pytest.raises(SourceUnavailable):
            await world.caller(world.access_token())


@pytest.mark.parametrize("answer", [[], "x", {"sub": "alice", "ga4gh_passport_v1": "a.b.c"}])
async def test_rule_28_userinfo_that_is_none_is_an_outage_or_refused(
    world: World, answer: Any
) -> None:
    world.broker.people["alice"] = answer

    if isinstance(answer, dict):
        assert await world.refuses(world.access_token()) == "visas"
    else:
        with pytest.raises(SourceUnavailable):
            await world.caller(world.access_token())


async def test_rule_29_a_token_goes_to_its_own_issuer_only(world: World) -> None:
    world.broker.people["alice"] = {"sub": "alice", "ga4gh_passport_v1": [world.visa()]}
    async with MockIssuer() as other:
        await world.refuses(world.access_token(iss=other.issuer))
        await world.caller(world.access_token())

        assert (other.jwks_asked, other.userinfo_asked, other.asked_otherwise) == (0, [], [])
    assert not world.visas.userinfo_asked
    assert not world.visas.asked_otherwise
    assert world.canary.connections == 0
    (headers,) = world.broker.userinfo_asked
    assert "Cookie" not in headers
