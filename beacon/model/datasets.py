"""The home of what is said of a dataset beside its own record."""

from __future__ import annotations

from beacon.framework.answer import Record


def with_assembly(record: Record, assembly: str | None) -> Record:
    """The record of a dataset, with the assembly of its alleles in `info.assemblyId`.

    Beacon networks lift questions by it. What the record itself says there stays.
    """
    if assembly is None:
        return record
    info = record.get("info")
    if info is not None and not isinstance(info, dict):
        return record
    return {**record, "info": {"assemblyId": assembly, **(info or {})}}
