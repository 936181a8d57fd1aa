"""One browser, and one portal over countries of every kind, for all tests of this folder."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.portal.browser.browsing import CHROMIUM, browsing
from tests.portal.browser.world import World, countries

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Visits share one loop, and are made only where there is a browser."""
    for item in items:
        if not item.path.is_relative_to(HERE) or "browser" not in getattr(item, "fixturenames", ()):
            continue
        item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        if CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="there is no browser: install chromium"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as opened:
        yield opened


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Countries of every kind; Sweden takes three seconds.

    They answer in a thread of their own: between tests, too, since the portal looks whether they
    are there, and would find them away.
    """
    with _in_thread(countries(tmp_path_factory.mktemp("portal"))) as made:
        yield made


@contextlib.contextmanager
def _in_thread(context: AbstractAsyncContextManager[World]) -> Iterator[World]:
    """A context whose loop runs in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        made = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result()
        try:
            yield made
        finally:
            asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
