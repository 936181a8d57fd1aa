"""The home of what a file assessed: where its samples were looked at, and in how many copies.

A file with one person's variants lists where that person differs from the reference. Whether the
rest was looked at is said by reference blocks (gVCF), by a BED file of assessed regions, or not at
all. What is said becomes runs: intervals in which a sample has two alleles called, or one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from beacon.framework.errors import LoadError
from beacon.load.byte_stream import DamagedFile, blocks
from beacon.load.vcf_file import SUFFIXES
from beacon.model.assemblies import NAMES, chromosome, implied_assembly, length
from beacon.model.spans import I64, NO_SPANS, Spans, layered

_BED_SUFFIXES = (".bed", ".bed.gz")
_NOT_DATA = ("#", "track", "browser")

# The ends of X that pair with Y, of which everybody has two copies; interbase, half-open.
_PSEUDOAUTOSOMAL: Mapping[str, tuple[tuple[int, int], ...]] = {
    "GRCh37": ((60_000, 2_699_520), (154_931_043, 155_260_560)),
    "GRCh38": ((10_000, 2_781_479), (155_701_382, 156_030_895)),
}
_X, _Y, _MT = (NAMES.index(name) + 1 for name in ("X", "Y", "MT"))


class Said(IntEnum):
    """What says that a place was assessed; the lower speaks before the higher."""

    RECORD = 0
    BLOCK = 1
    REGION = 2


Regions = Mapping[int, Spans]
"""Sequence code → assessed regions, apart from each other and in order; `copies` is 2."""


def regions_beside(path: Path) -> Path | None:
    """The BED file of assessed regions that lies beside a VCF: `NAME.bed` or `NAME.bed.gz`."""
    suffix = next((one for one in SUFFIXES if path.name.endswith(one)), path.suffix)
    name = path.name.removesuffix(suffix)
    if name.endswith(".g"):  # NAME.g.vcf.gz
        name = name.removesuffix(".g")
    besides = (path.with_name(name + one) for one in _BED_SUFFIXES)
    return next((one for one in besides if one.is_file()), None)


def read_regions(path: Path, assembly: str) -> Regions:
    """The assessed regions of a BED file, compressed or not.

    Sequences that are none of the 25 (decoys, alternate contigs) are passed over.

    Raises:
        LoadError: The file cannot be read, a line is no BED, or a region is not on the assembly.
    """
    found: dict[int, list[tuple[int, int]]] = {}
    try:
        text = b"".join(blocks(path)).decode()
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip() and not line.startswith(_NOT_DATA):
                _add_region(found, line, assembly, f"{path}, line {number}")
    except (OSError, DamagedFile, UnicodeDecodeError) as error:
        raise LoadError(f"{path} cannot be read as a BED file of assessed regions") from error
    if not found:
        raise LoadError(f"{path} has no region on any of the chromosomes 1-22, X, Y and M")
    return {code: _united(regions) for code, regions in sorted(found.items())}


def _add_region(
    found: dict[int, list[tuple[int, int]]], line: str, assembly: str, place: str
) -> None:
    columns = line.split()
    if len(columns) < 3 or not (columns[1].isdecimal() and columns[2].isdecimal()):
        raise LoadError(f"{place}: a BED line is a sequence, a start and an end, not {line[:60]!r}")
    name = chromosome(columns[0])
    if name is None:
        return
    implied = implied_assembly(columns[0])
    start, end = int(columns[1]), int(columns[2])
    if implied not in (None, assembly):
        raise LoadError(f"{place}: {columns[0]} is of {implied}, and the load is on {assembly}")
    if start > end or end > length(assembly, name):
        raise LoadError(
            f"{place}: [{start:,}, {end:,}) is no region of {name}, which has "
            f"{length(assembly, name):,} bases on {assembly}"
        )
    found.setdefault(NAMES.index(name) + 1, []).append((start, end))


def _united(regions: list[tuple[int, int]]) -> Spans:
    pairs = np.array(regions, np.int64)
    spans = Spans(pairs[:, 0], pairs[:, 1], np.full(len(pairs), 2, np.int8))
    return runs({Said.REGION: spans})


def copies_in_regions(regions: Spans, code: int, assembly: str, *, one_x: bool) -> Spans:
    """The regions of one sequence with the alleles that a person has called there.

    Two, but one on Y and on MT. On X it is one outside the pseudoautosomal ends when `one_x`.
    """
    if code in (_Y, _MT):
        return regions._replace(copies=np.ones_like(regions.copies))
    if code != _X or not one_x:
        return regions
    paired = np.array(_PSEUDOAUTOSOMAL[assembly], np.int64)
    ends = Spans(paired[:, 0], paired[:, 1], np.full(len(paired), 2, np.int8))
    single = regions._replace(copies=np.ones_like(regions.copies))
    # Cut along the ends that pair: what is assessed there has two copies.
    lower = np.maximum(regions.starts[:, None], ends.starts[None]).ravel()
    upper = np.minimum(regions.ends[:, None], ends.ends[None]).ravel()
    shared = lower < upper
    double = Spans(lower[shared], upper[shared], np.full(int(shared.sum()), 2, np.int8))
    return runs({Said.RECORD: double, Said.REGION: single})


def has_one_x(records: Spans, assembly: str) -> bool:
    """Whether a person's own records on X are mostly of one allele outside the paired ends."""
    outside = np.ones(records.starts.size, bool)
    for start, end in _PSEUDOAUTOSOMAL[assembly]:
        outside &= (records.starts < start) | (records.starts >= end)
    copies = records.copies[outside]
    return bool((copies == 1).sum() > (copies == 2).sum())


def is_y(code: int) -> bool:
    """Whether a sequence code is that of the Y chromosome."""
    return code == _Y


def contained(starts: I64, ends: I64, spans: Spans) -> npt.NDArray[np.bool_]:
    """Which intervals lie within the spans, taken together and whatever their copies."""
    found = runs({Said.REGION: spans._replace(copies=np.full_like(spans.copies, 2))})
    within = np.zeros(starts.size, bool)
    if found.starts.size and starts.size:
        at = np.searchsorted(found.starts, starts, side="right") - 1
        within = (at >= 0) & (found.ends[at] >= ends)
    return within


def is_x(code: int) -> bool:
    """Whether a sequence code is that of the X chromosome."""
    return code == _X


def runs(said: Mapping[Said, Spans]) -> Spans:
    """What is said of one sample on one sequence, as runs apart from each other and in order.

    Records speak before blocks, and blocks before regions. Where two of a kind overlap the one
    with more alleles called counts. Neighbouring runs differ; nothing is said between runs or
    nothing was called.
    """
    return layered([said.get(kind, NO_SPANS) for kind in Said])
