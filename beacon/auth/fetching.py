"""The home of `Fetcher`: how issuers are asked, over HTTP, and what is refused of their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from beacon import __version__
from beacon.addresses import any_socket, public_socket

DEADLINE_S = 3.0
"""Seconds that an issuer has to answer."""

ANSWER_BYTES = 256 * 1024
"""The largest answer that is read."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The answer of an issuer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class FetchFailed(Exception):
    """An issuer did not answer, or not as it should."""


class Fetcher:
    """Connections to issuers, as an asynchronous context.

    No redirect is followed, no proxy is taken from the environment, no cookie is kept, nothing is
    decompressed. Addresses are checked when a socket is made, so that nothing a name server says
    leads inside.
    """

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._public: aiohttp.ClientSession
        self._any: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._public = await self._stack.enter_async_context(_session(public_socket))
        self._any = await self._stack.enter_async_context(_session(any_socket))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def get(
        self, url: str, *, allow_private: bool, headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """Ask for a document of JSON.

        Raises:
            FetchFailed: There was no answer in time, or a large one.
        """
        return await self._send("GET", url, allow_private, headers, None)

    async def post(
        self,
        url: str,
        form: Sequence[tuple[str, str]],
        *,
        allow_private: bool,
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """Send a form, for a document of JSON.

        Raises:
            FetchFailed: There was no answer in time, or a large one.
        """
        return await self._send(
            "POST",
            url,
            allow_private,
            {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})},
            urlencode(form).encode("ascii"),
        )

    async def _send(
        self,
        method: str,
        url: str,
        allow_private: bool,
        headers: Mapping[str, str] | None,
        body: bytes | None,
    ) -> Fetched:
        session = self._any if allow_private else self._public
        try:
            async with (
                asyncio.timeout(DEADLINE_S),
                session.request(
                    method,
                    URL(url, encoded=True),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                ) as response,
            ):
                answer = await _body(response)
                return Fetched(response.status, response.headers, answer)
        except (aiohttp.ClientError, OSError) as error:
            # `TimeoutError` is an `OSError`. Its text can hold what was sent.
            raise FetchFailed(type(error).__name__) from None


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > ANSWER_BYTES:
            raise FetchFailed("TooLarge")
    return bytes(body)


def _session(socket_factory: Any) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit_per_host=_CONNECTIONS, socket_factory=socket_factory),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        headers={
            "User-Agent": f"beacon/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        },
        auto_decompress=False,
        trust_env=False,
    )


_CHUNK_BYTES = 16 * 1024
_CONNECTIONS = 32
