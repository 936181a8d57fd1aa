"""The home of the samples of an open load: their rows, and whose they are where that was said."""

from __future__ import annotations

from typing import Any

import msgspec
from pymongo.database import Database

from beacon.framework.answer import Record
from beacon.mongo.roster_documents import read_part, write_part


class LoadSamples:
    """Gives samples rows: those of the published release first, then those that the load brings.

    Args:
        slot: Of the load, which may have been interrupted before.
        published: The layer of the people of the published release; `None` if there is none.

    Attributes:
        names: By row, the name of the sample; empty for a row that nobody has any more.
        owners: By sample, the id of its individual, where variant records said it.
    """

    def __init__(
        self, database: Database[dict[str, Any]], slot: int, published: int | None
    ) -> None:
        self._database = database
        self._slot = slot
        self.names, self.owners = self._read(published)
        self._published = (len(self.names), len(self.owners))
        self._remembered = self._published
        self._row_of = {name: row for row, name in enumerate(self.names) if name}
        added, owners = self._read(slot)
        for name in added:
            if name:
                self.add(name)
            else:
                self.names.append(name)
        self.owners |= owners

    @property
    def rows(self) -> int:
        """Rows of the dataset, of which there is one at least."""
        return max(len(self.names), 1)

    @property
    def has_new(self) -> bool:
        """Whether the load brings samples, or owners of samples."""
        return len(self.names) > self._published[0] or len(self.owners) > self._published[1]

    def add(self, name: str) -> int:
        """The row of a sample, a new one if it has none yet."""
        row = self._row_of.setdefault(name, len(self.names))
        if row == len(self.names):
            self.names.append(name)
        return row

    def take_back(self, name: str) -> int | None:
        """Leave out a sample that the load brings; its row, `None` for any other sample."""
        row = self._row_of.get(name)
        if row is None or row < self._published[0]:
            return None
        del self._row_of[name]
        self.names[row] = ""
        return row

    def note_owners(self, record: Record) -> None:
        """What a variant record says of whose its samples are."""
        for case in record.get("caseLevelData") or ():
            biosample, individual = case.get("biosampleId"), case.get("individualId")
            if isinstance(biosample, str) and isinstance(individual, str):
                self.owners.setdefault(biosample, individual)

    def remember(self) -> None:
        """Write the new samples: their rows are part of what an interrupted load has written."""
        known = (len(self.names), len(self.owners))
        if known != self._remembered:
            added = self.names[self._published[0] :]
            write_part(self._database, self._slot, "samples", msgspec.json.encode(added))
            write_part(self._database, self._slot, "owners", msgspec.json.encode(self.owners))
            self._remembered = known

    def _read(self, layer: int | None) -> tuple[list[str], dict[str, str]]:
        """The samples of a layer, in the order of rows, and whose they are where that was said."""
        if layer is None:
            return [], {}
        samples = read_part(self._database, layer, "samples")
        owners = read_part(self._database, layer, "owners")
        return (
            msgspec.json.decode(samples or b"[]", type=list[str]),
            msgspec.json.decode(owners or b"{}", type=dict[str, str]),
        )
