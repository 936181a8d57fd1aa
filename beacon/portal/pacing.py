"""The home of pauses: what comes in bursts is told as it comes, and that nothing comes, too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

Value = TypeVar("Value")


async def paced(values: AsyncGenerator[Value], quiet_s: float) -> AsyncGenerator[Value | None]:
    """Values as they come, and `None` once whenever nothing has come for a while.

    Args:
        values: None of them is `None`; closed at the end.
        quiet_s: How long that while is.
    """
    async with aclosing(values):
        following: asyncio.Future[Value | None] = asyncio.ensure_future(anext(values, None))
        is_quiet = False
        try:
            while True:
                await asyncio.wait((following,), timeout=None if is_quiet else quiet_s)
                if not following.done():
                    is_quiet = True
                    yield None
                    continue
                value = following.result()
                if value is None:
                    return
                is_quiet = False
                following = asyncio.ensure_future(anext(values, None))
                yield value
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
