"""The home of answers in parts: asked for by the media type, and taken up again by their id."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from aiohttp import hdrs, web
from multidict import CIMultiDict, CIMultiDictProxy

from beacon.framework.access import Access
from beacon.framework.errors import BeaconError, InvalidRequest, NotFound
from beacon.framework.extensions import EVENT_STREAM, NDJSON
from beacon.framework.query import Query
from beacon.framework.service import DisclosedPart, Service
from beacon.framework.stream_encoding import (
    EVENTS,
    LINES,
    Form,
    error_document,
    event_id,
    from_event_id,
    part_document,
)
from beacon.web.middleware import QUERY
from beacon.web.preferences import Deadline, accepted
from beacon.web.recording import Recording
from beacon.web.sending import HEADERS, Lines, Sending
from beacon.web.steady import one_by_one

JSON = "application/json"
LAST_EVENT_ID = "Last-Event-ID"

_FORMS: dict[str, Form] = {NDJSON: LINES, EVENT_STREAM: EVENTS}
_AFTER_DIGITS = 9


def wanted_form(headers: CIMultiDictProxy[str] | CIMultiDict[str]) -> Form | None:
    """The form that a client would like to have parts in; `None` for one document."""
    asked = accepted(headers, JSON, NDJSON, EVENT_STREAM)
    return None if asked is None else _FORMS.get(asked)


@dataclass(frozen=True, slots=True)
class Streams:
    """Sends the parts of answers."""

    service: Service
    sending: Sending
    recording: Recording

    async def ask(
        self, request: web.Request, query: Query, access: Access, form: Form, deadline: Deadline
    ) -> web.StreamResponse:
        """Answer in parts; a browser that lost its connection goes on where it was.

        When what it had is no longer kept, it is asked anew: the parts begin again.
        """
        came_from = from_event_id(request.headers.get(LAST_EVENT_ID, ""))
        if came_from is not None:
            query_id, after = came_from
            try:
                if self.service.question(query_id, access) == query:
                    return await self.resume(request, query_id, access, form, after)
            except NotFound:
                pass
        parts = self.service.stream(query, access, deadline.seconds)
        lines = one_by_one(request, access, self._lines(request, access, parts, query, form, None))
        return await self._send(request, lines, form, deadline)

    async def resume(
        self, request: web.Request, query_id: str, access: Access, form: Form, after: int
    ) -> web.StreamResponse:
        """The parts of an earlier question after the one numbered so.

        Raises:
            NotFound: There is no such question (any more), or it was somebody else's.
        """
        query = self.service.question(query_id, access)
        request[QUERY] = query
        if request.method == hdrs.METH_HEAD:
            # The end of it need not be waited for to say that there is one.
            about = {**HEADERS, hdrs.CONTENT_TYPE: f"{form.media_type}; charset=utf-8"}
            return web.Response(headers=about)
        parts = self.service.resume(query_id, access, after=after)
        lines = one_by_one(
            request, access, self._lines(request, access, parts, query, form, query_id)
        )
        return await self._send(request, lines, form, None)

    async def _send(
        self, request: web.Request, lines: Lines, form: Form, deadline: Deadline | None
    ) -> web.StreamResponse:
        def failed(error: BeaconError) -> bytes:
            return form.line("error", error_document(error), None)

        wishes = {} if deadline is None else deadline.headers
        return await self.sending.send(
            request, form.media_type, wishes, lines, heartbeat=form.heartbeat, failed=failed
        )

    async def _lines(
        self,
        request: web.Request,
        access: Access,
        parts: AsyncGenerator[DisclosedPart],
        query: Query,
        form: Form,
        query_id: str | None,
    ) -> Lines:
        identity, model = self.service.identity, self.service.model
        async with aclosing(parts):
            async for part in parts:
                self.recording.stream(request, query, access, part)
                # The first part names the question, and all after it go by that name.
                query_id = query_id or part.about.get("queryId")
                name = None if query_id is None else event_id(query_id, part.number)
                yield form.line(part.kind, part_document(part, query, identity, model), name)


def after_of(request: web.Request, query_id: str) -> int:
    """The number of the last part that a client has, by `after` or by `Last-Event-ID`; else 0.

    Raises:
        InvalidRequest: `after` is not a number.
    """
    given = request.query.get("after")
    if given is not None:
        if not (given.isascii() and given.isdecimal() and len(given) <= _AFTER_DIGITS):
            raise InvalidRequest("after must be the number of a part, such as 3")
        return int(given)
    came_from = from_event_id(request.headers.get(LAST_EVENT_ID, ""))
    return came_from[1] if came_from is not None and came_from[0] == query_id else 0
