"""What the EGA's verifier asks and checks: each address of `/map`, by GET and, of late, by POST."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from beacon.model.entry_types import MODEL
from tests.clients.advertised import endpoint_sets, envelope_of, filled, records_of
from tests.conformance.client import Beacon, Document, conform

FRAMEWORK = {
    "/map": "responses/beaconMapResponse.json",
    "/info": "responses/beaconInfoResponse.json",
    "/configuration": "responses/beaconConfigurationResponse.json",
    "/filtering_terms": "responses/beaconFilteringTermsResponse.json",
}
FOLDERS = {one.path: one.id for one in MODEL.entry_types}
OPTIONS: tuple[Document, ...] = (
    {"requestedGranularity": "record", "includeResultsetResponses": "HIT", "testMode": False},
    {"requestedGranularity": "record", "includeResultsetResponses": "ALL", "testMode": False},
    {"requestedGranularity": "record", "includeResultsetResponses": "ALL", "testMode": True},
    {"requestedGranularity": "record", "includeResultsetResponses": "NONE", "testMode": False},
    {"requestedGranularity": "count", "includeResultsetResponses": "NONE", "testMode": False},
    {"requestedGranularity": "boolean", "includeResultsetResponses": "NONE", "testMode": False},
)


def addresses(beacon: Beacon, **options: Any) -> Iterator[str]:
    """Every address of the map, ids taken from the first record of the collection it is below."""
    for one in endpoint_sets(beacon):
        yield one.root
        reply = beacon.post(one.root, {"requestedGranularity": "record", **options})
        first = records_of(reply.document)[0]
        for url in (one.single, *one.related):
            yield filled(url, first)


def check_records(url: str, document: Document) -> int:
    """Hold every record against the schema of the entry type that the path ends in."""
    records = records_of(document)
    last = [part for part in url.split("/") if part in FOLDERS][-1]
    for record in records:
        conform(record, f"entry_types/{FOLDERS[last]}.json")
    return len(records)


@pytest.mark.parametrize("path", FRAMEWORK)
def test_framework_endpoints_follow_their_schemas(beacon: Beacon, path: str) -> None:
    conform(beacon.get(path).document, FRAMEWORK[path])


def test_get_of_every_address(beacon: Beacon) -> None:
    """Nothing is asked but the address: the beacon chooses what it answers."""
    for url in addresses(beacon):
        document = envelope_of(beacon.request("GET", url))

        assert document["responseSummary"]["exists"], url
        check_records(url, document)


def test_get_of_every_address_for_records(beacon: Beacon) -> None:
    """As above, from a beacon whose default is the record."""
    checked = 0
    for url in addresses(beacon):
        reply = beacon.request("GET", f"{url}?requestedGranularity=record")
        document = envelope_of(reply)

        assert document["meta"]["returnedGranularity"] == "record"
        checked += check_records(url, document)
    assert checked > 100


@pytest.mark.parametrize("options", OPTIONS, ids=lambda one: "-".join(map(str, one.values())))
def test_post_to_every_address(beacon: Beacon, options: Document) -> None:
    pagination = {"skip": 0, "limit": 10}
    for url in addresses(beacon, testMode=options["testMode"]):
        document = envelope_of(
            beacon.send(
                url,
                {"meta": {"apiVersion": "2.2"}, "query": {**options, "pagination": pagination}},
            )
        )
        granularity = document["meta"]["returnedGranularity"]
        checked = check_records(url, document)

        if options["includeResultsetResponses"] == "NONE":
            assert checked == 0 or "collections" in document["response"]
        else:
            assert granularity == "record"
            assert checked > 0, url
