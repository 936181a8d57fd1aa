"""A world with a broker, an issuer of visas and a canary, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.auth.mock_broker import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as one:
        yield one
