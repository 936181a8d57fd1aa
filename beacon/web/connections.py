"""The home of connections: how they are accepted, and what each of them may cost.

Above a connection there are requests; what is no request at all is answered here.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import ssl
from dataclasses import dataclass, field

from aiohttp import hdrs, web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from beacon.framework.response import encode
from beacon.web.client_addresses import ClientAddresses
from beacon.web.middleware import JSON_HEADERS, SECURITY_HEADERS

MAX_LINE_BYTES = 32 * 1024
"""Longest request line: a GET may carry a hundred filters."""

MAX_FIELD_BYTES = 72 * 1024
"""Longest header: a passport may carry a hundred visas."""

MAX_HEADERS = 100

BACKLOG = 1024
_HANDSHAKE_S = 10.0
_BAD_REQUEST = 400
_HEAD_TOO_LARGE = 431


@dataclass(frozen=True, slots=True)
class Listening:
    """How connections are accepted.

    Attributes:
        tls: What they are encrypted with, if they are.
        hsts_s: How long browsers are told to come by HTTPS alone; 0 is not at all.
        idle_timeout_s: How long one may take to send the head of a request, idle or not.
        stalled_s: How long a client may read nothing of what was sent to it.
        connections_max: How many of them one address may have; 0 is as many as it likes.
        addresses: Says which address one comes from, and which of them are proxies.
    """

    tls: ssl.SSLContext | None = None
    hsts_s: int = 0
    idle_timeout_s: float = 75.0
    stalled_s: float = 60.0
    connections_max: int = 0
    addresses: ClientAddresses = field(default_factory=ClientAddresses)


class Connection(RequestHandler):
    """One connection, from which requests are read."""

    __slots__ = ("_address", "_counts", "_listening")

    def __init__(
        self,
        server: web.Server,
        loop: asyncio.AbstractEventLoop,
        listening: Listening,
        counts: dict[str, int],
    ) -> None:
        """`counts` is how many connections each address has, kept by all of them together."""
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # which means: none
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_FIELD_BYTES,
            max_headers=MAX_HEADERS,
            keepalive_timeout=listening.idle_timeout_s,
        )
        self._listening = listening
        self._counts = counts
        self._address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take part in the count of the address."""
        super().connection_made(transport)
        most = self._listening.connections_max
        peer = transport.get_extra_info("peername") if most else None
        if not isinstance(peer, tuple):
            return
        addresses = self._listening.addresses
        if addresses.is_trusted(peer[0]):
            return
        self._address = addresses.of_host(peer[0])
        open_now = self._counts.get(self._address, 0) + 1
        self._counts[self._address] = open_now
        if open_now > most:
            # Not answered: that would take as long as whoever does it likes.
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Leave the count of the address."""
        if self._address:
            left = self._counts[self._address] - 1
            if left:
                self._counts[self._address] = left
            else:
                del self._counts[self._address]
            self._address = ""
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what cannot be read as a request, without a word of what it was."""
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer was sent already")
        if status == _BAD_REQUEST and isinstance(exc, LineTooLong):
            status, text = _HEAD_TOO_LARGE, "the head of the request is larger than is read here"
        elif status == _BAD_REQUEST:
            text = "this is not a request of HTTP/1.1"
        else:
            text = "unexpected failure"
        body = encode({"error": {"errorCode": status, "errorMessage": text}})
        response = web.Response(
            status=status, body=body, headers={**JSON_HEADERS, **SECURITY_HEADERS}
        )
        if self._listening.hsts_s:
            response.headers[hdrs.STRICT_TRANSPORT_SECURITY] = f"max-age={self._listening.hsts_s}"
        response.force_close()
        return response


async def accept(server: web.Server, sock: socket.socket, listening: Listening) -> asyncio.Server:
    """Accept connections on a socket of which this gets a descriptor of its own.

    What closes with that is not the socket that others listen on.
    """
    loop = asyncio.get_running_loop()
    counts: dict[str, int] = {}
    own = sock.dup()
    if own.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
        # Accepted connections inherit it. Without it what nobody reads is kept for ever.
        stalled_ms = round(listening.stalled_s * 1000)
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stalled_ms)
    return await loop.create_server(
        lambda: Connection(server, loop, listening, counts),
        sock=own,
        backlog=BACKLOG,
        ssl=listening.tls,
        ssl_handshake_timeout=_HANDSHAKE_S if listening.tls else None,
    )


def allow_many() -> None:
    """Allow this process as many open connections as it may have at all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
