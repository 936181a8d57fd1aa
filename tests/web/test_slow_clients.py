"""Clients that are slow, large or many on purpose, on raw sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket

import msgspec
import pytest
from raw_clients import ask, closed_after, connected, listening, reply
from small_beacon import SETTINGS, STORE, SYNTHETIC

from beacon import composition
from beacon.web import connections
from beacon.web.connections import MAX_FIELD_BYTES, MAX_HEADERS, MAX_LINE_BYTES, Listening

HEAD = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
POST = (
    b"POST /api/individuals HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n"
)
SETTINGS_QUICK = msgspec.structs.replace(
    SETTINGS, server=msgspec.structs.replace(SETTINGS.server, request_timeout_s=1.0)
)


def beacon() -> object:
    return composition.app(SETTINGS_QUICK, STORE, SYNTHETIC)


async def drip(writer: asyncio.StreamWriter, bytes_s: float = 0.1) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(bytes_s)


async def test_a_head_that_comes_byte_by_byte_is_not_waited_for() -> None:
    async with (
        listening(beacon(), Listening(idle_timeout_s=1.0)) as port,
        connected(port) as (reader, writer),
    ):
        writer.write(HEAD + b"X-Slow: ")
        dripping = asyncio.create_task(drip(writer))
        seconds = await closed_after(reader)
        dripping.cancel()

    assert 0.5 < seconds < 15


async def test_a_second_head_is_not_waited_for_either() -> None:
    async with (
        listening(beacon(), Listening(idle_timeout_s=1.0)) as port,
        connected(port) as (reader, writer),
    ):
        writer.write(HEAD + b"\r\n")
        first = await reply(reader)
        writer.write(HEAD + b"X-Slow: ")
        dripping = asyncio.create_task(drip(writer))
        seconds = await closed_after(reader)
        dripping.cancel()

    assert first.status == 200
    assert seconds < 15


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with (
        listening(beacon(), Listening(idle_timeout_s=1.0)) as port,
        connected(port) as (reader, _),
    ):
        seconds = await closed_after(reader)

    assert 0.5 < seconds < 15


async def test_a_body_that_comes_byte_by_byte_is_not_waited_for() -> None:
    async with (
        listening(beacon(), Listening()) as port,
        connected(port) as (reader, writer),
    ):
        writer.write(POST % 1000 + b"{")
        dripping = asyncio.create_task(drip(writer))
        answer = await reply(reader)
        dripping.cancel()

    assert answer.status == 400
    assert b"did not arrive within 1 s" in answer.body


async def test_who_reads_nothing_is_sent_away() -> None:
    async with listening(beacon(), Listening(stalled_s=1.0)) as port:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, ("127.0.0.1", port))
            request = b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
            until = loop.time() + 30
            closed = False
            while not closed and loop.time() < until:
                with contextlib.suppress(BlockingIOError):
                    client.send(request)
                await asyncio.sleep(0.02)
                error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                closed = error != 0
        others = await ask(port, HEAD + b"\r\n")

    assert closed
    assert others.status == 200


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET /livez?%s HTTP/1.1\r\nHost: h\r\n\r\n" % (b"x" * MAX_LINE_BYTES), 431),
        (HEAD + b"X-Large: %s\r\n\r\n" % (b"x" * (MAX_FIELD_BYTES + 1)), 431),
        (HEAD + b"X-Many: x\r\n" * (MAX_HEADERS + 1) + b"\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", 400),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
        (HEAD + b"X-Split: a\rb\r\n\r\n", 400),
        (HEAD + b"Bad Name: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
    ids=["url", "header", "headers", "smuggled", "lengths", "split", "name", "tls"],
)
async def test_a_head_that_is_too_large_or_ambiguous_is_refused(
    request_head: bytes, status: int
) -> None:
    async with (
        listening(beacon(), Listening()) as port,
        connected(port) as (reader, writer),
    ):
        writer.write(request_head)
        answer = await reply(reader)
        seconds = await closed_after(reader)

    assert answer.status == status
    assert seconds < 15
    assert json.loads(answer.body)["error"]["errorCode"] == status


async def test_a_head_as_large_as_a_passport_is_read() -> None:
    head = HEAD + b"X-Large: %s\r\n" % (b"x" * (MAX_FIELD_BYTES - 100)) + b"X-Many: x\r\n" * 50
    async with listening(beacon(), Listening()) as port:
        answer = await ask(port, head + b"\r\n")

    assert answer.status == 200


@pytest.mark.parametrize("opening", [b"[", b'{"query":'])
async def test_json_that_is_nested_deeply_is_refused(opening: bytes) -> None:
    body = opening * 900
    async with listening(beacon(), Listening()) as port:
        answer = await ask(port, POST % len(body) + body)
        other = await ask(port, HEAD + b"\r\n")

    assert answer.status == 400
    assert other.status == 200


async def test_one_address_has_so_many_connections_and_no_more() -> None:
    async with (
        listening(beacon(), Listening(connections_max=2)) as port,
        connected(port) as (first_reader, first),
    ):
        async with connected(port) as (_, second), connected(port) as (third_reader, _):
            refused_s = await closed_after(third_reader)
            second.close()
            await second.wait_closed()
        first.write(HEAD + b"\r\n")
        still = await reply(first_reader)
        freed = await ask(port, HEAD + b"\r\n")

    assert refused_s < 15
    assert (still.status, freed.status) == (200, 200)


def test_as_many_files_may_be_open_as_the_system_allows() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
        connections.allow_many()
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert allowed == (before[1], before[1])
