"""Runs an application on a socket, until it is stopped or a successor has taken the socket over."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from aiohttp import hdrs, web

from beacon.framework.errors import OperatorError
from beacon.web import connections
from beacon.web.connections import Listening

HANDOVER_TIMEOUT_S = 30.0
"""How long open requests may take after a hand-over, where nothing else is said."""

_LOOK_S = 0.05
_STDERR = 2
_TELL_S = 5.0


def bind(host: str, port: int, count: int = 1) -> list[socket.socket]:
    """Listening sockets that share one address; the kernel spreads connections over them.

    Raises:
        OperatorError: The address cannot be had, for example because another program has it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # Without SO_REUSEPORT first: two beacons by accident on one port would share the requests.
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        sockets: list[socket.socket] = []
        for _ in range(count):
            one = socket.socket(family, kind, protocol)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if count > 1:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind(sockets[0].getsockname() if sockets else address)
            one.listen(connections.BACKLOG)
            sockets.append(one)
    except OSError as error:
        raise OperatorError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return sockets


@dataclass(frozen=True, slots=True)
class Ending:
    """How an application that answers is told to end.

    Attributes:
        stop: Nobody answers here any more. Idle connections are closed at once.
        hand_over: A successor accepts connections on the same socket. Those that are open get one
            more answer, which says that it is the last; see `answer`.
    """

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hand_over: asyncio.Event = field(default_factory=asyncio.Event)


async def answer(
    app: web.Application,
    sock: socket.socket,
    ending: Ending,
    listening: Listening,
    *,
    shutdown_timeout_s: float,
    handover_timeout_s: float,
    on_ready: Callable[[], object],
) -> None:
    """Answer requests until the ending comes, then finish those that are open.

    A connection that is closed while its client sends a request loses that request. After a
    hand-over every connection is therefore told in its next answer that this one is the last; only
    what nobody used for some seconds is closed without a word.

    Args:
        app: The application, not yet used.
        sock: A listening socket, on which others may listen too. It is left open.
        ending: Set by others.
        listening: How connections are accepted.
        shutdown_timeout_s: How long open requests may still take after a stop.
        handover_timeout_s: The same after a hand-over.
        on_ready: Called when connections are accepted.
    """

    async def announce(_request: web.Request, response: web.StreamResponse) -> None:
        if ending.hand_over.is_set():
            response.force_close()
            response.headers[hdrs.CONNECTION] = "close"
        if listening.hsts_s:
            response.headers[hdrs.STRICT_TRANSPORT_SECURITY] = f"max-age={listening.hsts_s}"

    app.on_response_prepare.append(announce)
    runner = web.AppRunner(app, shutdown_timeout=shutdown_timeout_s)
    await runner.setup()
    handlers = runner.server
    if handlers is None:
        raise RuntimeError("a runner that is set up has a server")
    try:
        accepting = await connections.accept(handlers, sock, listening)
        try:
            on_ready()
            await first_of(ending.stop, ending.hand_over)
        finally:
            accepting.close()
        if not ending.stop.is_set():
            await _empty(handlers, ending.stop, min(_TELL_S, handover_timeout_s))
            handlers.pre_shutdown()  # what is idle is closed; what is not, when answered
            await _empty(handlers, ending.stop, handover_timeout_s - _TELL_S)
    finally:
        await runner.cleanup()


async def _empty(handlers: web.Server, stop: asyncio.Event, timeout_s: float) -> None:
    """Wait until no connection is left, but not longer than `timeout_s`, nor than until a stop."""
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_s
    while loop.time() < until:
        # First the pause: a connection may be accepted of which nobody knows here yet.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_S)
        if stop.is_set() or not handlers.connections:
            return


async def serve(
    app: web.Application,
    sock: socket.socket,
    *,
    shutdown_timeout_s: float,
    handover_timeout_s: float = HANDOVER_TIMEOUT_S,
    listening: Listening | None = None,
    lifeline: int | None = None,
    on_ready: Callable[[], object] = lambda: None,
) -> None:
    """Answer requests as all that this process does.

    SIGTERM and SIGINT stop it; after SIGHUP it finishes what is open and ends, for a successor.

    Args:
        app: The application, not yet used.
        sock: A listening socket. It is closed at the end.
        shutdown_timeout_s: How long open requests may still take after a stop.
        handover_timeout_s: The same after a hand-over.
        listening: How connections are accepted, where that is not as usual.
        lifeline: A file descriptor whose end means that the parent is gone: stop too.
        on_ready: Called when connections are accepted.
    """
    ending = Ending()

    def stop() -> None:
        sock.close()  # who comes now is refused at once
        ending.stop.set()

    def ready() -> None:
        settle_garbage_collector()
        on_ready()

    heeded = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: ending.hand_over.set}
    with sock, heeding(heeded, lifeline, stop):
        await answer(
            app,
            sock,
            ending,
            listening or Listening(),
            shutdown_timeout_s=shutdown_timeout_s,
            handover_timeout_s=handover_timeout_s,
            on_ready=ready,
        )


@contextlib.contextmanager
def heeding(
    signals: Mapping[signal.Signals, Callable[[], object]],
    lifeline: int | None = None,
    on_end: Callable[[], object] = lambda: None,
) -> Iterator[None]:
    """Call these in the running loop when a signal comes, or when the lifeline ends.

    Signals are heeded until the loop closes: one that comes twice must not cut the end short.
    """
    loop = asyncio.get_running_loop()
    for number, call in signals.items():
        loop.add_signal_handler(number, call)
    if lifeline is not None:
        loop.add_reader(lifeline, on_end)
    try:
        yield
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline)


async def first_of(*events: asyncio.Event) -> None:
    """Wait until one of them is set."""
    waiting = {asyncio.create_task(one.wait()) for one in events}
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()


def hang_up_test() -> Callable[[], bool]:
    """Make the test whether a SIGHUP means that the terminal is gone, and not to read settings."""
    had_terminal = os.isatty(_STDERR)
    return lambda: had_terminal and not os.isatty(_STDERR)


def settle_garbage_collector() -> None:
    """Collect what starting left behind and look at what stays no more.

    Schemas, ontologies and gene tables are hundreds of thousands of objects that live as long as
    the application: going through them again and again took a third of a request's time.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def new_loop() -> asyncio.AbstractEventLoop:
    """The event loop that the server runs on: uvloop where there is one."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()
