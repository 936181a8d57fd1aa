"""The home of `Beacon`: the same as `AsyncBeacon`, for programs that do not await.

All it does is done by an `AsyncBeacon`, on an event loop in a thread of its own: it works in
notebooks, too, whose own loop is running already.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import (
    AsyncGenerator,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any, Self, TypeVar

from beacon.client.about import About
from beacon.client.answers import Answer
from beacon.client.asynchronous import AsyncBeacon
from beacon.client.cases import Case
from beacon.client.entries import Entry
from beacon.client.failures import BeaconFailure
from beacon.client.matches import MatchAnswer
from beacon.client.parts import Part
from beacon.client.questions import Filter, Granularity
from beacon.client.variants import Variant

Value = TypeVar("Value")


class Beacon:
    """A Beacon v2, or a network of them, at the URL of its API.

    Use it in a `with`, or call `close` at the end. The arguments, and those of every method, are
    those of `AsyncBeacon`; what is iterated over there is iterated over here.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        timeout_s: float = 30.0,
        *,
        retries: int = 3,
        max_bytes: int = 64 * 1024 * 1024,
        on_send: Callable[[bytes], None] | None = None,
    ) -> None:
        self._beacon = AsyncBeacon(
            url, token, timeout_s, retries=retries, max_bytes=max_bytes, on_send=on_send
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._beacon).removeprefix("Async")

    def close(self) -> None:
        """Let the connections and the thread go; asked again, it starts anew."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._run(self._beacon.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        self._loop = self._thread = None

    def about(self) -> About:
        """What the beacon says of itself."""
        return self._run(self._beacon.about())

    def lookup(
        self,
        variant: Variant | str,
        assembly: str | None = None,
        granularity: Granularity = "count",
        filters: Sequence[Filter] = (),
    ) -> Answer:
        """Whether a variant is known, and in which datasets."""
        return self._run(self._beacon.lookup(variant, assembly, granularity, filters))

    def count(
        self,
        entry_type: str = "individuals",
        *,
        filters: Sequence[Filter] = (),
        variant: Variant | None = None,
    ) -> Answer:
        """How many there are."""
        return self._run(self._beacon.count(entry_type, filters=filters, variant=variant))

    def individuals(
        self,
        *,
        filters: Sequence[Filter] = (),
        variant: Variant | None = None,
        page: int = 100,
    ) -> Generator[Entry]:
        """People, page by page as they are read."""
        found = self._beacon.individuals(filters=filters, variant=variant, page=page)
        yield from self._each(found)

    def datasets(self, *, page: int = 100) -> Generator[Entry]:
        """The datasets that are shown to this caller."""
        yield from self._each(self._beacon.datasets(page=page))

    def batch(
        self,
        variants: Iterable[Variant] | Mapping[str, Variant],
        *,
        granularity: Granularity = "count",
        filters: Sequence[Filter] = (),
        entry_type: str = "genomicVariant",
    ) -> Generator[tuple[str, Answer | BeaconFailure]]:
        """Ask the same of many variants; answers come in whichever order."""
        yield from self._each(
            self._beacon.batch(
                variants, granularity=granularity, filters=filters, entry_type=entry_type
            )
        )

    def match(
        self,
        case: Case | Mapping[str, Any],
        *,
        granularity: Granularity = "count",
        limit: int = 10,
    ) -> MatchAnswer:
        """Who is like a case."""
        return self._run(self._beacon.match(case, granularity=granularity, limit=limit))

    def stream(
        self,
        variant: Variant | str,
        assembly: str | None = None,
        granularity: Granularity = "count",
        filters: Sequence[Filter] = (),
        *,
        entry_type: str = "genomicVariant",
    ) -> Generator[Part]:
        """As `lookup`, in parts: what each member of a network says the moment that it does."""
        yield from self._each(
            self._beacon.stream(variant, assembly, granularity, filters, entry_type=entry_type)
        )

    def _run(self, asked: Coroutine[Any, Any, Value]) -> Value:
        """What a coroutine returns or raises; Ctrl-C ends it, too."""
        future = asyncio.run_coroutine_threadsafe(asked, self._running_loop())
        try:
            return future.result()
        except (KeyboardInterrupt, CancelledError):
            future.cancel()
            raise

    def _each(self, found: AsyncGenerator[Value]) -> Generator[Value]:
        """One after the other, each when it is asked for."""

        async def following() -> tuple[Value] | None:
            async for one in found:
                return (one,)
            return None

        try:
            while (one := self._run(following())) is not None:
                yield one[0]
        except GeneratorExit:
            # Whoever leaves in the middle leaves the connection, too.
            if self._loop is not None:
                self._run(found.aclose())
            raise

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_run_forever, args=(loop,), name="beacon-client", daemon=True
                )
                self._thread.start()
                self._loop = loop
            return self._loop


def _run_forever(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
