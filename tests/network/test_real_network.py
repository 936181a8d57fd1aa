"""A network of twenty-seven beacons of ours, whose answers are counted from one real cohort."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from beacon.settings import Level, MemberSettings
from tests.conformance.client import COLLECTIONS, RESPONSES, conform, has_null
from tests.network.real_beacons import COUNTRIES, Running, Seen, free_port, running, serving_network

pytestmark = pytest.mark.asyncio(loop_scope="module")

Document = dict[str, Any]

AT_ONCE = 10
"""Questions that are put at the same time: fewer than a member is asked at a time."""

BY_ID = {one.beacon_id: one for one in COUNTRIES}
COUNTING = [one for one in COUNTRIES if one.level is not Level.BOOLEAN]
SHOWING = [one for one in COUNTRIES if one.level is Level.RECORD]


@dataclass(frozen=True)
class Asker:
    """A client of beacons and networks."""

    session: aiohttp.ClientSession
    url: str

    def at(self, url: str) -> Asker:
        return Asker(self.session, url)

    async def get(self, path: str, **parameters: Any) -> Document:
        named = {key: str(value) for key, value in parameters.items()}
        async with self.session.get(self.url + path, params=named) as response:
            return await _document(response)

    async def post(self, path: str, query: Document) -> Document:
        body = {"meta": {"apiVersion": "v2.2.0"}, "query": query}
        async with self.session.post(self.url + path, json=body) as response:
            return await _document(response)

    async def ask(
        self, seen: Seen, path: str = "/individuals", granularity: str = "count"
    ) -> Document:
        return await self.get(
            path,
            **seen.parameters,
            requestedGranularity=granularity,
            includeResultsetResponses="ALL",
            limit=200,
        )

    async def met(self, number: int) -> None:
        """Wait until so many members have said what they are."""
        end = time.monotonic() + 240
        while True:
            told = (await self.get("/network/members"))["response"]["members"]
            if sum("apiVersion" in one for one in told) >= number:
                return
            assert time.monotonic() < end, told
            await asyncio.sleep(0.1)


async def _document(response: aiohttp.ClientResponse) -> Document:
    document: Document = await response.json()
    assert response.status == 200, document
    return document


def sets_of(answer: Mapping[str, Any]) -> dict[str, Document]:
    """Result sets by the id of the beacon that has the data."""
    sets = answer["response"]["resultSets"]
    found = {one["info"]["path"][-1]: one for one in sets}
    assert len(found) == len(sets)
    return found


def told_in(answers: Sequence[Mapping[str, Any]]) -> dict[str, tuple[bool, int | None]]:
    """What all answers say together, as `as_told`."""
    return {
        beacon_id: (one["exists"], one.get("resultsCount"))
        for answer in answers
        for beacon_id, one in sets_of(answer.get("answer", answer)).items()
    }


def status_of(answer: Mapping[str, Any]) -> Document:
    status: Document = answer["info"]["networkStatus"]
    return status


def states_of(answer: Mapping[str, Any]) -> dict[str, str]:
    return {one["beaconId"]: one["status"] for one in status_of(answer)["members"]}


@pytest.fixture(scope="module")
def beacons(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(mongo_uri, tmp_path_factory.mktemp("beacons")) as found:
        yield found


@pytest.fixture
def alleles(beacons: Running, request: pytest.FixtureRequest) -> list[Seen]:
    """A hundred, other ones for each test, rare and common."""
    return random.Random(request.node.name).sample(beacons.truth, 100)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(
    beacons: Running, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Asker]:
    folder = tmp_path_factory.mktemp("network")
    async with (
        aiohttp.ClientSession() as session,
        serving_network("eu.example.network", beacons.members(), folder, deadline_s=60) as url,
    ):
        asker = Asker(session, url)
        await asker.met(len(COUNTRIES))
        yield asker


def as_told(seen: Seen) -> dict[str, tuple[bool, int | None]]:
    """By beacon, whether anybody there carries an allele, and how many as far as it tells."""
    counts = {one.beacon_id: len(seen.carriers[one.place]) for one in COUNTRIES}
    return {
        beacon_id: (
            count > 0,
            count if BY_ID[beacon_id] in COUNTING else None,
        )
        for beacon_id, count in counts.items()
    }


async def test_counts_are_those_of_the_file_for_each_country_and_in_all(
    network: Asker, beacons: Running, alleles: list[Seen]
) -> None:
    for seen in alleles[:40]:
        answer = await network.ask(seen)

        told = told_in([answer])
        exact = sum(len(seen.carriers[one.place]) for one in COUNTING)
        maybe = [one for one in COUNTRIES if one not in COUNTING and seen.carriers[one.place]]
        bounds = status_of(answer)["bounds"]
        assert told == as_told(seen)
        assert states_of(answer) == {
            one: "hit" if exists else "miss" for one, (exists, _) in told.items()
        }
        assert answer["responseSummary"]["exists"] == (seen.total > 0)
        assert bounds["lower"] == exact + len(maybe)
        assert bounds["upper"] == exact + sum(beacons.people[one.code] for one in maybe)
        assert bounds["lower"] <= seen.total <= bounds["upper"]
        assert bounds["lower"] <= answer["responseSummary"]["numTotalResults"] <= bounds["upper"]


async def test_an_allele_counts_as_one_however_many_countries_have_it(
    network: Asker, alleles: list[Seen]
) -> None:
    for seen in alleles[:20]:
        answer = await network.ask(seen, "/g_variants")

        assert {one: found["exists"] for one, found in sets_of(answer).items()} == {
            one: exists for one, (exists, _) in as_told(seen).items()
        }
        assert status_of(answer)["bounds"]["upper"] == (seen.total > 0)


async def test_records_are_relayed_as_members_give_them(
    network: Asker, beacons: Running, alleles: list[Seen]
) -> None:
    for seen in alleles[:15]:
        relayed = sets_of(await network.ask(seen, granularity="record"))

        for one in SHOWING:
            direct = await network.at(beacons.urls[one.code]).ask(seen, granularity="record")
            (result_set,) = direct["response"]["resultSets"]
            found = relayed[one.beacon_id]
            assert found["results"] == result_set["results"]
            assert {record["id"] for record in found["results"]} == seen.carriers[one.place]
        for one in COUNTRIES:
            assert one in SHOWING or not relayed[one.beacon_id].get("results")


async def test_frequencies_of_all_are_the_sum_of_those_that_are_shown(
    network: Asker, beacons: Running, alleles: list[Seen]
) -> None:
    checked = 0
    for seen in [one for one in alleles if one.total][:15]:
        answer = await network.ask(seen, "/g_variants", "record")

        having = [one for one in SHOWING if seen.carriers[one.place]]
        if not having:
            assert "frequencies" not in answer["info"]
            continue
        checked += 1
        (combined,) = answer["info"]["frequencies"]
        total = combined["frequencies"][0]
        assert total["alleleCount"] == sum(seen.copies[one.place] for one in having)
        assert total["alleleNumber"] == sum(seen.called[one.place] for one in having)
        assert [one["country"] for one in combined["countries"]] == [one.code for one in having]
    assert checked


async def test_a_batch_is_answered_as_its_questions_are(
    network: Asker, alleles: list[Seen]
) -> None:
    body = {
        "meta": {"apiVersion": "v2.2.0"},
        "entryType": "individual",
        "query": {"requestedGranularity": "count", "includeResultsetResponses": "ALL"},
        "items": [
            {"id": str(place), "requestParameters": {"g_variant": seen.parameters}}
            for place, seen in enumerate(alleles)
        ],
    }
    async with network.session.post(network.url + "/batch", json=body) as response:
        *lines, last = [json.loads(line) async for line in response.content]

    singles = []
    for start in range(0, len(alleles), AT_ONCE):
        part = alleles[start : start + AT_ONCE]
        singles += await asyncio.gather(*(network.ask(seen) for seen in part))
    assert last == {"complete": True, "items": 100, "answered": 100}
    assert {line["id"] for line in lines} == {str(place) for place in range(100)}
    for line in lines:
        assert comparable(line) == comparable(singles[int(line["id"])])


def comparable(answer: Mapping[str, Any]) -> Document:
    """What an answer says, without what depends on when it was given."""
    parts = {key: answer[key] for key in ("responseSummary", "response", "info")}
    found: Document = json.loads(json.dumps(parts))
    status = found["info"]["networkStatus"]
    status.pop("queryId")
    for one in status["members"]:
        one.pop("afterMs")
    for one in found["response"]["resultSets"]:
        one["info"].pop("latencyMs")
    return found


async def test_a_stream_begins_at_once_and_ends_with_the_slowest(
    network: Asker, beacons: Running, alleles: list[Seen]
) -> None:
    firsts, ratios = [], []
    for seen in alleles[:12]:
        slowest = await slowest_of_all(network, beacons, seen)
        first, last, parts = await streamed(network, seen)
        firsts.append(first)
        ratios.append(last / slowest)

        members = [one for one in parts if one["kind"] == "member"]
        assert [one["kind"] for one in (parts[0], *parts[-2:])] == [
            "accepted",
            "summary",
            "complete",
        ]
        assert {one["about"]["beaconId"] for one in members} == set(BY_ID)
        assert told_in(members) == as_told(seen)
        assert parts[-2]["answer"]["responseSummary"]["exists"] == (seen.total > 0)
    assert statistics.median(firsts) < 0.4
    assert statistics.median(ratios) < 2


async def slowest_of_all(network: Asker, beacons: Running, seen: Seen) -> float:
    """Seconds until the last member answered, when all are asked at once without a network."""
    started = time.monotonic()
    await asyncio.gather(*(network.at(url).ask(seen) for url in beacons.urls.values()))
    return time.monotonic() - started


async def streamed(network: Asker, seen: Seen) -> tuple[float, float, list[Document]]:
    """Seconds to the first and to the last part, and all parts."""
    times, parts = [], []
    started = time.monotonic()
    parameters = {key: str(value) for key, value in seen.parameters.items()}
    async with network.session.get(
        network.url + "/individuals",
        params={**parameters, "requestedGranularity": "count", "includeResultsetResponses": "ALL"},
        headers={"Accept": "application/x-ndjson"},
    ) as response:
        assert response.status == 200
        async for line in response.content:
            times.append(time.monotonic() - started)
            parts.append(json.loads(line))
    return times[0], times[-1], parts


PATHS = ("g_variants", "individuals", "biosamples", "runs", "analyses", "datasets", "cohorts")
INCLUDES = ("ALL", "HIT", "MISS", "NONE")


@pytest.mark.parametrize("include", INCLUDES)
@pytest.mark.parametrize("granularity", RESPONSES)
async def test_every_answer_follows_the_schemas(
    network: Asker, alleles: list[Seen], granularity: str, include: str
) -> None:
    some = next(one for one in alleles if 0 < one.total < 100)
    asked = {"requestedGranularity": granularity, "includeResultsetResponses": include}
    for path in PATHS:
        of_variants = path not in ("datasets", "cohorts")
        variation = some.parameters if of_variants else {}
        parameters = {"requestParameters": {"g_variant": variation}} if of_variants else {}
        by_get = await network.get(f"/{path}", **variation, **asked)
        by_post = await network.post(f"/{path}", {**parameters, **asked})

        for document in (by_get, by_post):
            name = RESPONSES[document["meta"]["returnedGranularity"]]
            if not of_variants and "collections" in document.get("response", {}):
                name = COLLECTIONS
            conform(document, name)
            assert not has_null(document)
            if name != COLLECTIONS and document.get("response"):
                conform(document, RESPONSES["record"])
        assert by_get["responseSummary"] == by_post["responseSummary"]
        listed = {one["id"]: one for one in by_get.get("response", {}).get("resultSets", ())}
        exists = {one["exists"] for one in listed.values()}
        assert (
            exists <= {"ALL": {True, False}, "HIT": {True}, "MISS": {False}, "NONE": set()}[include]
        )


INFORMATIONAL = {
    "": "beaconInfoResponse",
    "/info": "beaconInfoResponse",
    "/map": "beaconMapResponse",
    "/configuration": "beaconConfigurationResponse",
    "/entry_types": "beaconEntryTypesResponse",
    "/filtering_terms": "beaconFilteringTermsResponse",
    "/service-info": "beaconServiceInfo",
}


@pytest.mark.parametrize("path", INFORMATIONAL)
async def test_what_it_says_of_itself_follows_the_schemas(network: Asker, path: str) -> None:
    document = await network.get(path or "/")

    conform(document, f"responses/{INFORMATIONAL[path]}.json")
    if path == "/info":
        assert {one["meta"]["beaconId"] for one in document["responses"]} == set(BY_ID)


async def test_networks_of_networks_count_everybody_once(
    network: Asker, beacons: Running, alleles: list[Seen], tmp_path: Path
) -> None:
    codes = [one.code for one in COUNTRIES]
    async with AsyncExitStack() as stack:
        halves = {
            name: await stack.enter_async_context(
                serving_network(name, beacons.members(*some), tmp_path / name)
            )
            for name, some in (("north.example", codes[:16]), ("south.example", codes[10:]))
        }
        members = {name: network_member(url) for name, url in halves.items()}
        members |= beacons.members(codes[0], codes[20])
        top = network.at(
            await stack.enter_async_context(
                serving_network("top.example", members, tmp_path / "top")
            )
        )
        for url in halves.values():
            await network.at(url).met(len(codes) // 2)
        await top.met(4)
        for seen in alleles[:15]:
            nested = await top.ask(seen)
            flat = await network.ask(seen)

            assert told_in([nested]) == as_told(seen)
            for one in (COUNTRIES[0], COUNTRIES[20]):  # the shortest way is preferred
                found = sets_of(nested)[one.beacon_id]
                assert found["info"]["path"] == [one.beacon_id]
            assert states_of(nested)["north.example"] in ("hit", "miss")
            lower, upper = (status_of(nested)["bounds"].get(one) for one in ("lower", "upper"))
            assert lower <= seen.total
            assert upper is None or seen.total <= upper
            assert nested["responseSummary"]["exists"] == flat["responseSummary"]["exists"]
            shown = nested["responseSummary"]["numTotalResults"]
            assert shown <= flat["responseSummary"]["numTotalResults"]


def network_member(url: str) -> MemberSettings:
    """A network as a member; who is in it is in no other by what is known."""
    return MemberSettings(name="Network", country="EU", url=url, allow_private=True)


async def test_a_network_that_is_its_own_member_answers(
    network: Asker, beacons: Running, alleles: list[Seen], tmp_path: Path
) -> None:
    port = free_port()
    members = beacons.members("FI") | {
        "itself": network_member(f"http://127.0.0.1:{port}/api"),
    }
    async with serving_network("ring.example", members, tmp_path, port=port) as url:
        for wait in (False, True):
            if wait:
                await network.at(url).met(2)
            for seen in alleles[:5]:
                started = time.monotonic()
                answer = await network.at(url).ask(seen)

                assert time.monotonic() - started < 5
                assert list(sets_of(answer)) == ["fi.example.beacon"]
                assert found_in(answer, "FI") == people_in(seen, "FI")
                assert states_of(answer)["itself"] not in ("hit", "miss")


async def test_two_networks_that_are_each_others_members_answer(
    network: Asker, beacons: Running, alleles: list[Seen], tmp_path: Path
) -> None:
    ports = {"one.example": free_port(), "two.example": free_port()}
    urls = {name: f"http://127.0.0.1:{port}/api" for name, port in ports.items()}
    first = beacons.members("AT") | {"two.example": network_member(urls["two.example"])}
    second = beacons.members("BE") | {"one.example": network_member(urls["one.example"])}
    async with (
        serving_network("one.example", first, tmp_path / "1", port=ports["one.example"]) as url,
        serving_network("two.example", second, tmp_path / "2", port=ports["two.example"]),
    ):
        for seen in alleles[:8]:
            started = time.monotonic()
            answer = await network.at(url).ask(seen)

            assert time.monotonic() - started < 5
            assert set(sets_of(answer)) == {"at.example.beacon", "be.example.beacon"}
            for code in ("AT", "BE"):
                assert found_in(answer, code) == people_in(seen, code)


def found_in(answer: Mapping[str, Any], code: str) -> int:
    count: int = sets_of(answer)[f"{code.lower()}.example.beacon"]["resultsCount"]
    return count


def people_in(seen: Seen, code: str) -> int:
    (country,) = (one for one in COUNTRIES if one.code == code)
    return len(seen.carriers[country.place])
