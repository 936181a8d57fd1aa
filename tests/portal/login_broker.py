"""A broker that people log in at, a site over it, and browsers, on real sockets."""

from __future__ import annotations

import base64
import hashlib
import itertools
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from cryptography.hazmat.primitives import serialization
from multidict import CIMultiDictProxy
from yarl import URL

from beacon import portal_access
from beacon.framework.errors import BeaconError
from beacon.portal import login as login_module
from beacon.portal.login import Login
from beacon.portal.login_pages import Notice, Show
from beacon.secrets_file import Keys
from beacon.settings import LogSettings, PortalSettings, ServerSettings, Settings
from tests.auth.mock_broker import AUDIENCE, MockIssuer, World, ec_key

Document = dict[str, Any]

CLIENT = "portal"
CLIENT_KEY = ec_key()
TOKEN_S = 600
ALICE = "alice called Dr Alice"


class LoginBroker(MockIssuer):
    """A broker with a page to log in at, where `subject` is always the one who does.

    `answer` is said to a browser in place of a code. `claims` and `header` change the ID token,
    `token_claims` the access token, and `given` what is said with them; fields that are None are
    left out. `refused` is what the token endpoint says no with.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.clock = clock
        self.subject = "alice"
        self.answer: Document | None = None
        self.says_issuer = True
        self.claims: Document = {}
        self.header: Document = {}
        self.token_claims: Document = {}
        self.given: Document = {}
        self.refused = ""
        self.is_down = False
        self.gives_refresh_tokens = True
        self.asked_to_log_in: list[Mapping[str, str]] = []
        self.redeemed: list[Mapping[str, str]] = []
        self._codes: dict[str, Mapping[str, str]] = {}
        self.refresh_tokens: dict[str, str] = {}
        self._numbers = itertools.count(1)

    async def _other(self, request: web.Request) -> web.Response:
        match request.path:
            case "/authorize":
                return self._authorize(request)
            case "/token":
                return await self._token(request)
            case _:
                return await super()._other(request)

    def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        self.asked_to_log_in.append(asked)
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        said = self.answer
        if said is None:
            code = secrets.token_urlsafe(16)
            self._codes[code] = {**asked, "sub": self.subject}
            said = {"code": code}
        if self.says_issuer:
            said = {"iss": self.issuer, **said}
        back = URL(asked["redirect_uri"]).update_query(state=asked["state"]).update_query(said)
        return web.Response(status=302, headers={"Location": str(back)})

    async def _token(self, request: web.Request) -> web.Response:
        if self.is_down:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.redeemed.append(form)
        jwt.decode(
            form["client_assertion"], CLIENT_KEY.public_key(), ["ES256"],
            audience=f"{self.url}/token", options={"verify_exp": False, "verify_iat": False},
        )  # fmt: skip
        if self.refused:
            return web.json_response({"error": self.refused}, status=400)
        nonce = None
        if form["grant_type"] == "authorization_code":
            asked = self._codes.pop(form["code"], None)
            if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
                return web.json_response({"error": "invalid_grant"}, status=400)
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            assert challenge == asked["code_challenge"]
            subject, nonce = asked["sub"], asked["nonce"]
        else:
            subject = self.refresh_tokens.pop(form["refresh_token"], "")
            if not subject:
                return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(_without_none(self._tokens(subject, nonce)))

    def _tokens(self, subject: str, nonce: str | None) -> Document:
        now = self.clock()
        access_token = self.signed(
            _without_none(
                {
                    "iss": self.issuer,
                    "sub": subject,
                    "aud": AUDIENCE,
                    "iat": now,
                    "exp": now + TOKEN_S,
                    "scope": "openid ga4gh_passport_v1",
                    "jti": f"token-{next(self._numbers)}",
                    **self.token_claims,
                }
            ),
            typ="at+jwt",
        )
        claims = {
            "iss": self.issuer,
            "sub": subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "name": f"Dr {subject.title()}",
            **self.claims,
        }
        given: Document = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": TOKEN_S,
            "id_token": self.signed(_without_none(claims), **self.header),
        }
        if self.gives_refresh_tokens:
            given["refresh_token"] = secrets.token_urlsafe(16)
            self.refresh_tokens[given["refresh_token"]] = subject
        return {**given, **self.given}


@dataclass
class Site:
    """A site that people log in to: `/who` says who asks, and POST `/change` changes something."""

    root: str
    login: Login
    server: TestServer
    settings: Settings


@dataclass
class Answer:
    """What a browser was answered in the end."""

    status: int
    text: str
    headers: CIMultiDictProxy[str]
    url: URL


class Browser:
    """A browser, which keeps cookies and follows redirects only when told to."""

    def __init__(self, session: aiohttp.ClientSession, root: str) -> None:
        self.session, self.root = session, root

    @property
    def cookies(self) -> dict[str, str]:
        return {one.key: one.value for one in self.session.cookie_jar}

    @property
    def session_cookie(self) -> str:
        """What the cookie of a session is called."""
        return login_module.cookie_name(self.root, "session")

    async def get(self, url: str, *, follow: bool = True, **options: Any) -> Answer:
        where = URL(self.root + url if url.startswith("/") else url, encoded=True)
        async with self.session.get(where, allow_redirects=follow, **options) as response:
            text = await response.text()
            return Answer(response.status, text, response.headers, response.url)

    async def post(self, path: str, form: Document | None = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.post(
            self.root + path, data=form or {}, headers={"Origin": self.root, **named}
        ) as response:
            text = await response.text()
            return Answer(response.status, text, response.headers, response.url)

    async def begin(self, return_to: str = "/who") -> str:
        """Begin to log in; where the provider would send the browser back to."""
        begun = await self.get(f"/login?return_to={return_to}", follow=False)
        assert begun.status == 303
        sent_back = await self.get(begun.headers["Location"], follow=False)
        return sent_back.headers["Location"]

    async def who(self) -> str:
        return (await self.get("/who")).text

    async def csrf_token(self) -> str:
        return (await self.get("/csrf")).text


@dataclass
class LoginWorld:
    """A world with a broker that people log in at, and what is opened over it."""

    folder: Path
    world: World = field(init=False)
    broker: LoginBroker = field(init=False)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def settings(self, root: str, **changes: Any) -> Settings:
        (self.folder / "key.pem").write_bytes(
            CLIENT_KEY.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        (self.folder / "key.pem").chmod(0o600)
        login = {
            "broker": "login",
            "client_id": CLIENT,
            "secret_file": str(self.folder / "key.pem"),
            "algorithm": "ES256",
            "authorization_url": f"{self.broker.url}/authorize",
            "token_url": f"{self.broker.url}/token",
            "end_session_url": f"{self.broker.url}/logout",
            **changes,
        }
        return Settings(
            data_dir=str(self.folder / "data"),
            server=ServerSettings(base_url=f"{root}/api"),
            log=LogSettings(access=False),
            auth=self.world.settings(),
            portal=msgspec.convert({"login": login}, PortalSettings),
        )

    async def site(self, root: str = "", show: Show | None = None, **changes: Any) -> Site:
        """A site; several with the same root are processes of one server."""
        port = unused_port()
        own = f"http://127.0.0.1:{port}"
        settings = self.settings(root or own, **changes)
        login = await self.stack.enter_async_context(
            portal_access.open_login(
                settings,
                self.world.authenticator,
                lambda _settings: Keys(b"k" * 32),
                show or _shown,
                clock=self.world.clock,
            )
        )
        assert login is not None
        server = TestServer(self._app(login), port=port)
        await self.stack.enter_async_context(server)
        return Site(own, login, server, settings)

    async def browser(self, site: Site) -> Browser:
        session = await self.stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        )
        return Browser(session, site.root)

    def _app(self, login: Login) -> web.Application:
        async def who(request: web.Request) -> web.Response:
            caller = await self.world.authenticator.caller(login.headers(request))
            session = login.session(request)
            name = None if session is None else session.name
            said = "public" if caller is None else f"{caller.subject} called {name}"
            return web.Response(text=said)

        async def change(_request: web.Request) -> web.Response:
            return web.Response(text="changed")

        async def csrf(request: web.Request) -> web.Response:
            session = login.session(request)
            return web.Response(text="" if session is None else session.csrf_token)

        app = web.Application(middlewares=[_failures])
        app.router.add_get("/who", login.attended(who))
        app.router.add_get("/", login.attended(who))
        app.router.add_get("/csrf", login.attended(csrf))
        app.router.add_post("/change", login.attended(change))
        app.router.add_post("/ask", login.attended(who, changes=False))
        app.router.add_get(login_module.BEGIN, login.begin)
        app.router.add_get(login_module.FINISH, login.finish)
        app.router.add_post(login_module.END, login.end)
        return app


@asynccontextmanager
async def login_world(folder: Path) -> AsyncIterator[LoginWorld]:
    made = LoginWorld(folder)
    async with made.stack:
        world = World()
        made.broker = LoginBroker(world.clock)
        world.broker = made.broker
        made.world = await made.stack.enter_async_context(world)
        yield made


async def logged_in(browser: Browser) -> str:
    """Log in; the value of the cookie."""
    answer = await browser.get("/login?return_to=/who")
    assert answer.text == ALICE
    return browser.cookies[browser.session_cookie]


def session_cookie(answer: Answer) -> str:
    """The header that sets or deletes the cookie of a session."""
    (found,) = [one for one in answer.headers.getall("Set-Cookie", []) if "beacon-session" in one]
    return found


def _shown(_request: web.Request, notice: Notice) -> web.Response:
    text = f"{notice.text} {notice.return_to} {notice.provider_url or ''}"
    return web.Response(status=notice.status, text=text.strip())


@web.middleware
async def _failures(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except BeaconError as error:
        return web.Response(status=error.status, text=str(error))
    return response


def _without_none(claims: Document) -> Document:
    return {name: value for name, value in claims.items() if value is not None}
