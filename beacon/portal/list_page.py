"""The pages about a list of variants: read line by line, then asked in batches, a row each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from aiohttp import hdrs, web
from msgspec import Meta

from beacon.framework.access import Access
from beacon.framework.errors import BeaconError, InvalidRequest
from beacon.portal.listing import Line, Outcome, lines_of, queries_of, read
from beacon.portal.site import Site

LINES_MAX = 1000
"""Lines of one list."""

AT_ONCE = 50
"""Variants that are asked in one request: few, so that whoever pauses does not wait long."""

_READ_AT_A_TIME = 20
_QUESTIONS = 2
"""About each variant: of its alleles, and of the people who have one."""

Text = Annotated[str, Meta(max_length=8192)]
Assembly = Annotated[str, Meta(max_length=40)]


class _ToRead(msgspec.Struct, frozen=True):
    """Lines of a list from the number `first` on, and the assembly that it is on, if known."""

    lines: Annotated[list[Text], Meta(max_length=LINES_MAX)]
    assembly: Assembly | None = None
    first: Annotated[int, Meta(ge=1, le=LINES_MAX)] = 1


class _Named(msgspec.Struct, frozen=True):
    """A variant by the name that it was read as, and the number of its line."""

    number: Annotated[int, Meta(ge=1, le=LINES_MAX)]
    name: Text
    assembly: Assembly | None = None


class _ToAsk(msgspec.Struct, frozen=True):
    """Variants that are asked together."""

    variants: Annotated[list[_Named], Meta(min_length=1, max_length=AT_ONCE)]


_encode = msgspec.json.Encoder().encode
_to_read = msgspec.json.Decoder(_ToRead)
_to_ask = msgspec.json.Decoder(_ToAsk)


@dataclass(frozen=True, slots=True)
class ListPages:
    """Answers about lists."""

    site: Site

    def add(self, app: web.Application) -> None:
        """Add the routes."""
        self.site.get(app, "/list", self.start, reads=False)
        self.site.post(app, "/list", self.whole)
        self.site.post(app, "/list/read", self.read)
        self.site.post(app, "/list/ask", self.ask)

    async def start(self, request: web.Request) -> web.StreamResponse:
        """The page with an empty list."""
        return self._page(request)

    async def whole(self, request: web.Request) -> web.StreamResponse:
        """A short list in one piece, for browsers that run no scripts."""
        form = await request.post()
        text, assembly = str(form.get("lines", "")), str(form.get("assembly", "")) or None
        # Nothing but what is asked of each line is kept, not even to be shown again.
        sent, left, omitted = lines_of(text, AT_ONCE)
        lines = await self._read(sent, assembly)
        read_lines = [line for line in lines if line.reading is not None]
        outcomes = [Outcome(line) for line in read_lines]
        if outcomes:
            access = await self.site.access(request, questions=_QUESTIONS * len(outcomes))
            async with aclosing(self._answered(request, outcomes, access)) as answered:
                async for _ in answered:
                    pass
        return self._page(
            request,
            outcomes=outcomes,
            unread=[line for line in lines if line.unread is not None],
            left=left,
            omitted=omitted,
            text="\n".join(sent),
            assembly=assembly,
            is_asked=True,
        )

    async def read(self, request: web.Request) -> web.StreamResponse:
        """How the lines of a list are read. They are neither kept nor sent on."""
        asked = _decoded(_to_read, await request.read())
        lines = await self._read(asked.lines, asked.assembly, asked.first)
        found = [await self._read_row(request, line) for line in lines]
        return web.Response(
            body=_encode({"lines": found}),
            content_type="application/json",
            headers={hdrs.CACHE_CONTROL: "private, no-store"},
        )

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """Ask a few variants of a list: a line of JSON for each, in whichever order they come."""
        asked = _decoded(_to_ask, await request.read())
        lines = [
            read(self.site.reader.read, one.number, one.name, one.assembly)
            for one in asked.variants
        ]
        outcomes = [Outcome(line) for line in lines]
        access = await self.site.access(request, questions=_QUESTIONS * len(outcomes))
        answers = self._lines(request, outcomes, access)
        return await self.site.asking.send(request, answers, _failed)

    async def _read(self, sent: Sequence[str], assembly: str | None, first: int = 1) -> list[Line]:
        lines = []
        for number, text in enumerate(sent, start=first):
            lines.append(read(self.site.reader.read, number, text, assembly))
            if number % _READ_AT_A_TIME == 0:
                await asyncio.sleep(0)  # others must not wait for a long list
        return lines

    async def _read_row(self, request: web.Request, line: Line) -> dict[str, Any]:
        if line.number % _READ_AT_A_TIME == 0:
            await asyncio.sleep(0)
        html = self.site.rendering.html(request, "list_read_row.html", line=line)
        if line.reading is None:
            return {"html": html}
        return {"name": line.reading.name, "assembly": line.reading.assembly, "html": html}

    async def _answered(
        self, request: web.Request, outcomes: Sequence[Outcome], access: Access
    ) -> AsyncGenerator[Outcome]:
        """Each outcome once nothing more is to come."""
        to_ask = [one for one in outcomes if one.line.reading is not None]
        queries = queries_of([one.line for one in to_ask])
        async with aclosing(self.site.asking.many(request, queries, access)) as answers:
            async for place, answer in answers:
                outcome = to_ask[place // _QUESTIONS]
                if outcome.take(place % _QUESTIONS, answer):
                    yield outcome

    async def _lines(
        self, request: web.Request, outcomes: Sequence[Outcome], access: Access
    ) -> AsyncGenerator[bytes]:
        for outcome in outcomes:
            if outcome.line.unread is not None:
                yield self._line(request, outcome)
        async with aclosing(self._answered(request, outcomes, access)) as answered:
            async for outcome in answered:
                yield self._line(request, outcome)
        yield _encode({"kind": "complete"}) + b"\n"

    def _line(self, request: web.Request, outcome: Outcome) -> bytes:
        html = self.site.rendering.html(request, "list_row.html", outcome=outcome)
        document = {
            "kind": "variant",
            "number": outcome.line.number,
            "values": outcome.values(),
            "again": outcome.may_be_asked_again,
            "html": html,
        }
        return _encode(document) + b"\n"

    def _page(self, request: web.Request, **values: Any) -> web.Response:
        empty: dict[str, Any] = {
            "outcomes": [],
            "unread": [],
            "left": 0,
            "omitted": 0,
            "text": "",
            "assembly": None,
            "is_asked": False,
        }
        return self.site.rendering.response(
            request, "list.html", most=LINES_MAX, most_whole=AT_ONCE, **{**empty, **values}
        )


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"the body is no list: {error}") from error


def _failed(error: BeaconError) -> bytes:
    return _encode({"kind": "failed", "status": error.status, "error": str(error)}) + b"\n"
