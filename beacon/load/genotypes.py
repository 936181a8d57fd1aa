"""The home of genotype arithmetic: who carries an allele, in how many copies, out of how many."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from beacon.model.allele import Zygosity

HOM, HEMI = int(Zygosity.HOM), int(Zygosity.HEMI)
UNSPECIFIED = int(Zygosity.UNSPECIFIED)

_MISSING = -1  # a `.` in GT
_ABSENT = -2  # no such allele: a haploid call in an array that is as wide as the diploid ones
_UNPHASED_PAIR = np.uint64(0xFFFFFFFE_FFFFFFFE)
_REFERENCE_PAIR = np.uint64(0x00000002_00000002)
_FIRST_LEFT = np.uint64(0x00000002_00000004)
_FIRST_RIGHT = np.uint64(0x00000004_00000002)
_FIRST_TWICE = np.uint64(0x00000004_00000004)

Rows = npt.NDArray[np.uint32]
Codes = npt.NDArray[np.uint8]


class Carriers(NamedTuple):
    """The carriers of one alternate allele: rows, their zygosity codes, and copies in all."""

    rows: Rows
    zygosity: Codes
    allele_count: int


_NOBODY = Carriers(np.empty(0, np.uint32), np.empty(0, np.uint8), 0)


class Calls:
    """The genotypes of one record, seen through those that are not plainly homozygous reference.

    Args:
        genotypes: int32, samples x ploidy, as BCF encodes them and `cyvcf2`'s `format("GT", int)`
            gives them: twice the allele number plus 2, plus 1 when phased; 0 or 1 for a missing
            allele, a negative number for none in a call of lower ploidy.
        rows: The row of each sample.
    """

    __slots__ = (
        "_both",
        "_columns",
        "_copies",
        "_missing",
        "_ploidy",
        "_rows",
        "allele_number",
        "highest",
    )

    allele_number: int
    """Alleles called, of any kind: AN."""
    highest: int
    """The highest allele number that occurs."""

    def __init__(self, genotypes: npt.NDArray[Any], rows: Rows) -> None:
        samples, ploidy = genotypes.shape
        self.allele_number = samples * ploidy
        self._ploidy: int | npt.NDArray[Any] = ploidy
        self._missing: npt.NDArray[Any] | None = None
        self._both: Codes | None = None
        if ploidy == 2:  # one comparison for both alleles of a call
            pairs = genotypes.view(np.uint64)[:, 0] & _UNPHASED_PAIR
            of_interest = (pairs != _REFERENCE_PAIR).nonzero()[0]
            pairs = pairs[of_interest]
            self._rows: Rows = rows[of_interest]
            both = pairs == _FIRST_TWICE
            homozygous = int(np.count_nonzero(both))
            heterozygous = np.count_nonzero((pairs == _FIRST_LEFT) | (pairs == _FIRST_RIGHT))
            if homozygous + heterozygous == pairs.size:
                # Nearly every record is diploid, complete and biallelic: HET is 0, HOM is 1.
                self._both = both.view(np.uint8)
                self._copies = homozygous + pairs.size
                self.highest = 1 if pairs.size else 0
                return
            encoded = pairs.view(np.int32).reshape(-1, 2)
        else:
            of_interest = (genotypes >> 1 != 1).any(axis=1).nonzero()[0]
            encoded = genotypes[of_interest]
            self._rows = rows[of_interest]
        alleles = np.maximum((encoded >> 1) - 1, _ABSENT)
        self._columns = [alleles[:, column] for column in range(ploidy)]
        self.highest = int(alleles.max(initial=0))
        if alleles.min(initial=0) < 0:
            self._count_uncalled(ploidy)

    def carriers(self, allele: int) -> Carriers:
        """Who carries the allele of that number (1 is the first alternate).

        A call with a missing allele beside the one carried (`1/.`) has unspecified zygosity. A call
        of two different alternates (`1/2`) is heterozygous for each.
        """
        if self._both is not None:
            if allele != 1:
                return _NOBODY
            return Carriers(self._rows, self._both, self._copies)
        copies = (self._columns[0] == allele).astype(np.uint8)
        for column in self._columns[1:]:
            copies += column == allele
        carrying = np.flatnonzero(copies)
        copies = copies[carrying]
        ploidy = self._ploidy if isinstance(self._ploidy, int) else self._ploidy[carrying]
        zygosity = (copies == ploidy).astype(np.uint8)
        # One copy is all there can be: on X and Y of males, on MT, and wherever a caller says so.
        zygosity[(zygosity == HOM) & (np.asarray(ploidy) == 1)] = HEMI
        if self._missing is not None:
            zygosity[self._missing[carrying] > 0] = UNSPECIFIED
        return Carriers(self._rows[carrying], zygosity, int(copies.sum()))

    def _count_uncalled(self, ploidy: int) -> None:
        missing = np.zeros(self._rows.size, np.uint8)
        absent = np.zeros(self._rows.size, np.uint8)
        for column in self._columns:
            missing += column == _MISSING
            absent += column == _ABSENT
        self._ploidy = ploidy - absent
        self._missing = missing
        self.allele_number -= int(missing.sum()) + int(absent.sum())
