"""The home of `Looking`: asks a standing question, and says what it is with the answer."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
import structlog
from msgspec.structs import replace

from beacon.framework.access import Access
from beacon.framework.errors import (
    BeaconError,
    Forbidden,
    InvalidRequest,
    SourceUnavailable,
    TooManyRequests,
    Unauthorized,
)
from beacon.subscriptions.kept import (
    NOTIFICATIONS_MAX,
    Delivery,
    Notification,
    Problem,
    Status,
    Subscription,
    Trouble,
)
from beacon.subscriptions.seams import Callers, Kind, Question, Releases
from beacon.subscriptions.states import Change, Place, compared
from beacon.subscriptions.webhooks import GIVEN_UP_S

SPREAD = 0.25
"""By how much of its length the time between two looks may be longer, so that not all come at
once, and that nobody who sees when a notification comes knows when data changed."""

AGAIN_S = 600.0
"""Seconds after which it is tried again what nobody could answer."""

SETTLING_S = 3.0
"""Seconds after which it is asked again when the answer was still of the release before."""

CASE = "case"
QUERY = "query"

_NOT_YET = ""
"""In place of a release: it differs from whichever is published."""

log = structlog.stdlib.get_logger()


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, with the releases that it is of."""

    places: Mapping[str, Place]
    releases: dict[str, str]
    is_limited: bool
    is_settled: bool


def kind_of(query: Mapping[str, object]) -> str:
    """Which kind of question somebody asks: about a case, or in the specification's words."""
    return QUERY if query.keys().isdisjoint((CASE, "phenopacket")) else CASE


@dataclass(frozen=True, slots=True)
class Looking:
    """Asks standing questions.

    Attributes:
        callers: Say what whoever asked may learn now.
        kinds: Name → what reads questions of that kind.
        releases: What is published now.
        every_s: Seconds between two looks, at least.
        clock: Seconds since 1970.
        chance: Numbers from 0 to 1.
    """

    callers: Callers
    kinds: Mapping[str, Kind]
    releases: Releases
    every_s: float
    clock: Callable[[], float]
    chance: Callable[[], float]

    def read(self, kind: str, question: bytes) -> Question:
        """Read a question; raises `InvalidRequest`."""
        reader = self.kinds.get(kind)
        if reader is None:
            raise InvalidRequest(f"no standing question can be a {kind} here")
        return reader.read(question)

    def next_look(self, now: float) -> float:
        """When it is looked again."""
        return now + self.every_s * (1 + SPREAD * self.chance())

    async def ask(self, question: Question, access: Access, request_id: str) -> Answered:
        """Ask now; raises `BeaconError` when there is no answer."""
        published = question.reached(access, await self.releases())
        told = await question.ask(access, request_id)
        asked = {one: told.releases.get(one, release) for one, release in published.items()}
        return Answered(
            places=told.places,
            releases=asked | dict.fromkeys(asked.keys() & told.unanswered, _NOT_YET),
            is_limited=question.is_limited(access),
            is_settled=asked == published,
        )

    async def look(
        self, subscription: Subscription
    ) -> Callable[[Subscription], Subscription] | None:
        """Look whether there are new releases, and ask if so.

        Returns:
            What that makes of the standing question, whatever became of it meanwhile.
        """
        now = self.clock()
        if subscription.status(now) is not Status.ACTIVE:
            return None
        looked = self.next_look(now)
        try:
            access = self.callers.access(subscription.caller)
            question = self.read(subscription.kind, bytes(subscription.question))
            published = question.reached(access, await self.releases())
            if published == subscription.releases:
                return lambda one: replace(one, look_at=looked, trouble=None)
            answered = await self.ask(question, access, f"standing-{secrets.token_hex(6)}")
        except BeaconError as error:
            trouble = trouble_of(error, now)
            log.info("subscription_not_asked", problem=trouble.problem.value)
            look_at = self._again(error, now, looked)
            return lambda one: replace(
                one, look_at=look_at, trouble=_since_the_first(one.trouble, trouble)
            )
        if not answered.is_settled:
            looked = now + SETTLING_S
        asked_at = self.clock()
        return lambda one: _answered(one, answered, asked_at, looked)

    def _again(self, error: BeaconError, now: float, looked: float) -> float:
        match error:
            case SourceUnavailable():
                return min(now + AGAIN_S, looked)
            case TooManyRequests():
                return max(now + error.retry_after_s, looked)
        return looked


def trouble_of(error: BeaconError, now: float) -> Trouble:
    """What the owner is told of a failure."""
    match error:
        case TooManyRequests():
            problem = Problem.BUDGET
        case Forbidden() | Unauthorized():
            problem = Problem.NOT_PERMITTED
        case SourceUnavailable():
            problem = Problem.UNAVAILABLE
        case _:
            problem = Problem.CANNOT_BE_ASKED
    return Trouble(problem=problem, message=str(error), since=now)


def _since_the_first(known: Trouble | None, new: Trouble) -> Trouble:
    if known is None or known.problem is not new.problem:
        return new
    return replace(new, since=known.since)


def _answered(
    subscription: Subscription, answered: Answered, now: float, look_at: float
) -> Subscription:
    """A standing question with a new answer, and what is told of it, in one value."""
    if subscription.is_paused:
        return subscription  # who paused meanwhile is told nothing; it is asked when resumed
    places, changes = compared(subscription.places, answered.places)
    told = tuple(_notification(subscription, one, now) for one in changes)
    return replace(
        subscription,
        places=places,
        releases=answered.releases,
        is_limited=answered.is_limited,
        asked_at=now,
        look_at=look_at,
        trouble=None,
        notifications=(*subscription.notifications, *told)[-NOTIFICATIONS_MAX:],
    )


def _notification(subscription: Subscription, change: Change, now: float) -> Notification:
    delivery = None
    if subscription.webhook is not None:
        delivery = Delivery(next_at=now, until=now + GIVEN_UP_S)
    return Notification(
        id=f"msg_{secrets.token_hex(16)}",
        at=now,
        where=change.where,
        before=change.before.state,
        after=change.after.state,
        at_least=change.after.at_least,
        was_at_least=change.before.at_least,
        delivery=delivery,
    )
