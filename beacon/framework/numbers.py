"""The home of numbers as they may be told: thresholds, noise and rounding, in this order."""

from __future__ import annotations

from typing import NewType

from beacon.framework.access import Protection
from beacon.framework.answer import Part
from beacon.framework.noise import Added

Released = NewType("Released", int)
"""A number that may leave. Encoders take no other; `disclosure` alone makes them."""


def released(
    count: int,
    people: int,
    size: int | None,
    protection: Protection,
    *,
    others: int | None = None,
    part: Part | None = None,
    added: Added | None = None,
) -> tuple[Released, str, tuple[int, ...]]:
    """A number as it may be told, with its `countPrecision` and `countAdjustedTo`.

    Thresholds are of the true numbers, and say no more than a yes or no does. Noise comes behind
    them, where it takes a number past a threshold, the number is told that lies there: to tell it
    as nobody would contradict the yes, and by that tell how near the threshold it is. What is told
    then follows from the noisy number, and says no more than that does.

    Args:
        count: How many there are.
        people: Of how many people they are.
        size: How many there would be if everybody were counted, if that is known. When those who
            are left then are too few, everybody is told.
        protection: How numbers are told.
        others: Of how many people those are that are left, where they are not people themselves.
            Few people may have any number of samples, so that less is said of the least there are.
        part: The cohort within which is asked. When those who are left there are too few, all of
            the cohort are told.
        added: The noise.
    """
    least = protection.min_count
    if people < least:
        if people and protection.tells_few:
            return Released(least), "imprecise", (least,)
        few = least - 1
        return Released(0), *(("imprecise", (few,)) if not protection.tells_few else ("exact", ()))
    low = high = count
    left = others
    if part is not None and least > 1 and part.others < least:
        low, high = least if others is not None else max(part.size - least + 1, least), part.size
        left = None if others is None else part.outside
    if left is None and size is not None:
        left = size - high
    if size is not None and left is not None and left < least and least > 1:
        low, high = least if others is not None else max(size - least + 1, least), size
    elif added is not None:
        most = size - least if size is not None and least > 1 else size
        unknown = 0 if part is None else least
        return _noisy(high, most, added, unknown, protection)
    return _as_known(low, high, protection, reaches_to_least=others is not None)


def widened(
    told: Released, precision: str, adjusted_to: tuple[int, ...], nearly: int
) -> tuple[Released, str, tuple[int, ...]]:
    """A number as it may be told, of people who may differ from those asked for by so many."""
    if not nearly:
        return told, precision, adjusted_to
    step = adjusted_to[0] if precision == "rounded" else 0
    low, high = int(told) - step, int(told) + step
    if precision == "imprecise" and len(adjusted_to) == 2:
        low, high = adjusted_to
    elif precision == "imprecise" and adjusted_to:
        return told, precision, (adjusted_to[0] + nearly,)
    return told, "imprecise", (max(low - nearly, 0), high + nearly)


def _as_known(
    low: int, high: int, protection: Protection, *, reaches_to_least: bool
) -> tuple[Released, str, tuple[int, ...]]:
    """A number that is somewhere between two, told as the higher one."""
    least, step = protection.min_count, protection.round_to
    if step > 1:
        rounded = _rounded(high, protection)
        if low == high:
            return Released(rounded), "rounded", (step,)
        # The limits must not say how many everybody are.
        lowest = least if reaches_to_least else max(rounded - step - least, 1)
        return Released(rounded), "imprecise", (lowest, rounded + step)
    if low < high:
        return Released(high), "imprecise", (low, high)
    return Released(high), "exact", ()


def _noisy(
    count: int, most: int | None, added: Added, unknown: int, protection: Protection
) -> tuple[Released, str, tuple[int, ...]]:
    """A number with noise. The limits follow from it and from what every caller knows.

    Args:
        count: Without noise.
        most: The highest number there can be, if that is known.
        added: The noise.
        unknown: By how much the true number may be lower whatever the noise is.
        protection: How numbers are told.
    """
    least, step = max(protection.min_count, 1), protection.round_to
    told = max(count + added.amount, least)
    if most is not None:
        told = max(min(told, most), least)
    reach = added.reach
    if step > 1:
        told = _rounded(told, protection)
        reach += step
    return Released(told), "imprecise", (max(told - reach - unknown, least), told + reach)


def _rounded(count: int, protection: Protection) -> int:
    """The nearest multiple, and none that would be told as nobody."""
    step = protection.round_to
    nearest = (count + step // 2) // step * step
    least = max(protection.min_count, 1)
    return nearest if nearest >= least else -(-least // step) * step
