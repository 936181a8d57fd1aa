"""The home of what can be inferred from a sample of alleles about how frequent one is."""

from __future__ import annotations

import math
from functools import lru_cache

_Z = 1.959964
_Z_ONE_SIDED = 1.644854
_ALPHA = 0.05
_FEW, _RARE = 30, 0.1


def interval(allele_count: int, allele_number: int) -> tuple[float, float]:
    """Between which frequencies the true one lies, with 95 % confidence.

    Of an allele that was not seen it is one-sided and exact; its upper end is about 3 / number. Of
    a rare one that was seen a few times it is the exact one of the Poisson distribution, because
    approximate intervals miss such frequencies too often. Of all others it is Wilson's, which holds
    what it promises there and is narrower.
    """
    if not allele_count:
        return 0.0, -math.expm1(math.log(_ALPHA) / allele_number)
    share = allele_count / allele_number
    if allele_count <= _FEW and share <= _RARE:
        low = _mean_reaching(allele_count, _ALPHA / 2)
        high = _mean_reaching(allele_count + 1, 1 - _ALPHA / 2)
        return low / allele_number, min(1.0, high / allele_number)
    square = _Z * _Z
    scale = 1 + square / allele_number
    middle = share + square / (2 * allele_number)
    spread = _Z * math.sqrt(
        share * (1 - share) / allele_number + square / (4 * allele_number * allele_number)
    )
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def filtering_frequency(allele_count: int, allele_number: int) -> float:
    """The filtering allele frequency, FAF95.

    An allele that is any rarer would be seen this often in less than 5 % of such samples. A
    disease that is too rare for it is not caused by the allele.
    """
    if not allele_count:
        return 0.0
    if allele_count <= _FEW:
        return _mean_reaching(allele_count, _ALPHA) / allele_number
    # Wilson and Hilferty; the error is below 1 in 10,000 from here on.
    root = 1 - 1 / (9 * allele_count) - _Z_ONE_SIDED / (3 * math.sqrt(allele_count))
    return allele_count * root**3 / allele_number


@lru_cache(maxsize=256)
def _mean_reaching(count: int, share: float) -> float:
    """The mean of the Poisson distribution that reaches `count` in that share of all cases."""
    low, high = 0.0, count + 10 * math.sqrt(count)
    for _ in range(50):
        mean = (low + high) / 2
        term = below = math.exp(-mean)
        for number in range(1, count):
            term *= mean / number
            below += term
        low, high = (mean, high) if 1 - below < share else (low, mean)
    return low
