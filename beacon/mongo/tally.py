"""The home of `Tally`: which question an answer is to, and whom it rests upon."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.framework.answer import Basis
from beacon.framework.budget import COMMON, UNITS, cost
from beacon.mongo.allele_set import AlleleSet
from beacon.mongo.blocks import COMMON as IS_COMMON
from beacon.mongo.blocks import row_set
from beacon.mongo.carried import Among
from beacon.mongo.charges import Charges
from beacon.mongo.found import Carriers, Window
from beacon.mongo.plan import VARIANT, Alternative, Plan
from beacon.mongo.roster import Roster
from beacon.mongo.rows import rows_array

I64 = npt.NDArray[np.int64]

_UNITS_MAX = 0xFFFF_FFFF
"""What one answer can charge somebody: entries hold no more, and it is beyond every limit."""


class Guard(Protocol):
    """Puts an earlier set of people in the place of one that differs from it in too few."""

    def rows(self, tally: Tally, rows: BitMap) -> BitMap:
        """The rows in which alleles are to be counted."""

    def people(self, tally: Tally, members: BitMap) -> BitMap | None:
        """Whose entries are to be counted instead; `None`: those of these people."""


_COMMONLY = 0.2
"""From this share of carriers on, two copies are common as well."""


@dataclass(slots=True)
class Tally:
    """What is noted while one dataset is asked, by whoever evaluates the plan.

    A question is known by what it means for this dataset, so that all ways to ask it are one:
    conditions on people by the set of those that they hold for, conditions on alleles by the
    alleles that fit. Conditions that hold for everybody say nothing. Where nothing fits, a
    condition is known by how it was put.

    Attributes:
        roster: Whose the rows are.
        least: Fewer people than this are not told of.
        shows_alleles: Whether a record of each allele may be asked for, with its counts; else how
            many alleles there are is all that can be learnt.
        guard: Applied to the people that an answer would be about.
        pays_for_alleles: Whether the alleles of a case are charged: else another answer that is
            told with it pays.
        left_out: People on whom the answer does not depend at all, by ordinal.
        members: The people that the answer is about, by ordinal, where it is about some; `count`
            entries of theirs were counted, and `basis` is what these rest on.
        everybody: What is charged for everybody.
    """

    roster: Roster
    least: int
    shows_alleles: bool = False
    guard: Guard | None = None
    pays_for_alleles: bool = True
    left_out: BitMap = field(default_factory=BitMap)
    members: BitMap | None = None
    count: int = 0
    basis: Basis | None = None
    everybody: int = 0
    _filters: set[bytes] = field(default_factory=set)
    _fitting: AlleleSet = field(default_factory=AlleleSet)
    _charges: Charges = field(init=False)
    _near: int = 0
    _all_alleles: int = 0

    def __post_init__(self) -> None:
        self._charges = Charges(len(self.roster.individuals))

    def filtered(self, asked: Alternative, found: BitMap, whole: int) -> None:
        """Note a condition, and the rows (of runs and analyses, the ordinals) that it holds for.

        Args:
            whole: How many it would hold for if it held for all.
        """
        if len(found) == whole:
            return
        if found:
            on = asked.scopes[0] if asked.only_attached else "rows"
            self._filters.add(_digest(on.encode(), found.serialize()))
        else:
            self.unmet(asked)

    def unmet(self, asked: Alternative) -> None:
        """Note a condition by how it was put."""
        self._filters.add(_digest(b"text", msgspec.json.encode(asked.asked, order="sorted")))

    def saw(self, window: Window) -> None:
        """Note alleles that fit, whoever carries them."""
        self._fitting.add(window)

    def question(self, plan: Plan) -> bytes:
        """What identifies the question, the same for all ways to ask it."""
        query = plan.query
        within, entry_id = query.within, query.entry_id
        if self._fitting and query.entry_type == VARIANT:
            entry_id = None  # it says no more than which alleles fit
        if within is not None and (
            within.entry_type == "dataset" or (within.entry_type == VARIANT and self._fitting)
        ):
            within = None
        parts: list[bytes] = [
            query.entry_type.encode(),
            b"" if entry_id is None else entry_id.encode(),
            b"" if within is None else f"{within.entry_type}\0{within.id}".encode(),
            b"" if plan.zygosities is None else bytes(sorted(plan.zygosities)),
        ]
        if query.case is not None:
            parts.append(_digest(b"case", msgspec.json.encode(query.case)))
        filters = set(self._filters)
        if plan.impossible:
            filters.update(
                _digest(b"text", msgspec.json.encode(one, order="sorted")) for one in query.filters
            )
        if self._fitting:
            parts.append(_digest(b"alleles", self._fitting.digest()))
        elif plan.variation is not None:
            parts.append(repr(plan.variation).encode())
        elif query.variation is not None:
            parts.append(msgspec.json.encode(query.variation, order="sorted"))
        if not self._fitting:
            filters.update(
                _digest(b"text", msgspec.json.encode(one.asked, order="sorted"))
                for one in plan.variant_filters
            )
        return _digest(*parts, *sorted(filters))

    def members_digest(self) -> bytes:
        """What identifies the people that the answer is about, whatever was asked."""
        return b"" if self.members is None else _digest(self.members.serialize())

    def counted(self, people: BitMap, count: int) -> None:
        """Note whose entries were counted, by ordinal, and how many entries these are."""
        self.members, self.count = people, count
        self.rests_on(people)

    def rests_on(self, people: BitMap) -> None:
        """Charge for a number of people, or for whether there are any.

        That somebody is not among them moves the number too, by as much as the share of those who
        are: a number of nearly everybody tells of the few who are missing.
        """
        count = len(people)
        if not count:
            return
        each = cost(count, self.least)
        if count >= COMMON:
            self.everybody += each
        else:
            self._charges.add(rows_array(people), each)
        size = self._size(count)
        others = size - count
        of_others = math.ceil(UNITS * count / (size * max(others, self.least)))
        if others >= COMMON:
            self.everybody += of_others
        else:
            missing = BitMap(range(len(self.roster.individuals))) - people - self.left_out
            self._charges.add(rows_array(missing), of_others)

    def carried(
        self,
        window: Window,
        carriers: Carriers,
        among: Among | None,
        zygosities: frozenset[int] | None,
    ) -> None:
        """Note the carriers of alleles that were counted, or may be shown."""
        codes, places, number = [], [], 0
        common: list[BitMap] = []
        for block, indexes in window.blocks:
            is_common = block.column("flags")[indexes] & IS_COMMON > 0
            of_rare = indexes[~is_common]
            found, place = carriers.of_block(block).of_each(of_rare)
            codes.append(found)
            places.append(place + number)
            number += len(of_rare)
            common += [
                carriers.common_rows(block, int(index), zygosities) for index in indexes[is_common]
            ]
        for one in window.structural:
            found = carriers.codes(one)
            codes.append(found)
            places.append(np.full(len(found), number))
            number += 1
        if number:
            self._of_rare(np.concatenate(codes), np.concatenate(places), number, among, zygosities)
        self._of_common(common, None if among is None else among.rows)

    def chosen(self, people: I64) -> None:
        """Charge for an allele that was chosen with others, of which one number is told.

        Who asks for others with it and without it learns how many carry it: that costs no less than
        to ask for it alone.

        Args:
            people: Who carries it, by ordinal, each once.
        """
        if not len(people) or not self.pays_for_alleles:
            return
        each = cost(len(people), self.least)
        if len(people) >= COMMON:
            self.everybody += each
        else:
            self._charges.add(people, each)

    def charges(self) -> tuple[I64, I64]:
        """Ordinals of individuals, ascending, and what each is charged."""
        found, sums, moved = self._charges.sums()
        if not self.shows_alleles and self._all_alleles > 1:
            # One number is told of all of them. Somebody moves it by the sum of what they move
            # each, and it varies by the sum of what they vary: those about the threshold do.
            sums = np.minimum(moved * moved / max(self._near, 1), sums)
        return found, np.ceil(np.minimum(sums, _UNITS_MAX)).astype(np.int64)

    def people_of(self, rows: BitMap) -> BitMap:
        """The individuals of rows, by ordinal."""
        if self.roster.one_each:
            return rows.copy()
        found = self.roster.individual_of[rows_array(rows)]
        return row_set(np.unique(found[found >= 0]))

    def rows_of(self, people: BitMap) -> BitMap:
        """The rows of individuals."""
        if self.roster.one_each:
            return people.copy()
        chosen = np.zeros(len(self.roster.individuals) + 1, bool)  # the last: those of nobody
        chosen[rows_array(people)] = True
        return row_set(np.flatnonzero(chosen[self.roster.individual_of]))

    def _of_rare(
        self,
        codes: npt.NDArray[np.uint32],
        place: I64,
        number: int,
        among: Among | None,
        zygosities: frozenset[int] | None,
    ) -> None:
        """Note so many alleles by their carriers, with the place of the allele of each carrier."""
        if zygosities is not None:
            fits = np.isin(codes & 3, list(zygosities))
            codes, place = codes[fits], place[fits]
        rows = codes >> 2
        if among is not None:
            counts = among.table[rows]
            rows, place = rows[counts], place[counts]
        people, place = self._people(rows, place)
        units = self._units(np.bincount(place, minlength=number))[place]
        is_charged = units > 0
        self._charges.add(people[is_charged], units[is_charged])

    def _of_common(self, carrying: Sequence[BitMap], among: BitMap | None) -> None:
        """Note alleles by the rows that carry each, of which some may be all that count."""
        if not carrying:
            return

        def people(rows: BitMap) -> BitMap:
            return self.people_of(rows if among is None else rows & among)

        if not self.roster.one_each:
            counts = [len(people(rows)) for rows in carrying]
        elif among is None:
            counts = [len(rows) for rows in carrying]
        else:
            counts = [rows.intersection_cardinality(among) for rows in carrying]
        for rows, units in zip(carrying, self._units(np.array(counts)).tolist(), strict=True):
            if units:
                self._charges.add(rows_array(people(rows)), units)

    def _people(self, rows: npt.NDArray[Any], place: I64) -> tuple[I64, I64]:
        """Whose the rows are, each person once for each place."""
        people = self.roster.individual_of[rows].astype(np.int64)
        if self.roster.one_each:
            return people, place
        size = len(self.roster.individuals)
        is_somebodys = people >= 0
        both = np.unique(place[is_somebodys] * size + people[is_somebodys])
        place, people = np.divmod(both, max(size, 1))
        return people, place

    def _units(self, counts: I64) -> I64:
        """What alleles that so many people carry are charged, each of them, after noting them."""
        is_first = not self._all_alleles
        self._all_alleles += len(counts)
        different, which, times = np.unique(counts, return_inverse=True, return_counts=True)
        charged = np.zeros(len(different), np.int64)
        for place, (count, number) in enumerate(
            zip(different.tolist(), times.tolist(), strict=True)
        ):
            if not count:
                continue
            each = cost(count, self.least)
            if self.shows_alleles:
                size = self._size(count)
                self.everybody += number * _of_dosage(count / size, size)
            if self.least <= 2 * count and count < 2 * self.least:
                self._near += number
            if count >= COMMON:
                self.everybody += number * each if self.shows_alleles else 0
            elif self.shows_alleles or count < 3 * self.least:
                charged[place] = each
        units: I64 = charged[which]
        if is_first and len(counts) and 0 < counts[0] < COMMON:
            units[0] = cost(int(counts[0]), self.least)
        return units

    def _size(self, count: int) -> int:
        """Of how many people these were counted."""
        sampled = self.roster.sampled
        return sampled if sampled >= count else len(self.roster.individuals)


def _of_dosage(carrying: float, size: int) -> int:
    """What an allele count tells of everybody, beyond what their carrying it costs the carriers.

    Of somebody with g copies it tells (g - 2f)² / (2 N f (1 - f)) at the frequency f. Nobody's two
    copies of a rare allele are covered: who has them is charged as a carrier.

    Args:
        carrying: Share of people who carry it.
        size: How many people there are.
    """
    frequency = 1 - math.sqrt(max(1 - carrying, 0.25 / size))
    told = frequency / (1 - frequency)
    if carrying > _COMMONLY:
        told = max(told, 1 / told)
    return math.ceil(UNITS * 2 * told / size)


def _digest(*parts: bytes) -> bytes:
    made = hashlib.blake2b(digest_size=16)
    for part in parts:
        made.update(len(part).to_bytes(8, "big") + part)
    return made.digest()
