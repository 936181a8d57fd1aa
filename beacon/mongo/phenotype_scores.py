"""The home of `PhenotypeScores`: how similar everybody's features are to those of a case.

The rule is `model.phenotypes.Phenotypes`, put into columns: what a term has in common with the case
is the same whoever has it, so it is worked out once a term, and then looked up for everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from beacon.model.ontology import Ontology
from beacon.model.phenotypes import AGREED_BITS, CHANCE, CONTRADICTED, Phenotypes
from beacon.mongo.features import Column, Features

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

_AT_A_TIME = 1 << 16
"""Individuals whose columns fit into the caches of a processor."""


class TermColumns:
    """What is known of the terms of a dataset, whatever case they are compared with.

    Args:
        features: Whose terms.
        ontology: Where they are from.
    """

    def __init__(self, features: Features, ontology: Ontology) -> None:
        self.features = features
        self.ontology = ontology
        counted = Phenotypes((), (), ontology)
        self.is_counted = np.array([counted.counts(one) for one in features.terms], bool)
        self.information: F64 = np.array(
            [
                ontology.information(term) if counts else 0.0
                for term, counts in zip(features.terms, self.is_counted, strict=True)
            ],
            np.float64,
        )
        under: dict[str, list[int]] = {}
        for index in np.flatnonzero(self.is_counted):
            for ancestor in ontology.ancestors(features.terms[index]):
                under.setdefault(ancestor, []).append(int(index))
        self._under = {term: np.array(indexes) for term, indexes in under.items()}
        self.present_information = _sums(self.information, features.present)
        self.present_count = _sums(self.is_counted.astype(np.float64), features.present)
        self.absent_count = np.diff(features.absent.ends).astype(np.float64)
        self.groups = tuple(_groups(features.present))

    def under(self, term: str) -> I64:
        """The indexes of the terms in use that are kinds of one, or it."""
        found: I64 = self._under.get(term, _NONE)
        return found


class PhenotypeScores:
    """Compares the individuals of a dataset with a case.

    Args:
        columns: Of the terms of the dataset.
        phenotypes: Of the case.
    """

    def __init__(self, columns: TermColumns, phenotypes: Phenotypes) -> None:
        self._columns = columns
        ontology, size = columns.ontology, len(columns.features.terms)
        self._whole = phenotypes.information
        self._of_features = [_common(one, columns, ontology, size) for one in phenotypes.features]
        informations = np.sort([ontology.information(one) for one in phenotypes.features])
        self._informations: F64 = np.asarray(informations, np.float64)
        self._best: F64 = np.max([np.zeros(size), *self._of_features], axis=0)
        self._against_present = np.zeros(size)
        self._agreed = np.zeros(size)
        for one in phenotypes.excluded:
            under = columns.under(one)
            self._agreed[under] = AGREED_BITS
            self._against_present[under] = np.maximum(
                self._against_present[under], ontology.information(one)
            )
        self._against_absent = np.zeros(size)
        implied = {term for one in phenotypes.features for term in ontology.ancestors(one)}
        for index, term in enumerate(columns.features.terms):
            if term in implied and columns.is_counted[index]:
                self._against_absent[index] = columns.information[index]

    def similarities(self, least: float) -> F64:
        """Of every individual by ordinal; -inf where it is known to be below `least`."""
        people = len(self._columns.features.present.ends) - 1
        found = np.where(self._columns.present_count == 0, 0.0, -np.inf)
        if not self._of_features or not people:
            return np.zeros(people)
        for group in self._columns.groups:
            for start in range(0, len(group.ordinals), _AT_A_TIME):
                part = slice(start, start + _AT_A_TIME)
                self._compare(group.ordinals[part], group.terms[:, part], least, found)
        return found

    def of(self, ordinals: I64) -> F64:
        """Of some individuals, as `Phenotypes.similarity` has it."""
        present = _some(self._columns.features.present, ordinals)
        shared = _sums(self._best, present)
        for one in self._of_features:
            shared += _most(one, present)
        return self._scaled(ordinals, shared, _sums(self._against_present, present))

    def _compare(self, ordinals: I64, terms: I32, least: float, found: F64) -> None:
        """Put the similarities of individuals who have as many terms each into `found`."""
        total, most = np.zeros(len(ordinals)), np.zeros(len(ordinals))
        for of_place in terms:
            weights = self._best[of_place]
            total += weights
            np.maximum(most, weights, out=most)
        chosen = np.flatnonzero(self._upper_bounds(ordinals, total, most) >= least)
        if not len(chosen):
            return
        ordinals, terms, shared = ordinals[chosen], terms[:, chosen], total[chosen]
        for one in self._of_features:
            best = one[terms[0]]
            for of_place in terms[1:]:
                np.maximum(best, one[of_place], out=best)
            shared += best
        against = np.zeros(len(chosen))
        for of_place in terms:
            against += self._against_present[of_place]
        found[ordinals] = self._scaled(ordinals, shared, against)

    def _upper_bounds(self, ordinals: I64, total: F64, most: F64) -> F64:
        """What similarities are at most.

        No feature finds more than the best of somebody's terms, nothing is held against anybody,
        and whatever somebody was found not to have agrees.
        """
        columns = self._columns
        below = np.searchsorted(self._informations, most)
        sums = np.concatenate([[0.0], np.cumsum(self._informations)])
        shared = total + sums[below] + most * (len(self._informations) - below)
        agreed = AGREED_BITS * columns.absent_count[ordinals]
        whole = self._whole + columns.present_information[ordinals] + agreed
        parts = (shared + agreed) / np.where(whole == 0, 1.0, whole)
        # Sums in another order differ in their last digits.
        bounds: F64 = (parts - CHANCE) / (1 - CHANCE) + 1e-9
        return bounds

    def _scaled(self, ordinals: I64, shared: F64, against: F64) -> F64:
        absent = _some(self._columns.features.absent, ordinals)
        agreed = _sums(self._agreed, absent)
        against = against + _sums(self._against_absent, absent)
        whole = self._whole + self._columns.present_information[ordinals] + agreed
        nothing = (self._columns.present_count[ordinals] == 0) | (whole == 0)
        nothing |= not self._of_features
        parts = (shared + agreed - CONTRADICTED * against) / np.where(nothing, 1.0, whole)
        told: F64 = np.where(nothing, 0.0, (parts - CHANCE) / (1 - CHANCE))
        return told


@dataclass(frozen=True, slots=True)
class _Group:
    """Individuals who have as many terms each: `terms[place, number]` is the index of a term."""

    ordinals: I64
    terms: I32


def _groups(column: Column) -> Iterator[_Group]:
    """Individuals by the number of their terms, but those without any.

    What is looked up for each place among the terms of many is one pass over neighbours in memory.
    """
    sizes = np.diff(column.ends)
    for size in np.unique(sizes[sizes > 0]):
        ordinals = np.flatnonzero(sizes == size)
        places = column.ends[ordinals][None, :] + np.arange(size)[:, None]
        yield _Group(ordinals, column.terms[places])


_NONE = np.zeros(0, np.int64)


def _common(feature: str, columns: TermColumns, ontology: Ontology, size: int) -> F64:
    """How telling the best is that each term has in common with a feature."""
    found = np.zeros(size)
    ancestors: Iterable[str] = sorted(ontology.ancestors(feature), key=ontology.information)
    for ancestor in ancestors:  # the more telling ones later, in place of the others
        found[columns.under(ancestor)] = ontology.information(ancestor)
    return found


def _some(column: Column, ordinals: I64) -> Column:
    """The terms of some individuals, who are in order."""
    starts, stops = column.ends[ordinals], column.ends[ordinals + 1]
    ends = np.concatenate([[0], np.cumsum(stops - starts)])
    if len(ordinals) and ordinals[-1] - ordinals[0] == len(ordinals) - 1:
        return Column(ends, column.terms[starts[0] : stops[-1]])
    places = np.repeat(starts - ends[:-1], stops - starts) + np.arange(ends[-1])
    return Column(ends, column.terms[places])


def _sums(weights: F64, column: Column) -> F64:
    """The sum of the weights of each individual's terms."""
    return _each(np.add, weights, column)


def _most(weights: F64, column: Column) -> F64:
    """The greatest of them; 0 for whoever has none."""
    return _each(np.maximum, weights, column)


def _each(reduce: Any, weights: F64, column: Column) -> F64:
    found = np.zeros(len(column.ends) - 1)
    some = np.diff(column.ends) > 0
    if some.any():
        found[some] = reduce.reduceat(weights[column.terms], column.ends[:-1][some])
    return found
