"""Joining what several files, or several loads, say of the same allele.

Within one load, contributions are united. A later load speaks for its own samples: what an earlier
one said of the same people at the same allele no longer counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.model.allele import Called, Zygosity
from beacon.mongo.blocks import ANCHOR_MASK, row_set
from beacon.mongo.called import union
from beacon.mongo.packing import Entry

Joined = TypeVar("Joined")
U32 = npt.NDArray[np.uint32]

_KEPT = 4096
_HEMI = int(Zygosity.HEMI)


class Merging:
    """Joins entries; sets that many alleles share are joined once."""

    def __init__(self) -> None:
        self._joined: dict[tuple[int, ...], tuple[tuple[Any, ...], Any]] = {}

    def unite(self, first: Entry, second: Entry) -> Entry:
        """One allele from two contributions of the same load: carriers of either.

        What `first` holds of samples that the load has not spoken for until now, but does in
        `second`, is from an earlier load, and no longer counts.
        """
        kept = first.codes
        called = _one_of(first.called, second.called)
        both = first.called is not None and second.called is not None
        samples = first.samples
        if second.samples is None:
            if both:
                called = self._once(union_of, first.called, second.called)
        else:
            new = second.samples
            if samples is not None:
                new = self._once(_difference, new, samples)
                samples = self._once(_union, samples, second.samples)
            else:
                samples = second.samples
            if len(kept) and new:
                kept = kept[~_are_in(kept >> 2, new)]
            if both:
                called = self._once(_joined, first.called, second.called, new)
        return _entry(first, second, _united(kept, second.codes), called, samples)

    def supersede(self, old: Entry, new: Entry) -> Entry:
        """One allele from an earlier load and from a later one, which decides of its own samples.

        Records that name carriers one by one do not say who else was looked at, and decide of
        nobody but them.
        """
        kept = old.codes
        called = _one_of(old.called, new.called)
        if new.called is not None and new.samples is not None:
            if len(kept):
                kept = kept[~_are_in(kept >> 2, new.samples)]
            if old.called is not None:
                called = self._once(_replaced, old.called, new.called, new.samples)
        return _entry(old, new, _united(kept, new.codes), called, new.samples)

    def replace_people(self, old: Entry, new: Entry, replaced: BitMap) -> Entry:
        """One allele from an earlier load and from files of single people.

        These decide of `new.samples`, and tell of other people where nothing else does.

        Args:
            replaced: Those of whom an earlier file no longer counts.
        """
        gone = replaced if new.samples is None else self._once(_union, new.samples, replaced)
        left = self._without(old, gone, gone)
        called = left.called
        if called is None or new.called is None:
            called = _one_of(called, new.called)
        else:
            called = self._once(_filled, called, new.called)
        return _entry(left, new, _united(left.codes, new.codes), called, new.samples)

    def without_people(self, entry: Entry, replaced: BitMap, unsaid: BitMap) -> Entry:
        """The allele without what is said of some people.

        Args:
            replaced: Those who are no carriers either.
            unsaid: Those who may carry it.
        """
        gone = self._once(_union, replaced, unsaid) if unsaid else replaced
        return self._without(entry, replaced, gone)

    def _without(self, entry: Entry, carriers: BitMap, called: BitMap) -> Entry:
        codes, left = entry.codes, entry.called
        if carriers and len(codes):
            kept = codes[~_are_in(codes >> 2, carriers)]
            codes = kept if len(kept) < len(codes) else codes
        if left is not None and (left.twice.intersect(called) or left.once.intersect(called)):
            left = self._once(_left, left, called)
        if codes is entry.codes and left is entry.called:
            return entry
        alone = replace(entry, codes=codes[:0], called=None, allele_count=0, allele_number=0)
        return _entry(alone, replace(alone, codes=codes, called=left), codes, left, entry.samples)

    def add_called(self, entry: Entry, called: Called) -> Entry:
        """The allele with people who were looked at there, of those of whom nothing is known."""
        if entry.called is not None:
            called = self._once(_filled, entry.called, called)
        return _recalled(entry, called)

    def left_unknown(self, entry: Entry, rows: BitMap) -> Entry:
        """The allele with nothing known of some people but that they carry it."""
        if entry.called is None:
            return entry
        called = self._once(_left, entry.called, rows)
        return _recalled(entry, called if called.twice or called.once else None)

    def left_out(self, called: Called, rows: BitMap) -> Called:
        """The set without some people."""
        return self._once(_left, called, rows)

    def without(self, entry: Entry, rows: BitMap) -> Entry | None:
        """The allele without some people; `None` when nobody else was seen to carry it."""
        codes = entry.codes
        kept = codes[~_are_in(codes >> 2, rows)] if len(codes) else codes
        called = entry.called
        if called is not None and (called.twice.intersect(rows) or called.once.intersect(rows)):
            called = self._once(_left, called, rows)
        if len(kept) == len(codes) and called is entry.called:
            return entry
        if len(codes) and not len(kept):
            return None
        alone = replace(entry, codes=codes[:0], called=None, allele_count=0, allele_number=0)
        left = replace(entry, codes=kept, called=called)
        return _entry(alone, left, kept, called, entry.samples)

    def _once(self, join: Callable[..., Joined], *sets: Any) -> Joined:
        key = (id(join), *map(id, sets))
        known = self._joined.get(key)
        if known is None:
            if len(self._joined) >= _KEPT:
                self._joined.clear()
            # The sets are kept with what became of them, so that their identity is their own.
            known = self._joined[key] = (sets, join(*sets))
        return known[1]


def _entry(
    first: Entry, second: Entry, codes: U32, called: Called | None, samples: BitMap | None
) -> Entry:
    """Counts from the carriers; a stated count stands where there are none to count."""
    zygosity = codes & 3
    homozygous = int((zygosity == 1).sum())
    hemizygous = int((zygosity == _HEMI).sum())
    count = len(codes) + homozygous
    if len(codes) and called is not None:
        called = _with_carriers(called, codes)
    number = 0 if called is None else called.allele_number
    strata = first.strata if second.strata is None else second.strata
    if not len(codes):
        stating = [one for one in (first, second) if one.called is None and not len(one.codes)]
        count = max((one.allele_count for one in stating), default=0)
        numbered = [one for one in stating if one.allele_number]
        if called is None and numbered:  # counts without genotypes: the later ones
            stated = numbered[-1]
            count, number = stated.allele_count, stated.allele_number
            homozygous, hemizygous = stated.homozygous, stated.hemizygous
        if strata is not None:  # loaded counts stay those of the allele, whoever was looked at
            count = max(count, int(strata[0, 0]))
    # The base before the allele is one base, whichever of the two knows it.
    anchor = first.flags & ANCHOR_MASK or second.flags & ANCHOR_MASK
    return replace(
        first,
        codes=codes,
        allele_count=count,
        allele_number=number,
        homozygous=homozygous,
        hemizygous=hemizygous,
        flags=(first.flags | second.flags) & ~ANCHOR_MASK | anchor,
        called=called,
        samples=samples,
        strata=strata,
    )


def _recalled(entry: Entry, called: Called | None) -> Entry:
    """The allele with another set of those who were looked at."""
    if called is not None and len(entry.codes):
        called = _with_carriers(called, entry.codes)
    if called is entry.called:
        return entry
    number = 0 if called is None else called.allele_number
    return replace(entry, called=called, allele_number=number)


def _filled(known: Called, more: Called) -> Called:
    """The set with those of another one who are not in it; the same if there are none."""
    twice = more.twice - known.twice - known.once
    once = more.once - known.twice - known.once
    return Called(known.twice | twice, known.once | once) if twice or once else known


def union_of(first: Called, second: Called) -> Called:
    """Everybody of either."""
    return union((first, second))


def _replaced(old: Called, new: Called, samples: BitMap) -> Called:
    return Called((old.twice - samples) | new.twice, (old.once - samples) | new.once)


def _joined(old: Called, new: Called, samples: BitMap) -> Called:
    """Everybody of either, but for what the older one says of some samples."""
    twice = (old.twice - samples) | new.twice
    return Called(twice, ((old.once - samples) | new.once) - twice)


def _difference(samples: BitMap, others: BitMap) -> BitMap:
    return samples - others


def _union(samples: BitMap, others: BitMap) -> BitMap:
    return samples | others


def _left(called: Called, rows: BitMap) -> Called:
    return Called(called.twice - rows, called.once - rows)


def _one_of(first: Called | None, second: Called | None) -> Called | None:
    return second if first is None else first


def _with_carriers(called: Called, codes: U32) -> Called:
    """The set with carriers whom a record names but no genotypes: they were looked at as well."""
    rows = codes >> 2
    carriers = row_set(rows)
    unknown = carriers - called.twice - called.once
    if not unknown:
        return called
    once = row_set(rows[codes & 3 == _HEMI]) & unknown
    return Called(called.twice | (unknown - once), called.once | once)


def _are_in(rows: Any, among: BitMap) -> Any:
    return np.isin(rows, np.asarray(among.to_array(), np.uint32))


def _united(first: U32, second: U32) -> U32:
    """Carriers of either, sorted by row; of a row in both, the second says the zygosity."""
    if not len(first):
        return second
    if not len(second):
        return first
    kept = first[~np.isin(first >> 2, second >> 2)]
    both: Any = np.concatenate((kept, second))
    return both[np.argsort(both >> 2, kind="stable")]  # type: ignore[no-any-return]
