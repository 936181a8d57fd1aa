"""The home of responses that are sent line by line, over minutes if need be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from aiohttp import hdrs, web

from beacon.framework.errors import BeaconError
from beacon.web.cors import Cors
from beacon.web.middleware import BEGUN, complete_head

Lines = AsyncGenerator[bytes]

HEADERS: dict[str, str] = {
    hdrs.CACHE_CONTROL: "private, no-store",
    hdrs.VARY: "Authorization, X-Beacon-Purpose",
    "X-Accel-Buffering": "no",
}
"""Headers of what is sent as it comes: nobody keeps it, no proxy collects it first."""

_FIRST_S = 0.5
"""How long the head waits for the first line: until then a failure has its own status."""

_STALLED_S = 30.0
"""How long a client may read nothing of what is ready for it."""


@dataclass(frozen=True, slots=True)
class Sending:
    """How lines are sent. `heartbeat_s` is the time between signs of life."""

    cors: Cors
    heartbeat_s: float

    async def send(
        self,
        request: web.Request,
        media_type: str,
        headers: Mapping[str, str],
        lines: Lines,
        *,
        heartbeat: bytes,
        failed: Callable[[BeaconError], bytes],
    ) -> web.StreamResponse:
        """Send lines the moment that there are any, until there are no more.

        Args:
            request: Who asked.
            media_type: Of the response.
            headers: What else its head says.
            lines: What to send; closed when the client is gone.
            heartbeat: What is sent to show that the connection lives.
            failed: The line that says what ended the answer before its end.

        Returns:
            The response, sent whole; 204, not yet sent, when there was nothing to say.

        Raises:
            BeaconError: Before anything was sent.
        """
        async with contextlib.aclosing(lines):
            first = asyncio.ensure_future(anext(lines, None))
            try:
                await asyncio.wait((first,), timeout=min(_FIRST_S, self.heartbeat_s))
                if first.done() and first.result() is None:
                    return web.Response(status=web.HTTPNoContent.status_code, headers=HEADERS)
                response = web.StreamResponse(headers={**HEADERS, **headers})
                response.headers[hdrs.CONTENT_TYPE] = f"{media_type}; charset=utf-8"
                complete_head(request, response, self.cors)
                request[BEGUN] = response
                try:
                    await response.prepare(request)
                    async with self._alive(response, heartbeat):
                        try:
                            line = await first
                            while line is not None:
                                await _write(response, line)
                                line = await anext(lines, None)
                        except BeaconError as error:
                            await _write(response, failed(error))
                    await response.write_eof()
                except ConnectionResetError:
                    # Whoever is gone needs no answer; whoever does not read is sent away.
                    if request.transport is not None:
                        request.transport.abort()
                return response
            finally:
                first.cancel()
                await asyncio.gather(first, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _alive(self, response: web.StreamResponse, heartbeat: bytes) -> AsyncIterator[None]:
        """Send heartbeats beside whatever is sent.

        Raises:
            ConnectionResetError: The client is gone.
        """
        loop = asyncio.get_running_loop()

        async def beat(scope: asyncio.Timeout) -> None:
            try:
                while True:
                    await asyncio.sleep(self.heartbeat_s)
                    await _write(response, heartbeat)
            except ConnectionResetError:
                scope.reschedule(loop.time())

        try:
            async with asyncio.timeout(None) as scope:
                beating = loop.create_task(beat(scope))
                try:
                    yield
                finally:
                    beating.cancel()
                    await asyncio.gather(beating, return_exceptions=True)
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise ConnectionResetError("the client is gone") from error


async def _write(response: web.StreamResponse, line: bytes) -> None:
    """Send one line; raises `ConnectionResetError` when the client is gone or reads no more."""
    try:
        async with asyncio.timeout(_STALLED_S):
            await response.write(line)
    except TimeoutError as error:
        raise ConnectionResetError("the client reads no more") from error
