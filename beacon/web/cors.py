"""Which web pages may call the API from a browser (CORS)."""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import hdrs, web

ANY_ORIGIN = "*"
_PREFLIGHT = {
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, HEAD, POST, PATCH, DELETE, OPTIONS",
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: (
        "Authorization, Content-Type, X-Request-ID, X-Beacon-Purpose, Prefer, "
        "Beacon-Deadline-Ms, Last-Event-ID"
    ),
    hdrs.ACCESS_CONTROL_MAX_AGE: "86400",
}


class Cors:
    """The origins that may read answers.

    Cookies are never used, so `*` opens nothing but what anybody can fetch without a browser.
    """

    def __init__(self, origins: Collection[str]) -> None:
        self._any = ANY_ORIGIN in origins
        self._origins = frozenset(origins)

    def allow(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add what a browser needs to see, to an answer or to the answer to a preflight."""
        if not self._any:
            response.headers.add(hdrs.VARY, hdrs.ORIGIN)
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or not (self._any or origin in self._origins):
            return
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = ANY_ORIGIN if self._any else origin
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = (
            "X-Request-ID, Preference-Applied, Retry-After"
        )
        if request.method == hdrs.METH_OPTIONS:
            response.headers.update(_PREFLIGHT)
