"""The home of writing many sets of rows as Roaring bitmaps at once.

Sets of up to 65,536 rows are one container each, an array or a list of runs, and so simple that
making a bitmap of each first would take most of the time of a load.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from beacon.mongo.blocks import U32, row_set

# https://github.com/RoaringBitmap/RoaringFormatSpec
_ARRAY = struct.Struct("<IIHHI")  # cookie, containers, key, cardinality - 1, offset
_RUNS = struct.Struct("<HHBHHH")  # cookie, containers - 1, which have runs, key, …, runs
_NO_RUNS, _HAS_RUNS = 12346, 12347
_ARRAY_MAX = 4096
_CONTAINER = 1 << 16


def serialized(rows: U32, ends: npt.NDArray[np.int64]) -> Iterator[bytes]:
    """Of each set its bitmap as bytes.

    Args:
        rows: Of all sets, one after the other, each in ascending order.
        ends: Where each set begins, and the last one ends; none is empty.
    """
    short = rows.astype("<u2")
    content = short.tobytes()
    bounds = ends.tolist()
    last = rows[ends[1:] - 1].tolist()
    for begin, end, highest in zip(bounds, bounds[1:], last, strict=False):
        size = end - begin
        if size > _ARRAY_MAX or highest >= _CONTAINER:
            yield _by_roaring(rows[begin:end])
        elif 2 * size <= highest:  # far apart: runs would take more
            head = _ARRAY.pack(_NO_RUNS, 1, 0, size - 1, _ARRAY.size)
            yield head + content[2 * begin : 2 * end]
        else:
            yield _dense(short[begin:end])


def _dense(rows: npt.NDArray[np.uint16]) -> bytes:
    """A set that may be written as runs."""
    size = len(rows)
    before = (rows[1:] - rows[:-1] != 1).nonzero()[0]  # the last rows of all runs but the last one
    runs = len(before) + 1
    if 2 * runs + 1 >= size:  # as Roaring itself decides
        return _ARRAY.pack(_NO_RUNS, 1, 0, size - 1, _ARRAY.size) + rows.tobytes()
    starts = np.zeros(runs + 1, np.int64)
    np.add(before, 1, out=starts[1:-1])
    starts[-1] = size
    pairs = np.empty((runs, 2), "<u2")
    pairs[:, 0] = rows[starts[:-1]]
    pairs[:, 1] = starts[1:] - starts[:-1] - 1
    return _RUNS.pack(_HAS_RUNS, 0, 1, 0, size - 1, runs) + pairs.tobytes()


def _by_roaring(rows: U32) -> bytes:
    bitmap = row_set(rows)
    bitmap.run_optimize()
    return bitmap.serialize()
