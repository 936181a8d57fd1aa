"""The home of `FileRows`: the standing questions of a network, which has no database, in a file."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

import structlog

from beacon.framework.errors import SettingsError, SourceUnavailable
from beacon.subscriptions.kept import Row

P = ParamSpec("P")
R = TypeVar("R")

log = structlog.stdlib.get_logger()


class FileRows:
    """Rows in a file of SQLite, as an asynchronous context."""

    def __init__(self, folder: Path) -> None:
        """Nothing is opened yet.

        Args:
            folder: Of the file; it is made where there is none.
        """
        self._path = folder / "subscriptions.sqlite"
        self._lock = threading.Lock()
        self._file: sqlite3.Connection

    async def __aenter__(self) -> Self:
        try:
            self._file = await asyncio.to_thread(self._opened)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                f"subscriptions are kept in {self._path}, which cannot be written: {error}; "
                "data_dir must name a folder that can be"
            ) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._closed)

    async def add(self, row: Row, most: int) -> bool:
        """See `Store`."""
        return await self._in_thread(self._added, row, most)

    async def of(self, owners: Sequence[bytes]) -> Sequence[Row]:
        """See `Store`."""
        return await self._in_thread(self._of, owners)

    async def find(self, row_id: str) -> Row | None:
        """See `Store`."""
        return await self._in_thread(self._found, row_id)

    async def replace(self, row: Row) -> bool:
        """See `Store`."""
        return await self._in_thread(self._replaced, row)

    async def remove(self, row_id: str) -> bool:
        """See `Store`."""
        return await self._in_thread(self._removed, row_id)

    async def claim(self, now: float, until: float) -> Row | None:
        """See `Store`."""
        return await self._in_thread(self._claimed, now, until)

    async def _in_thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        def worked() -> R:
            with self._lock, self._file:
                # Another process may write between two statements of one that only reads first.
                self._file.execute("BEGIN IMMEDIATE")
                return work(*args, **kwargs)

        try:
            return await asyncio.to_thread(worked)
        except sqlite3.Error as error:
            log.error("subscriptions_not_kept", reason=type(error).__name__)
            raise SourceUnavailable("standing questions cannot be looked up now") from None

    def _closed(self) -> None:
        # Whoever was cancelled may have left work behind in a thread, which uses the file.
        with self._lock:
            self._file.close()

    def _added(self, row: Row, most: int) -> bool:
        if len(self._ids(row.owners)) >= most:
            return False
        self._file.execute(
            "INSERT INTO subscriptions (id, revision, due, claimed, sealed) VALUES (?, ?, ?, 0, ?)",
            (row.id, row.revision, row.due, row.sealed),
        )
        self._own(row)
        return True

    def _of(self, owners: Sequence[bytes]) -> list[Row]:
        found = (self._found(one) for one in self._ids(owners))
        return [one for one in found if one is not None]

    def _found(self, row_id: str) -> Row | None:
        rows = self._file.execute(
            "SELECT revision, due, sealed FROM subscriptions WHERE id = ?", (row_id,)
        ).fetchall()
        if not rows:
            return None
        ((revision, due, sealed),) = rows
        owners = self._file.execute("SELECT owner FROM owners WHERE id = ?", (row_id,)).fetchall()
        return Row(
            id=row_id,
            owners=tuple(sorted(one for (one,) in owners)),
            revision=revision,
            due=due,
            sealed=sealed,
        )

    def _replaced(self, row: Row) -> bool:
        done = self._file.execute(
            "UPDATE subscriptions SET revision = ?, due = ?, claimed = 0, sealed = ? "
            "WHERE id = ? AND revision = ?",
            (row.revision, row.due, row.sealed, row.id, row.revision - 1),
        )
        if done.rowcount != 1:
            return False
        self._own(row)
        return True

    def _removed(self, row_id: str) -> bool:
        self._file.execute("DELETE FROM owners WHERE id = ?", (row_id,))
        done = self._file.execute("DELETE FROM subscriptions WHERE id = ?", (row_id,))
        return done.rowcount == 1

    def _claimed(self, now: float, until: float) -> Row | None:
        rows = self._file.execute(
            "SELECT id FROM subscriptions WHERE due <= ? AND claimed <= ? ORDER BY due LIMIT 1",
            (now, now),
        ).fetchall()
        if not rows:
            return None
        ((row_id,),) = rows
        self._file.execute("UPDATE subscriptions SET claimed = ? WHERE id = ?", (until, row_id))
        return self._found(row_id)

    def _ids(self, owners: Sequence[bytes]) -> list[str]:
        ids: set[str] = set()
        for owner in owners:
            rows = self._file.execute("SELECT id FROM owners WHERE owner = ?", (owner,))
            ids.update(one for (one,) in rows)
        return sorted(ids)

    def _own(self, row: Row) -> None:
        self._file.executemany(
            "INSERT OR IGNORE INTO owners (owner, id) VALUES (?, ?)",
            [(one, row.id) for one in row.owners],
        )

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        file = sqlite3.connect(
            self._path, timeout=_WAIT_S, check_same_thread=False, isolation_level=None
        )
        try:
            file.execute("PRAGMA journal_mode = WAL")
            # A change that was told must be known after a power cut, or it would be told again.
            file.execute("PRAGMA synchronous = FULL")
            file.execute("PRAGMA secure_delete = ON")
            for statement in _TABLES:
                file.execute(statement)
        except sqlite3.Error:
            file.close()
            raise
        return file


_WAIT_S = 3.0
_TABLES = (
    "CREATE TABLE IF NOT EXISTS subscriptions (id TEXT PRIMARY KEY, revision INTEGER NOT NULL, "
    "due REAL NOT NULL, claimed REAL NOT NULL, sealed BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS subscriptions_by_due ON subscriptions (due)",
    "CREATE TABLE IF NOT EXISTS owners (owner BLOB NOT NULL, id TEXT NOT NULL, "
    "PRIMARY KEY (owner, id))",
    "CREATE INDEX IF NOT EXISTS owners_by_id ON owners (id)",
)
