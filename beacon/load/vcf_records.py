"""The home of reading VCF text fast, where there are many samples to a line.

Plain lines are read here, all samples of a line at once. Every other line, and with it whatever
might be wrong, goes to `cyvcf2`, so that a file is read or refused as by `cyvcf2` alone.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from ctypes import c_float
from pathlib import Path
from typing import Any, cast

import cyvcf2

from beacon.load.byte_stream import BLOCK_BYTES, READ_AHEAD_BYTES, DamagedFile, Section, blocks
from beacon.load.genotypes import Calls, Columns, Genotypes, Rows
from beacon.load.sample_text import fields_of, read_samples
from beacon.load.vcf_header import Declared

_SITE = re.compile(
    rb"([!-~]++)\t([0-9]{1,9})\t([!-~]++)\t([!-~]++)\t([!-~]++)\t[!-~]++\t([!-~]++)\t"
    rb"(\.|[\w.]++(?:=[^;\t\n\r\0]*+)?(?:;[\w.]++(?:=[^;\t\n\r\0]*+)?)*+)\t([!-~]++)\t"
)
_PLACE = re.compile(rb"([^\t\n]+)\t([0-9]{1,10})\t[^\t\n]*\t([^\t\n]*)\t")
_CONTIG = re.compile(rb"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;?@^_|~-]*")
_DECLARABLE = re.compile(rb"[\w.]+")
_WHOLE_NUMBER = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,30}(?:\.[0-9]{0,30})?(?:[eE][-+]?[0-9]{1,3})?")
_LEAST, _MOST = -(2**31) + 8, 2**31 - 1  # of a BCF integer; below are marks


_UNPLAIN = object()


class VcfInfo:
    """The INFO of a record: values as `cyvcf2` gives them."""

    __slots__ = ("_fields", "_reader", "_site")

    def __init__(self, reader: VcfRecords, site: bytes, text: bytes) -> None:
        self._reader, self._site = reader, site
        self._fields: dict[str, str | None] = {}
        for field in () if text == b"." else text.decode("utf-8", "replace").split(";"):
            key, equals, value = field.partition("=")
            self._fields.setdefault(key, value if equals else None)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a field, of the type that the header declares.

        Numbers are a tuple when there are several; a missing value is `None`. A field that is
        there without a value is whether it is a flag.
        """
        if key not in self._fields:
            return default
        text = self._fields[key]
        kind = self._reader.declared.info.get(key, "String")
        if text is None:
            return kind == "Flag"
        if kind in ("String", "Flag"):
            return None if text.startswith("\a") else text
        values = [_number(value, kind) for value in text.split(",")]
        if _UNPLAIN in values:
            record = self._reader.whole(self._site)  # INFO does not keep it alive
            return record.INFO.get(key, default)
        return values[0] if len(values) == 1 else tuple(values)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return ((key, self.get(key)) for key in self._fields)


def _number(text: str, kind: str) -> Any:
    if text in (".", ""):
        return None
    if kind == "Integer":
        if not _WHOLE_NUMBER.fullmatch(text):
            return _UNPLAIN
        value = int(text)
        return value if _LEAST <= value <= _MOST else None
    return c_float(float(text)).value if _NUMBER.fullmatch(text) else _UNPLAIN


class VcfRecord:
    """One line, with what the loader uses of `cyvcf2.Variant`; POS is 1-based."""

    __slots__ = (
        "ALT",
        "CHROM",
        "FORMAT",
        "POS",
        "REF",
        "_fields",
        "_genotypes",
        "_info",
        "_reader",
        "_site",
    )

    def __init__(
        self,
        reader: VcfRecords,
        site: bytes,
        fields: Sequence[bytes],
        form: list[str],
        genotypes: Genotypes,
    ) -> None:
        self._reader, self._site, self._fields, self._genotypes = reader, site, fields, genotypes
        chrom, pos, _, ref, alt, *_ = fields
        self.CHROM = chrom.decode()
        self.POS = int(pos)
        self.REF = ref.decode()
        self.ALT: list[str] = [] if alt == b"." else alt.decode().split(",")
        self.FORMAT = form
        self._info: VcfInfo | None = None

    @property
    def ID(self) -> str | None:  # noqa: N802 - the name of the column
        """The identifiers, separated by semicolons."""
        written = self._fields[2].decode()
        return None if written == "." else written

    @property
    def INFO(self) -> VcfInfo:  # noqa: N802 - the name of the column
        """INFO, taken apart when it is first asked for."""
        if self._info is None:
            self._info = VcfInfo(self._reader, self._site, self._fields[6])
        return self._info

    def calls(self, columns: Columns | Rows) -> Calls:
        """The genotypes of all samples."""
        return Calls(self._genotypes, columns)


class VcfRecords:
    """The records of a VCF file, plain, gzip or BGZF.

    Args:
        declared: What its header declares, which `cyvcf2` has already accepted.
        section: Which records are wanted, if not all.
    """

    def __init__(self, path: Path, declared: Declared, section: Section | None = None) -> None:
        self.path, self.declared, self._section = path, declared, section
        self._header = b""
        self._known = {b".", *(name.encode() for name in declared.filters)}
        self._declared_contigs = {name.encode() for name in declared.contigs.values()}
        self._known |= self._declared_contigs
        self._formats: dict[bytes, list[str] | None] = {}

    def __iter__(self) -> Iterator[VcfRecord | cyvcf2.Variant]:
        """The records in order; those that are not plain as `cyvcf2.Variant`.

        Raises:
            DamagedFile: It cannot be inflated.
            Exception: `cyvcf2` refuses a record.
        """
        for lines in self._blocks_of_lines():
            if self._section is None:
                yield from self._records(lines)
                continue
            wanted, is_last = _of_section(lines, self._section)
            yield from self._records(wanted)
            if is_last:
                return

    def whole(self, site: bytes) -> cyvcf2.Variant:
        """The record of a line up to INFO, without genotypes, as `cyvcf2` reads it."""
        return next(self._by_cyvcf2([site + b"\t.\t."]))

    def _blocks_of_lines(self) -> Iterator[bytes]:
        """The lines after the header, in blocks that end where a line does."""
        rest: list[bytes] = []
        section = self._section
        if section is not None:
            self._header = self._read_header()
        size, offset = (BLOCK_BYTES, 0) if section is None else (READ_AHEAD_BYTES, section.offset)
        for block in blocks(self.path, size, offset):
            end = block.rfind(b"\n") + 1
            if not end:
                rest.append(block)
                continue
            lines = b"".join([*rest, block[:end]])
            rest = [block[end:]]
            if not self._header:
                after = _header_end(lines)
                if after is None:
                    rest = [lines, block[end:]]
                    continue
                self._header, lines = lines[:after], lines[after:]
            yield lines
        if last := b"".join(rest):  # of compressed files the last line may lack its end
            lines = last + b"\n"
            yield lines if self._header else lines[_header_end(lines) :]

    def _read_header(self) -> bytes:
        lines = b""
        for block in blocks(self.path, READ_AHEAD_BYTES):
            lines += block
            after = _header_end(lines[: lines.rfind(b"\n") + 1])
            if after is not None:
                return lines[:after]
        raise DamagedFile("it has no line of column names")

    def _records(self, lines: bytes) -> Iterator[VcfRecord | cyvcf2.Variant]:
        records: list[VcfRecord | None] = []
        others: list[bytes] = []
        begin = 0
        while begin < len(lines):
            end = lines.index(b"\n", begin)
            record = self._plain(lines, begin, end)
            if record is None:
                others.append(lines[begin:end])
            records.append(record)
            begin = end + 1
        by_cyvcf2 = self._by_cyvcf2(others)
        for record in records:
            if record is not None:
                yield record
                continue
            other = next(by_cyvcf2, None)
            if other is None:
                raise DamagedFile("a line holds no record")
            yield other

    def _plain(self, lines: bytes, begin: int, end: int) -> VcfRecord | None:
        site = _SITE.match(lines, begin, end)
        if site is None:
            return None
        fields = site.groups()
        chrom, _, _, _, alt, filters, _, form_text = fields
        if form_text not in self._formats:
            self._formats[form_text] = fields_of(form_text.decode(), self.declared.formats)
        form = self._formats[form_text]
        if form is None or not (self._is_known(chrom) and self._is_known(filters)):
            return None
        if b",," in alt or alt.startswith(b",") or alt.endswith(b","):
            return None
        text = lines[site.end() : end].removesuffix(b"\r")
        if not text.endswith(b"\t"):  # as some writers have it
            text += b"\t"
        genotypes = read_samples(text, self.declared.samples, len(form))
        if genotypes is None:
            return None
        up_to_info = lines[begin : site.end(7)]
        return VcfRecord(self, up_to_info, fields, form, genotypes)

    def _is_known(self, name: bytes) -> bool:
        """Whether `cyvcf2` accepts a contig or filter: if it is declared, or could be."""
        if name in self._known:
            return True
        if not _DECLARABLE.fullmatch(name):
            return False
        self._known.add(name)
        return True

    def _by_cyvcf2(self, lines: Sequence[bytes]) -> Iterator[cyvcf2.Variant]:
        """The records of lines that are not plain.

        Contigs are declared to it first: of a record on any other it hands over what it has, and
        that may be less than a record.
        """
        if not lines:
            return
        sound = lines
        contigs = dict.fromkeys(line.partition(b"\t")[0] for line in lines)
        if bad := {name for name in contigs if not self._is_contig(name)}:
            ends = (at for at, line in enumerate(lines) if line.partition(b"\t")[0] in bad)
            sound = lines[: next(ends)]
        with tempfile.NamedTemporaryFile(suffix=".vcf") as file:
            before, _, columns = self._header.rstrip(b"\r\n").rpartition(b"\n")
            file.write(before + b"\n")
            file.writelines(
                b"##contig=<ID=" + name + b">\n"
                for name in contigs
                if name not in bad and name not in self._declared_contigs
            )
            file.write(columns + b"\n")
            file.writelines(line + b"\n" for line in sound)
            file.flush()
            reader = cyvcf2.VCF(file.name)
            for record, line in zip(reader, sound, strict=False):
                self._known.add(line.split(b"\t", 7)[6])  # the filters, now that it has them
                yield cast("cyvcf2.Variant", record)
            reader.close()
        if bad:
            raise DamagedFile("CHROM is not the name of a contig")

    def _is_contig(self, name: bytes) -> bool:
        return name in self._declared_contigs or _CONTIG.fullmatch(name) is not None


def _of_section(lines: bytes, section: Section) -> tuple[bytes, bool]:
    """The lines from the first that is of use on, and whether the section ends there.

    Lines that begin like no record are of use: they are to be refused.
    """
    contig = section.contig.encode()
    first: int | None = None
    begin = 0
    while begin < len(lines):
        end = lines.index(b"\n", begin) + 1
        site = _PLACE.match(lines, begin, end)
        if site is not None:
            if site[1] != contig or int(site[2]) > section.end:  # POS is 1-based
                return lines[begin if first is None else first : begin], True
            start = int(site[2]) - 1
            if first is None and start + site.end(3) - site.start(3) >= section.start:
                first = begin
        elif first is None:
            first = begin
        begin = end
    return lines[len(lines) if first is None else first :], False


def _header_end(lines: bytes) -> int | None:
    """Where the line of column names ends, if it is there."""
    begin = 0
    while begin < len(lines):
        end = lines.index(b"\n", begin) + 1
        if lines[begin : begin + 1] == b"#" and lines[begin + 1 : begin + 2] != b"#":
            return end
        begin = end
    return None
