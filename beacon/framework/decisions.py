"""The home of `Decision`: what was decided of each dataset, for the audit alone."""

from __future__ import annotations

import msgspec

from beacon.framework.access import Access
from beacon.framework.answer import ResultSet
from beacon.framework.query import Granularity, Query

RARE = 3
"""Times `min_count`: an answer that rests on fewer people tells more of each than others do."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided of one dataset. No answer holds it.

    Attributes:
        level: At which it was told; `NONE` when it was withheld.
        rare: Whether there are some, and they rest on fewer than `RARE` times as many people as the
            rule protects.
        release: The release that was asked.
        charge: What the answer costs whoever asked, in millionths.
    """

    dataset_id: str
    level: Granularity
    rare: bool = False
    release: str | None = None
    charge: int | None = None


def decided(
    found: ResultSet, level: Granularity, query: Query, access: Access, *, exists: bool
) -> Decision:
    """What was decided of a set.

    Args:
        found: As the source gave it.
        level: At which it is told.
        query: What was asked.
        access: What the caller may learn.
        exists: Whether it is told that there are some.
    """
    is_rare = False
    if exists and found.basis is not None:
        least = access.protecting(query, found.dataset_id, level).min_count
        is_rare = 0 < found.basis.people < RARE * least
    return Decision(
        dataset_id=found.dataset_id,
        level=level,
        rare=is_rare,
        release=found.release,
        charge=found.charge,
    )
