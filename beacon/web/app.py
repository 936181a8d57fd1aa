"""The web application: a route for every endpoint, each holding all that it needs to answer.

Routes derive from the model. A path is matched once, by the router; handlers never look at it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from aiohttp import hdrs, web

from beacon import schemas
from beacon.framework import extensions, information
from beacon.framework.access import NOTHING, Access
from beacon.framework.audit import Audit
from beacon.framework.disclosure import Disclosed
from beacon.framework.entry_types import Endpoint, endpoints
from beacon.framework.errors import BeaconError, NotFound
from beacon.framework.extensions import Extensions
from beacon.framework.matching import Conceal
from beacon.framework.openapi import openapi
from beacon.framework.query import Query
from beacon.framework.request import decode_get, decode_post, decode_terms
from beacon.framework.response import encode_answer, encode_error
from beacon.framework.service import Service
from beacon.framework.stream_encoding import LINES
from beacon.metrics import Metrics
from beacon.settings import LimitSettings, MatchmakerSettings
from beacon.web import health, network_pages
from beacon.web.asking import Asking
from beacon.web.batch import Batches, Noted
from beacon.web.client_addresses import ClientAddresses
from beacon.web.cors import Cors
from beacon.web.match import Matching
from beacon.web.matchmaker import PATH as MATCHMAKER
from beacon.web.matchmaker import Matchmaker
from beacon.web.middleware import JSON_HEADERS, QUERY, Handler, observe
from beacon.web.network_pages import NetworkPages
from beacon.web.preferences import deadline
from beacon.web.rate_limits import RateLimits
from beacon.web.received import body_of, parameters_of
from beacon.web.recording import ACCESS, DISCLOSED, Recording
from beacon.web.sending import Sending
from beacon.web.steady import CALLER, steady
from beacon.web.streams import Streams, after_of, wanted_form
from beacon.web.subscriptions import StandingQuestions
from beacon.web.subscriptions import routes as subscription_routes

API = "/api"
"""Where the API is mounted."""

_VERSION = API + r"/{version:v2(?:\.\d+){0,2}}"
"""Some clients append a version of the specification to the address they were given."""

_PUBLIC_HEADERS = {
    hdrs.CONTENT_TYPE: "application/json; charset=utf-8",
    hdrs.CACHE_CONTROL: "public, max-age=300",
}
"""Headers of what everybody is told alike."""

Identify = Callable[[Mapping[str, str]], Awaitable[Access]]
"""The headers of a request → what its sender may learn."""

Pages = Callable[[web.Application, Asking], None]
"""Adds pages for people to an application; they ask by the second."""

Document = Mapping[str, Any]


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """How the API is served.

    `deadline_s` is how long an answer may take, `body_timeout_s` how long a client may take to
    send its body, of which `body_max_bytes` are read after decompression. `batch_max` is how many
    questions a batch may hold. `heartbeat_s` lies between the signs of life of an answer that
    comes in parts. Answers about datasets that protect few people leave at multiples of
    `answer_step_s` after their request came; 0 is at once.
    """

    deadline_s: float = 30.0
    body_timeout_s: float = 30.0
    body_max_bytes: int = 1024 * 1024
    cors_origins: tuple[str, ...] = ("*",)
    access_log: bool = True
    batch_max: int = 1000
    heartbeat_s: float = 15.0
    answer_step_s: float = 0.0


def create_app(
    service: Service,
    identify: Identify,
    serving: Serving,
    *,
    network: NetworkPages | None = None,
    metrics: Metrics | None = None,
    rates: RateLimits | None = None,
    audit: Audit | None = None,
    pages: Pages | None = None,
    conceal: Conceal | None = None,
    matchmaker: MatchmakerSettings | None = None,
    standing: StandingQuestions[Any] | None = None,
) -> web.Application:
    """Build the application. Nothing in it changes after this, but the counters.

    Args:
        service: What answers.
        identify: Says what whoever asks may learn.
        serving: How.
        network: What is told of the beacons behind this one, and instead of the informational
            documents of a beacon with data of its own.
        metrics: Where requests are counted; shown with whatever else is counted there.
        rates: How much callers may ask; without it as much as they like.
        audit: Where every access is written down before it is answered.
        pages: Adds the pages for people, in place of a line of text at `/`.
        conceal: Makes the names of those who are similar to a case; without it nobody is compared.
        matchmaker: How servers of Matchmaker Exchange are answered, if they are.
        standing: What is done with standing questions; without it there are none.
    """
    metrics = metrics or Metrics()
    rates = rates or RateLimits(LimitSettings(), ClientAddresses())
    cors = Cors(serving.cors_origins)
    sending = Sending(cors, serving.heartbeat_s)
    recording = Recording(audit)
    streams = Streams(service, sending, recording)
    offered = Extensions(
        batch_max=serving.batch_max,
        streaming=service.streams,
        members=network is not None,
        finds_descendants=network is None,
        match=conceal is not None,
        subscriptions=standing is not None,
    )

    def error_body(status: int, message: str, query: Query | None) -> bytes:
        return encode_error(status, message, query, service.identity)

    middleware = observe(
        error_body, cors, metrics, rates, recording.request, access_log=serving.access_log
    )
    app = web.Application(
        middlewares=[steady(serving.answer_step_s), middleware],
        client_max_size=serving.body_max_bytes,
    )
    health.add_routes(app, service.source.check, metrics)
    if pages is None:
        app.router.add_get("/", _front_page(service))
    else:
        documents = _documents(service, offered, network)
        asking = Asking(service, identify, rates, recording, sending, serving.deadline_s, documents)
        pages(app, asking)
    for path, handler in _informational(service, offered, network).items():
        _add(app, hdrs.METH_GET, path.rstrip("/"), handler)
    described = {name: schemas.schema(name) for name in schemas.names() if "/" in name}
    _add(
        app,
        hdrs.METH_GET,
        "/openapi.json",
        _constant(openapi(service.model, service.identity, described, offered)),
    )
    _add(app, hdrs.METH_GET, "/schemas/{path:.+}", _schema)
    _add(app, hdrs.METH_GET, "/filtering_terms", _terms(service, identify, serving, rates, None))
    for endpoint in endpoints(service.model):
        if endpoint.kind == "filtering_terms":
            handler = _terms(service, identify, serving, rates, endpoint)
            _add(app, hdrs.METH_GET, endpoint.pattern, handler)
            # Or the router would take it for an entry of that name.
            _add(app, hdrs.METH_POST, endpoint.pattern, _only_get)
            continue
        answer = _answer(service, identify, serving, streams, rates)
        _add(app, hdrs.METH_GET, endpoint.pattern, _get(service, endpoint, answer))
        _add(app, hdrs.METH_POST, endpoint.pattern, _post(service, serving, endpoint, answer))
    batches = Batches(service, sending, serving.batch_max)
    _add(
        app, hdrs.METH_POST, extensions.BATCH, _batch(batches, identify, serving, rates, recording)
    )
    if conceal is not None:
        matching = Matching(
            service, conceal, rates, recording, serving.body_timeout_s, serving.deadline_s
        )
        _add(app, hdrs.METH_POST, extensions.MATCH, _match(matching, identify))
        if matchmaker is not None and matchmaker.enabled:
            exchange = Matchmaker(matching, identify, matchmaker)
            app.router.add_post(MATCHMAKER, exchange.answer)
    if offered.streaming:
        _add(app, hdrs.METH_GET, extensions.QUESTION, _resume(streams, identify, rates))
    if standing is not None:
        for method, path, handler in subscription_routes(standing, rates, serving.body_timeout_s):
            _add(app, method, path, handler)
    if network is not None:
        _add(app, hdrs.METH_GET, extensions.MEMBERS, network_pages.members(network))
        _add(app, hdrs.METH_GET, extensions.MEMBER, network_pages.member(network))
    return app


def _documents(
    service: Service, offered: Extensions, network: NetworkPages | None
) -> Callable[[str], Awaitable[Document | None]]:
    """What the beacon or the network says of itself, by path."""
    if network is not None:
        return network.documents
    known = information.documents(service.identity, service.model, offered)

    async def documents(path: str) -> Document | None:
        return known.get(path)

    return documents


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


Answer = Callable[[web.Request, Query], Awaitable[web.StreamResponse]]
"""What is left to do when the question is known, by whichever verb it came."""


def _get(service: Service, endpoint: Endpoint, answer: Answer) -> Handler:
    async def get(request: web.Request) -> web.StreamResponse:
        parameters = parameters_of(request)
        query = decode_get(endpoint, request.match_info, parameters, service.model, service.limits)
        return await answer(request, query)

    return get


def _post(service: Service, serving: Serving, endpoint: Endpoint, answer: Answer) -> Handler:
    async def post(request: web.Request) -> web.StreamResponse:
        body = await body_of(request, serving.body_timeout_s)
        query = decode_post(endpoint, request.match_info, body, service.model, service.limits)
        return await answer(request, query)

    return post


def _answer(
    service: Service, identify: Identify, serving: Serving, streams: Streams, rates: RateLimits
) -> Answer:
    comes_in_parts = service.streams

    async def answer(request: web.Request, query: Query) -> web.StreamResponse:
        request[QUERY] = query
        # Beacon v2: test mode skips authentication. It is answered from synthetic records.
        access = NOTHING if query.test_mode else await identify(request.headers)
        request[CALLER] = request[ACCESS] = access
        rates.admit(request, access)
        rates.count_variant(request, access, query)
        limit = deadline(request.headers, serving.deadline_s)
        if comes_in_parts and request.method != hdrs.METH_HEAD:
            form = wanted_form(request.headers)
            if form is not None:
                return await streams.ask(request, query, access, form, limit)
        disclosed = await service.answer(query, access, limit.seconds)
        request[DISCLOSED] = disclosed
        body = encode_answer(disclosed, query, service.identity, service.model)
        headers = {**JSON_HEADERS, **limit.headers} if limit.headers else JSON_HEADERS
        return web.Response(body=body, headers=headers)

    return answer


def _batch(
    batches: Batches,
    identify: Identify,
    serving: Serving,
    rates: RateLimits,
    recording: Recording,
) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        batch = batches.read(await body_of(request, serving.body_timeout_s))
        access = NOTHING if batch.test_mode else await identify(request.headers)
        request[CALLER] = access
        rates.admit(request, access, len(batch.items))
        limit = deadline(request.headers, serving.deadline_s)

        def record(query: Query, found: Disclosed | BeaconError) -> None:
            recording.question(request, query, access, found)

        noted = Noted(count=partial(rates.count_variant, request, access), record=record)
        return await batches.answer(request, batch, access, limit, noted)

    return answer


def _match(matching: Matching, identify: Identify) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        request[CALLER] = access = await identify(request.headers)
        return await matching.answer(request, access)

    return answer


def _resume(streams: Streams, identify: Identify, rates: RateLimits) -> Handler:
    async def resume(request: web.Request) -> web.StreamResponse:
        request[CALLER] = access = await identify(request.headers)
        rates.admit(request, access)
        query_id = request.match_info["id"]
        form = wanted_form(request.headers) or LINES
        return await streams.resume(request, query_id, access, form, after_of(request, query_id))

    return resume


def _terms(
    service: Service,
    identify: Identify,
    serving: Serving,
    rates: RateLimits,
    endpoint: Endpoint | None,
) -> Handler:
    async def terms(request: web.Request) -> web.Response:
        query, test_mode = decode_terms(endpoint, request.match_info, parameters_of(request))
        request[CALLER] = access = NOTHING if test_mode else await identify(request.headers)
        if not test_mode:
            request[ACCESS] = access
        rates.admit(request, access)
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


def _informational(
    service: Service, offered: Extensions, network: NetworkPages | None
) -> Mapping[str, Handler]:
    """What the beacon says of itself, by path."""
    documents = information.documents(service.identity, service.model, offered)
    if network is None:
        known = {path: _constant(document) for path, document in documents.items()}
        info = _info(service, offered)
    else:
        known = {
            path: network_pages.informational(network, path, service.identity, offered)
            for path in documents
        }
        info = known["/info"]
    return {**known, "/": info, "/info": info}


def _info(service: Service, offered: Extensions) -> Handler:
    """`/info`, in the schema that the client would like, if we know it."""
    known = {
        asked: _constant(information.info(service.identity, service.model, asked, offered))
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
