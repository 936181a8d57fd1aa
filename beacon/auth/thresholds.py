"""The home of how few people a tier is told of, unless the settings say otherwise."""

from __future__ import annotations

from beacon.auth.tiers import PUBLIC, Tiers
from beacon.framework.query import Granularity

METADATA = frozenset(("dataset", "cohort"))
"""Entry types whose records are not of people each."""

USUAL = 10
"""For everybody, for the registered, and for tiers of one's own."""

_GRANT = "ControlledAccessGrants"
_HEALTHCARE = "healthcare"
_HEALTHCARE_BOOLEAN, _HEALTHCARE_COUNT = 3, 5


def usual_min_count(tier: str, entry_type: str, granularity: Granularity, tiers: Tiers) -> int:
    """The `min_count` of a rule that says none; one below it is a risk that somebody accepts.

    Args:
        tier: Name of the tier that the rule is for.
        entry_type: Id of what the rule grants.
        granularity: The most that the rule grants.
        tiers: All there are, by which a tier that requires another one is known.
    """
    if entry_type in METADATA:
        return 1
    if tier == PUBLIC:
        return USUAL
    required = tiers.required(tier)
    if any(one.type == _GRANT for name in required for one in tiers.tiers[name].all_of):
        return 1
    if _HEALTHCARE in required:
        yes_or_no = granularity is Granularity.BOOLEAN
        return _HEALTHCARE_BOOLEAN if yes_or_no else _HEALTHCARE_COUNT
    return USUAL
