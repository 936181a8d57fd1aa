"""`/filtering_terms`: what the published datasets can be filtered by."""

from __future__ import annotations

import numpy as np
from pyroaring import BitMap

from beacon.framework.access import Access
from beacon.framework.answer import FilteringTerm, Terms
from beacon.framework.query import Granularity
from beacon.framework.source import TermsQuery
from beacon.model import filters
from beacon.model.entry_types import MODEL
from beacon.model.filterable import LISTED_FROM, is_listed
from beacon.model.term_search import starting_with
from beacon.mongo.documents import term_id
from beacon.mongo.few import without_few
from beacon.mongo.layers import Dataset, Entry, Layers
from beacon.mongo.plan import ROW_SCOPES, VARIANT
from beacon.mongo.releases import Releases
from beacon.mongo.rows import rows_array

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
        entries = await _listed(await _entries(releases, dataset), dataset, layers)
        if access.protections.get(dataset.id):
            least = {one: access.protection(dataset.id, one).min_count for one in _ORDER}
            entries = await without_few(entries, dataset, layers, least)
        for entry in entries:
            if (
                query.entry_type in (None, entry.scope)
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
    if query.prefix is not None:
        terms = starting_with(terms, query.prefix)
    resources = releases.ontologies.resources(
        term.id for term in terms if term.type == "ontologyTerm"
    )
    start = query.pagination.offset
    stop = start + query.pagination.limit if query.pagination.limit else None
    return Terms(terms=tuple(terms[start:stop]), resources=resources)


async def _listed(found: list[Entry], dataset: Dataset, layers: Layers) -> list[Entry]:
    """What is in use, without the custom ids that too few entries share."""
    in_use = [entry for entry in found if entry.uses]
    cohorts = await layers.cohorts(dataset.metadata)
    rows: dict[str, BitMap] = {}
    for scope in ROW_SCOPES:
        # Uses are counted in rows there, of which a person may have several.
        shared = [
            term_id(dataset.metadata, scope, entry.id)
            for entry in in_use
            if (entry.kind, entry.scope) == ("custom", scope) and entry.uses >= LISTED_FROM
        ]
        sets = await layers.term_sets([(key, True) for key in shared])
        rows.update(zip(shared, sets, strict=True))
    roster = await layers.roster(dataset.metadata) if rows else None

    def entries(one: Entry) -> int:
        if one.scope in ("dataset", "cohort"):
            records = cohorts if one.scope == "cohort" else [dataset.record]
            return sum(one.id in filters.custom_ids(one.scope, record) for record in records)
        having = rows.get(term_id(dataset.metadata, one.scope, one.id))
        if having is None or roster is None:
            return one.uses
        of_row = roster.individual_of if one.scope == "individual" else roster.biosample_of
        return len(np.unique(of_row[rows_array(having)]))

    return [
        entry
        for entry in in_use
        if entry.kind != "custom" or is_listed(entry.scope, entry.id, entries(entry))
    ]


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
