"""Joining what several files, or several loads, say of the same allele.

Within one load, contributions are united. A later load speaks for its own samples: what an earlier
one said of the same people at the same allele is replaced. Allele numbers add up only where the
samples differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.framework.errors import LoadError
from beacon.mongo.blocks import ANCHOR_MASK
from beacon.mongo.packing import Entry

U32 = npt.NDArray[np.uint32]

UNASSESSED = 0
"""The sample set of records that name carriers but not who else was looked at."""


class SampleSets:
    """The sets of samples that files brought, numbered: the same people are the same set."""

    def __init__(self, stored: Mapping[str, bytes]) -> None:
        self._rows = {int(number): BitMap.deserialize(rows) for number, rows in stored.items()}

    def number(self, rows: U32) -> int:
        """The number of a set of rows, a new one for a new set."""
        wanted = BitMap(rows)
        for number, known in self._rows.items():
            if known == wanted:
                return number
        number = max(self._rows, default=UNASSESSED) + 1
        self._rows[number] = wanted
        return number

    def stored(self) -> dict[str, bytes]:
        """As kept in a manifest."""
        return {str(number): bytes(rows.serialize()) for number, rows in self._rows.items()}

    def relation(self, new: int, old: int) -> str:
        """How two sets relate: `covers` (new holds all of old), `apart`, or `partly`."""
        if new == old:
            return "covers"
        if UNASSESSED in (new, old):
            return "apart"
        ours, theirs = self._rows[new], self._rows[old]
        if theirs <= ours:
            return "covers"
        if not ours.intersect(theirs):
            return "apart"
        return "partly"

    def covered(self, new: int, old: Iterable[int]) -> list[int]:
        """Those earlier sets whose people the new set speaks for.

        Raises:
            LoadError: Some but not all people of an earlier set are in the new one, so that the
                number of alleles looked at could not be told.
        """
        covered = []
        for number in old:
            relation = self.relation(new, number)
            if relation == "partly":
                shared = len(self._rows[new] & self._rows[number])
                raise LoadError(
                    f"{shared} of {len(self._rows[new])} samples were loaded before, together with "
                    f"{len(self._rows[number]) - shared} others that this file leaves out, at the "
                    "same place in the genome; load a file with all of those samples or none"
                )
            if relation == "covers":
                covered.append(number)
        return covered

    def rows(self, number: int) -> BitMap:
        """The rows of one set."""
        return self._rows.get(number, BitMap())


def unite(first: Entry, second: Entry, sets: SampleSets) -> Entry:
    """One allele from two contributions of the same load: carriers of either."""
    numbers = dict(first.numbers)
    for new, allele_number in second.numbers.items():
        for old in sets.covered(new, first.numbers):
            if old != new:
                numbers.pop(old, None)
        numbers[new] = max(numbers.get(new, 0), allele_number)
    return _joined(
        first,
        second,
        _united(first.codes, second.codes),
        numbers,
        given=max(first.allele_count, second.allele_count),
    )


def supersede(old: Entry, new: Entry, sets: SampleSets) -> Entry:
    """One allele from an earlier load and from a later one, which decides of its own samples."""
    numbers = dict(old.numbers)
    kept = old.codes
    for number in new.numbers:
        for one in sets.covered(number, old.numbers):
            numbers.pop(one, None)
        ours = sets.rows(number)
        if len(kept) and ours:
            of_ours = np.fromiter(ours, np.uint32, len(ours))
            kept = kept[~np.isin(kept >> 2, of_ours)]
    return _joined(
        old,
        new,
        _united(kept, new.codes),
        numbers | new.numbers,
        given=max(new.allele_count, old.allele_count if numbers else 0),
    )


def _joined(
    first: Entry, second: Entry, codes: U32, numbers: dict[int, int], *, given: int
) -> Entry:
    """Counts from the carriers; a stated count stands where there are no carriers to count."""
    zygosity = codes & 3
    homozygous = int((zygosity == 1).sum())
    # The base before the allele is one base, whichever of the two knows it.
    anchor = first.flags & ANCHOR_MASK or second.flags & ANCHOR_MASK
    return replace(
        first,
        codes=codes,
        allele_count=len(codes) + homozygous if len(codes) else given,
        allele_number=sum(numbers.values()),
        homozygous=homozygous,
        hemizygous=int((zygosity == 2).sum()),
        flags=(first.flags | second.flags) & ~ANCHOR_MASK | anchor,
        numbers=numbers,
    )


def _united(first: U32, second: U32) -> U32:
    """Carriers of either, sorted by row; of a row in both, the second says the zygosity."""
    if not len(first):
        return second
    if not len(second):
        return first
    kept = first[~np.isin(first >> 2, second >> 2)]
    both: Any = np.concatenate((kept, second))
    return both[np.argsort(both >> 2, kind="stable")]  # type: ignore[no-any-return]
