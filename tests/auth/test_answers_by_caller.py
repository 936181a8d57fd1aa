"""Over HTTP: what a caller shows decides what a caller is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from beacon import composition
from beacon.framework.errors import SettingsError
from beacon.memory import MemoryDataset, MemoryStore
from beacon.settings import (
    DatasetPolicy,
    Level,
    PolicySettings,
    PurposeSettings,
    Settings,
    TierSettings,
    VisaSettings,
)
from tests.auth.mock_broker import DAC, DATASET, World

FEMALE = {"id": "NCIT:C16576", "label": "female"}
TERMS = "https://doi.org/10.1038/s41431-018-0219-y"
SETTINGS = Settings(
    policy=PolicySettings(
        datasets={
            "open": DatasetPolicy(
                public={"individual": Level.BOOLEAN}, min_count=1, accept_risk="invented people"
            ),
            "granted": DatasetPolicy(
                visa_value=DATASET,
                dac=(DAC,),
                min_count=1,
                accept_risk="invented people",
                tiers={
                    "registered": {"individual": Level.COUNT},
                    "controlled": {"individual": Level.RECORD},
                },
            ),
        }
    )
)
ALL = "/api/individuals?requestedGranularity=record&includeResultsetResponses=ALL"


def people(*names: str) -> MemoryDataset:
    return MemoryDataset(
        assembly="GRCh38",
        records={"individual": [{"id": one, "sex": FEMALE} for one in names]},
    )


STORE = MemoryStore({"open": people("o1", "o2"), "granted": people("g1", "g2", "g3")})


@pytest.fixture
async def client(world: World) -> AsyncIterator[Any]:
    app = composition.app(SETTINGS, STORE, STORE, world.authenticator)
    async with TestClient(TestServer(app, max_field_size=1 << 17)) as one:
        yield one


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def researcher(world: World, kind: str) -> str:
    return world.visa(None, {"type": kind, "value": TERMS, "by": "so"})


async def told(client: Any, token: str | None = None) -> dict[str, tuple[Any, Any]]:
    headers = {} if token is None else bearer(token)
    response = await client.get(ALL, headers=headers)
    assert response.status == 200, await response.text()
    sets = (await response.json())["response"]["resultSets"]
    return {one["id"]: (one.get("resultsCount"), len(one.get("results", ()))) for one in sets}


async def test_without_credentials_one_is_the_public(client: Any) -> None:
    assert await told(client) == {"open": (None, 0)}


async def test_a_grant_of_the_committee_opens_its_dataset(world: World, client: Any) -> None:
    assert await told(client, world.passport(world.visa())) == {
        "open": (None, 0),
        "granted": (3, 3),
    }


async def test_registered_researchers_are_told_counts(world: World, client: Any) -> None:
    """Status and terms, both of the same value: one of them is not enough."""
    status, terms = (
        researcher(world, one) for one in ("ResearcherStatus", "AcceptedTermsAndPolicies")
    )

    assert await told(client, world.passport(status, terms)) == {
        "open": (None, 0),
        "granted": (3, 0),
    }
    assert await told(client, world.passport(status)) == {"open": (None, 0)}


async def test_a_grant_for_another_dataset_opens_nothing(world: World, client: Any) -> None:
    other = world.visa(None, {"value": f"{DATASET}-2"})

    assert await told(client, world.passport(other)) == {"open": (None, 0)}


async def test_a_grant_that_another_person_got_opens_nothing(world: World, client: Any) -> None:
    stolen = world.visa(None, None, sub="mallory")

    assert await told(client, world.passport(stolen)) == {"open": (None, 0)}


async def test_what_is_not_valid_is_never_the_public(world: World, client: Any) -> None:
    expired = world.access_token(exp=1, iat=0)
    response = await client.get(ALL, headers=bearer(expired))

    assert response.status == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert "expired" not in await response.text()


async def test_a_token_in_a_url_is_refused_and_not_passed_over(world: World, client: Any) -> None:
    response = await client.get(f"{ALL}&access_token={world.access_token()}")

    assert response.status == 401


def test_a_purpose_that_is_allowed_and_not_required_is_refused() -> None:
    tier = TierSettings(
        all_of=(VisaSettings(type="ResearcherStatus"),),
        purpose=PurposeSettings(allow=("DUO:0000043",)),
    )
    settings = Settings(policy=PolicySettings(tiers={"carers": tier}))

    with pytest.raises(SettingsError, match="required = true"):
        composition.policy(settings)


async def test_answers_are_nobody_elses(world: World, client: Any) -> None:
    response = await client.get(ALL, headers=bearer(world.passport(world.visa())))

    assert "Authorization" in response.headers["Vary"]
    assert response.headers["Cache-Control"] == "private, no-store"


async def test_when_the_keys_cannot_be_had_nobody_is_taken_for_the_public(
    world: World, client: Any
) -> None:
    token = world.passport(world.visa())
    await world.broker.__aexit__(None, None, None)
    response = await client.get(ALL, headers=bearer(token))

    assert response.status == 503
    assert int(response.headers["Retry-After"]) > 0


async def test_a_batch_is_answered_by_the_same_rules(world: World, client: Any) -> None:
    body = {
        "entryType": "individual",
        "query": {"requestedGranularity": "count", "includeResultsetResponses": "ALL"},
        "items": [{"id": "a", "requestParameters": {"g_variant": {"geneId": "BRCA1"}}}],
    }
    public = await (await client.post("/api/batch", json=body)).text()
    granted = await client.post(
        "/api/batch", json=body, headers=bearer(world.passport(world.visa()))
    )

    assert "granted" not in public
    assert "granted" not in await granted.text()  # no rule about variants there


async def test_the_beacon_says_which_kinds_of_callers_it_knows(client: Any) -> None:
    configuration = await (await client.get("/api/configuration")).json()

    levels = configuration["response"]["securityAttributes"]["securityLevels"]
    assert levels == ["PUBLIC", "REGISTERED", "CONTROLLED"]
