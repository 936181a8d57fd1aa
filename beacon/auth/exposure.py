"""The home of `Exposure`: how well the rules of a tier can be used to find out who is in a dataset.

Whoever is in a tier has what the rules for everybody and for the tiers that it requires grant, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from beacon.auth.rules import LEVELS, ONE_BY_ONE, DatasetRules, access_of
from beacon.auth.thresholds import METADATA
from beacon.auth.tiers import PUBLIC, Tiers
from beacon.framework.access import Access, Protection
from beacon.framework.attack_power import (
    CERTAIN,
    LEVEL,
    information_of_answer,
    power_of,
    questions_for,
    scrape_power,
)
from beacon.framework.budget import UNITS, Budget
from beacon.framework.query import Granularity

_VARIATION = "genomicVariant"


class Bound(StrEnum):
    """What the power of the best attack is bounded by."""

    NOTHING_ASKED = "nothing is told of people"
    RECORDS = "records of people are shown"
    BUDGET = "the budget"
    FEW_PEOPLE = "one answer can be of one person"
    NOTHING = "nothing: questions are not limited"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The most that is told of one entry type, and how numbers of people are told."""

    entry_type: str
    granularity: Granularity
    protection: Protection


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """What one tier can be used for.

    Attributes:
        budget: Of the tier and of those that it requires, `None` without one.
        information: Of the one answer that tells most of somebody; may be infinite.
        power: The most that the best attack can reach, which knows how frequent alleles are
            everywhere.
        bound: What keeps it there.
        questions: The fewest that it needs for `CERTAIN`; `None` where that cannot be reached.
        organisation_power: That of all callers of one organisation together, under a budget.
        everybodys_power: That of all callers together, under a budget.
        scrape_power: That of a copy of all that is told about variants, where nothing limits
            questions: what is reached with the frequencies of common alleles alone.
    """

    tier: str
    told: tuple[Told, ...]
    budget: Budget | None
    information: float
    power: float
    bound: Bound
    questions: int | None = None
    organisation_power: float | None = None
    everybodys_power: float | None = None
    scrape_power: float | None = None


def exposures(
    rules: DatasetRules, tiers: Tiers, people: int | None, sites: int
) -> Iterator[Exposure]:
    """Of everybody, and of each tier that there are rules for.

    Args:
        rules: Of one dataset.
        tiers: All there are.
        people: In the dataset, `None` where that is unknown.
        sites: Variants in it.
    """
    for tier in (PUBLIC, *sorted(rules.tiers() - {PUBLIC})):
        within = {PUBLIC} if tier == PUBLIC else {PUBLIC, *tiers.required(tier)}
        yield _exposure(tier, rules, access_of([(rules, frozenset(within))]), people, sites)


def _exposure(
    tier: str, rules: DatasetRules, access: Access, people: int | None, sites: int
) -> Exposure:
    dataset_id = rules.dataset_id
    granted = access.grants.get(dataset_id, {})
    budget = access.budgets.get(dataset_id)
    answers = list(_answers(access, dataset_id))
    information = max((found for _, found in answers), default=0.0)
    told = tuple(
        Told(
            entry_type=entry_type,
            granularity=level,
            protection=access.protection(dataset_id, entry_type, level),
        )
        for entry_type, level in granted.items()
    )
    exposure = Exposure(
        tier=tier,
        told=told,
        budget=budget,
        information=information,
        power=LEVEL,
        bound=Bound.NOTHING_ASKED,
    )
    if not answers:
        return exposure
    scrape = None
    if people is not None and budget is None and _VARIATION in granted:
        scrape = scrape_power(people, sites)
    if any(one.granularity is Granularity.RECORD and one.entry_type in ONE_BY_ONE for one in told):
        return msgspec.structs.replace(exposure, power=1.0, bound=Bound.RECORDS, questions=1)
    if math.isinf(information):
        return msgspec.structs.replace(
            exposure, power=1.0, bound=Bound.FEW_PEOPLE, questions=1, scrape_power=scrape
        )
    if budget is not None:
        return _within_budget(exposure, budget)
    return msgspec.structs.replace(
        exposure,
        power=1.0,
        bound=Bound.NOTHING,
        questions=questions_for(CERTAIN, information),
        scrape_power=scrape,
    )


def _within_budget(exposure: Exposure, budget: Budget) -> Exposure:
    def power(limit: int) -> float:
        return power_of(limit / UNITS)

    own = power(budget.limit)
    return msgspec.structs.replace(
        exposure,
        power=own,
        bound=Bound.BUDGET,
        organisation_power=power(budget.organisation_limit),
        everybodys_power=power(budget.dataset_limit),
        questions=questions_for(CERTAIN, exposure.information) if own >= CERTAIN else None,
    )


def _answers(access: Access, dataset_id: str) -> Iterator[tuple[int, float]]:
    """The threshold and the information of every kind of answer about people."""
    for entry_type, granted in access.grants.get(dataset_id, {}).items():
        if entry_type in METADATA:
            continue
        for level in LEVELS:
            if level > granted:
                break
            own = access.protection(dataset_id, entry_type, level)
            is_yes_or_no = level is Granularity.BOOLEAN
            if own.tells_few and own.min_count > 1 and entry_type != _VARIATION:
                yield 1, math.inf
            yield (
                own.min_count,
                information_of_answer(own.min_count, None if is_yes_or_no else own.round_to),
            )
