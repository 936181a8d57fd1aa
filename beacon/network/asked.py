"""The home of a question that is under way: who was asked, and what they have said so far."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from beacon.framework.access import Access
from beacon.framework.answer import Answer
from beacon.framework.query import Query
from beacon.framework.streaming import Part, PartKind
from beacon.network.cells import size_of
from beacon.network.merging import answer_of, member_document, merge
from beacon.network.states import Outcome, State

LARGE_BYTES = 64 * 1024
"""Of records, from which on they are read and merged in a thread, so that nobody else waits."""

ALONE_S = 10.0
"""Seconds that a question goes on without anybody who reads along: time to come back."""

_MEMBER_BYTES = 4096
"""What an answer without records takes, in result sets, documents and parts: as measured."""


class Asked:
    """A question to all members. Outcomes come in; whoever wants them waits, or reads along.

    Attributes:
        query_id: Names the question to those who ask for its answer again; cannot be guessed.
        started: When it came, by the clock of the event loop.
        ended: When the last part was told; `None` before that.
        size_bytes: Of the records that came so far.
    """

    def __init__(
        self,
        query: Query,
        access: Access,
        pending: Sequence[Outcome],
        network_id: str,
        datasets: Mapping[str, Sequence[str]],
        observe: Callable[[Outcome], None],
    ) -> None:
        """Nobody is asked yet.

        Args:
            pending: An outcome for every member, in state `pending`, in their order.
            datasets: By the id of a member, the datasets that it is known to have, all of them.
            observe: Told of each outcome once.
        """
        loop = asyncio.get_running_loop()
        self.query_id = secrets.token_urlsafe(12)
        self.query, self.access = query, access
        self.started = loop.time()
        self.ended: float | None = None
        self.size_bytes = 0
        self._network_id, self._datasets, self._observe = network_id, datasets, observe
        self._pending = {one.member.id: one for one in pending}
        self._settled: dict[str, Outcome] = {}
        self._all = loop.create_future()
        self._parts: list[Part] = []
        self._more = loop.create_future()
        self._streams = False
        self._close: asyncio.TimerHandle | None = None
        self._readers = 0
        self._give_up: Callable[[], None] = lambda: None
        self._alone_s = ALONE_S
        self._concluding: set[asyncio.Task[None]] = set()
        self._one_by_one = asyncio.Lock()

    @property
    def held_bytes(self) -> int:
        """About how much memory it takes, with all that was said of it."""
        return self.size_bytes + _MEMBER_BYTES * len(self._pending)

    @property
    def is_settled(self) -> bool:
        """Whether every member's outcome is known."""
        return len(self._settled) == len(self._pending)

    def settle(self, outcome: Outcome) -> None:
        """One member's outcome; the first one counts."""
        if outcome.member.id in self._settled:
            return
        self._settled[outcome.member.id] = outcome
        self.size_bytes += size_of(outcome.reply)
        self._observe(outcome)
        if self._streams:
            self._add("member", member_document(outcome, self.query), self._part_of(outcome))
        if self.is_settled:
            if not self._all.done():
                self._all.set_result(None)
            if self._streams:
                self._conclude()

    def when_settled(self, tell: Callable[[], None]) -> None:
        """Call `tell` when every member's outcome is known."""
        self._all.add_done_callback(lambda _: tell())

    async def outcomes(self, deadline: float) -> tuple[Outcome, ...]:
        """All outcomes, in the order of members; at the deadline, who is missing timed out."""
        if not self.is_settled:
            await asyncio.wait([self._all], timeout=deadline - asyncio.get_running_loop().time())
        outcomes = self._now()
        for one in outcomes:
            if one.member.id not in self._settled:
                self._observe(one)
        return outcomes

    def merged(self, outcomes: Sequence[Outcome]) -> Answer:
        """What the outcomes amount to."""
        return merge(
            outcomes,
            self.query,
            network_id=self._network_id,
            query_id=self.query_id,
            datasets=self._datasets,
        )

    async def merged_aside(self, outcomes: Sequence[Outcome]) -> Answer:
        """As `merged`, in a thread where that takes long."""
        if self.size_bytes <= LARGE_BYTES:
            return self.merged(outcomes)
        return await asyncio.to_thread(self.merged, outcomes)

    def begin_to_stream(
        self, deadline: float, give_up: Callable[[], None], *, alone_s: float = ALONE_S
    ) -> None:
        """Tell in parts from now on; those who have not answered at the deadline may be late.

        Args:
            deadline: By the clock of the event loop.
            give_up: Takes back what is still asked, after nobody has read along for a while.
            alone_s: How long that while is.
        """
        self._streams = True
        self._give_up, self._alone_s = give_up, alone_s
        self._left_alone()
        accepted = {
            "queryId": self.query_id,
            "asked": len(self._pending),
            "members": [member_document(one, self.query) for one in self._pending.values()],
        }
        self._add("accepted", accepted)
        for outcome in tuple(self._settled.values()):
            self._add("member", member_document(outcome, self.query), self._part_of(outcome))
        if self.is_settled:
            self._conclude()
        else:
            self._close = asyncio.get_running_loop().call_at(deadline, self._conclude)

    async def parts(self, after: int, *, late: bool) -> AsyncIterator[Part]:
        """The parts numbered higher than `after`, those to come as they come.

        Args:
            after: As in `Part.number`.
            late: Whether to wait for late answers, too, after all was said at the deadline.
        """
        number = after
        self._readers += 1
        try:
            while True:
                while number < len(self._parts):
                    part = self._parts[number]
                    number += 1
                    yield part
                    if part.kind == "complete" and not late:
                        return
                if self.is_settled and not self._concluding:
                    return
                # Shielded: whoever stops listening must not take it away from the others.
                await asyncio.shield(self._more)
        finally:
            self._readers -= 1
            self._left_alone()

    def _left_alone(self) -> None:
        if not self._readers and not self.is_settled:
            asyncio.get_running_loop().call_later(self._alone_s, self._give_up_if_alone)

    def _give_up_if_alone(self) -> None:
        if self._readers or self.is_settled:
            return
        self._give_up()
        after_ms = (asyncio.get_running_loop().time() - self.started) * 1000
        for member_id, pending in self._pending.items():
            if member_id not in self._settled:
                reason = "had not answered when nobody listened any more"
                self.settle(replace(_timed_out(pending, after_ms), reason=reason))

    def _now(self) -> tuple[Outcome, ...]:
        after_ms = (asyncio.get_running_loop().time() - self.started) * 1000
        return tuple(
            self._settled.get(member_id) or _timed_out(pending, after_ms)
            for member_id, pending in self._pending.items()
        )

    def _conclude(self) -> None:
        if self._close is not None:
            self._close.cancel()
            self._close = None
        outcomes = self._now()
        left = len(self._pending) - len(self._settled)
        if self.size_bytes <= LARGE_BYTES and not self._concluding:
            self._sum_up(self.merged(outcomes), left)
            return
        task = asyncio.get_running_loop().create_task(self._conclude_aside(outcomes, left))
        self._concluding.add(task)
        task.add_done_callback(self._concluded)

    async def _conclude_aside(self, outcomes: Sequence[Outcome], left: int) -> None:
        async with self._one_by_one:
            self._sum_up(await self.merged_aside(outcomes), left)

    def _concluded(self, task: asyncio.Task[None]) -> None:
        self._concluding.discard(task)
        self._wake()  # whoever reads along may be at the end now

    def _sum_up(self, answer: Answer, left: int) -> None:
        self._add("summary", {"queryId": self.query_id}, answer)
        self.ended = asyncio.get_running_loop().time()
        self._add("complete", {"queryId": self.query_id, "late": left})

    def _part_of(self, outcome: Outcome) -> Answer | None:
        # An empty answer of a member that gave none would read as a no.
        return answer_of(outcome, self.query) if outcome.state in _SAID else None

    def _add(self, kind: PartKind, about: Mapping[str, Any], answer: Answer | None = None) -> None:
        number = len(self._parts) + 1
        self._parts.append(Part(number=number, kind=kind, about=about, answer=answer))
        self._wake()

    def _wake(self) -> None:
        more, self._more = self._more, asyncio.get_running_loop().create_future()
        more.set_result(None)


_SAID = (State.HIT, State.MISS, State.STALE)


def _timed_out(pending: Outcome, after_ms: float) -> Outcome:
    return Outcome(
        member=pending.member,
        state=State.TIMEOUT,
        after_ms=after_ms,
        applied=pending.applied,
        reason="did not answer in time",
    )
