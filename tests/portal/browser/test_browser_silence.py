"""A page that waits for countries which never answer does nothing while it waits."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, CDPSession

from tests.portal.browser.browsing import visiting
from tests.portal.browser.world import VARIANT, silence

WAIT_S = 10
MOST_BUSY = 0.05
MOST_GROWN_BYTES = 1_000_000


async def test_a_page_that_waits_for_27_countries_is_idle(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
):
    folder: Path = tmp_path_factory.mktemp("silence")
    async with silence(folder) as world, visiting(browser, world.url, is_calm=False) as visit:
        await visit.go(f"/search?q={VARIANT}")
        await visit.page.wait_for_function(
            "() => document.querySelectorAll('#rows .state.pending').length === 27"
        )
        session = await visit.page.context.new_cdp_session(visit.page)
        # By the clock of the thread: another program's work is not the page's.
        await session.send("Performance.enable", {"timeDomain": "threadTicks"})
        await visit.page.wait_for_timeout(1000)
        before = await _metrics(session)
        await visit.page.wait_for_timeout(WAIT_S * 1000)
        after = await _metrics(session)
        still = await visit.page.locator("#rows .state.pending").count()

    busy = (after["TaskDuration"] - before["TaskDuration"]) / WAIT_S
    grown = after["JSHeapUsedSize"] - before["JSHeapUsedSize"]
    assert still == 27
    assert busy < MOST_BUSY
    assert grown < MOST_GROWN_BYTES


async def _metrics(session: CDPSession) -> dict[str, float]:
    """As of after a collection of garbage, so that only what is kept counts."""
    await session.send("HeapProfiler.collectGarbage")
    found = await session.send("Performance.getMetrics")
    return {one["name"]: one["value"] for one in found["metrics"]}
