"""What conformance checks share: the small world of `seed.py`, served by real beacons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pymongo
import pytest

from beacon.auth.policy import Policy
from beacon.framework.access import Access
from beacon.framework.entry_types import Model
from beacon.framework.request import Limits
from beacon.framework.source import Source
from beacon.load.bff import load_bff
from beacon.memory import MemoryDataset, MemoryStore
from beacon.model.entry_types import MODEL
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore
from beacon.web.app import Serving
from tests.conformance import seed
from tests.conformance.client import Background, Beacon

PAGE_MAX = 100
BODY_MAX_BYTES = 64 * 1024

Serve = Callable[..., Beacon]


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    background = Background()
    yield background
    background.close()


@pytest.fixture(scope="session", params=["memory", "mongo"])
def source(request: pytest.FixtureRequest, background: Background) -> Iterator[Source]:
    """Whatever answers; the checks do not know which."""
    if request.param == "memory":
        yield memory(seed.RECORDS)
        return
    uri: str = request.getfixturevalue("mongo_uri")
    folder = request.getfixturevalue("tmp_path_factory").mktemp("seed")
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        load_seed(MongoSink(client["conformance"]), folder)

    async def connect() -> pymongo.AsyncMongoClient[dict[str, Any]]:
        return pymongo.AsyncMongoClient(uri)

    connected = background.run(connect())
    yield MongoStore(connected["conformance"], page_max=PAGE_MAX)
    background.run(connected.close())


def load_seed(sink: MongoSink, folder: Path) -> None:
    """The same records, loaded as an operator would load them."""
    for ontology in seed.ONTOLOGIES:
        sink.put_ontology(ontology)
    for assembly in {assembly for assembly, _ in seed.GENES}:
        genes = {symbol: place for (on, symbol), place in seed.GENES.items() if on == assembly}
        sink.put_genes(assembly, genes, "seed")
    for dataset_id, of_dataset in seed.RECORDS.items():
        place = folder / dataset_id
        place.mkdir()
        for entry_type, records in of_dataset.items():
            names = {"analysis": "analyses", "genomicVariant": "genomicVariations"}
            name = names.get(entry_type, f"{entry_type}s")
            (place / f"{name}.json").write_bytes(msgspec.json.encode(records))
        load_bff(sink, dataset_id, [place], assembly=seed.ASSEMBLIES.get(dataset_id, "GRCh38"))


def memory(records: Mapping[str, seed.Records]) -> MemoryStore:
    return MemoryStore(
        datasets={
            dataset_id: MemoryDataset(
                assembly=seed.ASSEMBLIES.get(dataset_id, "GRCh38"), records=of_dataset
            )
            for dataset_id, of_dataset in records.items()
        },
        ontologies=seed.ONTOLOGIES,
        genes=seed.gene,
    )


@pytest.fixture(scope="session")
def serve(background: Background, source: Source) -> Serve:
    """Makes further beacons over the same data, with another policy or another model."""
    test_source = memory(seed.SYNTHETIC)

    def serve(
        access: Access = seed.PUBLIC, model: Model = MODEL, serving: Serving | None = None
    ) -> Beacon:
        return background.serve(
            source,
            test_source,
            Policy(public=access).identify,
            model,
            Limits(page_max=PAGE_MAX),
            serving or Serving(body_max_bytes=BODY_MAX_BYTES, access_log=False),
        )

    return serve


@pytest.fixture(scope="session")
def beacon(serve: Serve) -> Beacon:
    """The beacon that most checks ask, as the public sees it."""
    return serve()


@pytest.fixture(scope="session")
def two_assemblies(serve: Serve) -> Beacon:
    """The same data, of which the public sees a dataset on each of two assemblies."""
    return serve(seed.BOTH_ASSEMBLIES)


@pytest.fixture(scope="session")
def wary(serve: Serve) -> Beacon:
    """A beacon that lists no individuals unless something is asked about them."""
    return serve(
        model=Model(
            entry_types=tuple(
                msgspec.structs.replace(one, non_filtered_queries_allowed=False)
                if one.id == "individual"
                else one
                for one in MODEL.entry_types
            ),
            check_variation=MODEL.check_variation,
            aliases=MODEL.aliases,
        )
    )
