"""The home of `Exchanges`: one request to one URL of a member, and its answer, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

from yarl import URL

from beacon import __version__
from beacon.network.guard import Manners
from beacon.network.incoming import REDIRECTS, Incoming, NoConnection
from beacon.network.members import Member
from beacon.network.pools import Origin, Pool, Pools
from beacon.network.requests import SUMMARY_BYTES, MemberRequest
from beacon.network.states import MemberFailure, State

REDIRECTS_MAX = 2
"""Redirects that are followed, one after the other."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where requests go.

    `host` is as in `Member.hosts`, `prefix` what paths start with, `named` the header `Host`.
    """

    url: URL
    host: str
    prefix: bytes
    named: bytes
    pool: Pool


class Written(NamedTuple):
    """A request as it is sent to everybody who is asked the same, but for where they are.

    `start` is what comes before the path, `rest` what comes after the header `Host`, with the body
    where that is short; `body` is one that is not.
    """

    request: MemberRequest
    headers: Mapping[str, str]
    start: bytes
    target: bytes
    rest: bytes
    body: bytes | None


class Exchanges:
    """Connections to all members, kept open, as an asynchronous context.

    Members that may have private addresses share no connection with those that may not. No proxy
    is used, no cookie is kept, and no header is sent but those that are asked for.
    """

    def __init__(self, manners: Manners) -> None:
        """Connections are made when they are first needed."""
        self._pools = Pools(manners)
        self._places: dict[tuple[str, bool], Place] = {}
        self._written: Written | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._pools.close()

    async def reply(
        self,
        member: Member,
        base_url: str,
        request: MemberRequest,
        headers: Mapping[str, str],
        *,
        whole: bool,
    ) -> Incoming:
        """The answer to a request.

        Args:
            base_url: One of the member's URLs.
            headers: Sent along, to this member only.
            whole: Whether to wait for all of it. Otherwise there is but its head, and it is the
                caller's to abandon what is not read.

        Raises:
            NoConnection: There was none, or it broke before an answer.
            MemberFailure: The member redirects to another host, or does not speak HTTP; where it
                is waited for, all that can be wrong with a body.
        """
        place = self._place(base_url, member)
        written = self._written
        if written is None or written.request is not request or written.headers != headers:
            # What all members are asked is written once.
            written = self._written = _written(request, headers)
        target = place.prefix + written.target
        for _ in range(REDIRECTS_MAX + 1):
            incoming = await self._send(place, target, written, whole)
            if incoming.status not in REDIRECTS:
                return incoming
            incoming.abandon()
            url = _next(place.url.join(URL(target.decode(), encoded=True)), incoming, request)
            place = self._place(str(url.origin()), member)
            target = _safe(url.raw_path_qs)
        raise MemberFailure(State.BAD_RESPONSE, "redirects too often")

    async def _send(self, place: Place, target: bytes, written: Written, whole: bool) -> Incoming:
        head = b"".join((written.start, target, _TO, place.named, written.rest))
        limit_bytes = written.request.limit_bytes
        create_future = asyncio.get_running_loop().create_future
        kept = place.pool.take()
        if kept is not None:
            incoming = Incoming(limit_bytes, create_future(), whole=whole)
            try:
                kept.ask(head, written.body, incoming)
                await incoming.arrived()
                return incoming
            except NoConnection as failure:
                if not failure.is_stale:
                    raise
        connection = await place.pool.connect()
        incoming = Incoming(limit_bytes, create_future(), whole=whole)
        try:
            connection.ask(head, written.body, incoming)
            await incoming.arrived()
        except NoConnection as failure:
            failure.is_second = kept is not None
            raise
        return incoming

    def _place(self, base_url: str, member: Member) -> Place:
        place = self._places.get((base_url, member.allow_private))
        if place is not None and place.host in member.hosts:
            return place
        url = URL(base_url, encoded=base_url.isascii())
        host, port = url.raw_host or "", url.port or 0
        if f"{host.lower()}:{port}" not in member.hosts:
            # Nothing is kept of it, either: where redirects lead is for members to say.
            raise MemberFailure(State.BAD_RESPONSE, "redirects to another host")
        is_secure = url.scheme == "https"
        origin = Origin(is_secure, host.rstrip("."), port, member.allow_private)
        place = self._places[base_url, member.allow_private] = Place(
            url=url,
            host=f"{host.lower()}:{port}",
            prefix=url.raw_path.rstrip("/").encode(),
            named=(url.host_port_subcomponent or "").encode(),
            pool=self._pools.of(origin),
        )
        return place


_TO = b" HTTP/1.1\r\nHost: "

_COPIED_BYTES = 64 * 1024
"""A body up to that is sent in one piece with the head."""


def _written(request: MemberRequest, headers: Mapping[str, str]) -> Written:
    body = request.body
    # What answers without records save is not worth what it costs both sides.
    encoding = "gzip, deflate" if request.limit_bytes > SUMMARY_BYTES else "identity"
    lines = {
        "User-Agent": f"beacon/{__version__}",
        "Accept": request.accept,
        "Accept-Encoding": encoding,
        **headers,
    }
    if body is not None:
        lines |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {_checked(value)}\r\n" for name, value in lines.items())
    rest = f"\r\n{head}\r\n".encode("ascii")
    is_short = body is not None and len(body) <= _COPIED_BYTES
    return Written(
        request=request,
        headers=dict(headers),
        start=f"{request.method} ".encode("ascii"),
        target=_safe(request.target),
        rest=rest + body if body is not None and is_short else rest,
        body=None if is_short else body,
    )


def _checked(value: str) -> str:
    if not value.isprintable():
        raise ValueError("a header must be one line of text")
    return value


def _safe(target: str) -> bytes:
    """A path as it is sent; nothing in it can end the line that it stands in."""
    if not (target.isascii() and target.isprintable()) or " " in target or "#" in target:
        raise MemberFailure(State.BAD_RESPONSE, "leads to what is no URL")
    return target.encode("ascii")


def _next(url: URL, incoming: Incoming, request: MemberRequest) -> URL:
    """Where a redirect leads; whether anything may be sent there is not looked at.

    Raises:
        MemberFailure: Nowhere, or the question would not arrive as it was put.
    """
    location = incoming.headers.get(b"location", b"").decode("latin-1")
    try:
        there = url.join(URL(location, encoded=True))
        sends = bool(location) and there.port is not None and there.user is None
    except ValueError:
        sends = False
    if not sends or there.scheme not in ("http", "https"):
        raise MemberFailure(State.BAD_RESPONSE, "redirects to what is no URL")
    if url.scheme == "https" and there.scheme != "https":
        raise MemberFailure(State.BAD_RESPONSE, "redirects to where anybody can read along")
    if incoming.status == 303 and request.method != "GET":
        # The other page would be asked for without the question.
        raise MemberFailure(State.BAD_RESPONSE, "redirects without the question")
    return there
