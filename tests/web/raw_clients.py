"""A beacon on a real socket, and clients that send whatever they like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from aiohttp import web

from beacon.web import server
from beacon.web.connections import Listening

_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back until the connection was closed, or the whole body had come."""

    status: int
    headers: dict[str, str]
    body: bytes


@asynccontextmanager
async def listening(app: web.Application, how: Listening) -> AsyncIterator[int]:
    """Answer requests; yields the port."""
    (sock,) = server.bind("127.0.0.1", 0)
    ending, ready = server.Ending(), asyncio.Event()
    with sock:
        answering = asyncio.create_task(
            server.answer(
                app,
                sock,
                ending,
                how,
                shutdown_timeout_s=1,
                handover_timeout_s=1,
                on_ready=ready.set,
            )
        )
        await asyncio.wait_for(ready.wait(), _PATIENCE_S)
        try:
            yield sock.getsockname()[1]
        finally:
            ending.stop.set()
            await answering


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def ask(port: int, request: bytes) -> Reply:
    """Send bytes; what comes back."""
    async with connected(port) as (reader, writer):
        writer.write(request)
        return await reply(reader)


async def reply(reader: asyncio.StreamReader) -> Reply:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE_S)
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    headers = {
        name.title(): value.strip() for name, _, value in (one.partition(":") for one in lines)
    }
    length = int(headers.get("Content-Length", 0))
    body = await asyncio.wait_for(reader.readexactly(length), _PATIENCE_S)
    return Reply(int(first.split()[1]), headers, body)


async def closed_after(reader: asyncio.StreamReader) -> float:
    """Seconds until the other side closes the connection."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), _PATIENCE_S)
    return loop.time() - began
