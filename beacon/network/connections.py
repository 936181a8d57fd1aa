"""The home of `Connection`: HTTP/1.1 to one host, one request at a time."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpResponseParser,
)

from beacon.network.incoming import Incoming, NoConnection
from beacon.network.states import MemberFailure, State

HEAD_BYTES = 32 * 1024
"""The longest head of an answer that is read; also of what comes between two pieces of a body."""


class Keeper(Protocol):
    """Whoever made a connection."""

    def made(self, connection: Connection) -> None:
        """It is open."""

    def keep(self, connection: Connection) -> None:
        """It can be used again."""

    def lost(self, connection: Connection) -> None:
        """It is closed."""


class Connection(asyncio.Protocol):
    """One connection. `idle_since` is by the clock of the loop, kept by whoever keeps it."""

    __slots__ = (
        "_came",
        "_has_head",
        "_head_bytes",
        "_headers",
        "_incoming",
        "_is_kept",
        "_is_paused",
        "_is_surplus",
        "_is_whole",
        "_keeper",
        "_parser",
        "_quiet_bytes",
        "_transport",
        "_uses",
        "idle_since",
    )

    def __init__(self, keeper: Keeper) -> None:
        """`keeper` is told what becomes of it."""
        self._keeper = keeper
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._incoming: Incoming | None = None
        self._is_paused = False
        self._uses = 0
        self.idle_since = 0.0
        self._headers: dict[bytes, bytes] = {}
        self._head_bytes = self._quiet_bytes = 0
        self._came = self._has_head = self._is_whole = self._is_surplus = self._is_kept = False

    @property
    def is_open(self) -> bool:
        """Whether it can be asked over."""
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, written: bytes, rest: bytes | None, incoming: Incoming) -> None:
        """Send a request, of which `rest` is what is not worth copying; nothing else is under way.

        Args:
            written: The head, and the body if it is short.
            rest: The body, if it is not.
            incoming: Told what comes back.

        Raises:
            NoConnection: It is closed.
        """
        transport = self._transport
        if transport is None:
            raise NoConnection("breaks the connection off", is_stale=self._uses > 0)
        self._incoming = incoming
        self._uses += 1
        incoming.connection = self
        transport.write(written)
        if rest is not None:
            transport.write(rest)

    def abandon(self) -> None:
        """Close at once, whatever is under way."""
        if self._incoming is not None:
            self._incoming.connection = None
            self._incoming = None
        if self._transport is not None:
            self._transport.abort()

    def go_on(self) -> None:
        """Take in more of a body."""
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast(asyncio.Transport, transport)
        self._keeper.made(self)

    def data_received(self, data: bytes) -> None:
        """Something came."""
        incoming, parser = self._incoming, self._parser
        if incoming is None or parser is None:
            # Nobody asked for it: whatever came next could be taken for another's answer.
            self.abandon()
            return
        self._came = True
        self._quiet_bytes += len(data)
        try:
            parser.feed_data(data)
        except HttpParserCallbackError:
            raise
        except (HttpParserError, HttpParserUpgrade):
            incoming.fails(MemberFailure(State.BAD_RESPONSE, "its answer is not HTTP"))
        if self._head_bytes > HEAD_BYTES or (self._quiet_bytes > HEAD_BYTES and not self._is_whole):
            incoming.fails(MemberFailure(State.BAD_RESPONSE, "its answer has too long a head"))
        if incoming.failure is not None:
            self.abandon()
        elif self._is_whole:
            self._end(incoming)

    def eof_received(self) -> None:
        """The other side sends no more; the connection is closed then."""
        incoming = self._incoming
        if incoming is not None and self._ends_with_connection():
            self._is_kept = False
            self._end(incoming)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        incoming = self._incoming
        self._incoming = self._transport = self._parser = None
        if incoming is not None:
            incoming.connection = None
            if exc is None and self._ends_with_connection():
                incoming.ends()
            elif self._came:
                incoming.fails(MemberFailure(State.BAD_RESPONSE, "its answer breaks off"))
            else:
                stale = self._uses > 1
                incoming.fails(NoConnection("breaks the connection off", is_stale=stale))
        self._keeper.lost(self)

    def on_message_begin(self) -> None:
        """An answer starts, for the parser."""
        self._is_surplus = self._is_whole

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is there, for the parser; after a body, too, where it is passed over."""
        self._head_bytes += len(name) + len(value)
        if not self._has_head and self._head_bytes <= HEAD_BYTES:
            name = name.lower()
            before = self._headers.get(name)
            self._headers[name] = value if before is None else before + b", " + value

    def on_headers_complete(self) -> None:
        """A head is there, for the parser."""
        incoming = self._incoming
        if self._parser is None or incoming is None:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._headers = {}  # the answer is still to come
        elif not self._is_whole:
            self._has_head = True
            incoming.begins(status, self._headers)

    def on_body(self, data: bytes) -> None:
        """A piece of the body is there, for the parser."""
        self._quiet_bytes = 0
        incoming = self._incoming
        if incoming is None or self._is_whole:
            return
        if not incoming.takes(data) and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """An answer is all there, for the parser; what only announces another one is none."""
        if self._has_head and not self._is_whole and self._parser is not None:
            self._is_whole = True
            self._is_kept = self._parser.should_keep_alive()

    def _end(self, incoming: Incoming) -> None:
        transport = self._transport
        self._incoming = None
        incoming.connection = None
        # Who answers before the question was sent to its end would take the rest for another one.
        if (
            transport is not None
            and self._is_kept
            and not self._is_surplus
            and not transport.is_closing()
            and not transport.get_write_buffer_size()
        ):
            self._clear()
            self.go_on()
            self._keeper.keep(self)
        elif transport is not None:
            transport.close()
        incoming.ends()

    def _ends_with_connection(self) -> bool:
        """Whether an answer is over when its connection is."""
        if not self._has_head:
            return False
        headers = self._headers
        return b"content-length" not in headers and b"transfer-encoding" not in headers

    def _clear(self) -> None:
        self._headers = {}
        self._head_bytes = self._quiet_bytes = 0
        self._came = self._has_head = self._is_whole = self._is_surplus = self._is_kept = False
