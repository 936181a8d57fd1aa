"""The home of `ReaderLater`: the reader of the box, made when somebody first needs it.

What genes are called takes seconds to read, and who starts a server waits for its first answer, not
for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from beacon.portal.reading import Reader, Reading, Suggestion

WARMED_S = 10.0
"""Seconds after an application has started."""


class ReaderLater:
    """Reads as soon as it is `ready`."""

    def __init__(self, make: Callable[[], Reader], warmed_s: float = WARMED_S) -> None:
        """Nothing is made yet.

        Args:
            make: Runs in a thread of its own.
            warmed_s: Seconds after an application has started that it is made anyhow.
        """
        self._make, self._warmed_s = make, warmed_s
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

    async def warmed(self, _app: web.Application) -> AsyncIterator[None]:
        """Have it made some time after an application has started, so that nobody waits for it."""
        warming = asyncio.create_task(self._warm())
        yield
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)

    async def _warm(self) -> None:
        await asyncio.sleep(self._warmed_s)
        self.begin()

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
