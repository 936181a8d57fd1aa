"""The home of `Metadata`: what a member says of itself, and so what it can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import msgspec

from beacon.framework.query import Granularity
from beacon.network.dialects import Dialect
from beacon.network.vocabulary import ListedTerm, Vocabulary


class ServedType(msgspec.Struct, frozen=True, kw_only=True):
    """An entry type that a member serves.

    `path` lies below the member's base URL, such as `g_variants`. `linked` is entry type id → the
    last part of the path under an entry of this one; `None` when the member does not say.
    `listed_whole` tells whether it answers without any condition.
    """

    id: str
    path: str
    linked: Mapping[str, str] | None = None
    listed_whole: bool = True


class DatasetAbout(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset as a member describes it.

    `assemblies` are canonical. `data_use` are Data Use Ontology terms with their labels, which
    may be empty.
    """

    id: str
    name: str | None = None
    description: str | None = None
    assemblies: tuple[str, ...] = ()
    data_use: tuple[tuple[str, str], ...] = ()
    updated_at: str | None = None


class NamedOntology(msgspec.Struct, frozen=True, kw_only=True):
    """An ontology that a member's filtering terms come from (Phenopackets `Resource`)."""

    id: str
    name: str | None = None
    url: str | None = None
    version: str | None = None
    namespace_prefix: str | None = None
    iri_prefix: str | None = None


class Metadata(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a member says of itself. What it does not say is empty, and taken to be possible.

    `entry_types` is by entry type id. `assemblies` are canonical; `lifts` are pairs of the
    assembly of a question and that of the data it is lifted to by the member itself. `terms` is by
    the id as listed. `datasets` is by id; `has_all_datasets` says whether it names every one.
    `expands_descendants` says whether a term of an ontology that it names also finds its kinds,
    whether it lists the term or not. `unread_variation` are the entry types that it answers
    questions for without regard to variation parameters. `batch_max` is how many questions one
    request may hold, 0 when it takes no batches; `compares_cases` says that it compares people with
    a case. `info` is its `/info` document; `fetched_at` is in seconds since 1970.
    """

    beacon_id: str | None = None
    name: str | None = None
    description: str | None = None
    organisation: str | None = None
    contact_url: str | None = None
    version: str | None = None
    environment: str | None = None
    api_version: str | None = None
    updated_at: str | None = None
    entry_types: Mapping[str, ServedType] = msgspec.field(default_factory=dict)
    assemblies: tuple[str, ...] = ()
    lifts: tuple[tuple[str, str], ...] = ()
    default_granularity: Granularity | None = None
    security_levels: tuple[str, ...] = ()
    terms: Mapping[str, ListedTerm] = msgspec.field(default_factory=dict)
    resources: tuple[NamedOntology, ...] = ()
    datasets: Mapping[str, DatasetAbout] = msgspec.field(default_factory=dict)
    has_all_datasets: bool = False
    expands_descendants: bool = False
    unread_variation: tuple[str, ...] = ()
    batch_max: int = 0
    compares_cases: bool = False
    dialect: Dialect = Dialect()
    is_network: bool = False
    fetched_at: float = 0.0
    info: Mapping[str, Any] | None = None

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The terms, ready to be looked up in."""
        # Who has an ontology can name it; without it a term has no kinds to be found.
        named = [one for one in self.resources if one.name or one.version]
        prefixes = {one.namespace_prefix or one.id.upper() for one in named}
        return Vocabulary(self.terms, expands=prefixes if self.expands_descendants else ())

    @cached_property
    def served_assemblies(self) -> frozenset[str]:
        """The assemblies of its data, as far as it tells: of its datasets, or else in general."""
        of_datasets = [one.assemblies for one in self.datasets.values()]
        if of_datasets and all(of_datasets) and self.has_all_datasets:
            return frozenset(one for assemblies in of_datasets for one in assemblies)
        return frozenset(self.assemblies)
