"""The home of `Pseudonyms`: names for people that say nothing of who they are."""

from __future__ import annotations

import hmac
from functools import lru_cache

from beacon.auth.callers import Caller
from beacon.framework.access import Asker

_AFFILIATION = "AffiliationAndRole"
_DIGITS = 32
_CALLERS_KEPT = 4096


class Pseudonyms:
    """Makes the same pseudonym of the same identity, as long as the key is the same."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._asker = lru_cache(maxsize=_CALLERS_KEPT)(self._made)

    def __repr__(self) -> str:
        return "Pseudonyms(***)"

    def asker(self, caller: Caller, tiers: tuple[str, ...]) -> Asker:
        """Who asks, as the ledger and the audit know them."""
        return self._asker(caller, tiers)

    def of(self, kind: str, *parts: str) -> str:
        """The pseudonym of something: hexadecimal, of 128 bits.

        Args:
            kind: What it is, such as `identity`: the same text is another thing as another kind.
            parts: What it is made of; their boundaries count.
        """
        text = "".join(f"{len(part.encode())}:{part}" for part in (kind, *parts))
        return hmac.new(self._key, text.encode(), "sha256").hexdigest()[:_DIGITS]

    def _made(self, caller: Caller, tiers: tuple[str, ...]) -> Asker:
        accounts = {(caller.issuer, caller.subject), *caller.linked}
        domains = sorted(
            visa.value.rpartition("@")[2].lower()
            for visa in caller.visas
            if visa.type == _AFFILIATION and "@" in visa.value
        )
        return Asker(
            identities=tuple(sorted(self.of("identity", *one) for one in accounts)),
            organisation=self.of("organisation", domains[0]) if domains else None,
            tiers=tiers,
            visa_issuers=tuple(sorted({visa.issuer for visa in caller.visas})),
        )
