"""The home of the comparison that an alphanumeric filter asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beacon.framework.errors import InvalidRequest
from beacon.framework.query import Filter, Operator
from beacon.model.units import UNIT_BY_NAME, number_and_unit
from beacon.model.values import Kind, Value, date_span, duration_days

_TOLERANCE = 1e-9  # converted units: 1.75 m is 175 cm, whatever the last bit says


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
            return date_span(self.asked)
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
        stored = UNIT_BY_NAME.get(unit or "")
        given = number_and_unit(self.asked)
        if given is None:
            days = duration_days(self.asked)
            is_time = stored is not None and stored.dimension == "time"
            return days / stored.factor if days is not None and stored and is_time else None
        number, asked_name = given
        if asked_name is None:
            return number
        asked = UNIT_BY_NAME.get(asked_name.casefold())
        if asked is not None and stored is not None and asked.dimension == stored.dimension:
            return number * asked.factor / stored.factor
        return number if asked_name.casefold() in (unit or "").split("|") else None

    def _asked_days(self) -> float | None:
        """The asked duration: ISO 8601, a number with a unit of time, or a number of years."""
        given = number_and_unit(self.asked)
        if given is None:
            return duration_days(self.asked)
        number, name = given
        unit = UNIT_BY_NAME.get(name.casefold()) if name else UNIT_BY_NAME["a"]
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
    return any(
        reading(value) is not None for reading in (number_and_unit, duration_days, date_span)
    )
