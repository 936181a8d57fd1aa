"""The home of `PutQuestion`: what a question with a budget is known by before it is answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from beacon.framework.access import Access
from beacon.framework.query import Granularity, Query
from beacon.mongo.ledger import Ledger
from beacon.mongo.plan import VARIANT, Plan


@dataclass(frozen=True, slots=True)
class PutQuestion:
    """One plan, and what it is known by before it is evaluated.

    Attributes:
        context: What makes it another question: who may be told more than before asks something
            else.
        spelling: The key of the words in which it was put.
        least: The fewest people that any answer to it tells of.
        near: Sets that differ in fewer people have one number.
    """

    plan: Plan
    context: bytes
    spelling: bytes
    least: int
    near: int

    @classmethod
    def of(cls, plan: Plan, access: Access, ledger: Ledger) -> PutQuestion:
        """Of a plan, by what its caller may be told."""
        dataset = plan.dataset
        counts = tuple(_min_counts(plan, access))
        least, near = min(counts), max(counts)
        shows = access.level(dataset.id, VARIANT) is Granularity.RECORD
        parts = (dataset.id, dataset.release, dataset.metadata, least, near, shows)
        context = "\0".join(map(str, parts)).encode()
        return cls(
            plan, context, ledger.keyed(b"spelling", context, _spelled(plan.query)), least, near
        )


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
    return min(_min_counts(plan, access))


def people_max(plan: Plan, access: Access) -> int:
    """The most people that any answer to a question needs, at whichever granularity."""
    return max(_min_counts(plan, access))


def _min_counts(plan: Plan, access: Access) -> Iterator[int]:
    """How many people are told of at each granularity that the caller may have."""
    query, dataset_id = plan.query, plan.dataset.id
    highest = access.level(dataset_id, query.entry_type)
    for level in range(Granularity.BOOLEAN, highest + 1):
        yield access.protecting(query, dataset_id, Granularity(level)).min_count
