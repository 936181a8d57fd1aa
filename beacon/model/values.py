"""The home of values that can be compared: numbers, durations, dates and texts of records."""

from __future__ import annotations

import calendar
import datetime
import enum
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from beacon.model.units import MONTH_DAYS, NUMBER, YEAR_DAYS, unit_key

_DURATION = re.compile(
    r"P(?=\d|T)(?:([\d.]+)Y)?(?:([\d.]+)M)?(?:([\d.]+)W)?(?:([\d.]+)D)?"
    r"(?:T(?=\d)(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?"
)
_DURATION_DAYS = (YEAR_DAYS, MONTH_DAYS, 7, 1, 1 / 24, 1 / 1440, 1 / 86400)
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ].*)?)?)?", re.DOTALL)


class Kind(enum.StrEnum):
    """What a value is: decides how it compares."""

    NUMBER = "NUMBER"
    DURATION = "DURATION"
    DATE = "DATE"
    TEXT = "TEXT"


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one attribute of one record.

    `low` and `high` are the ends of what it spans, equal for all but age ranges and time intervals:
    a number in its own unit, a duration in days, a date in days since 0001-01-01. For text both are
    0 and `text` is the value. `unit` is what `unit_key` gives; only numbers have one.
    """

    kind: Kind
    low: float = 0.0
    high: float = 0.0
    text: str = ""
    unit: str | None = None


def text_value(value: str) -> Value:
    """A value that compares as text."""
    return Value(kind=Kind.TEXT, text=value)


def number_value(value: Any, unit: Mapping[str, Any] | None = None) -> Value | None:
    """A number with the unit it was given in (`{"id":…, "label":…}`), `None` if it is no number."""
    if isinstance(value, str) and re.fullmatch(NUMBER, value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    named = unit if isinstance(unit, Mapping) else {}
    key = unit_key(_text(named.get("id")), _text(named.get("label")))
    return Value(kind=Kind.NUMBER, low=float(value), high=float(value), unit=key)


def time_value(element: Any) -> Value | None:
    """Read a Beacon time element: age, age range, timestamp, date or interval.

    A bare number is years. The Phenopackets wrappers (`{"age": {…}}`) are opened. Gestational ages
    run on another clock and give `None`, as ontology terms do; text that is neither a duration nor
    a date stays text.
    """
    if isinstance(element, bool) or element is None:
        return None
    if isinstance(element, int | float):
        return Value(kind=Kind.DURATION, low=element * YEAR_DAYS, high=element * YEAR_DAYS)
    if isinstance(element, str):
        return _time_from_text(element.strip())
    if not isinstance(element, Mapping):
        return None
    if "iso8601duration" in element:
        return time_value(element["iso8601duration"])
    if "start" in element and "end" in element:
        return _span(time_value(element["start"]), time_value(element["end"]))
    for wrapper in ("age", "ageRange", "ageGroup", "timestamp", "interval"):
        if wrapper in element:
            return time_value(element[wrapper])
    return None


def duration_days(text: str) -> float | None:
    """The length of an ISO 8601 duration in days, `None` if it is none.

    Example:
        >>> duration_days("P1Y6M") == duration_days("P18M")
        True
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    try:
        return sum(
            float(number) * days
            for number, days in zip(match.groups(), _DURATION_DAYS, strict=True)
            if number is not None
        )
    except ValueError:  # such as "P1.2.3Y"
        return None


def date_span(text: str) -> tuple[float, float] | None:
    """First and last day of a year, month or day."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        first = datetime.date(year or 0, month or 1, day or 1)
        last_day = day or calendar.monthrange(first.year, month or 12)[1]
        last = datetime.date(first.year, month or 12, last_day)
    except ValueError:
        return None
    return float(first.toordinal()), float(last.toordinal())


def _time_from_text(text: str) -> Value:
    days = duration_days(text)
    if days is not None:
        return Value(kind=Kind.DURATION, low=days, high=days)
    dates = date_span(text)
    if dates is not None:
        return Value(kind=Kind.DATE, low=dates[0], high=dates[1])
    return text_value(text)


def _span(start: Value | None, end: Value | None) -> Value | None:
    if start is None or end is None or start.kind is not end.kind or start.kind is Kind.TEXT:
        return None
    return Value(kind=start.kind, low=start.low, high=end.high)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
