"""The home of reading one file of one person, or of a few, into a segment of the spool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from beacon.framework.errors import LoadError
from beacon.framework.source import NOBODY
from beacon.load.annotations import Annotator
from beacon.load.assessed import (
    Regions,
)
from beacon.load.byte_stream import DamagedFile, blocks
from beacon.load.genotypes import Calls, Columns
from beacon.load.notes import Notes
from beacon.load.report import Report
from beacon.load.sequence_calls import SequenceCalls
from beacon.load.single_sample_text import Lines, read_lines
from beacon.load.spool import (
    CARRIER,
    COPIES_SHIFT,
    Alleles,
    Array,
    SegmentWriter,
)
from beacon.load.structural import is_structural
from beacon.load.vcf import RecordReader
from beacon.load.vcf_alleles import NOTHING, REFERENCE_BLOCK
from beacon.load.vcf_file import VcfFile
from beacon.model.assemblies import chromosome, length
from beacon.model.assemblies import code as sequence_code
from beacon.model.assessment import PersonFileSaid
from beacon.model.reference import Bases
from beacon.model.spans import Spans

_BCF_SUFFIX = ".bcf"


@dataclass(slots=True)
class PersonFile:
    """One file on its way into a segment.

    Args:
        rows: The row of each sample of the file; `NOBODY` for who has withdrawn.
        regions: What a BED file says was assessed, or `None`.
        is_part: Whether other files have calls of the same samples, on other sequences: regions
            count only on those that this file has records on.
        bases: The reference sequence, to compare REF with and to move alleles along.
        scratch: Folder for a moment's files.
    """

    path: Path
    assembly: str
    rows: Array
    regions: Regions | None
    report: Report
    scratch: Path
    is_part: bool = False
    bases: Bases | None = None
    codes: tuple[int, ...] = ()
    """The sequences that the file has calls on, once it is read."""
    outside: int = 0
    """Calls of carriers outside the assessed regions, once it is read."""
    _alleles: Alleles = field(default_factory=Alleles)
    _annotator: Annotator | None = None
    _notes: Notes | None = None
    _places: dict[tuple[int, int], SequenceCalls] = field(default_factory=dict)
    _says: bool = False

    def read_into(self, segment: SegmentWriter) -> bool:
        """Read the file.

        Returns:
            Whether anything says where its samples have no variant: blocks, or regions.

        Raises:
            LoadError: The file is damaged, or on another assembly.
        """
        self._alleles, self._notes = segment.alleles, segment.notes
        if self.rows.size == 1 and not self.path.name.endswith(_BCF_SUFFIX):
            self._read_text()
        else:
            self._read_records()
        says = self._says or self.regions is not None
        self.codes = tuple(sorted({code for _, code in self._places}))
        if self.regions is not None and not self.is_part:
            for row in self.rows.tolist():
                for code in self.regions:
                    self._place(row, code)
        for row in {*self.rows.tolist()} - {NOBODY}:
            segment.said.add_file(self._said_of(row, says))
        for (row, code), place in self._places.items():
            if row != NOBODY:
                self.outside += place.hand_over(
                    segment,
                    row=row,
                    code=code,
                    file=str(self.path),
                    assembly=self.assembly,
                    regions=self.regions,
                    says=says,
                )
        self._places.clear()
        return says

    def _read_text(self) -> None:
        row = int(self.rows[0])
        number = 0
        left: list[tuple[int, bytes]] = []
        header = bytearray()
        for number_of_text, text in enumerate(_texts(self.path, header)):
            if not number_of_text:
                self._annotator = Annotator.of(header.decode("utf-8", "replace"))
            for lines in read_lines(text, self.assembly, self._alleles, self.bases):
                self._take_lines(lines, row)
                left += [(number + at, line) for at, line in lines.left]
                number += lines.number
        if left:
            self._read_left(bytes(header), left)

    def _take_lines(self, lines: Lines, row: int) -> None:
        if not lines.code:
            return
        place = self._place(row, lines.code)
        place.keys += lines.keys
        place.flags += lines.flags
        place.records += lines.records
        if self._annotator is not None:
            self._note(lines)
        blocks = sum(spans.starts.size for spans in lines.blocks)
        place.blocks += [_compact(spans) for spans in lines.blocks if spans.starts.size]
        self._says |= lines.with_any + blocks > 0
        alleles = sum(keys.size for keys in lines.keys)
        report = self.report
        report.records += lines.number - len(lines.left)
        report.items += alleles + lines.with_any + blocks
        report.loaded["genomicVariant"] += alleles
        if lines.with_any + blocks:
            report.nothing_to_load[REFERENCE_BLOCK] += lines.with_any + blocks

    def _note(self, lines: Lines) -> None:
        """Keep what the lines say of alleles of which nothing is said so far."""
        annotator, notes = self._annotator, self._notes
        if annotator is None or notes is None:
            return
        for keys, numbers in zip(lines.keys, lines.lines, strict=True):
            of_key = keys.tolist()
            for index in notes.fresh(of_key):
                written = lines.written(int(numbers[index]))
                alternates = written.alternate_bases.split(",")
                fragment = annotator.fragment(
                    _info(written.info),
                    None if written.identifier == "." else written.identifier,
                    0,
                    self._alleles.allele(of_key[index]),
                    written.reference_bases,
                    alternates[0],
                    alternates,
                )
                if fragment is not None:
                    notes.add(of_key[index], fragment)

    def _read_left(self, header: bytes, left: list[tuple[int, bytes]]) -> None:
        """Read the lines that need reading one by one, as a file of their own."""
        extract = self.scratch / f"{self.path.name}.left.vcf"
        extract.write_bytes(header + b"".join(line for _, line in left))
        reader = self._reader()
        taken = 0
        file = VcfFile(extract, self.assembly)
        try:
            for (number, _), record in zip(left, file.records(), strict=True):
                reader.number = number
                self._take_record(reader, record)
                taken += 1
        except ValueError as error:
            raise self._damaged(left[min(taken, len(left) - 1)][0] + 1) from error
        except LoadError as error:
            if str(extract) in str(error):
                raise self._damaged(left[min(taken, len(left) - 1)][0] + 1) from error
            raise
        finally:
            file.close()
            extract.unlink()

    def _damaged(self, number: int) -> LoadError:
        return LoadError(f"{self.path} is damaged or not valid VCF at record {number}")

    def _read_records(self) -> None:
        file = VcfFile(self.path, self.assembly)
        self._annotator = Annotator.of(file.header)
        reader = self._reader()
        try:
            for record in file.records():
                self._take_record(reader, record)
        finally:
            file.close()

    def _reader(self) -> RecordReader:
        return RecordReader(
            self.path.name,
            self.assembly,
            Columns(self.rows),
            self.report,
            self._annotator,
            self.bases,
        )

    def _take_record(self, reader: RecordReader, record: Any) -> None:
        reader.take(record)
        observations = reader.drain()
        name = chromosome(record.CHROM)
        if name is None or "GT" not in record.FORMAT:
            return
        code, start = sequence_code(name), record.POS - 1
        size = length(self.assembly, name)
        twice, once = Calls.of(record, np.arange(self.rows.size, dtype=np.uint32)).called
        called = [2 * (index in twice) + (index in once) for index in range(self.rows.size)]
        is_block = all(alternate in NOTHING for alternate in record.ALT)
        end = start + len(record.REF)
        self._says |= is_block or any(NOTHING.get(one) == REFERENCE_BLOCK for one in record.ALT)
        if is_block:
            end = max(end, int(record.INFO.get("END") or 0))
        elif any(is_structural(one) and one not in NOTHING for one in record.ALT):
            end = start + 1  # REF of a structural variant is the base before it
        rows = self.rows.tolist()
        if 0 <= start < size:
            for row, copies in zip(rows, called, strict=True):
                self._place(row, code).loose.append((start, min(end, size), copies, is_block))
        for observation in observations:
            carriers = dict(
                zip(observation.rows.tolist(), observation.zygosity.tolist(), strict=True)
            )
            key = self._alleles.key(observation.allele)
            if observation.annotation is not None and self._notes is not None:
                self._notes.add(key, observation.annotation)
            for row, copies in zip(rows, called, strict=True):
                zygosity = carriers.get(row)
                carrying = 0 if zygosity is None else CARRIER | zygosity
                place = self._place(row, code)
                place.loose_keys.append(key)
                place.loose_flags.append(carrying | copies << COPIES_SHIFT)

    def _place(self, row: int, code: int) -> SequenceCalls:
        place = self._places.get((row, code))
        if place is None:
            place = self._places[row, code] = SequenceCalls()
        return place

    def _said_of(self, row: int, says: bool) -> PersonFileSaid:
        return PersonFileSaid(
            row=row,
            file=str(self.path),
            codes=tuple(sorted(code for code in self.codes if (row, code) in self._places)),
            says=says,
            is_bounded=self.regions is not None,
        )


def _info(text: str) -> dict[str, str | bool]:
    """The fields of INFO; of one that is there twice, the first."""
    found: dict[str, str | bool] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        found.setdefault(name, value if equals else True)
    return found


def _compact(spans: Spans) -> Spans:
    """Blocks that follow each other and say the same, as one."""
    same = (spans.starts[1:] == spans.ends[:-1]) & (spans.copies[1:] == spans.copies[:-1])
    first = np.flatnonzero(np.append(True, ~same))
    last = np.append(first[1:] - 1, spans.starts.size - 1)
    return Spans(spans.starts[first], spans.ends[last], spans.copies[first])


def _texts(path: Path, header: bytearray) -> Iterator[bytes]:
    """The records of a VCF as text, whole lines at a time; its header goes to `header`."""
    rest, in_header = b"", True
    try:
        for block in blocks(path):
            text = rest + block
            end = text.rfind(b"\n") + 1
            text, rest = text[:end], text[end:]
            if in_header and text:
                records = _header_end(text)
                header += text[:records]
                text, in_header = text[records:], records == len(text)
            if text:
                yield text
    except (DamagedFile, OSError) as error:
        raise LoadError(f"{path} is damaged: {error}") from error
    if rest:
        yield rest + b"\n"


def _header_end(text: bytes) -> int:
    at = 0
    while text[at : at + 1] == b"#":
        at = text.index(b"\n", at) + 1
    return at
