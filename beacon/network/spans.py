"""The home of arithmetic with bounds: what counts add up to when each is only known so far."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

NOISE_ALPHA = 0.05
"""How often the bounds of a noisy count may miss the true one."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """A count is at least `lower` and at most `upper`; `None` is no bound."""

    lower: int
    upper: int | None

    @property
    def is_exact(self) -> bool:
        """Whether only one number is left."""
        return self.lower == self.upper


class Span(msgspec.Struct, frozen=True):
    """Bounds that can still be added up.

    `noise` is the sum of the squared scales of the Laplace noise on top, which the bounds do not
    include yet: they may be negative until it is taken into account. `told` is the count as it was
    told, 1 for a mere yes.
    """

    lower: int
    upper: int | None
    noise: float = 0.0
    told: int = 0

    @property
    def bounds(self) -> Bounds:
        """The bounds of the true count; of noisy ones with 95 % confidence.

        One Laplace variable of scale b is within b times ln(1/alpha). The tails of
        a sum of several are lighter, so that the root of their summed b² holds for them, too.
        """
        lower, upper = self.lower, self.upper
        if self.noise:
            spread = math.log(1 / NOISE_ALPHA) * math.sqrt(self.noise)
            lower = math.floor(lower - spread)
            upper = None if upper is None else max(0, math.ceil(upper + spread))
        return Bounds(lower=max(0, lower), upper=upper)


NOTHING = Span(0, 0)
ANYTHING = Span(0, None)


def added(spans: Iterable[Span]) -> Span:
    """The bounds of the sum."""
    lower, upper, noise, told = 0, 0, 0.0, 0
    is_bounded = True
    for one in spans:
        lower += one.lower
        noise += one.noise
        told += one.told
        if one.upper is None:
            is_bounded = False
        else:
            upper += one.upper
    return Span(lower, upper if is_bounded else None, noise, told)


def overlapping(spans: Sequence[Span]) -> Span:
    """The bounds of how many there are in all, if any of them may be in several."""
    in_all = added(spans)
    lower = max((one.bounds.lower for one in spans), default=0)
    return Span(lower, in_all.bounds.upper, 0.0, in_all.told)


def read_bounds(value: Any) -> Bounds | None:
    """Bounds as a network writes them: `[lower, upper]`, `[lower]` or an object with both names."""
    if isinstance(value, Mapping):
        value = [value.get("lower"), value.get("upper")]
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= 2:
        return None
    lower, upper = value[0], value[1] if len(value) == 2 else None
    if not _is_count(lower) or not (upper is None or (_is_count(upper) and lower <= upper)):
        return None
    return Bounds(lower=lower, upper=upper)


def written_bounds(bounds: Bounds) -> list[int]:
    """As `read_bounds` reads them; without an upper bound the lower one stands alone."""
    return [bounds.lower] if bounds.upper is None else [bounds.lower, bounds.upper]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
