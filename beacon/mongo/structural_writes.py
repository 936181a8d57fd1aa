"""Writing structural variants and long alleles: a document each, merged one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from pymongo import ReplaceOne
from pymongo.database import Database

from beacon.model.allele import Allele, Observation
from beacon.model.assemblies import code as chromosome_code
from beacon.mongo import documents
from beacon.mongo.blocks import observed, zygosities
from beacon.mongo.documents import length_class
from beacon.mongo.merging import SampleSets, supersede, unite
from beacon.mongo.packing import Entry, entries_of

Documents = Database[dict[str, Any]]


def write_structural(
    database: Documents,
    slot: int,
    sets: SampleSets,
    stamp: str,
    given: Sequence[tuple[str, Observation, int]],
) -> None:
    """Merge alleles with those that the slot has.

    Args:
        stamp: Names the flush: what carries it was written before a crash.
        given: Each allele's key, what was observed, and the number of the samples looked at.
    """
    collection = database[documents.STRUCTURAL]
    grouped: dict[str, tuple[Entry, Allele]] = {}
    numbers = [number for _, _, number in given]
    made = entries_of([observation for _, observation, _ in given], numbers, 0)
    for (name, observation, _), entry in zip(given, made, strict=True):
        key = f"{slot:05}|{name}"
        if key in grouped:
            entry = unite(grouped[key][0], entry, sets)
        grouped[key] = (entry, observation.allele)
    existing = {
        document["_id"]: document for document in collection.find({"_id": {"$in": [*grouped]}})
    }
    operations = []
    for key, (entry, allele) in grouped.items():
        old = existing.get(key)
        if old is not None:
            if old["p"] == stamp:
                continue
            merge = unite if old["w"] == slot else supersede
            entry = merge(_entry_of(old), entry, sets)
        document = _document(slot, key, entry, allele)
        document |= {"p": stamp, "w": slot}
        operations.append(ReplaceOne({"_id": key}, document, upsert=True))
    if operations:
        collection.bulk_write(operations, ordered=False)


def _document(slot: int, key: str, entry: Entry, allele: Allele) -> dict[str, Any]:
    start, end = allele.footprint
    return {
        "_id": key,
        "l": slot,
        "c": chromosome_code(allele.reference_name),
        "k": length_class(end - start),
        "s": start,
        "e": end,
        "a": msgspec.json.encode(allele, enc_hook=dict),
        "o": bool(observed(entry.allele_count, entry.allele_number, entry.flags)),
        "z": zygosities([entry.codes]),
        "f": entry.flags,
        "q": [[number, of_set] for number, of_set in entry.numbers.items()],
        "n": [
            len(entry.codes),
            entry.allele_count,
            entry.allele_number,
            entry.homozygous,
            entry.hemizygous,
        ],
        "r": entry.codes.astype("<u4", copy=False).tobytes(),
    }


def _entry_of(document: Mapping[str, Any]) -> Entry:
    allele = msgspec.json.decode(document["a"], type=Allele)
    carriers, count, number, homozygous, hemizygous = document["n"]
    codes = np.frombuffer(document["r"], "<u4")
    if len(codes) != carriers:
        raise ValueError("a structural variant's carriers do not match their count")
    return Entry(
        allele.start,
        allele.reference_bases,
        allele.alternate_bases,
        codes,
        count,
        number,
        homozygous,
        hemizygous,
        document["f"],
        dict(document["q"]),
    )
