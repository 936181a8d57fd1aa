"""The home of what is counted of outcomes: told to whoever counts, each of them once."""

from __future__ import annotations

from typing import Protocol

from beacon.network.states import Outcome, State


class Observer(Protocol):
    """Counts what becomes of questions."""

    def observe(self, member: str, state: str, seconds: float | None = None) -> None:
        """One outcome; `seconds` until the reply, when there was one."""

    def set_breaker(self, member: str, *, is_open: bool) -> None:
        """Whether a member is left in peace."""


class Observed:
    """Tells an observer of outcomes, and of breakers when they change."""

    def __init__(self, observer: Observer | None) -> None:
        """Without an observer nobody is told."""
        self._observer = observer
        self._broken: set[str] = set()

    def tell(self, outcome: Outcome) -> None:
        """One outcome."""
        if self._observer is None:
            return
        member_id, state = outcome.member.id, outcome.state
        replied_s = None if outcome.reply is None else outcome.after_ms / 1000
        self._observer.observe(member_id, state.value, replied_s)
        is_open = state is State.BREAKER_OPEN
        if is_open != (member_id in self._broken):
            self._broken ^= {member_id}
            self._observer.set_breaker(member_id, is_open=is_open)
