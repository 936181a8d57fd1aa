"""The demo, written once for all tests of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cyvcf2
import pytest

from beacon.demo import DemoFiles, write_demo

FILES = {
    "dataset": "datasets",
    "cohort": "cohorts",
    "individual": "individuals",
    "biosample": "biosamples",
    "run": "runs",
    "analysis": "analyses",
    "genomicVariant": "genomicVariations",
}


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset of the demo, read back: records by entry type, carriers by VCF allele."""

    id: str
    records: dict[str, list[dict[str, Any]]]
    samples: list[str]
    people_of: dict[str, str]
    carriers: dict[tuple[str, int, str, str], dict[str, tuple[int, ...]]]

    def people_with(self, name: str, pos: int, ref: str, alt: str) -> set[str]:
        found = self.carriers.get((name, pos, ref, alt), {})
        return {self.people_of.get(sample, sample) for sample in found}

    def people_who_have(self, term: str) -> set[str]:
        return {
            individual["id"]
            for individual in self.records["individual"]
            for feature in individual.get("phenotypicFeatures", ())
            if feature["featureType"]["id"] == term and not feature.get("excluded")
        }


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    return write_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def demo(demo_files: DemoFiles) -> dict[str, Dataset]:
    return {one.id: _read(one.id, one.vcf, one.bff) for one in demo_files.datasets}


def _read(dataset_id: str, vcf: Path, bff: Path) -> Dataset:
    records = {
        entry_type: json.loads((bff / f"{name}.json").read_text(encoding="utf-8"))
        for entry_type, name in FILES.items()
    }
    reader = cyvcf2.VCF(str(vcf))
    samples = list(reader.samples)
    carriers = {}
    for line in reader:
        for number, alt in enumerate(line.ALT, start=1):
            name = line.CHROM.removeprefix("chr").replace("MT", "M").replace("M", "MT")
            carriers[name, line.POS, line.REF, alt] = {
                sample: tuple(genotype[:-1])
                for sample, genotype in zip(samples, line.genotypes, strict=True)
                if number in genotype[:-1]
            }
    reader.close()
    people_of = {sample["id"]: sample["individualId"] for sample in records["biosample"]}
    return Dataset(dataset_id, records, samples, people_of, carriers)
