"""Writing alleles: observations become blocks, structural variants and annotations of one slot.

A flush is written exactly once. Each block carries the stamp of the flush that touched it last; a
load that is taken up again after a crash reads the same records up to the same marks, finds the
stamp and leaves the block alone. Blocks that merge with what an earlier flush wrote are kept aside
whole before they take the place of the old ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pymongo import ReplaceOne
from pymongo.database import Database

from beacon.model.allele import Allele, Observation
from beacon.model.assemblies import code as chromosome_code
from beacon.model.ontology import Ontologies
from beacon.model.variant_types import type_of_bases
from beacon.mongo import documents
from beacon.mongo.annotations import annotation_document, catalogue_annotations
from beacon.mongo.block_writes import BlockWrites
from beacon.mongo.documents import (
    BLOCK_SPAN_MAX,
    bin_shift_for,
    block_id,
    dense_range,
)
from beacon.mongo.merging import UNASSESSED, SampleSets, supersede, unite
from beacon.mongo.packing import Entry, decode_entries, encode_block, entries_of
from beacon.mongo.structural_writes import write_structural

U32 = npt.NDArray[np.uint32]
Documents = Database[dict[str, Any]]
_Key = tuple[int, str, str]


def allele_key(allele: Allele) -> str:
    """What makes two observations the same allele, however their files spelled it."""
    code = chromosome_code(allele.reference_name)
    if allele.structural:
        extent = f"{allele.start}:{allele.end}:{allele.variant_type}"
        return f"{code}:{extent}:{allele.detail}"
    bases = f"{code}:{allele.start}:{allele.reference_bases}:{allele.alternate_bases}"
    return bases if _is_typed_by_bases(allele) else f"{bases}:{allele.variant_type}"


def _is_typed_by_bases(allele: Allele) -> bool:
    return allele.variant_type == type_of_bases(allele.reference_bases, allele.alternate_bases)


def fits_block(allele: Allele) -> bool:
    """Whether an allele's columns say all there is to say of it."""
    return (
        not allele.structural
        and len(allele.reference_bases) <= BLOCK_SPAN_MAX
        and _is_typed_by_bases(allele)
    )


class AlleleWriter:
    """Gathers observations until `flush`, then merges and writes them."""

    def __init__(
        self, database: Documents, slot: int, manifest: Mapping[str, Any], state: Mapping[str, Any]
    ) -> None:
        self._database = database
        self._slot = slot
        self._manifest = manifest
        self._shift: int | None = manifest.get("shift") or state.get("shift")
        self._sets = SampleSets({**manifest.get("sample_sets", {}), **state.get("sample_sets", {})})
        self._file_set = UNASSESSED
        self._file_rows: U32 | None = None
        self._codes: set[int] = set(state.get("codes", ()))
        self._older: dict[int, list[int]] = {}
        for layer in manifest.get("layers", ()):
            for code in layer["codes"]:
                self._older.setdefault(code, []).append(layer["slot"])
        self._bins: dict[tuple[int, int], tuple[list[Observation], list[int]]] = {}
        self._bulky: list[tuple[str, Observation, int]] = []
        self._annotated: list[Observation] = []
        self._has: dict[str, bool] = {
            "structural": bool(state.get("structural")),
            "annotations": bool(state.get("annotations")),
        }
        self._long_alleles = bool(state.get("long_alleles") or manifest.get("long_alleles"))
        self._typed_alleles = bool(state.get("typed_alleles") or manifest.get("typed_alleles"))
        self._ontologies = Ontologies()
        self._writes = BlockWrites(database, slot)
        self._writes.recover()

    def samples_of_file(self, rows: U32) -> None:
        """The rows of a file's samples: what the alleles that follow were looked at in."""
        self._file_rows = rows

    def state(self) -> dict[str, Any]:
        """What a load that is taken up again has to know."""
        return {
            "shift": self._shift,
            "sample_sets": self._sets.stored(),
            "codes": sorted(self._codes),
            "long_alleles": self._long_alleles,
            "typed_alleles": self._typed_alleles,
            **self._has,
        }

    def add(self, observations: Sequence[Observation], ontologies: Ontologies) -> None:
        """Take observations; nothing is written yet."""
        if self._file_rows is not None and any(one.annotation is None for one in observations):
            # Only genotypes say who was looked at; records name carriers, batch by batch.
            self._file_set = self._sets.number(self._file_rows)
            self._shift = self._shift or bin_shift_for(len(self._file_rows))
            self._file_rows = None
        self._ontologies = ontologies
        shift = self._shift = self._shift or bin_shift_for(0)
        bins = self._bins
        for observation in observations:
            allele = observation.allele
            # Records that name carriers one by one do not say who else was looked at.
            sample_set = self._file_set if observation.annotation is None else UNASSESSED
            if observation.annotation is not None:
                self._annotated.append(observation)
            if fits_block(allele):
                key = (chromosome_code(allele.reference_name), allele.start >> shift)
                of_bin = bins.get(key)
                if of_bin is None:
                    of_bin = bins[key] = ([], [])
                of_bin[0].append(observation)
                of_bin[1].append(sample_set)
            else:
                self._bulky.append((allele_key(allele), observation, sample_set))
                if not allele.structural:
                    self._long_alleles |= len(allele.reference_bases) > BLOCK_SPAN_MAX
                    self._typed_alleles |= not _is_typed_by_bases(allele)

    def flush(self, stamp: str, rows: int) -> None:
        """Write everything that was added.

        Args:
            stamp: Names this flush, the same when the load is taken up again.
            rows: Rows of the dataset.
        """
        # Of this load alone: what another one wrote was not written by this.
        stamp = hashlib.blake2b(f"{self._slot}|{stamp}".encode(), digest_size=8).hexdigest()
        if self._bins:
            self._flush_blocks(stamp, rows)
        if self._bulky:
            self._copy_forward("structural", documents.STRUCTURAL)
            write_structural(self._database, self._slot, self._sets, stamp, self._bulky)
            self._bulky = []
        if self._annotated:
            self._flush_annotations()

    def finish(self) -> dict[str, Any]:
        """What the manifest has to say of the alleles."""
        layers = list(self._manifest.get("layers", ()))
        if self._codes:
            layers.append({"slot": self._slot, "codes": sorted(self._codes)})
        named: dict[str, Any] = {
            "layers": layers,
            "shift": self._shift,
            "sample_sets": self._sets.stored(),
            "long_alleles": self._long_alleles,
            "typed_alleles": self._typed_alleles,
        }
        for key, written in self._has.items():
            if written:
                named[key] = self._slot
        if self._has["annotations"]:
            catalogue_annotations(self._database, self._slot, self._ontologies)
        return named | self._count_observed({**self._manifest, **named})

    def _count_observed(self, manifest: Mapping[str, Any]) -> dict[str, int]:
        newest: dict[int, tuple[int, int, int]] = {}
        for layer in manifest["layers"]:
            for code in layer["codes"]:
                low, high = _code_range(manifest["shift"], code)
                found = self._database[documents.BLOCKS].find(
                    {"_id": {"$gte": low, "$lte": high}, "l": layer["slot"]}, {"o": 1, "z": 1}
                )
                for block in found:
                    key = block["_id"] >> 16
                    counted = (layer["slot"], block["o"], block["z"])
                    newest[key] = max(newest.get(key, (0, 0, 0)), counted)
        seen = sum(count for _, count, _ in newest.values())
        kinds = 0
        for _, _, one in newest.values():
            kinds |= one
        if manifest.get("structural"):
            asked = {"l": manifest["structural"], "o": True}
            for document in self._database[documents.STRUCTURAL].find(asked, {"z": 1}):
                seen += 1
                kinds |= document["z"]
        return {"observed": seen, "zygosities": kinds}

    # Blocks ------------------------------------------------------------------------------------

    def _flush_blocks(self, stamp: str, rows: int) -> None:
        shift = self._shift or 0
        self._codes |= {code for code, _ in self._bins}
        keys = {
            block_id(shift, code, number, self._slot): place
            for place in self._bins
            for code, number in (place,)
        }
        mine, theirs = self._existing(keys)
        merged: list[int] = []
        encoded = []
        for key, place in keys.items():
            if key in mine and mine[key][0].get("p") == stamp:
                continue  # written before the crash that this load was taken up after
            entries = self._contributions(key, *self._bins[place])
            if key in mine:
                entries = self._merge(mine[key], entries, of_this_load=True)
                merged.append(key)
            elif key in theirs:
                entries = self._merge(theirs[key], entries, of_this_load=False)
            one = encode_block(key, self._slot, list(entries.values()), rows)
            one.block["p"] = stamp
            encoded.append(one)
        self._writes.write(encoded, frozenset(merged))
        self._bins = {}

    def _existing(
        self, keys: Mapping[int, tuple[int, int]]
    ) -> tuple[dict[int, Any], dict[int, Any]]:
        """Blocks already there: of this slot, and the newest of earlier loads, by our key."""
        wanted: dict[int, int] = {}
        for key, (code, _) in keys.items():
            wanted[key] = key
            for slot in self._older.get(code, ()):
                wanted[key & ~documents.SLOT_MAX | slot] = key
        found = {
            document["_id"]: document
            for document in self._database[documents.BLOCKS].find({"_id": {"$in": list(wanted)}})
        }
        newest: dict[int, int] = {}
        for identifier in found:
            key = wanted[identifier]
            newest[key] = max(newest.get(key, 0), identifier)
        # This slot's number is the highest, so a block of its own is the newest of its bin.
        chosen = list(newest.values())
        rare = {
            document["_id"]: document
            for document in self._database[documents.RARE].find({"_id": {"$in": chosen}})
        }
        mine: dict[int, Any] = {}
        theirs: dict[int, Any] = {}
        for key, identifier in newest.items():
            low, high = dense_range(identifier)
            dense = {
                document["_id"]: document
                for document in self._database[documents.DENSE].find(
                    {"_id": {"$gte": low, "$lte": high}}
                )
            }
            (mine if identifier == key else theirs)[key] = (
                found[identifier],
                rare.get(identifier),
                dense,
            )
        return mine, theirs

    def _contributions(
        self, key: int, observations: Sequence[Observation], numbers: Sequence[int]
    ) -> dict[_Key, Entry]:
        start = (key >> 16 & 0xFFFFFF) << (self._shift or 0)
        entries: dict[_Key, Entry] = {}
        for entry in entries_of(observations, numbers, start):
            same = entries.get(entry.key)
            entries[entry.key] = entry if same is None else unite(same, entry, self._sets)
        return entries

    def _merge(
        self, existing: Any, entries: dict[_Key, Entry], *, of_this_load: bool
    ) -> dict[_Key, Entry]:
        document, rare, dense = existing
        merge = unite if of_this_load else supersede
        for old in decode_entries(document, rare, dense):
            new = entries.get(old.key)
            entries[old.key] = old if new is None else merge(old, new, self._sets)
        return entries

    # Annotations -------------------------------------------------------------------------------

    def _flush_annotations(self) -> None:
        self._copy_forward("annotations", documents.ANNOTATIONS)
        operations = []
        for observation in self._annotated:
            document = annotation_document(
                self._slot, allele_key(observation.allele), observation, self._ontologies
            )
            operations.append(ReplaceOne({"_id": document["_id"]}, document, upsert=True))
        self._database[documents.ANNOTATIONS].bulk_write(operations, ordered=True)
        self._annotated = []

    def _copy_forward(self, key: str, collection: str) -> None:
        """Begin this slot's collection with what the published one has, once a load."""
        if self._has[key]:
            return
        old = self._manifest.get(key)
        if old:
            self._database[collection].aggregate(
                [
                    {"$match": {"l": old}},
                    {
                        "$set": {
                            "l": self._slot,
                            "_id": {
                                "$concat": [
                                    f"{self._slot:05}",
                                    {"$substrBytes": ["$_id", 5, -1]},
                                ]
                            },
                        }
                    },
                    {"$merge": {"into": collection, "whenMatched": "keepExisting"}},
                ]
            )
        self._has[key] = True


def _code_range(shift: int, code: int) -> tuple[int, int]:
    return block_id(shift, code, 0, 0), block_id(shift, code, 0xFFFFFF, documents.SLOT_MAX)
