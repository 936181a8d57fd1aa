"""Which alleles of a block, or of the structural collection, a variation condition is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from beacon.model.assemblies import code as chromosome_code
from beacon.model.variation_query import MAX_POSITION, VariationCondition, has_wildcards
from beacon.mongo.blocks import ANCHOR_MASK, Block
from beacon.mongo.documents import BLOCK_SPAN_MAX, LENGTH_CLASSES

Indexes = npt.NDArray[np.intp]

_TYPES = ("SNP", "MNP", "INS", "DEL", "INDEL")


def exact_allele(condition: VariationCondition) -> tuple[int, str, str] | None:
    """The one trimmed allele that a sequence query names, `None` when it leaves something open."""
    if condition.kind != "sequence" or not condition.spellings:
        return None
    trimmed = condition.spellings[-1]
    start, reference_bases, alternate_bases = trimmed
    if start is None or reference_bases is None or alternate_bases is None:
        return None
    if has_wildcards(reference_bases) or has_wildcards(alternate_bases):
        return None
    return start, reference_bases, alternate_bases


def span(condition: VariationCondition) -> tuple[int, int] | None:
    """Where the trimmed starts of packed alleles can lie, both ends included; `None` is anywhere.

    A footprint begins at the trimmed start or one base before it, and a packed allele covers no
    more than `BLOCK_SPAN_MAX` bases.
    """
    match condition.kind:
        case "sequence":
            starts = [one.start for one in condition.spellings if one.start is not None]
            return min(starts), max(starts) + 1
        case "range":
            return max(condition.start[0] - BLOCK_SPAN_MAX - 1, 0), condition.end[0]
        case "bracket":
            low = max(condition.start[0], condition.end[0] - BLOCK_SPAN_MAX - 1)
            return low, min(condition.start[1], condition.end[1])
        case "gene" if condition.gene_region is not None:
            _, start, end = condition.gene_region
            return max(start - BLOCK_SPAN_MAX - 1, 0), end
    return None


def select(block: Block, condition: VariationCondition, reference_name: str) -> Indexes:
    """The alleles of a block that fit, apart from what only their annotation can say."""
    mask = block.observed()
    code = block.column("code")
    reference_length = (code >> 24 & 0xF).astype(np.int64)
    alternate_length = (code >> 20 & 0xF).astype(np.int64)
    if block.spelled_out:
        for index, (reference_bases, alternate_bases) in block.spelled_out.items():
            reference_length[int(index)] = len(reference_bases)
            alternate_length[int(index)] = len(alternate_bases)
    start = block.column("offset").astype(np.int64) + block.bin_start
    anchored = (block.column("flags") & ANCHOR_MASK > 0) | (reference_length == 0)
    first = np.maximum(start - anchored, 0)
    last = np.maximum(start + reference_length, first + 1)
    if condition.kind == "range":
        mask = mask & (first < condition.end[0]) & (last > condition.start[0])
    elif condition.kind == "bracket":
        mask = mask & (first >= condition.start[0]) & (first < condition.start[1])
        mask &= (last >= condition.end[0]) & (last < condition.end[1])
    if condition.gene_region is not None:
        name, gene_start, gene_end = condition.gene_region
        if name != reference_name:
            # What is annotated with the gene wherever it lies is found by its record.
            return np.zeros(0, np.intp)
        mask = mask & (first < gene_end) & (last > gene_start)
    if condition.types is not None:
        mask = mask & _typed(reference_length, alternate_length, condition.types)
    length = np.maximum(reference_length, alternate_length)
    if condition.min_length is not None:
        mask = mask & (length >= condition.min_length)
    if condition.max_length is not None:
        mask = mask & (length <= condition.max_length)
    chosen = np.flatnonzero(mask)
    if condition.spellings and len(chosen):
        chosen = np.array(
            [
                index
                for index in chosen
                if condition.matches_allele(block.allele(int(index), reference_name))
            ],
            np.intp,
        )
    return chosen


def _typed(
    reference_length: npt.NDArray[np.int64],
    alternate_length: npt.NDArray[np.int64],
    accepted: frozenset[str],
) -> npt.NDArray[np.bool_]:
    same = reference_length == alternate_length
    kinds = np.where(
        same,
        np.where(reference_length == 1, 0, 1),
        np.where(reference_length == 0, 2, np.where(alternate_length == 0, 3, 4)),
    )
    wanted = np.array([one in accepted for one in _TYPES])
    typed: npt.NDArray[np.bool_] = wanted[kinds]
    return typed


def structural_question(layer: int, condition: VariationCondition) -> dict[str, Any]:
    """What to ask for the structural variants of a layer that a condition may be about."""
    # The layer is named in every part, so that each is one stretch of the index.
    parts = [{"l": layer, **part} for part in _structural_filters(condition)]
    return {"o": True, "$or": parts}


def _structural_filters(condition: VariationCondition) -> Iterator[Mapping[str, Any]]:
    """MongoDB filters that together find all structural variants that a condition may be about.

    An overlap is asked for class of length by class of length: a variant of at most L bases that
    reaches into a range starts less than L bases before it.
    """
    name, low, high = _structural_extent(condition)
    if name is None:
        yield {}
        return
    code = chromosome_code(name)
    if condition.kind == "bracket":
        yield {
            "c": code,
            "k": {"$in": list(range(len(LENGTH_CLASSES)))},
            "s": {"$gte": condition.start[0], "$lt": condition.start[1]},
            "e": {"$gte": condition.end[0], "$lt": condition.end[1]},
        }
        return
    if low is None or high is None:
        yield {"c": code}
        return
    for number, bound in enumerate(LENGTH_CLASSES):
        yield {
            "c": code,
            "k": number,
            "s": {"$gt": max(low - bound, -1) if bound <= MAX_POSITION else -1, "$lt": high},
            "e": {"$gt": low},
        }


def _structural_extent(condition: VariationCondition) -> tuple[str | None, int | None, int | None]:
    match condition.kind:
        case "range":
            return condition.reference_name, condition.start[0], condition.end[0]
        case "sequence":
            found = span(condition)
            if found is not None:
                return condition.reference_name, max(found[0] - 1, 0), found[1] + 1
        case "gene" if condition.gene_region is not None:
            name, start, end = condition.gene_region
            return name, start, end
    return condition.reference_name, None, None
