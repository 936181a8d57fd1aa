"""Standing questions of a network: asked as itself, when one of its members has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from msgspec.structs import replace

from beacon import network_composition
from beacon.network.vocabulary import NO_ONTOLOGIES
from beacon.settings import Settings, SubscriptionSettings
from tests.network.identity_world import NETWORK, Client, exchange
from tests.subscriptions.standing_world import Asker, Receiver, Standing, until, wanted

OPEN = {"public": {"*": "count", "dataset": "record"}, "tiers": {}}
STATE = {"where": "fi.example", "state": "miss", "followed": True}
SILENT = {"public": {"*": "count"}, "tiers": {}}


async def settings_over(
    standing: Standing, member: dict[str, Any], dataset: dict[str, Any] = OPEN
) -> Settings:
    """Of a network over the beacon."""
    url = await standing.served(standing.settings(dataset=dataset))
    settings = standing.world.settings(
        {"fi.example": {"url": url, **member}},
        refresh_s=0.5,
        endpoints=None if "access" in member else {},
    )
    return replace(
        settings,
        portal=replace(settings.portal, enabled=False),
        subscriptions=msgspec.convert(wanted(), SubscriptionSettings),
    )


async def asker(standing: Standing, app: web.Application) -> Asker:
    """Alice, before a network that has met its member."""
    served = await standing.world.serve(app)
    await Client(standing.world.session, served).met(1)
    return standing.asker(served, audience=NETWORK)


async def network(
    standing: Standing, member: dict[str, Any], dataset: dict[str, Any] = OPEN
) -> Asker:
    settings = await settings_over(standing, member, dataset)
    app = await standing.world.stack.enter_async_context(
        network_composition.open_network_app(settings, ontologies=NO_ONTOLOGIES)
    )
    return await asker(standing, app)


async def test_a_member_that_turns_is_told_once(standing: Standing) -> None:
    alice = await network(standing, {})
    async with Receiver() as receiver:
        made = await alice.stand(webhook={"url": receiver.url})
        receiver.secret = made["webhook"]["secret"]
        standing.load(2)
        await until(lambda: bool(receiver.accepted))
    told = (await alice.inbox())["notifications"]

    assert made["states"] == [STATE]
    assert made["asksAs"] == "network"
    assert [(one["where"], one["from"]["state"], one["to"]["state"]) for one in told] == [
        ("fi.example", "miss", "hit")
    ]
    assert len(receiver.attempts) == 1


async def test_a_member_that_does_not_say_when_its_data_change_is_not_followed(
    standing: Standing,
) -> None:
    alice = await network(standing, {}, SILENT)
    made = await alice.stand()

    assert made["states"] == [{**STATE, "followed": False}]


async def test_no_token_of_the_caller_is_exchanged_for_it(standing: Standing) -> None:
    """A member that callers are introduced to is asked as the public is."""
    alice = await network(standing, {"access": exchange("fi")})
    made = await alice.stand()

    assert made["states"] == [STATE]
    assert standing.world.broker.exchanged == []


def written(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in folder.glob("subscriptions.*"))


async def test_what_stands_outlives_the_process(standing: Standing) -> None:
    """It lies in a file of `data_dir`, sealed, and goes on from there."""
    settings = await settings_over(standing, {})
    async with network_composition.open_network_app(settings, ontologies=NO_ONTOLOGIES) as app:
        made = await (await asker(standing, app)).stand(name="TP53")
    kept = written(Path(settings.data_dir))
    standing.load(1)
    async with network_composition.open_network_app(settings, ontologies=NO_ONTOLOGIES) as app:
        alice = await asker(standing, app)

        async def has_told() -> bool:
            return bool(await alice.told())

        await until(has_told)
        told = await alice.told()

    assert told == [("miss", "hit", 1)]
    assert made["id"].encode() in kept
    assert b"TP53" not in kept
    assert b"alice" not in kept


async def test_the_network_says_that_questions_can_stand(standing: Standing) -> None:
    alice = await network(standing, {})
    async with standing.world.session.get(f"{alice.url}/service-info") as response:
        offered = (await response.json())["extensions"]["subscriptions"]

    assert offered["asksAs"] == "network"
