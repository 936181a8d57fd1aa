"""The home of the rules for ID tokens: what a broker says to a page about who has just logged in.

They are good for that alone: nobody is let in who shows one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beacon.auth.claims import check_times, text
from beacon.auth.issuers import Broker
from beacon.auth.jws import TOKEN_BYTES, parse
from beacon.auth.keys import KeySets
from beacon.auth.reasons import Reason, Rejected


@dataclass(frozen=True, slots=True)
class IdToken:
    """A valid ID token.

    Attributes:
        claims: All that it says. Of these only `iss` and `sub` tell who somebody is.
    """

    subject: str
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an ID token has to be about.

    Attributes:
        client_id: Whom it must be made for.
        nonce: What was sent along when somebody was asked to log in.
        access_token: The one that came with it.
    """

    client_id: str
    nonce: str
    access_token: str


async def check_id_token(
    id_token: str, broker: Broker, expected: Expected, keys: KeySets, now: float
) -> IdToken:
    """Check an ID token as OpenID Connect Core 3.1.3.7 says.

    Args:
        now: In seconds since 1970.

    Raises:
        Rejected: It is not valid, or about another login.
        IssuerUnavailable: The keys of the broker cannot be had.
    """
    token = parse(id_token, limit_bytes=TOKEN_BYTES)
    if token.type not in (None, "jwt") or token.claims.get("typ", "ID") != "ID":
        raise Rejected(Reason.TYPE)
    # A logout token says `events`, a visa what it is about.
    if not _OTHERS.isdisjoint(token.claims):
        raise Rejected(Reason.TYPE)
    if token.claims.get("iss") != broker.issuer:
        raise Rejected(Reason.ISSUER)
    if "jku" in token.header and token.header["jku"] != broker.jwks_url:
        raise Rejected(Reason.KEY_URL)
    await keys.check_signature(token, broker)
    check_times(token.claims, now)
    _check_client(token.claims, expected.client_id)
    if not _is(token.claims.get("nonce"), expected.nonce):
        raise Rejected(Reason.NONCE)
    # All algorithms that are taken hash with SHA-256.
    half = hashlib.sha256(expected.access_token.encode("ascii")).digest()[:16]
    wanted = base64.urlsafe_b64encode(half).rstrip(b"=").decode("ascii")
    if "at_hash" in token.claims and not _is(token.claims["at_hash"], wanted):
        raise Rejected(Reason.TOKEN_HASH)
    return IdToken(text(token.claims.get("sub"), Reason.SUBJECT), token.claims)


def _check_client(claims: Mapping[str, Any], client_id: str) -> None:
    named = claims.get("aud")
    audiences = [named] if isinstance(named, str) else named
    if not isinstance(audiences, list) or client_id not in audiences:
        raise Rejected(Reason.AUDIENCE)
    # With several, one of them says that it is the one who asked.
    if claims.get("azp", client_id if len(audiences) == 1 else None) != client_id:
        raise Rejected(Reason.AUDIENCE)


def _is(said: object, wanted: str) -> bool:
    return isinstance(said, str) and hmac.compare_digest(said.encode(), wanted.encode())


_OTHERS = frozenset({"events", "ga4gh_visa_v1"})
