"""The home of what is said, beside a count from memory, of whom it rests on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from beacon.framework.answer import Part
from beacon.framework.query import Query
from beacon.memory.rows import Entry, JoinedDataset

Predicate = Callable[[Entry], bool]


def rows_of(entries: Iterable[Entry]) -> frozenset[int]:
    """All rows that some entries are about."""
    return frozenset(row for entry in entries for row in entry.rows)


def part_of(query: Query, dataset: JoinedDataset, counted: Collection[Entry]) -> Part | None:
    """The cohort within which is asked, and who is left in it; `None` without one."""
    if query.within is None or query.within.entry_type != "cohort":
        return None
    cohort_id = query.within.id
    rows = rows_of(one for one in dataset.entries["cohort"] if one.id == cohort_id)
    chosen = {one.id for one in counted}
    inside = [one for one in dataset.entries[query.entry_type] if one.rows & rows]
    outside = [one for one in dataset.entries[query.entry_type] if not one.rows & rows]
    others = [one for one in inside if one.id not in chosen]
    return Part(
        size=len(inside),
        others=dataset.people(rows_of(others)),
        outside=dataset.people(rows_of(outside)),
    )


def question_digest(
    target: str,
    dataset: JoinedDataset,
    conditions: Mapping[str, Sequence[Predicate]],
    either: Iterable[Mapping[str, Predicate]],
    zygosities: Collection[int] | None,
) -> bytes:
    """One digest for all spellings of a question: of what fits each of its conditions.

    Conditions that everything fits are none.

    Args:
        target: The entry type that is counted.
        dataset: Where.
        conditions: On entries of one type, by type.
        either: Of each, one of several entry types will do.
        zygosities: Those of carriers that count; `None` is all.
    """
    said = {
        repr([(entry_type, _fitting(dataset, entry_type, holds))])
        for entry_type, predicates in conditions.items()
        for holds in predicates
        if not all(map(holds, dataset.entries[entry_type]))
    }
    said |= {
        repr(sorted((scope, _fitting(dataset, scope, holds)) for scope, holds in one.items()))
        for one in either
    }
    carriers = None if zygosities is None else sorted(map(int, zygosities))
    return hashlib.sha256(repr((target, sorted(said), carriers)).encode()).digest()


def members_digest(dataset: JoinedDataset, counted: Iterable[Entry]) -> bytes:
    """A digest of the people whose entries are counted."""
    people = sorted({dataset.rows[row].individual for row in rows_of(counted)})
    return hashlib.sha256(repr(people).encode()).digest()


def _fitting(dataset: JoinedDataset, entry_type: str, holds: Predicate) -> list[str]:
    return sorted(one.id for one in dataset.entries[entry_type] if holds(one))
