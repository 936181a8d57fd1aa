"""What pages and `Login` tell each other: who is logged in, and what to say when that changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import hdrs, web

from beacon.portal.rendering import Rendering

CSRF_FIELD = "csrf"
"""The field of forms that says which session they belong to."""

CSRF_HEADER = "X-CSRF-Token"
"""The same, for requests that are no forms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A page that says what became of logging in or out.

    Attributes:
        status: Of HTTP.
        text: The key of what it says.
        return_to: A path of this site: where to go on, or to come back to after logging in.
        provider_url: Where to log out of the identity provider, too.
    """

    status: int
    text: str
    return_to: str = "/"
    provider_url: str | None = None


Show = Callable[[web.Request, Notice], web.Response]
"""Makes the page for a notice."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in, as far as pages need to know.

    Attributes:
        name: What they are called, if the identity provider says.
        csrf_token: What their forms have to carry in `CSRF_FIELD`.
        expires_at: When they have to log in again at the latest, in seconds since 1970.
    """

    name: str | None
    csrf_token: str = field(repr=False)
    expires_at: float


def shown_with(rendering: Rendering) -> Show:
    """What makes the pages for notices of templates."""

    def shown(request: web.Request, notice: Notice) -> web.Response:
        if request.method == hdrs.METH_GET:
            # What the page links to must not have what the provider sent along.
            request = request.clone(rel_url=notice.return_to)
        return rendering.response(request, "login_notice.html", status=notice.status, notice=notice)

    return shown
