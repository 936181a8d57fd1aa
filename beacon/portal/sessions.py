"""The home of `Sessions`: who is logged in, for all processes of a server and over its restarts.

A file holds them, sealed with keys that nobody has who does not have both the secret of this
deployment and what the browser of that very person sends: neither the file nor a browser alone
opens anything.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

import msgspec
import structlog

from beacon.framework.errors import SettingsError, SourceUnavailable
from beacon.portal.login_provider import Granted
from beacon.portal.login_sealing import Sealing

KEPT_MAX = 10_000
"""Sessions that there are at most; those used longest ago end first."""

KEPT_OF_ONE = 20
"""The same, of one person."""

NOTED_S = 20.0
"""Seconds within which it is not noted again that a session is used."""

CLAIM_S = 10.0
"""Seconds that whoever renews a session has for it, before somebody else tries."""

P = ParamSpec("P")
R = TypeVar("R")

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lasts: in all, and without being used."""

    session_s: float
    idle_s: float


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as it is kept. `until` is when it ends at the latest, in seconds since 1970."""

    granted: Granted
    until: float


class Sessions:
    """All sessions, in a file of SQLite, as an asynchronous context.

    Sessions go by the random text that the browser has. All methods raise `SourceUnavailable` when
    the file cannot be read or written.
    """

    def __init__(
        self,
        folder: Path,
        key: bytes,
        lifetimes: Lifetimes,
        clock: Callable[[], float],
        *,
        kept: int = KEPT_MAX,
        kept_of_one: int = KEPT_OF_ONE,
    ) -> None:
        """Nothing is opened yet.

        Args:
            folder: Of the file; it is made where there is none.
            key: The key of this deployment for this purpose, 32 bytes.
            lifetimes: How long sessions last.
            clock: Seconds since 1970.
            kept: Sessions that there are at most.
            kept_of_one: The same, of one person.
        """
        self._path = folder / "sessions.sqlite"
        self._key, self._lifetimes, self._clock = key, lifetimes, clock
        self._kept, self._kept_of_one = kept, kept_of_one
        self._lock = threading.Lock()
        self._file: sqlite3.Connection

    async def __aenter__(self) -> Self:
        try:
            self._file = await asyncio.to_thread(self._opened)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                f"portal.login keeps sessions in {self._path}, which cannot be written: {error}; "
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

    def _closed(self) -> None:
        # Whoever was cancelled may still be at it, in a thread of its own.
        with self._lock:
            self._file.close()

    async def begin(self, granted: Granted) -> str:
        """Begin a session; what it goes by."""
        session_id = secrets.token_urlsafe(32)
        await self._in_thread(self._begun, session_id, granted)
        return session_id

    async def find(self, session_id: str) -> Kept | None:
        """A session that has not ended, which is used by this."""
        return await self._in_thread(self._found, session_id)

    async def end(self, session_id: str) -> None:
        """End a session, if it has not ended."""
        await self._in_thread(self._ended, session_id)

    async def claim(self, session_id: str) -> bool:
        """Whether it falls to whoever asks to renew a session: to one at a time."""
        return await self._in_thread(self._claimed, session_id)

    async def renew(self, session_id: str, granted: Granted | None) -> None:
        """Give up a claim, with what came of it. A session that has ended meanwhile stays so."""
        await self._in_thread(self._renewed, session_id, granted)

    async def spend(self, state: str, until: float) -> bool:
        """Whether a login had not been finished before, which it is by this.

        Args:
            until: When nobody can try again, in seconds since 1970.
        """
        return await self._in_thread(self._spent, state, until)

    async def _in_thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        def worked() -> R:
            with self._lock, self._file:
                return work(*args, **kwargs)

        try:
            return await asyncio.to_thread(worked)
        except sqlite3.Error as error:
            log.error("sessions_not_kept", reason=type(error).__name__)
            raise SourceUnavailable("who is logged in cannot be looked up now") from None

    def _begun(self, session_id: str, granted: Granted) -> None:
        now, person = self._clock(), self._person(granted)
        lifetimes = self._lifetimes
        run = self._file.execute
        run("DELETE FROM sessions WHERE until <= ? OR used <= ?", (now, now - lifetimes.idle_s))
        run(
            "INSERT INTO sessions (name, person, until, used, claimed, sealed) "
            "VALUES (?, ?, ?, ?, 0, ?)",
            (
                self._name(session_id),
                person,
                now + lifetimes.session_s,
                now,
                self._sealed(session_id, granted),
            ),
        )
        run(
            "DELETE FROM sessions WHERE name IN (SELECT name FROM sessions WHERE person = ? "
            "ORDER BY used DESC, rowid DESC LIMIT -1 OFFSET ?)",
            (person, self._kept_of_one),
        )
        run(
            "DELETE FROM sessions WHERE name IN (SELECT name FROM sessions "
            "ORDER BY used DESC, rowid DESC LIMIT -1 OFFSET ?)",
            (self._kept,),
        )

    def _found(self, session_id: str) -> Kept | None:
        now, name = self._clock(), self._name(session_id)
        rows = self._file.execute(
            "SELECT until, used, sealed FROM sessions WHERE name = ?", (name,)
        ).fetchall()
        if not rows:
            return None
        ((until, used, data),) = rows
        if until <= now or used <= now - self._lifetimes.idle_s:
            return None
        if used <= now - NOTED_S:
            self._file.execute("UPDATE sessions SET used = ? WHERE name = ?", (now, name))
        try:
            plain = self._sealing(session_id).opened(data, about=name)
            return Kept(msgspec.json.decode(plain, type=Granted), until)
        except (ValueError, msgspec.DecodeError):
            return None

    def _ended(self, session_id: str) -> None:
        self._file.execute("DELETE FROM sessions WHERE name = ?", (self._name(session_id),))

    def _claimed(self, session_id: str) -> bool:
        now = self._clock()
        done = self._file.execute(
            "UPDATE sessions SET claimed = ? WHERE name = ? AND claimed <= ?",
            (now, self._name(session_id), now - CLAIM_S),
        )
        return done.rowcount == 1

    def _renewed(self, session_id: str, granted: Granted | None) -> None:
        name = self._name(session_id)
        if granted is None:
            self._file.execute("UPDATE sessions SET claimed = 0 WHERE name = ?", (name,))
            return
        self._file.execute(
            "UPDATE sessions SET claimed = 0, sealed = ? WHERE name = ?",
            (self._sealed(session_id, granted), name),
        )

    def _spent(self, state: str, until: float) -> bool:
        self._file.execute("DELETE FROM finished WHERE until <= ?", (self._clock(),))
        done = self._file.execute(
            "INSERT OR IGNORE INTO finished (state, until) VALUES (?, ?)",
            (self._name(state), until),
        )
        return done.rowcount == 1

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        file = sqlite3.connect(self._path, timeout=_WAIT_S, check_same_thread=False)
        try:
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("PRAGMA synchronous = NORMAL")
            # What is deleted is gone from the file, too.
            file.execute("PRAGMA secure_delete = ON")
            with file:
                for statement in _TABLES:
                    file.execute(statement)
        except sqlite3.Error:
            file.close()
            raise
        return file

    def _name(self, session_id: str) -> bytes:
        return hmac.digest(self._key, b"name:" + session_id.encode(), "sha256")

    def _sealing(self, session_id: str) -> Sealing:
        return Sealing(hmac.digest(self._key, b"seal:" + session_id.encode(), "sha256"))

    def _person(self, granted: Granted) -> bytes:
        identity = msgspec.json.encode([granted.issuer, granted.subject])
        return hmac.digest(self._key, b"person:" + identity, "sha256")

    def _sealed(self, session_id: str, granted: Granted) -> bytes:
        plain = msgspec.json.encode(granted)
        return self._sealing(session_id).seal(plain, about=self._name(session_id))


_WAIT_S = 3.0
_TABLES = (
    "CREATE TABLE IF NOT EXISTS sessions (name BLOB PRIMARY KEY, person BLOB NOT NULL, "
    "until REAL NOT NULL, used REAL NOT NULL, claimed REAL NOT NULL, sealed BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS sessions_of_a_person ON sessions (person, used)",
    "CREATE INDEX IF NOT EXISTS sessions_by_use ON sessions (used)",
    "CREATE INDEX IF NOT EXISTS sessions_by_end ON sessions (until)",
    "CREATE TABLE IF NOT EXISTS finished (state BLOB PRIMARY KEY, until REAL NOT NULL)",
)
