"""Going through the alleles of earlier loads, for people whose files say that they were looked at.

Only what changes is written. It may be interrupted, and done again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from pymongo import ReplaceOne
from pymongo.database import Database

from beacon.model.allele import Allele, Called
from beacon.mongo import documents
from beacon.mongo.allele_keys import in_questions
from beacon.mongo.assessed import Assessed
from beacon.mongo.block_writes import BlockWrites
from beacon.mongo.blocks import Block
from beacon.mongo.called import Patterns
from beacon.mongo.documents import BLOCK_SPAN_MAX, bin_key
from beacon.mongo.found import NAME_OF_CODE
from beacon.mongo.joining import Joining
from beacon.mongo.observed import code_range
from beacon.mongo.packing import Encoded, Entry, decode_entries, encode_block
from beacon.mongo.stored import CalledIn, read_stored
from beacon.mongo.structural_writes import (
    entry_of_structural,
    key_of_structural,
    samples_key,
    structural_document,
)

Documents = Database[dict[str, Any]]

_BLOCKS_AT_ONCE = 200
_DOCUMENTS_AT_ONCE = 1_000


class Revisiting:
    """What one load writes to its slot of alleles that it has not.

    Args:
        called_in: Reads the sets of those who were looked at, by their keys.
        total: Rows of the dataset.
    """

    def __init__(
        self,
        database: Documents,
        slot: int,
        joining: Joining,
        assessed: Assessed,
        patterns: Patterns,
        writes: BlockWrites,
        called_in: CalledIn,
        total: int,
    ) -> None:
        self._database, self._slot = database, slot
        self._joining, self._assessed = joining, assessed
        self._patterns, self._writes = patterns, writes
        self._called_in, self._total = called_in, total

    def blocks(self, shift: int, slots_of: Mapping[int, Collection[int]]) -> set[int]:
        """All blocks in which something changes.

        Args:
            slots_of: The slots that have blocks of a sequence, by its code; the load's own, too.

        Returns:
            The codes of sequences that have blocks in the load's slot now.
        """
        return {
            code
            for code, slots in sorted(slots_of.items())
            if self._blocks_of_sequence(shift, code, [*slots])
        }

    def _blocks_of_sequence(self, shift: int, code: int, slots: Sequence[int]) -> bool:
        low, high = code_range(shift, code)
        asked = {"_id": {"$gte": low, "$lte": high}, "l": {"$in": slots}}
        found = self._database[documents.BLOCKS].find(asked, {"_id": 1}).sort("_id", 1)
        newest = {bin_key(document["_id"]): document["_id"] for document in found}
        if not newest:
            return False
        keys = np.array([*newest.values()], np.int64)
        keys = keys[self._are_touched(code, keys >> 16 & 0xFFFFFF, shift)]
        changed = False
        for start in range(0, keys.size, _BLOCKS_AT_ONCE):
            some = keys[start : start + _BLOCKS_AT_ONCE].tolist()
            read = self._database[documents.BLOCKS].find({"_id": {"$in": some}})
            changed |= self._blocks(code, {document["_id"]: document for document in read})
        return changed

    def _are_touched(self, code: int, bins: Any, shift: int) -> Any:
        """In which bins alleles may be looked at otherwise than before."""
        assessed = self._assessed
        everywhere = assessed.new.intersect(assessed.silent) or assessed.replaced
        if everywhere or assessed.is_lifted or assessed.unsaid(code):
            return np.ones(bins.size, bool)
        first, end = (bins << shift) - 1, ((bins + 1) << shift) + BLOCK_SPAN_MAX
        spans = assessed.spans_of_new(code)
        before = np.searchsorted(spans.ends, first, side="right")
        touched = np.searchsorted(spans.starts, end, side="left") > before
        if assessed.new.intersect(assessed.bounded):
            outside = assessed.outside(code).names >> 32
            # An allele's footprint may begin with the base before it.
            touched |= np.isin(bins, np.concatenate((outside >> shift, (outside + 1) >> shift)))
        return touched

    def _blocks(self, code: int, blocks: Mapping[int, dict[str, Any]]) -> bool:
        stored = read_stored(self._database, blocks, self._called_in, being_loaded=self._slot)
        entries = {key: decode_entries(one) for key, one in stored.items()}
        name = NAME_OF_CODE[code]
        known: list[tuple[Allele, Entry]] = []
        places: list[tuple[int, int]] = []
        for key, of_block in entries.items():
            block = Block(blocks[key])
            for index, entry in enumerate(of_block):
                if entry.samples is None:
                    known.append((block.allele(index, name), entry))
                    places.append((key, index))
        changed: set[int] = set()
        for (key, index), (_, old), new in zip(
            places, known, self._joining.unlisted(known), strict=True
        ):
            if new is not old:
                entries[key][index] = new
                changed.add(key)
        encoded: list[Encoded] = []
        merged = []
        for key in sorted(changed):
            own = key & ~documents.SLOT_MAX | self._slot
            one = encode_block(own, self._slot, entries[key], self._total, self._patterns)
            one.block["p"] = blocks[key].get("p", "")
            encoded.append(one)
            if own == key:
                merged.append(own)
        self._writes.write_patterns(self._patterns.drain())
        self._writes.write(encoded, frozenset(merged))
        return bool(changed)

    def structural(self, layer: int, copy_forward: Callable[[], None]) -> None:
        """All structural variants and long alleles in which something changes.

        Args:
            layer: Where they are.
            copy_forward: Called before anything is written, if they are not in the load's slot.
        """
        collection = self._database[documents.STRUCTURAL]
        keys = [document["_id"] for document in collection.find({"l": layer}, {"_id": 1})]
        for some in _questions(keys):
            found = [
                document
                for document in collection.find({"_id": {"$in": some}})
                if not samples_key(document, self._slot)
            ]
            sets = self._called_in({key for one in found for key in key_of_structural(one)})
            operations = self._changed(found, sets)
            if operations:
                copy_forward()
                self._writes.write_patterns(self._patterns.drain())
                collection.bulk_write(operations, ordered=False)

    def _changed(
        self, found: Sequence[dict[str, Any]], sets: Mapping[bytes, Called]
    ) -> list[ReplaceOne[dict[str, Any]]]:
        known = [
            (msgspec.json.decode(one["a"], type=Allele), entry_of_structural(one, sets))
            for one in found
        ]
        operations = []
        for document, (allele, old), new in zip(
            found, known, self._joining.unlisted(known), strict=True
        ):
            if new is not old:
                key = f"{self._slot:05}{document['_id'][5:]}"
                one = structural_document(self._slot, key, new, allele, self._patterns)
                one |= {"p": document["p"], "by": document["by"]}
                operations.append(ReplaceOne({"_id": key}, one, upsert=True))
        return operations


def _questions(keys: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), _DOCUMENTS_AT_ONCE):
        yield from in_questions(keys[start : start + _DOCUMENTS_AT_ONCE])
