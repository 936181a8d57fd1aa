"""Whatever members send and clients ask, memory has bounds and nobody is kept from an answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import uvloop

from beacon import network_composition
from beacon.framework.access import EVERYTHING
from beacon.framework.errors import NotFound
from beacon.framework.query import Granularity
from beacon.model.entry_types import MODEL
from beacon.network.asked import Asked
from beacon.network.cells import Cells, Key
from beacon.network.conditions import BreakerState
from beacon.network.discovery import Discovery
from beacon.network.guard import Manners
from beacon.network.kept import Kept
from beacon.network.merged_information import documents
from beacon.network.network import Network
from beacon.network.remote import Remotes
from beacon.network.requests import MemberRequest
from beacon.network.states import MemberReply, Outcome, State
from beacon.settings import MemberSettings, NetworkSettings, Settings
from tests.network.asking import network_of, question, states
from tests.network.fake_members import Answers, FakeMember, Says, Slow
from tests.network.outcomes import answered, member, reported
from tests.network.test_attacks_answers import IDENTITY, deep

RECORDS = question(granularity=Granularity.RECORD)


def streamed(record_bytes: int) -> Asked:
    """A question that was answered, in parts, by one member with one record."""
    outcome = answered(member(), reported(1, records=[{"x": "y" * (record_bytes - 8)}]))
    pending = Outcome(member=outcome.member, state=State.PENDING, after_ms=0)
    asked = Asked(RECORDS, EVERYTHING, [pending], "eu", {}, lambda _: None)
    asked.settle(outcome)
    asked.begin_to_stream(0, lambda: None)
    return asked


async def test_questions_are_kept_as_long_as_there_is_room_for_their_records():
    kept = Kept(300, bytes_max=10_000)
    asked = [streamed(400) for _ in range(4)]
    for one in asked:
        kept.add(one)

    with pytest.raises(NotFound):
        kept.of(asked[0].query_id, EVERYTHING)
    assert kept.of(asked[-1].query_id, EVERYTHING) is asked[-1]
    assert {one.size_bytes for one in asked} == {400}
    assert {one.held_bytes for one in asked} == {4496}


async def test_last_answers_are_kept_as_long_as_there_is_room_for_their_records():
    cells = Cells(kept=100, bytes_max=1000)
    keys = [
        Key("fi", MemberRequest(method="GET", target=f"/{number}"), (), 1.0) for number in range(4)
    ]
    for key in keys * 2:

        async def ask() -> MemberReply:
            sets = (reported(1, records=[{"x": "y" * 392}]),)
            return MemberReply(exists=True, granularity=Granularity.RECORD, sets=sets)

        await cells.join(key, ask).task

    assert [cells.last(key) is not None for key in keys] == [False, False, True, True]


@pytest.mark.parametrize(("others", "state"), [(1, "hit"), (400, "badResponse")])
async def test_the_pages_of_all_members_together_have_a_bound(others, state):
    page = Answers({"d1": 1}, records=[{"x": "y" * 500_000}])
    gone = {"urls": ("http://127.0.0.1:9/api",), "hosts": frozenset({"127.0.0.1:9"})}
    async with FakeMember("fi", page) as fi:
        members = [fi.member("fi"), *(fi.member(f"x{n}", **gone) for n in range(others))]
        async with network_of(members) as network:
            answer = await network.search(RECORDS, EVERYTHING)

    assert states(answer.info)["fi"] == state


async def test_callers_in_a_hurry_spoil_nothing_for_others():
    """They neither end the request that others wait for, nor make a slow member look broken."""
    async with FakeMember("fi", Slow(0.6)) as fi:
        one = fi.member("fi")
        manners = Manners(patience_s=0.1)
        async with network_of([one], manners=manners) as network:
            hurried = [network.search(question(), EVERYTHING, deadline_s=0.05) for _ in range(20)]
            patient = asyncio.ensure_future(network.search(question(), EVERYTHING))
            left = await asyncio.gather(*hurried)
            answer = await patient
            condition = network.remotes.condition("fi")
        asked = len(fi.questions)

    assert {states(one.info)["fi"] for one in left} == {"timeout"}
    assert states(answer.info) == {"fi": "hit"}
    assert condition.breaker is BreakerState.CLOSED
    assert asked == 1


async def test_a_line_of_many_levels_ends_a_batch_at_once():
    async with FakeMember("fi") as fi:
        fi.documents["/service-info"] |= {"extensions": {"batch": {"maxItems": 10}}}
        async with network_of([fi.member("fi")], meet=True) as network:
            fi.behaviour = Says(b'{"id":"0","x":' + deep(5000) + b"}\n")
            async with asyncio.timeout(4):
                found = [
                    states(one.info)
                    async for _, one in network.search_many([question()] * 2, EVERYTHING)
                ]

    assert found == [{"fi": "badResponse"}] * 2


async def test_a_member_that_describes_itself_in_many_levels_is_not_repeated():
    async with FakeMember("fi") as fi:
        fi.documents["/info"] |= {"more": json.loads(deep(900))}
        fi.documents["/service-info"] |= {"extensions": {"batch": {"maxItems": True}}}
        one = fi.member("fi")
        async with Remotes([one]) as remotes:
            discovery = Discovery([one], remotes, refresh_s=900, folder=None)
            await discovery.look(one)
        told = documents(IDENTITY, MODEL, [one], discovery.all())

    assert told["/info"]["responses"] == []
    known = discovery.of("fi")
    assert known is not None
    assert known.beacon_id == "fi"
    assert known.batch_max == 0


async def test_members_are_met_whoever_of_them_is_away():
    async with FakeMember("fi") as fi:
        urls = {"fi": fi.url, "gone": "http://127.0.0.1:9/api"}
        members = {
            name: MemberSettings(name=name, country="FI", url=url, allow_private=True)
            for name, url in urls.items()
        }
        met: list[str] = []
        document = await network_composition.meet_members(
            Settings(network=NetworkSettings(members=members)), lambda one: met.append(one.id)
        )

    assert sorted(met) == ["fi", "gone"]
    assert {one["id"]: one["state"] for one in document["response"]["members"]} == {
        "fi": "answering",
        "gone": "notAnswering",
    }


class Fails:
    """An observer with a fault."""

    def observe(self, member: str, state: str, seconds: float | None = None) -> None:
        raise ValueError("fault")

    def set_breaker(self, member: str, *, is_open: bool) -> None: ...


def test_a_fault_of_ours_does_not_put_the_question_into_the_log():
    """On the loop that the server runs on, which names callbacks that fail."""
    told: list[dict[str, Any]] = []

    async def ask() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with FakeMember("fi") as fi, Remotes([fi.member("fi")]) as remotes:
            discovery = Discovery([fi.member("fi")], remotes, refresh_s=900, folder=None)
            async with Network(
                [fi.member("fi")],
                remotes,
                discovery,
                MODEL,
                network_id="eu",
                settings=NetworkSettings(),
                observer=Fails(),
            ) as network:
                await network.search(question(), EVERYTHING, deadline_s=0.2)

    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(ask())
    finally:
        loop.close()

    assert told
    assert "43094691" not in str(told)
