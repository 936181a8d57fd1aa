"""The home of `Renewal`: tokens of sessions are renewed before they end, by one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from beacon.portal.login_provider import Granted, LoginRefused, Provider, ProviderAway
from beacon.portal.sessions import Kept, Sessions

EARLY_S = 30.0
"""Seconds before its end at which a token is renewed."""

WAIT_S = 8.0
"""Seconds that a request waits for another one to renew the token of its session."""

log = structlog.stdlib.get_logger()


class Over(Exception):
    """A session has ended."""


class Renewal:
    """Sessions with tokens that are good for something."""

    def __init__(self, provider: Provider, sessions: Sessions, clock: Callable[[], float]) -> None:
        self._provider, self._sessions, self._clock = provider, sessions, clock

    async def current(self, session_id: str) -> Kept:
        """A session, with its token renewed if that is about to end.

        Raises:
            Over: It has ended; so has one whose token has, when there is no other to be had.
            ProviderAway: Its token has ended, and whether there is another cannot be found out.
        """
        until = asyncio.get_running_loop().time() + WAIT_S
        while True:
            kept = await self._sessions.find(session_id)
            if kept is None:
                raise Over
            if not self._ends(kept.granted, EARLY_S):
                return kept
            if kept.granted.refresh_token is None:
                return await self._last(session_id, kept)
            if await self._sessions.claim(session_id):
                return await self._renewed(session_id)
            if not self._ends(kept.granted, 0):
                return kept
            if asyncio.get_running_loop().time() > until:
                raise ProviderAway
            await asyncio.sleep(_LOOK_S)

    async def _last(self, session_id: str, kept: Kept) -> Kept:
        """A session whose token is the last one."""
        if self._ends(kept.granted, 0):
            await self._sessions.end(session_id)
            log.info("session_expired")
            raise Over
        return kept

    async def _renewed(self, session_id: str) -> Kept:
        """A session that is claimed, with a new token."""
        # Somebody else may have renewed it just before the claim.
        kept = await self._sessions.find(session_id)
        if kept is None:
            raise Over
        granted, refresh_token = kept.granted, kept.granted.refresh_token
        if refresh_token is None or not self._ends(granted, EARLY_S):
            await self._sessions.renew(session_id, None)
            return kept
        try:
            fresh = await self._provider.renewed(granted, refresh_token)
        except LoginRefused as refused:
            await self._sessions.end(session_id)
            log.info("session_not_renewed", reason=refused.code)
            raise Over from None
        except ProviderAway:
            await self._sessions.renew(session_id, None)
            if self._ends(granted, 0):
                raise
            return kept
        await self._sessions.renew(session_id, fresh)
        if self._ends(fresh, 0):
            raise ProviderAway
        return Kept(fresh, kept.until)

    def _ends(self, granted: Granted, within_s: float) -> bool:
        return granted.expires is not None and granted.expires <= self._clock() + within_s


_LOOK_S = 0.1
