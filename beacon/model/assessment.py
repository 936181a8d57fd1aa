"""The home of what is kept of a person's file: where it says that the person was looked at.

That is enough to tell of any allele, whichever file has it, how many copies the person had called
there: by the rules that hold where files are merged, as if the file were read again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from beacon.model.allele import Allele
from beacon.model.spans import (
    I8,
    I64,
    NO_SPANS,
    Spans,
    change_within,
    copies_at,
    difference,
    layered,
)
from beacon.model.variant_types import type_of_bases

LONGEST = 1 << 16
"""Bases of a footprint over which it is asked who was looked at; the rest is taken to be alike."""
AROUND = 1_000
"""Bases from where spans begin or end, within which a person's calls are kept one by one."""

CARRIER, OUTSIDE = 1, 2
"""The bits of a kept call's kind."""

_CALL = np.dtype(
    [("start", "<u4"), ("extent", "<u4"), ("mark", "<u4"), ("copies", "u1"), ("kind", "u1")]
)
Array = npt.NDArray[Any]


class PersonFileSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a file for one of its samples.

    Attributes:
        row: the sample's.
        file: the path of the file. In a later load, a file takes the place of an earlier one of the
            same sample and name that has calls on the same sequence.
        codes: the sequences that it has calls on.
        says: whether it says where the sample has no variant.
        is_bounded: whether it says so by regions.
    """

    row: int
    file: str
    codes: tuple[int, ...]
    says: bool
    is_bounded: bool


class PlaceSaid(msgspec.Struct, frozen=True, kw_only=True):
    """The same on one sequence; `regions` and `rest` are for `Statement.of`.

    Attributes:
        regions: the assessed regions, which are the same for many people, or nothing.
        rest: what the file says otherwise, and calls of the sample that are asked one by one.
    """

    row: int
    file: str
    code: int
    regions: bytes
    rest: bytes


def extent(allele: Allele) -> int:
    """Bases of the footprint; a structural variant has the one base it is written at."""
    if allele.structural:
        return 1
    start, end = allele.footprint
    return min(end - start, LONGEST)


def mark_of(allele: Allele) -> int:
    """32 bits by which alleles that are written at one place are told apart."""
    reference_bases, alternate_bases = allele.reference_bases, allele.alternate_bases
    text = f"{allele.start}:{reference_bases}:{alternate_bases}"
    if allele.structural or allele.variant_type != type_of_bases(reference_bases, alternate_bases):
        text += f":{allele.end}:{allele.variant_type}:{allele.detail}"
    return zlib.crc32(text.encode())


class Asked(msgspec.Struct, frozen=True):
    """Alleles of one sequence as columns: footprints, and marks as of `mark_of`."""

    starts: I64
    ends: I64
    marks: I64

    @classmethod
    def of(cls, alleles: Iterable[Allele]) -> Asked:
        """Some alleles, in their order."""
        found = [(one.footprint[0], extent(one), mark_of(one)) for one in alleles]
        columns = np.array(found, np.int64).reshape(-1, 3)
        return cls(columns[:, 0], columns[:, 0] + columns[:, 1], columns[:, 2])

    @property
    def names(self) -> I64:
        """A number for each, the same for the same allele."""
        return self.starts << 32 | self.marks


@dataclass(frozen=True, slots=True)
class Kept:
    """Calls of one sample on one sequence, sorted by start; arrays of the same shape (calls,)."""

    starts: I64
    ends: I64
    names: I64
    copies: I8
    kinds: I8


@dataclass(frozen=True, slots=True)
class Statement:
    """What one file says of one sample on one sequence."""

    spans: Spans
    calls: Kept

    @classmethod
    def of(cls, regions: bytes, rest: bytes) -> Statement:
        """From what `said` gave."""
        data = zlib.decompress(rest)
        size = int.from_bytes(data[:8], "little")
        spans = layered((_spans(data[8 : 8 + size]), _spans(zlib.decompress(regions or _NOTHING))))
        calls = np.frombuffer(data[8 + size :], _CALL)
        starts = calls["start"].astype(np.int64)
        kept = Kept(
            starts,
            starts + calls["extent"],
            starts << 32 | calls["mark"].astype(np.int64),
            calls["copies"].astype(np.int8),
            calls["kind"].astype(np.int8),
        )
        return cls(spans, kept)

    def copies(self, asked: Asked) -> I8:
        """Alleles called at each: by the own record; else by any that overlaps the footprint, the
        one with most of them; else where the spans cover all of the footprint alike."""
        copies = copies_at(self.spans, asked.starts)
        for index in np.flatnonzero(change_within(self.spans, asked.starts, asked.ends)).tolist():
            copies[index] = self._overlapping(int(asked.starts[index]), int(asked.ends[index]))
        if self.calls.names.size:
            order = np.argsort(self.calls.names, kind="stable")
            names = self.calls.names[order]
            at = np.minimum(np.searchsorted(names, asked.names), names.size - 1)
            own = names[at] == asked.names
            copies[own] = self.calls.copies[order][at[own]]
        return copies

    def _overlapping(self, start: int, end: int) -> int:
        calls = self.calls
        first, last = np.searchsorted(calls.starts, (start - LONGEST, end))
        there = calls.ends[first:last] > start
        return int(calls.copies[first:last][there].max(initial=0))


def said(
    spans: Spans, regions: Spans, calls: tuple[Array, Array, Array, Array, Array]
) -> tuple[bytes, bytes]:
    """What is kept of a sample on one sequence, as bytes.

    Args:
        spans: What is said in all, apart from each other and in order.
        regions: What the regions alone say, likewise.
        calls: Starts, extents, marks, copies and kinds of the calls that are kept; the mark is 0
            where the own record tells no more than that the allele is carried.

    Returns:
        The regions, equal where they are the same; and the rest.
    """
    starts, extents, marks, copies, kinds = calls
    kept = np.empty(starts.size, _CALL)
    kept["start"], kept["extent"], kept["mark"] = starts, extents, marks
    kept["copies"], kept["kind"] = copies, kinds
    kept = kept[np.argsort(starts, kind="stable")]
    otherwise = _packed(difference(spans, regions))
    data = len(otherwise).to_bytes(8, "little") + otherwise + kept.tobytes()
    return zlib.compress(_packed(regions)) if regions.starts.size else b"", zlib.compress(data)


def near_changes(spans: Spans, starts: I64, ends: I64) -> npt.NDArray[np.bool_]:
    """Which calls may overlap an allele across which the spans change."""
    return change_within(spans, starts - AROUND, ends + AROUND)


def _packed(spans: Spans) -> bytes:
    before = np.concatenate((np.zeros(1, np.int64), spans.starts))[: spans.starts.size]
    columns = ((spans.starts - before), (spans.ends - spans.starts))
    return b"".join(one.astype("<u4").tobytes() for one in columns) + spans.copies.tobytes()


_NOTHING = zlib.compress(_packed(NO_SPANS))


def _spans(data: bytes) -> Spans:
    size = len(data) // 9
    steps, lengths = np.frombuffer(data, "<u4", 2 * size).astype(np.int64).reshape(2, size)
    starts = np.cumsum(steps)
    return Spans(starts, starts + lengths, np.frombuffer(data, np.int8, size, 8 * size))
