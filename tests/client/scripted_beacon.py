"""The home of a server that says what a test has it say, and keeps what it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Document = dict[str, Any]
Says = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

INFO: Document = {
    "meta": {"beaconId": "org.example.scripted", "apiVersion": "v2.2.0", "returnedSchemas": []},
    "response": {"id": "org.example.scripted", "name": "Scripted", "apiVersion": "v2.2.0"},
}


def summary(exists: bool, **told: Any) -> Document:
    """An answer without result sets."""
    return {"meta": {"beaconId": "b"}, "responseSummary": {"exists": exists, **told}}


def says(document: Any, status: int = 200, **headers: str) -> Says:
    """The same each time; names of headers have `_` for `-`."""
    body = json.dumps(document)
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def respond(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(
            text=body, status=status, headers=named, content_type="application/json"
        )

    return respond


def says_lines(*lines: Document, whole: bool = True) -> Says:
    """Lines of JSON; when they are not `whole`, the connection breaks after them."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        for line in lines:
            await response.write(json.dumps(line).encode() + b"\n")
        if whole:
            await response.write_eof()
        elif request.transport is not None:
            request.transport.close()
        return response

    return respond


async def hangs_up(request: web.BaseRequest) -> web.StreamResponse:
    """Ends the connection instead of an answer."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class Scripted:
    """`by_path` answers in turn, the last one for ever; what is not scripted is not found."""

    by_path: Mapping[str, Sequence[Says]]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    _turns: dict[str, int] = field(default_factory=dict)

    def at(self, path: str) -> list[Asked]:
        """What was asked there."""
        return [one for one in self.asked if one.path == path]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        text = await request.text()
        path = request.path.removeprefix("/api")
        self.asked.append(
            Asked(request.method, path, request.headers, json.loads(text) if text else None)
        )
        script = self.by_path.get(path)
        if script is None:
            return web.json_response({"error": {"errorMessage": "no such path"}}, status=404)
        turn = self._turns.get(path, 0)
        self._turns[path] = turn + 1
        return await script[min(turn, len(script) - 1)](request)


@asynccontextmanager
async def scripted(
    by_path: Mapping[str, Sequence[Says]], *, info: Document | None = INFO
) -> AsyncIterator[Scripted]:
    """Serve a script, with `/info` unless that is `None`."""
    script = dict(by_path)
    if info is not None:
        script.setdefault("/info", [says(info)])
    server = Scripted(script)
    runner = web.ServerRunner(web.Server(server.handle), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api"
        yield server
    finally:
        await runner.cleanup()
