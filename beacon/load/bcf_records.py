"""The home of reading BCF fast: genotypes straight from the bytes of a record.

What `cyvcf2` refuses is refused here: numbers that the header does not declare, types that there
are not, values that reach beyond their record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple

import numpy as np

from beacon.load.byte_stream import DamagedFile, Section, blocks
from beacon.load.genotype_panel import Panel
from beacon.load.genotypes import Calls, Columns, Rows
from beacon.load.vcf_header import Declared

MAGIC = b"BCF\2\2"

_BLOCK_BYTES = 512 << 10
"""What is read at once, or four records where they are longer: it stays in the cache."""
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
_SHORT = 15
"""A descriptor has the length of a value unless it is that or more."""
_SITES_KEPT = 4096
_SHORT_SITE = 64
"""Bytes of REF, ALT and FILTER that others may have, too, and that then are read once."""
_PAIR = (1, 2)
"""Type and number of the integers of a call of two, in bytes."""
_HEAD = 3
"""Bytes before them, where the number of GT is short, too: they say all there is to know."""

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


class _Site(NamedTuple):
    """What a record says beside its place, its ID and its samples."""

    reference_bases: str
    alternates: list[str]
    info: BcfInfo


class BcfRecord:
    """One record, with what the loader uses of `cyvcf2.Variant`; POS is 1-based."""

    __slots__ = ("ALT", "CHROM", "FORMAT", "INFO", "POS", "REF", "_identifier", "_panel", "_place")

    def __init__(
        self,
        contig: str,
        pos: int,
        identifier: bytes,
        site: _Site,
        form: Sequence[str],
        panel: Panel,
        place: int | None,
    ) -> None:
        self.CHROM, self.POS, self.FORMAT = contig, pos, form
        self.REF, self.ALT, self.INFO = site
        self._identifier, self._panel, self._place = identifier, panel, place

    @property
    def ID(self) -> str | None:  # noqa: N802 - the name of the column
        """The identifiers, separated by semicolons."""
        text = self._identifier
        return None if text in (b"", b".") else text.decode("utf-8", "replace")

    def calls(self, columns: Columns | Rows) -> Calls:
        """The genotypes of all samples.

        Raises:
            ValueError: The record has none.
        """
        if self._place is None:
            raise ValueError("the record has no genotypes")
        return self._panel.calls(self._place, columns)


class BcfRecords:
    """The records of a BCF file.

    Args:
        declared: What its header declares, which `cyvcf2` has already accepted.
        section: Which records are wanted; others beside them may come, too.
    """

    def __init__(self, path: Path, declared: Declared, section: Section | None = None) -> None:
        self.path, self.declared = path, declared
        self._offset = 0 if section is None else section.offset
        self._sites: dict[tuple[int, bytes], _Site] = {}
        self._forms: dict[bytes, Sequence[str]] = {}

    def __iter__(self) -> Iterator[BcfRecord]:
        """The records in order.

        Raises:
            DamagedFile: The file cannot be inflated, or a record is not as it should be.
        """
        buffer, place, header = b"", 0, not self._offset
        size = max(_BLOCK_BYTES, 4 * 2 * self.declared.samples)
        for block in blocks(self.path, size, self._offset):
            buffer, place = buffer[place:] + block, 0
            if header:
                if len(buffer) < len(MAGIC) + _HEADER_LENGTH.size:
                    continue
                (text,) = _HEADER_LENGTH.unpack_from(buffer, len(MAGIC))
                if len(buffer) < len(MAGIC) + _HEADER_LENGTH.size + text:
                    continue
                place, header = len(MAGIC) + _HEADER_LENGTH.size + text, False
            records: list[BcfRecord] = []
            try:
                place = self._gather(records, buffer, place)
            except DamagedFile:
                yield from records  # those before the damage
                raise
            yield from records
        if header or place != len(buffer):
            raise DamagedFile("it ends within a record")

    def _gather(self, records: list[BcfRecord], data: bytes, place: int) -> int:
        """Read the records that are whole, and tell where the next one begins."""
        panel = Panel(self.declared.samples)
        while len(data) - place >= _FIXED.size:
            fixed = _FIXED.unpack_from(data, place)
            middle = place + _LENGTHS + fixed[0]
            end = middle + fixed[1]
            if end > len(data):
                break
            if middle - place < _FIXED.size:
                raise DamagedFile("a record is too short")
            if panel.is_full:
                panel = Panel(self.declared.samples)
            try:
                records.append(self._read(panel, fixed, data, place + _FIXED.size, middle, end))
            except (IndexError, KeyError) as error:
                raise DamagedFile(f"a record names what there is not: {error}") from error
            place = end
        return place

    def _read(
        self, panel: Panel, fixed: tuple[Any, ...], data: bytes, place: int, middle: int, end: int
    ) -> BcfRecord:
        """The record whose ID begins at `place`, and what is of the samples at `middle`."""
        _, individual, contig, pos, _, _, infos, alleles, widths = fixed
        samples, formats = widths & 0xFFFFFF, widths >> 24
        if not (individual and samples):
            formats = 0
        elif samples != self.declared.samples:
            raise DamagedFile("a record has more samples or fewer than the file")
        name = self.declared.contigs[contig]
        identifier, place = _text(data, place, middle)
        site = None if infos else self._sites.get((alleles, data[place:middle]))
        if site is None:
            site = self._site(data, alleles, infos, place, middle)
        form, genotypes = self._genotypes(panel, data, formats, middle, end)
        return BcfRecord(name, pos + 1, identifier, site, form, panel, genotypes)

    def _site(self, data: bytes, alleles: int, infos: int, place: int, end: int) -> _Site:
        """REF, ALT and INFO, and FILTER between them, of which nothing is kept."""
        if not alleles:
            raise DamagedFile("a record has no REF")
        names, begin = self.declared.names, place
        bases = []
        for _ in range(alleles):
            text, place = _text(data, place, end)
            bases.append(text.decode("utf-8", "replace"))
        kind, count, place = _described(data, place, end)
        following = _following(kind, count, place, end)
        if count and kind not in _INTEGERS:
            raise DamagedFile("FILTER has a type that it cannot have")
        for offset in range(place, following, _SIZES[kind]):
            names[_INTEGERS[kind].unpack_from(data, offset)[0]]
        place = following
        fields: dict[str, _Value] = {}
        for _ in range(infos):
            key, place = _integer(data, place, end)
            kind, count, place = _described(data, place, end)
            fields.setdefault(names[key], (kind, count, place))
            place = _following(kind, count, place, end)
        site = _Site(bases[0], bases[1:], BcfInfo(self.declared, data if infos else b"", fields))
        if not infos and end - begin <= _SHORT_SITE and len(self._sites) < _SITES_KEPT:
            self._sites[alleles, data[begin:end]] = site
        return site

    def _genotypes(
        self, panel: Panel, data: bytes, formats: int, place: int, end: int
    ) -> tuple[Sequence[str], int | None]:
        """FORMAT, and where in the panel the genotypes are, if the record has some."""
        names, samples = self.declared.names, self.declared.samples
        head, begin = data[place : place + _HEAD], place + _HEAD
        if formats == 1 and head in self._forms and begin + 2 * samples <= end:
            return self._forms[head], panel.add(data, begin)
        form: list[str] = []
        genotypes: int | None = None
        for _ in range(formats):
            key, place = _integer(data, place, end)
            kind, count, place = _described(data, place, end)
            following = _following(kind, count * samples, place, end)
            name = names[key]
            if name == "GT" and genotypes is None:
                if kind not in _INTEGERS:
                    raise DamagedFile("GT is not as BCF has it")
                if (kind, count) == _PAIR:
                    genotypes = panel.add(data, place)
                    if formats == 1 and place == begin:
                        self._forms[head] = ["GT"]
                else:
                    integers = np.frombuffer(data[place:following], _DTYPES[kind])
                    genotypes = panel.add_other(integers.reshape(samples, count))
            form.append(name)
            place = following
        return form, genotypes


def _described(data: bytes, place: int, end: int) -> _Value:
    """What the descriptor of a value says: its type, how many, and where they begin."""
    if place >= end:
        raise DamagedFile("a record is too short")
    descriptor = data[place]
    kind, count = descriptor & 15, descriptor >> 4
    if count == _SHORT:
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
    if place < end and (descriptor := data[place]) & 15 == _CHAR:
        following = place + 1 + (descriptor >> 4)
        if descriptor >> 4 < _SHORT and following <= end:  # nearly every text
            return data[place + 1 : following], following
    kind, count, place = _described(data, place, end)
    if kind != _CHAR:
        raise DamagedFile("ID, REF or ALT is not text")
    following = _following(kind, count, place, end)
    return data[place:following], following
