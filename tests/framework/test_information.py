"""What a beacon says of itself."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from beacon.framework.answer import FilteringTerm, Resource, Terms
from beacon.framework.entry_types import endpoints
from beacon.framework.information import (
    SERVICE_INFO_SCHEMA,
    configuration,
    documents,
    filtering_terms,
    info,
    service_info,
)

SCHEMAS = {
    "/": "beaconInfoResponse",
    "/info": "beaconInfoResponse",
    "/service-info": "ga4gh-service-info-1-0-0-schema",
    "/configuration": "beaconConfigurationResponse",
    "/entry_types": "beaconEntryTypesResponse",
    "/map": "beaconMapResponse",
}


@pytest.fixture(scope="module")
def published(identity, model):
    return documents(identity, model)


@pytest.mark.parametrize("path", SCHEMAS)
def test_documents_conform(published, conforms, path):
    conforms(f"responses/{SCHEMAS[path]}", published[path])


def test_every_document_is_published(published):
    assert published.keys() == SCHEMAS.keys()


def test_root_and_info_are_one(published):
    assert published["/"] == published["/info"]


def test_service_info_is_not_wrapped(published):
    assert published["/service-info"]["type"] == {
        "group": "org.ga4gh",
        "artifact": "beacon",
        "version": "v2.2.0",
    }
    assert "meta" not in published["/service-info"]


def test_info_can_be_had_as_service_info(identity, model, published):
    document = info(identity, model, SERVICE_INFO_SCHEMA)

    assert document["response"] == service_info(identity)
    assert document["meta"]["returnedSchemas"] == [
        {"entityType": "info", "schema": SERVICE_INFO_SCHEMA}
    ]
    assert info(identity, model, "some other schema") == published["/info"]


@pytest.mark.parametrize(
    ("environment", "status"),
    [("prod", "PROD"), ("test", "TEST"), ("staging", "TEST"), ("dev", "DEV")],
)
def test_maturity_agrees_with_the_environment(identity, model, environment, status):
    identity = msgspec.structs.replace(identity, environment=environment)

    document = configuration(identity, model)

    assert document["response"]["maturityAttributes"] == {"productionStatus": status}


def test_configuration_tells_levels_and_default(published):
    assert published["/configuration"]["response"]["securityAttributes"] == {
        "defaultGranularity": "boolean",
        "securityLevels": ["PUBLIC", "CONTROLLED"],
    }


def test_entry_types_are_defined_alike_in_both_places(published, model):
    definitions = published["/entry_types"]["response"]["entryTypes"]

    assert definitions == published["/configuration"]["response"]["entryTypes"]
    assert list(definitions) == [one.id for one in model.entry_types]
    for name, one in definitions.items():
        assert one["id"] == name
        assert one["defaultSchema"]["referenceToSchemaDefinition"].startswith("https://")
        assert {member["id"] for member in one.get("aCollectionOf", ())} <= definitions.keys()


def test_lists_that_need_a_filter_are_declared(identity, model):
    strict = tuple(
        msgspec.structs.replace(one, non_filtered_queries_allowed=one.id != "individual")
        for one in model.entry_types
    )
    document = configuration(identity, dataclasses.replace(model, entry_types=strict))

    definitions = document["response"]["entryTypes"]
    assert not definitions["individual"]["nonFilteredQueriesAllowed"]
    assert definitions["biosample"]["nonFilteredQueriesAllowed"]


def test_map_advertises_exactly_what_is_served(published, model):
    advertised = set()
    for one in published["/map"]["response"]["endpointSets"].values():
        urls = [one["rootUrl"], one["singleEntryUrl"]]
        urls += [linked["url"] for linked in one["endpoints"].values()]
        advertised |= set(urls)

    base = "https://beacon.example.org/api"
    served = {base + one.pattern for one in endpoints(model) if one.kind != "filtering_terms"}
    assert advertised == served


def test_map_names_only_entry_types(published, model):
    sets = published["/map"]["response"]["endpointSets"]
    known = {one.id for one in model.entry_types}

    assert {one["entryType"] for one in sets.values()} == known
    assert {
        linked["returnedEntryType"] for one in sets.values() for linked in one["endpoints"].values()
    } <= known
    assert not any("filteringTermsUrl" in one for one in sets.values())


def test_filtering_terms_are_described(identity, conforms):
    terms = Terms(
        terms=(
            FilteringTerm(type="ontologyTerm", id="HP:1", label="One", scopes=("individual",)),
            FilteringTerm(type="alphanumeric", id="sex", values=("f", "m")),
        ),
        resources=(
            Resource(id="hp", name="HPO", namespace_prefix="HP", iri_prefix="http://x/HP_"),
        ),
    )

    document = filtering_terms(terms, identity)

    conforms("responses/beaconFilteringTermsResponse", document)
    assert document["response"] == {
        "filteringTerms": [
            {"type": "ontologyTerm", "id": "HP:1", "label": "One", "scopes": ["individual"]},
            {"type": "alphanumeric", "id": "sex", "values": ["f", "m"]},
        ],
        "resources": [
            {
                "id": "hp",
                "name": "HPO",
                "nameSpacePrefix": "HP",
                "namespacePrefix": "HP",
                "iriPrefix": "http://x/HP_",
            }
        ],
    }


def test_no_terms_conform_too(identity, conforms):
    conforms("responses/beaconFilteringTermsResponse", filtering_terms(Terms(), identity))
