"""The home of the checks that access tokens, passports and visas have in common."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from beacon.auth.issuers import Broker
from beacon.auth.reasons import Reason, Rejected

SKEW_S = 60.0
"""How far the clock of an issuer may be ahead."""

TEXT_LENGTH = 255
"""The longest text that identifies anything."""


def text(value: object, reason: Reason, *, longest: int = TEXT_LENGTH) -> str:
    """What must be a text of 1 to so many characters, none of them for control.

    Raises:
        Rejected: It is none, for the given reason.
    """
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise Rejected(reason)
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise Rejected(reason)
    return value


def seconds(value: object) -> float:
    """What must be a time, in seconds since 1970.

    Raises:
        Rejected: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Rejected(Reason.TIMES)
    if not 0 < value < _FAR_FUTURE:
        raise Rejected(Reason.TIMES)
    return float(value)


def check_times(claims: Mapping[str, Any], now: float, *, lifetime_s: float | None = None) -> float:
    """Check `exp`, `iat` and `nbf`.

    Args:
        lifetime_s: How long after `iat` a token may expire, if that is bounded.

    Returns:
        When it expires, in seconds since 1970.

    Raises:
        Rejected: It has expired, is not valid yet, or does not say.
    """
    expires = seconds(claims.get("exp"))
    issued = seconds(claims.get("iat"))
    if expires <= now:
        raise Rejected(Reason.EXPIRED)
    if issued > now + SKEW_S or ("nbf" in claims and seconds(claims["nbf"]) > now + SKEW_S):
        raise Rejected(Reason.TIMES)
    if lifetime_s is not None and expires - issued > lifetime_s:
        raise Rejected(Reason.TIMES)
    return expires


def check_audience(claims: Mapping[str, Any], broker: Broker) -> None:
    """Check that a token was made for this beacon.

    Raises:
        Rejected: It was made for others, or does not say and has to.
    """
    named = claims.get("aud")
    if named is None and not broker.audience_required:
        return
    audiences = [named] if isinstance(named, str) else named
    if not isinstance(audiences, list) or not all(isinstance(one, str) for one in audiences):
        raise Rejected(Reason.AUDIENCE)
    if broker.audiences.isdisjoint(audiences):
        raise Rejected(Reason.AUDIENCE)


_FAR_FUTURE = 1e11
