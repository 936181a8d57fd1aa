"""Pages ask as whoever reads them could ask the API: same rights, limits, steps and audit."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from msgspec import structs

from beacon import auditing, composition
from beacon.framework.access import Access
from beacon.framework.answer import Answer, Terms
from beacon.framework.errors import BeaconError, SourceUnavailable
from beacon.framework.query import Filter, Granularity, Include, Query
from beacon.framework.source import Source, TermsQuery
from beacon.metrics import Metrics
from beacon.settings import (
    DatasetPolicy,
    Level,
    LimitSettings,
    PolicySettings,
    PrivacySettings,
    Settings,
)
from beacon.web.asking import Asking
from tests.web.small_beacon import ALL_TOLD, FEMALE, STORE

WOMEN = Query(
    entry_type="individual",
    filters=(Filter(id=FEMALE["id"]),),
    granularity=Granularity.COUNT,
    include=Include.ALL,
    include_given=True,
)
NOBODY = Query(
    entry_type="individual",
    filters=(Filter(id="NCIT:C20197"),),
    granularity=Granularity.COUNT,
    include_given=True,
)


BOTH = (WOMEN, NOBODY)


class HalfAway:
    """A source that cannot say how many men there are."""

    async def search(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> Answer:
        if query.filters == NOBODY.filters:
            raise SourceUnavailable("the database is away")
        await asyncio.sleep(0.05)
        return await STORE.search(query, access, deadline_s=deadline_s)

    async def filtering_terms(self, query: TermsQuery, access: Access) -> Terms:
        raise SourceUnavailable("the database is away")

    async def check(self) -> None:
        return


class Failing(HalfAway):
    """A source with a fault."""

    async def search(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> Answer:
        raise KeyError("secret detail")


def settings_in(folder: Path, **limits: Any) -> Settings:
    return Settings(
        data_dir=str(folder),
        limits=LimitSettings(**limits),
        policy=PolicySettings(
            datasets={"open": DatasetPolicy(public={"individual": Level.COUNT}, **ALL_TOLD)}
        ),
    )


def page_that_asks(*queries: Query) -> Callable[[web.Application, Asking], None]:
    """A page at `/page` that shows the parts it was given."""

    def add(app: web.Application, asking: Asking) -> None:
        async def page(request: web.Request) -> web.StreamResponse:
            access = await asking.access(request, request.headers, len(queries))
            found = []
            async with aclosing(asking.parts(request, queries, access)) as parts:
                async for place, part in parts:
                    found.append([place, part])
            return web.json_response(found)

        async def terms(request: web.Request) -> web.StreamResponse:
            access = await asking.access(request, {})
            return web.json_response(await asking.terms(request, access, TermsQuery()))

        async def streamed(request: web.Request) -> web.StreamResponse:
            async def lines() -> AsyncGenerator[bytes]:
                yield b'{"line":1}\n'
                raise SourceUnavailable("the database is away")

            def failed(error: BeaconError) -> bytes:
                return json.dumps({"failed": str(error)}).encode() + b"\n"

            return await asking.send(request, lines(), failed)

        app.router.add_get("/page", page)
        app.router.add_get("/terms", terms)
        app.router.add_get("/streamed", streamed)

    return add


@asynccontextmanager
async def site(
    settings: Settings, *queries: Query, source: Source = STORE
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with auditing.opened(settings, composition.keys, Metrics()) as audit:
        pages = page_that_asks(*queries)
        app = composition.app(settings, source, source, audit=audit, pages=pages)
        async with TestClient(TestServer(app)) as client:
            yield client


def audited(folder: Path) -> list[dict[str, Any]]:
    found = [
        json.loads(line)
        for path in sorted((folder / "audit").glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    return [one for one in found if one["kind"] == "access"]


async def test_each_question_is_answered_as_the_api_answers_it(tmp_path: Path) -> None:
    async with site(settings_in(tmp_path), WOMEN, NOBODY) as client:
        shown = await (await client.get("/page")).json()
        told = await client.get(
            f"/api/individuals?filters={FEMALE['id']}&requestedGranularity=count"
        )
        count = (await told.json())["responseSummary"]["numTotalResults"]

    summaries = {place: part["answer"] for place, part in shown if part["kind"] == "summary"}
    assert summaries[0]["responseSummary"]["numTotalResults"] == count == 2
    assert [one["id"] for one in summaries[0]["response"]["resultSets"]] == ["open"]
    assert summaries[1]["responseSummary"]["numTotalResults"] == 0


async def test_each_question_is_in_the_audit_before_its_answer_leaves(tmp_path: Path) -> None:
    async with site(settings_in(tmp_path), WOMEN, NOBODY) as client:
        await client.get("/page")
        found = audited(tmp_path)

    assert [(one["endpoint"], one["status"], one["asked"]) for one in found] == [
        ("/page", 200, "count")
    ] * 2
    assert len({one["question"] for one in found}) == 2


async def test_credentials_that_are_refused_are_written_down(tmp_path: Path) -> None:
    async with site(settings_in(tmp_path), WOMEN) as client:
        answer = await client.get("/page", headers={"Authorization": "Bearer nobody's"})

    assert answer.status == 401
    assert [one["status"] for one in audited(tmp_path)] == [401]


async def test_a_question_that_cannot_be_answered_ends_all(tmp_path: Path) -> None:
    async with site(settings_in(tmp_path), WOMEN, NOBODY, source=HalfAway()) as client:
        answer = await client.get("/page")

    assert answer.status == 503
    assert 503 in [one["status"] for one in audited(tmp_path)]


async def test_a_page_may_wait_for_less_long_than_the_api(tmp_path: Path) -> None:
    def add(app: web.Application, asking: Asking) -> None:
        async def page(request: web.Request) -> web.StreamResponse:
            access = await asking.access(request, {})
            parts = asking.parts(request, (WOMEN,), access, within_s=0.01)
            return web.json_response([part async for part in parts])

        app.router.add_get("/short", page)

    app = composition.app(settings_in(tmp_path), HalfAway(), STORE, pages=add)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/short")

    assert answer.status == 504


async def test_a_fault_ends_it_too_rather_than_hang(tmp_path: Path) -> None:
    async with site(settings_in(tmp_path), WOMEN, NOBODY, source=Failing()) as client:
        async with asyncio.timeout(5):
            answer = await client.get("/page")

        assert answer.status == 500
        assert "secret" not in await answer.text()


async def test_what_a_page_asks_counts_as_much_as_what_the_api_is_asked(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, requests_per_minute_public=4, burst=4)
    async with site(settings, WOMEN, NOBODY) as client:
        statuses = [(await client.get("/page")).status for _ in range(4)]

    assert statuses == [200, 200, 429, 429]


@pytest.mark.parametrize("granularity", [Granularity.BOOLEAN, Granularity.COUNT])
async def test_a_dataset_that_tells_few_as_nobody_says_how_many_that_may_be(
    granularity: Granularity, tmp_path: Path
) -> None:
    protected = DatasetPolicy(public={"individual": Level.COUNT}, min_count=10)
    settings = Settings(data_dir=str(tmp_path), policy=PolicySettings(datasets={"open": protected}))
    asked = [structs.replace(one, granularity=granularity, include=Include.ALL) for one in BOTH]
    async with site(settings, *asked) as client:
        shown = await (await client.get("/page")).json()

    # Two women are told as no man is.
    sets = [
        one for _, part in shown for one in part["answer"].get("response", {}).get("resultSets", ())
    ]
    assert [(one["exists"], one["info"]["bounds"]) for one in sets] == [(False, [0, 9])] * 2


async def test_answers_of_pages_leave_at_steps_of_time(tmp_path: Path) -> None:
    protected = DatasetPolicy(public={"individual": Level.COUNT}, min_count=10)
    settings = Settings(
        data_dir=str(tmp_path),
        privacy=PrivacySettings(answer_step_ms=200),
        policy=PolicySettings(datasets={"open": protected}),
    )
    async with site(settings, WOMEN) as client:
        await client.get("/page")
        begun = time.perf_counter()
        answer = await client.get("/page")
        took = time.perf_counter() - begun

    assert answer.status == 200
    assert took >= 0.2


async def test_terms_are_those_of_the_api(tmp_path: Path) -> None:
    async with site(settings_in(tmp_path)) as client:
        shown = await (await client.get("/terms")).json()
        told = await (await client.get("/api/filtering_terms?limit=0")).json()

    assert shown["response"] == told["response"]
    assert len(audited(tmp_path)) == 2


async def test_a_stream_that_breaks_says_so_in_its_last_line(tmp_path: Path) -> None:
    async with site(settings_in(tmp_path)) as client:
        text = await (await client.get("/streamed")).text()

    assert text.splitlines() == ['{"line":1}', '{"failed": "the database is away"}']


@pytest.mark.parametrize("path", ["/page", "/api/info"])
async def test_pages_and_answers_have_the_headers_of_data_unless_they_bring_their_own(
    path: str, tmp_path: Path
) -> None:
    async with site(settings_in(tmp_path), WOMEN) as client:
        headers = (await client.get(path)).headers

    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Referrer-Policy"] == "no-referrer"
