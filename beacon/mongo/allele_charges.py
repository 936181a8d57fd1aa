"""The home of `AlleleCharges`: what alleles that an answer tells of cost their carriers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.framework.budget import COMMON, UNITS, cost
from beacon.mongo.blocks import COMMON as IS_COMMON
from beacon.mongo.carried import Among
from beacon.mongo.charges import Charges
from beacon.mongo.found import Carriers, Carrying, Window
from beacon.mongo.roster import Roster
from beacon.mongo.rows import people_of_rows, rows_array

I64 = npt.NDArray[np.int64]

_UNITS_MAX = 0xFFFF_FFFF
"""What one answer can charge somebody: entries hold no more, and it is beyond every limit."""

_FEW = 3
"""An allele that this many times the fewest people carry is charged to nobody, unless shown."""


class Apart(NamedTuple):
    """Alleles whose carriers matter, and how many others there are; `most` carry one of those."""

    window: Window
    number: int
    most: int


_COMMONLY = 0.2
"""From this share of carriers on, two copies are common as well."""


class AlleleCharges:
    """Charges for alleles, and for whatever else an answer tells of people.

    Args:
        roster: Whose the rows are.
        least: Fewer people than this are not told of.
        shows_alleles: Whether a record of each allele may be asked for, with its counts; else how
            many alleles there are is all that can be learnt.
    """

    __slots__ = (
        "_alleles", "_apart", "_charges", "_least", "_near", "_roster", "_shows_alleles",
        "everybody",
    )  # fmt: skip

    def __init__(self, roster: Roster, least: int, *, shows_alleles: bool) -> None:
        self._roster = roster
        self._least = least
        self._shows_alleles = shows_alleles
        self._charges = Charges(len(roster.individuals))
        self._near = 0
        self._alleles = 0
        self._apart = 0
        self.everybody = 0

    def add(self, number: int, each: int, people: Callable[[], I64]) -> None:
        """Charge so many people the same; where they are many, everybody.

        Args:
            people: Gives them, by ordinal, each once.
        """
        if number >= COMMON:
            self.everybody += each
        else:
            self._charges.add(people(), each)

    def apart(self, window: Window, enough: int, gone: int) -> Apart:
        """Note the common alleles of which nobody is charged, whoever carries them.

        Who it is need not be read then, where every row is a person and nobody is chosen but by
        what they carry.

        Args:
            window: Alleles that fit.
            enough: From so many carriers on, an answer does not say how many they are.
            gone: People who do not count.
        """
        if self._shows_alleles or not self._roster.one_each:
            return Apart(window, 0, 0)
        ample = max(enough, _FEW * self._least) + gone
        rest, number, most = Window([], window.structural, window.rare), 0, 0
        # The first of all is charged, for it may be the only one.
        is_first = not self._alleles and not window.structural
        for block, indexes in window.blocks:
            carriers = block.column("carriers")[indexes]
            is_common = block.column("flags")[indexes] & IS_COMMON > 0
            is_ample = is_common & (carriers >= ample)
            if is_first and is_common.all():
                is_ample[0] = False
            is_first = False
            if not is_ample.any():
                rest.blocks.append((block, indexes))
                continue
            most = max(most, int(carriers[is_ample].max()) - gone)
            number += int(np.count_nonzero(is_ample))
            if not is_ample.all():
                rest.blocks.append((block, indexes[~is_ample]))
        self._apart += number
        return Apart(rest, number, most)

    def carried(
        self,
        window: Window,
        carriers: Carriers,
        among: Among | None,
        zygosities: frozenset[int] | None,
    ) -> Carrying:
        """Note the carriers of alleles that were counted, or may be shown; how many they are."""
        codes, places, number = [], [], 0
        common: list[BitMap] = []
        kinds = []
        for block, indexes in window.blocks:
            is_common = block.column("flags")[indexes] & IS_COMMON > 0
            kinds.append(is_common)
            of_rare = indexes[~is_common]
            found, place = carriers.of_block(block).of_each(of_rare)
            codes.append(found)
            places.append(place + number)
            number += len(of_rare)
            common += [
                carriers.common_rows(block, index, zygosities)
                for index in indexes[is_common].tolist()
            ]
        for one in window.structural:
            found = carriers.codes(one)
            codes.append(found)
            places.append(np.full(len(found), number))
            number += 1
        few = np.zeros(0, np.int64)
        if number:
            few = self._of_rare(
                np.concatenate(codes), np.concatenate(places), number, among, zygosities
            )
        many = self._of_common(common, None if among is None else among.rows)
        blocks = []
        for is_common in kinds:
            people = np.empty(len(is_common), np.int64)
            of_block = np.count_nonzero(is_common)
            people[is_common], many = many[:of_block], many[of_block:]
            people[~is_common] = few[: len(people) - of_block]
            few = few[len(people) - of_block :]
            blocks.append(people)
        return Carrying(blocks, few.tolist())

    def charges(self) -> tuple[I64, I64]:
        """Ordinals of individuals, ascending, and what each is charged."""
        found, sums, moved = self._charges.sums()
        if not self._shows_alleles and self._alleles + self._apart > 1:
            # One number is told of all of them. Somebody moves it by the sum of what they move
            # each, and it varies by the sum of what they vary: those about the threshold do.
            sums = np.minimum(moved * moved / max(self._near, 1), sums)
        return found, np.ceil(np.minimum(sums, _UNITS_MAX)).astype(np.int64)

    def size(self, count: int) -> int:
        """Of how many people so many were counted."""
        sampled = self._roster.sampled
        return sampled if sampled >= count else len(self._roster.individuals)

    def _of_rare(
        self,
        codes: npt.NDArray[np.uint32],
        place: I64,
        number: int,
        among: Among | None,
        zygosities: frozenset[int] | None,
    ) -> I64:
        """Note so many alleles by their carriers, with the place of the allele of each carrier."""
        if zygosities is not None:
            fits = np.isin(codes & 3, list(zygosities))
            codes, place = codes[fits], place[fits]
        rows = codes >> 2
        if among is not None:
            counts = among.table[rows]
            rows, place = rows[counts], place[counts]
        people, place = self._people(rows, place)
        counts = np.bincount(place, minlength=number)
        units = self._units(counts)[place]
        is_charged = units > 0
        self._charges.add(people[is_charged], units[is_charged])
        return counts

    def _of_common(self, carrying: Sequence[BitMap], among: BitMap | None) -> I64:
        """Note alleles by the rows that carry each, of which some may be all that count."""
        if not carrying:
            return np.zeros(0, np.int64)

        def people(rows: BitMap) -> BitMap:
            return people_of_rows(self._roster, rows if among is None else rows & among)

        if not self._roster.one_each:
            of_each = [len(people(rows)) for rows in carrying]
        elif among is None:
            of_each = [len(rows) for rows in carrying]
        else:
            of_each = [rows.intersection_cardinality(among) for rows in carrying]
        counts = np.array(of_each, np.int64)
        for rows, units in zip(carrying, self._units(counts).tolist(), strict=True):
            if units:
                self._charges.add(rows_array(people(rows)), units)
        return counts

    def _people(self, rows: npt.NDArray[Any], place: I64) -> tuple[I64, I64]:
        """Whose the rows are, each person once for each place."""
        if self._roster.one_each:
            return rows.astype(np.int64), place
        people = self._roster.individual_of[rows].astype(np.int64)
        size = len(self._roster.individuals)
        is_somebodys = people >= 0
        both = np.unique(place[is_somebodys] * size + people[is_somebodys])
        place, people = np.divmod(both, max(size, 1))
        return people, place

    def _units(self, counts: I64) -> I64:
        """What alleles that so many people carry are charged, each of them, after noting them."""
        is_first = not self._alleles
        self._alleles += len(counts)
        self._near += int(
            np.count_nonzero((2 * counts >= self._least) & (counts < 2 * self._least))
        )
        units = self._of_shown(counts) if self._shows_alleles else self._of_number(counts)
        if is_first and len(counts) and 0 < counts[0] < COMMON:
            units[0] = cost(int(counts[0]), self._least)
        return units

    def _of_shown(self, counts: I64) -> I64:
        """Of alleles each of which is told of, and what everybody is charged for them."""
        different, which, times = np.unique(counts, return_inverse=True, return_counts=True)
        charged = np.zeros(len(different), np.int64)
        for place, (count, number) in enumerate(
            zip(different.tolist(), times.tolist(), strict=True)
        ):
            if not count:
                continue
            size = self.size(count)
            self.everybody += number * _of_dosage(count / size, size)
            if count >= COMMON:
                self.everybody += number * cost(count, self._least)
            else:
                charged[place] = cost(count, self._least)
        return charged[which]

    def _of_number(self, counts: I64) -> I64:
        """Of alleles of which only is told how many they are: those near the threshold."""
        of_count = _of_few(self._least)
        return of_count[np.minimum(counts, len(of_count) - 1)]


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


@lru_cache
def _of_few(least: int) -> I64:
    """What each of so few people is charged; the last is nothing, for all that are more."""
    most = min(_FEW * least, COMMON)
    return np.array([0, *(cost(count, least) for count in range(1, most)), 0])
