"""The home of `Caller`: who asks, as far as it has been verified."""

from __future__ import annotations

import msgspec


class Visa(msgspec.Struct, frozen=True, kw_only=True):
    """One verified statement about this very person, by somebody trusted for its `source`.

    `value` and `source` are compared whole and exactly, never taken apart or fetched.

    Attributes:
        type: Such as `ControlledAccessGrants`.
        by: Who said so at the source: `dac`, `so`, `self`, `peer`, `system`; none is unknown and
            satisfies no rule that names one.
        asserted: When the source said so, in seconds since 1970.
        expires: When this may no longer be relied upon, in seconds since 1970.
        issuer: Who signed it: a name of `auth.visa_issuers`.
    """

    type: str
    value: str
    source: str
    by: str | None
    asserted: float
    expires: float
    issuer: str


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A person, or a program of theirs. Nobody in particular, the public, is None.

    Attributes:
        issuer: The `iss` of the credentials.
        subject: Their `sub`: with `issuer` the identity, which no e-mail address ever is.
        linked: Other identities of the same person, as (`iss`, `sub`), by trusted linkers.
        visas: None of them has expired.
        expires: When who this is must be decided anew, in seconds since 1970.
    """

    issuer: str
    subject: str
    linked: tuple[tuple[str, str], ...] = ()
    visas: tuple[Visa, ...] = ()
    expires: float
