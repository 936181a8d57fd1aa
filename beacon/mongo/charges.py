"""The home of `Charges`: what an answer charges to whom, summed at its end."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_DENSE_FROM = 8
"""An array of everybody is made when charges are more than everybody divided by that."""


class Charges:
    """Charges to people by ordinal. What they cost grows with how many they are.

    Args:
        size: How many people there are.
    """

    __slots__ = ("_moved", "_people", "_size", "_sums", "_units", "_waiting")

    def __init__(self, size: int) -> None:
        self._size = size
        self._people: list[I64] = []
        self._units: list[F64] = []
        self._waiting = 0
        self._sums: F64 | None = None
        self._moved: F64 | None = None

    def add(self, people: I64, units: npt.NDArray[Any] | float) -> None:
        """Charge people, who may come several times: each of them some units, or all the same."""
        if not people.size:
            return
        self._people.append(people)
        self._units.append(np.broadcast_to(np.asarray(units, np.float64), people.shape))
        self._waiting += people.size
        if self._waiting * _DENSE_FROM > self._size:
            self._sum_up()

    def sums(self) -> tuple[I64, F64, F64]:
        """Who is charged, ascending; what, in all; and the sum of the roots of all charges."""
        if self._sums is not None and self._moved is not None:
            self._sum_up()
            found = np.flatnonzero(self._sums)
            return found, self._sums[found], self._moved[found]
        if not self._people:
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
        units = np.concatenate(self._units)
        found, place = np.unique(np.concatenate(self._people), return_inverse=True)
        return found, _summed(place, units, found.size), _summed(place, np.sqrt(units), found.size)

    def _sum_up(self) -> None:
        """Add what waits to arrays of everybody."""
        if self._sums is None or self._moved is None:
            self._sums, self._moved = np.zeros(self._size), np.zeros(self._size)
        if self._people:
            people, units = np.concatenate(self._people), np.concatenate(self._units)
            self._sums += _summed(people, units, self._size)
            self._moved += _summed(people, np.sqrt(units), self._size)
            self._people, self._units, self._waiting = [], [], 0


def _summed(place: npt.NDArray[np.intp], amounts: F64, size: int) -> F64:
    return np.bincount(place, amounts, size).astype(np.float64, copy=False)
