"""The home of `Introduced`: a caller who is known, with what can be exchanged for a member's sake.

The caller's token is held by nothing else here, and comes out of it only by `reveal`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Never

import msgspec

from beacon.framework.access import Asker


class Credentials:
    """A caller's token, which nothing that shows or writes values shows or writes.

    Attributes:
        digest: SHA-256 of the token, hexadecimal: two that are equal are the same token.
        issuer: The `iss` of the token.
        expires: When it must be looked at anew, in seconds since 1970.
    """

    __slots__ = ("_token", "digest", "expires", "issuer")

    def __init__(self, token: str, *, issuer: str, expires: float) -> None:
        """`token` is as it came, verified."""
        self._token = token
        self.digest = hashlib.sha256(token.encode("ascii")).hexdigest()
        self.issuer, self.expires = issuer, expires

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Credentials) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return "Credentials(***)"

    def __reduce__(self) -> Never:
        raise TypeError("credentials are not written down")

    def reveal(self) -> str:
        """The token, to be sent to its issuer and nobody else."""
        return self._token


class Introduced(Asker, frozen=True, kw_only=True):
    """Who asks, and what they showed. Not to be encoded: that fails."""

    credentials: Credentials


def introduced(
    asker: Asker, headers: Mapping[str, str], *, issuer: str, expires: float
) -> Introduced:
    """A caller whose credentials were found to be valid.

    Args:
        asker: Who that is.
        headers: Of the request; its one `Authorization` is a bearer token.
        issuer: The `iss` of it.
        expires: When who this is must be decided anew, in seconds since 1970.
    """
    token = headers["Authorization"].split()[1]
    credentials = Credentials(token, issuer=issuer, expires=expires)
    return Introduced(**msgspec.structs.asdict(asker), credentials=credentials)
