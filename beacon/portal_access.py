"""Puts together who reads pages: logging in, at one of the brokers whose word is taken for it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from yarl import URL

from beacon.auth.authenticator import Authenticator
from beacon.auth.fetching import Fetcher
from beacon.auth.issuers import Trust, check_url, is_loopback
from beacon.auth.logins import LoginClient, LoginFailed, Tokens, client_statement
from beacon.framework.errors import SettingsError, SourceUnavailable, Unauthorized
from beacon.portal.login import FINISH, Login
from beacon.portal.login_pages import Show
from beacon.portal.login_provider import Granted, LoginRefused, ProviderAway
from beacon.portal.sessions import Lifetimes, Sessions
from beacon.settings import LoginSettings, Settings

_API = "/api"


class Keys(Protocol):
    """Keys for purposes."""

    def derive(self, label: str) -> bytes:
        """The key for one purpose: 32 bytes."""


def can_log_in(settings: Settings) -> bool:
    """Whether there is anything to log in at."""
    return settings.portal.enabled and bool(settings.portal.login.broker)


def check(settings: Settings) -> None:
    """Check where people log in, and read the secret that the portal has for it.

    Raises:
        SettingsError: It makes no sense, would show secrets to others, or cannot be used.
    """
    login, portal = settings.portal.login, "portal.login"
    if not settings.portal.enabled:
        return
    known = ", ".join(settings.auth.brokers) or "none"
    if not login.broker:
        if login != LoginSettings():
            raise SettingsError(
                f"{portal}.broker is empty: name the one of auth.brokers that people log in at; "
                f"there is {known}"
            )
        return
    if login.broker not in settings.auth.brokers:
        raise SettingsError(f"{portal}.broker is {login.broker!r}; auth.brokers has {known}")
    for field, meant in _NEEDED.items():
        if not getattr(login, field):
            raise SettingsError(f"{portal}.{field} is empty: it must be {meant}")
    loopback = settings.auth.allow_loopback_http
    for field in ("authorization_url", "token_url", "end_session_url"):
        if getattr(login, field):
            check_url(f"{portal}.{field}", getattr(login, field), loopback)
    if "openid" not in login.scope.split(" "):
        raise SettingsError(f"{portal}.scope must have openid in it: without it nobody logs in")
    site_root(settings)
    client_statement(login, time.time).made()


def site_root(settings: Settings) -> str:
    """URL of the site that people log in to, without a trailing slash.

    Raises:
        SettingsError: A browser could not be sent back there, or its cookies would be open.
    """
    url = URL(settings.api_url)
    host = url.host or ""
    if not settings.api_url.endswith(_API):
        raise SettingsError(
            f"server.base_url must end in {_API} for people to log in: pages are beside it"
        )
    if not settings.server.base_url and not is_loopback(host):
        raise SettingsError(
            "server.base_url is empty: it must be the URL at which people find the API, such as "
            "https://beacon.example.org/api, for them to be sent back there from logging in"
        )
    if url.scheme != "https" and not is_loopback(host):
        raise SettingsError(
            "server.base_url must start with https for people to log in: what a browser sends "
            "over an open line could be anybody's"
        )
    return settings.api_url.removesuffix(_API)


@contextlib.asynccontextmanager
async def open_login(
    settings: Settings,
    authenticator: Authenticator | None,
    keys: Callable[[Settings], Keys],
    show: Show,
    *,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Login | None]:
    """Logging in, as long as the context is open; `None` where there is nothing to log in at.

    Args:
        settings: All of them.
        authenticator: Says who callers are; needed where people can log in.
        keys: Makes the keys of this deployment.
        show: Makes the pages that say what became of logging in.
        clock: Seconds since 1970.

    Raises:
        SettingsError: As `check`, or sessions cannot be kept.
    """
    check(settings)
    if not can_log_in(settings) or authenticator is None:
        yield None
        return
    login, key = settings.portal.login, keys(settings).derive("portal")
    lifetimes = Lifetimes(session_s=login.session_minutes * 60, idle_s=login.idle_minutes * 60)
    sessions = Sessions(Path(settings.data_dir) / "portal", key, lifetimes, clock)
    async with Fetcher() as fetcher, sessions:
        provider = _Broker(settings, authenticator, fetcher, clock)
        async with contextlib.aclosing(provider):
            root = site_root(settings)
            yield Login(provider, sessions, show, root=root, key=key, clock=clock)


class _Broker:
    """The broker of the settings, as whoever people log in at."""

    def __init__(
        self,
        settings: Settings,
        authenticator: Authenticator,
        fetcher: Fetcher,
        clock: Callable[[], float],
    ) -> None:
        self._settings, self._authenticator = settings.portal.login, authenticator
        of_broker = settings.auth.brokers[self._settings.broker]
        self.issuer = of_broker.issuer
        self._redirect_uri = site_root(settings) + FINISH
        self._client = LoginClient(
            self._settings,
            Trust.from_settings(settings.auth).brokers[self.issuer],
            of_broker.userinfo_url,
            fetcher,
            clock,
            loopback=settings.auth.allow_loopback_http,
        )

    @property
    def logout_url(self) -> str | None:
        url = self._settings.end_session_url
        return str(URL(url).update_query(client_id=self._settings.client_id)) if url else None

    def login_url(self, *, state: str, nonce: str, challenge: str) -> str:
        login = self._settings
        asked = {
            "response_type": "code",
            "client_id": login.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": login.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if login.resource:
            asked["resource"] = login.resource
        return str(URL(login.authorization_url).update_query(asked))

    async def redeemed(self, code: str, *, verifier: str, nonce: str) -> Granted:
        try:
            said = await self._client.redeemed(
                code, verifier=verifier, nonce=nonce, redirect_uri=self._redirect_uri
            )
        except LoginFailed as failed:
            raise LoginRefused(failed.code) from None
        except SourceUnavailable:
            raise ProviderAway from None
        return await self._accepted(said.tokens, said.subject, said.name)

    async def renewed(self, granted: Granted, refresh_token: str) -> Granted:
        try:
            tokens = await self._client.renewed(refresh_token)
        except LoginFailed as failed:
            raise LoginRefused(failed.code) from None
        except SourceUnavailable:
            raise ProviderAway from None
        try:
            return await self._accepted(tokens, granted.subject, granted.name)
        except ProviderAway:
            # Whose the new one is cannot be found out now, and there is no other way on from here.
            return replace(granted, refresh_token=tokens.refresh_token)

    async def aclose(self) -> None:
        await self._client.close()

    async def _accepted(self, tokens: Tokens, subject: str, name: str | None) -> Granted:
        """What was given, if its access token is taken here, and is that of whoever logged in."""
        shown = {"Authorization": f"Bearer {tokens.access_token}"}
        try:
            caller = await self._authenticator.caller(shown)
        except Unauthorized as error:
            raise LoginRefused(f"access_token_{error.reason}") from None
        except SourceUnavailable:
            raise ProviderAway from None
        if caller is None or (caller.issuer, caller.subject) != (self.issuer, subject):
            raise LoginRefused("access_token_of_another")
        return _granted(tokens, self.issuer, subject, name)


def _granted(tokens: Tokens, issuer: str, subject: str, name: str | None) -> Granted:
    return Granted(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires=tokens.expires,
        issuer=issuer,
        subject=subject,
        name=name,
    )


_NEEDED = {
    "client_id": "what the broker calls this portal",
    "secret_file": "the file of the key or the password that the broker knows this portal by",
    "authorization_url": "where browsers are sent to log in",
    "token_url": "the token endpoint of the broker",
}
