"""Who asks a network: each member learns it by a token for it alone, or not at all."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.network.fake_members import Answers, FakeMember, Received, Says, Slow, redirects
from tests.network.identity_world import (
    ACCESS_TOKEN,
    ALL,
    EXCHANGE,
    NETWORK,
    IdentityWorld,
    Told,
    bearer,
    exchange,
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[IdentityWorld]:
    async with IdentityWorld(tmp_path) as one:
        one.grant("alice", "fi-a", "ee-a")
        one.grant("bob", "fi-b", "ee-b")
        yield one


PUBLIC = {"fi-open": (None, 0), "ee-open": (None, 0)}
ALICE = {**PUBLIC, "fi-a": (2, 2), "ee-a": (2, 2)}
BOB = {**PUBLIC, "fi-b": (3, 3), "ee-b": (3, 3)}


async def two_countries(world: IdentityWorld) -> dict[str, dict[str, object]]:
    return {
        code: {"url": await world.beacon(code), "access": exchange(code)} for code in ("fi", "ee")
    }


async def test_each_caller_is_told_what_members_tell_that_caller(world: IdentityWorld) -> None:
    network = await world.network(await two_countries(world))
    alice, bob = world.broker.access_token("alice"), world.broker.access_token("bob")

    assert (await network.told()).datasets == PUBLIC
    assert (await network.told(alice)).datasets == ALICE
    assert (await network.told(bob)).datasets == BOB
    assert (await network.told()).datasets == PUBLIC


async def test_a_token_is_asked_for_as_the_standards_say(world: IdentityWorld) -> None:
    url = await world.beacon("fi")
    network = await world.network(
        {"fi": {"url": url, "access": exchange("fi", resource="https://fi.example/api")}}
    )
    token = world.broker.access_token("alice")

    await network.told(token)

    (sent,) = world.broker.exchanged
    assert sent.form["grant_type"] == EXCHANGE
    assert sent.form["subject_token"] == token
    assert sent.form["subject_token_type"] == ACCESS_TOKEN
    assert sent.form["requested_token_type"] == ACCESS_TOKEN
    assert sent.form["audience"] == "urn:fi"
    assert sent.form["resource"] == "https://fi.example/api"
    assert sent.form["scope"] == "openid ga4gh_passport_v1"


async def test_two_callers_by_the_hundred_never_get_each_others_answers(
    world: IdentityWorld,
) -> None:
    chance = random.Random(7)
    world.broker.delay_s = lambda: chance.random() / 20
    world.broker.userinfo_delay_s = lambda: chance.random() / 20
    network = await world.network(await two_countries(world), stale_s=60)
    tokens = {one: [world.broker.access_token(one) for _ in range(10)] for one in ("alice", "bob")}
    expected = {"alice": ALICE, "bob": BOB, "": PUBLIC}
    who = ["alice", "bob", "", "bob", "alice"] * 60
    gate = asyncio.Semaphore(20)

    async def ask(person: str, number: int) -> bool:
        token = tokens[person][number % 10] if person else None
        async with gate:
            if number % 7 == 0:
                return all(
                    one.datasets == expected[person] for one in await network.batch(token, 3)
                )
            return (await network.told(token)).datasets == expected[person]

    right = await asyncio.gather(*(ask(one, number) for number, one in enumerate(who)))

    assert all(right), Counter(right)


async def test_a_hundred_questions_at_once_exchange_once_for_each_member(
    world: IdentityWorld,
) -> None:
    world.broker.delay_s = lambda: 0.2
    network = await world.network(await two_countries(world))
    token = world.broker.access_token("alice")

    told = await asyncio.gather(*(network.told(token) for _ in range(100)))

    assert all(one.datasets == ALICE for one in told)
    assert sorted(one.form["audience"] for one in world.broker.exchanged) == ["urn:ee", "urn:fi"]


async def test_a_hundred_callers_at_once_exchange_once_each(world: IdentityWorld) -> None:
    url = await world.beacon("fi")
    network = await world.network({"fi": {"url": url, "access": exchange("fi")}})
    tokens = [world.broker.access_token("alice") for _ in range(100)]

    told = await asyncio.gather(*(network.told(one) for one in tokens for _ in range(2)))

    assert {one.states["fi"] for one in told} == {"hit"}
    assert all("fi-a" in one.datasets for one in told)
    shown = Counter(one.form["subject_token"] for one in world.broker.exchanged)
    assert shown == dict.fromkeys(tokens, 1)
    assert world.broker.most_under_way <= 16


async def test_a_member_that_is_not_to_know_gets_nothing_of_the_caller(
    world: IdentityWorld,
) -> None:
    async with FakeMember("canary") as canary:
        network = await world.network(
            {
                "fi": {"url": await world.beacon("fi"), "access": exchange("fi")},
                "canary": {"url": canary.url},
            }
        )
        await network.told()
        public = _headers(canary)
        token = world.broker.access_token("alice")
        await network.told(token, X_Beacon_Purpose="DUO:0000043")
        await network.batch(token, 3)
        async with network.stream(token) as stream:
            await stream.read()

        assert _headers(canary) == public
        sent = repr([(one.headers, one.body, one.query) for one in canary.received])
    (given,) = {one.token for one in world.broker.exchanged}
    for secret in (token, given, token.split(".")[1], "alice", "DUO:0000043"):
        assert secret not in sent


def asked_of(fake: FakeMember) -> list[Received]:
    """The questions that a member was put."""
    return [one for one in fake.questions if one.path in ("/individuals", "/batch")]


def _headers(fake: FakeMember) -> set[str]:
    return {name.lower() for one in asked_of(fake) for name in one.headers}


async def test_the_callers_token_reaches_the_token_endpoint_and_nobody_else(
    world: IdentityWorld,
) -> None:
    async with FakeMember("fi") as fi, FakeMember("ee") as ee:
        network = await world.network(
            {
                "fi": {"url": fi.url, "access": exchange("fi")},
                "ee": {"url": ee.url, "access": exchange("ee")},
            }
        )
        token = world.broker.access_token("alice")
        await network.told(token, X_Beacon_Purpose="DUO:0000043; project 7")

        received = [*fi.received, *ee.received]
        by_audience = {one.form["audience"]: one.token for one in world.broker.exchanged}
        assert not any(token in repr((one.headers, one.body)) for one in received)
        for fake, audience in ((fi, "urn:fi"), (ee, "urn:ee")):
            (asked,) = asked_of(fake)
            assert asked.headers["Authorization"] == f"Bearer {by_audience[audience]}"
            assert asked.headers["X-Beacon-Purpose"] == "DUO:0000043"
    assert world.broker.userinfo_asked == []
    assert world.visas.asked_otherwise == []


async def test_an_exchanged_token_is_not_sent_where_a_member_points(world: IdentityWorld) -> None:
    async with FakeMember("elsewhere") as elsewhere:
        behaviour = redirects(f"{elsewhere.url}/individuals")
        async with FakeMember("fi", behaviour) as fi:
            network = await world.network({"fi": {"url": fi.url, "access": exchange("fi")}})
            told = await network.told(world.broker.access_token("alice"))

        assert told.states == {"fi": "badResponse"}
        assert elsewhere.received == []


async def test_no_member_is_asked_as_the_public_in_place_of_a_caller(world: IdentityWorld) -> None:
    """Whatever the broker does; others are answered as ever."""
    garbage = web.Response(text="<html>", content_type="text/html")
    moved = web.Response(status=307, headers={"Location": world.visas.url})
    denied = web.json_response({"error": "access_denied"}, status=403)
    failing = web.Response(status=500, text="Traceback")
    not_bearer = web.json_response({"access_token": "abcdefghij", "token_type": "N_A"})
    split = web.json_response({"access_token": "abcd\r\nX: yz", "token_type": "Bearer"})
    outcomes = {}
    async with FakeMember("fi") as fi, FakeMember("se") as se:
        network = await world.network(
            {"fi": {"url": fi.url, "access": exchange("fi")}, "se": {"url": se.url}}
        )
        for name, answer in {
            "denied": denied,
            "garbage": garbage,
            "moved": moved,
            "failing": failing,
            "not bearer": not_bearer,
            "split": split,
        }.items():
            world.broker.answer = lambda _, answer=answer: web.Response(
                status=answer.status, body=answer.body, headers=answer.headers
            )
            told = await network.told(world.broker.access_token("alice"))
            assert told.states["se"] == "hit"
            outcomes[name] = told.states["fi"]
            assert told.reasons["fi"].startswith("the identity provider")

        assert asked_of(fi) == []
    assert outcomes == {
        "denied": "restricted",
        "garbage": "unreachable",
        "moved": "unreachable",
        "failing": "unreachable",
        "not bearer": "unreachable",
        "split": "unreachable",
    }
    assert world.visas.asked_otherwise == []


async def test_a_broker_that_hangs_costs_its_member_and_no_time(world: IdentityWorld) -> None:
    async with FakeMember("fi") as fi, FakeMember("se") as se:
        network = await world.network(
            {"fi": {"url": fi.url, "access": exchange("fi")}, "se": {"url": se.url}},
            deadline_s=2.0,
        )
        world.broker.delay_s = lambda: 30.0
        started = asyncio.get_running_loop().time()
        told = await network.told(world.broker.access_token("alice"))
        took = asyncio.get_running_loop().time() - started

        assert asked_of(fi) == []
    assert told.states == {"fi": "unreachable", "se": "hit"}
    assert told.reasons["fi"] == (
        "the identity provider that gives tokens for it did not answer in time"
    )
    assert took < 2.5


async def test_a_broker_that_is_down_is_known_after_it_is_back(world: IdentityWorld) -> None:
    network = await world.network(await two_countries(world))
    token = world.broker.access_token("alice")
    assert (await network.told(token)).datasets == ALICE
    other = world.broker.access_token("alice")
    world.broker.is_down = True

    assert (await network.told(token)).datasets == ALICE  # what was exchanged holds on
    down = await network.told(other)
    assert set(down.states.values()) == {"unreachable"}
    assert (await network.told()).datasets == PUBLIC
    world.broker.is_down = False
    for _ in range(100):
        back = await network.told(other)
        if back.datasets == ALICE:
            return
        await asyncio.sleep(0.2)
    pytest.fail(f"still {back}")


@pytest.mark.parametrize(
    "audience",
    ["urn:ee", ["urn:fi", "urn:ee"], ["urn:fi", NETWORK], "urn:fi ", [], {"urn:fi": 1}],
    ids=str,
)
async def test_a_token_that_is_good_elsewhere_is_not_shown(
    world: IdentityWorld, audience: object
) -> None:
    async with FakeMember("fi") as fi, FakeMember("ee") as ee:
        network = await world.network(
            {
                "fi": {"url": fi.url, "access": exchange("fi")},
                "ee": {"url": ee.url, "access": exchange("ee")},
            }
        )
        world.broker.audience_of = lambda asked: audience if asked == "urn:fi" else asked
        told = await network.told(world.broker.access_token("alice"))

        assert asked_of(fi) == []
    assert told.states == {"fi": "restricted", "ee": "hit"}
    assert told.reasons["fi"] == "the identity provider gave a token that is not for it alone"


async def test_a_broker_that_hands_the_callers_token_back_is_not_believed(
    world: IdentityWorld,
) -> None:
    async with FakeMember("fi") as fi:
        network = await world.network({"fi": {"url": fi.url, "access": exchange("fi")}})
        world.broker.answer = lambda form: web.json_response(
            {"access_token": form["subject_token"], "token_type": "Bearer"}
        )
        opaque = "opaque-token-1234567890"
        told = await network.told(world.broker.access_token("alice", [NETWORK, "urn:fi"]))
        assert told.states == {"fi": "restricted"}
        world.broker.answer = lambda _: web.json_response(
            {"access_token": opaque, "token_type": "bearer", "expires_in": 60}
        )
        told = await network.told(world.broker.access_token("alice"))

        assert told.states == {"fi": "hit"}
        (asked,) = asked_of(fi)
        assert asked.headers["Authorization"] == f"Bearer {opaque}"


async def test_credentials_that_are_not_valid_are_refused_as_by_a_beacon(
    world: IdentityWorld,
) -> None:
    url = await world.beacon("fi")
    network = await world.network({"fi": {"url": url, "access": exchange("fi")}})
    for token in (
        "nonsense",
        world.broker.access_token("alice", "urn:elsewhere"),
        world.broker.access_token("alice", exp=1000, iat=0),
    ):
        refused = await world.session.get(network.url + ALL, headers=bearer(token))
        by_beacon = await world.session.get(url + ALL, headers=bearer(token))
        assert refused.status == by_beacon.status == 401
        assert (await refused.json())["error"] == (await by_beacon.json())["error"]
        assert refused.headers["WWW-Authenticate"] == by_beacon.headers["WWW-Authenticate"]
    assert world.broker.exchanged == []
    status, document = await network.get(ALL, None, X_Beacon_Purpose="because")
    assert status == 400, document


@pytest.mark.parametrize("status", [401, 403])
async def test_a_member_that_refuses_is_restricted_and_echoes_nothing(
    world: IdentityWorld, status: int
) -> None:
    async with FakeMember("fi") as fi:
        network = await world.network({"fi": {"url": fi.url, "access": exchange("fi")}})

        token = world.broker.access_token("alice")
        fi.behaviour = _Echoes(status)
        told = await network.told(token)
        (given,) = (one.token for one in world.broker.exchanged)
        fi.behaviour = _Echoes(500)
        failed = await network.told(token)
        fi.behaviour = _Echoes(200)
        repeated = await network.told(token)

    assert told.states == {"fi": "restricted"}
    assert failed.states == {"fi": "badResponse"}
    assert repeated.states == {"fi": "badResponse"}
    for one in (told, failed, repeated):
        assert given[-12:] not in repr(one)
        assert given[:30] not in repr(one)


async def test_a_beacon_that_refuses_the_token_is_restricted_in_a_batch_too(
    world: IdentityWorld,
) -> None:
    """A token that says nothing of whom it is for: beacons of ours take none such."""
    network = await world.network(await two_countries(world))
    world.broker.audience_of = lambda asked: asked if asked == "urn:ee" else None
    token = world.broker.access_token("alice")

    told = [await network.told(token), *await network.batch(token, 3)]

    for one in told:
        assert one.states == {"fi": "restricted", "ee": "hit"}
        assert set(one.datasets) == {"ee-open", "ee-a"}
    assert told[0].reasons["fi"] == "does not accept what it is shown of who asks"
    assert {one.reasons["fi"] for one in told[1:]} == {"does not tell whoever asks so"}


class _Echoes(Says):
    """Says what it was shown."""

    def __init__(self, status: int) -> None:
        super().__init__(b"", status)

    async def answer(self, fake, received, request):  # type: ignore[no-untyped-def]
        shown = received.headers["Authorization"]
        document = {"error": {"errorCode": self.status, "errorMessage": f"not {shown}"}}
        if self.status == 200:
            document = Answers(info={"seen": shown}).document(fake, "count")
        return web.json_response(document, status=self.status)


async def test_a_stream_is_taken_up_again_by_whoever_asked(world: IdentityWorld) -> None:
    members = await two_countries(world)
    async with FakeMember("slow", Slow(0.3)) as slow:
        network = await world.network({**members, "slow": {"url": slow.url}})
        alice, bob = world.broker.access_token("alice"), world.broker.access_token("bob")
        again = world.broker.access_token("alice")
        async with network.stream(alice) as stream:
            first = json.loads(await stream.content.readline())
            query_id = first["about"]["queryId"]
        path = f"/network/queries/{query_id}?after=0"

        answers = {}
        for name, token in {"alice": alice, "bob": bob, "again": again, "public": None}.items():
            async with network.stream(token, path) as stream:
                answers[name] = (stream.status, await stream.text())

    assert [answers[one][0] for one in ("bob", "again", "public")] == [404, 404, 404]
    status, text = answers["alice"]
    assert status == 200
    assert "fi-a" in text
    assert "fi-b" not in text


async def test_streams_of_two_callers_hold_their_own_answers(world: IdentityWorld) -> None:
    world.broker.delay_s = lambda: random.random() / 50
    network = await world.network(await two_countries(world))
    tokens = {one: world.broker.access_token(one) for one in ("alice", "bob")}

    async def ask(person: str) -> tuple[str, str]:
        async with network.stream(tokens.get(person)) as stream:
            return person, await stream.text()

    for person, text in await asyncio.gather(*(ask(one) for one in ["alice", "bob", ""] * 20)):
        assert ("fi-a" in text) is (person == "alice")
        assert ("ee-b" in text) is (person == "bob")
        assert "fi-open" in text


async def test_a_stale_answer_is_of_whoever_asks(world: IdentityWorld) -> None:
    async with FakeMember("fi", Answers({"for-alice": 7})) as fi:
        network = await world.network(
            {"fi": {"url": fi.url, "access": exchange("fi")}}, stale_s=600
        )
        alice, bob = world.broker.access_token("alice"), world.broker.access_token("bob")
        assert (await network.told(alice)).datasets["for-alice"] == (7, 0)
        await fi.stop()

        stale = await network.told(alice)
        assert stale.states == {"fi": "stale"}
        assert "for-alice" in stale.datasets
        for other in (bob, None, world.broker.access_token("alice")):
            assert (await network.told(other)).states == {"fi": "unreachable"}


async def test_a_token_that_ends_is_exchanged_anew(world: IdentityWorld) -> None:
    world.broker.lifetime_s = 2
    async with FakeMember("fi") as fi:
        network = await world.network({"fi": {"url": fi.url, "access": exchange("fi")}})
        world.broker.lifetime_s = 3600
        token = world.broker.access_token("alice")
        world.broker.lifetime_s = 2
        await network.told(token)
        await network.told(token)
        assert len(world.broker.exchanged) == 1
        await asyncio.sleep(1.7)
        await network.told(token)

        assert len(world.broker.exchanged) == 2
        shown = [one.headers["Authorization"] for one in asked_of(fi)]
    assert shown[0] == shown[1] != shown[2]


async def test_equal_questions_of_the_public_are_one_and_those_of_callers_are_not(
    world: IdentityWorld,
) -> None:
    async with FakeMember("fi", Slow(0.3)) as fi, FakeMember("se", Slow(0.3)) as se:
        network = await world.network(
            {"fi": {"url": fi.url, "access": exchange("fi")}, "se": {"url": se.url}}
        )
        tokens = [world.broker.access_token(one) for one in ("alice", "bob")]
        for one in tokens:
            await network.told(one)
        before = len(asked_of(fi)), len(asked_of(se))
        await asyncio.gather(*(network.told(one) for one in [None, None, *tokens, *tokens]))

        assert len(asked_of(fi)) - before[0] == 3
        assert len(asked_of(se)) - before[1] == 1


async def test_a_nested_network_exchanges_for_its_own_members(world: IdentityWorld) -> None:
    inner = await world.network(
        {"fi": {"url": await world.beacon("fi"), "access": exchange("fi")}},
        network_id="inner.example.network",
        audience="urn:inner",
    )
    outer = await world.network({"inner": {"url": inner.url, "access": exchange("inner")}})
    token = world.broker.access_token("alice")

    told = await outer.told(token)

    assert set(told.datasets) == {"fi-open", "fi-a"}
    first, second = world.broker.exchanged
    assert first.form["subject_token"] == token
    assert first.form["audience"] == "urn:inner"
    assert second.form["subject_token"] == first.token
    assert second.form["audience"] == "urn:fi"


async def test_a_credential_of_the_network_is_for_callers_who_show_something(
    world: IdentityWorld, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("first-token-of-ours\n")
    file.chmod(0o600)
    async with FakeMember("fi") as fi, FakeMember("ee") as ee:
        network = await world.network(
            {
                "fi": {"url": fi.url, "access": {"via": "credential", "token_file": str(file)}},
                "ee": {
                    "url": ee.url,
                    "access": {
                        "via": "credential",
                        "token_endpoint": "login",
                        "audience": "urn:ee",
                        "public": True,
                    },
                },
            }
        )
        token = world.broker.access_token("alice")
        await network.told()
        await network.told(token)

        assert "Authorization" not in asked_of(fi)[0].headers
        assert asked_of(fi)[1].headers["Authorization"] == "Bearer first-token-of-ours"
        (own,) = world.broker.exchanged
        assert own.form["grant_type"] == "client_credentials"
        assert own.form["audience"] == "urn:ee"
        assert "subject_token" not in own.form
        assert {one.headers["Authorization"] for one in asked_of(ee)} == {f"Bearer {own.token}"}
        file.write_text("second-token-of-ours\n")
        await asyncio.sleep(4.2)
        await network.told(token)
        assert asked_of(fi)[-1].headers["Authorization"] == "Bearer second-token-of-ours"


async def test_what_a_network_says_of_itself(world: IdentityWorld) -> None:
    async with FakeMember("se") as se:
        network = await world.network(
            {
                "fi": {"url": await world.beacon("fi"), "access": exchange("fi")},
                "se": {"url": se.url},
            }
        )
        _, service = await network.get("/service-info")
        _, configuration = await network.get("/configuration")
        _, members = await network.get("/network/members")

    assert service["security"]["credentials"] == ["bearer"]
    assert service["security"]["issuers"] == [world.broker.issuer]
    assert configuration["response"]["securityAttributes"]["securityLevels"] == [
        "PUBLIC",
        "REGISTERED",
        "CONTROLLED",
    ]
    assert {one["id"]: one["askedAs"] for one in members["response"]["members"]} == {
        "fi": "caller",
        "se": "public",
    }


async def test_nothing_secret_is_logged_or_kept(
    world: IdentityWorld, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    network = await world.network(await two_countries(world))
    token = world.broker.access_token("alice")
    await network.told(token)
    world.broker.answer = lambda form: web.json_response(
        {"error": form["subject_token"], "error_description": form["subject_token"]}, status=400
    )
    refused = world.broker.access_token("alice")
    told: Told = await network.told(refused)
    world.broker.answer = lambda form: web.Response(status=500, text=form["subject_token"])
    failed = world.broker.access_token("alice")
    await network.told(failed)

    logged = "".join(capfd.readouterr())
    assert set(told.states.values()) == {"restricted"}
    written = kept_in(tmp_path)
    for secret in (token, refused, failed, *(one.token for one in world.broker.exchanged)):
        if secret:
            assert secret.rpartition(".")[2] not in logged
            assert secret.rpartition(".")[2].encode() not in written
    assert refused not in repr(told)
    assert "token_not_issued" in logged


def kept_in(folder: Path) -> bytes:
    """All that was written into files, but for the key of the network."""
    files = [one for one in folder.rglob("*") if one.is_file() and one.name != "key.pem"]
    return b"".join(one.read_bytes() for one in files)
