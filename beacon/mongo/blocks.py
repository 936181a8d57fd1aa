"""Packed alleles: the columns of one bin of the genome, as they are read.

A block holds the alleles whose trimmed start lies in one bin, sorted by (start, code). Carriers of
rare alleles lie beside it in one document (compressed sparse rows of `row << 2 | zygosity`), those
of common ones in a Roaring bitmap each.
"""

from __future__ import annotations

import itertools
import struct
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.model.allele import Allele
from beacon.model.variant_types import type_of_bases
from beacon.mongo.documents import dense_id

U32 = npt.NDArray[np.uint32]
Bool = npt.NDArray[np.bool_]

COLUMNS: tuple[tuple[str, str], ...] = (
    ("offset", "<u2"),  # trimmed start minus the bin's start
    ("code", "<u4"),  # the allele's bases, see `allele_code`
    ("carriers", "<u4"),  # rows that carry it
    ("allele_count", "<u4"),
    ("allele_number", "<u4"),  # called alleles; 0 is unknown
    ("homozygous", "<u4"),
    ("hemizygous", "<u4"),
    ("flags", "u1"),  # base before the allele in the low bits, `ASSERTED`
)
_WIDTHS = {name: np.dtype(kind).itemsize for name, kind in COLUMNS}
_BEFORE = dict(zip(_WIDTHS, itertools.accumulate(_WIDTHS.values(), initial=0), strict=False))
_PLACES = {name: (np.dtype(kind), _BEFORE[name]) for name, kind in COLUMNS}
"""The type of each column, and how many bytes of an allele lie in the columns before it."""
_SINGLE = {
    name: (struct.Struct("<" + np.dtype(kind).char).unpack_from, _WIDTHS[name], _BEFORE[name])
    for name, kind in COLUMNS
}

ANCHORS = ("", "A", "C", "G", "T", "N")
ANCHOR_MASK = 0x7
ASSERTED = 0x8
"""A record says that the variant is there, whether or not it names carriers."""
COMMON = 0x10
"""The carriers are a document of their own in `cdense`."""

_BITS = {"A": 0, "C": 1, "G": 2, "T": 3}
_BASES = "ACGT"
SPELLED_OUT = 1 << 31
"""Set in a code whose alleles did not fit: they are in the block's `x`."""
_PACKED_BASES = 10


def row_set(rows: npt.NDArray[Any]) -> BitMap:
    """Rows as a set; many times faster than giving the array to `BitMap` itself."""
    return BitMap(array("I", rows.astype(np.uint32, copy=False).tobytes()))


def rows_of_set(rows: BitMap) -> U32:
    """The members of a set, ascending; many times faster than giving the set to numpy."""
    return np.asarray(rows.to_array(), dtype=np.uint32)


@lru_cache(maxsize=4096)
def allele_code(reference_bases: str, alternate_bases: str) -> int | None:
    """An allele's bases in 31 bits, or `None` when they do not fit.

    Four bits of each length and two bits a base, for up to ten of A, C, G and T in all: nearly
    every allele there is. The others are numbered within their block and spelled out beside it.
    """
    bases = reference_bases + alternate_bases
    if len(bases) > _PACKED_BASES:
        return None
    code = len(reference_bases) << 4 | len(alternate_bases)
    for base in bases:
        bits = _BITS.get(base)
        if bits is None:
            return None
        code = code << 2 | bits
    return code << 2 * (_PACKED_BASES - len(bases))


def allele_bases(code: int) -> tuple[str, str]:
    """The reference and alternate bases that a packed code stands for."""
    reference_length = code >> 24 & 0xF
    alternate_length = code >> 20 & 0xF
    shift = 2 * _PACKED_BASES
    bases = []
    for _ in range(reference_length + alternate_length):
        shift -= 2
        bases.append(_BASES[code >> shift & 3])
    return "".join(bases[:reference_length]), "".join(bases[reference_length:])


class Block:
    """One decoded block; columns are read in place from the document's bytes."""

    __slots__ = ("_columns", "document_id", "size", "spelled_out")

    def __init__(self, document: dict[str, Any]) -> None:
        self.document_id: int = document["_id"]
        self.size: int = document["n"]
        self.spelled_out: dict[str, list[str]] = document.get("x") or {}
        self._columns: bytes = document["h"]

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column, read-only, of `size` numbers."""
        kind, before = _PLACES[name]
        return np.frombuffer(self._columns, kind, self.size, before * self.size)

    def number(self, name: str, index: int) -> int:
        """One allele's value in one column."""
        unpack, width, before = _SINGLE[name]
        value: int = unpack(self._columns, before * self.size + width * index)[0]
        return value

    @property
    def bin_start(self) -> int:
        """The genome position at which the bin starts."""
        return (self.document_id >> 16 & 0xFFFFFF) << (self.document_id >> 48)

    def bases(self, index: int) -> tuple[str, str]:
        """Reference and alternate bases of one allele, trimmed."""
        code = self.number("code", index)
        if code & SPELLED_OUT:
            reference_bases, alternate_bases = self.spelled_out[str(index)]
            return reference_bases, alternate_bases
        return allele_bases(code)

    def dense_key(self, index: int) -> bytes:
        """Where a common allele's carriers are."""
        return dense_id(self.document_id, self.number("offset", index), self.number("code", index))

    def find(self, start: int, reference_bases: str, alternate_bases: str) -> int | None:
        """The index of an allele by its trimmed form."""
        offset = start - self.bin_start
        size = self.size
        # Without numpy: a bisection of a few steps is over before an array would be made.
        offsets = memoryview(self._columns)[: 2 * size].cast("H")
        low = bisect_left(offsets, offset)
        high = bisect_right(offsets, offset, low)
        if low == high:
            return None
        code = allele_code(reference_bases, alternate_bases)
        if code is not None:
            codes = memoryview(self._columns)[2 * size : 6 * size].cast("I")
            at = bisect_left(codes, code, low, high)
            return at if at < high and codes[at] == code else None
        for index in range(low, high):
            spelled = self.spelled_out.get(str(index))
            if spelled == [reference_bases, alternate_bases]:
                return index
        return None

    def allele(self, index: int, reference_name: str) -> Allele:
        """One allele as the model knows it."""
        reference_bases, alternate_bases = self.bases(index)
        start = self.bin_start + self.number("offset", index)
        return Allele(
            reference_name,
            start,
            start + len(reference_bases),
            reference_bases,
            alternate_bases,
            type_of_bases(reference_bases, alternate_bases),
            ANCHORS[self.number("flags", index) & ANCHOR_MASK],
        )

    def is_observed(self, index: int) -> bool:
        """Whether one allele was seen, see `observed`."""
        if self.number("allele_count", index):
            return True
        asserted = self.number("flags", index) & ASSERTED
        return bool(asserted) and not self.number("allele_number", index)

    def observed(self) -> Bool:
        """Which alleles were seen, see `observed`."""
        count = self.column("allele_count")
        seen: Bool = observed(count, self.column("allele_number"), self.column("flags"))
        return seen


def observed(allele_count: Any, allele_number: Any, flags: Any) -> Any:
    """Which alleles were seen: somebody carries them, or a record asserts them unopposed.

    Genotypes oppose: looked at and found in nobody is not seen, whatever an annotation says.
    """
    return (allele_count > 0) | ((flags & ASSERTED > 0) & (allele_number == 0))


def zygosities(alleles: Sequence[U32]) -> int:
    """Which zygosities carriers have, a bit for each code."""
    if not alleles:
        return 0
    codes = np.concatenate(alleles).astype(np.uint8) & np.uint8(3)
    return sum(1 << code for code in range(4) if (codes == code).any())


def codes_of_dense(document: dict[str, Any]) -> U32:
    """The carriers of a common allele as `row << 2 | zygosity`, sorted by row."""
    rows = rows_of_set(BitMap.deserialize(document["a"]))
    codes = rows << np.uint32(2)
    for name, zygosity in (("m", 1), ("y", 2), ("u", 3)):
        if name in document:
            chosen = rows_of_set(BitMap.deserialize(document[name]))
            codes[np.searchsorted(rows, chosen)] |= np.uint32(zygosity)
    return codes


class RareCarriers:
    """The carriers of a block's rare alleles."""

    __slots__ = ("codes", "ends")

    def __init__(self, document: dict[str, Any] | None, size: int) -> None:
        if document is None:
            self.ends = np.zeros(size + 1, "<u4")
            self.codes = np.zeros(0, "<u4")
        else:
            self.ends = np.frombuffer(document["f"], "<u4")
            self.codes = np.frombuffer(document["c"], "<u4")

    def of(self, index: int) -> U32:
        """One allele's carriers, `row << 2 | zygosity`; none for a common allele."""
        return self.codes[self.ends[index] : self.ends[index + 1]]

    def of_each(self, indexes: npt.NDArray[Any]) -> tuple[U32, npt.NDArray[np.int64]]:
        """The carriers of several alleles one after the other, and the place of each one's allele.

        Args:
            indexes: Of the alleles, ascending, each once; places are in it.
        """
        begin = self.ends[indexes].astype(np.int64)
        lengths = self.ends[np.asarray(indexes) + 1] - begin
        place = np.repeat(np.arange(len(begin)), lengths)
        if len(place) == len(self.codes):
            return self.codes, place
        within = np.arange(len(place)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return self.codes[begin[place] + within], place

    def of_all(self, indexes: npt.NDArray[Any]) -> U32:
        """The carriers of several alleles together, a row as often as it carries one of them."""
        if not len(self.codes):
            return self.codes
        chosen = np.zeros(len(self.ends) - 1, bool)
        chosen[indexes] = True
        together: U32 = self.codes[np.repeat(chosen, np.diff(self.ends))]
        return together

    def carried(self, is_counted: Bool) -> Bool:
        """For every allele of the block whether one of its carriers counts.

        Args:
            is_counted: For each of `codes`, whether it does.
        """
        running = np.concatenate(((0,), np.cumsum(is_counted)))
        counts: Bool = np.diff(running[self.ends]) > 0
        return counts
