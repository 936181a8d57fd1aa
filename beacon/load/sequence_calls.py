"""The home of what a file says of one sample on one sequence, and of writing it to a segment."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from beacon.load.assessed import (
    Regions,
    Said,
    contained,
    copies_in_regions,
    has_one_x,
    is_x,
    is_y,
    runs,
)
from beacon.load.spool import (
    CARRIER,
    COPIES_SHIFT,
    LOW_BITS,
    ODD,
    OUTSIDE,
    START_BITS,
    ZYGOSITY,
    Alleles,
    Array,
    SegmentWriter,
)
from beacon.model.allele import Zygosity
from beacon.model.assessment import CARRIER as CARRYING
from beacon.model.assessment import OUTSIDE as OUTSIDE_KIND
from beacon.model.assessment import PlaceSaid, mark_of, near_changes, said
from beacon.model.spans import NO_SPANS, Spans, change_within, copies_at

_HEMI = int(Zygosity.HEMI)
_START = np.uint64((1 << START_BITS) - 1)


@dataclass(slots=True)
class SequenceCalls:
    """What one file says of one sample on one sequence."""

    keys: list[Array] = field(default_factory=list)
    flags: list[Array] = field(default_factory=list)
    records: list[Spans] = field(default_factory=list)
    blocks: list[Spans] = field(default_factory=list)
    loose_keys: list[int] = field(default_factory=list)
    loose_flags: list[int] = field(default_factory=list)
    loose: list[tuple[int, int, int, bool]] = field(default_factory=list)
    """Start, end and copies of single records, and whether they are blocks."""

    def hand_over(
        self,
        segment: SegmentWriter,
        *,
        row: int,
        code: int,
        file: str,
        assembly: str,
        regions: Regions | None,
        says: bool,
    ) -> int:
        """Write it all to a segment.

        Args:
            row: The row of the sample.
            code: The sequence.
            file: Where it is from.
            regions: What a BED file says was assessed, or `None`.
            says: Whether the file says where its samples have no variant.

        Returns:
            Calls of carriers outside the assessed regions.
        """
        alleles = segment.alleles
        outside = 0
        if self.loose:
            starts, ends, copies, is_block = (
                np.array(one) for one in zip(*self.loose, strict=True)
            )
            loose = Spans(starts, ends, copies.astype(np.int8))
            self.blocks.append(Spans(*(column[is_block] for column in loose)))
            self.records.append(Spans(*(column[~is_block] for column in loose)))
        keys = np.concatenate([np.array(self.loose_keys, np.uint64), *self.keys])
        flags = np.concatenate([np.array(self.loose_flags, np.uint8), *self.flags])
        found = base = NO_SPANS
        starts = (keys >> np.uint64(LOW_BITS) & _START).astype(np.int64)
        ends = starts + alleles.extents(keys)
        if says:
            of_file = self._said(code, assembly, regions)
            found, base = runs(of_file), of_file.get(Said.REGION, NO_SPANS)
            segment.add_runs(code, row, found)
            flags = flags | _odd(found, starts, ends, flags)
        if regions is not None:
            flags = flags | self._outside(regions.get(code, NO_SPANS), starts, ends, flags)
            outside = int(np.count_nonzero(flags & OUTSIDE))
        segment.add_calls(keys, row, flags)
        calls = _kept(alleles, found, keys, starts, ends, flags)
        of_regions, rest = said(found, base, calls)
        segment.said.add_place(
            PlaceSaid(row=row, file=file, code=code, regions=of_regions, rest=rest)
        )
        return outside

    def _said(self, code: int, assembly: str, regions: Regions | None) -> dict[Said, Spans]:
        records = Spans.joined(self.records)
        said = {Said.RECORD: records, Said.BLOCK: Spans.joined(self.blocks)}
        assessed = None if regions is None else regions.get(code)
        if assessed is not None and (not is_y(code) or bool((records.copies > 0).any())):
            one_x = is_x(code) and has_one_x(records, assembly)
            said[Said.REGION] = copies_in_regions(assessed, code, assembly, one_x=one_x)
        return said

    def _outside(self, regions: Spans, starts: Array, ends: Array, flags: Array) -> Array:
        """The bit `OUTSIDE` for each call of a carrier that neither regions nor blocks contain."""
        within = contained(starts, ends, Spans.joined((regions, *self.blocks)))
        outside = (flags & CARRIER != 0) & ~within
        bits: Array = outside.astype(np.uint8) * np.uint8(OUTSIDE)
        return bits


def _kept(
    alleles: Alleles, found: Spans, keys: Array, starts: Array, ends: Array, flags: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """The calls that spans and carriers do not tell: starts, extents, marks, copies, kinds."""
    carrying = flags & CARRIER != 0
    copies = np.minimum(flags >> COPIES_SHIFT & 3, 2)
    by_zygosity = np.where(flags & ZYGOSITY == _HEMI, 1, 2)
    named = ~carrying | (copies != by_zygosity) | (flags & (ODD | OUTSIDE) != 0)
    kept = named | near_changes(found, starts, ends)
    kinds = np.where(carrying, CARRYING, 0) | np.where(flags & OUTSIDE != 0, OUTSIDE_KIND, 0)
    marks = np.zeros(keys.size, np.uint32)
    marks[named] = [mark_of(alleles.allele(key)) for key in keys[named].tolist()]
    extents = (ends - starts)[kept]
    return starts[kept], extents, marks[kept], copies[kept], kinds[kept]


def _odd(found: Spans, starts: Array, ends: Array, flags: Array) -> Array:
    """The bit `ODD` for each call whose own record says other than the runs do all over it."""
    copies = np.minimum(flags >> COPIES_SHIFT & 3, 2)
    odd = (copies != copies_at(found, starts)) | change_within(found, starts, ends)
    bits: Array = odd.astype(np.uint8) * np.uint8(ODD)
    return bits
