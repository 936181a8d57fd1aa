"""The home of `Entry`: a record as a beacon gives it, and where it is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from beacon.client.envelopes import Document, Envelope, mapping, read_as


@dataclass(frozen=True, slots=True, eq=False)
class Entry(Mapping[str, Any]):
    """A record of Beacon v2: `entry["id"]`, `entry.get("sex")`.

    Attributes:
        beacon_id: Of the beacon that has it.
        dataset_id: Of the dataset; `None` of a dataset or cohort.
        document: The record as it came.
    """

    beacon_id: str | None
    dataset_id: str | None
    document: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.document[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.document)

    def __len__(self) -> int:
        return len(self.document)

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from others; the id alone is no more than a beacon's own."""
        name = self.document.get("id", self.document.get("variantInternalId"))
        return (self.beacon_id, self.dataset_id, repr(self.document) if name is None else name)


def entries_of(document: Document) -> list[Entry]:
    """All records of an answer."""
    envelope = read_as(Envelope, document)
    own_id = envelope.meta.beacon_id if envelope.meta is not None else None
    found = [
        Entry(one.beacon_id or own_id, None if one.id is None else str(one.id), record)
        for one in envelope.sets
        for record in one.results or ()
        if isinstance(record, dict)
    ]
    found += [
        Entry(mapping(record.get("info")).get("beaconId") or own_id, None, record)
        for record in envelope.collections or ()
        if isinstance(record, dict)
    ]
    return found
