"""Values that can be compared, and the comparison that an alphanumeric filter asks for."""

from __future__ import annotations

import calendar
import datetime
import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from beacon.framework.errors import InvalidRequest
from beacon.framework.query import Filter, Operator

YEAR_DAYS = 365.25
MONTH_DAYS = 30.4375


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


@dataclass(frozen=True, slots=True)
class _Unit:
    symbol: str
    dimension: str
    factor: float  # metres, kilograms or days
    names: tuple[str, ...]


_UNITS = (
    _Unit("m", "length", 1, ("meter", "metre", "uo:0000008", "ncit:c41139")),
    _Unit("cm", "length", 1e-2, ("centimeter", "centimetre", "uo:0000015", "ncit:c49668")),
    _Unit("mm", "length", 1e-3, ("millimeter", "millimetre", "uo:0000016", "ncit:c28251")),
    _Unit("um", "length", 1e-6, ("micrometer", "micrometre", "uo:0000017", "ncit:c48510")),
    _Unit("km", "length", 1e3, ("kilometer", "kilometre", "uo:0010066")),
    _Unit("in", "length", 0.0254, ("inch", "inches", "ncit:c48500")),
    _Unit("ft", "length", 0.3048, ("foot", "feet", "ncit:c71253")),
    _Unit("kg", "mass", 1, ("kilogram", "uo:0000009", "ncit:c28252")),
    _Unit("g", "mass", 1e-3, ("gram", "uo:0000021", "ncit:c48155")),
    _Unit("mg", "mass", 1e-6, ("milligram", "uo:0000022", "ncit:c28253")),
    _Unit("ug", "mass", 1e-9, ("microgram", "uo:0000023", "ncit:c48152")),
    _Unit("ng", "mass", 1e-12, ("nanogram", "uo:0000024", "ncit:c48516")),
    _Unit("lb", "mass", 0.45359237, ("pound", "lbs", "ncit:c48531")),
    _Unit("s", "time", 1 / 86400, ("second", "sec", "uo:0000010", "ncit:c42535")),
    _Unit("min", "time", 1 / 1440, ("minute", "uo:0000031", "ncit:c48154")),
    _Unit("h", "time", 1 / 24, ("hour", "hr", "uo:0000032", "ncit:c25529")),
    _Unit("d", "time", 1, ("day", "uo:0000033", "ncit:c25301")),
    _Unit("wk", "time", 7, ("week", "uo:0000034", "ncit:c29844")),
    _Unit("mo", "time", MONTH_DAYS, ("month", "uo:0000035", "ncit:c29846")),
    _Unit("a", "time", YEAR_DAYS, ("year", "y", "yr", "uo:0000036", "ncit:c29848")),
)
_UNIT_BY_NAME = {
    name: unit
    for unit in _UNITS
    for name in (unit.symbol, f"ucum:{unit.symbol}", *unit.names, *(f"{n}s" for n in unit.names))
}

# Possessive: a long row of digits that is no number is refused in one pass.
_NUMBER = r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?"
_QUANTITY = re.compile(rf"({_NUMBER})(?:\s*([A-Za-zµμ°\[(/].*)|\s+(\S.*))?", re.DOTALL)
_DURATION = re.compile(
    r"P(?=\d|T)(?:([\d.]+)Y)?(?:([\d.]+)M)?(?:([\d.]+)W)?(?:([\d.]+)D)?"
    r"(?:T(?=\d)(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?"
)
_DURATION_DAYS = (YEAR_DAYS, MONTH_DAYS, 7, 1, 1 / 24, 1 / 1440, 1 / 86400)
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ].*)?)?)?", re.DOTALL)

_TOLERANCE = 1e-9  # converted units: 1.75 m is 175 cm, whatever the last bit says


def unit_key(unit_id: str | None, label: str | None) -> str | None:
    """The unit of a stored number: the symbol of a known unit, else its names joined by `|`.

    Example:
        >>> unit_key("NCIT:C49668", "Centimeter"), unit_key("NCIT:C67015", "mg/dL")
        ('cm', 'ncit:c67015|mg/dl')
    """
    names = [name.strip().casefold() for name in (unit_id, label) if name and name.strip()]
    for name in names:
        if name in _UNIT_BY_NAME:
            return _UNIT_BY_NAME[name].symbol
    return "|".join(names) or None


def text_value(value: str) -> Value:
    """A value that compares as text."""
    return Value(kind=Kind.TEXT, text=value)


def number_value(value: Any, unit: Mapping[str, Any] | None = None) -> Value | None:
    """A number with the unit it was given in (`{"id":…, "label":…}`), `None` if it is no number."""
    if isinstance(value, str) and re.fullmatch(_NUMBER, value.strip()):
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


def _date_span(text: str) -> tuple[float, float] | None:
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
    dates = _date_span(text)
    if dates is not None:
        return Value(kind=Kind.DATE, low=dates[0], high=dates[1])
    return text_value(text)


def _span(start: Value | None, end: Value | None) -> Value | None:
    if start is None or end is None or start.kind is not end.kind or start.kind is Kind.TEXT:
        return None
    return Value(kind=start.kind, low=start.low, high=end.high)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Wildcards:
    """A text with `%` in it, case-folded and split there.

    Not a regular expression, which would take for ever on some texts and stop everything else.
    """

    parts: tuple[str, ...]

    def fit(self, text: str) -> bool:
        """Whether the text begins and ends as asked, with the other parts between, in order."""
        first, *middle, last = self.parts
        text = text.casefold()
        position, end = len(first), len(text) - len(last)
        if position > end or not text.startswith(first) or not text.endswith(last):
            return False
        for part in middle:
            found = text.find(part, position, end)
            if found < 0:
                return False
            position = found + len(part)
        return True


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an alphanumeric filter asks of the values of one attribute.

    A record satisfies it when one of its values is selected; negated (`!`), when it has a value and
    none is selected. So a store may select over columns, value by value, and negate at the end.

    Stored spans `[low, high]` and asked spans (a month is many days) compare by their nearer or
    farther ends: `<` and `<=` look at the stored end, `>` and `>=` at the stored start, `=` is any
    overlap.
    """

    operator: Operator
    asked: str
    pattern: Wildcards | None = None

    @property
    def negated(self) -> bool:
        """Whether the record must have values of which none is selected."""
        return self.operator is Operator.NOT

    @property
    def is_ordered(self) -> bool:
        """Whether it asks for less or more, which no text can be."""
        return self.operator not in (Operator.EQUAL, Operator.NOT)

    def matches(self, values: Iterable[Value]) -> bool:
        """Whether a record with these values of the attribute satisfies the filter."""
        found = tuple(values)
        return bool(found) and any(map(self._selects, found)) != self.negated

    def bound(self, kind: Kind, unit: str | None = None) -> tuple[float, float] | None:
        """The asked span in the terms of stored values, `None` when the two cannot be compared.

        A bare number is in the stored number's own unit, in years beside a duration, and a year
        beside a date.
        """
        if self.pattern is not None or kind is Kind.TEXT:
            return None
        if kind is Kind.DATE:
            return _date_span(self.asked)
        asked = self._asked_days() if kind is Kind.DURATION else self._asked_number(unit)
        if asked is None:
            return None
        slack = abs(asked) * _TOLERANCE
        return asked - slack, asked + slack

    def select(
        self,
        kind: Kind,
        unit: str | None,
        low: NDArray[np.float64],
        high: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """Which of the stored values of one kind and unit are selected, before any negation."""
        asked = self.bound(kind, unit)
        if asked is None:
            return np.zeros(len(low), dtype=np.bool_)
        selected: NDArray[np.bool_] = self._compare(low, high, asked)
        return selected

    def selects_text(self, text: str) -> bool:
        """Whether a stored text is selected, before any negation."""
        if self.is_ordered:
            return False
        if self.pattern is not None:
            return self.pattern.fit(text)
        return text == self.asked

    def _selects(self, value: Value) -> bool:
        if value.kind is Kind.TEXT:
            return self.selects_text(value.text)
        asked = self.bound(value.kind, value.unit)
        return asked is not None and bool(self._compare(value.low, value.high, asked))

    def _compare(self, low: Any, high: Any, asked: tuple[float, float]) -> Any:
        """The comparison itself, of two numbers or of two columns of them."""
        match self.operator:
            case Operator.LESS:
                return high < asked[0]
            case Operator.LESS_OR_EQUAL:
                return high <= asked[1]
            case Operator.GREATER:
                return low > asked[1]
            case Operator.GREATER_OR_EQUAL:
                return low >= asked[0]
            case _:
                return (low <= asked[1]) & (high >= asked[0])

    def _asked_number(self, unit: str | None) -> float | None:
        """The asked number, converted to a stored unit."""
        stored = _UNIT_BY_NAME.get(unit or "")
        quantity = _quantity(self.asked)
        if quantity is None:
            days = duration_days(self.asked)
            is_time = stored is not None and stored.dimension == "time"
            return days / stored.factor if days is not None and stored and is_time else None
        number, asked_name = quantity
        if asked_name is None:
            return number
        asked = _UNIT_BY_NAME.get(asked_name.casefold())
        if asked is not None and stored is not None and asked.dimension == stored.dimension:
            return number * asked.factor / stored.factor
        return number if asked_name.casefold() in (unit or "").split("|") else None

    def _asked_days(self) -> float | None:
        """The asked duration: ISO 8601, a number with a unit of time, or a number of years."""
        quantity = _quantity(self.asked)
        if quantity is None:
            return duration_days(self.asked)
        number, name = quantity
        unit = _UNIT_BY_NAME.get(name.casefold()) if name else _UNIT_BY_NAME["a"]
        return number * unit.factor if unit and unit.dimension == "time" else None


def compile_comparison(asked: Filter) -> Comparison:
    """Read an alphanumeric filter.

    `%` stands for any characters, without regard to case and among text only; every other character
    means itself.

    Raises:
        InvalidRequest: There is nothing to compare with, or the value has no order where `<`, `>`,
            `<=` or `>=` needs one.
    """
    if asked.operator is None or asked.value is None:
        raise InvalidRequest(f'filter "{asked.id}" needs both an operator and a value')
    value = asked.value.strip()
    if "%" not in value:
        comparison = Comparison(asked.operator, value)
        if comparison.is_ordered and not _has_order(value):
            raise InvalidRequest(
                f'filter "{asked.id}": "{asked.operator}" compares numbers, ISO 8601 durations '
                f'(P65Y) and dates; "{value}" is none of them'
            )
        return comparison
    pattern = Wildcards(tuple(value.casefold().split("%")))
    comparison = Comparison(asked.operator, value, pattern)
    if comparison.is_ordered:
        raise InvalidRequest(f'filter "{asked.id}": "%" goes with "=" and "!" only')
    return comparison


def _has_order(value: str) -> bool:
    return any(reading(value) is not None for reading in (_quantity, duration_days, _date_span))


def _quantity(text: str) -> tuple[float, str | None] | None:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    unit = match[2] or match[3]
    return float(match[1]), unit.strip() if unit else None
