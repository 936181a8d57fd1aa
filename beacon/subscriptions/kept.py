"""The home of `Subscription`: a standing question as it is kept, with all that came of it.

One value holds the last answer and what is still to be sent of it, so that one write changes both:
whoever is killed at any moment has told of a change and noted it, or neither.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from beacon.subscriptions.states import Place, State

FORGOTTEN_S = 90 * 86_400.0
"""Seconds after which a standing question is deleted that has expired and was not renewed."""

NOTIFICATIONS_MAX = 200
"""Notifications that one standing question keeps; the oldest go first."""


class Status(StrEnum):
    """Whether a question is asked."""

    ACTIVE = "active"
    PAUSED = "paused"
    EXPIRED = "expired"


class Problem(StrEnum):
    """Why a question was not answered when it was to be asked again."""

    BUDGET = "budgetUsedUp"
    NOT_PERMITTED = "notPermitted"
    CANNOT_BE_ASKED = "cannotBeAsked"
    UNAVAILABLE = "unavailable"


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A problem as the owner is told of it. `since` is in seconds since 1970."""

    problem: Problem
    message: str
    since: float


class Sending(StrEnum):
    """How far the sending of a notification has come."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """The sending of a notification to a webhook.

    `next_at` is when it is tried next and `until` when it is given up, in seconds since 1970.
    """

    sending: Sending = Sending.PENDING
    attempts: int = 0
    next_at: float
    until: float


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is told, once. `at` is in seconds since 1970.

    Attributes:
        id: The same at every attempt to send it, so that who gets it twice can tell.
        where: The dataset or the member.
        at_least, was_at_least: The class of the number of people, and the one before.
    """

    id: str
    at: float
    where: str
    before: State
    after: State
    at_least: int | None = None
    was_at_least: int | None = None
    read: bool = False
    delivery: Delivery | None = None

    @property
    def is_pending(self) -> bool:
        """Whether it is still to be sent."""
        return self.delivery is not None and self.delivery.sending is Sending.PENDING


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where notifications are sent, and what they are signed with: `whsec_` and base64."""

    url: str
    secret: str


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A standing question. Times are in seconds since 1970.

    Attributes:
        kind: Who can read the question.
        question: As it came, JSON: it is read anew whenever it is asked.
        caller: Whose it is, as `Callers` wrote it: no token is in it.
        until: Until when the caller's rights are known to hold.
        places: The last answer.
        releases: Dataset or member → the release that the answer is of.
        asked_at: When it was last asked.
        look_at: When it is looked next whether there are new releases.
    """

    id: str
    name: str
    kind: str
    question: msgspec.Raw
    caller: bytes
    created: float
    until: float
    look_at: float
    is_paused: bool = False
    webhook: Webhook | None = None
    places: dict[str, Place] = {}
    releases: dict[str, str] = {}
    asked_at: float | None = None
    is_limited: bool = False
    trouble: Trouble | None = None
    notifications: tuple[Notification, ...] = ()

    def status(self, now: float) -> Status:
        """Whether it is asked; a paused one can expire, too."""
        if self.until <= now:
            return Status.EXPIRED
        return Status.PAUSED if self.is_paused else Status.ACTIVE

    def due(self, now: float) -> float:
        """When something is to be done next."""
        if self.is_paused:
            return self.until + FORGOTTEN_S
        sends = min(
            (
                one.delivery.next_at
                for one in self.notifications
                if one.delivery is not None and one.is_pending
            ),
            default=math.inf,
        )
        expired = self.status(now) is Status.EXPIRED
        return min(self.until + FORGOTTEN_S if expired else self.look_at, sends)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A standing question as a store has it: sealed, with the little that is looked for.

    Attributes:
        owners: Keyed hashes of the identities of the person whose it is.
        revision: Rises with every change.
        due: When something is to be done with it, in seconds since 1970.
    """

    id: str
    owners: tuple[bytes, ...]
    revision: int
    due: float
    sealed: bytes
