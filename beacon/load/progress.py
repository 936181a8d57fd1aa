"""The home of load progress: what a loader tells while it works, and two ways to show it."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text


class Progress(Protocol):
    """Told by a loader what it is at."""

    def file(self, name: str, total: int | None) -> None:
        """A new stretch of work begins: `total` records (or bytes), `None` when unknown."""

    def advance(self, done: int) -> None:
        """That many more records (or bytes) are behind us."""


class Silent:
    """Progress that nobody watches."""

    def file(self, name: str, total: int | None) -> None:
        """Say nothing."""

    def advance(self, done: int) -> None:
        """Say nothing."""


class Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        """The rate of late, or since the end of a finished task."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")


class RichProgress:
    """Progress on a terminal: one line a file, with rate and, when the total is known, ETA.

    A context manager; the lines stay on the screen while it is open.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            Rate(),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_task()
        self._bars.stop()

    def file(self, name: str, total: int | None) -> None:
        """Begin a new line."""
        self._end_task()
        self._task = self._bars.add_task(name, total=total)

    def advance(self, done: int) -> None:
        """Move the current line on."""
        if self._task is not None:
            self._bars.advance(self._task, done)

    def _end_task(self) -> None:
        """Stop the spinner of a line whose total was never known."""
        if self._task is not None:
            task = self._bars.tasks[self._task]
            if task.total is None:
                self._bars.update(self._task, total=task.completed)
            self._bars.stop_task(self._task)
