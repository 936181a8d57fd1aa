"""A patient whom nobody is similar to today, and somebody is after a release."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pymongo
import pytest
from msgspec.structs import replace

from beacon import network_composition
from beacon.framework.answer import Resource
from beacon.load.bff import load_bff
from beacon.model.ontology import Ontology, Term
from beacon.mongo.sink import MongoSink
from beacon.network.vocabulary import NO_ONTOLOGIES
from beacon.settings import SubscriptionSettings
from tests.network.identity_world import NETWORK, Client
from tests.subscriptions.standing_world import Asker, Document, Standing, until, wanted

PHENOTYPES = Ontology(
    Resource(id="hp", namespace_prefix="HP", version="1"),
    {
        "HP:0000118": Term("Phenotypic abnormality"),
        "HP:0000707": Term("Abnormality of the nervous system", ("HP:0000118",)),
        "HP:0001250": Term("Seizure", ("HP:0000707",)),
        "HP:0002373": Term("Febrile seizure", ("HP:0001250",)),
        "HP:0000478": Term("Abnormality of the eye", ("HP:0000118",)),
    },
    {"HP:0000118": 1000, "HP:0000707": 400, "HP:0001250": 60, "HP:0002373": 5, "HP:0000478": 300},
)
CASE: Document = {"query": {"case": {"features": ["HP:0002373"]}}}
OPEN = {"public": {"*": "count", "dataset": "record"}, "tiers": {}}


def people(standing: Standing, term: str, *names: str) -> None:
    """Publish a release with these people besides, who have that feature."""
    folder = standing.folder / f"bff-{names[0]}"
    folder.mkdir()
    records = [
        {
            "id": one,
            "sex": {"id": "NCIT:C16576", "label": "female"},
            "phenotypicFeatures": [{"featureType": {"id": term, "label": "feature"}}],
        }
        for one in names
    ]
    (folder / "individuals.json").write_text(json.dumps(records))
    with standing.publishing(), pymongo.MongoClient[Document](standing.uri) as client:
        sink = MongoSink(client[standing.database])
        sink.put_ontology(PHENOTYPES)
        assert load_bff(sink, "ds", [folder / "individuals.json"]).ok


async def beacon(standing: Standing) -> Asker:
    return standing.asker(await standing.served())


async def network(standing: Standing) -> Asker:
    url = await standing.served(standing.settings(dataset=OPEN))
    settings = standing.world.settings({"fi.example": {"url": url}}, refresh_s=0.5, endpoints={})
    settings = replace(
        settings,
        portal=replace(settings.portal, enabled=False),
        subscriptions=msgspec.convert(wanted(), SubscriptionSettings),
    )
    app = await standing.world.stack.enter_async_context(
        network_composition.open_network_app(settings, ontologies=NO_ONTOLOGIES)
    )
    served = await standing.world.serve(app)
    await Client(standing.world.session, served).met(1)
    return standing.asker(served, audience=NETWORK)


@pytest.mark.parametrize("asked", [beacon, network])
async def test_somebody_similar_in_a_new_release_is_told_once(
    standing: Standing, asked: Any
) -> None:
    people(standing, "HP:0000478", "e1", "e2")
    alice = await asked(standing)
    made = await alice.stand(CASE)
    people(standing, "HP:0002373", "s1")

    async def has_told() -> bool:
        return bool(await alice.told())

    await until(has_told)

    assert [one["state"] for one in made["states"]] == ["miss"]
    assert await alice.told() == [("miss", "hit", 1)]
    assert "HP:0002373" in json.dumps((await alice.one(made["id"]))["question"])
