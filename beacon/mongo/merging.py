"""Joining what several files, or several loads, say of the same allele.

Within one load, contributions are united. A later load speaks for its own samples: what an earlier
one said of the same people at the same allele is replaced. Allele numbers add up only where the
samples differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.framework.errors import LoadError
from beacon.mongo.blocks import Entry

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

    def covered_by(self, new: int, old: list[int]) -> list[int]:
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


def unite(first: Entry, second: Entry, *, adds_people: bool) -> Entry:
    """One allele from two contributions of the same load.

    Args:
        adds_people: Whether the second contribution is of other samples than the first.
    """
    if adds_people:
        allele_number = first.allele_number + second.allele_number
    else:
        allele_number = max(first.allele_number, second.allele_number)
    return recount(
        replace(
            first,
            codes=_united(first.codes, second.codes),
            allele_number=allele_number,
            flags=first.flags | second.flags,
        ),
        given=max(first.allele_count, second.allele_count),
    )


def supersede(old: Entry, new: Entry | None, speaking_for: BitMap, *, all_of_old: bool) -> Entry:
    """One allele from an earlier load and, where the later one has it too, from that.

    Args:
        speaking_for: Rows of which the later load decides.
        all_of_old: Whether those are all that the earlier load had looked at.
    """
    if new is None:
        return old
    kept = old.codes
    if len(kept) and speaking_for:
        ours = np.fromiter(speaking_for, np.uint32, len(speaking_for))
        kept = kept[~np.isin(kept >> 2, ours)]
    allele_number = new.allele_number if all_of_old else new.allele_number + old.allele_number
    return recount(
        replace(
            new,
            codes=_united(kept, new.codes),
            allele_number=allele_number,
            flags=old.flags | new.flags,
        ),
        given=new.allele_count,
    )


def recount(entry: Entry, *, given: int = 0) -> Entry:
    """Counts from the carriers; a stated count stands where there are no carriers to count."""
    zygosity = entry.codes & 3
    homozygous = int((zygosity == 1).sum())
    allele_count = max(len(entry.codes) + homozygous, 0)
    return replace(
        entry,
        allele_count=allele_count if len(entry.codes) else given,
        homozygous=homozygous if len(entry.codes) else entry.homozygous,
        hemizygous=int((zygosity == 2).sum()) if len(entry.codes) else entry.hemizygous,
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
