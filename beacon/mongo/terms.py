"""`/filtering_terms`: what the published datasets can be filtered by."""

from __future__ import annotations

from beacon.framework.access import Access
from beacon.framework.answer import FilteringTerm, Terms
from beacon.framework.query import Granularity
from beacon.framework.source import TermsQuery
from beacon.model import filters
from beacon.model.entry_types import MODEL
from beacon.mongo.layers import Dataset, Entry, Layers
from beacon.mongo.plan import VARIANT
from beacon.mongo.releases import Releases

_ORDER = tuple(one.id for one in MODEL.entry_types)
_TERM_TYPES = ("ontologyTerm", "alphanumeric", "custom")


async def filtering_terms(
    releases: Releases, layers: Layers, query: TermsQuery, access: Access
) -> Terms:
    """The terms of a cohort are those of the datasets that hold it."""
    gathered: dict[tuple[str, str], tuple[set[str], set[str], list[str]]] = {}
    within = query.within
    for dataset in releases.datasets.values():
        cohorts = await layers.cohorts(dataset.metadata)
        if within is not None:
            if access.level(dataset.id, within.entry_type) is Granularity.NONE:
                continue
            ids = [dataset.id] if within.entry_type == "dataset" else [c["id"] for c in cohorts]
            if within.id not in ids:
                continue
        for entry in await _entries(releases, dataset):
            if (
                entry.uses
                and query.entry_type in (None, entry.scope)
                and access.level(dataset.id, entry.scope) > Granularity.NONE
            ):
                scopes, values, labels = gathered.setdefault(
                    (entry.kind, entry.id), (set(), set(), [])
                )
                scopes.add(entry.scope)
                values.update(entry.values)
                labels.append(entry.label)
    order = sorted(gathered, key=lambda key: (_TERM_TYPES.index(key[0]), key[1]))
    terms = [
        FilteringTerm(
            type=kind,
            id=name,
            label=releases.ontologies.label(name)
            or next((label for label in gathered[kind, name][2] if label), None),
            scopes=tuple(one for one in _ORDER if one in gathered[kind, name][0]),
            values=tuple(sorted(gathered[kind, name][1])),
        )
        for kind, name in order
    ]
    resources = releases.ontologies.resources(
        term.id for term in terms if term.type == "ontologyTerm"
    )
    start = query.pagination.offset
    stop = start + query.pagination.limit if query.pagination.limit else None
    return Terms(terms=tuple(terms[start:stop]), resources=resources)


async def _entries(releases: Releases, dataset: Dataset) -> list[Entry]:
    catalogues = (await releases.read_sources(dataset)).values()
    entries = [
        entry
        for catalogue in dict.fromkeys(catalogues)
        for where in (catalogue.terms, catalogue.attributes)
        for of_scope in where.values()
        for entry in of_scope.values()
    ]
    entries += [
        Entry(VARIANT, term, "ontologyTerm", label, 1)
        for code, (term, label) in enumerate(filters.ZYGOSITIES)
        if dataset.zygosities >> code & 1
    ]
    return entries
