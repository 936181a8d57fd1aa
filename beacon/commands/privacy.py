"""`beacon privacy …`: how well those who ask could find out who is in the data."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
import msgspec
import pymongo
from rich.table import Column, Table
from rich.text import Text

from beacon import databases
from beacon.auth.exposure import Exposure, Told, exposures
from beacon.auth.policy import Rules
from beacon.auth.rules import DatasetRules
from beacon.auth.thresholds import METADATA
from beacon.auth.tiers import PUBLIC, Tiers
from beacon.commands.options import AS_JSON, Commands, out, with_settings
from beacon.framework.attack_power import (
    independent,
    people_for_scrape,
    questions_without_frequencies,
    scrape_power,
)
from beacon.framework.budget import UNITS, Budget
from beacon.framework.query import Granularity
from beacon.model.entry_types import MODEL
from beacon.mongo import documents
from beacon.mongo.holdings import Holdings, holdings
from beacon.mongo.ledger import Ledger
from beacon.mongo.ledger_summary import Spent, spent
from beacon.settings import Settings

PEOPLE_OF_A_PUBLIC_TABLE = 77_000
"""A copy of a public table of fewer people finds more than a fifth of them."""

_MOSTLY = 0.5
_BAR = 10
_DAY_S = 86_400.0
_ENTRY_TYPES = tuple(one.id for one in MODEL.entry_types)


class _Assessed(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset: its rules, what it holds, what that exposes, and what has been spent."""

    rules: DatasetRules
    holds: Holdings
    exposures: tuple[Exposure, ...]
    spent: Spent | None

    @property
    def missing_statement(self) -> str | None:
        """What its settings should say and do not."""
        own, people = self.rules.settings, self.holds.people
        is_public = any(
            one.tier == PUBLIC and one.entry_type not in METADATA for one in self.rules.granted
        )
        if not is_public or own.membership_sensitive is not None or own.accept_risk:
            return None
        if people is not None and people >= PEOPLE_OF_A_PUBLIC_TABLE:
            return None
        ill = self.holds.ill
        if ill is not None and ill < _MOSTLY:
            return None
        why = "nothing says whether its people have a disease in common"
        if ill is not None:
            why = f"{_percent(ill)} of its people have a disease"
        return (
            f"It is public, {why}, and they are fewer than {PEOPLE_OF_A_PUBLIC_TABLE:,}: say "
            "membership_sensitive = false, or accept_risk and why, or make nothing of it public."
        )


@click.group(cls=Commands)
def privacy() -> None:
    """Assess what the rules and the data expose."""


@privacy.command()
@with_settings
@AS_JSON
def report(settings: Settings, as_json: bool) -> None:
    """Say how well the best attacks could find out who is in each dataset.

    For a data protection impact assessment. It names nobody who asks and nobody in the data.
    """
    assessed = _assess(settings)
    loaded = {one.holds.dataset_id for one in assessed}
    absent = [one for one in settings.policy.datasets if one not in loaded]
    if as_json:
        found = {"datasets": [_document(one) for one in assessed], "notLoaded": absent}
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
        return
    for one in assessed:
        _print(one)
    if absent:
        out.print(f"Rules without data: {', '.join(absent)}", markup=False)
    if not assessed:
        out.print("No dataset is loaded that the policy names.")


def _assess(settings: Settings) -> list[_Assessed]:
    tiers = Tiers.from_settings(settings.policy.tiers)
    rules = {one.dataset_id: one for one in Rules(settings.policy, _ENTRY_TYPES).datasets}
    with databases.database_uri(settings) as uri, databases.database_at(uri, settings) as database:
        held = [one for one in holdings(database) if one.dataset_id in rules]
        budgets = {
            one.dataset_id: strictest
            for one in held
            if (strictest := _strictest(rules[one.dataset_id])) is not None
        }
        used: Mapping[str, Spent] = {}
        if budgets and database[documents.LEDGER].find_one() is not None:
            used = asyncio.run(_spent(uri, settings, budgets))
    return [
        _Assessed(
            rules=rules[one.dataset_id],
            holds=one,
            exposures=tuple(exposures(rules[one.dataset_id], tiers, one.people, one.sites)),
            spent=used.get(one.dataset_id),
        )
        for one in held
    ]


def _strictest(rules: DatasetRules) -> tuple[Budget, int] | None:
    """The least that the budgets of a dataset allow, and how few people may be told of under it."""
    least = min(rules.budgets.items(), key=lambda one: one[1].limit, default=None)
    if least is None:
        return None
    tier, budget = least
    told = (one for one in rules.granted if one.tier == tier and one.entry_type not in METADATA)
    return budget, min((one.protection.min_count for one in told), default=1)


async def _spent(
    uri: str, settings: Settings, budgets: Mapping[str, tuple[Budget, int]]
) -> Mapping[str, Spent]:
    from beacon import composition

    async with pymongo.AsyncMongoClient[dict[str, Any]](uri) as client:
        database = client[settings.mongo.database]
        ledger = Ledger(database, composition.keys(settings).derive("ledger"))
        return await spent(database, ledger, budgets, time.time())


# As JSON ----------------------------------------------------------------------------------------


def _document(one: _Assessed) -> dict[str, Any]:
    own, holds = one.rules.settings, one.holds
    return {
        "dataset": holds.dataset_id,
        "people": holds.people,
        "peopleAre": holds.people_are,
        "sites": holds.sites,
        "independentSites": independent(holds.sites),
        "shareWithDisease": holds.ill,
        "membershipSensitive": own.membership_sensitive,
        "acceptedRisk": own.accept_risk or None,
        "risks": sorted({risk.key for risk in one.rules.risks()}),
        "missingStatement": one.missing_statement,
        "wholeTable": {
            "power": holds.people and scrape_power(holds.people, holds.sites),
            "peopleFor20Percent": people_for_scrape(0.2, holds.sites),
            "peopleFor10Percent": people_for_scrape(0.1, holds.sites),
        },
        "questionsWithoutFrequencies": holds.people and questions_without_frequencies(holds.people),
        "tiers": [_tier_document(exposure) for exposure in one.exposures],
        "spent": one.spent
        and {
            "callers": one.spent.callers,
            "people": one.spent.people,
            "exhausted": one.spent.exhausted,
            "most": one.spent.most,
        },
    }


def _tier_document(one: Exposure) -> dict[str, Any]:
    return {
        "tier": one.tier,
        "power": one.power,
        "boundedBy": one.bound.value,
        "informationOfOneAnswer": one.information if math.isfinite(one.information) else None,
        "questionsTo95Percent": one.questions,
        "wholeTablePower": one.scrape_power,
        "budget": None if one.budget is None else _budget_document(one, one.budget),
        "told": [
            {
                "entryType": told.entry_type,
                "granularity": told.granularity.wire,
                "minCount": told.protection.min_count,
                "roundTo": told.protection.round_to,
                "below": "threshold" if told.protection.tells_few else "zero",
                "noise": told.protection.noise,
            }
            for told in one.told
        ],
    }


def _budget_document(one: Exposure, budget: Budget) -> dict[str, Any]:
    return {
        "information": budget.limit / UNITS,
        "windowDays": budget.window_s / _DAY_S,
        "questionsPerMonth": budget.questions_max or None,
        "organisationPower": one.organisation_power,
        "everybodysPower": one.everybodys_power,
    }


# For people -------------------------------------------------------------------------------------


def _print(one: _Assessed) -> None:
    out.print()
    out.print(Text(one.holds.dataset_id, style="bold"))
    for line in _about(one):
        out.print(line, markup=False, highlight=False)
    table = Table(
        Column("tier", no_wrap=True),
        "is told",
        Column("best attack finds", no_wrap=True),
        "questions for 95 %",
        "bounded by",
    )
    for exposure in one.exposures:
        table.add_row(
            exposure.tier,
            _told(exposure.told),
            _bar(exposure.power),
            "never" if exposure.questions is None else f"{exposure.questions:,}",
            _bound(exposure),
        )
    out.print(table)
    if one.missing_statement:
        out.print(Text(one.missing_statement, style="yellow"))


def _about(one: _Assessed) -> Iterator[str]:
    own, holds = one.rules.settings, one.holds
    people = "an unknown number of people" if holds.people is None else f"{holds.people:,} people"
    if holds.people_are == "alleles":
        people += " (by the alleles that were called)"
    yield f"{people}, {holds.sites:,} variants"
    if holds.ill is not None:
        yield f"{_percent(holds.ill)} of them with a disease"
    sensitive = {True: "yes", False: "no", None: "not said"}[own.membership_sensitive]
    yield f"who is in it is sensitive: {sensitive}"
    if own.accept_risk:
        keys = sorted({_short(risk.key, holds.dataset_id) for risk in one.rules.risks()})
        yield f"accepted risk: {own.accept_risk} ({', '.join(keys) or 'of no rule'})"
    if holds.people:
        yield (
            "a copy of all its frequencies finds "
            f"{_percent(scrape_power(holds.people, holds.sites))}; 20 % would need "
            f"{people_for_scrape(0.2, holds.sites):,} people, 10 % "
            f"{people_for_scrape(0.1, holds.sites):,}"
        )
        yield (
            "without a threshold, and knowing no frequencies, "
            f"{questions_without_frequencies(holds.people):,} questions find 95 %"
        )
    if one.spent is not None:
        yield (
            f"budgets: {one.spent.callers:,} callers have asked about {one.spent.people:,} people; "
            f"{one.spent.exhausted:,} of these are left out for at least one of them; most spent "
            f"on one: {_percent(one.spent.most)}"
        )


def _short(key: str, dataset_id: str) -> str:
    return key.removeprefix(f'policy.datasets."{dataset_id}".')


def _told(told: Sequence[Told]) -> str:
    """Entry types that are told alike, together."""
    alike: dict[str, list[str]] = {}
    for one in told:
        if one.granularity > Granularity.NONE:
            alike.setdefault(_in_words(one), []).append(one.entry_type)
    return "\n".join(f"{', '.join(names)}: {words}" for words, names in alike.items()) or "nothing"


def _in_words(one: Told) -> str:
    words = [one.granularity.wire]
    if one.protection.min_count > 1:
        words.append(f"≥ {one.protection.min_count}")
    if one.protection.round_to > 1:
        words.append(f"by {one.protection.round_to}s")
    if one.protection.tells_few:
        words.append("fewer as that")
    if one.protection.noise:
        words.append(f"noise {one.protection.noise:g}")
    return " ".join(words)


def _bar(power: float) -> Text:
    full = round(power * _BAR)
    style = "red" if power > 0.5 else "yellow" if power > 0.25 else "green"
    return Text.assemble(("█" * full, style), "░" * (_BAR - full), f" {_percent(power)}")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _bound(one: Exposure) -> str:
    lines = [one.bound.value]
    if one.budget is not None:
        lines[0] += f", {one.budget.limit / UNITS:.3g} in {one.budget.window_s / _DAY_S:g} days"
    if one.organisation_power is not None and one.everybodys_power is not None:
        lines.append(f"of one organisation: {_percent(one.organisation_power)}")
        lines.append(f"all callers together: {_percent(one.everybodys_power)}")
    if one.scrape_power is not None:
        lines.append(f"a copy of it alone: {_percent(one.scrape_power)}")
    return "\n".join(lines)
