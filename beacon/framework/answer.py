"""What was found: the `Answer` of a source, before anything is held back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

Record = Mapping[str, Any]
"""One JSON object of an entry type, with the specification's own property names."""


class ResultSet(msgspec.Struct, frozen=True, kw_only=True):
    """What one dataset has: `count` is exact and of the whole set, `records` are the page.

    `records` is empty unless the query wants records and the caller may see them. For the
    collections (`dataset`, `cohort`) the page runs over all datasets together, in dataset order.
    `info` says what a reader of the set should know, such as why it could not apply the question.
    """

    dataset_id: str
    count: int
    records: tuple[Record, ...] = ()
    info: Mapping[str, Any] | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One result set for every dataset that was asked, hit or miss, in dataset order."""

    result_sets: tuple[ResultSet, ...] = ()


class FilteringTerm(msgspec.Struct, frozen=True, kw_only=True):
    """A term that can be filtered by, as `/filtering_terms` advertises it.

    `type` is `ontologyTerm`, `alphanumeric` or `custom`; `scopes` are entry type ids.
    """

    type: str
    id: str
    label: str | None = None
    scopes: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


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
