"""The home of reading large files ahead: inflated in a thread, handed over in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path
from typing import IO, cast

from isal import igzip, isal_zlib

GZIP = b"\x1f\x8b"

BLOCK_BYTES = 4 << 20
READ_AHEAD_BYTES = 1 << 20
"""Of a block, where only part of a file is read and what is read beyond it is lost."""
_INFLATING = cast("type[Exception]", isal_zlib.error)


@dataclass(frozen=True, slots=True)
class Section:
    """The records of one contig that may matter to a stretch of it.

    Attributes:
        contig: as the file has it.
        offset: virtual offset of the record to begin with, which is of the contig.
        start, end: 0-based; of no use are records whose REF ends before `start`, and the first
            that has its POS at `end` or behind ends the section.
    """

    contig: str
    offset: int
    start: int
    end: int


class DamagedFile(Exception):
    """The bytes of a file are not what they should be; the message says how."""


def blocks(path: Path, size: int = BLOCK_BYTES, offset: int = 0) -> Iterator[bytes]:
    """The bytes of a file, inflated if it is gzip or BGZF.

    At any time at most two blocks are held: the one that was handed over and the one after it.

    Args:
        size: Of a block; the last one may be shorter.
        offset: Where to begin, a virtual offset of a BGZF file.

    Raises:
        DamagedFile: It cannot be inflated, or ends too early.
        OSError: It cannot be read.
    """
    with _opened(path, offset >> 16) as file, ThreadPoolExecutor(1) as ahead:
        try:
            file.read(offset & 0xFFFF)
            coming = ahead.submit(file.read, size)
            while block := coming.result():
                coming = ahead.submit(file.read, size)
                yield block
        except (_INFLATING, EOFError, BadGzipFile) as error:
            raise DamagedFile(f"it cannot be inflated: {error}") from error


@contextmanager
def _opened(path: Path, begin: int) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        is_compressed = file.read(2) == GZIP
        file.seek(begin)
        if not is_compressed:
            yield file
            return
        with igzip.IGzipFile(fileobj=file) as inflated:  # type: ignore[no-untyped-call]
            yield cast("IO[bytes]", inflated)
