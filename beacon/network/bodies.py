"""The home of reading what members send without ever holding more of it than was asked for."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Protocol

from beacon.network.states import MemberFailure, State


class Pieces(Protocol):
    """A body that comes in pieces."""

    async def piece(self) -> bytes | None:
        """The next one, `None` after the last."""


async def read_lines(pieces: Pieces, *, line_bytes: int, deadline: float) -> AsyncIterator[bytes]:
    """The lines of a body as they come, without their ends; empty ones are passed over.

    Args:
        pieces: Of the body, decompressed.
        line_bytes: Of a line.
        deadline: By the clock of the event loop. It is checked while waiting for the member, never
            while the reader is at work.

    Raises:
        MemberFailure: The body or a line is larger, breaks off, or cannot be read.
        TimeoutError: The deadline has passed.
    """
    rest = b""
    while True:
        async with asyncio.timeout_at(deadline):
            piece = await pieces.piece()
        if piece is None:
            break
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > line_bytes or any(len(one) > line_bytes for one in lines):
            raise too_large(line_bytes)
        for line in lines:
            if line.strip():
                yield line
    if rest.strip():
        yield rest


class Body:
    """Takes the pieces of a body, each decompressed as far as the limit leaves room."""

    __slots__ = ("_became", "_encoding", "_inflater", "_limit")

    def __init__(self, limit_bytes: int, encoding: bytes) -> None:
        """Nothing has come yet.

        Args:
            limit_bytes: Of the body, decompressed.
            encoding: The header `Content-Encoding`.

        Raises:
            MemberFailure: It is not among those that members are asked for.
        """
        self._limit = limit_bytes
        self._became = 0
        self._inflater: zlib._Decompress | None = None
        self._encoding = encoding.strip().lower()
        if self._encoding not in _ENCODINGS:
            raise MemberFailure(
                State.BAD_RESPONSE, "its answer is compressed in a way that it was not asked for"
            )

    def read(self, piece: bytes) -> bytes:
        """A piece, decompressed; perhaps empty.

        Raises:
            MemberFailure: It is one too many, or cannot be read.
        """
        if self._encoding != b"identity":
            piece = self._inflated(piece)
        self._became += len(piece)
        if self._became > self._limit:
            raise too_large(self._limit)
        return piece

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing, if there will be no more."""
        return self._inflater is None or self._inflater.eof

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
            raise too_large(self._limit)
        return inflated


_ENCODINGS = (b"identity", b"gzip", b"x-gzip", b"deflate")


def _window(encoding: bytes, start: bytes) -> int:
    if encoding != b"deflate":
        return 31
    # "deflate" is the zlib format by the standard, and bare deflate by some servers.
    return 15 if start[0] & 0x0F == 8 else -15


def too_large(limit_bytes: int) -> MemberFailure:
    """The failure of a member that sends more than it was asked for."""
    return MemberFailure(State.BAD_RESPONSE, f"its answer is larger than {limit_bytes} bytes")
