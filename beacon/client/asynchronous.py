"""The home of `AsyncBeacon`: a beacon or a network as its client sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from itertools import islice
from types import TracebackType
from typing import Any, Self

from yarl import URL

from beacon.client.about import About, api_version_of, read_about
from beacon.client.answers import Answer, read_answer
from beacon.client.cases import Case, case_of
from beacon.client.entries import Entry, entries_of
from beacon.client.envelopes import Document, mapping
from beacon.client.failures import (
    BeaconFailure,
    NotABeacon,
    Refused,
    Unreachable,
    Withheld,
)
from beacon.client.matches import MatchAnswer, read_matches
from beacon.client.parts import COMPLETE, ERROR, HEARTBEAT, Part, read_part
from beacon.client.questions import (
    IMPOSSIBLE,
    Dialect,
    Filter,
    Granularity,
    Question,
    dialect_of,
    entry_type_of,
    filters_given,
    filters_of,
    meta_of,
    parameters_of,
    path_of,
)
from beacon.client.variants import Variant, variant_of
from beacon.client.wire import Limits, Request, Wire, failure_of

AT_ONCE = 4
"""Questions that are under way at a time, where a beacon takes them one by one."""

_G_VARIANTS = "g_variants"


class AsyncBeacon:
    """A Beacon v2, or a network of them, at the URL of its API.

    It keeps connections open: use it with `async with`, or call `close` at the end. Every method
    that asks raises a `BeaconFailure` when there is no answer, and `ValueError` when what it was
    given cannot be asked.

    Args:
        url: Of the API, as `https://beacon.example.org/api`.
        token: A bearer token that says who asks; it is sent to the host of `url` alone.
        timeout_s: Until an answer is whole, with everything that is tried again.
        retries: How often a question is sent again after a lost connection, 429, 502, 503 or 504.
        max_bytes: The longest answer that is read.
        on_send: Called with the body of each question before it leaves, to keep what was told.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        timeout_s: float = 30.0,
        *,
        retries: int = 3,
        max_bytes: int = 64 * 1024 * 1024,
        on_send: Callable[[bytes], None] | None = None,
    ) -> None:
        limits = Limits(timeout_s, retries, max_bytes)
        self._wire = Wire(_base(url), limits, _checked(token), on_send)
        self._lock = asyncio.Lock()
        self._info: Document | None = None
        self._about: About | None = None
        self._service: Mapping[str, Any] = {}
        self._dialect: Dialect | None = None
        self._is_settled = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._wire.base)!r})"

    async def close(self) -> None:
        """Let the connections go; asked again, it opens new ones."""
        await self._wire.close()

    async def about(self) -> About:
        """What the beacon says of itself; it is asked for that once."""
        async with self._lock:
            if self._about is None:
                info = await self._read_info()
                try:
                    self._service = await self._wire.document(Request("/service-info"))
                except (Refused, NotABeacon):
                    self._service = {}  # beacons that offer nothing more need not have it
                self._about = read_about(info, self._service)
            return self._about

    async def lookup(
        self,
        variant: Variant | str,
        assembly: str | None = None,
        granularity: Granularity = "count",
        filters: Sequence[Filter] = (),
    ) -> Answer:
        """Whether a variant is known, and in which datasets.

        Counts are of variants. How many people carry it is `count("individuals", variant=...)`;
        its frequencies come with `granularity="record"`.

        Args:
            variant: One, or a text as `17-43094692-G-A`, with a 1-based position as in a VCF.
            assembly: Of a text, `GRCh38` or `GRCh37`.
            granularity: What is wanted; less may be told.
            filters: What those must have in whom it is seen.
        """
        asked = variant_of(variant, assembly)
        return await self._answer(_G_VARIANTS, Question(granularity, asked, filters_given(filters)))

    async def count(
        self,
        entry_type: str = "individuals",
        *,
        filters: Sequence[Filter] = (),
        variant: Variant | None = None,
    ) -> Answer:
        """How many there are.

        Args:
            entry_type: Of what: `individuals`, `biosamples`, `g_variants`, …
            filters: What they must have, all of it: ids of terms, or filters as Beacon writes them.
            variant: What they must carry.
        """
        return await self._answer(entry_type, Question("count", variant, filters_given(filters)))

    async def individuals(
        self,
        *,
        filters: Sequence[Filter] = (),
        variant: Variant | None = None,
        page: int = 100,
    ) -> AsyncGenerator[Entry]:
        """People, page by page as they are read.

        Args:
            filters: As in `count`.
            variant: What they must carry.
            page: People of each dataset that are asked for at a time.

        Raises:
            Withheld: There may be some, and none is told of.
        """
        question = Question("record", variant, filters_given(filters), limit=page)
        async with aclosing(self._entries("individuals", question)) as entries:
            async for one in entries:
                yield one

    async def datasets(self, *, page: int = 100) -> AsyncGenerator[Entry]:
        """The datasets that are shown to this caller."""
        async with aclosing(self._entries("datasets", Question("record", limit=page))) as entries:
            async for one in entries:
                yield one

    async def batch(
        self,
        variants: Iterable[Variant] | Mapping[str, Variant],
        *,
        granularity: Granularity = "count",
        filters: Sequence[Filter] = (),
        entry_type: str = "genomicVariant",
    ) -> AsyncGenerator[tuple[str, Answer | BeaconFailure]]:
        """Ask the same of many variants; answers come in whichever order.

        Args:
            variants: By what you call them; else a variant is called as it is written,
                `17-43094692-G-A`.
            granularity: As in `lookup`.
            filters: As in `lookup`.
            entry_type: What is asked for: `genomicVariant` for whether they are known,
                `individual` for who carries them.

        Yields:
            What a variant is called, and its answer or why there is none: each once.
        """
        asked = named(variants)
        question = Question(granularity, None, filters_given(filters))
        about = await self.about()
        found = (
            self._in_batches(asked, question, entry_type, about)
            if about.batch_max
            else self._one_by_one(asked, question, entry_type)
        )
        async with aclosing(found) as pairs:
            async for pair in pairs:
                yield pair

    async def match(
        self,
        case: Case | Mapping[str, Any],
        *,
        granularity: Granularity = "count",
        limit: int = 10,
    ) -> MatchAnswer:
        """Who is like a case.

        Args:
            case: A case, or a phenopacket, of which `Case.from_phenopacket` is sent and no more.
            granularity: `count` for how many there are, `record` for who and why.
            limit: People who are told of at most.
        """
        told = case_of(case)
        await self.about()
        url = self._wire.own_url(self._offered("match").get("url"), "/match")
        body = {
            "meta": meta_of(Dialect()),
            "query": {
                "case": told.document(),
                "requestedGranularity": granularity,
                "pagination": {"limit": limit},
            },
        }
        return read_matches(await self._wire.document(Request(url, body)))

    async def stream(
        self,
        variant: Variant | str,
        assembly: str | None = None,
        granularity: Granularity = "count",
        filters: Sequence[Filter] = (),
        *,
        entry_type: str = "genomicVariant",
    ) -> AsyncGenerator[Part]:
        """As `lookup`, in parts: what each member of a network says the moment that it does.

        A beacon that answers in one piece gives one `summary`, and `complete`.

        Args:
            variant: As in `lookup`.
            assembly: As in `lookup`.
            granularity: As in `lookup`.
            filters: As in `lookup`.
            entry_type: What is asked for; `individual` for who carries the variant.
        """
        asked = variant_of(variant, assembly)
        question = Question(granularity, asked, filters_given(filters))
        if not (await self.about()).streams:
            answer = await self._answer(entry_type, question)
            yield Part("summary", answer=answer, document=answer.document)
            yield Part(COMPLETE)
            return
        body = question.body(await self._spoken())
        async with aclosing(self._wire.lines(Request(path_of(entry_type), body))) as lines:
            async for line in lines:
                kind = line.get("kind")
                if kind == ERROR:
                    raise failure_of(line.get("error"))
                if kind == HEARTBEAT:
                    continue
                yield read_part(line)
                if kind == COMPLETE:
                    return
        raise Unreachable("the answer was cut off: its last part is missing")

    async def _answer(self, entry_type: str, question: Question) -> Answer:
        return read_answer(await self._document(path_of(entry_type), question))

    async def _document(self, path: str, question: Question) -> Document:
        """Ask in the beacon's dialect; in the other one once, if it does not understand."""
        dialect = await self._spoken()
        try:
            document = await self._wire.document(Request(path, question.body(dialect)))
        except Refused as refused:
            if refused.status != 400 or question.variant is None or self._is_settled:
                raise
            other = await self._in_other(path, question, dialect.other)
            if other is None:
                raise
            self._dialect, document = dialect.other, other
        if question.variant is not None:
            self._is_settled = True
        return document

    async def _in_other(self, path: str, question: Question, dialect: Dialect) -> Document | None:
        """The answer in another dialect; `None` if it does not answer, or to anything with yes."""
        canary = Question("boolean", IMPOSSIBLE)
        try:
            said = await self._wire.document(Request(f"/{_G_VARIANTS}", canary.body(dialect)))
            if read_answer(said).exists:
                return None
            return await self._wire.document(Request(path, question.body(dialect)))
        except BeaconFailure:
            return None

    async def _spoken(self) -> Dialect:
        async with self._lock:
            if self._dialect is None:
                try:
                    info = await self._read_info()
                except (Refused, NotABeacon):
                    info = {}  # it may answer all the same
                self._dialect = dialect_of(api_version_of(info))
            return self._dialect

    async def _read_info(self) -> Document:
        if self._info is None:
            self._info = await self._wire.document(Request("/info"))
        return self._info

    def _offered(self, name: str) -> Mapping[str, Any]:
        return mapping(mapping(self._service.get("extensions")).get(name))

    async def _entries(self, entry_type: str, question: Question) -> AsyncGenerator[Entry]:
        """All pages. Which one is the last is not told: the first that brings nothing new is."""
        if question.limit < 1:
            raise ValueError(f"a page of {question.limit} holds nobody")
        path, seen, skip = path_of(entry_type), set[tuple[Any, ...]](), 0
        while True:
            asked = Question("record", question.variant, question.filters, skip, question.limit)
            document = await self._document(path, asked)
            answer = read_answer(document)
            new = {one.key: one for one in entries_of(document) if one.key not in seen}
            for one in new.values():
                yield one
            seen.update(new)
            if not seen and answer.exists is not False:
                raise Withheld(_withheld(answer))
            if not new or answer.count == len(seen):
                return
            skip += 1

    async def _in_batches(
        self, asked: Mapping[str, Variant], question: Question, entry_type: str, about: About
    ) -> AsyncGenerator[tuple[str, Answer | BeaconFailure]]:
        for some in _chunks(asked, about.batch_max):
            left = dict(some)
            while left:
                before, failure = len(left), BeaconFailure()
                lines = self._batch_lines(left, question, entry_type, about)
                try:
                    async with aclosing(lines):
                        async for item_id, found in lines:
                            del left[item_id]
                            yield item_id, found
                    failure = Unreachable("the answer was cut off before this question's turn")
                except BeaconFailure as error:
                    failure = error
                if isinstance(failure, Unreachable) and len(left) < before:
                    continue  # it goes on where it was
                for item_id in left:
                    yield item_id, failure
                break

    async def _batch_lines(
        self, left: Mapping[str, Variant], question: Question, entry_type: str, about: About
    ) -> AsyncGenerator[tuple[str, Answer | BeaconFailure]]:
        dialect = await self._spoken()
        query: Document = {
            "requestedGranularity": question.granularity,
            "includeResultsetResponses": "ALL",
        }
        if question.filters:
            query["filters"] = filters_of(question.filters)
        items = [
            {"id": item_id, "requestParameters": parameters_of(variant, dialect)}
            for item_id, variant in left.items()
        ]
        body = {
            "meta": meta_of(dialect),
            "entryType": entry_type_of(entry_type),
            "query": query,
            "items": items,
        }
        url = self._wire.own_url(self._offered("batch").get("url"), "/batch")
        async with aclosing(self._wire.lines(Request(url, body))) as lines:
            async for line in lines:
                item_id = line.get("id")
                if isinstance(item_id, str) and item_id in left:
                    yield item_id, _found_in(line, about.id)
                elif line.get("error"):
                    raise failure_of(line["error"])

    async def _one_by_one(
        self, asked: Mapping[str, Variant], question: Question, entry_type: str
    ) -> AsyncGenerator[tuple[str, Answer | BeaconFailure]]:
        waiting = iter(asked.items())
        running: dict[asyncio.Task[Answer | BeaconFailure], str] = {}
        try:
            while True:
                for item_id, variant in islice(waiting, AT_ONCE - len(running)):
                    asking = self._found(entry_type, variant, question)
                    running[asyncio.create_task(asking)] = item_id
                if not running:
                    return
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield running.pop(task), task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _found(
        self, entry_type: str, variant: Variant, shared: Question
    ) -> Answer | BeaconFailure:
        try:
            question = Question(shared.granularity, variant, shared.filters)
            return await self._answer(entry_type, question)
        except BeaconFailure as failure:
            return failure


def named(variants: Iterable[Variant] | Mapping[str, Variant]) -> dict[str, Variant]:
    """Variants by what they are called; raises `ValueError` where two have one name."""
    if isinstance(variants, Mapping):
        return dict(variants)
    found: dict[str, Variant] = {}
    for one in variants:
        if found.setdefault(str(one), one) != one:
            raise ValueError(f"two variants are called {one}: give them as a dict, by other names")
    return found


def _chunks(asked: Mapping[str, Variant], most: int) -> Iterator[dict[str, Variant]]:
    items = iter(asked.items())
    while some := dict(islice(items, most)):
        yield some


def _found_in(line: Document, beacon_id: str) -> Answer | BeaconFailure:
    """What a line of a batch says to its question."""
    if line.get("error"):
        return failure_of(line["error"])
    try:
        return read_answer(line, beacon_id)
    except NotABeacon as failure:
        return failure


def _withheld(answer: Answer) -> str:
    if answer.exists:
        return "there are some, but no records of them are told to this caller"
    return "it is not known whether there are any, and no records were given"


def _base(url: str) -> URL:
    try:
        base = URL(url)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{url!r} is no URL: {error}") from error
    if base.scheme not in ("http", "https") or not base.host:
        raise ValueError(f"{url!r} is no URL of a beacon; https://beacon.example.org/api would be")
    if base.user or base.password or base.query_string or base.fragment:
        raise ValueError("the URL of a beacon has no user, query or fragment")
    return base


def _checked(token: str | None) -> str | None:
    if token is not None and not (token and token.isascii() and token.isprintable()):
        raise ValueError("the token is empty, or holds what no token has, such as a line break")
    if token is not None and " " in token:
        raise ValueError("the token holds a blank: give it without the word Bearer")
    return token
