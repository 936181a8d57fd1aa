"""Becomes another program, which does not outlive the one that started it: run as a script.

The kernel ends it when its parent is gone, in whatever way that died. Standard library only.

Usage: tethered.py PARENT PROGRAM ARGUMENT...
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def become(parent: int, command: list[str]) -> None:
    """Run `command` in the place of this process.

    Args:
        parent: The process that it ends with; if that is gone already, nothing is run.
        command: A program's path and its arguments.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == parent:
        os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
