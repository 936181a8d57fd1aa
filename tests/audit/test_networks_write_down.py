"""A network writes down what it was asked, too: one line an answer, in parts or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from audited import full_disk, lines, settings_in

from beacon import auditing, composition
from beacon.framework.access import EVERYTHING, Access
from beacon.framework.answer import Answer
from beacon.framework.query import Query
from beacon.framework.request import Limits
from beacon.framework.service import Service
from beacon.metrics import Metrics
from beacon.model.entry_types import MODEL
from beacon.web.app import Serving, create_app
from tests.web.slow_network import FI, QUERY_ID, SE, Prepared, part

PARTS = (
    part(1, "accepted", queryId=QUERY_ID, asked=2),
    part(2, "member", FI, beaconId="fi", status="hit"),
    part(3, "member", SE, beaconId="se", status="miss"),
    part(4, "summary", FI, SE),
    part(5, "complete", queryId=QUERY_ID),
)


class TwoMembers(Prepared):
    """A network that has answered already."""

    async def search(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> Answer:
        return Answer(result_sets=(FI, SE), info={"networkStatus": {"asked": 2}})


async def through_two(_headers: Mapping[str, str]) -> Access:
    return Access(grants=EVERYTHING.grants, via=("org.one", "org.two"))


@asynccontextmanager
async def network(folder: Path) -> AsyncIterator[Any]:
    settings = settings_in(folder)
    source = TwoMembers(PARTS)
    service = Service(
        identity=composition.identity(settings),
        model=MODEL,
        source=source,
        test_source=source,
        limits=Limits(),
    )
    async with auditing.opened(settings, composition.keys, Metrics()) as audit:
        app = create_app(service, through_two, Serving(), audit=audit)
        async with TestClient(TestServer(app)) as client:
            yield client


COUNT = "/api/individuals?requestedGranularity=count&filters=NCIT:C16576"


async def test_an_answer_is_one_line(tmp_path: Path) -> None:
    async with network(tmp_path) as client:
        await client.get(COUNT)

    (line,) = lines(tmp_path / "audit")
    assert "datasets" not in line
    assert (line["members"], line["via"], line["granted"]) == (2, 2, "count")


async def test_an_answer_in_parts_is_one_line_and_so_is_taking_it_up(tmp_path: Path) -> None:
    parts = {"Accept": "application/x-ndjson"}
    async with network(tmp_path) as client:
        for path in (COUNT, f"/api/network/queries/{QUERY_ID}?after=2"):
            response = await client.get(path, headers=parts)
            assert response.status == 200, await response.text()
            assert "complete" in await response.text()

    asked, taken_up = lines(tmp_path / "audit")
    assert (asked["members"], asked["status"]) == (2, 200)
    assert QUERY_ID not in str(taken_up["endpoint"])
    assert asked["question"] == taken_up["question"]


async def test_no_part_leaves_that_is_not_written_down(tmp_path: Path) -> None:
    async with network(tmp_path) as client:
        (path,) = (tmp_path / "audit").glob("*.jsonl")
        with full_disk(path.stat().st_size):
            response = await client.get(COUNT, headers={"Accept": "application/x-ndjson"})
            text = await response.text()

    assert response.status == 503
    assert "fi-set" not in text
