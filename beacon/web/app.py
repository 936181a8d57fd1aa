"""The web application: a route for every endpoint, each holding all that it needs to answer.

Routes derive from the model. A path is matched once, by the router; handlers never look at it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import hdrs, web

from beacon import schemas
from beacon.framework import information
from beacon.framework.access import NOTHING, Access
from beacon.framework.entry_types import Endpoint, endpoints
from beacon.framework.errors import InvalidRequest, NotFound, UnsupportedMediaType
from beacon.framework.openapi import openapi
from beacon.framework.query import Query
from beacon.framework.request import decode_get, decode_post, decode_terms
from beacon.framework.response import encode_answer, encode_error
from beacon.framework.service import Service
from beacon.metrics import Metrics
from beacon.web import health
from beacon.web.cors import Cors
from beacon.web.middleware import JSON_HEADERS, QUERY, Handler, observe

API = "/api"
"""Where the API is mounted."""

_VERSION = API + r"/{version:v2(?:\.\d+){0,2}}"
"""Some clients append a version of the specification to the address they were given."""

_PARAMETERS_MAX = 1000
_PUBLIC_HEADERS = {
    hdrs.CONTENT_TYPE: "application/json; charset=utf-8",
    hdrs.CACHE_CONTROL: "public, max-age=300",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of what everybody is told alike."""

Identify = Callable[[Mapping[str, str]], Awaitable[Access]]
"""The headers of a request → what its sender may learn."""


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """How the API is served.

    `deadline_s` is how long an answer may take, `body_timeout_s` how long a client may take to
    send its body, of which `body_max_bytes` are read after decompression.
    """

    deadline_s: float = 30.0
    body_timeout_s: float = 30.0
    body_max_bytes: int = 1024 * 1024
    cors_origins: tuple[str, ...] = ("*",)
    access_log: bool = True


def create_app(service: Service, identify: Identify, serving: Serving) -> web.Application:
    """Build the application. Nothing in it changes after this, but the counters."""
    metrics = Metrics()

    def error_body(status: int, message: str, query: Query | None) -> bytes:
        return encode_error(status, message, query, service.identity)

    middleware = observe(
        error_body, Cors(serving.cors_origins), metrics, access_log=serving.access_log
    )
    app = web.Application(middlewares=[middleware], client_max_size=serving.body_max_bytes)
    health.add_routes(app, service.source.check, metrics)
    app.router.add_get("/", _front_page(service))
    for path, document in information.documents(service.identity, service.model).items():
        handler = _info(service) if path in ("/", "/info") else _constant(document)
        _add(app, hdrs.METH_GET, path.rstrip("/"), handler)
    described = {name: schemas.schema(name) for name in schemas.names() if "/" in name}
    _add(
        app,
        hdrs.METH_GET,
        "/openapi.json",
        _constant(openapi(service.model, service.identity, described)),
    )
    _add(app, hdrs.METH_GET, "/schemas/{path:.+}", _schema)
    _add(app, hdrs.METH_GET, "/filtering_terms", _terms(service, identify, serving, None))
    for endpoint in endpoints(service.model):
        if endpoint.kind == "filtering_terms":
            handler = _terms(service, identify, serving, endpoint)
            _add(app, hdrs.METH_GET, endpoint.pattern, handler)
            # Or the router would take it for an entry of that name.
            _add(app, hdrs.METH_POST, endpoint.pattern, _only_get)
            continue
        _add(app, hdrs.METH_GET, endpoint.pattern, _get(service, identify, serving, endpoint))
        _add(app, hdrs.METH_POST, endpoint.pattern, _post(service, identify, serving, endpoint))
    return app


def _add(app: web.Application, method: str, pattern: str, handler: Handler) -> None:
    """Add a route, with and without a version before it and a slash behind it.

    A redirect would lose the body of a POST, so every spelling is answered directly.
    """
    for mount in (API, _VERSION):
        for end in ("", "/"):
            if method == hdrs.METH_GET:
                app.router.add_get(mount + pattern + end, handler)
            else:
                app.router.add_route(method, mount + pattern + end, handler)


def _get(service: Service, identify: Identify, serving: Serving, endpoint: Endpoint) -> Handler:
    answer = _answer(service, identify, serving)

    async def get(request: web.Request) -> web.Response:
        parameters = _parameters(request)
        query = decode_get(endpoint, request.match_info, parameters, service.model, service.limits)
        return await answer(request, query)

    return get


def _post(service: Service, identify: Identify, serving: Serving, endpoint: Endpoint) -> Handler:
    answer = _answer(service, identify, serving)

    async def post(request: web.Request) -> web.Response:
        body = await _body(request, serving.body_timeout_s)
        query = decode_post(endpoint, request.match_info, body, service.model, service.limits)
        return await answer(request, query)

    return post


def _answer(
    service: Service, identify: Identify, serving: Serving
) -> Callable[[web.Request, Query], Awaitable[web.Response]]:
    """What is left to do when the question is known, by whichever verb it came."""

    async def answer(request: web.Request, query: Query) -> web.Response:
        request[QUERY] = query
        # Beacon v2: test mode skips authentication. It is answered from synthetic records.
        access = NOTHING if query.test_mode else await identify(request.headers)
        disclosed = await service.answer(query, access, serving.deadline_s)
        body = encode_answer(disclosed, query, service.identity, service.model)
        return web.Response(body=body, headers=JSON_HEADERS)

    return answer


def _terms(
    service: Service, identify: Identify, serving: Serving, endpoint: Endpoint | None
) -> Handler:
    async def terms(request: web.Request) -> web.Response:
        query, test_mode = decode_terms(endpoint, request.match_info, _parameters(request))
        access = NOTHING if test_mode else await identify(request.headers)
        found = await service.filtering_terms(
            query, access, serving.deadline_s, test_mode=test_mode
        )
        body = msgspec.json.encode(information.filtering_terms(found, service.identity))
        return web.Response(body=body, headers=JSON_HEADERS)

    return terms


def _constant(document: Mapping[str, Any]) -> Handler:
    """What is the same for everybody is encoded once."""
    body = msgspec.json.encode(document)

    async def constant(_request: web.Request) -> web.Response:
        return web.Response(body=body, headers=_PUBLIC_HEADERS)

    return constant


def _info(service: Service) -> Handler:
    """`/info`, in the schema that the client would like, if we know it."""
    known = {
        asked: _constant(information.info(service.identity, service.model, asked))
        for asked in (None, information.SERVICE_INFO_SCHEMA)
    }

    async def info(request: web.Request) -> web.StreamResponse:
        asked = request.query.get("requestedSchema")
        return await known.get(asked, known[None])(request)

    return info


async def _schema(request: web.Request) -> web.Response:
    try:
        document = schemas.schema(request.match_info["path"].rstrip("/"))
    except KeyError as error:
        raise NotFound("no such schema") from error
    return web.Response(body=msgspec.json.encode(document), headers=_PUBLIC_HEADERS)


async def _only_get(request: web.Request) -> web.Response:
    raise web.HTTPMethodNotAllowed(request.method, (hdrs.METH_GET, hdrs.METH_HEAD))


def _front_page(service: Service) -> Handler:
    identity = service.identity
    text = f"{identity.name}: a GA4GH Beacon v2. The API is at {identity.url('/')}\n"

    async def front_page(_request: web.Request) -> web.Response:
        return web.Response(text=text)

    return front_page


def _parameters(request: web.Request) -> list[tuple[str, str]]:
    """Name and value of each parameter of the URL, decoded; a plus sign is a space.

    Raises:
        InvalidRequest: They are not UTF-8, or far too many.
    """
    text = request.rel_url.raw_query_string
    if not text:
        return []
    try:
        return parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS_MAX
        )
    except ValueError as error:
        raise InvalidRequest("the parameters are not UTF-8, or too many") from error


async def _body(request: web.Request, timeout_s: float) -> bytes:
    """The body of a request, decompressed.

    Raises:
        UnsupportedMediaType: It says that it is not JSON.
        InvalidRequest: It does not arrive whole, or cannot be decompressed.
    """
    declared = request.headers.get(hdrs.CONTENT_TYPE)
    if declared is not None and request.content_type != "application/json":
        raise UnsupportedMediaType("the body must be application/json")
    try:
        async with asyncio.timeout(timeout_s):
            return await request.read()
    except web.RequestPayloadError as error:
        raise InvalidRequest("the body is cut off or cannot be decompressed") from error
    except TimeoutError as error:
        raise InvalidRequest(f"the body did not arrive within {timeout_s:g} s") from error
