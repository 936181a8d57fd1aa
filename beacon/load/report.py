"""The home of the load report: what was loaded, what was not, and why, down to the record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

EXAMPLES = 5
"""Problems of one reason that a report keeps; a listing has them all."""

_PRINTED = 2
_LISTED_AT_ONCE = 1000


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong in a file.

    `place` is where, as people count: `record 17 (22:16050075)`, `line 3`, `row 5`. `field` is the
    column or the JSON path. `reason` is the same text for all problems of a kind; `detail` says
    what was found here, and what would be right.
    """

    file: str
    place: str
    field: str = ""
    reason: str
    detail: str = ""


@dataclass(slots=True)
class Finding:
    """All problems of one reason."""

    count: int = 0
    examples: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem, count: int) -> None:
        """Count a problem, and keep it if it is among the first."""
        self.count += count
        if len(self.examples) < EXAMPLES:
            self.examples.append(problem)

    def merge(self, other: Finding) -> None:
        """Add the problems of another account, which come after these."""
        self.count += other.count
        self.examples += other.examples[: EXAMPLES - len(self.examples)]


@dataclass(slots=True)
class Report:
    """The account of one load.

    An *item* is an alternate allele of a VCF record (a record without one is a single item) or a
    record of any other file. Every item is either loaded, kept waiting for the assembly of the
    dataset, not loaded for a reason, or held nothing to load; `check_complete` makes sure of it.

    Args:
        listing: A file that every problem is appended to, as JSON Lines.
    """

    listing: Path | None = None
    files: list[str] = field(default_factory=list)
    already_loaded: list[str] = field(default_factory=list)
    records: int = 0
    items: int = 0
    loaded: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    nothing_to_load: Counter[str] = field(default_factory=Counter)
    not_loaded: dict[str, Finding] = field(default_factory=dict)
    warnings: dict[str, Finding] = field(default_factory=dict)
    dataset: Mapping[str, int] = field(default_factory=dict)
    _pending: list[bytes] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything that there was to load was loaded; warnings do not count."""
        return not self.not_loaded

    @property
    def alleles(self) -> int:
        """Alleles that were loaded."""
        return self.loaded["genomicVariant"]

    def lose(self, problem: Problem, count: int = 1) -> None:
        """Note that `count` items are not loaded."""
        self.not_loaded.setdefault(problem.reason, Finding()).add(problem, count)
        self._list("notLoaded", problem)

    def warn(self, problem: Problem) -> None:
        """Note that something is loaded although it is not as it should be."""
        self.warnings.setdefault(problem.reason, Finding()).add(problem, 1)
        self._list("warning", problem)

    def merge(self, other: Report) -> None:
        """Add the account of other records of the same load, which come after these.

        Files, and what is listed, are not added.
        """
        self.records += other.records
        self.items += other.items
        self.loaded += other.loaded
        self.waiting += other.waiting
        self.nothing_to_load += other.nothing_to_load
        for reason, finding in other.not_loaded.items():
            self.not_loaded.setdefault(reason, Finding()).merge(finding)
        for reason, finding in other.warnings.items():
            self.warnings.setdefault(reason, Finding()).merge(finding)

    def check_complete(self) -> None:
        """Make sure that nothing was lost without a word.

        Raises:
            RuntimeError: Some items are not accounted for, which is a bug of the loader.
        """
        accounted = (
            self.loaded.total()
            + self.waiting
            + sum(finding.count for finding in self.not_loaded.values())
            + self.nothing_to_load.total()
        )
        if accounted != self.items:
            raise RuntimeError(f"{self.items} items were read but {accounted} accounted for")

    def finish(self) -> None:
        """Write what is still to be written to the listing."""
        if self.listing is not None and self._pending:
            with self.listing.open("ab") as listing:
                listing.write(b"".join(self._pending))
            self._pending.clear()

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON data."""
        return {
            "ok": self.ok,
            "files": self.files,
            "alreadyLoaded": self.already_loaded,
            "records": self.records,
            "items": self.items,
            "loaded": dict(self.loaded),
            "waiting": self.waiting,
            "nothingToLoad": dict(self.nothing_to_load),
            "notLoaded": _findings(self.not_loaded),
            "warnings": _findings(self.warnings),
            "dataset": dict(self.dataset),
        }

    def to_json(self) -> bytes:
        """The report as indented JSON text."""
        return msgspec.json.format(msgspec.json.encode(self.as_dict()), indent=2)

    def __rich__(self) -> RenderableType:
        parts: list[RenderableType] = [self._summary()]
        for title, findings in (("Not loaded", self.not_loaded), ("Warnings", self.warnings)):
            if findings:
                parts.append(_findings_table(title, findings))
        return Group(*parts)

    def _summary(self) -> Table:
        table = Table(title="Load report", title_justify="left", show_header=False)
        table.add_column()
        table.add_column(justify="right")
        table.add_row("files", f"{len(self.files):,}")
        if self.already_loaded:
            table.add_row("of these already loaded", f"{len(self.already_loaded):,}")
        table.add_row("records read", f"{self.records:,}")
        for entry_type, count in sorted(self.loaded.items()):
            table.add_row(f"loaded: {entry_type}", f"{count:,}")
        if self.waiting:
            table.add_row("waiting for the assembly: genomicVariant", f"{self.waiting:,}")
        for kind, count in sorted(self.nothing_to_load.items()):
            table.add_row(f"nothing to load: {kind}", f"{count:,}")
        lost = sum(finding.count for finding in self.not_loaded.values())
        table.add_row("not loaded", f"{lost:,}", style="red" if lost else "green")
        for entry_type, count in sorted(self.dataset.items()):
            table.add_row(f"the dataset now holds: {entry_type}", f"{count:,}")
        return table

    def _list(self, kind: str, problem: Problem) -> None:
        if self.listing is None:
            return
        line = {"kind": kind, **msgspec.to_builtins(problem)}
        self._pending.append(msgspec.json.encode(line) + b"\n")
        if len(self._pending) >= _LISTED_AT_ONCE:
            self.finish()


def _findings(findings: Mapping[str, Finding]) -> list[dict[str, Any]]:
    return [
        {
            "reason": reason,
            "count": finding.count,
            "examples": msgspec.to_builtins(finding.examples),
        }
        for reason, finding in findings.items()
    ]


def _findings_table(title: str, findings: Mapping[str, Finding]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("reason")
    table.add_column("count", justify="right")
    table.add_column("examples")
    for reason, finding in sorted(findings.items(), key=lambda pair: -pair[1].count):
        examples = "\n".join(_example(problem) for problem in finding.examples[:_PRINTED])
        # Text, because file names and values may hold what would read as markup.
        table.add_row(Text(reason), f"{finding.count:,}", Text(examples))
    return table


def _example(problem: Problem) -> str:
    where = ", ".join(part for part in (problem.file, problem.place, problem.field) if part)
    return f"{where}: {problem.detail}" if problem.detail else where
