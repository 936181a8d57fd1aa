"""The home of what files say of alleles beside genotypes, on its way through the spool.

The first file that has an annotation of an allele says it; it is not asked of the others.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt

from beacon.framework.answer import Record

NOTE = np.dtype([("key", "<u8"), ("at", "<u8"), ("size", "<u4"), ("file", "<u4")])
"""One annotation: the allele's key, and where its text is. `file` counts the files of a window."""

_ENCODER = msgspec.json.Encoder()


class Notes:
    """Takes annotations of the alleles of one segment.

    Args:
        path: Where their text is written; there is no such file when there are none.
    """

    __slots__ = ("_at", "_file", "_keys", "_path", "_sizes", "_taken")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._taken: set[int] = set()
        self._keys, self._sizes = array("Q"), array("Q")
        self._at = 0

    def fresh(self, keys: Sequence[int]) -> list[int]:
        """Which of some alleles, as indexes, have no annotation yet."""
        taken = self._taken
        return [index for index, key in enumerate(keys) if key not in taken]

    def add(self, key: int, fragment: Record) -> None:
        """Take what is said of an allele, unless something is said of it already."""
        if key in self._taken:
            return
        self._taken.add(key)
        text = _ENCODER.encode(fragment)
        if self._file is None:
            self._file = self._path.open("wb")
        self._file.write(text)
        self._keys.append(key)
        self._sizes.append(len(text))

    def close(self) -> npt.NDArray[Any]:
        """All that were taken, in the order of taking; no more may be added."""
        if self._file is not None:
            self._file.close()
        notes = np.zeros(len(self._keys), NOTE)
        if notes.size:
            sizes = np.frombuffer(self._sizes, np.uint64)
            notes["key"] = np.frombuffer(self._keys, np.uint64)
            notes["size"] = sizes
            notes["at"] = np.cumsum(sizes) - sizes
        self._taken = set()
        return notes


class Noted:
    """What is said of the alleles of a window.

    Args:
        notes: In the order of files.
        files: Their texts, as `NOTE` counts them.
    """

    __slots__ = ("_files", "_notes", "_open")

    def __init__(self, notes: npt.NDArray[Any], files: Sequence[Path]) -> None:
        self._notes = notes[np.unique(notes["key"], return_index=True)[1]]
        self._files = files
        self._open: tuple[int, BinaryIO] | None = None

    def places(self, keys: npt.NDArray[Any]) -> list[int]:
        """Of each key where its annotation is, for `read`; -1 where nothing is said."""
        known = self._notes["key"]
        if not known.size:
            return [-1] * keys.size
        at = np.minimum(np.searchsorted(known, keys), known.size - 1)
        places: list[int] = np.where(known[at] == keys, at, -1).tolist()
        return places

    def read(self, place: int) -> Record:
        """One annotation."""
        _, at, size, number = self._notes[place].item()
        if self._open is None or self._open[0] != number:
            self.close()
            self._open = number, self._files[number].open("rb")
        file = self._open[1]
        file.seek(at)
        found: Record = msgspec.json.decode(file.read(size))
        return found

    def close(self) -> None:
        """Close what is open."""
        if self._open is not None:
            self._open[1].close()
            self._open = None
