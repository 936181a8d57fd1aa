"""The home of `Authenticator`: credentials of a request in, who shows them out."""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from beacon.auth.callers import Caller
from beacon.auth.fetching import Fetcher
from beacon.auth.issuers import Trust
from beacon.auth.jws import PASSPORT_BYTES
from beacon.auth.keys import KeySets
from beacon.auth.passports import Passports
from beacon.auth.persons import caller_of
from beacon.auth.reasons import InvalidToken, IssuerUnavailable, Reason, Rejected
from beacon.auth.tokens import Token, check_token
from beacon.auth.visas import Statement
from beacon.metrics import CredentialMetrics
from beacon.settings import AuthSettings

KEPT_S = 3600.0
"""How long what was found out about a token is kept, if the token does not expire before."""

KEPT_MAX = 10_000
"""About how many tokens that is; those used longest ago are forgotten first."""

log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class _Known:
    """What was found out about a token: whose it is, or why it is nobody's.

    `statements` are None while the visas that came with it have not all been checked.
    """

    until: float
    token: Token
    visas: tuple[str, ...] = ()
    statements: tuple[Statement, ...] | None = None
    reason: Reason | None = None
    caller: Caller | None = None

    def is_settled(self, now: float) -> bool:
        """Whether nobody needs to be asked any more."""
        return self.until > now and (self.statements is not None or self.reason is not None)


class Authenticator:
    """Says who sends a request, as an asynchronous context.

    Nothing about a request is kept in it but what was found out about a token, under the SHA-256 of
    that token. What could not be found out is not kept.
    """

    def __init__(
        self,
        settings: AuthSettings,
        metrics: CredentialMetrics,
        *,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Check the settings; connections are made when they are first needed.

        Args:
            settings: The section `auth`.
            metrics: Where credentials and visas are counted.
            clock: Seconds since 1970.
            chance: Numbers from 0 to 1, to spread retries with.

        Raises:
            SettingsError: What the settings trust cannot be trusted.
        """
        self._trust = Trust.from_settings(settings)
        self._metrics = metrics
        self._clock = clock
        fetcher = Fetcher()
        self._fetcher = fetcher
        self._keys = KeySets(fetcher, clock)
        self._passports = Passports(self._trust, self._keys, fetcher, metrics, clock, chance)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._checks: dict[bytes, asyncio.Task[_Known | Reason | IssuerUnavailable]] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._fetcher)
        self._stack.push_async_callback(self._stop)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def caller(self, headers: Mapping[str, str]) -> Caller | None:
        """Who sends a request, or None for the public: a request without credentials.

        Args:
            headers: Of the request. Of these only `Authorization` is looked at.

        Raises:
            Unauthorized: There are credentials that are not valid.
            SourceUnavailable: Whether they are valid cannot be found out now.
        """
        credentials = [value for name, value in headers.items() if name.lower() == "authorization"]
        if not credentials:
            return None
        try:
            caller = await self._caller(_bearer(credentials))
        except Rejected as rejected:
            self._metrics.credentials.labels(rejected.reason.value).inc()
            log.info("credentials_rejected", reason=rejected.reason.value)
            raise InvalidToken(rejected.reason) from None
        except IssuerUnavailable:
            self._metrics.credentials.labels("unavailable").inc()
            raise
        self._metrics.credentials.labels("accepted").inc()
        return caller

    async def _caller(self, credentials: str) -> Caller:
        name = hashlib.sha256(credentials.encode("ascii")).digest()
        known = self._known.get(name)
        if known is None or not known.is_settled(self._clock()):
            known = await self._check(name, credentials)
        else:
            self._known.move_to_end(name)
        if known.reason is not None:
            raise Rejected(known.reason)
        now = self._clock()
        if known.until <= now:
            raise Rejected(Reason.EXPIRED)
        if known.caller is None or known.caller.expires <= now:
            known.caller = caller_of(
                known.token.identity,
                known.statements or (),
                now=now,
                until=known.until,
                revoked=self._trust.revoked_identities,
            )
        return known.caller

    async def _check(self, name: bytes, credentials: str) -> _Known:
        """Find out about a token, once for all who show it at the same time."""
        task = self._checks.get(name)
        if task is None:
            task = asyncio.create_task(self._outcome(name, credentials))
            self._checks[name] = task
        # Whoever waits may give up; the others go on waiting.
        match await asyncio.shield(task):
            case Reason() as reason:
                raise Rejected(reason)
            case IssuerUnavailable(retry_after_s=wait_s):
                raise IssuerUnavailable(wait_s or 0)
            case _Known() as known:
                return known

    async def _outcome(self, name: bytes, credentials: str) -> _Known | Reason | IssuerUnavailable:
        try:
            known = self._known.get(name)
            if known is None or known.until <= self._clock():
                token = await check_token(credentials, self._trust, self._keys, self._clock())
                known = await self._asked(credentials, token)
                self._keep(name, known)
            if known.reason is None and known.statements is None:
                visas = known.visas
                known.statements = await self._passports.checked(visas, known.token.broker)
                known.visas = ()
        except Rejected as rejected:
            return rejected.reason
        except IssuerUnavailable as unavailable:
            return unavailable
        finally:
            del self._checks[name]
        return known

    async def _asked(self, credentials: str, token: Token) -> _Known:
        until = min(token.expires, self._clock() + KEPT_S)
        try:
            return _Known(until, token, await self._passports.visas(credentials, token))
        except Rejected as rejected:
            # What the broker said is not asked for again.
            return _Known(until, token, reason=rejected.reason)

    def _keep(self, name: bytes, known: _Known) -> None:
        self._known[name] = known
        self._known.move_to_end(name)
        if len(self._known) > KEPT_MAX:
            self._known.popitem(last=False)

    async def _stop(self) -> None:
        tasks = list(self._checks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._keys.close()


def _bearer(credentials: list[str]) -> str:
    """The one token among the values of `Authorization`.

    Raises:
        Rejected: There are several, or it is something else.
    """
    if len(credentials) > 1:
        raise Rejected(Reason.SEVERAL)
    if len(credentials[0]) > PASSPORT_BYTES + len("Bearer "):
        raise Rejected(Reason.SIZE)
    bearer = _BEARER.fullmatch(credentials[0])
    if bearer is None:
        raise Rejected(Reason.SCHEME)
    return bearer[1]


_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/=-]+)")
