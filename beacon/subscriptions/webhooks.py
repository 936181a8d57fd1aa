"""The home of webhooks: which addresses may be told, what is sent there, and how it is signed.

The form is that of Standard Webhooks (https://www.standardwebhooks.com): an id that stays the same
at every attempt, the time of the attempt, and an HMAC-SHA256 of both with the body. The body says
that something changed, and not what was asked: it crosses systems that need not know.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
import socket
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from enum import Enum
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec
from yarl import URL

from beacon import __version__
from beacon.addresses import AddressRefused, AddrInfo, is_permitted, public_socket
from beacon.framework.errors import InvalidRequest
from beacon.subscriptions.kept import Notification, Webhook

TYPE = "subscription.changed"
"""The `type` of what is sent."""

DEADLINE_S = 10.0
"""Seconds that a receiver has to answer."""

GIVEN_UP_S = 86_400.0
"""Seconds after which it is not tried any more."""

RETRY_S = (5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0, 7_200.0)
"""Seconds between attempts; after the last of these it stays at it."""

_URL_LENGTH = 2_000
_SECRET_BYTES = 32
_PREFIX = "whsec_"


class Outcome(Enum):
    """What came of an attempt."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"
    """The receiver says (410) that it wants no more."""


def new_secret() -> str:
    """A secret to sign with, told once."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def check_url(text: str, *, allow_loopback: bool) -> str:
    """Check that a URL may be told; it is checked again where it leads, whenever it is.

    Args:
        allow_loopback: Whether it may be on this very machine, without TLS.

    Raises:
        InvalidRequest: It may not.
    """
    try:
        url = URL(text)
        host = url.host
    except ValueError as error:
        raise InvalidRequest("webhook.url is not a URL") from error
    if len(text) > _URL_LENGTH or not text.isascii() or not text.isprintable():
        raise InvalidRequest(f"webhook.url must be ASCII, of {_URL_LENGTH} characters at most")
    if not host or url.user is not None or url.password is not None or url.fragment:
        raise InvalidRequest("webhook.url must have a host, and neither a password nor a fragment")
    if allow_loopback and is_loopback(host):
        return text
    if url.scheme != "https":
        raise InvalidRequest("webhook.url must start with https")
    if is_loopback(host) or (_is_address(host) and not is_permitted(host, allow_private=False)):
        raise InvalidRequest("webhook.url must be a public address")
    return text


def body_of(subscription_id: str, notification: Notification) -> bytes:
    """What is sent: that there was a change, of which standing question, and of what kind."""
    return msgspec.json.encode(
        {
            "type": TYPE,
            "timestamp": datetime.fromtimestamp(notification.at, UTC).isoformat(timespec="seconds"),
            "data": {
                "subscription": subscription_id,
                "from": notification.before.value,
                "to": notification.after.value,
            },
        }
    )


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`.

    Args:
        secret: As told: `whsec_` and base64.
        timestamp: Of the attempt, in seconds since 1970.
    """
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


class Sender:
    """Sends notifications, as an asynchronous context.

    No redirect is followed, no proxy is taken from the environment, no cookie is kept, and no
    answer is read beyond its status. Addresses are checked when a socket is made.
    """

    def __init__(self, *, allow_loopback: bool) -> None:
        """`allow_loopback`: whether receivers on this very machine are told, without TLS."""
        self._allow_loopback = allow_loopback
        self._stack = AsyncExitStack()
        self._public: aiohttp.ClientSession
        self._loopback: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._public = await self._stack.enter_async_context(_session(public_socket))
        self._loopback = await self._stack.enter_async_context(_session(_loopback_socket))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def send(self, webhook: Webhook, message_id: str, body: bytes, now: float) -> Outcome:
        """Try once to send something; `now` is in seconds since 1970."""
        try:
            # What is allowed may have changed since the address was given.
            check_url(webhook.url, allow_loopback=self._allow_loopback)
        except InvalidRequest:
            return Outcome.FAILED
        url = URL(webhook.url)
        session = self._loopback if is_loopback(url.host or "") else self._public
        timestamp = int(now)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(webhook.secret, message_id, timestamp, body),
        }
        try:
            async with (
                asyncio.timeout(DEADLINE_S),
                session.post(url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                if response.status == _GONE:
                    return Outcome.GONE
                return Outcome.DELIVERED if 200 <= response.status < 300 else Outcome.FAILED
        except (aiohttp.ClientError, OSError):
            return Outcome.FAILED


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine."""
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _loopback_socket(addr_info: AddrInfo) -> socket.socket:
    family, kind, protocol, _, address = addr_info
    if not is_loopback(str(address[0])):
        raise AddressRefused
    return socket.socket(family, kind, protocol)


def _session(socket_factory: Any) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit_per_host=_CONNECTIONS, socket_factory=socket_factory, force_close=True
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        headers={"User-Agent": f"beacon/{__version__}"},
        auto_decompress=False,
        trust_env=False,
    )


_GONE = 410
_CONNECTIONS = 4
