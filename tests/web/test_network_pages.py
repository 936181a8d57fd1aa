"""What a network tells of itself: documents that change, and members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from slow_network import Prepared
from small_beacon import SETTINGS, SYNTHETIC, Client

from beacon import composition
from beacon.framework import information
from beacon.framework.access import EVERYTHING, Access
from beacon.framework.request import Limits
from beacon.framework.service import Service
from beacon.metrics import MemberMetrics, Metrics
from beacon.model.entry_types import MODEL
from beacon.web.app import Serving, create_app

IDENTITY = composition.identity(SETTINGS)


class Pages:
    """Documents of a network with one member."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {
            **information.documents(IDENTITY, MODEL),
            "/network/members": {"members": [{"beaconId": "fi"}]},
            "/network/members/fi": {"beaconId": "fi"},
        }

    async def documents(self, path: str) -> Mapping[str, Any] | None:
        return self.found.get(path)


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def network(aiohttp_client: Any, pages: Pages, metrics: Metrics) -> Client:
    async def everybody(_headers: Mapping[str, str]) -> Access:
        return EVERYTHING

    service = Service(
        identity=IDENTITY,
        model=MODEL,
        source=Prepared(),
        test_source=SYNTHETIC,
        limits=Limits(),
    )
    app = create_app(service, everybody, Serving(), network=pages, metrics=metrics)
    client: Client = await aiohttp_client(app)
    return client


@pytest.mark.parametrize("path", ["/info", "/configuration", "/entry_types", "/map", ""])
async def test_documents_are_those_of_the_network_as_of_now(
    network: Client, pages: Pages, path: str
) -> None:
    before = await (await network.get("/api" + path)).json()
    for name in pages.found:
        pages.found[name] = {"meta": {}, "response": {"members": 2}}
    after = await (await network.get("/api" + path)).json()

    assert before["meta"]["beaconId"] == IDENTITY.beacon_id
    assert after["response"] == {"members": 2}


async def test_service_info_says_what_there_is_in_either_place(network: Client) -> None:
    service = await (await network.get("/api/service-info")).json()
    info = await (await network.get("/api/info?requestedSchema=ga4gh-service-info-v1.0")).json()

    assert {*service["extensions"]} == {"batch", "streaming", "network"}
    assert info["response"] == service
    assert info["meta"]["returnedSchemas"][0]["schema"] == "ga4gh-service-info-v1.0"


async def test_members_are_described(network: Client) -> None:
    all_of_them = await network.get("/api/network/members")
    one = await network.get("/api/network/members/fi")

    assert (await all_of_them.json())["members"] == [{"beaconId": "fi"}]
    assert (await one.json()) == {"beaconId": "fi"}
    assert one.headers["Cache-Control"] == "private, no-store"


async def test_an_unknown_member_is_not_found(network: Client) -> None:
    response = await network.get("/api/network/members/nobody")

    assert response.status == 404
    assert "/api/network/members" in (await response.json())["error"]["errorMessage"]


@pytest.mark.parametrize("path", ["/api/network/members", "/api/network/queries/q-1"])
async def test_a_beacon_with_data_of_its_own_has_no_members(client: Client, path: str) -> None:
    assert (await client.get(path)).status == 404


async def test_members_can_be_watched(network: Client, metrics: Metrics) -> None:
    members = MemberMetrics(metrics)
    members.observe("fi", "hit", 0.2)
    members.observe("fi", "timeout")
    members.set_breaker("fi", is_open=True)

    told = await (await network.get("/metrics")).text()

    assert 'beacon_member_outcomes_total{member="fi",state="hit"} 1.0' in told
    assert 'beacon_member_outcomes_total{member="fi",state="timeout"} 1.0' in told
    assert 'beacon_member_seconds_bucket{le="0.25",member="fi"} 1.0' in told
    assert 'beacon_member_seconds_count{member="fi"} 1.0' in told
    assert 'beacon_member_breaker_open{member="fi"} 1.0' in told
