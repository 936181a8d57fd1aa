"""The home of annotating a dataset: what VCF files say of the alleles that it has already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beacon.framework.errors import LoadError
from beacon.framework.source import Load, Sink, SourceFile
from beacon.load.annotations import KNOWN_FIELDS, Annotator
from beacon.load.bff_variants import load_waiting
from beacon.load.ending import conclude, settled
from beacon.load.progress import Progress, Silent
from beacon.load.report import Problem, Report
from beacon.load.source_files import find_files, identify
from beacon.load.vcf_alleles import NOTHING, AlleleReader, Unusable, as_written
from beacon.load.vcf_file import VcfFile, is_vcf
from beacon.model.allele import Allele
from beacon.model.assemblies import ASSEMBLIES, canonical_assembly
from beacon.model.reference import Bases

MARK_EVERY = 5_000
"""Records between two points at which an interrupted load can be taken up again."""

ANNOTATION = "annotation"
"""What the report counts as loaded: alleles of the dataset that something was said of."""

NOT_IN_DATASET = "allele not in the dataset"
NO_ANNOTATION = "nothing said of the allele"
WRITTEN_BEFORE = "read before the interruption"

_BATCH = 1_000  # alleles


def annotate(
    sink: Sink,
    dataset_id: str,
    assembly: str,
    paths: Sequence[Path],
    *,
    progress: Progress | None = None,
    listing: Path | None = None,
    bases: Bases | None = None,
) -> Report:
    """Add what VCF or BCF files say of alleles to those that a dataset has, and publish.

    Nothing is loaded that the dataset does not have: no allele, no sample. The same files may be
    given again when the dataset has got further alleles; what is known already stays as it is. An
    interrupted load goes on where it was when called again with the same files. When no allele of
    the files is in the dataset, the published release stays as it is.

    Args:
        assembly: What the files are on; `hg38` and the like will do.
        paths: Files, or folders of files, with or without samples.
        listing: A file that everything not loaded is appended to, as JSON Lines.
        bases: The reference sequence, where the dataset was loaded with it: insertions and
            deletions are moved the same way.

    Raises:
        LoadError: A file cannot be read as asked, or has no annotation that is known; nothing was
            published.
    """
    progress = progress or Silent()
    canonical = canonical_assembly(assembly)
    if canonical is None:
        raise LoadError(f"assembly {assembly} is unknown; one of {', '.join(ASSEMBLIES)}")
    report = Report(listing=listing)
    files = find_files(paths, is_vcf)
    annotators = [_annotator(path, canonical) for path in files]  # before anything is written
    sources = [_as_annotation(identify(path, progress)) for path in files]
    load = sink.open(dataset_id, assembly=canonical, files=sources)
    with settled(load, report):
        had_waited = load_waiting(load, report)
        for path, annotator, source in zip(files, annotators, sources, strict=True):
            report.files.append(source.name)
            file = VcfFile(path, canonical, needs_samples=False)
            reader = _Reader(
                path.name, annotator, AlleleReader(path.name, canonical, bases), report
            )
            _annotate_file(load, file, source, reader, progress)
        said = report.loaded[ANNOTATION] or report.nothing_to_load[WRITTEN_BEFORE]
        conclude(load, report, is_new=bool(said or had_waited))
    return report


def _annotator(path: Path, assembly: str) -> Annotator:
    file = VcfFile(path, assembly, needs_samples=False)
    try:
        annotator = Annotator.of(file.header)
    finally:
        file.close()
    if annotator is None:
        raise LoadError(
            f"{path} has no annotation that is known: its header declares none of {KNOWN_FIELDS}"
        )
    return annotator


def _as_annotation(source: SourceFile) -> SourceFile:
    """The file as a source of annotations: its genotypes may be loaded before or after."""
    return SourceFile(name=source.name, digest=f"{ANNOTATION}-{source.digest}")


@dataclass(slots=True)
class _Reader:
    """Makes annotations of records, and accounts for every allele that it cannot use."""

    file_name: str
    annotator: Annotator
    alleles: AlleleReader
    report: Report
    number: int = 0
    batch: list[tuple[Allele, dict[str, Any]]] = field(default_factory=list)

    def take(self, record: Any) -> None:
        """Add what is said of the alleles of one `cyvcf2.Variant` to the batch."""
        self.number += 1
        report, alternates = self.report, record.ALT
        report.records += 1
        report.items += len(alternates) or 1
        if not alternates:
            report.nothing_to_load["no alternate allele"] += 1
        for index, alternate in enumerate(alternates):
            if alternate in NOTHING:
                report.nothing_to_load[NOTHING[alternate]] += 1
                continue
            try:
                allele = self.alleles.allele(record, index)
            except Unusable as unusable:
                self._lose(record, unusable)
                continue
            fragment = self.annotator.fragment(
                record.INFO,
                record.ID,
                index,
                as_written(record, index, allele),
                record.REF,
                alternate,
                alternates,
            )
            if fragment is None:
                report.nothing_to_load[NO_ANNOTATION] += 1
            else:
                self.batch.append((allele, fragment))

    def hand_over(self, load: Load | None) -> None:
        """Give the batch to the load; to none what an interrupted load has written already."""
        batch, self.batch = self.batch, []
        if not batch:
            return
        if load is None:
            self.report.nothing_to_load[WRITTEN_BEFORE] += len(batch)
            return
        found = load.annotate(batch)
        if found:
            self.report.loaded[ANNOTATION] += found
        if missing := len(batch) - found:
            self.report.nothing_to_load[NOT_IN_DATASET] += missing

    def _lose(self, record: Any, unusable: Unusable) -> None:
        place = f"record {self.number} ({record.CHROM}:{record.POS})"
        self.report.lose(
            Problem(
                file=self.file_name,
                place=place,
                field=unusable.field,
                reason=unusable.reason,
                detail=unusable.detail,
            )
        )


def _annotate_file(
    load: Load, file: VcfFile, source: SourceFile, reader: _Reader, progress: Progress
) -> None:
    """Read one file, from where an earlier load stopped.

    What that load has already written is read again but not handed over again, so that the report
    is of the whole file.
    """
    written = load.position(source)
    progress.file(file.path.name, file.record_count())
    marked = 0
    try:
        for record in file.records():
            reader.take(record)
            is_mark = reader.number - marked >= MARK_EVERY
            if not (is_mark or len(reader.batch) >= _BATCH or reader.number == written):
                continue
            reader.hand_over(load if reader.number > written else None)
            if is_mark:
                progress.advance(reader.number - marked)
                if reader.number > written:
                    load.mark(source, reader.number)
                marked = reader.number
    finally:
        file.close()
    if reader.number < written:
        raise LoadError(f"{file.path} has fewer records than were loaded of it before")
    reader.hand_over(load)
    progress.advance(reader.number - marked)
    load.finish(source)
