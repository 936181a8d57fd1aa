"""The home of the JSON Schemas: finds them, resolves their references offline, explains failures.

A schema's name is its path below `schemas/`, such as `entry_types/individual.json`; that is also
the path it is served under.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jsonschema_rs
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

# Imported where it is needed, to explain a failure: with packages for further formats beside it,
# importing it takes longer than everything else that a server imports.
if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import ValidationError

BASE_URI = "https://beacon.invalid/schemas/"
"""What names are resolved against. Never fetched: `.invalid` cannot be reached by anybody."""

_DISTANCES = {"const": 10, "type": 10, "required": 2}
"""How far a failure puts a document from a form; other failures count 1. Whatever carries another
`type` was meant as another form, and so was more likely what lacks a key than what has one wrong.
"""

_SHOWN = 60
"""Characters of an offending value that a message repeats."""


def names() -> tuple[str, ...]:
    """Every schema, by name, in alphabetical order."""
    return tuple(sorted(_schemas()))


def schema(name: str) -> dict[str, Any]:
    """The schema as a document, its references still relative to its name.

    Raises:
        KeyError: There is no such schema.
    """
    return _schemas()[name]


@cache
def validator(name: str) -> Draft202012Validator:
    """A validator of one schema, with formats asserted.

    Raises:
        KeyError: There is no such schema.
    """
    from jsonschema import Draft202012Validator

    schema(name)
    return Draft202012Validator(
        {"$ref": BASE_URI + name}, registry=registry(), format_checker=formats()
    )


def conforms(name: str, document: Any) -> bool:
    """Whether a document is as a schema wants it: the verdict alone, a thousand times sooner.

    Raises:
        KeyError: There is no such schema.
    """
    return _fast_validator(name).is_valid(document)


@cache
def _fast_validator(name: str) -> jsonschema_rs.Draft202012Validator:
    schema(name)
    known = jsonschema_rs.Registry(
        [(BASE_URI + one, document) for one, document in _schemas().items()],
        draft=jsonschema_rs.Draft202012,
    )
    return jsonschema_rs.Draft202012Validator(
        {"$ref": BASE_URI + name}, registry=known, validate_formats=True
    )


@cache
def registry() -> Registry[Any]:
    """All schemas under `BASE_URI`; anything else cannot be resolved, and is not looked for."""
    resources = [
        (BASE_URI + name, Resource.from_contents(document, default_specification=DRAFT202012))
        for name, document in _schemas().items()
    ]
    return Registry[Any]().with_resources(resources).crawl()


def describe(error: ValidationError) -> str:
    """One sentence that says where a document is wrong, and what would be right there.

    Example:
        >>> error = next(validator("entry_types/run.json").iter_errors({"id": "r1"}))
        >>> describe(error)
        '`biosampleId` is required and missing.'
    """
    where = json_path(error.absolute_path)
    given = _shown(error.instance)
    wanted: Any = error.validator_value
    match error.validator:
        case "required":
            # One failure for each missing key; which one, only its message says.
            missing = next(key for key in wanted if error.message.startswith(repr(key)))
            return f"`{json_path((*error.absolute_path, missing))}` is required and missing."
        case "type":
            allowed = [wanted] if isinstance(wanted, str) else wanted
            kinds = " or ".join(_KINDS[kind] for kind in allowed)
            return f"`{where}` must be {kinds}, not {_kind(error.instance)} ({given})."
        case "enum":
            return f"`{where}` must be one of {', '.join(map(str, wanted))}, not {given}."
        case "const":
            return f"`{where}` must be {_shown(wanted)}, not {given}."
        case "pattern":
            title = error.schema.get("title") if isinstance(error.schema, Mapping) else None
            return f"`{where}` must be {title or f'text that matches {wanted}'}, not {given}."
        case "format":
            return f"`{where}` must be {_FORMATS_IN_WORDS.get(wanted, wanted)}, not {given}."
        case "additionalProperties" if wanted is False:
            known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
            extra = next(key for key in error.instance if key not in known)
            path = json_path((*error.absolute_path, extra))
            return f"`{path}` is not known there; known are {', '.join(known)}."
        case "oneOf" | "anyOf":
            forms = ", ".join(_form(alternative) for alternative in wanted)
            if not error.context:
                return f"`{where}` fits more than one of the forms {forms}; it must fit only one."
            return f"`{where}` fits none of the forms {forms}. Nearest: {describe(_nearest(error))}"
        case _:
            return f"`{where}`: {error.message}."


def json_path(path: Iterable[str | int]) -> str:
    """A path as messages print it: `query.filters[0].id`; the whole is `document`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "document"


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    folder = _folder()
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.json"))
    }


def _folder() -> Path:
    package = Path(__file__).parent
    installed = package / "_schemas"  # put there when the wheel is built
    return installed if installed.is_dir() else package.parent / "schemas"


def _nearest(error: ValidationError) -> ValidationError:
    """The failure that is left when the document is read as the form it comes nearest to."""
    failures = min(_failures_by_form(error), key=_distance)
    leaf = max(failures, key=lambda failure: len(failure.absolute_path))
    return _nearest(leaf) if leaf.context else leaf


def _failures_by_form(error: ValidationError) -> list[list[ValidationError]]:
    forms: dict[str | int, list[ValidationError]] = {}
    for failure in error.context or ():
        forms.setdefault(failure.relative_schema_path[0], []).append(failure)
    return list(forms.values())


def _distance(failures: Sequence[ValidationError]) -> int:
    return sum(
        min(map(_distance, _failures_by_form(failure)))
        if failure.context
        else _DISTANCES.get(str(failure.validator), 1)
        for failure in failures
    )


def _form(alternative: Mapping[str, Any]) -> str:
    reference = str(alternative.get("$ref", alternative.get("title", "")))
    return reference.rpartition("/")[2].removesuffix(".json")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_KINDS = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"


_FORMATS_IN_WORDS = {
    "date": "a date such as 2021-10-18",
    "date-time": "a date and time such as 2021-10-18T09:30:00Z",
    "uri": "an absolute URL",
    "uri-template": "a URL, with placeholders such as {id}",
}

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}):(\d{2})(\.\d+)?(Z|[+-]\d{2}:\d{2})",
    re.ASCII | re.IGNORECASE,
)
_URI = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_PLACEHOLDER = re.compile(r"\{[+#./;?&]?[\w%.]+(?::\d+|\*)?(?:,[\w%.]+(?::\d+|\*)?)*\}")


def _is_date(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return bool(_DATE.fullmatch(value) and datetime.date.fromisoformat(value))


def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    parts = _DATE_TIME.fullmatch(value)
    if parts is None:
        return False
    date, minutes, seconds, _, zone = parts.groups()
    if seconds == "60":  # a leap second, which RFC 3339 allows at the end of a UTC day only
        seconds = "59"
        moment = datetime.datetime.fromisoformat(f"{date}T{minutes}:{seconds}{zone.upper()}")
        return moment.astimezone(datetime.UTC).strftime("%H:%M") == "23:59"
    return bool(datetime.datetime.fromisoformat(f"{date}T{minutes}:{seconds}{zone.upper()}"))


def _is_uri(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return bool(urlsplit(value).scheme and _URI.fullmatch(value))


def _is_uri_template(value: object) -> bool:
    if not isinstance(value, str):
        return True
    literal = _PLACEHOLDER.sub("", value)
    return not set(literal) & set(" \"'<>\\^`{|}") and literal.isprintable()


_CHECKS = {
    "date": _is_date,
    "date-time": _is_date_time,
    "uri": _is_uri,
    "uri-template": _is_uri_template,
}


@cache
def formats() -> FormatChecker:
    """The formats that the schemas use.

    Those of RFC 3339 and RFC 3986 are checked here, because `jsonschema` checks most of them only
    when further packages happen to be installed: a record must not be right on one machine and
    wrong on another.
    """
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=())
    for name, check in _CHECKS.items():
        checker.checks(name, raises=ValueError)(check)
    return checker
