"""The home of how often a load lets Python look for garbage in circles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_SELDOM = 100_000
"""Objects more than before, those of some ten thousand alleles, after which it looks."""


@contextmanager
def seldom() -> Iterator[None]:
    """Look for garbage seldom while a load goes on.

    Nothing that a load makes many of refers to itself: all of it goes as soon as nobody needs it,
    and looking through it again and again took a tenth of the time.
    """
    before = gc.get_threshold()
    gc.set_threshold(max(_SELDOM, before[0]) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
