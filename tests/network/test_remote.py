"""What becomes of a request to a member, whatever the member does with it."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from beacon.network.guard import Manners
from beacon.network.members import Member, host_of
from beacon.network.remote import Remotes
from beacon.network.requests import MemberRequest
from beacon.network.states import MemberFailure, State
from tests.network.fake_members import (
    Answers,
    Bombs,
    Compressed,
    Drips,
    FakeMember,
    Floods,
    Hangs,
    InTurn,
    Received,
    Resets,
    Says,
    Skewed,
    Slow,
    redirects,
)
from tests.network.remote_requests import (
    QUESTION,
    QUICK,
    ask,
    condition,
    failure_of,
    until,
)


async def test_a_reply_comes_with_its_status_body_and_type() -> None:
    async with FakeMember(behaviour=Answers({"d1": 3})) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            reply = await ask(remotes, member)

    assert (reply.status, reply.content_type) == (200, "application/json")
    assert json.loads(reply.body)["responseSummary"]["numTotalResults"] == 3


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 501, 502, 503])
async def test_every_status_is_a_reply(status: int) -> None:
    async with FakeMember(behaviour=Says(b"sorry", status=status)) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            reply = await ask(remotes, member)

    assert (reply.status, reply.body) == (status, b"sorry")
    assert len(fake.questions) == 1


async def test_the_request_arrives_as_it_was_made() -> None:
    async with FakeMember() as fake:
        member = fake.member()
        get = MemberRequest(method="GET", target="/g_variants?start=1&alternateBases=%3CDEL%3E")
        async with Remotes([member]) as remotes:
            await ask(remotes, member, headers={"Beacon-Network-Path": "eu.example"})
            await ask(remotes, member, get)

    posted, got = fake.received
    assert (posted.method, posted.path, posted.body) == ("POST", "/g_variants", QUESTION.body)
    assert posted.headers["Beacon-Network-Path"] == "eu.example"
    assert posted.headers["Content-Type"] == "application/json"
    assert (got.method, got.query["alternateBases"], got.body) == ("GET", "<DEL>", b"")
    assert "Beacon-Network-Path" not in got.headers


async def test_what_a_member_sets_is_not_sent_back_and_its_clock_does_not_matter() -> None:
    async with FakeMember(behaviour=Skewed()) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            for _ in range(2):
                await ask(remotes, member)

    assert "Cookie" not in fake.received[1].headers


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeMember() as fake, FakeMember("proxy") as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        member = fake.member()
        async with Remotes([member]) as remotes:
            await ask(remotes, member)

    assert (len(fake.received), len(proxy.received)) == (1, 0)


async def test_connections_are_kept() -> None:
    ports = set()

    @dataclass(frozen=True, slots=True)
    class Notes:
        async def answer(
            self, fake: FakeMember, received: Received, request: web.BaseRequest
        ) -> web.StreamResponse:
            assert request.transport is not None
            ports.add(request.transport.get_extra_info("peername")[1])
            return await Answers().answer(fake, received, request)

    async with FakeMember(behaviour=Notes()) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            for _ in range(5):
                await ask(remotes, member)

    assert len(ports) == 1


async def test_only_pages_of_records_are_asked_for_compressed() -> None:
    async with FakeMember() as fake:
        member = fake.member()
        records = MemberRequest(method="GET", target="/individuals", limit_bytes=8_000_000)
        async with Remotes([member]) as remotes:
            await ask(remotes, member)
            await ask(remotes, member, records)

    encodings = [one.headers["Accept-Encoding"] for one in fake.received]
    assert encodings == ["identity", "gzip, deflate"]


@pytest.mark.parametrize("behaviour", [Hangs(), Drips(), Slow(2)], ids=str)
async def test_the_deadline_is_kept_whatever_the_member_does(behaviour: Any) -> None:
    loop = asyncio.get_running_loop()
    async with FakeMember(behaviour=behaviour) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            started = loop.time()
            failure = await failure_of(remotes, member, seconds=0.3)
            took = loop.time() - started
            await until(lambda: fake.abandoned == 1)

    assert (failure.state, failure.reason) == (State.TIMEOUT, "no answer within 0.3 s")
    assert 0.29 <= took < 1.8


async def test_deadlines_of_seconds_are_not_rounded_up() -> None:
    loop = asyncio.get_running_loop()
    async with FakeMember(behaviour=Hangs()) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            took = 6.0
            for _ in range(3):  # a machine with other work may be late at any single one
                started = loop.time()
                await failure_of(remotes, member, seconds=5.1)
                took = min(took, loop.time() - started)
                if took < 5.9:
                    break

    assert 5.09 <= took < 5.9


async def test_nothing_is_sent_when_no_time_is_left() -> None:
    async with FakeMember() as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            failure = await failure_of(remotes, member, seconds=-1)

    assert failure.state is State.TIMEOUT
    assert not fake.received


async def test_who_stops_asking_frees_everything() -> None:
    async with FakeMember(behaviour=Hangs()) as fake:
        member = fake.member(concurrent=2)
        async with Remotes([member]) as remotes:
            tasks = [asyncio.create_task(ask(remotes, member)) for _ in range(5)]
            await until(lambda: len(fake.received) == 2)
            during = condition(remotes, member)
            for one in tasks:
                one.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            await until(lambda: fake.abandoned == 2)
            after = condition(remotes, member)

    assert all(isinstance(one, asyncio.CancelledError) for one in ended)
    assert (during.in_flight, during.waiting) == (2, 3)
    assert (after.in_flight, after.waiting, after.counts) == (0, 0, {})


async def test_a_member_that_refuses_connections_is_unreachable() -> None:
    async with FakeMember() as fake:
        member = fake.member()
        await fake.stop()
        async with Remotes([member]) as remotes:
            failure = await failure_of(remotes, member)

    assert (failure.state, failure.reason) == (State.UNREACHABLE, "refuses connections")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "no..host"])
async def test_a_host_without_an_address_is_unreachable(host: str) -> None:
    url = f"https://{host}/api"
    member = Member(id="x", name="X", country="FI", urls=(url,), hosts=frozenset({host_of(url)}))
    async with Remotes([member], manners=QUICK) as remotes:
        failure = await failure_of(remotes, member, seconds=10)

    assert (failure.state, failure.reason) == (State.UNREACHABLE, "its host name is not known")


@pytest.mark.parametrize(
    ("behaviour", "state", "reason"),
    [
        (Resets(), State.UNREACHABLE, "breaks the connection off"),
        (Resets(b'{"meta'), State.BAD_RESPONSE, "its answer breaks off"),
        (Floods(), State.BAD_RESPONSE, "its answer is larger than 262144 bytes"),
        (Bombs(), State.BAD_RESPONSE, "its answer is larger than 262144 bytes"),
        (Bombs(encoding="deflate"), State.BAD_RESPONSE, "its answer is larger than 262144 bytes"),
        (Bombs(1_000), State.BAD_RESPONSE, "its compressed answer breaks off"),
        (
            Says(b"\x1f\x8bxx" * 9, headers={"Content-Encoding": "gzip"}),
            State.BAD_RESPONSE,
            "its compressed answer cannot be read",
        ),
        (
            Says(b"...", headers={"Content-Encoding": "br"}),
            State.BAD_RESPONSE,
            "its answer is compressed in a way that it was not asked for",
        ),
        (
            Says(b" " * 262_145),
            State.BAD_RESPONSE,
            "its answer is larger than 262144 bytes",
        ),
    ],
    ids=str,
)
async def test_what_is_wrong_is_said_in_words(behaviour: Any, state: State, reason: str) -> None:
    async with FakeMember(behaviour=behaviour) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            failure = await failure_of(remotes, member)
            after = condition(remotes, member)

    assert (failure.state, failure.reason) == (state, reason)
    assert fake.bytes_sent < 16_000_000
    assert (after.counts, after.last_failure) == ({state.value: 1}, reason)


async def test_what_is_not_http_is_a_bad_response() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    fake = FakeMember()
    member = fake.member(urls=(url,), hosts=frozenset({host_of(url)}))
    async with server, Remotes([member]) as remotes:
        failure = await failure_of(remotes, member)

    assert (failure.state, failure.reason) == (State.BAD_RESPONSE, "its answer is not HTTP")


def bare_deflate(body: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(body) + squeeze.flush()


@pytest.mark.parametrize(
    "behaviour",
    [
        Compressed("gzip"),
        Compressed("deflate"),
        Says(bare_deflate(b'{"a": 1}'), headers={"Content-Encoding": "deflate"}),
        Says(gzip.compress(b"{}" * 100_000, mtime=0), headers={"Content-Encoding": "GZIP"}),
    ],
    ids=["gzip", "deflate", "bare-deflate", "in-capitals"],
)
async def test_compressed_answers_are_read(behaviour: Any) -> None:
    async with FakeMember(behaviour=behaviour) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            reply = await ask(remotes, member)

    assert reply.body.startswith(b"{")
    assert reply.body.endswith(b"}")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_nothing_is_sent_to_private_addresses_of_public_members(host: str) -> None:
    async with FakeMember() as fake:
        url = fake.url.replace("127.0.0.1", host)
        member = fake.member(urls=(url,), hosts=frozenset({host_of(url)}), allow_private=False)
        async with Remotes([member, fake.member("other")]) as remotes:
            await ask(remotes, fake.member("other"))
            failure = await failure_of(remotes, member)

    assert (failure.state, failure.reason) == (
        State.UNREACHABLE,
        "its address is not a public one",
    )
    assert len(fake.received) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_another_host_is_not_followed(status: int) -> None:
    async with FakeMember("other") as other:
        behaviour = redirects(f"{other.url}/g_variants", status)
        async with FakeMember(behaviour=behaviour) as fake:
            member = fake.member()
            async with Remotes([member]) as remotes:
                failure = await failure_of(remotes, member)

    assert (failure.state, failure.reason) == (State.BAD_RESPONSE, "redirects to another host")
    assert not other.received


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_a_host_of_the_member_keeps_the_question(status: int) -> None:
    async with FakeMember("other") as other:
        behaviour = redirects(f"{other.url}/g_variants", status)
        async with FakeMember(behaviour=behaviour) as fake:
            member = fake.member(hosts=frozenset({host_of(fake.url), host_of(other.url)}))
            async with Remotes([member]) as remotes:
                reply = await ask(remotes, member, headers={"Beacon-Network-Path": "eu.example"})

    (received,) = other.received
    assert reply.status == 200
    assert (received.method, received.body) == ("POST", QUESTION.body)
    assert received.headers["Beacon-Network-Path"] == "eu.example"


async def test_a_redirect_may_be_relative() -> None:
    behaviour = InTurn([redirects("individuals?limit=%31"), Answers()])
    async with FakeMember(behaviour=behaviour) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            reply = await ask(remotes, member)

    assert reply.status == 200
    assert [one.path for one in fake.received] == ["/g_variants", "/individuals"]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (redirects("/api/g_variants"), "redirects too often"),
        (redirects("/api/info", 303), "redirects without the question"),
        (redirects("file:///etc/passwd"), "redirects to what is no URL"),
        (redirects("http://:0:0/"), "redirects to what is no URL"),
        (redirects(""), "redirects to what is no URL"),
        (redirects("//fi.example@169.254.169.254/api"), "redirects to what is no URL"),
        (redirects("http://169.254.169.254/latest"), "redirects to another host"),
        (redirects("//example.org"), "redirects to another host"),
    ],
    ids=str,
)
async def test_redirects_to_nowhere_end(behaviour: Says, reason: str) -> None:
    async with FakeMember(behaviour=behaviour) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            failure = await failure_of(remotes, member)

    assert (failure.state, failure.reason) == (State.BAD_RESPONSE, reason)
    assert len(fake.received) <= 3


async def test_no_more_requests_are_under_way_than_a_member_is_given() -> None:
    most = 0

    @dataclass(frozen=True, slots=True)
    class Counts:
        async def answer(
            self, fake: FakeMember, received: Received, request: web.BaseRequest
        ) -> web.StreamResponse:
            nonlocal most
            most = max(most, condition(remotes, member).in_flight)
            return await Slow(0.02).answer(fake, received, request)

    async with FakeMember(behaviour=Counts()) as fake:
        member = fake.member(concurrent=3)
        async with Remotes([member], manners=Manners(waiting_times=4)) as remotes:
            ended = await asyncio.gather(
                *(ask(remotes, member) for _ in range(20)), return_exceptions=True
            )
            after = condition(remotes, member)

    turned_away = [one for one in ended if isinstance(one, MemberFailure)]
    assert most == 3
    assert len(fake.received) == 15
    assert {one.reason for one in turned_away} == {"busy: too many questions wait for it"}
    assert after.counts == {"answered": 15, "unreachable": 5}
    assert after.breaker == "closed"


async def test_a_member_in_trouble_does_not_hold_up_the_others() -> None:
    loop = asyncio.get_running_loop()
    async with FakeMember("hangs", Hangs()) as hangs, FakeMember("answers") as answers:
        stuck, well = hangs.member(concurrent=2), answers.member()
        async with Remotes([stuck, well]) as remotes:
            tasks = [asyncio.create_task(ask(remotes, stuck)) for _ in range(10)]
            await until(lambda: len(hangs.received) == 2)
            started = loop.time()
            await asyncio.gather(*(ask(remotes, well) for _ in range(50)))
            took = loop.time() - started
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    assert took < 4.0


async def test_the_condition_tells_how_long_answers_take() -> None:
    async with FakeMember(behaviour=Slow(0.05)) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            before = condition(remotes, member)
            for _ in range(3):
                await ask(remotes, member)
            after = condition(remotes, member)

    assert (before.p50_ms, before.last_answer_at) == (None, None)
    assert after.p50_ms is not None
    assert after.p95_ms is not None
    assert 50 <= after.p50_ms <= after.p95_ms < 2000
    assert after.last_answer_at is not None
    assert (after.last_failure, after.counts) == (None, {"answered": 3})
