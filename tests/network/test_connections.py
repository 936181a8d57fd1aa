"""What may come over a connection, and when it is used again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from beacon.network.connections import HEAD_BYTES
from beacon.network.guard import Manners
from beacon.network.members import Member
from beacon.network.remote import RawReply, Remotes
from beacon.network.requests import MemberRequest
from beacon.network.states import State
from beacon.web.server import new_loop
from tests.network.remote_requests import QUESTION, ask, condition, failure_of, lines_of, until
from tests.network.scripted_server import Says, Server, head, plain, scripted


@contextlib.asynccontextmanager
async def asking(
    *script: Says,
    manners: Manners = Manners(),  # noqa: B008 - frozen
) -> AsyncIterator[tuple[Server, Remotes, Member]]:
    async with scripted(*script) as server:
        member = server.member()
        async with Remotes([member], manners=manners) as remotes:
            yield server, remotes, member


async def replies(times: int, *script: Says) -> tuple[Server, list[RawReply]]:
    """What a member says to so many questions, one after the other."""
    async with asking(*script) as (server, remotes, member):
        found = []
        for _ in range(times):
            found.append(await ask(remotes, member))
            await asyncio.sleep(0.2)
    return server, found


CHUNKED = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
CHUNKS = [b'2;name="x"\r\n{"\r\n', b'4\r\na":1\r\n', b"1\r\n}\r\n"]


@pytest.mark.parametrize(
    "says",
    [
        plain(b'{"a":1}'),
        Says([CHUNKED + b"".join(CHUNKS) + b"0\r\n\r\n"]),
        Says([CHUNKED, *CHUNKS, b"0\r\n", b"Expires: never\r\n\r\n"], pause_s=0.01),
        Says([head("HTTP/1.1 100 Continue"), *plain(b'{"a":1}').pieces], pause_s=0.01),
        Says([head("HTTP/1.1 103 Early Hints", "Content-Length: 5") + plain(b'{"a":1}').pieces[0]]),
        Says([bytes((one,)) for one in plain(b'{"a":1}').pieces[0]], pause_s=0.001),
    ],
    ids=["length", "chunks", "chunks-and-trailer", "continue", "early-hints", "bytes"],
)
async def test_answers_are_read_and_their_connection_is_used_again(says: Says) -> None:
    server, found = await replies(2, says)

    assert [(one.status, one.body) for one in found] == [(200, b'{"a":1}')] * 2
    assert [len(one) for one in server.requests] == [2]


@pytest.mark.parametrize(
    "says",
    [
        Says([head("HTTP/1.1 200 OK") + b'{"a', b'":1}'], closes=True),
        Says([head("HTTP/1.0 200 OK") + b'{"a":1}'], closes=True),
        Says([head("HTTP/1.0 200 OK", "Content-Length: 7") + b'{"a":1}']),
        plain(b'{"a":1}', "Connection: close"),
        plain(b'{"a":1}', idle=b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"),
        Says([plain(b'{"a":1}').pieces[0] + plain(b"another").pieces[0]]),
        plain(b'{"a":1}', closes=True),
    ],
    ids=["until-the-end", "old", "old-length", "close", "unasked", "two-answers", "half-closed"],
)
async def test_answers_are_read_and_their_connection_is_not_used_again(says: Says) -> None:
    server, found = await replies(2, says)

    assert [(one.status, one.body) for one in found] == [(200, b'{"a":1}')] * 2
    assert [len(one) for one in server.requests] == [1, 1]


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_what_has_no_body_is_whole_with_its_head(status: str) -> None:
    server, found = await replies(2, Says([head(f"HTTP/1.1 {status}", "ETag: x")]))

    assert [(one.status, one.body) for one in found] == [(int(status[:3]), b"")] * 2
    assert [len(one) for one in server.requests] == [2]


async def test_an_answer_before_the_end_of_the_question_ends_the_connection() -> None:
    refusal = plain(b"{}", status="413 Content Too Large").pieces[0]
    long = MemberRequest(method="POST", target="/batch", body=b"x" * 50_000_000)
    async with asking(Says(early=refusal), plain()) as (server, remotes, member):
        refused = await ask(remotes, member, long)
        answered = await ask(remotes, member)

    assert (refused.status, answered.status) == (413, 200)
    assert [len(one) for one in server.requests] == [1, 1]


LONG = b"x" * (HEAD_BYTES + 1)


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([head("HTTP/1.1 200 OK", f"X: {LONG.decode()}")], "its answer has too long a head"),
        ([b"HTTP/1.1 200 OK\r\nX: ", LONG[:20_000], LONG], "its answer has too long a head"),
        ([b"HTTP/1.1 200 OK\r\n" + b"a:b\r\n" * HEAD_BYTES], "its answer has too long a head"),
        ([head("HTTP/1.1 100 Continue", "a: b")] * 2_000, "its answer has too long a head"),
        ([CHUNKED + b"0\r\nX: ", LONG], "its answer has too long a head"),
        ([CHUNKED + b"1;x=", LONG], "its answer has too long a head"),
        ([head("HTTP/1.1 200 OK", "Content-Length: 99") + b"x"], "its answer breaks off"),
        ([CHUNKED + CHUNKS[0]], "its answer breaks off"),
        ([CHUNKED + b"0\r\n"], "its answer breaks off"),
        ([b"HTTP/1.1 200 OK\r\nContent-"], "its answer breaks off"),
        ([CHUNKED + b"zz\r\n"], "its answer is not HTTP"),
        ([b"HTTQ/1.1 200 OK\r\n\r\n"], "its answer is not HTTP"),
        ([head("HTTP/1.1 101 Switching Protocols", "Upgrade: x", "Connection: upgrade")], "HTTP"),
        ([head("HTTP/1.1 200 OK", "Content-Length: 2", "Transfer-Encoding: chunked")], "HTTP"),
        ([head("HTTP/1.1 200 OK", "Content-Length: 2", "Content-Length: 3") + b"{}"], "HTTP"),
        ([head("HTTP/1.1 200 OK", "Content-Length: -2") + b"{}"], "HTTP"),
        ([head("HTTP/1.1 200 OK", "Content-Length: 99999999999999999999")], "HTTP"),
        ([head("HTTP/1.1 200 OK", "Content-Length: 300000")], "its answer is larger than"),
        ([CHUNKED + b"fffff\r\n", b"x" * 300_000], "its answer is larger than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "pieces",
)
async def test_what_is_wrong_ends_the_connection_and_is_said(
    pieces: list[bytes], reason: str
) -> None:
    async with asking(Says(pieces, closes=True)) as (server, remotes, member):
        failure = await failure_of(remotes, member)
        await until(lambda: server.ended + sum(map(len, server.requests)) >= 1)
        after = condition(remotes, member)

    assert failure.state is State.BAD_RESPONSE
    assert reason in failure.reason
    assert (after.in_flight, after.counts) == (0, {"badResponse": 1})
    assert len(server.requests) == 1


async def test_a_question_is_sent_in_one_piece() -> None:
    read: list[bytes] = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read.append(await reader.read(100_000))
        writer.write(plain().pieces[0])
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(once, "127.0.0.1", 0)
    server = Server([], f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/api")
    member = server.member()
    async with listening, Remotes([member]) as remotes:
        await ask(remotes, member, headers={"Beacon-Network-Path": "eu.example"})

    start, _, body = read[0].partition(b"\r\n\r\n")
    first, *lines = start.decode().split("\r\n")
    assert first == "POST /api/g_variants HTTP/1.1"
    assert lines[0] == f"Host: {server.url.split('/')[2]}"
    assert "Beacon-Network-Path: eu.example" in lines
    assert body == QUESTION.body


@pytest.mark.parametrize("header", ["a\r\nX: b", "a\nb", "a\0b"])
async def test_a_header_is_one_line(header: str) -> None:
    async with asking(plain()) as (server, remotes, member):
        with pytest.raises(ValueError, match="one line"):
            await ask(remotes, member, headers={"Beacon-Network-Path": header})

    assert server.requests == []


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX:b", "/ä", "/a#b"])
async def test_a_path_is_what_a_url_can_hold(target: str) -> None:
    async with asking(plain()) as (server, remotes, member):
        failure = await failure_of(remotes, member, MemberRequest(method="GET", target=target))

    assert failure.reason == "leads to what is no URL"
    assert server.requests == []


async def test_a_kept_connection_that_has_ended_costs_one_more_request_and_no_budget() -> None:
    """The server ends connections when the next question comes, as after a restart."""
    ends = Says(closes=True)
    async with asking(plain(), ends, plain(), ends, plain()) as (server, remotes, member):
        found = [await ask(remotes, member) for _ in range(3)]
        after = condition(remotes, member)

    assert [one.status for one in found] == [200] * 3
    assert [len(one) for one in server.requests] == [2, 2, 1]
    assert (after.retries, after.counts) == (0, {"answered": 3})


async def test_a_question_is_sent_twice_at_most() -> None:
    async with asking(plain(), Says(closes=True)) as (server, remotes, member):
        await ask(remotes, member)
        failure = await failure_of(remotes, member)

    assert (failure.state, failure.reason) == (State.UNREACHABLE, "breaks the connection off")
    assert [len(one) for one in server.requests] == [2, 1]


async def test_an_answer_that_has_begun_is_not_asked_for_again() -> None:
    begun = Says([b"HTTP/1.1 200"], closes=True)
    async with asking(plain(), begun, plain()) as (server, remotes, member):
        await ask(remotes, member)
        failure = await failure_of(remotes, member)

    assert failure.reason == "its answer breaks off"
    assert [len(one) for one in server.requests] == [2]


async def test_connections_that_nobody_uses_are_closed() -> None:
    async with asking(plain(), manners=Manners(keep_alive_s=0.3)) as (server, remotes, member):
        await asyncio.gather(ask(remotes, member), ask(remotes, member))
        await asyncio.sleep(0.15)
        await ask(remotes, member)
        before = server.ended
        await until(lambda: server.ended == 2)
        await ask(remotes, member)

    assert before == 0
    assert sorted(len(one) for one in server.requests) == [1, 1, 2]


async def test_lines_that_nobody_reads_are_not_taken_in_and_do_not_stop_what_follows() -> None:
    lines = b"".join(b"%099d\n" % number for number in range(40_000))
    batch = MemberRequest(method="POST", target="/batch", body=b"{}", limit_bytes=8_000_000)
    async with asking(plain(lines)) as (server, remotes, member):
        deadline = asyncio.get_running_loop().time() + 10
        read = 0
        async for _ in remotes.lines(member, batch, deadline=deadline):
            read += 1
            if read % 10_000 == 1:
                await asyncio.sleep(0.05)
        again = await lines_of(remotes, member, batch)

    assert read == len(again) == 40_000
    assert [len(one) for one in server.requests] == [2]


async def test_who_reads_no_further_ends_the_connection() -> None:
    batch = MemberRequest(method="POST", target="/batch", body=b"{}", limit_bytes=8_000_000)
    async with asking(plain(b"1\n" * 1_000_000)) as (server, remotes, member):
        deadline = asyncio.get_running_loop().time() + 10
        async with contextlib.aclosing(remotes.lines(member, batch, deadline=deadline)) as lines:
            await anext(lines)
        in_flight = condition(remotes, member).in_flight
        await ask(remotes, member, batch)

    assert in_flight == 0
    assert [len(one) for one in server.requests] == [1, 1]


def test_it_is_so_on_the_event_loop_of_the_server_as_well() -> None:
    async def work() -> tuple[list[int], list[int]]:
        ends = Says(closes=True)
        async with asking(plain(), ends, plain()) as (server, remotes, member):
            found = [(await ask(remotes, member)).status for _ in range(3)]
            await failure_of(remotes, member, seconds=0)
        return found, [len(one) for one in server.requests]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        found, requests = runner.run(work())

    assert found == [200] * 3
    assert requests == [2, 2]
