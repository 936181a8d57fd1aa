"""The home of the columns that tables of records have: their names, and where each value goes.

A column is called after the path of its value in the record, the steps joined by `|`:
`diseases|diseaseCode|id`. So the columns of an entry type follow from its JSON Schema; what the
templates in use do otherwise is declared here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from posixpath import dirname, join, normpath
from typing import Any

from beacon import schemas

SEPARATOR = "|"
"""Between the steps of a column's name, and between the values of a list in a cell."""

ALIASES: Mapping[str, Mapping[str, str]] = {
    # The property had this name until version 2.1.1 of the specification, and has it in templates.
    "individual": {"measures": "measurements"},
}
"""Entry type → first step of a column → the property it means."""

NOTHING: Mapping[str, Mapping[str, str]] = {
    # Tables of variants are made from VCF, where a dot stands for a missing value.
    "genomicVariant": {"molecularAttributes": "."},
}
"""Entry type → first step of a column → text that counts as an empty cell there."""

DURATIONS = frozenset({"iso8601duration", "duration", "collectionMoment"})
"""Properties that hold an ISO 8601 duration, which the schemas know only as text."""

ENTRY_TYPES = ("dataset", "cohort", "individual", "biosample", "run", "analysis", "genomicVariant")

_STEPS = re.compile(r"[|._/ ]+")
_INDEX = re.compile(r"\[\d+\]")
_NEAR = 0.6


@dataclass(slots=True)
class Node:
    """What may be at one path of a record: all the forms that the schema allows, taken together.

    Attributes:
        children: the properties of an object.
        item: what a list holds.
        scalars: JSON types of a value without parts: `string`, `integer`, `number`, `boolean`.
        formats: formats of the text, such as `date-time`.
        choices: the texts that are allowed, if they are listed.
        open: whether an object may hold anything.
        curie: whether the text is an identifier with a prefix.
    """

    children: dict[str, Node] = field(default_factory=dict)
    item: Node | None = None
    scalars: set[str] = field(default_factory=set)
    formats: set[str] = field(default_factory=set)
    choices: tuple[str, ...] = ()
    open: bool = False
    curie: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name as the table has it, and the steps to its value."""

    name: str
    steps: tuple[str, ...]


class ColumnPaths(Mapping[str, str]):
    """JSON path of a record → column of the table, for messages: wherever in a list the value is.

    Of a value that is missing it is the column that would have it.
    """

    def __init__(self, entry_type: str, names: Iterable[str]) -> None:
        self._known = {
            column.steps: name for name in names if (column := find(entry_type, name)) is not None
        }
        self._possible = columns(entry_type)

    def __getitem__(self, path: str) -> str:
        steps = tuple(_INDEX.sub("", path).split("."))
        if steps in self._known:
            return self._known[steps]
        below = (name for known, name in self._known.items() if known[: len(steps)] == steps)
        name = next(below, SEPARATOR.join(steps))
        if name not in self._known.values() and name not in self._possible:
            raise KeyError(path)
        return name

    def __iter__(self) -> Iterator[str]:
        return (".".join(steps) for steps in self._known)

    def __len__(self) -> int:
        return len(self._known)


@cache
def root(entry_type: str) -> Node:
    """The tree of everything that a record of an entry type can hold."""
    name = f"entry_types/{entry_type}.json"
    node = Node()
    _take(schemas.schema(name), name, node)
    return node


@cache
def columns(entry_type: str) -> Mapping[str, tuple[str, ...]]:
    """Every column of an entry type: its name, and the steps to its value in the record."""
    found: dict[str, tuple[str, ...]] = {}
    _walk(root(entry_type), (), found)
    for alias, name in ALIASES.get(entry_type, {}).items():
        for steps in [steps for steps in found.values() if steps[0] == name]:
            found[SEPARATOR.join((alias, *steps[1:]))] = steps
    return found


def find(entry_type: str, name: str) -> Column | None:
    """The column that a header names, if there is one.

    Case does not matter, and `.`, `_`, `/` and blanks are as good as `|` between the steps.
    """
    steps = columns(entry_type).get(name) or _by_key(entry_type).get(_key(name))
    return None if steps is None else Column(name, steps)


def nearest(entry_type: str, name: str) -> str | None:
    """The known column whose name is most like an unknown one."""
    keys = {_key(known): known for known in columns(entry_type)}
    near = difflib.get_close_matches(_key(name), keys, n=1, cutoff=_NEAR)
    return keys[near[0]] if near else None


def best_entry_type(names: list[str]) -> str | None:
    """The entry type that a table's columns speak for, if they speak for one alone.

    Columns that many entry types have, such as `id`, do not decide.
    """
    scores = {
        entry_type: sum(
            find(entry_type, name) is not None for name in names if _key(name) not in _COMMON
        )
        for entry_type in ENTRY_TYPES
    }
    best = max(scores.values())
    first = [entry_type for entry_type, score in scores.items() if score == best]
    # Half of them at least: what has one word in common by chance is no such table.
    return first[0] if len(first) == 1 and best * 2 >= len(names) - 1 and best > 0 else None


_COMMON = frozenset({"id", "info", "name", "notes", "description", "individualid", "biosampleid"})


def _key(name: str) -> str:
    return _STEPS.sub(SEPARATOR, name).strip(SEPARATOR).lower()


@cache
def _by_key(entry_type: str) -> Mapping[str, tuple[str, ...]]:
    return {_key(name): steps for name, steps in columns(entry_type).items()}


def _walk(node: Node, steps: tuple[str, ...], found: dict[str, tuple[str, ...]]) -> None:
    while node.item is not None and not node.children:
        node = node.item
    for name, child in node.children.items():
        found[SEPARATOR.join((*steps, name))] = (*steps, name)
        _walk(child, (*steps, name), found)


def _take(schema: Mapping[str, Any], name: str, node: Node) -> None:
    """Add to a node what a schema allows there. `name` is of the schema that references mean."""
    if reference := schema.get("$ref"):
        where, _, pointer = str(reference).partition("#")
        target = normpath(join(dirname(name), where)) if where else name
        resolved: Any = schemas.schema(target)
        for step in filter(None, pointer.split("/")):
            resolved = resolved[step]
        node.curie = node.curie or target == "common/curie.json"
        _take(resolved, target, node)
    for form in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        _take(form, name, node)
    kinds = schema.get("type", ())
    for kind in (kinds,) if isinstance(kinds, str) else kinds:
        if kind == "object":
            node.open = node.open or not ({"properties", "oneOf", "$ref"} & schema.keys())
        elif kind != "array":
            node.scalars.add(kind)
    if "format" in schema:
        node.formats.add(schema["format"])
    if "enum" in schema:
        node.choices = tuple(str(one) for one in schema["enum"])
    for key, value in schema.get("properties", {}).items():
        _take(value, name, node.children.setdefault(key, Node()))
    if isinstance(schema.get("items"), Mapping):
        node.item = node.item or Node()
        _take(schema["items"], name, node.item)
