"""The home of `Wire`: how requests get to a beacon and answers back, over HTTP.

What passes is tried again: no connection, a server that is busy (429) or down (502, 503, 504).
Nothing else is. The token goes to the host that the beacon was named with, and to no other.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
import msgspec
from yarl import URL

from beacon import __version__
from beacon.client.envelopes import Document, mapping
from beacon.client.failures import (
    BeaconFailure,
    NotABeacon,
    Refused,
    TooLarge,
    TooLate,
    Unreachable,
)

NDJSON = "application/x-ndjson"

REDIRECTS_MAX = 5

_PASSING = (429, 502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)
_SEE_OTHER = 303
_MESSAGE_CHARACTERS = 300
_ERROR_BYTES = 64 * 1024
_FIRST_PAUSE_S = 0.5
_SHARE_OF_TIME = 0.9
"""Of the time that is left, what a beacon is told: a network then answers with what it has."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to a path of the beacon, or an address of it; `body` makes it a POST."""

    where: str | URL
    body: Document | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much.

    Attributes:
        timeout_s: Until an answer is whole, with all that is tried again; of answers in lines,
            until the next line.
        retries: How often a request is sent again.
        max_bytes: Of an answer, or of a line of one.
    """

    timeout_s: float
    retries: int
    max_bytes: int


class _Passing(Exception):
    """A failure that may be gone soon; `pause_s` is when, if the server says so."""

    def __init__(self, failure: BeaconFailure, pause_s: float | None = None) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.pause_s = pause_s


@dataclass(slots=True)
class Wire:
    """Sends requests to one beacon.

    Attributes:
        base: Of the API.
        limits: How long and how much.
        token: A bearer token, `None` for the public.
        on_send: Called with the body of each request before it leaves.
    """

    base: URL
    limits: Limits
    token: str | None = field(default=None, repr=False)
    on_send: Callable[[bytes], None] | None = None
    _session: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)

    def own_url(self, announced: Any, path: str) -> str | URL:
        """An address that the beacon announces, if it is on its own host; else that of `path`."""
        try:
            url = URL(announced) if isinstance(announced, str) else None
        except ValueError:
            url = None
        if url is not None and url.absolute and url.origin() == self.base.origin():
            return url
        return path

    async def close(self) -> None:
        """Let connections go."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def document(self, request: Request) -> Document:
        """The JSON object that a request is answered with.

        Raises:
            BeaconFailure: There is none, after as many attempts as there may be.
        """

        async def attempt(end: float) -> Document:
            left_s = max(0.0, end - asyncio.get_running_loop().time())
            headers = {
                "Accept": "application/json",
                "Beacon-Deadline-Ms": str(int(left_s * _SHARE_OF_TIME * 1000)),
            }
            async with self._opened(request, headers) as response:
                document = decoded(await self._body(response))
            _check_error(document)
            return document

        return await self._with_retries(attempt)

    async def lines(self, request: Request) -> AsyncGenerator[Document]:
        """The lines of an answer that comes in parts, each as it comes.

        Raises:
            BeaconFailure: As `document`; once there was a line, nothing is tried again.
        """

        async def begun(_end: float) -> tuple[AsyncGenerator[Document], Document | None]:
            reading = self._lines(request)
            return reading, await anext(reading, None)

        reading, line = await self._with_retries(begun)
        async with aclosing(reading):
            while line is not None:
                yield line
                try:
                    async with asyncio.timeout(self.limits.timeout_s):
                        line = await anext(reading, None)
                except TimeoutError as error:
                    raise TooLate(f"no line within {self.limits.timeout_s:g} s") from error
                except _Passing as passing:
                    raise passing.failure from passing.__cause__

    async def _with_retries(self, attempt: Callable[[float], Awaitable[Value]]) -> Value:
        loop = asyncio.get_running_loop()
        end = loop.time() + self.limits.timeout_s
        number = 0
        while True:
            try:
                async with asyncio.timeout_at(end):
                    return await attempt(end)
            except TimeoutError as error:
                raise TooLate(f"no answer within {self.limits.timeout_s:g} s") from error
            except _Passing as passing:
                pause_s = passing.pause_s
                if pause_s is None:
                    # Not all at once: who was refused together would come back together.
                    pause_s = _FIRST_PAUSE_S * 2**number * random.uniform(1, 1.5)  # noqa: S311
                if number == self.limits.retries or loop.time() + pause_s >= end:
                    raise passing.failure from passing.__cause__
            number += 1
            await asyncio.sleep(pause_s)

    async def _lines(self, request: Request) -> AsyncGenerator[Document]:
        async with self._opened(request, {"Accept": NDJSON}) as response:
            if response.content_type != NDJSON:
                raise NotABeacon(f"answers {response.content_type} instead of lines of JSON")
            rest = b""
            async for piece in response.content.iter_any():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if line.strip():
                        yield decoded(line)
                if len(rest) > self.limits.max_bytes:
                    raise TooLarge(f"a line is longer than {self.limits.max_bytes} bytes")
            if rest.strip():
                yield decoded(rest)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > self.limits.max_bytes:
                raise TooLarge(f"the answer is longer than {self.limits.max_bytes} bytes")
        return bytes(body)

    @asynccontextmanager
    async def _opened(
        self, request: Request, headers: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response of success; whatever goes wrong until it is read is told in our words."""
        host = self.base.host
        try:
            async with self._followed(request, headers) as response:
                if not 200 <= response.status < 300:
                    body = await response.content.read(_ERROR_BYTES)
                    pause_s = _pause_s(response.headers.get("Retry-After"))
                    _raise(response.status, _message(response.status, body), pause_s)
                yield response
        except aiohttp.ClientSSLError as error:
            raise Unreachable(f"{host} has no certificate that can be trusted") from error
        except aiohttp.ClientResponseError as error:
            raise NotABeacon(f"{host} does not answer as HTTP wants it: {error.message}") from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as error:
            if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
                raise  # our own time is over
            why = getattr(error, "os_error", None) or error or "it broke off"
            raise _Passing(Unreachable(f"no connection to {host}: {why}")) from error
        except aiohttp.ClientError as error:
            raise Unreachable(f"{host} cannot be asked: {error}") from error

    @asynccontextmanager
    async def _followed(
        self, request: Request, headers: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response at the end of all redirects."""
        where, body = request.where, request.body
        url = where if isinstance(where, URL) else URL(f"{str(self.base).rstrip('/')}{where}")
        sent = None if body is None else msgspec.json.encode(body)
        for _ in range(REDIRECTS_MAX + 1):
            response = await self._sent(url, sent, headers)
            target = response.headers.get("Location")
            if response.status not in _REDIRECTS or target is None:
                async with response:
                    yield response
                return
            response.release()
            url = self._target(url, target)
            if response.status == _SEE_OTHER:
                sent = None
        raise Unreachable(f"{self.base.host} redirects more than {REDIRECTS_MAX} times")

    async def _sent(
        self, url: URL, body: bytes | None, headers: dict[str, str]
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"User-Agent": f"genome-beacon-client/{__version__}"},
            )
        if self.token is not None and self._is_ours(url):
            headers = {**headers, "Authorization": f"Bearer {self.token}"}
        if body is None:
            return await self._session.get(url, headers=headers, allow_redirects=False)
        if self.on_send is not None:
            self.on_send(body)
        headers = {**headers, "Content-Type": "application/json"}
        return await self._session.post(url, data=body, headers=headers, allow_redirects=False)

    def _target(self, url: URL, location: str) -> URL:
        try:
            target = url.join(URL(location))
        except ValueError as error:
            raise NotABeacon("redirects to something that is no address") from error
        if target.scheme not in ("http", "https") or target.host is None:
            raise NotABeacon("redirects to something that is no address of HTTP")
        if url.scheme == "https" and target.scheme == "http":
            raise Unreachable("redirects to where nothing is encrypted")
        return target

    def _is_ours(self, url: URL) -> bool:
        """Whether an address is at the host that the beacon was named with."""
        if url.origin() == self.base.origin():
            return True
        ports = (self.base.scheme, self.base.port, url.scheme, url.port)
        return url.host == self.base.host and ports == ("http", 80, "https", 443)


def decoded(body: bytes) -> Document:
    """A JSON object; raises `NotABeacon` for anything else."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        document = msgspec.json.decode(body)
    except RecursionError as error:
        raise NotABeacon("answers JSON that is nested too deep") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        is_page = body.lstrip().startswith(b"<")
        what = "HTML" if is_page else "something that is no JSON"
        raise NotABeacon(f"answers {what}") from error
    if not isinstance(document, dict):
        raise NotABeacon("answers JSON that is no object")
    return document


def failure_of(error: Any) -> BeaconFailure:
    """The failure that `error` of a document is."""
    status = _status(error)
    return _failure(status or 500, _text_of(error) or "an error that says nothing")


def _check_error(document: Document) -> None:
    """An error in an answer of status 200 is one all the same."""
    error = document.get("error")
    # Some servers send an empty error along with a good answer.
    if error and (_status(error) or document.get("responseSummary") is None):
        status = _status(error) or 500
        _raise(status, _text_of(error) or _phrase(status), None)


def _raise(status: int, message: str, pause_s: float | None) -> None:
    failure = _failure(status, message)
    if status in _PASSING:
        raise _Passing(failure, pause_s)
    raise failure


def _failure(status: int, message: str) -> BeaconFailure:
    match status:
        case 502 | 503:
            return Unreachable(f"{message} (status {status})")
        case 504:
            return TooLate(f"{message} (status {status})")
        case _ if 300 <= status < 400:
            return NotABeacon(f"redirects to nowhere (status {status})")
        case _:
            return Refused(status, message)


def _status(error: Any) -> int:
    """The HTTP status that the code of an error is; 0 if it is none."""
    code = str(mapping(error).get("errorCode"))
    return int(code) if code.isascii() and code.isdecimal() and 400 <= int(code) < 600 else 0


def _message(status: int, body: bytes) -> str:
    """Why a server refuses, in its own words, on one line."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _phrase(status)
    inner = mapping(document).get("error")
    return _text_of(inner) or _text_of(document) or _phrase(status)


def _text_of(said: Any) -> str | None:
    names = ("errorMessage", "detail", "message", "title")
    found = [said, *(mapping(said).get(one) for one in names)]
    text = next((one for one in found if isinstance(one, str) and one.strip()), None)
    if text is None:
        return None
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[
        :_MESSAGE_CHARACTERS
    ]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "an unknown status"


def _pause_s(retry_after: str | None) -> float | None:
    """`Retry-After`, seconds or a date, as seconds from now."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
