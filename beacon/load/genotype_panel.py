"""The home of decoding the genotypes of many records at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from beacon.load.genotypes import BYTES, BYTES_BUT_PHASE, Calls, Columns, first_alternate

_FULL = 256 << 10
"""Bytes of a panel, about: what is made of it stays in the processor's cache."""


class Panel:
    """The genotypes of neighbouring BCF records: calls of two, in bytes.

    All of them are decoded when those of one record are asked for, because what numpy takes to
    begin is most of what it takes for a record of some thousands of people.
    """

    __slots__ = ("_calls", "_columns", "_encoded", "_samples")

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._encoded: list[bytes] = []
        self._columns: Columns | None = None
        self._calls: list[Calls] = []

    def add(self, encoded: bytes) -> int:
        """Add a record, and tell its place in the panel.

        Args:
            encoded: Two bytes for each sample, see `Genotypes.of_integers`.
        """
        self._encoded.append(encoded)
        return len(self._encoded) - 1

    @property
    def is_full(self) -> bool:
        """Whether more records should go to another one."""
        return len(self._encoded) * 2 * self._samples >= _FULL

    def calls(self, place: int, columns: Columns) -> Calls:
        """The genotypes of one record; all have been added."""
        if columns is not self._columns:
            self._calls = self._decoded(columns)
            self._columns = columns
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
        bounds = ends.tolist()
        return [
            Calls.of_pairs(columns, rows[begin:end], words[begin:end])
            if place in of_pairs
            else Calls.of_both(columns, rows[begin:end], both[begin:end], homozygous[place])
            for place, (begin, end) in enumerate(pairwise(bounds))
        ]
