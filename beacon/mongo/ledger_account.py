"""The home of `Account`: what has been learnt of whom, as far as its entries have been read."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.framework.answer import Basis
from beacon.mongo.sums import NOBODY, U64, Sums

U32 = npt.NDArray[np.uint32]

MONTH_S = 30 * 86_400.0
"""What has been learnt is forgotten by so many seconds at a time, and never too early."""

SETS_MAX = 1000
"""Sets of people that an account remembers to compare later ones with (the latest)."""


_LATEST_MAX = 1000
"""Entries of a month that wait to be added up."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one answer was about.

    Attributes:
        question: The key of the question, the same for all ways to ask it.
        people: Whom the answer rests upon, by the keys of people, ascending.
        units: What is charged for each of them.
        everybody: What is charged for everybody in the dataset.
        excluded: Who was left out of the answer; `None` is everybody.
        kind: What kind of set of people the answer is about; empty when it is about none.
        layer: What `members` are numbered by.
        members: That set, by ordinals.
        count: How many entries were counted, and `basis` what these rest on.
        instead: An earlier entry's question, whose numbers are told in place of these, which
            differ from them in too few people.
        spelling: The key of the words in which the question was put.
    """

    question: bytes
    people: U64 = field(default_factory=lambda: NOBODY)
    units: U32 = field(default_factory=lambda: np.zeros(0, np.uint32))
    everybody: int = 0
    excluded: U64 | None = field(default_factory=lambda: NOBODY)
    kind: str = ""
    layer: int = 0
    members: BitMap | None = None
    count: int = 0
    basis: Basis | None = None
    instead: bytes | None = None
    spelling: bytes = b""

    def charges(self) -> Entry:
        """Only what is charged, as accounts other than the person's keep it."""
        return Entry(b"", self.people, self.units, self.everybody)

    @classmethod
    def together(cls, entries: Sequence[Entry]) -> Entry:
        """Only what several charge, as one."""
        if len(entries) == 1:
            return entries[0].charges()
        people = np.concatenate([NOBODY, *(one.people for one in entries)])
        units = np.concatenate([np.zeros(0, np.uint32), *(one.units for one in entries)])
        known, place = np.unique(people, return_inverse=True)
        sums = np.minimum(np.bincount(place, units, len(known)), np.iinfo(np.uint32).max)
        return cls(b"", known, sums.astype(np.uint32), sum(one.everybody for one in entries))

    def remembered(self) -> Entry:
        """What is needed to answer again: sums hold the charges already."""
        return replace(self, people=NOBODY, units=np.zeros(0, np.uint32))

    def document(self) -> dict[str, Any]:
        """As it is stored."""
        found: dict[str, Any] = {
            "p": self.people.tobytes(),
            "u": self.units.tobytes(),
            "e": self.everybody,
        }
        if self.question:
            found["q"] = self.question
        if self.spelling:
            found["s"] = self.spelling
        if self.excluded is None:
            found["a"] = True
        elif len(self.excluded):
            found["x"] = self.excluded.tobytes()
        if self.members is not None:
            found |= {
                "k": self.kind,
                "l": self.layer,
                "m": self.members.serialize(),
                "c": self.count,
                "b": msgspec.json.encode(self.basis),
            }
        if self.instead is not None:
            found["i"] = self.instead
        return found

    @classmethod
    def of(cls, document: dict[str, Any]) -> Entry:
        """From what is stored; without what it charges, where that was left out or is elsewhere."""
        members = document.get("m")
        return cls(
            question=document.get("q", b""),
            spelling=document.get("s", b""),
            people=np.frombuffer(document.get("p", b""), np.uint64),
            units=np.frombuffer(document.get("u", b""), np.uint32),
            everybody=document.get("e", 0),
            excluded=(
                None if "a" in document else np.frombuffer(document.get("x", b""), np.uint64)
            ),
            kind=document.get("k", ""),
            layer=document.get("l", 0),
            members=None if members is None else BitMap.deserialize(members),
            count=document.get("c", 0),
            basis=msgspec.json.decode(document.get("b", b"null"), type=Basis | None),
            instead=document.get("i"),
        )


class Month:
    """What was learnt in one month: of single people, and of everybody.

    Attributes:
        everybody: What was charged for everybody.
        summed: The entry up to which all of this month were in the sums that were read.
        changed: Whether it holds more than the sums that are stored.
    """

    __slots__ = ("_latest", "_spent", "changed", "everybody", "summed")

    def __init__(self, spent: Sums | None = None, everybody: int = 0, summed: int = 0) -> None:
        self._spent = Sums() if spent is None else spent
        self._latest: list[Entry] = []
        self.everybody = everybody
        self.summed = summed
        self.changed = False

    @property
    def spent(self) -> Sums:
        """What was charged for single people."""
        for entry in self._latest:
            self._spent.add(entry.people, entry.units)
        self._latest.clear()
        return self._spent

    def add(self, entry: Entry) -> None:
        """Add what one entry charges."""
        # Seldom looked at: not in the time of an answer.
        self._latest.append(entry.charges())
        if len(self._latest) > _LATEST_MAX:
            _ = self.spent
        self.everybody += entry.everybody
        self.changed = True


@dataclass(frozen=True, slots=True)
class _Beyond:
    """Of whom no more can be learnt at some cost.

    Attributes:
        people: By their keys, ascending.
        highest: What is known of the others at most: while that is below the limit, nobody joins.
    """

    people: U64
    highest: int

    @classmethod
    def of(cls, spent: Sums, left: int) -> _Beyond:
        """Of whom more is known than what is left."""
        return cls(spent.above(left), spent.most_up_to(left))

    def joined(self, people: U64, known: npt.NDArray[np.int64], left: int) -> _Beyond:
        """With those of some people of whom more is known than what is left."""
        is_beyond = known > left
        highest = max(self.highest, int(known[~is_beyond].max(initial=0)))
        return _Beyond(np.union1d(self.people, people[is_beyond]), highest)


class Account:
    """The sums of one account, and its latest entries. Only its ledger changes it.

    Attributes:
        id: What its entries' keys start with.
        number: Of the last entry that is known.
        version: Rises with every entry.
        refreshed: As of which sign of other writers its entries were read.
    """

    def __init__(self, account_id: bytes, window_s: float) -> None:
        self.id = account_id
        self.number = 0
        self.version = 0
        self.refreshed = 0
        self.months: dict[int, Month] = {}
        self.window_s = window_s
        self._spent = Sums()
        self._everybody = 0
        self._unsettled: deque[Entry] = deque()
        self._entries: OrderedDict[bytes, tuple[int, Entry]] = OrderedDict()
        self._sets: dict[tuple[int, int], dict[int, Entry]] = {}
        self._remembered = 0
        self._asked: deque[tuple[float, bytes]] = deque()
        self._spellings: set[bytes] = set()
        self._most = 0
        self._near_limit: dict[tuple[int, int], _Beyond] = {}

    def add(self, entry: Entry, at: float, number: int) -> None:
        """Take the next entry, written at a time in seconds since 1970; see `settle`."""
        self.number = number
        self.version += 1
        self.ask(at, entry.spelling)
        self._remember(entry)
        month = self.months.setdefault(month_of(at), Month())
        if number <= month.summed:
            return
        month.add(entry)
        self._unsettled.append(entry)

    def settle(self) -> None:
        """Sum up what was added since. Whatever needs the sums does so itself.

        Who has nothing else to do can do it, so that the next question need not wait for it.
        """
        while self._unsettled:
            entry = self._unsettled[0]
            known = self._spent.add(entry.people, entry.units)
            most = int(known.max(initial=0))
            self._most = max(self._most, most)
            self._everybody += entry.everybody
            for (limit, cost), near in self._near_limit.items():
                left = limit - cost - self._everybody
                if near.highest > left:
                    self._near_limit[limit, cost] = _Beyond.of(self._spent, left)
                elif most > near.highest:
                    self._near_limit[limit, cost] = near.joined(entry.people, known, left)
            self._unsettled.popleft()

    def begin(self, months: dict[int, Month], number: int) -> None:
        """Start from sums of all entries up to one."""
        self.months = months
        self.number = number
        self._sum_up()

    def recall(self, entry: Entry) -> None:
        """Take an earlier entry that the sums hold already; the earlier first."""
        self._remember(entry)

    def ask(self, at: float, spelling: bytes) -> None:
        """Count a question, put in some words at a time in seconds since 1970."""
        self._asked.append((at, spelling))
        self._spellings.add(spelling)

    def knows(self, spelling: bytes) -> bool:
        """Whether it has been asked in these words within thirty days."""
        return spelling in self._spellings

    def forget(self, now: float) -> None:
        """Leave out the months that no longer count."""
        first = math.floor((now - self.window_s) / MONTH_S)
        while self._asked and self._asked[0][0] < now - MONTH_S:
            self._spellings.discard(self._asked.popleft()[1])
        if any(month < first for month in self.months):
            self.months = {month: one for month, one in self.months.items() if month >= first}
            self._sum_up()

    def asked_lately(self) -> int:
        """How many different questions within thirty days."""
        return len(self._asked)

    def next_question_at(self) -> float:
        """When the earliest of these is thirty days ago, in seconds since 1970."""
        return self._asked[0][0] + MONTH_S if self._asked else 0.0

    def entry(self, question: bytes) -> Entry | None:
        """The entry of a question that is remembered."""
        known = self._entries.get(question)
        return None if known is None else known[1]

    @property
    def remembers_all(self) -> bool:
        """Whether every entry is among those that are remembered."""
        return len(self._entries) < SETS_MAX

    def sets(self, layer: int, low: int, high: int) -> list[Entry]:
        """The remembered sets of people, from `low` to below `high`, whose own numbers were told.

        The latest first.
        """
        found = [
            one for size in range(low, high) for one in self._sets.get((layer, size), {}).items()
        ]
        found.sort(reverse=True, key=itemgetter(0))
        return [entry for _, entry in found]

    def beyond(self, limit: int, cost: int) -> U64:
        """Of whom no more can be learnt at that cost, ascending."""
        self.settle()
        known = self._near_limit.get((limit, cost))
        if known is None:
            known = _Beyond.of(self._spent, limit - cost - self._everybody)
            self._near_limit[limit, cost] = known
        return known.people

    def is_used_up(self, limit: int, cost: int) -> bool:
        """Whether that holds of everybody."""
        self.settle()
        return self._everybody + cost > limit

    def short(self, entry: Entry, limit: int) -> U64:
        """Of whom more would be known than the limit, were an entry charged; ascending."""
        self.settle()
        left = limit - self._everybody - entry.everybody
        if self._most + int(entry.units.max(initial=0)) <= left:
            return NOBODY
        return entry.people[self._spent.of(entry.people) + entry.units > left]

    def known_of(self, people: U64) -> int:
        """What is known of the one of some people of whom most is."""
        self.settle()
        return int(self._spent.of(people).max(initial=0)) + self._everybody

    def most(self) -> int:
        """What is known of the person of whom most is."""
        self.settle()
        return self._most + self._everybody

    def _sum_up(self) -> None:
        self._unsettled.clear()  # months hold them
        self._spent = Sums()
        self._everybody = 0
        for month in self.months.values():
            self._spent.add(*month.spent.items())
            self._everybody += month.everybody
        self._most = self._spent.most_up_to(math.inf)
        self._near_limit.clear()
        self.version += 1

    def _remember(self, entry: Entry) -> None:
        """Keep an entry as the latest, among those of sets by their size."""
        if not entry.question:
            return
        self._remembered += 1
        if entry.question in self._entries:
            self._forget_set(*self._entries[entry.question])
        kept = entry.remembered()
        self._entries[entry.question] = self._remembered, kept
        if (size := _size_of_set(kept)) is not None:
            self._sets.setdefault(size, {})[self._remembered] = kept
        if len(self._entries) > SETS_MAX:
            self._forget_set(*self._entries.popitem(last=False)[1])

    def _forget_set(self, number: int, entry: Entry) -> None:
        if (size := _size_of_set(entry)) is not None:
            del self._sets[size][number]
            if not self._sets[size]:
                del self._sets[size]


def _size_of_set(entry: Entry) -> tuple[int, int] | None:
    """The layer and size of the set whose own numbers an entry told, if it did of any."""
    if entry.members is None or entry.instead is not None:
        return None
    return entry.layer, len(entry.members)


def month_of(at: float) -> int:
    """The month that a time in seconds since 1970 lies in."""
    return math.floor(at / MONTH_S)
