"""The home of genotype arithmetic: who carries an allele, in how many copies, out of how many."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any, NamedTuple

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
        self._known: dict[bool, Called] = {}
        self._exceptions: tuple[bool, bytes, bytes] | None = None
        self._last: Called | None = None

    def called(self, ploidy: int) -> Called:
        """Everybody, called as often as that; one object for all records."""
        once = ploidy == 1
        found = self._known.get(once)
        if found is None:
            listed = self.rows if self.listed is None else self.rows[self.listed]
            everybody = _set_of(listed) if ploidy else BitMap()
            found = Called(BitMap(), everybody) if once else Called(everybody, BitMap())
            self._known[once] = found
        return found

    def called_but_for(self, ploidy: int, rows: Rows, alleles: npt.NDArray[np.int64]) -> Called:
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
    """How diploid calls are written in words, one word a call: the calls that matter most.

    Attributes:
        word: numpy type of a word.
        mask: The bits to look at; phase is not among them where a bit tells it.
        reference: `0|0`.
        left, right: `1|0` and `0|1`.
        both: `1|1`.
        allele: numpy type of one encoded allele; `None` when it is text.
    """

    word: str
    mask: Any
    reference: Any
    left: Any
    right: Any
    both: Any
    allele: str | None = None

    def alleles(self, words: Words) -> npt.NDArray[Any]:
        """The allele numbers of each call, or `MISSING` or `ABSENT`; shape (calls, 2)."""
        if self.allele is not None:
            return np.maximum((words.view(self.allele).reshape(-1, 2) >> 1) - 1, ABSENT)
        return _ALLELE_OF_TEXT[words.view(np.uint8).reshape(-1, 4)[:, ::2]]


def _binary(bits: int) -> PairEncoding:
    """Pairs as BCF encodes them: twice the allele number plus 2, plus 1 when phased."""
    word = np.dtype(f"<u{bits // 4}").type

    def pair(first: int, second: int) -> Any:
        return word(first | second << bits)

    unphased = (1 << bits) - 2
    return PairEncoding(
        word=f"<u{bits // 4}",
        mask=pair(unphased, unphased),
        reference=pair(2, 2),
        left=pair(4, 2),
        right=pair(2, 4),
        both=pair(4, 4),
        allele=f"<i{bits // 8}",
    )


def _text(separator: bytes) -> PairEncoding:
    def pair(first: bytes, second: bytes) -> Any:
        return np.uint32(int.from_bytes(first + separator + second + b"\t", "little"))

    return PairEncoding(
        word="<u4",
        mask=None,
        reference=pair(b"0", b"0"),
        left=pair(b"1", b"0"),
        right=pair(b"0", b"1"),
        both=pair(b"1", b"1"),
    )


_ALLELE_OF_TEXT = np.full(256, ABSENT, np.int8)
_ALLELE_OF_TEXT[ord("0") : ord("9") + 1] = range(10)
_ALLELE_OF_TEXT[ord(".")] = MISSING

BINARY = {bits // 8: _binary(bits) for bits in (8, 16, 32)}
"""Encodings of pairs of BCF integers, by the bytes of one."""
PHASED, UNPHASED = _text(b"|"), _text(b"/")
"""Encodings of text, `0|1` and a tab. A haploid call is `0`, a tab and zeros in either."""


class Genotypes(NamedTuple):
    """The genotypes of one record: all are homozygous reference but those that are given.

    Attributes:
        samples: How many there are in all.
        ploidy: Of those that are not given.
        columns: Sample columns of those given, ascending.
        words: Their calls: shape (calls,) as `encoding` has them, or (calls, ploidy) allele
            numbers, or `MISSING` or `ABSENT`, when that is `None`.
        both: For each call whether both alleles are allele 1, when all of those given have it and
            otherwise only the reference; else `None`.
        encoding: What the words are.
    """

    samples: int
    ploidy: int
    columns: npt.NDArray[np.intp]
    words: Words
    both: npt.NDArray[np.bool_] | None
    encoding: PairEncoding | None

    @classmethod
    def of_words(cls, words: Words, encoding: PairEncoding) -> Genotypes:
        """The genotypes that the words of all samples say."""
        if encoding.mask is not None:
            words = words & encoding.mask
        columns = (words != encoding.reference).nonzero()[0]
        return cls.of_others(words.size, columns, words[columns], encoding)

    @classmethod
    def of_others(
        cls,
        samples: int,
        columns: npt.NDArray[np.intp],
        words: Words,
        encoding: PairEncoding,
    ) -> Genotypes:
        """The genotypes of a record whose other calls are `0/0`."""
        both = words == encoding.both
        once = (words == encoding.left) | (words == encoding.right)
        # Nearly every record is diploid, complete and biallelic.
        simple = np.count_nonzero(both) + np.count_nonzero(once) == words.size
        return cls(samples, 2, columns, words, both if simple else None, encoding)

    @classmethod
    def of_integers(cls, encoded: npt.NDArray[Any]) -> Genotypes:
        """The genotypes of all samples as BCF encodes them.

        Args:
            encoded: Signed integers, samples x ploidy: twice the allele number plus 2, plus 1 when
                phased; 0 or 1 for a missing allele, a negative number for none in a call of lower
                ploidy.
        """
        samples, ploidy = encoded.shape
        if ploidy == 2:  # one comparison for both alleles of a call
            encoding = BINARY[encoded.dtype.itemsize]
            return cls.of_words(encoded.view(encoding.word)[:, 0], encoding)
        columns = (encoded >> 1 != 1).any(axis=1).nonzero()[0]
        alleles = np.maximum((encoded[columns] >> 1) - 1, ABSENT)
        return cls(samples, ploidy, columns, alleles, None, None)


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
        "_columns",
        "_copies",
        "_missing",
        "_own_ploidy",
        "_ploidy",
        "_rows",
        "allele_number",
        "highest",
    )

    allele_number: int
    """Alleles called, of any kind: AN."""
    highest: int
    """The highest allele number that occurs."""

    def __init__(self, genotypes: Genotypes | npt.NDArray[Any], columns: Columns | Rows) -> None:
        if not isinstance(genotypes, Genotypes):
            genotypes = Genotypes.of_integers(genotypes)
        if not isinstance(columns, Columns):
            columns = Columns(columns)
        of_interest, words, both = genotypes.columns, genotypes.words, genotypes.both
        if columns.listed is not None:
            listed = columns.listed[of_interest]
            of_interest, words = of_interest[listed], words[listed]
            both = None if both is None else both[listed]
        self._columns = columns
        self._ploidy = genotypes.ploidy
        self._own_ploidy: int | npt.NDArray[np.int64] = genotypes.ploidy
        self._missing: npt.NDArray[np.int64] | None = None
        self._both: Codes | None = None
        self._rows: Rows = columns.rows[of_interest]
        self.allele_number = columns.size * genotypes.ploidy
        if both is not None:  # HET is 0, HOM is 1
            self._both = both.view(np.uint8)
            self._copies = int(np.count_nonzero(both)) + both.size
            self.highest = 1 if both.size else 0
            return
        encoding = genotypes.encoding
        alleles = words if encoding is None else encoding.alleles(words)
        self._alleles = alleles
        self.highest = int(alleles.max(initial=0))
        if alleles.min(initial=0) < 0:
            missing = np.count_nonzero(alleles == MISSING, axis=1)
            absent = np.count_nonzero(alleles == ABSENT, axis=1)
            self._missing, self._own_ploidy = missing, genotypes.ploidy - absent
            self.allele_number -= int(missing.sum()) + int(absent.sum())

    @classmethod
    def of(cls, record: Any, columns: Columns | Rows) -> Calls:
        """The genotypes of a record of any of the readers; it has GT."""
        if isinstance(record, Variant):
            return cls(record.format("GT", int), columns)
        return cls(record.encoded_genotypes(), columns)

    @property
    def called(self) -> Called:
        """Who was looked at. A call of three or more alleles counts as one of two."""
        if self._missing is None:
            return self._columns.called(self._ploidy)
        alleles = self._own_ploidy - self._missing
        return self._columns.called_but_for(self._ploidy, self._rows, alleles)

    def carriers(self, allele: int) -> Carriers:
        """Who carries the allele of that number (1 is the first alternate).

        A call with a missing allele beside the one carried (`1/.`) has unspecified zygosity. A call
        of two different alternates (`1/2`) is heterozygous for each.
        """
        if self._both is not None:
            return Carriers(self._rows, self._both, self._copies) if allele == 1 else _NO_CARRIERS
        copies = (self._alleles[:, 0] == allele).astype(np.uint8)
        for column in range(1, self._alleles.shape[1]):
            copies += self._alleles[:, column] == allele
        carrying = np.flatnonzero(copies)
        copies = copies[carrying]
        ploidy = self._own_ploidy if isinstance(self._own_ploidy, int) else self._own_ploidy[carrying]
        zygosity = (copies == ploidy).astype(np.uint8)
        # One copy is all there can be: on X and Y of males, on MT, and wherever a caller says so.
        zygosity[(zygosity == HOM) & (np.asarray(ploidy) == 1)] = HEMI
        if self._missing is not None:
            zygosity[self._missing[carrying] > 0] = UNSPECIFIED
        return Carriers(self._rows[carrying], zygosity, int(copies.sum()))
