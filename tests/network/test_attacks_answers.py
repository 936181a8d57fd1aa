"""Nothing that a member says, or leaves unsaid, becomes an answer that it did not give."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import Any

import pytest
from msgspec.structs import replace

from beacon.framework.access import EVERYTHING
from beacon.framework.answer import Answer, Total
from beacon.framework.disclosure import disclose
from beacon.framework.errors import InvalidRequest
from beacon.framework.query import Granularity, Include, Pagination, Within
from beacon.framework.request import Limits
from beacon.framework.response import Identity, Organisation, encode_answer
from beacon.framework.service import Service
from beacon.model.entry_types import MODEL
from beacon.network.asked import LARGE_BYTES, Asked
from beacon.network.merging import merge
from beacon.network.states import Outcome, State
from beacon.network.summary import state_of
from tests.network.asking import ALLELE, network_of, question, states, status_of
from tests.network.fake_members import Answers, FakeMember, Hangs, Says
from tests.network.outcomes import answered, member, reported, silent
from tests.network.replying import QUERY, failure, read, with_sets

COUNT = replace(QUERY, granularity=Granularity.COUNT)
OF_D1 = replace(QUERY, dataset_ids=("d1",))
SECOND_PAGE = replace(QUERY, pagination=Pagination(skip=1, limit=10))
IDENTITY = Identity(
    beacon_id="eu.example.network",
    name="Example",
    base_url="https://example.org/api",
    organisation=Organisation(id="org", name="Org", url="https://example.org/"),
)


def merged(outcomes: list[Outcome], **changes: Any) -> Answer:
    return merge(outcomes, question(**changes), network_id="eu", query_id="q")


def written(outcomes: list[Outcome], **changes: Any) -> Any:
    """The JSON that leaves."""
    query = question(**changes)
    answer = merge(outcomes, query, network_id="eu", query_id="q")
    return json.loads(encode_answer(disclose(answer, query, EVERYTHING), query, IDENTITY, MODEL))


@pytest.mark.parametrize("state", [one for one in State if not one.is_answer])
@pytest.mark.parametrize("include", Include)
def test_a_network_that_nobody_answered_counts_nothing(state, include):
    document = written([silent(member(), state)], include=include)

    assert document["responseSummary"] == {"exists": False}
    assert document["info"]["networkStatus"]["existsCertainty"] == "partial"


def test_an_old_yes_is_not_counted_as_nobody():
    stale = answered(member(), reported(5), state=State.STALE, age_s=60.0)

    assert merged([stale]).total == Total(count=1, precision="imprecise")


@pytest.mark.parametrize(
    ("granularity", "include"), list(itertools.product((1, 2, 3), (None, *Include))), ids=str
)
def test_states_add_up_and_silence_has_no_result_set(granularity, include):
    outcomes = [
        answered(member("fi"), reported(3)),
        answered(member("se"), reported(0)),
        *(silent(member(f"x{n}"), state) for n, state in enumerate(State) if not state.is_answer),
    ]
    changes: dict[str, Any] = {"granularity": Granularity(granularity)}
    if include is not None:
        changes["include"] = include
    document = written(outcomes, **changes)

    status = document["info"]["networkStatus"]
    assert sum(status[one.value] for one in State) == status["asked"] == len(outcomes)
    assert len(status["members"]) == len(outcomes)
    sets = document.get("response", {}).get("resultSets", [])
    hit, miss = {"fi"}, {"se"}
    shown = {None: hit | miss, "ALL": hit | miss, "HIT": hit, "MISS": miss, "NONE": set()}
    assert {one["beaconId"] for one in sets} == shown[include]
    assert document["responseSummary"]["exists"]


def test_a_yes_for_all_datasets_is_none_for_one_of_them():
    """Even in a result set: without an id it stands for everything that the beacon has."""
    reply = read(with_sets({"exists": True, "resultsCount": 9}), OF_D1)

    assert state_of(reply) == (State.NOT_APPLICABLE, "answers for all its datasets together")


def test_a_yes_for_all_datasets_of_a_leaf_does_not_hide_that_of_another():
    reply = read(
        with_sets(
            {"id": "d1", "beaconId": "leaf1", "exists": True, "resultsCount": 2},
            {"beaconId": "leaf2", "exists": True, "resultsCount": 9},
        ),
        replace(OF_D1, granularity=Granularity.COUNT),
    )

    assert [(one.exists, one.count) for one in reply.sets] == [(True, 2), (False, None)]
    assert reply.sets[1].info == {"notApplicable": "answers for all its datasets together"}
    assert merged([Outcome(member=member(), state=State.HIT, after_ms=1, reply=reply)]).total == (
        Total(count=2, precision="imprecise")
    )


def test_entries_of_one_dataset_are_not_those_of_others():
    within = replace(COUNT, entry_type="genomicVariant", within=Within("dataset", "d1"))
    reply = read(
        with_sets(
            {"id": "d1", "exists": False, "resultsCount": 0},
            {"id": "d2", "exists": True, "resultsCount": 4},
            responseSummary={"exists": True, "numTotalResults": 4},
        ),
        within,
    )

    assert [one.id for one in reply.sets] == ["d1"]
    assert state_of(reply) == (State.MISS, None)


def test_an_empty_page_after_the_first_is_no_no():
    """A server that says neither yes nor no nor how many is understood by its records alone."""
    bare = with_sets({"id": "d1", "results": []})
    assert not read(bare).exists
    assert failure(bare, SECOND_PAGE).state is State.BAD_RESPONSE

    listed = {"meta": {}, "response": {"collections": []}}
    datasets = replace(SECOND_PAGE, entry_type="dataset", variation=None)
    assert failure(listed, datasets).state is State.BAD_RESPONSE


def network_status(**changes: Any) -> dict[str, Any]:
    known = {"asked": 2, "answered": 2, "complete": True, "members": []}
    return {"networkStatus": {**known, **changes}}


@pytest.mark.parametrize(
    "changes", [{"complete": False}, {"answered": 1}, {"existsCertainty": "partial"}], ids=str
)
@pytest.mark.parametrize("granularity", [Granularity.BOOLEAN, Granularity.COUNT], ids=str)
def test_a_no_of_a_network_is_as_sure_as_that_says(changes, granularity):
    query = replace(QUERY, granularity=granularity)
    document = with_sets(
        {"id": "d", "beaconId": "leaf", "exists": False, "resultsCount": 0},
        responseSummary={"exists": False, "numTotalResults": 0},
        info=network_status(**changes),
    )
    outcome = Outcome(member=member(), state=State.MISS, after_ms=1, reply=read(document, query))
    status = status_of(merged([outcome], granularity=granularity).info)

    if "answered" not in changes:
        assert status["existsCertainty"] == "partial"
    if "existsCertainty" not in changes:
        assert not status["complete"]


async def test_one_name_for_two_datasets_is_two_datasets():
    async with (
        FakeMember("fi", Answers({"d1": 3})) as fi,
        FakeMember("se", Answers({"d1": 4})) as se,
        network_of([fi.member("fi", disjoint=True), se.member("se", disjoint=True)]) as network,
    ):
        both = await network.search(question(dataset_ids=("d1",)), EVERYTHING)
        one = await network.search(question(dataset_ids=("se:d1",)), EVERYTHING)

    assert both.total == Total(count=7)
    assert states(one.info) == {"fi": "notApplicable", "se": "hit"}
    assert [found.count for found in one.result_sets] == [4]


async def test_members_of_yes_or_no_make_no_exact_total():
    async with (
        FakeMember("fi", Answers({"d1": 3})) as fi,
        FakeMember("se", Answers({"d1": 4}, most="boolean")) as se,
        network_of([fi.member("fi", disjoint=True), se.member("se", disjoint=True)]) as network,
    ):
        answer = await network.search(question(), EVERYTHING)

    assert answer.total == Total(count=4, precision="imprecise")
    assert "upper" not in status_of(answer.info)["bounds"]


CONTRADICTS = replace(ALLELE, reference_name="NC_000017.11", assembly_id="GRCh37")


async def test_a_question_without_sense_among_many_keeps_no_other_from_its_answer():
    async with (
        FakeMember("fi") as fi,
        FakeMember("se") as se,
    ):
        fi.documents["/service-info"] |= {"extensions": {"batch": {"maxItems": 10}}}
        async with network_of([fi.member("fi"), se.member("se")], meet=True) as network:
            before = time.monotonic()
            asked = [question(variation=CONTRADICTS), question()]
            found = dict(
                [one async for one in network.search_many(asked, EVERYTHING, deadline_s=5.0)]
            )
            took = time.monotonic() - before

    assert took < 2
    assert isinstance(found[0], InvalidRequest)
    assert states(found[1].info) == {"fi": "hit", "se": "hit"}


async def test_a_question_without_sense_is_refused_before_anybody_is_asked():
    async with (
        FakeMember("fi") as fi,
        FakeMember("se", Hangs()) as se,
    ):
        members = [se.member("se"), fi.member("fi")]
        async with network_of(members) as network:
            await network.discovery.look(members[1])
            with pytest.raises(InvalidRequest):
                await network.search(question(variation=CONTRADICTS), EVERYTHING)
            with pytest.raises(InvalidRequest):
                network.stream(question(variation=CONTRADICTS), EVERYTHING)
            await asyncio.sleep(0.05)

        assert se.questions == []


def deep(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize("levels", [40, 500, 900, 950, 970, 980, 990, 100_000])
async def test_a_record_of_many_levels_harms_nobody(levels):
    body = json.dumps(with_sets({"id": "d1", "exists": True, "results": ["?"]})).encode()
    async with (
        FakeMember("fi", Says(body.replace(b'"?"', deep(levels)))) as fi,
        FakeMember("se", Answers({"d1": 0})) as se,
        network_of([fi.member("fi"), se.member("se")]) as network,
    ):
        asked = question(entry_type="genomicVariant", granularity=Granularity.RECORD)
        found = await network.search(asked, EVERYTHING)
        parts = [part async for part in network.stream(asked, EVERYTHING)]

    assert states(found.info)["se"] == "miss"
    assert states(found.info)["fi"] in ("hit", "badResponse")
    assert parts[-1].kind == "complete"


def variant(number: int) -> dict[str, Any]:
    return {
        "variantInternalId": f"GRCh38-17-{43_000_000 + number}-G-A",
        "frequencyInPopulations": [
            {
                "source": "s",
                "sourceReference": "r",
                "frequencies": [
                    {"population": "Total", "alleleCount": 1, "alleleNumber": 100 + number}
                ],
            }
        ],
        "notes": "x" * 200,
    }


async def test_a_stream_of_long_pages_is_complete():
    records = [variant(number) for number in range(400)]
    async with (
        FakeMember("fi", Answers({"d1": 400}, records=records)) as fi,
        FakeMember("se", Answers({"d1": 400}, records=records)) as se,
        network_of([fi.member("fi"), se.member("se")]) as network,
    ):
        asked = question(entry_type="genomicVariant", granularity=Granularity.RECORD)
        answer = await network.search(asked, EVERYTHING)
        parts = [part async for part in network.stream(asked, EVERYTHING)]
        resumed = [
            part async for part in network.resume(parts[0].about["queryId"], EVERYTHING, after=2)
        ]

    assert answer.info is not None
    assert len(answer.info["frequencies"]) == 400
    assert [one.kind for one in parts] == ["accepted", "member", "member", "summary", "complete"]
    assert [one.kind for one in resumed] == ["member", "summary", "complete"]
    assert sum(len(json.dumps(one)) for one in records) > LARGE_BYTES


@pytest.mark.parametrize("records", [1, 2000])
async def test_others_have_a_turn_while_many_records_are_merged(records):
    held = [variant(number) for number in range(records)]
    outcome = answered(member(), reported(records, records=held))
    query = question(entry_type="genomicVariant", granularity=Granularity.RECORD)
    pending = Outcome(member=outcome.member, state=State.PENDING, after_ms=0)
    asked = Asked(query, EVERYTHING, [pending], "eu", {}, lambda _: None)
    asked.settle(outcome)

    merging = asyncio.ensure_future(asked.merged_aside([outcome]))
    await asyncio.sleep(0)

    assert merging.done() == (asked.size_bytes <= LARGE_BYTES) == (records == 1)
    assert len((await merging).info["frequencies"]) == records  # type: ignore[index]


def test_a_dataset_that_is_named_twice_may_be_one():
    twice = answered(member(), reported(5), reported(5))

    status = status_of(merged([twice]).info)

    assert (status["bounds"]["lower"], status["bounds"]["upper"]) == (5, 10)


async def test_an_answer_is_not_lost_because_the_server_was_busy_at_the_deadline():
    async with (
        FakeMember("fi", Hangs()) as fi,
        network_of([fi.member("fi")]) as network,
    ):
        service = Service(
            identity=IDENTITY, model=MODEL, source=network, test_source=network, limits=Limits()
        )
        asyncio.get_running_loop().call_later(0.4, time.sleep, 0.2)
        answer = await service.answer(question(), EVERYTHING, 0.5)

    assert states(answer.info) == {"fi": "timeout"}
