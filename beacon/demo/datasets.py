"""The home of the demo's datasets: what they are, and the files that a load takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from beacon.demo.families import Person, population_people, rare_disease_people
from beacon.demo.genotypes import Population, Site, VcfWriter, sites
from beacon.demo.known_alleles import KNOWN_ALLELES
from beacon.demo.records import Records, biosample_id, records
from beacon.demo.variants import ASSEMBLY

SEED = 20260101

RARE_DISEASE = "demo-rare-disease"
POPULATION = "demo-population"
HIDDEN = "demo-hidden"

_SITES_PER_GENE = 75
_INVENTED = (
    "All people are invented. Published alleles have their true GRCh38 coordinates; the other "
    "variants lie within real genes at invented positions, with invented reference bases."
)
_FILE_OF = {
    "dataset": "datasets",
    "cohort": "cohorts",
    "individual": "individuals",
    "biosample": "biosamples",
    "run": "runs",
    "analysis": "analyses",
    "genomicVariant": "genomicVariations",
}
_DUO = {
    "general": ("DUO:0000042", "general research use"),
    "biomedical": ("DUO:0000006", "health or medical or biomedical research"),
    "disease": ("DUO:0000007", "disease specific research"),
    "non-profit": ("DUO:0000018", "not for profit, non commercial use only"),
    "ethics": ("DUO:0000021", "ethics approval required"),
}


class DemoDataset(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one dataset: a VCF with genotypes and a folder of BFF files."""

    id: str
    assembly: str
    vcf: Path
    bff: Path


class DemoFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was written. `settings` is the text of a settings file, TOML."""

    datasets: tuple[DemoDataset, ...]
    settings: str


def write_demo(folder: Path, seed: int = SEED) -> DemoFiles:
    """Write the demo: three datasets and the policy that fits them.

    The same seed gives the same files, byte for byte.

    Args:
        folder: Made if it is missing; files of an earlier demo are replaced.
        seed: Another seed gives other people.
    """
    rng = np.random.default_rng(seed)
    shared = sites(rng, _SITES_PER_GENE)
    rare = rare_disease_people(rng, 1000)
    few = [site for number, site in enumerate(shared) if site.key or number % 25 == 0]
    datasets = (
        _write(
            rng, folder / RARE_DISEASE, RARE_DISEASE, rare, shared, prefix="chr", by_biosample=True
        ),
        _write(rng, folder / POPULATION, POPULATION, population_people(rng, 2000, "POP"), shared),
        _write(rng, folder / HIDDEN, HIDDEN, population_people(rng, 40, "HID"), few),
    )
    return DemoFiles(datasets=datasets, settings=SETTINGS)


SETTINGS = f"""\
[identity]
id = "org.example.demo"
name = "Demo Beacon"
description = "{_INVENTED}"
environment = "test"

[limits]
default_granularity = "record"

# Everything about this dataset is public: its people are invented.
[policy.datasets.{RARE_DISEASE}.public]
"*" = "record"

# Of this one anybody may learn numbers, and what the dataset is.
[policy.datasets.{POPULATION}.public]
"*" = "count"
dataset = "record"
cohort = "record"

# "{HIDDEN}" is loaded too. It has no rule, so it does not exist for any caller.
"""


def _write(
    rng: np.random.Generator,
    folder: Path,
    dataset_id: str,
    people: Sequence[Person],
    lines: Sequence[Site],
    *,
    prefix: str = "",
    by_biosample: bool = False,
) -> DemoDataset:
    """Samples are named by biosample, or by individual where everybody has one biosample."""
    bff = folder / "bff"
    bff.mkdir(parents=True, exist_ok=True)
    vcf = folder / f"{dataset_id}.vcf.gz"
    samples = [biosample_id(person) if by_biosample else person.id for person in people]
    samples += [biosample_id(person, tumour=True) for person in people if person.tumour]
    population = Population(people)
    copies: list[dict[str, int]] = [{} for _ in people]
    annotated = []
    with VcfWriter(vcf, samples, prefix=prefix, source=dataset_id) as writer:
        for site in lines:
            alleles = population.haplotypes(rng, site)
            if site.key is not None:
                for row in np.nonzero((alleles == 1).any(axis=1))[0]:
                    copies[row][site.key] = int((alleles[row] == 1).sum())
            called = population.with_tumours(site, alleles)
            if site.key is not None and (called == 1).any():
                annotated.append(KNOWN_ALLELES[site.key].record())
            writer.line(rng, site, called)
    found = records(rng, people, copies)
    found["dataset"] = [_DATASETS[dataset_id]]
    found["cohort"] = _cohorts(dataset_id, found)
    found["genomicVariant"] = annotated
    for entry_type, name in _FILE_OF.items():
        _write_json(bff / f"{name}.json", found[entry_type])
    return DemoDataset(id=dataset_id, assembly=ASSEMBLY, vcf=vcf, bff=bff)


def _write_json(path: Path, values: Sequence[dict[str, Any]]) -> None:
    text = json.dumps(values, indent=None, separators=(",", ":"), ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _dataset(dataset_id: str, name: str, description: str, *uses: str) -> dict[str, Any]:
    return {
        "id": dataset_id,
        "name": name,
        "description": f"{description} {_INVENTED}",
        "version": "1",
        "createDateTime": "2026-01-01T00:00:00Z",
        "updateDateTime": "2026-11-22T00:00:00Z",
        "dataUseConditions": {
            "duoDataUse": [
                {"id": _DUO[use][0], "label": _DUO[use][1], "version": "2021-02-23"} for use in uses
            ]
        },
    }


_DATASETS = {
    RARE_DISEASE: _dataset(
        RARE_DISEASE,
        "Demo: rare diseases and cancer",
        "A thousand people: families with rare diseases, and patients with sequenced tumours.",
        "disease",
        "non-profit",
    ),
    POPULATION: _dataset(
        POPULATION,
        "Demo: population of ten countries",
        "Two thousand adults from ten European countries, with common conditions.",
        "general",
        "ethics",
    ),
    HIDDEN: _dataset(
        HIDDEN, "Demo: a dataset nobody sees", "Forty adults of a study not yet announced.",
        "biomedical",
    ),
}  # fmt: skip


def _cohorts(dataset_id: str, found: Records) -> list[dict[str, Any]]:
    individuals = found["individual"]
    if dataset_id != RARE_DISEASE:
        return [_cohort(f"{dataset_id}-all", "Everybody in the dataset", individuals, ())]
    blood = ("MONDO:0011382", "MONDO:0016669", "MONDO:0019402", "MONDO:0005775")
    cancers = tuple(
        dict.fromkeys(
            sample["histologicalDiagnosis"]["id"]
            for sample in found["biosample"]
            if "histologicalDiagnosis" in sample
        )
    )
    return [
        _cohort(
            "demo-inherited-anaemia",
            "Inherited anaemias",
            [one for one in individuals if _has_disease(one, blood)],
            blood,
        ),
        _cohort(
            "demo-cancer",
            "Patients with a sequenced tumour",
            [one for one in individuals if _has_disease(one, cancers)],
            cancers,
        ),
    ]


def _has_disease(individual: dict[str, Any], codes: Sequence[str]) -> bool:
    return any(one["diseaseCode"]["id"] in codes for one in individual.get("diseases", ()))


def _cohort(
    cohort_id: str, name: str, members: Sequence[dict[str, Any]], diseases: Sequence[str]
) -> dict[str, Any]:
    labels = {
        one["diseaseCode"]["id"]: one["diseaseCode"]
        for member in members
        for one in member.get("diseases", ())
    }
    record: dict[str, Any] = {
        "id": cohort_id,
        "name": name,
        "cohortType": "study-defined",
        "cohortSize": len(members),
        "cohortDataTypes": [{"id": "OGMS:0000015", "label": "clinical history"}],
        "info": {"individualIds": [member["id"] for member in members]},
    }
    if diseases:
        record["inclusionCriteria"] = {
            "diseaseConditions": [
                {"diseaseCode": labels[code]} for code in diseases if code in labels
            ]
        }
    return record
