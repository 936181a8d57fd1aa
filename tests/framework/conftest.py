"""What the tests of the framework share: an identity, the model, and the official schemas."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from beacon.framework.entry_types import Endpoint, Model, endpoints
from beacon.framework.response import Identity, Organisation
from beacon.model.entry_types import MODEL

SCHEMAS = Path(__file__).parents[2].parent / "shared" / "schemas" / "v2.2.0"
PUBLISHED = "https://raw.githubusercontent.com/ga4gh-beacon/beacon-v2/main"


@pytest.fixture(scope="session")
def identity() -> Identity:
    return Identity(
        beacon_id="org.example.beacon",
        name="Example beacon",
        base_url="https://beacon.example.org/api/",
        environment="test",
        version="1.2.3",
        organisation=Organisation(
            id="org.example", name="Example", url="https://example.org", contact_url="mailto:a@b.c"
        ),
        created_at="2026-01-01T00:00:00Z",
        security_levels=("PUBLIC", "CONTROLLED"),
    )


@pytest.fixture(scope="session")
def model() -> Model:
    return MODEL


@pytest.fixture(scope="session")
def lenient_model() -> Model:
    """The model, with every combination of variation parameters taken for a question."""
    return dataclasses.replace(MODEL, check_variation=lambda variation: None)


@pytest.fixture(scope="session")
def endpoint() -> Callable[[str], Endpoint]:
    """An endpoint by its pattern."""
    return {one.pattern: one for one in endpoints(MODEL)}.__getitem__


@pytest.fixture(scope="session")
def conforms() -> Callable[[str, Any], None]:
    """Fails when a document is not what the official schema of that name wants."""
    if not SCHEMAS.is_dir():
        pytest.skip("the official schemas are not beside the checkout")
    framework = SCHEMAS / "framework" / "json"
    resources = [
        (f"{PUBLISHED}/{path.relative_to(SCHEMAS).as_posix()}", json.loads(path.read_text()))
        for path in framework.rglob("*.json")
        if "example" not in path.as_posix() and path.name != "endpoints.json"
    ]
    registry = jsonschema_rs.Registry(resources, draft=jsonschema_rs.Draft202012)

    def check(name: str, document: Any) -> None:
        jsonschema_rs.Draft202012Validator(
            {"$ref": f"{PUBLISHED}/framework/json/{name}.json"},
            registry=registry,
            validate_formats=True,
        ).validate(document)
        assert "null" not in json.dumps(document)

    return check
