"""Rules 30 to 42, by number: which visas count, for whom, and for how long."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.auth.callers import Visa
from beacon.auth.conditions import are_met, read_conditions
from beacon.auth.issuers import Trust
from beacon.auth.reasons import Rejected
from beacon.framework.errors import SettingsError
from tests.auth.mock_broker import DAC, DATASET, NOON, TERMS, World, compact, ec_key, signer

OWN = {"subjects_of": ""}
LINKER = {"LinkedIdentities": {"sources": [DAC]}}
DAY = 86_400


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": NOON}, "expired"),
        ({"exp": None}, "times"),
        ({"iat": None}, "times"),
        ({"iat": NOON + 61}, "times"),
        ({"nbf": NOON + 61}, "times"),
        ({"sub": None}, "subject"),
        ({"sub": ""}, "subject"),
        ({"iss": "https://evil.example/"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"ga4gh_visa_v1": None}, "format"),
        ({"ga4gh_visa_v1": []}, "format"),
    ],
)
async def test_rule_30_a_bad_visa_is_left_out_and_counted(
    world: World, claims: dict[str, Any], reason: str
) -> None:
    assert await world.values(world.visa(**claims), world.visa()) == [DATASET]
    assert world.left_out() == {reason: 1}


async def test_rule_30_a_large_visa_is_left_out(world: World) -> None:
    visas = [world.visa(filler="x" * 30_000), world.visa(filler="x" * 20_000)]
    world.broker.people["alice"] = {"sub": "alice", "ga4gh_passport_v1": visas}
    caller = await world.caller(world.access_token())

    assert len(caller.visas) == 1
    assert world.left_out() == {"size": 1}


async def test_rule_30_each_visa_is_verified(world: World) -> None:
    signed, _, _ = world.visa().rpartition(".")
    head = {"alg": "ES256", "kid": world.visas.key_id, "jku": world.visas.jwks_url}
    forged = compact(head, {"iss": world.visas.issuer}, signer(ec_key()))

    assert await world.values(f"{signed}.AAAA", f"{signed}.", "nonsense", forged) == []
    assert await world.values(world.visa({"alg": "none"})) == []
    assert await world.values(world.visa({"alg": "RS256"})) == []
    assert await world.values(world.visa({"typ": "at+jwt"})) == []
    assert await world.values(world.visa({"typ": "vnd.ga4gh.passport+jwt"})) == []
    assert len(await world.values(world.visa({"typ": None}), world.visa({"typ": "JWT"}))) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"source": "https://dac.elsewhere.example"}, "source"),
        ({"source": f"{DAC}/"}, "source"),
        ({"source": DAC.upper()}, "source"),
        ({"type": "controlledaccessgrants"}, "visa_type"),
        ({"type": "https://example.org/visas/custom"}, "visa_type"),
        ({"type": "LinkedIdentities"}, "visa_type"),
        ({"by": "self"}, "by"),
        ({"type": "ResearcherStatus", "by": "friend"}, "by"),
    ],
)
async def test_rule_31_a_visa_needs_trust_in_its_issuer_for_its_source(
    world: World, content: dict[str, Any], reason: str
) -> None:
    assert await world.values(world.visa(None, content)) == []
    assert world.left_out() == {reason: 1}
    assert world.visas.jwks_asked == 0


async def test_rule_31_and_in_the_broker_that_hands_it_on() -> None:
    elsewhere = {
        "issuer": "https://other.example.org/",
        "jwks_url": "https://other.example.org/jwks",
        "visas_from": ["passport"],
        "audience_required": False,
    }
    async with World(
        visas_changes={"brokers": ["other"]}, other_brokers={"other": elsewhere}
    ) as world:
        assert await world.values(world.visa()) == []
        assert world.left_out() == {"broker": 1}
    with pytest.raises(SettingsError, match="names the broker 'nobody'"):
        Trust.from_settings(World(visas_changes={"brokers": ["nobody"]}).settings())


@pytest.mark.parametrize(
    ("header", "claims", "reason"),
    [
        ({"jku": None}, {}, "key_url"),
        ({"jku": None}, {"scope": "openid"}, "key_url"),
        ({}, {"scope": "openid"}, "scope"),
        ({}, {"scope": "email openid"}, "scope"),
        ({}, {"scope": ["openid"]}, "scope"),
    ],
)
async def test_rule_32_a_visa_is_a_document_not_an_access_token(
    world: World, header: dict[str, Any], claims: dict[str, Any], reason: str
) -> None:
    """Rule 33, on the age of visas that are access tokens, has nothing left to say."""
    assert await world.values(world.visa(header, **claims)) == []
    assert world.left_out() == {reason: 1}


@pytest.mark.parametrize("name", ["type", "asserted", "value", "source", "by"])
async def test_rule_34_a_visa_says_all_that_it_has_to(world: World, name: str) -> None:
    assert await world.values(world.visa(None, {name: None})) == []
    assert await world.values(world.visa(None, {name: ["x"]})) == []


async def test_rule_34_a_visa_by_nobody_satisfies_no_rule_that_names_one(world: World) -> None:
    status = {"type": "ResearcherStatus", "value": TERMS, "by": None}
    terms = {"type": "AcceptedTermsAndPolicies", "value": TERMS, "by": None}
    caller = await world.caller(world.passport(world.visa(None, status), world.visa(None, terms)))

    assert [(visa.type, visa.by) for visa in caller.visas] == [("ResearcherStatus", None)]
    assert world.left_out() == {"by": 1}


@pytest.mark.parametrize(
    ("asserted", "exp", "expires"),
    [
        (NOON + 61, NOON + DAY, None),
        (NOON, NOON + DAY, NOON + DAY),
        (NOON - 9 * DAY, NOON + 2 * DAY, NOON + DAY),
        (NOON - 10 * DAY, NOON + 2 * DAY, None),
        (-1, NOON + DAY, None),
        ("yesterday", NOON + DAY, None),
    ],
)
async def test_rule_35_a_visa_holds_until_it_expires_or_is_too_old(
    asserted: Any, exp: float, expires: float | None
) -> None:
    rule = {"ControlledAccessGrants": {"sources": [DAC], "by": ["dac"], "max_age_days": 10}}
    async with World(may_assert=rule) as world:
        visa = world.visa(None, {"asserted": asserted}, exp=exp)
        caller = await world.caller(world.passport(visa))

        assert [visa.expires for visa in caller.visas] == ([expires] if expires else [])


async def test_rule_35_of_several_visas_the_first_to_expire_says_when_to_decide_anew(
    world: World,
) -> None:
    token = world.passport(
        world.visa(exp=NOON + 100), world.visa(None, {"value": "other"}, exp=NOON + 200)
    )
    assert (await world.caller(token)).expires == NOON + 100

    world.clock.now = NOON + 100
    caller = await world.caller(token)
    assert ([visa.value for visa in caller.visas], caller.expires) == (["other"], NOON + 200)
    world.clock.now = NOON + 200
    caller = await world.caller(token)
    assert (caller.visas, caller.expires) == ((), NOON + 3600)


@pytest.mark.parametrize(
    "value",
    [
        f"https://evil.example/x/{DATASET}",
        f"{DATASET}/",
        DATASET.upper(),
        DATASET.replace("1", "%31"),
        DATASET.replace("e", "\N{CYRILLIC SMALL LETTER IE}"),
        f" {DATASET}",
    ],
)
async def test_rule_36_values_are_handed_on_as_they_are(world: World, value: str) -> None:
    assert await world.values(world.visa(None, {"value": value})) == [value]
    assert DATASET not in await world.values(world.visa(None, {"value": value}))
    assert world.canary.connections == 0


@pytest.mark.parametrize("value", ["a" * 256, "", f"{DATASET}\n", f"{DATASET}\0"])
async def test_rule_36_values_are_short_texts(world: World, value: str) -> None:
    assert await world.values(world.visa(None, {"value": value})) == []


AFFILIATION = {"type": "AffiliationAndRole", "value": "faculty@uni.example", "by": "so"}


@pytest.mark.parametrize(
    ("conditions", "met"),
    [
        ([], True),
        ([[{"type": "AffiliationAndRole", "value": "const:faculty@uni.example"}]], True),
        ([[{"type": "AffiliationAndRole", "value": "const:faculty@uni.exampl"}]], False),
        ([[{"type": "AffiliationAndRole", "value": "const:Faculty@uni.example"}]], False),
        ([[{"type": "AffiliationAndRole", "value": "pattern:facult?@*"}]], True),
        ([[{"type": "AffiliationAndRole", "value": "pattern:*@uni?example*"}]], True),
        ([[{"type": "AffiliationAndRole", "value": "pattern:@*"}]], False),
        ([[{"type": "AffiliationAndRole", "value": "split_pattern:*@uni.*"}]], True),
        ([[{"type": "AffiliationAndRole", "value": "regex:.*"}]], False),
        ([[{"type": "AffiliationAndRole", "value": "faculty@uni.example"}]], False),
        ([[{"type": "AffiliationAndRole", "by": "const:so", "source": f"const:{DAC}"}]], True),
        ([[{"type": "AffiliationAndRole", "by": "const:system"}]], False),
        ([[{"type": "ResearcherStatus", "by": "pattern:*"}]], False),
        (
            [
                [
                    {"type": "AffiliationAndRole", "by": "const:so"},
                    {"type": "ResearcherStatus", "by": "const:so"},
                ]
            ],
            False,
        ),
        (
            [
                [{"type": "ResearcherStatus", "by": "const:so"}],
                [{"type": "AffiliationAndRole", "by": "const:so"}],
            ],
            True,
        ),
        # About themselves, about what has conditions itself, or malformed.
        ([[{"type": "ControlledAccessGrants", "by": "const:dac"}]], False),
        ([[{"type": "AffiliationAndRole"}]], False),
        ([[{"value": "pattern:*", "by": "pattern:*"}]], False),
        ([[{"type": "AffiliationAndRole", "asserted": "pattern:*"}]], False),
        ([[{"type": "AffiliationAndRole", "conditions": "pattern:*"}]], False),
        ([[{"type": "AffiliationAndRole", "by": ["const:so"]}]], False),
        ([[]], False),
        ([{"type": "AffiliationAndRole", "by": "const:so"}], False),
        ({}, False),
        ("", False),
        (None, False),
        ([[{"type": "AffiliationAndRole", "by": "const:so"}] * 65], False),
    ],
)
async def test_rule_37_a_visa_with_conditions_counts_when_they_are_met(
    world: World, conditions: Any, met: bool
) -> None:
    grant = world.visa(None, {"conditions": conditions}) if conditions is not None else None
    if grant is None:
        content = {"type": "ControlledAccessGrants", "asserted": NOON, "value": DATASET}
        grant = world.visa(
            ga4gh_visa_v1={**content, "source": DAC, "by": "dac", "conditions": None}
        )
    values = await world.values(grant, world.visa(None, AFFILIATION))

    assert (DATASET in values) == met


async def test_rule_37_conditions_are_met_by_valid_visas_of_the_same_person(world: World) -> None:
    wanted = [[{"type": "AffiliationAndRole", "value": "pattern:*"}]]
    grant = world.visa(None, {"conditions": wanted})
    conditional = {**AFFILIATION, "conditions": []}

    assert DATASET not in await world.values(grant)
    assert DATASET not in await world.values(grant, world.visa(None, AFFILIATION, sub="bob"))
    assert DATASET not in await world.values(grant, world.visa(None, AFFILIATION, exp=NOON))
    assert DATASET not in await world.values(grant, world.visa(None, conditional))
    leaving = world.passport(grant, world.visa(None, AFFILIATION, exp=NOON + 100))
    assert DATASET in [visa.value for visa in (await world.caller(leaving)).visas]
    world.clock.now = NOON + 100
    assert (await world.caller(leaving)).visas == ()


@given(pattern=st.text("ab*?", max_size=8), value=st.text("ab;", max_size=8))
def test_rule_37_patterns_match_as_their_definition_says(pattern: str, value: str) -> None:
    def matches(pattern: str, value: str) -> bool:
        if not pattern:
            return not value
        if pattern[0] == "*":
            return any(matches(pattern[1:], value[n:]) for n in range(len(value) + 1))
        return bool(value) and pattern[0] in ("?", value[0]) and matches(pattern[1:], value[1:])

    def is_met(kind: str) -> bool:
        clause = {"type": "T", "value": f"{kind}:{pattern}"}
        return are_met(read_conditions([[clause]]), [visa(value)])

    assert is_met("pattern") == matches(pattern, value)
    assert is_met("split_pattern") == any(matches(pattern, part) for part in value.split(";"))


def test_rule_37_no_pattern_takes_long() -> None:
    conditions = read_conditions([[{"type": "T", "value": "pattern:" + "*a" * 120 + "b"}]])
    started = time.perf_counter()

    assert not are_met(conditions, [visa("a" * 255)])
    assert time.perf_counter() - started < 0.05
    with pytest.raises(Rejected):
        read_conditions([[{"type": "T", "value": "pattern:" + "*a" * 600}]])


def visa(value: str) -> Visa:
    return Visa(
        type="T", value=value, source=DAC, by=None, asserted=NOON, expires=NOON, issuer="rems"
    )


def link(world: World, one: tuple[str, str], *others: tuple[str, str], **content: Any) -> str:
    """A visa that says these are accounts of one person; `one` must be the visa issuer's."""
    value = ";".join(f"{quote(sub, safe='')},{quote(iss, safe='')}" for iss, sub in others)
    return world.visa(
        None, {"type": "LinkedIdentities", "value": value, "by": "system", **content}, sub=one[1]
    )


async def test_rule_38_the_visa_of_somebody_else_is_ignored(world: World) -> None:
    assert await world.values(world.visa(sub="bob")) == []
    assert await world.values(world.visa(sub="Alice")) == []
    assert await world.values(world.visa(sub="alice")) == [DATASET]


async def test_rule_38_a_name_of_another_namespace_is_somebody_else() -> None:
    async with World(visas_changes=OWN, may_assert=LINKER) as world:
        alice = (world.broker.issuer, "alice")
        own = (world.visas.issuer, "a/1;x,y")

        assert await world.values(world.visa(sub="alice")) == []
        assert await world.values(world.visa(sub=own[1]), link(world, own, alice)) == [DATASET]
        caller = await world.caller(world.passport(link(world, own, alice)))
        assert (caller.linked, caller.visas) == ((own,), ())


async def test_rule_38_a_link_by_somebody_who_is_not_trusted_with_it_is_ignored() -> None:
    async with World(visas_changes=OWN) as world:
        alice, own = (world.broker.issuer, "alice"), (world.visas.issuer, "a1")
        assert await world.values(world.visa(sub="a1"), link(world, own, alice)) == []
    async with World(visas_changes=OWN, may_assert=LINKER) as world:
        alice, own = (world.broker.issuer, "alice"), (world.visas.issuer, "a1")
        grant = world.visa(sub="a1")
        self_signed = compact(
            {"alg": "ES256", "kid": world.visas.key_id, "jku": world.visas.jwks_url},
            {"iss": world.visas.issuer},
            signer(ec_key()),
        )
        conditions = [[{"type": "ControlledAccessGrants", "by": "const:dac"}]]
        for bad in (
            self_signed,
            link(world, own, alice, source="https://elsewhere.example"),
            link(world, own, alice, conditions=conditions),
            link(world, own, (world.broker.issuer, "alic")),
            link(world, own, alice, value=f"alice,{world.broker.issuer},x"),
            link(world, own, alice, value="alice"),
            link(world, own, alice, value="%ff,x"),
            link(world, own, alice, asserted=NOON - 366 * DAY),
        ):
            assert await world.values(grant, bad) == []


@pytest.mark.parametrize(("links", "found"), [(1, True), (2, True), (3, True), (4, False)])
async def test_rule_38_chains_of_links_are_followed_three_far(links: int, found: bool) -> None:
    async with World(visas_changes=OWN, may_assert=LINKER) as world:
        names = [(world.visas.issuer, f"a{n}") for n in range(1, links + 1)]
        accounts = [(world.broker.issuer, "alice"), *names]
        chain = [link(world, one, other) for other, one in pairwise(accounts)]

        values = await world.values(world.visa(sub=names[-1][1]), *reversed(chain))
        assert values == [DATASET] * found


async def test_rule_39_terms_and_status_count_for_one_person_with_their_versions(
    world: World,
) -> None:
    """Whether both name the same version is for the policy to say: here is what it needs."""
    status = {"type": "ResearcherStatus", "value": TERMS, "by": "so"}
    terms = {"type": "AcceptedTermsAndPolicies", "value": f"{TERMS}/v2", "by": "self"}
    token = world.passport(
        world.visa(None, status),
        world.visa(None, terms),
        world.visa(None, {**terms, "value": TERMS}, sub="bob"),
        world.visa(None, {**terms, "value": TERMS}, exp=NOON - 1),
    )
    caller = await world.caller(token)

    assert [(visa.type, visa.value, visa.by) for visa in caller.visas] == [
        ("ResearcherStatus", TERMS, "so"),
        ("AcceptedTermsAndPolicies", f"{TERMS}/v2", "self"),
    ]


async def test_rule_40_no_committee_grants_the_data_of_another() -> None:
    """The issuer is believed for its own sources only, and by a committee."""
    other = "https://dac.other.example"
    rule = {"ControlledAccessGrants": {"sources": [other], "by": ["dac"]}}
    async with World(may_assert=rule) as world:
        assert await world.values(world.visa()) == []
        caller = await world.caller(world.passport(world.visa(None, {"source": other})))
        (granted,) = caller.visas
        assert (granted.source, granted.by, granted.issuer) == (other, "dac", "rems")


async def test_rule_41_nothing_of_a_visa_is_logged(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "https://secret.example/dataset"
    bad = world.visa(None, {"value": secret, "source": secret}, sub="secret-person")
    await world.values(bad, world.visa(None, {"value": secret}))
    logged = "".join(capfd.readouterr())

    assert "visa_left_out" in logged
    assert "rems" in logged
    assert "secret" not in logged
    assert bad not in logged


async def test_rule_42_revoked_visas_and_people_count_for_nothing() -> None:
    async with World(
        changes={"revoked_ids": ["void"]},
        visas_changes={**OWN, "revoked_subjects": ["a1"]},
        may_assert=LINKER,
    ) as world:
        alice = (world.broker.issuer, "alice")
        barred, free = (world.visas.issuer, "a1"), (world.visas.issuer, "a2")
        barred_link, free_link = link(world, barred, alice), link(world, free, alice, barred)
        barred_grant, grant = world.visa(sub="a1"), world.visa(sub="a2")

        assert await world.values(barred_grant, barred_link) == []
        assert await world.values(grant, barred_grant, free_link) == [DATASET]
        assert await world.values(world.visa(sub="a2", jti="void"), free_link) == []
        caller = await world.caller(world.passport(free_link))
        assert caller.linked == (free,)


async def test_rule_42_a_visa_about_somebody_whom_their_broker_revoked_is_left_out() -> None:
    async with World(broker_changes={"revoked_subjects": ["bob"]}) as world:
        assert await world.values(world.visa(sub="bob"), world.visa()) == [DATASET]
        assert world.left_out() == {"revoked": 1}


async def test_rule_42_a_decision_lasts_an_hour_at_most(world: World) -> None:
    token = world.passport(world.visa(exp=NOON + 365 * DAY), exp=NOON + DAY / 2)

    assert (await world.caller(token)).expires == NOON + 3600
