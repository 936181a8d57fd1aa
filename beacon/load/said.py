"""The home of what files say of where people were looked at, on its way through the spool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from beacon.model.assessment import PersonFileSaid, PlaceSaid

_SIZE_BYTES = 8
_Item = tuple[PersonFileSaid | None, PlaceSaid | None, int]
"""A file; or a place, and the number of the text of its regions, which many share; or, with
neither, nothing but such a text."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Item)


class SaidWriter:
    """Writes what the files of one segment say.

    Args:
        path: Where to.
    """

    __slots__ = ("_file", "_number_of", "_path")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._number_of: dict[bytes, int] = {}

    def add_file(self, said: PersonFileSaid) -> None:
        """Take what is said of a sample in all."""
        self._write((said, None, 0), b"")

    def add_place(self, said: PlaceSaid) -> None:
        """Take what is said of a sample on one sequence."""
        number = self._number_of.get(said.regions)
        is_new = number is None
        if number is None:
            number = self._number_of[said.regions] = len(self._number_of)
        alone = msgspec.structs.replace(said, regions=b"")
        self._write((None, alone, number), said.regions if is_new else b"")

    def close(self) -> None:
        """Nothing more comes."""
        if self._file is not None:
            self._file.close()
        self._number_of = {}

    def _write(self, item: _Item, regions: bytes) -> None:
        if self._file is None:
            self._file = self._path.open("wb")
        for text in (_ENCODER.encode(item), regions):
            self._file.write(len(text).to_bytes(_SIZE_BYTES, "little") + text)


def read_said(path: Path) -> Iterator[PersonFileSaid | PlaceSaid]:
    """What was written, in the same order; nothing if there is no such file."""
    if not path.exists():
        return
    regions: list[bytes] = []
    with path.open("rb") as file:
        while size := file.read(_SIZE_BYTES):
            of_file, of_place, number = _DECODER.decode(file.read(_int(size)))
            text = file.read(_int(file.read(_SIZE_BYTES)))
            if of_place is not None:
                if number == len(regions):
                    regions.append(text)
                yield msgspec.structs.replace(of_place, regions=regions[number])
            elif of_file is not None:
                yield of_file


def _int(data: bytes) -> int:
    return int.from_bytes(data, "little")
