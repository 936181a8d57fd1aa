"""The home of `Place`: what a standing question found somewhere, and which changes are told.

A change by so few people that it would show who was added is never told: whoever compares two
answers learns that from their difference (Shringarpure and Bustamante 2015, Raisaro et al. 2017).
So numbers are told as coarse classes alone, and a class has changed only when the number has moved
by more than one or a few people since it was told last.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

CLASSES = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
"""Numbers are told as the highest of these that they reach; below the first is nobody."""

LEAST_MOVE = 5
"""A number that has moved by less since it was told is taken for the same."""


class State(StrEnum):
    """What is known of a place: a beacon's datasets are places, and a network's members."""

    HIT = "hit"
    MISS = "miss"
    NOT_COVERED = "notCovered"
    UNKNOWN = "unknown"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What was found at a place.

    Attributes:
        count: As it was released when the class was last told; `None` where none is told. It is
            kept to compare with, and shown to nobody.
    """

    state: State
    count: int | None = None

    @property
    def at_least(self) -> int | None:
        """The class of the number: 0, or one of `CLASSES`; `None` where no number is told."""
        return None if self.count is None else class_of(self.count)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is told."""

    where: str
    before: Place
    after: Place


def class_of(count: int) -> int:
    """The class of a number: the highest of `CLASSES` that it reaches, or 0."""
    return max((one for one in CLASSES if one <= count), default=0)


def compared(
    before: Mapping[str, Place], now: Mapping[str, Place]
) -> tuple[dict[str, Place], tuple[Change, ...]]:
    """What is to be kept of two answers to the same question, and which changes are told.

    Who does not answer has not changed: what was known there stays. A place that is new is as one
    that did not cover the question, but that it has nothing is no news.

    Args:
        before: What was kept of the earlier answer.
        now: The later answer.

    Returns:
        Places of the later answer as they are to be kept, and the changes in their order.
    """
    kept: dict[str, Place] = {}
    changes: list[Change] = []
    for where, found in now.items():
        known = before.get(where)
        if found.state is State.UNKNOWN and known is not None:
            kept[where] = known
            continue
        earlier = known or Place(state=State.NOT_COVERED)
        kept[where] = _kept(earlier, found)
        is_new_without = known is None and found.state is not State.HIT
        if not is_new_without and _is_told(earlier, found):
            changes.append(Change(where=where, before=earlier, after=found))
    return kept, tuple(changes)


def _kept(earlier: Place, found: Place) -> Place:
    if earlier.state is State.HIT is found.state and earlier.count is not None:
        # The number to compare with is the one that was told, or steps of one would add up unseen.
        return found if found.count is not None and _has_moved(earlier, found) else earlier
    return found


def _is_told(earlier: Place, found: Place) -> bool:
    match earlier.state, found.state:
        case (State.HIT, State.HIT):
            return _has_moved(earlier, found)
        case (State.HIT, State.MISS):
            # A number that falls to nobody; of a mere yes nobody knows how many it was.
            return earlier.count is not None and earlier.count >= LEAST_MOVE
        case (State.MISS, State.HIT):
            return True
        case (State.NOT_COVERED | State.UNKNOWN, State.HIT | State.MISS):
            return True
    return False


def _has_moved(earlier: Place, found: Place) -> bool:
    if earlier.count is None or found.count is None:
        return False
    moved = abs(found.count - earlier.count) >= LEAST_MOVE
    return moved and earlier.at_least != found.at_least
