"""What the store knows of a dataset: its manifest, and parts of its layers kept in memory.

Layers never change once a manifest names them, so what is read of one stays true for as long as
any manifest names it.
"""

from __future__ import annotations

import asyncio
import datetime
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from pymongo.asynchronous.database import AsyncDatabase
from pyroaring import BitMap

from beacon.framework.answer import Record
from beacon.mongo import documents
from beacon.mongo.features import FEATURE_PARTS, Features, features_of
from beacon.mongo.fetch import Lookup
from beacon.mongo.populations import Populations, populations_of
from beacon.mongo.roster import Roster
from beacon.mongo.roster_documents import (
    ROSTER_PARTS,
    catalogue_from_documents,
    roster_from_documents,
)

AsyncDocuments = AsyncDatabase[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A term or attribute in use. `uses` 0: only kinds of it are used."""

    scope: str
    id: str
    kind: str
    label: str
    uses: int
    value_documents: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Terms by scope and id, and attributes by scope and id."""

    terms: Mapping[str, Mapping[str, Entry]]
    attributes: Mapping[str, Mapping[str, Entry]]

    @classmethod
    def of(cls, found: list[dict[str, Any]]) -> Catalogue:
        """From the stored entries."""
        terms: dict[str, dict[str, Entry]] = {}
        attributes: dict[str, dict[str, Entry]] = {}
        for one in found:
            entry = Entry(
                one["s"],
                one["i"],
                one["k"],
                one["b"],
                one["n"],
                tuple(one.get("a", ())),
                tuple(one.get("v", ())),
            )
            where = attributes if entry.kind == "alphanumeric" else terms
            where.setdefault(entry.scope, {})[entry.id] = entry
        return cls(terms, attributes)


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset as published: an immutable view of its manifest."""

    id: str
    release: int
    created: datetime.datetime
    assembly: str | None
    shift: int
    slots_of: Mapping[int, tuple[int, ...]]  # chromosome code → slots, oldest first
    metadata: int
    structural: int | None
    annotations: int | None
    long_alleles: bool
    typed_alleles: bool
    counts: Mapping[str, int]
    observed: int
    zygosities: int
    record: Record
    slots: frozenset[int] = field(default_factory=frozenset)
    populations: tuple[str, ...] = ()
    """What the counts that were loaded by population are of."""
    normalised: bool = False
    """Whether insertions and deletions are as far left as they can be."""
    withdrawn: BitMap | None = None
    """Rows of people who have withdrawn, whose data are not deleted yet."""
    updated: datetime.datetime | None = None
    empty_rows: int = 0
    """Rows that are nobody's any more: those of people who have withdrawn."""

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Dataset:
        """From a manifest."""
        slots_of: dict[int, list[int]] = {}
        for layer in manifest.get("layers", ()):
            for code in layer["codes"]:
                slots_of.setdefault(code, []).append(layer["slot"])
        encoded = manifest.get("record")
        record = msgspec.json.decode(encoded) if encoded else {}
        return cls(
            id=manifest["_id"],
            release=manifest["release"],
            created=manifest["created"],
            assembly=manifest.get("assembly"),
            shift=manifest.get("shift") or 0,
            slots_of={code: tuple(sorted(slots)) for code, slots in slots_of.items()},
            metadata=manifest["metadata"],
            structural=manifest.get("structural"),
            annotations=manifest.get("annotations"),
            long_alleles=bool(manifest.get("long_alleles")),
            typed_alleles=bool(manifest.get("typed_alleles")),
            counts=manifest["counts"],
            observed=manifest.get("observed", 0),
            zygosities=manifest.get("zygosities", 0),
            record=_dataset_record(manifest, record),
            slots=frozenset(layer["slot"] for layer in manifest.get("layers", ())),
            populations=tuple(manifest.get("populations", ())),
            normalised=bool(manifest.get("normalised")),
            updated=manifest.get("updated"),
            empty_rows=manifest.get("empty_rows", 0),
            withdrawn=BitMap.deserialize(mask) if (mask := manifest.get("withdrawn")) else None,
        )

    @property
    def rows(self) -> int:
        """Rows of the roster."""
        return self.counts["rows"]

    @property
    def rows_are_individuals(self) -> bool:
        """Whether every row that is somebody's is a person of its own.

        Then a set's size counts people.
        """
        return self.counts["rows"] - self.empty_rows == self.counts["individual"]

    @property
    def rows_are_biosamples(self) -> bool:
        """Whether every row that is somebody's is a biosample of its own."""
        return self.counts["rows"] - self.empty_rows == self.counts["biosample"]


def _dataset_record(manifest: Mapping[str, Any], record: dict[str, Any]) -> Record:
    if record:
        return {"name": manifest["_id"], **record, "id": manifest["_id"]}
    return {
        "id": manifest["_id"],
        "name": manifest["_id"],
        "createDateTime": f"{manifest['created']:%Y-%m-%dT%H:%M:%SZ}",
        "updateDateTime": f"{manifest['updated']:%Y-%m-%dT%H:%M:%SZ}",
    }


class Layers:
    """Reads layers once and keeps what fits.

    Args:
        sets_max_bytes: How much of terms' sets and attributes' columns to keep.
    """

    def __init__(self, database: AsyncDocuments, *, sets_max_bytes: int) -> None:
        self._database = database
        self._parts: dict[tuple[str, int], asyncio.Future[Any]] = {}
        self._sets: dict[tuple[str, str], Any] = {}
        self._sets_bytes = 0
        self._sets_max_bytes = sets_max_bytes
        self._terms = Lookup(database[documents.TERMS])
        self._attributes = Lookup(database[documents.ATTRIBUTES])

    async def roster(self, layer: int) -> Roster:
        """Who the rows are."""
        roster: Roster = await self._part("roster", layer, self._read_roster)
        return roster

    async def catalogue(self, layer: int) -> Catalogue:
        """Which terms and attributes the layer has."""
        catalogue: Catalogue = await self._part("catalogue", layer, self._read_catalogue)
        return catalogue

    async def populations(self, layer: int) -> Populations | None:
        """The sex, country and ancestry of rows; `None` when no population is large enough."""
        populations: Populations | None = await self._part(
            "populations", layer, self._read_populations
        )
        return populations

    async def features(self, layer: int) -> Features | None:
        """The phenotypic features of individuals; `None` when the layer was made without them."""
        features: Features | None = await self._part("features", layer, self._read_features)
        return features

    async def cohorts(self, layer: int) -> list[Record]:
        """The cohort records."""
        cohorts: list[Record] = await self._part("cohorts", layer, self._read_cohorts)
        return cohorts

    def forget(self, kept: frozenset[int]) -> None:
        """Drop what was read of layers that no manifest names any more."""
        for key in [key for key in self._parts if key[1] not in kept]:
            del self._parts[key]

    async def term_sets(self, keys: list[tuple[str, bool]]) -> list[BitMap]:
        """Sets of terms by key; with `True`, of direct uses only. An absent term has no rows."""
        wanted = [(key, "d" if direct else "c") for key, direct in keys]
        known = {one: self._sets[one] for one in wanted if one in self._sets}
        missing = {one[0] for one in wanted if one not in known}
        for key, document in (await self._terms.get_many(missing)).items():
            closed: bytes = document["c"]
            direct: bytes = document.get("d", closed)
            for part, data in (("c", closed), ("d", direct)):
                known[key, part] = BitMap.deserialize(data)
                self._keep((key, part), known[key, part], len(data))
        return [known.get(one, _EMPTY) for one in wanted]

    async def has_term(self, key: str) -> bool:
        """Whether a set is kept at all; absent differs from empty where it is a list of members."""
        return (key, "c") in self._sets or await self._terms.get(key) is not None

    async def attribute_documents(self, keys: tuple[str, ...]) -> list[dict[str, Any]]:
        """The values of attributes: columns of numbers, or texts with their sets."""
        known = {key: self._sets[key, "a"] for key in keys if (key, "a") in self._sets}
        missing = [key for key in keys if key not in known]
        for key, document in (await self._attributes.get_many(missing)).items():
            known[key] = document
            size = 0
            if "v" in document:
                document["v"] = [(text, BitMap.deserialize(rows)) for text, rows in document["v"]]
                size = 64 * len(document["v"])
            else:
                for name, kind in (("low", "<f8"), ("high", "<f8"), ("o", "<u4")):
                    size += len(document[name])
                    document[name] = np.frombuffer(document[name], kind)
            self._keep((key, "a"), document, size)
        return [known[key] for key in keys if key in known]

    def _keep(self, key: tuple[str, str], value: Any, size: int) -> None:
        if self._sets_bytes + size > self._sets_max_bytes:
            # All at once and seldom: what is asked for again comes back with one look-up.
            self._sets.clear()
            self._sets_bytes = 0
        self._sets[key] = value
        self._sets_bytes += size

    async def _part(self, name: str, layer: int, read: Any) -> Any:
        key = (name, layer)
        reading = self._parts.get(key)
        if reading is None:
            reading = asyncio.ensure_future(read(layer))
            self._parts[key] = reading
            reading.add_done_callback(lambda done: self._forget_failure(key, done))
        # One caller's deadline must not cancel what others wait for.
        return await asyncio.shield(reading)

    def _forget_failure(self, key: tuple[str, int], reading: asyncio.Future[Any]) -> None:
        if reading.cancelled() or reading.exception() is not None:
            self._parts.pop(key, None)

    async def _read_roster(self, layer: int) -> Roster:
        asked = {"l": layer, "p": {"$in": list(ROSTER_PARTS)}}
        cursor = self._database[documents.ROSTER].find(asked).sort("_id", 1)
        return roster_from_documents(await cursor.to_list())

    async def _read_populations(self, layer: int) -> Populations | None:
        packed = await self._read_parts(layer, "populations")
        return populations_of(packed["populations"]) if packed else None

    async def _read_features(self, layer: int) -> Features | None:
        return features_of(await self._read_parts(layer, *FEATURE_PARTS))

    async def _read_parts(self, layer: int, *names: str) -> dict[str, bytes]:
        """Parts that are kept beside a roster, by name."""
        asked = {"l": layer, "p": {"$in": list(names)}}
        packed: dict[str, bytearray] = {}
        async for document in self._database[documents.ROSTER].find(asked).sort("_id", 1):
            packed.setdefault(document["p"], bytearray()).extend(document["z"])
        return {name: zlib.decompress(data) for name, data in packed.items()}

    async def _read_catalogue(self, layer: int) -> Catalogue:
        cursor = self._database[documents.CATALOGUE].find({"l": layer}).sort("_id", 1)
        return Catalogue.of(catalogue_from_documents(await cursor.to_list()))

    async def _read_cohorts(self, layer: int) -> list[Record]:
        cursor = self._database[documents.RECORDS].find({"l": layer, "t": "cohort"}, {"r": 1})
        return [
            msgspec.json.decode(document["r"]) for document in await cursor.sort("_id", 1).to_list()
        ]


_EMPTY = BitMap()
