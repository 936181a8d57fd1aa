"""The home of reading large files ahead: inflated in a thread, handed over in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from gzip import BadGzipFile
from pathlib import Path
from typing import IO, cast

from isal import igzip, isal_zlib

GZIP = b"\x1f\x8b"

_BLOCK_BYTES = 4 << 20
_INFLATING = cast("type[Exception]", isal_zlib.error)


class DamagedFile(Exception):
    """The bytes of a file are not what they should be; the message says how."""


def blocks(path: Path, size: int = _BLOCK_BYTES) -> Iterator[bytes]:
    """The bytes of a file, inflated if it is gzip or BGZF.

    At any time at most two blocks are held: the one that was handed over and the one after it.

    Raises:
        DamagedFile: It cannot be inflated, or ends too early.
        OSError: It cannot be read.
    """
    with _opened(path) as file, ThreadPoolExecutor(1) as ahead:
        try:
            coming = ahead.submit(file.read, size)
            while block := coming.result():
                coming = ahead.submit(file.read, size)
                yield block
        except (_INFLATING, EOFError, BadGzipFile) as error:
            raise DamagedFile(f"it cannot be inflated: {error}") from error


def _opened(path: Path) -> IO[bytes]:
    file = path.open("rb")
    magic = file.read(2)
    file.seek(0)
    if magic != GZIP:
        return file
    file.close()
    return cast("IO[bytes]", igzip.IGzipFile(path, "rb"))  # type: ignore[no-untyped-call]
