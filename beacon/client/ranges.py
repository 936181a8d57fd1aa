"""The home of `CountRange`: between which numbers a count lies, by what a beacon says of it.

Beacons protect people: counts are raised, rounded or kept back. Whatever is not excluded by what a
beacon says is in the range.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CountRange:
    """A count is at least `low` and at most `high`; `None` is no bound."""

    low: int
    high: int | None

    @property
    def exists(self) -> bool | None:
        """Whether there is anything: `None` when neither yes nor no is certain."""
        if self.low > 0:
            return True
        return False if self.high == 0 else None


NOTHING = CountRange(0, 0)
ANYTHING = CountRange(0, None)
SOMETHING = CountRange(1, None)

_DIGITS = re.compile(r"\d{1,18}", re.ASCII)
_BELOW = re.compile(r"<(=?)\s*(\d{1,18})", re.ASCII)


def range_of(exists: bool | None, count: Any, precision: Any, adjusted_to: Any) -> CountRange:
    """The range of what one set, or a whole answer, says.

    Args:
        exists: As stated; `None` where it is not.
        count: As stated, in whichever type; what is no number counts as not stated.
        precision: `countPrecision`; not stated is `exact`.
        adjusted_to: `countAdjustedTo`: two numbers are limits of the true count. One is a
            threshold of an imprecise count, or the step of a rounded one.
    """
    number = whole(count)
    if number is None:
        return {True: SOMETHING, False: NOTHING, None: ANYTHING}[exists]
    if exists is False and number:
        return ANYTHING  # noise, or a contradiction
    least = 1 if exists else 0
    if precision in (None, "exact"):
        if exists and not number:
            return SOMETHING  # a count that is kept back
        return CountRange(number, number)
    limits = _limits(adjusted_to)
    if len(limits) == 2:
        low = 0 if exists is False else max(min(limits), least)
        return CountRange(low, max(*limits, number))
    if len(limits) == 1:
        (given,) = limits
        if precision == "rounded" and given > 0 and number % given == 0:
            low = max(number - given + 1, least)
            return CountRange(low, max(number + given - 1, low))
        if precision == "imprecise" and number <= given:
            return CountRange(least, max(given, least))
    return CountRange(least, None)


def read_range(value: Any) -> CountRange | None:
    """A range as networks write it: `[low, high]`, `[low]`, or an object with `lower`, `upper`."""
    if isinstance(value, Mapping):
        value = [value.get("lower"), value.get("upper")]
    if not isinstance(value, list) or not 1 <= len(value) <= 2:
        return None
    low, high = whole(value[0]), whole(value[1]) if len(value) == 2 else None
    if low is None or (high is not None and high < low):
        return None
    return CountRange(low, high)


def together(ranges: Iterable[CountRange]) -> CountRange:
    """How many there are in all, if any of them may be in several sets."""
    low, high = 0, 0
    is_bounded = True
    for one in ranges:
        low = max(low, one.low)
        is_bounded = is_bounded and one.high is not None
        high += one.high or 0
    return CountRange(low, high if is_bounded else None)


def whole(value: Any) -> int | None:
    """A count as servers write it: a number, or its digits; `None` for anything else."""
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value < 10**18 else None


def _limits(given: Any) -> tuple[int, ...]:
    listed = given if isinstance(given, list) else [given]
    if len(listed) == 1 and isinstance(listed[0], str):
        below = _BELOW.fullmatch(listed[0].strip())
        if below is not None and int(below[2]) > 1:
            return (1, int(below[2]) - (not below[1]))
    numbers = [whole(one) for one in listed]
    if not 1 <= len(numbers) <= 2:
        return ()
    return tuple(one for one in numbers if one is not None) if None not in numbers else ()
