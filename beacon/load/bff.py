"""The home of the BFF loader: records of any entry type, in the JSON of the Beacon models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beacon.framework.answer import Record
from beacon.framework.errors import LoadError
from beacon.framework.source import Load, Sink, SourceFile
from beacon.load.bff_variants import (
    Variant,
    load_waiting,
    observations,
    read_variant,
    waiting_record,
)
from beacon.load.json_files import entry_type_of, is_json, no_entity, read_records
from beacon.load.progress import Progress, Silent
from beacon.load.record_checks import departures, unusable
from beacon.load.report import Problem, Report
from beacon.load.source_files import find_files, identify
from beacon.model.allele import Allele
from beacon.model.assemblies import ASSEMBLIES, canonical_assembly
from beacon.model.variation import UnreadableVariation, allele_from_record

MARK_EVERY = 5_000
"""Records between two points at which an interrupted load can be taken up again."""

_BATCH = 1_000
# People before their samples, samples before what was found in them.
_ORDER = ("dataset", "cohort", "individual", "biosample", "run", "analysis", "genomicVariant")


def load_bff(
    sink: Sink,
    dataset_id: str,
    paths: Sequence[Path],
    *,
    assembly: str | None = None,
    progress: Progress | None = None,
    listing: Path | None = None,
) -> Report:
    """Load JSON, JSON Lines, or gzipped files of records into a dataset, and publish.

    A record that can be used is loaded as it is, without MongoDB's `_id`; where it departs from its
    schema the report has a warning. One that cannot be used is not loaded, and the report says why.
    Variants of which nothing tells the assembly are kept until a later load tells it.

    Args:
        paths: Files, or folders of files such as `individuals.json` and `genomicVariations.json`.
        assembly: What variants are on that do not say so themselves; without it, what the dataset
            is on already.
        listing: A file that every problem is appended to, as JSON Lines.

    Raises:
        LoadError: A file cannot be loaded as asked; nothing was published.
    """
    progress = progress or Silent()
    report = Report(listing=listing)
    files = _entity_files(find_files(paths, is_json), report)
    chosen = _assembly(files, assembly)
    sources = {path: identify(path, progress) for path, _ in files}
    load = sink.open(dataset_id, assembly=chosen, files=list(sources.values()))
    loader = _Loader(load, dataset_id, load.assembly, report, progress)
    try:
        # Before the files: what is said last of an allele counts.
        had_waited = load_waiting(load, report)
        for path, entry_type in files:
            loader.load_file(path, entry_type, sources[path])
        report.check_complete()
        if len(report.already_loaded) == len(files) and not had_waited:
            load.abandon()  # nothing new: the published release stays as it is
        else:
            report.dataset = load.publish()
    except LoadError:
        load.abandon()
        raise
    finally:
        report.finish()
    return report


@dataclass(slots=True)
class _Loader:
    """One load, file by file."""

    load: Load
    dataset_id: str
    assembly: str | None
    report: Report
    progress: Progress
    known: dict[str, set[str]] = field(default_factory=dict)
    alleles: set[Allele] = field(default_factory=set)

    def load_file(self, path: Path, entry_type: str, source: SourceFile) -> None:
        """Load one file from where an earlier load stopped."""
        self.report.files.append(source.name)
        if self.load.is_loaded(source):
            self.report.already_loaded.append(source.name)
            return
        written = self.load.position(source)
        self.progress.file(path.name, None)
        number = 0
        variants: list[Variant] = []
        records: list[Record] = []
        can_be_alleles = self.assembly is not None
        for number, (place, record) in enumerate(self._read(path, entry_type), start=1):
            if entry_type == "genomicVariant" and not can_be_alleles:
                records += self._waiting(record, source, number, path.name, place)
            elif entry_type == "genomicVariant":
                variant = self._variant(record, path.name, place)
                variants += () if variant is None else (variant,)
            else:
                records += self._record(entry_type, record, path.name, place)
            if number <= written:
                # Already there: read again only so that the report is of the whole file.
                variants, records = [], []
            elif len(variants) + len(records) >= _BATCH or number % MARK_EVERY == 0:
                self._write(entry_type, records, variants)
                variants, records = [], []
            if number % MARK_EVERY == 0:
                self.progress.advance(MARK_EVERY)
                if number > written:
                    self.load.mark(source, number)
        self._write(entry_type, records, variants)
        self.progress.advance(number % MARK_EVERY)
        self.load.finish(source)

    def _read(self, path: Path, entry_type: str) -> Iterator[tuple[str, Any]]:
        if entry_type != "dataset":
            yield from read_records(path)
            return
        places, records = [], []
        for place, record in read_records(path):
            places.append(place)
            records.append(record)
        yield from zip(places, _with_dataset_id(records, self.dataset_id), strict=True)

    def _record(self, entry_type: str, record: Any, file: str, place: str) -> tuple[Record, ...]:
        self.report.records += 1
        self.report.items += 1
        problem = unusable(entry_type, record, file=file, place=place)
        if problem is None and entry_type == "dataset":
            problem = self._other_dataset(record, file, place)
        if problem is not None:
            self.report.lose(problem)
            return ()
        kept = {key: value for key, value in record.items() if key != "_id"}
        for departure in departures(entry_type, kept, file=file, place=place):
            self.report.warn(departure)
        self._note_repeated(entry_type, kept["id"], file, place)
        self.report.loaded[entry_type] += 1
        return (kept,)

    def _variant(self, record: Any, file: str, place: str) -> Variant | None:
        kept = self._usable_variant(record, file, place)
        if kept is None:
            return None
        assembly = self.assembly or ""  # known, or it would wait
        variant = read_variant(kept, assembly, self.report, file=file, place=place)
        if variant is not None:
            self.report.loaded["genomicVariant"] += 1
            if variant.allele in self.alleles:
                detail = "the last record describes it; the carriers of all of them count"
                self.report.warn(
                    Problem(
                        file=file,
                        place=place,
                        field="variation",
                        reason="the same variant is described more than once",
                        detail=detail,
                    )
                )
            self.alleles.add(variant.allele)
        return variant

    def _waiting(
        self, record: Any, source: SourceFile, number: int, file: str, place: str
    ) -> tuple[Record, ...]:
        kept = self._usable_variant(record, file, place)
        if kept is None:
            return ()
        waiting = waiting_record(
            kept, self.report, source=source, number=number, file=file, place=place
        )
        return () if waiting is None else (waiting,)

    def _usable_variant(self, record: Any, file: str, place: str) -> dict[str, Any] | None:
        self.report.records += 1
        self.report.items += 1
        if problem := unusable("genomicVariant", record, file=file, place=place):
            self.report.lose(problem)
            return None
        kept = {key: value for key, value in record.items() if key != "_id"}
        for departure in departures("genomicVariant", kept, file=file, place=place):
            self.report.warn(departure)
        return kept

    def _write(self, entry_type: str, records: list[Record], variants: list[Variant]) -> None:
        if records:
            self.load.write_records(entry_type, records)
        if variants:
            self.load.write_alleles(observations(variants, self.load.rows, self.report))

    def _other_dataset(self, record: Record, file: str, place: str) -> Problem | None:
        """Why a dataset record does not describe this dataset, if it does not."""
        if record["id"] != self.dataset_id:
            detail = f"its id is {record['id']}, and the dataset's {self.dataset_id}"
            return Problem(
                file=file,
                place=place,
                field="id",
                reason="describes another dataset",
                detail=detail,
            )
        info = record.get("info")
        if isinstance(info, dict) and _SOURCE_ID in info:
            self.report.warn(
                Problem(
                    file=file,
                    place=place,
                    field="id",
                    reason="the dataset record had another id",
                    detail=f"{info[_SOURCE_ID]} is now {self.dataset_id}; the former id is in "
                    f"info.{_SOURCE_ID}",
                )
            )
        return None

    def _note_repeated(self, entry_type: str, identifier: str, file: str, place: str) -> None:
        known = self.known.setdefault(entry_type, set())
        if identifier in known:
            self.report.warn(
                Problem(
                    file=file,
                    place=place,
                    field="id",
                    reason=f"{entry_type}: the id occurs more than once; the last record counts",
                    detail=identifier,
                )
            )
        known.add(identifier)


_SOURCE_ID = "sourceId"


def _with_dataset_id(records: list[Any], dataset_id: str) -> list[Any]:
    """The records of a dataset file, where a single one is made to describe this dataset.

    What it was called stays in `info.sourceId`.
    """
    if len(records) != 1 or not isinstance(records[0], dict):
        return records
    (record,) = records
    source_id = record.get("id")
    if not isinstance(source_id, str) or source_id in ("", dataset_id):
        return records
    info = record.get("info")
    info = {**info, _SOURCE_ID: source_id} if isinstance(info, dict) else {_SOURCE_ID: source_id}
    return [{**record, "id": dataset_id, "info": info}]


def _entity_files(paths: Sequence[Path], report: Report) -> list[tuple[Path, str]]:
    """The files of records with their entry types, in the order in which they are loaded."""
    files = []
    for path in paths:
        if (why := no_entity(path)) is not None:
            report.items += 1
            report.nothing_to_load[f"{path.name} ({why})"] += 1
        else:
            files.append((path, entry_type_of(path)))
    if not files:
        raise LoadError("none of the files holds records of an entry type")
    return sorted(files, key=lambda file: _ORDER.index(file[1]))


def _assembly(files: Sequence[tuple[Path, str]], given: str | None) -> str | None:
    """The assembly of the variants: as given, else what the first that names one says.

    Raises:
        LoadError: There is no such assembly.
    """
    if given is not None:
        canonical = canonical_assembly(given)
        if canonical is None:
            raise LoadError(f"assembly {given} is unknown; one of {', '.join(ASSEMBLIES)}")
        return canonical
    variants = [path for path, entry_type in files if entry_type == "genomicVariant"]
    for path in variants:
        for _, record in read_records(path):
            if (named := named_assembly(record)) is not None:
                return named
    return None


def named_assembly(record: Any) -> str | None:
    """The assembly that a genomic variation record says it is on, if it does."""
    if not isinstance(record, dict) or not isinstance(record.get("variation"), dict):
        return None
    try:
        return allele_from_record(record["variation"], record)[0]
    except UnreadableVariation:
        return None
