"""`POST /batch`: many questions in one request, each with its own answer or its own error."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientResponse
from slow_network import AllAtOnce
from small_beacon import SETTINGS, STORE, SYNTHETIC, Client, Start

from beacon import composition
from beacon.framework.access import Access
from beacon.framework.answer import Answer, ResultSet, Terms
from beacon.framework.query import Query
from beacon.framework.service import UNDER_WAY
from beacon.framework.source import TermsQuery
from beacon.settings import LimitSettings, Settings
from beacon.web.app import API

FEMALE = {"id": "NCIT:C16576"}
MALE = {"id": "NCIT:C20197"}
COUNT = {"requestedGranularity": "count"}


def batch(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"entryType": "individual", "query": COUNT, "items": list(items), **more}


async def lines(response: ClientResponse) -> list[dict[str, Any]]:
    assert response.status == 200, await response.text()
    assert response.content_type == "application/x-ndjson"
    return [json.loads(line) for line in (await response.text()).splitlines()]


async def by_id(response: ClientResponse) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in (await lines(response))[:-1]}


class Slow:
    """A source that takes its time, and counts how many questions wait for it."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.now = self.most = 0
        self.idle = asyncio.Event()

    async def search(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> Answer:
        self.now += 1
        self.most = max(self.most, self.now)
        self.idle.clear()
        try:
            await asyncio.sleep(self.delay_s)
        finally:
            self.now -= 1
            if not self.now:
                self.idle.set()
        return Answer(result_sets=(ResultSet(dataset_id="open", count=1),))

    async def filtering_terms(self, query: TermsQuery, access: Access) -> Terms:
        return Terms()

    async def check(self) -> None:
        return None


async def test_each_question_has_its_own_answer(client: Client) -> None:
    body = batch({"id": "a", "filters": [FEMALE]}, {"id": "b", "filters": [MALE]})

    response = await client.post("/api/batch", json=body)
    found = await lines(response)

    assert response.headers["Cache-Control"] == "private, no-store"
    assert found[-1] == {"complete": True, "items": 2, "answered": 2}
    answers = {one["id"]: one["responseSummary"] for one in found[:-1]}
    assert answers["a"]["numTotalResults"] == 3
    assert answers["b"] == {"exists": False, "numTotalResults": 0, "countPrecision": "exact"}


@pytest.mark.parametrize(
    "query",
    [
        COUNT,
        {"requestedGranularity": "record"},
        {**COUNT, "includeResultsetResponses": "ALL"},
        {**COUNT, "testMode": True},
        {**COUNT, "requestParameters": {"datasets": ["open"]}},
    ],
)
async def test_an_answer_is_the_one_to_the_question_alone(
    client: Client, query: dict[str, Any]
) -> None:
    alone = {"query": {**query, "filters": [FEMALE]}}

    in_batch = await client.post(
        "/api/batch", json=batch({"id": "a", "filters": [FEMALE]}, query=query)
    )
    single = await (await client.post("/api/individuals", json=alone)).json()

    answer = (await by_id(in_batch))["a"]
    assert answer == {"id": "a", **{key: one for key, one in single.items() if key != "meta"}}


async def test_what_is_said_for_all_and_for_one_is_joined(client: Client) -> None:
    shared = {**COUNT, "filters": [FEMALE], "requestParameters": {"datasets": ["open", "counted"]}}
    body = batch(
        {"id": "all"},
        {"id": "also", "filters": [FEMALE]},
        {"id": "none", "filters": [MALE]},
        query=shared,
    )

    found = await by_id(await client.post("/api/batch", json=body))

    totals = {one["id"]: one["responseSummary"]["numTotalResults"] for one in found.values()}
    assert totals == {"all": 3, "also": 3, "none": 0}


async def test_one_json_document_has_the_answers_in_order(client: Client) -> None:
    items = [{"id": str(number), "filters": [FEMALE]} for number in range(30)]

    response = await client.post(
        "/api/batch", json=batch(*items), headers={"Accept": "application/json"}
    )
    document = await response.json()

    assert response.content_type == "application/json"
    assert [one["id"] for one in document["results"]] == [one["id"] for one in items]
    assert document["complete"] is True
    assert (document["items"], document["answered"]) == (30, 30)
    assert document["meta"]["apiVersion"] == "v2.2.0"


async def test_a_question_that_is_wrong_does_not_spoil_the_others(client: Client) -> None:
    body = batch(
        {"id": "right", "filters": [FEMALE]},
        {"id": "no filter", "filters": [{"name": "x"}]},
        {"id": "unknown", "requestParameters": {"g_variant": {"chrom": "1"}}},
        {"id": "for all", "pagination": {"skip": 1}},
        {"id": "no list", "filters": FEMALE},
    )

    response = await client.post("/api/batch", json=body)
    found = await lines(response)
    answers = {one["id"]: one for one in found[:-1]}

    assert found[-1] == {"complete": True, "items": 5, "answered": 1}
    assert "responseSummary" in answers["right"]
    wrong = {key: one["error"] for key, one in answers.items() if key != "right"}
    assert {one["errorCode"] for one in wrong.values()} == {400}
    assert "filters[0].id is missing" in wrong["no filter"]["errorMessage"]
    assert "chrom is unknown" in wrong["unknown"]["errorMessage"]
    assert "pagination is said for all" in wrong["for all"]["errorMessage"]
    assert "must be a list" in wrong["no list"]["errorMessage"]


async def test_variants_are_what_is_asked_for_by_default(client: Client) -> None:
    exact = {"assemblyId": "GRCh38", "referenceName": "1", "start": 9, "alternateBases": "T"}
    body = {"items": [{"id": "a", "requestParameters": {"g_variant": exact}}]}

    found = await by_id(await client.post("/api/batch", json=body))

    assert found["a"] == {"id": "a", "responseSummary": {"exists": False}}


async def test_a_batch_without_questions_is_complete(client: Client) -> None:
    found = await lines(await client.post("/api/batch", json=batch()))

    assert found == [{"complete": True, "items": 0, "answered": 0}]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "items"),
        ({"items": {}}, "not a batch"),
        ({"items": [1]}, "not a batch"),
        ({"items": [{}]}, "items[0].id"),
        ({"items": [{"id": 1}]}, "items[0].id"),
        ({"items": [{"id": ""}]}, "items[0].id"),
        ({"items": [{"id": "x" * 129}]}, "items[0].id"),
        ({"items": [{"id": "\x00"}]}, "NUL"),
        ({"items": [{"id": "a"}, {"id": "a"}]}, "another item"),
        ({"items": [], "entryType": "person"}, "genomicVariant"),
        ({"items": [], "query": {"requestedGranularity": "all"}}, "requestedGranularity"),
        ({"items": [], "query": {"filters": {}}}, "filters"),
        ({"items": [{"id": str(number)} for number in range(4)]}, "at most 3"),
    ],
)
async def test_what_is_no_batch_is_refused_whole(
    start: Start, body: dict[str, Any], message: str
) -> None:
    settings = Settings(limits=LimitSettings(batch_max=3))
    client = await start(STORE, settings)

    response = await client.post("/api/batch", json=body)

    assert response.status == 400
    assert message in (await response.json())["error"]["errorMessage"]


async def test_what_is_said_for_all_must_be_short(start: Start) -> None:
    client = await start(STORE, Settings())
    body = batch({"id": "a"}, query={**COUNT, "note": "x" * 70_000})

    response = await client.post("/api/batch", json=body)

    assert response.status == 400
    assert "65536 bytes" in (await response.json())["error"]["errorMessage"]


async def test_credentials_are_judged_once_and_not_in_test_mode(client: Client) -> None:
    headers = {"Authorization": "Bearer x"}
    body = batch({"id": "a", "filters": [FEMALE]})
    in_test_mode = {**body, "query": {**COUNT, "testMode": True}}

    refused = await client.post("/api/batch", json=body, headers=headers)
    answered = await client.post("/api/batch", json=in_test_mode, headers=headers)

    assert refused.status == 401
    assert (await by_id(answered))["a"]["responseSummary"]["numTotalResults"] == 1


async def test_a_source_is_asked_a_bounded_number_at_a_time(start: Start) -> None:
    source = Slow(0.01)
    client = await start(source, SETTINGS)
    items = [{"id": str(number)} for number in range(200)]

    found = await lines(await client.post("/api/batch", json=batch(*items)))

    assert found[-1]["answered"] == 200
    assert source.most == UNDER_WAY


async def test_questions_that_are_not_answered_in_time_are_errors(start: Start) -> None:
    """As many as are asked at a time are answered; the next would take until after the end."""
    client = await start(Slow(2.0), SETTINGS)
    items = [{"id": str(number)} for number in range(150)]

    response = await client.post(
        "/api/batch", json=batch(*items), headers={"Beacon-Deadline-Ms": "3500"}
    )
    found = await lines(response)

    codes = [one["error"]["errorCode"] for one in found[:-1] if "error" in one]
    assert found[-1] == {"complete": True, "items": 150, "answered": 64}
    assert codes == [504] * 86


async def test_questions_are_given_up_when_the_client_is_gone(start: Start) -> None:
    source = Slow(20.0)
    client = await start(source, SETTINGS)
    # The head comes before any answer does.
    response = await client.post("/api/batch", json=batch(*({"id": str(one)} for one in range(9))))

    under_way = source.now
    response.close()
    async with asyncio.timeout(5):
        await source.idle.wait()

    assert under_way == 9
    assert source.now == 0


async def test_a_failing_source_fails_each_question_for_itself(broken: Client) -> None:
    found = await lines(await broken.post("/api/batch", json=batch({"id": "a"}, {"id": "b"})))

    assert [one["error"]["errorCode"] for one in found[:-1]] == [503, 503]
    assert found[-1] == {"complete": True, "items": 2, "answered": 0}


async def test_a_source_that_takes_many_is_asked_once(aiohttp_client: Any) -> None:
    source = AllAtOnce()
    settings = Settings(policy=SETTINGS.policy)
    client: Client = await aiohttp_client(composition.app(settings, source, SYNTHETIC))
    body = {
        "query": COUNT,
        "items": [
            {"id": "wrong", "filters": [{}]},
            {"id": "a", "requestParameters": {"geneId": "TP53"}},
            {"id": "b", "filters": [FEMALE]},
            {"id": "c", "requestParameters": {"geneId": "BRCA1"}},
        ],
    }

    found = await lines(await client.post(f"{API}/batch", json=body))

    answers = {one["id"]: one for one in found[:-1]}
    assert source.batches == [3]
    assert [one["id"] for one in found[:-1]] == ["wrong", "c", "b", "a"]
    assert answers["wrong"]["error"]["errorCode"] == 400
    assert answers["b"]["error"] == {"errorCode": 503, "errorMessage": "nobody knows"}
    assert found[-1]["answered"] == 2


async def test_only_post_takes_batches(client: Client) -> None:
    response = await client.get("/api/batch")

    assert response.status == 405
    assert (await client.post("/api/v2.2.0/batch/", json=batch())).status == 200
