"""Pages of a look-up in front of made-up countries, which answer as they are told to."""

from __future__ import annotations

import contextlib
import functools
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from beacon import composition
from beacon.framework.access import Access
from beacon.framework.errors import BeaconError
from beacon.framework.query import Query
from beacon.framework.source import TermsQuery
from beacon.model.entry_types import MODEL
from beacon.portal.languages import languages
from beacon.portal.look_up import PEOPLE, VARIANTS, LookUp
from beacon.portal.look_up_page import LookUpPages
from beacon.portal.reading import Reader, gene_names
from beacon.portal.reading.gene_names import NamedGene
from beacon.portal.rendering import Rendering, environment
from beacon.portal.site import Site
from beacon.portal.static_files import StaticFiles
from beacon.settings import Settings

Client = TestClient[web.Request, web.Application]
Document = Mapping[str, Any]
Part = tuple[int, Document]

POS, REF, ALT = 43_094_692, "G", "A"
NAME = f"17-{POS}-{REF}-{ALT}"
READER = Reader(gene_names([NamedGene("BRCA1", is_coding=True)]))


def about(country: str, status: str, **more: Any) -> Document:
    """What is said of one country."""
    return {"beaconId": country.lower(), "name": country, "status": status, "afterMs": 7, **more}


def counted(population: str, count: int, number: int, **more: Any) -> Document:
    """An element of `frequencies`."""
    stated = {"population": population, "alleleCount": count, "alleleNumber": number}
    return {**stated, "alleleFrequency": count / number, **more}


def record(
    *frequencies: Document, pos: int = POS, ref: str = REF, alt: str = ALT, **more: Any
) -> Document:
    """A variant with what is known of it."""
    return {
        "variantInternalId": f"GRCh38-17-{pos}-{ref}-{alt}",
        "frequencyInPopulations": [{"source": "x", "frequencies": list(frequencies)}],
        **more,
    }


def result_set(*records: Document, exists: bool = True, **more: Any) -> Document:
    """A result set with records."""
    return {"id": "set", "exists": exists, "results": list(records), **more}


def member(place: int, said: Document, *sets: Document, kind: str = "member") -> Part:
    """The part of an answer in which one country answers."""
    return place, {"kind": kind, "about": said, "answer": {"response": {"resultSets": list(sets)}}}


def accepted(place: int, *countries: str) -> Part:
    """The part that says who is asked."""
    members = [about(one, "pending", afterMs=0) for one in countries]
    return place, {"kind": "accepted", "about": {"queryId": f"q{place}", "members": members}}


def summary(place: int, *members: Document, **info: Any) -> Part:
    """The part that says what all amount to."""
    status = {"members": list(members), **info.pop("status", {})}
    answer = {"responseSummary": {"exists": True}, "info": {"networkStatus": status, **info}}
    return place, {"kind": "summary", "about": {"queryId": f"q{place}"}, "answer": answer}


def settled(variants: Sequence[Part], people: Sequence[Part], *countries: str) -> list[Part]:
    """All parts of both answers, from who is asked to the sums."""
    return [
        accepted(VARIANTS, *countries),
        accepted(PEOPLE, *countries),
        *variants,
        *people,
        summary(VARIANTS),
        summary(PEOPLE, status={"bounds": {"lower": 0, "upper": 0}}),
    ]


def taken(parts: Sequence[Part]) -> LookUp:
    """What is known after these parts."""
    found = LookUp()
    for place, part in parts:
        found.take(place, part)
    return found


NO_ONE = settled(
    [
        member(VARIANTS, about("Finland", "miss"), result_set(exists=False)),
        member(VARIANTS, about("Malta", "restricted", reason="asks for a login")),
    ],
    [
        member(PEOPLE, about("Finland", "miss", bounds=[0, 0])),
        member(PEOPLE, about("Malta", "restricted")),
    ],
    "Finland",
    "Malta",
)
"""Finland has looked and has nothing; Malta may not say."""

SEEN = settled(
    [
        member(VARIANTS, about("Finland", "hit"), result_set(record(counted("Total", 15, 2_060)))),
        member(VARIANTS, about("Malta", "timeout")),
    ],
    [
        member(PEOPLE, about("Finland", "hit", bounds=[15, 15]), result_set(resultsCount=15)),
        member(PEOPLE, about("Malta", "timeout")),
    ],
    "Finland",
    "Malta",
)
"""Finland has it, and says in how many; Malta did not answer in time."""


@dataclass
class Told:
    """Answers questions in their order with the parts that there are, and keeps what was asked.

    Attributes:
        refuses: What asking further is refused with.
        breaks: What the first answer ends with before its end.
    """

    answers: Sequence[Sequence[Part]]
    refuses: BeaconError | None = None
    breaks: BeaconError | None = None
    asked: list[tuple[Query, ...]] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)

    async def access(
        self, request: web.Request, headers: Mapping[str, str], questions: int = 1
    ) -> Access:
        if self.refuses is not None and self.counted:
            raise self.refuses
        self.counted.append(questions)
        return Access(grants={})

    async def parts(
        self,
        request: web.Request,
        queries: Sequence[Query],
        access: Access,
        *,
        within_s: float = math.inf,
    ) -> AsyncGenerator[Part]:
        answer = self.answers[len(self.asked)]
        self.asked.append(tuple(queries))
        for part in answer:
            yield part
        if self.breaks is not None:
            raise self.breaks

    async def terms(self, request: web.Request, access: Access, query: TermsQuery) -> Document:
        return {}

    async def send(
        self,
        request: web.Request,
        lines: AsyncGenerator[bytes],
        failed: Callable[[BeaconError], bytes],
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        try:
            async with contextlib.aclosing(lines):
                async for line in lines:
                    await response.write(line)
        except BeaconError as error:
            await response.write(failed(error))
        return response

    async def about(self, path: str) -> Document | None:
        return None


@functools.cache
def _rendering() -> Rendering:
    """Templates take longer to read than any of these tests."""
    return Rendering(
        identity=composition.identity(Settings()),
        languages=languages(),
        files=StaticFiles.read(),
        is_network=True,
        environment=environment(),
        session=lambda _: None,
        can_log_in=False,
    )


@contextlib.asynccontextmanager
async def look_up_pages(told: Told, **rendering: Any) -> AsyncIterator[Client]:
    """A browser in front of the pages."""
    made = replace(_rendering(), **rendering)
    app = web.Application()
    LookUpPages(Site(made.identity, MODEL, told, READER, made)).add(app)
    async with TestClient(TestServer(app)) as client:
        yield client


async def whole(client: Client, path: str, **fields: Any) -> str:
    """The page with the whole answer."""
    response = await client.get(path, params={"whole": "1", **fields})
    return await response.text()


async def streamed(client: Client, path: str, **request: Any) -> list[Document]:
    """The lines of a page that is filled as answers come."""
    response = await client.get(path, headers={"Accept": "application/x-ndjson"}, **request)
    return [json.loads(line) for line in (await response.read()).splitlines()]
