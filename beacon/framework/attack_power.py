"""The home of what attacks on membership can reach: how probably people are found in the data.

*Power* is the share of the people in a dataset whom an attacker who has their genomes tells to be
in it, where 5 % of all others are told to be as well. Guessing reaches 0.05. The attacker of these
formulas knows every frequency and every rule, so real ones do worse.

- Shringarpure and Bustamante 2015, "Privacy Risks from Genomic Data-Sharing Beacons": a yes or no
  about each of many alleles, without knowing how frequent they are.
- Sankararaman, Obozinski, Jordan and Halperin 2009, "Genomic privacy and limits of individual
  detection in a pool": all frequencies of a table at once; after Homer et al. 2008.
- Dong, Roth and Su 2022, "Gaussian differential privacy": what many answers add up to.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from statistics import NormalDist

LEVEL = 0.05
"""Others who are told to be in the data, too."""

CERTAIN = 0.95
"""The power at which an attack has succeeded."""

INDEPENDENT_SITES = 50_000
"""As many sites of a genome at most say something that the others do not say already."""

SPECTRUM = (0.0735, 1.0096)
"""Allele frequencies of the 1000 Genomes Project, phase 1, as a beta distribution."""

_MISMATCH = 1e-6
"""Errors of sequencing that make somebody's own allele look as if it were not theirs."""

_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf(1 - LEVEL)
_YES = -1
_FEW = -2


def power_of(information: float) -> float:
    """The power of the best test on answers with so much information about somebody.

    Dong, Roth and Su 2022: Φ(√information - z₀.₉₅).

    Args:
        information: Sum over the answers of twice the Kullback-Leibler divergence between what is
            answered with that person in the data and without.
    """
    return _NORMAL.cdf(math.sqrt(information) - _Z) if math.isfinite(information) else 1.0


def information_for(power: float) -> float:
    """The least information that a power needs, from `LEVEL` on."""
    return (_Z - _NORMAL.inv_cdf(1 - power)) ** 2


def questions_for(power: float, information: float) -> int:
    """The fewest questions that reach a power.

    Args:
        power: To be reached.
        information: Of one answer; infinite where one answer alone can give somebody away.
    """
    return max(math.ceil(information_for(power) / information), 1)


@lru_cache(maxsize=64)
def information_of_answer(min_count: int, round_to: int | None = None) -> float:
    """The information of one answer about the allele that tells most of somebody.

    Args:
        min_count: Fewer carriers than this are told as nobody.
        round_to: Numbers are told as multiples of it; `None` if there is only a yes or no.

    Returns:
        Infinite with a `min_count` of 1: who asks for an allele that is found nowhere else needs
        but one answer. The number of people in the data does not matter.
    """
    if min_count <= 1:
        return math.inf
    # It is highest with somewhat fewer expected carriers than the threshold, by a flat maximum.
    expected = (min_count * step / 100 for step in range(10, 200, 2))
    return max(_information(one, min_count, round_to) for one in expected)


def _information(expected: float, min_count: int, round_to: int | None) -> float:
    """Of an answer about an allele whose carriers, besides somebody, are Poisson distributed."""
    without: defaultdict[int, float] = defaultdict(float)
    there: defaultdict[int, float] = defaultdict(float)
    spread = 12 * math.sqrt(expected)
    first = max(int(expected - spread), 0)
    probability = math.exp(first * math.log(expected) - expected - math.lgamma(first + 1))
    for count in range(first, int(expected + spread + 30)):
        without[_told(count, min_count, round_to)] += probability
        there[_told(count + 1, min_count, round_to)] += probability
        probability *= expected / (count + 1)
    return 2 * _divergence(there, without)


def _told(count: int, min_count: int, round_to: int | None) -> int:
    if count < min_count:
        return _FEW
    if round_to is None:
        return _YES
    return max(min_count, round_to * ((2 * count + round_to) // (2 * round_to)))


def _divergence(of: Mapping[int, float], over: Mapping[int, float]) -> float:
    # Where `over` has nothing left, both lie beyond what is worth a count.
    return sum(one * math.log(one / over[key]) for key, one in of.items() if one and over.get(key))


def scrape_power(people: int, sites: int) -> float:
    """The power of the best test on a whole table of frequencies, Sankararaman et al. 2009.

    Φ(√(m / N) - z₀.₉₅) for m sites that are independent of each other, `INDEPENDENT_SITES` at most.
    Leaving out rare alleles and rounding hardly change it.

    Args:
        people: Whom the frequencies are of, N.
        sites: In the table.
    """
    return power_of(independent(sites) / people) if people else LEVEL


def people_for_scrape(power: float, sites: int) -> int:
    """How many people a table must be of for a whole copy of it to give no more power than this."""
    return math.ceil(independent(sites) / information_for(power))


def independent(sites: int) -> int:
    """How many of these sites can be taken to be independent of each other."""
    return min(sites, INDEPENDENT_SITES)


def questions_without_frequencies(
    people: int, power: float = CERTAIN, spectrum: tuple[float, float] = SPECTRUM
) -> int:
    """Yes-or-no questions until somebody is found, Shringarpure and Bustamante 2015.

    By an attacker who knows no frequencies and asks for somebody's heterozygous alleles in any
    order, of a beacon without a threshold: those of a member are all there, and sooner or later
    one of anybody else's is not.

    Args:
        people: In the data.
        power: To be reached.
        spectrum: Both parameters of the beta distribution of allele frequencies.
    """
    absent = _absent(2 * people, spectrum)
    missed = _MISMATCH * _absent(2 * people - 2, spectrum)
    return math.ceil(math.log(LEVEL / power) / (math.log1p(-absent) - math.log1p(-missed)))


def _absent(genomes: int, spectrum: tuple[float, float]) -> float:
    """How probably none of so many haploid genomes has what somebody is heterozygous for."""
    a, b = (one + 1 for one in spectrum)
    gamma = math.lgamma
    return math.exp(gamma(b + genomes) + gamma(a + b) - gamma(b) - gamma(a + b + genomes))
