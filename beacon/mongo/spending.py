"""The home of `Spending`: answers to callers with a budget, each paid for before it is told.

Of whom nothing more may be learnt is left out of the answer like those who have withdrawn. Who is
left out is decided before the question is looked at, so that it says nothing of the answer, except
where one question costs more than the dearest about a single allele.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, Protocol, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.framework.access import Access, Asker
from beacon.framework.budget import cost
from beacon.framework.errors import SourceUnavailable
from beacon.framework.query import Granularity
from beacon.mongo.guard import Guard
from beacon.mongo.layers import Layers
from beacon.mongo.ledger import Ledger
from beacon.mongo.ledger_account import U32, Entry
from beacon.mongo.plan import VARIANT, Plan
from beacon.mongo.put_question import PutQuestion
from beacon.mongo.roster import Roster
from beacon.mongo.standing import Standing
from beacon.mongo.sums import NOBODY, U64
from beacon.mongo.tally import Tally

Found = TypeVar("Found")

ATTEMPTS_MAX = 20
"""Times that a question is asked again because others have spent what it needs."""

RANGES_MAX = 5
"""Times that those are left out whom a range of alleles would cost too much; then all are."""

_ROSTERS_KEPT = 16

_NOTHING: U32 = np.zeros(0, np.uint32)


@dataclass(frozen=True, slots=True)
class Spent(Generic[Found]):
    """An answer that was paid for.

    Attributes:
        noted: What it rests upon.
        charge: What was charged to whom it was most.
        instead: The entry of an earlier question whose numbers are to be told in place of the
            answer's.
    """

    found: Found
    noted: Tally
    charge: int
    instead: Entry | None


@dataclass(frozen=True, slots=True)
class _People:
    """The keys of a roster's individuals, by ordinal, and how to find one."""

    keys: U64
    order: npt.NDArray[np.int64]
    sorted: U64

    def ordinals(self, wanted: U64) -> BitMap:
        """The individuals with these keys."""
        if not len(self.sorted):
            return BitMap()
        place = np.searchsorted(self.sorted, wanted)
        place = np.minimum(place, len(self.sorted) - 1)
        known = place[self.sorted[place] == wanted]
        return BitMap(self.order[known].astype(np.uint32))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is the same for all plans that are asked together.

    Attributes:
        least: Fewer people than this are not told of.
        shows: Whether a record of each allele may be asked for.
    """

    standing: Standing
    roster: Roster
    people: _People
    least: int
    shows: bool

    def tally(self, guard: Guard, *, pays_for_alleles: bool) -> Tally:
        """For one evaluation."""
        return Tally(
            self.roster,
            self.least,
            shows_alleles=self.shows,
            guard=guard,
            pays_for_alleles=pays_for_alleles,
        )

    def without(self, plan: Plan, excluded: U64 | None, noted: Tally) -> Plan:
        """A plan that leaves some people out; `None` is everybody."""
        dataset = plan.dataset
        gone = (
            BitMap(range(dataset.rows))
            if excluded is None
            else noted.rows_of(self.people.ordinals(excluded))
        )
        noted.left_out = noted.people_of(gone)
        gone -= dataset.withdrawn or BitMap()
        if not gone:
            return replace(plan, tally=noted)
        masked = gone if dataset.withdrawn is None else gone | dataset.withdrawn
        return replace(plan, tally=noted, excluded=gone, dataset=replace(dataset, withdrawn=masked))


@dataclass(frozen=True, slots=True)
class _Answered(Generic[Found]):
    """An answer that is not told yet.

    Attributes:
        entry: What is to be charged for it; `None` when it was charged before.
        remembered: What is known of it for the answers that are told with it.
    """

    spent: Spent[Found]
    entry: Entry | None
    guard: Guard
    remembered: Entry


class Watch(Protocol):
    """Who wants to know of callers that come near to their limits."""

    def spent(self, asker: Asker, dataset_id: str, share: float) -> None:
        """Somebody has learnt that share of what may be learnt of a person."""

    def exhausted(self, asker: Asker, dataset_id: str, people: Sequence[int]) -> None:
        """Of these people, by their keys, somebody may learn nothing more."""


class Spending:
    """Asks for callers with a budget.

    Args:
        ledger: The accounts.
        layers: Whose the rows are.
        watch: Told of what is spent.
    """

    def __init__(self, ledger: Ledger, layers: Layers, watch: Watch | None = None) -> None:
        self._ledger = ledger
        self._watch = watch
        self._layers = layers
        self._people: OrderedDict[tuple[str, int], _People] = OrderedDict()

    async def ask(
        self, plans: Sequence[Plan], access: Access, evaluate: Callable[[Plan], Awaitable[Found]]
    ) -> list[Spent[Found]]:
        """Ask one dataset, and charge for the answers.

        Args:
            plans: One question, or several whose answers are about the same people and are told
                together: all of them leave out the same, but for those that were told before, and
                what is about the same people is charged once.
            evaluate: Answers a plan, and notes in its `tally` what the answer rests upon.

        Raises:
            TooManyRequests: The caller has asked as many questions as may be asked.
            SourceUnavailable: Too many others are spending from the same accounts.
        """
        asker = access.asker
        if asker is None:
            raise SourceUnavailable("a budget needs to know who asks")
        dataset = plans[0].dataset
        standing = await self._ledger.standing(asker, dataset.id, access.budgets[dataset.id])
        questions = [PutQuestion.of(one, access, self._ledger) for one in plans]
        least = questions[0].least
        await self._ledger.admit(standing, [one.spelling for one in questions])
        asked = _Asked(
            standing,
            await self._layers.roster(dataset.metadata),
            await self._people_of(dataset.id, dataset.metadata),
            least,
            shows=access.level(dataset.id, VARIANT) is Granularity.RECORD,
        )
        dearest = cost(1, least)
        beyond: U64 | None = NOBODY
        ranges = 0
        for _ in range(ATTEMPTS_MAX):
            version = standing.version
            excluded = None if beyond is None else standing.excluded(dearest, beyond)
            answers: list[_Answered[Found]] = []
            for one in questions:
                answers.append(await self._answered(asked, one, excluded, answers, evaluate))
            charged = [(one.entry, one.guard) for one in answers if one.entry is not None]
            short = standing.short(Entry.together([entry for entry, _ in charged]))
            if short is None or len(short):
                if beyond is not None and not _are_same(
                    excluded, standing.excluded(dearest, beyond)
                ):
                    continue  # others have spent meanwhile, which says nothing of this answer
                # What a range of alleles costs is known only now.
                ranges += 1
                if beyond is None or short is None or ranges > RANGES_MAX:
                    beyond = None
                else:
                    beyond = np.union1d(beyond, short)
                continue
            for entry, guard in charged:
                if not await self._ledger.charge(
                    standing, entry, partial(guard.holds, entry, version)
                ):
                    break
                asyncio.get_running_loop().call_soon(
                    self._tell, standing, asker, dataset.id, entry, cost(1, least)
                )
            else:
                return [one.spent for one in answers]
        raise SourceUnavailable("too many questions are asked at once by the same caller")

    async def _answered(
        self,
        asked: _Asked,
        put: PutQuestion,
        excluded: U64 | None,
        before: Sequence[_Answered[Found]],
        evaluate: Callable[[Plan], Awaitable[Found]],
    ) -> _Answered[Found]:
        """One answer, and what it is to be charged; nothing for one that was told before."""
        standing, plan, near = asked.standing, put.plan, put.near
        entries = [one.remembered for one in before]
        guard = Guard(standing, plan, near, entries)
        # One of those that are charged now pays for what all of them tell.
        noted = asked.tally(guard, pays_for_alleles=all(one.entry is None for one in before))
        found = await evaluate(asked.without(plan, excluded, noted))
        questions = self._questions(put.context, noted.question(plan), standing)
        known = await self._ledger.entry(standing, *questions)
        if known is None:
            entry = self._entry(put, questions[0], noted, asked.people, excluded, guard)
            # What is charged with it; of what was charged earlier, others may have been left out.
            if any(one.entry is not None and _is_same(entry, one.entry) for one in before):
                entry = replace(entry, people=NOBODY, units=_NOTHING, everybody=0)
            most = int(entry.units.max(initial=0)) + entry.everybody
            return _Answered(Spent(found, noted, most, guard.instead), entry, guard, entry)
        instead = None
        if known.instead is not None:
            instead = await self._ledger.entry(
                standing, *[known.instead for _ in standing.own_and_linked]
            )
        if standing.budget.questions_max and not standing.knows(put.spelling):
            await self._ledger.charge(standing, Entry(b"", spelling=put.spelling))
        if _are_same(known.excluded, excluded) and _is_as_told(known, guard, noted):
            return _Answered(Spent(found, noted, 0, None), None, guard, known)
        guard = Guard(standing, plan, near, (), instead, is_replay=True)
        noted = asked.tally(guard, pays_for_alleles=False)
        found = await evaluate(asked.without(plan, known.excluded, noted))
        return _Answered(Spent(found, noted, 0, instead), None, guard, known)

    def _tell(
        self, standing: Standing, asker: Asker, dataset_id: str, entry: Entry, each: int
    ) -> None:
        """Let the watch know how near to the limit the charge has brought anybody."""
        own, limit = standing.own, standing.budget.limit
        if self._watch is None or not (len(entry.people) or entry.everybody):
            return
        self._watch.spent(asker, dataset_id, own.known_of(entry.people) / limit)
        used_up = np.intersect1d(entry.people, own.beyond(limit, each), assume_unique=True)
        if used_up.size:
            self._watch.exhausted(asker, dataset_id, used_up.tolist())

    def _questions(self, context: bytes, question: bytes, standing: Standing) -> list[bytes]:
        """The key of a question, as each account of the person knows it."""
        keyed = self._ledger.keyed
        return [keyed(b"question", one.id, context, question) for one in standing.own_and_linked]

    def _entry(
        self,
        put: PutQuestion,
        question: bytes,
        noted: Tally,
        people: _People,
        excluded: U64 | None,
        guard: Guard,
    ) -> Entry:
        ordinals, units = noted.charged.charges()
        keys = people.keys[ordinals]
        order = np.argsort(keys)
        members = noted.members
        instead = guard.near(members) if members is not None else None
        return Entry(
            question=question,
            people=keys[order],
            units=units[order].astype(np.uint32),
            everybody=noted.charged.everybody,
            excluded=excluded,
            kind=put.plan.query.entry_type,
            layer=put.plan.dataset.metadata,
            members=members,
            count=noted.count,
            basis=noted.basis
            and msgspec.structs.replace(
                noted.basis, question=noted.question(put.plan), members=noted.members_digest()
            ),
            instead=None if instead is None else instead.question,
            spelling=put.spelling,
        )

    async def _people_of(self, dataset_id: str, metadata: int) -> _People:
        key = dataset_id, metadata
        found = self._people.get(key)
        if found is None:
            roster = await self._layers.roster(metadata)
            keys = self._ledger.people(dataset_id, roster.individuals)
            order = np.argsort(keys)
            found = _People(keys, order, keys[order])
            self._people[key] = found
            if len(self._people) > _ROSTERS_KEPT:
                self._people.popitem(last=False)
        return found


def _are_same(people: U64 | None, others: U64 | None) -> bool:
    if people is None or others is None:
        return people is others
    return np.array_equal(people, others)


def _is_as_told(known: Entry, guard: Guard, noted: Tally) -> bool:
    """Whether an answer is the one that was told, the same people being left out of both."""
    if known.instead is not None or guard.instead is None:
        return known.instead is None and guard.instead is None
    return guard.instead is known and known.members == noted.members


def _is_same(entry: Entry, other: Entry) -> bool:
    """Whether two entries are about the same people, with the same number."""
    if entry.members is None or (entry.kind, entry.layer) != (other.kind, other.layer):
        return False
    return entry.members == other.members and entry.count == other.count
