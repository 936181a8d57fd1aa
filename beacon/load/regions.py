"""The home of reading a region of several files in one process, and writing it as a part of a load.

An allele belongs to the region that it starts in, and a record to the one that its POS lies in: of
each record one region gives the account, and each allele is written by one region, if not always
by the same one.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import msgspec

from beacon.framework.errors import LoadInterrupted
from beacon.framework.source import Invitation, JoinedLoad, LoadPart
from beacon.load.annotations import Annotator
from beacon.load.byte_stream import Section
from beacon.load.collecting import seldom
from beacon.load.genotypes import Columns, Rows
from beacon.load.report import Finding, Report
from beacon.load.vcf import MARK_EVERY, RecordReader
from beacon.load.vcf_file import VcfFile
from beacon.model.normalisation import FARTHEST
from beacon.model.reference import Bases

_MARK_EVERY_CARRIERS = 20_000_000
_TOLD_EVERY = 256  # records
STOPPED = "the load was stopped"


class Region(msgspec.Struct, frozen=True):
    """A stretch of a chromosome, [start, end), that one process loads.

    `chromosome` is canonical; empty for all contigs that are none of the 25. The first region of a
    chromosome starts at -1 for records with POS 0, the last one has no end to speak of.
    """

    chromosome: str
    start: int
    end: int

    @property
    def name(self) -> str:
        """Sets it apart from all others of a load."""
        return f"{self.chromosome}:{self.start}-{self.end}"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the records of one contig of one file in one region.

    Attributes:
        file: which of the files of the load.
        written: alleles of the region, whichever region has the account of their records.
    """

    file: int
    contig: str
    written: int
    records: int
    items: int
    loaded: dict[str, int]
    nothing_to_load: dict[str, int]
    not_loaded: dict[str, Finding]
    warnings: dict[str, Finding]

    def report(self) -> Report:
        """The same as a report."""
        report = Report(records=self.records, items=self.items)
        report.loaded.update(self.loaded)
        report.nothing_to_load.update(self.nothing_to_load)
        report.not_loaded.update(self.not_loaded)
        report.warnings.update(self.warnings)
        return report


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file of the load, and the rows of its samples."""

    path: Path
    rows: Rows


@dataclass(frozen=True, slots=True)
class Setting:
    """What a process has to know of the load.

    Attributes:
        reference: opens the reference sequence.
        folder: where problems are to be listed, if they are.
        told: how many records all processes have accounted for.
        stop: is set when the load is to be stopped.
    """

    invitation: Invitation
    assembly: str
    files: tuple[SharedFile, ...]
    reference: Callable[[], Bases] | None
    folder: Path | None
    told: Any
    stop: Any


@dataclass(frozen=True, slots=True)
class Job:
    """A region to load.

    Attributes:
        stretches: for each file and contig the virtual offset to read from.
        is_done: whether it is written, and only to be read again for the problems in it.
    """

    region: Region
    stretches: tuple[tuple[int, str, int], ...]
    is_done: bool


_worker: list[_Worker] = []  # none, or that of this process


def begin(setting: Setting) -> None:
    """Make this process one that loads regions, and that ends when the one that began it does."""
    # Ctrl-C reaches all processes of a terminal; the one that began this one sees to its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    _worker[:] = [_Worker(setting)]


def load_region(job: Job) -> None:
    """Read a region, and write it.

    Raises:
        LoadError: A file cannot be loaded as asked.
        LoadInterrupted: The load was stopped.
    """
    with seldom():
        _worker[0].load(job)


def listing_of(folder: Path, region: Region, file: int, contig: str) -> Path:
    """Where a region's problems are listed."""
    name = f"{region.name} {file} {contig}".replace("/", "%")
    return folder / f"{name}.jsonl"


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


@dataclass(slots=True)
class _Worker:
    setting: Setting
    _joined: JoinedLoad | None = None
    _bases: Bases | None = None
    _files: dict[int, tuple[VcfFile, Columns, Annotator | None]] = field(default_factory=dict)

    def load(self, job: Job) -> None:
        if self._joined is None:
            self._joined = self.setting.invitation.join()
        if self._bases is None and self.setting.reference is not None:
            self._bases = self.setting.reference()
        part = self._joined.part(job.region.name)
        reading = _Reading(part, None if job.is_done else part.position, self.setting)
        accounts = [self._read(job.region, stretch, part, reading) for stretch in job.stretches]
        if not job.is_done:
            part.finish(reading.taken, msgspec.json.encode(accounts))

    def _read(
        self, region: Region, stretch: tuple[int, str, int], part: LoadPart, reading: _Reading
    ) -> Account:
        number, contig, offset = stretch
        file, columns, annotator = self._file(number)
        folder = self.setting.folder
        report = Report(listing=folder and listing_of(folder, region, number, contig))
        reader = RecordReader(
            file.path.name,
            self.setting.assembly,
            columns,
            report,
            annotator,
            self._bases,
            start=region.start,
            end=region.end,
        )
        part.samples_of_file(columns.rows)
        # No allele starts behind the end of its REF; it may be moved to the left.
        last = region.end + (0 if self._bases is None else FARTHEST)
        for record in file.section(Section(contig, offset, region.start, last)):
            if record.POS - 1 + len(record.REF) >= region.start:
                reader.take(record)
                reading.took_one(reader)
        reading.hand_over(reader)
        report.finish()
        return Account(
            file=number,
            contig=contig,
            written=reader.written,
            records=report.records,
            items=report.items,
            loaded=dict(report.loaded),
            nothing_to_load=dict(report.nothing_to_load),
            not_loaded=report.not_loaded,
            warnings=report.warnings,
        )

    def _file(self, number: int) -> tuple[VcfFile, Columns, Annotator | None]:
        known = self._files.get(number)
        if known is None:
            shared = self.setting.files[number]
            file = VcfFile(shared.path, self.setting.assembly)
            known = self._files[number] = file, Columns(shared.rows), Annotator.of(file.header)
        return known


@dataclass(slots=True)
class _Reading:
    """How far a part was read; what was written of it before is not handed over again.

    Args:
        written: How many of its records were, `None` when all were.
    """

    part: LoadPart
    written: int | None
    setting: Setting
    taken: int = 0
    _marked: int = 0
    _carriers: int = 0
    _told: int = 0

    def took_one(self, reader: RecordReader) -> None:
        """Count a record, and hand over what was gathered when it is time to."""
        self.taken += 1
        if self.taken % _TOLD_EVERY == 0:
            self._tell(reader)
        is_mark = (
            self.taken - self._marked >= MARK_EVERY
            or self._carriers + reader.carriers >= _MARK_EVERY_CARRIERS
        )
        if not (is_mark or reader.is_full or self.taken == self.written):
            return
        self._drain(reader)
        if is_mark:
            if self.written is not None and self.taken > self.written:
                self.part.mark(self.taken)
            self._marked, self._carriers = self.taken, 0

    def hand_over(self, reader: RecordReader) -> None:
        """Hand over what was gathered of a stretch."""
        self._drain(reader)
        self._tell(reader)
        self._told = 0

    def _drain(self, reader: RecordReader) -> None:
        self._carriers += reader.carriers
        batch = reader.drain()
        if self.written is not None and self.taken > self.written:
            self.part.write_alleles(batch)

    def _tell(self, reader: RecordReader) -> None:
        if self.setting.stop.is_set():
            raise LoadInterrupted(STOPPED)
        with self.setting.told.get_lock():
            self.setting.told.value += reader.number - self._told
        self._told = reader.number
