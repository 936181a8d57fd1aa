"""Annotations: variant records as they were loaded, and the catalogue of what they say."""

from __future__ import annotations

from typing import Any

import msgspec
from pymongo.database import Database

from beacon.model import filters
from beacon.model.allele import Observation
from beacon.model.assemblies import code as chromosome_code
from beacon.model.fields import is_category
from beacon.model.ontology import Ontologies
from beacon.model.variation_query import aminoacid_changes, gene_ids, short_forms
from beacon.mongo import documents
from beacon.mongo.roster_documents import write_catalogue

Documents = Database[dict[str, Any]]


def annotation_document(
    slot: int, key: str, observation: Observation, ontologies: Ontologies
) -> dict[str, Any]:
    """A variant record as it was loaded, with what it can be found by.

    Args:
        key: The allele's, see `alleles.allele_key`.
    """
    record = observation.annotation or {}
    allele = observation.allele
    terms: set[str] = set()
    for term in filters.term_ids("genomicVariant", record):
        terms |= ontologies.ancestors(term)
    terms |= set(filters.custom_ids("genomicVariant", record))
    attributes = {name for name, _, _ in filters.attributes("genomicVariant", record)}
    return {
        "_id": f"{slot:05}|{key}",
        "l": slot,
        "c": chromosome_code(allele.reference_name),
        "s": allele.start,
        "key": key,
        "id": record.get("variantInternalId") or "",
        "ids": [str(record.get("variantInternalId") or ""), *sorted(short_forms(record))],
        "g": sorted(gene_ids(record)),
        "aa": sorted(aminoacid_changes(record)),
        "t": sorted(terms),
        "x": sorted(attributes),
        "r": msgspec.json.encode(record),
    }


def catalogue_annotations(database: Documents, slot: int, ontologies: Ontologies) -> None:
    """Which terms and attributes the annotations have, for planning and for the listing."""
    entries: dict[str, dict[str, Any]] = {}
    closed: set[str] = set()
    values: dict[str, set[str]] = {}
    found = database[documents.ANNOTATIONS].find({"l": slot}, {"r": 1, "t": 1})
    for document in found:
        record = msgspec.json.decode(document["r"])
        closed.update(document["t"])
        for kind, terms in (
            ("ontologyTerm", filters.term_ids("genomicVariant", record)),
            ("custom", filters.custom_ids("genomicVariant", record)),
        ):
            for term, label in terms.items():
                entry = entries.setdefault(
                    term,
                    {"s": "genomicVariant", "i": term, "k": kind, "b": label or "", "n": 0},
                )
                entry["n"] += 1
        for name, label, value in filters.attributes("genomicVariant", record):
            entries.setdefault(
                "=" + name,
                {
                    "s": "genomicVariant",
                    "i": name,
                    "k": "alphanumeric",
                    "b": label or "",
                    "n": 1,
                    "a": [],
                    "v": [],
                },
            )
            if value.text:
                values.setdefault(name, set()).add(value.text)
    for term in closed - entries.keys():
        known = ontologies.label(term)
        entries[term] = {
            "s": "genomicVariant",
            "i": term,
            "k": "ontologyTerm",
            "b": known or "",
            "n": 0,
        }
    for name, texts in values.items():
        if is_category("genomicVariant", name):
            entries["=" + name]["v"] = sorted(texts)
    database[documents.CATALOGUE].delete_many({"l": slot})
    write_catalogue(database, slot, entries.values())
