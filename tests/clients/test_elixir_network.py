"""What the ELIXIR network asks before it takes a beacon in: everything that `/map` advertises."""

from __future__ import annotations

from functools import cache

import jsonschema_rs
import pytest

from beacon.model.entry_types import MODEL
from tests.clients.advertised import (
    Advertised,
    advertised_schemas,
    endpoint_sets,
    envelope_of,
    filled,
    records_of,
    with_references,
)
from tests.conformance.client import Beacon, Document

INFORMATIONAL = {
    "/info": "beaconId",
    "/configuration": "beaconId",
    "/map": "beaconId",
    "/entry_types": "beaconId",
    "/filtering_terms?limit=0": "beaconId",
}


def ask(beacon: Beacon, url: str) -> list[Document]:
    """One record in test mode, as the network's validator asks for it; its envelope is checked."""
    api_version = beacon.get("/info").meta["apiVersion"]
    document = envelope_of(
        beacon.send(
            url,
            {
                "meta": {"apiVersion": api_version},
                "query": {
                    "testMode": True,
                    "requestedGranularity": "record",
                    "pagination": {"skip": 0, "limit": 1},
                },
            },
        )
    )
    assert document["meta"]["testMode"] is True
    return records_of(document)


@pytest.mark.parametrize("path", INFORMATIONAL)
def test_beacon_describes_itself(beacon: Beacon, path: str) -> None:
    reply = beacon.get(path)

    assert reply.status == 200
    assert reply.meta["beaconId"] == "org.example.live"
    assert reply.document["response"]


def test_no_limit_means_all_terms(beacon: Beacon) -> None:
    unlimited = beacon.get("/filtering_terms?limit=0").document["response"]

    assert unlimited == beacon.get("/filtering_terms").document["response"]
    assert len(unlimited["filteringTerms"]) > 10


@pytest.mark.parametrize("entry_type", [one.id for one in MODEL.entry_types])
def test_every_advertised_address_answers_in_test_mode(beacon: Beacon, entry_type: str) -> None:
    """By POST, without credentials, with at least one record, each right by its own schema."""
    advertised = _advertised(beacon, entry_type)
    assert len(advertised) == 1
    for one in advertised:
        (first,) = ask(beacon, one.root)
        assert _problems(beacon, entry_type, first) == []
        assert ask(beacon, filled(one.single, first)) == [first]
        for url, returned in one.related.items():
            (record,) = ask(beacon, filled(url, first))
            assert _problems(beacon, returned, record) == []


def test_variants_have_both_names_that_an_address_may_ask_for(beacon: Beacon) -> None:
    (one,) = _advertised(beacon, "genomicVariant")
    (record,) = ask(beacon, one.root)

    assert record["id"] == record["variantInternalId"]


@pytest.mark.parametrize("entry_type", [one.id for one in MODEL.entry_types])
def test_returned_schemas_are_those_that_are_advertised(beacon: Beacon, entry_type: str) -> None:
    (one,) = _advertised(beacon, entry_type)
    entry_types = beacon.get("/entry_types").document["response"]["entryTypes"]
    meta = beacon.get(one.root.removeprefix(beacon.base_url)).meta

    (schema,) = meta["returnedSchemas"]
    assert schema["entityType"] == entry_type
    assert (
        schema["schema"] == entry_types[entry_type]["defaultSchema"]["referenceToSchemaDefinition"]
    )


def _advertised(beacon: Beacon, entry_type: str) -> list[Advertised]:
    return [one for one in endpoint_sets(beacon) if one.entry_type == entry_type]


def _problems(beacon: Beacon, entry_type: str, record: Document) -> list[str]:
    return [str(error) for error in _validator(beacon, entry_type).iter_errors(record)]


@cache
def _validator(beacon: Beacon, entry_type: str) -> jsonschema_rs.Draft202012Validator:
    """Of the schema that the beacon's own address of it leads to."""
    url = advertised_schemas(beacon)[entry_type]
    registry = jsonschema_rs.Registry(
        list(with_references(beacon, url).items()), draft=jsonschema_rs.Draft202012
    )
    return jsonschema_rs.Draft202012Validator({"$ref": url}, registry=registry)
