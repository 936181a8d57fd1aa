"""The home of writing BGZF: gzip in blocks, so that a file can be indexed, and gone on with."""

from __future__ import annotations

import struct
import zlib
from typing import IO

BLOCK_BYTES = 0xFF00
"""Of what is compressed into one block; then even what cannot be compressed fits into 64 KiB."""

END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends a whole file."""

_LEVEL = 6
_HEAD = struct.Struct("<4BI2BH2B2H")
_TAIL = struct.Struct("<2I")


class BgzfWriter:
    """Compresses into a file, which may already hold whole blocks."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        """Add to what is in the file."""
        self._waiting += data
        while len(self._waiting) >= BLOCK_BYTES:
            self._file.write(_block(bytes(self._waiting[:BLOCK_BYTES])))
            del self._waiting[:BLOCK_BYTES]

    def flush(self) -> None:
        """End the block, so that the file can be cut or gone on with here."""
        if self._waiting:
            self._file.write(_block(bytes(self._waiting)))
            self._waiting.clear()
        self._file.flush()

    def finish(self) -> None:
        """Write the end of the file."""
        self.flush()
        self._file.write(END)
        self._file.flush()


def _block(data: bytes) -> bytes:
    """SAM specification, 4.1: a gzip member whose extra field `BC` is its size less one."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    size = _HEAD.size + len(packed) + _TAIL.size
    head = _HEAD.pack(31, 139, 8, 4, 0, 0, 255, 6, ord("B"), ord("C"), 2, size - 1)
    return head + packed + _TAIL.pack(zlib.crc32(data), len(data))
