"""Where loads go: `MongoSink` opens them, `MongoLoad` is one release in the making."""

from __future__ import annotations

import datetime
import os
import socket
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from pymongo import ASCENDING, ReplaceOne, ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from beacon.framework.answer import Record
from beacon.framework.errors import LoadError
from beacon.framework.source import SourceFile
from beacon.model.allele import Observation
from beacon.model.ontology import Ontologies, Ontology
from beacon.mongo import documents
from beacon.mongo.alleles import AlleleWriter
from beacon.mongo.people import read_part, write_layer, write_part
from beacon.mongo.reference import ontologies_from, reference_from

Documents = Database[dict[str, Any]]

STALE_LOCK_S = 600
"""A load on another machine that has not been heard of for this long is taken to be dead."""
_COMPRESSED = (documents.BLOCKS, documents.RARE, documents.DENSE, documents.ANNOTATIONS)
_INDEXES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (documents.RECORDS, ("l", "t", "id")),
    (documents.STAGED, ("l", "t", "id")),
    (documents.STRUCTURAL, ("c", "k", "s", "e")),
    (documents.STRUCTURAL, ("l", "_id")),
    (documents.ANNOTATIONS, ("l", "c", "s")),
    (documents.ANNOTATIONS, ("l", "ids")),
    (documents.ANNOTATIONS, ("l", "g")),
    (documents.ANNOTATIONS, ("l", "aa")),
    (documents.ANNOTATIONS, ("l", "t")),
    (documents.ANNOTATIONS, ("l", "x")),
)
_LAYERED = (
    documents.BLOCKS,
    documents.RARE,
    documents.DENSE,
    documents.STRUCTURAL,
    documents.ANNOTATIONS,
    documents.RECORDS,
    documents.ROSTER,
    documents.TERMS,
    documents.ATTRIBUTES,
    documents.CATALOGUE,
    documents.STAGED,
)
_REFERENCE_CHUNK = 8 << 20


class MongoSink:
    """The write side of one database.

    Args:
        grace_s: How long layers outlive the release that named them: longer than servers take to
            notice a new release and to end the answers that they began before.
    """

    def __init__(self, database: Documents, *, grace_s: float = 15.0) -> None:
        self._database = database
        self._grace_s = grace_s
        _prepare(database)

    def open(
        self, dataset_id: str, *, assembly: str | None, files: Sequence[SourceFile]
    ) -> MongoLoad:
        """Open a load of one dataset, or take up the one of the same files that was interrupted."""
        manifest = self._database[documents.MANIFESTS].find_one({"_id": dataset_id})
        known = (manifest or {}).get("assembly")
        if assembly and known and assembly != known:
            raise LoadError(
                f'dataset "{dataset_id}" is on {known}, this load is on {assembly}; '
                "load it into a dataset of its own"
            )
        self._collect_garbage()
        digests = sorted({file.digest for file in files})
        slot = None
        for found in self._database[documents.LOADS].find({"dataset": dataset_id, "open": True}):
            _refuse_if_alive(found, dataset_id)
            if found["_id"] in _layers_of(manifest or {}):
                # It had published, and died before it could say so.
                _close_load(self._database, found["_id"])
            elif found["digests"] == digests and found["base"] == _release(manifest):
                slot = found["_id"]
            else:
                _forget_load(self._database, found)
        owner = _owner()
        if slot is None:
            slot = _next_slot(self._database)
            self._database[documents.LOADS].insert_one(
                {
                    "_id": slot,
                    "dataset": dataset_id,
                    "open": True,
                    "digests": digests,
                    "base": _release(manifest),
                    "owner": owner,
                    "positions": {},
                    "finished": [],
                    "written": {},
                }
            )
        else:
            self._database[documents.LOADS].update_one({"_id": slot}, {"$set": {"owner": owner}})
        return MongoLoad(self._database, dataset_id, slot, manifest, assembly, self.ontologies())

    def drop(self, dataset_id: str) -> bool:
        """Take a dataset out of every answer, then delete its data; false when there is none.

        Between the two it waits until whoever began an answer from it must have ended.

        Raises:
            LoadError: The dataset is being loaded.
        """
        loads = list(self._database[documents.LOADS].find({"dataset": dataset_id, "open": True}))
        for load in loads:
            _refuse_if_alive(load, dataset_id)
        for load in loads:
            _forget_load(self._database, load)
        found = self._database[documents.MANIFESTS].delete_one({"_id": dataset_id})
        if found.deleted_count:
            self._collect_garbage()
            time.sleep(self._grace_s)
        self._collect_garbage()
        return found.deleted_count > 0

    def manifests(self) -> list[dict[str, Any]]:
        """What is published, by dataset id."""
        return list(self._database[documents.MANIFESTS].find().sort("_id", ASCENDING))

    def ontology_versions(self) -> dict[str, str]:
        """The version of each stored ontology, by prefix."""
        return self._reference_versions("ontology")

    def put_ontology(self, ontology: Ontology) -> None:
        """Keep an ontology; terms are closed over it at the next load."""
        prefix = ontology.resource.namespace_prefix or ontology.resource.id
        self._put_reference(
            "ontology",
            prefix,
            ontology.resource.version or "",
            msgspec.json.encode(
                {
                    "resource": ontology.resource,
                    "terms": {
                        name: (term.label, term.parents) for name, term in ontology.terms.items()
                    },
                }
            ),
        )

    def ontologies(self) -> Ontologies:
        """All stored ontologies."""
        return ontologies_from(
            reference_from(
                self._database[documents.REFERENCE].find({"kind": "ontology"}).sort("_id", 1),
                "ontology",
            )
        )

    def gene_versions(self) -> dict[str, str]:
        """The version of each stored gene table, by assembly."""
        return self._reference_versions("genes")

    def put_genes(
        self, assembly: str, genes: Mapping[str, tuple[str, int, int]], version: str
    ) -> None:
        """Keep a gene table: symbol → (reference name, start, end), 0-based half-open."""
        self._put_reference("genes", assembly, version, msgspec.json.encode(genes))

    def _reference_versions(self, kind: str) -> dict[str, str]:
        found = self._database[documents.REFERENCE].find({"kind": kind, "part": 0}, {"z": 0})
        return {document["name"]: document["version"] for document in found}

    def _put_reference(self, kind: str, name: str, version: str, data: bytes) -> None:
        packed = zlib.compress(data, 6)
        chunks = [
            packed[start : start + _REFERENCE_CHUNK]
            for start in range(0, len(packed), _REFERENCE_CHUNK)
        ]
        collection = self._database[documents.REFERENCE]
        collection.delete_many({"kind": kind, "name": name})
        collection.insert_many(
            {
                "_id": f"{kind}|{name}|{part:04}",
                "kind": kind,
                "name": name,
                "version": version,
                "part": part,
                "z": chunk,
            }
            for part, chunk in reversed(list(enumerate(chunks)))  # part 0, which is asked for, last
        )

    def _collect_garbage(self) -> None:
        """Delete layers that neither a manifest nor an open load has named for a while.

        Answers that began with them have ended by then.
        """
        # Loads before manifests: a load that ends in between counts as open, and nothing is lost.
        loads = list(
            self._database[documents.LOADS].find({}, {"open": 1, "layers": 1, "retired": 1})
        )
        kept: set[int] = set()
        for manifest in self._database[documents.MANIFESTS].find():
            kept |= _layers_of(manifest)
        now = time.time()
        for load in loads:
            if load["open"]:
                continue
            retired = {int(layer): since for layer, since in load.get("retired", {}).items()}
            unnamed = set(load.get("layers", ())) - kept
            due = [one for one in unnamed if now - retired.get(one, now) >= self._grace_s]
            for layer in due:
                _delete_layer(self._database, layer)
            waiting = {str(one): retired.get(one, now) for one in unnamed.difference(due)}
            self._database[documents.LOADS].update_one(
                {"_id": load["_id"]},
                {"$set": {"retired": waiting}, "$pull": {"layers": {"$in": due}}},
            )


class MongoLoad:
    """One open load. Blocks and records go to a slot of their own; the manifest is written last."""

    def __init__(
        self,
        database: Documents,
        dataset_id: str,
        slot: int,
        manifest: dict[str, Any] | None,
        assembly: str | None,
        ontologies: Ontologies,
    ) -> None:
        self._database = database
        self._dataset_id = dataset_id
        self._slot = slot
        self._manifest = manifest or {}
        self._assembly = assembly or self._manifest.get("assembly")
        self._ontologies = ontologies
        state = database[documents.LOADS].find_one({"_id": slot}) or {}
        self._positions: dict[str, int] = dict(state.get("positions", {}))
        self._finished: set[str] = set(state.get("finished", ()))
        self._samples, self._owners = self._read_samples(self._manifest.get("metadata"))
        self._published_samples = len(self._samples)
        self._published_owners = len(self._owners)
        self._remembered = (self._published_samples, self._published_owners)
        self._row_of = {name: row for row, name in enumerate(self._samples)}
        self._alleles = AlleleWriter(database, slot, self._manifest, state.get("written", {}))
        self._staged = database[documents.STAGED].find_one({"l": slot}) is not None
        added, owners = self._read_samples(slot)
        for name in added:
            self._add_sample(name)
        self._owners |= owners

    @property
    def assembly(self) -> str | None:
        """As asked when the load was opened, else what the published release is on."""
        return self._assembly

    def is_loaded(self, file: SourceFile) -> bool:
        """Whether the published release already holds this very file."""
        return file.digest in self._manifest.get("files", ())

    def position(self, file: SourceFile) -> int:
        """How many records of the file an interrupted load has already written for good."""
        return self._positions.get(file.digest, 0)

    def rows(self, sample_names: Sequence[str]) -> Any:
        """The row of each sample; the samples of a file with genotypes are named all at once."""
        rows = np.array([self._add_sample(name) for name in sample_names], np.uint32)
        self._alleles.samples_of_file(rows)
        return rows

    def write_alleles(self, observations: Sequence[Observation]) -> None:
        """Take alleles; they are written at the next `mark`."""
        for observation in observations:
            if observation.annotation is not None:
                self._note_owners(observation.annotation)
        self._alleles.add(observations, self._ontologies)

    def write_records(self, entry_type: str, records: Sequence[Record]) -> None:
        """Take records of one entry type; the last one of an id is kept."""
        operations = [
            ReplaceOne(
                {"_id": f"{self._slot}|{entry_type}|{record['id']}"},
                {
                    "l": self._slot,
                    "t": entry_type,
                    "id": record["id"],
                    "r": msgspec.json.encode(record),
                },
                upsert=True,
            )
            for record in records
        ]
        if operations:
            self._database[documents.STAGED].bulk_write(operations, ordered=True)
            self._staged = True

    def waiting(self) -> Iterator[Record]:
        """Variant records that wait for the assembly, published ones first."""
        yield from map(msgspec.json.decode, self.records(documents.WAITING))

    def mark(self, file: SourceFile, position: int) -> None:
        """Write what was handed over and remember how far the file was read."""
        self._remember_samples()
        self._alleles.flush(f"{file.digest}:{position}", max(len(self._samples), 1))
        self._positions[file.digest] = position
        self._database[documents.LOADS].update_one(
            {"_id": self._slot},
            {
                "$set": {
                    f"positions.{file.digest}": position,
                    "owner": _owner(),
                    "written": self._alleles.state(),
                }
            },
        )

    def finish(self, file: SourceFile) -> None:
        """The file was handed over whole."""
        self._finished.add(file.digest)
        self._database[documents.LOADS].update_one(
            {"_id": self._slot}, {"$addToSet": {"finished": file.digest}}
        )

    def publish(self) -> Mapping[str, int]:
        """Make this the release that is served: one write of the dataset's manifest."""
        self._remember_samples()
        self._alleles.flush("publish", max(len(self._samples), 1))
        alleles = self._alleles.finish()
        manifest = dict(self._manifest)
        new_people = (
            self._staged
            or len(self._samples) > self._published_samples
            or len(self._owners) > self._published_owners
        )
        no_longer_wait = self._assembly is not None and bool(
            self._manifest.get("counts", {}).get(documents.WAITING)
        )
        if new_people or no_longer_wait or "metadata" not in manifest:
            layer = _next_slot(self._database)
            self._database[documents.LOADS].update_one(
                {"_id": self._slot}, {"$addToSet": {"layers": layer}}
            )
            manifest["counts"] = write_layer(
                self._database, layer, self._samples, self._owners, _Records(self), self._ontologies
            )
            manifest["metadata"] = layer
        record = self._dataset_record()
        if record is not None:
            manifest["record"] = record
        release = _release(self._manifest) + 1
        manifest |= alleles
        manifest |= {
            "_id": self._dataset_id,
            "release": release,
            "files": [*manifest.get("files", []), *sorted(self._finished)],
            "updated": datetime.datetime.now(datetime.UTC),
        }
        manifest.setdefault("created", manifest["updated"])
        if self._assembly and (manifest.get("layers") or manifest.get("structural")):
            manifest["assembly"] = self._assembly
        self._replace_manifest(manifest)
        _close_load(self._database, self._slot)
        self._database[documents.STAGED].delete_many({"l": self._slot})
        counts = {key: value for key, value in manifest["counts"].items() if key != "rows"}
        return {**counts, "genomicVariant": manifest.get("observed", 0)}

    def _replace_manifest(self, manifest: dict[str, Any]) -> None:
        manifests = self._database[documents.MANIFESTS]
        base = _release(self._manifest)
        try:
            if base:
                same = {"_id": self._dataset_id, "release": base}
                replaced = manifests.replace_one(same, manifest).matched_count == 1
            else:
                manifests.insert_one(manifest)
                replaced = True
        except DuplicateKeyError:
            replaced = False
        if not replaced:
            raise LoadError(
                f'dataset "{self._dataset_id}" was loaded or dropped by somebody else meanwhile; '
                "load the files again"
            )

    def abandon(self) -> None:
        """Forget the load and what it wrote."""
        state = self._database[documents.LOADS].find_one({"_id": self._slot})
        _forget_load(self._database, state or {"_id": self._slot})

    def _add_sample(self, name: str) -> int:
        row = self._row_of.setdefault(name, len(self._samples))
        if row == len(self._samples):
            self._samples.append(name)
        return row

    def _note_owners(self, record: Record) -> None:
        """What a variant record says of whose its samples are."""
        for case in record.get("caseLevelData") or ():
            biosample, individual = case.get("biosampleId"), case.get("individualId")
            if isinstance(biosample, str) and isinstance(individual, str):
                self._owners.setdefault(biosample, individual)

    def _remember_samples(self) -> None:
        """Rows of new samples are part of what an interrupted load has written."""
        known = (len(self._samples), len(self._owners))
        if known != self._remembered:
            added = self._samples[self._published_samples :]
            write_part(self._database, self._slot, "samples", msgspec.json.encode(added))
            write_part(self._database, self._slot, "owners", msgspec.json.encode(self._owners))
            self._remembered = known

    def _read_samples(self, layer: int | None) -> tuple[list[str], dict[str, str]]:
        """The samples of a layer, in the order of rows, and whose they are where that was said."""
        if layer is None:
            return [], {}
        samples = read_part(self._database, layer, "samples")
        owners = read_part(self._database, layer, "owners")
        return (
            msgspec.json.decode(samples or b"[]", type=list[str]),
            msgspec.json.decode(owners or b"{}", type=dict[str, str]),
        )

    def _dataset_record(self) -> bytes | None:
        found = self._database[documents.STAGED].find_one({"l": self._slot, "t": "dataset"})
        return found["r"] if found else None

    def records(self, entry_type: str) -> Iterator[bytes]:
        """All records of a type: those of the published release that this load does not replace,
        then its own."""
        staged = self._database[documents.STAGED]
        mine = {found["id"] for found in staged.find({"l": self._slot, "t": entry_type}, {"id": 1})}
        layer = self._manifest.get("metadata")
        if layer is not None:
            old = self._database[documents.RECORDS].find(
                {"l": layer, "t": entry_type, "g": {"$exists": False}}, {"id": 1, "r": 1}
            )
            for found in old.sort("_id", ASCENDING):
                if found["id"] not in mine:
                    yield found["r"]
        # In the order of loading: natural order is insertion order until something is deleted, so
        # sort by id to be the same at every reading.
        for found in staged.find({"l": self._slot, "t": entry_type}, {"r": 1}).sort("_id", 1):
            yield found["r"]


class _Records(Mapping[str, Any]):
    """The records of a load by entry type; each look-up reads them afresh."""

    def __init__(self, load: MongoLoad) -> None:
        self._load = load

    def __getitem__(self, entry_type: str) -> Iterator[bytes]:
        if entry_type == documents.WAITING and self._load.assembly is not None:
            return iter(())  # they are alleles now
        return self._load.records(entry_type)

    def __iter__(self) -> Iterator[str]:
        return iter(documents.ENTRY_CODES)

    def __len__(self) -> int:
        return len(documents.ENTRY_CODES)


def _prepare(database: Documents) -> None:
    existing = set(database.list_collection_names())
    for name in _COMPRESSED:
        if name not in existing:
            database.create_collection(
                name, storageEngine={"wiredTiger": {"configString": "block_compressor=zstd"}}
            )
    for name, fields in _INDEXES:
        database[name].create_index([(field, ASCENDING) for field in fields])
    for name in (documents.ROSTER, documents.CATALOGUE, documents.TERMS, documents.ATTRIBUTES):
        database[name].create_index([("l", ASCENDING)])


def _release(manifest: Mapping[str, Any] | None) -> int:
    return int((manifest or {}).get("release", 0))


def _layers_of(manifest: Mapping[str, Any]) -> set[int]:
    """All slots and metadata layers that a manifest names."""
    named = {layer["slot"] for layer in manifest.get("layers", ())}
    named |= {
        manifest[key] for key in ("metadata", "structural", "annotations") if manifest.get(key)
    }
    return named


def _next_slot(database: Documents) -> int:
    found = database[documents.COUNTERS].find_one_and_update(
        {"_id": "slot"}, {"$inc": {"n": 1}}, upsert=True, return_document=ReturnDocument.AFTER
    )
    slot = int((found or {})["n"])
    if slot > documents.SLOT_MAX:
        raise LoadError(
            f"this database has seen {documents.SLOT_MAX} loads, the most it can number; "
            "load the datasets into a new database"
        )
    return slot


def _owner() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "seen": datetime.datetime.now(datetime.UTC).timestamp(),
    }


def _is_alive(owner: Mapping[str, Any]) -> bool:
    if owner["host"] != socket.gethostname():
        return bool(datetime.datetime.now(datetime.UTC).timestamp() - owner["seen"] < STALE_LOCK_S)
    if owner["pid"] == os.getpid():
        return False
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _close_load(database: Documents, slot: int) -> None:
    database[documents.LOADS].update_one(
        {"_id": slot},
        {"$set": {"open": False}, "$addToSet": {"layers": slot}, "$unset": {"written": ""}},
    )


def _refuse_if_alive(load: Mapping[str, Any], dataset_id: str) -> None:
    owner = load["owner"]
    if _is_alive(owner):
        raise LoadError(
            f'another load of dataset "{dataset_id}" is running (process {owner["pid"]} on '
            f"{owner['host']}); wait for it or stop it"
        )


def _forget_load(database: Documents, load: Mapping[str, Any]) -> None:
    """Delete what an unfinished load wrote."""
    for layer in (load["_id"], *load.get("layers", ())):
        _delete_layer(database, layer)
    database[documents.LOADS].delete_one({"_id": load["_id"]})


def _delete_layer(database: Documents, layer: int) -> None:
    for name in _LAYERED:
        database[name].delete_many({"l": layer})
