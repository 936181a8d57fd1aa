"""What was found: the `Answer` of a source, before anything is held back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

Record = Mapping[str, Any]
"""One JSON object of an entry type, with the specification's own property names."""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """What another beacon said of a result set, beyond what a dataset of our own would.

    `beacon_id` is the id that the beacon is registered by, whatever it calls itself. `exists` may
    be known where the count is not. `precision` and `adjusted_to` are `countPrecision` and
    `countAdjustedTo` (Beacon 2.2), `handovers` is `resultsHandovers` as it came. `records` are
    relayed as the bytes that came.
    """

    beacon_id: str
    exists: bool
    set_type: str = "dataset"
    precision: str | None = None
    adjusted_to: tuple[int, ...] = ()
    records: tuple[msgspec.Raw, ...] = ()
    handovers: msgspec.Raw | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The cohort within which a question is asked, by the entries of the type that is counted.

    Attributes:
        size: How many entries it has, whoever else is asked for.
        others: Whose those of them are that are not counted.
        outside: Whose the entries are that are not in it.
    """

    size: int
    others: int
    outside: int


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """The people that a result set rests on, so that few of them can be kept from being told.

    Attributes:
        people: Those who are counted, or whose the counted entries are. Where entries are of
            people each, as alleles are of their carriers: those of the entry that has most.
        each: Whether entries are so, and those of fewer people than `Access.people_min` are
            already left out.
        size: How many entries the dataset has of the type, whoever is asked for.
        others: Whose the entries are that are not counted, where an entry is not a person; else
            they are as many as these entries.
        part: Of a question within a cohort, what is counted there.
        filtered: Whether the question chooses among people, be it by a filter, by what they carry
            or by the entry within which it is asked. Then noise is added, where there is to be any.
        question: A digest of the question that is the same for all its spellings.
        members: A digest of who is counted, whatever was asked.
        nearly: By so many people those who are counted may differ from those who were asked for,
            as the numbers may be those of an earlier question about nearly the same people.
    """

    people: int
    each: bool = False
    size: int | None = None
    others: int | None = None
    part: Part | None = None
    filtered: bool = True
    question: bytes | None = None
    members: bytes | None = None
    nearly: int = 0


NOBODYS = Basis(people=1 << 62, each=True)
"""Of entries that say nothing of people, such as the description of a dataset."""


class ResultSet(msgspec.Struct, frozen=True, kw_only=True):
    """What one dataset has: `count` is of the whole set, `records` are the page.

    `count` is exact unless another beacon reported it, and `None` only where that one did not tell.
    `records` is empty unless the query wants records and the caller may see them. For the
    collections (`dataset`, `cohort`) the page runs over all datasets together, in dataset order.
    `info` says what a reader of the set should know, such as why it could not apply the question.
    Without a `basis` nothing is told of a dataset that protects few people. `release` is the one
    that was asked and `charge` what the answer costs the caller, in millionths: for the audit, no
    answer holds them.
    """

    dataset_id: str
    count: int | None
    records: tuple[Record, ...] = ()
    basis: Basis | None = None
    info: Mapping[str, Any] | None = None
    reported: Reported | None = None
    release: str | None = None
    charge: int | None = None

    @property
    def exists(self) -> bool:
        """Whether there is any."""
        return bool(self.count) if self.reported is None else self.reported.exists


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """How many there are in all, where that is not the sum of the result sets.

    `count` is `None` when it cannot be said; `precision` is `countPrecision`.
    """

    count: int | None
    precision: str = "exact"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One result set for every dataset that was asked, hit or miss, in dataset order.

    An answer that was put together from other beacons' says in `total` and `info` what the result
    sets alone do not: a beacon that did not answer has no set.
    """

    result_sets: tuple[ResultSet, ...] = ()
    total: Total | None = None
    info: Mapping[str, Any] | None = None


class FilteringTerm(msgspec.Struct, frozen=True, kw_only=True):
    """A term that can be filtered by, as `/filtering_terms` advertises it.

    `type` is `ontologyTerm`, `alphanumeric` or `custom`; `scopes` are entry type ids. `info` says
    what else there is to know, such as which beacons of a network understand it.
    """

    type: str
    id: str
    label: str | None = None
    scopes: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    info: Mapping[str, Any] | None = None


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """An ontology that filtering terms come from (Phenopackets `Resource`)."""

    id: str
    name: str | None = None
    url: str | None = None
    version: str | None = None
    namespace_prefix: str | None = None
    iri_prefix: str | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """A page of filtering terms, in a stable order, and the ontologies they come from."""

    terms: tuple[FilteringTerm, ...] = ()
    resources: tuple[Resource, ...] = ()
