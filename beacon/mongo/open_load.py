"""One release of a dataset in the making: records and alleles go to layers of their own."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from pymongo import ASCENDING, ReplaceOne
from pymongo.database import Database

from beacon.framework.answer import Record
from beacon.framework.errors import LoadError
from beacon.framework.source import NOBODY, SourceFile
from beacon.model.allele import Observation
from beacon.model.assessment import PersonFileSaid, PlaceSaid
from beacon.model.ontology import Ontologies
from beacon.model.reference import Bases
from beacon.mongo import documents
from beacon.mongo.alleles import AlleleWriter
from beacon.mongo.barred import (
    BIOSAMPLE,
    INDIVIDUAL,
    Barred,
    links_of,
    names_gone,
    variant_without_gone,
    waiting_without_gone,
    without_gone,
)
from beacon.mongo.history import keep_release, number_release, prune, serve_release
from beacon.mongo.joined_load import JoinToken, Sharing
from beacon.mongo.load_records import LoadRecords
from beacon.mongo.load_register import (
    close_load,
    forget_load,
    next_slot,
    owner,
)
from beacon.mongo.load_samples import LoadSamples
from beacon.mongo.people import write_layer

Documents = Database[dict[str, Any]]


class MongoLoad:
    """One open load. Blocks and records go to a slot of their own; the manifest is written last.

    Args:
        serve: Whether the release is served once it is whole, or kept for later.
        keep: How many releases before the served one are kept.
        bases: The reference sequence, to move insertions and deletions along.
        uri: The connection string, if other processes may join.
    """

    def __init__(
        self,
        database: Documents,
        dataset_id: str,
        slot: int,
        manifest: dict[str, Any] | None,
        assembly: str | None,
        ontologies: Ontologies,
        *,
        serve: bool = True,
        keep: int = 2,
        bases: Bases | None = None,
        uri: str | None = None,
    ) -> None:
        self._database = database
        self._serve, self._keep = serve, keep
        self._barred = Barred(database, dataset_id)
        self._dataset_id = dataset_id
        self._slot = slot
        self._manifest = manifest or {}
        self._assembly = assembly or self._manifest.get("assembly")
        self._ontologies = ontologies
        state = database[documents.LOADS].find_one({"_id": slot}) or {}
        self._positions: dict[str, int] = dict(state.get("positions", {}))
        self._finished: set[str] = set(state.get("finished", ()))
        self._files: list[str] = []
        self._samples = LoadSamples(database, slot, self._manifest.get("metadata"))
        self._alleles = AlleleWriter(database, slot, self._manifest, state.get("written", {}))
        if bases is not None:
            self._alleles.shift_by(bases)
        records = {"l": slot, "t": {"$in": [*documents.ENTRY_CODES]}}
        self._staged = database[documents.STAGED].find_one(records) is not None
        self._uri, self._sharing = uri, Sharing(database, slot)

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
        rows = np.array(
            [NOBODY if self._is_barred(name) else self._samples.add(name) for name in sample_names],
            np.uint32,
        )
        self._alleles.samples_of_file(rows)
        return rows

    def has_withdrawn(self, entry_type: str, record: Record) -> bool:
        """Whether a record is of somebody who has withdrawn; then it is not loaded."""
        barred = self._barred
        if not barred or not names_gone(entry_type, record, barred.holds):
            return False
        for link in links_of(record):
            if barred.holds(link):
                barred.join(link, (entry_type, str(record["id"])))
        return True

    def write_alleles(self, observations: Sequence[Observation]) -> None:
        """Take alleles; they are written at the next `mark`."""
        if self._barred:
            freed = (self._without_barred(one) for one in observations)
            observations = [one for one in freed if one is not None]
        for observation in observations:
            if observation.annotation is not None:
                self._samples.note_owners(observation.annotation)
        self._alleles.add(observations, self._ontologies)

    def populations(self, names: Sequence[str]) -> None:
        """Name what `Observation.strata` counts."""
        self._alleles.populations(names)

    def annotate(self, annotations: Sequence[tuple[Any, Mapping[str, Any]]]) -> int:
        """Add to what is said of alleles; written at the next `mark`."""
        return self._alleles.annotate(annotations, self._ontologies)

    def assess(self, said: Iterable[PersonFileSaid | PlaceSaid]) -> list[str]:
        """Take where people of single files were looked at; kept in a layer of its own."""
        loads = self._database[documents.LOADS]
        layer = (loads.find_one({"_id": self._slot}) or {}).get("assessed")
        if layer is None:
            layer = next_slot(self._database)
            loads.update_one(
                {"_id": self._slot},
                {"$set": {"assessed": layer}, "$addToSet": {"layers": layer}},
            )
        self._samples.remember()
        return self._alleles.assess(layer, said)

    def left_shifted(self, *, all_of_them: bool) -> None:
        """Whether the insertions and deletions of this load are as far left as they can be."""
        self._alleles.left_shifted(all_of_them=all_of_them)

    def record(self, entry_type: str, entry_id: str) -> Record | None:
        """A record as this load would publish it now."""
        asked: dict[str, Any] = {"t": entry_type, "id": entry_id}
        found = self._database[documents.STAGED].find_one({"l": self._slot, **asked})
        layer = self._manifest.get("metadata")
        if found is None and layer is not None:
            found = self._database[documents.RECORDS].find_one(
                {"l": layer, **asked, "g": {"$exists": False}}
            )
        return None if found is None else msgspec.json.decode(found["r"])

    def write_records(self, entry_type: str, records: Sequence[Record]) -> None:
        """Take records of one entry type; the last one of an id is kept."""
        if self._barred:
            free = waiting_without_gone if entry_type == documents.WAITING else without_gone
            freed = (
                free(record, self._barred.holds)
                for record in records
                if not self.has_withdrawn(entry_type, record)
            )
            records = [record for record in freed if record is not None]
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
        self._samples.remember()
        self._alleles.flush(f"{file.digest}:{position}", self._samples.rows)
        self._positions[file.digest] = position
        self._database[documents.LOADS].update_one(
            {"_id": self._slot},
            {
                "$set": {
                    f"positions.{file.digest}": position,
                    "owner": owner(),
                    "written": self._alleles.state(),
                }
            },
        )

    def plan(self) -> bytes | None:
        """How this load was cut into parts for several processes, if it was."""
        return self._sharing.plan()

    def share(self, plan: bytes, *, samples: int, has_annotations: bool) -> JoinToken | None:
        """Let other processes join; `None` if they cannot."""
        if self._uri is None:
            return None
        self._samples.remember()
        known = (self._manifest, self._alleles, self._samples.rows)
        return self._sharing.begin(self._uri, plan, *known, samples, has_annotations)

    def accounts(self) -> Mapping[str, bytes]:
        """The account of each part that was handed over whole."""
        return self._sharing.accounts(self._alleles)

    def finish(self, file: SourceFile) -> None:
        """The file was handed over whole."""
        self._files.append(file.name)
        self._finished.add(file.digest)
        self._database[documents.LOADS].update_one(
            {"_id": self._slot}, {"$addToSet": {"finished": file.digest}}
        )

    def publish(self) -> Mapping[str, int]:
        """Make this the release that is served: one write of the dataset's manifest.

        Or keep it unpublished, if the load was opened so.
        """
        self._samples.remember()
        self._alleles.flush("publish", self._samples.rows)
        self._alleles.revisit(self._samples.rows)
        alleles = self._alleles.finish()
        manifest = dict(self._manifest)
        new_people = self._staged or self._samples.has_new
        no_longer_wait = self._assembly is not None and bool(
            self._manifest.get("counts", {}).get(documents.WAITING)
        )
        if new_people or no_longer_wait or "metadata" not in manifest:
            layer = next_slot(self._database)
            self._database[documents.LOADS].update_one(
                {"_id": self._slot}, {"$addToSet": {"layers": layer}}
            )
            records = LoadRecords(self.records, has_assembly=self._assembly is not None)
            manifest["counts"] = write_layer(
                self._database,
                layer,
                self._samples.names,
                self._samples.owners,
                records,
                self._ontologies,
            )
            manifest["metadata"] = layer
            manifest["empty_rows"] = self._samples.names.count("")
        record = self._dataset_record()
        if record is not None:
            manifest["record"] = record
        release = number_release(self._database, self._dataset_id, self._slot)
        manifest |= alleles
        manifest |= {
            "_id": self._dataset_id,
            "release": release,
            "files": list(dict.fromkeys((*manifest.get("files", []), *sorted(self._finished)))),
            "updated": datetime.datetime.now(datetime.UTC),
        }
        manifest.setdefault("created", manifest["updated"])
        if self._assembly and (manifest.get("layers") or manifest.get("structural")):
            manifest["assembly"] = self._assembly
        keep_release(
            self._database,
            manifest,
            self._manifest,
            slot=self._slot,
            kind="load",
            serve=self._serve,
            files=self._files,
        )
        if self._serve:
            self._replace_manifest(manifest)
        self._database[documents.STAGED].delete_many({"l": self._slot})
        close_load(self._database, self._slot)
        if self._serve:
            prune(self._database, self._dataset_id, self._keep)
        counts = {key: value for key, value in manifest["counts"].items() if key != "rows"}
        return {**counts, "genomicVariant": manifest.get("observed", 0)}

    def _replace_manifest(self, manifest: dict[str, Any]) -> None:
        if not serve_release(self._database, manifest, self._manifest):
            raise LoadError(
                f'dataset "{self._dataset_id}" was loaded, rolled back or dropped by somebody else '
                "meanwhile; load the files again"
            )

    def abandon(self) -> None:
        """Forget the load and what it wrote."""
        state = self._database[documents.LOADS].find_one({"_id": self._slot})
        forget_load(self._database, state or {"_id": self._slot})

    def _is_barred(self, sample: str) -> bool:
        """Whether a sample is of somebody who has withdrawn; see `roster.build_roster`."""
        barred = self._barred
        if not barred or barred.holds((BIOSAMPLE, sample)):
            return bool(barred)
        return barred.holds((INDIVIDUAL, sample)) and self.record(BIOSAMPLE, sample) is None

    def _without_barred(self, observation: Observation) -> Observation | None:
        """An observation whose record names nobody who has withdrawn, nor new samples of theirs.

        `None` when the record names nobody else.
        """
        record = observation.annotation
        if record is None:
            return observation
        gone = []
        for case in record.get("caseLevelData") or ():
            biosample, owner = case.get("biosampleId"), (INDIVIDUAL, case.get("individualId"))
            if isinstance(biosample, str) and self._barred.holds(owner):
                self._barred.join(owner, (BIOSAMPLE, biosample))
                row = self._samples.take_back(biosample)
                if row is not None:
                    gone.append(row)
        kept = ~np.isin(observation.rows, [*gone, NOBODY])
        annotation = variant_without_gone(record, self._barred.holds)
        if annotation is None:
            return None
        return msgspec.structs.replace(
            observation,
            annotation=annotation,
            rows=observation.rows[kept],
            zygosity=observation.zygosity[kept],
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
