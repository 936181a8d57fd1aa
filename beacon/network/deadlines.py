"""The home of `Deadlines`: many things that end at one moment, with one timer for all of them."""

from __future__ import annotations

import asyncio
import math
from types import TracebackType
from typing import Self


class Deadlines:
    """Moments by the clock of the event loop, to the millisecond, and what ends at them."""

    def __init__(self) -> None:
        """Nothing is to end yet."""
        self._moments: dict[int, _Moment] = {}

    def until(self, deadline: float) -> Until:
        """As `asyncio.timeout_at`, but no earlier and less than a millisecond later than that."""
        number = math.ceil(deadline * 1000)
        moment = self._moments.get(number)
        if moment is None:
            moment = self._moments[number] = _Moment(self._moments, number)
        return Until(moment)


class Until:
    """A context that ends with `TimeoutError` at its deadline."""

    __slots__ = ("_cancelling", "_is_over", "_moment", "_task")

    def __init__(self, moment: _Moment) -> None:
        self._moment = moment
        self._is_over = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is that of a task")
        self._task, self._cancelling = task, task.cancelling()
        self._moment.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._is_over:
            self._moment.discard(self)
        # What was cancelled by others, too, stays cancelled.
        elif self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def end(self) -> None:
        """The moment has come."""
        self._is_over = True
        self._task.cancel()


class _Moment:
    """What ends at one moment."""

    __slots__ = ("_moments", "_number", "_timer", "_waiting")

    def __init__(self, moments: dict[int, _Moment], number: int) -> None:
        self._moments, self._number = moments, number
        self._waiting: set[Until] = set()
        self._timer = asyncio.get_running_loop().call_at(number / 1000, self._end)

    def add(self, one: Until) -> None:
        self._waiting.add(one)

    def discard(self, one: Until) -> None:
        self._waiting.discard(one)
        if not self._waiting:
            self._timer.cancel()
            self._moments.pop(self._number, None)

    def _end(self) -> None:
        self._moments.pop(self._number, None)
        for one in self._waiting:
            one.end()
        self._waiting.clear()
