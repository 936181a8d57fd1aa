"""The home of the BFF loader: records of any entry type, in the JSON of the Beacon models."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from beacon.framework.errors import LoadError
from beacon.framework.source import Sink
from beacon.load.items import Item
from beacon.load.json_files import entry_type_of, is_json, no_entity, read_records
from beacon.load.progress import Progress
from beacon.load.record_checks import unusable
from beacon.load.records import load_items
from beacon.load.report import Report
from beacon.load.source_files import find_files


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
    files, others = [], []
    for path in find_files(paths, is_json):
        if (why := no_entity(path)) is not None:
            others.append(f"{path.name} ({why})")
        else:
            files.append(BffFile(path, entry_type_of(path)))
    if not files:
        raise LoadError("none of the files holds records of an entry type")
    report = load_items(
        sink, dataset_id, files, assembly=assembly, progress=progress, listing=listing
    )
    report.items += len(others)
    report.nothing_to_load.update(others)
    return report


@dataclass(frozen=True, slots=True)
class BffFile:
    """A file of records of one entry type."""

    path: Path
    entry_type: str

    @property
    def entry_types(self) -> Collection[str]:
        """That entry type."""
        return (self.entry_type,)

    def read(self) -> Iterator[Item]:
        """The records as they are, without MongoDB's `_id`."""
        for place, record in read_records(self.path):
            problem = unusable(self.entry_type, record, file=self.path.name, place=place)
            yield Item(
                file=self.path.name,
                place=place,
                entry_type=self.entry_type,
                record=None
                if problem
                else {key: value for key, value in record.items() if key != "_id"},
                problems=(problem,) if problem else (),
            )
