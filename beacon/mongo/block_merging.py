"""The home of writing blocks: the alleles of bins, united with what is already there of them.

A flush is written exactly once. Each block carries the stamp of the flush that touched it last; a
load that is taken up again after a crash reads the same records up to the same marks, finds the
stamp and leaves the block alone. Blocks that merge with what an earlier flush wrote are kept aside
whole before they take the place of the old ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pymongo.database import Database
from pyroaring import BitMap

from beacon.model.allele import Allele, Called, Observation
from beacon.mongo import documents
from beacon.mongo.block_writes import BlockWrites
from beacon.mongo.called import Patterns
from beacon.mongo.documents import block_id
from beacon.mongo.joining import Item, Joining
from beacon.mongo.merging import Merging
from beacon.mongo.packing import (
    Entry,
    Stored,
    decode_entries,
    encode_block,
    entries_of,
)
from beacon.mongo.stored import read_called, read_stored

Documents = Database[dict[str, Any]]
Bins = Mapping[tuple[int, int], tuple[list[Observation], list[BitMap | None]]]
"""Code of a chromosome and number of a bin → observations, and whom each speaks for."""

_Key = tuple[int, str, str]
_SETS_KEPT = 2_000


class BlockMerging:
    """Merges alleles into the blocks of one slot.

    Args:
        older: The slots of earlier loads that have blocks of a chromosome, by its code.
        merging: Unites what is said of one allele.
        joining: Knows the people of single files who carry nothing.
        patterns: Collects sets of rows, to be written before the blocks that name them.
        writes: Writes blocks, each exactly once.
    """

    def __init__(
        self,
        database: Documents,
        slot: int,
        older: Mapping[int, Sequence[int]],
        merging: Merging,
        joining: Joining,
        patterns: Patterns,
        writes: BlockWrites,
    ) -> None:
        self._database = database
        self._slot = slot
        self._older = older
        self._merging = merging
        self._joining = joining
        self._patterns = patterns
        self._writes = writes
        self._called: dict[bytes, Called] = {}

    def flush(self, bins: Bins, shift: int, stamp: str, rows: int) -> None:
        """Write the blocks of bins, but for those that bear the stamp already.

        Args:
            bins: What is new.
            shift: Of a position, the bits that are within a bin.
            stamp: Names this flush.
            rows: Rows of the dataset.
        """
        keys = {
            block_id(shift, code, number, self._slot): place
            for place in bins
            for code, number in (place,)
        }
        mine, theirs = self._existing(keys)
        waiting: dict[int, dict[_Key, Entry]] = {}
        items: list[Item] = []
        for key, place in keys.items():
            if key in mine and mine[key].block.get("p") == stamp:
                continue  # written before the crash that this load was taken up after
            known = mine.get(key) or theirs.get(key)
            entries = {one.key: one for one in decode_entries(known)} if known else {}
            waiting[key] = entries
            is_mine = key in mine
            items += [
                Item(allele, entries.get(name), new, is_mine, key)
                for name, (allele, new) in self._contributions(key, shift, *bins[place]).items()
            ]
        for item, entry in zip(items, self._joining.listed(items), strict=True):
            waiting[item.block][entry.key] = entry
        self._write_blocks(waiting, stamp, rows, frozenset(mine).intersection(waiting))

    def _write_blocks(
        self,
        blocks: Mapping[int, dict[_Key, Entry]],
        stamp: str,
        rows: int,
        merged: frozenset[int],
    ) -> None:
        encoded = []
        for key, entries in blocks.items():
            one = encode_block(key, self._slot, list(entries.values()), rows, self._patterns)
            one.block["p"] = stamp
            encoded.append(one)
        self._writes.write_patterns(self._patterns.drain())
        self._writes.write(encoded, merged)

    def _existing(
        self, keys: Mapping[int, tuple[int, int]]
    ) -> tuple[dict[int, Stored], dict[int, Stored]]:
        """Blocks already there: of this slot, and the newest of earlier loads, by our key."""
        wanted: dict[int, int] = {}
        for key, (code, _) in keys.items():
            wanted[key] = key
            for slot in self._older.get(code, ()):
                wanted[key & ~documents.SLOT_MAX | slot] = key
        found = {
            document["_id"]: document
            for document in self._database[documents.BLOCKS].find({"_id": {"$in": list(wanted)}})
        }
        newest: dict[int, int] = {}
        for identifier in found:
            key = wanted[identifier]
            newest[key] = max(newest.get(key, 0), identifier)
        # This slot's number is the highest, so a block of its own is the newest of its bin.
        chosen = {identifier: found[identifier] for identifier in newest.values()}
        mine: dict[int, Stored] = {}
        theirs: dict[int, Stored] = {}
        for identifier, stored in read_stored(
            self._database, chosen, self.called_in, being_loaded=self._slot
        ).items():
            key = wanted[identifier]
            (mine if identifier == key else theirs)[key] = stored
        return mine, theirs

    def called_in(self, keys: Collection[bytes]) -> Mapping[bytes, Called]:
        """Sets of those who were looked at; the same object for the same key, as far as kept."""
        missing = [key for key in keys if key not in self._called]
        if missing:
            if len(self._called) + len(missing) > _SETS_KEPT:
                self._called = {key: one for key, one in self._called.items() if key in keys}
            self._called |= read_called(self._database, missing)
        return self._called

    def _contributions(
        self,
        key: int,
        shift: int,
        observations: Sequence[Observation],
        samples: Sequence[BitMap | None],
    ) -> dict[_Key, tuple[Allele, Entry]]:
        start = (key >> 16 & 0xFFFFFF) << shift
        found: dict[_Key, tuple[Allele, Entry]] = {}
        entries = entries_of(observations, samples, start)
        for observation, entry in zip(observations, entries, strict=True):
            name = entry.key
            same = found.get(name)
            if same is not None:
                entry = self._merging.unite(same[1], entry)
            found[name] = (observation.allele, entry)
        return found
