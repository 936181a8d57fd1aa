"""The home of tables of records: CSV, TSV and XLSX in the templates that data managers fill in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from beacon.framework.errors import LoadError
from beacon.framework.source import Sink
from beacon.load.items import Item
from beacon.load.json_files import entry_type_by_name
from beacon.load.progress import Progress
from beacon.load.records import load_items
from beacon.load.report import Problem, Report
from beacon.load.source_files import find_files
from beacon.load.spreadsheets import (
    MAX_COLUMNS,
    Row,
    column_letter,
    read_delimited,
    read_workbook,
)
from beacon.load.table_columns import Column, ColumnPaths, best_entry_type, find, nearest
from beacon.load.table_rows import RowReader

_TEXT = re.compile(r".+\.(csv|tsv|txt)(\.gz)?", re.IGNORECASE)
_WORKBOOK = re.compile(r".+\.xls[xm]?", re.IGNORECASE)
NO_ROWS = "no rows below the header"
_FILES = "individuals, biosamples, runs, analyses, cohorts, datasets or genomicVariations"


def load_tables(
    sink: Sink,
    dataset_id: str,
    paths: Sequence[Path],
    *,
    assembly: str | None = None,
    progress: Progress | None = None,
    listing: Path | None = None,
) -> Report:
    """Load tables of records into a dataset, and publish.

    Args:
        paths: Files, or folders of files such as `individuals.csv`; workbooks have a sheet for each
            entry type.
        assembly: What variants are on that do not say so themselves.
        listing: A file that every problem is appended to, as JSON Lines.

    Raises:
        LoadError: A file cannot be loaded as asked; nothing was published.
    """
    tables = [open_table(path) for path in find_files(paths, is_table)]
    filled = [table for table in tables if table.entry_types]
    if not filled:
        raise LoadError("none of the tables has rows below its header")
    report = load_items(
        sink, dataset_id, filled, assembly=assembly, progress=progress, listing=listing
    )
    for table in tables:
        if table not in filled:
            report.items += 1
            report.nothing_to_load[f"{table.path.name} ({NO_ROWS})"] += 1
    return report


def is_table(path: Path) -> bool:
    """Whether the name is one of a table: `.csv`, `.tsv`, `.txt`, perhaps gzipped, or `.xlsx`."""
    return is_workbook(path) or _TEXT.fullmatch(path.name) is not None


def is_workbook(path: Path) -> bool:
    """Whether the name is one of a workbook."""
    return _WORKBOOK.fullmatch(path.name) is not None


def column_names(path: Path) -> list[str]:
    """The names of the columns of a text file.

    Raises:
        LoadError: It cannot be read as a table.
    """
    header, _ = _header(read_delimited(path), str(path))
    return header or []


@dataclass(frozen=True, slots=True)
class Table:
    """A file of one table, or a workbook of several.

    A table has one record in each row, and one value in each column.

    Attributes:
        entry_types: ids of the entry types of its rows; none when it has no rows.
    """

    path: Path
    entry_types: tuple[str, ...]

    def read(self) -> Iterator[Item]:
        """The records, row by row, each with what is wrong with it.

        Raises:
            LoadError: The file cannot be read, or is no such table.
        """
        for part in _parts(self.path):
            header, rows = _header(part.rows, part.where)
            if header is not None:
                yield from self._records(header, rows, part)

    def _records(self, header: Sequence[str], rows: Iterator[Row], part: _Part) -> Iterator[Item]:
        entry_type = part.entry_type or best_entry_type([one for one in header if one])
        if entry_type is None:
            return  # without rows, or it would not be open
        columns = _columns(entry_type, header, part.where)
        reader = RowReader(self.path.name, entry_type, ColumnPaths(entry_type, header))
        told: set[int] = set()
        for number, cells in rows:
            if not any(map(_is_filled, cells)):
                continue
            found = [
                (column, cell)
                for column, cell in zip(columns, cells, strict=False)
                if column is not None and cell is not None
            ]
            item = reader.read(f"{part.place} {number}", found)
            unknown = {
                index
                for index, cell in enumerate(cells)
                if _is_filled(cell) and (index >= len(columns) or columns[index] is None)
            }
            yield _with_doubts(item, header, cells, unknown - told)
            told |= {index for index in unknown if index < len(header)}


def open_table(path: Path) -> Table:
    """A table, with the entry types that the names of the file, its sheets or columns tell.

    Raises:
        LoadError: The file cannot be read, or nothing tells.
    """
    entry_types: dict[str, None] = {}
    for part in _parts(path):
        header, rows = _header(part.rows, part.where)
        if (
            header is None
            or next((True for _, row in rows if any(map(_is_filled, row))), None) is None
        ):
            continue
        entry_type = part.entry_type or best_entry_type([one for one in header if one])
        if entry_type is None:
            raise LoadError(f"{part.where} could be of any entry type; name it {_FILES}")
        entry_types[entry_type] = None
    return Table(path, tuple(entry_types))


@dataclass(frozen=True, slots=True)
class _Part:
    """One table of a file, the first of its rows being the header."""

    rows: Iterator[Row]
    entry_type: str | None
    where: str
    place: str


def _parts(path: Path) -> Iterator[_Part]:
    if not is_workbook(path):
        yield _Part(read_delimited(path), entry_type_by_name(path.name), str(path), "row")
        return
    known = 0
    for title, rows in read_workbook(path):
        # Explanations and lists of terms come in sheets of their own.
        if (entry_type := entry_type_by_name(title)) is not None:
            known += 1
            yield _Part(rows, entry_type, f"{path}, sheet {title}", f"sheet {title}, row")
    if not known:
        raise LoadError(f"{path} has no sheet called {_FILES}")


def _header(rows: Iterator[Row], where: str) -> tuple[list[str] | None, Iterator[Row]]:
    """The names of the columns, and the rows below them; `None` for a sheet without anything."""
    for _, cells in rows:
        if not any(map(_is_filled, cells)):
            continue
        header = ["" if cell is None else str(cell).strip() for cell in cells]
        while header and not header[-1]:
            header.pop()
        if len(header) > MAX_COLUMNS:
            raise LoadError(
                f"{where} has {len(header):,} columns; a spreadsheet has {MAX_COLUMNS:,} at most"
            )
        return header, rows
    return None, iter(())


def _columns(entry_type: str, header: Sequence[str], where: str) -> list[Column | None]:
    columns = [find(entry_type, name) if name else None for name in header]
    first: dict[Any, int] = {}
    for index, (name, column) in enumerate(zip(header, columns, strict=True)):
        key = name if column is None else column.steps
        if name and first.setdefault(key, index) != index:
            raise LoadError(
                f"{where}: columns {column_letter(first[key])} ({header[first[key]]}) and "
                f"{column_letter(index)} ({name}) are the same; each may be there once"
            )
    if not any(columns):
        shown = ", ".join(header[:3])
        raise LoadError(
            f"{where}: none of the columns ({shown[:80]}) is of a table of {entry_type} records; "
            f"columns such as {_examples(entry_type)} were expected, separated by tabs, commas or "
            "semicolons"
        )
    return columns


def _examples(entry_type: str) -> str:
    return {
        "individual": "id, sex|id and sex|label",
        "genomicVariant": "variantInternalId and variation|alternateBases",
    }.get(entry_type, "id")


def _with_doubts(item: Item, header: Sequence[str], cells: Sequence[Any], new: set[int]) -> Item:
    """The item with what is wrong with its row as a whole."""
    doubts = []
    surplus = sorted(index for index in new if index >= len(header))
    if surplus:
        detail = (
            f"{_shown(cells[surplus[0]])} was found in column {column_letter(surplus[0])}, and the "
            f"header has {len(header)} columns; a separator too many, or quotes are missing"
        )
        return msgspec.structs.replace(
            item,
            record=None,
            problems=(_problem(item, "", "more cells than columns", detail),),
        )
    if len(cells) < len(header):
        detail = f"{len(cells)} cells were found under {len(header)} columns; the rest are empty"
        doubts.append(_problem(item, "", "fewer cells than columns", detail))
    for index in sorted(new):
        name = header[index] or f"column {column_letter(index)}"
        near = nearest(item.entry_type, header[index]) if header[index] else None
        detail = f"the nearest known column is {near}" if near else "no known column is like it"
        reason = f"{item.entry_type}: unknown column, not loaded"
        doubts.append(_problem(item, name, reason, f"{detail}; {_shown(cells[index])} was found"))
    if not doubts:
        return item
    kept = item.problems if item.record is None else (*item.problems, *doubts)
    return msgspec.structs.replace(item, problems=kept)


def _problem(item: Item, field: str, reason: str, detail: str) -> Problem:
    return Problem(file=item.file, place=item.place, field=field, reason=reason, detail=detail)


def _is_filled(cell: Any) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip()))


def _shown(cell: Any) -> str:
    text = str(cell)
    return f"`{text}`" if len(text) <= 40 else f"`{text[:40]}…`"
