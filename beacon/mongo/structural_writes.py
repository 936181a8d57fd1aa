"""Writing structural variants and long alleles: a document each, merged one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from pymongo import ReplaceOne
from pymongo.database import Database
from pyroaring import BitMap

from beacon.model.allele import Allele, Called, Observation
from beacon.model.assemblies import code as chromosome_code
from beacon.mongo import documents
from beacon.mongo.allele_keys import in_questions
from beacon.mongo.blocks import observed, zygosities
from beacon.mongo.called import Patterns, pattern_id
from beacon.mongo.documents import length_class
from beacon.mongo.joining import Item
from beacon.mongo.merging import Merging
from beacon.mongo.packing import Entry, entries_of

Documents = Database[dict[str, Any]]
Join = Callable[[Sequence[Item]], list[Entry]]
"""Joins what is said of alleles with what is known of them, as `Joining.listed` does."""


def write_structural(
    database: Documents,
    slot: int,
    merging: Merging,
    join: Join,
    patterns: Patterns,
    stamp: str,
    given: Sequence[tuple[str, Observation, BitMap | None]],
    called_in: Callable[[Collection[bytes]], Mapping[bytes, Called]],
) -> None:
    """Merge alleles with those that the slot has.

    Args:
        join: Joins them with what is known.
        patterns: Where those who were looked at are kept; they are written by the caller, before.
        stamp: Names the flush: what carries it was written before a crash.
        given: Each allele's key, what was observed, and the samples that it speaks for.
        called_in: Reads the sets of those who were looked at, by their keys.
    """
    collection = database[documents.STRUCTURAL]
    grouped: dict[str, tuple[Entry, Allele]] = {}
    samples = [of_samples for _, _, of_samples in given]
    made = entries_of([observation for _, observation, _ in given], samples, 0)
    for (name, observation, _), entry in zip(given, made, strict=True):
        key = f"{slot:05}|{name}"
        if key in grouped:
            entry = merging.unite(grouped[key][0], entry)
        grouped[key] = (entry, observation.allele)
    existing = {
        document["_id"]: document
        for asked in in_questions(grouped)
        for document in collection.find({"_id": {"$in": asked}})
    }
    sets = called_in(
        {
            key
            for one in existing.values()
            for key in (*key_of_structural(one), *samples_key(one, slot))
        }
    )
    items: dict[str, Item] = {}
    for key, (entry, allele) in grouped.items():
        old = existing.get(key)
        if old is None:
            items[key] = Item(allele, None, entry, is_mine=False)
        elif old["p"] != stamp:
            known = entry_of_structural(old, sets)
            known.samples = next((sets[key].twice for key in samples_key(old, slot)), None)
            items[key] = Item(allele, known, entry, is_mine=old["by"] == slot)
    operations = []
    for (key, item), entry in zip(items.items(), join([*items.values()]), strict=True):
        document = structural_document(slot, key, entry, item.allele, patterns)
        document |= {"p": stamp, "by": slot}
        if entry.samples is not None:
            document["sp"] = patterns.samples_digest(entry.samples)
        operations.append(ReplaceOne({"_id": key}, document, upsert=True))
    if operations:
        collection.bulk_write(operations, ordered=False)


def structural_document(
    slot: int, key: str, entry: Entry, allele: Allele, patterns: Patterns
) -> dict[str, Any]:
    """One allele with its carriers; without the marks of who wrote it."""
    start, end = allele.footprint
    document = {
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
        "n": [
            len(entry.codes),
            entry.allele_count,
            entry.allele_number,
            entry.homozygous,
            entry.hemizygous,
        ],
        "r": entry.codes.astype("<u4", copy=False).tobytes(),
    }
    if entry.called is not None:
        document["w"] = patterns.digest(entry.called)
    if entry.strata is not None:
        document["st"] = entry.strata.astype("<i4").tobytes()
    return document


def entry_of_structural(document: Mapping[str, Any], sets: Mapping[bytes, Called]) -> Entry:
    """One allele as it was stored.

    Args:
        sets: Those who were looked at, by key.
    """
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
        next((sets[key] for key in key_of_structural(document)), None),
        None,
        strata_of_structural(document),
    )


def key_of_structural(document: Mapping[str, Any]) -> tuple[bytes, ...]:
    """The key of the set of those who were looked at, if it is known."""
    return (pattern_id(document["l"], document["w"]),) if "w" in document else ()


def samples_key(document: Mapping[str, Any], slot: int) -> tuple[bytes, ...]:
    """The key of the samples that an open load has spoken for at an allele that it wrote."""
    is_open = document["by"] == slot and "sp" in document
    return (pattern_id(slot, document["sp"]),) if is_open else ()


def strata_of_structural(document: Mapping[str, Any]) -> Any:
    """Counts by population, of shape (populations, 5), or `None`."""
    if "st" not in document:
        return None
    return np.frombuffer(document["st"], "<i4").reshape(-1, 5).astype(np.int64)
