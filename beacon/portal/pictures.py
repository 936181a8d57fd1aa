"""The home of pictures of frequencies: a dot and its 95 % interval for each, on one axis of powers
of ten. Sizes are percent of the width, so that a picture fits wherever it stands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from beacon.portal.records import Frequency

LINE = 38
"""The height of a line: of its words, and of its mark below them."""

_TOP, _WORDS, _MARK, _AXIS = 6, 13, 25, 26
_EDGE = 2.0
_LOWEST = -8


@dataclass(frozen=True, slots=True)
class Axis:
    """Powers of ten from `lowest` to `highest`, both ends included."""

    lowest: int
    highest: int

    @classmethod
    def of(cls, frequencies: Iterable[Frequency]) -> Axis:
        """One on which all of them can be shown."""
        ends = []
        for one in frequencies:
            if one.interval is None:
                continue
            low, high = one.interval
            ends += [low or high / 10, high]
        if not ends:
            return cls(-4, 0)
        lowest = max(math.floor(math.log10(min(ends))), _LOWEST)
        highest = min(max(math.ceil(math.log10(max(ends))), lowest + 2), 0)
        return cls(min(lowest, highest - 2), highest)

    def at(self, value: float) -> float:
        """Where a share is, in percent of the width."""
        power = math.log10(value) if value > 0 else self.lowest
        share = (power - self.lowest) / (self.highest - self.lowest)
        return round(_EDGE + min(max(share, 0.0), 1.0) * (100 - 2 * _EDGE), 2)

    @property
    def ticks(self) -> list[tuple[float, float, str]]:
        """Shares to be written below it, where they are, and how the words are set."""
        powers = range(self.lowest, self.highest + 1)
        step = math.ceil(len(powers) / 6)
        return [
            (10.0**power, self.at(10.0**power), self._anchor(power)) for power in powers[::step]
        ]

    def _anchor(self, power: int) -> str:
        if power == self.lowest:
            return "start"
        return "end" if power == self.highest else "middle"


@dataclass(frozen=True, slots=True)
class Line:
    """One frequency, as it is drawn.

    Attributes:
        left, right: The ends of its interval, in percent of the width.
        dot: Where it is; `None` where the allele was not seen.
    """

    label: str
    frequency: Frequency
    words_y: int
    mark_y: int
    left: float
    right: float
    dot: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """Frequencies below each other, on one axis."""

    axis: Axis
    lines: tuple[Line, ...]

    @property
    def height(self) -> int:
        """In pixels."""
        return self.axis_y + _AXIS

    @property
    def axis_y(self) -> int:
        """Where the axis is."""
        return _TOP + LINE * len(self.lines)


def picture(frequencies: Sequence[tuple[str, Frequency]], axis: Axis) -> Picture:
    """Draw those that have an interval, each with its label."""
    lines: list[Line] = []
    for label, one in frequencies:
        if one.interval is None or one.frequency is None:
            continue
        top = _TOP + LINE * len(lines)
        low, high = one.interval
        lines.append(
            Line(
                label=label,
                frequency=one,
                words_y=top + _WORDS,
                mark_y=top + _MARK,
                left=axis.at(low),
                right=axis.at(high),
                dot=axis.at(one.frequency) if one.count else None,
            )
        )
    return Picture(axis, tuple(lines))
