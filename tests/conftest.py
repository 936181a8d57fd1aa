"""What tests share: one real database server for the whole session, a fresh database for a test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from hypothesis import settings

from beacon.mongo.embedded import embedded_mongod

# How long one example takes says more of the machine than of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A `mongod` of the test session's own."""
    data_dir: Path = tmp_path_factory.mktemp("mongod")
    with embedded_mongod(data_dir, cache_gb=0.5) as uri:
        yield uri


@pytest.fixture
def database(mongo_uri: str) -> Iterator[str]:
    """The name of an empty database, dropped when the test is over."""
    name = f"test_{uuid.uuid4().hex}"
    yield name
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        client.drop_database(name)
