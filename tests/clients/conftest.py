"""What tests of other people's clients share: one running beacon."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.live import load_world, running
from tests.conformance.client import Beacon


@pytest.fixture(scope="session")
def beacon(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beacon]:
    load_world(mongo_uri, "clients", tmp_path_factory.mktemp("world"))
    with running(mongo_uri, "clients", tmp_path_factory.mktemp("clients")) as beacon:
        yield beacon
