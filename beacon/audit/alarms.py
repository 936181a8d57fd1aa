"""The home of `Alarms`: what somebody should look at, each told once a day.

Who spends half a budget on one person, or asks for many rare alleles, asks as somebody does who has
the genome of one person (Shringarpure and Bustamante 2015; Raisaro et al. 2017). Several askers who
come to the same end with the same person may be one asker with several accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from beacon.audit.entries import DAY, PUBLIC, UNVERIFIED, AccessEntry, AlarmEntry
from beacon.framework.access import Asker

SPENT_SHARE = 0.5
"""Of a budget, for any one person in the data."""

RARE_A_DAY = 20
"""Answers in a day that there are some, and few."""

QUESTIONS_A_DAY = 1000
"""Of one person."""

DENIED_SHARE = 0.3
"""Of the questions of a day, of which more are refused than of somebody who may ask here."""

DENIED_OF = 20
"""Questions that a share is worth something of."""

SEVERAL = 3
"""Askers who have spent their budgets on one and the same person."""

SPENT = "spent"
RARE = "rare"
QUESTIONS = "questions"
DENIED = "denied"
EXHAUSTED = "exhausted"

NAMES = (SPENT, RARE, QUESTIONS, DENIED, EXHAUSTED)
"""Every alarm that there is."""


class Raise(Protocol):
    """Tells of an alarm."""

    def __call__(
        self, alarm: str, *, person: str | None, dataset: str | None, value: float
    ) -> None:
        """Write it down."""


@dataclass(slots=True)
class _Done:
    """What one person did today."""

    questions: int = 0
    denied: int = 0
    rare: int = 0


@dataclass(slots=True)
class _State:
    people: dict[str, _Done] = field(default_factory=dict)
    raised: set[tuple[str, str | None, str | None]] = field(default_factory=set)


class Alarms:
    """Counts what people do, by day, and tells when it is too much.

    The public is nobody in particular and has no alarms; of those whose credentials are not taken,
    only their share.
    """

    def __init__(self, tell: Raise, today: Callable[[], str]) -> None:
        """Begin with nothing.

        Args:
            tell: Told of every alarm.
            today: Which day it is, such as `2026-11-23`.
        """
        self._tell, self._today = tell, today
        self._day = ""
        self._state = _State()
        # Rows are what they are only here: no line of the trail has them.
        self._exhausted: dict[tuple[str, int], set[str]] = {}

    def seen(self, entry: AccessEntry | AlarmEntry, *, told: bool = True) -> None:
        """Count a line.

        Args:
            entry: Of any day; those of days before the latest one do not count.
            told: Whether alarms are told. They are not of what others have written: they do.
        """
        day = entry.at[:DAY]
        if day != self._day and not self._turn(day):
            return
        if isinstance(entry, AlarmEntry):
            self._state.raised.add((entry.alarm, entry.person, entry.dataset))
            return
        person = entry.person
        if person == PUBLIC:
            return
        did = self._state.people.get(person)
        if did is None:
            did = self._state.people[person] = _Done()
        did.questions += 1
        did.denied += entry.is_denied
        did.rare += entry.rare
        if not told:
            return
        if did.questions >= DENIED_OF and did.denied > DENIED_SHARE * did.questions:
            share = round(did.denied / did.questions, 2)
            self._raise(DENIED, person=person, dataset=None, value=share)
        if person == UNVERIFIED:
            return
        if did.rare >= RARE_A_DAY:
            self._raise(RARE, person=person, dataset=None, value=did.rare)
        if did.questions >= QUESTIONS_A_DAY:
            self._raise(QUESTIONS, person=person, dataset=None, value=did.questions)

    def spent(self, asker: Asker, dataset_id: str, share: float) -> None:
        """Somebody has spent this share of a budget on at least one person of a dataset."""
        if share >= SPENT_SHARE:
            self._turn(self._today())
            value = round(share, 2)
            self._raise(SPENT, person=asker.person, dataset=dataset_id, value=value)

    def exhausted(self, asker: Asker, dataset_id: str, people: Sequence[int]) -> None:
        """Somebody has spent a whole budget on these people of a dataset.

        Args:
            asker: Who.
            dataset_id: Of which dataset.
            people: Their rows.
        """
        self._turn(self._today())
        for row in people:
            askers = self._exhausted.setdefault((dataset_id, row), set())
            askers.add(asker.person)
            if len(askers) >= SEVERAL:
                self._raise(EXHAUSTED, person=None, dataset=dataset_id, value=len(askers))

    def _raise(self, alarm: str, *, person: str | None, dataset: str | None, value: float) -> None:
        key = (alarm, person, dataset)
        if key not in self._state.raised:
            self._state.raised.add(key)
            self._tell(alarm, person=person, dataset=dataset, value=value)

    def _turn(self, day: str) -> bool:
        """Begin a new day, unless it is an earlier one; returns whether it is the present one."""
        if day > self._day:
            self._day, self._state = day, _State()
        return day == self._day
