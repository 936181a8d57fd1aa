"""Allele frequencies of what is delivered: of everybody, and by sex, country and ancestry."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pymongo.asynchronous.database import AsyncDatabase

from beacon.framework.answer import Record
from beacon.model.allele import Called, Zygosity
from beacon.mongo import documents
from beacon.mongo.blocks import rows_of_set
from beacon.mongo.called import NOBODY_KNOWN, called_of, keys_of, numbers_of
from beacon.mongo.fetch import Lookup
from beacon.mongo.found import Found, Packed, Structural
from beacon.mongo.layers import Dataset
from beacon.mongo.packing import strata_of
from beacon.mongo.populations import Populations
from beacon.mongo.structural_writes import key_of_structural, strata_of_structural

TOTAL = "Total"
_KEPT = 1_000
_HET, _HOM, _HEMI = int(Zygosity.HET), int(Zygosity.HOM), int(Zygosity.HEMI)

Counts = npt.NDArray[np.int64]


class _Numbers(NamedTuple):
    """Alleles called: of everybody, and by place and ancestry; and which labels may be told."""

    total: int
    alleles: Counts
    told: tuple[bool, ...]


class Frequencies:
    """Counts alleles by population."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._called = Lookup(database[documents.CALLED])
        self._patterns = Lookup(database[documents.PATTERNS])
        self._strata = Lookup(database[documents.STRATA])
        self._numbers: dict[tuple[Any, ...], _Numbers] = {}

    async def of(
        self,
        dataset: Dataset,
        found: Sequence[Found],
        codes: Sequence[Any] | None,
        populations: Populations | None,
        left_out: Sequence[Any] | None = None,
    ) -> list[list[Record]]:
        """The `frequencyInPopulations` of alleles, empty where nothing is known.

        Args:
            codes: Of each allele all its carriers, `row << 2 | zygosity`; not needed where there
                are no populations to count and nobody has withdrawn.
            left_out: Of each allele the carriers whom this caller is told nothing of, and who are
                not among `codes`. They count as those do who do not carry it: were fewer people
                looked at because of them, that would say how many they are.
        """
        stated = await self._stated(dataset, found) if dataset.populations else {}
        counted: list[Counts | None] = [None] * len(found)
        labels: list[str] = [TOTAL]
        if codes is not None:
            if populations is not None:
                labels += [label.name for label in populations.labels]
            counted = await self._counted(dataset, found, codes, populations)
        else:
            counted = [None] * len(found)
        records: list[list[Record]] = []
        for index, numbers in enumerate(counted):
            if numbers is None or not numbers[0, 1]:
                numbers = np.array([_of_columns(found[index])])
                if left_out is not None and len(left_out[index]):
                    numbers[0] -= _line(np.bincount(left_out[index] & 3, minlength=4), 0)
                    numbers = np.maximum(numbers, 0)
            entries = [
                _entry(label, of_label)
                for label, of_label in zip(labels, numbers.tolist(), strict=False)
                if of_label[1] > 0
            ]
            if index in stated:
                entries = [
                    _entry(label, of_label)
                    for label, of_label in zip(dataset.populations, stated[index], strict=False)
                    if of_label[0] >= 0 and of_label[1] > 0
                ]
            records.append([_source(dataset, entries)] if entries else [])
        return records

    async def _stated(self, dataset: Dataset, found: Sequence[Found]) -> dict[int, list[list[int]]]:
        """Counts by population as they were loaded, of those alleles that have them."""
        blocks = {one.block.document_id for one in found if isinstance(one, Packed)}
        read = await self._strata.get_many(blocks)
        stated = {}
        for index, one in enumerate(found):
            if isinstance(one, Structural):
                counts = strata_of_structural(one.document)
            else:
                of_block = strata_of(read.get(one.block.document_id), one.block.size)
                counts = None if of_block is None else of_block[:, :, one.index]
            if counts is not None and (counts >= 0).any():
                stated[index] = counts.tolist()
        return stated

    async def _counted(
        self,
        dataset: Dataset,
        found: Sequence[Found],
        codes: Sequence[Any],
        populations: Populations | None,
    ) -> list[Counts | None]:
        """Counts of everybody and of each population, of those alleles whose calls are known."""
        blocks = {one.block.document_id for one in found if isinstance(one, Packed)}
        named = await self._called.get_many(blocks)
        keys = [_pattern(one, named) for one in found]
        missing = {
            key
            for key in keys
            if key and self._cache_key(dataset, key, populations) not in self._numbers
        }
        for key, document in (await self._patterns.get_many(missing)).items():
            if len(self._numbers) >= _KEPT:
                self._numbers.clear()
            numbers = _allele_numbers(called_of(document), dataset, populations)
            self._numbers[self._cache_key(dataset, key, populations)] = numbers
        counts: list[Counts | None] = []
        for key, carriers in zip(keys, codes, strict=True):
            known = self._numbers.get(self._cache_key(dataset, key, populations)) if key else None
            counts.append(None if known is None else _counts(carriers, known, dataset, populations))
            await asyncio.sleep(0)  # common alleles are work that a deadline must be able to end
        return counts

    @staticmethod
    def _cache_key(
        dataset: Dataset, key: bytes, populations: Populations | None
    ) -> tuple[Any, ...]:
        masked = len(dataset.withdrawn or ())
        is_split = populations is not None
        return (dataset.id, dataset.release, dataset.metadata, masked, is_split, key)


def _pattern(one: Found, named: Mapping[int, Any]) -> bytes | None:
    """The key of the set of those in whom an allele was looked for."""
    if isinstance(one, Structural):
        return next(iter(key_of_structural(one.document)), None)
    document = named.get(one.block.document_id)
    number = numbers_of(document, one.block.size)[one.index]
    return None if number == NOBODY_KNOWN else keys_of(document)[number]


def _allele_numbers(called: Called, dataset: Dataset, populations: Populations | None) -> _Numbers:
    twice, once = called
    if dataset.withdrawn:
        twice, once = twice - dataset.withdrawn, once - dataset.withdrawn
    total = 2 * len(twice) + len(once)
    if populations is None:
        nothing = np.zeros(0, np.int64)
        return _Numbers(total, nothing, ())
    rows = np.concatenate((rows_of_set(twice), rows_of_set(once)))
    kinds = np.repeat((0, 1), (len(twice), len(once)))
    by_stratum = populations.count(rows, kinds, 2)
    told = populations.told(by_stratum.sum(axis=1))
    return _Numbers(total, by_stratum @ np.array([2, 1]), told)


def _counts(
    codes: Any, numbers: _Numbers, dataset: Dataset, populations: Populations | None
) -> Counts:
    """Allele count, number, heterozygous, homozygous, hemizygous: everybody's, then by label.

    Nothing is counted of a population of which too few people were looked at here.
    """
    if dataset.withdrawn:
        gone = np.asarray(dataset.withdrawn.to_array(), np.uint32)
        codes = codes[~np.isin(codes >> 2, gone)]
    rows, zygosity = codes >> 2, codes & 3
    lines = [_line(np.bincount(zygosity, minlength=4), numbers.total)]
    if populations is not None:
        carriers = populations.count(rows, zygosity, 4)
        lines += [
            _line(carriers[chosen].sum(axis=0), int(numbers.alleles[chosen].sum()))
            if is_told
            else [0] * 5
            for is_told, (_, chosen, _) in zip(numbers.told, populations.labels, strict=True)
        ]
    return np.array(lines)


def _line(zygosities: Any, number: int) -> list[int]:
    het, hom, hemi, unspecified = (int(one) for one in zygosities)
    return [het + 2 * hom + hemi + unspecified, number, het + unspecified, hom, hemi]


def _of_columns(one: Found) -> list[int]:
    count, number, homozygous, hemizygous = one.numbers()
    return [count, number, max(count - 2 * homozygous - hemizygous, 0), homozygous, hemizygous]


def _entry(population: str, counts: Sequence[int]) -> dict[str, Any]:
    """One population, with the counts that the European portal reads beside the frequency."""
    entry: dict[str, Any] = {
        "population": population,
        "alleleFrequency": counts[0] / counts[1],
        "alleleCount": counts[0],
        "alleleNumber": counts[1],
    }
    split = {
        "alleleCountHomozygous": counts[3],
        "alleleCountHeterozygous": counts[2],
        "alleleCountHemizygous": counts[4],
    }
    return entry | {name: count for name, count in split.items() if count >= 0}


def _source(dataset: Dataset, entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "source": str(dataset.record.get("name", dataset.id)),
        "sourceReference": str(dataset.record.get("externalUrl") or f"dataset:{dataset.id}"),
        "frequencies": entries,
    }
