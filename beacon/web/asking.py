"""The home of `Asking`: asks for pages, with the rights, limits, steps of time and audit that
requests to the API meet."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from beacon.framework import information
from beacon.framework.access import Access
from beacon.framework.errors import BeaconError, Forbidden, TooManyRequests, Unauthorized
from beacon.framework.extensions import NDJSON
from beacon.framework.query import Granularity, Query
from beacon.framework.response import answer_parts, encode
from beacon.framework.service import DisclosedPart, Service
from beacon.framework.source import TermsQuery
from beacon.framework.stream_encoding import LINES, part_document
from beacon.web.rate_limits import RateLimits
from beacon.web.recording import ACCESS, Recording
from beacon.web.sending import Sending
from beacon.web.steady import CALLER, in_steps

Document = Mapping[str, Any]
Identify = Callable[[Mapping[str, str]], Awaitable[Access]]


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks for pages.

    Attributes:
        documents: What is said of the beacon or the network, by path below the API.
    """

    service: Service
    identify: Identify
    rates: RateLimits
    recording: Recording
    sending: Sending
    deadline_s: float
    documents: Callable[[str], Awaitable[Document | None]]

    async def access(
        self, request: web.Request, headers: Mapping[str, str], questions: int = 1
    ) -> Access:
        """What the reader of a page may learn; raises as `Policy.identify`, and by the limits."""
        try:
            request[CALLER] = access = await self.identify(headers)
        except (Unauthorized, Forbidden) as error:
            self.recording.request(request, error.status, error)
            raise
        self.rates.admit(request, access, questions)
        return access

    async def parts(
        self,
        request: web.Request,
        queries: Sequence[Query],
        access: Access,
        *,
        within_s: float = math.inf,
    ) -> AsyncGenerator[tuple[int, Document]]:
        """Parts of the answers to several questions, each with the place of its question.

        Args:
            within_s: Seconds after which whoever is missing is said to be, if not sooner.
        """
        for query in queries:
            self.rates.count_variant(request, access, query)
        deadline_s = min(within_s, self.deadline_s)
        merged = self._merged(request, queries, access, deadline_s)
        async with aclosing(in_steps(request, access, merged)) as steps:
            async for ready in steps:
                for one in ready:
                    yield one

    async def _merged(
        self, request: web.Request, queries: Sequence[Query], access: Access, deadline_s: float
    ) -> AsyncGenerator[tuple[int, Document]]:
        found: asyncio.Queue[tuple[int, Document | None]] = asyncio.Queue()

        async def ask(place: int, query: Query) -> None:
            try:
                is_first = True
                async with aclosing(self.service.stream(query, access, deadline_s)) as parts:
                    async for part in parts:
                        if is_first:
                            self.recording.begun(request, query, access, part)
                        is_first = False
                        found.put_nowait((place, self._document(part, query, access)))
            except BeaconError as error:
                self.recording.question(request, query, access, error)
                raise
            finally:
                found.put_nowait((place, None))

        tasks = [asyncio.create_task(ask(place, query)) for place, query in enumerate(queries)]
        try:
            left = len(tasks)
            while left:
                place, part = await found.get()
                if part is None:
                    await tasks[place]
                    left -= 1
                else:
                    yield place, part
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def many(
        self, request: web.Request, queries: Sequence[Query], access: Access
    ) -> AsyncGenerator[tuple[int, Document | BeaconError]]:
        """Answers to many questions, or why there are none, each with the place of its question."""
        async with aclosing(
            in_steps(request, access, self._each(request, queries, access))
        ) as steps:
            async for ready in steps:
                for one in sorted(ready, key=lambda found: found[0]):
                    yield one

    async def _each(
        self, request: web.Request, queries: Sequence[Query], access: Access
    ) -> AsyncGenerator[tuple[int, Document | BeaconError]]:
        service = self.service
        places = []
        for place, query in enumerate(queries):
            try:
                self.rates.count_variant(request, access, query)
            except TooManyRequests as error:
                yield place, error
            else:
                places.append(place)
        asked = [queries[place] for place in places]
        answers = service.answer_many(asked, access, self.deadline_s)
        async with aclosing(answers) as found:
            async for index, answer in found:
                query = asked[index]
                self.recording.question(request, query, access, answer)
                if isinstance(answer, BeaconError):
                    yield places[index], answer
                else:
                    parts = answer_parts(answer, query, service.identity, service.model)
                    read = msgspec.json.decode(encode(parts))
                    yield places[index], self._with_bounds(read, query, access)

    def _document(self, part: DisclosedPart, query: Query, access: Access) -> Document:
        """A part as whoever reads the stream has it: records of members are JSON until then."""
        document = part_document(part, query, self.service.identity, self.service.model)
        read = msgspec.json.decode(encode({"kind": part.kind, **document}))
        return {**read, "answer": self._with_bounds(read.get("answer") or {}, query, access)}

    def _with_bounds(self, answer: Document, query: Query, access: Access) -> Document:
        """An answer of which each dataset that says no says of how many people it would, too.

        A network does that for its members; of a yes or no of a beacon's own datasets nothing else
        tells that a few are told as nobody. It is the rule that is told, whatever there is.
        """
        for one in (answer.get("response") or {}).get("resultSets") or ():
            if self.service.streams or one.get("exists"):
                continue
            least = max(
                access.protecting(query, one["id"], level).min_count
                for level in (Granularity.BOOLEAN, Granularity.COUNT, Granularity.RECORD)
            )
            if least > 1:
                one["info"] = {**(one.get("info") or {}), "bounds": [0, least - 1]}
        return answer

    async def terms(self, request: web.Request, access: Access, query: TermsQuery) -> Document:
        """What `/filtering_terms` says."""
        request[ACCESS] = access
        found = await self.service.filtering_terms(query, access, self.deadline_s)
        return information.filtering_terms(found, self.service.identity)

    async def send(
        self,
        request: web.Request,
        lines: AsyncGenerator[bytes],
        failed: Callable[[BeaconError], bytes],
    ) -> web.StreamResponse:
        """Send lines of JSON the moment that there are any; `failed` makes the last of them."""
        return await self.sending.send(
            request, NDJSON, {}, lines, heartbeat=LINES.heartbeat, failed=failed
        )

    async def about(self, path: str) -> Document | None:
        """A document about the beacon or the network."""
        return await self.documents(path)
