"""The home of many questions at once: one request to each member that takes many, else singles."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from beacon.framework.answer import Answer
from beacon.framework.entry_types import Model
from beacon.framework.errors import BeaconError
from beacon.framework.parameters import request_parameters
from beacon.framework.query import Granularity, Query
from beacon.framework.request_encoding import encode_post
from beacon.network import outcomes
from beacon.network.asked import Asked
from beacon.network.members import Member
from beacon.network.planning import Ask
from beacon.network.remote import RawReply
from beacon.network.replies import decode
from beacon.network.requests import MemberRequest, encode
from beacon.network.shown import PUBLIC, Shown
from beacon.network.states import MemberFailure, Outcome, State

if TYPE_CHECKING:
    from beacon.network.network import Network

SINGLES = 4
"""Requests of one batch that are under way at a member that takes one question at a time."""

_ANSWERS_BYTES = 64 * 1024 * 1024
_COUNT_BYTES = 16 * 1024
_PAGE_BYTES = 256 * 1024

Place = tuple[int, Asked, Ask]
"""A question by its place among the others, and how one member is to be asked it."""


class _Error(msgspec.Struct):
    errorCode: int = 500  # noqa: N815
    errorMessage: str = ""  # noqa: N815


class _Line(msgspec.Struct):
    id: str | None = None
    error: _Error | None = None


async def answer_in_batches(
    questions: Sequence[Asked], network: Network, *, deadline: float
) -> AsyncIterator[tuple[int, Answer | BeaconError]]:
    """Ask all members all questions.

    Args:
        questions: As opened by the network.
        deadline: By the clock of the event loop; what has not come by then timed out.

    Returns:
        Place and answer of each question, as its last member answers, the rest at the deadline.
    """
    ready: asyncio.Queue[int] = asyncio.Queue()
    refused: dict[int, BeaconError] = {}

    def refuse(place: int, error: BeaconError) -> None:
        refused.setdefault(place, error)
        ready.put_nowait(place)

    for place, asked in enumerate(questions):
        asked.when_settled(partial(ready.put_nowait, place))
    writer = _Writer(network.model)
    tasks = [
        asyncio.ensure_future(_ask_member(network, writer, member, questions, deadline, refuse))
        for member in network.members
    ]
    left = set(range(len(questions)))
    try:
        while left:
            try:
                async with asyncio.timeout_at(deadline):
                    place = await ready.get()
            except TimeoutError:
                break
            if place not in left:
                continue
            left.discard(place)
            if place in refused:
                yield place, refused[place]
                continue
            yield place, await _answer(questions[place])
        for place in sorted(left):
            yield place, await _answer(questions[place])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _answer(asked: Asked) -> Answer:
    """What it amounts to now."""
    return await asked.merged_aside(await asked.outcomes(asyncio.get_running_loop().time()))


async def _ask_member(
    network: Network,
    writer: _Writer,
    member: Member,
    questions: Sequence[Asked],
    deadline: float,
    refuse: Callable[[int, BeaconError], None],
) -> None:
    metadata = network.discovery.of(member.id)
    most = metadata.batch_max if metadata is not None else 0
    to_ask: list[Place] = []
    for place, asked in enumerate(questions):
        try:
            ask = network.planned(asked, member)
        except BeaconError as error:
            # It makes no sense to anybody, and must not keep the others from being asked.
            refuse(place, error)
            continue
        if isinstance(ask, Outcome):
            asked.settle(ask)
        else:
            to_ask.append((place, asked, ask))
        if place % 50 == 0:
            await asyncio.sleep(0)  # other callers' answers must not wait for a long list
    if most:
        for request, places in writer.requests(to_ask, most):
            await _ask_many(network, member, request, places, deadline)
    else:
        await _ask_singly(network, member, to_ask)


class _Writer:
    """Writes requests of many questions, each once, however many members it is sent to."""

    def __init__(self, model: Model) -> None:
        self._model = model
        # By the id of a query, which stays one as long as the query is kept beside it.
        self._shared: dict[int, tuple[Query, Query]] = {}
        self._equal: dict[Query, Query] = {}
        self._written: dict[tuple[tuple[int, int], ...], MemberRequest] = {}

    def requests(
        self, to_ask: Sequence[Place], most: int
    ) -> Iterator[tuple[MemberRequest, list[Place]]]:
        """The questions in requests of at most so many, each of questions that differ in nothing
        but the variation."""
        alike: dict[int, tuple[Query, list[Place]]] = {}
        for one in to_ask:
            common = self._common(one[2].query)
            alike.setdefault(id(common), (common, []))[1].append(one)
        for common, places in alike.values():
            for start in range(0, len(places), most):
                part = places[start : start + most]
                yield self._request(common, part), part

    def _common(self, query: Query) -> Query:
        """What it shares with others: one object for all of them."""
        known = self._shared.get(id(query))
        if known is None:
            common = msgspec.structs.replace(query, variation=None)
            known = self._shared[id(query)] = (query, self._equal.setdefault(common, common))
        return known[1]

    def _request(self, common: Query, places: Sequence[Place]) -> MemberRequest:
        key = tuple((place, id(ask.query)) for place, _, ask in places)
        request = self._written.get(key)
        if request is None:
            request = self._written[key] = _request(common, places, self._model)
        return request


def _request(common: Query, places: Sequence[Place], model: Model) -> MemberRequest:
    query: dict[str, Any] = {
        "requestedGranularity": common.granularity.wire,
        "includeResultsetResponses": "ALL",
        "pagination": {"skip": common.pagination.skip, "limit": common.pagination.limit},
    }
    if common.filters:
        query["filters"] = _filters(common, model)
    an_answer = _PAGE_BYTES if common.granularity is Granularity.RECORD else _COUNT_BYTES
    document = {
        "meta": {"apiVersion": common.api_version},
        "entryType": common.entry_type,
        "query": query,
        "items": [
            {"id": str(place), "requestParameters": request_parameters(ask.query)}
            for place, _, ask in places
        ],
    }
    return MemberRequest(
        method="POST",
        target="/batch",
        body=msgspec.json.encode(document),
        limit_bytes=min(len(places) * an_answer, _ANSWERS_BYTES),
        accept="application/x-ndjson",
    )


def _filters(common: Query, model: Model) -> list[Mapping[str, Any]]:
    filters: list[Mapping[str, Any]] = encode_post(common, model)[1]["query"]["filters"]
    return filters


async def _ask_many(
    network: Network,
    member: Member,
    request: MemberRequest,
    places: Sequence[Place],
    deadline: float,
) -> None:
    waiting = {str(place): (asked, ask) for place, asked, ask in places}
    access = places[0][1].access
    failure = MemberFailure(State.BAD_RESPONSE, "left the question out of its answers")
    shown = PUBLIC
    try:
        shown, headers = await network.shown(member, access, deadline)
        lines = network.remotes.lines(member, request, deadline=deadline, headers=headers)
        async with contextlib.aclosing(lines):
            async for line in lines:
                shown.check(200, line)
                told = _read(line)
                if told.id in waiting:
                    asked, ask = waiting.pop(told.id)
                    asked.settle(_outcome(asked, member, ask, line, told, shown))
    except MemberFailure as error:
        failure = shown.cleared(error)
    for asked, ask in waiting.values():
        asked.settle(outcomes.failed(asked, member, ask, failure))


def _read(line: bytes) -> _Line:
    try:
        return msgspec.json.decode(line, type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MemberFailure(State.BAD_RESPONSE, "a line of its answer is not JSON") from error


def _outcome(
    asked: Asked,
    member: Member,
    ask: Ask,
    line: bytes,
    told: _Line,
    shown: Shown,
) -> Outcome:
    status = 200 if told.error is None else told.error.errorCode
    reply = RawReply(status=status, body=line, content_type="application/json")
    try:
        return outcomes.replied(asked, member, ask, decode(reply, ask.query, member))
    except MemberFailure as error:
        return outcomes.failed(asked, member, ask, shown.cleared(error))


async def _ask_singly(network: Network, member: Member, to_ask: Sequence[Place]) -> None:
    under_way = asyncio.Semaphore(SINGLES)

    async def ask_one(asked: Asked, ask: Ask) -> None:
        async with under_way:
            try:
                request = encode(ask.query, ask.dialect, network.model)
            except MemberFailure as error:
                asked.settle(outcomes.failed(asked, member, ask, error))
                return
            cell = network.ask_one(asked, member, ask, request)
            try:
                await asyncio.wait([cell.task])
            finally:
                network.leave(cell)

    async with asyncio.TaskGroup() as group:
        for _, asked, ask in to_ask:
            group.create_task(ask_one(asked, ask))
