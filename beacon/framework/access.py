"""What a caller may learn: decided before the question is looked at, carried as one value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from beacon.framework.query import Granularity

ANY = "*"
"""In a rule: every entry type that has no rule of its own."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Every dataset the caller may learn of, with the most it may disclose per entry type.

    `grants` is dataset id → entry type id (or `"*"`) → granularity. A dataset that is not in it
    does not exist for this caller; an entry type without a rule is `NONE`. `via` are the ids of the
    beacon networks that the question came through, the first one first.
    """

    grants: Mapping[str, Mapping[str, Granularity]]
    via: tuple[str, ...] = ()

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
