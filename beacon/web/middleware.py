"""What every request goes through: an id, one log line, one count, and errors as Beacon errors.

Whatever a handler raises ends here: nothing else of a server catches every `Exception`.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import secrets
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Protocol

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from beacon.framework.errors import (
    AuditUnavailable,
    BeaconError,
    SourceUnavailable,
    TooManyRequests,
    Unauthorized,
)
from beacon.framework.query import Query
from beacon.metrics import Metrics
from beacon.web.cors import Cors
from beacon.web.rate_limits import RateLimits

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

QUERY = web.RequestKey("query", Query)
"""The question of this request, once it could be read: errors echo it."""

ID = web.RequestKey("id", str)
"""What the log calls this request."""

BEGUN = web.RequestKey("begun", web.StreamResponse)
"""The response of this request, once its head was sent: nothing else can be answered then."""

MISSING: web.AppKey[Callable[[web.Request], web.Response]] = web.AppKey("missing")
"""Makes the page that readers get in the place of one that there is not, outside of the API."""

REQUEST_ID = "X-Request-ID"
JSON_HEADERS: dict[str, str] = {
    hdrs.CONTENT_TYPE: "application/json; charset=utf-8",
    hdrs.CACHE_CONTROL: "private, no-store",
    hdrs.VARY: "Authorization, X-Beacon-Purpose",
}
"""Headers of an answer: it depends on who asked and may be about people, so nobody keeps it."""

SECURITY_HEADERS: dict[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # Pages that may read answers do so by CORS, which this does not touch.
    "Cross-Origin-Resource-Policy": "same-origin",
    hdrs.SERVER: "genome-beacon",
}
"""Headers of every response that does not have its own: it is data, for whoever asked, and no
page to be shown."""

_API = "/api"
_URL_TOKEN = "access_token="  # noqa: S105 - the name of a parameter

WATCHED = frozenset({"/livez", "/readyz", "/metrics"})
"""Paths that machines ask every few seconds: logged only at DEBUG."""

STATIC = "/static/"
"""Where files of pages are, which are the same for everybody."""

_VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MESSAGES = {
    400: "the request is malformed",
    404: "no such path; /api/map lists those that there are",
    405: "the path exists, but not for this method",
    413: "the request body is larger than this server reads",
}

log = structlog.stdlib.get_logger()


class EncodeError(Protocol):
    """Makes the body of an error response."""

    def __call__(self, status: int, message: str, query: Query | None) -> bytes:
        """Encode one error; `query` is the question, when it could be read."""


class Record(Protocol):
    """Writes down what reached for data, before the answer leaves."""

    def __call__(self, request: web.Request, status: int, error: BeaconError | None = None) -> None:
        """Write it down; `error` is what the answer is instead.

        Raises:
            AuditUnavailable: It cannot be.
        """


def observe(
    encode_error: EncodeError,
    cors: Cors,
    metrics: Metrics,
    rates: RateLimits,
    record: Record,
    *,
    access_log: bool,
) -> Middleware:
    """The one middleware.

    Args:
        encode_error: Makes the body of an error response.
        cors: Which web pages may read answers.
        metrics: Where requests are counted.
        rates: How many requests are answered.
        record: Writes down what reached for data.
        access_log: Whether to log each request.
    """
    # Ids need only be distinct: a random start for this process, then a running number.
    prefix = secrets.token_hex(6)
    numbers = itertools.count(1)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = perf_counter()
        request_id = request.headers.get(REQUEST_ID)
        if request_id is None or not _VALID_ID.fullmatch(request_id):
            request_id = f"{prefix}{next(numbers):x}"
        request[ID] = request_id
        try:
            response = await _answered(request, handler)
        except BeaconError as error:
            if isinstance(error, SourceUnavailable):
                log.warning("source_unavailable", request_id=request_id, reason=str(error))
            response = _error(request, error.status, str(error))
            if isinstance(error, Unauthorized):
                response.headers[hdrs.WWW_AUTHENTICATE] = error.challenge
            elif (
                isinstance(error, SourceUnavailable | TooManyRequests)
                and error.retry_after_s is not None
            ):
                response.headers[hdrs.RETRY_AFTER] = str(error.retry_after_s)
        except web.HTTPException as error:
            response = _from_aiohttp(request, error)
        except Exception:
            log.exception("request_failed", request_id=request_id)
            with contextlib.suppress(AuditUnavailable):
                record(request, 500)
            if BEGUN in request:
                response = _cut(request)
            else:
                response = _error(request, 500, f"unexpected failure; its id is {request_id}")
        if BEGUN not in request:
            complete_head(request, response, cors)
        seconds = perf_counter() - started
        endpoint = endpoint_of(request)
        metrics.observe(endpoint, request.method, response.status, seconds)
        if access_log:
            query = request.get(QUERY)
            write = log.debug if endpoint in WATCHED else log.info
            write(
                "request",
                request_id=request_id,
                method=request.method,
                endpoint=endpoint,
                granularity=None if query is None else query.granularity.wire,
                status=response.status,
                ms=round(seconds * 1000, 2),
            )
        return response

    async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_limited = rates.is_on and not _is_free(request.path)
        if is_limited:
            rates.enter(request)
        try:
            if _URL_TOKEN in request.rel_url.raw_query_string:
                # It is in somebody's log by now. Passed over, the answer would be the public's.
                raise Unauthorized(
                    "credentials are taken from the header Authorization alone", reason="in_url"
                )
            response = await handler(request)
            record(request, response.status)
            return response
        except BeaconError as error:
            record(request, error.status, error)
            raise
        finally:
            if is_limited:
                rates.leave(request)

    def _error(request: web.Request, status: int, message: str) -> web.Response:
        body = encode_error(status, message, request.get(QUERY))
        return web.Response(status=status, body=body, headers=JSON_HEADERS)

    def _from_aiohttp(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
        if isinstance(error, web.HTTPMethodNotAllowed):
            allowed = ", ".join(sorted({*error.allowed_methods, hdrs.METH_OPTIONS}))
            if request.method == hdrs.METH_OPTIONS:
                return web.Response(status=204, headers={hdrs.ALLOW: allowed})
            response = _error(request, error.status, _MESSAGES[error.status])
            response.headers[hdrs.ALLOW] = allowed
            return response
        if error.status < web.HTTPBadRequest.status_code:
            return error
        missing = request.app.get(MISSING)
        if missing is not None and error.status == 404 and _is_of_a_reader(request):
            return missing(request)
        return _error(request, error.status, _MESSAGES.get(error.status, error.reason))

    return middleware


def _is_of_a_reader(request: web.Request) -> bool:
    """Whether a browser asks for a page to be shown, and not a program for what is in the API."""
    if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
        return False
    is_of_api = request.path == _API or request.path.startswith(f"{_API}/")
    return not is_of_api and "text/html" in request.headers.get(hdrs.ACCEPT, "")


def _is_free(path: str) -> bool:
    """Whether requests for it count against nobody's limits: machines ask, or a page brings it."""
    return path in WATCHED or path.startswith(STATIC)


def complete_head(request: web.Request, response: web.StreamResponse, cors: Cors) -> None:
    """Add what every response has in its head; whoever sends one bit by bit does it at once."""
    headers = response.headers
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    headers[REQUEST_ID] = request[ID]
    cors.allow(request, response)


def _cut(request: web.Request) -> web.StreamResponse:
    """End a response that cannot go on such that it does not look whole."""
    if request.transport is not None:
        request.transport.abort()
    return request[BEGUN]


def endpoint_of(request: web.Request) -> str:
    """The pattern of the path, never the path: that may hold the id of a person."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical.rstrip("/") or "/"
