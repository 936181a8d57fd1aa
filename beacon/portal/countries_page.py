"""The pages about who answers: countries, what each has, how each does, and datasets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import hdrs, web

from beacon.framework.errors import NotFound
from beacon.framework.extensions import MEMBERS
from beacon.portal import datasets
from beacon.portal.asking import WHOLE_S
from beacon.portal.countries import Country, ago, infos
from beacon.portal.datasets import Dataset, Described
from beacon.portal.languages import Language
from beacon.portal.site import Site

Document = Mapping[str, Any]

REFRESH_S = 30
"""Seconds after which the page of states is read again by itself."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Named:
    """A country as a page calls it.

    Attributes:
        title: The name of the country in the reader's language.
        subtitle: What the network calls the member, where that is something else.
        share: Of the largest number of people that any has, in thousandths.
    """

    country: Country
    title: str
    subtitle: str
    share: int


@dataclass(frozen=True, slots=True)
class Moments:
    """Writes when something was, for a page that is made at `now`."""

    language: Language
    now: datetime

    def ago(self, moment: datetime) -> str:
        """Such as "3 min ago"."""
        name, number = ago(moment, self.now)
        return self.language.text(f"countries.{name}", number=number)

    def clock(self, moment: datetime) -> str:
        """The time, of another day with its date."""
        is_today = moment.date() == self.now.date()
        return moment.strftime("%H:%M UTC" if is_today else "%Y-%m-%d %H:%M UTC")

    def machine(self, moment: datetime) -> str:
        """As RFC 3339."""
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class CountriesPages:
    """Who answers.

    Attributes:
        now: The present time, in UTC.
    """

    site: Site
    now: Callable[[], datetime] = _now

    def add(self, app: web.Application) -> None:
        """Add the routes."""
        self.site.get(app, "/countries", self.countries, reads=False)
        self.site.get(app, "/countries/{id}", self.country, reads=False)
        self.site.get(app, "/datasets", self.datasets, reads=False)
        self.site.get(app, "/status", self.status, reads=False)

    async def countries(self, request: web.Request) -> web.StreamResponse:
        """All countries; of a beacon that is asked alone, its datasets."""
        if not self.site.rendering.is_network:
            return await self.datasets(request)
        values = self._values(request, await self._members())
        return self.site.rendering.response(request, "countries.html", **values)

    async def status(self, request: web.Request) -> web.StreamResponse:
        """How each country does at the moment."""
        values = self._values(request, await self._members())
        return self.site.rendering.response(request, "status.html", every_s=REFRESH_S, **values)

    async def country(self, request: web.Request) -> web.StreamResponse:
        """One country and its datasets, as it describes them now."""
        member_id = request.match_info["id"]
        described = infos(await self.site.asking.about("/info"))
        found = await self._member(member_id, described)
        if found is None:
            raise NotFound("there is no such country here")
        live = await self._asked(request, Described(found.id), found.dataset_ids)
        named = self._named(request, [found])[0]
        # What it said earlier is better than nothing, where the page says that it is that.
        is_live = live.state in ("hit", "miss")
        known = (
            live.datasets if is_live else [Dataset.of(one, None) for one in found.known_datasets]
        )
        return self.site.rendering.response(
            request,
            "country.html",
            named=named,
            country=found,
            datasets=known,
            state=None if is_live else live.state,
            moments=self._moments(request),
        )

    async def datasets(self, request: web.Request) -> web.StreamResponse:
        """The datasets of a beacon that is asked alone; those of a network are with countries."""
        if self.site.rendering.is_network:
            return web.Response(status=302, headers={hdrs.LOCATION: "/countries"})
        live = await self._asked(request, Described(None), ())
        organisation = self.site.identity.organisation
        return self.site.rendering.response(
            request,
            "datasets.html",
            datasets=live.datasets,
            website=datasets.link_of(organisation.url),
            contact=datasets.link_of(organisation.contact_url),
        )

    async def _asked(
        self, request: web.Request, described: Described, dataset_ids: Sequence[str]
    ) -> Described:
        queries = datasets.questions(dataset_ids)
        access = await self.site.access(request, questions=len(queries))
        asked = self.site.asking.parts(request, queries, access, within_s=WHOLE_S)
        async with aclosing(asked) as parts:
            async for place, part in parts:
                described.take(place, part)
        return described

    async def _members(self) -> list[Country]:
        asking = self.site.asking
        document = await asking.about(MEMBERS)
        if document is None:
            raise NotFound("this is a beacon that is asked alone")
        described = infos(await asking.about("/info"))
        ids = [str(one["id"]) for one in document["response"]["members"]]
        found = await asyncio.gather(*(self._member(one, described) for one in ids))
        return [one for one in found if one is not None]

    async def _member(self, member_id: str, described: Mapping[str, Document]) -> Country | None:
        if not self.site.rendering.is_network:
            return None
        document = await self.site.asking.about(f"{MEMBERS}/{member_id}")
        if document is None:
            return None
        stated = document["response"]
        return Country.of(stated, described.get(str(stated.get("beaconId")), {}))

    def _values(self, request: web.Request, members: Sequence[Country]) -> Mapping[str, Any]:
        return {
            "all": self._named(request, members),
            "answering": sum(one.state == "answering" for one in members),
            "people": sum(one.people or 0 for one in members),
            "untold": sum(one.people is None for one in members),
            "moments": self._moments(request),
        }

    def _named(self, request: web.Request, members: Sequence[Country]) -> list[Named]:
        """In the order of their names in the reader's language."""
        rendering = self.site.rendering
        languages = (rendering.language(request), *rendering.languages.values())
        most = max((one.people or 0 for one in members), default=0)
        found = []
        for one in members:
            key = f"country.{one.country}"
            names = [language.text(key) for language in languages if language.has(key)]
            found.append(_named(one, names, most))
        return sorted(found, key=lambda one: (one.title.casefold(), one.country.id))

    def _moments(self, request: web.Request) -> Moments:
        return Moments(self.site.rendering.language(request), self.now())


def _named(country: Country, names: Sequence[str], most: int) -> Named:
    """A country by name: the first of those that its code has in the languages of the pages."""
    share = round(1000 * (country.people or 0) / most) if most else 0
    return Named(
        country=country,
        title=names[0] if names else country.name,
        subtitle="" if not names or country.name in names else country.name,
        share=max(share, 4) if country.people else 0,
    )
