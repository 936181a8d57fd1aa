"""Packing: observations become entries, and the entries of one bin the documents of a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.model.allele import Called, Observation, Zygosity
from beacon.mongo.blocks import (
    ANCHORS,
    ASSERTED,
    COLUMNS,
    COMMON,
    SPELLED_OUT,
    U32,
    Block,
    RareCarriers,
    allele_code,
    codes_of_dense,
    observed,
    zygosities,
)
from beacon.mongo.called import Patterns
from beacon.mongo.documents import dense_id
from beacon.mongo.roaring import serialized

NOT_STATED = -1
"""In place of a count of a population."""
_HOM, _HEMI = int(Zygosity.HOM), int(Zygosity.HEMI)
_ANCHOR_FLAGS = {base: number for number, base in enumerate(ANCHORS)}
_ZERO = np.zeros(1, np.int64)


@dataclass(slots=True)
class Entry:
    """One allele on its way into a block. `codes` are `row << 2 | zygosity`, sorted by row.

    `called` is who was looked at, and `allele_number` how many alleles that are, or as many as are
    stated. `samples` are those that the load speaks for, so far: what an earlier one said of them
    no longer counts. `strata` are counts by population, see `model.allele.Observation`.
    """

    offset: int
    reference_bases: str
    alternate_bases: str
    codes: U32
    allele_count: int
    allele_number: int
    homozygous: int
    hemizygous: int
    flags: int
    called: Called | None = None
    samples: BitMap | None = None
    strata: npt.NDArray[np.int64] | None = None

    @property
    def key(self) -> tuple[int, str, str]:
        """What makes two entries the same allele."""
        return (self.offset, self.reference_bases, self.alternate_bases)


def entries_of(
    observations: Sequence[Observation], samples: Sequence[BitMap | None], bin_start: int
) -> list[Entry]:
    """Observations as entries, their carriers counted and put in order all at once.

    Args:
        samples: The samples that each observation speaks for.
        bin_start: What offsets count from.
    """
    sizes = np.fromiter((len(one.rows) for one in observations), np.int64, len(observations))
    ends = np.concatenate((_ZERO, np.cumsum(sizes)))
    zygosity = np.concatenate([one.zygosity for one in observations])
    homozygous = _count_by_allele(zygosity, _HOM, ends)
    hemizygous = _count_by_allele(zygosity, _HEMI, ends)
    rows = np.concatenate([one.rows for one in observations]).astype(np.uint32, copy=False)
    codes = rows << np.uint32(2)
    codes |= zygosity
    descents = (rows[1:] < rows[:-1]).nonzero()[0] + 1
    within = ends[np.searchsorted(ends, descents)] != descents
    for index in set((np.searchsorted(ends, descents[within]) - 1).tolist()):
        codes[ends[index] : ends[index + 1]].sort()
    bounds = ends.tolist()
    return [
        _entry(observation, of_samples, bin_start, codes[start:end], *counts)
        for observation, of_samples, start, end, *counts in zip(
            observations, samples, bounds, bounds[1:], homozygous, hemizygous, strict=False
        )
    ]


def _count_by_allele(
    zygosity: npt.NDArray[np.uint8], wanted: int, ends: npt.NDArray[np.int64]
) -> list[int]:
    chosen = (zygosity == wanted).nonzero()[0]
    if not len(chosen):  # hemizygous is hardly anybody
        return [0] * (len(ends) - 1)
    counts: list[int] = np.diff(np.searchsorted(chosen, ends)).tolist()
    return counts


def _entry(
    observation: Observation,
    samples: BitMap | None,
    bin_start: int,
    codes: U32,
    homozygous: int,
    hemizygous: int,
) -> Entry:
    allele = observation.allele
    stated = observation.allele_count
    flags = _ANCHOR_FLAGS.get(allele.anchor, _ANCHOR_FLAGS["N"])
    if observation.asserted:
        flags |= ASSERTED
    number = observation.allele_number
    if not number and observation.called is not None:
        number = observation.called.allele_number
    strata = observation.strata
    if strata is not None and not len(codes):
        _, _, _, homozygous, hemizygous = strata[0].tolist()
        homozygous, hemizygous = max(homozygous, 0), max(hemizygous, 0)
    return Entry(
        allele.start - bin_start,
        allele.reference_bases,
        allele.alternate_bases,
        codes,
        len(codes) + homozygous if stated is None else stated,
        number,
        homozygous,
        hemizygous,
        flags,
        observation.called,
        samples,
        strata,
    )


@dataclass(slots=True)
class Encoded:
    """What one bin becomes: documents of several collections."""

    block: dict[str, Any]
    rare: dict[str, Any] | None
    dense: list[dict[str, Any]] = field(default_factory=list)
    called: dict[str, Any] | None = None
    strata: dict[str, Any] | None = None


def encode_block(
    key: int, slot: int, entries: Sequence[Entry], rows: int, patterns: Patterns
) -> Encoded:
    """Pack the alleles of one bin.

    Args:
        key: The block's `_id`.
        slot: Kept as a field too, so that the server can leave out other datasets' blocks.
        entries: Distinct alleles, in any order.
        rows: Rows of the dataset: an allele that more than a 64th of them carry is common.
        patterns: Where those who were looked at are kept.
    """
    coded = sorted(
        (entry.offset, _sort_code(entry), entry.reference_bases, entry.alternate_bases, number)
        for number, entry in enumerate(entries)
    )
    ordered = [entries[number] for *_, number in coded]
    spelled_out: dict[str, list[str]] = {}
    codes = [code for _, code, *_ in coded]
    for index, code in enumerate(codes):
        if code & SPELLED_OUT:
            entry = ordered[index]
            spelled_out[str(index)] = [entry.reference_bases, entry.alternate_bases]
            codes[index] = SPELLED_OUT | index
    sizes = np.fromiter(map(len, (entry.codes for entry in ordered)), "<u4", len(ordered))
    is_common = sizes > max(32, rows >> 6)
    flags = np.fromiter((entry.flags for entry in ordered), "u1", len(ordered))
    flags = flags & ~np.uint8(COMMON) | np.where(is_common, np.uint8(COMMON), np.uint8(0))
    allele_count = np.fromiter((entry.allele_count for entry in ordered), "<u4", len(ordered))
    columns = {
        "offset": [offset for offset, *_ in coded],
        "code": codes,
        "carriers": sizes,
        "allele_count": allele_count,
        "allele_number": [entry.allele_number for entry in ordered],
        "homozygous": [entry.homozygous for entry in ordered],
        "hemizygous": [entry.hemizygous for entry in ordered],
        "flags": flags,
    }
    block: dict[str, Any] = {
        "_id": key,
        "l": slot,
        "n": len(ordered),
        "h": b"".join(np.asarray(columns[name], kind).tobytes() for name, kind in COLUMNS),
    }
    if spelled_out:
        block["x"] = spelled_out
    # Observed alleles, for paging past whole blocks.
    seen = observed(allele_count, np.asarray(columns["allele_number"], "<u4"), flags)
    block["o"] = int(seen.sum())
    block["z"] = zygosities([entry.codes for entry in ordered])
    common = is_common.nonzero()[0].tolist()
    dense = [
        {"_id": dense_id(key, ordered[index].offset, codes[index]), "l": slot, **sets}
        for index, sets in zip(
            common, dense_sets([ordered[index].codes for index in common]), strict=True
        )
    ]
    rare = None
    sizes = np.where(is_common, np.uint32(0), sizes)
    if sizes.any():
        ends = np.zeros(len(ordered) + 1, "<u4")
        np.cumsum(sizes, out=ends[1:])
        carriers = np.concatenate([ordered[index].codes for index in sizes.nonzero()[0].tolist()])
        rare = {
            "_id": key,
            "l": slot,
            "f": ends.tobytes(),
            "c": carriers.astype("<u4", copy=False).tobytes(),
        }
    named = _named(key, slot, ordered)
    return Encoded(block, rare, dense, patterns.document(key, ordered), named)


def _named(key: int, slot: int, ordered: Sequence[Entry]) -> dict[str, Any] | None:
    """The counts by population of a block's alleles: populations x 5 x alleles."""
    widest = max((len(one.strata) for one in ordered if one.strata is not None), default=0)
    if not widest:
        return None
    counts = np.full((len(ordered), widest, 5), NOT_STATED, "<i4")
    for index, entry in enumerate(ordered):
        if entry.strata is not None:
            counts[index, : len(entry.strata)] = entry.strata
    counts = counts.transpose(1, 2, 0)  # as bytes, the alleles of one count are neighbours
    return {"_id": key, "l": slot, "p": widest, "s": counts.tobytes()}


def strata_of(document: Mapping[str, Any] | None, size: int) -> npt.NDArray[Any] | None:
    """Counts by population, of shape (populations, 5, alleles); see `Observation.strata`."""
    if document is None:
        return None
    return np.frombuffer(document["s"], "<i4").reshape(document["p"], 5, size)


def _sort_code(entry: Entry) -> int:
    code = allele_code(entry.reference_bases, entry.alternate_bases)
    return SPELLED_OUT if code is None else code


def dense_sets(alleles: Sequence[U32]) -> list[dict[str, bytes]]:
    """The carriers of common alleles: all of them, and those of each zygosity but the first.

    Args:
        alleles: Of each allele, `row << 2 | zygosity` in ascending order; none is empty.
    """
    if not alleles:
        return []
    codes = np.concatenate(alleles)
    ends = np.cumsum([0, *map(len, alleles)])
    rows = codes >> np.uint32(2)
    zygosity = codes.astype(np.uint8) & np.uint8(3)
    sets = [{"a": carriers} for carriers in serialized(rows, ends)]
    for name, wanted in (("m", 1), ("y", 2), ("u", 3)):
        places = (zygosity == wanted).nonzero()[0]
        if not len(places):
            continue
        bounds = np.searchsorted(places, ends)
        having = np.diff(bounds).nonzero()[0]
        chosen = serialized(rows[places], np.append(bounds[having], bounds[-1]))
        for index, carriers in zip(having.tolist(), chosen, strict=True):
            sets[index][name] = carriers
    return sets


@dataclass(frozen=True, slots=True)
class Stored:
    """The documents of one bin, as they were found.

    Attributes:
        dense: The common alleles' carriers, by their key.
        called: Of each allele, who was looked at.
        samples: Of each allele, whom the open load that wrote it spoke for.
    """

    block: dict[str, Any]
    rare: dict[str, Any] | None
    dense: dict[bytes, dict[str, Any]]
    called: Sequence[Called | None]
    strata: dict[str, Any] | None
    samples: Sequence[BitMap | None] = ()


def decode_entries(stored: Stored) -> list[Entry]:
    """All alleles of a block with their carriers, to be merged with others."""
    block = Block(stored.block)
    carriers = RareCarriers(stored.rare, block.size)
    strata = strata_of(stored.strata, block.size)
    columns = {name: block.column(name) for name, _ in COLUMNS}
    entries = []
    for index in range(block.size):
        reference_bases, alternate_bases = block.bases(index)
        offset = int(columns["offset"][index])
        codes = carriers.of(index)
        if columns["flags"][index] & COMMON:
            key = dense_id(block.document_id, offset, int(columns["code"][index]))
            codes = codes_of_dense(stored.dense[key])
        entries.append(
            Entry(
                offset,
                reference_bases,
                alternate_bases,
                codes,
                int(columns["allele_count"][index]),
                int(columns["allele_number"][index]),
                int(columns["homozygous"][index]),
                int(columns["hemizygous"][index]),
                int(columns["flags"][index]),
                stored.called[index],
                stored.samples[index] if stored.samples else None,
                None if strata is None else strata[:, :, index].astype(np.int64),
            )
        )
    return entries
