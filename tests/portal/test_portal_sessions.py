"""How sessions are kept: how many, for how long, and who can read them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from beacon.framework.errors import SettingsError, SourceUnavailable
from beacon.portal.login_provider import Granted, LoginRefused
from beacon.portal.login_renewal import Renewal
from beacon.portal.sessions import CLAIM_S, Lifetimes, Sessions
from tests.auth.mock_broker import NOON, Clock

LIFETIMES = Lifetimes(session_s=3600, idle_s=600)


def granted(
    subject: str = "alice", refresh_token: str | None = "refresh", expires: float | None = None
) -> Granted:
    return Granted(
        access_token=f"token-of-{subject}",
        refresh_token=refresh_token,
        expires=expires,
        issuer="https://login.example/",
        subject=subject,
        name=None,
    )


def sessions(folder: Path, clock: Clock, *, key: bytes = b"k" * 32, kept: int = 6) -> Sessions:
    return Sessions(folder, key, LIFETIMES, clock, kept=kept, kept_of_one=3)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def some(tmp_path: Path, clock: Clock) -> AsyncIterator[Sessions]:
    async with sessions(tmp_path, clock) as opened:
        yield opened


async def test_those_used_longest_ago_end_first(some: Sessions, clock: Clock) -> None:
    begun = []
    for number in range(6):
        clock.now += 30
        begun.append(await some.begin(granted(f"person-{number}")))
    await some.find(begun[0])

    begun.append(await some.begin(granted("one more")))

    found = [await some.find(one) is not None for one in begun]
    assert found == [True, False, True, True, True, True, True]


async def test_one_person_does_not_end_the_sessions_of_others(some: Sessions) -> None:
    other = await some.begin(granted("bob"))

    begun = [await some.begin(granted("alice")) for _ in range(8)]

    assert await some.find(other) is not None
    assert [await some.find(one) is not None for one in begun] == [False] * 5 + [True] * 3


async def test_sessions_are_nothing_without_the_secret(tmp_path: Path, clock: Clock) -> None:
    async with sessions(tmp_path, clock) as before:
        session_id = await before.begin(granted())

    async with sessions(tmp_path, clock, key=b"x" * 32) as after:
        found = await after.find(session_id)

    assert found is None


async def test_a_row_is_nothing_to_another_session(tmp_path: Path, some: Sessions) -> None:
    begun = [await some.begin(granted(one)) for one in ("mallory", "alice")]
    with closing(sqlite3.connect(tmp_path / "sessions.sqlite")) as file, file:
        (first, mine), (second, hers) = file.execute("SELECT name, sealed FROM sessions").fetchall()
        file.execute("UPDATE sessions SET sealed = ? WHERE name = ?", (hers, first))
        file.execute("UPDATE sessions SET sealed = ? WHERE name = ?", (mine, second))

    assert [await some.find(one) for one in begun] == [None, None]


async def test_one_at_a_time_renews_a_session(some: Sessions, clock: Clock) -> None:
    session_id = await some.begin(granted())

    first, second = await some.claim(session_id), await some.claim(session_id)
    clock.now += CLAIM_S
    after_it_was_left = await some.claim(session_id)
    await some.renew(session_id, granted(refresh_token="another"))

    kept = await some.find(session_id)
    assert (first, second, after_it_was_left) == (True, False, True)
    assert kept is not None
    assert kept.granted.refresh_token == "another"
    assert await some.claim(session_id)


async def test_a_session_that_has_ended_does_not_come_back(some: Sessions) -> None:
    session_id = await some.begin(granted())
    await some.claim(session_id)
    await some.end(session_id)

    await some.renew(session_id, granted())

    assert await some.find(session_id) is None
    assert not await some.claim(session_id)


async def test_a_login_is_finished_once(some: Sessions, clock: Clock) -> None:
    until = clock.now + 600

    assert await some.spend("state", until)
    assert not await some.spend("state", until)
    assert await some.spend("another", until)


async def test_a_folder_that_cannot_be_written_refuses_to_start(
    tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "portal").write_text("a file")

    with pytest.raises(SettingsError, match="data_dir must name a folder that can be"):
        async with sessions(tmp_path / "portal", clock):
            pass


async def test_a_file_that_cannot_be_read_logs_nobody_out(tmp_path: Path, some: Sessions) -> None:
    session_id = await some.begin(granted())
    with closing(sqlite3.connect(tmp_path / "sessions.sqlite")) as file, file:
        file.execute("DROP TABLE sessions")

    with pytest.raises(SourceUnavailable):
        await some.find(session_id)


class Overtaken(Sessions):
    """Sessions that somebody else renews just before they are claimed."""

    async def claim(self, session_id: str) -> bool:
        await self.renew(session_id, granted(refresh_token="fresh", expires=NOON + 900))
        return await super().claim(session_id)


class Strict:
    """A provider that takes a refresh token that was used before for a theft."""

    issuer = "https://login.example/"
    logout_url = None

    def login_url(self, *, state: str, nonce: str, challenge: str) -> str:
        return f"{self.issuer}?{state}{nonce}{challenge}"

    async def redeemed(self, code: str, *, verifier: str, nonce: str) -> Granted:
        raise LoginRefused(f"{code}{verifier}{nonce}")

    async def renewed(self, granted: Granted, refresh_token: str) -> Granted:
        raise LoginRefused(f"{refresh_token} of {granted.subject}")


async def test_a_refresh_token_is_not_used_twice(tmp_path: Path, clock: Clock) -> None:
    async with Overtaken(tmp_path, b"k" * 32, LIFETIMES, clock) as some:
        session_id = await some.begin(granted(expires=NOON - 1))

        kept = await Renewal(Strict(), some, clock).current(session_id)

        assert kept.granted.refresh_token == "fresh"
        assert await some.find(session_id) == kept


def test_what_was_granted_does_not_show_its_tokens() -> None:
    assert "token-of-alice" not in repr(granted())
    assert "refresh'" not in repr(granted())
