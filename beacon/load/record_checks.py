"""The home of what records are checked for: what a load cannot do without, and the schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from beacon import schemas
from beacon.framework.answer import Record
from beacon.load.json_files import NotJson
from beacon.load.report import Problem

_NO_COLUMNS: Mapping[str, str] = MappingProxyType({})
_INDEX = re.compile(r"\[\d+\]")


def unusable(entry_type: str, record: Any, *, file: str, place: str) -> Problem | None:
    """Why a record cannot be loaded at all, whatever else is right with it."""
    if isinstance(record, NotJson):
        return Problem(file=file, place=place, reason="not JSON", detail=record.message)
    if not isinstance(record, dict):
        detail = f"it is {type(record).__name__}; an object was expected"
        return Problem(file=file, place=place, reason="not an object", detail=detail)
    if entry_type == "genomicVariant":  # has an id even if none is given
        if isinstance(record.get("variation"), dict):
            return None
        return Problem(
            file=file,
            place=place,
            field="variation",
            reason="no variation",
            detail="`variation` must be an object that says what changed and where",
        )
    identifier = record.get("id")
    if isinstance(identifier, str) and identifier:
        return None
    detail = "`id` is missing" if identifier is None else f"`id` is {identifier!r}"
    return Problem(
        file=file,
        place=place,
        field="id",
        reason="no id",
        detail=f"{detail}; text that is not empty was expected",
    )


def departures(
    entry_type: str,
    record: Record,
    *,
    file: str,
    place: str,
    columns: Mapping[str, str] = _NO_COLUMNS,
) -> Iterator[Problem]:
    """Where a record is not as the schema of its entry type wants it.

    Departures of one kind have one reason, wherever in a list they are.

    Args:
        columns: JSON path → the column that it came from; a problem names the column if it can.
    """
    name = f"entry_types/{entry_type}.json"
    if schemas.conforms(name, record):
        return
    for error in schemas.validator(name).iter_errors(record):
        where = _where(error)
        yield Problem(
            file=file,
            place=place,
            field=_column(where, columns),
            reason=f"{entry_type}: `{_INDEX.sub('[]', where)}` is not as the schema wants it",
            detail=schemas.describe(error),
        )


def _column(where: str, columns: Mapping[str, str]) -> str:
    """The column of a path: its own, else that of the nearest part above or below it."""
    if where in columns or not columns:
        return columns.get(where, where)
    above = where
    while cut := max(above.rfind("."), above.rfind("[")) + 1:
        above = above[: cut - 1]
        if above in columns:
            return columns[above]
    below = (
        column for path, column in columns.items() if path.startswith((f"{where}.", f"{where}["))
    )
    return next(below, where)


def _where(error: Any) -> str:
    """The JSON path that a `jsonschema` failure is about: of a missing property, its own."""
    if error.validator == "required":
        wanted: Any = error.validator_value
        missing = next(key for key in wanted if key not in error.instance)
        return schemas.json_path((*error.absolute_path, missing))
    return schemas.json_path(error.absolute_path)
