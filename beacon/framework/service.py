"""The service: questions in, what may be told of the answers out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from typing import Any, TypeVar

import msgspec

from beacon.framework.access import EVERYTHING, Access, Protection
from beacon.framework.answer import Answer, Record, Terms
from beacon.framework.disclosure import Disclosed, Narrowed, Protected, disclose
from beacon.framework.entry_types import Model
from beacon.framework.errors import BeaconError, DeadlineExceeded, InvalidRequest, NotFound
from beacon.framework.noise import Noise
from beacon.framework.query import Query
from beacon.framework.request import Limits
from beacon.framework.response import Identity
from beacon.framework.source import Source, TermsQuery, TogetherSource
from beacon.framework.streaming import BatchSource, Part, PartKind, StreamingSource

UNDER_WAY = 64
"""Questions of one batch that a source is asked at a time: enough to share its round trips."""

GRACE_S = 2.0
"""Seconds beyond its deadline that a source gets which keeps to the deadline by itself."""

Found = tuple[int, Disclosed | BeaconError]
"""The place of a question among those of a batch, and what may be told, or why nothing can."""

Value = TypeVar("Value")


class DisclosedPart(msgspec.Struct, frozen=True, kw_only=True):
    """A `Part` as it may be shown. What it is about is told to everybody who may ask."""

    number: int
    kind: PartKind
    about: Mapping[str, Any]
    disclosed: Disclosed | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A beacon without its transport.

    Attributes:
        source: What questions are answered from.
        test_source: What answers in test mode, to anybody and in full: synthetic records.
        limits: What one request may ask; the decoders apply it.
        noise: Makes the noise of numbers, where rules want any.
    """

    identity: Identity
    model: Model
    source: Source
    test_source: Source
    limits: Limits
    noise: Noise | None = None

    async def answer(
        self, query: Query, access: Access, deadline_s: float | None = None
    ) -> Disclosed:
        """Answer one question.

        Args:
            query: As decoded.
            access: What the caller may learn; test mode asks nobody who they are.
            deadline_s: Seconds that are left.

        Raises:
            InvalidRequest: The entry type is not listed without a condition, or the source cannot
                be asked so.
            SourceUnavailable: The source cannot say; `DeadlineExceeded` when not in time.
        """
        source = self.source
        if query.test_mode:
            # Nobody is protected by refusing a list of made-up people, and validators want one.
            source, access = self.test_source, EVERYTHING
        else:
            self._check_filtered(query)
        given_s = deadline_s
        if given_s is not None and _gives_parts(type(source)):
            # It ends by itself with what it has, which is lost if it is cut off at that moment.
            given_s += GRACE_S
        try:
            async with asyncio.timeout(given_s):
                found = await source.search(query, access, deadline_s=deadline_s)
        except TimeoutError as error:
            raise _too_late(deadline_s) from error
        return self._disclose(found, query, access)

    @property
    def streams(self) -> bool:
        """Whether answers can be had in parts."""
        return _gives_parts(type(self.source))

    async def stream(
        self, query: Query, access: Access, deadline_s: float | None = None
    ) -> AsyncGenerator[DisclosedPart]:
        """Answer one question in parts, each of them as soon as it is known.

        A source that answers at once, such as the one for test mode, gives a `summary` and is
        `complete`.

        Args:
            deadline_s: Seconds after which the source is to be complete, whoever is missing.

        Raises:
            InvalidRequest: As `answer`; before the first part, as all failures of the question.
        """
        source = self.source
        if query.test_mode or not isinstance(source, StreamingSource):
            disclosed = await self.answer(query, access, deadline_s)
            yield DisclosedPart(number=1, kind="summary", about={}, disclosed=disclosed)
            yield DisclosedPart(number=2, kind="complete", about={})
            return
        self._check_filtered(query)
        async with _closing(source.stream(query, access, deadline_s=deadline_s)) as parts:
            async for part in parts:
                yield self._disclose_part(part, query, access)

    def question(self, query_id: str, access: Access) -> Query:
        """What was asked in a stream, by the id of the question.

        Raises:
            NotFound: There is none of that id, it is too long ago, or it was somebody else's.
        """
        if not isinstance(self.source, StreamingSource):
            raise NotFound("answers are not kept here: they do not come in parts")
        return self.source.question(query_id, access)

    async def resume(
        self, query_id: str, access: Access, *, after: int = 0
    ) -> AsyncGenerator[DisclosedPart]:
        """The parts of an earlier question after the one numbered so; raises as `question`."""
        query = self.question(query_id, access)
        if isinstance(self.source, StreamingSource):
            found = self.source.resume(query_id, access, after=after)
            async with _closing(found) as parts:
                async for part in parts:
                    yield self._disclose_part(part, query, access)

    async def answer_together(
        self, queries: Sequence[Query], access: Access, deadline_s: float | None = None
    ) -> list[Disclosed]:
        """Answer questions that differ in how similar people have to be; raises as `answer`."""
        for one in queries:
            self._check_filtered(one)
        source = self.source
        try:
            async with asyncio.timeout(deadline_s):
                if isinstance(source, TogetherSource):
                    found = await source.search_together(queries, access, deadline_s=deadline_s)
                else:
                    found = [
                        await source.search(one, access, deadline_s=deadline_s) for one in queries
                    ]
        except TimeoutError as error:
            raise _too_late(deadline_s) from error
        return [self._disclose(*one, access) for one in zip(found, queries, strict=True)]

    async def answer_many(
        self, queries: Sequence[Query], access: Access, deadline_s: float | None = None
    ) -> AsyncGenerator[Found]:
        """Answer many questions, all of them in test mode or none.

        Args:
            deadline_s: Seconds for all together; what is not answered by then is an error.

        Returns:
            Each question's place and answer once, in whichever order answers come.
        """
        test_mode = any(query.test_mode for query in queries)
        if not test_mode and isinstance(self.source, BatchSource):
            answers = self._asked_at_once(self.source, queries, access, deadline_s)
        else:
            answers = self._asked_singly(queries, access, deadline_s)
        async with _closing(answers) as found:
            async for one in found:
                yield one

    async def filtering_terms(
        self,
        query: TermsQuery,
        access: Access,
        deadline_s: float | None = None,
        *,
        test_mode: bool = False,
    ) -> Terms:
        """The terms that the caller can filter by; raises as `answer` does."""
        source = self.source
        if test_mode:
            source, access = self.test_source, EVERYTHING
        try:
            async with asyncio.timeout(deadline_s):
                return await source.filtering_terms(query, access)
        except TimeoutError as error:
            raise _too_late(deadline_s) from error

    async def _asked_at_once(
        self,
        source: BatchSource,
        queries: Sequence[Query],
        access: Access,
        deadline_s: float | None,
    ) -> AsyncGenerator[Found]:
        places = []
        for place, query in enumerate(queries):
            try:
                self._check_filtered(query)
            except InvalidRequest as error:
                yield place, error
            else:
                places.append(place)
        asked = [queries[place] for place in places]
        answers = source.search_many(asked, access, deadline_s=deadline_s)
        async with _closing(answers) as found:
            async for index, answer in found:
                if isinstance(answer, BeaconError):
                    yield places[index], answer
                else:
                    yield places[index], self._disclose(answer, asked[index], access)

    async def _asked_singly(
        self, queries: Sequence[Query], access: Access, deadline_s: float | None
    ) -> AsyncGenerator[Found]:
        loop = asyncio.get_running_loop()
        deadline = None if deadline_s is None else loop.time() + deadline_s

        async def answer(place: int, query: Query) -> Found:
            left_s = None if deadline is None else deadline - loop.time()
            try:
                if left_s is not None and left_s <= 0:
                    raise _too_late(deadline_s)
                return place, await self.answer(query, access, left_s)
            except DeadlineExceeded:
                return place, _too_late(deadline_s)
            except BeaconError as error:
                return place, error

        to_ask = enumerate(queries)
        under_way: set[asyncio.Task[Found]] = set()
        try:
            while True:
                # No more are begun than somebody takes the answers of.
                for place, query in islice(to_ask, UNDER_WAY - len(under_way)):
                    under_way.add(loop.create_task(answer(place, query)))
                if not under_way:
                    return
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    def _disclose_part(self, part: Part, query: Query, access: Access) -> DisclosedPart:
        disclosed = None
        if part.answer is not None:
            disclosed = self._disclose(part.answer, query, access)
        return DisclosedPart(
            number=part.number, kind=part.kind, about=part.about, disclosed=disclosed
        )

    def _disclose(self, answer: Answer, query: Query, access: Access) -> Disclosed:
        narrowed, protected = self._narrowed(query), self._protected(query)
        return disclose(answer, query, access, narrowed, protected, self.noise)

    def _protected(self, query: Query) -> Protected | None:
        protect = self.model.protect
        if protect is None:
            return None

        def protected(record: Record, protection: Protection) -> Record:
            return protect(query.entry_type, record, protection)

        return protected

    def _narrowed(self, query: Query) -> Narrowed | None:
        view = self.model.view
        if view is None or not query.population_filters:
            return None
        return partial(view.narrowed, asked=query.population_filters)

    def _check_filtered(self, query: Query) -> None:
        if not query.is_unfiltered:
            return
        entry_type = self.model.by_id(query.entry_type)
        if not entry_type.non_filtered_queries_allowed:
            raise InvalidRequest(
                f"/{entry_type.path} is not listed whole; add a filter, a parameter or an id"
            )


@asynccontextmanager
async def _closing(values: AsyncIterator[Value]) -> AsyncIterator[AsyncIterator[Value]]:
    """Whoever stops reading early ends what gives the values, now and not at some time."""
    try:
        yield values
    finally:
        if isinstance(values, AsyncGenerator):
            await values.aclose()


def _too_late(deadline_s: float | None) -> DeadlineExceeded:
    within = "in time" if deadline_s is None else f"within {deadline_s:g} s"
    return DeadlineExceeded(f"the source did not answer {within}")


@cache
def _gives_parts(source: type) -> bool:
    """Whether it is a `StreamingSource`: a protocol takes long to compare with."""
    return issubclass(source, StreamingSource)
