"""What a test of membership is worth: power at a rate of false positives, with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FALSE_POSITIVES = 0.05
POINTS = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
"""Rates of false positives at which a curve is told."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Power:
    """The share of members who are found, the bounds of its 95 % interval, and of how many."""

    power: float
    low: float
    high: float
    targets: int


def power_at(inside: Floats, outside: Floats, rate: float = FALSE_POSITIVES) -> float:
    """The share of `inside` above the threshold that so few of `outside` are above.

    Where scores are equal, the attacker throws a coin, weighted so that the rate is kept.
    """
    threshold = float(np.sort(outside)[::-1][int(rate * len(outside))])
    above, equal = (outside > threshold).mean(), (outside == threshold).mean()
    weight = (rate - above) / equal if equal else 0.0
    return float((inside > threshold).mean() + max(0.0, weight) * (inside == threshold).mean())


def power(inside: Floats, outside: Floats, rate: float = FALSE_POSITIVES) -> Power:
    """Power with the interval of Clopper and Pearson, the threshold taken as given."""
    found = power_at(inside, outside, rate)
    low, high = clopper_pearson(found * len(inside), len(inside))
    return Power(found, low, high, len(inside))


def clopper_pearson(hits: float, trials: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share; `hits` need not be whole where a coin was thrown."""
    tail = (1 - level) / 2
    low = 0.0 if hits <= 0 else _quantile(tail, hits, trials - hits + 1)
    high = 1.0 if hits >= trials else _quantile(1 - tail, hits + 1, trials - hits)
    return low, high


def _quantile(probability: float, a: float, b: float) -> float:
    """Of the beta distribution, by bisection of its integral."""
    grid = (np.arange(200_000) + 0.5) / 200_000
    density = np.exp(
        (a - 1) * np.log(grid)
        + (b - 1) * np.log1p(-grid)
        + math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
    )
    mass = np.cumsum(density)
    place = int(np.searchsorted(mass / mass[-1], probability))
    return float(grid[min(place, len(grid) - 1)])


def auc(inside: Floats, outside: Floats) -> float:
    """How probably one of `inside` is above one of `outside`; equal ones count half."""
    order = np.sort(outside)
    below = np.searchsorted(order, inside, "left")
    up_to = np.searchsorted(order, inside, "right")
    return float((below + up_to).mean() / 2 / len(outside))


def roc(inside: Floats, outside: Floats) -> list[tuple[float, float]]:
    """Rates of false positives with the power at each."""
    return [(rate, round(power_at(inside, outside, rate), 4)) for rate in POINTS]


def kolmogorov_smirnov(one: Floats, other: Floats) -> float:
    """The probability of two samples this different, if they come from the same distribution."""
    both = np.sort(np.concatenate((one, other)))
    shares = [np.searchsorted(np.sort(each), both, "right") / len(each) for each in (one, other)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    size = math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    at = (size + 0.12 + 0.11 / size) * distance
    if at < 0.2:
        return 1.0
    terms = (2 * (-1) ** (n - 1) * math.exp(-2 * n * n * at * at) for n in range(1, 101))
    return float(min(max(math.fsum(terms), 0.0), 1.0))


def queries_to(
    inside: Floats, outside: Floats, numbers: Sequence[int], wanted: float = 0.95
) -> int | None:
    """The smallest number of questions from which on the power is reached; `None`: it is not.

    Args:
        inside, outside: Scores after each number of questions: targets x numbers.
        numbers: Of questions, ascending.
        wanted: The power.
    """
    reached = [
        power_at(inside[:, place], outside[:, place]) >= wanted for place in range(len(numbers))
    ]
    for place, number in enumerate(numbers):
        if all(reached[place:]):
            return number
    return None


def expected_power(information: float, rate: float = FALSE_POSITIVES) -> float:
    """The power of the best test that has so much information, of a Gaussian kind."""
    return _NORMAL.cdf(math.sqrt(information) - _NORMAL.inv_cdf(1 - rate))
