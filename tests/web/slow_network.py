"""A source whose answers come in parts, with pauses that the test decides on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from beacon.framework.access import Access
from beacon.framework.answer import Answer, Reported, ResultSet, Terms
from beacon.framework.errors import NotFound, SourceUnavailable
from beacon.framework.query import Query
from beacon.framework.source import TermsQuery
from beacon.framework.streaming import Part, PartKind

QUERY_ID = "q-1"


def counted(beacon_id: str, count: int) -> ResultSet:
    """A result set that another beacon reported."""
    reported = Reported(beacon_id=beacon_id, exists=count > 0, precision="exact")
    return ResultSet(dataset_id=f"{beacon_id}-set", count=count, reported=reported)


def part(number: int, kind: PartKind, *sets: ResultSet, **about: str) -> Part:
    """One part; without result sets it has no answer."""
    answer = Answer(result_sets=sets) if sets else None
    return Part(number=number, kind=kind, about=about, answer=answer)


FI, SE = counted("fi", 3), counted("se", 0)
PARTS = (
    part(1, "accepted", queryId=QUERY_ID),
    part(2, "member", FI, beaconId="fi", status="hit"),
    part(3, "member", SE, beaconId="se", status="miss"),
    part(4, "summary", FI, SE),
    part(5, "complete", queryId=QUERY_ID),
)


class Prepared:
    """Streams prepared parts, each when the test lets it go; keeps what was asked.

    Attributes:
        deadlines: What each question was given, in seconds.
        closed: Whether a stream ended, one way or the other.
    """

    def __init__(self, parts: tuple[Part, ...] = PARTS, *, ready: int | None = None) -> None:
        self.parts = parts
        self.deadlines: list[float | None] = []
        self.closed = asyncio.Event()
        self.failing = False
        self._ready = len(parts) if ready is None else ready
        self._more = asyncio.Condition()
        self._asked: dict[str, Query] = {}

    async def let_go(self, ready: int) -> None:
        """Let all parts be known up to the one of that number."""
        async with self._more:
            self._ready = ready
            self._more.notify_all()

    async def fail(self) -> None:
        """Fail whatever is under way."""
        async with self._more:
            self.failing = True
            self._more.notify_all()

    async def search(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> Answer:
        self.deadlines.append(deadline_s)
        return Answer(result_sets=(FI, SE))

    async def filtering_terms(self, query: TermsQuery, access: Access) -> Terms:
        return Terms()

    async def check(self) -> None:
        return None

    def stream(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> AsyncIterator[Part]:
        self.deadlines.append(deadline_s)
        self._asked[QUERY_ID] = query
        return self._parts(0)

    def resume(self, query_id: str, access: Access, *, after: int = 0) -> AsyncIterator[Part]:
        self.question(query_id, access)
        return self._parts(after)

    def question(self, query_id: str, access: Access) -> Query:
        if query_id not in self._asked:
            raise NotFound("no such question")
        return self._asked[query_id]

    async def _parts(self, after: int) -> AsyncIterator[Part]:
        try:
            for one in self.parts[after:]:
                async with self._more:
                    await self._more.wait_for(lambda: self.failing or self._ready >= one.number)  # noqa: B023
                if self.failing:
                    raise SourceUnavailable("everybody left")
                yield one
        finally:
            self.closed.set()


class AllAtOnce(Prepared):
    """Answers batches whole, last question first."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    async def search_many(
        self, queries: list[Query], access: Access, *, deadline_s: float | None = None
    ) -> AsyncIterator[tuple[int, Answer | SourceUnavailable]]:
        self.batches.append(len(queries))
        for place in reversed(range(len(queries))):
            if queries[place].filters:
                yield place, SourceUnavailable("nobody knows")
            else:
                yield place, Answer(result_sets=(FI,))
