"""The pages about people: how many have these features, and perhaps a variant, in each country."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web
from multidict import MultiDict

from beacon.framework.access import Access
from beacon.framework.errors import BeaconError
from beacon.framework.extensions import NDJSON
from beacon.portal import people_found
from beacon.portal.asking import WHOLE_S
from beacon.portal.people import AGES, SEXES, UNITS, ZYGOSITIES, chosen, edited, is_form, typed
from beacon.portal.people_found import Note, PeopleFound
from beacon.portal.people_question import Question, understood
from beacon.portal.rows import Row
from beacon.portal.site import Site
from beacon.portal.suggestions import KnownTerms

_encode = msgspec.json.Encoder().encode

EXAMPLES: Final = (
    ("HP:0002110", "CFTR p.Phe508del", "filter=HP:0002110&variant=7-117559590-ATCT-A"),
    ("MONDO:0011382", "HBB", "filter=MONDO:0011382&variant=HBB"),
    ("MONDO:0005148", "", "filter=MONDO:0005148&filter=NCIT:C16576&filter=ageOfOnset:%3C%3DP40Y"),
)
"""A term, what stands in the box beside it, and the question. Shown where the term is known."""

_FORM: Final = {"sexes": SEXES, "ages": AGES, "units": UNITS, "zygosities": ZYGOSITIES}


@dataclass(frozen=True, slots=True)
class PeoplePages:
    """How many people have what was asked for.

    Attributes:
        filters_max: Of one question.
    """

    site: Site
    filters_max: int

    def add(self, app: web.Application) -> None:
        """Add the routes."""
        self.site.get(app, "/people", self.people)
        self.site.post(app, "/people", self.people)

    async def people(self, request: web.Request) -> web.StreamResponse:
        """The form, and the answer to what it asked.

        The address of a page holds its question; by POST it is in no address and so in no log, and
        the page comes whole. Whoever accepts lines of JSON gets its rows as they come.
        """
        given = await _given(request)
        shown = chosen(typed(given), given)
        changed = edited(shown, given)
        by_lines = NDJSON in request.headers.get(hdrs.ACCEPT, "")
        is_whole = "whole" in given or request.method == "POST"
        is_asked = changed is None and not shown.is_empty
        may_ask = is_asked and (by_lines or is_whole)
        access = await self.site.access(request, questions=1 if may_ask else 0)
        terms = KnownTerms(self.site.asking, request, access)
        if not is_asked:
            if changed is None and is_form(given):
                question = await understood(shown, terms, self.site.reader, self.filters_max)
                return self._wrong(request, question)
            return await self._form(request, Question(changed or shown), terms)
        question = await understood(shown, terms, self.site.reader, self.filters_max)
        if question.troubles:
            return self._wrong(request, question)
        if is_form(given) and request.method != "POST":
            return web.Response(status=303, headers={hdrs.LOCATION: question.address})
        if by_lines:
            lines = self._lines(request, question, terms)
            return await self.site.asking.send(request, lines, self._failed(request))
        found, labels = PeopleFound(), dict(question.labels)
        if is_whole:
            async with aclosing(self._parts(request, question, access, WHOLE_S)) as parts:
                async for place, part in parts:
                    await _name(found.take(place, part), labels, terms)
        values = self._values(request, question, found, labels)
        return self.site.rendering.response(request, "people.html", is_live=not is_whole, **values)

    async def _form(
        self, request: web.Request, question: Question, terms: KnownTerms
    ) -> web.StreamResponse:
        examples = []
        for term_id, beside, asked in EXAMPLES:
            term = await terms.term(term_id)
            if term is not None:
                examples.append({"term": term, "beside": beside, "address": f"/people?{asked}"})
        values = self._values(request, question, None, {})
        return self.site.rendering.response(
            request, "people_form.html", examples=examples, **values
        )

    def _wrong(self, request: web.Request, question: Question) -> web.StreamResponse:
        values = self._values(request, question, None, {})
        return self.site.rendering.response(
            request, "people_form.html", status=400, examples=[], **values
        )

    def _values(
        self,
        request: web.Request,
        question: Question,
        found: PeopleFound | None,
        labels: Mapping[str, str],
    ) -> dict[str, Any]:
        return {
            "is_private": request.method == "POST",
            "question": question,
            "found": found,
            "labels": labels,
            "told": people_found,
            "form": _FORM,
        }

    def _parts(
        self,
        request: web.Request,
        question: Question,
        access: Access,
        within_s: float = math.inf,
    ) -> AsyncGenerator[tuple[int, Mapping[str, Any]]]:
        return self.site.asking.parts(request, (question.query,), access, within_s=within_s)

    async def _lines(
        self, request: web.Request, question: Question, terms: KnownTerms
    ) -> AsyncGenerator[bytes]:
        """Parts of the page that have changed, each to be put in the place of its `id`."""
        html = self.site.rendering.html
        found, labels = PeopleFound(), dict(question.labels)
        values = self._values(request, question, found, labels)
        async with aclosing(self._parts(request, question, terms.access)) as parts:
            async for place, part in parts:
                known = len(found.rows)
                rows = found.take(place, part)
                await _name(rows, labels, terms)
                if len(found.rows) != known:
                    yield _line("rows", html(request, "people_rows.html", **values))
                else:
                    for row in rows:
                        text = html(request, "people_row.html", row=row, **values)
                        yield _line(f"row-{row.id}", text)
                yield _line("strip", html(request, "people_strip.html", **values))
        yield _line("findings", html(request, "people_findings.html", **values))
        yield _encode({"kind": "complete"}) + b"\n"

    def _failed(self, request: web.Request) -> Callable[[BeaconError], bytes]:
        def failed(error: BeaconError) -> bytes:
            text = self.site.rendering.html(request, "failed.html", error=error)
            return _line("strip", text) + _encode({"kind": "failed"}) + b"\n"

        return failed


async def _given(request: web.Request) -> MultiDict[str]:
    """What was sent, in the address and in a form."""
    given: MultiDict[str] = MultiDict(request.query)
    if request.method == "POST":
        sent = await request.post()
        given.extend((name, value) for name, value in sent.items() if isinstance(value, str))
    return given


async def _name(rows: list[Row], labels: dict[str, str], terms: KnownTerms) -> None:
    """Find out what the terms are called that were asked for in the place of others."""
    notes: list[Note] = [note for row in rows for note in people_found.of_row(row)]
    for term_id in {one for note in notes for one in note.term_ids} - labels.keys():
        term = await terms.term(term_id)
        labels[term_id] = "" if term is None else term.label


def _line(element_id: str, html: str) -> bytes:
    return _encode({"kind": "part", "id": element_id, "html": html}) + b"\n"
