"""The home of `POST /batch`: many questions in one request, each answered on a line of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from aiohttp import web

from beacon.framework.access import Access
from beacon.framework.batch import (
    Batch,
    decode_batch,
    encode_document,
    encode_end,
    encode_item,
    encode_item_error,
    query_of,
)
from beacon.framework.disclosure import Disclosed
from beacon.framework.errors import BeaconError, InvalidRequest, TooManyRequests
from beacon.framework.extensions import NDJSON
from beacon.framework.query import Query
from beacon.framework.response import encode
from beacon.framework.service import Service
from beacon.framework.stream_encoding import LINES, error_document
from beacon.web.middleware import JSON_HEADERS
from beacon.web.preferences import Deadline, accepted
from beacon.web.sending import Lines, Sending
from beacon.web.steady import in_steps

JSON = "application/json"

DOCUMENT_MAX_BYTES = 32 * 1024 * 1024
"""Of answers that are collected for one document; as lines there may be any number."""

_READ_AT_A_TIME = 50


@dataclass(frozen=True, slots=True)
class Noted:
    """Who is told of what a batch does.

    Attributes:
        count: Of each question; raises `TooManyRequests` for one too many.
        record: Of each answer before it leaves; raises `AuditUnavailable` when it may not.
    """

    count: Callable[[Query], None]
    record: Callable[[Query, Disclosed | BeaconError], None]


@dataclass(frozen=True, slots=True)
class Batches:
    """Answers batches of at most `items_max` questions."""

    service: Service
    sending: Sending
    items_max: int

    def read(self, body: bytes) -> Batch:
        """The batch that a body holds; raises `InvalidRequest` when it holds none."""
        return decode_batch(body, self.service.model, self.service.limits, self.items_max)

    async def answer(
        self,
        request: web.Request,
        batch: Batch,
        access: Access,
        deadline: Deadline,
        noted: Noted,
    ) -> web.StreamResponse:
        """Answer as lines, in whichever order answers come, or as one document, in order.

        Args:
            request: Who asked.
            batch: What.
            access: What they may learn.
            deadline: Until when.
            noted: Told of each question and each answer.
        """
        if accepted(request.headers, JSON, NDJSON) == JSON:
            return await self._document(batch, access, deadline, noted)
        return await self.sending.send(
            request,
            NDJSON,
            deadline.headers,
            self._lines(request, batch, access, deadline, noted),
            heartbeat=LINES.heartbeat,
            failed=_failed,
        )

    async def _lines(
        self,
        request: web.Request,
        batch: Batch,
        access: Access,
        deadline: Deadline,
        noted: Noted,
    ) -> Lines:
        answered = 0
        answers = self._answers(batch, access, deadline, noted)
        async with aclosing(in_steps(request, access, answers)) as steps:
            async for ready in steps:
                for _, line, is_answer in sorted(ready):
                    answered += is_answer
                    yield line + b"\n"
        yield encode_end(len(batch.items), answered) + b"\n"

    async def _document(
        self, batch: Batch, access: Access, deadline: Deadline, noted: Noted
    ) -> web.Response:
        lines = [b""] * len(batch.items)
        size = answered = 0
        async with aclosing(self._answers(batch, access, deadline, noted)) as answers:
            async for place, line, is_answer in answers:
                lines[place] = line
                answered += is_answer
                size += len(line)
                if size > DOCUMENT_MAX_BYTES:
                    raise InvalidRequest(
                        f"the answers are larger than {DOCUMENT_MAX_BYTES >> 20} MiB; "
                        f"ask for less, or with Accept: {NDJSON}"
                    )
        body = encode_document(lines, answered, self.service.identity)
        return web.Response(body=body, headers={**JSON_HEADERS, **deadline.headers})

    async def _answers(
        self, batch: Batch, access: Access, deadline: Deadline, noted: Noted
    ) -> AsyncGenerator[tuple[int, bytes, bool]]:
        """The place of each question, its line, and whether that is an answer."""
        service = self.service
        places: list[int] = []
        queries: list[Query] = []
        for place, item in enumerate(batch.items):
            try:
                query = query_of(batch, item, service.model, service.limits)
                noted.count(query)
                queries.append(query)
                places.append(place)
            except (InvalidRequest, TooManyRequests) as error:
                yield place, encode_item_error(item.id, error), False
            if place % _READ_AT_A_TIME == 0:
                await asyncio.sleep(0)  # other answers must not wait for a long list
        found = service.answer_many(queries, access, deadline.seconds)
        async with aclosing(found):
            async for index, answer in found:
                noted.record(queries[index], answer)
                place = places[index]
                item_id = batch.items[place].id
                if isinstance(answer, BeaconError):
                    yield place, encode_item_error(item_id, answer), False
                    continue
                line = encode_item(item_id, answer, queries[index], service.identity, service.model)
                yield place, line, True


def _failed(error: BeaconError) -> bytes:
    return encode(error_document(error)) + b"\n"
