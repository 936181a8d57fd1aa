"""Deleting people from alleles: who carries them, in whom they were looked for, what is said.

What they are in is written again without them, to a slot of its own, so that an answer that has
begun goes on reading what it began with. When all those have ended, `sweep` deletes what is read no
more. Either may be interrupted, and done again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec
from pymongo import DeleteOne, ReplaceOne
from pymongo.database import Database
from pyroaring import BitMap

from beacon.model.allele import Allele, Called
from beacon.model.ontology import Ontologies
from beacon.mongo import documents
from beacon.mongo.allele_keys import in_questions
from beacon.mongo.annotations import annotation_document, catalogue_annotations
from beacon.mongo.assessed_documents import forget_assessed
from beacon.mongo.barred import Barred, without_gone
from beacon.mongo.block_writes import BlockWrites, copy_layer
from beacon.mongo.called import Patterns, called_of
from beacon.mongo.documents import bin_key, block_id, dense_range
from beacon.mongo.found import NAME_OF_CODE
from beacon.mongo.history import layers_of
from beacon.mongo.merging import Merging
from beacon.mongo.observed import code_range
from beacon.mongo.packing import Encoded, decode_entries, encode_block
from beacon.mongo.stored import read_called, read_stored
from beacon.mongo.structural_writes import (
    entry_of_structural,
    key_of_structural,
    structural_document,
)

Documents = Database[dict[str, Any]]
Advance = Callable[[int], None]

_BLOCKS_AT_ONCE = 200
_DOCUMENTS_AT_ONCE = 1_000


def purge_alleles(
    database: Documents,
    manifest: Mapping[str, Any],
    slot: int,
    rows: BitMap,
    barred: Barred,
    ontologies: Ontologies,
    *,
    advance: Advance = lambda _: None,
) -> dict[str, Any]:
    """Write what a release says of alleles without some people.

    An allele that nobody else carries is left out.

    Args:
        slot: Where to, as yet empty.
        rows: Their rows.
        barred: What their samples, biosamples and they themselves are called.
        advance: Called with the number of documents that were looked at.

    Returns:
        The layers that the manifest has to name from now on.
    """
    purging = _Purging(database, slot, rows, max(int(manifest["counts"]["rows"]), 1), advance)
    slots_of: dict[int, list[int]] = {}
    for layer in manifest.get("layers", ()):
        for code in layer["codes"]:
            slots_of.setdefault(code, []).append(layer["slot"])
    shift = int(manifest.get("shift") or 0)
    codes = [code for code in sorted(slots_of) if purging.blocks(shift, code, slots_of[code])]
    named: dict[str, Any] = {}
    if codes:
        named["layers"] = [*manifest["layers"], {"slot": slot, "codes": codes}]
    old = manifest.get("structural")
    if old and purging.structural(old):
        named["structural"] = slot
    old = manifest.get("annotations")
    if old and _purge_annotations(database, old, slot, barred, ontologies, advance):
        named["annotations"] = slot
    return named


class _Purging:
    """What is written to one slot."""

    def __init__(
        self, database: Documents, slot: int, rows: BitMap, total: int, advance: Advance
    ) -> None:
        self._database = database
        self._slot = slot
        self._rows = rows
        self._total = total
        self._advance = advance
        self._merging = Merging()
        self._patterns = Patterns(slot)
        self._called: dict[bytes, Called] = {}
        self._writes = BlockWrites(database, slot)

    def blocks(self, shift: int, code: int, slots: Sequence[int]) -> bool:
        """The blocks of a chromosome; whether the people are in any."""
        low, high = code_range(shift, code)
        asked = {"_id": {"$gte": low, "$lte": high}, "l": {"$in": [*slots]}}
        found = self._database[documents.BLOCKS].find(asked, {"_id": 1}).sort("_id", 1)
        newest = {bin_key(document["_id"]): document["_id"] for document in found}
        changed = False
        for keys in _parts([*newest.values()], _BLOCKS_AT_ONCE):
            read = self._database[documents.BLOCKS].find({"_id": {"$in": keys}})
            changed |= self._blocks({document["_id"]: document for document in read})
            self._advance(len(keys))
        return changed

    def _blocks(self, blocks: Mapping[int, dict[str, Any]]) -> bool:
        changed: list[Encoded] = []
        for key, stored in read_stored(self._database, blocks, self._called_in).items():
            old = decode_entries(stored)
            new = [self._merging.without(entry, self._rows) for entry in old]
            if all(one is other for one, other in zip(old, new, strict=True)):
                continue
            kept = [entry for entry in new if entry is not None]
            own = key & ~documents.SLOT_MAX | self._slot
            changed.append(encode_block(own, self._slot, kept, self._total, self._patterns))
        self._writes.write_patterns(self._patterns.drain())
        self._writes.write(changed, frozenset())
        return bool(changed)

    def structural(self, old: int) -> bool:
        """All structural variants of a slot; false, and nothing written, if nobody is in any."""
        collection = self._database[documents.STRUCTURAL]
        keys = [document["_id"] for document in collection.find({"l": old}, {"_id": 1})]
        is_changed = False
        for some in (asked for part in _parts(keys) for asked in in_questions(part)):
            found = list(collection.find({"_id": {"$in": some}}))
            sets = self._called_in({key for one in found for key in key_of_structural(one)})
            copies = []
            for document in found:
                entry = entry_of_structural(document, sets)
                left = self._merging.without(entry, self._rows)
                is_changed |= left is not entry
                if left is None:
                    continue
                key = f"{self._slot:05}{document['_id'][5:]}"
                allele = msgspec.json.decode(document["a"], type=Allele)
                copy = structural_document(self._slot, key, left, allele, self._patterns)
                copies.append(copy | {"p": document["p"], "by": document["by"]})
            self._writes.write_patterns(self._patterns.drain())
            if copies:
                collection.insert_many(copies, ordered=False)
            self._advance(len(some))
        if not is_changed:
            collection.delete_many({"l": self._slot})
        return is_changed

    def _called_in(self, keys: Collection[bytes]) -> Mapping[bytes, Called]:
        missing = [key for key in keys if key not in self._called]
        if len(self._called) > _DOCUMENTS_AT_ONCE:
            self._called = {key: one for key, one in self._called.items() if key in keys}
        self._called |= read_called(self._database, missing)
        return self._called


def _purge_annotations(
    database: Documents,
    old: int,
    slot: int,
    barred: Barred,
    ontologies: Ontologies,
    advance: Advance,
) -> bool:
    """Take people out of the records of variants; a record of nobody else goes as well."""
    collection = database[documents.ANNOTATIONS]
    keys = [document["_id"] for document in collection.find({"l": old}, {"_id": 1})]
    changed = False
    for some in (asked for part in _parts(keys) for asked in in_questions(part)):
        operations: list[Any] = []
        for document in collection.find({"_id": {"$in": some}}):
            record = msgspec.json.decode(document["r"])
            freed = _freed(record, barred)
            if freed is record:
                continue
            if freed is None:
                operations.append(DeleteOne({"_id": f"{slot:05}|{document['key']}"}))
                continue
            name = NAME_OF_CODE[document["c"]]
            place = Allele(name, document["s"], document["s"], "", "", "")
            one = annotation_document(slot, document["key"], freed, place, ontologies)
            operations.append(ReplaceOne({"_id": one["_id"]}, one))
        if operations:
            if not changed:
                copy_layer(database, documents.ANNOTATIONS, old, slot)
            collection.bulk_write(operations, ordered=False)
            changed = True
        advance(len(some))
    if changed:
        catalogue_annotations(database, slot, ontologies)
    return changed


def _freed(record: dict[str, Any], barred: Barred) -> dict[str, Any] | None:
    """A record that names nobody who is barred; itself if it does not, `None` if nobody else."""
    freed: dict[str, Any] = without_gone(record, barred.holds)
    cases = freed.get("caseLevelData")
    if isinstance(cases, list):
        kept = [case for case in cases if not _is_about(case, barred)]
        if len(kept) < len(cases):
            freed = {**freed, "caseLevelData": kept}
    return None if record.get("caseLevelData") and not freed.get("caseLevelData") else freed


def _is_about(case: Any, barred: Barred) -> bool:
    """Whether an entry is of somebody who is barred, by whatever name it has for the sample."""
    names = [case.get(key) for key in ("biosampleId", "individualId")] if case else []
    return any(isinstance(name, str) and barred.named(name) for name in names)


# What is read no more ---------------------------------------------------------------------------


def sweep(database: Documents, manifest: Mapping[str, Any], rows: BitMap) -> None:
    """Delete what the layers of a release hold beside what it is read from.

    To be called when no answer reads an older release any more, and no other one is kept.

    Args:
        rows: Of people who are in nothing that the release is read from.
    """
    slots = sorted(layers_of(manifest) - {manifest["metadata"]})
    _sweep_blocks(database, manifest, slots)
    for collection, layer in (
        (documents.STRUCTURAL, manifest.get("structural")),
        (documents.ANNOTATIONS, manifest.get("annotations")),
        (documents.CATALOGUE, manifest.get("annotations")),
    ):
        others = [slot for slot in slots if slot != layer]
        database[collection].delete_many({"l": {"$in": others}})
    for slot in slots:
        _sweep_patterns(database, slot, rows)
    forget_assessed(database, manifest.get("assessed", ()), rows)


def _sweep_blocks(database: Documents, manifest: Mapping[str, Any], slots: list[int]) -> None:
    """Delete all blocks but the newest of each bin, with what lies beside them."""
    shift = int(manifest.get("shift") or 0)
    low = block_id(shift, 0, 0, 0)
    high = block_id(shift, 0xFF, 0xFFFFFF, documents.SLOT_MAX)
    asked = {"_id": {"$gte": low, "$lte": high}, "l": {"$in": slots}}
    found = database[documents.BLOCKS].find(asked, {"_id": 1}).sort("_id", 1)
    keys = [document["_id"] for document in found]  # by bin, then from the oldest to the newest
    due = [key for key, later in pairwise(keys) if bin_key(key) == bin_key(later)]
    for some in _parts(due):
        for key in some:
            first, last = dense_range(key)
            database[documents.DENSE].delete_many({"_id": {"$gte": first, "$lte": last}})
        # Blocks last, by which an interrupted sweep finds what is left to do.
        for name in (documents.RARE, documents.CALLED, documents.STRATA, documents.BLOCKS):
            database[name].delete_many({"_id": {"$in": some}})


def _sweep_patterns(database: Documents, slot: int, rows: BitMap) -> None:
    """Delete the sets that name somebody who is gone: nothing that is read refers to them."""
    gone = [
        document["_id"]
        for document in database[documents.PATTERNS].find({"l": slot})
        if any(one.intersect(rows) for one in called_of(document))
    ]
    for some in _parts(gone):
        database[documents.PATTERNS].delete_many({"_id": {"$in": some}})


def _parts(keys: Sequence[Any], size: int = _DOCUMENTS_AT_ONCE) -> Iterator[Sequence[Any]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
