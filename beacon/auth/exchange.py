"""The home of `TokenEndpoints`: tokens to be shown to others, had from identity providers.

In exchange for a caller's (RFC 8693), or for this deployment itself (RFC 6749, 4.4). A caller's
token is sent to the provider that issued it, and never anywhere else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import structlog
from yarl import URL

from beacon.auth.clients import ClientStatement
from beacon.auth.fetching import Fetched, Fetcher, FetchFailed
from beacon.auth.issued import ACCESS_TOKEN, FOR_OTHERS, Issued, Refused, Wanted, read_issued
from beacon.auth.issuers import check_url, is_loopback
from beacon.credential_files import CredentialFile
from beacon.framework.errors import Forbidden, SettingsError, SourceUnavailable
from beacon.settings import TokenEndpointSettings

AT_A_TIME = 16
"""Requests to one endpoint that are under way at the same time."""

FAILURES = 3
"""Failures in a row after which an endpoint is left alone for a while."""

PAUSE_S = 1.0
"""How long that is at first; it doubles with every failure."""

PAUSE_MAX_S = 15.0
"""How long it is at most."""

log = structlog.stdlib.get_logger()


class TokenRefused(Forbidden):
    """An identity provider gives no such token, or one that may not be shown."""


class TokenUnavailable(SourceUnavailable):
    """An identity provider does not answer now, or not as it should."""


class TokenEndpoints:
    """All token endpoints of the settings, as an asynchronous context."""

    def __init__(
        self,
        settings: Mapping[str, TokenEndpointSettings],
        brokers: Mapping[str, str],
        *,
        allow_loopback_http: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Check the settings; connections are made when they are first needed.

        Args:
            settings: `network.token_endpoints`.
            brokers: The `iss` of each broker, by its name in the settings.
            allow_loopback_http: Whether an endpoint may be on this very machine, without TLS.
            clock: Seconds since 1970.

        Raises:
            SettingsError: An endpoint is not to be trusted, or its secret cannot be used.
        """
        self._fetcher = Fetcher()
        self._clock = clock
        self._by_name = {
            name: _Endpoint(name, one, self._fetcher, clock, loopback=allow_loopback_http)
            for name, one in settings.items()
        }
        self._by_issuer = {
            issuer: self._by_name[name] for name, issuer in brokers.items() if name in settings
        }

    async def __aenter__(self) -> Self:
        await self._fetcher.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._fetcher.__aexit__(kind, error, traceback)

    async def exchanged(self, token: str, issuer: str, wanted: Wanted) -> Issued:
        """A token for somebody else in exchange for a caller's.

        Args:
            token: The caller's access token, verified.
            issuer: Its `iss`.

        Raises:
            TokenRefused: The caller's broker gives none, or one for others.
            TokenUnavailable: It does not answer now.
        """
        endpoint = self._by_issuer.get(issuer)
        if endpoint is None:
            raise TokenRefused("the identity provider of the caller exchanges no tokens")
        issued = await endpoint.issued(
            [
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("subject_token", token),
                ("subject_token_type", ACCESS_TOKEN),
                ("requested_token_type", ACCESS_TOKEN),
            ],
            wanted,
        )
        if token in issued.token:
            log.warning("token_not_issued", endpoint=endpoint.name, reason="same_token")
            raise TokenRefused(FOR_OTHERS)
        return issued

    async def own(self, name: str, wanted: Wanted) -> Issued:
        """A token for this deployment itself.

        Args:
            name: Of the endpoint, as in the settings.

        Raises:
            TokenRefused: There is none.
            TokenUnavailable: The endpoint does not answer now.
        """
        return await self._by_name[name].issued([("grant_type", "client_credentials")], wanted)


class _Endpoint:
    """One token endpoint, and how it has answered lately."""

    def __init__(
        self,
        name: str,
        settings: TokenEndpointSettings,
        fetcher: Fetcher,
        clock: Callable[[], float],
        *,
        loopback: bool,
    ) -> None:
        key = f"network.token_endpoints.{name}"
        check_url(f"{key}.url", settings.url, loopback)
        self.name = name
        self._settings, self._fetcher, self._clock = settings, fetcher, clock
        self._allow_private = settings.allow_private or (
            loopback and is_loopback(URL(settings.url).host or "")
        )
        file = CredentialFile(f"{key}.secret_file", settings.secret_file)
        self._client = ClientStatement(settings, file, clock)
        self._client.made()  # what is wrong with the secret is told at the start
        self._turns = asyncio.Semaphore(AT_A_TIME)
        self._failures, self._paused_until = 0, 0.0

    async def issued(self, grant: Sequence[tuple[str, str]], wanted: Wanted) -> Issued:
        async with self._turns:
            if self._paused_until > self._clock():
                raise TokenUnavailable(_AWAY)
            try:
                issued = read_issued(await self._answer(grant, wanted), wanted, self._clock())
            except Refused as refused:
                self._failures = 0
                log.warning("token_not_issued", endpoint=self.name, reason=refused.code)
                raise TokenRefused(refused.reason) from None
            except (FetchFailed, ValueError) as error:
                # Other messages can hold what was answered.
                reason = str(error) if isinstance(error, FetchFailed) else "NotAToken"
                self._failed(reason)
                raise TokenUnavailable(_AWAY) from None
            except SettingsError as error:
                log.warning("token_not_issued", endpoint=self.name, reason=str(error))
                raise TokenUnavailable(_AWAY) from None
            self._failures = 0
            return issued

    async def _answer(self, grant: Sequence[tuple[str, str]], wanted: Wanted) -> Fetched:
        try:
            return await self._send([*grant, *_named(wanted)])
        except FetchFailed as error:
            if str(error) not in _BROKEN_OFF:
                raise
        # A connection that was kept open had been closed at the other end.
        return await self._send([*grant, *_named(wanted)])

    async def _send(self, form: Sequence[tuple[str, str]]) -> Fetched:
        client, headers = await asyncio.to_thread(self._client.made)
        return await self._fetcher.post(
            self._settings.url,
            [*form, *client],
            allow_private=self._allow_private,
            headers=headers,
        )

    def _failed(self, reason: str) -> None:
        log.warning("token_not_issued", endpoint=self.name, reason=reason)
        self._failures += 1
        if self._failures >= FAILURES:
            doubled = min(self._failures - FAILURES, 16)
            self._paused_until = self._clock() + min(PAUSE_S * 2.0**doubled, PAUSE_MAX_S)


def _named(wanted: Wanted) -> list[tuple[str, str]]:
    named = (
        ("audience", wanted.audience),
        ("resource", wanted.resource),
        ("scope", wanted.scope),
    )
    return [(name, value) for name, value in named if value]


_AWAY = "the identity provider that gives tokens for it does not answer"
_BROKEN_OFF = frozenset({"ServerDisconnectedError", "ClientOSError", "ClientConnectionResetError"})
