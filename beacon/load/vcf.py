"""The home of the VCF loader: genotypes of many samples, as alleles and who carries them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from beacon.framework.errors import LoadError
from beacon.framework.source import NOBODY, Load, SharedLoad, Sink, SourceFile
from beacon.load.annotations import Annotator
from beacon.load.bff_variants import load_waiting
from beacon.load.collecting import seldom
from beacon.load.ending import conclude, settled
from beacon.load.genotypes import Calls, Columns, Rows
from beacon.load.progress import Progress, Silent
from beacon.load.report import Problem, Report
from beacon.load.source_files import find_files, identify
from beacon.load.vcf_alleles import (
    NOTHING,
    REFERENCE_BLOCK,
    AlleleReader,
    Unusable,
    as_written,
)
from beacon.load.vcf_file import VcfFile, is_vcf
from beacon.model.allele import Allele, Observation
from beacon.model.assemblies import ASSEMBLIES, canonical_assembly
from beacon.model.reference import Bases

MARK_EVERY = 5_000
"""Records between two points at which an interrupted load can be taken up again."""
MARK_EVERY_CARRIERS = 40_000_000
"""Carriers after which such a point comes sooner: they are held in memory until then."""

_BATCH = 1_000  # alleles
_BATCH_CARRIERS = 4_000_000
_END = 1 << 40


def load_vcf(
    sink: Sink,
    dataset_id: str,
    assembly: str,
    paths: Sequence[Path],
    *,
    progress: Progress | None = None,
    listing: Path | None = None,
    bases: Bases | None = None,
    in_parts: InParts | None = None,
) -> Report:
    """Load the genotypes of VCF or BCF files into a dataset, and publish.

    A sample of the same name in several files is the same person. An interrupted load goes on
    where it was when called again with the same files; a file that the dataset already holds is
    passed over.

    Args:
        assembly: What the files are on; `hg38` and the like will do.
        paths: Files, or folders of files.
        listing: A file that everything not loaded is appended to, as JSON Lines.
        bases: The reference sequence: REF is compared with it, and insertions and deletions are
            moved as far left as it lets them.
        in_parts: Loads files in parts, in several processes, where that can be done.

    Raises:
        LoadError: A file cannot be loaded as asked; nothing was published.
        LoadInterrupted: It was stopped on its way.
    """
    progress = progress or Silent()
    canonical = _assembly(assembly)
    report = Report(listing=listing)
    files = find_files(paths, is_vcf)
    for path in files:  # before anything is written
        VcfFile(path, canonical).close()
    sources = [identify(path, progress) for path in files]
    _require_different(sources)
    load = sink.open(dataset_id, assembly=canonical, files=sources)
    load.left_shifted(all_of_them=bases is not None)
    report.files += [source.name for source in sources]
    report.already_loaded += [source.name for source in sources if load.is_loaded(source)]
    new = [
        (path, source)
        for path, source in zip(files, sources, strict=True)
        if not load.is_loaded(source)
    ]
    with settled(load, report):
        parts = (
            None
            if in_parts is None
            else in_parts.of(load, new, report, are_shifted=bases is not None)
        )
        if parts is None and isinstance(load, SharedLoad) and load.plan() is not None:
            # It was begun in parts, and cannot go on in them: it begins again.
            load.abandon()
            load = sink.open(dataset_id, assembly=canonical, files=sources)
            load.left_shifted(all_of_them=bases is not None)
    with settled(load, report), seldom():
        if parts is not None:
            parts(progress)
        else:
            for path, source in new:
                _load_file(load, VcfFile(path, canonical), source, bases, report, progress)
        load_waiting(load, report)
        conclude(load, report, is_new=bool(new))
    return report


class InParts(Protocol):
    """A way to load files in parts; see `parallel.Processes`."""

    def of(
        self,
        load: Load,
        files: Sequence[tuple[Path, SourceFile]],
        report: Report,
        *,
        are_shifted: bool,
    ) -> Callable[[Progress], None] | None:
        """What loads these files and accounts for them; `None` if they cannot be cut.

        Args:
            are_shifted: Whether insertions and deletions are to be moved to the left.
        """


@dataclass(slots=True)
class RecordReader:
    """Makes observations of records, and accounts for every allele that it cannot use.

    Args:
        columns: The row of each sample of the file.
        annotator: Reads what the file says of alleles beside genotypes, if it does.
        bases: The reference sequence, to compare REF with and to shift alleles along.
        start, end: Where records that are accounted for have their POS - 1, and alleles that are
            taken start; 0-based, half-open, on every contig.
    """

    file_name: str
    assembly: str
    columns: Columns
    report: Report
    annotator: Annotator | None = None
    bases: Bases | None = None
    start: int = -1
    end: int = _END
    number: int = 0
    written: int = 0
    batch: list[Observation] = field(default_factory=list)
    carriers: int = 0
    _alleles: AlleleReader = field(init=False)
    _elsewhere: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        self._alleles = AlleleReader(self.file_name, self.assembly, self.bases)

    def take(self, record: Any) -> None:
        """Add the alleles of one `cyvcf2.Variant` to the batch."""
        alternates: list[str] = record.ALT
        is_counted = self.start <= record.POS - 1 < self.end
        report = self.report if is_counted else self._elsewhere
        self.number += is_counted
        report.records += 1
        report.items += len(alternates) or 1
        if not alternates:
            report.nothing_to_load[REFERENCE_BLOCK] += 1
            return
        alleles: list[tuple[int, Allele]] = []
        for number, alternate in enumerate(alternates, start=1):
            if alternate in NOTHING:
                report.nothing_to_load[NOTHING[alternate]] += 1
                continue
            try:
                alleles.append((number, self._alleles.allele(record, number - 1)))
            except Unusable as unusable:
                self._lose(report, record, unusable.reason, unusable.field, unusable.detail)
        own = alleles
        if self.start >= 0 or self.end < _END:
            own = [one for one in alleles if self.start <= one[1].start < self.end]
        if not alleles or not (own or is_counted):
            return
        if "GT" not in record.FORMAT:
            self._lose(report, record, "the record has no genotypes", "FORMAT", count=len(alleles))
            return
        calls = Calls.of(record, self.columns)
        if calls.highest > len(alternates):
            detail = f"GT names allele {calls.highest} of {len(alternates)} alternates"
            self._lose(
                report,
                record,
                "a genotype names an allele that the record does not have",
                "GT",
                detail,
                count=len(alleles),
            )
            return
        for number, allele in own:
            rows, zygosity, allele_count = calls.carriers(number)
            annotation = None
            if self.annotator is not None:
                annotation = self._annotation(self.annotator, record, number - 1, allele)
            self.carriers += rows.size
            self.batch.append(
                Observation(
                    allele,
                    rows,
                    zygosity,
                    calls.called,
                    calls.allele_number,
                    allele_count,
                    annotation,
                )
            )
        self.written += len(own)
        report.loaded["genomicVariant"] += len(alleles)

    def _annotation(
        self, annotator: Annotator, record: Any, index: int, allele: Allele
    ) -> Mapping[str, Any] | None:
        if self.bases is not None:
            allele = as_written(record, index, allele)
        return annotator.fragment(
            record.INFO, record.ID, index, allele, record.REF, record.ALT[index], record.ALT
        )

    @property
    def is_full(self) -> bool:
        """Whether the batch is as large as it should get, in alleles or in carriers."""
        return len(self.batch) >= _BATCH or self.carriers >= _BATCH_CARRIERS

    def drain(self) -> list[Observation]:
        """The batch, leaving an empty one."""
        drained, self.batch, self.carriers = self.batch, [], 0
        return drained

    def _lose(
        self,
        report: Report,
        record: Any,
        reason: str,
        column: str,
        detail: str = "",
        *,
        count: int = 1,
    ) -> None:
        place = f"record {self.number} ({record.CHROM}:{record.POS})"
        problem = Problem(
            file=self.file_name, place=place, field=column, reason=reason, detail=detail
        )
        report.lose(problem, count)


def _assembly(given: str) -> str:
    canonical = canonical_assembly(given)
    if canonical is None:
        raise LoadError(f"assembly {given} is unknown; one of {', '.join(ASSEMBLIES)}")
    return canonical


def _require_different(sources: Sequence[SourceFile]) -> None:
    """Refuse to count the same genotypes twice."""
    by_digest: dict[str, str] = {}
    for source in sources:
        other = by_digest.setdefault(source.digest, source.name)
        if other != source.name:
            raise LoadError(f"{other} and {source.name} are the same file, byte for byte")


def _load_file(
    load: Load,
    file: VcfFile,
    source: SourceFile,
    bases: Bases | None,
    report: Report,
    progress: Progress,
) -> None:
    """Load one file from where an earlier load stopped.

    What that load has already written is read again but not handed over again, so that the report
    is of the whole file.
    """
    written = load.position(source)
    rows = rows_of(load, file)
    warn_of_withdrawn(report, file.path, rows)
    reader = RecordReader(
        file.path.name,
        load.assembly or "",
        Columns(rows),
        report,
        Annotator.of(file.header),
        bases,
    )
    progress.file(file.path.name, file.record_count())
    marked = carriers = 0
    try:
        for record in file.records():
            reader.take(record)
            is_mark = (
                reader.number - marked >= MARK_EVERY
                or carriers + reader.carriers >= MARK_EVERY_CARRIERS
            )
            if not (is_mark or reader.is_full or reader.number == written):
                continue
            carriers += reader.carriers
            batch = reader.drain()
            if reader.number > written:
                load.write_alleles(batch)
            if is_mark:
                progress.advance(reader.number - marked)
                if reader.number > written:
                    load.mark(source, reader.number)
                marked, carriers = reader.number, 0
    finally:
        file.close()
    if reader.number < written:
        raise LoadError(f"{file.path} has fewer records than were loaded of it before")
    load.write_alleles(reader.drain())
    progress.advance(reader.number - marked)
    load.finish(source)


def rows_of(load: Load, file: VcfFile) -> Rows:
    """The row of each sample of a file.

    Raises:
        LoadError: Two of them are the same biosample.
    """
    rows: Rows = np.asarray(load.rows(file.samples), dtype=np.uint32)
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    doubled = np.flatnonzero((first[inverse] != np.arange(rows.size)) & (rows != NOBODY))
    if doubled.size:
        one, other = first[inverse[doubled[0]]], doubled[0]
        raise LoadError(
            f"{file.path}: samples {file.samples[one]} and {file.samples[other]} are the same "
            "biosample of the dataset"
        )
    return rows


def warn_of_withdrawn(report: Report, path: Path, rows: Rows) -> None:
    """Say so when samples of a file are left out."""
    if withdrawn := int(np.count_nonzero(rows == NOBODY)):
        report.warn(
            Problem(
                file=path.name,
                place="the columns of samples",
                reason="samples of people who have withdrawn are left out",
                detail=f"{withdrawn} of {rows.size}",
            )
        )
