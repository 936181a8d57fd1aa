"""The home of `Passports`: where the visas of whoever shows a token come from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from beacon.auth.fetching import Fetched, Fetcher, FetchFailed
from beacon.auth.issuers import Broker, Trust
from beacon.auth.keys import KeySets
from beacon.auth.reasons import IssuerUnavailable, Reason, Rejected
from beacon.auth.strict_json import read_object
from beacon.auth.tokens import VISA_SCOPE, Token, visas_in
from beacon.auth.visas import Statement, check_visa, issuer_name
from beacon.metrics import CredentialMetrics

FAILURES = 3
"""Failures in a row after which a broker is left alone for a while."""

PAUSE_S = 1.0
"""How long that is at first; it doubles with every failure."""

PAUSE_MAX_S = 60.0
"""How long it is at most."""

log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class _Health:
    """How a broker has answered lately."""

    failures: int = 0
    paused_until: float = 0.0


class Passports:
    """The visas of people: those in a passport, or those that a broker is asked for.

    A token is sent to the broker that issued it and to nobody else. Whoever uses this keeps what it
    says: a broker is not to be asked again for the same token within the hour.
    """

    def __init__(
        self,
        trust: Trust,
        keys: KeySets,
        fetcher: Fetcher,
        metrics: CredentialMetrics,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._trust = trust
        self._keys = keys
        self._fetcher = fetcher
        self._metrics = metrics
        self._clock = clock
        self._chance = chance
        self._health = {name: _Health() for name in trust.brokers}

    async def visas(self, credentials: str, token: Token) -> tuple[str, ...]:
        """The visas that come with a token, unread.

        Raises:
            Rejected: The broker takes the token for nobody's or for somebody else's.
            IssuerUnavailable: The broker cannot say now.
        """
        if token.passport is not None:
            return token.passport
        if token.broker.userinfo_url is None or not token.may_have_visas:
            return ()
        return await self._userinfo(token.broker.userinfo_url, credentials, token)

    async def checked(self, visas: Iterable[str], broker: Broker) -> tuple[Statement, ...]:
        """Those visas that are valid; the others are counted and left out.

        Raises:
            IssuerUnavailable: The keys of an issuer cannot be had.
        """
        checked = await asyncio.gather(*(self._checked(visa, broker) for visa in visas))
        return tuple(one for one in checked if one is not None)

    async def _checked(self, visa: str, broker: Broker) -> Statement | None:
        try:
            statement = await check_visa(visa, broker, self._trust, self._keys, self._clock())
        except Rejected as rejected:
            issuer = issuer_name(visa, self._trust)
            self._metrics.visas.labels(issuer, rejected.reason.value).inc()
            log.info("visa_left_out", issuer=issuer, reason=rejected.reason.value)
            return None
        self._metrics.visas.labels(statement.visa.issuer, "accepted").inc()
        return statement

    async def _userinfo(self, url: str, credentials: str, token: Token) -> tuple[str, ...]:
        broker = token.broker
        health = self._health[broker.issuer]
        wait_s = health.paused_until - self._clock()
        if wait_s > 0:
            raise IssuerUnavailable(wait_s)
        try:
            answer = await self._fetcher.get(
                url,
                allow_private=broker.allow_private,
                headers={"Authorization": f"Bearer {credentials}"},
            )
            if answer.status in _REFUSALS:
                health.failures = 0
                raise Rejected(Reason.REFUSED_BY_BROKER)
            visas = _visas(answer, token)
        except (FetchFailed, ValueError) as error:
            reason = str(error) if isinstance(error, FetchFailed) else "NotUserinfo"
            log.warning("userinfo_not_fetched", issuer=broker.name, reason=reason)
            raise IssuerUnavailable(self._failed(health)) from None
        health.failures = 0
        return visas

    def _failed(self, health: _Health) -> float:
        """Note a failure; when to ask again, in seconds from now."""
        health.failures += 1
        if health.failures < FAILURES:
            return PAUSE_S
        pause_s = min(PAUSE_S * 2.0 ** min(health.failures - FAILURES, 16), PAUSE_MAX_S)
        # Not all who wait come back at once.
        pause_s *= 0.5 + self._chance()
        health.paused_until = self._clock() + pause_s
        return pause_s


def _visas(answer: Fetched, token: Token) -> tuple[str, ...]:
    if answer.status != _OK:
        raise FetchFailed(str(answer.status))
    document = read_object(answer.body)
    if document.get("sub") != token.subject:
        raise Rejected(Reason.SUBJECT)
    return visas_in(document) if VISA_SCOPE in document else ()


_OK = 200
_REFUSALS = frozenset({400, 401, 403})
