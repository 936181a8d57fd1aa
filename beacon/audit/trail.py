"""The home of `Trail`: one process's chain of lines, written to a file a day."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Self

import structlog

from beacon.audit import entries
from beacon.audit.chain import Link, seal
from beacon.audit.entries import DAY, DeletedEntry, OpenedEntry
from beacon.audit.folder import (
    MODE,
    TrailFile,
    file_of,
    files,
    head_path,
    last_line,
    last_link,
    read_head,
    torn_files,
    write_head,
)
from beacon.framework.errors import AuditUnavailable, SettingsError

Clock = Callable[[], datetime]
"""What time it is, in UTC."""

log = structlog.stdlib.get_logger()


def now() -> datetime:
    """What time it is, in UTC."""
    return datetime.now(UTC)


def written(moment: datetime) -> str:
    """A moment as the lines of the trail have it, to the millisecond."""
    return moment.isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class _Found:
    """How far a chain was when it was opened, and what was put aside.

    `last` is the file that its last line is in, `newest` the one to go on with.
    """

    link: Link
    newest: TrailFile | None
    last: TrailFile | None
    torn: int = 0


class Trail:
    """Writes the lines of one chain. `append` is for one thread, `sync` for any."""

    def __init__(
        self, folder: Path, key: bytes, chain: int, head: int, keep_days: int, clock: Clock
    ) -> None:
        self._folder, self._key, self.chain = folder, key, chain
        self._head = head
        self._keep_days, self._clock = keep_days, clock
        self._link = Link()
        self._file: TrailFile | None = None
        self._before: str | None = None
        self._handle = -1
        self._size = 0
        self._has_rest = False
        # Between `append` and `sync`.
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._leaving: list[int] = []
        self._doomed: list[Path] = []
        self._unsynced: OSError | None = None

    @classmethod
    def open(cls, folder: Path, key: bytes, *, keep_days: int = 0, clock: Clock = now) -> Self:
        """Go on with the first chain that no other process writes.

        Args:
            folder: Made where it is missing.
            key: Of the chain.
            keep_days: Days after which files are deleted; 0 is never.
            clock: Says which day it is.

        Raises:
            SettingsError: The folder cannot be written to.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            chain, head = _free_chain(folder)
            trail = cls(folder, key, chain, head, keep_days, clock)
            try:
                trail._begin()
            except BaseException:
                trail._release()
                raise
        except OSError as error:
            raise SettingsError(f"audit.folder {folder}: {error.strerror}") from error
        return trail

    @property
    def path(self) -> Path | None:
        """The file that is written now."""
        return None if self._file is None else self._file.path

    def append(self, body: bytes, day: str) -> None:
        """Write one line; it is in the hands of the operating system when this returns.

        Args:
            body: What it says, a JSON object.
            day: Of the line, such as `2026-11-23`.

        Raises:
            AuditUnavailable: It could not be written; the trail is as it was before.
        """
        if self._unsynced is not None:
            raise AuditUnavailable(_UNAVAILABLE) from self._unsynced
        try:
            if self._has_rest:
                os.ftruncate(self._handle, self._size)
                self._has_rest = False
            if self._file is None or day > self._file.day:
                self._turn_to(day)
            if not self._size:
                self._write_opened()
            self._write(body)
        except OSError as error:
            raise AuditUnavailable(_UNAVAILABLE) from error

    def sync(self) -> None:
        """Force to the disk what was written, and say how far that is."""
        with self._syncing:
            self._sync()

    def _sync(self) -> None:
        with self._lock:
            leaving, handle, link = tuple(self._leaving), self._handle, self._link
            doomed = tuple(self._doomed)
        try:
            for one in leaving:
                os.fsync(one)
            if leaving:
                _sync_folder(self._folder)
            os.fsync(handle)
            write_head(self._head, link)
            for path in doomed:
                path.unlink(missing_ok=True)
        except OSError as error:
            # As long as the system cannot write, nothing is answered.
            log.error("audit_not_on_disk", reason=error.strerror)
            self._unsynced = error
            return
        self._unsynced = None
        with self._lock:
            del self._leaving[: len(leaving)], self._doomed[: len(doomed)]
        for one in leaving:
            os.close(one)

    def close(self) -> None:
        """Force everything to the disk and let another process have the chain."""
        self.sync()
        self._release()

    @property
    def is_on_disk(self) -> bool:
        """Whether the last `sync` could do what it should."""
        return self._unsynced is None

    def _begin(self) -> None:
        found = _found(self._folder, self.chain, read_head(self._head))
        self._link = found.link
        self._before = None if found.last is None else found.last.name
        day = written(self._clock())[:DAY]
        if found.newest is None or day > found.newest.day:
            self._open_file(file_of(self._folder, self.chain, day))
        else:
            self._open_file(found.newest)
        self._write_opened(found.torn)
        _sync_folder(self._folder)
        self.sync()

    def _release(self) -> None:
        for handle in (*self._leaving, self._handle, self._head):
            if handle >= 0:
                os.close(handle)

    def _turn_to(self, day: str) -> None:
        """Go on with the file of another day; its first line is still to be written."""
        file, size, left = self._file, self._size, self._handle
        self._open_file(file_of(self._folder, self.chain, day))
        with self._lock:
            self._leaving.append(left)
        if file is not None and size:
            self._before = file.name

    def _open_file(self, file: TrailFile) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        handle = os.open(file.path, flags, MODE)
        size = os.fstat(handle).st_size
        with self._lock:
            self._file, self._handle, self._size = file, handle, size

    def _write_opened(self, torn: int = 0) -> None:
        moment = written(self._clock())
        opened = OpenedEntry(at=moment, chain=self.chain, before=self._before, torn=torn)
        self._write(entries.encode(opened))
        self._delete_old(moment)

    def _write(self, body: bytes) -> None:
        line, link = seal(self._key, self._link, body)
        length = os.write(self._handle, line)
        if length != len(line):
            # The disk is full in the middle of a line, which nobody may take for one.
            self._has_rest = True
            os.ftruncate(self._handle, self._size)
            self._has_rest = False
            raise OSError(0, "the disk is full")
        with self._lock:
            self._link, self._size = link, self._size + length

    def _delete_old(self, moment: str) -> None:
        """Write down which files are old enough; they go when that is on the disk."""
        if not self._keep_days:
            return
        oldest = written(self._clock() - timedelta(days=self._keep_days))[:DAY]
        for chain, of_chain in files(self._folder).items():
            for one in of_chain:
                if one.day >= oldest or one == self._file:
                    continue
                if one == of_chain[-1] and chain != self.chain and not _is_left(one):
                    continue
                link = last_link(one.path)
                if link is not None:
                    deleted = DeletedEntry(
                        at=moment, file=one.name, last=link.n, last_hash=link.hash
                    )
                    self._write(entries.encode(deleted))
                with self._lock:
                    self._doomed.append(one.path)
        old = [one.path for one in torn_files(self._folder) if one.day < oldest]
        with self._lock:
            self._doomed += old


_UNAVAILABLE = "the audit cannot be written"


def _free_chain(folder: Path) -> tuple[int, int]:
    """The number of the first chain that no other process has, and its head, locked."""
    for chain in count():
        head = _locked(folder, chain)
        if head is not None:
            return chain, head
    raise AssertionError("count() does not end")


def _locked(folder: Path, chain: int) -> int | None:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    head = os.open(head_path(folder, chain), flags, MODE)
    try:
        fcntl.flock(head, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(head)
        return None
    except BaseException:
        os.close(head)
        raise
    return head


def _is_left(file: TrailFile) -> bool:
    """Whether no process writes the chain of a file, the newest; then its head says how far it is.

    Whoever goes on with it finds only the head.
    """
    head = _locked(file.path.parent, file.chain)
    if head is None:
        return False
    try:
        known, link = read_head(head), last_link(file.path)
        if link is not None and (known is None or known.n < link.n):
            write_head(head, link)
            os.fsync(head)
    finally:
        os.close(head)
    return True


def _found(folder: Path, chain: int, head: Link | None) -> _Found:
    """How far a chain is, by its newest file and its head, whichever knows more."""
    known = head or Link()
    if head is None:
        log.error("audit_head_unreadable", chain=chain)
    of_chain = files(folder).get(chain, ())
    newest = of_chain[-1] if of_chain else None
    torn = 0 if newest is None else _put_aside(newest)
    last = next((one for one in reversed(of_chain) if one.path.stat().st_size), None)
    link = None if last is None else last_link(last.path)
    if torn:
        log.warning("audit_line_torn", file=newest and newest.name, bytes=torn)
    if known.n > (0 if link is None else link.n):
        # Goes on where it was: that lines are missing shows for ever.
        if of_chain:
            log.error("audit_lines_missing", file=newest and newest.name)
        link = known
    return _Found(link=link or known, newest=newest, last=last, torn=torn)


def _put_aside(file: TrailFile) -> int:
    """Move the line that was not finished to a file beside; returns its length in bytes."""
    _, torn = last_line(file.path)
    if not torn:
        return 0
    with contextlib.ExitStack() as stack:
        handle = os.open(file.path, os.O_RDWR | os.O_CLOEXEC)
        stack.callback(os.close, handle)
        end = os.fstat(handle).st_size
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        aside = os.open(file.path.with_suffix(".torn"), flags, MODE)
        stack.callback(os.close, aside)
        os.write(aside, os.pread(handle, torn, end - torn) + b"\n")
        os.fsync(aside)
        os.ftruncate(handle, end - torn)
        os.fsync(handle)
    return torn


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
