"""Runs several servers at once, as one command: starts them, tells them apart, and ends them."""

from __future__ import annotations

import http.client
import os
import selectors
import signal
import subprocess
import sys
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from beacon.commands import tethered
from beacon.framework.errors import OperatorError

_LOOK_S = 0.1
_STOP_S = 15.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is run as a process of its own.

    Attributes:
        name: What its output is marked with.
        command: A program's path and its arguments.
        ready_url: Answers 200 once it can be asked.
    """

    name: str
    command: tuple[str, ...]
    ready_url: str


def run_together(
    stages: Sequence[Sequence[Server]],
    *,
    environment: Mapping[str, str],
    say: Callable[[str], None],
    on_ready: Callable[[], None],
) -> None:
    """Run servers until SIGTERM or SIGINT, or until the last of them has ended.

    Once all are ready, one that ends is reported and the others go on.

    Args:
        stages: Those of a stage are started at once, when all of the stage before are ready.
        environment: Theirs.
        say: Takes their lines, each after the name of its server, and reports.
        on_ready: Called once, when all of them can be asked.

    Raises:
        OperatorError: One ended before all were ready, or all have ended.
    """
    stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True

    previous = {one: signal.signal(one, stop) for one in (signal.SIGTERM, signal.SIGINT)}
    running: dict[Server, subprocess.Popen[bytes]] = {}
    to_come, awaited = deque(stages), deque[Server]()
    with selectors.DefaultSelector() as outputs:
        try:
            while not stopping:
                if not awaited and to_come:
                    awaited.extend(to_come.popleft())
                    for one in awaited:
                        running[one] = _start(one, environment)
                        lines = _Lines(one.name, say)
                        outputs.register(_output(running[one]), selectors.EVENT_READ, lines)
                _pass_on(outputs, _LOOK_S)
                for one in [one for one in running if running[one].poll() is not None]:
                    _pass_on(outputs, 0)
                    _report(
                        one, running.pop(one), say, is_fatal=bool(awaited or to_come or not running)
                    )
                if awaited and _is_ready(awaited[0].ready_url):
                    awaited.popleft()
                    if not awaited and not to_come:
                        on_ready()
        finally:
            _stop(list(running.values()), outputs)
            for number, action in previous.items():
                signal.signal(number, action)


class _Lines:
    """Cuts what a server writes into lines, and puts its name before each."""

    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        self._begin = f"{name:8}| "
        self._say = say
        self._rest = b""

    def take(self, written: bytes) -> None:
        *lines, self._rest = (self._rest + written).split(b"\n")
        for line in lines:
            self._say(self._begin + line.decode(errors="replace"))


def _start(server: Server, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", tethered.__file__, str(os.getpid()), *server.command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches us, and we stop them in good order
        env=dict(environment),
    )


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stdout is None:
        raise TypeError("the output of a server is a pipe")
    return process.stdout


def _pass_on(outputs: selectors.BaseSelector, within_s: float) -> None:
    """Pass on what servers have written; wait for it for some time."""
    for key, _ in outputs.select(within_s) if outputs.get_map() else ():
        written = os.read(key.fd, 1 << 16)
        key.data.take(written)
        if not written:
            outputs.unregister(key.fileobj)
    if not outputs.get_map():
        time.sleep(within_s)


def _report(
    server: Server, process: subprocess.Popen[bytes], say: Callable[[str], None], *, is_fatal: bool
) -> None:
    what = f"{server.name} ended with status {process.returncode}"
    if is_fatal:
        raise OperatorError(f"{what}; the lines above say why")
    again = " ".join(server.command[server.command.index("-m") + 1 :])
    say(f"{what}; the others go on. To have it back: python -m {again}")


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1.0) as answer:  # noqa: S310
            return bool(answer.status == http.HTTPStatus.OK)
    except (OSError, http.client.HTTPException):
        return False


def _stop(processes: Sequence[subprocess.Popen[bytes]], outputs: selectors.BaseSelector) -> None:
    for process in processes:
        process.terminate()
    end = time.monotonic() + _STOP_S
    # What they write while they stop must go somewhere, or they would wait for us.
    while time.monotonic() < end and any(process.poll() is None for process in processes):
        _pass_on(outputs, _LOOK_S)
    for process in processes:
        process.kill()
        process.wait()
        _output(process).close()
