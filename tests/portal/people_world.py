"""Pages about people in front of a made-up network, which answers as it is told to."""

from __future__ import annotations

import contextlib
import functools
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from beacon import composition
from beacon.framework.access import Access
from beacon.framework.answer import FilteringTerm
from beacon.framework.errors import BeaconError
from beacon.framework.query import Query
from beacon.framework.source import TermsQuery
from beacon.model.entry_types import MODEL
from beacon.model.term_search import starting_with
from beacon.portal.languages import languages
from beacon.portal.people_page import PeoplePages
from beacon.portal.reading import Reader, gene_names
from beacon.portal.rendering import Rendering, environment
from beacon.portal.site import Site
from beacon.portal.static_files import StaticFiles
from beacon.portal.suggestions import SuggestionPages
from beacon.settings import Settings

Client = TestClient[web.Request, web.Application]
Document = Mapping[str, Any]

ALL, TWO = ("fi", "es", "de"), ("fi", "de")
_LISTED: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("ontologyTerm", "HP:0002110", "Bronchiectasis", ALL),
    ("ontologyTerm", "HP:0002099", "Asthma", ALL),
    ("ontologyTerm", "MONDO:0004979", "asthma", TWO),
    ("ontologyTerm", "HP:0001250", "Seizure", ("fi",)),
    ("alphanumeric", "ageOfOnset", "Age of onset of a disease", ALL),
    ("alphanumeric", "LOINC:39156-5", "BMI", ALL),
    ("custom", "karyotypicSex:XX", "Karyotypic sex: XX", ALL),
)
_HOWS = {("HP:0001250", "es"): "ancestor", ("MONDO:0004979", "es"): "mapped"}


def member(name: str, status: str, **others: Any) -> Document:
    """What is said of one country."""
    return {"beaconId": name, "name": name.upper(), "status": status, "afterMs": 7, **others}


@dataclass
class Told:
    """Answers to every question with the same countries, and keeps what it was asked."""

    members: Sequence[Document]
    bounds: Document | None = None
    sets: Mapping[str, Sequence[Document]] = field(default_factory=dict)
    is_network: bool = True
    fails: BeaconError | None = None
    asked: list[Query] = field(default_factory=list)

    async def access(
        self, request: web.Request, headers: Mapping[str, str], questions: int = 1
    ) -> Access:
        return Access(grants={})

    async def parts(
        self,
        request: web.Request,
        queries: Sequence[Query],
        access: Access,
        *,
        within_s: float = math.inf,
    ) -> AsyncGenerator[tuple[int, Document]]:
        self.asked += queries
        if self.is_network:
            yield 0, {"kind": "accepted", "about": {"members": self.members}}
            for one in self.members:
                sets = self.sets.get(one["beaconId"], ())
                answer = {"response": {"resultSets": sets}}
                yield 0, {"kind": "member", "about": one, "answer": answer}
        if self.fails is not None:
            raise self.fails
        sets = [one for of_one in self.sets.values() for one in of_one]
        status = {"members": self.members, "bounds": self.bounds}
        whole: Document = {
            "responseSummary": {"exists": True},
            "response": {"resultSets": [] if self.is_network else sets},
            "info": {"networkStatus": status} if self.is_network else {},
        }
        yield 0, {"kind": "summary", "about": {}, "answer": whole}

    async def many(
        self, request: web.Request, queries: Sequence[Query], access: Access
    ) -> AsyncGenerator[tuple[int, Document | BeaconError]]:
        async for place, part in self.parts(request, queries, access):
            if part["kind"] == "summary":
                yield place, part["answer"]

    async def terms(self, request: web.Request, access: Access, query: TermsQuery) -> Document:
        listed = [FilteringTerm(type=kind, id=one, label=label) for kind, one, label, _ in _LISTED]
        found = listed if query.prefix is None else starting_with(listed, query.prefix)
        by = {one: names for _, one, _, names in _LISTED}
        return {
            "response": {
                "filteringTerms": [
                    {
                        "type": one.type,
                        "id": one.id,
                        "label": one.label,
                        "info": {"understoodBy": _understood(one.id, by[one.id])},
                    }
                    for one in found[: query.pagination.limit]
                ]
            }
        }

    async def send(
        self,
        request: web.Request,
        lines: AsyncGenerator[bytes],
        failed: Callable[[BeaconError], bytes],
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        try:
            async for line in lines:
                await response.write(line)
        except BeaconError as error:
            await response.write(failed(error))
        return response

    async def about(self, path: str) -> Document | None:
        if not self.is_network or path != "/network/members":
            return None
        return {"response": {"members": [{"id": one} for one in ALL]}}


def _understood(term_id: str, listing: Sequence[str]) -> Mapping[str, str]:
    by_way = {name: how for (one, name), how in _HOWS.items() if one == term_id}
    return dict.fromkeys(listing, "exact") | by_way


@functools.cache
def _rendering(is_network: bool) -> Rendering:
    """Templates take longer to read than any of these tests."""
    return Rendering(
        identity=composition.identity(Settings()),
        languages=languages(),
        files=StaticFiles.read(),
        is_network=is_network,
        environment=environment(),
        session=lambda _: None,
        can_log_in=False,
    )


@contextlib.asynccontextmanager
async def people_pages(told: Told, filters_max: int = 100) -> AsyncIterator[Client]:
    """A browser in front of the pages."""
    rendering = _rendering(told.is_network)
    site = Site(
        identity=rendering.identity,
        model=MODEL,
        asking=told,
        reader=Reader(gene_names(())),
        rendering=rendering,
    )
    app = web.Application()
    PeoplePages(site, filters_max).add(app)
    SuggestionPages(site).add(app)
    async with TestClient(TestServer(app)) as client:
        yield client


async def streamed(client: Client, path: str) -> list[Document]:
    """The lines of a page that is filled as answers come."""
    response = await client.get(path, headers={"Accept": "application/x-ndjson"})
    return [json.loads(line) for line in (await response.read()).splitlines()]
