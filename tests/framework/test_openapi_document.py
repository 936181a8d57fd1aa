"""The OpenAPI description."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
import schemathesis

from beacon.framework.entry_types import endpoints
from beacon.framework.extensions import Extensions
from beacon.framework.openapi import openapi
from beacon.framework.response import encode_error

SCHEMAS = Path(__file__).parents[2] / "schemas"


@pytest.fixture(scope="module")
def schemas():
    return {
        path.relative_to(SCHEMAS).as_posix(): json.loads(path.read_text(encoding="utf-8"))
        for path in SCHEMAS.rglob("*.json")
    }


@pytest.fixture(scope="module")
def document(model, identity, schemas):
    return openapi(model, identity, schemas)


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_route_is_described(document, model):
    framework = {"/", "/info", "/service-info", "/configuration", "/entry_types", "/map"}

    described = document["paths"]

    served = {one.pattern for one in endpoints(model)}
    assert described.keys() == framework | served | {"/filtering_terms"}


def test_entries_are_asked_by_get_and_post_and_the_rest_by_get(document, model):
    posted = {path for path, item in document["paths"].items() if "post" in item}

    assert all("get" in item for item in document["paths"].values())
    assert posted == {one.pattern for one in endpoints(model) if one.kind != "filtering_terms"}


def test_operations_have_names_of_their_own(document):
    names = [
        item[verb]["operationId"]
        for item in document["paths"].values()
        for verb in ("get", "post")
        if verb in item
    ]

    assert len(names) == len(set(names))


def test_the_document_is_self_contained(document):
    targets = set(references(document))

    assert targets
    for target in targets:
        value = document
        for part in target.removeprefix("#/").split("/"):
            value = value[part.replace("~1", "/").replace("~0", "~")]


def test_absolute_references_below_our_schemas_are_resolved(model, identity):
    given = {
        "a/b.json": {"$id": "b.json", "$ref": "https://beacon.example.org/api/schemas/c.json#/x"},
        "c.json": {"x": {"$ref": "#/y"}, "y": {"$ref": "https://elsewhere.org/z.json"}},
    }

    embedded = openapi(model, identity, given)["components"]["schemas"]

    assert embedded["a.b"] == {"$ref": "#/components/schemas/c/x"}
    assert embedded["c"]["x"] == {"$ref": "#/components/schemas/c/y"}
    assert embedded["c"]["y"] == {"$ref": "https://elsewhere.org/z.json"}


def test_without_schemas_bodies_are_any_object(model, identity):
    document = openapi(model, identity)

    assert not list(references(document))


def test_embedded_schemas_judge_documents(document, identity):
    error = json.loads(encode_error(400, "why", None, identity))
    reference = {"$ref": "#/components/schemas/responses.beaconErrorResponse"}

    validator = jsonschema_rs.Draft202012Validator(
        {**reference, "components": document["components"]}
    )

    assert validator.is_valid(error)
    assert not validator.is_valid({"error": {"errorCode": "x"}})


def test_tools_can_read_it(document):
    schema = schemathesis.openapi.from_dict(document)

    operations = [result.ok() for result in schema.get_all_operations()]

    assert len(operations) == sum(
        verb in item for item in document["paths"].values() for verb in ("get", "post")
    )


def test_what_there_is_beyond_the_specification_is_described(model, identity, schemas):
    offered = Extensions(batch_max=20, streaming=True, members=True)

    described = openapi(model, identity, schemas, offered)

    paths = described["paths"]
    body = paths["/batch"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    answer = paths["/individuals"]["post"]["responses"]["200"]["content"]
    assert body["properties"]["items"]["maxItems"] == 20
    assert {*answer} == {"application/json", "application/x-ndjson", "text/event-stream"}
    assert "204" in paths["/network/queries/{id}"]["get"]["responses"]
    assert {"/network/members", "/network/members/{id}"} <= paths.keys()
    found = schemathesis.openapi.from_dict(described).get_all_operations()
    assert all(one.ok() for one in found)
