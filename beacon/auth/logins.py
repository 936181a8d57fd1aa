"""The home of `LoginClient`: redeems what a broker sends back with somebody who has logged in.

It is asked as one of its clients (RFC 6749, 4.1 and 6; OpenID Connect Core 3.1.3), and what it says
is verified before it is believed.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from yarl import URL

from beacon.auth.clients import ClientStatement
from beacon.auth.fetching import Fetched, Fetcher, FetchFailed
from beacon.auth.id_tokens import Expected, check_id_token
from beacon.auth.issued import bearer_token, claims_of, ends_of, given, refusal
from beacon.auth.issuers import Broker, is_loopback
from beacon.auth.jws import TOKEN_BYTES
from beacon.auth.keys import KeySets
from beacon.auth.reasons import Rejected
from beacon.auth.strict_json import read_object
from beacon.credential_files import CredentialFile
from beacon.framework.errors import SettingsError, SourceUnavailable
from beacon.settings import LoginSettings, TokenEndpointSettings

AT_A_TIME = 16
"""Requests to the broker that are under way at the same time."""

NAME_LENGTH = 80
"""The longest name of a person that is shown whole."""

log = structlog.stdlib.get_logger()


class LoginFailed(Exception):
    """The broker said no, or said what is not valid. `code` is for the log."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class BrokerAway(SourceUnavailable):
    """The broker does not answer now, or not as it should."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token endpoint gave. `expires` is of the access token, in seconds since 1970."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    id_token: str | None = field(repr=False)
    expires: float | None


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Somebody who has just logged in. `name` is for them to read, and identifies nobody."""

    tokens: Tokens
    subject: str
    name: str | None


class LoginClient:
    """One client of one broker."""

    def __init__(
        self,
        settings: LoginSettings,
        broker: Broker,
        userinfo_url: str,
        fetcher: Fetcher,
        clock: Callable[[], float],
        *,
        loopback: bool,
    ) -> None:
        """Read the secret.

        Args:
            settings: The section `portal.login`.
            broker: Where people log in.
            userinfo_url: Where it says what they are called; empty: nowhere.
            fetcher: What it is asked with, open.
            clock: Seconds since 1970.
            loopback: Whether it may be on this very machine.

        Raises:
            SettingsError: The secret cannot be read, or not be used.
        """
        self._settings, self._broker, self._fetcher, self._clock = settings, broker, fetcher, clock
        self._keys = KeySets(fetcher, clock)
        self._userinfo_url = userinfo_url if "profile" in settings.scope.split() else ""
        self._client = client_statement(settings, clock)
        self._client.made()  # what is wrong with the secret is told at the start
        self._turns = asyncio.Semaphore(AT_A_TIME)
        self._allow_private = settings.allow_private or (
            loopback and is_loopback(URL(settings.token_url).host or "")
        )

    async def redeemed(
        self, code: str, *, verifier: str, nonce: str, redirect_uri: str
    ) -> LoggedIn:
        """Who a code is about.

        Args:
            verifier: What proves that it is redeemed by whoever asked for it (RFC 7636).
            nonce: What the ID token has to say.
            redirect_uri: Where the browser was sent back to.

        Raises:
            LoginFailed: Nobody, or it is not to be believed.
            BrokerAway: The broker cannot say now.
        """
        tokens = await self._tokens(
            [
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", redirect_uri),
                ("code_verifier", verifier),
            ]
        )
        if tokens.id_token is None:
            raise LoginFailed("no_id_token")
        expected = Expected(
            client_id=self._settings.client_id, nonce=nonce, access_token=tokens.access_token
        )
        now = self._clock()
        try:
            said = await check_id_token(tokens.id_token, self._broker, expected, self._keys, now)
        except Rejected as rejected:
            raise LoginFailed(f"id_token_{rejected.reason.value}") from None
        except SourceUnavailable as error:
            raise BrokerAway(str(error)) from None
        name = _name(said.claims)
        if name is None and self._userinfo_url:
            name = await self._named(tokens.access_token, said.subject)
        return LoggedIn(tokens, said.subject, name)

    async def renewed(self, refresh_token: str) -> Tokens:
        """Tokens in place of those that are about to end.

        Raises:
            LoginFailed: There are none.
            BrokerAway: The broker cannot say now.
        """
        tokens = await self._tokens(
            [("grant_type", "refresh_token"), ("refresh_token", refresh_token)]
        )
        if tokens.refresh_token is not None:
            return tokens
        return Tokens(tokens.access_token, refresh_token, tokens.id_token, tokens.expires)

    async def close(self) -> None:
        """Let go of what is under way."""
        await self._keys.close()

    async def _tokens(self, grant: Sequence[tuple[str, str]]) -> Tokens:
        try:
            async with self._turns:
                answer = await self._answer(grant)
            code = refusal(answer)
            if code is not None:
                raise LoginFailed(code)
            return _read(answer, self._clock())
        except (FetchFailed, ValueError) as error:
            # Other messages can hold what was answered.
            reason = str(error) if isinstance(error, FetchFailed) else "NotTokens"
            log.warning("login_not_redeemed", issuer=self._broker.name, reason=reason)
        except SettingsError as error:
            log.error("login_not_redeemed", issuer=self._broker.name, reason=str(error))
        raise BrokerAway("the identity provider does not answer")

    async def _answer(self, grant: Sequence[tuple[str, str]]) -> Fetched:
        resource = [("resource", self._settings.resource)] if self._settings.resource else []
        client, headers = await asyncio.to_thread(self._client.made)
        return await self._fetcher.post(
            self._settings.token_url,
            [*grant, *resource, *client],
            allow_private=self._allow_private,
            headers=headers,
        )

    async def _named(self, access_token: str, subject: str) -> str | None:
        """What the broker calls somebody; it is no matter if it does not say."""
        try:
            answer = await self._fetcher.get(
                self._userinfo_url,
                allow_private=self._broker.allow_private,
                headers={"Authorization": f"Bearer {access_token}"},
            )
            said = read_object(answer.body) if answer.status == _OK else {}
        except (FetchFailed, ValueError):
            return None
        return _name(said) if said.get("sub") == subject else None


def client_statement(settings: LoginSettings, clock: Callable[[], float]) -> ClientStatement:
    """How the portal says who it is at the broker."""
    endpoint = TokenEndpointSettings(
        url=settings.token_url,
        client_id=settings.client_id,
        client_auth=settings.client_auth,
        secret_file=settings.secret_file,
        algorithm=settings.algorithm,
        key_id=settings.key_id,
        assertion_audience=settings.assertion_audience,
    )
    file = CredentialFile("portal.login.secret_file", settings.secret_file)
    return ClientStatement(endpoint, file, clock)


def _read(answer: Fetched, now: float) -> Tokens:
    """The tokens in an answer.

    Raises:
        FetchFailed: The status says that something is out of order.
        ValueError: There are none that could be used.
    """
    document = given(answer)
    access_token = bearer_token(document)
    return Tokens(
        access_token,
        _text(document.get("refresh_token")),
        _text(document.get("id_token")),
        min(ends_of(document, claims_of(access_token), now), default=None),
    )


def _text(value: object) -> str | None:
    """What may be there, and is sent to nobody but the broker."""
    return value if isinstance(value, str) and 0 < len(value) <= TOKEN_BYTES else None


def _name(said: Mapping[str, Any]) -> str | None:
    """What somebody is called, without anything that would change how a page reads."""
    for claim in ("name", "preferred_username"):
        value = said.get(claim)
        if isinstance(value, str):
            shown = "".join(one for one in value if unicodedata.category(one)[0] != "C").strip()
            if shown:
                return shown[:NAME_LENGTH]
    return None


_OK = 200
