"""What one caller is told does not depend on who else asks what at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import pymongo
import pytest
from aiohttp import ClientSession, TCPConnector, web
from aiohttp.test_utils import TestServer

from beacon.framework.access import Access
from beacon.framework.query import Granularity
from beacon.framework.request import Limits
from beacon.framework.response import Identity, Organisation
from beacon.framework.service import Service
from beacon.model.entry_types import MODEL
from beacon.mongo.store import MongoStore
from beacon.web.app import API, Serving, create_app
from tests.conformance import seed
from tests.conformance.conftest import memory

CONCURRENCY = 64
ROUNDS = 3
CALLER = "X-Caller"
CALLERS = {
    "public": seed.PUBLIC,
    "researcher": Access(
        grants={
            "hidden": {"*": Granularity.RECORD},
            "shy": {"*": Granularity.RECORD, "individual": Granularity.COUNT},
            "open": {"*": Granularity.COUNT, "genomicVariant": Granularity.BOOLEAN},
            "suomi": {"*": Granularity.RECORD},
        }
    ),
}
"""Two kinds of callers who may learn different things of the same datasets."""


@dataclass(frozen=True)
class Question:
    """A request, and who sends it."""

    caller: str
    method: str
    path: str
    parameters: tuple[tuple[str, str], ...] = ()
    body: Any = None

    async def ask(self, session: ClientSession) -> tuple[int, bytes]:
        async with session.request(
            self.method,
            API + self.path,
            params=self.parameters,
            json=self.body,
            headers={CALLER: self.caller},
        ) as response:
            return response.status, await response.read()


def questions() -> list[Question]:
    return [Question(caller, *asked) for caller in CALLERS for asked in _asked()]


def _asked() -> Iterator[tuple[Any, ...]]:
    site = {"assemblyId": "GRCh38", "referenceName": "17"}
    exact = {**site, "start": "7577120", "referenceBases": "G", "alternateBases": "A"}
    variants: list[dict[str, str]] = [
        exact,
        {**exact, "alternateBases": "T"},
        {**exact, "alternateBases": "N"},
        {**site, "start": "7572837", "end": "7578641"},
        {**site, "start": "7572837", "end": "7578641", "variantType": "DEL"},
        {**site, "start": "5000000,7676592", "end": "7669607,10000000"},
        {"assemblyId": "GRCh38", "geneId": "TP53"},
        {"geneId": "BRAF", "aminoacidChange": "V600E"},
        {"genomicAlleleShortForm": "NC_000007.14:g.140753336A>T"},
        {"assemblyId": "GRCh38", "referenceName": "21", "start": "45864730",
         "referenceBases": "C", "alternateBases": "G"},
        {**exact, "start": "-1"},
    ]  # fmt: skip
    filters = ["HP:0001250", "HP:0000118", "NCIT:C16576", "BMI:>20", "HP:0031910", "no:such"]
    for granularity in ("boolean", "count", "record"):
        for variant in variants:
            pairs = (*variant.items(), ("requestedGranularity", granularity), ("limit", "3"))
            for path in ("/g_variants", "/individuals", "/datasets"):
                yield "GET", path, pairs
            yield "GET", "/individuals", (*pairs, ("filters", "HP:0001250"))
        for one in filters:
            query: dict[str, Any] = {
                "requestedGranularity": granularity,
                "includeResultsetResponses": "ALL",
                "filters": [_filter(one)],
            }
            for path in ("/individuals", "/biosamples", "/g_variants", "/cohorts", "/runs"):
                yield "POST", path, (), {"query": query}
            for dataset_id in ("open", "shy", "hidden"):
                asked = {"requestParameters": {"datasets": {"datasetIds": [dataset_id]}}}
                yield "POST", "/individuals", (), {"query": {**query, **asked}}
    for path in (
        *(f"/{one.path}" for one in MODEL.entry_types),
        "/individuals/I01/g_variants",
        "/individuals/hidden-1",
        "/g_variants/A/individuals",
        "/datasets/open/biosamples",
        "/cohorts/diabetes/individuals",
    ):
        for skip in range(3):
            pairs = (("requestedGranularity", "record"), ("skip", str(skip)), ("limit", "2"))
            yield "GET", path, pairs
        yield "GET", path, (("testMode", "true"), ("requestedGranularity", "record"))
    for path in ("/filtering_terms", "/individuals/filtering_terms", "/map", "/info", "/nothing"):
        yield "GET", path
    yield "POST", "/individuals", (), {"query": {"filters": [{"id": 5}]}}


def _filter(token: str) -> dict[str, str]:
    name, _, value = token.partition(":>")
    return {"id": name, "operator": ">", "value": value} if value else {"id": name}


async def identify(headers: Mapping[str, str]) -> Access:
    await asyncio.sleep(0)  # as asking somebody else would: other requests go on meanwhile
    return CALLERS[headers[CALLER]]


@pytest.fixture
async def session(mongo_uri: str, world: str) -> AsyncIterator[ClientSession]:
    """A client of one application that knows both callers, over the store."""
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        identity = Identity(
            beacon_id="org.example.crowd",
            name="Crowd",
            base_url="http://127.0.0.1/api",
            organisation=Organisation(id="org.example", name="Example", url="https://example.org/"),
            environment="test",
        )
        service = Service(
            identity=identity,
            model=MODEL,
            source=MongoStore(client[world]),
            test_source=memory(seed.SYNTHETIC),
            limits=Limits(),
        )
        app: web.Application = create_app(service, identify, Serving(access_log=False))
        async with (
            TestServer(app) as server,
            ClientSession(server.make_url("/"), connector=TCPConnector(limit=0)) as session,
        ):
            yield session


async def test_answers_are_the_same_in_a_crowd(session: ClientSession) -> None:
    asked = questions()
    alone = {number: await one.ask(session) for number, one in enumerate(asked)}
    order = [number for number in alone for _ in range(ROUNDS)]
    Random(1).shuffle(order)
    waiting = iter(order)
    told: list[tuple[int, tuple[int, bytes]]] = []

    async def caller() -> None:
        told.extend([(number, await asked[number].ask(session)) for number in waiting])

    await asyncio.gather(*(caller() for _ in range(CONCURRENCY)))

    assert len(told) == len(order) > 1000
    assert [asked[number] for number, answer in told if answer != alone[number]] == []
    assert {status for status, _ in alone.values()} == {200, 400, 404}
    # The callers are told different things, or this would prove little.
    half = len(asked) // len(CALLERS)
    assert sum(alone[number] != alone[number + half] for number in range(half)) > half / 2
