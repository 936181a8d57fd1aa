"""Real data in a real database behind the real application; skipped where the data are absent."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from questions import Open

from beacon import composition
from beacon.load import packages
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore
from beacon.settings import DatasetPolicy, Level, PolicySettings, Settings

DATA = Path(__file__).parents[2].parent / "shared" / "data"
NEEDED_ONTOLOGY = "ICD10"


@pytest.fixture(scope="session")
def data() -> Path:
    if not DATA.is_dir():
        pytest.skip("the real data are not here")
    return DATA


@pytest.fixture(scope="session")
def database_name(mongo_uri: str) -> Iterator[str]:
    """One database for all data sets, so that they are each other's neighbours."""
    name = f"oracle_{uuid.uuid4().hex}"
    yield name
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        client.drop_database(name)


@pytest.fixture(scope="session")
def sink(mongo_uri: str, database_name: str, data: Path) -> Iterator[MongoSink]:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        sink = MongoSink(client[database_name])
        for ontology in packages.ontologies():
            if ontology.prefix == NEEDED_ONTOLOGY:
                sink.put_ontology(ontology.read())
        for table in packages.genes():
            sink.put_genes(table.assembly, table.read(), table.version)
        yield sink


@pytest.fixture(scope="session")
def open_beacon(mongo_uri: str, database_name: str) -> Open:
    """Serves what is loaded, each dataset with the same rules."""

    @contextlib.asynccontextmanager
    async def open_beacon(
        *dataset_ids: str, **public: Level
    ) -> AsyncIterator[TestClient[web.Request, web.Application]]:
        rules = {"*": Level.RECORD, **public}
        settings = Settings(
            policy=PolicySettings(
                datasets={
                    one: DatasetPolicy(public=rules, min_count=1, accept_risk="public data")
                    for one in dataset_ids
                }
            )
        )
        async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
            # Everybody is shown, so that carriers can be compared one by one.
            store = MongoStore(client[database_name], case_level_data_max=10_000)
            app = composition.app(settings, store, composition.synthetic_source())
            async with TestClient(TestServer(app)) as asking:
                yield asking

    return open_beacon
