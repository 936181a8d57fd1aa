"""The home of the list of conformance checks: which numbers there are, and which a test covers.

The numbers are those of the project's conformance map, section 10, as far as they concern one
beacon; 131 to 140 are about networks of beacons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest

Function = TypeVar("Function", bound=Callable[..., Any])

EXPECTED = frozenset(range(1, 131))
COVERED: set[int] = set()
"""Filled in as test modules are imported."""


def check(*numbers: int) -> Callable[[Function], Function]:
    """Say which checks a test is about."""
    COVERED.update(numbers)

    def mark(function: Function) -> Function:
        return function

    return mark


def rows(first: int, table: Iterable[tuple[Any, ...]]) -> list[Any]:
    """A table of which every row is a check of its own, numbered from `first`, as parameters."""
    numbered = list(enumerate(table, first))
    COVERED.update(number for number, _ in numbered)
    return [pytest.param(*row, id=f"check-{number}") for number, row in numbered]
