"""What attackers compute: how probable answers are with and without somebody, and what to ask.

Attackers know every parameter of the beacon: the size of the dataset, the threshold, the rounding,
what an answer is charged, and the budget. Scores are logarithms of likelihood ratios, larger for
members.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tests.attacks.people import Bits, Floats, Places

ERROR = 1e-6
"""How often a genotype of the target is wrong."""

OF_REGION = 3
"""Pairs of one region: more of them say the same again."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Mechanism:
    """How a number of carriers among `size` people is told; `noise` is its epsilon, 0 is none."""

    size: int
    min_count: int = 10
    round_to: int = 10
    boolean: bool = False
    noise: float = 0.0

    @cached_property
    def told(self) -> Numbers:
        """What each number from 0 to `size` is told as."""
        numbers = np.arange(self.size + 1)
        if self.boolean:
            return (numbers >= self.min_count).astype(np.int64)
        least, step = self.min_count, self.round_to
        high = np.where((self.size - numbers < least) & (least > 1), self.size, numbers)
        nearest = (high + step // 2) // step * step if step > 1 else high
        floor = -(-max(least, 1) // step) * step
        shown = np.where(nearest >= floor, nearest, floor)
        return np.where(numbers < least, 0, shown)

    @cached_property
    def answers(self) -> Numbers:
        """All answers there are, ascending."""
        return np.unique(self.told)

    @cached_property
    def chances(self) -> Floats:
        """How probable each answer is, by the number: numbers x answers."""
        made = np.zeros((self.size + 1, len(self.answers)))
        numbers = np.arange(self.size + 1)
        exact = made.copy()
        exact[numbers, np.searchsorted(self.answers, self.told)] = 1
        least = self.min_count
        blurred = (numbers >= least) & (self.size - numbers >= least)
        if not self.noise or self.boolean or not blurred.any():
            return exact
        for amount, chance in _noise(self.noise):
            moved = np.clip(numbers + amount, least, self.size - least)
            made[numbers, np.searchsorted(self.answers, self.told[moved])] += chance
        return np.where(blurred[:, None], made, exact)

    def place(self, told: Numbers) -> Numbers:
        """Of answers among all; one that cannot be is the nearest that can."""
        return np.clip(np.searchsorted(self.answers, told), 0, len(self.answers) - 1)

    def cost(self, people: Floats) -> Floats:
        """What each of so many people is charged for an answer that rests on them."""
        return 1 / np.maximum(people, max(self.min_count, 1))


def _noise(epsilon: float) -> list[tuple[int, float]]:
    """Amounts with their chances: two layers, each with half the variance that epsilon gives."""
    whole = math.exp(-epsilon)
    half = whole / (1 - whole) ** 2
    a = (half + 1 - math.sqrt(2 * half + 1)) / half
    amounts = np.arange(-60, 61)
    layer = (1 - a) / (1 + a) * a ** np.abs(amounts)
    both = np.convolve(layer, layer)
    kept = slice(60, -60)
    return list(zip(range(-60, 61), (both[kept] / both[kept].sum()).tolist(), strict=True))


def binomial(size: int, shares: Floats) -> Floats:
    """Probabilities of 0 to `size` carriers: shares x numbers."""
    factorials = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, size + 1)))))
    numbers = np.arange(size + 1)
    choose = factorials[size] - factorials - factorials[::-1]
    clipped = np.clip(shares, 1e-12, 1 - 1e-12)[:, None]
    return np.asarray(
        np.exp(choose + numbers * np.log(clipped) + (size - numbers) * np.log1p(-clipped))
    )


@dataclass(frozen=True)
class Knowledge:
    """What an attacker expects of every allele of one dataset.

    Attributes:
        mechanism: How numbers are told.
        frequencies: Of alleles, one a site.
    """

    mechanism: Mechanism
    frequencies: Floats

    @cached_property
    def shares(self) -> Floats:
        """Of people who carry each allele."""
        return 1 - (1 - self.frequencies) ** 2

    @cached_property
    def _unique(self) -> tuple[Floats, Places]:
        # To one percent of the odds: finer would cost time and tell nothing more.
        shares = np.clip(self.shares, 1e-6, 1 - 1e-6)
        odds = np.exp(np.round(np.log(shares / (1 - shares)), 2))
        return np.unique(odds / (1 + odds), return_inverse=True)

    @cached_property
    def _ratios(self) -> tuple[Floats, Floats, Floats]:
        """Log ratios (allele x answer x carries it or not), and information of asking, and cost."""
        shares, _ = self._unique
        size, mechanism = self.mechanism.size, self.mechanism
        into = mechanism.chances
        without = binomial(size, shares)
        others = binomial(size - 1, shares)
        nobody = np.zeros((len(shares), 1))
        absent = without @ into
        carrying = np.concatenate((nobody, others), axis=1) @ into
        lacking = np.concatenate((others, nobody), axis=1) @ into
        carrying, lacking = (
            (1 - ERROR) * one + ERROR * other
            for one, other in ((carrying, lacking), (lacking, carrying))
        )
        logs = [np.log(np.maximum(one, 1e-12)) for one in (absent, lacking, carrying)]
        ratios = np.stack([logs[1] - logs[0], logs[2] - logs[0]], axis=2)
        both = np.stack([lacking, carrying], axis=2)
        information = 2 * (both * ratios).sum(axis=1)
        costs = without @ mechanism.cost(np.arange(size + 1.0))
        return ratios, information, costs

    def information(self, carries: Bits) -> Floats:
        """How much each allele would tell of somebody who carries those alleles."""
        _, inverse = self._unique
        return np.asarray(self._ratios[1][inverse, carries.astype(np.intp)])

    @property
    def costs(self) -> Floats:
        """What carriers may expect to be charged, one a site."""
        return np.asarray(self._ratios[2][self._unique[1]])

    def scores(self, sites: Places, carries: Bits, told: Numbers) -> Floats:
        """What each answer says for membership."""
        inverse = self._unique[1][sites]
        return np.asarray(
            self._ratios[0][inverse, self.mechanism.place(told), carries.astype(np.intp)]
        )


def best_first(knowledge: Knowledge, carries: Bits, number: int) -> Places:
    """The alleles that somebody carries which tell most, first."""
    sites = np.flatnonzero(carries)
    order = np.argsort(-knowledge.information(carries)[sites], kind="stable")
    return np.asarray(sites[order][:number])


def within_budget(
    knowledge: Knowledge, carries: Bits, limit: float, regions: Places, per_region: int = 1
) -> Places:
    """The carried alleles that tell most for what they are charged, spread over regions."""
    sites = np.flatnonzero(carries)
    worth = knowledge.information(carries)[sites] / knowledge.costs[sites]
    chosen: list[int] = []
    spent = 0.0
    used = np.zeros(int(regions.max()) + 1, dtype=int)
    for site in sites[np.argsort(-worth, kind="stable")]:
        if used[regions[site]] >= per_region or spent + knowledge.costs[site] > limit:
            continue
        used[regions[site]] += 1
        spent += float(knowledge.costs[site])
        chosen.append(int(site))
    return np.array(chosen, dtype=np.intp)


def not_charged(knowledge: Knowledge, carries: Bits, number: int, regions: Places) -> Places:
    """Alleles that somebody lacks and most have, the best of each region.

    Those who lack an allele are not among the people whom its number is of.
    """
    sites = np.flatnonzero(~carries)
    order = sites[np.argsort(-knowledge.information(carries)[sites], kind="stable")]
    _, first = np.unique(regions[order], return_index=True)
    return np.asarray(order[np.sort(first)][:number])


def likelihood_of_frequencies(dosage: Floats, told: Floats, expected: Floats) -> Floats:
    """Homer's question as Sankararaman and others answer it: sites x targets to one score each."""
    told = np.clip(told, 1e-4, 1 - 1e-4)[:, None]
    expected = np.clip(expected, 1e-4, 1 - 1e-4)[:, None]
    terms = dosage * np.log(told / expected) + (2 - dosage) * np.log((1 - told) / (1 - expected))
    return np.asarray(terms.sum(axis=0))


def share_of_copies(carriers: Floats, size: int) -> Floats:
    """The allele frequency at which so many carry it, in equilibrium."""
    return np.asarray(1 - np.sqrt(1 - np.clip(carriers / size, 0, 1)))


@dataclass(frozen=True, slots=True)
class Pair:
    """An allele that the target carries, and one that the target lacks and nearly all others with
    it have; `both`, `only` and `other` are the shares of people who have both, or one of them.
    """

    carried: int
    lacked: int
    both: float
    only: float
    other: float

    @property
    def differ(self) -> float:
        return self.only + self.other


@dataclass(frozen=True)
class Neighbours:
    """What a reference tells of alleles that are near each other.

    `of_regions` holds, for each stretch, its sites that are of use, the shares of people who
    carry each, and how many carry both of two.
    """

    people: int
    of_regions: Sequence[tuple[Places, Floats, NDArray[np.float32]]]

    @classmethod
    def of(cls, carried: Bits, regions: Places, least: float) -> Neighbours:
        """Read a reference.

        Args:
            carried: Who of it carries each allele: sites x people.
            regions: Of sites; those in different ones are not near.
            least: Share of people from which on an allele is of use.
        """
        shares = carried.mean(axis=1)
        found = []
        for region in np.unique(regions):
            here = np.flatnonzero((regions == region) & (shares >= least) & (shares <= 0.6))
            some = carried[here].astype(np.float32)
            found.append((here, shares[here], some @ some.T / carried.shape[1]))
        return cls(carried.shape[1], found)

    def pairs(self, carries: Bits) -> list[Pair]:
        """For each allele of a target its nearest that the target lacks, the nearest first."""
        found = []
        half = 0.5 / self.people
        for here, shares, both in self.of_regions:
            ours = carries[here]
            if not ours.any() or ours.all():
                continue
            differ = shares[ours][:, None] + shares[~ours][None, :] - 2 * both[ours][:, ~ours]
            nearest = differ.argmin(axis=1)
            lacked = np.flatnonzero(~ours)[nearest]
            for place, other in zip(np.flatnonzero(ours), lacked, strict=True):
                together = float(both[place, other])
                found.append(
                    Pair(
                        int(here[place]),
                        int(here[other]),
                        together,
                        max(float(shares[place]) - together, 0.0) + half,
                        max(float(shares[other]) - together, 0.0) + half,
                    )
                )
        return sorted(found, key=lambda one: one.differ / (one.both + one.only))


def chosen_pairs(
    candidates: Sequence[Pair],
    mechanism: Mechanism,
    limit: float,
    number: int,
    regions: Places,
    of_each: float = OF_REGION,
) -> list[Pair]:
    """The first of them that a budget allows: each allele that is lacked once, few of a region."""
    chosen: list[Pair] = []
    used: set[int] = set()
    of_region: Counter[int] = Counter()
    spent = 0.0
    for one in candidates:
        expected = np.array([(one.both + one.only) * mechanism.size])
        cost = float(mechanism.cost(expected)[0])
        region = int(regions[one.carried])
        if one.lacked in used or of_region[region] == of_each or spent + cost > limit:
            continue
        if len(chosen) == number:
            break
        of_region[region] += 1
        used.add(one.lacked)
        spent += cost
        chosen.append(one)
    return chosen


def pair_score(pair: Pair, mechanism: Mechanism, carried: int, lacked: int) -> float:
    """What two answers together say: the people who have both alleles are in both numbers."""
    size = mechanism.size
    both, only, other = (
        _poisson(size * share, size) for share in (pair.both, pair.only, pair.other)
    )
    own, of_other = (
        mechanism.chances[:, mechanism.place(np.array(one))] for one in (carried, lacked)
    )
    shared = both * _expected(of_other, other)
    without = (shared * _expected(own, only)).sum()
    within = (shared * _expected(np.append(own[1:], own[-1]), only)).sum()
    return float(np.log(np.maximum(within, 1e-9)) - np.log(np.maximum(without, 1e-9)))


def _expected(chances: Floats, more: Floats) -> Floats:
    """Of an answer, by a number to which so many more come with these probabilities."""
    few = more[: max(int(np.searchsorted(np.cumsum(more), 1 - 1e-9)) + 1, 1)]
    padded = np.concatenate((chances, np.full(len(few) - 1, chances[-1])))
    return np.asarray(np.convolve(padded, few[::-1], "valid"))


def _poisson(mean: float, size: int) -> Floats:
    numbers = np.arange(size + 1)
    factorials = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, size + 1)))))
    return np.asarray(np.exp(numbers * np.log(max(mean, 1e-12)) - mean - factorials))
