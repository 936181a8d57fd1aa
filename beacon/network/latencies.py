"""The home of `Latencies`: how long a member took for its last answers."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

KEPT = 256
"""Answers that are remembered of a member."""


class Latencies:
    """Seconds that the last answers took, and their quantiles."""

    def __init__(self, kept: int = KEPT) -> None:
        """`kept` is how many answers are remembered."""
        self._in_order_of_time: deque[float] = deque()
        self._in_order_of_size: list[float] = []
        self._kept = kept

    def __len__(self) -> int:
        return len(self._in_order_of_time)

    def add(self, seconds: float) -> None:
        """Remember an answer, and forget the oldest for it."""
        self._in_order_of_time.append(seconds)
        insort(self._in_order_of_size, seconds)
        if len(self._in_order_of_time) > self._kept:
            oldest = self._in_order_of_time.popleft()
            del self._in_order_of_size[bisect_left(self._in_order_of_size, oldest)]

    def quantile(self, share: float) -> float | None:
        """The seconds within which a share (0 to 1) of the answers came; `None` without any."""
        if not self._in_order_of_size:
            return None
        number = int(share * len(self._in_order_of_size))
        return self._in_order_of_size[min(number, len(self._in_order_of_size) - 1)]
