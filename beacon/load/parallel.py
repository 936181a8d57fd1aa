"""The home of loading large files in several processes, region by region.

When every file has an index beside it, the genome is cut into regions of about the same number of
compressed bytes. Each is read, of all files in turn, and written by one process; what they share is
the open load. What is in the report is the same as if one process had gone through the files.
"""

from __future__ import annotations

import multiprocessing
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from beacon.framework.errors import LoadError, LoadInterrupted
from beacon.framework.source import NOBODY, Invitation, Load, SharedLoad, SourceFile
from beacon.load.annotations import Annotator
from beacon.load.bgzf_index import IndexedContig
from beacon.load.genotypes import Rows
from beacon.load.progress import Progress
from beacon.load.regions import (
    Account,
    Job,
    Region,
    Setting,
    SharedFile,
    begin,
    listing_of,
    load_region,
)
from beacon.load.report import Finding, Report
from beacon.load.vcf import rows_of, warn_of_withdrawn
from beacon.load.vcf_file import VcfFile
from beacon.model.assemblies import NAMES, chromosome, length
from beacon.model.reference import Bases

_BLOCK_ALIGNED = 1 << 14
"""Bases that regions are cut at multiples of: what a sink packs together is never wider."""
_END = 1 << 40
_ASKED_EVERY_S = 0.2
_NUMBER = re.compile(r"^record (\d+)(?= \()")
_AGAIN = "nothing was published; load the files again, and it goes on where it was"


@dataclass(frozen=True, slots=True)
class Cutting:
    """How the genome is cut, the same for every load of the same files.

    Attributes:
        smallest, largest: compressed bytes of a region.
        regions: how many there shall be between these bounds.
        step: places at which it may be cut are multiples of so many bases.
        widest: bases of the widest region.
        worthwhile: compressed bytes for each process, to make up for starting it.
    """

    smallest: int = 512 << 10
    largest: int = 8 << 20
    regions: int = 32
    step: int = 1 << 17
    widest: int = 1 << 24
    worthwhile: int = 4 << 20


CUTTING = Cutting()


class Plan(msgspec.Struct, frozen=True):
    """How a load is cut, as it is remembered for when it is taken up again."""

    digests: list[str]
    is_left_shifted: bool
    regions: list[Region]


Indexes = list[Mapping[str, IndexedContig]]
"""For each file its contigs, in the order of the file."""


@dataclass(frozen=True, slots=True)
class Processes:
    """Loads files in so many processes, beside this one, where they can be cut into regions.

    Args:
        assembly: Canonical.
        reference: Opens the reference sequence, in whichever process; it can be pickled.
    """

    count: int
    assembly: str
    reference: Callable[[], Bases] | None = None
    cutting: Cutting = CUTTING

    def of(
        self,
        load: Load,
        files: Sequence[tuple[Path, SourceFile]],
        report: Report,
        *,
        are_shifted: bool,
    ) -> Callable[[Progress], None] | None:
        """What loads these files and accounts for them; `None` if it is for one process.

        Args:
            are_shifted: Whether insertions and deletions are to be moved to the left.

        Raises:
            LoadError: A file cannot be loaded as asked.
        """
        if not files or not isinstance(load, SharedLoad):
            return None
        if are_shifted != (self.reference is not None):
            return None  # other processes could not do what this one would
        begun = load.plan()
        size = sum(path.stat().st_size for path, _ in files)
        count = min(self.count, size // max(self.cutting.worthwhile, 1))
        if begun is None and (count < 2 or any(load.position(source) for _, source in files)):
            return None
        with ExitStack() as opened:
            vcfs = [VcfFile(path, self.assembly) for path, _ in files]
            for vcf in vcfs:
                opened.callback(vcf.close)
            indexes = _indexes(vcfs)
            if indexes is None:
                return None
            fresh = Plan(
                digests=[source.digest for _, source in files],
                is_left_shifted=are_shifted,
                regions=list(cut(indexes, self.assembly, self.cutting)),
            )
            plan = fresh if begun is None else msgspec.json.decode(begun, type=Plan)
            if msgspec.structs.replace(plan, regions=[]) != msgspec.structs.replace(
                fresh, regions=[]
            ):
                return None  # other files, or in another order, or other alleles of them
            rows = [rows_of(load, vcf) for vcf in vcfs]
            invitation = load.share(
                msgspec.json.encode(plan),
                samples=int(np.unique(rows[0][rows[0] != NOBODY]).size),
                has_annotations=any(Annotator.of(vcf.header) is not None for vcf in vcfs),
            )
        if invitation is None:
            return None
        shared = [
            (path, source, of_file) for (path, source), of_file in zip(files, rows, strict=True)
        ]
        return _Work(
            self, load, invitation, shared, plan.regions, indexes, report, max(count, 1)
        ).run


@dataclass(slots=True)
class _Work:
    """The files of one load, to be loaded in regions."""

    how: Processes
    load: SharedLoad
    invitation: Invitation
    files: Sequence[tuple[Path, SourceFile, Rows]]
    regions: Sequence[Region]
    indexes: Indexes
    report: Report
    count: int
    _contigs: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def run(self, progress: Progress) -> None:
        """Load them.

        Raises:
            LoadError: A file cannot be loaded as asked.
            LoadInterrupted: A process died, or this one was asked to end.
        """
        for path, _, rows in self.files:
            warn_of_withdrawn(self.report, path, rows)
        for number, index in enumerate(self.indexes):
            for contig in index:
                self._contigs.setdefault(chromosome(contig) or "", []).append((number, contig))
        with ExitStack() as opened:
            folder = None
            if self.report.listing is not None:
                scratch = tempfile.TemporaryDirectory(prefix="beacon-load-")
                folder = Path(opened.enter_context(scratch))
            self._load(folder, progress)
            self._account(folder)
        for _, source, _ in self.files:
            self.load.finish(source)

    def _load(self, folder: Path | None, progress: Progress) -> None:
        done = self.load.accounts()
        jobs = [
            Job(region, tuple(self._stretches(region)), is_done=region.name in done)
            for region in self.regions
            if folder is not None or region.name not in done
        ]
        known = 0
        if folder is None:
            known = sum(one.records for part in done.values() for one in _decoded(part))
        total = sum(contig.records for index in self.indexes for contig in index.values())
        names = [path.name for path, _, _ in self.files]
        title = names[0] if len(names) == 1 else f"{len(names):,} files"
        progress.file(f"{title} ({self.count} processes)", total)
        progress.advance(known)
        if jobs:
            self._in_processes(jobs, folder, progress)

    def _stretches(self, region: Region) -> Iterator[tuple[int, str, int]]:
        for number, contig in self._contigs.get(region.chromosome, ()):
            index = self.indexes[number][contig]
            # An insertion between two regions is of the second and written by the base before it.
            yield number, contig, index.offset(max(region.start - 1, 0))

    def _in_processes(self, jobs: Sequence[Job], folder: Path | None, progress: Progress) -> None:
        # Not forked: this process may have threads of its own, such as those of a database client.
        context = multiprocessing.get_context("spawn")
        told, stop = context.Value("q", 0), context.Event()
        setting = Setting(
            invitation=self.invitation,
            assembly=self.how.assembly,
            files=tuple(SharedFile(path, rows) for path, _, rows in self.files),
            reference=self.how.reference,
            folder=folder,
            told=told,
            stop=stop,
        )
        executor = ProcessPoolExecutor(
            min(self.count, len(jobs)), context, initializer=begin, initargs=(setting,)
        )
        seen = 0
        try:
            waiting = {executor.submit(load_region, job) for job in jobs}
            while waiting:
                ended, waiting = wait(waiting, _ASKED_EVERY_S, FIRST_EXCEPTION)
                now = told.get_obj().value  # without the lock, which the dead do not give back
                progress.advance(now - seen)
                seen = now
                for one in ended:
                    one.result()
        except BrokenProcessPool as error:
            raise LoadInterrupted(
                "a process that loaded a region was ended from outside, perhaps for want of "
                f"memory: {_AGAIN}, or with fewer processes"
            ) from error
        except KeyboardInterrupt as error:
            raise LoadInterrupted(f"the load was stopped: {_AGAIN}") from error
        finally:
            stop.set()
            executor.shutdown(cancel_futures=True)

    # The account -----------------------------------------------------------------------------

    def _account(self, folder: Path | None) -> None:
        """Add up what became of the records, in the order in which the files have them.

        Raises:
            LoadError: An index and its file do not fit.
        """
        found = {
            (region, one.file, one.contig): one
            for region, part in self.load.accounts().items()
            for one in _decoded(part)
        }
        written = loaded = 0
        for number, (path, _, _) in enumerate(self.files):
            before = 0
            for contig, indexed in self.indexes[number].items():
                begins = before
                for region in self.regions:
                    if region.chromosome != (chromosome(contig) or ""):
                        continue
                    one = found[region.name, number, contig]
                    report = one.report()
                    _renumber(report, before)
                    self.report.merge(report)
                    if folder is not None:
                        self._list(listing_of(folder, region, number, contig), before)
                    before += one.records
                    written += one.written
                    loaded += report.alleles
                if before - begins != indexed.records:
                    raise _unfit(path)
        if written != loaded:
            raise _unfit(self.files[0][0] if len(self.files) == 1 else None)

    def _list(self, part: Path, before: int) -> None:
        """Append what is listed of a region to the listing of the load."""
        if self.report.listing is None or not part.exists():
            return
        with part.open("rb") as lines, self.report.listing.open("ab") as listing:
            for line in lines:
                one = msgspec.json.decode(line)
                one["place"] = _renumbered(one["place"], before)
                listing.write(msgspec.json.encode(one) + b"\n")


def cut(indexes: Indexes, assembly: str, cutting: Cutting = CUTTING) -> Iterator[Region]:
    """Regions that the records of some files are to be loaded in, in the order of the genome.

    Args:
        indexes: Of each file, by contig.
    """
    of_chromosome: dict[str, list[IndexedContig]] = {}
    for index in indexes:
        for contig, indexed in index.items():
            of_chromosome.setdefault(chromosome(contig) or "", []).append(indexed)
    total = sum(
        (one.end >> 16) - (one.begin >> 16) for some in of_chromosome.values() for one in some
    )
    size = min(max(total // cutting.regions, cutting.smallest), cutting.largest)
    step = min(max(cutting.step, _BLOCK_ALIGNED), cutting.widest)
    for name in NAMES:
        contigs = of_chromosome.get(name)
        if contigs is None:
            continue
        begin = begin_bytes = begin_offset = -1
        reach = min(max(one.reach for one in contigs), length(assembly, name))
        for place in (0, *range(step, reach, step)):
            offsets = [one.offset(place) for one in contigs]
            now, now_bytes = sum(offsets), sum(offset >> 16 for offset in offsets)
            if begin_bytes < 0:
                begin_bytes, begin_offset = now_bytes, now
            is_wide = place - begin >= cutting.widest and now > begin_offset
            if is_wide or now_bytes - begin_bytes >= size:
                yield Region(name, begin, place)
                begin, begin_bytes, begin_offset = place, now_bytes, now
        yield Region(name, begin, _END)
    if "" in of_chromosome:
        yield Region("", -1, _END)


def _indexes(files: Sequence[VcfFile]) -> Indexes | None:
    """The indexes of files, `None` unless all have one that can be used."""
    indexes = []
    for file in files:
        found = file.index()
        if found is None:
            return None
        indexes.append(found)
    return indexes


def _decoded(part: bytes) -> list[Account]:
    return msgspec.json.decode(part, type=list[Account])


def _renumber(report: Report, before: int) -> None:
    """Count the records of problems from the beginning of the file."""
    for findings in (report.not_loaded, report.warnings):
        for reason, finding in findings.items():
            examples = [
                msgspec.structs.replace(one, place=_renumbered(one.place, before))
                for one in finding.examples
            ]
            findings[reason] = Finding(finding.count, examples)


def _renumbered(place: str, before: int) -> str:
    return _NUMBER.sub(lambda number: f"record {int(number[1]) + before}", place)


def _unfit(path: Path | None) -> LoadError:
    which = "an index" if path is None else f"the index of {path}"
    return LoadError(
        f"{which} leads to other records than the file has: make it anew, or load the files with "
        "--processes 1"
    )
