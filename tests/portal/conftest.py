"""A broker that people log in at, a site over it and browsers, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from beacon import composition
from beacon.portal.languages import languages
from beacon.portal.login import session_of
from beacon.portal.login_pages import shown_with
from beacon.portal.rendering import Rendering, environment
from beacon.portal.static_files import StaticFiles
from beacon.settings import Settings
from tests.portal.login_broker import (
    Browser,
    LoginWorld,
    Site,
    login_world,
)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[LoginWorld]:
    async with login_world(tmp_path) as world:
        yield world


@pytest.fixture
async def site(here: LoginWorld) -> Site:
    return await here.site()


@pytest.fixture
async def browser(here: LoginWorld, site: Site) -> Browser:
    return await here.browser(site)


@pytest.fixture
async def reader(here: LoginWorld) -> Browser:
    """A browser at a site with the pages that people see."""
    rendering = Rendering(
        identity=composition.identity(Settings()),
        languages=languages(),
        files=StaticFiles.read(),
        is_network=True,
        environment=environment(),
        session=session_of,
        can_log_in=True,
    )
    return await here.browser(await here.site(show=shown_with(rendering)))
