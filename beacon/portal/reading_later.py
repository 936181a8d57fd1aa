"""The home of `ReaderLater`: the reader of the box, made when somebody first needs it.

What genes are called takes seconds to read, and a process that only serves the API never needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from beacon.portal.reading import Reader, Reading, Suggestion


class ReaderLater:
    """Reads as soon as it is `ready`."""

    def __init__(self, make: Callable[[], Reader]) -> None:
        """Nothing is made yet; `make` runs in a thread of its own."""
        self._make = make
        self._making: asyncio.Task[Reader] | None = None

    def begin(self) -> None:
        """Have it made, if nobody has yet, without waiting for it."""
        if self._making is None:
            self._making = asyncio.create_task(asyncio.to_thread(self._make))

    async def ready(self) -> None:
        """Return when it can read."""
        self.begin()
        making = self._making
        if making is not None:
            await asyncio.wait((making,))
            if making.exception() is not None:
                self._making = None  # whoever comes next tries again
            making.result()

    def read(self, text: str, assembly: str | None = None) -> Reading:
        """As `Reader.read`."""
        return self._made.read(text, assembly)

    def suggest(self, text: str, limit: int = 8) -> tuple[Suggestion, ...]:
        """As `Reader.suggest`."""
        return self._made.suggest(text, limit)

    @property
    def _made(self) -> Reader:
        if self._making is None:
            raise asyncio.InvalidStateError("nobody has asked for the reader yet")
        return self._making.result()
