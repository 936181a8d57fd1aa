"""The home of `Tally`: which question an answer is to, and whom it rests upon."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.framework.answer import Basis
from beacon.framework.budget import UNITS, cost
from beacon.mongo.allele_charges import AlleleCharges
from beacon.mongo.allele_set import AlleleSet
from beacon.mongo.found import Window
from beacon.mongo.plan import VARIANT, Alternative, Plan
from beacon.mongo.roster import Roster
from beacon.mongo.rows import people_of_rows, rows_array, rows_of_people

I64 = npt.NDArray[np.int64]


class Guard(Protocol):
    """Puts an earlier set of people in the place of one that differs from it in too few."""

    def rows(self, tally: Tally, rows: BitMap) -> BitMap:
        """The rows in which alleles are to be counted."""

    def people(self, tally: Tally, members: BitMap) -> BitMap | None:
        """Whose entries are to be counted instead; `None`: those of these people."""


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
        charged: What is charged to whom; alleles are noted there.
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
    charged: AlleleCharges = field(init=False)
    _filters: set[bytes] = field(default_factory=set)
    _fitting: AlleleSet = field(default_factory=AlleleSet)

    def __post_init__(self) -> None:
        self.charged = AlleleCharges(self.roster, self.least, shows_alleles=self.shows_alleles)

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
        self.charged.add(count, cost(count, self.least), lambda: rows_array(people))
        size = self.charged.size(count)
        others = size - count
        of_others = math.ceil(UNITS * count / (size * max(others, self.least)))
        everybody = range(len(self.roster.individuals))
        self.charged.add(
            others, of_others, lambda: rows_array(BitMap(everybody) - people - self.left_out)
        )

    def chosen(self, people: I64) -> None:
        """Charge for an allele that was chosen with others, of which one number is told.

        Who asks for others with it and without it learns how many carry it: that costs no less than
        to ask for it alone.

        Args:
            people: Who carries it, by ordinal, each once.
        """
        if len(people) and self.pays_for_alleles:
            self.charged.add(len(people), cost(len(people), self.least), lambda: people)

    def people_of(self, rows: BitMap) -> BitMap:
        """The individuals of rows, by ordinal."""
        return people_of_rows(self.roster, rows)

    def rows_of(self, people: BitMap) -> BitMap:
        """The rows of individuals."""
        return rows_of_people(self.roster, people)


def _digest(*parts: bytes) -> bytes:
    made = hashlib.blake2b(digest_size=16)
    for part in parts:
        made.update(len(part).to_bytes(8, "big") + part)
    return made.digest()
