"""A Beacon client that is not ours, `ai4gh`, talks to the beacon unchanged; so does its suite.

It writes some names as Python does (`request_parameters`, `test_mode`), and keeps what it does not
know of an answer, such as `responseSummary`, beside its own attributes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from ai4gh.compliance.suites.beacon import BeaconComplianceSuite
from ai4gh.core.auth import NoAuth
from ai4gh.core.exceptions import NotFoundError, TransportError
from ai4gh.specs.beacon.client import BeaconClient
from ai4gh.specs.beacon.models import BeaconResponse, Granularity

from beacon.model.entry_types import MODEL
from tests.conformance import seed
from tests.conformance.client import Beacon


@pytest.fixture
async def client(beacon: Beacon) -> AsyncIterator[BeaconClient]:
    async with BeaconClient(beacon.base_url, auth=NoAuth()) as client:
        yield client


async def test_its_compliance_suite_passes(beacon: Beacon) -> None:
    result = await BeaconComplianceSuite(beacon.base_url).run()

    assert [(one.name, one.message) for one in result.results if one.status != "pass"] == []
    assert result.passed >= 6


async def test_informational_endpoints_fit_its_models(client: BeaconClient) -> None:
    info = await client.get_info()
    service = await client.get_service_info()

    assert info.id == service.id == "org.example.live"
    assert info.name == service.name == "Live"
    assert (await client.get_configuration())["response"]["entryTypes"]
    assert (await client.get_map())["response"]["endpointSets"]
    assert (await client.get_entry_types())["response"]["entryTypes"]


async def test_filtering_terms_come_page_by_page(client: BeaconClient) -> None:
    every = (await client.get_filtering_terms())["response"]["filteringTerms"]
    second = (await client.get_filtering_terms(skip=1, limit=5))["response"]["filteringTerms"]

    assert [one["id"] for one in second] == [one["id"] for one in every[5:10]]


@pytest.mark.parametrize("path", [one.path for one in MODEL.entry_types])
async def test_every_entry_type_can_be_queried(client: BeaconClient, path: str) -> None:
    by_get = await client.query_get(path, skip=0, limit=2)
    by_post = await client.query(path, granularity=Granularity.record, skip=0, limit=2)

    assert summary(by_get)["exists"] is True
    assert summary(by_post)["exists"] is True
    assert by_get.response is None  # nobody asked for more than yes or no
    assert by_post.response is not None
    assert by_post.meta is not None


async def test_filters_are_understood(client: BeaconClient) -> None:
    answer = await client.query(
        "individuals",
        filters=[
            {"id": "HP:0001250"},
            {"id": "BMI", "operator": ">", "value": "20", "scope": "individual"},
        ],
        granularity=Granularity.record,
    )

    assert answer.response is not None
    (found,) = (one for one in answer.response["resultSets"] if one["id"] == "open")
    assert [one["id"] for one in found["results"]] == seed.numbered([2, 3])


async def test_variants_are_understood(client: BeaconClient) -> None:
    """Passed over, its spelling of `requestParameters` would count everybody."""
    asked = {"referenceName": "NC_000017.11", "start": [7577120], "alternateBases": "A"}

    everybody = await client.query("individuals", granularity=Granularity.count)
    carriers = await client.query(
        "individuals", request_parameters={"g_variant": asked}, granularity=Granularity.count
    )

    assert 0 < summary(carriers)["numTotalResults"] < summary(everybody)["numTotalResults"]


async def test_test_mode_is_understood(client: BeaconClient) -> None:
    answer = await client.query("individuals", test_mode=True, granularity=Granularity.record)

    assert answer.response is not None
    for one in answer.response["resultSets"]:
        assert all(record["id"].startswith("TEST") for record in one["results"])


async def test_bad_request_is_its_transport_error(client: BeaconClient) -> None:
    with pytest.raises(TransportError, match="operator"):
        await client.query("individuals", filters=[{"id": "BMI", "operator": "~", "value": "1"}])
    with pytest.raises(NotFoundError):
        await client.query("nothing")


def summary(answer: BeaconResponse) -> dict[str, Any]:
    found: dict[str, Any] = (answer.model_extra or {})["responseSummary"]
    return found
