"""What a small beacon is made of: a handful of people in memory, and rules of three kinds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

from beacon.framework.access import Access
from beacon.framework.answer import Answer, Terms
from beacon.framework.errors import SourceUnavailable
from beacon.framework.query import Query
from beacon.framework.source import Source, TermsQuery
from beacon.memory import MemoryDataset, MemoryStore
from beacon.settings import DatasetPolicy, Level, PolicySettings, ServerSettings, Settings

Client = TestClient[web.Request, web.Application]

FEMALE = {"id": "NCIT:C16576", "label": "female"}
ALL_TOLD: dict[str, Any] = {"min_count": 1, "accept_risk": "invented people"}
SETTINGS = Settings(
    server=ServerSettings(body_max_bytes=10_000, base_url="https://beacon.example.org/api"),
    policy=PolicySettings(
        datasets={
            "open": DatasetPolicy(public={"*": Level.RECORD}, **ALL_TOLD),
            "counted": DatasetPolicy(
                public={"*": Level.NONE, "individual": Level.COUNT}, **ALL_TOLD
            ),
        }
    ),
)


def people(*names: str) -> MemoryDataset:
    return MemoryDataset(
        assembly="GRCh38",
        records={"individual": [{"id": one, "sex": FEMALE} for one in names]},
    )


STORE = MemoryStore(
    {"open": people("o1", "o2"), "counted": people("c1"), "secret": people("s1", "s2", "s3")}
)
SYNTHETIC = MemoryStore({"synthetic": people("t1")})


class Broken:
    """A source that fails in every way that a source can."""

    async def search(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> Answer:
        if query.entry_type == "individual":
            raise SourceUnavailable("the database is away")
        raise KeyError("secret detail")

    async def filtering_terms(self, query: TermsQuery, access: Access) -> Terms:
        raise KeyError("secret detail")

    async def check(self) -> None:
        raise SourceUnavailable("the database is away")


Start = Callable[[Source, Settings], Awaitable[Client]]
