"""Pictures of every page in each of its states, for docs/screenshots.

    python -m tests.portal.browser.screenshots [NAME ...]

Each in light and dark, as wide as a desk's screen and as narrow as a phone's.
"""

from __future__ import annotations

import asyncio
import base64
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

import click
from playwright.async_api import Browser, TimeoutError

from tests.portal.browser.browsing import CHROMIUM, DESKTOP, PHONE, Visit, browsing, visiting
from tests.portal.browser.shown import ALL, Shown
from tests.portal.browser.world import countries

FOLDER = Path(__file__).parents[3] / "docs" / "screenshots"
MOST_BYTES = 150_000
MOST_PX = 2600
"""Of a picture's height: what is below is more of the same."""

_SIZES = {"desktop": DESKTOP, "phone": PHONE}
_QUALITIES = (60, 40, 25)
_SLOW_S = 2.0


async def main(names: Collection[str]) -> int:
    """Take pictures of all pages, or of some; 1 where a page did not come."""
    if CHROMIUM is None:
        click.echo("there is no browser: install chromium", err=True)
        return 1
    missing = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with countries(Path(folder), slow_s=_SLOW_S) as world, browsing() as browser:
            for shown in ALL:
                if names and shown.name not in names:
                    continue
                try:
                    status = await _take(browser, world.url, shown)
                except TimeoutError as error:
                    missing.append(f"{shown.name}: {error}")
                    continue
                if status != shown.status:
                    missing.append(f"{shown.name}: {status}")
    click.echo("\n".join(missing), err=True)
    return int(bool(missing))


async def _take(browser: Browser, url: str, shown: Shown) -> int:
    for size_name, size in _SIZES.items():
        async with visiting(browser, url, size=size, tolerated=[""]) as visit:
            status = await shown.show(visit)
            if status != shown.status:
                return status
            for scheme in ("light", "dark"):
                await visit.page.emulate_media(color_scheme=scheme)
                picture = await _picture(visit, size[0])
                (FOLDER / f"{shown.name}-{size_name}-{scheme}.webp").write_bytes(picture)
    return shown.status


async def _picture(visit: Visit, width: int) -> bytes:
    """The whole page as WebP, as good as it may be large."""
    height = await visit.page.evaluate("document.documentElement.scrollHeight")
    session = await visit.page.context.new_cdp_session(visit.page)
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, MOST_PX), "scale": 1}
    picture = b""
    for quality in _QUALITIES:
        taken = await session.send(
            "Page.captureScreenshot",
            {"format": "webp", "quality": quality, "clip": clip, "captureBeyondViewport": True},
        )
        picture = base64.b64decode(taken["data"])
        if len(picture) <= MOST_BYTES:
            break
    await session.detach()
    return picture


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
