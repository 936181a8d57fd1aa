"""What a caller may learn: decided before the question is looked at, carried as one value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce

import msgspec

from beacon.framework.budget import Budget
from beacon.framework.query import Granularity, Query

ANY = "*"
"""In a rule: every entry type that has no rule of its own."""

_VARIATION = "genomicVariant"
"""The entry type that variation parameters are about."""


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """How numbers of people are told.

    Attributes:
        min_count: Fewer people than this are told as nobody, and so are those that are left when
            all but fewer than this are told.
        round_to: Numbers of people are told as multiples of it.
        tells_few: Fewer than `min_count`, but not nobody, are told as `min_count` instead: how
            many they are stays hidden, that there are some does not.
        noise: Epsilon of the noise that is added to numbers of those whom a question chooses; the
            smaller, the more of it. 0 is none.
    """

    min_count: int = 1
    round_to: int = 1
    tells_few: bool = False
    noise: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether every number is told as it is."""
        return self.min_count <= 1 and self.round_to <= 1 and not self.noise

    def covers(self, other: Protection) -> bool:
        """Whether whatever this lets through, `other` lets through as well."""
        return (
            self.min_count >= other.min_count
            and self.round_to >= other.round_to
            and (not other.noise or 0 < self.noise <= other.noise)
            and (self.min_count <= 1 or not self.tells_few or other.tells_few or other.is_open)
        )


OPEN = Protection()
"""Every number as it is."""

Protections = tuple[Protection, Protection, Protection]
"""Of whether there is any, of how many there are, and of the records."""


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, by pseudonyms: keyed hashes that only this deployment can make.

    Attributes:
        identities: All that are known to be of the person, in order; whoever has one of them is
            the same person.
        organisation: Of the domain that the person is affiliated with; `None` is unknown.
        tiers: That the person is in.
        visa_issuers: Who says so.
    """

    identities: tuple[str, ...]
    organisation: str | None = None
    tiers: tuple[str, ...] = ()
    visa_issuers: tuple[str, ...] = ()

    @property
    def person(self) -> str:
        """One name for the person, as long as the same identities are known."""
        return self.identities[0]


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Every dataset the caller may learn of, with the most it may disclose per entry type.

    `grants` is dataset id → entry type id (or `"*"`) → granularity. A dataset that is not in it
    does not exist for this caller; an entry type without a rule is `NONE`. `protections` has the
    same keys, where numbers are not told as they are. `via` are the ids of the beacon networks
    that the question came through, the first one first. `budgets` is dataset id → what may be
    spent there by `asker`, which is `None` for the public; `purpose` is what the question is for.
    `rules` says of each dataset and entry type where the settings grant it, for the audit.
    """

    grants: Mapping[str, Mapping[str, Granularity]]
    protections: Mapping[str, Mapping[str, Protections]] = {}
    via: tuple[str, ...] = ()
    asker: Asker | None = None
    purpose: str | None = None
    budgets: Mapping[str, Budget] = {}
    rules: Mapping[str, Mapping[str, tuple[str, ...]]] = {}

    def level(self, dataset_id: str, entry_type: str) -> Granularity:
        """The most that may be disclosed of one entry type of one dataset."""
        rules = self.grants.get(dataset_id)
        if rules is None:
            return Granularity.NONE
        return rules.get(entry_type, rules.get(ANY, Granularity.NONE))

    def datasets(self, dataset_ids: Iterable[str], entry_types: Iterable[str]) -> tuple[str, ...]:
        """Those datasets of which every one of the entry types may be read, in the given order.

        A filter is a read of what it filters, and so is a variant condition on people: a question
        reaches a dataset only when the caller may learn at least a yes or no about each entry type
        that the question touches.
        """
        needed = tuple(entry_types)
        return tuple(
            dataset_id
            for dataset_id in dataset_ids
            if all(self.level(dataset_id, entry_type) > Granularity.NONE for entry_type in needed)
        )

    def shows_records(self, query: Query, dataset_id: str) -> bool:
        """Whether records may be shown of what a question delivers.

        How similar somebody is to a case with candidates tells what somebody carries.
        """
        told = {query.entry_type}
        if query.case is not None and query.case.has_candidates:
            told.add(_VARIATION)
        return all(self.level(dataset_id, one) is Granularity.RECORD for one in told)

    def protection(
        self, dataset_id: str, entry_type: str, level: Granularity = Granularity.BOOLEAN
    ) -> Protection:
        """How numbers of one entry type of one dataset are told in answers of a level."""
        rules = self.protections.get(dataset_id)
        if not rules:
            return OPEN
        of_levels = rules.get(entry_type) or rules.get(ANY)
        return OPEN if of_levels is None else of_levels[level - Granularity.BOOLEAN]

    def protecting(self, query: Query, dataset_id: str, level: Granularity) -> Protection:
        """How numbers are told in the answer of one dataset to a question, at one level.

        Strict enough for every entry type that the question reads: a filter without a scope may
        read any of them. Of each, numbers are told as in an answer of that level about it, or of
        the highest level that it is granted at.
        """
        if not self.protections.get(dataset_id):
            return OPEN
        read = {one.scope for one in query.filters if one.scope is not None}
        if any(one.scope is None for one in query.filters):
            read.update(self.protections[dataset_id])
        if query.variation is not None or (query.case is not None and query.case.has_candidates):
            read.add(_VARIATION)
        if query.within is not None:
            read.add(query.within.entry_type)
        own = self.protection(dataset_id, query.entry_type, level)
        others = (
            self.protection(dataset_id, one, min(level, own_level))
            for one in read - {query.entry_type}
            if (own_level := self.level(dataset_id, one)) > Granularity.NONE
        )
        return reduce(_strictest, others, own)

    def protects_people(self, dataset_id: str) -> bool:
        """Whether any number of people of a dataset is not told as it is."""
        rules = self.protections.get(dataset_id, {})
        return any(not one.is_open for of_levels in rules.values() for one in of_levels)

    def adds_noise(self, dataset_id: str) -> bool:
        """Whether noise is added to any number of people of a dataset."""
        rules = self.protections.get(dataset_id, {})
        return any(one.noise for of_levels in rules.values() for one in of_levels)

    def people_min(self, query: Query, dataset_id: str) -> int:
        """The fewest people that an entry must be of to be among those that are counted.

        For entries that are of people each, such as alleles are of their carriers.
        """
        level = min(query.granularity, self.level(dataset_id, query.entry_type))
        return self.protecting(query, dataset_id, max(level, Granularity.BOOLEAN)).min_count


def _strictest(one: Protection, other: Protection) -> Protection:
    if one == other or other.is_open:
        return one
    protected = [each for each in (one, other) if each.min_count > 1]
    return Protection(
        min_count=max(one.min_count, other.min_count),
        round_to=max(one.round_to, other.round_to),
        tells_few=bool(protected) and all(each.tells_few for each in protected),
        noise=min((each.noise for each in (one, other) if each.noise), default=0.0),
    )


NOTHING = Access(grants={})
"""The default: no dataset exists."""


class _EveryDataset(Mapping[str, Mapping[str, Granularity]]):
    """Grants everything of every dataset, without knowing which there are."""

    def __getitem__(self, dataset_id: str) -> Mapping[str, Granularity]:
        return {ANY: Granularity.RECORD}

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


EVERYTHING = Access(grants=_EveryDataset())
"""Every record of every dataset: for synthetic data, and where other beacons have decided."""
