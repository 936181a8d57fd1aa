"""The home of `Jws`: a signed token in compact form (RFC 7515), read strictly.

Only what an issuer was given in the settings decides about its signature: of the header, `alg`,
`kid`, `typ` and `jku` are compared with that, and `jwk`, `x5u` or `x5c` are never looked at.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beacon.auth.reasons import Reason, Rejected
from beacon.auth.strict_json import read_object

TOKEN_BYTES = 32 * 1024
"""The largest access token or visa that is read."""

PASSPORT_BYTES = 64 * 1024
"""The largest passport that is read."""


@dataclass(frozen=True, slots=True)
class Jws:
    """A token that has been read, not believed.

    Attributes:
        signed: The bytes that the signature is over.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        """What the header says of the signature."""
        return str(self.header["alg"])

    @property
    def type(self) -> str | None:
        """The header's `typ` as the short form of a media type, in lower case."""
        kind = self.header.get("typ")
        return None if kind is None else str(kind).lower().removeprefix("application/")

    @property
    def key_id(self) -> str:
        """The header's `kid`.

        Raises:
            Rejected: It has none.
        """
        key_id = self.header.get("kid")
        if not isinstance(key_id, str) or not 0 < len(key_id) <= _KEY_ID_LENGTH:
            raise Rejected(Reason.KEY_ID)
        return key_id


def parse(text: str, *, limit_bytes: int) -> Jws:
    """Read a token.

    Raises:
        Rejected: It is too large, or not of three parts of unpadded base64url with a JSON object in
            each of the first two; or it is encrypted, compressed or has critical extensions.
    """
    if len(text) > limit_bytes:
        raise Rejected(Reason.SIZE)
    if _COMPACT.fullmatch(text) is None:
        raise Rejected(Reason.FORMAT)
    header_text, claims_text, signature_text = text.split(".")
    try:
        header = read_object(_decoded(header_text))
        claims = read_object(_decoded(claims_text))
        signature = _decoded(signature_text)
    except ValueError:
        # Without its cause, which would hold what was in the token.
        raise Rejected(Reason.FORMAT) from None
    if not _UNREAD.isdisjoint(header) or not isinstance(header.get("alg"), str):
        raise Rejected(Reason.FORMAT)
    signed = f"{header_text}.{claims_text}".encode("ascii")
    return Jws(header=header, claims=claims, signed=signed, signature=signature)


def _decoded(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii") != text:
        raise ValueError("not the one way to write this")
    return data


_KEY_ID_LENGTH = 255

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

# Encryption, compression, and extensions that say they must be understood.
_UNREAD = frozenset({"enc", "zip", "crit", "b64"})
