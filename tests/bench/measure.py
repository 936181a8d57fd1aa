"""Timing: rivals take turns, so that what else the machine does meets them alike."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import click

Operation = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value and, where there is one, what it is compared with."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    of: str = ""
    note: str = ""

    def line(self) -> str:
        """As printed."""
        value = f"{self.value:,.0f}" if self.value >= 100 else f"{self.value:.3g}"
        compared = f"{self.ratio:>8.2f} x {self.of}" if self.ratio is not None else ""
        return f"  {self.name:<58}{value:>11} {self.unit:<6}{compared:<28}{self.note}".rstrip()


@dataclass(slots=True)
class Results:
    """The figures of a run, by section; printed as they come."""

    quiet: bool = False
    sections: dict[str, list[Figure]] = field(default_factory=dict)
    _current: str = ""

    def section(self, title: str) -> None:
        """Begin a section."""
        self._current = title
        self.sections[title] = []
        self._say(f"\n{title}")

    def add(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        ratio: float | None = None,
        of: str = "",
        note: str = "",
    ) -> None:
        """Add a figure to the current section."""
        figure = Figure(name, value, unit, ratio, of, note)
        self.sections[self._current].append(figure)
        self._say(figure.line())

    def as_json(self, about: Mapping[str, Any]) -> str:
        """Everything, for machines."""
        return json.dumps(
            {
                "about": dict(about),
                "sections": {
                    title: [
                        {
                            "name": one.name,
                            "value": one.value,
                            "unit": one.unit,
                            "ratio": one.ratio,
                            "of": one.of,
                            "note": one.note,
                        }
                        for one in figures
                    ]
                    for title, figures in self.sections.items()
                },
            },
            indent=1,
        )

    def _say(self, line: str) -> None:
        if not self.quiet:
            click.echo(line)


async def interleaved(rivals: Mapping[str, Operation], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of every rival in every round; the first tenth of the rounds warms up."""
    taken: dict[str, list[float]] = {name: [] for name in rivals}
    warming = rounds // 10
    for number in range(rounds + warming):
        for name, operation in rivals.items():
            started = time.perf_counter()
            await operation()
            if number >= warming:
                taken[name].append((time.perf_counter() - started) * 1e3)
    return taken


def tell(
    results: Results,
    taken: Mapping[str, list[float]],
    base: str,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Medians, and their ratios to the median of one of them."""
    reference = statistics.median(taken[base])
    for name, times in taken.items():
        median = statistics.median(times)
        high = sorted(times)[int(len(times) * 0.99)]
        results.add(
            name,
            median,
            "ms",
            ratio=None if name == base else median / reference,
            of=base,
            note=(notes or {}).get(name, "") or f"p99 {high:.3g} ms",
        )
