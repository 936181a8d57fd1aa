"""The home of `Noise`: whole numbers that are added to counts, the same whenever they are asked.

The noise of a count is the sum of two layers. One belongs to the question and one to the people
who are counted, so that neither asking again nor asking for the same people in other words gives
another value to take the mean of. Each layer is a two-sided geometric variable,
P(z) = (1 - a) / (1 + a) · a^|z|, with half the variance of one with a = exp(-epsilon). Nothing else
enters: not who asks, and not when.
"""

from __future__ import annotations

import hmac
from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cache

from beacon.framework.answer import ResultSet

_HALF_BYTES = 32
_ONE = 1 << 8 * _HALF_BYTES
_DIGITS = 120
_OUTSIDE = 0.01
"""How often the noise is beyond the reach that is told."""


@dataclass(frozen=True, slots=True)
class Added:
    """What is added to one count; `reach` is what it is hardly ever beyond, whatever the count."""

    amount: int
    reach: int


@dataclass(frozen=True, slots=True)
class Noise:
    """Makes noise with a key that nobody else has."""

    key: bytes

    def __repr__(self) -> str:
        return "Noise(***)"

    def of(self, found: ResultSet, epsilon: float) -> Added | None:
        """The noise of one count; `None` when the source does not say what it is a count of.

        Args:
            found: What is counted of which dataset and release.
            epsilon: How little noise.
        """
        basis = found.basis
        if basis is None or basis.question is None or basis.members is None:
            return None
        whole = (found.dataset_id, found.release or "", repr(epsilon))
        scale = _scale(epsilon)
        amount = 0
        for layer, own in ((b"question", basis.question), (b"members", basis.members)):
            parts = (*(one.encode() for one in whole), layer, own)
            seed = b"".join(len(one).to_bytes(4, "big") + one for one in parts)
            amount += scale.drawn(hmac.digest(self.key, seed, "sha512"))
        return Added(amount, scale.reach)


@dataclass(frozen=True, slots=True)
class _Scale:
    """The distribution of one layer.

    Attributes:
        thresholds: The chances, in parts of 2^256 and ascending, that a geometric variable is n or
            more, for all n from 1 on until they are 0. A float could not tell the small ones, and
            which numbers it cannot make would tell of the count.
        reach: What the sum of both layers is beyond in no more than `_OUTSIDE` of all cases.
    """

    thresholds: tuple[int, ...]
    reach: int

    def drawn(self, digest: bytes) -> int:
        """The value of a layer: the difference of two geometric variables."""
        first, second = digest[:_HALF_BYTES], digest[_HALF_BYTES:]
        return self._geometric(first) - self._geometric(second)

    def _geometric(self, digest: bytes) -> int:
        drawn = int.from_bytes(digest, "big")
        return len(self.thresholds) - bisect_right(self.thresholds, drawn)


@cache
def _scale(epsilon: float) -> _Scale:
    with localcontext(prec=_DIGITS):
        whole = (-Decimal(repr(epsilon))).exp()
        half = whole / (1 - whole) ** 2  # of the variance: what a layer has
        a = (half + 1 - (2 * half + 1).sqrt()) / half  # so that 2a / (1 - a)² is half
        thresholds = []
        chance = a
        while threshold := int(chance * _ONE):
            thresholds.append(threshold)
            chance *= a
    return _Scale(tuple(reversed(thresholds)), _reach(float(a)))


def _reach(a: float) -> int:
    """The least number that the sum of two layers is not beyond more often than `_OUTSIDE`."""
    scale = ((1 - a) / (1 + a)) ** 2
    both = 2 * a * a / (1 - a * a)
    inside, reach = scale * (1 + both), 0
    while inside < 1 - _OUTSIDE:
        reach += 1
        inside += 2 * scale * a**reach * (reach + 1 + both)
    return reach
