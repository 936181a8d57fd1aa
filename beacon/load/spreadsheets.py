"""The home of reading the rows of tables: delimited text, and the sheets of XLSX workbooks."""

from __future__ import annotations

import csv
import gzip
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from beacon.framework.errors import LoadError

Row = tuple[int, list[Any]]
"""Number of the row as a spreadsheet shows it (the first is 1), and its cells."""

MAX_COLUMNS = 16_384
"""What a spreadsheet can have."""

_DELIMITERS = "\t,;"
_MAX_LINE_BYTES = 64 << 20
_MAX_CELL_CHARACTERS = 16 << 20
_PEEK_BYTES = 4096
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"
_FORMULAS = (b"<f>", b"<f ")
_IN_BYTES = 1 << 20


class Formula:
    """Stands for a cell that has a formula, of which the file does not hold the result."""


def read_delimited(path: Path) -> Iterator[Row]:
    """The rows of a text file whose cells are separated by tabs, commas or semicolons.

    The first line that is not blank tells by what. The text is UTF-8, with or without a byte order
    mark; cells in double quotes may hold the separator and line ends. The file may be gzipped.

    Raises:
        LoadError: The file is not such a text, or is cut short.
    """
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    number = 0
    with _failures_of(path), _open(path) as file:
        lines = _lines(file, path)
        first = next((line for line in lines if line.strip()), None)
        if first is None:
            raise LoadError(
                f"{path} is empty; a header line with the names of columns was expected"
            )
        reader = csv.reader(_again(first, lines), delimiter=_delimiter(first), strict=True)
        try:
            for cells in reader:
                number += 1
                yield number, cells
        except csv.Error as error:
            raise LoadError(f"{path}, row {number + 1}: {_in_words(error)}") from error


def read_workbook(path: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    """The sheets of an XLSX workbook: the name of each, and its rows.

    Cells hold what the spreadsheet does: text, numbers, dates, truth values; of formulas the result
    that was saved with them, or `Formula` where none was.

    Raises:
        LoadError: The file is not such a workbook.
    """
    import openpyxl

    _require_workbook(path)
    with _failures_of(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about decorations that are not read
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        formulas = openpyxl.load_workbook(path, read_only=True) if _has_formulas(path) else None
        try:
            for sheet in book.worksheets:
                beside = None if formulas is None else formulas[sheet.title]
                yield sheet.title, _sheet_rows(path, sheet, beside)
        finally:
            book.close()
            if formulas is not None:
                formulas.close()


def column_letter(index: int) -> str:
    """What a spreadsheet calls a column.

    Example:
        >>> column_letter(0), column_letter(27)
        ('A', 'AB')
    """
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def peek(path: Path) -> bytes:
    """The first bytes of a file's content, out of its gzip if it is in one.

    Raises:
        LoadError: It cannot be read.
    """
    with _failures_of(path):
        with path.open("rb") as file:
            head = file.read(_PEEK_BYTES)
        if head.startswith(_GZIP):
            with gzip.open(path) as unzipped:
                return unzipped.read(_PEEK_BYTES)
        return head


def require_text(path: Path, head: bytes) -> None:
    """Refuse what is not UTF-8 text by its first bytes.

    Raises:
        LoadError: It is empty, or anything but text.
    """
    if not head:
        raise LoadError(f"{path} is empty")
    if head.startswith(_UTF16):
        raise LoadError(f"{path} is UTF-16 text; save it as UTF-8 (in Excel: CSV UTF-8)")
    if head.startswith(_ZIP):
        raise LoadError(f"{path} is an archive or a workbook; name a workbook .xlsx")
    if head.startswith(_OLE):
        raise LoadError(f"{path} is a workbook of an older Excel; save it as .xlsx")
    if b"\0" in head:
        raise LoadError(f"{path} holds binary data; text was expected")


@contextmanager
def _failures_of(path: Path) -> Iterator[None]:
    """Turn what the libraries raise about a damaged file into a `LoadError`."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LoadError(f"{path} is cut short or damaged: {error}") from error
    except OSError as error:
        raise LoadError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, ParseError, KeyError, ValueError, TypeError, IndexError) as error:
        raise LoadError(f"{path} is not an XLSX workbook, or is damaged: {error}") from error


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    require_text(path, peek(path))
    with path.open("rb") as file:
        if file.read(2) != _GZIP:
            file.seek(0)
            yield file
            return
    with gzip.open(path) as unzipped:
        yield unzipped  # type: ignore[misc]


def _lines(file: IO[bytes], path: Path) -> Iterator[str]:
    number = 0
    while line := file.readline(_MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > _MAX_LINE_BYTES:
            raise LoadError(f"{path}, line {number} is longer than any line of a table")
        if number == 1:
            line = line.removeprefix(_BOM)
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            found = f"0x{line[error.start]:02X}"
            raise LoadError(
                f"{path}, line {number} is not UTF-8 (byte {found}, perhaps Latin-1); save it as "
                "UTF-8 (in Excel: CSV UTF-8)"
            ) from error


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _delimiter(header: str) -> str:
    outside = "".join(header.split('"')[::2])
    return max(_DELIMITERS, key=outside.count) if any(map(outside.count, _DELIMITERS)) else ","


def _in_words(error: csv.Error) -> str:
    message = str(error)
    if "unexpected end of data" in message:
        return "a cell that begins with a double quote has no closing one"
    if "field limit" in message:
        return "a cell is too long; a double quote may be missing before it"
    if "new-line" in message:
        return "lines end with a carriage return alone; save it with Unix or Windows line ends"
    if "expected after" in message:
        return "text goes on after a closing double quote; write a double quote in a cell twice"
    return message


def _require_workbook(path: Path) -> None:
    with _failures_of(path), path.open("rb") as file:
        head = file.read(len(_ZIP))
    if not head:
        raise LoadError(f"{path} is empty")
    if head == _OLE:
        raise LoadError(
            f"{path} is protected by a password or of an older Excel; save it as .xlsx without one"
        )
    if head != _ZIP:
        raise LoadError(f"{path} is not an XLSX workbook")


def _has_formulas(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not name.startswith("xl/worksheets/"):
                continue
            with archive.open(name) as sheet:
                before = b""
                while block := sheet.read(_IN_BYTES):
                    if any(mark in before + block for mark in _FORMULAS):
                        return True
                    before = block[-2:]
    return False


def _sheet_rows(path: Path, sheet: Any, beside: Any) -> Iterator[Row]:
    with _failures_of(path):
        rows = sheet.iter_rows(values_only=True)
        if beside is None:
            for number, cells in enumerate(rows, start=1):
                yield number, list(cells)
            return
        written = beside.iter_rows(values_only=True)
        for number, (cells, formulas) in enumerate(zip(rows, written, strict=False), start=1):
            yield (
                number,
                [
                    Formula() if cell is None and formula is not None else cell
                    for cell, formula in zip(cells, formulas, strict=False)
                ],
            )
