"""A server that says over its connections what a test has it say, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from beacon.network.members import Member, host_of


@dataclass(frozen=True, slots=True)
class Says:
    """What one request is answered with.

    `pieces` are sent one by one. `early` is sent before the body of the request is read. Then the
    connection ends, if it `closes`, or goes on after `idle` was sent without being asked.
    """

    pieces: Sequence[bytes] = ()
    closes: bool = False
    early: bytes = b""
    idle: bytes = b""
    pause_s: float = 0.0


def plain(body: bytes = b"{}", *headers: str, status: str = "200 OK", **rest: Any) -> Says:
    """An answer as most are."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return Says([head(*lines) + body], **rest)


def head(*lines: str) -> bytes:
    """Lines as they stand at the start of an answer."""
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


@dataclass(slots=True)
class Server:
    """`requests` are what came over each connection, in the order of connections."""

    script: Sequence[Says]
    url: str = ""
    requests: list[list[bytes]] = field(default_factory=list)
    ended: int = 0
    """Connections that the other side has closed."""
    _answered: int = 0
    _conversations: set[asyncio.Task[None] | None] = field(default_factory=set)

    def member(self, **changes: Any) -> Member:
        known: dict[str, Any] = {
            "id": "scripted",
            "name": "Scripted",
            "country": "FI",
            "urls": (self.url,),
            "hosts": frozenset({host_of(self.url)}),
            "allow_private": True,
        }
        return Member(**{**known, **changes})

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got: list[bytes] = []
        self.requests.append(got)
        self._conversations.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                start = await reader.readuntil(b"\r\n\r\n")
                says = self.script[min(self._answered, len(self.script) - 1)]
                self._answered += 1
                got.append(start)
                if says.early:
                    writer.write(says.early)
                    continue
                got[-1] += await reader.readexactly(_length(start))
                for piece in says.pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(says.pause_s)
                if says.closes:
                    break
                if says.idle:
                    await asyncio.sleep(0.02)
                    writer.write(says.idle)
        self.ended += reader.at_eof()
        writer.close()

    async def over(self) -> None:
        """Wait until nobody is spoken to any more."""
        under_way = [one for one in self._conversations if one is not None]
        if under_way:
            await asyncio.wait(under_way, timeout=5)


def _length(start: bytes) -> int:
    for line in start.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@contextlib.asynccontextmanager
async def scripted(
    *script: Says, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Server]:
    """A server whose first request, over whatever connection, gets the first answer, and so on;
    the last answer is for all that come after."""
    server = Server(script)
    listening = await asyncio.start_server(server.converse, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://{host}:{port}/api"
    async with listening:
        yield server
        await server.over()
