"""Replies that are read line by line, as they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from beacon.network.members import Member
from beacon.network.remote import Remotes
from beacon.network.states import MemberFailure, State
from tests.network.fake_members import (
    Answers,
    Bombs,
    FakeMember,
    Floods,
    InTurn,
    Received,
    Resets,
    Says,
)
from tests.network.remote_requests import (
    batch,
    both,
    condition,
    failure_of_lines,
    lines_of,
)


async def test_lines_come_one_by_one() -> None:
    async with FakeMember(behaviour=Answers({"d1": 2})) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            lines = [json.loads(one) for one in await lines_of(remotes, member, batch(3))]
            after = condition(remotes, member)

    assert [one.get("id") for one in lines] == ["0", "1", "2", None]
    assert lines[-1]["complete"]
    assert fake.received[0].headers["Accept"] == "application/x-ndjson"
    assert (after.counts, after.in_flight) == ({"answered": 1}, 0)


@dataclass(frozen=True, slots=True)
class Writes:
    """Pieces of a body, with a pause after each."""

    pieces: Sequence[bytes]
    pause_s: float = 0.02

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for one in self.pieces:
            await response.write(one)
            await asyncio.sleep(self.pause_s)
        return response


@asynccontextmanager
async def writing(*pieces: bytes, pause_s: float = 0.02) -> AsyncIterator[tuple[Remotes, Member]]:
    async with FakeMember(behaviour=Writes(pieces, pause_s)) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            yield remotes, member


async def test_lines_may_come_in_any_pieces_and_the_last_without_an_end() -> None:
    async with writing(b'{"a', b'":1}\n\n{"b":2}\r\n{"c"', b":3}") as (remotes, member):
        lines = await lines_of(remotes, member, batch(1))

    assert [one.strip() for one in lines] == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


async def test_lines_are_there_before_the_next_ones_are_sent() -> None:
    async with writing(b"1\n", b"2\n", pause_s=3.0) as (remotes, member):
        loop = asyncio.get_running_loop()
        started = loop.time()
        lines = remotes.lines(member, batch(1), deadline=started + 5)
        async with aclosing(lines):
            first = await anext(lines)
            took = loop.time() - started
        after = condition(remotes, member)

    assert (first, took < 2.0) == (b"1", True)
    assert after.in_flight == 0


async def read_slowly(
    remotes: Remotes, member: Member, read: list[bytes], *, seconds: float, pause_s: float
) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    async for one in remotes.lines(member, batch(1), deadline=deadline):
        read.append(one)
        await asyncio.sleep(pause_s)


async def test_lines_end_at_the_deadline_while_the_member_is_waited_for() -> None:
    read: list[bytes] = []
    async with writing(b"1\n", b"2\n", b"3\n", pause_s=1.0) as (remotes, member):
        with pytest.raises(MemberFailure) as caught:
            await read_slowly(remotes, member, read, seconds=1.5, pause_s=0)

    assert read == [b"1", b"2"]
    assert caught.value.state is State.TIMEOUT


async def test_a_reader_who_takes_time_loses_nothing_that_came_in_time() -> None:
    read: list[bytes] = []
    async with writing(b"1\n2\n", b"3\n") as (remotes, member):
        await read_slowly(remotes, member, read, seconds=1.0, pause_s=0.6)

    assert read == [b"1", b"2", b"3"]


@pytest.mark.parametrize("behaviour", [Floods(), Floods(lines=True), Bombs()], ids=str)
async def test_lines_are_bounded_one_by_one_and_together(behaviour: Any) -> None:
    async with FakeMember(behaviour=behaviour) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            with pytest.raises(MemberFailure, match="is larger than") as caught:
                await lines_of(remotes, member, batch(1, 500_000))

    assert caught.value.state is State.BAD_RESPONSE
    assert fake.bytes_sent < 16_000_000


async def test_lines_come_from_a_copy_when_the_first_has_no_connection() -> None:
    async with FakeMember() as fake, FakeMember() as copy:
        member = both(fake, copy)
        await fake.stop()
        async with Remotes([member]) as remotes:
            lines = await lines_of(remotes, member, batch(1))

    assert len(lines) == 2


async def test_a_broken_connection_for_lines_is_tried_once_more() -> None:
    async with FakeMember(behaviour=InTurn([Resets(), Answers()])) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            lines = await lines_of(remotes, member, batch(1))
            fake.behaviour = Resets()
            failure = await failure_of_lines(remotes, member)

    assert len(lines) == 2
    assert failure.reason == "breaks the connection off"
    assert len(fake.questions) == 4


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (401, State.RESTRICTED),
        (403, State.RESTRICTED),
        (400, State.NOT_APPLICABLE),
        (404, State.NOT_APPLICABLE),
        (405, State.NOT_APPLICABLE),
        (500, State.NOT_APPLICABLE),
        (429, State.UNREACHABLE),
        (503, State.UNREACHABLE),
    ],
)
async def test_a_status_instead_of_lines_is_a_failure(status: int, state: State) -> None:
    async with FakeMember(behaviour=Says(b"{}", status=status)) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            failure = await failure_of_lines(remotes, member)

    assert failure.state is state


async def test_a_long_question_arrives_whole() -> None:
    async with FakeMember() as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            lines = await lines_of(remotes, member, batch(300, 100_000_000, id_length=10_000))

    assert len(lines) == 301
