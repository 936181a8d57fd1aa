"""The home of `Guard`: sets of people that differ in too few have one number."""

from __future__ import annotations

from collections.abc import Sequence

from pyroaring import BitMap

from beacon.mongo.ledger_account import Entry
from beacon.mongo.plan import Plan
from beacon.mongo.standing import Standing
from beacon.mongo.tally import Tally

_OF_ENTRIES = ("biosample", "run", "analysis")
"""Entry types of which somebody may have several, so that who they are does not say how many."""


class Guard:
    """Puts an earlier set of people in the place of one that differs from it in too few.

    Args:
        least: Fewer people than this are too few.
        told_with: Of answers that are told together with this one.
        replayed: For a question that was asked before, what was put in the place of its set then.
    """

    def __init__(
        self,
        standing: Standing,
        plan: Plan,
        least: int,
        told_with: Sequence[Entry] = (),
        replayed: Entry | None = None,
        *,
        is_replay: bool = False,
    ) -> None:
        self._standing = standing
        self._plan = plan
        self._least = least
        self._told_with = [one for one in told_with if one.instead is None]
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
        other, size, least = None, len(members), self._least
        earlier = self._standing.sets(self._plan.dataset.metadata, size - least + 1, size + least)
        for one in (*self._told_with, *earlier):
            if one.members is None or not -least < len(one.members) - size < least:
                continue
            differ = one.members.symmetric_difference_cardinality(members)
            is_same_kind = one.kind == self._plan.query.entry_type
            # The same people, asked for in another way, have one number as well: else who compares
            # two numbers would tell the same people from nearly the same.
            if 0 < differ < least or (not differ and is_same_kind and one.kind == "individual"):
                if is_same_kind:
                    return one
                other = other or one
        return other


def has_own_numbers(instead: Entry, plan: Plan) -> bool:
    """Whether what was counted for an earlier question is told, and not counted again."""
    return instead.kind == plan.query.entry_type and instead.kind in _OF_ENTRIES
