"""The home of `Login`: people log in at an identity provider, and their browsers get no token.

The authorization code flow of OpenID Connect, by the server: a browser has a cookie with a random
text that says nothing, and the server what that stands for.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import structlog
from aiohttp import hdrs, web
from yarl import URL

from beacon.framework.errors import Forbidden, Unauthorized
from beacon.portal import login_attempts, login_safety
from beacon.portal.login_attempts import Attempt
from beacon.portal.login_pages import CSRF_FIELD, CSRF_HEADER, Notice, Session, Show
from beacon.portal.login_provider import LoginRefused, Provider, ProviderAway
from beacon.portal.login_renewal import Over, Renewal
from beacon.portal.login_safety import Sender
from beacon.portal.login_sealing import Sealing
from beacon.portal.sessions import Sessions

BEGIN = "/login"
FINISH = "/login/callback"
END = "/logout"
"""The paths below the root of the site."""

ATTEMPTS_MAX = 4
"""Logins that one browser may have begun at the same time."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class _Known:
    session_id: str = field(repr=False)
    access_token: str = field(repr=False)
    session: Session


_KNOWN: web.RequestKey[_Known | None] = web.RequestKey("login")


class Login:
    """Logging in and out, and who is logged in; one for an application.

    Handlers of pages go through `attended`: it finds out whose session a request is of before they
    run, and sees to it that nobody whose session has ended is taken for the public unawares.
    """

    def __init__(
        self,
        provider: Provider,
        sessions: Sessions,
        show: Show,
        *,
        root: str,
        key: bytes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Nothing is asked of the provider yet.

        Args:
            provider: Whoever people log in at.
            sessions: Where it is kept who is logged in, open.
            show: Makes pages.
            root: URL of the site, without a trailing slash.
            key: The key of this deployment for this purpose, 32 bytes.
            clock: Seconds since 1970.
        """
        self._provider, self._sessions, self._show, self._clock = provider, sessions, show, clock
        self._renewal = Renewal(provider, sessions, clock)
        self._root = root
        self._origin = str(URL(root).origin())
        self._secure = root.startswith("https:")
        self._cookie, self._attempts = (
            cookie_name(root, "session"),
            cookie_name(root, "login") + "-",
        )
        self._sealing = Sealing(hmac.digest(key, b"attempts", "sha256"))
        self._csrf_key = hmac.digest(key, b"csrf", "sha256")

    async def begin(self, request: web.Request) -> web.Response:
        """GET `BEGIN`: sends the browser to the provider.

        `return_to` is where it comes back to, a path of this site.
        """
        attempt = Attempt.begun(
            login_safety.local_path(request.query.get("return_to")), self._clock()
        )
        url = self._provider.login_url(
            state=attempt.state, nonce=attempt.nonce, challenge=attempt.challenge
        )
        response = _redirect(url)
        others = [name for name in request.cookies if name.startswith(self._attempts)]
        if len(others) >= ATTEMPTS_MAX:
            for name in others:
                self._delete(response, name)
        self._set(
            response,
            self._attempts + login_attempts.tag_of(attempt.state),
            login_attempts.sealed(attempt, self._sealing),
            max_age=login_attempts.ATTEMPT_S,
        )
        return response

    async def finish(self, request: web.Request) -> web.Response:
        """GET `FINISH`: the browser comes back from the provider."""
        attempt = self._attempt(request)
        if attempt is None:
            # Whatever else came along is not believed either.
            return self._failed(request, "state", Notice(status=400, text="login.stale"))
        response = await self._finished(request, attempt)
        self._delete(response, self._attempts + login_attempts.tag_of(attempt.state))
        return response

    async def end(self, request: web.Request) -> web.Response:
        """POST `END`: the session ends, if the form is of it."""
        session_id = self._session_id(request)
        if session_id is not None and await self._sessions.find(session_id) is None:
            session_id = None
        token = None if session_id is None else self._csrf_token(session_id)
        if not await self._is_of_session(request, token, changes=True):
            return self._show(request, Notice(status=403, text="login.forged"))
        if session_id is not None:
            await self._sessions.end(session_id)
            log.info("logged_out")
        url = self._provider.logout_url
        return self._over(request, Notice(status=200, text="login.logged_out", provider_url=url))

    def headers(self, request: web.Request) -> Mapping[str, str]:
        """The credentials of a session as headers of a request to the API; none without one.

        Nothing that the browser sent as `Authorization` is in them. The request has to be
        `attended`.
        """
        known = request[_KNOWN]
        return {} if known is None else {hdrs.AUTHORIZATION: f"Bearer {known.access_token}"}

    def session(self, request: web.Request) -> Session | None:
        """Who is logged in; nobody when the session has just ended."""
        return session_of(request)

    def attended(self, handler: Handler, *, changes: bool = True) -> Handler:
        """A handler of a page that may ask for `headers` and `session`.

        A request of a session that has ended, or whose token is refused by `Unauthorized`, is
        answered with a page that says so, as is one with the token of a session and without one.
        One by other methods than GET and HEAD must come from this site, or it is `Forbidden`.

        Args:
            handler: It lets `Unauthorized` pass.
            changes: Whether such a request changes something, so that it must carry the token of
                the session; not when it only asks.
        """

        async def attended(request: web.Request) -> web.StreamResponse:
            try:
                known = request[_KNOWN] = await self._known(request)
            except Over:
                return self._over(request, self._notice(request, 401, "login.expired"))
            except ProviderAway as away:
                return self._away(request, away)
            if known is None and request.headers.get(CSRF_HEADER):
                return self._over(request, self._notice(request, 401, "login.expired"))
            if request.method not in _SAFE:
                token = None if known is None else known.session.csrf_token
                if not await self._is_of_session(request, token, changes=changes):
                    log.info("form_refused")
                    raise Forbidden("this form was not sent by a page of this site; load it again")
            try:
                return await handler(request)
            except Unauthorized as error:
                if known is None:
                    raise
                await self._sessions.end(known.session_id)
                log.info("session_refused", reason=error.reason)
                return self._over(request, self._notice(request, 401, "login.refused"))

        return attended

    async def _finished(self, request: web.Request, attempt: Attempt) -> web.Response:
        """What becomes of a login that was begun by this browser."""
        back = attempt.return_to
        said = request.query
        issuer, error, code = said.get("iss"), said.get("error"), said.get("code")
        failed = Notice(status=400, text="login.failed", return_to=back)
        # RFC 9207. Who else would send a browser here mixes us up with somebody.
        if issuer is not None and issuer != self._provider.issuer:
            return self._failed(request, "issuer", failed)
        if error in _DENIED:
            denied = Notice(status=403, text="login.denied", return_to=back)
            return self._failed(request, "denied", denied)
        if error in _AWAY:
            return self._away(request, ProviderAway(), back)
        if error is not None or not code or len(code) > _CODE_LENGTH:
            return self._failed(request, "error" if error is not None else "code", failed)
        if not await self._sessions.spend(attempt.state, attempt.until):
            stale = Notice(status=400, text="login.stale", return_to=back)
            return self._failed(request, "replayed", stale)
        try:
            granted = await self._provider.redeemed(
                code, verifier=attempt.verifier, nonce=attempt.nonce
            )
        except LoginRefused as refused:
            return self._failed(request, refused.code, failed)
        except ProviderAway as away:
            return self._away(request, away, back)
        before = self._session_id(request)
        if before is not None:
            await self._sessions.end(before)
        response = _redirect(self._root + back)
        self._set(response, self._cookie, await self._sessions.begin(granted), max_age=None)
        log.info("logged_in")
        return response

    def _attempt(self, request: web.Request) -> Attempt | None:
        """The attempt that a request finishes, if this browser began it."""
        if any(len(request.query.getall(name, ())) > 1 for name in _ONCE):
            return None
        state = request.query.get("state", "")
        if _TEXT.fullmatch(state) is None:
            return None
        cookie = request.cookies.get(self._attempts + login_attempts.tag_of(state), "")
        return login_attempts.opened(cookie, state, self._sealing, self._clock())

    async def _known(self, request: web.Request) -> _Known | None:
        if self._cookie not in request.cookies:
            return None
        session_id = self._session_id(request)
        if session_id is None:
            raise Over
        kept = await self._renewal.current(session_id)
        session = Session(kept.granted.name, self._csrf_token(session_id), kept.until)
        return _Known(session_id, kept.granted.access_token, session)

    async def _is_of_session(
        self, request: web.Request, token: str | None, *, changes: bool
    ) -> bool:
        """Whether a page of this site sent a form, and one of the session if it changes something.

        Args:
            token: Of the session; `None` without one, so that there is nothing to be misused.
        """
        sender = login_safety.sender(request.headers, self._origin)
        if sender is Sender.OTHER:
            return False
        if token is None or (sender is Sender.OWN and not changes):
            return True
        return await self._carries_token(request, token)

    async def _carries_token(self, request: web.Request, expected: str) -> bool:
        given = request.headers.get(CSRF_HEADER)
        if given is None and request.content_type in _FORMS:
            found = (await request.post()).get(CSRF_FIELD)
            given = found if isinstance(found, str) else None
        return login_safety.is_csrf_token(given, expected)

    def _session_id(self, request: web.Request) -> str | None:
        found = request.cookies.get(self._cookie, "")
        return found if _TEXT.fullmatch(found) else None

    def _csrf_token(self, session_id: str) -> str:
        return login_safety.csrf_token(self._csrf_key, session_id)

    def _notice(self, request: web.Request, status: int, text: str) -> Notice:
        back = request.path_qs if request.method in _SAFE else None
        return Notice(status=status, text=text, return_to=login_safety.local_path(back))

    def _failed(self, request: web.Request, reason: str, notice: Notice) -> web.Response:
        log.info("login_failed", reason=reason)
        return self._show(request, notice)

    def _away(
        self, request: web.Request, away: ProviderAway, back: str | None = None
    ) -> web.Response:
        notice = self._notice(request, away.status, "login.broker_away")
        if back is not None:
            notice = Notice(status=notice.status, text=notice.text, return_to=back)
        response = self._show(request, notice)
        response.headers[hdrs.RETRY_AFTER] = str(away.retry_after_s)
        return response

    def _over(self, request: web.Request, notice: Notice) -> web.Response:
        """The session of a request has ended: the browser forgets it, and the page says so."""
        request[_KNOWN] = None
        response = self._show(request, notice)
        if request.headers.get("Sec-Fetch-Dest") != "empty":
            # A script may show nobody this page; then the next one must not be the public's.
            self._delete(response, self._cookie)
        return response

    def _set(self, response: web.Response, name: str, value: str, *, max_age: int | None) -> None:
        # A session's has no end of its own: the server then says when it is over.
        response.set_cookie(
            name, value, max_age=max_age, path="/", secure=self._secure, httponly=True,
            samesite="Lax",
        )  # fmt: skip

    def _delete(self, response: web.Response, name: str) -> None:
        response.del_cookie(name, path="/", secure=self._secure, httponly=True, samesite="Lax")


def cookie_name(root: str, use: str) -> str:
    """What a cookie of a site is called.

    Args:
        root: URL of the site. Others at the same host, at another port or path, get the cookies,
            too, so that there the name tells them apart.
        use: What it is for.
    """
    prefix = "__Host-" if root.startswith("https:") else ""
    alone = root == f"https://{URL(root).host}"
    return f"{prefix}beacon-{use}" + ("" if alone else f"-{sha256(root.encode()).hexdigest()[:8]}")


def session_of(request: web.Request) -> Session | None:
    """Who is logged in, of a request that was `attended`; nobody of any other."""
    known = request.get(_KNOWN)
    return None if known is None else known.session


def _redirect(url: str) -> web.Response:
    return web.Response(
        status=303,
        headers={
            hdrs.LOCATION: url,
            hdrs.CACHE_CONTROL: "no-store",
            # Where readers come from, and the code in it, is told to nobody.
            "Referrer-Policy": "no-referrer",
        },
    )


_SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_ONCE = ("code", "error", "iss", "state")
_DENIED = frozenset({"access_denied", "consent_required", "interaction_required", "login_required"})
_AWAY = frozenset({"server_error", "temporarily_unavailable"})
_TEXT = re.compile(r"[A-Za-z0-9_-]{43}")
_CODE_LENGTH = 4096
