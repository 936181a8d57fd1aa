"""The home of the rules for tokens that people show: access tokens, and passports as tokens.

Nothing else that a broker signs is taken for one of them: no ID token, no visa.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beacon.auth.claims import check_audience, check_times, text
from beacon.auth.issuers import Broker, Identity, Trust
from beacon.auth.jws import PASSPORT_BYTES, TOKEN_BYTES, Jws, parse
from beacon.auth.keys import KeySets
from beacon.auth.reasons import Reason, Rejected

LIFETIME_S = 86_400.0
"""How long a token may be valid from when it was issued."""

PASSPORT = "vnd.ga4gh.passport+jwt"
"""The `typ` of a passport."""

VISA_SCOPE = "ga4gh_passport_v1"
"""The scope of access tokens that visas may be asked for with, and the claim that holds them."""


@dataclass(frozen=True, slots=True)
class Token:
    """A valid token: a broker says who shows it.

    Attributes:
        expires: In seconds since 1970.
        passport: The visas that the token is made of, if it is a passport.
        may_have_visas: The broker may be asked for visas with it.
    """

    broker: Broker
    subject: str
    expires: float
    passport: tuple[str, ...] | None = None
    may_have_visas: bool = False

    @property
    def identity(self) -> Identity:
        """Who shows it."""
        return self.broker.issuer, self.subject


async def check_token(credentials: str, trust: Trust, keys: KeySets, now: float) -> Token:
    """Check a token that came as `Authorization: Bearer`.

    Args:
        now: In seconds since 1970.

    Raises:
        Rejected: It is not valid.
        IssuerUnavailable: The keys of its issuer cannot be had.
    """
    token = parse(credentials, limit_bytes=PASSPORT_BYTES)
    is_passport = token.type == PASSPORT
    if not is_passport:
        if len(credentials) > TOKEN_BYTES:
            raise Rejected(Reason.SIZE)
        if token.type not in _ACCESS_TOKENS:
            raise Rejected(Reason.TYPE)
    issuer = token.claims.get("iss")
    broker = trust.brokers.get(issuer) if isinstance(issuer, str) else None
    if broker is None:
        raise Rejected(Reason.ISSUER)
    if "jku" in token.header and token.header["jku"] != broker.jwks_url:
        raise Rejected(Reason.KEY_URL)
    if is_passport and not broker.takes_passports:
        raise Rejected(Reason.ROUTE)
    await keys.check_signature(token, broker)
    expires = check_times(token.claims, now, lifetime_s=LIFETIME_S)
    check_audience(token.claims, broker)
    subject = text(token.claims.get("sub"), Reason.SUBJECT)
    if (broker.issuer, subject) in trust.revoked_identities or is_revoked(token, trust):
        raise Rejected(Reason.REVOKED)
    if is_passport:
        return Token(broker, subject, expires, passport=visas_in(token.claims))
    return Token(broker, subject, expires, may_have_visas=VISA_SCOPE in _scopes(token))


def is_revoked(token: Jws, trust: Trust) -> bool:
    """Whether this very token, passport or visa was revoked."""
    token_id = token.claims.get("jti")
    return isinstance(token_id, str) and token_id in trust.revoked_ids


def visas_in(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The visas that a passport, or what a broker says of somebody, lists: each once, unread.

    Raises:
        Rejected: They are no list of texts, or a long one.
    """
    listed = document.get(VISA_SCOPE)
    if not isinstance(listed, list) or len(listed) > VISAS_MAX:
        raise Rejected(Reason.VISAS)
    if not all(isinstance(one, str) for one in listed):
        raise Rejected(Reason.VISAS)
    return tuple(dict.fromkeys(listed))


def _scopes(token: Jws) -> frozenset[str]:
    """The scopes of an access token.

    Raises:
        Rejected: It is no access token: it says what it may be used for in no scope, or has what
            only an ID token has.
    """
    kind = token.claims.get("typ")
    if kind is None and token.type == "jwt":
        # Some brokers put `nonce` in access tokens too, and say that they are.
        kind = "Bearer" if _ID_TOKEN_ONLY.isdisjoint(token.claims) else "ID"
    if (kind is not None and kind != "Bearer") or "ga4gh_visa_v1" in token.claims:
        raise Rejected(Reason.TYPE)
    scope = token.claims.get("scope")
    scopes = frozenset(scope.split(" ")) if isinstance(scope, str) else frozenset()
    if "openid" not in scopes:
        raise Rejected(Reason.SCOPE)
    return scopes


VISAS_MAX = 100
"""The most visas of one person."""

_ACCESS_TOKENS = frozenset({"jwt", "at+jwt"})
_ID_TOKEN_ONLY = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})
