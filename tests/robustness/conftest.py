"""What attacks share: one running beacon."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.live import load_world, running
from tests.conformance.client import Beacon

DATABASE = "robustness"


@pytest.fixture(scope="session")
def world(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of the database that everything is loaded into."""
    load_world(mongo_uri, DATABASE, tmp_path_factory.mktemp("world"))
    return DATABASE


@pytest.fixture(scope="session")
def beacon(
    mongo_uri: str, world: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Beacon]:
    with running(mongo_uri, world, tmp_path_factory.mktemp("robustness")) as beacon:
        yield beacon
