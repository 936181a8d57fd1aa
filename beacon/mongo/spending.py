"""The home of `Spending`: answers to callers with a budget, each paid for before it is told.

Of whom nothing more may be learnt is left out of the answer like those who have withdrawn. Who is
left out is decided before the question is looked at, so that it says nothing of the answer, except
where one question costs more than the dearest about a single allele.
"""

from __future__ import annotations

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
from beacon.framework.query import Granularity, Query
from beacon.mongo.layers import Layers
from beacon.mongo.ledger import Ledger
from beacon.mongo.ledger_account import U64, Entry
from beacon.mongo.plan import VARIANT, Plan
from beacon.mongo.standing import Standing
from beacon.mongo.tally import Tally

Found = TypeVar("Found")

ATTEMPTS_MAX = 20
"""Times that a question is asked again because others have spent what it needs."""

RANGES_MAX = 5
"""Times that those are left out whom a range of alleles would cost too much; then all are."""

_ROSTERS_KEPT = 16

_OF_ENTRIES = ("biosample", "run", "analysis")
"""Entry types of which somebody may have several, so that who they are does not say how many."""


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
        self, plan: Plan, access: Access, evaluate: Callable[[Plan], Awaitable[Found]]
    ) -> Spent[Found]:
        """Ask one dataset, and charge for the answer.

        Args:
            evaluate: Answers a plan, and notes in its `tally` what the answer rests upon.

        Raises:
            TooManyRequests: The caller has asked as many questions as may be asked.
            SourceUnavailable: Too many others are spending from the same accounts.
        """
        asker = access.asker
        if asker is None:
            raise SourceUnavailable("a budget needs to know who asks")
        dataset = plan.dataset
        standing = await self._ledger.standing(asker, dataset.id, access.budgets[dataset.id])
        least, near = people_min(plan, access), people_max(plan, access)
        shows = access.level(dataset.id, VARIANT) is Granularity.RECORD
        # Who may be told more than before asks something else.
        context = f"{dataset.id}\0{dataset.release}\0{dataset.metadata}\0{least}\0{near}\0{shows}"
        spelling = self._ledger.keyed(b"spelling", context.encode(), _spelled(plan.query))
        await self._ledger.admit(standing, spelling)
        roster = await self._layers.roster(dataset.metadata)
        people = await self._people_of(dataset.id, dataset.metadata)

        def without(excluded: U64 | None, noted: Tally) -> Plan:
            gone = (
                BitMap(range(dataset.rows))
                if excluded is None
                else noted.rows_of(people.ordinals(excluded))
            )
            noted.left_out = noted.people_of(gone)
            gone -= dataset.withdrawn or BitMap()
            if not gone:
                return replace(plan, tally=noted)
            masked = gone if dataset.withdrawn is None else gone | dataset.withdrawn
            return replace(
                plan, tally=noted, excluded=gone, dataset=replace(dataset, withdrawn=masked)
            )

        beyond: set[int] | None = set()
        ranges = 0
        for _ in range(ATTEMPTS_MAX):
            version = standing.version
            guard = _Guard(standing, plan, near)
            excluded = None if beyond is None else standing.excluded(cost(1, least), beyond)
            noted = Tally(roster, least, shows_alleles=shows, guard=guard)
            found = await evaluate(without(excluded, noted))
            questions = self._questions(context.encode(), noted.question(plan), standing)
            asked = await self._ledger.entry(standing, *questions)
            if asked is not None:
                instead = None
                if asked.instead is not None:
                    instead = await self._ledger.entry(
                        standing, *[asked.instead for _ in standing.own_and_linked]
                    )
                if standing.budget.questions_max and not standing.knows(spelling):
                    await self._ledger.charge(standing, Entry(b"", spelling=spelling))
                guard = _Guard(standing, plan, near, instead, is_replay=True)
                noted = Tally(roster, least, shows_alleles=shows, guard=guard)
                found = await evaluate(without(asked.excluded, noted))
                return Spent(found, noted, 0, instead)
            entry = self._entry(plan, questions[0], spelling, noted, people, excluded, guard)
            short = standing.short(entry)
            if short is None or len(short):
                if standing.version != version:
                    continue  # others have spent meanwhile
                # What a range of alleles costs is known only now.
                ranges += 1
                if beyond is None or short is None or ranges > RANGES_MAX:
                    beyond = None
                else:
                    beyond = {*beyond, *short.tolist()}
                continue
            holds = partial(guard.holds, entry, version)
            if await self._ledger.charge(standing, entry, holds):
                most = int(entry.units.max(initial=0)) + entry.everybody
                self._tell(standing, asker, dataset.id, entry, cost(1, least))
                return Spent(found, noted, most, guard.instead)
        raise SourceUnavailable("too many questions are asked at once by the same caller")

    def _tell(
        self, standing: Standing, asker: Asker, dataset_id: str, entry: Entry, each: int
    ) -> None:
        """Let the watch know how near to the limit the charge has brought anybody."""
        own, limit = standing.own, standing.budget.limit
        if self._watch is None or not (len(entry.people) or entry.everybody):
            return
        self._watch.spent(asker, dataset_id, own.known_of(entry.people) / limit)
        beyond = own.beyond(limit, each)
        used_up = [one for one in entry.people.tolist() if one in beyond]
        if used_up:
            self._watch.exhausted(asker, dataset_id, used_up)

    def _questions(self, context: bytes, question: bytes, standing: Standing) -> list[bytes]:
        """The key of a question, as each account of the person knows it."""
        keyed = self._ledger.keyed
        return [keyed(b"question", one.id, context, question) for one in standing.own_and_linked]

    def _entry(
        self,
        plan: Plan,
        question: bytes,
        spelling: bytes,
        noted: Tally,
        people: _People,
        excluded: U64 | None,
        guard: _Guard,
    ) -> Entry:
        ordinals, units = noted.charges()
        keys = people.keys[ordinals]
        order = np.argsort(keys)
        members = noted.members
        instead = guard.near(members) if members is not None else None
        return Entry(
            question=question,
            people=keys[order],
            units=units[order].astype(np.uint32),
            everybody=noted.everybody,
            excluded=excluded,
            kind=plan.query.entry_type,
            layer=plan.dataset.metadata,
            members=members,
            count=noted.count,
            basis=noted.basis,
            instead=None if instead is None else instead.question,
            spelling=spelling,
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


class _Guard:
    """Puts an earlier set of people in the place of one that differs from it in too few.

    Args:
        least: Fewer people than this are too few.
        replayed: For a question that was asked before, what was put in the place of its set then.
    """

    def __init__(
        self,
        standing: Standing,
        plan: Plan,
        least: int,
        replayed: Entry | None = None,
        *,
        is_replay: bool = False,
    ) -> None:
        self._standing = standing
        self._plan = plan
        self._least = least
        self._is_replay = is_replay
        self._compared: BitMap | None = None
        self.instead = replayed

    def rows(self, tally: Tally, rows: BitMap) -> BitMap:
        """The rows in which alleles are to be counted."""
        tally.members = members = tally.people_of(rows)
        near = self.near(members)
        return rows if near is None or near.members is None else tally.rows_of(near.members)

    def people(self, tally: Tally, members: BitMap) -> BitMap | None:
        """Whose entries are to be counted instead; `None`: those of these people."""
        near = self.near(members)
        if near is None or near.members is None or has_own_numbers(near, self._plan):
            return None
        if near.kind != self._plan.query.entry_type:
            tally.rests_on(near.members)  # another number of theirs than the one that was told
        return near.members

    def near(self, members: BitMap) -> Entry | None:
        """The earlier set, if there is one."""
        if not self._is_replay and self.instead is None and members != self._compared:
            self._compared = members
            self.instead = self._found(members)
        return self.instead

    def holds(self, entry: Entry, version: tuple[int, ...]) -> bool:
        """Whether nobody has asked meanwhile about nearly the same people as an entry is about.

        Args:
            version: Of the standing when the entry was made.
        """
        return (
            self._standing.version == version
            or entry.instead is not None
            or entry.members is None
            or self._found(entry.members) is None
        )

    def _found(self, members: BitMap) -> Entry | None:
        other = None
        for one in self._standing.sets(self._plan.dataset.metadata):
            if one.members is None or abs(len(one.members) - len(members)) >= self._least:
                continue
            if 0 < one.members.symmetric_difference_cardinality(members) < self._least:
                if one.kind == self._plan.query.entry_type:
                    return one
                other = other or one
        return other


def has_own_numbers(instead: Entry, plan: Plan) -> bool:
    """Whether what was counted for an earlier question is told, and not counted again."""
    return instead.kind == plan.query.entry_type and instead.kind in _OF_ENTRIES


def _spelled(query: Query) -> bytes:
    """A question in the words in which it was put, whatever is to be told of the answer."""
    words = (
        query.entry_type,
        query.entry_id,
        query.within,
        query.variation,
        sorted(msgspec.json.encode(one).decode() for one in query.filters),
        *(() if query.case is None else (query.case,)),
    )
    return msgspec.json.encode(words)


def people_min(plan: Plan, access: Access) -> int:
    """The fewest people that any answer to a question tells of, at whichever granularity."""
    query, dataset_id = plan.query, plan.dataset.id
    highest = access.level(dataset_id, query.entry_type)
    return min(
        access.protecting(query, dataset_id, Granularity(level)).min_count
        for level in range(Granularity.BOOLEAN, highest + 1)
    )


def people_max(plan: Plan, access: Access) -> int:
    """The most people that any answer to a question needs, at whichever granularity."""
    query, dataset_id = plan.query, plan.dataset.id
    highest = access.level(dataset_id, query.entry_type)
    return max(
        access.protecting(query, dataset_id, Granularity(level)).min_count
        for level in range(Granularity.BOOLEAN, highest + 1)
    )
