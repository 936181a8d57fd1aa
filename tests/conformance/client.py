"""The home of a beacon on a socket and of a client that believes nothing it is told.

Every answer is held against the schema that it claims to follow: the specification's own where it
lies beside the checkout, else ours.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import jsonschema_rs
from aiohttp import web

from beacon import schemas
from beacon.auth.policy import Identify
from beacon.framework.entry_types import Model
from beacon.framework.query import Granularity
from beacon.framework.request import Limits
from beacon.framework.response import Identity, Organisation
from beacon.framework.service import Service
from beacon.framework.source import Source
from beacon.web.app import API, Serving, create_app
from tests.conformance import official
from tests.conformance.seed import entry_id

Document = dict[str, Any]
Result = TypeVar("Result")

TIMEOUT_S = 30
RESPONSES = {
    "boolean": "responses/beaconBooleanResponse.json",
    "count": "responses/beaconCountResponse.json",
    "record": "responses/beaconResultsetsResponse.json",
}
ERROR = "responses/beaconErrorResponse.json"
COLLECTIONS = "responses/beaconCollectionsResponse.json"


def conform(document: Any, name: str) -> None:
    """Fail unless the document is right by our schema and by the specification's."""
    for validator in _validators(name):
        assert [str(error) for error in validator.iter_errors(document)] == []


@cache
def _validators(name: str) -> list[Any]:
    registry = jsonschema_rs.Registry(
        [(schemas.BASE_URI + one, schemas.schema(one)) for one in schemas.names()],
        draft=jsonschema_rs.Draft202012,
    )
    ours = jsonschema_rs.Draft202012Validator(
        {"$ref": schemas.BASE_URI + name}, registry=registry, validate_formats=True
    )
    return [ours, official.validator(name)] if official.is_present() else [ours]


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def document(self) -> Document:
        assert self.headers["Content-Type"].lower().replace(" ", "") in (
            "application/json",
            "application/json;charset=utf-8",
        )
        document: Document = json.loads(self.body.decode("utf-8"))
        return document

    @property
    def meta(self) -> Document:
        meta: Document = self.document["meta"]
        return meta

    @property
    def received(self) -> Document:
        """The request as the beacon says it understood it."""
        received: Document = self.meta["receivedRequestSummary"]
        return received

    @property
    def summary(self) -> Document:
        summary: Document = self.document["responseSummary"]
        return summary

    @property
    def sets(self) -> dict[str, Document]:
        """Result sets by dataset id."""
        return {one["id"]: one for one in self.document["response"]["resultSets"]}

    def records(self, dataset_id: str = "open") -> list[Document]:
        records: list[Document] = self.sets.get(dataset_id, {}).get("results", [])
        return records

    def ids(self, dataset_id: str = "open") -> list[str]:
        return [entry_id(record) for record in self.records(dataset_id)]


@dataclass(frozen=True)
class Beacon:
    """A client of one beacon."""

    port: int
    app: web.Application

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}{API}"

    def request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request; `target` is a path below the API, or an absolute URL of this beacon."""
        path = target.removeprefix(f"http://127.0.0.1:{self.port}")
        if path == target:
            path = API + target
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, raw: str = "", **parameters: Any) -> Reply:
        """A GET. Lists are joined by commas; `raw` is a query string sent as it is."""
        pairs = {
            key: ",".join(map(str, value)) if isinstance(value, list | tuple) else value
            for key, value in parameters.items()
        }
        text = "&".join(filter(None, [raw, urlencode(pairs)]))
        return self.request("GET", f"{path}?{text}" if text else path)

    def post(self, path: str, query: Document | None = None, **beside: Any) -> Reply:
        """A POST of a query, with whatever else is said beside it."""
        document = {"meta": {"apiVersion": "v2.2.0"}, **beside}
        if query is not None:
            document["query"] = query
        return self.send(path, document)

    def send(self, path: str, document: Any) -> Reply:
        body = json.dumps(document).encode()
        return self.request("POST", path, body, {"Content-Type": "application/json"})

    def ask(
        self,
        path: str,
        *,
        g_variant: Document | None = None,
        filters: Iterable[str | Document] = (),
        datasets: Iterable[str] = ("open",),
        granularity: str = "record",
        include: str | None = None,
        limit: int = 0,
        skip: int = 0,
    ) -> Reply:
        """Ask by POST and, if a GET can say it, by GET too; both must be told the same."""
        wanted = [{"id": one} if isinstance(one, str) else one for one in filters]
        parameters: Document = {}
        if g_variant is not None:
            parameters["g_variant"] = g_variant
        if datasets:
            parameters["datasets"] = {"datasetIds": list(datasets)}
        query: Document = {
            "requestParameters": parameters,
            "filters": wanted,
            "requestedGranularity": granularity,
            "pagination": {"skip": skip, "limit": limit},
        }
        url: Document = {
            **(g_variant or {}),
            "requestedGranularity": granularity,
            "skip": skip,
            "limit": limit,
        }
        if datasets:
            url["datasetIds"] = list(datasets)
        if include is not None:
            query["includeResultsetResponses"] = url["includeResultsetResponses"] = include
        reply = answered(self.post(path, query), path)
        tokens = [_token(one) for one in wanted]
        if None not in tokens:
            if tokens:
                url["filters"] = tokens
            by_get = answered(self.get(path, **url), path)
            for part in ("responseSummary", "response"):
                assert by_get.document.get(part) == reply.document.get(part)
        return reply

    def ids(self, path: str, **question: Any) -> set[str]:
        """The ids of what `open` has in answer to a question."""
        found = self.ask(path, **question).ids()
        assert len(found) == len(set(found))
        return set(found)

    def refused(self, path: str, query: Document, status: int = 400) -> str:
        """The message with which a query is refused."""
        return refused(self.post(path, query), status)


def answered(reply: Reply, path: str = "") -> Reply:
    """A reply that is an answer, and right by the schema of the granularity that it names."""
    assert reply.status == 200, reply.body
    document = reply.document
    granularity = document["meta"]["returnedGranularity"]
    name = RESPONSES[granularity]
    response = document.get("response", {})
    if path in ("/datasets", "/cohorts") and granularity == "record":
        name = COLLECTIONS
    elif granularity != "record" and "resultSets" in response:
        conform(document, RESPONSES["record"])
    conform(document, name)
    assert not has_null(document)
    return reply


def refused(reply: Reply, status: int) -> str:
    """The message of a reply that is an error of that status, and right by its schema."""
    assert reply.status == status, reply.body
    conform(reply.document, ERROR)
    assert reply.document["error"]["errorCode"] == status
    return str(reply.document["error"]["errorMessage"])


def has_null(value: Any) -> bool:
    match value:
        case dict():
            return any(map(has_null, value.values()))
        case list():
            return any(map(has_null, value))
        case _:
            return value is None


def _token(asked: Document) -> str | None:
    """A filter as a GET says it, if it can."""
    if asked.keys() == {"id"}:
        return str(asked["id"])
    if asked.keys() == {"id", "operator", "value"} and "," not in asked["value"]:
        return f"{asked['id']}:{asked['operator']}{asked['value']}"
    return None


class Background:
    """An event loop in a thread: beacons run on it while tests ask them from outside."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runners: list[web.AppRunner] = []

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(TIMEOUT_S)

    def serve(
        self,
        source: Source,
        test_source: Source,
        identify: Identify,
        model: Model,
        limits: Limits,
        serving: Serving,
    ) -> Beacon:
        """A beacon on a free port of this machine."""
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        identity = Identity(
            beacon_id="org.example.conformance",
            name="Conformance",
            base_url=f"http://127.0.0.1:{port}{API}",
            organisation=Organisation(id="org.example", name="Example", url="https://example.org/"),
            environment="test",
            default_granularity=Granularity.BOOLEAN,
            security_levels=("PUBLIC",),
        )
        service = Service(
            identity=identity,
            model=model,
            source=source,
            test_source=test_source,
            limits=limits,
        )
        app = create_app(service, identify, serving)
        self.run(self._start(app, listening))
        return Beacon(port, app)

    async def _start(self, app: web.Application, listening: socket.socket) -> None:
        runner = web.AppRunner(app, access_log=None, max_line_size=32768, max_field_size=32768)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        self._runners.append(runner)

    def close(self) -> None:
        for runner in self._runners:
            self.run(runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT_S)
        self._loop.close()


def path_of(url: str) -> str:
    """The path of an absolute URL, below the API."""
    return urlsplit(url).path.removeprefix(API)
