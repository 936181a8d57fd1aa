"""A sink that keeps what it is given in memory: the simplest thing that is a `Sink`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from beacon.framework.answer import Record
from beacon.framework.errors import LoadError
from beacon.framework.source import SourceFile
from beacon.load.genes import Genes
from beacon.model.allele import Allele, Observation
from beacon.model.ontology import Ontology


@dataclass
class Release:
    assembly: str | None = None
    files: set[str] = field(default_factory=set)
    samples: dict[str, int] = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)
    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    populations: list[str] = field(default_factory=list)
    annotations: list[tuple[Allele, Mapping[str, Any]]] = field(default_factory=list)
    is_left_shifted: bool = False
    said: list[Any] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        counts = Counter({kind: len(records) for kind, records in self.records.items()})
        counts["genomicVariant"] = len({one.allele for one in self.observations})
        return dict(counts)

    def copy(self) -> Release:
        return Release(
            self.assembly,
            set(self.files),
            dict(self.samples),
            list(self.observations),
            {kind: dict(records) for kind, records in self.records.items()},
            list(self.populations),
            list(self.annotations),
            self.is_left_shifted,
            list(self.said),
        )


@dataclass
class MemoryLoad:
    sink: MemorySink
    dataset_id: str
    release: Release
    positions: dict[str, int] = field(default_factory=dict)
    pending: list[Observation] = field(default_factory=list)
    stop_after_mark: int | None = None
    """Marks after which a test pulls the plug."""

    @property
    def assembly(self) -> str | None:
        return self.release.assembly

    def is_loaded(self, file: SourceFile) -> bool:
        published = self.sink.published.get(self.dataset_id)
        return published is not None and file.digest in published.files

    def position(self, file: SourceFile) -> int:
        return self.positions.get(file.digest, 0)

    def rows(self, sample_names: Sequence[str]) -> Any:
        samples = self.release.samples
        rows = [samples.setdefault(name, len(samples)) for name in sample_names]
        return np.array(rows, dtype=np.uint32)

    def write_alleles(self, observations: Sequence[Observation]) -> None:
        self.pending += observations

    def write_records(self, entry_type: str, records: Sequence[Record]) -> None:
        known = self.release.records.setdefault(entry_type, {})
        known.update({record["id"]: record for record in records})

    def record(self, entry_type: str, entry_id: str) -> Record | None:
        return self.release.records.get(entry_type, {}).get(entry_id)

    def populations(self, names: Sequence[str]) -> None:
        self.release.populations = list(names)

    def assess(self, said: Iterable[Any]) -> Sequence[str]:
        self.release.said += list(said)
        return []

    def left_shifted(self, *, all_of_them: bool) -> None:
        self.release.is_left_shifted = all_of_them

    def annotate(self, annotations: Sequence[tuple[Allele, Mapping[str, Any]]]) -> int:
        present = {one.allele for one in self.release.observations}
        found = [(allele, said) for allele, said in annotations if allele in present]
        self.release.annotations += found
        return len(found)

    def has_withdrawn(self, entry_type: str, record: Record) -> bool:
        return False

    def waiting(self) -> Iterator[Record]:
        yield from self.release.records.get("genomicVariant", {}).values()

    def mark(self, file: SourceFile, position: int) -> None:
        self.flush()
        self.positions[file.digest] = position
        if self.stop_after_mark is not None:
            self.stop_after_mark -= 1
            if self.stop_after_mark == 0:
                self.stop_after_mark = None
                self.pending.clear()
                raise KeyboardInterrupt

    def finish(self, file: SourceFile) -> None:
        self.flush()
        self.release.files.add(file.digest)

    def publish(self) -> Mapping[str, int]:
        self.flush()
        if self.assembly is not None:
            self.release.records.pop("genomicVariant", None)
        del self.sink.open_loads[self.dataset_id]
        self.sink.published[self.dataset_id] = self.release
        return self.release.counts()

    def abandon(self) -> None:
        del self.sink.open_loads[self.dataset_id]

    def flush(self) -> None:
        self.release.observations += self.pending
        self.pending.clear()


@dataclass
class MemorySink:
    published: dict[str, Release] = field(default_factory=dict)
    open_loads: dict[str, MemoryLoad] = field(default_factory=dict)
    ontologies: dict[str, Ontology] = field(default_factory=dict)
    genes: dict[str, tuple[Genes, str]] = field(default_factory=dict)
    stop_after_mark: int | None = None

    def open(
        self, dataset_id: str, *, assembly: str | None, files: Sequence[SourceFile]
    ) -> MemoryLoad:
        release = self.published.get(dataset_id, Release(assembly)).copy()
        if assembly and release.assembly and assembly != release.assembly:
            raise LoadError(f"{dataset_id} is on {release.assembly}")
        release.assembly = assembly or release.assembly
        load = self.open_loads.get(dataset_id)
        if load is None:
            load = MemoryLoad(self, dataset_id, release, stop_after_mark=self.stop_after_mark)
            self.open_loads[dataset_id] = load
        return load

    def described_ontologies(self) -> frozenset[str]:
        return frozenset(name for name, one in self.ontologies.items() if one.described)

    def ontology_versions(self) -> Mapping[str, str]:
        return {prefix: one.resource.version or "" for prefix, one in self.ontologies.items()}

    def put_ontology(self, ontology: Ontology) -> None:
        self.ontologies[ontology.resource.namespace_prefix or ""] = ontology

    def gene_versions(self) -> Mapping[str, str]:
        return {assembly: version for assembly, (_, version) in self.genes.items()}

    def put_genes(self, assembly: str, genes: Genes, version: str) -> None:
        self.genes[assembly] = (genes, version)

    def carriers(self, dataset_id: str, allele: Allele) -> dict[str, int]:
        """Sample name → zygosity code of everybody who carries the allele."""
        release = self.published[dataset_id]
        names = {row: name for name, row in release.samples.items()}
        return {
            names[int(row)]: int(code)
            for one in release.observations
            if one.allele == allele
            for row, code in zip(one.rows, one.zygosity, strict=True)
        }
