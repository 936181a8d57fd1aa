"""The home of joining what several files say of one variant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

_UNTOUCHED = frozenset({"variation", "variantInternalId"})
_CASES = "caseLevelData"
_REPLACED_BY_SOURCE = frozenset({"clinicalInterpretations"})


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The record with a fragment added; neither is changed.

    Lists are united, what was there first; a single value stays unless it was missing. Clinical
    interpretations by a tool (`annotatedWith.toolName`) take the place of all that the same tool
    gave before: a newer release of ClinVar does not leave its older opinion standing. Adding the
    same fragment again changes nothing. What is said of a carrier joins what was said of the same
    biosample. What a variant is and what it is called here (`variation`, `variantInternalId`) is
    never touched.
    """
    fragment = {key: value for key, value in new.items() if key not in _UNTOUCHED}
    return _joined(old, fragment)


def _joined(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(old)
    for key, value in new.items():
        known = result.get(key)
        missing = known in (None, "", [], {})
        if key == _CASES:
            result[key] = _joined_cases(() if missing else _listed(known), _listed(value))
        elif key in _REPLACED_BY_SOURCE:
            result[key] = _with_replaced(() if missing else _listed(known), _listed(value))
        elif isinstance(value, list | tuple):
            result[key] = _united(() if missing else _listed(known), value)
        elif isinstance(value, Mapping) and (missing or isinstance(known, Mapping)):
            result[key] = _joined({} if missing else known, value)  # type: ignore[arg-type]
        elif missing:
            result[key] = value
    return result


def _listed(value: Any) -> Sequence[Any]:
    """A value where a list belongs: records are kept as they were given, lists or not."""
    return value if isinstance(value, list | tuple) else [value]


def _united(old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    return _distinct((*old, *new), _identity)


def _joined_cases(old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    """What is said of carriers, one entry for each biosample that is named."""
    found: dict[Any, Any] = {}
    for case in (*old, *new):
        named = isinstance(case, Mapping) and isinstance(case.get("biosampleId"), str)
        key = case["biosampleId"] if named else _content(case)
        known = found.get(key)
        found[key] = _joined(known, case) if named and known is not None else case
    return list(found.values())


def _with_replaced(old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    tools = {_tool(one) for one in new}
    kept = [one for one in old if (tool := _tool(one)) is None or tool not in tools]
    return _distinct((*kept, *new), _content)


def _distinct(values: Sequence[Any], key: Callable[[Any], Any]) -> list[Any]:
    found: dict[Any, Any] = {}
    for value in values:
        found.setdefault(key(value), value)
    return list(found.values())


def _identity(value: Any) -> Any:
    """What makes two list elements the same: terms and references go by their id alone."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("id"), str):
        return ("id", value["id"])
    return _content(value)


def _content(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def _tool(interpretation: Any) -> str | None:
    source = interpretation.get("annotatedWith") if isinstance(interpretation, Mapping) else None
    name = source.get("toolName") if isinstance(source, Mapping) else None
    return name if isinstance(name, str) else None
