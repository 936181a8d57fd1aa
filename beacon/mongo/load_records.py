"""The records of an open load, by entry type, as they are to be published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from beacon.mongo import documents


class LoadRecords(Mapping[str, Iterator[bytes]]):
    """The records of a load by entry type, as JSON; each look-up reads them afresh.

    Args:
        read: Reads those of one entry type.
        has_assembly: Whether variants have become alleles and no longer wait for the assembly.
    """

    def __init__(self, read: Callable[[str], Iterator[bytes]], *, has_assembly: bool) -> None:
        self._read, self._has_assembly = read, has_assembly

    def __getitem__(self, entry_type: str) -> Iterator[bytes]:
        if entry_type == documents.WAITING and self._has_assembly:
            return iter(())
        return self._read(entry_type)

    def __iter__(self) -> Iterator[str]:
        return iter(documents.ENTRY_CODES)

    def __len__(self) -> int:
        return len(documents.ENTRY_CODES)
