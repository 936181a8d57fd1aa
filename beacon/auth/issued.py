"""The home of `Issued`: what a token endpoint answers, and what is refused of it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from beacon.auth.fetching import Fetched, FetchFailed
from beacon.auth.jws import TOKEN_BYTES
from beacon.auth.strict_json import read_object

LIFETIME_MAX_S = 3600.0
"""How long a token is used at most."""

LIFETIME_S = 60.0
"""How long a token is used that does not say when it expires."""

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name
"""The type of token that is shown and wanted (RFC 8693, 3)."""

FOR_OTHERS = "the identity provider gave a token that is not for it alone"
"""Why a token is refused that would be good elsewhere as well, or only there."""


class Wanted(Protocol):
    """What a token is to be for."""

    @property
    def audience(self) -> str:
        """The `aud` of whom it is for; empty: nobody in particular."""

    @property
    def resource(self) -> str:
        """Where it is to be used (RFC 8707)."""

    @property
    def scope(self) -> str:
        """The scopes, by spaces."""

    @property
    def not_for(self) -> frozenset[str]:
        """Audiences for whom the token must not be good as well."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A token to be shown. `expires` is in seconds since 1970."""

    token: str = field(repr=False)
    expires: float


class Refused(Exception):
    """The provider said no, or gave what is for others. `code` is for the log."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason


def read_issued(answer: Fetched, wanted: Wanted, now: float) -> Issued:
    """The token in an answer.

    Raises:
        Refused: There is none for this network, this caller or this audience.
        FetchFailed: The status says that something is out of order.
        ValueError: It is no answer of a token endpoint.
    """
    code = refusal(answer)
    if code is not None:
        raise Refused(code, _NO_TOKEN)
    document = given(answer)
    token = bearer_token(document)
    if document.get("issued_token_type", ACCESS_TOKEN) not in (ACCESS_TOKEN, _JWT):
        raise Refused("issued_token_type", FOR_OTHERS)
    claims = claims_of(token)
    _check_audience(claims, wanted)
    ends = [now + LIFETIME_MAX_S, *ends_of(document, claims, now)]
    expires = min(ends) if len(ends) > 1 else now + LIFETIME_S
    if expires <= now:
        raise ValueError("expired")
    return Issued(token, expires)


def refusal(answer: Fetched) -> str | None:
    """Why an endpoint gives no token, as a code for the log; `None` if it does not say no.

    Raises:
        ValueError: It is no answer of a token endpoint.
    """
    if answer.status not in _REFUSALS:
        return None
    code = read_object(answer.body).get("error")
    return code if isinstance(code, str) and code in _CODES else str(answer.status)


def given(answer: Fetched) -> Mapping[str, Any]:
    """What an endpoint gives that does not say no.

    Raises:
        FetchFailed: The status says that something is out of order.
        ValueError: It is no answer of a token endpoint.
    """
    if answer.status != _OK:
        raise FetchFailed(str(answer.status))
    return read_object(answer.body)


def bearer_token(document: Mapping[str, Any]) -> str:
    """The access token that was given.

    Raises:
        ValueError: There is none, or none that can be shown in a header.
    """
    token = document.get("access_token")
    if not isinstance(token, str) or len(token) > TOKEN_BYTES or not _TOKEN.fullmatch(token):
        raise ValueError("no token that could be sent in a header")
    if str(document.get("token_type")).lower() != "bearer":
        raise ValueError("no bearer token")
    return token


def ends_of(document: Mapping[str, Any], claims: Mapping[str, Any], now: float) -> list[float]:
    """When a token ends, in seconds since 1970, by whatever says so: the first of these counts."""
    ends = [now + one for one in _numbers(document.get("expires_in"))]
    return ends + _numbers(claims.get("exp"))


def claims_of(token: str) -> Mapping[str, Any]:
    """What a token says of itself, unverified; nothing where it is no JWT.

    Raises:
        ValueError: It is one, and says what can be read in more than one way.
    """
    parts = token.split(".")
    if len(parts) != _JWT_PARTS:
        return {}
    try:
        read_object(_decoded(parts[0]))
    except ValueError:
        return {}
    return read_object(_decoded(parts[1]))


def _check_audience(claims: Mapping[str, Any], wanted: Wanted) -> None:
    """Check that a token that says whom it is for is for one member, and good nowhere else."""
    named = claims.get("aud")
    if named is None:
        return
    listed = [named] if isinstance(named, str) else named
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise Refused("audience", FOR_OTHERS)
    if {wanted.audience, wanted.resource}.isdisjoint(listed) or wanted.not_for & {*listed}:
        raise Refused("audience", FOR_OTHERS)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _numbers(value: object) -> list[float]:
    return [] if isinstance(value, bool) or not isinstance(value, int | float) else [float(value)]


_JWT = "urn:ietf:params:oauth:token-type:jwt"
_JWT_PARTS = 3
_OK = 200
_REFUSALS = frozenset({400, 401, 403})
_CODES = frozenset(
    {
        "access_denied",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "invalid_target",
        "unauthorized_client",
        "unsupported_grant_type",
        "unsupported_token_type",
    }
)
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{8,}=*")
_NO_TOKEN = "the identity provider gives no token for it"  # noqa: S105 - words
