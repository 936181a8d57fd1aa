"""The home of `Rendering`: templates, in the language of whoever reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jinja2
from aiohttp import hdrs, web
from yarl import URL

from beacon.framework.errors import BeaconError
from beacon.framework.response import Identity
from beacon.portal.languages import CODES, Language, preferred
from beacon.portal.numbers import NUMBERS, Numbers
from beacon.portal.static_files import StaticFiles

FOLDER = Path(__file__).parent / "templates"
LANGUAGE_COOKIE = "language"
_YEAR_S = 365 * 86_400

CONTENT_SECURITY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""What a page may load: files of ours. Nothing that is written into a page is ever run."""


class Session(Protocol):
    """Somebody who is logged in."""

    @property
    def name(self) -> str | None:
        """What the page calls them."""

    @property
    def csrf_token(self) -> str:
        """What forms of theirs have to carry."""


@dataclass(frozen=True, slots=True)
class Page:
    """What every template knows besides its own values: as `page`.

    Attributes:
        path: Of the request, with what was asked: where to come back to.
        session: Of whoever is logged in.
        can_log_in: Whether there is anything to log in at.
    """

    language: Language
    numbers: Numbers
    languages: Mapping[str, Language]
    static: Callable[[str], str]
    identity: Identity
    is_network: bool
    path: str
    session: Session | None
    can_log_in: bool

    def text(self, key: str, **values: Any) -> str:
        """A text in the language of the page."""
        return self.language.text(key, **values)

    def in_language(self, code: str) -> str:
        """Where the same page is in another language."""
        # What begins with two slashes would be at another site.
        here = "/" + self.path.lstrip("/")
        return str(URL(here).update_query(lang=code))


@dataclass(frozen=True, slots=True)
class Rendering:
    """Makes pages.

    Attributes:
        session: Who is logged in, of a request.
        can_log_in: Whether anybody can be.
    """

    identity: Identity
    languages: Mapping[str, Language]
    files: StaticFiles
    is_network: bool
    environment: jinja2.Environment
    session: Callable[[web.Request], Session | None]
    can_log_in: bool

    def page(self, request: web.Request) -> Page:
        """What templates know of a request."""
        language = self.language(request)
        return Page(
            language=language,
            numbers=NUMBERS[language.code],
            languages=self.languages,
            static=self.files.path,
            identity=self.identity,
            is_network=self.is_network,
            path=request.path_qs if request.method in ("GET", "HEAD") else request.path,
            session=self.session(request),
            can_log_in=self.can_log_in,
        )

    def language(self, request: web.Request) -> Language:
        """The language that was chosen, or that the browser asks for."""
        for chosen in (request.query.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
            if chosen is not None and chosen in self.languages:
                return self.languages[chosen]
        return self.languages[preferred(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))]

    def html(self, request: web.Request, template: str, **values: Any) -> str:
        """A template filled in, such as a part of a page."""
        return self.environment.get_template(template).render(page=self.page(request), **values)

    def response(
        self, request: web.Request, template: str, *, status: int = 200, **values: Any
    ) -> web.Response:
        """A page."""
        response = web.Response(
            text=self.html(request, template, **values),
            status=status,
            content_type="text/html",
            headers={
                "Content-Security-Policy": CONTENT_SECURITY,
                hdrs.CACHE_CONTROL: "private, no-store",
                hdrs.CONTENT_LANGUAGE: self.language(request).code,
                hdrs.VARY: "Accept-Language, Cookie, Accept",
            },
        )
        chosen = request.query.get("lang")
        if chosen in CODES:
            response.set_cookie(
                LANGUAGE_COOKIE,
                chosen,
                max_age=_YEAR_S,
                httponly=True,
                samesite="Lax",
                secure=request.secure or self.identity.base_url.startswith("https:"),
            )
        return response

    def failure(self, request: web.Request, error: BeaconError) -> web.Response:
        """The page that says what went wrong."""
        return self.response(request, "failure.html", status=error.status, error=error)


def environment() -> jinja2.Environment:
    """The templates: everything that is filled in is escaped, and what is missing is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for name in made.list_templates(extensions=["html", "xml"]):
        made.get_template(name)
    return made
