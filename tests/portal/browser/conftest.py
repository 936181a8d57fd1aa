"""One browser, and one portal over countries of every kind, for all tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.portal.browser.browsing import CHROMIUM, browsing
from tests.portal.browser.world import World, countries

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Visits share one loop with the countries, and are made only where there is a browser."""
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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Countries of every kind; Sweden takes three seconds."""
    async with countries(tmp_path_factory.mktemp("portal")) as made:
        yield made
