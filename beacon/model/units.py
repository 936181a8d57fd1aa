"""The home of units: what they are called, what they measure, and numbers that come with one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

YEAR_DAYS = 365.25
MONTH_DAYS = 30.4375


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that numbers are converted from and to."""

    symbol: str
    dimension: str
    factor: float  # metres, kilograms or days
    names: tuple[str, ...]


_UNITS = (
    Unit("m", "length", 1, ("meter", "metre", "uo:0000008", "ncit:c41139")),
    Unit("cm", "length", 1e-2, ("centimeter", "centimetre", "uo:0000015", "ncit:c49668")),
    Unit("mm", "length", 1e-3, ("millimeter", "millimetre", "uo:0000016", "ncit:c28251")),
    Unit("um", "length", 1e-6, ("micrometer", "micrometre", "uo:0000017", "ncit:c48510")),
    Unit("km", "length", 1e3, ("kilometer", "kilometre", "uo:0010066")),
    Unit("in", "length", 0.0254, ("inch", "inches", "ncit:c48500")),
    Unit("ft", "length", 0.3048, ("foot", "feet", "ncit:c71253")),
    Unit("kg", "mass", 1, ("kilogram", "uo:0000009", "ncit:c28252")),
    Unit("g", "mass", 1e-3, ("gram", "uo:0000021", "ncit:c48155")),
    Unit("mg", "mass", 1e-6, ("milligram", "uo:0000022", "ncit:c28253")),
    Unit("ug", "mass", 1e-9, ("microgram", "uo:0000023", "ncit:c48152")),
    Unit("ng", "mass", 1e-12, ("nanogram", "uo:0000024", "ncit:c48516")),
    Unit("lb", "mass", 0.45359237, ("pound", "lbs", "ncit:c48531")),
    Unit("s", "time", 1 / 86400, ("second", "sec", "uo:0000010", "ncit:c42535")),
    Unit("min", "time", 1 / 1440, ("minute", "uo:0000031", "ncit:c48154")),
    Unit("h", "time", 1 / 24, ("hour", "hr", "uo:0000032", "ncit:c25529")),
    Unit("d", "time", 1, ("day", "uo:0000033", "ncit:c25301")),
    Unit("wk", "time", 7, ("week", "uo:0000034", "ncit:c29844")),
    Unit("mo", "time", MONTH_DAYS, ("month", "uo:0000035", "ncit:c29846")),
    Unit("a", "time", YEAR_DAYS, ("year", "y", "yr", "uo:0000036", "ncit:c29848")),
)
UNIT_BY_NAME = {
    name: unit
    for unit in _UNITS
    for name in (unit.symbol, f"ucum:{unit.symbol}", *unit.names, *(f"{n}s" for n in unit.names))
}
"""Every name of a unit, case-folded → the unit."""

# Possessive: a long row of digits that is no number is refused in one pass.
NUMBER = r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?"
"""A number as text."""

_QUANTITY = re.compile(rf"({NUMBER})(?:\s*([A-Za-zµμ°\[(/].*)|\s+(\S.*))?", re.DOTALL)
_MAGNITUDE_MAX = 100


def unit_key(unit_id: str | None, label: str | None) -> str | None:
    """The unit of a stored number: the symbol of a known unit, else its names joined by `|`.

    Example:
        >>> unit_key("NCIT:C49668", "Centimeter"), unit_key("NCIT:C67015", "mg/dL")
        ('cm', 'ncit:c67015|mg/dl')
    """
    names = [name.strip().casefold() for name in (unit_id, label) if name and name.strip()]
    for name in names:
        if name in UNIT_BY_NAME:
            return UNIT_BY_NAME[name].symbol
    return "|".join(names) or None


class Quantity(NamedTuple):
    """A number as asked for.

    `base` is it in metres, kilograms or days where `dimension` is `length`, `mass` or `time`, and
    as it is where the unit is not known, or none is given.
    """

    number: Decimal
    base: Decimal
    dimension: str | None


def read_quantity(text: str) -> Quantity | None:
    """The number that a filter compares with, `None` when its value is none."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number = Decimal(match[1])
    unit = UNIT_BY_NAME.get((match[2] or match[3] or "").strip().casefold())
    if unit is None or not -_MAGNITUDE_MAX < number.adjusted() < _MAGNITUDE_MAX:
        return Quantity(number, number, None)
    return Quantity(number, number * Decimal(repr(unit.factor)), unit.dimension)


def number_and_unit(text: str) -> tuple[float, str | None] | None:
    """A number and the name of its unit as they are written, `None` if it is no number."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    unit = match[2] or match[3]
    return float(match[1]), unit.strip() if unit else None
