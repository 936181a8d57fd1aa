"""Matchmaker Exchange over HTTP: its own words, and no more than the token allows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from beacon import composition
from beacon.memory import MemoryStore
from beacon.model.ontology import Ontologies
from beacon.settings import (
    DatasetPolicy,
    IdentitySettings,
    Level,
    MatchmakerSettings,
    PolicySettings,
    Settings,
)
from tests.auth.mock_broker import DAC, DATASET, World
from tests.web.test_match import PHENOTYPES, dataset

VERSION = "application/vnd.ga4gh.matchmaker.v1.1+json"
PATIENT = {
    "id": "1",
    "label": "patient of Doe, born 2001",
    "contact": {"name": "Dr Doe", "href": "mailto:doe@example.org"},
    "features": [
        {"id": "HP:0002373", "observed": "yes"},
        {"id": "HP:0000478", "observed": "no"},
    ],
    "genomicFeatures": [
        {
            "gene": {"id": "SCN1A"},
            "variant": {
                "assembly": "GRCh38",
                "referenceName": "2",
                "start": 166_012_345,
                "referenceBases": "G",
                "alternateBases": "A",
            },
            "zygosity": 1,
            "type": {"id": "SO:0001583", "label": "missense_variant"},
        }
    ],
}


def settings(folder: Path, *, enabled: bool) -> Settings:
    return Settings(
        data_dir=str(folder),
        identity=IdentitySettings(organization_contact_url="mailto:dac@example.org"),
        matchmaker=MatchmakerSettings(enabled=enabled, results_max=3, terms="https://x.org/terms"),
        policy=PolicySettings(
            datasets={
                "granted": DatasetPolicy(
                    visa_value=DATASET,
                    dac=(DAC,),
                    min_count=1,
                    accept_risk="invented people",
                    tiers={"controlled": {"*": Level.RECORD}},
                )
            }
        ),
    )


async def served(world: World, chosen: Settings) -> Any:
    source = MemoryStore({"granted": dataset("g")}, Ontologies({"HP": PHENOTYPES}))
    app = composition.app(chosen, source, MemoryStore({}), world.authenticator)
    return TestClient(TestServer(app, max_field_size=1 << 17))


@pytest.fixture
async def client(world: World, tmp_path: Path) -> AsyncIterator[Any]:
    async with await served(world, settings(tmp_path, enabled=True)) as one:
        yield one


async def asked(
    client: Any, token: str | None, patient: Any = PATIENT, accept: str = VERSION
) -> tuple[int, Any]:
    headers = {"Content-Type": VERSION, "Accept": accept}
    if token is not None:
        headers["X-Auth-Token"] = token
    body = json.dumps({"patient": patient})
    async with client.post("/mme/match", data=body, headers=headers) as response:
        assert response.headers["Content-Type"] == VERSION
        return response.status, await response.json()


async def test_people_like_a_patient_are_found(world: World, client: Any) -> None:
    status, document = await asked(client, world.passport(world.visa()))

    assert status == 200
    assert document["disclaimer"]
    assert document["terms"] == "https://x.org/terms"
    best, *others = document["results"]
    assert len(others) == 2
    assert best["score"]["patient"] == 1.0
    assert best["patient"]["features"] == [{"id": "HP:0002373", "observed": "yes"}]
    assert best["patient"]["genomicFeatures"] == [{"gene": {"id": "SCN1A"}}]
    assert best["patient"]["contact"]["href"] == "mailto:dac@example.org"
    assert "g-same" not in json.dumps(document)


async def test_without_a_token_nothing_is_answered(world: World, client: Any) -> None:
    assert (await asked(client, None))[0] == 401
    assert (await asked(client, "not a token"))[0] == 401


async def test_a_token_without_a_grant_asks_nobody(world: World, client: Any) -> None:
    status, document = await asked(client, world.passport())

    assert (status, "results" in document) == (403, False)


async def test_another_version_is_not_spoken(world: World, client: Any) -> None:
    version = "application/vnd.ga4gh.matchmaker.v2.0+json"
    status, document = await asked(client, world.passport(world.visa()), accept=version)

    assert status == 406
    assert document["supportedVersions"] == ["1.0", "1.1"]


@pytest.mark.parametrize(
    ("patient", "said"),
    [
        (None, "patient is missing"),
        ({**PATIENT, "id": ""}, "patient.id"),
        ({**PATIENT, "contact": {"name": "x"}}, "href"),
        ({**PATIENT, "features": [], "genomicFeatures": []}, "neither features"),
        ({**PATIENT, "features": [{"id": ""}]}, "features"),
    ],
)
async def test_what_is_no_patient_is_refused(
    world: World, client: Any, patient: Any, said: str
) -> None:
    status, document = await asked(client, world.passport(world.visa()), patient)

    assert status == 422
    assert said in document["message"]


async def test_it_is_off_unless_it_is_turned_on(world: World, tmp_path: Path) -> None:
    async with (
        await served(world, settings(tmp_path, enabled=False)) as client,
        client.post("/mme/match", json={}) as response,
    ):
        assert response.status == 404
