"""The home of `Rounds`: does what is due, in the background, as long as a process serves.

Whoever takes a standing question has it for a while; what is done with it is written at once, or
not at all. A process that dies leaves at most a question that others take a minute later, and a
notification that is sent again under the same id.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import structlog
from msgspec.structs import replace

from beacon.framework.errors import SourceUnavailable
from beacon.subscriptions.kept import (
    FORGOTTEN_S,
    Delivery,
    Notification,
    Sending,
    Status,
    Subscription,
)
from beacon.subscriptions.looking import Looking
from beacon.subscriptions.vault import Vault
from beacon.subscriptions.webhooks import RETRY_S, Outcome, Sender, body_of

LEASE_S = 120.0
"""Seconds that a process has for one step."""

AT_A_TIME = 8
"""Steps under way in one process: a receiver that is slow must not hold up the others."""

ASKED_AT_A_TIME = 2
"""Of these, questions: whoever asks at the moment goes first."""

_SPREAD = 0.2

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Rounds:
    """Takes what is due and does it.

    Attributes:
        look_s: Seconds between looks whether anything is due.
        clock: Seconds since 1970.
        chance: Numbers from 0 to 1.
    """

    vault: Vault
    looking: Looking
    sender: Sender
    look_s: float
    clock: Callable[[], float]
    chance: Callable[[], float]

    async def run(self) -> None:
        """Go on until cancelled."""
        asking = asyncio.Semaphore(ASKED_AT_A_TIME)
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                while len(under_way) < AT_A_TIME:
                    taken = await self._taken()
                    if taken is None:
                        break
                    under_way.add(asyncio.create_task(self._step(taken, asking)))
                if under_way:
                    done, under_way = await asyncio.wait(
                        under_way, timeout=self.look_s, return_when=asyncio.FIRST_COMPLETED
                    )
                    for task in done:
                        _tell(task)
                else:
                    await asyncio.sleep(self.look_s)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _taken(self) -> Subscription | None:
        try:
            return await self.vault.claim(LEASE_S)
        except SourceUnavailable:
            return None  # the store has said so in the log

    async def _step(self, taken: Subscription, asking: asyncio.Semaphore) -> None:
        now = self.clock()
        if taken.until + FORGOTTEN_S <= now:
            await self.vault.remove(taken.id)
            return
        change = None
        if taken.status(now) is Status.ACTIVE and taken.look_at <= now:
            async with asking:
                change = await self.looking.look(taken)
        elif not taken.is_paused:
            change = await self._sent(taken, now)
        # Written even if nothing was to be done: that ends the claim.
        await self.vault.change(taken.id, change or (lambda one: one))

    async def _sent(
        self, taken: Subscription, now: float
    ) -> Callable[[Subscription], Subscription] | None:
        """Send the oldest notification that is due."""
        webhook = taken.webhook
        due = [
            one
            for one in taken.notifications
            if one.is_pending and one.delivery is not None and one.delivery.next_at <= now
        ]
        if webhook is None or not due:
            return None
        first = due[0]
        outcome = await self.sender.send(webhook, first.id, body_of(taken.id, first), now)
        log.info("subscription_notified", outcome=outcome.value)
        factor = 1 - _SPREAD + 2 * _SPREAD * self.chance()

        def change(one: Subscription) -> Subscription:
            told = tuple(
                _attempted(each, outcome, self.clock(), factor) if each.id == first.id else each
                for each in one.notifications
            )
            if outcome is not Outcome.DELIVERED:
                # The others would meet the same receiver: they wait as long.
                waits = next((each.delivery for each in told if each.id == first.id), None)
                told = tuple(_after(each, waits) for each in told)
            return replace(one, notifications=told)

        return change


def _attempted(
    notification: Notification, outcome: Outcome, now: float, factor: float
) -> Notification:
    delivery = notification.delivery
    if delivery is None:
        return notification
    attempts = delivery.attempts + 1
    wait_s = RETRY_S[min(attempts, len(RETRY_S)) - 1] * factor
    new = replace(delivery, attempts=attempts, next_at=now + wait_s)
    match outcome:
        case Outcome.DELIVERED:
            new = replace(new, sending=Sending.DELIVERED)
        case Outcome.GONE:
            new = replace(new, sending=Sending.FAILED)
        case Outcome.FAILED if new.next_at > delivery.until:
            new = replace(new, sending=Sending.FAILED)
    return replace(notification, delivery=new)


def _after(notification: Notification, first: Delivery | None) -> Notification:
    delivery = notification.delivery
    if delivery is None or first is None or not notification.is_pending:
        return notification
    next_at = max(delivery.next_at, first.next_at)
    if next_at > delivery.until:
        return replace(notification, delivery=replace(delivery, sending=Sending.FAILED))
    return replace(notification, delivery=replace(delivery, next_at=next_at))


def _tell(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if isinstance(error, SourceUnavailable):
        log.warning("subscription_step_put_off", reason=str(error))
    elif error is not None:
        log.error("subscription_step_failed", exc_info=error)


@contextlib.asynccontextmanager
async def going(rounds: Rounds) -> AsyncIterator[None]:
    """Go rounds as long as the context is open."""
    task = asyncio.create_task(rounds.run())
    task.add_done_callback(_tell)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
