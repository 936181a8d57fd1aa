"""Annotations: variant records as they were loaded, and the catalogue of what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from pymongo import ReplaceOne
from pymongo.database import Database

from beacon.model import filters
from beacon.model.allele import Allele
from beacon.model.annotation import merged
from beacon.model.assemblies import code as chromosome_code
from beacon.model.fields import is_category
from beacon.model.ontology import Ontologies
from beacon.model.variation_query import aminoacid_changes, gene_ids, short_forms
from beacon.mongo import documents
from beacon.mongo.allele_keys import allele_key, in_questions
from beacon.mongo.roster_documents import write_catalogue

Documents = Database[dict[str, Any]]


def write_annotations(
    database: Documents,
    slot: int,
    annotations: Sequence[tuple[Allele, Mapping[str, Any], bool]],
    ontologies: Ontologies,
) -> None:
    """Write what is said of alleles: whole records replace, anything else is added.

    Adding the same again changes nothing, so that a load may be taken up where it was interrupted.
    """
    collection = database[documents.ANNOTATIONS]
    names = [f"{slot:05}|{allele_key(allele)}" for allele, _, _ in annotations]
    known = {
        document["_id"]: msgspec.json.decode(document["r"])
        for asked in in_questions(names)
        for document in collection.find({"_id": {"$in": asked}}, {"r": 1})
    }
    alleles = {}
    for name, (allele, annotation, whole) in zip(names, annotations, strict=True):
        old = known.get(name)
        known[name] = annotation if whole or old is None else merged(old, annotation)
        alleles[name] = allele
    operations = []
    for name, allele in alleles.items():
        document = annotation_document(
            slot, name.partition("|")[2], known[name], allele, ontologies
        )
        operations.append(ReplaceOne({"_id": name}, document, upsert=True))
    if operations:
        collection.bulk_write(operations, ordered=False)


def annotation_document(
    slot: int, key: str, record: Mapping[str, Any], allele: Allele, ontologies: Ontologies
) -> dict[str, Any]:
    """What is said of an allele, with what it can be found by.

    Args:
        key: The allele's, see `allele_keys.allele_key`.
    """
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
