"""The home of decoding the genotypes of many records at once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from beacon.load.genotypes import BYTES, BYTES_BUT_PHASE, Calls, Columns, Rows, first_alternate

_FULL = 256 << 10
"""Bytes of a panel, about: what is made of it stays in the processor's cache."""


class Panel:
    """The genotypes of neighbouring BCF records.

    Calls of two in bytes are decoded for all records when those of one are asked for, because what
    numpy takes to begin is most of what it takes for a record of some thousands of people.
    """

    __slots__ = ("_calls", "_columns", "_data", "_encoded", "_others", "_samples", "_view")

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._encoded: list[memoryview] = []
        self._data = b""
        self._view = memoryview(b"")
        self._others: list[npt.NDArray[Any]] = []
        self._columns: Columns | None = None
        self._calls: list[Calls] = []

    def add(self, data: bytes, begin: int) -> int:
        """Add a record, and tell its place in the panel.

        Args:
            data: Has two bytes for each sample from `begin` on, see `Genotypes.of_integers`.
        """
        if data is not self._data:
            self._data, self._view = data, memoryview(data)
        self._encoded.append(self._view[begin : begin + 2 * self._samples])
        return len(self._encoded) - 1

    def add_other(self, encoded: npt.NDArray[Any]) -> int:
        """Add a record that is decoded by itself, and tell its place: a negative number.

        Args:
            encoded: As for `Genotypes.of_integers`.
        """
        self._others.append(encoded)
        return -len(self._others)

    @property
    def is_full(self) -> bool:
        """Whether more records should go to another one."""
        return len(self._encoded) * 2 * self._samples >= _FULL

    def calls(self, place: int, columns: Columns | Rows) -> Calls:
        """The genotypes of one record; all have been added."""
        if place < 0:
            return Calls(self._others[-place - 1], columns)
        if columns is not self._columns:
            if not isinstance(columns, Columns):
                columns = Columns(columns)
            self._calls, self._columns = self._decoded(columns), columns
        return self._calls[place]

    def _decoded(self, columns: Columns) -> list[Calls]:
        encoded = np.frombuffer(b"".join(self._encoded), "<u2") & BYTES_BUT_PHASE
        found = (encoded != BYTES.reference).nonzero()[0]
        words = encoded[found]
        begins = np.arange(0, encoded.size + 1, self._samples)
        ends = np.searchsorted(found, begins)
        samples = found - np.repeat(begins[:-1], np.diff(ends))
        if columns.listed is not None:
            kept = columns.listed[samples].nonzero()[0]
            samples, words, ends = samples[kept], words[kept], np.searchsorted(kept, ends)
        rows = columns.rows[samples]
        both, expected = first_alternate(words, BYTES)
        homozygous = np.diff(np.searchsorted(both.nonzero()[0], ends)).tolist()
        others = np.searchsorted(ends, (~expected).nonzero()[0], "right") - 1
        of_pairs = frozenset(others.tolist())
        zygosity = both.view(np.uint8)
        bounds = ends.tolist()
        return [
            Calls.of_pairs(columns, rows[begin:end], words[begin:end])
            if place in of_pairs
            else Calls.of_both(columns, rows[begin:end], zygosity[begin:end], homozygous[place])
            for place, (begin, end) in enumerate(pairwise(bounds))
        ]
