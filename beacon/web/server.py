"""Runs the application on sockets: in this process, or in several workers under one parent."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from types import FrameType

import structlog
from aiohttp import web

from beacon.framework.errors import OperatorError

MAX_LINE_BYTES = 32 * 1024
"""Longest request line: a GET may carry a hundred filters."""

_BACKLOG = 1024
_RESTARTS = 5
_RESTARTS_WITHIN_S = 60.0

log = structlog.stdlib.get_logger()


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
            one.listen(_BACKLOG)
            sockets.append(one)
    except OSError as error:
        raise OperatorError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return sockets


async def serve(
    app: web.Application,
    sock: socket.socket,
    *,
    shutdown_timeout_s: float,
    lifeline: int | None = None,
) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish those that are open.

    Args:
        app: The application.
        sock: A listening socket.
        shutdown_timeout_s: How long open requests may still take.
        lifeline: A file descriptor whose end means that the parent is gone: stop too.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if lifeline is not None:
        loop.add_reader(lifeline, stop.set)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=shutdown_timeout_s,
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_LINE_BYTES,
    )
    await runner.setup()
    try:
        await web.SockSite(runner, sock).start()
        _settle_garbage_collector()
        await stop.wait()
    finally:
        await runner.cleanup()
        if lifeline is not None:
            loop.remove_reader(lifeline)


def _settle_garbage_collector() -> None:
    """Collect what starting left behind and look at what stays no more.

    Schemas, ontologies and gene tables are hundreds of thousands of objects that live as long as
    the process: going through them again and again took a third of a request's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def supervise_workers(
    command: Sequence[str],
    sockets: Sequence[socket.socket],
    *,
    message: bytes,
    environment: Mapping[str, str],
    shutdown_timeout_s: float,
) -> None:
    """Keep one worker process on every socket until SIGTERM or SIGINT.

    A worker that dies is replaced, and its successor takes over the socket with the connections
    that wait in it. A worker sees the end of its standard input when this process dies.

    Args:
        command: Run with the number of its socket's file descriptor as last argument.
        sockets: One for every worker.
        message: Written to the standard input of each.
        environment: Of the workers.
        shutdown_timeout_s: How long workers may take to stop.

    Raises:
        OperatorError: Workers die again and again.
    """
    stopping = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    previous = {one: signal.signal(one, on_signal) for one in (signal.SIGTERM, signal.SIGINT)}
    workers: dict[socket.socket, subprocess.Popen[bytes]] = {}
    deaths: deque[float] = deque(maxlen=_RESTARTS + 1)
    try:
        for sock in sockets:
            workers[sock] = _start(command, sock, message, environment)
        while not stopping:
            time.sleep(0.1)
            for sock, worker in workers.items():
                if worker.poll() is None:
                    continue
                log.error("worker_died", pid=worker.pid, status=worker.returncode)
                deaths.append(time.monotonic())
                if len(deaths) > _RESTARTS and deaths[-1] - deaths[0] < _RESTARTS_WITHIN_S:
                    raise OperatorError(
                        f"workers died {len(deaths)} times in {_RESTARTS_WITHIN_S:.0f} s; "
                        "the log says why"
                    )
                _close(worker)
                workers[sock] = _start(command, sock, message, environment)
    finally:
        _stop(list(workers.values()), shutdown_timeout_s)
        for number, action in previous.items():
            signal.signal(number, action)


def _start(
    command: Sequence[str], sock: socket.socket, message: bytes, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    worker = subprocess.Popen(  # noqa: S603
        [*command, str(sock.fileno())],
        stdin=subprocess.PIPE,
        pass_fds=(sock.fileno(),),
        start_new_session=True,  # Ctrl-C reaches the parent, which stops the workers in good order
        env=dict(environment),
    )
    if worker.stdin is not None:
        worker.stdin.write(message)
        worker.stdin.flush()  # and left open: its end means that this process is gone
    return worker


def _stop(workers: Sequence[subprocess.Popen[bytes]], timeout_s: float) -> None:
    for worker in workers:
        worker.terminate()
    end = time.monotonic() + timeout_s + 5.0
    for worker in workers:
        try:
            worker.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        _close(worker)


def _close(worker: subprocess.Popen[bytes]) -> None:
    if worker.stdin is not None:
        worker.stdin.close()


def new_loop() -> asyncio.AbstractEventLoop:
    """The event loop that the server runs on: uvloop where there is one."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()
