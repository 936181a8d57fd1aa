"""The home of `KeySets`: the public keys of issuers, fetched when needed and kept for a while."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from beacon.auth.fetching import Fetched, Fetcher, FetchFailed
from beacon.auth.issuers import Signer
from beacon.auth.jwks import Key, read_keys
from beacon.auth.jws import Jws
from beacon.auth.reasons import IssuerUnavailable, Reason, Rejected

TTL_S = 3600.0
"""How long keys are good for where their issuer does not say."""

TTL_BOUNDS_S = (300.0, 86_400.0)
"""How long keys are good for at least and at most, whatever their issuer says."""

REFRESH_S = 60.0
"""Keys are fetched once in this time, however many tokens name keys that nobody knows."""

RETRY_S = 5.0
"""The same, while there are no keys at all."""

LAST_GOOD_S = 86_400.0
"""How long keys are good for while their issuer does not answer."""

log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class _Held:
    """What is known of the keys of one issuer. Times are in seconds since 1970."""

    keys: Mapping[str, Key] = field(default_factory=dict)
    fetched: float | None = None
    fresh_until: float = 0.0
    tried: float | None = None
    failed: bool = False
    refresh: asyncio.Task[None] | None = None


class KeySets:
    """The keys of all issuers. Whoever needs keys that are just being fetched waits for them."""

    def __init__(self, fetcher: Fetcher, clock: Callable[[], float]) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._held: dict[tuple[object, ...], _Held] = {}

    async def check_signature(self, token: Jws, signer: Signer) -> None:
        """Check that a token was signed by somebody.

        Raises:
            Rejected: It was not, or not with an algorithm and a key of theirs.
            IssuerUnavailable: Their keys cannot be had.
        """
        if token.algorithm not in signer.algorithms:
            raise Rejected(Reason.ALGORITHM)
        key = await self._key(signer, token.key_id)
        if key.algorithm != token.algorithm:
            raise Rejected(Reason.ALGORITHM)
        if not key.verifies(token.signed, token.signature):
            raise Rejected(Reason.SIGNATURE)

    async def close(self) -> None:
        """Let go of what is under way."""
        tasks = [held.refresh for held in self._held.values() if held.refresh is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _key(self, signer: Signer, key_id: str) -> Key:
        # An issuer may be a broker as well, with the same keys.
        same = (signer.issuer, signer.jwks_url, signer.algorithms, signer.allow_private)
        held = self._held.setdefault(same, _Held())
        if self._clock() >= held.fresh_until or key_id not in held.keys:
            await self._refresh(signer, held)
        now = self._clock()
        if held.fetched is None or now - held.fetched > LAST_GOOD_S:
            raise IssuerUnavailable(_wait_s(held, now))
        key = held.keys.get(key_id)
        if key is not None:
            return key
        if held.failed:
            # The key may be one that the issuer has had since.
            raise IssuerUnavailable(_wait_s(held, now))
        raise Rejected(Reason.KEY_ID)

    async def _refresh(self, signer: Signer, held: _Held) -> None:
        if held.refresh is None:
            if _wait_s(held, self._clock()) > 0:
                return
            held.tried = self._clock()
            held.refresh = asyncio.create_task(self._fetch(signer, held))
        # Whoever waits may give up; the others go on waiting.
        await asyncio.shield(held.refresh)

    async def _fetch(self, signer: Signer, held: _Held) -> None:
        try:
            fetched = await self._fetcher.get(signer.jwks_url, allow_private=signer.allow_private)
            if fetched.status != _OK:
                raise FetchFailed(str(fetched.status))
            held.keys = read_keys(fetched.body, signer.algorithms)
        except (FetchFailed, ValueError) as error:
            held.failed = True
            reason = str(error) if isinstance(error, FetchFailed) else "NotKeys"
            log.warning("keys_not_fetched", issuer=signer.name, reason=reason)
        else:
            held.failed = False
            held.fetched = self._clock()
            held.fresh_until = held.fetched + _ttl_s(fetched)
        finally:
            held.refresh = None


def _wait_s(held: _Held, now: float) -> float:
    """How long until keys may be fetched again."""
    if held.tried is None:
        return 0.0
    return held.tried + (RETRY_S if held.fetched is None else REFRESH_S) - now


def _ttl_s(fetched: Fetched) -> float:
    said = _MAX_AGE.search(fetched.headers.get("Cache-Control", ""))
    if said is None:
        return TTL_S
    least, most = TTL_BOUNDS_S
    return min(max(float(said[1]), least), most)


_OK = 200
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})")
