"""The home of the routes of standing questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeVar

from aiohttp import hdrs, web

from beacon.framework import extensions
from beacon.framework.access import Access
from beacon.framework.response import encode
from beacon.web.middleware import ID, JSON_HEADERS, Handler
from beacon.web.rate_limits import RateLimits
from beacon.web.received import body_of
from beacon.web.steady import CALLER

Document = Mapping[str, Any]

_CREATED = 201
_YES = frozenset({"", "1", "true"})


class Known(Protocol):
    """Somebody who is known, and what they may learn."""

    @property
    def access(self) -> Access:
        """At this moment."""


W = TypeVar("W", bound=Known)


class StandingQuestions(Protocol[W]):
    """What is done with standing questions; all methods raise `BeaconError`."""

    async def who(self, headers: Mapping[str, str]) -> W:
        """Who sends a request; raises `Unauthorized` for whoever is not known."""

    async def create(self, who: W, body: bytes, request_id: str) -> Document:
        """Let a question stand."""

    async def list(self, who: W) -> Document:
        """All of a person."""

    async def get(self, who: W, subscription_id: str) -> Document:
        """One of a person."""

    async def change(self, who: W, subscription_id: str, body: bytes) -> Document:
        """Pause, resume or renew one."""

    async def delete(self, who: W, subscription_id: str) -> None:
        """Delete one."""

    async def inbox(self, who: W, *, unread: bool) -> Document:
        """What a person was told."""

    async def mark(self, who: W, body: bytes) -> Document:
        """Mark some of that as read."""


def routes(
    standing: StandingQuestions[W], rates: RateLimits, body_timeout_s: float
) -> Iterator[tuple[str, str, Handler]]:
    """Method, pattern and handler of each route, in the order in which the router takes them."""

    async def known(request: web.Request) -> W:
        who = await standing.who(request.headers)
        request[CALLER] = who.access
        rates.admit(request, who.access)
        return who

    async def create(request: web.Request) -> web.Response:
        who = await known(request)
        body = await body_of(request, body_timeout_s)
        return _told(await standing.create(who, body, request[ID]), status=_CREATED)

    async def list_all(request: web.Request) -> web.Response:
        return _told(await standing.list(await known(request)))

    async def inbox(request: web.Request) -> web.Response:
        unread = "unread" in request.query and request.query["unread"].lower() in _YES
        return _told(await standing.inbox(await known(request), unread=unread))

    async def mark(request: web.Request) -> web.Response:
        who = await known(request)
        return _told(await standing.mark(who, await body_of(request, body_timeout_s)))

    async def get(request: web.Request) -> web.Response:
        return _told(await standing.get(await known(request), request.match_info["id"]))

    async def change(request: web.Request) -> web.Response:
        who = await known(request)
        body = await body_of(request, body_timeout_s)
        return _told(await standing.change(who, request.match_info["id"], body))

    async def delete(request: web.Request) -> web.Response:
        await standing.delete(await known(request), request.match_info["id"])
        return web.Response(status=204, headers={hdrs.CACHE_CONTROL: "private, no-store"})

    # The inbox first: it would be taken for one of that id.
    yield hdrs.METH_GET, extensions.INBOX, inbox
    yield hdrs.METH_POST, extensions.INBOX, mark
    yield hdrs.METH_GET, extensions.SUBSCRIPTIONS, list_all
    yield hdrs.METH_POST, extensions.SUBSCRIPTIONS, create
    yield hdrs.METH_GET, extensions.SUBSCRIPTION, get
    yield hdrs.METH_PATCH, extensions.SUBSCRIPTION, change
    yield hdrs.METH_DELETE, extensions.SUBSCRIPTION, delete


def _told(document: Document, status: int = 200) -> web.Response:
    return web.Response(status=status, body=encode(document), headers=JSON_HEADERS)
