"""What is published: the datasets as their manifests say, and what they are read with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import msgspec

from beacon.framework.access import Access
from beacon.framework.answer import Record
from beacon.framework.query import Granularity
from beacon.model import filters
from beacon.model.fields import is_category
from beacon.model.ontology import Ontologies
from beacon.mongo import documents
from beacon.mongo.layers import AsyncDocuments, Catalogue, Dataset, Entry, Layers
from beacon.mongo.plan import PEOPLE_SCOPES, VARIANT
from beacon.mongo.reference import ontologies_from, reference_from

Region = tuple[str, int, int]


class Releases:
    """Follows the published releases.

    Args:
        refresh_s: How old what is known may be; 0 looks every time.

    Attributes:
        datasets: Published datasets, by id.
        ontologies: As kept in the database.
    """

    def __init__(self, database: AsyncDocuments, layers: Layers, refresh_s: float) -> None:
        self.datasets: dict[str, Dataset] = {}
        self.ontologies = Ontologies()
        self._database = database
        self._layers = layers
        self._refresh_s = refresh_s
        self._genes: dict[str, dict[str, Region]] = {}
        self._sources_of: dict[str, tuple[Dataset, dict[str, Catalogue]]] = {}
        self._reference_version: object = None
        self._refreshed_at = -1e9
        self._refreshing: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Look what is published, unless that is known well enough."""
        if time.monotonic() - self._refreshed_at < self._refresh_s:
            return
        if self._refreshing is None:
            self._refreshing = asyncio.ensure_future(self._read_manifests())
            self._refreshing.add_done_callback(self._refreshed)
        await asyncio.shield(self._refreshing)

    def _refreshed(self, task: asyncio.Task[None]) -> None:
        self._refreshing = None
        if not task.cancelled() and task.exception() is None:
            self._refreshed_at = time.monotonic()

    async def _read_manifests(self) -> None:
        found = await self._database[documents.MANIFESTS].find().sort("_id", 1).to_list()
        known = self.datasets
        datasets = {}
        for manifest in found:
            old = known.get(manifest["_id"])
            # People who withdraw are first hidden, then gone: two states of one release.
            same = ("release", "created", "updated")
            if old is not None and all(getattr(old, one) == manifest[one] for one in same):
                datasets[old.id] = old
                continue
            datasets[manifest["_id"]] = Dataset.of(manifest)
        version = (
            await self._database[documents.REFERENCE]
            .find({"part": 0}, {"version": 1})
            .sort("_id", 1)
            .to_list()
        )
        if version != self._reference_version:
            await self._read_reference()
            self._reference_version = version
        self.datasets = datasets
        if any(known.get(one) is not datasets[one] for one in datasets) or len(known) > len(
            datasets
        ):
            kept = {one.metadata for one in datasets.values()}
            kept |= {one.annotations for one in datasets.values() if one.annotations}
            self._layers.forget(frozenset(kept))

    async def _read_reference(self) -> None:
        stored = await self._database[documents.REFERENCE].find().sort("_id", 1).to_list()

        def read() -> tuple[dict[str, dict[str, Region]], Ontologies]:
            genes = {
                name: msgspec.json.decode(data, type=dict[str, Region])
                for name, data in reference_from(stored, "genes")
            }
            return genes, ontologies_from(reference_from(stored, "ontology"))

        self._genes, self.ontologies = await asyncio.to_thread(read)
        self._sources_of = {}

    def gene(self, assembly: str, symbol: str) -> Region | None:
        """Where a gene lies: reference name, start and end, 0-based half-open."""
        return self._genes.get(assembly, {}).get(symbol)

    async def sources(self, dataset: Dataset, access: Access) -> dict[str, Catalogue]:
        """What can be filtered by, in those entry types that the caller may read."""
        known = self._sources_of.get(dataset.id)
        if known is None or known[0] is not dataset:
            # Once a release: a plan is then a matter of looking names up.
            known = self._sources_of[dataset.id] = (dataset, await self.read_sources(dataset))
        return {
            scope: source
            for scope, source in known[1].items()
            if access.level(dataset.id, scope) > Granularity.NONE
        }

    async def read_sources(self, dataset: Dataset) -> dict[str, Catalogue]:
        """What can be filtered by, by entry type."""
        people_terms = await self._layers.catalogue(dataset.metadata)
        sources = dict.fromkeys(PEOPLE_SCOPES, people_terms)
        sources[VARIANT] = await self._variant_catalogue(dataset)
        cohorts = await self._layers.cohorts(dataset.metadata)
        for entry_type, records in (("dataset", [dataset.record]), ("cohort", cohorts)):
            sources[entry_type] = catalogue_of_records(entry_type, records, self.ontologies)
        return sources

    async def _variant_catalogue(self, dataset: Dataset) -> Catalogue:
        annotated = _EMPTY_CATALOGUE
        if dataset.annotations is not None:
            annotated = await self._layers.catalogue(dataset.annotations)
        attributes = dict(annotated.attributes.get(VARIANT, {}))
        if dataset.observed:
            attributes.setdefault("variantType", _VARIANT_TYPE)
        return Catalogue(annotated.terms, {VARIANT: attributes})


_EMPTY_CATALOGUE = Catalogue({}, {})
_VARIANT_TYPE = Entry(VARIANT, "variantType", "alphanumeric", "Variant type", 1)
"""Every allele has a type, annotated or not."""


def catalogue_of_records(
    entry_type: str, records: Sequence[Record], ontologies: Ontologies
) -> Catalogue:
    """The terms and attributes of a few records, looked at as they are."""
    terms: dict[str, Entry] = {}
    attributes: dict[str, Entry] = {}
    for record in records:
        for kind, found in (
            ("ontologyTerm", filters.term_ids(entry_type, record)),
            ("custom", filters.custom_ids(entry_type, record)),
        ):
            for name, label in found.items():
                terms[name] = Entry(entry_type, name, kind, label or "", 1)
        for name, label, value in filters.attributes(entry_type, record):
            known = attributes.get(name)
            values = set(known.values) if known is not None else set()
            if value.text and is_category(entry_type, name):
                values.add(value.text)
            attributes[name] = Entry(
                entry_type, name, "alphanumeric", label or "", 1, values=tuple(sorted(values))
            )
    for name in list(terms):
        for ancestor in ontologies.ancestors(name):
            terms.setdefault(ancestor, Entry(entry_type, ancestor, "ontologyTerm", "", 0))
    return Catalogue({entry_type: terms}, {entry_type: attributes})
