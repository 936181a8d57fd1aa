"""Serves with several processes: keeps one worker on every socket, and lets others take over."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

import structlog

from beacon.framework.errors import OperatorError
from beacon.web import server

_LOOK_S = 0.1
_RESTARTS = 5
_RESTARTS_WITHIN_S = 60.0
_READY_WITHIN_S = 120.0
_GRACE_S = 5.0

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Orders:
    """What workers are told.

    Attributes:
        message: Written to the standard input of each, which it answers with a byte when it
            accepts connections.
        shutdown_timeout_s: How long they may take to stop.
        handover_timeout_s: How long they may take to end when others have taken over.
    """

    message: bytes
    shutdown_timeout_s: float
    handover_timeout_s: float


@dataclass(frozen=True, slots=True)
class Post:
    """How a worker is started.

    Attributes:
        command: Run with the number of a socket's file descriptor as last argument.
        environment: Its environment.
    """

    command: Sequence[str]
    environment: Mapping[str, str]


def supervise(
    post: Post,
    sockets: Sequence[socket.socket],
    orders: Orders,
    successor: Callable[[], Orders | None],
) -> None:
    """Keep one worker process on every socket until SIGTERM or SIGINT.

    A worker that dies is replaced, and its successor takes over the socket with the connections
    that wait in it. A worker sees the end of its standard input when this process dies. At SIGHUP
    workers with new orders are started beside those that answer; once all of them accept
    connections, the others are sent SIGHUP. When any of them ends before that, nothing changes.

    Args:
        post: How a worker is started.
        sockets: One for every worker. They are closed at the end.
        orders: For the first workers.
        successor: Makes the orders for those that take over; `None` when there can be none.

    Raises:
        OperatorError: Workers die again and again.
    """
    with contextlib.ExitStack() as undo:
        for sock in sockets:
            undo.enter_context(sock)
        asked = undo.enter_context(_heeded())
        shifts = _Shifts(post, sockets, orders)
        undo.callback(shifts.stop)
        while not asked.stop:
            time.sleep(_LOOK_S)
            shifts.look_after()
            if asked.reload and not shifts.is_changing:
                asked.reload = False
                following = successor()
                if following is not None:
                    shifts.change(following)


@dataclass(slots=True)
class _Asked:
    """What signals have asked for."""

    stop: bool = False
    reload: bool = False


@contextlib.contextmanager
def _heeded() -> Iterator[_Asked]:
    asked = _Asked()
    is_hang_up = server.hang_up_test()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP and not is_hang_up():
            asked.reload = True
        else:
            asked.stop = True

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    previous = {one: signal.signal(one, on_signal) for one in numbers}
    try:
        yield asked
    finally:
        for number, action in previous.items():
            signal.signal(number, action)


class _Shifts:
    """The workers that answer, those that are about to, and those that finish what is open."""

    def __init__(self, post: Post, sockets: Sequence[socket.socket], orders: Orders) -> None:
        self._post = post
        self._sockets = sockets
        self._deaths: deque[float] = deque(maxlen=_RESTARTS + 1)
        self._leaving: list[tuple[_Shift, float]] = []
        self._coming: _Shift | None = None
        self._on_duty = _Shift(post, sockets, orders)

    @property
    def is_changing(self) -> bool:
        """Whether workers have been started that do not answer yet."""
        return self._coming is not None

    def change(self, orders: Orders) -> None:
        """Start others; `look_after` lets them take over when they are ready."""
        self._coming = _Shift(self._post, self._sockets, orders)

    def look_after(self) -> None:
        """Replace who died, and take the next step of a change.

        Raises:
            OperatorError: Workers die again and again.
        """
        for dead in self._on_duty.replaced():
            log.error("worker_died", pid=dead.pid, status=dead.returncode)
            self._deaths.append(time.monotonic())
            if (
                len(self._deaths) > _RESTARTS
                and self._deaths[-1] - self._deaths[0] < _RESTARTS_WITHIN_S
            ):
                raise OperatorError(
                    f"workers died {len(self._deaths)} times in {_RESTARTS_WITHIN_S:.0f} s; "
                    "the log says why"
                )
        if self._coming is not None:
            self._welcome(self._coming)
        still = []
        for shift, until in self._leaving:
            if shift.is_over:
                shift.stop()
                log.info("old_settings_gone")
            elif time.monotonic() > until:
                log.error("old_workers_stopped")
                shift.stop()
            else:
                still.append((shift, until))
        self._leaving = still

    def _welcome(self, coming: _Shift) -> None:
        if coming.is_ready:
            self._on_duty.hand_over()
            orders = self._on_duty.orders
            patience_s = orders.handover_timeout_s + orders.shutdown_timeout_s + _GRACE_S
            self._leaving.append((self._on_duty, time.monotonic() + patience_s))
            self._on_duty, self._coming = coming, None
            log.info("reloaded")
        elif coming.has_failed:
            coming.stop()
            self._coming = None
            log.error("reload_failed", reason="a worker did not start; its own words are above")

    def stop(self) -> None:
        """Stop all of them in good order, and wait for their end."""
        for sock in self._sockets:
            sock.close()  # who comes when the workers have gone is refused at once
        everybody = [
            *(shift for shift, _ in self._leaving),
            *([self._coming] if self._coming else []),
            self._on_duty,
        ]
        for shift in everybody:
            shift.terminate()
        for shift in everybody:
            shift.stop()


class _Shift:
    """Workers with the same orders, one a socket."""

    def __init__(self, post: Post, sockets: Sequence[socket.socket], orders: Orders) -> None:
        self.orders = orders
        self._post = post
        self._began = time.monotonic()
        self._workers = {sock: _Worker(post, sock, orders.message) for sock in sockets}

    @property
    def is_ready(self) -> bool:
        """Whether every one accepts connections."""
        return all(one.is_ready for one in self._workers.values())

    @property
    def has_failed(self) -> bool:
        """Whether one ended, or takes too long to begin."""
        late = time.monotonic() - self._began > _READY_WITHIN_S
        return late or any(one.has_ended for one in self._workers.values())

    @property
    def is_over(self) -> bool:
        """Whether all have ended."""
        return all(one.has_ended for one in self._workers.values())

    def replaced(self) -> list[subprocess.Popen[bytes]]:
        """Start another in the place of each that ended; those that did."""
        dead = {sock: one for sock, one in self._workers.items() if one.has_ended}
        for sock, one in dead.items():
            one.channel.close()
            self._workers[sock] = _Worker(self._post, sock, self.orders.message)
        return [one.process for one in dead.values()]

    def hand_over(self) -> None:
        """Let them finish what is open, and end."""
        for one in self._workers.values():
            one.process.send_signal(signal.SIGHUP)

    def terminate(self) -> None:
        """Tell them to stop."""
        for one in self._workers.values():
            one.process.terminate()

    def stop(self) -> None:
        """Stop them, and wait for their end."""
        self.terminate()
        until = time.monotonic() + self.orders.shutdown_timeout_s + _GRACE_S
        for one in self._workers.values():
            one.end(until)


class _Worker:
    """One process, and the channel to its standard input."""

    def __init__(self, post: Post, sock: socket.socket, message: bytes) -> None:
        self.channel, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603
                [*post.command, str(sock.fileno())],
                stdin=theirs.fileno(),
                pass_fds=(sock.fileno(),),
                start_new_session=True,  # Ctrl-C reaches the parent, which stops in good order
                env=dict(post.environment),
            )
        self._is_ready = False
        with contextlib.suppress(OSError):  # it died at once, which is seen in a moment
            self.channel.sendall(message)
        # And left open: its end means that this process is gone.

    @property
    def is_ready(self) -> bool:
        """Whether it has said that it accepts connections."""
        if not self._is_ready:
            with contextlib.suppress(OSError):
                self._is_ready = bool(self.channel.recv(1, socket.MSG_DONTWAIT))
        return self._is_ready

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended, of itself or not."""
        return self.process.poll() is not None

    def end(self, until: float) -> None:
        """Wait for its end; kill it when that takes longer than until `until`."""
        try:
            self.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.channel.close()
