"""Deleting people from alleles: who carries them, in whom they were looked for, what is said.

Done in place: the rows of people who have withdrawn are masked in all answers already, so an answer
reads the same before, while and after. Doing it again changes nothing, so it may be interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from pymongo import DeleteOne, ReplaceOne
from pymongo.database import Database
from pyroaring import BitMap

from beacon.model.allele import Allele, Called
from beacon.model.ontology import Ontologies
from beacon.mongo import documents
from beacon.mongo.annotations import annotation_document, catalogue_annotations
from beacon.mongo.block_writes import BlockWrites
from beacon.mongo.called import Patterns, called_of
from beacon.mongo.found import NAME_OF_CODE
from beacon.mongo.merging import Merging
from beacon.mongo.observed import code_range, count_observed
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
    rows: BitMap,
    names: Container[str],
    ontologies: Ontologies,
    *,
    advance: Advance = lambda _: None,
) -> dict[str, Any]:
    """Delete people from all that a release says of alleles.

    An allele that nobody else carries goes as well.

    Args:
        rows: Their rows, which are masked in all answers that may still be running.
        names: What their samples, biosamples and they themselves are called.
        advance: Called with the number of documents that were looked at.

    Returns:
        What the manifest has to say of alleles from now on.
    """
    total = max(int(manifest["counts"]["rows"]), 1)
    for layer in manifest.get("layers", ()):
        purged = _Blocks(database, layer["slot"], rows, total)
        for code in layer["codes"]:
            purged.purge(*code_range(int(manifest["shift"] or 0), code), advance)
        if layer["slot"] != manifest.get("structural"):
            _purge_patterns(database, layer["slot"], rows)
    if manifest.get("structural"):
        _purge_structural(database, manifest["structural"], rows, advance)
        _purge_patterns(database, manifest["structural"], rows)
    if manifest.get("annotations"):
        _purge_annotations(database, manifest["annotations"], names, ontologies, advance)
    return count_observed(database, {"layers": (), "shift": 0, **manifest})


class _Blocks:
    """The blocks of one slot."""

    def __init__(self, database: Documents, slot: int, rows: BitMap, total: int) -> None:
        self._database = database
        self._slot = slot
        self._rows = rows
        self._total = total
        self._merging = Merging()
        self._patterns = Patterns(slot)
        self._called: dict[bytes, Called] = {}
        self._writes = BlockWrites(database, slot)
        self._writes.recover()

    def purge(self, low: int, high: int, advance: Advance) -> None:
        """Purge the blocks of a chromosome."""
        asked = {"_id": {"$gte": low, "$lte": high}, "l": self._slot}
        keys = [
            document["_id"] for document in self._database[documents.BLOCKS].find(asked, {"_id": 1})
        ]
        for start in range(0, len(keys), _BLOCKS_AT_ONCE):
            some = keys[start : start + _BLOCKS_AT_ONCE]
            found = self._database[documents.BLOCKS].find({"_id": {"$in": some}})
            self._purge({document["_id"]: document for document in found})
            advance(len(some))

    def _purge(self, blocks: Mapping[int, dict[str, Any]]) -> None:
        changed: list[Encoded] = []
        for key, stored in read_stored(self._database, blocks, self._called_in).items():
            old = decode_entries(stored)
            new = [self._merging.without(entry, self._rows) for entry in old]
            if all(one is other for one, other in zip(old, new, strict=True)):
                continue
            kept = [entry for entry in new if entry is not None]
            one = encode_block(key, self._slot, kept, self._total, self._patterns)
            one.block["p"] = blocks[key].get("p")
            changed.append(one)
        self._writes.write_patterns(self._patterns.drain())
        self._writes.write(changed, frozenset(one.block["_id"] for one in changed))

    def _called_in(self, keys: Collection[bytes]) -> Mapping[bytes, Called]:
        missing = [key for key in keys if key not in self._called]
        if len(self._called) > _DOCUMENTS_AT_ONCE:
            self._called = {key: one for key, one in self._called.items() if key in keys}
        self._called |= read_called(self._database, missing)
        return self._called


def _purge_patterns(database: Documents, slot: int, rows: BitMap) -> None:
    """Delete the sets that name somebody who is gone: nothing refers to them any more."""
    gone = [
        document["_id"]
        for document in database[documents.PATTERNS].find({"l": slot})
        if any(one.intersect(rows) for one in called_of(document))
    ]
    for some in _parts(gone):
        database[documents.PATTERNS].delete_many({"_id": {"$in": some}})


def _purge_structural(database: Documents, slot: int, rows: BitMap, advance: Advance) -> None:
    merging, patterns = Merging(), Patterns(slot)
    writes = BlockWrites(database, slot)
    collection = database[documents.STRUCTURAL]
    keys = [document["_id"] for document in collection.find({"l": slot}, {"_id": 1})]
    for some in _parts(keys):
        found = list(collection.find({"_id": {"$in": some}}))
        sets = read_called(database, {key for one in found for key in key_of_structural(one)})
        operations: list[Any] = []
        for document in found:
            old = entry_of_structural(document, sets)
            new = merging.without(old, rows)
            if new is old:
                continue
            if new is None:
                operations.append(DeleteOne({"_id": document["_id"]}))
                continue
            allele = msgspec.json.decode(document["a"], type=Allele)
            changed = structural_document(slot, document["_id"], new, allele, patterns)
            changed |= {"p": document["p"], "by": document["by"]}
            operations.append(ReplaceOne({"_id": document["_id"]}, changed))
        writes.write_patterns(patterns.drain())
        if operations:
            collection.bulk_write(operations, ordered=False)
        advance(len(some))


def _purge_annotations(
    database: Documents,
    slot: int,
    names: Container[str],
    ontologies: Ontologies,
    advance: Advance,
) -> None:
    """Take people out of the records of variants; a record of nobody else goes as well."""
    collection = database[documents.ANNOTATIONS]
    keys = [document["_id"] for document in collection.find({"l": slot}, {"_id": 1})]
    changed = False
    for some in _parts(keys):
        operations: list[Any] = []
        for document in collection.find({"_id": {"$in": some}}):
            record = msgspec.json.decode(document["r"])
            cases = record.get("caseLevelData")
            if not isinstance(cases, list):
                continue
            kept = [case for case in cases if not _is_about(case, names)]
            if len(kept) == len(cases):
                continue
            if not kept:
                operations.append(DeleteOne({"_id": document["_id"]}))
                continue
            record["caseLevelData"] = kept
            name = NAME_OF_CODE[document["c"]]
            place = Allele(name, document["s"], document["s"], "", "", "")
            one = annotation_document(slot, document["key"], record, place, ontologies)
            operations.append(ReplaceOne({"_id": document["_id"]}, one))
        if operations:
            collection.bulk_write(operations, ordered=False)
            changed = True
        advance(len(some))
    if changed:
        catalogue_annotations(database, slot, ontologies)


def _is_about(case: Any, names: Container[str]) -> bool:
    return isinstance(case, dict) and any(
        case.get(key) in names for key in ("biosampleId", "individualId")
    )


def _parts(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(keys), _DOCUMENTS_AT_ONCE):
        yield keys[start : start + _DOCUMENTS_AT_ONCE]
