"""The home of rules: what the tiers that a caller belongs to grant of each dataset.

Every rule stands for itself: nothing is inherited, and what no rule grants is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import combinations

from beacon.auth.thresholds import METADATA, usual_min_count
from beacon.auth.tiers import DAC, PUBLIC, VISA_VALUE, Tiers, suggestion
from beacon.framework.access import ANY, Access, Protection, Protections
from beacon.framework.budget import UNITS, Budget, cost, limit_of_power
from beacon.framework.errors import SettingsError
from beacon.framework.query import Granularity
from beacon.settings import Below, BudgetSettings, DatasetPolicy, Level, Rule

ONE_BY_ONE = frozenset(("individual", "biosample", "run", "analysis"))
"""Entry types of which a record is of one person: whoever reads records can count them."""

LEAST_EPSILON = 0.01
"""Noise of less has a standard deviation of more than 141 people."""

LEVELS = (Granularity.BOOLEAN, Granularity.COUNT, Granularity.RECORD)


@dataclass(frozen=True, slots=True)
class Granted:
    """What one rule grants of one entry type.

    Attributes:
        key: Where the settings say so.
        usual: The `min_count` that the rule would have by itself.
    """

    tier: str
    entry_type: str
    granularity: Granularity
    protection: Protection
    key: str
    usual: int

    @property
    def is_risk(self) -> bool:
        """Whether it tells of fewer people than by itself."""
        return self.protection.min_count < self.usual


@dataclass(frozen=True, slots=True)
class DatasetRules:
    """All rules of one dataset, for every entry type one by one."""

    dataset_id: str
    settings: DatasetPolicy
    granted: tuple[Granted, ...]
    budgets: Mapping[str, Budget]

    @classmethod
    def from_settings(
        cls, dataset_id: str, settings: DatasetPolicy, entry_types: Collection[str], tiers: Tiers
    ) -> DatasetRules:
        """Check the rules of a dataset.

        Raises:
            SettingsError: They name what there is not, or contradict each other.
        """
        key = f'policy.datasets."{dataset_id}"'
        if PUBLIC in settings.tiers:
            raise SettingsError(f"{key}.tiers.public: rules for everybody are {key}.public")
        if settings.accept_risk and not settings.accept_risk.strip():
            raise SettingsError(f"{key}.accept_risk says nothing; say why the risk can be taken")
        granted = [
            *_granted(f"{key}.public", PUBLIC, settings.public, settings, entry_types, tiers)
        ]
        for tier, rules in settings.tiers.items():
            tiers.known(tier, f"{key}.tiers")
            for reference, given in ((VISA_VALUE, settings.visa_value), (DAC, settings.dac)):
                if reference in tiers.needs(tier) and not given:
                    name = reference.removeprefix("${dataset.").removesuffix("}")
                    raise SettingsError(f"{key}.{name}: the tier {tier} needs it to know its visas")
            granted += _granted(f"{key}.tiers.{tier}", tier, rules, settings, entry_types, tiers)
        if not settings.accept_risk:
            _check_risks(key, granted)
        _check_together(granted)
        if settings.membership_sensitive:
            _check_sensitive(granted)
        budgets = {}
        for tier, of_tier in settings.budgets.items():
            if tier == PUBLIC:
                raise SettingsError(f"{key}.budgets.public: there is nobody to keep an account of")
            tiers.known(tier, f"{key}.budgets")
            budgets[tier] = _budget(of_tier)
            _check_budget(f"{key}.budgets.{tier}", tier, budgets[tier], granted)
        return cls(dataset_id, settings, tuple(granted), budgets)

    def tiers(self) -> frozenset[str]:
        """The tiers that there are rules for."""
        return frozenset(one.tier for one in self.granted)

    def risks(self) -> tuple[Granted, ...]:
        """What tells of fewer people than usual, as the settings accept."""
        return tuple(one for one in self.granted if one.is_risk)


def access_of(rules: Iterable[tuple[DatasetRules, frozenset[str]]]) -> Access:
    """What callers may learn who belong to some tiers, of each dataset."""
    grants: dict[str, Mapping[str, Granularity]] = {}
    protections: dict[str, Mapping[str, Protections]] = {}
    budgets: dict[str, Budget] = {}
    keys: dict[str, Mapping[str, tuple[str, ...]]] = {}
    for of_dataset, tiers in rules:
        applying = [one for one in of_dataset.granted if one.tier in tiers]
        if not applying:
            continue
        by_type: dict[str, list[Granted]] = {}
        for one in applying:
            by_type.setdefault(one.entry_type, []).append(one)
        grants[of_dataset.dataset_id] = {
            entry_type: max(one.granularity for one in of_type)
            for entry_type, of_type in by_type.items()
        }
        keys[of_dataset.dataset_id] = {
            entry_type: tuple(one.key for one in of_type) for entry_type, of_type in by_type.items()
        }
        if any(not one.protection.is_open for one in applying):
            protections[of_dataset.dataset_id] = {
                entry_type: _protections(of_type) for entry_type, of_type in by_type.items()
            }
        limits = [one for tier, one in of_dataset.budgets.items() if tier in tiers]
        if limits and not _is_free(applying, of_dataset.budgets):
            budgets[of_dataset.dataset_id] = reduce(Budget.stricter, limits)
    return Access(grants=grants, protections=protections, budgets=budgets, rules=keys)


def _is_free(granted: Collection[Granted], budgets: Mapping[str, Budget]) -> bool:
    """Whether a tier without a budget grants as much as those with one do, so that none applies."""
    free = [one for one in granted if one.tier not in budgets]
    return all(
        any(
            other.entry_type == one.entry_type
            and other.granularity >= one.granularity
            and one.protection.covers(other.protection)
            for other in free
        )
        for one in granted
        if one.tier in budgets
    )


def loosest(granted: Iterable[Granted]) -> Protection:
    """The protection that lets most through; of rules that were checked together, there is one."""
    found: Protection | None = None
    for one in granted:
        if found is None or found.covers(one.protection):
            found = one.protection
    return Protection() if found is None else found


def _protections(granted: Collection[Granted]) -> Protections:
    yes, count, record = (
        loosest(one for one in granted if one.granularity >= level) for level in LEVELS
    )
    return yes, count, record


def _granted(
    key: str,
    tier: str,
    rules: Mapping[str, Level | Rule],
    settings: DatasetPolicy,
    entry_types: Collection[str],
    tiers: Tiers,
) -> Iterable[Granted]:
    for entry_type in rules:
        if entry_type != ANY and entry_type not in entry_types:
            raise SettingsError(
                f"{key}.{entry_type} is not an entry type{suggestion(entry_type, entry_types)}"
            )
    for entry_type in entry_types:
        name = entry_type if entry_type in rules else ANY
        rule = rules.get(name)
        if rule is None or rule.granularity is Granularity.NONE:
            continue
        usual = usual_min_count(tier, entry_type, rule.granularity, tiers)
        protection = _protection(rule, settings, usual)
        if 0 < protection.noise < LEAST_EPSILON:
            raise SettingsError(
                f"{key}.{name}: noise = {protection.noise:g} is so much that no number says "
                f"anything; {LEAST_EPSILON:g} or more, or 0"
            )
        if (
            rule.granularity is Granularity.RECORD
            and entry_type in ONE_BY_ONE
            and not protection.is_open
        ):
            raise SettingsError(
                f'{key}.{name} is "record" of {entry_type}, where min_count, round_to and '
                "noise hide nothing: whoever reads the records counts them. Grant less, or say "
                f'there {{ level = "record", min_count = 1, round_to = 1{_and_noise(protection)} }}'
                f"{_and_why(usual)}"
            )
        yield Granted(tier, entry_type, rule.granularity, protection, f"{key}.{name}", usual)


def _and_noise(protection: Protection) -> str:
    return ", noise = 0" if protection.noise else ""


def _and_why(usual: int) -> str:
    return "" if usual == 1 else ", and why as the accept_risk of the dataset"


def _protection(rule: Level | Rule, settings: DatasetPolicy, usual: int) -> Protection:
    own = rule if isinstance(rule, Rule) else Rule(level=rule)
    said = settings.min_count if own.min_count is None else own.min_count
    return Protection(
        min_count=usual if said is None else said,
        round_to=settings.round_to if own.round_to is None else own.round_to,
        tells_few=(settings.below if own.below is None else own.below) is Below.THRESHOLD,
        noise=settings.noise if own.noise is None else own.noise,
    )


def _check_risks(key: str, granted: Iterable[Granted]) -> None:
    for one in granted:
        if one.is_risk:
            raise SettingsError(
                f"{one.key} tells {one.tier} of {one.protection.min_count} or more people of "
                f"{one.entry_type}, where {one.usual} are usual: leave min_count out, or say in "
                f"{key}.accept_risk why the risk can be taken"
            )


def _check_together(granted: Collection[Granted]) -> None:
    """Of two rules for the same, one must let through all that the other does.

    Else whoever has both would have to be told the same number in two ways.
    """
    for one, other in combinations(granted, 2):
        if one.entry_type != other.entry_type:
            continue
        if not (one.protection.covers(other.protection) or other.protection.covers(one.protection)):
            raise SettingsError(
                f"{one.key} and {other.key}: each protects more in one and less in another of "
                "min_count, round_to, below and noise; one of the two must protect more in all"
            )


def _check_sensitive(granted: Collection[Granted]) -> None:
    for one in granted:
        if one.tier == PUBLIC and one.entry_type not in METADATA:
            raise SettingsError(
                f"{one.key} makes {one.entry_type} public, though the dataset is "
                "membership_sensitive: only dataset and cohort can be"
            )
        if one.protection.tells_few and one.protection.min_count > 1:
            raise SettingsError(
                f'{one.key} has below = "threshold", which tells that there are some, though the '
                "dataset is membership_sensitive"
            )


_DAY_S = 86_400.0


def _budget(settings: BudgetSettings) -> Budget:
    limit = limit_of_power(settings.power)
    return Budget(
        limit=limit,
        organisation_limit=int(limit * settings.organisation_factor),
        dataset_limit=int(limit * settings.dataset_factor),
        window_s=settings.window_days * _DAY_S,
        questions_max=settings.questions_per_month,
        filters_max=settings.filters_max,
    )


def _check_budget(key: str, tier: str, budget: Budget, granted: Iterable[Granted]) -> None:
    """A rule by which not even one question could be answered is a mistake."""
    for one in granted:
        if one.tier != tier or one.entry_type in METADATA:
            continue
        if one.granularity is Granularity.RECORD and one.entry_type in ONE_BY_ONE:
            raise SettingsError(
                f"{one.key} shows records of people one by one, which no budget can limit: "
                f"grant less, or take {key} away"
            )
        if cost(1, one.protection.min_count) > budget.limit:
            raise SettingsError(
                f"{key}: with min_count = {one.protection.min_count} ({one.key}) one answer about "
                f"so few people costs more than all that may be learnt of each; min_count has to "
                f"be {-(-UNITS // budget.limit)} or more, or power higher"
            )
