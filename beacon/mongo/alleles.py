"""Writing alleles: observations become blocks, structural variants and annotations of one slot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from pymongo.database import Database
from pyroaring import BitMap

from beacon.framework.source import NOBODY
from beacon.model.allele import Allele, Observation
from beacon.model.assemblies import code as chromosome_code
from beacon.model.assessment import PersonFileSaid, PlaceSaid
from beacon.model.normalisation import left_shifted
from beacon.model.ontology import Ontologies
from beacon.model.reference import Bases
from beacon.mongo import documents
from beacon.mongo.allele_keys import (
    allele_key,
    fits_block,
    is_long,
    is_typed_by_bases,
)
from beacon.mongo.annotations import catalogue_annotations, write_annotations
from beacon.mongo.assessed import Assessed
from beacon.mongo.block_merging import BlockMerging
from beacon.mongo.block_writes import BlockWrites, copy_layer
from beacon.mongo.blocks import row_set
from beacon.mongo.called import Patterns
from beacon.mongo.documents import bin_shift_for
from beacon.mongo.joining import Joining
from beacon.mongo.merging import Merging
from beacon.mongo.observed import count_observed
from beacon.mongo.packing import NOT_STATED
from beacon.mongo.presence import present
from beacon.mongo.revisiting import Revisiting
from beacon.mongo.stored import copy_patterns
from beacon.mongo.structural_writes import write_structural

U32 = npt.NDArray[np.uint32]
Documents = Database[dict[str, Any]]


class AlleleWriter:
    """Gathers observations until `flush`, then merges and writes them.

    Args:
        part: Which part of the slot it writes, where several processes write to it.
    """

    def __init__(
        self,
        database: Documents,
        slot: int,
        manifest: Mapping[str, Any],
        state: Mapping[str, Any],
        part: str = "",
    ) -> None:
        self._database = database
        self._slot = slot
        self._manifest = manifest
        self._shift: int | None = manifest.get("shift") or state.get("shift")
        self._samples: BitMap | None = None
        self._merging = Merging()
        self._assessed = Assessed(database, manifest.get("assessed", ()))
        self._joining = Joining(self._merging, self._assessed)
        self._patterns = Patterns(slot)
        self._populations: list[str] = list(
            state.get("populations") or manifest.get("populations", ())
        )
        has_alleles = manifest.get("layers") or manifest.get("structural")
        known = manifest.get("normalised") if has_alleles else None
        self._normalised: bool | None = state.get("normalised", known)
        self._bases: Bases | None = None
        self.are_shifted = False
        self._population_of: npt.NDArray[np.int64] | None = None
        self._is_in_order = False
        self._codes: set[int] = set(state.get("codes", ()))
        self._older: dict[int, list[int]] = {}
        for layer in manifest.get("layers", ()):
            for code in layer["codes"]:
                self._older.setdefault(code, []).append(layer["slot"])
        self._bins: dict[tuple[int, int], tuple[list[Observation], list[BitMap | None]]] = {}
        self._bulky: list[tuple[str, Observation, BitMap | None]] = []
        self._annotated: list[tuple[Allele, Mapping[str, Any], bool]] = []
        self._has: dict[str, bool] = {
            "structural": bool(state.get("structural")),
            "annotations": bool(state.get("annotations")),
        }
        self._long_alleles = bool(state.get("long_alleles") or manifest.get("long_alleles"))
        self._typed_alleles = bool(state.get("typed_alleles") or manifest.get("typed_alleles"))
        self._ontologies = Ontologies()
        self._writes = BlockWrites(database, slot, part)
        self._writes.recover()
        self._blocks = BlockMerging(
            database,
            slot,
            self._older,
            self._merging,
            self._joining,
            self._patterns,
            self._writes,
        )

    def samples_of_file(self, rows: U32) -> None:
        """The rows of a file's samples: whom the alleles that follow speak for."""
        self._samples = row_set(rows[rows != NOBODY])

    def assess(self, layer: int, said: Iterable[PersonFileSaid | PlaceSaid]) -> list[str]:
        """Take where the people of this load were looked at, see `Load.assess`.

        Args:
            layer: Where to keep it.
        """
        self._joining.is_of_people = True
        return self._assessed.add(layer, said)

    def shift_by(self, bases: Bases) -> None:
        """Move insertions and deletions as far left as the reference sequence lets them."""
        self._bases = bases

    def populations(self, names: Sequence[str]) -> None:
        """Name what the strata of this load count."""
        for name in names:
            if name not in self._populations:
                self._populations.append(name)
        self._population_of = np.array([self._populations.index(name) for name in names], np.int64)
        self._is_in_order = self._populations == list(names)

    def left_shifted(self, *, all_of_them: bool) -> None:
        """Note whether this load's alleles are as far left as they can be when they come."""
        self.are_shifted = all_of_them

    def share(self, samples: int, *, has_annotations: bool) -> bool:
        """Settle what several writers of one slot have to agree on; false if they cannot."""
        if self._bases is not None and not self.are_shifted:
            return False  # alleles would be moved from one part to another
        self._shift = self._shift or bin_shift_for(samples)
        if self._manifest.get("structural"):
            self._copy_forward("structural", documents.STRUCTURAL)
        if has_annotations and self._manifest.get("annotations"):
            self._copy_forward("annotations", documents.ANNOTATIONS)
        return True

    def adopt(self, state: Mapping[str, Any]) -> None:
        """Take over what another writer of this slot has written, by its `state`."""
        self._codes.update(state["codes"])
        for key in self._has:
            self._has[key] |= state[key]
        self._long_alleles |= state["long_alleles"]
        self._typed_alleles |= state["typed_alleles"]
        if state["normalised"] is not None:
            self._normalised = state["normalised"] and self._normalised is not False

    def state(self) -> dict[str, Any]:
        """What a load that is taken up again has to know."""
        return {
            "shift": self._shift,
            "populations": self._populations,
            "normalised": self._normalised,
            "codes": sorted(self._codes),
            "long_alleles": self._long_alleles,
            "typed_alleles": self._typed_alleles,
            **self._has,
        }

    def add(self, observations: Sequence[Observation], ontologies: Ontologies) -> None:
        """Take observations; nothing is written yet."""
        self._ontologies = ontologies
        shift = self._shift = self._shift or bin_shift_for(len(self._samples or ()))
        speaking = self._samples
        # One load that was not shifted is enough for a shifted question to miss what it brought.
        shifted = self.are_shifted or self._bases is not None
        self._normalised = shifted and self._normalised is not False
        if self._bases is not None and not self.are_shifted:
            observations = [_shifted(one, self._bases) for one in observations]
        bins = self._bins
        name, code = "", 0
        for observation in observations:
            allele = observation.allele
            if observation.annotation is not None:
                self._annotated.append((allele, observation.annotation, observation.asserted))
            if observation.strata is not None:
                observation = self._of_dataset(observation)
            # Records that name carriers one by one speak for nobody else.
            samples = None if observation.called is None else speaking
            if observation.samples is not None:
                samples = row_set(observation.samples)
            if fits_block(allele):
                if allele.reference_name != name:
                    name, code = allele.reference_name, chromosome_code(allele.reference_name)
                key = (code, allele.start >> shift)
                of_bin = bins.get(key)
                if of_bin is None:
                    of_bin = bins[key] = ([], [])
                of_bin[0].append(observation)
                of_bin[1].append(samples)
            else:
                self._bulky.append((allele_key(allele), observation, samples))
                if not allele.structural:
                    self._long_alleles |= is_long(allele.reference_bases, allele.alternate_bases)
                    self._typed_alleles |= not is_typed_by_bases(allele)

    def flush(self, stamp: str, rows: int) -> None:
        """Write everything that was added.

        Args:
            stamp: Names this flush, the same when the load is taken up again.
            rows: Rows of the dataset.
        """
        # Of this load alone: what another one wrote was not written by this.
        stamp = hashlib.blake2b(f"{self._slot}|{stamp}".encode(), digest_size=8).hexdigest()
        if self._bins:
            self._codes |= {code for code, _ in self._bins}
            self._blocks.flush(self._bins, self._shift or 0, stamp, rows)
            self._bins = {}
        if self._bulky:
            self._copy_forward("structural", documents.STRUCTURAL)
            write_structural(
                self._database,
                self._slot,
                self._merging,
                self._joining.listed,
                self._patterns,
                stamp,
                self._bulky,
                self._blocks.called_in,
            )
            self._writes.write_patterns(self._patterns.drain())
            self._bulky = []
        if self._annotated:
            self._copy_forward("annotations", documents.ANNOTATIONS)
            write_annotations(self._database, self._slot, self._annotated, self._ontologies)
            self._annotated = []

    def revisit(self, rows: int) -> None:
        """Look again at alleles that the load has not, for the people of its files.

        Args:
            rows: Rows of the dataset.
        """
        layers = self._manifest.get("layers", ())
        if not self._joining.is_of_people:
            return
        revisiting = Revisiting(
            self._database,
            self._slot,
            self._joining,
            self._assessed,
            self._patterns,
            self._writes,
            self._blocks.called_in,
            rows,
        )
        if layers:
            slots_of = {code: {*slots, self._slot} for code, slots in self._older.items()}
            self._codes |= revisiting.blocks(self._shift or 0, slots_of)
        if self._manifest.get("structural"):
            layer = self._slot if self._has["structural"] else self._manifest["structural"]
            revisiting.structural(
                layer, lambda: self._copy_forward("structural", documents.STRUCTURAL)
            )

    def finish(self) -> dict[str, Any]:
        """What the manifest has to say of the alleles."""
        layers = list(self._manifest.get("layers", ()))
        if self._codes:
            layers.append({"slot": self._slot, "codes": sorted(self._codes)})
        named: dict[str, Any] = {
            "layers": layers,
            "shift": self._shift,
            "populations": self._populations,
            "normalised": bool(self._normalised),
            "long_alleles": self._long_alleles,
            "typed_alleles": self._typed_alleles,
        }
        if self._assessed.layers:
            named["assessed"] = self._assessed.layers
        for key, written in self._has.items():
            if written:
                named[key] = self._slot
        if self._has["annotations"]:
            catalogue_annotations(self._database, self._slot, self._ontologies)
        return named | count_observed(self._database, {**self._manifest, **named})

    def _of_dataset(self, observation: Observation) -> Observation:
        """The observation with its counts in the order of the dataset's populations."""
        if self._population_of is None or observation.strata is None:
            raise ValueError("the populations of the counts were not named")
        if self._is_in_order:
            return observation
        strata = np.full((len(self._populations), 5), NOT_STATED, np.int64)
        strata[self._population_of] = observation.strata
        return msgspec.structs.replace(observation, strata=strata)

    def annotate(
        self, annotations: Sequence[tuple[Allele, Mapping[str, Any]]], ontologies: Ontologies
    ) -> int:
        """Take annotations of those alleles that the dataset has, and count them."""
        self._ontologies = ontologies
        present = self._present([allele for allele, _ in annotations])
        if self._bases is not None and not all(present):
            # As they are written first: earlier loads may not have been shifted.
            bases = self._bases
            annotations = [
                (allele if is_there else left_shifted(allele, bases), said)
                for (allele, said), is_there in zip(annotations, present, strict=True)
            ]
            present = self._present([allele for allele, _ in annotations])
        for (allele, annotation), is_there in zip(annotations, present, strict=True):
            if is_there:
                self._annotated.append((allele, annotation, False))
        return sum(present)

    def _present(self, alleles: Sequence[Allele]) -> list[bool]:
        return present(self._database, self._manifest, self._older, alleles)

    def _copy_forward(self, key: str, collection: str) -> None:
        """Begin this slot's collection with what the published one has, once a load."""
        if self._has[key]:
            return
        old = self._manifest.get(key)
        if old:
            copy_layer(self._database, collection, old, self._slot)
            if collection == documents.STRUCTURAL:
                copy_patterns(self._database, old, self._slot)
        self._has[key] = True


def _shifted(observation: Observation, bases: Bases) -> Observation:
    allele = left_shifted(observation.allele, bases)
    if allele is observation.allele:
        return observation
    return msgspec.structs.replace(observation, allele=allele)
