"""The home of the alleles of a dataset as they are kept: blocks, records and carriers, by key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
from pymongo.asynchronous.database import AsyncDatabase

from beacon.framework.answer import Record
from beacon.model.allele import Allele
from beacon.model.variation_query import VariationCondition
from beacon.mongo import documents
from beacon.mongo.allele_keys import allele_key, is_long
from beacon.mongo.blocks import COMMON, Block
from beacon.mongo.documents import bin_key, block_id
from beacon.mongo.fetch import Lookup
from beacon.mongo.found import Carriers, Found, Structural, Window
from beacon.mongo.layers import Dataset
from beacon.mongo.predicates import structural_question
from beacon.mongo.ranges import SharedRanges, newest_of_bins

AsyncDocuments = AsyncDatabase[dict[str, Any]]
Document = dict[str, Any]

_WINDOW_BLOCKS = 256
_FEW = 4
"""Bins that are read by their keys."""
_AHEAD_MAX = 256
"""Bins whose carriers are read together with their alleles: in many there may be neither."""


class Stretch(NamedTuple):
    """The blocks of a stretch, and the carriers of their rare alleles where they were read too."""

    blocks: list[Block]
    rare: Mapping[int, Document] | None = None


class Alleles:
    """Reads alleles, their records and their carriers."""

    def __init__(self, database: AsyncDocuments) -> None:
        self._database = database
        self._blocks = Lookup(database[documents.BLOCKS])
        self._rare = Lookup(database[documents.RARE])
        self._dense = Lookup(database[documents.DENSE])
        self._structural = Lookup(database[documents.STRUCTURAL])
        self._annotations = Lookup(database[documents.ANNOTATIONS], {"r": 1})

    async def newest(self, dataset: Dataset, code: int, number: int) -> Block | None:
        """The newest block of a bin, `None` where there is none."""
        slots = dataset.slots_of.get(code, ())
        keys = [block_id(dataset.shift, code, number, slot) for slot in slots]
        if len(keys) == 1:
            document = await self._blocks.get(keys[0])
            return None if document is None else Block(document)
        found = await self._blocks.get_many(keys)
        return Block(found[max(found)]) if found else None

    async def newest_with_carriers(
        self, dataset: Dataset, code: int, number: int
    ) -> tuple[Block | None, dict[int, Document] | None]:
        """The same, and the carriers of its rare alleles, read at once where it is known where."""
        slots = dataset.slots_of.get(code, ())
        if len(slots) != 1:
            return await self.newest(dataset, code, number), None
        key = block_id(dataset.shift, code, number, slots[0])
        found, rare = await asyncio.gather(self._blocks.get_many([key]), self._rare.get_many([key]))
        return (Block(found[key]) if found else None), rare

    async def stretches(
        self,
        dataset: Dataset,
        code: int,
        extent: tuple[int, int] | None,
        shared: SharedRanges | None,
        *,
        with_carriers: bool = False,
    ) -> AsyncIterator[Stretch]:
        """Blocks of a stretch of the genome, the newest of each bin, some at a time.

        Args:
            with_carriers: Whether who carries them will be asked for, wherever they are.
        """
        slots = dataset.slots_of.get(code, ())
        if not slots:
            return
        low, high = (
            (0, 0xFFFFFF)
            if extent is None
            else (extent[0] >> dataset.shift, extent[1] >> dataset.shift)
        )
        is_ahead = with_carriers and len(slots) == 1
        keys: list[int] = []
        if high - low < (_AHEAD_MAX if is_ahead else _FEW):
            keys = [
                block_id(dataset.shift, code, number, slot)
                for number in range(low, high + 1)
                for slot in slots
            ]
        reading: Awaitable[list[Document]] | None = None
        if high - low < _FEW:
            reading = self._in_order(keys)
        elif shared is not None and high - low <= shared.bins_max:
            reading = shared.read(dataset, code, low, high)
        if reading is not None:
            if is_ahead and keys:
                found, rare = await asyncio.gather(reading, self._rare.get_many(keys))
            else:
                found, rare = await reading, None
            yield Stretch(newest_of_bins([one for one in found if one["l"] in slots]), rare)
            return
        cursor = self._database[documents.BLOCKS].find(
            {
                "_id": {
                    "$gte": block_id(dataset.shift, code, low, 0),
                    "$lte": block_id(dataset.shift, code, high, documents.SLOT_MAX),
                },
                "l": {"$in": list(slots)},
            }
        )
        waiting: list[Document] = []
        async for document in cursor.sort("_id", 1):
            same_bin = waiting and bin_key(waiting[-1]["_id"]) == bin_key(document["_id"])
            if len(waiting) >= _WINDOW_BLOCKS and not same_bin:
                yield Stretch(newest_of_bins(waiting))
                waiting = []
            waiting.append(document)
        if waiting:
            yield Stretch(newest_of_bins(waiting))

    async def _in_order(self, keys: Iterable[int]) -> list[Document]:
        found = await self._blocks.get_many(keys)
        return [found[key] for key in sorted(found)]

    async def structural(self, dataset: Dataset, condition: VariationCondition) -> Window:
        """The structural variants that fit, but for what is said of their genes."""
        asked = structural_question(dataset.structural or 0, condition)
        found = await self._database[documents.STRUCTURAL].find(asked).sort("_id", 1).to_list()
        window = Window(structural=[Structural(document) for document in found])
        window.structural = [
            one for one in window.structural if _matches_but_gene_text(condition, one.allele)
        ]
        return window

    async def by_keys(self, dataset: Dataset, keys: Iterable[str]) -> Window:
        """Observed alleles by key, in the order of the genome."""
        packed: list[tuple[int, int, str, str]] = []
        bulky: list[str] = []
        for key in keys:
            parts = key.split(":")
            code, start = int(parts[0]), int(parts[1])
            if len(parts) == 4 and not parts[2].isdigit():
                packed.append((code, start, parts[2], parts[3]))
                if not is_long(parts[2], parts[3]):
                    continue
            bulky.append(key)
        window = Window()
        wanted = {(code, start >> dataset.shift) for code, start, _, _ in packed}
        block_of: dict[tuple[int, int], Block] = {}
        ids = {
            block_id(dataset.shift, code, number, slot): (code, number)
            for code, number in wanted
            for slot in dataset.slots_of.get(code, ())
        }
        for identifier, document in sorted((await self._blocks.get_many(ids)).items()):
            block_of[ids[identifier]] = Block(document)  # ascending: the newest slot comes last
        chosen: dict[tuple[int, int], list[int]] = {}
        for code, start, reference_bases, alternate_bases in packed:
            place = (code, start >> dataset.shift)
            block = block_of.get(place)
            index = None if block is None else block.find(start, reference_bases, alternate_bases)
            if block is not None and index is not None and block.is_observed(index):
                chosen.setdefault(place, []).append(index)
        window.blocks = [
            (block_of[place], np.array(sorted(chosen[place]))) for place in sorted(chosen)
        ]
        if dataset.structural and bulky:
            found = await self._structural.get_many(
                f"{dataset.structural:05}|{key}" for key in bulky
            )
            window.structural = [Structural(found[key]) for key in sorted(found) if found[key]["o"]]
        return window

    async def records(self, dataset: Dataset, found: Iterable[Found]) -> dict[str, Record]:
        """The records that alleles were loaded with, by allele key."""
        if dataset.annotations is None:
            return {}
        keys = [f"{dataset.annotations:05}|{allele_key(one.allele)}" for one in found]
        documents_found = await self._annotations.get_many(keys)
        return {
            key.partition("|")[2]: msgspec.json.decode(document["r"])
            for key, document in documents_found.items()
        }

    async def carriers(self, window: Window) -> Carriers:
        """Who carries the alleles of a window: one look-up for the rare, one for the common."""
        rare_keys: list[int] = []
        dense_keys: dict[bytes, tuple[int, int]] = {}
        for block, indexes in window.blocks:
            common = block.column("flags")[indexes] & COMMON > 0
            if not common.all():
                rare_keys.append(block.document_id)
            for index in indexes[common].tolist():
                dense_keys[block.dense_key(index)] = block.document_id, index
        rare, dense = await asyncio.gather(
            self._rare.get_many(rare_keys if window.rare is None else ()),
            self._dense.get_many(dense_keys),
        )
        of_alleles = {dense_keys[key]: document for key, document in dense.items()}
        return Carriers(rare if window.rare is None else window.rare, of_alleles)


def _matches_but_gene_text(condition: VariationCondition, allele: Allele) -> bool:
    if not condition.matches_allele(allele):
        return False
    if condition.gene_region is None:
        return True
    name, gene_start, gene_end = condition.gene_region
    start, end = allele.footprint
    return allele.reference_name == name and start < gene_end and end > gene_start
