"""The first thing that somebody does with the demo: open it, and paste a variant."""

from __future__ import annotations

import pytest

from tests.demo.conftest import RunningDemo
from tests.portal.browser.browsing import CHROMIUM, browsing, visiting


@pytest.mark.skipif(CHROMIUM is None, reason="there is no browser: install chromium")
async def test_a_variant_is_found_in_three_countries_on_two_assemblies(live: RunningDemo):
    portal = f"http://127.0.0.1:{live.ports['network']}"
    async with browsing() as browser, visiting(browser, portal) as visit:
        await visit.go("/")
        await visit.page.fill("#q", "chr7:117559590 ATCT>A")
        await visit.page.keyboard.press("Enter")
        await visit.answered()
        states = await visit.states()
        germany = await visit.page.locator("#rows tr[data-name=Germany]").inner_text()
        variant = await visit.page.inner_text("#facts")
        faults = await visit.faults()

    assert states == {"Finland": "hit", "Germany": "hit", "Spain": "hit"}
    assert "GRCh37" in germany
    assert "CFTR" in variant
    assert faults == []
