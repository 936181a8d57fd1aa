"""The home of `Exchanges`: one request to one URL of a member, and its reply, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from beacon import __version__
from beacon.addresses import AddressRefused, any_socket, public_socket
from beacon.network.guard import Manners
from beacon.network.members import Member
from beacon.network.names import Resolver
from beacon.network.requests import SUMMARY_BYTES, MemberRequest
from beacon.network.states import MemberFailure, State

REDIRECTS_MAX = 2
"""Redirects that are followed, one after the other."""


class NoConnection(MemberFailure):
    """A member did not get the request, or broke off before it said anything."""

    def __init__(self, reason: str) -> None:
        """`reason` is for whoever asked."""
        super().__init__(State.UNREACHABLE, reason)


class Exchanges:
    """Connections to all members, kept open, as an asynchronous context.

    Members that may have private addresses share no connection with those that may not. Nothing
    is taken from the environment, no cookie is kept, and nothing is decompressed here.
    """

    def __init__(self, manners: Manners) -> None:
        """Connections are made when they are first needed."""
        self._manners = manners
        self._stack = AsyncExitStack()
        self._public: aiohttp.ClientSession
        self._any: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        resolver = Resolver()
        self._stack.push_async_callback(resolver.close)
        self._public = await self._stack.enter_async_context(self._session(public_socket, resolver))
        self._any = await self._stack.enter_async_context(self._session(any_socket, resolver))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def reply(
        self, member: Member, base_url: str, request: MemberRequest, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The reply to a request, with its body to be read within the context.

        Args:
            base_url: One of the member's URLs.
            headers: Sent along, to this member only.

        Raises:
            NoConnection: There was none, or it broke before a reply.
            MemberFailure: The member redirects to another host, or does not speak HTTP.
        """
        session = self._any if member.allow_private else self._public
        url = URL(base_url + request.target, encoded=True)
        sent = {"Accept": request.accept, **headers}
        if request.limit_bytes > SUMMARY_BYTES:
            # What answers without records save is not worth what it costs both sides.
            sent["Accept-Encoding"] = "gzip, deflate"
        if request.body is not None:
            sent["Content-Type"] = "application/json"
        for _ in range(REDIRECTS_MAX + 1):
            if _host(url) not in member.hosts:
                raise MemberFailure(State.BAD_RESPONSE, "redirects to another host")
            response = await self._send(session, request, url, sent)
            try:
                if response.status not in _REDIRECTS:
                    yield response
                    return
                url = _next(url, response, request.method)
            finally:
                response.close()
        raise MemberFailure(State.BAD_RESPONSE, "redirects too often")

    async def _send(
        self,
        session: aiohttp.ClientSession,
        request: MemberRequest,
        url: URL,
        headers: Mapping[str, str],
    ) -> aiohttp.ClientResponse:
        body: bytes | BytesIO | None = request.body
        if request.body is not None and len(request.body) > _IN_ONE_PIECE:
            body = BytesIO(request.body)
        try:
            return await session.request(
                request.method, url, data=body, headers=headers, allow_redirects=False
            )
        except (aiohttp.ClientError, ConnectionError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> MemberFailure:
        match error:
            case aiohttp.ClientConnectorError(os_error=AddressRefused()):
                return MemberFailure(State.UNREACHABLE, "its address is not a public one")
            case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
                return MemberFailure(State.UNREACHABLE, "its certificate is not accepted")
            case aiohttp.ConnectionTimeoutError():
                return NoConnection(f"no connection within {self._manners.connect_s:g} s")
            case aiohttp.ClientConnectorDNSError():
                return NoConnection("its host name is not known")
            case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
                return NoConnection("refuses connections")
            case aiohttp.ClientConnectorError():
                return NoConnection("no connection")
            case aiohttp.ClientResponseError():
                return MemberFailure(State.BAD_RESPONSE, "its answer is not HTTP")
            case aiohttp.InvalidURL():
                return MemberFailure(State.BAD_RESPONSE, "redirects to what is no URL")
        return NoConnection("breaks the connection off")

    def _session(self, socket_factory: Any, resolver: Resolver) -> aiohttp.ClientSession:
        manners = self._manners
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=manners.keep_alive_s,
            ttl_dns_cache=manners.dns_cache_s,
            resolver=resolver,
            socket_factory=socket_factory,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # Deadlines are kept outside: the library rounds those above five seconds up.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=manners.connect_s),
            headers={"User-Agent": f"beacon/{__version__}", "Accept-Encoding": "identity"},
            auto_decompress=False,
            trust_env=False,
        )


# Larger bodies are written piece by piece, which lets others have a turn.
_IN_ONE_PIECE = 256 * 1024

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def _host(url: URL) -> str:
    return f"{(url.raw_host or '').lower()}:{url.port}"


def _next(url: URL, response: aiohttp.ClientResponse, method: str) -> URL:
    """Where a redirect leads; whether anything may be sent there is not looked at.

    Raises:
        MemberFailure: Nowhere, or the question would not arrive as it was put.
    """
    location = response.headers.get("Location", "")
    try:
        there = url.join(URL(location, encoded=True))
        sends = bool(location) and there.port is not None and there.user is None
    except ValueError:
        sends = False
    if not sends:
        raise MemberFailure(State.BAD_RESPONSE, "redirects to what is no URL")
    if url.scheme == "https" and there.scheme != "https":
        raise MemberFailure(State.BAD_RESPONSE, "redirects to where anybody can read along")
    if response.status == 303 and method != "GET":
        # The other page would be asked for without the question.
        raise MemberFailure(State.BAD_RESPONSE, "redirects without the question")
    return there
