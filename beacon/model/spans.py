"""The home of spans: intervals of one sequence, with how many alleles were called in each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
I8 = npt.NDArray[np.int8]


class Spans(NamedTuple):
    """Intervals with the alleles called in each (0, 1 or 2), in any order.

    `starts` and `ends` are interbase, half-open. All three have the shape (intervals,).
    """

    starts: I64
    ends: I64
    copies: I8

    @classmethod
    def joined(cls, parts: Iterable[Spans]) -> Spans:
        """All intervals of several."""
        columns = list(zip(*parts, strict=True))
        if not columns:
            return NO_SPANS
        starts, ends, copies = (np.concatenate(column) for column in columns)
        return cls(starts, ends, copies)


NO_SPANS = Spans(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int8))


def layered(layers: Sequence[Spans]) -> Spans:
    """Several layers of spans as one, apart from each other and in order.

    An earlier layer speaks before a later one. Where two spans of a layer overlap the one with more
    alleles called counts. Neighbouring spans differ; nothing is said between spans or nothing was
    called.
    """
    levels = [
        (number * 3 + 2 - spans.copies, spans)
        for number, spans in enumerate(layers)
        if len(spans[0])
    ]
    if not levels:
        return NO_SPANS
    level = np.concatenate([one for one, _ in levels])
    starts = np.concatenate([spans.starts for _, spans in levels])
    ends = np.concatenate([spans.ends for _, spans in levels])
    real = starts < ends
    level, starts, ends = level[real], starts[real], ends[real]
    if not level.size:
        return NO_SPANS
    places = np.concatenate((starts, ends))
    order = np.argsort(places, kind="stable")
    places = places[order]
    levels_there = np.concatenate((level, level))[order]
    steps = np.concatenate((np.ones(level.size, np.int32), np.full(level.size, -1, np.int32)))
    steps = steps[order]
    last = np.flatnonzero(np.append(places[1:] != places[:-1], True))
    copies = np.zeros(last.size, np.int8)
    undecided = np.ones(last.size, bool)
    for one in np.unique(level).tolist():
        covered = np.cumsum(np.where(levels_there == one, steps, 0))[last] > 0
        copies[covered & undecided] = 2 - one % 3
        undecided &= ~covered
    return _changes(places[last], copies, 1)


def difference(spans: Spans, base: Spans) -> Spans:
    """What spans say otherwise than others: `layered((difference(a, b), b))` is `a`.

    Both are apart from each other and in order.
    """
    places = np.unique(np.concatenate((spans.starts, spans.ends, base.starts, base.ends)))
    if not places.size:
        return NO_SPANS
    there = copies_at(spans, places)
    return _changes(places, np.where(there == copies_at(base, places), np.int8(-1), there), 0)


def copies_at(spans: Spans, places: I64) -> I8:
    """The alleles called at each place; the spans are apart from each other and in order."""
    if not spans.starts.size:
        return np.zeros(places.size, np.int8)
    at = np.searchsorted(spans.starts, places, side="right") - 1
    inside = (at >= 0) & (spans.ends[at] > places)
    return np.where(inside, spans.copies[at], np.int8(0))


def change_within(spans: Spans, starts: I64, ends: I64) -> npt.NDArray[np.bool_]:
    """In which intervals, between their ends, a span begins or ends.

    The spans are apart from each other and in order.
    """
    changing = np.zeros(starts.size, bool)
    for edges in (spans.starts, spans.ends):
        first = np.searchsorted(edges, starts, side="right")
        changing |= np.searchsorted(edges, ends, side="left") > first
    return changing


def _changes(places: I64, copies: I8, least: int) -> Spans:
    """Spans from a step function: `copies[i]` holds from `places[i]` on."""
    new = np.flatnonzero(np.append(True, copies[1:] != copies[:-1]))
    starts, values = places[new], copies[new]
    ends = np.append(starts[1:], starts[-1])
    kept = (values >= least) & (starts < ends)
    return Spans(starts[kept], ends[kept], values[kept])
