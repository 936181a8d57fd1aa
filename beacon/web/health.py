"""What machines that watch the beacon ask: is it alive, is it ready, what has it counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from beacon.framework.errors import SourceUnavailable
from beacon.metrics import CONTENT_TYPE, Metrics

_READY_TIMEOUT_S = 5.0


def add_routes(
    app: web.Application, check: Callable[[], Awaitable[None]], metrics: Metrics
) -> None:
    """Add `/livez`, `/readyz` and `/metrics`.

    Args:
        app: The application.
        check: Returns when the source is ready; raises `SourceUnavailable` when it is not.
        metrics: What `/metrics` shows.
    """

    async def live(_request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(_request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                await check()
        except TimeoutError as error:
            raise SourceUnavailable("the source does not answer") from error
        return web.Response(text="ready\n")

    async def counted(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.exposition(), headers={hdrs.CONTENT_TYPE: CONTENT_TYPE})

    app.router.add_get("/livez", live)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", counted)
