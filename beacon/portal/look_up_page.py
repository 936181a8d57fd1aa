"""The pages about a variant, a gene or a region: asked in one piece, or row by row as they come."""

from __future__ import annotations

import math
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import hdrs, web

from beacon.framework.access import Access
from beacon.framework.errors import BeaconError
from beacon.framework.extensions import NDJSON
from beacon.portal.absence import absence, further_question
from beacon.portal.asking import WHOLE_S
from beacon.portal.look_up import VARIANTS, LookUp, questions
from beacon.portal.outward import links
from beacon.portal.pacing import paced
from beacon.portal.reading import NotRead, Reading
from beacon.portal.result import Result
from beacon.portal.rows import Row
from beacon.portal.site import Site

QUIET_S = 0.7
"""Nobody having answered for so long, what is known is drawn, and not only told row by row."""

PAGES = 40
"""Of variants, at most."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for, and how.

    Attributes:
        fields: To ask the same again, by the names of a form.
        is_private: Whether it came by POST, so that no address holds it.
    """

    reading: Reading
    fields: Mapping[str, str]
    number: int
    is_private: bool
    is_whole: bool


@dataclass(frozen=True, slots=True)
class LookUpPages:
    """Answers to what was written in the box."""

    site: Site

    def add(self, app: web.Application) -> None:
        """Add the routes."""
        self.site.get(app, "/", self.start, reads=False)
        self.site.get(app, "/search", self.search)
        self.site.post(app, "/search", self.search)
        self.site.get(app, "/v/{name}", self.search)
        self.site.post(app, "/read", self.read)

    async def start(self, request: web.Request) -> web.StreamResponse:
        """The page with the box alone."""
        return self.site.rendering.response(request, "start.html")

    async def read(self, request: web.Request) -> web.StreamResponse:
        """How the box reads what is being written: a part of a page.

        By POST, so that what is being written is in no address.
        """
        given = await request.post()
        text, assembly = str(given.get("q", "")), str(given.get("assembly", "")) or None
        values: dict[str, Any] = {"reading": None, "unread": None}
        if text.strip():
            try:
                values["reading"] = self.site.reader.read(text, assembly)
            except NotRead as error:
                values["unread"] = error
        html = self.site.rendering.html(
            request, "read_as.html", suggestions=self.site.reader.suggest(text), **values
        )
        return web.json_response({"html": html}, headers={hdrs.CACHE_CONTROL: "private, no-store"})

    async def search(self, request: web.Request) -> web.StreamResponse:
        """What became of a question.

        By POST, what is asked is in no address and so in no log. Whoever accepts lines of JSON
        gets the rows of the page as they come; `whole` waits for all of them; else the page comes
        at once, and asks by itself.
        """
        given = {**request.query, **(await request.post() if request.method == "POST" else {})}
        text, assembly = _text_of(request.match_info.get("name"), given)
        if not text.strip():
            return await self.start(request)
        rendering = self.site.rendering
        try:
            reading = self.site.reader.read(text, assembly)
        except NotRead as error:
            return rendering.response(
                request,
                "not_read.html",
                status=400,
                unread=error,
                asked=text,
                assembly=assembly,
                is_private=request.method == "POST",
            )
        by_lines = NDJSON in request.headers.get(hdrs.ACCEPT, "")
        asked = _Asked(
            reading=reading,
            fields={"q": text, **({"assembly": assembly} if assembly else {})},
            number=_number(given.get("page")),
            is_private=request.method == "POST",
            is_whole="whole" in given,
        )
        result = self._result(request, asked, LookUp())
        if not by_lines and not asked.is_whole:
            return self._page(request, asked, result)
        access = await self.site.access(request, questions=2)
        if by_lines:
            lines = self._lines(request, asked, result, access)
            return await self.site.asking.send(request, lines, self._failed(request))
        async with aclosing(self._parts(request, asked, access, WHOLE_S)) as parts:
            async for place, part in parts:
                result.found.take(place, part)
        await self._look_near(request, result, WHOLE_S)
        result.now = _now()
        return self._page(request, asked, result)

    def _page(self, request: web.Request, asked: _Asked, result: Result) -> web.StreamResponse:
        return self.site.rendering.response(
            request,
            "look_up.html",
            **_values(result),
            asked=asked.fields["q"],
            assembly=asked.fields.get("assembly"),
            fields={**asked.fields, **({"page": str(asked.number + 1)} if asked.number else {})},
            is_private=asked.is_private,
            is_whole=asked.is_whole,
        )

    def _result(self, request: web.Request, asked: _Asked, found: LookUp) -> Result:
        rendering = self.site.rendering
        page = rendering.page(request)
        words = {one: page.text(f"population.{one}") for one in ("total", "female", "male")}
        return Result(
            reading=asked.reading,
            found=found,
            links=links(
                asked.reading,
                asked.fields,
                questions(asked.reading.variation, page=asked.number),
                rendering.identity,
                self.site.model,
            ),
            words=words,
            is_network=rendering.is_network,
            number=asked.number,
        )

    def _parts(
        self,
        request: web.Request,
        asked: _Asked,
        access: Access,
        within_s: float = math.inf,
    ) -> AsyncGenerator[tuple[int, Mapping[str, Any]]]:
        queries = questions(asked.reading.variation, page=asked.number)
        return self.site.asking.parts(request, queries, access, within_s=within_s)

    async def _lines(
        self, request: web.Request, asked: _Asked, result: Result, access: Access
    ) -> AsyncGenerator[bytes]:
        """Parts of the page that have changed, each to be put in the place of its `id`."""
        sent = _Sent(lambda template, values: self.site.rendering.html(request, template, **values))
        found = result.found
        async with aclosing(paced(self._parts(request, asked, access), QUIET_S)) as steps:
            async for step in steps:
                result = self._result(request, asked, found)
                if step is None:
                    for line in sent.part("findings", _values(result)):
                        yield line
                    continue
                known = len(found.rows)
                changed = found.take(*step)
                for line in sent.rows(result, changed, is_new=len(found.rows) != known):
                    yield line
                shows = step[0] == VARIANTS and any(_shows(changed))
                for name in ("strip", "facts") if shows else ("strip",):
                    for line in sent.part(name, _values(result)):
                        yield line
        result = self._result(request, asked, found)
        result.now = _now()
        for name in ("strip", "facts", "findings", "record"):
            for line in sent.part(name, _values(result)):
                yield line
        await self._look_near(request, result)
        for line in sent.part("absence", _values(result)):
            yield line
        yield _encode({"kind": "complete"}) + b"\n"

    async def _look_near(
        self, request: web.Request, result: Result, within_s: float = math.inf
    ) -> None:
        """Ask further where nobody has what was asked for; it counts as another question."""
        further = further_question(result.reading) if result.is_absent else None
        if further is None:
            return
        near = LookUp()
        try:
            access = await self.site.access(request)
            asked = self.site.asking.parts(request, (further,), access, within_s=within_s)
            async with aclosing(asked) as parts:
                async for place, part in parts:
                    near.take(place, part)
        except BeaconError as error:
            # What was asked for is answered: that must not be lost with what is said beside it.
            result.trouble = error
        else:
            result.absence = absence(
                result.reading, result.found, near, may_share=not result.is_network
            )

    def _failed(self, request: web.Request) -> Callable[[BeaconError], bytes]:
        def failed(error: BeaconError) -> bytes:
            return _line("trouble", self.site.rendering.html(request, "failed.html", error=error))

        return failed


@dataclass(frozen=True, slots=True)
class _Sent:
    """What each part of the page was when it was last sent: nothing is sent twice."""

    html: Callable[[str, Mapping[str, Any]], str]
    last: dict[str, str] = field(default_factory=dict)

    def part(
        self, template: str, values: Mapping[str, Any], element_id: str | None = None
    ) -> list[bytes]:
        """A line with the part as it is now, unless it was sent as this."""
        place = element_id or template
        html = self.html(f"{template}.html", values).strip()
        if self.last.get(place, "") == html:
            return []
        self.last[place] = html
        return [_line(place, html)]

    def rows(self, result: Result, changed: Iterable[Row], *, is_new: bool) -> list[bytes]:
        """Lines with the rows that changed, or with the table where there are new ones."""
        values = _values(result)
        lines = [
            line
            for row in (result.found.rows.values() if is_new else changed)
            for line in self.part("row", {**values, "row": row}, f"row-{row.id}")
        ]
        return self.part("rows", values) if is_new else lines


def _values(result: Result) -> dict[str, Any]:
    return {"result": result, "found": result.found, "reading": result.reading, "unread": None}


def _shows(rows: Iterable[Row]) -> Iterator[bool]:
    """Whether they show any variants, of which there may be more to say then."""
    return (any(row.records) for row in rows)


def _line(element_id: str, html: str) -> bytes:
    return _encode({"kind": "part", "id": element_id, "html": html}) + b"\n"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _number(written: Any) -> int:
    """The number of a page of variants, from 0 on."""
    text = str(written or "")
    if not (text.isascii() and text.isdigit() and len(text) < _DIGITS):
        return 0
    return min(max(int(text), 1), PAGES) - 1


def _text_of(name: str | None, given: Mapping[str, Any]) -> tuple[str, str | None]:
    """What was written and the assembly, also as links of other portals put them.

    They have `chrom`, `pos` (from 1), `ref` and `allele`; `rs` is an identifier or the assembly.
    """
    assembly = str(given.get("assembly") or "") or None
    text = name or str(given.get("q") or "")
    if text:
        return text, assembly
    rs = str(given.get("rs") or "")
    parts = [str(given.get(one) or "") for one in ("chrom", "pos", "ref", "allele")]
    if all(parts):
        return "-".join(parts), assembly or (rs if _ASSEMBLY.fullmatch(rs) else None)
    return rs, assembly


_ASSEMBLY = re.compile(r"(GRCh3[78]|hg19|hg38)", re.IGNORECASE)
_DIGITS = 4
