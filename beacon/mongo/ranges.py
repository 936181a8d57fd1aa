"""Ranges of blocks, read once for all datasets of a question that look at the same place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from beacon.mongo import documents
from beacon.mongo.blocks import Block
from beacon.mongo.documents import bin_key, block_id
from beacon.mongo.layers import Dataset

AsyncDocuments = AsyncDatabase[dict[str, Any]]
Document = dict[str, Any]


class SharedRanges:
    """What is read once: ranges of blocks, for all datasets of a question that look there; and
    what questions that are asked together need of a dataset."""

    bins_max = 4_096

    def __init__(self, database: AsyncDocuments, datasets: Sequence[Dataset]) -> None:
        self._database = database
        self._datasets = datasets
        self._read: dict[tuple[int, int, int, int], _Once] = {}
        self._others: dict[str, _Once] = {}

    async def once(self, dataset_id: str, read: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """What is read of a dataset for all questions that are asked together, once."""
        under_way = self._others.get(dataset_id)
        if under_way is None:
            under_way = self._others[dataset_id] = _Once(read())
        return await under_way.result()

    async def read(self, dataset: Dataset, code: int, low: int, high: int) -> list[Document]:
        """The blocks of a range, of every dataset with bins of the same width."""
        key = (dataset.shift, code, low, high)
        under_way = self._read.get(key)
        if under_way is None:
            under_way = self._read[key] = _Once(self._find(*key))
        found: list[Document] = await under_way.result()
        return found

    async def _find(self, shift: int, code: int, low: int, high: int) -> list[Document]:
        slots = {
            slot
            for dataset in self._datasets
            if dataset.shift == shift
            for slot in dataset.slots_of.get(code, ())
        }
        cursor = self._database[documents.BLOCKS].find(
            {
                "_id": {
                    "$gte": block_id(shift, code, low, 0),
                    "$lte": block_id(shift, code, high, documents.SLOT_MAX),
                },
                "l": {"$in": sorted(slots)},
            },
            {"p": 0, "q": 0},
        )
        return await cursor.sort("_id", 1).to_list()


class _Once:
    """A coroutine that several await."""

    def __init__(self, coroutine: Any) -> None:

        self._task = asyncio.ensure_future(coroutine)

    async def result(self) -> Any:
        return await self._task


def newest_of_bins(found: Sequence[Document]) -> list[Block]:
    """The newest block of each bin; blocks come sorted by bin, then by slot."""
    newest: dict[int, Document] = {}
    for document in found:
        newest[bin_key(document["_id"])] = document
    return [Block(document) for document in newest.values()]
