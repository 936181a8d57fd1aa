"""The home of `Reason`: why credentials or a visa were not taken: for logs, metrics and the audit.

Whoever sent them is never told which check failed.
"""

from __future__ import annotations

from enum import StrEnum

from beacon.framework.errors import SourceUnavailable, Unauthorized


class Reason(StrEnum):
    """What a check found wrong. A code, without anything of what was checked."""

    SCHEME = "scheme"
    SEVERAL = "several_credentials"
    SIZE = "size"
    FORMAT = "format"
    TYPE = "token_type"
    ISSUER = "issuer"
    ALGORITHM = "algorithm"
    KEY_ID = "key_id"
    KEY_URL = "key_url"
    SIGNATURE = "signature"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    TIMES = "times"
    SUBJECT = "subject"
    SCOPE = "scope"
    REVOKED = "revoked"
    REFUSED_BY_BROKER = "refused_by_broker"
    ROUTE = "route"
    VISAS = "visas"
    BROKER = "broker"
    VISA_TYPE = "visa_type"
    SOURCE = "source"
    BY = "by"
    CONDITIONS = "conditions"
    NONCE = "nonce"
    TOKEN_HASH = "token_hash"  # noqa: S105 - the name of a reason


class Rejected(Exception):
    """A check failed. Never leaves this package."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class InvalidToken(Unauthorized):
    """Credentials were shown that are not valid, whatever it is that is wrong with them."""

    challenge = 'Bearer error="invalid_token"'

    def __init__(self, reason: Reason) -> None:
        super().__init__(
            "the credentials are not valid here; log in again, or ask without the Authorization "
            "header for public access",
            reason=reason.value,
        )


class IssuerUnavailable(SourceUnavailable):
    """Nobody can say now whether credentials are valid: who vouches for them does not answer."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(
            "the credentials cannot be checked now: their issuer does not answer; ask again later"
        )
        self.retry_after_s = max(1, round(retry_after_s))
