"""Whether there are pages is a setting, and the API is the same with and without them."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from beacon import composition, portal_composition
from beacon.model.reference import NO_REFERENCES
from beacon.settings import PortalSettings, Settings
from tests.web.small_beacon import SETTINGS, STORE

PAGES = ("/", "/search?q=BRCA1", "/people", "/list", "/countries", "/help")


async def answers(
    folder: Path, *, enabled: bool, paths: tuple[str, ...]
) -> dict[str, tuple[int, str, str]]:
    """Status, type and body by path, of a beacon with pages or without."""
    settings = Settings(
        data_dir=str(folder), policy=SETTINGS.policy, portal=PortalSettings(enabled=enabled)
    )
    identity = composition.identity(settings)
    opened = portal_composition.opened(
        settings, identity, NO_REFERENCES, None, composition.keys, is_network=False
    )
    async with opened as pages:
        app = composition.app(settings, STORE, STORE, pages=pages)
        async with TestClient(TestServer(app)) as client:
            found = {}
            for path in paths:
                answer = await client.get(path)
                found[path] = answer.status, answer.content_type, await answer.text()
            return found


async def test_pages_are_there_unless_the_settings_want_none(tmp_path: Path) -> None:
    with_pages = await answers(tmp_path, enabled=True, paths=PAGES)
    without = await answers(tmp_path, enabled=False, paths=PAGES)

    assert {one[:2] for one in with_pages.values()} == {(200, "text/html")}
    assert without["/"][:2] == (200, "text/plain")
    assert {without[path][:2] for path in PAGES[1:]} == {(404, "application/json")}


@pytest.mark.parametrize("path", ["/api/info", "/api/map", "/api/individuals", "/api/nothing"])
async def test_the_api_is_the_same_with_and_without_pages(path: str, tmp_path: Path) -> None:
    with_pages = await answers(tmp_path, enabled=True, paths=(path,))
    without = await answers(tmp_path, enabled=False, paths=(path,))

    assert with_pages == without


async def test_a_path_that_is_not_there_is_a_page_for_whoever_reads_pages(tmp_path: Path) -> None:
    found = await answers(tmp_path, enabled=True, paths=("/nothing", "/api/nothing"))

    assert found["/nothing"][0] == 404
    assert found["/api/nothing"][:2] == (404, "application/json")
