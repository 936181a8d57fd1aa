"""The home of `Incoming`: an answer of a member while it comes, whole or piece by piece."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Protocol

from beacon.network.bodies import Body, too_large
from beacon.network.states import MemberFailure, State

AHEAD_BYTES = 256 * 1024
"""Of a body that is read piece by piece, how much may lie there before no more is taken in."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})


class NoConnection(MemberFailure):
    """A member did not get the request, or broke off before it said anything.

    `is_stale`: so ended a connection that had been kept from a request before, which tells nothing
    of the member. `is_second`: the request has been sent anew already.
    """

    def __init__(self, reason: str, *, is_stale: bool = False) -> None:
        """`reason` is for whoever asked."""
        super().__init__(State.UNREACHABLE, reason)
        self.is_stale = is_stale
        self.is_second = False


class Line(Protocol):
    """What an answer comes over."""

    def go_on(self) -> None:
        """Take in more of it."""

    def abandon(self) -> None:
        """Close at once."""


class Incoming:
    """An answer while it comes: whole at its end, or piece by piece.

    Attributes:
        status: 0 until the head is there.
        headers: By name in lower case; several of one name are joined by commas.
        failure: Why there will be no more of it.
        connection: What it comes over; `None` when it is over with that.
    """

    __slots__ = (
        "_ahead",
        "_body",
        "_came",
        "_changed",
        "_ended",
        "_gathered",
        "_limit",
        "_pieces",
        "connection",
        "failure",
        "headers",
        "status",
    )

    def __init__(self, limit_bytes: int, changed: asyncio.Future[None], *, whole: bool) -> None:
        """Nothing is there yet.

        Args:
            limit_bytes: Of the body, before and after decompression.
            changed: A future of the running loop.
            whole: Whether it is read in one piece.
        """
        self.status = 0
        self.headers: Mapping[bytes, bytes] = _NO_HEADERS
        self.failure: MemberFailure | None = None
        self.connection: Line | None = None
        self._limit = limit_bytes
        self._gathered: bytes | bytearray = b""
        self._pieces: deque[bytes] | None = None if whole else deque()
        self._body: Body | None = None
        self._came = self._ahead = 0
        self._ended = False
        self._changed = changed

    async def arrived(self) -> None:
        """Wait for all of it, or where it is read in pieces, or leads elsewhere, for its head.

        Raises:
            NoConnection: The connection broke before anything came.
            MemberFailure: It breaks off, is too large, or cannot be read.
        """
        try:
            await self._changed
        except asyncio.CancelledError:
            self.abandon()
            raise
        if self.failure is not None:
            raise self.failure

    @property
    def whole(self) -> bytes:
        """The body, decompressed; to be called when all of it has arrived."""
        return bytes(self._gathered)

    async def piece(self) -> bytes | None:
        """The next piece of the body, decompressed; `None` after the last one.

        Raises:
            MemberFailure: It breaks off, is too large, or cannot be read.
        """
        while not self._pieces:
            if self.failure is not None:
                raise self.failure
            if self._ended:
                return None
            self._changed = asyncio.get_running_loop().create_future()
            await self._changed
        piece = self._pieces.popleft()
        self._ahead -= len(piece)
        if self.connection is not None and self._ahead <= AHEAD_BYTES:
            self.connection.go_on()
        return piece

    def abandon(self) -> None:
        """Want no more of it: unless it is all there, its connection ends."""
        if self.connection is not None:
            self.connection.abandon()

    def begins(self, status: int, headers: Mapping[bytes, bytes]) -> None:
        """Its head is there."""
        self.status, self.headers = status, headers
        if status in REDIRECTS:
            self._wake()
            return
        length = headers.get(b"content-length")
        if length is not None and (len(length) > 18 or int(length) > self._limit):
            self.fails(too_large(self._limit))
            return
        encoding = headers.get(b"content-encoding")
        if encoding is not None:
            try:
                self._body = Body(self._limit, encoding)
            except MemberFailure as failure:
                self.fails(failure)
                return
        if self._pieces is not None:
            self._wake()

    def takes(self, data: bytes) -> bool:
        """Take a piece of the body as it came; whether more may come now."""
        self._came += len(data)
        if self._came > self._limit:
            self.fails(too_large(self._limit))
            return True
        if self._body is not None:
            try:
                data = self._body.read(data)
            except MemberFailure as failure:
                self.fails(failure)
                return True
        if self._pieces is None:
            self._gather(data)
            return True
        if data:
            self._pieces.append(data)
            self._ahead += len(data)
            self._wake()
        return self._ahead <= AHEAD_BYTES

    def ends(self) -> None:
        """All of it is there."""
        if self._body is not None and not self._body.is_whole:
            self.fails(MemberFailure(State.BAD_RESPONSE, "its compressed answer breaks off"))
        self._ended = True
        self._wake()

    def fails(self, failure: MemberFailure) -> None:
        """There will be no more of it; the first reason counts."""
        if self.failure is None:
            self.failure = failure
            self._wake()

    def _gather(self, piece: bytes) -> None:
        if not self._gathered:
            self._gathered = piece
        elif isinstance(self._gathered, bytes):
            # Pieces may be as small as a byte, and as many as the body has.
            self._gathered = bytearray(self._gathered) + piece
        else:
            self._gathered += piece

    def _wake(self) -> None:
        if not self._changed.done():
            self._changed.set_result(None)


_NO_HEADERS: Mapping[bytes, bytes] = {}
