"""The home of what a network tells of itself: documents that change as its members are met."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from aiohttp import hdrs, web

from beacon.framework import extensions, information
from beacon.framework.errors import NotFound
from beacon.framework.extensions import Extensions
from beacon.framework.response import Identity
from beacon.web.middleware import JSON_HEADERS, Handler

Document = Mapping[str, Any]

_HEADERS = {
    hdrs.CONTENT_TYPE: "application/json; charset=utf-8",
    hdrs.CACHE_CONTROL: "public, max-age=60",
}
"""Headers of what everybody is told alike, and what may be another tomorrow."""


class NetworkPages(Protocol):
    """What is told of a network instead of what would be told of a beacon."""

    async def documents(self, path: str) -> Document | None:
        """A document as of now.

        The same value twice says that nothing changed: it is not encoded again.

        Args:
            path: `/info`, `/service-info`, `/configuration`, `/entry_types`, `/map`,
                `/network/members` or `/network/members/{id}`, with the id in its place.

        Returns:
            `None` when there is no such member.
        """


def informational(
    pages: NetworkPages, path: str, identity: Identity, offered: Extensions
) -> Handler:
    """One of the informational documents, as the network has it now.

    `/service-info` says which extensions there are, whether or not the network does.
    """
    described = extensions.described(offered, identity)
    known: dict[str, tuple[Document, bytes]] = {}

    async def page(request: web.Request) -> web.Response:
        as_service = (
            path == "/info"
            and request.query.get("requestedSchema") == information.SERVICE_INFO_SCHEMA
        )
        name = "/service-info" if as_service else path
        document = await _document(pages, name)
        last = known.get(name)
        if last is None or last[0] is not document:
            shown = dict(document)
            if name == "/service-info":
                shown.setdefault("extensions", described)
            if as_service:
                about = await _document(pages, path)
                shown = information.info_in_service_schema(about, shown)
            known[name] = last = (document, msgspec.json.encode(shown))
        return web.Response(body=last[1], headers=_HEADERS)

    return page


def members(pages: NetworkPages) -> Handler:
    """All members."""

    async def page(_request: web.Request) -> web.Response:
        return _fresh(await _document(pages, extensions.MEMBERS))

    return page


def member(pages: NetworkPages) -> Handler:
    """One member."""

    async def page(request: web.Request) -> web.Response:
        return _fresh(await _document(pages, f"{extensions.MEMBERS}/{request.match_info['id']}"))

    return page


async def _document(pages: NetworkPages, path: str) -> Document:
    document = await pages.documents(path)
    if document is None:
        raise NotFound("no such member; /api/network/members lists those that there are")
    return document


def _fresh(document: Document) -> web.Response:
    return web.Response(body=msgspec.json.encode(document), headers=JSON_HEADERS)
