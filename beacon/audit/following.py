"""The home of `Following`: reads what other processes write to the trail, as they write it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from beacon.audit.entries import AccessEntry, AlarmEntry, decode
from beacon.audit.folder import files

_READ_BYTES = 4 * 1024 * 1024


class Following:
    """Reads each line of a day once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}

    def skip(self, path: Path) -> None:
        """Read no more of a file than is in it now: the process itself writes what follows."""
        self._read[path] = -1

    def lines(self, day: str) -> Iterator[AccessEntry | AlarmEntry]:
        """What was written since of a day, as far as lines are whole."""
        for of_chain in files(self._folder).values():
            for one in of_chain:
                if one.day == day:
                    yield from self._lines(one.path)

    def _lines(self, path: Path) -> Iterator[AccessEntry | AlarmEntry]:
        offset = self._read.get(path, 0)
        while offset >= 0:
            with path.open("rb") as file:
                file.seek(offset)
                block = file.read(_READ_BYTES)
            end = block.rfind(b"\n") + 1
            if not end:
                break
            offset += end
            self._read[path] = offset
            for line in block[:end].splitlines():
                entry = decode(line)
                if isinstance(entry, AccessEntry | AlarmEntry):
                    yield entry
