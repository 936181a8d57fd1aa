"""A beacon whose releases change, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.subscriptions.standing_world import Standing, standing_world


@pytest.fixture
async def standing(mongo_uri: str, database: str, tmp_path: Path) -> AsyncIterator[Standing]:
    async with standing_world(mongo_uri, database, tmp_path) as made:
        yield made
