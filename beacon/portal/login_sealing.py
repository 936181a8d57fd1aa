"""The home of `Sealing`: what is written down such that only this server can read or change it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Sealing:
    """AES-GCM with a key of 32 bytes."""

    key: bytes = field(repr=False)

    def seal(self, plain: bytes, *, about: bytes) -> bytes:
        """Encrypt; `about` is what has to be said again to open it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, plain, about)

    def opened(self, data: bytes, *, about: bytes) -> bytes:
        """Decrypt.

        Raises:
            ValueError: It was sealed by somebody else, about something else, or changed.
        """
        try:
            return AESGCM(self.key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], about)
        except InvalidTag:
            raise ValueError("not sealed here") from None
