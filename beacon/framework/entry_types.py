"""What a beacon can be asked for: entry types, the model they make up, and its endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

import msgspec

from beacon.framework.access import Protection
from beacon.framework.query import Filter, VariationQuery

EndpointKind = Literal["collection", "single", "linked", "filtering_terms"]


class EntryType(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of entry: a row of the model, from which routes, map and configuration follow.

    `id` is the specification's (`genomicVariant`), `path` its place in a URL (`g_variants`).
    `ontology_term` is (CURIE, label); `schema_path` is relative to our own `/schemas/`.
    `collection_of` and `linked` are entry type ids: what a collection groups, and what can be
    asked under `/{path}/{id}/`. `has_filtering_terms` adds `/{path}/{id}/filtering_terms`.
    """

    id: str
    path: str
    name: str
    description: str
    ontology_term: tuple[str, str]
    schema_id: str
    schema_path: str
    part_of_specification: str
    collection_of: tuple[str, ...] = ()
    linked: tuple[str, ...] = ()
    non_filtered_queries_allowed: bool = True
    has_filtering_terms: bool = False


Protect = Callable[[str, Mapping[str, Any], Protection], Mapping[str, Any]]


class View(Protocol):
    """Filters that are no conditions: they say how much of a record is shown."""

    def takes(self, entry_type: str, asked: Filter) -> bool:
        """Whether a filter is one of these; raises `InvalidRequest` when it makes no sense."""

    def narrowed(self, record: Mapping[str, Any], asked: Sequence[Filter]) -> Mapping[str, Any]:
        """What is shown of a record."""


@dataclass(frozen=True, eq=False)
class Model:
    """The entry types of a beacon and what the framework must know of their parameters.

    Attributes:
        entry_types: In the order in which they are advertised.
        aliases: Further spellings of an entry type (`genomicVariation`) → its id. Ids and paths
            need not be named.
        check_variation: Raises `InvalidRequest` when variation parameters make no question.
        view: Filters of how much of records is shown, if there are any.
        protect: What is shown of a record, of the entry type of that id, where few people are
            protected. Without it, no records are shown there.
    """

    entry_types: tuple[EntryType, ...]
    check_variation: Callable[[VariationQuery], None]
    aliases: Mapping[str, str] = field(default_factory=dict)
    view: View | None = None
    protect: Protect | None = None

    def by_id(self, entry_type_id: str) -> EntryType:
        """The entry type of that id; `KeyError` when there is none."""
        return self._by_id[entry_type_id]

    def shows(self, entry_type: str, asked: Filter) -> bool:
        """Whether a filter says how much of records is shown; raises as `View.takes` does."""
        if self.view is None or asked.scope is None:
            return False
        return self.view.takes(entry_type, asked)

    def by_path(self, path: str) -> EntryType:
        """The entry type of that path segment; `KeyError` when there is none."""
        return self._by_path[path]

    def canonical(self, alias: str) -> str | None:
        """The id that a spelling means: `individuals` → `individual`. `None` when unknown."""
        return self._canonical.get(alias)

    @cached_property
    def _by_id(self) -> dict[str, EntryType]:
        return {one.id: one for one in self.entry_types}

    @cached_property
    def _by_path(self) -> dict[str, EntryType]:
        return {one.path: one for one in self.entry_types}

    @cached_property
    def _canonical(self) -> dict[str, str]:
        ids = {one.id: one.id for one in self.entry_types}
        paths = {one.path: one.id for one in self.entry_types}
        return {**self.aliases, **paths, **ids}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One path of the model. `entry_type` is delivered; `within` is the entry type of `{id}`.

    For `filtering_terms`, `entry_type` is whose terms are listed, and `within` is given when they
    are those of one entry. Answered by GET and POST; `filtering_terms` by GET only.
    """

    pattern: str
    kind: EndpointKind
    entry_type: str
    within: str | None = None


def endpoints(model: Model) -> tuple[Endpoint, ...]:
    """Every endpoint of a model, such that the first pattern that fits a path is the right one."""
    found = []
    for one in model.entry_types:
        root = f"/{one.path}"
        found += [
            Endpoint(pattern=root, kind="collection", entry_type=one.id),
            # Before `{id}`, which would take it for an entry of that name.
            Endpoint(pattern=f"{root}/filtering_terms", kind="filtering_terms", entry_type=one.id),
            Endpoint(pattern=f"{root}/{{id}}", kind="single", entry_type=one.id),
        ]
        if one.has_filtering_terms:
            found.append(
                Endpoint(
                    pattern=f"{root}/{{id}}/filtering_terms",
                    kind="filtering_terms",
                    entry_type=one.id,
                    within=one.id,
                )
            )
        found += [
            Endpoint(
                pattern=f"{root}/{{id}}/{model.by_id(linked).path}",
                kind="linked",
                entry_type=linked,
                within=one.id,
            )
            for linked in one.linked
        ]
    return tuple(found)
