"""The home of `Attempt`: a login that has begun, kept by the browser that began it.

It is sealed in a cookie of its own, so that whoever comes back with an answer of the provider must
be the one who was sent there, several tabs can log in at once, and begun logins cost the server
nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

import msgspec

from beacon.portal.login_sealing import Sealing

ATTEMPT_S = 600
"""How long logging in may take."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A login that has begun.

    Attributes:
        state: What the answer of the provider has to say.
        nonce: What the ID token has to say.
        verifier: What the code is redeemed with.
        return_to: Where the browser goes then, a path of this site.
        until: When it is too late, in seconds since 1970.
    """

    state: str
    nonce: str
    verifier: str
    return_to: str
    until: float

    @classmethod
    def begun(cls, return_to: str, now: float) -> Attempt:
        """A new one."""
        return cls(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            return_to=return_to,
            until=now + ATTEMPT_S,
        )

    @property
    def challenge(self) -> str:
        """What the provider is told of `verifier` (RFC 7636, S256)."""
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def tag_of(state: str) -> str:
    """What tells the cookies of several attempts apart."""
    return hashlib.sha256(state.encode()).hexdigest()[:12]


def sealed(attempt: Attempt, sealing: Sealing) -> str:
    """An attempt as the value of a cookie."""
    data = sealing.seal(msgspec.json.encode(attempt), about=tag_of(attempt.state).encode())
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def opened(cookie: str, state: str, sealing: Sealing, now: float) -> Attempt | None:
    """The attempt in a cookie, if it is the one that an answer is to, and not too late."""
    try:
        data = base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
        plain = sealing.opened(data, about=tag_of(state).encode())
        attempt = msgspec.json.decode(plain, type=Attempt)
    except (ValueError, msgspec.DecodeError):
        return None
    if attempt.until <= now or not hmac.compare_digest(attempt.state.encode(), state.encode()):
        return None
    return attempt
