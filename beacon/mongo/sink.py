"""Where loads go: opens them, drops datasets, and keeps ontologies and gene tables."""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from pymongo import ASCENDING
from pymongo.database import Database

from beacon.framework.errors import LoadError
from beacon.framework.source import SourceFile
from beacon.model.ontology import Ontologies, Ontology
from beacon.model.reference import Bases
from beacon.mongo import documents
from beacon.mongo.barred import Barred
from beacon.mongo.history import mark_dropped, release_of
from beacon.mongo.indexes import prepare
from beacon.mongo.load_register import (
    collect_garbage,
    forget_load,
    next_slot,
    owner,
    refuse_if_alive,
    settle,
)
from beacon.mongo.open_load import MongoLoad
from beacon.mongo.reference import ontologies_from, reference_from

Documents = Database[dict[str, Any]]

NOTICED_WITHIN_S = 2.0
"""Servers know of a new release by then."""
_REFERENCE_CHUNK = 8 << 20


class MongoSink:
    """The write side of one database.

    Args:
        grace_s: How long layers outlive the release that named them: longer than servers take to
            notice a new release and to end the answers that they began before.
        keep: How many releases before the served one are kept.
        serve: Whether loads are served once they are whole, or kept unpublished.
        uri: The connection string, for loads that several processes share; without it they do not.
    """

    def __init__(
        self,
        database: Documents,
        *,
        grace_s: float = 15.0,
        keep: int = 2,
        serve: bool = True,
        uri: str | None = None,
    ) -> None:
        self._database = database
        self._grace_s = grace_s
        self._keep, self._serve, self._uri = keep, serve, uri
        self._bases: Mapping[str, Bases] = {}
        prepare(database)

    def shift_by(self, bases: Mapping[str, Bases]) -> None:
        """Move insertions and deletions of all loads as far left as they can be.

        Args:
            bases: The reference sequences, by assembly.
        """
        self._bases = bases

    def open(
        self, dataset_id: str, *, assembly: str | None, files: Sequence[SourceFile]
    ) -> MongoLoad:
        """Open a load of one dataset, or take up the one of the same files that was interrupted."""
        loads = self._database[documents.LOADS]
        for found in loads.find({"dataset": dataset_id, "open": True}):
            refuse_if_alive(found, dataset_id)
            settle(self._database, found)
        manifest = self._database[documents.MANIFESTS].find_one({"_id": dataset_id})
        known = (manifest or {}).get("assembly")
        if assembly and known and assembly != known:
            raise LoadError(
                f'dataset "{dataset_id}" is on {known}, this load is on {assembly}; '
                "load it into a dataset of its own"
            )
        collect_garbage(self._database, self._grace_s)
        digests = sorted({file.digest for file in files})
        slot = None
        for found in loads.find({"dataset": dataset_id, "open": True}):
            if found["digests"] == digests and found["base"] == release_of(manifest):
                slot = found["_id"]
            else:
                forget_load(self._database, found)
        holder = owner()
        if slot is None:
            slot = next_slot(self._database)
            loads.insert_one(
                {
                    "_id": slot,
                    "dataset": dataset_id,
                    "open": True,
                    "digests": digests,
                    "base": release_of(manifest),
                    "owner": holder,
                    "positions": {},
                    "finished": [],
                    "written": {},
                }
            )
        else:
            loads.update_one({"_id": slot}, {"$set": {"owner": holder}})
        if Barred(self._database, dataset_id).pending:
            forget_load(self._database, {"_id": slot})
            raise LoadError(
                f'people are being withdrawn from dataset "{dataset_id}"; wait for it or, should '
                f"it have been interrupted, finish it: beacon datasets withdraw {dataset_id}"
            )
        return MongoLoad(
            self._database,
            dataset_id,
            slot,
            manifest,
            assembly,
            self.ontologies(),
            serve=self._serve,
            keep=self._keep,
            bases=self._bases.get(assembly or known or ""),
            uri=self._uri,
        )

    def drop(self, dataset_id: str) -> bool:
        """Take a dataset out of every answer, then delete all of it; false when there is none.

        Between the two it waits until whoever began an answer from it must have ended.

        Raises:
            LoadError: The dataset is being loaded.
        """
        loads = list(self._database[documents.LOADS].find({"dataset": dataset_id, "open": True}))
        for load in loads:
            refuse_if_alive(load, dataset_id)
        for load in loads:
            if not settle(self._database, load):
                forget_load(self._database, load)
        barred = Barred(self._database, dataset_id)
        if barred.pending:
            barred.finish()  # nothing will be left to take anybody out of
        was_kept = mark_dropped(self._database, dataset_id)
        found = self._database[documents.MANIFESTS].delete_one({"_id": dataset_id})
        if found.deleted_count or was_kept:
            collect_garbage(self._database, self._grace_s)
            time.sleep(self._grace_s)
        collect_garbage(self._database, self._grace_s)
        return found.deleted_count > 0 or was_kept

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
                    "described": ontology.described,
                }
            ),
            described=bool(ontology.described),
        )

    def described_ontologies(self) -> frozenset[str]:
        """Prefixes of the stored ontologies of which it is known what their terms are known of."""
        asked = {"kind": "ontology", "part": 0, "described": True}
        found = self._database[documents.REFERENCE].find(asked, {"name": 1})
        return frozenset(document["name"] for document in found)

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

    def _put_reference(
        self, kind: str, name: str, version: str, data: bytes, *, described: bool = False
    ) -> None:
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
                **({"described": True} if described else {}),
            }
            for part, chunk in reversed(list(enumerate(chunks)))  # part 0, which is asked for, last
        )
