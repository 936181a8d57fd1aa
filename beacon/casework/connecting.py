"""The home of connections to a network whose every request is written down before it leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from yarl import URL

from beacon.casework.failures import CaseError
from beacon.client import AsyncBeacon
from beacon.client.wire import Wire

TIMEOUT_S = 60.0


def read_token(path: Path | None) -> str | None:
    """The bearer token in a file; raises `CaseError` where it cannot be read."""
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(f"the token in {path} cannot be read: {error}") from error


@asynccontextmanager
async def connected(
    url: str,
    *,
    token: str | None = None,
    sent: Callable[[bytes], None] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> AsyncIterator[AsyncBeacon]:
    """A client of the network at a URL.

    Args:
        sent: Is given the body of every request before it leaves.

    Raises:
        CaseError: The URL or the token is none.
    """
    try:
        beacon = AsyncBeacon(url, token, timeout_s)
    except ValueError as error:
        raise CaseError(str(error)) from error
    if sent is not None:
        plain = beacon._wire
        beacon._wire = _Watched(plain.base, plain.limits, plain.token)
        beacon._wire.sent = sent
    async with beacon:
        yield beacon


class _Watched(Wire):
    """Hands over what is sent."""

    sent: Callable[[bytes], None]

    async def _sent(
        self, url: URL, body: bytes | None, headers: dict[str, str]
    ) -> aiohttp.ClientResponse:
        if body is not None:
            self.sent(body)
        return await super()._sent(url, body, headers)
