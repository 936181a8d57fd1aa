"""The home of genotype arithmetic: who carries an allele, in how many copies, out of how many."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from cyvcf2 import Variant
from pyroaring import BitMap

from beacon.framework.source import NOBODY
from beacon.model.allele import Called, Zygosity

HOM, HEMI = int(Zygosity.HOM), int(Zygosity.HEMI)
UNSPECIFIED = int(Zygosity.UNSPECIFIED)

MISSING = -1
"""In place of an allele number: a `.` in GT."""
ABSENT = -2
"""In place of an allele number: a call of lower ploidy among wider ones."""

Rows = npt.NDArray[np.uint32]
Codes = npt.NDArray[np.uint8]
Words = npt.NDArray[Any]


class Carriers(NamedTuple):
    """The carriers of one alternate allele: rows, their zygosity codes, and copies in all."""

    rows: Rows
    zygosity: Codes
    allele_count: int


_NO_CARRIERS = Carriers(np.empty(0, np.uint32), np.empty(0, np.uint8), 0)


class Columns:
    """The sample columns of a file: whose each is, and whose are to be left out.

    Args:
        rows: The row of each sample, `NOBODY` for one whose person has withdrawn.
    """

    __slots__ = ("_exceptions", "_known", "_last", "listed", "rows", "size")

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        listed = rows != NOBODY
        self.size = int(np.count_nonzero(listed))
        self.listed: npt.NDArray[np.bool_] | None = None if self.size == rows.size else listed
        self._known: dict[int, Called] = {}
        self._exceptions: tuple[bool, bytes, bytes] | None = None
        self._last: Called | None = None

    def called(self, ploidy: int) -> Called:
        """Everybody, called as often as that; one object for all records."""
        common = min(ploidy, 2)
        found = self._known.get(common)
        if found is None:
            listed = self.rows if self.listed is None else self.rows[self.listed]
            everybody, nobody = _set_of(listed), BitMap()
            found = (
                Called(nobody, nobody),
                Called(nobody, everybody),
                Called(everybody, nobody),
            )[common]
            self._known[common] = found
        return found

    def called_but_for(self, ploidy: int, rows: Rows, alleles: npt.NDArray[Any]) -> Called:
        """Everybody, called as often as that, but for some.

        Neighbouring records mostly agree, as on X where half of the people are haploid: what was
        made last is given again when it fits.

        Args:
            rows: Who may be called differently.
            alleles: How many alleles each of these has called.
        """
        common = min(ploidy, 2)
        alleles = np.minimum(alleles, 2)
        different = alleles != common
        rows, alleles = rows[different], alleles[different]
        if not rows.size:
            return self.called(ploidy)
        exceptions = (common == 1, rows.tobytes(), alleles.tobytes())
        if self._last is None or exceptions != self._exceptions:
            twice, once = self.called(ploidy)
            left_out = _set_of(rows)
            self._last = Called(
                (twice - left_out) | _set_of(rows[alleles == 2]),
                (once - left_out) | _set_of(rows[alleles == 1]),
            )
            self._exceptions = exceptions
        return self._last


def _set_of(rows: Rows) -> BitMap:
    return BitMap(array("I", rows.tobytes()))


@dataclass(frozen=True, slots=True)
class PairEncoding:
    """How a diploid call is written in one word: the calls that matter most.

    Attributes:
        reference: `0|0`.
        left, right: `1|0` and `0|1`.
        both: `1|1`.
    """

    reference: Any
    left: Any
    right: Any
    both: Any


def _binary(size: int) -> PairEncoding:
    """Pairs as BCF encodes them in integers of so many bytes, without the bit for phase."""
    word = np.dtype(f"<u{2 * size}").type
    zero, one = 2, 4  # twice the allele number plus 2
    pairs = ((zero, zero), (one, zero), (zero, one), (one, one))
    return PairEncoding(*(word(first | second << 8 * size) for first, second in pairs))


_SIZES = (1, 2, 4)  # bytes of the integers of BCF
_BINARY = {size: _binary(size) for size in _SIZES}
_NOT_PHASE = {
    size: np.dtype(f"<u{2 * size}").type(~(1 | 1 << 8 * size) % (1 << 16 * size)) for size in _SIZES
}

BYTES = _BINARY[1]
"""Calls of two in bytes, which nearly all are."""
BYTES_BUT_PHASE = _NOT_PHASE[1]

# All that can be asked of a call of two is looked up by its word where alleles are bytes.
_ALL_PAIRS = np.arange(1 << 16, dtype="<u2").view(np.int8).reshape(-1, 2)
_ALLELES = np.maximum((_ALL_PAIRS >> 1) - 1, ABSENT)
_CALLED = np.count_nonzero(_ALLELES >= 0, axis=1).astype(np.uint8)
_HIGHEST = _ALLELES.max(axis=1)
_NOT_CARRIED = 255


@cache
def _zygosity_of_pairs(allele: int) -> Codes:
    """For each word the zygosity of a call in regard to an allele, or `_NOT_CARRIED`."""
    codes = _zygosity(_ALLELES, allele)
    codes[~(allele == _ALLELES).any(axis=1)] = _NOT_CARRIED
    return codes


def _zygosity(alleles: npt.NDArray[Any], allele: int) -> Codes:
    """The zygosity of calls of one who carries the allele; shape of `alleles` (calls, ploidy)."""
    ploidy = np.count_nonzero(alleles != ABSENT, axis=1)
    copies = np.count_nonzero(alleles == allele, axis=1)
    codes: Codes = (copies == ploidy).astype(np.uint8)
    # One copy is all there can be: on X and Y of males, on MT, and wherever a caller says so.
    codes[(codes == HOM) & (ploidy == 1)] = HEMI
    codes[(alleles == MISSING).any(axis=1)] = UNSPECIFIED
    return codes


class Genotypes(NamedTuple):
    """The genotypes of one record: all are homozygous reference but those that are given.

    Those are given in one of three ways.

    Attributes:
        samples: How many there are in all.
        ploidy: Of those that are not given.
        columns: Sample columns of those given, ascending.
        both: Whether both alleles are allele 1, where each call has it and otherwise only 0.
        pairs: uint16, calls of two as BCF has them in bytes, without the bits for phase.
        alleles: Allele numbers, `MISSING` or `ABSENT`; shape (calls, ploidy).
    """

    samples: int
    ploidy: int
    columns: npt.NDArray[np.intp]
    both: npt.NDArray[np.bool_] | None = None
    pairs: npt.NDArray[np.uint16] | None = None
    alleles: npt.NDArray[Any] | None = None

    @classmethod
    def of_integers(cls, encoded: npt.NDArray[Any]) -> Genotypes:
        """The genotypes of all samples as BCF encodes them.

        Args:
            encoded: Signed integers, samples x ploidy: twice the allele number plus 2, plus 1 when
                phased; 0 or 1 for a missing allele, a negative number for none in a call of lower
                ploidy.
        """
        samples, ploidy = encoded.shape
        if ploidy != 2:
            columns = (encoded >> 1 != 1).any(axis=1).nonzero()[0]
            return cls(samples, ploidy, columns, alleles=_decoded(encoded[columns]))
        size = encoded.dtype.itemsize  # one comparison for both alleles of a call
        words = encoded.view(f"<u{2 * size}")[:, 0] & _NOT_PHASE[size]
        columns = (words != _BINARY[size].reference).nonzero()[0]
        words = words[columns]
        if (both := only_first_alternate(words, _BINARY[size])) is not None:
            return cls(samples, 2, columns, both=both)
        if size == 1:
            return cls(samples, 2, columns, pairs=words)
        return cls(samples, 2, columns, alleles=_decoded(encoded[columns]))


def only_first_alternate(words: Words, encoding: PairEncoding) -> npt.NDArray[np.bool_] | None:
    """Whether each call is `1|1`, if all are that or `0|1` or `1|0`.

    Nearly every record is like that: diploid, complete and biallelic.
    """
    both, expected = first_alternate(words, encoding)
    return both if expected.all() else None


def first_alternate(
    words: Words, encoding: PairEncoding
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Of each call whether it is `1|1`, and whether it is that or `0|1` or `1|0`."""
    both = words == encoding.both
    expected = both | (words == encoding.left)
    expected |= words == encoding.right
    return both, expected


def _decoded(encoded: npt.NDArray[Any]) -> npt.NDArray[Any]:
    alleles: npt.NDArray[Any] = np.maximum((encoded >> 1) - 1, ABSENT)
    return alleles


class Calls:
    """The genotypes of one record, seen through those that are not plainly homozygous reference.

    Args:
        genotypes: As a reader gives them, or int32, samples x ploidy, as `cyvcf2`'s
            `format("GT", int)` gives them.
        columns: Whose they are. Those of nobody are left out of everything. An array of rows will
            do for one record; what all records share is kept in `Columns`.
    """

    __slots__ = (
        "_alleles",
        "_both",
        "_called",
        "_columns",
        "_homozygous",
        "_pairs",
        "_ploidy",
        "_rows",
        "allele_number",
        "highest",
    )

    allele_number: int
    """Alleles called, of any kind: AN."""
    highest: int
    """The highest allele number that occurs."""
    _both: Codes | None
    _called: npt.NDArray[Any] | None
    """Alleles of each call, unless it is all."""

    def __init__(self, genotypes: Genotypes | npt.NDArray[Any], columns: Columns | Rows) -> None:
        if not isinstance(genotypes, Genotypes):
            genotypes = Genotypes.of_integers(genotypes)
        if not isinstance(columns, Columns):
            columns = Columns(columns)
        if columns.listed is not None:
            genotypes = _only(genotypes, columns.listed)
        _, ploidy, of_interest, both, pairs, alleles = genotypes
        rows = columns.rows[of_interest]
        if both is not None:
            zygosity = both.view(np.uint8)  # HET is 0, HOM is 1
            self._set_both(columns, ploidy, rows, zygosity, int(np.count_nonzero(both)))
        else:
            self._set_others(columns, ploidy, rows, pairs, alleles)

    def _set_both(
        self,
        columns: Columns,
        ploidy: int,
        rows: Rows,
        zygosity: Codes,
        homozygous: int,
    ) -> None:
        self._columns, self._ploidy, self._rows = columns, ploidy, rows
        self._both = zygosity
        self._homozygous = homozygous
        self._called = None
        self.allele_number = columns.size * ploidy
        self.highest = 1 if rows.size else 0

    def _set_others(
        self,
        columns: Columns,
        ploidy: int,
        rows: Rows,
        pairs: npt.NDArray[np.uint16] | None,
        alleles: npt.NDArray[Any] | None,
    ) -> None:
        self._columns, self._ploidy, self._rows = columns, ploidy, rows
        self._both, self._pairs, self._alleles = None, pairs, alleles
        if pairs is not None:
            called = _CALLED.take(pairs)
            self.highest = int(_HIGHEST.take(pairs).max(initial=0))
        else:
            alleles = cast("npt.NDArray[Any]", alleles)
            called = np.count_nonzero(alleles >= 0, axis=1)
            self.highest = int(alleles.max(initial=0))
        uncalled = called.size * ploidy - int(called.sum())
        self.allele_number = columns.size * ploidy - uncalled
        self._called = called if uncalled else None

    @classmethod
    def of_pairs(cls, columns: Columns, rows: Rows, pairs: npt.NDArray[np.uint16]) -> Calls:
        """Calls of two, given as in `Genotypes.pairs`, of people who are listed."""
        calls = cls.__new__(cls)
        calls._set_others(columns, 2, rows, pairs, None)
        return calls

    @classmethod
    def of_both(cls, columns: Columns, rows: Rows, zygosity: Codes, homozygous: int) -> Calls:
        """Calls of two, given as in `Genotypes.both`, of people who are listed.

        Args:
            zygosity: HOM for those who have both alleles, else HET.
            homozygous: How many they are.
        """
        calls = cls.__new__(cls)
        calls._set_both(columns, 2, rows, zygosity, homozygous)
        return calls

    @classmethod
    def of(cls, record: Any, columns: Columns | Rows) -> Calls:
        """The genotypes of a record of any of the readers; it has GT."""
        if isinstance(record, Variant):
            return cls(record.format("GT", int), columns)
        calls: Calls = record.calls(columns)
        return calls

    @property
    def called(self) -> Called:
        """Who was looked at. A call of three or more alleles counts as one of two."""
        if self._called is None:
            return self._columns.called(self._ploidy)
        return self._columns.called_but_for(self._ploidy, self._rows, self._called)

    def carriers(self, allele: int) -> Carriers:
        """Who carries the allele of that number (1 is the first alternate).

        A call with a missing allele beside the one carried (`1/.`) has unspecified zygosity. A call
        of two different alternates (`1/2`) is heterozygous for each.
        """
        if self._both is not None:
            if allele != 1:
                return _NO_CARRIERS
            return Carriers(self._rows, self._both, self._both.size + self._homozygous)
        if self._pairs is not None:
            codes = _zygosity_of_pairs(allele).take(self._pairs)
            carrying = (codes != _NOT_CARRIED).nonzero()[0]
            codes = codes[carrying]
            copies = codes.size + int(np.count_nonzero(codes == HOM))
            return Carriers(self._rows[carrying], codes, copies)
        alleles = cast("npt.NDArray[Any]", self._alleles)
        carrying = (alleles == allele).any(axis=1).nonzero()[0]
        alleles = alleles[carrying]
        copies = int(np.count_nonzero(alleles == allele))
        return Carriers(self._rows[carrying], _zygosity(alleles, allele), copies)


def _only(genotypes: Genotypes, listed: npt.NDArray[np.bool_]) -> Genotypes:
    """The genotypes of those who are listed."""
    samples, ploidy, columns, both, pairs, alleles = genotypes
    kept = listed[columns]
    return Genotypes(
        samples,
        ploidy,
        columns[kept],
        None if both is None else both[kept],
        None if pairs is None else pairs[kept],
        None if alleles is None else alleles[kept],
    )
