"""The home of `Budget`: how much one caller may learn of each person in the data.

The currency is information: twice the Kullback-Leibler divergence between the answers to be
expected with and without somebody in the data. Over independent questions it adds up, and a test
at the 5 % level finds who is in the data with a power of Φ(√sum - z₀.₉₅) (Dong, Roth and Su 2022,
"Gaussian differential privacy"); a limit to the sum is a limit to that power, whatever is asked.
Amounts are whole millionths, rounded so that no charge is too small.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist

import msgspec

UNITS = 1_000_000
"""Of one unit of information."""

LEVEL = 0.05
"""False positives of the test whose power is limited."""

COMMON = 500
"""From so many people on, each is charged so little that everybody is charged it: one number."""

_EXCESS = {0: 330, 1: 330, 2: 137, 3: 105}
"""What a yes or no tells at the worst frequency, by threshold, as percent of 1 / threshold. At 1
there is no bound; this is what an allele of one person in twenty times the people tells."""

_NORMAL = NormalDist()


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What one caller may spend on each person of one dataset.

    Attributes:
        limit: Most that a caller learns of a person within the window.
        organisation_limit: Most that all callers of one organisation learn.
        dataset_limit: Most that all callers with budgets learn.
        window_s: Seconds after which a charge no longer counts.
        questions_max: Different questions within thirty days; 0 is any number.
        filters_max: Filters in one question; 0 is any number.
    """

    limit: int
    organisation_limit: int
    dataset_limit: int
    window_s: float
    questions_max: int = 0
    filters_max: int = 0

    def stricter(self, other: Budget) -> Budget:
        """What keeps to both."""
        questions = [one for one in (self.questions_max, other.questions_max) if one]
        filters = [one for one in (self.filters_max, other.filters_max) if one]
        return Budget(
            limit=min(self.limit, other.limit),
            organisation_limit=min(self.organisation_limit, other.organisation_limit),
            dataset_limit=min(self.dataset_limit, other.dataset_limit),
            window_s=max(self.window_s, other.window_s),
            questions_max=min(questions, default=0),
            filters_max=min(filters, default=0),
        )


def limit_of_power(power: float) -> int:
    """The most information by which somebody is found with no more than this power.

    Args:
        power: Share of people who would be found, at 5 % false positives; above 0.05, below 1.
    """
    root = _NORMAL.inv_cdf(1 - LEVEL) - _NORMAL.inv_cdf(1 - power)
    return int(root * root * UNITS)


@lru_cache(maxsize=1 << 16)
def cost(people: int, min_count: int) -> int:
    """What an answer costs that rests on so many people, for each of them.

    A number of them tells about 1 / number of each (its variance is about the number), and one
    below the threshold is not told. A yes or no follows from the number, so it tells no more,
    unless the threshold is so low that numbers about it are far from normal.
    """
    return -(-UNITS * _EXCESS.get(min_count, 100) // (100 * max(people, min_count, 1)))
