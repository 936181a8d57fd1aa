"""A network of members that behave and members that do not: it answers in time, and honestly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from beacon.framework.access import EVERYTHING, Access
from beacon.framework.errors import NotFound, SourceUnavailable
from beacon.framework.query import Granularity, VariationQuery
from beacon.framework.streaming import Part
from beacon.model.entry_types import MODEL
from beacon.network import hops
from beacon.network.dialects import Dialect
from beacon.network.discovery import discovering
from beacon.network.guard import Manners
from beacon.network.planning import Ask
from beacon.network.requests import encode
from beacon.settings import CountSettings, Reporting
from tests.network.asking import NETWORK_ID, network_of, question, states, status_of
from tests.network.fake_members import (
    Answers,
    Behaviour,
    FakeMember,
    Hangs,
    Resets,
    Says,
    Slow,
    boolean_only,
    raised,
)


@contextlib.asynccontextmanager
async def fakes(**behaviours: Behaviour) -> AsyncIterator[dict[str, FakeMember]]:
    async with contextlib.AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(FakeMember(f"{name}.example", behaviour))
            for name, behaviour in behaviours.items()
        }


PATIENT = Manners(patience_s=0.5)
"""Silence counts as a failure sooner than it would outside tests."""


async def parts_of(stream: AsyncIterator[Part]) -> list[Part]:
    return [part async for part in stream]


async def test_every_member_is_in_one_state_whatever_it_does():
    behaviours: dict[str, Behaviour] = {
        "hit": Answers({"d1": 3}),
        "miss": Answers({"d1": 0}),
        "boolean": boolean_only(),
        "hangs": Hangs(),
        "resets": Resets(),
        "html": Says(b"<html>", content_type="text/html"),
        "broken": Says(b'{"meta":'),
        "denies": Says(b"{}", status=403),
        "fails": Says(b"{}", status=500),
    }
    async with fakes(**behaviours) as met:
        gone = met["hit"].member("gone", urls=("http://127.0.0.1:9/api",), hosts={"127.0.0.1:9"})
        members = [*(one.member(name) for name, one in met.items()), gone]

        async with network_of(members) as network:
            before = time.monotonic()
            answer = await network.search(question(), EVERYTHING, deadline_s=1.0)
            took = time.monotonic() - before

    assert took < 4.0  # and not the ten seconds that questions have otherwise
    assert states(answer.info) == {
        "hit": "hit",
        "miss": "miss",
        "boolean": "hit",
        "hangs": "timeout",
        "resets": "unreachable",
        "html": "badResponse",
        "broken": "badResponse",
        "denies": "restricted",
        "fails": "badResponse",
        "gone": "unreachable",
    }
    status = status_of(answer.info)
    assert status["asked"] == 10
    counted = [value for key, value in status.items() if key in _COUNTED]
    assert sum(counted) == 10
    assert {one.reported.beacon_id for one in answer.result_sets if one.reported} == {
        "hit",
        "miss",
        "boolean",
    }


_COUNTED = {
    "hit",
    "miss",
    "notCovered",
    "restricted",
    "notApplicable",
    "timeout",
    "unreachable",
    "badResponse",
    "breakerOpen",
    "stale",
    "pending",
}


async def test_twenty_seven_countries_of_which_seven_do_not_answer_well():
    behaviours: dict[str, Behaviour] = {f"m{n}": Answers({"d": n % 3}) for n in range(20)}
    behaviours |= {f"hung{n}": Hangs() for n in range(3)}
    behaviours |= {"bad": Says(b"{"), "yes": boolean_only(), "ten": raised(10)}
    async with fakes(**behaviours) as met:
        members = [one.member(name, disjoint=True) for name, one in met.items()]
        gone = {"urls": ("http://127.0.0.1:9/api",), "hosts": frozenset({"127.0.0.1:9"})}
        refused = met["m0"].member("refused", **gone)

        async with network_of([*members, refused], manners=PATIENT, deadline_s=1.0) as network:
            first = await _timed(network)
            for _ in range(5):  # the breaker opens after five failures in a row
                await _timed(network)
            # One of a few: a machine with other work may be late at any single one.
            later = min([await _timed(network) for _ in range(3)], key=lambda one: one[0])

    assert first[0] < 4.0
    assert later[0] < 0.9, states(later[1].info)  # to wait for anybody takes to the deadline
    for _, answer in (first, later):
        assert len(states(answer.info)) == 27
    assert Counter(states(first[1].info).values())["timeout"] == 3
    assert Counter(states(later[1].info).values())["breakerOpen"] >= 3


async def _timed(network):
    before = time.monotonic()
    answer = await network.search(question(), EVERYTHING)
    return time.monotonic() - before, answer


async def test_a_silent_member_is_never_a_no():
    async with fakes(miss=Answers({"d1": 0}), hangs=Hangs()) as met:
        members = [one.member(name) for name, one in met.items()]

        async with network_of(members) as network:
            answer = await network.search(question(), EVERYTHING, deadline_s=1.0)

    assert [one.dataset_id for one in answer.result_sets] == ["d1"]
    assert status_of(answer.info)["existsCertainty"] == "partial"
    assert "upper" not in status_of(answer.info)["bounds"]


async def test_counts_of_a_member_are_read_by_its_policy():
    raises = CountSettings(reporting=Reporting.RAISED, threshold=10)
    async with fakes(fi=Answers({"d1": 12}), es=raised(10)) as met:
        members = [
            met["fi"].member("fi", disjoint=True),
            met["es"].member("es", disjoint=True, counts=raises),
        ]

        async with network_of(members) as network:
            answer = await network.search(question(), EVERYTHING)

    bounds = status_of(answer.info)["bounds"]
    assert (bounds["lower"], bounds["upper"]) == (13, 22)


@pytest.mark.parametrize(
    ("bound", "count", "state"),
    [
        ("lower", 0, "notApplicable"),
        ("lower", 2, "hit"),
        ("upper", 0, "miss"),
        ("upper", 2, "notApplicable"),
        (None, 0, "miss"),
        (None, 2, "hit"),
    ],
)
async def test_what_was_asked_of_a_member_decides_what_its_answer_says(bound, count, state):
    """Of less than was meant a no says nothing, of more than was meant a yes."""
    async with fakes(fi=Answers({"d1": count})) as met:
        member = met["fi"].member("fi")
        async with network_of([member]) as network:
            asked = network._asked(question(), EVERYTHING)
            applied = None if bound is None else {"bound": bound}
            ask = Ask(query=asked.query, dialect=Dialect(), applied=applied)
            cell = network.ask_one(asked, member, ask, encode(ask.query, ask.dialect, MODEL))
            (outcome,) = await asked.outcomes(asked.started + 5.0)
            network.leave(cell)

    assert outcome.state == state


async def test_the_question_says_which_way_it_came():
    async with fakes(fi=Answers()) as met:
        async with network_of([met["fi"].member("fi")]) as network:
            await network.search(question(), Access(grants=EVERYTHING.grants, via=("other",)))

        (received,) = met["fi"].questions

    assert received.headers[hops.PATH] == f"other,{NETWORK_ID}"
    assert 0 < int(received.headers[hops.DEADLINE]) < 10_000


async def test_a_member_that_the_question_came_from_is_not_asked():
    async with fakes(fi=Answers(), es=Answers()) as met:
        members = [one.member(name) for name, one in met.items()]
        async with network_of(members, meet=True) as network:
            via = Access(grants=EVERYTHING.grants, via=("fi.example",))
            answer = await network.search(question(), via)

        assert [one.path for one in met["fi"].questions if one.method == "POST"] == []

    assert states(answer.info) == {"fi": "notApplicable", "es": "hit"}


async def test_equal_questions_under_way_are_asked_once():
    async with fakes(fi=Slow(0.2)) as met:
        async with network_of([met["fi"].member("fi")]) as network:
            answers = await asyncio.gather(
                *(network.search(question(), EVERYTHING) for _ in range(20))
            )

        assert len(met["fi"].questions) == 1

    assert {states(one.info)["fi"] for one in answers} == {"hit"}


async def test_a_question_that_nobody_waits_for_is_given_up():
    async with fakes(fi=Hangs()) as met:
        async with network_of([met["fi"].member("fi")]) as network:
            await network.search(question(), EVERYTHING, deadline_s=0.2)
            for _ in range(100):
                if met["fi"].abandoned:
                    break
                await asyncio.sleep(0.01)

        assert met["fi"].abandoned == 1


async def test_a_stream_tells_each_member_the_moment_it_answers():
    async with fakes(fast=Answers(), slow=Slow(1.5)) as met:
        members = [one.member(name) for name, one in met.items()]
        async with network_of(members) as network:
            before = time.monotonic()
            told = [
                (part.kind, part.about.get("beaconId"), time.monotonic() - before)
                async for part in network.stream(question(), EVERYTHING)
            ]

    assert [one[:2] for one in told] == [
        ("accepted", None),
        ("member", "fast"),
        ("member", "slow"),
        ("summary", None),
        ("complete", None),
    ]
    assert told[0][2] < 0.5
    assert told[1][2] < 1.0
    assert told[2][2] >= 1.49


async def test_a_part_of_a_member_that_gave_no_answer_has_none():
    async with fakes(hit=Answers(), miss=Answers({"d1": 0}), denies=Says(b"{}", 403)) as met:
        members = [one.member(name) for name, one in met.items()]
        async with network_of(members) as network:
            parts = await parts_of(network.stream(question(), EVERYTHING))

    answers = {one.about["beaconId"]: one.answer for one in parts if one.kind == "member"}
    assert answers["denies"] is None
    assert answers["miss"] is not None
    assert answers["hit"] is not None


async def test_late_answers_are_kept_for_who_asks_again():
    async with fakes(fast=Answers(), late=Slow(1.6)) as met:
        members = [one.member(name) for name, one in met.items()]
        async with network_of(members) as network:
            first = await parts_of(network.stream(question(), EVERYTHING, deadline_s=0.8))
            query_id = first[0].about["queryId"]
            again = await parts_of(network.resume(query_id, EVERYTHING, after=len(first)))
            everything = await parts_of(network.resume(query_id, EVERYTHING))

    assert [one.kind for one in first] == ["accepted", "member", "summary", "complete"]
    assert first[-1].about["late"] == 1
    assert [one.kind for one in again] == ["member", "summary", "complete"]
    assert again[0].about["beaconId"] == "late"
    assert again[-1].about["late"] == 0
    assert [one.number for one in everything] == list(range(1, 8))
    before, after = (states(one.answer.info) for one in (first[2], again[1]) if one.answer)
    assert (before["late"], after["late"]) == ("timeout", "hit")


async def test_a_stream_that_nobody_reads_gives_its_members_back():
    async with fakes(fi=Answers(), hangs=Hangs()) as met:
        members = [one.member(name) for name, one in met.items()]
        async with network_of(members, alone_s=1.2) as network:
            stream = network.stream(question(), EVERYTHING)
            accepted = await anext(stream)
            await stream.aclose()
            await asyncio.sleep(0.4)
            in_time = network.remotes.condition("hangs").in_flight
            await asyncio.sleep(1.2)
            too_late = network.remotes.condition("hangs").in_flight
            parts = await parts_of(network.resume(accepted.about["queryId"], EVERYTHING))

    assert (in_time, too_late) == (1, 0)
    assert [one.kind for one in parts] == ["accepted", "member", "member", "summary", "complete"]
    assert parts[-2].answer is not None
    assert states(parts[-2].answer.info) == {"fi": "hit", "hangs": "timeout"}


async def test_a_reader_who_comes_back_in_time_finds_the_stream_going_on():
    async with fakes(slow=Slow(4.0)) as met:
        async with network_of([met["slow"].member("slow")], alone_s=3.0) as network:
            stream = network.stream(question(), EVERYTHING)
            accepted = await anext(stream)
            await stream.aclose()
            await asyncio.sleep(0.1)
            parts = await parts_of(network.resume(accepted.about["queryId"], EVERYTHING))

        assert met["slow"].abandoned == 0

    assert parts[-2].answer is not None
    assert states(parts[-2].answer.info) == {"slow": "hit"}


async def test_a_network_is_ready_when_it_has_met_its_members_or_could_not():
    async with fakes(fi=Answers(), slow=Answers()) as met:
        await met["slow"].stop()
        members = [one.member(name) for name, one in met.items()]
        async with network_of(members) as network:
            with pytest.raises(SourceUnavailable):
                await network.check()
            async with discovering(network.discovery):
                for _ in range(200):
                    if network.discovery.has_tried_all:
                        break
                    await asyncio.sleep(0.01)
                await network.check()


async def test_an_answer_is_kept_for_who_asked_and_not_for_others():
    other = Access(grants=EVERYTHING.grants, via=("other",))
    async with fakes(fi=Answers()) as met, network_of([met["fi"].member("fi")]) as network:
        (accepted, *_) = await parts_of(network.stream(question(), EVERYTHING))

        with pytest.raises(NotFound):
            network.resume("unknown", EVERYTHING)
        with pytest.raises(NotFound):
            network.resume(accepted.about["queryId"], other)


async def test_an_answer_is_not_kept_for_longer_than_set():
    async with (
        fakes(fi=Answers()) as met,
        network_of([met["fi"].member("fi")], kept_s=0.1) as network,
    ):
        (accepted, *_) = await parts_of(network.stream(question(), EVERYTHING))
        await asyncio.sleep(0.15)

        with pytest.raises(NotFound):
            network.resume(accepted.about["queryId"], EVERYTHING)


async def test_a_member_that_is_away_is_answered_for_only_where_that_is_set_and_said():
    async with fakes(fi=Answers({"d1": 5}), es=Answers({"d1": 2})) as met:
        members = [one.member(name) for name, one in met.items()]
        async with network_of(members, stale_s=60.0) as with_memory, network_of(members) as without:
            for network in (with_memory, without):
                await network.search(question(), EVERYTHING)
            await met["fi"].stop()
            stale = await with_memory.search(question(), EVERYTHING)
            away = await without.search(question(), EVERYTHING)

    assert states(stale.info) == {"fi": "stale", "es": "hit"}
    assert states(away.info) == {"fi": "unreachable", "es": "hit"}
    document = status_of(stale.info)["members"][0]
    assert document["ageSeconds"] == 0
    assert document["reason"]


async def test_many_questions_reach_a_member_that_takes_many_in_one_request():
    async with fakes(one=Answers({"d1": 1}), many=Answers({"d1": 2})) as met:
        met["many"].documents["/service-info"] |= _TAKES_MANY
        members = [one.member(name) for name, one in met.items()]
        questions = [question(variation=_at(start)) for start in range(50)]

        async with network_of(members, meet=True) as network:
            found = {
                place: answer async for place, answer in network.search_many(questions, EVERYTHING)
            }
        requests = {
            name: sum(asked.method == "POST" for asked in one.questions)
            for name, one in met.items()
        }

    assert requests == {"one": 50, "many": 1}
    assert sorted(found) == list(range(50))
    for answer in found.values():
        assert states(answer.info) == {"one": "hit", "many": "hit"}


async def test_of_many_questions_each_ends_at_the_deadline():
    async with fakes(fi=Answers(), hangs=Hangs()) as met:
        members = [one.member(name) for name, one in met.items()]
        questions = [question(variation=_at(start)) for start in range(8)]

        async with network_of(members) as network:
            before = time.monotonic()
            found = [
                answer
                async for _, answer in network.search_many(questions, EVERYTHING, deadline_s=0.5)
            ]
            took = time.monotonic() - before

    assert took < 3.0
    assert [states(one.info) for one in found] == [{"fi": "hit", "hangs": "timeout"}] * 8


async def test_records_are_relayed_as_they_came():
    record = {"id": "person-1", "sex": {"id": "NCIT:C16576", "label": "female"}}
    async with (
        fakes(fi=Answers({"d1": 1}, records=[record])) as met,
        network_of([met["fi"].member("fi")]) as network,
    ):
        answer = await network.search(question(granularity=Granularity.RECORD), EVERYTHING)

    (result_set,) = answer.result_sets
    assert result_set.reported is not None
    assert [json.loads(bytes(one)) for one in result_set.reported.records] == [record]


def _at(start: int) -> VariationQuery:
    return VariationQuery(
        assembly_id="GRCh38",
        reference_name="17",
        start=(start,),
        reference_bases="G",
        alternate_bases="A",
    )


_TAKES_MANY = {"extensions": {"batch": {"url": "/batch", "maxItems": 1000}}}
