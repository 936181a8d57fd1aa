"""Which alleles somebody who counts carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.mongo.blocks import COMMON
from beacon.mongo.found import Carriers, Window
from beacon.mongo.layers import Dataset
from beacon.mongo.rows import rows_array


@dataclass(frozen=True, slots=True)
class Among:
    """The rows that count.

    Attributes:
        table: Of every row of the dataset, whether it does.
    """

    rows: BitMap
    table: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, dataset: Dataset, rows: BitMap | None) -> Among | None:
        """Some rows, or all of those who have not withdrawn; `None` is everybody."""
        if rows is None:
            if dataset.withdrawn is None:
                return None
            rows = BitMap(range(dataset.rows)) - dataset.withdrawn
        table = np.zeros(dataset.rows, bool)
        table[rows_array(rows)] = True
        return cls(rows, table)


def carried(
    window: Window,
    carriers: Carriers,
    among: Among | None,
    zygosities: frozenset[int] | None,
    *,
    or_uncarried: bool = False,
) -> Window:
    """The alleles of a window that somebody who counts carries.

    Args:
        or_uncarried: Also those alleles of which no carriers are known at all.
    """

    def counted(codes: Any) -> Any:
        """Which carriers count."""
        chosen = np.ones(len(codes), bool) if among is None else among.table[codes >> 2]
        return chosen if zygosities is None else chosen & np.isin(codes & 3, list(zygosities))

    blocks = []
    for block, indexes in window.blocks:
        rare = carriers.of_block(block)
        is_carried = rare.carried(counted(rare.codes))
        for index in indexes[block.column("flags")[indexes] & COMMON > 0]:
            common = carriers.common_rows(block, int(index), zygosities)
            is_carried[index] = len(common) > 0 if among is None else common.intersect(among.rows)
        if or_uncarried:
            is_carried |= block.column("carriers") == 0
        kept = indexes[is_carried[indexes]]
        if len(kept):
            blocks.append((block, kept))
    structural = [
        one
        for one in window.structural
        if counted(carriers.codes(one)).any() or (or_uncarried and not one.document["n"][0])
    ]
    return Window(blocks, structural)
