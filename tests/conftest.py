"""What tests share: one real database server for the whole session, a fresh database for a test."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
import structlog
from hypothesis import settings

from beacon.mongo.embedded import embedded_mongod

# How long one example takes says more of the machine than of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# As programs do: what is logged beside a command is no part of what the command prints.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))

SHARED_MEMORY = Path("/dev/shm")
"""Where journals cost no waiting for a disk, if there is enough of it."""


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A `mongod` of the test session's own."""
    with contextlib.ExitStack() as stack:
        data_dir: Path = tmp_path_factory.mktemp("mongod")
        if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > 8 << 30:
            made = tempfile.TemporaryDirectory(dir=SHARED_MEMORY, prefix="beacon-tests-")
            data_dir = Path(stack.enter_context(made))
        yield stack.enter_context(embedded_mongod(data_dir, cache_gb=0.5))


@pytest.fixture
def database(mongo_uri: str) -> Iterator[str]:
    """The name of an empty database, dropped when the test is over."""
    name = f"test_{uuid.uuid4().hex}"
    yield name
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        client.drop_database(name)
