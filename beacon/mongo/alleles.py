"""Writing alleles: observations become blocks, structural variants and annotations of one slot.

A flush is written exactly once. Each block carries the stamp of the flush that touched it last; a
load that is taken up again after a crash reads the same records up to the same marks, finds the
stamp and leaves the block alone. Blocks that merge with what an earlier flush wrote are kept aside
whole before they take the place of the old ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from pymongo import ReplaceOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from beacon.framework.errors import LoadError
from beacon.model import filters
from beacon.model.allele import Allele, Observation, Zygosity
from beacon.model.assemblies import code as chromosome_code
from beacon.model.fields import is_category
from beacon.model.ontology import Ontologies
from beacon.model.variant_types import type_of_bases
from beacon.model.variation_query import aminoacid_changes, gene_ids, short_forms
from beacon.mongo import documents
from beacon.mongo.blocks import (
    ANCHORS,
    ASSERTED,
    Block,
    Encoded,
    Entry,
    decode_entries,
    encode_block,
    observed,
    zygosities,
)
from beacon.mongo.documents import (
    BLOCK_SPAN_MAX,
    bin_shift_for,
    block_id,
    dense_range,
    length_class,
)
from beacon.mongo.merging import UNASSESSED, SampleSets, supersede, unite
from beacon.mongo.people import write_catalogue

U32 = npt.NDArray[np.uint32]
Documents = Database[dict[str, Any]]
_Key = tuple[int, str, str]
_BATCH = 2_000
_DUPLICATE = 11000  # the server's code for a key that is there already
_MERGE = "merge"
_HOM, _HEMI = int(Zygosity.HOM), int(Zygosity.HEMI)
_ZERO = np.zeros(1, np.int64)


def allele_key(allele: Allele) -> str:
    """What makes two observations the same allele, however their files spelled it."""
    code = chromosome_code(allele.reference_name)
    if allele.structural:
        extent = f"{allele.start}:{allele.end}:{allele.variant_type}"
        return f"{code}:{extent}:{allele.detail}"
    return f"{code}:{allele.start}:{allele.reference_bases}:{allele.alternate_bases}"


def encode_allele(allele: Allele) -> bytes:
    """A structural allele as its document keeps it."""
    return msgspec.json.encode(allele, enc_hook=dict)


def fits_block(allele: Allele) -> bool:
    """Whether an allele's columns say all there is to say of it."""
    return (
        not allele.structural
        and len(allele.reference_bases) <= BLOCK_SPAN_MAX
        and allele.variant_type == type_of_bases(allele.reference_bases, allele.alternate_bases)
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
        self._bulky: list[tuple[Observation, int]] = []
        self._annotated: list[Observation] = []
        self._has: dict[str, bool] = {
            "structural": bool(state.get("structural")),
            "annotations": bool(state.get("annotations")),
        }
        self._long_alleles = bool(state.get("long_alleles") or manifest.get("long_alleles"))
        self._ontologies: Ontologies | None = None
        self._replace_kept()

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
                self._bulky.append((observation, sample_set))
                self._long_alleles |= not allele.structural

    def flush(self, stamp: str, rows: int) -> None:
        """Write everything that was added.

        Args:
            stamp: Names this flush, the same when the load is taken up again.
            rows: Rows of the dataset.
        """
        stamp = hashlib.blake2b(stamp.encode(), digest_size=8).hexdigest()
        if self._bins:
            self._flush_blocks(stamp, rows)
        if self._bulky:
            self._flush_structural(stamp)
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
        }
        for key, written in self._has.items():
            if written:
                named[key] = self._slot
        if self._has["annotations"]:
            self._catalogue_annotations()
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
        fresh: list[int] = []
        merged: list[int] = []
        encoded = []
        for key, place in keys.items():
            if key in mine and mine[key][0].get("p") == stamp:
                continue  # written before the crash that this load was taken up after
            entries, numbers = self._contributions(key, *self._bins[place])
            if key in mine:
                entries, numbers = self._unite(mine[key], entries, numbers)
                merged.append(key)
            elif key in theirs:
                entries, numbers = self._supersede(theirs[key], entries, numbers)
                fresh.append(key)
            else:
                fresh.append(key)
            one = encode_block(key, self._slot, list(entries.values()), rows)
            one.block["p"] = stamp
            one.block["q"] = sorted(numbers)
            encoded.append(one)
        self._write(encoded, frozenset(merged))
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
    ) -> tuple[dict[_Key, Entry], set[int]]:
        start = (key >> 16 & 0xFFFFFF) << (self._shift or 0)
        entries: dict[_Key, Entry] = {}
        seen: dict[_Key, int] = {}
        made = _entries(observations, start)
        for entry, number in zip(made, numbers, strict=True):
            same = entries.get(entry.key)
            if same is not None:
                apart = self._sets.relation(number, seen[entry.key]) == "apart"
                entry = unite(same, entry, adds_people=apart)
            entries[entry.key] = entry
            seen[entry.key] = number
        return entries, set(numbers)

    def _unite(
        self, existing: Any, entries: dict[_Key, Entry], numbers: set[int]
    ) -> tuple[dict[_Key, Entry], set[int]]:
        block, rare, dense = existing
        old_numbers = set(block["q"])
        adds_people = all(
            not self._sets.covered_by(number, sorted(old_numbers)) for number in numbers
        )
        for old in decode_entries(Block(block), rare, dense):
            new = entries.get(old.key)
            entries[old.key] = old if new is None else unite(old, new, adds_people=adds_people)
        return entries, numbers | old_numbers

    def _supersede(
        self, existing: Any, entries: dict[_Key, Entry], numbers: set[int]
    ) -> tuple[dict[_Key, Entry], set[int]]:
        block, rare, dense = existing
        old_numbers = set(block["q"])
        covered: set[int] = set()
        for number in numbers:
            covered.update(self._sets.covered_by(number, sorted(old_numbers)))
        speaking_for = self._sets.rows(UNASSESSED)
        for number in numbers:
            speaking_for = speaking_for | self._sets.rows(number)
        for old in decode_entries(Block(block), rare, dense):
            entries[old.key] = supersede(
                old,
                entries.get(old.key),
                speaking_for,
                all_of_old=bool(covered) and covered >= old_numbers,
            )
        return entries, numbers | old_numbers

    def _write(self, encoded: Sequence[Encoded], merged: frozenset[int]) -> None:
        """Carriers first, blocks last: a block that carries a stamp is whole."""
        fresh = [one for one in encoded if one.block["_id"] not in merged]
        for collection, batch in _by_collection(fresh):
            self._put(collection, batch)
        if merged:
            self._replace([one for one in encoded if one.block["_id"] in merged])

    def _put(self, collection: str, batch: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(batch), _BATCH):
            part = batch[start : start + _BATCH]
            try:
                self._database[collection].insert_many(part, ordered=False)
            except BulkWriteError as error:
                if any(one["code"] != _DUPLICATE for one in error.details["writeErrors"]):
                    raise LoadError(f"the database refused documents of {collection}") from None
                # A crash left some of them, in blocks that were not finished.
                self._database[collection].bulk_write(_replacements(part), ordered=False)

    def _replace(self, encoded: Sequence[Encoded]) -> None:
        """Write blocks in place of others, all of them or, should we die on the way, none.

        What is to be written is kept first, and written from there when the load is taken up again.
        """
        kept: list[dict[str, Any]] = [
            {"_id": f"{self._slot}|{_MERGE}|{collection}|{number}", "c": collection, "d": document}
            for collection, batch in _by_collection(encoded)
            for number, document in enumerate(batch)
        ]
        for one in kept:
            one.update(l=self._slot, t=_MERGE)
        self._put(documents.STAGED, kept)
        self._database[documents.STAGED].insert_one(
            {
                "_id": f"{self._slot}|{_MERGE}",
                "l": self._slot,
                "t": _MERGE,
                "keys": [one.block["_id"] for one in encoded],
            }
        )
        self._replace_kept()

    def _replace_kept(self) -> None:
        staged = self._database[documents.STAGED]
        whole = staged.find_one({"_id": f"{self._slot}|{_MERGE}"})
        if whole is not None:
            self._database[documents.RARE].delete_many({"_id": {"$in": whole["keys"]}})
            for key in whole["keys"]:
                low, high = dense_range(key)
                self._database[documents.DENSE].delete_many({"_id": {"$gte": low, "$lte": high}})
            for collection in (documents.RARE, documents.DENSE, documents.BLOCKS):
                kept = staged.find({"l": self._slot, "t": _MERGE, "c": collection})
                batch = [one["d"] for one in kept]
                for start in range(0, len(batch), _BATCH):
                    part = batch[start : start + _BATCH]
                    self._database[collection].bulk_write(_replacements(part), ordered=False)
            staged.delete_one({"_id": whole["_id"]})
        staged.delete_many({"l": self._slot, "t": _MERGE})

    # Structural variants and long alleles --------------------------------------------------------

    def _flush_structural(self, stamp: str) -> None:
        self._copy_forward("structural", documents.STRUCTURAL)
        collection = self._database[documents.STRUCTURAL]
        grouped: dict[str, tuple[Entry, Allele, int]] = {}
        made = _entries([observation for observation, _ in self._bulky], 0)
        for (observation, number), entry in zip(self._bulky, made, strict=True):
            key = f"{self._slot:05}|{allele_key(observation.allele)}"
            if key in grouped:
                same, _, same_number = grouped[key]
                apart = self._sets.relation(number, same_number) == "apart"
                entry = unite(same, entry, adds_people=apart)
            grouped[key] = (entry, observation.allele, number)
        existing = {
            document["_id"]: document for document in collection.find({"_id": {"$in": [*grouped]}})
        }
        operations = []
        for key, (entry, allele, number) in grouped.items():
            numbers = {number}
            old = existing.get(key)
            if old is not None:
                if old["p"] == stamp:
                    continue
                previous = _entry_of_structural(old)
                old_numbers = set(old["q"])
                covered = set(self._sets.covered_by(number, sorted(old_numbers)))
                if old["w"] == self._slot:
                    entry = unite(previous, entry, adds_people=not covered)
                else:
                    entry = supersede(
                        previous,
                        entry,
                        self._sets.rows(number),
                        all_of_old=bool(covered) and covered >= old_numbers,
                    )
                numbers |= old_numbers
            document = self._structural_document(key, entry, allele)
            document |= {"p": stamp, "q": sorted(numbers), "w": self._slot}
            operations.append(ReplaceOne({"_id": key}, document, upsert=True))
        if operations:
            collection.bulk_write(operations, ordered=False)
        self._bulky = []

    def _structural_document(self, key: str, entry: Entry, allele: Allele) -> dict[str, Any]:
        start, end = allele.footprint
        return {
            "_id": key,
            "l": self._slot,
            "c": chromosome_code(allele.reference_name),
            "k": length_class(end - start),
            "s": start,
            "e": end,
            "a": encode_allele(allele),
            "o": bool(observed(entry.allele_count, entry.allele_number, entry.flags)),
            "z": zygosities([entry.codes]),
            "f": entry.flags,
            "n": [
                len(entry.codes),
                entry.allele_count,
                entry.allele_number,
                entry.homozygous,
                entry.hemizygous,
            ],
            "r": entry.codes.astype("<u4", copy=False).tobytes(),
        }

    # Annotations -------------------------------------------------------------------------------

    def _flush_annotations(self) -> None:
        self._copy_forward("annotations", documents.ANNOTATIONS)
        operations = []
        for observation in self._annotated:
            document = self._annotation_document(observation)
            operations.append(ReplaceOne({"_id": document["_id"]}, document, upsert=True))
        self._database[documents.ANNOTATIONS].bulk_write(operations, ordered=True)
        self._annotated = []

    def _annotation_document(self, observation: Observation) -> dict[str, Any]:
        record = observation.annotation or {}
        allele = observation.allele
        key = allele_key(allele)
        terms: set[str] = set()
        if self._ontologies is not None:
            for term in filters.term_ids("genomicVariant", record):
                terms |= self._ontologies.ancestors(term)
        terms |= set(filters.custom_ids("genomicVariant", record))
        attributes = {name for name, _, _ in filters.attributes("genomicVariant", record)}
        return {
            "_id": f"{self._slot:05}|{key}",
            "l": self._slot,
            "c": chromosome_code(allele.reference_name),
            "s": allele.start,
            "key": key,
            "id": record.get("variantInternalId") or "",
            "ids": [str(record.get("variantInternalId") or ""), *sorted(short_forms(record))],
            "g": sorted(gene_ids(record)),
            "aa": sorted(aminoacid_changes(record)),
            "t": sorted(terms),
            "x": sorted(attributes),
            "r": msgspec.json.encode(record),
        }

    def _catalogue_annotations(self) -> None:
        """Which terms and attributes the annotations have, for planning and for the listing."""
        entries: dict[str, dict[str, Any]] = {}
        closed: set[str] = set()
        values: dict[str, set[str]] = {}
        found = self._database[documents.ANNOTATIONS].find({"l": self._slot}, {"r": 1, "t": 1})
        for document in found:
            record = msgspec.json.decode(document["r"])
            closed.update(document["t"])
            for kind, terms in (
                ("ontologyTerm", filters.term_ids("genomicVariant", record)),
                ("custom", filters.custom_ids("genomicVariant", record)),
            ):
                for term, label in terms.items():
                    entry = entries.setdefault(
                        term,
                        {"s": "genomicVariant", "i": term, "k": kind, "b": label or "", "n": 0},
                    )
                    entry["n"] += 1
            for name, label, value in filters.attributes("genomicVariant", record):
                entries.setdefault(
                    "=" + name,
                    {
                        "s": "genomicVariant",
                        "i": name,
                        "k": "alphanumeric",
                        "b": label or "",
                        "n": 1,
                        "a": [],
                        "v": [],
                    },
                )
                if value.text:
                    values.setdefault(name, set()).add(value.text)
        for term in closed - entries.keys():
            known = self._ontologies.label(term) if self._ontologies else None
            entries[term] = {
                "s": "genomicVariant",
                "i": term,
                "k": "ontologyTerm",
                "b": known or "",
                "n": 0,
            }
        for name, texts in values.items():
            if is_category("genomicVariant", name):
                entries["=" + name]["v"] = sorted(texts)
        self._database[documents.CATALOGUE].delete_many({"l": self._slot})
        write_catalogue(self._database, self._slot, entries.values())

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


def _by_collection(encoded: Sequence[Encoded]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    yield documents.RARE, [one.rare for one in encoded if one.rare is not None]
    yield documents.DENSE, [document for one in encoded for document in one.dense]
    yield documents.BLOCKS, [one.block for one in encoded]


def _replacements(batch: Sequence[dict[str, Any]]) -> list[ReplaceOne[dict[str, Any]]]:
    return [ReplaceOne({"_id": one["_id"]}, one, upsert=True) for one in batch]


def _entries(observations: Sequence[Observation], bin_start: int) -> list[Entry]:
    """Observations as entries, their carriers counted and put in order all at once."""
    sizes = np.fromiter((len(one.rows) for one in observations), np.int64, len(observations))
    ends = np.concatenate((_ZERO, np.cumsum(sizes)))
    zygosity = np.concatenate([one.zygosity for one in observations])
    homozygous = _count_by_allele(zygosity == _HOM, ends)
    for index in homozygous.nonzero()[0].tolist():
        if observations[index].allele_count == sizes[index]:
            # Haploid calls have one allele each: kept apart from two, so that alleles can be
            # counted.
            of_allele = zygosity[ends[index] : ends[index + 1]]
            of_allele[of_allele == _HOM] = _HEMI
            homozygous[index] = 0
    hemizygous = _count_by_allele(zygosity == _HEMI, ends)
    rows = np.concatenate([one.rows for one in observations]).astype(np.uint32, copy=False)
    codes = rows << np.uint32(2) | zygosity
    descents = (rows[1:] < rows[:-1]).nonzero()[0] + 1
    within = ends[np.searchsorted(ends, descents)] != descents
    for index in set((np.searchsorted(ends, descents[within]) - 1).tolist()):
        codes[ends[index] : ends[index + 1]].sort()
    return [
        _entry(
            observation, bin_start, codes[start:end], homozygous=homozygous, hemizygous=hemizygous
        )
        for observation, start, end, homozygous, hemizygous in zip(
            observations,
            ends.tolist(),
            ends[1:].tolist(),
            homozygous.tolist(),
            hemizygous.tolist(),
            strict=False,
        )
    ]


def _count_by_allele(
    chosen: npt.NDArray[np.bool_], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    running = np.concatenate((_ZERO, np.cumsum(chosen)))
    return np.diff(running[ends])


def _entry(
    observation: Observation, bin_start: int, codes: U32, *, homozygous: int, hemizygous: int
) -> Entry:
    allele = observation.allele
    stated = observation.allele_count
    flags = ANCHORS.index(allele.anchor if allele.anchor in ANCHORS else "N")
    if observation.annotation is not None:
        flags |= ASSERTED
    return Entry(
        allele.start - bin_start,
        allele.reference_bases,
        allele.alternate_bases,
        codes,
        len(codes) + homozygous if stated is None or len(codes) else stated,
        observation.allele_number,
        homozygous,
        hemizygous,
        flags,
    )


def _entry_of_structural(document: Mapping[str, Any]) -> Entry:
    allele = msgspec.json.decode(document["a"], type=Allele)
    carriers, count, number, homozygous, hemizygous = document["n"]
    codes = np.frombuffer(document["r"], "<u4")
    if len(codes) != carriers:
        raise ValueError("a structural variant's carriers do not match their count")
    return Entry(
        allele.start,
        allele.reference_bases,
        allele.alternate_bases,
        codes,
        count,
        number,
        homozygous,
        hemizygous,
        document["f"],
    )


def _code_range(shift: int, code: int) -> tuple[int, int]:
    return block_id(shift, code, 0, 0), block_id(shift, code, 0xFFFFFF, documents.SLOT_MAX)
