"""Beacons that a network meets in the wild, well-behaved or not, on ports of this machine.

A `FakeMember` serves what a small beacon says of itself, answers questions as its `behaviour` has
it, and keeps every request that it gets: what is not among `received` was never sent.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from beacon.framework.information import documents
from beacon.framework.response import Assembly, Identity, Organisation
from beacon.model.entry_types import MODEL
from beacon.network.members import Member, host_of

Document = dict[str, Any]

GRANULARITIES = ("boolean", "count", "record")


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came. `path` starts below the base URL; headers compare without case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Behaviour(Protocol):
    """How questions are answered; what a beacon says of itself is served whatever it is."""

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse: ...


class FakeMember:
    """A beacon on 127.0.0.1, with every path of the model below `url`.

    `behaviour` may be exchanged at any time, and so may single `documents`, by path, and
    `filtering_terms`, each a term as the specification writes it. `abandoned` counts questions
    whose asker went away before the answer, `bytes_sent` the body bytes of endless answers.
    With `informs=False` the behaviour also applies to what the beacon says of itself; with
    `reads_variation=False` to questions for an allele that cannot exist, which it has none of
    otherwise, whatever its behaviour.
    """

    def __init__(
        self,
        beacon_id: str = "fi.example.beacon",
        behaviour: Behaviour | None = None,
        *,
        assemblies: Sequence[str] = ("GRCh38",),
        api_version: str = "v2.2.0",
        filtering_terms: Sequence[Document] = (),
        informs: bool = True,
        reads_variation: bool = True,
    ) -> None:
        self.beacon_id = beacon_id
        self.behaviour: Behaviour = behaviour or Answers()
        self.filtering_terms = list(filtering_terms)
        self.informs = informs
        self.reads_variation = reads_variation
        self.received: list[Received] = []
        self.abandoned = 0
        self.bytes_sent = 0
        self.documents: dict[str, Document] = {}
        self._assemblies = tuple(assemblies)
        self._api_version = api_version
        self._runner: web.ServerRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The base URL of the API, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}/api"

    @property
    def questions(self) -> list[Received]:
        """What was received, but for what is asked of the beacon itself: canaries, too."""
        return [one for one in self.received if one.path not in _ABOUT_ITSELF and not _asks_n(one)]

    def member(self, member_id: str | None = None, **changes: Any) -> Member:
        """What a network knows of this beacon; `changes` are fields of `Member`."""
        known: dict[str, Any] = {
            "id": member_id or self.beacon_id,
            "name": f"Beacon {self.beacon_id}",
            "country": "FI",
            "urls": (self.url,),
            "hosts": frozenset({host_of(self.url)}),
            "allow_private": True,
        }
        return Member(**{**known, **changes})

    async def listen(self) -> None:
        """Serve; after `stop`, on the same port again."""
        server = web.Server(self._handle, handler_cancellation=True)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.05)
        await self._runner.setup()
        await web.TCPSite(
            self._runner, "127.0.0.1", self._port, backlog=1024, reuse_address=True
        ).start()
        if not self._port:
            self._port = self._runner.addresses[0][1]
            self.documents.update(self._about_itself())

    async def stop(self) -> None:
        """Refuse connections, and end those that there are."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        received = Received(
            method=request.method,
            path=request.path.removeprefix("/api"),
            query=dict(request.query),
            headers=CIMultiDict(request.headers),
            # Not `request.read`, which has a limit.
            body=await request.content.read(),
        )
        self.received.append(received)
        if self.informs and received.path in _ABOUT_ITSELF:
            return web.json_response(self._informs(received))
        if self.informs and self.reads_variation and _asks_n(received):
            return web.json_response(Answers({"d1": 0}).document(self, _asked(received)))
        try:
            return await self.behaviour.answer(self, received, request)
        except asyncio.CancelledError:
            self.abandoned += 1
            raise
        except ConnectionError:
            self.abandoned += 1
            return web.Response()

    def _informs(self, received: Received) -> Document:
        if received.path != "/filtering_terms":
            return self.documents[received.path]
        skip = int(received.query.get("skip", 0))
        limit = int(received.query.get("limit", 0)) or len(self.filtering_terms)
        return {
            "meta": self.documents["/info"]["meta"],
            "response": {
                "filteringTerms": self.filtering_terms[skip : skip + limit],
                "resources": [],
            },
        }

    def _about_itself(self) -> dict[str, Document]:
        identity = Identity(
            beacon_id=self.beacon_id,
            name=f"Beacon {self.beacon_id}",
            base_url=self.url,
            api_version=self._api_version,
            environment="test",
            organisation=Organisation(
                id="org.example", name="Example Organization", url="https://example.org/"
            ),
            assemblies=tuple(
                Assembly(name=one, indels_left_shifted=False, lifted_to=())
                for one in self._assemblies
            ),
        )
        return dict(documents(identity, MODEL))


_ABOUT_ITSELF = frozenset(
    {
        "/",
        "/info",
        "/service-info",
        "/configuration",
        "/entry_types",
        "/map",
        "/filtering_terms",
    }
)


@dataclass(frozen=True, slots=True)
class Answers:
    """As a beacon should: `counts` is dataset id to how many records were found in it.

    `records` are given out for the first dataset that has any. `most` is the highest granularity
    that is told. `beacon_id` is what it calls itself, when that is a lie; `bare` leaves the result
    sets away. `precision` and `adjusted_to` are those of version 2.2, for answers that are rounded
    or raised; `info` goes into the document. `POST /batch` is answered with a line for each item.
    """

    counts: Mapping[str, int] = field(default_factory=lambda: {"d1": 1})
    records: Sequence[Document] = ()
    most: str = "record"
    beacon_id: str | None = None
    bare: bool = False
    precision: str | None = None
    adjusted_to: tuple[int, ...] = ()
    info: Document | None = None

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        if received.path == "/batch":
            return await self._batch(fake, received, request)
        return web.json_response(self.document(fake, _asked(received)))

    def document(self, fake: FakeMember, asked: str) -> Document:
        """The answer at a granularity: `boolean`, `count` or `record`."""
        told = min(asked, self.most, key=GRANULARITIES.index)
        total = sum(self.counts.values())
        summary: Document = {"exists": total > 0}
        if told != "boolean":
            summary["numTotalResults"] = total
        document: Document = {
            "meta": {
                "beaconId": self.beacon_id or fake.beacon_id,
                "apiVersion": "v2.2.0",
                "returnedGranularity": told,
                "returnedSchemas": [],
                "receivedRequestSummary": {
                    "apiVersion": "v2.2.0",
                    "requestedSchemas": [],
                    "pagination": {},
                    "requestedGranularity": asked,
                },
            },
            "responseSummary": summary,
        }
        if not self.bare:
            document["response"] = {"resultSets": self._result_sets(told)}
        if self.info is not None:
            document["info"] = self.info
        return document

    def _result_sets(self, told: str) -> list[Document]:
        records = list(self.records)
        result_sets = []
        for dataset_id, count in self.counts.items():
            result_set: Document = {"id": dataset_id, "setType": "dataset", "exists": count > 0}
            if told != "boolean":
                result_set["resultsCount"] = count
                if self.precision:
                    result_set["countPrecision"] = self.precision
                if self.adjusted_to:
                    result_set["countAdjustedTo"] = list(self.adjusted_to)
            if told == "record":
                result_set["results"] = records if count else []
                records = [] if count else records
            result_sets.append(result_set)
        return result_sets

    async def _batch(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        asked = received.json.get("query", {}).get("requestedGranularity", "boolean")
        items = received.json["items"]
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        for item in items:
            document = self.document(fake, asked)
            line = {"id": item["id"], **{key: document[key] for key in document if key != "meta"}}
            await response.write(json.dumps(line).encode() + b"\n")
        last = {"complete": True, "items": len(items), "answered": len(items)}
        await response.write(json.dumps(last).encode() + b"\n")
        await response.write_eof()
        return response


def boolean_only(*, exists: bool = True) -> Answers:
    """Says yes or no, whatever it is asked, and of no dataset."""
    return Answers(counts={"d1": int(exists)}, most="boolean", bare=True)


def rounded(count: int, step: int = 10) -> Answers:
    """Gives the multiple of `step` nearest to its count."""
    nearest = round(count / step) * step
    return Answers(counts={"d1": nearest}, most="count", precision="rounded", adjusted_to=(step,))


def raised(count: int, threshold: int = 10) -> Answers:
    """Gives counts below a threshold as the threshold."""
    if count >= threshold or not count:
        return Answers(counts={"d1": count}, most="count", precision="exact")
    told = {"d1": threshold}
    return Answers(counts=told, most="count", precision="imprecise", adjusted_to=(threshold,))


@dataclass(frozen=True, slots=True)
class Says:
    """The same bytes to everybody: an error, HTML, or JSON that is none."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        headers = {"Content-Type": self.content_type, **self.headers}
        return web.Response(body=self.body, status=self.status, headers=headers)


HTML = Says(b"<html><body>Maintenance</body></html>", content_type="text/html")
BAD_JSON = Says(b'{"meta": {"beaconId": "fi.exam')
FAILS = Says(b'{"error": {"errorCode": 500, "errorMessage": "out of luck"}}', status=500)


def busy(retry_after: str | None = None) -> Says:
    """503, with or without saying when to come again."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Says(b"{}", status=503, headers=headers)


def redirects(location: str, status: int = 307) -> Says:
    """Sends everybody to another URL."""
    return Says(b"", status=status, headers={"Location": location})


@dataclass(frozen=True, slots=True)
class Hangs:
    """Takes the question and says nothing until its asker goes away."""

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError("nothing sets the event")


@dataclass(frozen=True, slots=True)
class Slow:
    """Does what `then` does, `seconds` later."""

    seconds: float
    then: Behaviour = field(default_factory=Answers)

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        await asyncio.sleep(self.seconds)
        return await self.then.answer(fake, received, request)


@dataclass(frozen=True, slots=True)
class Drips:
    """A right answer, byte by byte, each `seconds` after the other."""

    seconds: float = 0.05

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        body = json.dumps(Answers().document(fake, _asked(received))).encode()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(body)
        await response.prepare(request)
        for byte in body:
            await response.write(bytes((byte,)))
            await asyncio.sleep(self.seconds)
        return response


@dataclass(frozen=True, slots=True)
class Resets:
    """Breaks the connection off: after `body`, which promises to be longer, or at once."""

    body: bytes | None = None

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = 1000
        if self.body is not None:
            await response.prepare(request)
            await response.write(self.body)
            await asyncio.sleep(0.02)
        transport = request.transport
        if transport is not None:
            # Without anything to linger for, closing is a reset.
            connection = transport.get_extra_info("socket")
            option = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
            transport.abort()
        return response


@dataclass(frozen=True, slots=True)
class Floods:
    """A body that goes on to `size_bytes`, within one JSON string; with `lines`, in lines."""

    size_bytes: int = 1_000_000_000
    lines: bool = False

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        chunk = (b'{"a":1}\n' if self.lines else b"x" * 8) * 8192
        await response.write(b"" if self.lines else b'{"meta": "')
        for _ in range(self.size_bytes // len(chunk)):
            await response.write(chunk)
            fake.bytes_sent += len(chunk)
        return response


@dataclass(frozen=True, slots=True)
class Bombs:
    """A body of about a thousandth of `size_bytes`, which is what it is when decompressed."""

    size_bytes: int = 1_000_000_000
    encoding: str = "gzip"

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        squeeze = zlib.compressobj(9, wbits=31 if self.encoding == "gzip" else 15)
        start = squeeze.compress(b" ") + squeeze.flush(zlib.Z_FULL_FLUSH)
        # After a full flush nothing refers back: the same block may follow any number of times.
        block = squeeze.compress(b" " * 1_000_000) + squeeze.flush(zlib.Z_FULL_FLUSH)
        headers = {"Content-Type": "application/json", "Content-Encoding": self.encoding}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(start)
        for _ in range(self.size_bytes // 1_000_000):
            await response.write(block)
            fake.bytes_sent += len(block)
        return response


@dataclass(frozen=True, slots=True)
class Compressed:
    """A right answer, compressed whether or not it was asked for."""

    encoding: str = "gzip"
    then: Answers = field(default_factory=Answers)

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        body = json.dumps(self.then.document(fake, _asked(received))).encode()
        squeeze = zlib.compressobj(wbits=31 if self.encoding == "gzip" else 15)
        return await Says(
            squeeze.compress(body) + squeeze.flush(), headers={"Content-Encoding": self.encoding}
        ).answer(fake, received, request)


@dataclass(frozen=True, slots=True)
class Skewed:
    """Answers from another time: in its `Date`, its cookies and its document."""

    ahead: timedelta = timedelta(days=400)
    then: Answers = field(default_factory=Answers)

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        there = datetime.now(UTC) + self.ahead
        dated = replace(self.then, info={"updateDateTime": there.isoformat()})
        return web.json_response(
            dated.document(fake, _asked(received)),
            headers={
                "Date": format_datetime(there, usegmt=True),
                "Set-Cookie": "session=abc; Path=/",
            },
        )


@dataclass(frozen=True, slots=True)
class Forwards:
    """A network that asks another: sends what it got, headers too, to the same path of `url`."""

    url: str
    beacon_id: str | None = None

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        headers = {key: one for key, one in received.headers.items() if key not in _OF_A_HOP}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                received.method,
                f"{self.url}{received.path}",
                params=received.query,
                data=received.body,
                headers=headers,
            ) as reply,
        ):
            body = await reply.read()
            return web.Response(
                body=body, status=reply.status, headers={"Content-Type": reply.content_type}
            )


_OF_A_HOP = ("Host", "Content-Length", "Connection", "Accept-Encoding", "Transfer-Encoding")


@dataclass(frozen=True, slots=True)
class InTurn:
    """The first behaviour for the first question, and so on; the last one for all the others."""

    behaviours: Sequence[Behaviour]

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        number = min(len(fake.questions), len(self.behaviours))
        return await self.behaviours[number - 1].answer(fake, received, request)


@dataclass(frozen=True, slots=True)
class Computes:
    """The document that `document` makes of a request."""

    document: Callable[[Received], Document]

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        return web.json_response(self.document(received))


def _asked(received: Received) -> str:
    if received.method == "POST" and received.body:
        asked = received.json.get("query", {}).get("requestedGranularity", "boolean")
    else:
        asked = received.query.get("requestedGranularity", "boolean")
    return str(asked)


def _asks_n(received: Received) -> bool:
    """Whether it asks for an allele of the first base of chromosome 1, which nobody knows."""
    if received.method != "POST":
        return received.query.get("start") == "0" and received.query.get("referenceName") == "1"
    try:
        parameters = received.json["query"]["requestParameters"]
        asked = parameters.get("g_variant", parameters)
        return asked["start"] in (0, [0]) and str(asked["referenceName"]).endswith("1")
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
