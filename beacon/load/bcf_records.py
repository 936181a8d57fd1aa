"""The home of reading BCF fast: genotypes straight from the bytes of a record.

What `cyvcf2` refuses is refused here: numbers that the header does not declare, types that there
are not, values that reach beyond their record.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import Any

import numpy as np

from beacon.load.byte_stream import BLOCK_BYTES, READ_AHEAD_BYTES, DamagedFile, Section, blocks
from beacon.load.genotypes import Genotypes
from beacon.load.vcf_header import Declared

MAGIC = b"BCF\2\2"

_HEADER_LENGTH = Struct("<I")
_FIXED = Struct("<IIiiifHHI")  # lengths, CHROM, POS, rlen, QUAL, n_info, n_allele, n_fmt + n_sample
_LENGTHS = 8  # bytes that tell how long the two parts of a record are; they do not count

_NULL, _FLOAT, _CHAR = 0, 5, 7
_INTEGERS = {1: Struct("<b"), 2: Struct("<h"), 3: Struct("<i")}
_SIZES = {_NULL: 1, 1: 1, 2: 2, 3: 4, _FLOAT: 4, _CHAR: 1}
_DTYPES = {1: "<i1", 2: "<i2", 3: "<i4", _FLOAT: "<u4"}
_MISSING = {1: -(2**7), 2: -(2**15), 3: -(2**31), _FLOAT: 0x7F800001}
_END = {kind: value + 1 for kind, value in _MISSING.items()}
_MISSING_TEXT = b"\a"

_Value = tuple[int, int, int]
"""Type, how many, and where they begin."""


def is_bcf(path: Path) -> bool:
    """Whether a file is BCF of the version that is read here, compressed or not."""
    return next(blocks(path, len(MAGIC)), b"") == MAGIC


class BcfInfo:
    """The INFO of a record: values as `cyvcf2` gives them."""

    __slots__ = ("_data", "_declared", "_fields")

    def __init__(self, declared: Declared, data: bytes, fields: dict[str, _Value]) -> None:
        self._declared, self._data, self._fields = declared, data, fields

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a field.

        Numbers are a tuple when there are several; a missing value is `None`. A field that is
        there without a value is whether it is a flag.
        """
        field = self._fields.get(key)
        if field is None:
            return default
        kind, count, begin = field
        if kind == _CHAR:
            text = self._data[begin : begin + count]
            return None if text.startswith(_MISSING_TEXT) else text.decode("utf-8", "replace")
        if count == 0:
            return self._declared.info.get(key) == "Flag"
        raw = np.frombuffer(self._data, _DTYPES[kind], count, begin)
        if count > 1 and (ends := np.flatnonzero(raw == _END[kind])).size:
            raw = raw[: ends[0]]
        values = (raw.view("<f4") if kind == _FLOAT else raw).tolist()
        missing = (raw == _MISSING[kind]).tolist()
        found = tuple(
            None if is_missing else value for value, is_missing in zip(values, missing, strict=True)
        )
        return found[0] if count == 1 else found or None

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return ((key, self.get(key)) for key in self._fields)


class BcfRecord:
    """One record, with what the loader uses of `cyvcf2.Variant`; POS is 1-based."""

    __slots__ = ("ALT", "CHROM", "FORMAT", "ID", "INFO", "POS", "REF", "_data", "_gt", "_samples")

    CHROM: str
    POS: int
    ID: str | None
    REF: str
    ALT: list[str]
    INFO: BcfInfo
    FORMAT: list[str]
    _gt: _Value

    def __init__(self, data: bytes, samples: int) -> None:
        self._data, self._samples = data, samples

    def encoded_genotypes(self) -> Genotypes:
        """The genotypes of all samples; the record has some."""
        kind, ploidy, begin = self._gt
        size = self._samples * ploidy * _SIZES[kind]
        # A copy, because in the record the integers lie at odd places.
        calls = np.frombuffer(self._data[begin : begin + size], _DTYPES[kind])
        return Genotypes.of_integers(calls.reshape(self._samples, ploidy))


class BcfRecords:
    """The records of a BCF file.

    Args:
        declared: What its header declares, which `cyvcf2` has already accepted.
        section: Which records are wanted; others beside them may come, too.
    """

    def __init__(self, path: Path, declared: Declared, section: Section | None = None) -> None:
        self.path, self.declared = path, declared
        self._offset = 0 if section is None else section.offset

    def __iter__(self) -> Iterator[BcfRecord]:
        """The records in order.

        Raises:
            DamagedFile: The file cannot be inflated, or a record is not as it should be.
        """
        buffer, place, header = b"", 0, not self._offset
        size = READ_AHEAD_BYTES if self._offset else BLOCK_BYTES
        for block in blocks(self.path, size, self._offset):
            buffer, place = buffer[place:] + block, 0
            if header:
                if len(buffer) < len(MAGIC) + _HEADER_LENGTH.size:
                    continue
                (text,) = _HEADER_LENGTH.unpack_from(buffer, len(MAGIC))
                if len(buffer) < len(MAGIC) + _HEADER_LENGTH.size + text:
                    continue
                place, header = len(MAGIC) + _HEADER_LENGTH.size + text, False
            while len(buffer) - place >= _FIXED.size:
                shared, individual = (
                    _HEADER_LENGTH.unpack_from(buffer, place + offset)[0] for offset in (0, 4)
                )
                end = place + _LENGTHS + shared + individual
                if end > len(buffer):
                    break
                yield self._record(buffer, place, place + _LENGTHS + shared, end)
                place = end
        if header or place != len(buffer):
            raise DamagedFile("it ends within a record")

    def _record(self, data: bytes, begin: int, middle: int, end: int) -> BcfRecord:
        """The record in `data[begin:end]`; `middle` is where what is of the samples begins."""
        if middle - begin < _FIXED.size:
            raise DamagedFile("a record is too short")
        try:
            return self._read(data, begin, middle, end)
        except (IndexError, KeyError) as error:
            raise DamagedFile(f"a record names what there is not: {error}") from error

    def _read(self, data: bytes, begin: int, middle: int, end: int) -> BcfRecord:
        _, individual, contig, pos, _, _, infos, alleles, widths = _FIXED.unpack_from(data, begin)
        names, samples, formats = self.declared.names, widths & 0xFFFFFF, widths >> 24
        if not (individual and samples):
            formats = 0
        elif samples != self.declared.samples:
            raise DamagedFile("a record has more samples or fewer than the file")
        record = BcfRecord(data, samples)
        record.CHROM = self.declared.contigs[contig]
        record.POS = pos + 1
        place = begin + _FIXED.size
        text, place = _text(data, place, middle)
        record.ID = None if text in (b"", b".") else text.decode("utf-8", "replace")
        if not alleles:
            raise DamagedFile("a record has no REF")
        bases = []
        for _ in range(alleles):
            text, place = _text(data, place, middle)
            bases.append(text.decode("utf-8", "replace"))
        record.REF, *record.ALT = bases
        kind, count, place = _described(data, place, middle)
        following = _following(kind, count, place, middle)
        if count and kind not in _INTEGERS:
            raise DamagedFile("FILTER has a type that it cannot have")
        for offset in range(place, following, _SIZES[kind]):
            names[_INTEGERS[kind].unpack_from(data, offset)[0]]
        place = following
        fields: dict[str, _Value] = {}
        for _ in range(infos):
            key, place = _integer(data, place, middle)
            kind, count, place = _described(data, place, middle)
            fields.setdefault(names[key], (kind, count, place))
            place = _following(kind, count, place, middle)
        record.INFO = BcfInfo(self.declared, data, fields)
        place = middle
        record.FORMAT = []
        for _ in range(formats):
            key, place = _integer(data, place, end)
            kind, count, place = _described(data, place, end)
            name = names[key]
            if name == "GT" and name not in record.FORMAT:
                if kind not in _INTEGERS:
                    raise DamagedFile("GT is not as BCF has it")
                record._gt = kind, count, place
            record.FORMAT.append(name)
            place = _following(kind, count * samples, place, end)
        return record


def _described(data: bytes, place: int, end: int) -> _Value:
    """What the descriptor of a value says: its type, how many, and where they begin."""
    if place >= end:
        raise DamagedFile("a record is too short")
    descriptor = data[place]
    kind, count = descriptor & 15, descriptor >> 4
    if count == 15:
        count, place = _integer(data, place + 1, end)
        if count < 0:
            raise DamagedFile("a value has a negative length")
        return kind, count, place
    return kind, count, place + 1


def _following(kind: int, count: int, place: int, end: int) -> int:
    """Where so many values of a type end; they have to end before their record does."""
    following = place + count * _SIZES[kind]
    if following > end or (kind == _NULL and count):
        raise DamagedFile("a value reaches beyond its record")
    return following


def _integer(data: bytes, place: int, end: int) -> tuple[int, int]:
    """A single integer, and where it ends."""
    kind = data[place] & 15
    following = place + 1 + _SIZES[kind]
    if following > end or kind not in _INTEGERS:
        raise DamagedFile("a record is too short")
    return _INTEGERS[kind].unpack_from(data, place + 1)[0], following


def _text(data: bytes, place: int, end: int) -> tuple[bytes, int]:
    """A value that is text, and where it ends."""
    kind, count, place = _described(data, place, end)
    if kind != _CHAR:
        raise DamagedFile("ID, REF or ALT is not text")
    following = _following(kind, count, place, end)
    return data[place:following], following
