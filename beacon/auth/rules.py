"""The home of rules: what the tiers that a caller belongs to grant of each dataset.

Every rule stands for itself: nothing is inherited, and what no rule grants is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from beacon.auth.tiers import DAC, PUBLIC, VISA_VALUE, Tiers, suggestion
from beacon.framework.access import ANY, Access, Protection, Protections
from beacon.framework.errors import SettingsError
from beacon.framework.query import Granularity
from beacon.settings import Below, DatasetPolicy, Level, Rule

METADATA = frozenset(("dataset", "cohort"))
"""Entry types whose records are not of people each."""

ONE_BY_ONE = frozenset(("individual", "biosample", "run", "analysis"))
"""Entry types of which a record is of one person: whoever reads records can count them."""

LEVELS = (Granularity.BOOLEAN, Granularity.COUNT, Granularity.RECORD)


@dataclass(frozen=True, slots=True)
class Granted:
    """What one rule grants of one entry type. `key` is where the settings say so."""

    tier: str
    entry_type: str
    granularity: Granularity
    protection: Protection
    key: str


@dataclass(frozen=True, slots=True)
class DatasetRules:
    """All rules of one dataset, for every entry type one by one."""

    dataset_id: str
    settings: DatasetPolicy
    granted: tuple[Granted, ...]

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
        granted = [*_granted(f"{key}.public", PUBLIC, settings.public, settings, entry_types)]
        for tier, rules in settings.tiers.items():
            tiers.known(tier, f"{key}.tiers")
            for reference, given in ((VISA_VALUE, settings.visa_value), (DAC, settings.dac)):
                if reference in tiers.needs(tier) and not given:
                    name = reference.removeprefix("${dataset.").removesuffix("}")
                    raise SettingsError(f"{key}.{name}: the tier {tier} needs it to know its visas")
            granted += _granted(f"{key}.tiers.{tier}", tier, rules, settings, entry_types)
        _check_together(granted)
        if settings.membership_sensitive:
            _check_sensitive(granted)
        return cls(dataset_id, settings, tuple(granted))

    def tiers(self) -> frozenset[str]:
        """The tiers that there are rules for."""
        return frozenset(one.tier for one in self.granted)


def access_of(rules: Iterable[tuple[DatasetRules, frozenset[str]]]) -> Access:
    """What callers may learn who belong to some tiers, of each dataset."""
    grants: dict[str, Mapping[str, Granularity]] = {}
    protections: dict[str, Mapping[str, Protections]] = {}
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
        if any(not one.protection.is_open for one in applying):
            protections[of_dataset.dataset_id] = {
                entry_type: _protections(of_type) for entry_type, of_type in by_type.items()
            }
    return Access(grants=grants, protections=protections)


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
        protection = _protection(rule, settings)
        if (
            rule.granularity is Granularity.RECORD
            and entry_type in ONE_BY_ONE
            and not protection.is_open
        ):
            raise SettingsError(
                f'{key}.{name} is "record" of {entry_type}, where min_count or round_to hide '
                "nothing: whoever reads the records counts them. Grant less, or say there "
                '{ level = "record", min_count = 1, round_to = 1 }'
            )
        yield Granted(tier, entry_type, rule.granularity, protection, f"{key}.{name}")


def _protection(rule: Level | Rule, settings: DatasetPolicy) -> Protection:
    own = rule if isinstance(rule, Rule) else Rule(level=rule)
    return Protection(
        min_count=settings.min_count if own.min_count is None else own.min_count,
        round_to=settings.round_to if own.round_to is None else own.round_to,
        tells_few=(settings.below if own.below is None else own.below) is Below.THRESHOLD,
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
                f"{one.key} and {other.key}: of min_count, round_to and below, each protects more "
                "in one and less in another; one of the two must protect more in all"
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
