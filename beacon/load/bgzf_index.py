"""The home of indexes beside compressed files (.tbi, .csi): where the records of a place begin.

A *virtual offset* names a byte of a BGZF file: the offset of its block in the file, shifted by 16
bits, and the offset in the block once that is inflated.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct, error

_TBI, _CSI = b"TBI\1", b"CSI\1"
_LINEAR_SHIFT = 14
_LINEAR_DEPTH = 5
_TABIX_HEADER = Struct("<7i")  # format, three columns, meta, skip, length of the names
_INT = Struct("<i")
_CSI_HEADER = Struct("<3i")
_TBI_BIN, _CSI_BIN = Struct("<Ii"), Struct("<IQi")
_CHUNK = Struct("<QQ")
_END_BYTES = 28  # of the empty block that ends a BGZF file
_BLOCK_BYTES_MAX = 1 << 16


@dataclass(slots=True)
class IndexedContig:
    """What an index says of the records of one contig.

    Attributes:
        begin, end: virtual offsets of the first record, and behind the last.
        records: how many there are.
    """

    begin: int
    end: int
    records: int
    _shift: int
    _depth: int
    _linear: Sequence[int] = ()
    _bins: Mapping[int, int] = field(default_factory=dict)

    @property
    def reach(self) -> int:
        """A place, 0-based, that no record overlaps, nor any behind it."""
        if self._linear:
            return len(self._linear) << self._shift
        return max((self._end_of(number) for number in self._bins), default=0)

    def _end_of(self, number: int) -> int:
        """Where the interval of a bin ends."""
        level, above = 0, number
        while above:
            level, above = level + 1, (above - 1) >> 3
        first = ((1 << 3 * level) - 1) // 7
        return (number - first + 1) << self._shift + 3 * (self._depth - level)

    def offset(self, start: int) -> int:
        """A virtual offset that no record which overlaps [start, …) lies before.

        Args:
            start: 0-based.
        """
        if self._linear:
            window = min(start >> self._shift, len(self._linear) - 1)
            return max(self._linear[window], self.begin)
        return max(self._offset_by_bins(start), self.begin)

    def _offset_by_bins(self, start: int) -> int:
        """By the nearest bin to the left, or one that holds it."""
        deepest = ((1 << 3 * self._depth) - 1) // 7
        number = deepest + (start >> self._shift)
        while number not in self._bins:
            if not number:
                return self.begin
            parent = (number - 1) >> 3
            number = number - 1 if number > (parent << 3) + 1 else parent
        return self._bins[number]


def read_index(path: Path, contigs: Mapping[int, str]) -> dict[str, IndexedContig] | None:
    """What the index beside a file says, by contig, in the order of the file.

    Args:
        path: The BGZF file.
        contigs: Names by number, as the header of the file declares them; for indexes without
            names.

    Returns:
        The contigs that have records. `None` when there is no index, or one that cannot be used:
        it is damaged, was made of another file, or does not count records.
    """
    for suffix in (".tbi", ".csi"):
        beside = path.with_name(path.name + suffix)
        if not beside.is_file():
            continue
        try:
            data = gzip.decompress(beside.read_bytes())
            found = _read(data, contigs)
        except (OSError, EOFError, zlib.error, error, ValueError, KeyError):
            return None
        size = path.stat().st_size - _END_BYTES
        last = max((one.end >> 16 for one in found.values()), default=0)
        return found if size - _BLOCK_BYTES_MAX <= last <= size else None
    return None


def _read(data: bytes, contigs: Mapping[int, str]) -> dict[str, IndexedContig]:
    names: list[str] | None = None
    if data[:4] == _TBI:
        (count,) = _INT.unpack_from(data, 4)
        names, place = _names(data, 8)
        shift, depth = _LINEAR_SHIFT, _LINEAR_DEPTH
    elif data[:4] == _CSI:
        shift, depth, size = _CSI_HEADER.unpack_from(data, 4)
        place = 4 + _CSI_HEADER.size
        if size:
            names, _ = _names(data, place)
        (count,) = _INT.unpack_from(data, place + size)
        place += size + _INT.size
    else:
        raise ValueError("no index")
    found = {}
    for number in range(count):
        contig, place = _contig(data, place, shift, depth, is_linear=data[:4] == _TBI)
        if contig is not None:
            found[contigs[number] if names is None else names[number]] = contig
    return dict(sorted(found.items(), key=lambda one: one[1].begin))


def _names(data: bytes, place: int) -> tuple[list[str], int]:
    size = _TABIX_HEADER.unpack_from(data, place)[-1]
    place += _TABIX_HEADER.size
    return data[place : place + size].decode().split("\0")[:-1], place + size


def _contig(
    data: bytes, place: int, shift: int, depth: int, *, is_linear: bool
) -> tuple[IndexedContig | None, int]:
    """One contig, `None` without records, and where the next begins."""
    counted = ((1 << 3 * (depth + 1)) - 1) // 7 + 1  # the number of the bin that has the counts
    (count,) = _INT.unpack_from(data, place)
    place += _INT.size
    bins: dict[int, int] = {}
    meta: tuple[int, int, int] | None = None
    for _ in range(count):
        if is_linear:
            number, chunks = _TBI_BIN.unpack_from(data, place)
            place += _TBI_BIN.size
        else:
            number, offset, chunks = _CSI_BIN.unpack_from(data, place)
            bins[number] = offset
            place += _CSI_BIN.size
        if number == counted:
            bins.pop(number, None)
            begin, end = _CHUNK.unpack_from(data, place)
            meta = begin, end, sum(_CHUNK.unpack_from(data, place + _CHUNK.size))
        place += chunks * _CHUNK.size
    linear: tuple[int, ...] = ()
    if is_linear:
        (size,) = _INT.unpack_from(data, place)
        place += _INT.size
        linear = Struct(f"<{size}Q").unpack_from(data, place)
        place += 8 * size
    if not count:
        return None, place
    if meta is None:
        raise ValueError("the index does not count records")
    begin, end, records = meta
    return IndexedContig(begin, end, records, shift, depth, linear, bins), place
