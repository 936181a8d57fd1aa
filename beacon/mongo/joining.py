"""Joining what a load says of alleles with what is known of them, and of whom they were looked for.

People of single files count wherever their files say that they were looked at, at alleles of other
loads, too. How many were looked at is not known where somebody among them may have been left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from pyroaring import BitMap

from beacon.model.allele import Allele, Called
from beacon.model.assemblies import code as chromosome_code
from beacon.model.assessment import Asked
from beacon.mongo.assessed import Assessed
from beacon.mongo.blocks import row_set
from beacon.mongo.merging import Merging
from beacon.mongo.packing import Entry

_NOBODY = Called(BitMap(), BitMap())


class Item(NamedTuple):
    """What a load says of an allele, and what is known of it.

    `is_mine`: whether what is known was written by the same load. `block` is where it lies, 0 for
    a document of its own.
    """

    allele: Allele
    old: Entry | None
    new: Entry
    is_mine: bool
    block: int = 0


class Joining:
    """Joins the alleles of one load."""

    def __init__(self, merging: Merging, assessed: Assessed) -> None:
        self._merging = merging
        self._assessed = assessed
        self.is_of_people = False
        """Whether it is a load of single people's files."""

    def listed(self, items: Sequence[Item]) -> list[Entry]:
        """Alleles that the load has."""
        joined = [one.new if one.old is None else self._joined(one, one.old) for one in items]
        if not self._assessed.rows:
            return joined
        for code, indexes in _by_code(items):
            self._complete(code, items, indexes, joined)
        return joined

    def unlisted(self, known: Sequence[tuple[Allele, Entry]]) -> list[Entry]:
        """Alleles of earlier loads that a load of people's files does not have.

        Returns:
            The entries in the same order, those that stay as they are as the same objects.
        """
        settled = [entry for _, entry in known]
        for code in sorted({chromosome_code(allele.reference_name) for allele, _ in known}):
            indexes = [
                index
                for index, (allele, _) in enumerate(known)
                if chromosome_code(allele.reference_name) == code
            ]
            self._settle(code, known, indexes, settled)
        return settled

    # Alleles that the load has ------------------------------------------------------------------

    def _joined(self, item: Item, old: Entry) -> Entry:
        new, merging = item.new, self._merging
        if self.is_of_people and self._is_decided(item):
            return merging.replace_people(old, new, self._assessed.replaced)
        return (merging.unite if item.is_mine else merging.supersede)(old, new)

    def _complete(
        self, code: int, items: Sequence[Item], indexes: Sequence[int], joined: list[Entry]
    ) -> None:
        """Add those who are known from their files alone, and tell where nothing is known."""
        told = _Told(self._assessed, code)
        if not self.is_of_people:
            if self._assessed.silent:
                return
            for one, more in self._called_elsewhere(code, items, indexes, told, joined):
                if not told.is_unknown(items[one].allele, more, items[one].new.samples):
                    joined[one] = more
            return
        decided = [one for one in indexes if self._is_decided(items[one])]
        for one, more in self._called_elsewhere(code, items, decided, told, joined):
            joined[one] = more
        for one in decided:
            if told.is_unknown(items[one].allele, joined[one]):
                joined[one] = self._merging.left_unknown(joined[one], self._assessed.rows)

    def _called_elsewhere(
        self,
        code: int,
        items: Sequence[Item],
        indexes: Sequence[int],
        told: _Told,
        joined: Sequence[Entry],
    ) -> Iterator[tuple[int, Entry]]:
        """Alleles that nobody was looked for until now, with those whose files tell of them."""
        assessed, merging = self._assessed, self._merging
        fresh = [one for one in indexes if _is_unknown(items[one].old)]
        known = [one for one in fresh if items[one].new.called is not None]
        groups = [(known, assessed.rows)]
        if self.is_of_people:
            others = [one for one in fresh if items[one].new.called is None]
            groups = [(known, assessed.rows - assessed.new), (others, assessed.rows)]
        for chosen, rows in groups:
            left = [one for one in chosen if not told.is_silent(items[one].allele, joined[one])]
            if not left or not rows:
                continue
            asked = Asked.of(items[one].allele for one in left)
            for one, called in zip(left, assessed.called(code, rows, asked), strict=True):
                samples = items[one].new.samples
                if not self.is_of_people and samples is not None:
                    called = merging.left_out(called, samples)
                yield one, merging.add_called(joined[one], called)

    @staticmethod
    def _is_decided(item: Item) -> bool:
        """Whether files of people speak of it, and for the first time in this load."""
        return item.new.samples is not None and (item.old is None or item.old.samples is None)

    # And those that it has not ------------------------------------------------------------------

    def _settle(
        self,
        code: int,
        known: Sequence[tuple[Allele, Entry]],
        indexes: Sequence[int],
        settled: list[Entry],
    ) -> None:
        assessed, merging = self._assessed, self._merging
        replaced, unsaid = assessed.replaced, assessed.unsaid(code)
        told = _Told(assessed, code)
        asking = []
        for index in indexes:
            old = settled[index]
            entry = merging.without_people(old, replaced, unsaid)
            if old.called is None and not (assessed.is_lifted and self._has_people(old)):
                settled[index] = entry
                continue
            settled[index] = entry
            asking.append(index)
        if not asking:
            return
        rows = assessed.rows if assessed.is_lifted else assessed.new
        asked = Asked.of(known[index][0] for index in asking)
        for index, called in zip(asking, assessed.called(code, rows, asked), strict=True):
            allele, old = known[index]
            entry = merging.add_called(settled[index], called)
            if told.is_unknown(allele, entry):
                entry = merging.left_unknown(entry, assessed.rows)
            settled[index] = old if _is_same(old, entry) else entry

    def _has_people(self, entry: Entry) -> bool:
        return bool(len(entry.codes)) and row_set(entry.codes >> 2).intersect(self._assessed.rows)


class _Told:
    """Where the people of single files leave open how many alleles were looked at."""

    def __init__(self, assessed: Assessed, code: int) -> None:
        self._assessed, self._code = assessed, code
        self._outside: frozenset[int] | None = None

    def is_unknown(self, allele: Allele, entry: Entry, but_for: BitMap | None = None) -> bool:
        """Whether it is so of an allele.

        Args:
            but_for: People of whom something else is said.
        """
        return self.is_silent(allele, entry, but_for) or self._is_outside(allele, entry, but_for)

    def is_silent(self, allele: Allele, entry: Entry, but_for: BitMap | None = None) -> bool:
        """Whether somebody's files say nothing of the allele, nor where it was looked for."""
        silent = self._assessed.silent
        return bool(silent) and self._is_missing(silent, allele, entry, but_for)

    def _is_outside(self, allele: Allele, entry: Entry, but_for: BitMap | None) -> bool:
        if self._outside is None:
            self._outside = frozenset(self._assessed.outside(self._code).names.tolist())
        if not self._outside or int(Asked.of([allele]).names[0]) not in self._outside:
            return False
        return self._is_missing(self._assessed.bounded, allele, entry, but_for)

    def _is_missing(
        self, rows: BitMap, allele: Allele, entry: Entry, but_for: BitMap | None
    ) -> bool:
        called = entry.called or _NOBODY
        missing = rows - called.twice - called.once
        if but_for is not None:
            missing -= but_for
        if missing and len(entry.codes):
            missing -= row_set(entry.codes >> 2)
        if not missing:
            return False
        listed = self._assessed.not_carried(self._code)
        return not missing <= listed.of(int(Asked.of([allele]).names[0]))


def _is_unknown(entry: Entry | None) -> bool:
    return entry is None or entry.called is None


def _is_same(one: Entry, other: Entry) -> bool:
    return one.called == other.called and np.array_equal(one.codes, other.codes)


def _by_code(items: Sequence[Item]) -> Iterable[tuple[int, list[int]]]:
    found: dict[int, list[int]] = {}
    for index, one in enumerate(items):
        found.setdefault(chromosome_code(one.allele.reference_name), []).append(index)
    return found.items()
