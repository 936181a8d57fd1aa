"""The home of `Provider`: what logging in needs of whoever people log in at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from beacon.framework.errors import SourceUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What somebody who logged in may be asked for as. Times are in seconds since 1970.

    Attributes:
        issuer: Of the tokens.
        subject: Who that is; only with `issuer`.
        name: What they are called, for them to read; it identifies nobody.
        expires: When the access token is good for nothing any more; `None` if it is not known.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires: float | None
    issuer: str
    subject: str
    name: str | None


class LoginRefused(Exception):
    """The provider said no, or what it said is not to be believed. `code` is for the log."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ProviderAway(SourceUnavailable):
    """The provider does not answer now, or not as it should."""

    retry_after_s = 5

    def __init__(self) -> None:
        super().__init__("the identity provider does not answer; ask again later")


class Provider(Protocol):
    """Whoever people log in at. What asks it raises `ProviderAway` when it cannot be asked now."""

    @property
    def issuer(self) -> str:
        """What it calls itself."""

    def login_url(self, *, state: str, nonce: str, challenge: str) -> str:
        """Where a browser is sent to log in.

        Args:
            state: Comes back with the browser.
            nonce: Comes back in the ID token.
            challenge: The SHA-256 of what the code will be redeemed with (RFC 7636, S256).
        """

    @property
    def logout_url(self) -> str | None:
        """Where people log out of the provider itself, if there is such a place."""

    async def redeemed(self, code: str, *, verifier: str, nonce: str) -> Granted:
        """What a code stands for, with everything about it verified.

        Raises:
            LoginRefused: Nothing, or nothing that may be believed.
        """

    async def renewed(self, granted: Granted, refresh_token: str) -> Granted:
        """The same for the same person, for longer.

        Where that cannot be found out to the end, it is for no longer, and with whatever has to be
        shown the next time.

        Raises:
            LoginRefused: There is no more to be had.
        """
