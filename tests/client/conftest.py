"""What tests of the client share: one small world for the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client.world import World, world
from tests.clients import live


@pytest.fixture(scope="session")
def small_world(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    live.load_world(mongo_uri, "client", tmp_path_factory.mktemp("loaded"))
    with (
        live.running(mongo_uri, "client", tmp_path_factory.mktemp("beacon")) as beacon,
        world(mongo_uri, beacon.base_url, tmp_path_factory.mktemp("countries")) as found,
    ):
        yield found
