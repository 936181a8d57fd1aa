"""Beacons of other makes and versions are asked as they understand it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from beacon.client import AsyncBeacon, Refused, Variant
from tests.client.scripted_beacon import INFO, Document, says, scripted, summary
from tests.network.foreign_member import Foreign, foreign_member

A = Variant("GRCh38", "17", 7577120, "G", "A")
ABSENT = Variant("GRCh38", "17", 7577120, "G", "C")
WRONG = {"error": {"errorCode": 400, "errorMessage": "not understood"}}


async def reads_flat(request: web.BaseRequest) -> web.StreamResponse:
    """Refuses nested parameters, and knows one allele."""
    parameters: Document = (await request.json())["query"].get("requestParameters", {})
    if "g_variant" in parameters:
        return web.json_response(WRONG, status=400)
    return web.json_response(summary(parameters.get("alternateBases") == "A"))


async def reads_nothing(request: web.BaseRequest) -> web.StreamResponse:
    """Refuses nested parameters, and passes over flat ones: it has something, after all."""
    text = json.dumps(await request.json())
    if "g_variant" in text:
        return web.json_response(WRONG, status=400)
    return web.json_response(summary(True))


async def test_a_beacon_of_version_2_0_is_asked_in_its_own_words() -> None:
    behaviour = Foreign(alleles={"d1": {"17-7577120-G-A": 3}}, most="count", names_sets=True)
    async with foreign_member(behaviour) as foreign, AsyncBeacon(foreign.url) as beacon:
        about = await beacon.about()
        known, absent = await beacon.lookup(A), await beacon.lookup(ABSENT)
        people = await beacon.count("individuals", variant=A)

    assert (about.api_version, about.batch_max, about.has_match) == ("v2.0.0", 0, False)
    assert known.exists is True
    assert absent.exists is False
    assert people.count == 3
    assert [one.dataset_id for one in people.sets] == ["d1"]


async def test_many_questions_are_put_one_by_one_where_there_is_no_batch() -> None:
    behaviour = Foreign(alleles={"d1": {"17-7577120-G-A": 3}}, most="count")
    bad = Variant("GRCh38", "no_such", 1, "A", "C")
    async with foreign_member(behaviour) as foreign, AsyncBeacon(foreign.url) as beacon:
        found = {key: one async for key, one in beacon.batch({"a": A, "b": ABSENT, "c": bad})}

    assert {key: getattr(one, "exists", type(one)) for key, one in found.items()} == {
        "a": True,
        "b": False,
        "c": Refused,
    }


async def test_the_other_shape_is_found_out_once() -> None:
    async with (
        scripted({"/g_variants": [reads_flat]}) as server,
        AsyncBeacon(server.url) as beacon,
    ):
        answers = [await beacon.lookup(one) for one in (A, ABSENT, A)]

    assert [one.exists for one in answers] == [True, False, True]
    nested = ["g_variant" in json.dumps(one.body) for one in server.at("/g_variants")]
    assert nested == [True, False, False, False, False]


async def test_a_yes_to_everything_is_no_yes() -> None:
    async with (
        scripted({"/g_variants": [reads_nothing]}) as server,
        AsyncBeacon(server.url) as beacon,
    ):
        with pytest.raises(Refused, match="not understood"):
            await beacon.lookup(A)


async def test_a_question_that_is_wrong_in_any_shape_is_refused() -> None:
    async with (
        scripted({"/g_variants": [says(WRONG, 400)]}) as server,
        AsyncBeacon(server.url) as beacon,
    ):
        with pytest.raises(Refused, match="not understood"):
            await beacon.lookup(A)


async def test_a_beacon_that_says_nothing_of_itself_is_asked_all_the_same() -> None:
    async with (
        scripted({"/g_variants": [says(summary(True))]}, info=None) as server,
        AsyncBeacon(server.url) as beacon,
    ):
        assert (await beacon.lookup(A)).exists


async def test_a_network_of_others_is_known_as_one() -> None:
    service = {"id": "n", "type": {"group": "org.ga4gh", "artifact": "beacon-network"}}
    async with (
        scripted({"/service-info": [says(service)]}) as server,
        AsyncBeacon(server.url) as beacon,
    ):
        about = await beacon.about()

    assert about.is_network
    assert about.id == INFO["response"]["id"]


async def test_pages_are_read_until_one_brings_nothing_new() -> None:
    def page(*names: str) -> Any:
        records = [{"id": name} for name in names]
        sets = [{"id": "d", "exists": True, "results": records}]
        return says({**summary(True), "response": {"resultSets": sets}})

    # The last page is given again by a server that reads `skip` in its own way.
    script = [page("1", "2"), page("3"), page("3")]
    async with scripted({"/individuals": script}) as server, AsyncBeacon(server.url) as beacon:
        found = [one["id"] async for one in beacon.individuals(page=2)]

    assert found == ["1", "2", "3"]
    asked = [one.body["query"]["pagination"] for one in server.at("/individuals")]
    assert asked == [{"skip": n, "limit": 2} for n in (0, 1, 2)]
