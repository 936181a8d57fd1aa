"""A network of two beacons in memory, and one that nobody serves, with the pages in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from beacon import composition, network_composition, portal_composition
from beacon.memory import MemoryDataset, MemoryStore
from beacon.model.ontology import Ontologies
from beacon.model.reference import NO_REFERENCES
from beacon.settings import (
    CountSettings,
    DatasetPolicy,
    IdentitySettings,
    Level,
    MemberSettings,
    NetworkSettings,
    PolicySettings,
    Reporting,
    ServerSettings,
    Settings,
)

Client = TestClient[web.Request, web.Application]

ALL_TOLD: dict[str, Any] = {"min_count": 1, "accept_risk": "invented people"}
EXTERNAL = "https://fi.example.org/datasets/rare"
DATASET = {
    "id": "fi-rare",
    "name": "Rare diseases",
    "description": "Families <of> patients",
    "version": "3",
    "createDateTime": "2025-01-02T00:00:00Z",
    "updateDateTime": "2026-03-04T00:00:00Z",
    "externalUrl": EXTERNAL,
    "dataUseConditions": {
        "duoDataUse": [
            {"id": "DUO:0000021", "label": "ethics approval required", "version": "2021-02-23"},
            {
                "id": "DUO:0000007",
                "label": "disease specific research",
                "version": "2021-02-23",
                "modifiers": [{"id": "MONDO:0005027", "label": "epilepsy"}],
            },
        ]
    },
    "info": {"technology": "WGS", "accessUrl": "javascript:alert(1)"},
}


def beacon_settings(name: str, dataset_id: str, level: Level) -> Settings:
    """A beacon with one dataset, of which the public learns so much."""
    return Settings(
        identity=IdentitySettings(
            id=f"{name}.example.beacon",
            name=f"Beacon {name}",
            organization_name=f"Institute of {name}",
            organization_url=f"https://{name}.example.org/",
            organization_contact_url=f"mailto:help@{name}.example.org",
        ),
        server=ServerSettings(base_url="https://beacon.example.org/api"),
        policy=PolicySettings(
            datasets={dataset_id: DatasetPolicy(public={"*": level}, **ALL_TOLD)}
        ),
    )


def store(dataset_id: str, people: int, *described: dict[str, Any]) -> MemoryStore:
    """One dataset and its people."""
    individuals = [{"id": f"{dataset_id}-{n}"} for n in range(people)]
    records = {"individual": individuals, "dataset": list(described)}
    return MemoryStore({dataset_id: MemoryDataset(assembly="GRCh38", records=records)})


@contextlib.asynccontextmanager
async def one_beacon() -> AsyncIterator[Client]:
    """A beacon that is asked alone, with its pages."""
    settings = beacon_settings("fi", "fi-rare", Level.RECORD)
    source, synthetic = store("fi-rare", 3, DATASET), composition.synthetic_source()
    opened = portal_composition.opened(
        settings,
        composition.identity(settings),
        NO_REFERENCES,
        None,
        composition.keys,
        is_network=False,
    )
    async with opened as pages:
        app = composition.app(settings, source, synthetic, pages=pages)
        async with TestClient(TestServer(app)) as client:
            yield client


@contextlib.asynccontextmanager
async def network(folder: Path) -> AsyncIterator[Client]:
    """A network of Finland, Spain and Norway, of which nobody serves the last, with its pages."""
    async with contextlib.AsyncExitStack() as stack:
        members = {
            "fi": await _served(stack, "fi", Level.RECORD, DATASET),
            "es": await _served(stack, "es", Level.RECORD, {"id": "es-rare", "name": "Hospitals"}),
            "no": MemberSettings(
                name="Norway",
                country="NO",
                url=f"http://127.0.0.1:{_free_port()}/api",
                allow_private=True,
            ),
        }
        settings = Settings(
            identity=IdentitySettings(id="eu.example.network", name="Example Network"),
            server=ServerSettings(base_url="https://network.example.org/api"),
            network=NetworkSettings(members=members, deadline_s=3.0),
            data_dir=str(folder),
        )
        app = await stack.enter_async_context(
            network_composition.open_network_app(settings, ontologies=Ontologies())
        )
        client = await stack.enter_async_context(TestClient(TestServer(app)))
        await _meet(client, 2)
        yield client


async def _served(
    stack: contextlib.AsyncExitStack, name: str, level: Level, *described: dict[str, Any]
) -> MemberSettings:
    dataset_id = f"{name}-rare"
    settings = beacon_settings(name, dataset_id, level)
    app = composition.app(
        settings, store(dataset_id, 3, *described), composition.synthetic_source()
    )
    server = await stack.enter_async_context(TestServer(app))
    return MemberSettings(
        name={"fi": "Finland", "es": "Red de España"}[name],
        country=name.upper(),
        url=str(server.make_url("/api")),
        allow_private=True,
        people=3 if name == "fi" else 0,
        counts=CountSettings(reporting=Reporting.RAISED, threshold=10)
        if name == "es"
        else CountSettings(),
    )


async def _meet(client: Client, number: int) -> None:
    """Wait until so many members have said what they are, and the others were found to be away."""
    for _ in range(600):
        response = await client.get("/api/network/members")
        members = (await response.json())["response"]["members"]
        is_known = all(one["state"] != "unknown" for one in members)
        if is_known and sum("numberOfDatasets" in one for one in members) >= number:
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(members)


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port
