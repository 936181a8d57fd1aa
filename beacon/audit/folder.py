"""The home of the files of the audit trail: their names, their order, and their last lines.

A chain is written by one process at a time. `2026-11-23.0.jsonl` is what chain 0 wrote that day,
`2026-11-23.0.torn` the line that a process did not finish, and `0.head` says how far the chain is
known to be on the disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from beacon.audit.chain import Link, read_seal

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.(\d+)\.(jsonl|torn)", re.ASCII)
_HEAD = re.compile(r"(\d+)\.head", re.ASCII)
_HEAD_BYTES = 128
_TAIL_BYTES = 64 * 1024

MODE = 0o600
"""Nobody but the owner reads what is in the trail."""


class TrailFile(msgspec.Struct, frozen=True, order=True):
    """A file of a chain; files of one chain are in order by day."""

    chain: int
    day: str
    path: Path

    @property
    def name(self) -> str:
        """Without its folder."""
        return self.path.name


def file_of(folder: Path, chain: int, day: str) -> TrailFile:
    """What a chain writes on a day."""
    return TrailFile(chain, day, folder / f"{day}.{chain}.jsonl")


def files(folder: Path) -> Mapping[int, tuple[TrailFile, ...]]:
    """All files of each chain, in order."""
    return _sorted(folder, "jsonl")


def torn_files(folder: Path) -> Iterable[TrailFile]:
    """What was put aside."""
    return (one for of_chain in _sorted(folder, "torn").values() for one in of_chain)


def _sorted(folder: Path, kind: str) -> Mapping[int, tuple[TrailFile, ...]]:
    found: dict[int, list[TrailFile]] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        name = _NAME.fullmatch(path.name)
        if name is not None and name[3] == kind:
            found.setdefault(int(name[2]), []).append(TrailFile(int(name[2]), name[1], path))
    return {chain: tuple(sorted(found[chain])) for chain in sorted(found)}


def heads(folder: Path) -> Mapping[int, Link | None]:
    """How far each chain is known to be; `None` where its head cannot be read."""
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        name = _HEAD.fullmatch(path.name)
        if name is not None:
            found[int(name[1])] = _decoded_head(path.read_bytes())
    return dict(sorted(found.items()))


def head_path(folder: Path, chain: int) -> Path:
    """The file that says how far a chain is."""
    return folder / f"{chain}.head"


def read_head(handle: int) -> Link | None:
    """How far a chain is, from its head; `None` if that cannot be read."""
    return _decoded_head(os.pread(handle, _HEAD_BYTES, 0))


def write_head(handle: int, link: Link) -> None:
    """Say how far a chain is, always in as many bytes."""
    os.pwrite(handle, msgspec.json.encode(link).ljust(_HEAD_BYTES - 1) + b"\n", 0)


def _decoded_head(text: bytes) -> Link | None:
    if not text.strip():
        return Link()
    try:
        return msgspec.json.decode(text, type=Link)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def last_line(path: Path) -> tuple[bytes | None, int]:
    """The last whole line of a file, without its end, and how many bytes are behind it."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        length = min(size, _TAIL_BYTES)
        while True:
            file.seek(size - length)
            tail = file.read(length)
            end = tail.rfind(b"\n")
            start = tail.rfind(b"\n", 0, end) if end >= 0 else -1
            if start >= 0 or length == size:
                break
            length = min(size, length * 8)
    if end < 0:
        return None, size
    return tail[start + 1 : end], len(tail) - end - 1


def last_link(path: Path) -> Link | None:
    """Where a file ends, by what its last whole line says; `None` when there is none."""
    line, _ = last_line(path)
    sealed = None if line is None else read_seal(line)
    return None if sealed is None else sealed.link
