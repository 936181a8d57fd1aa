"""The home of `Site`: what all pages are made with, and the routes that lead to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import hdrs, web

from beacon.framework.access import Access
from beacon.framework.entry_types import Model
from beacon.framework.errors import BeaconError
from beacon.framework.response import Identity
from beacon.portal.asking import Asking
from beacon.portal.login import BEGIN, END, FINISH, Login
from beacon.portal.reading import Reader
from beacon.portal.reading_later import ReaderLater
from beacon.portal.rendering import Rendering

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Site:
    """What pages are made with.

    Attributes:
        login: Says who reads them; `None` where nobody can log in.
    """

    identity: Identity
    model: Model
    asking: Asking
    reader: Reader | ReaderLater
    rendering: Rendering
    login: Login | None = None

    async def access(self, request: web.Request, questions: int = 1) -> Access:
        """What the reader of a page may learn."""
        headers = {} if self.login is None else self.login.headers(request)
        return await self.asking.access(request, headers, questions)

    def get(self, app: web.Application, path: str, handler: Handler, *, reads: bool = True) -> None:
        """A page that is asked for by its path. What goes wrong is a page, too.

        Args:
            reads: Whether it may read what is written in a box.
        """
        app.router.add_get(path, self._guarded(handler, reads=reads))

    def post(self, app: web.Application, path: str, handler: Handler) -> None:
        """A page that is sent a form, and only asks: nothing is changed by it."""
        app.router.add_post(path, self._guarded(handler, reads=True))

    def add_login(self, app: web.Application) -> None:
        """Add where people log in and out, if they can."""
        if self.login is not None:
            app.router.add_get(BEGIN, self.login.begin)
            app.router.add_get(FINISH, self.login.finish)
            app.router.add_post(END, self.login.end)

    def _guarded(self, handler: Handler, *, reads: bool) -> Handler:
        if self.login is not None:
            handler = self.login.attended(handler, changes=False)

        async def page(request: web.Request) -> web.StreamResponse:
            if isinstance(self.reader, ReaderLater):
                self.reader.begin()
                if reads:
                    await self.reader.ready()
            try:
                return await handler(request)
            except BeaconError as error:
                response = self.rendering.failure(request, error)
                retry_s = getattr(error, "retry_after_s", None)
                if retry_s is not None:
                    response.headers[hdrs.RETRY_AFTER] = str(retry_s)
                return response

        return page
