"""Standing questions of a beacon, over HTTP and on a real database."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pymongo
import pytest
from msgspec.structs import replace

from beacon import composition
from beacon.framework.errors import SettingsError
from beacon.settings import AuthSettings, Settings, SubscriptionSettings
from tests.network.identity_world import bearer
from tests.subscriptions.standing_world import (
    ASKED,
    OTHER,
    QUESTION,
    SOON,
    Document,
    Receiver,
    Standing,
    until,
)


async def test_a_release_that_adds_the_variant_is_told_once(standing: Standing) -> None:
    alice = standing.asker(await standing.served())
    async with Receiver() as receiver:
        made = await alice.stand(name="TP53", webhook={"url": receiver.url})
        receiver.secret = made["webhook"]["secret"]
        first = await alice.told()
        standing.load(2)
        await until(lambda: bool(receiver.accepted))
        standing.load(1, OTHER)
        await standing.asked_again()
        told = await alice.told()
        await until(lambda: delivered(alice))

    assert made["states"] == [{"where": "ds", "state": "miss", "followed": True}]
    assert first == []
    assert told == [("miss", "hit", 1)]
    ((message, body),) = receiver.attempts
    assert body["data"] == {"subscription": made["id"], "from": "miss", "to": "hit"}
    assert message == (await alice.inbox())["notifications"][0]["id"]
    assert "7577" not in json.dumps(body)
    assert "secret" not in json.dumps(await alice.one(made["id"]))


async def delivered(alice: Any) -> bool:
    told = (await alice.inbox())["notifications"]
    return bool(told) and all(one["webhook"]["status"] == "delivered" for one in told)


async def test_one_carrier_more_is_never_told(standing: Standing) -> None:
    """Neither within a class nor from nine people to ten; five more are."""
    standing.load(8)
    alice = standing.asker(await standing.served())
    made = await alice.stand()
    for _ in range(2):
        standing.load(1)
        await standing.asked_again()
    quiet = await alice.told()
    shown = await alice.one(made["id"])
    standing.load(4)
    await until(lambda: has_told(alice))

    assert quiet == []
    assert shown["states"] == [{"where": "ds", "state": "hit", "atLeast": 1, "followed": True}]
    assert await alice.told() == [("hit", "hit", 10)]


async def has_told(alice: Any) -> bool:
    return bool(await alice.told())


async def test_without_a_new_release_nobody_is_asked(standing: Standing) -> None:
    alice = standing.asker(await standing.served())
    await alice.stand()
    await asyncio.sleep(5 * SOON * 3600)

    assert len(standing.audited()) == 1


async def test_the_audit_says_that_it_was_a_standing_question(standing: Standing) -> None:
    alice = standing.asker(await standing.served())
    await alice.stand()
    standing.load(1)
    await standing.asked_again()
    first, again = standing.audited()[:2]

    assert again["person"] == first["person"] not in ("public", "unverified")
    assert again["request"].startswith("standing-")
    assert again["question"] == first["question"]
    assert [one["decision"] for one in again["datasets"]] == ["answered"]


async def test_a_receiver_that_is_away_is_told_later_under_the_same_id(standing: Standing) -> None:
    alice = standing.asker(await standing.served())
    async with Receiver(statuses=[500]) as receiver:
        made = await alice.stand(webhook={"url": receiver.url})
        receiver.secret = made["webhook"]["secret"]
        standing.load(1)
        await until(lambda: bool(receiver.accepted))

    assert [one for one, _ in receiver.attempts] == [receiver.accepted[0][0]] * 2


async def test_a_receiver_that_wants_no_more_shows_as_failed(standing: Standing) -> None:
    alice = standing.asker(await standing.served())
    async with Receiver(statuses=[410]) as receiver:
        made = await alice.stand(webhook={"url": receiver.url})
        receiver.secret = made["webhook"]["secret"]
        standing.load(1)
        await until(lambda: failed(alice))

    assert len(receiver.attempts) == 1


async def failed(alice: Any) -> bool:
    told = (await alice.inbox())["notifications"]
    return [one["webhook"]["status"] for one in told] == ["failed"]


async def test_what_is_paused_is_asked_only_when_resumed(standing: Standing) -> None:
    alice = standing.asker(await standing.served())
    made = await alice.stand()
    paused = await alice.change(made["id"], "paused")
    standing.load(1)
    await asyncio.sleep(5 * SOON * 3600)
    quiet = len(standing.audited())
    resumed = await alice.change(made["id"], "active")
    await until(lambda: has_told(alice))

    assert paused["status"] == "paused"
    assert quiet == 1
    assert resumed["status"] == "active"
    assert await alice.told() == [("miss", "hit", 1)]


async def test_what_is_deleted_is_gone_with_what_it_told(
    standing: Standing, mongo_uri: str, database: str
) -> None:
    alice = standing.asker(await standing.served())
    made = await alice.stand()
    standing.load(1)
    await until(lambda: has_told(alice))
    asked = len(standing.audited())
    status, _ = await alice.send("DELETE", f"/{made['id']}")
    standing.load(1, OTHER)
    await asyncio.sleep(4 * SOON * 3600)

    assert status == 204
    assert (await alice.send("GET", f"/{made['id']}"))[0] == 404
    assert await alice.told() == []
    assert len(standing.audited()) == asked
    with pymongo.MongoClient[Document](mongo_uri) as client:
        assert client[database]["subscriptions"].count_documents({}) == 0


async def test_what_has_expired_waits_until_it_is_renewed(standing: Standing) -> None:
    settings = standing.settings(rights_days=3 / 86_400)
    alice = standing.asker(await standing.served(settings))
    made = await alice.stand()
    await until(lambda: has_expired(alice, made["id"]))
    standing.load(1)
    await asyncio.sleep(4 * SOON * 3600)
    quiet = len(standing.audited())
    shown = await alice.one(made["id"])
    (attention,) = (await alice.inbox())["attention"]
    renewed = await alice.change(made["id"], "active")
    await until(lambda: has_told(alice))

    assert quiet == 1
    assert "token" in shown["reason"]
    assert attention["status"] == "expired"
    assert renewed["status"] == "active"


async def has_expired(alice: Any, subscription_id: str) -> bool:
    shown: Document = await alice.one(subscription_id)
    return bool(shown["status"] == "expired")


async def test_rights_hold_no_longer_than_the_visas(standing: Standing) -> None:
    """The visas of this world hold for two hours, whatever the settings say."""
    alice = standing.asker(await standing.served(standing.settings(rights_days=30)))
    held = (await alice.stand())["rightsHoldUntil"]

    assert held <= time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 7200))


async def test_rules_of_today_decide(standing: Standing) -> None:
    """What policy has taken away since is not told by an older standing question."""
    async with composition.open_app(standing.settings()) as app:
        alice = standing.asker(await standing.world.serve(app))
        made = await alice.stand()
    stricter = {"tiers": {"registered": {"*": "count"}}}
    standing.load(1)
    alice = standing.asker(await standing.served(standing.settings(dataset=stricter)))
    await until(lambda: has_problem(alice, made["id"]))
    shown = await alice.one(made["id"])

    assert shown["problem"]["kind"] == "notPermitted"
    assert await alice.told() == []
    assert len(standing.audited()) == 1


async def has_problem(alice: Any, subscription_id: str) -> bool:
    shown: Document = await alice.one(subscription_id)
    return "problem" in shown


async def test_an_issuer_that_is_trusted_no_more_opens_nothing(standing: Standing) -> None:
    settings = standing.settings()
    async with composition.open_app(settings) as app:
        alice = standing.asker(await standing.world.serve(app))
        made = await alice.stand()
    auth = replace(settings.auth, visa_issuers={})
    standing.load(1)
    alice = standing.asker(await standing.served(replace(settings, auth=auth)))
    await until(lambda: has_problem(alice, made["id"]))

    assert (await alice.one(made["id"]))["problem"]["kind"] == "notPermitted"


async def test_a_budget_that_is_used_up_is_said(standing: Standing) -> None:
    limited = {
        "min_count": 10,
        "accept_risk": "",
        "budgets": {"controlled": {"power": 0.2, "questions_per_month": 1}},
    }
    alice = standing.asker(await standing.served(standing.settings(dataset=limited)))
    made = await alice.stand()
    standing.load(1)
    await until(lambda: has_problem(alice, made["id"]))
    shown = await alice.one(made["id"])

    assert made["underBudget"] is True
    assert shown["problem"]["kind"] == "budgetUsedUp"
    assert "have been asked" in shown["problem"]["message"]
    assert [one["id"] for one in (await alice.inbox())["attention"]] == [made["id"]]


async def test_nobody_else_can_see_change_or_delete_it(standing: Standing) -> None:
    url = await standing.served()
    alice, bob = standing.asker(url), standing.asker(url, "bob")
    made = await alice.stand()
    standing.load(1)
    await until(lambda: has_told(alice))
    place = f"/{made['id']}"
    refused = [
        (await bob.send("GET", place))[0],
        (await bob.send("PATCH", place, {"status": "paused"}))[0],
        (await bob.send("DELETE", place))[0],
    ]

    assert refused == [404, 404, 404]
    assert (await bob.send("GET"))[1]["response"]["subscriptions"] == []
    assert (await bob.inbox())["notifications"] == []
    assert (await alice.one(made["id"]))["status"] == "active"


async def test_only_who_is_known_can_let_a_question_stand(standing: Standing) -> None:
    url = await standing.served()
    nobody, stranger = standing.asker(url, None), standing.asker(url, "carol")

    assert (await nobody.send("POST", "", QUESTION))[0] == 401
    assert (await nobody.send("GET", "/inbox"))[0] == 401
    assert (await stranger.send("POST", "", QUESTION))[0] == 403


async def test_nobody_has_more_than_the_settings_allow(standing: Standing) -> None:
    alice = standing.asker(await standing.served(standing.settings(per_caller=1)))
    await alice.stand()
    status, document = await alice.send("POST", "", QUESTION)

    assert status == 409
    assert "at most 1" in document["error"]["errorMessage"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"query": {}}, "asks for a variant"),
        ({**QUESTION, "entryType": "variants"}, "entryType"),
        ({**QUESTION, "webhook": {"url": "https://10.0.0.1/x"}}, "public address"),
        ({**QUESTION, "query": {**QUESTION["query"], "testMode": True}}, "test mode"),
        ({"query": {"case": {}}}, "case"),
        ({**QUESTION, "name": "two\nlines"}, "name"),
        ([], "the body"),
    ],
)
async def test_what_cannot_stand_is_refused(standing: Standing, body: Any, message: str) -> None:
    alice = standing.asker(await standing.served())
    status, document = await alice.send("POST", "", body)

    assert status == 400
    assert message in document["error"]["errorMessage"]


async def test_what_was_told_can_be_marked_as_read(standing: Standing) -> None:
    alice = standing.asker(await standing.served())
    made = await alice.stand()
    standing.load(1)
    await until(lambda: has_told(alice))
    unread = (await alice.one(made["id"]))["unread"]
    (told,) = (await alice.inbox("?unread=true"))["notifications"]
    status, document = await alice.send("POST", "/inbox", {"read": [told["id"]]})

    assert unread == 1
    assert status == 200
    assert document["response"]["notifications"] == []
    assert (await alice.inbox())["notifications"][0]["read"] is True
    assert (await alice.one(made["id"]))["unread"] == 0


async def test_the_database_shows_neither_the_question_nor_who_asks(
    standing: Standing, mongo_uri: str, database: str
) -> None:
    alice = standing.asker(await standing.served())
    await alice.stand(name="TP53", webhook={"url": "http://127.0.0.1:9/hook"})
    with pymongo.MongoClient[Document](mongo_uri) as client:
        (kept,) = client[database]["subscriptions"].find()
    written = b"".join(one if isinstance(one, bytes) else repr(one).encode() for one in flat(kept))

    for said in (b"alice", str(ASKED - 1).encode(), b"TP53", b"hook", b"whsec_"):
        assert said not in written


def flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [one for each in value.values() for one in flat(each)]
    return [one for each in value for one in flat(each)] if isinstance(value, list) else [value]


async def test_the_beacon_says_that_questions_can_stand(standing: Standing) -> None:
    url = await standing.served()
    async with standing.world.session.get(f"{url}/service-info") as response:
        offered = (await response.json())["extensions"]["subscriptions"]
    async with standing.world.session.get(f"{url}/openapi.json") as response:
        paths = (await response.json())["paths"]

    assert offered["url"].endswith("/api/subscriptions")
    assert offered["asksAs"] == "caller"
    assert set(paths["/subscriptions/{id}"]) == {"parameters", "get", "patch", "delete"}


async def test_they_are_off_unless_the_settings_say_otherwise(standing: Standing) -> None:
    settings = replace(standing.settings(), subscriptions=SubscriptionSettings())
    url = await standing.served(settings)
    token = standing.world.broker.access_token("alice", "urn:beacon")
    async with standing.world.session.get(f"{url}/subscriptions", headers=bearer(token)) as found:
        assert found.status == 404
    async with standing.world.session.get(f"{url}/service-info") as response:
        assert "subscriptions" not in (await response.json())["extensions"]


async def test_without_anybody_who_says_who_callers_are_they_cannot_be(standing: Standing) -> None:
    settings: Settings = replace(standing.settings(), auth=AuthSettings())
    with pytest.raises(SettingsError, match=r"auth\.brokers"):
        async with composition.open_app(settings):
            pass
