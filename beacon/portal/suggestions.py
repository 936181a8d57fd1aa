"""The home of `KnownTerms`, the terms that people can be asked for, and of what is suggested while
somebody types one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import hdrs, web

from beacon.framework.access import Access
from beacon.framework.query import Pagination
from beacon.framework.source import TermsQuery
from beacon.portal.asking import Asking
from beacon.portal.rendering import Page
from beacon.portal.site import Site

SUGGESTED_MAX = 10
_LOOKED_AT = 60
_TEXT_MAX = 200
_PICKED = ("ontologyTerm", "custom")
"""Kinds of terms that are asked for by their id alone; the others need a value."""

_BY_WAY = ("ancestor", "descendants", "mapped")
"""How a country may understand a term that it does not list."""


@dataclass(frozen=True, slots=True)
class KnownTerm:
    """A term that somebody lists.

    Attributes:
        understood_by: Who understands it, and how; of a beacon that is asked alone, nobody.
    """

    id: str
    label: str
    kind: str
    understood_by: Mapping[str, str]

    @property
    def name(self) -> str:
        """As it stands in a line of the form, and is read back from there."""
        return f"{self.label} ({self.id})" if self.label else self.id


@dataclass(frozen=True, slots=True)
class KnownTerms:
    """Looks terms up for whoever reads a page."""

    asking: Asking
    request: web.Request
    access: Access

    async def starting_with(
        self, text: str, limit: int = SUGGESTED_MAX, entry_type: str = "individual"
    ) -> tuple[KnownTerm, ...]:
        """Terms of people of which the id or a word of the label starts so, likeliest first."""
        found = await self._listed(text, _LOOKED_AT, entry_type)
        return tuple(one for one in found if one.kind in _PICKED)[:limit]

    async def labelled(self, label: str) -> tuple[KnownTerm, ...]:
        """The terms that are called exactly so, whatever the case."""
        wanted = _plain(label)
        found = await self.starting_with(label, _LOOKED_AT)
        return tuple(one for one in found if _plain(one.label) == wanted)

    async def term(self, term_id: str) -> KnownTerm | None:
        """The term of an id, if anybody lists it."""
        wanted = term_id.casefold()
        found = await self._listed(term_id, _LOOKED_AT, None)
        return next((one for one in found if one.id.casefold() == wanted), None)

    async def attribute(self, name: str) -> KnownTerm | None:
        """What values can be compared of, by its id or its label."""
        found = await self._listed(name, _LOOKED_AT, "individual")
        wanted = _plain(name)
        return next(
            (
                one
                for one in found
                if one.kind == "alphanumeric" and wanted in (_plain(one.id), _plain(one.label))
            ),
            None,
        )

    async def has_vocabulary(self, prefix: str) -> bool:
        """Whether any term of a vocabulary is listed; where nothing is at all, nobody can say."""
        if await self._listed(f"{prefix}:", 1, None):
            return True
        return not await self._listed(None, 1, None)

    async def _listed(
        self, prefix: str | None, limit: int, entry_type: str | None
    ) -> tuple[KnownTerm, ...]:
        query = TermsQuery(
            entry_type=entry_type,
            prefix=None if prefix is None else prefix[:_TEXT_MAX],
            pagination=Pagination(limit=limit),
        )
        said = await self.asking.terms(self.request, self.access, query)
        return tuple(map(_known, (said.get("response") or {}).get("filteringTerms") or ()))


@dataclass(frozen=True, slots=True)
class SuggestionPages:
    """What is suggested while somebody types the name of a feature."""

    site: Site

    def add(self, app: web.Application) -> None:
        """Add the route."""
        self.site.get(app, "/suggest", self.suggest)

    async def suggest(self, request: web.Request) -> web.StreamResponse:
        """Terms that begin as `q` does, as JSON: what to fill in, and who understands it."""
        text = request.query.get("q", "").strip()
        scope = self.site.model.canonical(request.query.get("scope", "")) or "individual"
        found: tuple[KnownTerm, ...] = ()
        if text:
            terms = KnownTerms(self.site.asking, request, await self.site.access(request))
            found = await terms.starting_with(text, entry_type=scope)
        page = self.site.rendering.page(request)
        asked = await members(self.site.asking)
        return web.json_response(
            {"suggestions": [_suggestion(one, asked, page) for one in found]},
            headers={hdrs.CACHE_CONTROL: "private, no-store", hdrs.VARY: "Accept-Language, Cookie"},
        )


async def members(asking: Asking) -> int | None:
    """How many countries are asked; `None` of a beacon that is asked alone."""
    said = await asking.about("/network/members")
    return None if said is None else len((said.get("response") or {}).get("members") or ())


def understood(term: KnownTerm, asked: int | None, page: Page) -> str:
    """Who understands a term, in words; empty where nobody else is asked."""
    if not asked:
        return ""
    hows = list(term.understood_by.values())
    told = [page.text("people.known", number=hows.count("exact"), asked=asked)]
    told += [
        page.text(f"people.known_{how}", number=hows.count(how)) for how in _BY_WAY if how in hows
    ]
    if asked > len(hows):
        told.append(page.text("people.known_not", number=asked - len(hows)))
    return " · ".join(told)


def _suggestion(term: KnownTerm, asked: int | None, page: Page) -> Mapping[str, str]:
    return {
        "id": term.id,
        "label": term.label,
        "name": term.name,
        "understood": understood(term, asked, page),
    }


def _known(listed: Mapping[str, Any]) -> KnownTerm:
    return KnownTerm(
        id=str(listed["id"]),
        label=str(listed.get("label") or ""),
        kind=str(listed["type"]),
        understood_by=(listed.get("info") or {}).get("understoodBy") or {},
    )


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
