"""Serves with one process, in which a new application can take over from the one before it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import structlog
from aiohttp import web

from beacon.framework.errors import OperatorError
from beacon.web import server
from beacon.web.connections import Listening

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Plan:
    """An application that is to answer.

    Attributes:
        open_app: Makes the application, and closes what it needs after its last answer.
        listening: Reads how its connections are accepted.
        shutdown_timeout_s: How long open requests may still take after a stop.
        handover_timeout_s: The same when another application takes over.
    """

    open_app: Callable[[], AbstractAsyncContextManager[web.Application]]
    listening: Callable[[], Listening]
    shutdown_timeout_s: float
    handover_timeout_s: float


async def serve_generations(
    plan: Plan, sock: socket.socket, successor: Callable[[], Plan | None]
) -> None:
    """Answer until SIGTERM or SIGINT; at SIGHUP let a successor take over.

    A successor that cannot be made changes nothing: the log says why.

    Args:
        plan: The first application.
        sock: A listening socket. It is closed at the end.
        successor: Makes the plan of the next; `None` when there can be none.
    """
    stop, reload = asyncio.Event(), asyncio.Event()
    is_hang_up = server.hang_up_test()

    def on_hang_up() -> None:
        (stop if is_hang_up() else reload).set()

    heeded = {
        signal.SIGTERM: stop.set,
        signal.SIGINT: stop.set,
        signal.SIGHUP: on_hang_up,
    }
    with sock, server.heeding(heeded):
        current = _Generation(plan, sock, stop)
        if not await current.is_ready():
            await current.task  # raises what went wrong
        server.settle_garbage_collector()
        leaving: set[asyncio.Task[None]] = set()
        try:
            while not stop.is_set():
                await server.first_of(stop, reload)
                if stop.is_set():
                    break
                reload.clear()
                following = await _started(successor(), sock, stop)
                if following is not None:
                    current.hand_over.set()
                    leaving.add(asyncio.create_task(_see_off(current.task)))
                    current = following
        finally:
            stop.set()
            sock.close()  # who comes now is refused at once
            await asyncio.gather(current.task, *leaving)


async def _started(
    plan: Plan | None, sock: socket.socket, stop: asyncio.Event
) -> _Generation | None:
    """The application of a plan, once it answers."""
    if plan is None:
        return None
    made = _Generation(plan, sock, stop)
    if await made.is_ready():
        log.info("reloaded")
        return made
    error = made.task.exception()
    # What others say of an error may quote the settings, which hold passwords.
    reason = str(error) if isinstance(error, OperatorError) else type(error).__name__
    log.error("reload_failed", reason=reason)
    return None


async def _see_off(task: asyncio.Task[None]) -> None:
    await task
    log.info("old_settings_gone")
    server.settle_garbage_collector()


class _Generation:
    """One application while it answers, in a task of its own."""

    def __init__(self, plan: Plan, sock: socket.socket, stop: asyncio.Event) -> None:
        self._plan = plan
        self._ending = server.Ending(stop=stop)
        self._ready = asyncio.Event()
        self.hand_over = self._ending.hand_over
        self.task = asyncio.create_task(self._run(sock))

    async def is_ready(self) -> bool:
        """Wait until it answers; false when it ended before it could."""
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({ready, self.task}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ready
        return self._ready.is_set()

    async def _run(self, sock: socket.socket) -> None:
        async with self._plan.open_app() as app:
            await server.answer(
                app,
                sock,
                self._ending,
                self._plan.listening(),
                shutdown_timeout_s=self._plan.shutdown_timeout_s,
                handover_timeout_s=self._plan.handover_timeout_s,
                on_ready=self._ready.set,
            )
