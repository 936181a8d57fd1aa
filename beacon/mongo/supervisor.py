"""The process that keeps one embedded `mongod`: run as a script, standard library only.

It lives between the users of a database folder and its `mongod`, so that none of them owns it:
the last one to leave, in whatever way it dies, turns off the light. Every user holds a shared lock
on the users file, which the kernel releases when a process ends, by `kill -9` too. This process
waits for the exclusive lock: when it gets it, nobody is left.

Usage: supervisor.py LOCK_DESCRIPTOR USERS_FILE MONGOD ARGUMENT...
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
from types import FrameType

STOPPING = b"stopping\n"
"""Told to whoever started this process, when the last user has left."""

_PR_SET_PDEATHSIG = 1


def supervise(users_file: str, command: list[str], lock: int) -> int:
    """Run `mongod` until nobody uses it.

    Args:
        users_file: Every user holds a shared lock on it.
        command: `mongod` and its arguments.
        lock: An inherited, locked file descriptor; it stays locked while `mongod` lives.

    Returns:
        The exit status of `mongod`.
    """
    mongod = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(lock,),
        preexec_fn=_end_with_parent,  # safe: there is but one thread
    )

    def on_child(_signal: int, _frame: FrameType | None) -> None:
        if mongod.poll() is not None:
            os._exit(mongod.returncode)

    def on_terminate(_signal: int, _frame: FrameType | None) -> None:
        mongod.terminate()

    signal.signal(signal.SIGCHLD, on_child)
    signal.signal(signal.SIGTERM, on_terminate)
    if mongod.poll() is not None:  # it ended before the handler was there
        return mongod.returncode
    with open(users_file, "rb") as users:  # noqa: PTH123 - starts in half the time without pathlib
        fcntl.flock(users, fcntl.LOCK_EX)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with contextlib.suppress(OSError):  # the one that started us may be gone
            os.write(sys.stdout.fileno(), STOPPING)
        mongod.terminate()
        return mongod.wait()


def _end_with_parent() -> None:
    """Let the kernel end `mongod` cleanly, should this process be killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(supervise(sys.argv[2], sys.argv[3:], int(sys.argv[1])))
