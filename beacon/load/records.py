"""The home of loading records: what readers of people's files hand over goes into a dataset.

A reader is a `RecordFile`: it turns one file, of whatever kind, into `Item` values. Everything else
is done here, the same for all kinds of file: the order of the files, the checks against the
schemas, carriers and assemblies of variants, the report, and taking up an interrupted load.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from beacon.framework.answer import Record
from beacon.framework.errors import LoadError
from beacon.framework.source import Load, Sink, SourceFile
from beacon.load.bff_variants import (
    Variant,
    load_waiting,
    named_assembly,
    observations,
    read_variant,
    waiting_record,
)
from beacon.load.ending import conclude, settled
from beacon.load.items import Item
from beacon.load.progress import Progress, Silent
from beacon.load.record_checks import departures, unusable
from beacon.load.report import Problem, Report
from beacon.load.source_files import identify
from beacon.model.allele import Allele
from beacon.model.assemblies import ASSEMBLIES, canonical_assembly

MARK_EVERY = 5_000
"""Items between two points at which an interrupted load can be taken up again."""

ORDER = ("dataset", "cohort", "individual", "biosample", "run", "analysis", "genomicVariant")
"""The order in which entry types are loaded: people before their samples, samples before what was
found in them."""

WITHDRAWN = "of people who have withdrawn"
"""Why there is nothing to load of a record."""

_BATCH = 1_000
_SOURCE_ID = "sourceId"


class RecordFile(Protocol):
    """One file of records, of one or of several entry types.

    `read` gives an `Item` for every record there is, in the order of the file and the same at every
    reading, as it is read: a load that was interrupted skips as many items as it had written. What
    it cannot make a record of comes out as an item too: with `record=None` and the reason in
    `problems`, so that the report accounts for it. It need not check that records have an id or are
    as their schema wants them; `load_items` does, and names the column where `Item.columns` has it.
    Items of one record of the file (a row that is a person and a sample, say) have the same place.

    Example:
        >>> @dataclass(frozen=True)
        ... class People:
        ...     path: Path
        ...     entry_types: Collection[str] = ("individual",)
        ...
        ...     def read(self) -> Iterator[Item]:
        ...         for number, line in enumerate(self.path.open(), start=1):
        ...             yield Item(
        ...                 file=self.path.name,
        ...                 place=f"row {number}",
        ...                 entry_type="individual",
        ...                 record={"id": line.strip(), "sex": {"id": "NCIT:C17998"}},
        ...                 columns={"id": "person", "sex.id": "sex"},
        ...             )
    """

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def entry_types(self) -> Collection[str]:
        """Entry type ids of the records that it may hold; they put the files in order."""

    def read(self) -> Iterator[Item]:
        """Its records, from the first.

        Raises:
            LoadError: It cannot be read at all.
        """


Merge = Callable[[Load, Item], Item]
"""What becomes of an item in the light of what the dataset has already: asked for every item that
has a usable record, in the order of loading."""


def load_items(
    sink: Sink,
    dataset_id: str,
    files: Sequence[RecordFile],
    *,
    assembly: str | None = None,
    asserted: bool = True,
    merge: Merge | None = None,
    progress: Progress | None = None,
    listing: Path | None = None,
) -> Report:
    """Load files of records into a dataset, and publish.

    A record that can be used is loaded; where it departs from its schema the report has a warning.
    One that cannot be used is not loaded, and the report says why. A record with an id that is
    already there replaces the older one. Variants of which nothing tells the assembly are kept
    until a later load tells it.

    Args:
        files: In any order; they are loaded in that of their entry types.
        assembly: What variants are on that do not say so themselves; without it, what the first
            says that does, else what the dataset is on already.
        asserted: Whether a variant's record is all there is to say of it. Otherwise it is added to
            what others say.
        listing: A file that every problem is appended to, as JSON Lines.

    Raises:
        LoadError: A file cannot be loaded as asked; nothing was published.
    """
    progress = progress or Silent()
    report = Report(listing=listing)
    files = sorted(files, key=lambda file: min(map(ORDER.index, file.entry_types)))
    chosen = _assembly(files, assembly)
    sources = [identify(file.path, progress) for file in files]
    load = sink.open(dataset_id, assembly=chosen, files=sources)
    loader = _Loader(load, dataset_id, load.assembly, asserted, merge, report, progress)
    with settled(load, report):
        # Before the files: what is said last of an allele counts.
        had_waited = load_waiting(load, report)
        for file, source in zip(files, sources, strict=True):
            loader.load_file(file, source)
        is_new = len(report.already_loaded) < len(files) or had_waited
        conclude(load, report, is_new=is_new)
    return report


@dataclass(slots=True)
class _Batch:
    """What is to be written next."""

    records: dict[str, list[Record]] = field(default_factory=dict)
    variants: list[Variant] = field(default_factory=list)
    size: int = 0

    def add(self, entry_type: str, record: Record) -> None:
        self.records.setdefault(entry_type, []).append(record)
        self.size += 1

    def add_variant(self, variant: Variant) -> None:
        self.variants.append(variant)
        self.size += 1


@dataclass(slots=True)
class _Loader:
    """One load, file by file."""

    load: Load
    dataset_id: str
    assembly: str | None
    asserted: bool
    merge: Merge | None
    report: Report
    progress: Progress
    batch: _Batch = field(default_factory=_Batch)
    known: dict[str, set[str]] = field(default_factory=dict)
    alleles: set[Allele] = field(default_factory=set)
    place: str = ""

    def load_file(self, file: RecordFile, source: SourceFile) -> None:
        """Load one file from where an earlier load stopped."""
        self.report.files.append(source.name)
        if self.load.is_loaded(source):
            self.report.already_loaded.append(source.name)
            return
        written = self.load.position(source)
        self.progress.file(file.path.name, None)
        self.place = ""
        number = 0
        for number, item in enumerate(_of_dataset(file, self.dataset_id), start=1):
            self._take(item, source, number)
            if number <= written:
                # Already there: read again only so that the report is of the whole file.
                self.batch = _Batch()
            elif self.batch.size >= _BATCH or number % MARK_EVERY == 0:
                self._write()
            if number % MARK_EVERY == 0:
                self.progress.advance(MARK_EVERY)
                if number > written:
                    self.load.mark(source, number)
        self._write()
        self.progress.advance(number % MARK_EVERY)
        self.load.finish(source)

    def _take(self, item: Item, source: SourceFile, number: int) -> None:
        if item.place != self.place:
            self.place = item.place
            self.report.records += 1
        self.report.items += 1
        item = self._usable(item)
        if item.record is None:
            # One item, however many reasons there are.
            for count, problem in zip(_once(), item.problems, strict=False):
                self.report.lose(problem, count)
            return
        if self.load.has_withdrawn(item.entry_type, item.record):
            self.report.nothing_to_load[WITHDRAWN] += 1
            return
        for problem in item.problems:
            self.report.warn(problem)
        record = item.record
        for departure in departures(
            item.entry_type, record, file=item.file, place=item.place, columns=item.columns
        ):
            self.report.warn(departure)
        if item.entry_type != "genomicVariant":
            self._note_repeated(item)
            self.report.loaded[item.entry_type] += 1
            self.batch.add(item.entry_type, record)
        elif self.assembly is not None:
            self._take_variant(item, record, self.assembly)
        else:
            waiting = waiting_record(
                record, self.report, source=source, number=number, file=item.file, place=item.place
            )
            if waiting is not None:
                self.batch.add("genomicVariant", waiting)

    def _usable(self, item: Item) -> Item:
        """The item to load; one without a record when it cannot be loaded."""
        if item.record is None:
            return item
        problem = unusable(item.entry_type, item.record, file=item.file, place=item.place)
        if problem is None and item.entry_type == "dataset":
            problem = _other_dataset(item, item.record, self.dataset_id)
        if problem is not None:
            return msgspec.structs.replace(item, record=None, problems=(problem, *item.problems))
        return item if self.merge is None else self.merge(self.load, item)

    def _take_variant(self, item: Item, record: Record, assembly: str) -> None:
        variant = read_variant(record, assembly, self.report, file=item.file, place=item.place)
        if variant is None:
            return
        self.report.loaded["genomicVariant"] += 1
        if self.asserted and variant.allele in self.alleles:
            detail = "the last record describes it; the carriers of all of them count"
            self.report.warn(
                Problem(
                    file=item.file,
                    place=item.place,
                    field="variation",
                    reason="the same variant is described more than once",
                    detail=detail,
                )
            )
        self.alleles.add(variant.allele)
        self.batch.add_variant(variant)

    def _write(self) -> None:
        batch, self.batch = self.batch, _Batch()
        for entry_type in ORDER:
            if records := batch.records.get(entry_type):
                self.load.write_records(entry_type, records)
        if batch.variants:
            self.load.write_alleles(
                observations(batch.variants, self.load.rows, self.report, asserted=self.asserted)
            )

    def _note_repeated(self, item: Item) -> None:
        identifier = (item.record or {})["id"]
        known = self.known.setdefault(item.entry_type, set())
        if identifier in known:
            self.report.warn(
                Problem(
                    file=item.file,
                    place=item.place,
                    field="id",
                    reason=f"{item.entry_type}: the id occurs more than once; "
                    "the last record counts",
                    detail=identifier,
                )
            )
        known.add(identifier)


def _once() -> Iterator[int]:
    yield 1
    while True:
        yield 0


def _of_dataset(file: RecordFile, dataset_id: str) -> Iterator[Item]:
    """The items of a file, where the only record of a dataset is made to describe this one.

    What it was called stays in `info.sourceId`.
    """
    described = []
    for item in file.read():
        if item.entry_type == "dataset":
            described.append(item)
        else:
            yield item
    if len(described) == 1:
        yield _renamed(described[0], dataset_id)
    else:
        yield from described


def _renamed(item: Item, dataset_id: str) -> Item:
    record: Any = item.record
    source_id = record.get("id") if isinstance(record, dict) else None
    if not isinstance(source_id, str) or source_id in ("", dataset_id):
        return item
    info = record.get("info")
    info = {**info, _SOURCE_ID: source_id} if isinstance(info, dict) else {_SOURCE_ID: source_id}
    problem = Problem(
        file=item.file,
        place=item.place,
        field="id",
        reason="the dataset record had another id",
        detail=f"{source_id} is now {dataset_id}; the former id is in info.{_SOURCE_ID}",
    )
    return msgspec.structs.replace(
        item,
        record={**record, "id": dataset_id, "info": info},
        problems=(*item.problems, problem),
    )


def _other_dataset(item: Item, record: Record, dataset_id: str) -> Problem | None:
    """Why a dataset record does not describe this dataset, if it does not."""
    if record["id"] == dataset_id:
        return None
    return Problem(
        file=item.file,
        place=item.place,
        field="id",
        reason="describes another dataset",
        detail=f"its id is {record['id']}, and the dataset's {dataset_id}",
    )


def _assembly(files: Iterable[RecordFile], given: str | None) -> str | None:
    """The assembly of the variants: as given, else what the first that names one says.

    Raises:
        LoadError: There is no such assembly.
    """
    if given is not None:
        canonical = canonical_assembly(given)
        if canonical is None:
            raise LoadError(f"assembly {given} is unknown; one of {', '.join(ASSEMBLIES)}")
        return canonical
    for file in files:
        if "genomicVariant" not in file.entry_types:
            continue
        for item in file.read():
            if item.entry_type == "genomicVariant":
                named = named_assembly(item.record)
                if named is not None:
                    return named
    return None
