"""The home of reading what members send without ever holding more of it than was asked for."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

import aiohttp

from beacon.network.states import MemberFailure, State


async def read_body(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """The body of a response, decompressed.

    Args:
        response: Of a session that does not decompress.
        limit_bytes: Of the body, before and after decompression.

    Raises:
        MemberFailure: It is larger, breaks off, or is in a form that cannot be read.
    """
    if response.content_length is not None and response.content_length > limit_bytes:
        raise _too_large(limit_bytes)
    body = _Body(response, limit_bytes)
    pieces = []
    while (piece := await body.piece()) is not None:
        pieces.append(piece)
    return b"".join(pieces)


async def read_lines(
    response: aiohttp.ClientResponse, *, limit_bytes: int, line_bytes: int, deadline: float
) -> AsyncIterator[bytes]:
    """The lines of a body as they come, without their ends; empty ones are passed over.

    Args:
        response: Of a session that does not decompress.
        limit_bytes: Of the body, before and after decompression.
        line_bytes: Of a line.
        deadline: By the clock of the event loop. It is checked while waiting for the member, never
            while the reader is at work.

    Raises:
        MemberFailure: The body or a line is larger, breaks off, or cannot be read.
        TimeoutError: The deadline has passed.
    """
    rest = b""
    body = _Body(response, limit_bytes)
    while True:
        async with asyncio.timeout_at(deadline):
            piece = await body.piece()
        if piece is None:
            break
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > line_bytes or any(len(one) > line_bytes for one in lines):
            raise _too_large(line_bytes)
        for line in lines:
            if line.strip():
                yield line
    if rest.strip():
        yield rest


class _Body:
    """The body of a response in pieces, each decompressed as far as the limit leaves room."""

    def __init__(self, response: aiohttp.ClientResponse, limit_bytes: int) -> None:
        self._content = response.content
        self._encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        self._limit = limit_bytes
        self._came = self._became = 0
        self._inflater: zlib._Decompress | None = None
        if self._encoding not in _ENCODINGS:
            raise MemberFailure(
                State.BAD_RESPONSE, "its answer is compressed in a way that it was not asked for"
            )

    async def piece(self) -> bytes | None:
        """The next piece, perhaps empty; `None` after the last one."""
        try:
            piece = await self._content.readany()
        except (aiohttp.ClientError, ConnectionError) as error:
            raise MemberFailure(State.BAD_RESPONSE, "its answer breaks off") from error
        if not piece:
            if self._inflater is not None and not self._inflater.eof:
                raise MemberFailure(State.BAD_RESPONSE, "its compressed answer breaks off")
            return None
        self._came += len(piece)
        if self._encoding != "identity":
            piece = self._inflated(piece)
        self._became += len(piece)
        if self._came > self._limit or self._became > self._limit:
            raise _too_large(self._limit)
        return piece

    def _inflated(self, piece: bytes) -> bytes:
        if self._inflater is None:
            self._inflater = zlib.decompressobj(wbits=_window(self._encoding, piece))
        try:
            inflated = self._inflater.decompress(piece, self._limit - self._became + 1)
        except zlib.error as error:
            raise MemberFailure(
                State.BAD_RESPONSE, "its compressed answer cannot be read"
            ) from error
        if self._inflater.unconsumed_tail:
            raise _too_large(self._limit)
        return inflated


_ENCODINGS = ("identity", "gzip", "x-gzip", "deflate")


def _window(encoding: str, start: bytes) -> int:
    if encoding != "deflate":
        return 31
    # "deflate" is the zlib format by the standard, and bare deflate by some servers.
    return 15 if start[0] & 0x0F == 8 else -15


def _too_large(limit_bytes: int) -> MemberFailure:
    """The failure of a member that sends more than it was asked for."""
    return MemberFailure(State.BAD_RESPONSE, f"its answer is larger than {limit_bytes} bytes")
