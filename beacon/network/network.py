"""The home of `Network`: a source whose answers are other beacons', asked all at once.

Nothing that a member does, or fails to do, keeps an answer from being given in time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import lru_cache, partial
from types import TracebackType
from typing import Self

import msgspec
import structlog

from beacon.framework.access import Access
from beacon.framework.answer import Answer, Terms
from beacon.framework.entry_types import Model
from beacon.framework.errors import BeaconError, SourceUnavailable
from beacon.framework.matching import MatchAnswer, MatchRequest
from beacon.framework.query import Query
from beacon.framework.source import TermsQuery
from beacon.framework.streaming import Part
from beacon.model.ontology import Ontologies
from beacon.model.reference import NO_REFERENCES, References
from beacon.network import hops, outcomes
from beacon.network.asked import ALONE_S, LARGE_BYTES, Asked
from beacon.network.batches import answer_in_batches
from beacon.network.cells import Cell, Cells, Key
from beacon.network.discovery import Discovery
from beacon.network.identities import Identities
from beacon.network.kept import Kept
from beacon.network.matching import match
from beacon.network.members import Member
from beacon.network.merged_information import filtering_terms
from beacon.network.observing import Observed, Observer
from beacon.network.planning import Ask, NotApplicable, plan
from beacon.network.remote import Remotes
from beacon.network.replies import decode
from beacon.network.requests import SUMMARY_BYTES, MemberRequest, encode
from beacon.network.shown import Shown
from beacon.network.states import MemberFailure, MemberReply, Outcome, State
from beacon.network.vocabulary import NO_ONTOLOGIES
from beacon.settings import NetworkSettings

MERGE_S = 0.05
"""Seconds before its deadline at which an answer is put together."""

PAGES_BYTES = 128 * 1024 * 1024
"""The longest pages of records of all members together."""

MEETING_S = 5.0
"""Seconds from its start on that a network waits at most for its members before it is ready."""

_ANSWERS_KEPT = 20_000
_RECORD_S, _PAGE_MAX = 0.0002, 1000

# Most members are given the same time.
_way_of = lru_cache(maxsize=256)(hops.headers)

_OUT_OF_REACH = (State.UNREACHABLE, State.BREAKER_OPEN)

_NO_QUESTION = Query(entry_type="individual")

log = structlog.stdlib.get_logger()


class Network:
    """Other beacons as one source. Used as an async context: leaving it ends all that is under way.

    A `Source`, a `StreamingSource`, a `BatchSource` and a `MatchSource`.
    """

    def __init__(
        self,
        members: Sequence[Member],
        remotes: Remotes,
        discovery: Discovery,
        model: Model,
        *,
        network_id: str,
        settings: NetworkSettings,
        references: References = NO_REFERENCES,
        ontologies: Ontologies = NO_ONTOLOGIES,
        identities: Identities | None = None,
        observer: Observer | None = None,
        alone_s: float = ALONE_S,
    ) -> None:
        """`remotes` and `discovery` are of the same members; `discovery` is run by whoever made it.

        Args:
            network_id: What this network is called on the way of a question.
            references: Chain files to lift questions with, for members on another assembly.
            ontologies: What tells the kinds of terms, for members that do not list a term.
            identities: As whom members are asked; without it no tokens are exchanged.
            observer: Told of every outcome.
            alone_s: Seconds that a stream goes on without a reader.
        """
        self._observed, self._ontologies = Observed(observer), ontologies
        self.members = tuple(members)
        self._pending = tuple(
            Outcome(member=one, state=State.PENDING, after_ms=0) for one in self.members
        )
        self._member_ids = frozenset(one.id for one in self.members)
        self.model = model
        self._remotes, self._discovery = remotes, discovery
        self._network_id, self._settings, self._references = network_id, settings, references
        self._cells = Cells(kept=_ANSWERS_KEPT if settings.stale_s else 0)
        self._identities = identities or Identities(self.members)
        self._kept, self._alone_s = Kept(settings.kept_s), alone_s
        self._started = 0.0
        self._datasets_of: tuple[int, Mapping[str, Sequence[str]]] = (-1, {})

    async def __aenter__(self) -> Self:
        """Nothing to wait for: members are met when they are there."""
        self._started = asyncio.get_running_loop().time()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give up what is under way."""
        await self._cells.close()

    async def search(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> Answer:
        """Ask every member, and answer in time with what those have said who have."""
        asked = self._asked(query, access)
        deadline = asked.started + self._wait_s(query, deadline_s, self._settings.deadline_s)
        # A little less than callers wait: so a member that hangs is known to, not just left.
        cells = self._ask_all(asked, self._settings.deadline_s - 2 * MERGE_S)
        try:
            found = await asked.outcomes(deadline)
        finally:
            for cell in cells:
                self._cells.leave(cell)
        return await asked.merged_aside(found)

    def stream(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> AsyncIterator[Part]:
        """Ask every member and tell what each says when it does; late answers are kept."""
        asked = self._asked(query, access)
        cells = self._ask_all(asked)
        self._kept.add(asked)

        def give_up() -> None:
            for cell in cells:
                self._cells.leave(cell)

        asked.begin_to_stream(
            asked.started + self._wait_s(query, deadline_s, self._settings.stream_deadline_s),
            give_up,
            alone_s=self._alone_s,
        )
        return asked.parts(0, late=False)

    def resume(self, query_id: str, access: Access, *, after: int = 0) -> AsyncIterator[Part]:
        """What came since, and late answers until nobody is waited for any more."""
        return self._kept.of(query_id, access).parts(after, late=True)

    def question(self, query_id: str, access: Access) -> Query:
        """What was asked under that id."""
        return self._kept.of(query_id, access).query

    def search_many(
        self, queries: Sequence[Query], access: Access, *, deadline_s: float | None = None
    ) -> AsyncIterator[tuple[int, Answer | BeaconError]]:
        """Answer many: in one request to each member that takes many, else one after the other."""
        loop = asyncio.get_running_loop()
        wait_s = min(
            (self._wait_s(one, deadline_s, self._settings.stream_deadline_s) for one in queries),
            default=0.0,
        )
        return answer_in_batches(
            [self._asked(query, access) for query in queries],
            self,
            deadline=loop.time() + wait_s,
        )

    async def match(
        self, asked: MatchRequest, access: Access, *, deadline_s: float | None = None
    ) -> MatchAnswer:
        """Compare a case with the people of all members, and rank those who are told of."""
        now = asyncio.get_running_loop().time()
        wait_s = self._wait_s(_NO_QUESTION, deadline_s, self._settings.deadline_s)
        return await match(self, asked, access, network_id=self._network_id, deadline=now + wait_s)

    async def filtering_terms(self, query: TermsQuery, access: Access) -> Terms:
        """The terms that any member can be filtered by, as far as members have been met."""
        return filtering_terms(query, self.members, self._discovery)

    async def check(self) -> None:
        """Return when every member was met or could not be, soon after the start in any case.

        That members are away is an answer, not a failure.
        """
        since_s = asyncio.get_running_loop().time() - self._started
        if not self._discovery.has_tried_all and since_s < MEETING_S:
            raise SourceUnavailable("the members are being met")

    def planned(self, asked: Asked, member: Member) -> Ask | Outcome:
        """How a member is to be asked, or what is known of its answer without asking."""
        metadata = self._discovery.of(member.id)
        if metadata is not None and metadata.beacon_id in (*asked.access.via, self._network_id):
            return outcomes.not_applicable(asked, member, "the question came from there")
        found = plan(
            asked.query,
            member,
            metadata,
            self._references,
            ontologies=self._ontologies,
            member_ids=self._member_ids,
        )
        if isinstance(found, NotApplicable):
            return outcomes.not_applicable(asked, member, found.reason)
        return found

    def ask_one(
        self,
        asked: Asked,
        member: Member,
        ask: Ask,
        request: MemberRequest,
        patience_s: float = math.inf,
    ) -> Cell:
        """Send a question to one member, and settle its outcome when that is known.

        Args:
            patience_s: Seconds that the member is given at most, beside what its settings say.
        """
        access = asked.access
        as_whom = self._identities.as_whom(member, access)
        key = Key(member.id, request, access.via, min(member.timeout_s, patience_s), as_whom)
        cell = self._cells.join(key, partial(self._reply, member, ask.query, key, access))
        # Not a `partial`: of a callback that fails the event loop's log shows all arguments.
        cell.task.add_done_callback(lambda task: self._settle(asked, member, ask, key, task))
        return cell

    async def shown(
        self, member: Member, access: Access, deadline: float
    ) -> tuple[Shown, Mapping[str, str]]:
        """What a member is shown of who asks, and all that goes with a question to it.

        Args:
            deadline: By the clock of the event loop.

        Raises:
            MemberFailure: There is nothing to show where something has to be.
        """
        shown = await self._identities.shown(member, access, deadline=deadline)
        left_s = deadline - asyncio.get_running_loop().time()
        sent = _way_of(access.via, self._network_id, left_s)
        return shown, {**sent, **shown.headers} if shown.headers else sent

    def leave(self, cell: Cell) -> None:
        """Wait for a request no more."""
        self._cells.leave(cell)

    @property
    def remotes(self) -> Remotes:
        """The connections to members."""
        return self._remotes

    @property
    def discovery(self) -> Discovery:
        """What members can be asked."""
        return self._discovery

    def _asked(self, query: Query, access: Access) -> Asked:
        datasets = self._datasets()
        return Asked(query, access, self._pending, self._network_id, datasets, self._observed.tell)

    def _datasets(self) -> Mapping[str, Sequence[str]]:
        """By member, all of its datasets, where it names all."""
        if self._datasets_of[0] != self._discovery.generation:
            named = {
                member_id: tuple(metadata.datasets)
                for member_id, metadata in self._discovery.all().items()
                if metadata.has_all_datasets
            }
            self._datasets_of = (self._discovery.generation, named)
        return self._datasets_of[1]

    def _ask_all(self, asked: Asked, patience_s: float = math.inf) -> list[Cell]:
        cells = []
        # Most members are asked the same in the same words: they are written once.
        written: dict[tuple[int, int], MemberRequest] = {}
        # A question that makes no sense is refused before anybody is asked it.
        for member, ask in [(one, self.planned(asked, one)) for one in self.members]:
            if isinstance(ask, Outcome):
                asked.settle(ask)
                continue
            spelling = (id(ask.query), id(ask.dialect))
            request = written.get(spelling)
            if request is None:
                try:
                    request = written[spelling] = self._encoded(ask)
                except MemberFailure as error:
                    asked.settle(outcomes.failed(asked, member, ask, error))
                    continue
            cells.append(self.ask_one(asked, member, ask, request, patience_s))
        return cells

    def _encoded(self, ask: Ask) -> MemberRequest:
        request = encode(ask.query, ask.dialect, self.model)
        # All members' pages of records together have a bound, however many members there are.
        limit_bytes = max(SUMMARY_BYTES, PAGES_BYTES // len(self.members))
        if request.limit_bytes <= limit_bytes:
            return request
        return msgspec.structs.replace(request, limit_bytes=limit_bytes)

    async def _reply(self, member: Member, query: Query, key: Key, access: Access) -> MemberReply:
        deadline = asyncio.get_running_loop().time() + key.patience_s
        shown, headers = await self.shown(member, access, deadline)
        reply = await self._remotes.ask(member, key.request, deadline=deadline, headers=headers)
        shown.check(reply.status, reply.body)
        try:
            if len(reply.body) <= LARGE_BYTES:
                return decode(reply, query, member)
            return await asyncio.to_thread(decode, reply, query, member)
        except MemberFailure as failure:
            raise shown.cleared(failure) from None

    def _settle(
        self, asked: Asked, member: Member, ask: Ask, key: Key, task: asyncio.Task[MemberReply]
    ) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            asked.settle(outcomes.replied(asked, member, ask, task.result()))
            return
        if not isinstance(error, MemberFailure):
            log.error("member_reply_failed", member=member.id, exc_info=error)
            error = MemberFailure(State.BAD_RESPONSE, "its answer could not be read")
        last = self._cells.last(key) if error.state in _OUT_OF_REACH else None
        age_s = 0.0 if last is None else asyncio.get_running_loop().time() - last[0]
        if last is None or age_s > self._settings.stale_s:
            asked.settle(outcomes.failed(asked, member, ask, error))
            return
        asked.settle(outcomes.stale(asked, member, ask, last[1], error.reason, age_s))

    def _wait_s(self, query: Query, asked_s: float | None, most_s: float) -> float:
        wait_s = most_s if asked_s is None else min(asked_s, most_s)
        merge_s = MERGE_S
        if query.entry_type == "genomicVariant" and query.wants_records:
            # They are told apart one by one.
            merge_s += _RECORD_S * (query.pagination.limit or _PAGE_MAX) * len(self.members)
        return max(wait_s - merge_s, wait_s / 2)
