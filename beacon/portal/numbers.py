"""The home of how numbers are written for people: the same digits as in the data, never fewer
than tell them apart, and as the reader's language separates them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

_NARROW: Final = "\N{NARROW NO-BREAK SPACE}"
_TIMES: Final = "\N{MULTIPLICATION SIGN}"
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_PLAIN_FROM = Decimal("0.001")
"""Smaller shares are written with a power of ten: their zeros are hard to count."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """How one language separates digits."""

    decimal: str
    thousands: str

    def count(self, number: int) -> str:
        """A whole number, in groups of three from 10,000 on (four digits are read at a glance)."""
        digits = f"{number:,}" if abs(number) >= 10_000 else str(number)
        return digits.replace(",", self.thousands)

    def position(self, number: int) -> str:
        """A place on a chromosome, always in groups."""
        return f"{number:,}".replace(",", self.thousands)

    def share(self, value: float, digits: int = 3) -> str:
        """A share such as the frequency of an allele, with so many significant digits.

        What is not 0 is never written as 0, what is less than 1 never as 1, and no power of ten is
        ever left out. Halves are rounded up, of the number as it is written in data.
        """
        if not math.isfinite(value):
            return "?"
        if value in (0, 1):
            return f"{value:.0f}"
        exact = Decimal(repr(value))
        rounded = _rounded(exact, digits)
        if exact < 1 <= rounded:
            rounded = _towards_one(exact)
        power = rounded.adjusted()
        if Decimal(10) ** power >= _PLAIN_FROM:
            return f"{rounded:f}".replace(".", self.decimal)
        mantissa = f"{rounded.scaleb(-power):f}".replace(".", self.decimal)
        return f"{mantissa}{_NARROW}{_TIMES}{_NARROW}10{str(power).translate(_RAISED)}"

    def milliseconds(self, value: float) -> str:
        """A duration, in seconds from one second on."""
        if value < 1:
            return f"<{_NARROW}1{_NARROW}ms"
        if round(value) < 1000:
            return f"{round(value)}{_NARROW}ms"
        return f"{value / 1000:.1f}".replace(".", self.decimal) + f"{_NARROW}s"


def _rounded(value: Decimal, digits: int) -> Decimal:
    """To so many significant digits, also where that makes a power of ten of it."""
    place = value.adjusted() - digits + 1
    rounded = value.quantize(Decimal(1).scaleb(place), ROUND_HALF_UP)
    if rounded.adjusted() > value.adjusted():
        return rounded.quantize(Decimal(1).scaleb(place + 1), ROUND_HALF_UP)
    return rounded


def _towards_one(value: Decimal) -> Decimal:
    """Less than 1, with one digit that says how much less."""
    missing = 1 - value
    return 1 - missing.quantize(Decimal(1).scaleb(missing.adjusted()), ROUND_HALF_UP)


NUMBERS = {
    "en": Numbers(".", ","),
    "fi": Numbers(",", _NARROW),
    "es": Numbers(",", _NARROW),
    "de": Numbers(",", _NARROW),
    "fr": Numbers(",", _NARROW),
}
"""By code of language. A space between thousands is what SI wants; English pages of genomics
write a comma."""
