"""A beacon on a real server."""

from __future__ import annotations

from typing import Any

import pytest
from small_beacon import SETTINGS, STORE, SYNTHETIC, Broken, Client, Start

from beacon import composition
from beacon.framework.source import Source
from beacon.settings import Settings


@pytest.fixture
def start(aiohttp_client: Any) -> Start:
    """Starts a beacon on any source."""

    async def start(source: Source, settings: Settings) -> Client:
        client: Client = await aiohttp_client(composition.app(settings, source, SYNTHETIC))
        return client

    return start


@pytest.fixture
async def client(start: Start) -> Client:
    """A client of a beacon with an open dataset, one that is only counted, and a secret one."""
    return await start(STORE, SETTINGS)


@pytest.fixture
async def broken(start: Start) -> Client:
    """A client of a beacon whose source fails."""
    return await start(Broken(), SETTINGS)
