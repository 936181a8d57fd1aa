"""The home of making a record out of one row of a table."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from beacon.load.items import Item
from beacon.load.report import Problem
from beacon.load.spreadsheets import Formula
from beacon.load.table_columns import DURATIONS, NOTHING, SEPARATOR, Column, Node, root
from beacon.schemas import formats

Path = tuple[str | int, ...]

_DURATION = re.compile(
    r"P(?=\d|T\d)(\d+(\.\d+)?Y)?(\d+(\.\d+)?M)?(\d+(\.\d+)?W)?(\d+(\.\d+)?D)?"
    r"(T(?=\d)(\d+(\.\d+)?H)?(\d+(\.\d+)?M)?(\d+(\.\d+)?S)?)?"
)
_TERM = re.compile(r"\w[^:\s,|]+:[^\s,|]+")
_TERMS = re.compile(rf"{_TERM.pattern}(\s*,\s*{_TERM.pattern})+")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+")
_LONGEST_NUMBER = 40
_EXACT = 2.0**53
_INT64 = 2**63
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_TRUTH = {"true": True, "false": False}
_JSON = json.JSONDecoder()
_SHOWN = 60

EXCEL_CELL = 32_767
"""Characters that a cell of Excel can hold; the rest it drops without a word."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value, the column it is from, and the steps that are left to where it goes."""

    column: Column
    steps: tuple[str, ...]
    value: Any


class _Absent:
    """What is left when a cell holds nothing that can be used."""


_ABSENT = _Absent()


@dataclass(slots=True)
class RowReader:
    """One row at a time: its cells, and what is wrong with them.

    A cell that cannot be read keeps the whole row out where leaving it out could turn the record
    into another statement, such as `excluded` without its value. Otherwise it is left out, or taken
    as it is, with a warning.
    """

    file: str
    entry_type: str
    columns: Mapping[str, str]
    place: str = ""
    wrong: list[Problem] = field(default_factory=list)
    doubtful: list[Problem] = field(default_factory=list)

    def read(self, place: str, cells: Sequence[tuple[Column, Any]]) -> Item:
        """The record that a row's cells make."""
        self.place, self.wrong, self.doubtful = place, [], []
        kept = [
            Cell(column, column.steps, value)
            for column, raw in cells
            if not self._is_empty(column, value := _stripped(raw))
        ]
        record = self._object(root(self.entry_type), kept, ())
        problems = self.wrong or self.doubtful
        return Item(
            file=self.file,
            place=place,
            entry_type=self.entry_type,
            record=None if self.wrong else record,
            columns=self.columns,
            problems=tuple(problems),
        )

    def _is_empty(self, column: Column, value: Any) -> bool:
        if value is None or value == "":
            return True
        return bool(value == NOTHING.get(self.entry_type, {}).get(column.steps[0]))

    def _object(self, node: Node, cells: Sequence[Cell], path: Path) -> dict[str, Any]:
        groups: dict[str, list[Cell]] = {}
        for cell in cells:
            groups.setdefault(cell.steps[0], []).append(
                Cell(cell.column, cell.steps[1:], cell.value)
            )
        made = {}
        for name, group in groups.items():
            value = self._value(node.children[name], group, (*path, name))
            if value is not _ABSENT:
                made[name] = value
        return made

    def _value(self, node: Node, cells: Sequence[Cell], path: Path) -> Any:
        """What some cells say of one path: an object, a list, or a value without parts."""
        own = [cell for cell in cells if not cell.steps]
        below = [cell for cell in cells if cell.steps]
        if below:
            for cell in own:
                detail = f"{_shown(cell.value)} is left out; {below[0].column.name} says it"
                self._doubt(cell.column.name, "said again by other columns", detail)
            made = (
                self._objects(node.item, below, path)
                if node.item is not None
                else self._object(node, below, path)
            )
            return made or _ABSENT
        (cell,) = own  # two columns never have the same steps
        if node.item is not None:
            return self._plain_list(node.item, cell, path)
        return self._scalar(node, cell, path)

    def _objects(self, item: Node, cells: Sequence[Cell], path: Path) -> list[Any]:
        """A list whose elements lie, part by part, in several columns.

        Each cell has a value for each element, or one that counts for all. What belongs to a list
        inside the elements is such a list itself where there is but one element.
        """
        parts = {cell.column.name: self._parts(cell) for cell in cells}
        inner = {cell.column.name for cell in cells if _has_list(item, cell.steps)}
        sizes = {name: len(values) for name, values in parts.items() if name not in inner}
        size = max(sizes.values(), default=1)
        if size > 1:
            sizes = {name: len(values) for name, values in parts.items()}
        unequal = [name for name, number in sizes.items() if number not in (1, size)]
        if unequal:
            longest = next(name for name, number in sizes.items() if number == size)
            cut = any(
                isinstance(cell.value, str) and len(cell.value) >= EXCEL_CELL - 1 for cell in cells
            )
            counted = ", ".join(f"{name} {sizes[name]}" for name in unequal)
            self._refuse(
                ", ".join((longest, *unequal)),
                "lists of unequal length",
                f"{longest} has {size} values, {counted}; as many in each were expected, "
                "or one that counts for all"
                + (f" (Excel cuts cells off at {EXCEL_CELL:,} characters)" if cut else ""),
            )
            return []
        made: list[Any] = []
        for index in range(size):
            element = []
            for cell in cells:
                name, values = cell.column.name, parts[cell.column.name]
                if size == 1 and name in inner:
                    value = cell.value  # taken apart by the inner list
                else:
                    value = values[index if len(values) > 1 else 0]
                if value != "":
                    element.append(Cell(cell.column, cell.steps, value))
            if one := self._object(item, element, (*path, len(made))):
                made.append(one)
        return made

    def _plain_list(self, item: Node, cell: Cell, path: Path) -> Any:
        """A list that lies in one column: texts, terms by their ids, or JSON."""
        values: list[Any] = []
        for part in self._parts(cell):
            if isinstance(part, list):
                values += part
            elif part != "":
                values.append(
                    self._scalar(
                        item, Cell(cell.column, (), part), (*path, len(values)), listed=True
                    )
                )
        return [value for value in values if value is not _ABSENT] or _ABSENT

    def _parts(self, cell: Cell) -> list[Any]:
        """The values of a cell that holds a list."""
        if not isinstance(cell.value, str):
            return [cell.value]
        if cell.value.startswith(("{", "[")):
            documents = _documents(cell.value)
            if documents is not None:
                return documents
        return [part.strip() for part in cell.value.split(SEPARATOR)]

    def _scalar(self, node: Node, cell: Cell, path: Path, *, listed: bool = False) -> Any:
        """The value of a cell by itself, in the form that its place wants."""
        name, value = cell.column.name, cell.value
        if isinstance(value, Formula):
            detail = "a formula without its result; calculate and save it, or put the value"
            return self._refuse(name, "a formula without a result", detail)
        if isinstance(value, dict | list):
            return value
        if isinstance(value, datetime.date | datetime.time | datetime.timedelta):
            value = _moment_text(value, node)
        if node.children or node.open:
            return self._bare(node, name, value, path)
        if "string" in node.scalars or not node.scalars:
            return self._text(node, name, value, path, listed=listed)
        if node.scalars == {"boolean"}:
            return self._truth(name, value)
        return self._number(name, value, whole="number" not in node.scalars)

    def _bare(self, node: Node, name: str, value: Any, path: Path) -> Any:
        """A value where an object is expected: JSON, or what only one form of it can mean."""
        if isinstance(value, str) and value.startswith(("{", "[")):
            documents = _documents(value)
            if documents is None or len(documents) != 1:
                detail = f"{_shown(value)} was found; a JSON object was expected"
                return self._refuse(name, "not JSON", detail)
            return documents[0]
        if node.open and not node.children:
            if path == ("info",):
                return {"info": value}
            detail = f"{_shown(value)} was found; a JSON object was expected"
            return self._refuse(name, "not JSON", detail)
        text = str(value)
        if "date-time" in node.formats and _fits("date-time", text):
            return text
        if "iso8601duration" in node.children and _DURATION.fullmatch(text):
            return {"iso8601duration": text}
        if {"type", "value"} <= node.children.keys() and (whole := _whole(value)) is not None:
            return {"type": "Number", "value": whole}
        if _TERM.fullmatch(text) and "id" in node.children and node.children["id"].curie:
            return {"id": text}
        if "string" in node.scalars and not node.formats:
            return text
        wanted = f"{name}{SEPARATOR}{next(iter(node.children))}"
        detail = f"{_shown(value)} is left out; {_example(node)}columns such as {wanted} would do"
        return self._doubt(name, "a value where an object is expected", detail)

    def _text(self, node: Node, name: str, value: Any, path: Path, *, listed: bool) -> Any:
        if isinstance(value, bool):
            text = "TRUE" if value else "FALSE"
        elif isinstance(value, float) and value.is_integer():
            text = str(int(value))  # a spreadsheet has no whole numbers
        else:
            text = str(value)
        last = path[-1] if isinstance(path[-1], str) else ""
        if last in DURATIONS and not _DURATION.fullmatch(text):
            detail = f"{_shown(text)} was found; an ISO 8601 duration such as P32Y6M was expected"
            self._doubt(name, "not a duration", detail)
        names_one = last == "id" or last.endswith("Id")
        if names_one and not listed and SEPARATOR in text:
            detail = f"{_shown(text)} was found; one value was expected, several make several rows"
            self._doubt(name, "several values where one is expected", detail)
        if names_one and _TERMS.fullmatch(text):
            detail = f"{_shown(text)} was found; the values of a list are separated by {SEPARATOR}"
            self._doubt(name, "several identifiers in one", detail)
        return text

    def _truth(self, name: str, value: Any) -> Any:
        if isinstance(value, bool):
            return value
        known = _TRUTH.get(str(value).lower())
        if known is None:
            detail = f"{_shown(value)} was found; TRUE or FALSE was expected"
            return self._refuse(name, "neither TRUE nor FALSE", detail)
        return known

    def _number(self, name: str, value: Any, *, whole: bool) -> Any:
        number = _number(value)
        if number is None or (whole and not isinstance(number, int)):
            kind = "a whole number such as 26" if whole else "a number such as 26.6"
            if isinstance(value, str) and _DECIMAL_COMMA.fullmatch(value):
                kind += " (with a point, not a comma)"
            detail = f"{_shown(value)} was found; {kind} was expected, or an empty cell"
            return self._refuse(name, "not a whole number" if whole else "not a number", detail)
        return number

    def _refuse(self, name: str, reason: str, detail: str) -> Any:
        self.wrong.append(self._problem(name, reason, detail))
        return _ABSENT

    def _doubt(self, name: str, reason: str, detail: str) -> Any:
        self.doubtful.append(self._problem(name, reason, detail))
        return _ABSENT

    def _problem(self, name: str, reason: str, detail: str) -> Problem:
        return Problem(file=self.file, place=self.place, field=name, reason=reason, detail=detail)


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _has_list(node: Node, steps: tuple[str, ...]) -> bool:
    """Whether the way from a node passes a list, or ends at one."""
    for step in steps:
        node = node.children[step]
        if node.item is not None:
            return True
    return False


def _documents(text: str) -> list[Any] | None:
    """The JSON documents in a cell, one or several joined as a list is; `None` if it is none."""
    # Spreadsheets put no-break spaces between the tokens, which JSON does not know.
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    documents: list[Any] = []
    position = 0
    while position < len(text):
        try:
            end = _JSON.raw_decode(text, position)[1]
            # Which is the stricter: no NaN, and no halves of characters.
            documents.append(msgspec.json.decode(text[position:end]))
        except (ValueError, RecursionError):
            return None
        position = end
        rest = text[position:].lstrip()
        if rest and not rest.startswith(SEPARATOR):
            return None
        position = len(text) - len(rest[1:].lstrip())
    return documents


def _moment_text(value: Any, node: Node) -> str:
    """A date or time of a spreadsheet, as the schemas write it."""
    if isinstance(value, datetime.datetime):
        if "date-time" in node.formats:
            return f"{value.isoformat()}Z"  # spreadsheets know no time zones
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat()
    if isinstance(value, datetime.timedelta):
        return f"P{value.days}D" if not value.seconds else str(value)
    return str(value.isoformat())


def _number(value: Any) -> int | float | None:
    """The number that a cell holds, whole if it is; `None` for text, and beyond 64 bits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if len(value) > _LONGEST_NUMBER or not _NUMBER.fullmatch(value):
            return None
        value = int(value) if _WHOLE.fullmatch(value) else float(value)
    if not math.isfinite(value):
        return None
    if isinstance(value, float) and not (value.is_integer() and abs(value) < _EXACT):
        return value
    return int(value) if -_INT64 <= value < _INT64 else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return number if isinstance(number, int) else None


def _fits(format_name: str, text: str) -> bool:
    return bool(formats().conforms(text, format_name))


def _example(node: Node) -> str:
    if "iso8601duration" in node.children:
        return "an age such as P32Y6M, or "
    if "id" in node.children and node.children["id"].curie:
        return "an identifier such as HP:0001250, or "
    return ""


def _shown(value: Any) -> str:
    text = str(value)
    return f"`{text}`" if len(text) <= _SHOWN else f"`{text[:_SHOWN]}…`"
