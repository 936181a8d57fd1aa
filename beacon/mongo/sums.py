"""The home of `Sums`: how much of each of many people, by their keys."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

NOBODY: U64 = np.zeros(0, np.uint64)

_APART_MAX = 4096
"""People who are kept apart until so many are new: then all are sorted in at once."""


@dataclass(slots=True)
class _Run:
    """Amounts of people, ascending by their keys."""

    people: U64 = field(default_factory=lambda: NOBODY)
    units: I64 = field(default_factory=lambda: np.zeros(0, np.int64))

    def find(self, people: U64) -> tuple[Bool, npt.NDArray[np.intp]]:
        """Who of these is here, and the places of all, which say something of those only."""
        place = np.searchsorted(self.people, people)
        if not self.people.size:
            return np.zeros(people.size, np.bool_), place
        np.minimum(place, self.people.size - 1, out=place)
        return self.people[place] == people, place

    def insert(self, people: U64, units: I64) -> None:
        """Take people who are not here, ascending."""
        place = np.searchsorted(self.people, people)
        self.people = np.insert(self.people, place, people)
        self.units = np.insert(self.units, place, units)


class Sums:
    """Amounts of people by their keys. What it costs to add grows with how many are added.

    Args:
        people: Ascending, each once.
        units: Of each.
    """

    __slots__ = ("_apart", "_sorted")

    def __init__(self, people: U64 = NOBODY, units: npt.NDArray[np.integer] = NOBODY) -> None:
        self._sorted = _Run(people, units.astype(np.int64))
        self._apart = _Run()

    def __len__(self) -> int:
        return self._sorted.people.size + self._apart.people.size

    def of(self, people: U64) -> I64:
        """The amounts of some people; 0 of those who are not known."""
        found = np.zeros(people.size, np.int64)
        for run in (self._sorted, self._apart):
            if run.people.size:
                known, place = run.find(people)
                found[known] = run.units[place[known]]
        return found

    def add(self, people: U64, units: npt.NDArray[np.integer]) -> I64:
        """Add amounts of some people, ascending, each once; what there is of them now."""
        sums = units.astype(np.int64)
        new = np.ones(people.size, np.bool_)
        for run in (self._sorted, self._apart):
            known, place = run.find(people)
            at = place[known]
            run.units[at] += sums[known]
            sums[known] = run.units[at]
            new &= ~known
        if new.any():
            self._apart.insert(people[new], sums[new])
            if self._apart.people.size > _APART_MAX:
                self.items()
        return sums

    def above(self, units: int) -> U64:
        """Of whom there is more than that, ascending."""
        runs = (self._sorted, self._apart)
        found = np.concatenate([run.people[run.units > units] for run in runs])
        found.sort()
        return found

    def most_up_to(self, units: float) -> int:
        """The largest amount that is not above some; 0 where there is none."""
        runs = (self._sorted, self._apart)
        return max(int(run.units[run.units <= units].max(initial=0)) for run in runs)

    def items(self) -> tuple[U64, I64]:
        """Everybody, ascending, and their amounts."""
        if self._apart.people.size:
            self._sorted.insert(self._apart.people, self._apart.units)
            self._apart = _Run()
        return self._sorted.people, self._sorted.units
