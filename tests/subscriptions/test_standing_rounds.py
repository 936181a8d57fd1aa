"""What is done when: by a clock that is set by hand, over a source that says what it is told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from beacon.framework.access import EVERYTHING, Access, Asker
from beacon.framework.errors import SourceUnavailable
from beacon.portal.login_sealing import Sealing
from beacon.subscriptions.file_rows import FileRows
from beacon.subscriptions.kept import FORGOTTEN_S, Subscription, Webhook
from beacon.subscriptions.looking import QUERY, SPREAD, Looking
from beacon.subscriptions.rounds import LEASE_S, Rounds
from beacon.subscriptions.seams import Question, Told, Who
from beacon.subscriptions.states import Place, State
from beacon.subscriptions.vault import Vault
from beacon.subscriptions.webhooks import RETRY_S, Sender, new_secret
from tests.network.real_beacons import free_port
from tests.subscriptions.standing_world import Receiver, until

ALICE = Asker(identities=("alice",))
DAY_S = 86_400.0
HIT, MISS, UNKNOWN = (Place(state=one) for one in (State.HIT, State.MISS, State.UNKNOWN))


@dataclass
class Asked:
    """A source of one place: its release, what it says, and how often it was asked."""

    now: float = 1.8e9
    release: str = "1"
    place: Place = MISS
    is_away: bool = False
    asked: int = 0

    async def who(self, headers: Mapping[str, str]) -> Who:
        raise AssertionError("rounds ask with what is kept, nobody shows anything")

    def access(self, kept: bytes) -> Access:
        return EVERYTHING

    def read(self, question: bytes) -> Question:
        return self

    def reached(self, access: Access, releases: Mapping[str, str]) -> dict[str, str]:
        return dict(releases)

    def is_limited(self, access: Access) -> bool:
        return False

    async def ask(self, access: Access, request_id: str) -> Told:
        self.asked += 1
        if self.is_away:
            raise SourceUnavailable("away")
        unanswered = frozenset({"x"} if self.place is UNKNOWN else ())
        return Told(places={"x": self.place}, unanswered=unanswered)

    async def releases(self) -> Mapping[str, str]:
        return {"x": self.release}

    def clock(self) -> float:
        return self.now


@dataclass
class Going:
    """Rounds that go, with one standing question."""

    source: Asked
    vault: Vault
    rounds: Rounds
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self.rounds.run())

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def one(self) -> Subscription:
        (found,) = await self.vault.of(ALICE)
        return found

    async def pass_time(self, seconds: float) -> None:
        """Let time go by, and what is due then be done."""
        self.source.now += seconds
        await until(self._is_idle)

    async def _is_idle(self) -> bool:
        found = await self.vault.of(ALICE)
        return all(one.due(self.source.now) > self.source.now for one in found)


@contextlib.asynccontextmanager
async def going(folder: Path, webhook: Webhook | None = None) -> AsyncIterator[Going]:
    source = Asked()
    kinds = {QUERY: source}
    looking = Looking(source, kinds, source.releases, DAY_S, source.clock, lambda: 0.5)
    async with FileRows(folder) as rows, Sender(allow_loopback=True) as sender:
        vault = Vault(rows, Sealing(b"s" * 32), b"k" * 32, source.clock)
        await vault.add(
            Subscription(
                id="a",
                name="",
                kind=QUERY,
                question=msgspec.Raw(b"{}"),
                caller=b"",
                created=source.now,
                until=source.now + 30 * DAY_S,
                look_at=looking.next_look(source.now),
                webhook=webhook,
                places={"x": MISS},
                releases={"x": "1"},
            ),
            ALICE,
            1,
        )
        rounds = Rounds(vault, looking, sender, 0.01, source.clock, lambda: 0.5)
        made = Going(source, vault, rounds)
        made.start()
        try:
            yield made
        finally:
            await made.stop()


async def test_a_new_release_is_noticed_at_night_and_not_before(tmp_path: Path) -> None:
    async with going(tmp_path) as found:
        found.source.release, found.source.place = "2", HIT
        await found.pass_time(DAY_S)
        by_day = found.source.asked
        await found.pass_time(SPREAD * DAY_S)

        assert (by_day, found.source.asked) == (0, 1)
        assert len((await found.one()).notifications) == 1


async def test_who_was_away_is_asked_again_though_nothing_is_new(tmp_path: Path) -> None:
    async with going(tmp_path) as found:
        found.source.release, found.source.place = "2", UNKNOWN
        await found.pass_time(2 * DAY_S)
        while_away = await found.one()
        found.source.place = HIT
        await found.pass_time(2 * DAY_S)
        await found.pass_time(2 * DAY_S)

        assert while_away.places == {"x": MISS}
        assert found.source.asked == 2
        assert [one.after for one in (await found.one()).notifications] == [State.HIT]


async def test_a_failure_is_shown_and_tried_again_soon(tmp_path: Path) -> None:
    async with going(tmp_path) as found:
        found.source.release, found.source.is_away = "2", True
        await found.pass_time(2 * DAY_S)
        trouble = (await found.one()).trouble
        found.source.is_away = False
        await found.pass_time(3600)

        assert trouble is not None
        assert found.source.asked == 2
        assert (await found.one()).trouble is None


@pytest.mark.parametrize("days", [30.5, 100.0])
async def test_what_has_expired_is_not_asked(tmp_path: Path, days: float) -> None:
    async with going(tmp_path) as found:
        found.source.release = "2"
        await found.pass_time(days * DAY_S)

        assert found.source.asked == 0


async def test_what_nobody_renews_is_forgotten(tmp_path: Path) -> None:
    async with going(tmp_path) as found:
        await found.pass_time(30 * DAY_S + FORGOTTEN_S)

        assert await found.vault.of(ALICE) == []


async def test_a_receiver_that_stays_away_is_given_up_after_a_day(tmp_path: Path) -> None:
    webhook = Webhook(url=f"http://127.0.0.1:{free_port()}/hook", secret=new_secret())
    async with going(tmp_path, webhook) as found:
        found.source.release, found.source.place = "2", HIT
        await found.pass_time(2 * DAY_S)
        for _ in range(40):
            await found.pass_time(3600)
        (told,) = (await found.one()).notifications

    assert told.delivery is not None
    assert told.delivery.sending == "failed"
    assert len(RETRY_S) < told.delivery.attempts < 20


async def test_what_a_dead_process_had_taken_is_sent_under_the_same_id(tmp_path: Path) -> None:
    """Killed while it sent: another one has it when the lease is over, and nobody else before."""
    async with Receiver() as receiver:
        webhook = Webhook(url=receiver.url, secret=new_secret())
        async with going(tmp_path, webhook) as found:
            receiver.secret, receiver.statuses = webhook.secret, [500]
            receiver.clock = found.source.clock
            found.source.release, found.source.place = "2", HIT
            await found.pass_time(2 * DAY_S)
            await until(lambda: bool(receiver.attempts))
            await found.stop()
            found.source.now += 60
            taken = await found.vault.claim(LEASE_S)
            found.start()
            await asyncio.sleep(0.5)
            meanwhile = len(receiver.attempts)
            found.source.now += LEASE_S
            await until(lambda: bool(receiver.accepted))

    assert taken is not None
    assert [one.id for one in taken.notifications] == [receiver.attempts[0][0]]
    assert meanwhile == 1
    assert [one for one, _ in receiver.attempts] == 2 * [taken.notifications[0].id]
