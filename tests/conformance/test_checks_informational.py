"""Conformance checks 1 to 24: what a beacon says of itself."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from beacon.framework.entry_types import endpoints
from beacon.model.entry_types import MODEL
from tests.conformance import seed
from tests.conformance.checks import check
from tests.conformance.client import Beacon, Reply, answered, conform, path_of, refused

PAYLOADS = {
    "/": "responses/beaconInfoResponse.json",
    "/info": "responses/beaconInfoResponse.json",
    "/service-info": "responses/beaconServiceInfo.json",
    "/configuration": "responses/beaconConfigurationResponse.json",
    "/entry_types": "responses/beaconEntryTypesResponse.json",
    "/map": "responses/beaconMapResponse.json",
    "/filtering_terms": "responses/beaconFilteringTermsResponse.json",
}
TERM_LISTS = (
    "/datasets/open/filtering_terms",
    "/cohorts/diabetes/filtering_terms",
    "/individuals/filtering_terms",
)
SPECIFIED = {
    *(f"/{one}" for one in ("datasets", "cohorts", "g_variants", "individuals")),
    *(f"/{one}" for one in ("biosamples", "runs", "analyses")),
    *(f"/datasets/{{id}}/{one}" for one in ("g_variants", "biosamples", "individuals")),
    *(f"/datasets/{{id}}/{one}" for one in ("runs", "analyses")),
    *(f"/cohorts/{{id}}/{one}" for one in ("individuals", "g_variants", "biosamples")),
    *(f"/cohorts/{{id}}/{one}" for one in ("runs", "analyses")),
    *(f"/g_variants/{{id}}/{one}" for one in ("biosamples", "individuals", "runs", "analyses")),
    *(f"/individuals/{{id}}/{one}" for one in ("g_variants", "biosamples", "runs", "analyses")),
    *(f"/biosamples/{{id}}/{one}" for one in ("g_variants", "analyses", "runs")),
    *("/runs/{id}/g_variants", "/runs/{id}/analyses", "/analyses/{id}/g_variants"),
}
"""Every path that the specification's OpenAPI documents or its map name, but for `{id}` alone."""


def _terms(reply: Reply) -> list[dict[str, Any]]:
    assert reply.status == 200
    conform(reply.document, PAYLOADS["/filtering_terms"])
    terms: list[dict[str, Any]] = reply.document["response"]["filteringTerms"]
    return terms


@check(1, 2, 3, 4, 5, 7, 8)
@pytest.mark.parametrize("path", PAYLOADS)
def test_payload_is_right(beacon: Beacon, path: str) -> None:
    """Checks 1 to 5, 7 and 8."""
    reply = beacon.get(path)

    assert reply.status == 200
    conform(reply.document, PAYLOADS[path])


@check(2)
def test_root_repeats_info(beacon: Beacon) -> None:
    """Check 2."""
    assert beacon.get("/").document == beacon.get("/info").document


@check(3)
def test_service_info_is_not_wrapped(beacon: Beacon) -> None:
    """Check 3."""
    document = beacon.get("/service-info").document

    assert "meta" not in document
    assert (document["type"]["group"], document["type"]["artifact"]) == ("org.ga4gh", "beacon")


@check(4, 6)
def test_configuration_and_entry_types_agree(beacon: Beacon) -> None:
    """Checks 4 and 6."""
    configuration = beacon.get("/configuration").document["response"]

    assert configuration["$schema"]
    assert beacon.get("/entry_types").document["response"] == {
        "entryTypes": configuration["entryTypes"]
    }


@check(9)
def test_every_meta_names_the_same_beacon(beacon: Beacon) -> None:
    """Check 9."""
    replies = [beacon.get(path) for path in PAYLOADS if path != "/service-info"]
    replies += [beacon.get("/individuals"), beacon.get("/nothing")]
    named = {(reply.meta["beaconId"], reply.meta["apiVersion"]) for reply in replies}

    assert len(named) == 1
    [(beacon_id, api_version)] = named
    assert beacon_id
    assert re.fullmatch(r"v2\.\d+(\.\d+)?", api_version)


@check(10, 11)
def test_environment_and_security_are_of_their_vocabularies(beacon: Beacon) -> None:
    """Checks 10 and 11."""
    environment = beacon.get("/info").document["response"]["environment"]
    configuration = beacon.get("/configuration").document["response"]
    security = configuration["securityAttributes"]

    agreed = {"prod": "PROD", "test": "TEST", "staging": "TEST", "dev": "DEV"}
    assert configuration["maturityAttributes"]["productionStatus"] == agreed[environment]
    assert set(security["securityLevels"]) <= {"PUBLIC", "REGISTERED", "CONTROLLED"}
    assert security["defaultGranularity"] in ("boolean", "count", "record")


@check(12)
def test_entry_types_are_the_seven_and_refer_to_each_other(beacon: Beacon) -> None:
    """Check 12."""
    entry_types = beacon.get("/entry_types").document["response"]["entryTypes"]

    assert {key: one["id"] for key, one in entry_types.items()} == {
        key: key for key in seed.EXAMPLES
    }
    for collection in ("dataset", "cohort"):
        collected = {one["id"] for one in entry_types[collection]["aCollectionOf"]}
        assert collected
        assert collected <= set(entry_types)


@check(13)
def test_schemas_are_served_where_they_are_said_to_be(beacon: Beacon) -> None:
    """Check 13: absolute, and what more can be asked of a URL: that it leads somewhere."""
    for definition in beacon.get("/entry_types").document["response"]["entryTypes"].values():
        url = definition["defaultSchema"]["referenceToSchemaDefinition"]

        assert urlsplit(url).scheme
        assert beacon.request("GET", url).document["type"] == "object"


@check(14, 18)
def test_map_names_entry_types_and_nothing_outdated(beacon: Beacon) -> None:
    """Checks 14 and 18."""
    reply = beacon.get("/map")
    entry_types = beacon.get("/entry_types").document["response"]["entryTypes"]
    sets = reply.document["response"]["endpointSets"].values()
    named = {one["entryType"] for one in sets} | {
        linked["returnedEntryType"] for one in sets for linked in one["endpoints"].values()
    }

    assert named == set(entry_types)
    assert b"filteringTermsUrl" not in reply.body


@check(15)
def test_root_urls_answer_both_verbs(beacon: Beacon) -> None:
    """Check 15."""
    for one in beacon.get("/map").document["response"]["endpointSets"].values():
        assert one["rootUrl"].startswith(beacon.base_url)
        path = path_of(one["rootUrl"])
        answered(beacon.get(path), path)
        answered(beacon.post(path), path)


@check(16)
def test_templates_answer_both_verbs_once_an_id_is_filled_in(beacon: Beacon) -> None:
    """Check 16."""
    for one in beacon.get("/map").document["response"]["endpointSets"].values():
        linked = [linked["url"] for linked in one["endpoints"].values()]
        for template in [one["singleEntryUrl"], *linked]:
            assert re.findall(r"\{\w+\}", template) == ["{id}"]
            path = path_of(template.replace("{id}", seed.EXAMPLES[one["entryType"]]))
            assert answered(beacon.get(path)).summary["exists"]
            assert answered(beacon.post(path)).summary["exists"]


@check(17)
def test_map_advertises_what_is_served_and_what_is_specified(beacon: Beacon) -> None:
    """Check 17."""
    advertised = set()
    for one in beacon.get("/map").document["response"]["endpointSets"].values():
        advertised |= {one["rootUrl"], one["singleEntryUrl"]}
        advertised |= {linked["url"] for linked in one["endpoints"].values()}
    paths = {path_of(url) for url in advertised}
    routed = {
        resource.canonical.removeprefix("/api")
        for resource in beacon.app.router.resources()
        if resource.canonical.startswith("/api/")
        and not resource.canonical.endswith("/")
        and "{version}" not in resource.canonical  # the same again, for clients that add one
    }
    informational = {"/openapi.json", "/schemas/{path}", "/batch", *PAYLOADS} - {"/"}
    of_terms = {one.pattern for one in endpoints(MODEL) if one.kind == "filtering_terms"}

    assert paths >= SPECIFIED
    assert {path.replace("open", "{id}").replace("diabetes", "{id}") for path in TERM_LISTS} <= (
        of_terms
    )
    assert routed - informational - of_terms == paths


@check(19)
@pytest.mark.parametrize("path", PAYLOADS)
def test_informational_paths_take_no_post(beacon: Beacon, path: str) -> None:
    """Check 19."""
    assert refused(beacon.post(path), 405)


@check(20, 21)
def test_filtering_terms_are_distinct_and_of_their_vocabularies(beacon: Beacon) -> None:
    """Checks 20 and 21."""
    reply = beacon.get("/filtering_terms")
    terms = _terms(reply)
    prefixes = {one["nameSpacePrefix"] for one in reply.document["response"]["resources"]}

    assert len({(one["id"], one["type"]) for one in terms}) == len(terms)
    assert {one["type"] for one in terms} == {"ontologyTerm", "alphanumeric", "custom"}
    for one in terms:
        assert one["scopes"]
        assert set(one["scopes"]) <= set(seed.EXAMPLES)
        if one["type"] == "ontologyTerm":
            prefix, separator, local = str(one["id"]).partition(":")
            assert separator
            assert local
            assert prefix in prefixes


@check(22)
def test_filtering_terms_come_in_pages(beacon: Beacon) -> None:
    """Check 22."""
    everything = _terms(beacon.get("/filtering_terms"))

    assert len(everything) > 20
    assert _terms(beacon.get("/filtering_terms", limit=0)) == everything
    assert _terms(beacon.get("/filtering_terms", limit=1)) == everything[:1]
    assert _terms(beacon.get("/filtering_terms", skip=1, limit=1)) == everything[1:2]
    assert _terms(beacon.get("/filtering_terms", skip=2, limit=5)) == everything[10:15]


@check(23)
@pytest.mark.parametrize("path", TERM_LISTS)
def test_filtering_terms_of_a_part_are_among_those_of_the_whole(beacon: Beacon, path: str) -> None:
    """Check 23."""
    of_part = {(one["type"], one["id"]) for one in _terms(beacon.get(path))}

    assert of_part
    assert of_part <= {(one["type"], one["id"]) for one in _terms(beacon.get("/filtering_terms"))}


@check(24)
def test_every_term_that_is_listed_finds_something(beacon: Beacon) -> None:
    """Check 24."""
    paths = {one.id: f"/{one.path}" for one in MODEL.entry_types}
    for one in _terms(beacon.get("/filtering_terms")):
        if one["type"] != "alphanumeric":
            for scope in one["scopes"]:
                asked = {"id": one["id"], "scope": scope}
                reply = beacon.ask(
                    paths[scope], filters=[asked], datasets=(), granularity="boolean"
                )
                assert reply.summary["exists"], asked
