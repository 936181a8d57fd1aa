"""The home of questions whose answers can be asked for again, for a while and within bounds."""

from __future__ import annotations

import asyncio

from beacon.framework.access import Access
from beacon.framework.errors import NotFound
from beacon.network.asked import Asked

QUESTIONS_KEPT = 1_000
"""The most questions that are kept at a time."""

KEPT_BYTES = 256 * 1024 * 1024
"""What they may take together."""


class Kept:
    """Questions by their id."""

    def __init__(self, kept_s: float, *, bytes_max: int = KEPT_BYTES) -> None:
        """`kept_s` are the seconds that a question is kept after it was complete.

        Args:
            bytes_max: Of all questions; one that is still under way is kept whatever it takes.
        """
        self._kept_s, self._bytes_max = kept_s, bytes_max
        self._questions: dict[str, Asked] = {}

    def add(self, asked: Asked) -> None:
        """Keep a question; the oldest go where there are too many, or too many records."""
        now = asyncio.get_running_loop().time()
        questions = self._questions
        for one in [one for one in questions.values() if self._is_over(one, now)]:
            del questions[one.query_id]
        while len(questions) >= QUESTIONS_KEPT:
            del questions[next(iter(questions))]
        held_bytes = sum(one.held_bytes for one in questions.values())
        for one in list(questions.values()):
            if held_bytes <= self._bytes_max:
                break
            if one.ended is not None:
                held_bytes -= one.held_bytes
                del questions[one.query_id]
        questions[asked.query_id] = asked

    def of(self, query_id: str, access: Access) -> Asked:
        """The question of that id.

        Raises:
            NotFound: There is none, it is too long ago, or it was somebody else's.
        """
        asked = self._questions.get(query_id)
        now = asyncio.get_running_loop().time()
        if asked is None or asked.access != access or self._is_over(asked, now):
            raise NotFound("no question of that id is kept; it may be too long ago")
        return asked

    def _is_over(self, asked: Asked, now: float) -> bool:
        return asked.ended is not None and now - asked.ended > self._kept_s
