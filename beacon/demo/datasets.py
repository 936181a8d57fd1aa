"""The home of the demo's files: what a load takes, written from one seed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from beacon.demo.beacons import BEACONS, INVENTED, DemoBeacon, DemoSet
from beacon.demo.families import population_people, rare_disease_people
from beacon.demo.genotypes import Population, Site, VcfWriter, sites
from beacon.demo.grch37 import GRCH37, known_on_grch37, site_on_grch37
from beacon.demo.known_alleles import KNOWN_ALLELES
from beacon.demo.records import Records, biosample_id, records

SEED = 20260101

_SITES_PER_GENE = 75
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


def write_demo(folder: Path, seed: int = SEED) -> tuple[DemoDataset, ...]:
    """Write the datasets of all countries; see `write_beacon`."""
    return tuple(one for beacon in BEACONS for one in write_beacon(folder, beacon, seed))


def write_beacon(folder: Path, beacon: DemoBeacon, seed: int = SEED) -> tuple[DemoDataset, ...]:
    """Write the datasets of one country.

    The same seed gives the same files, byte for byte, and the countries the same alleles.

    Args:
        folder: Made if it is missing; files of an earlier demo are replaced.
        beacon: The country.
        seed: Another seed gives other people.
    """
    shared = sites(np.random.default_rng(seed), _SITES_PER_GENE)
    if beacon.assembly == GRCH37:
        moved = (site_on_grch37(site) for site in shared)
        shared = sorted((site for site in moved if site), key=lambda site: site.order)
    rng = np.random.default_rng([seed, BEACONS.index(beacon)])
    return tuple(_write(rng, folder / one.id, beacon, one, shared) for one in beacon.datasets)


def _write(
    rng: np.random.Generator,
    folder: Path,
    beacon: DemoBeacon,
    dataset: DemoSet,
    shared: Sequence[Site],
) -> DemoDataset:
    """Samples are named by biosample, or by individual where everybody has one biosample."""
    bff = folder / "bff"
    bff.mkdir(parents=True, exist_ok=True)
    vcf = folder / f"{dataset.id}.vcf.gz"
    draw = rare_disease_people if dataset.families else population_people
    people = draw(rng, dataset.people, beacon.home(dataset))
    samples = [biosample_id(person) if dataset.families else person.id for person in people]
    samples += [biosample_id(person, tumour=True) for person in people if person.tumour]
    population = Population(people)
    copies: list[dict[str, int]] = [{} for _ in people]
    annotated = []
    with VcfWriter(
        vcf,
        samples,
        assembly=beacon.assembly,
        prefix=beacon.chromosome_prefix,
        source=dataset.id,
    ) as writer:
        for number, site in enumerate(shared):
            if site.key is None and number % dataset.every:
                continue
            alleles = population.haplotypes(rng, site)
            if site.key is not None:
                for row in np.nonzero((alleles == 1).any(axis=1))[0]:
                    copies[row][site.key] = int((alleles[row] == 1).sum())
            called = population.with_tumours(site, alleles)
            if site.key is not None and (called == 1).any():
                known = KNOWN_ALLELES[site.key]
                here = known_on_grch37(known) if beacon.assembly == GRCH37 else known
                annotated.append(here.record())
            writer.line(rng, site, called)
    found = records(rng, people, copies)
    found["dataset"] = [_dataset(beacon, dataset)]
    found["cohort"] = _cohorts(dataset, found)
    found["genomicVariant"] = annotated
    for entry_type, name in _FILE_OF.items():
        _write_json(bff / f"{name}.json", found[entry_type])
    return DemoDataset(id=dataset.id, assembly=beacon.assembly, vcf=vcf, bff=bff)


def _write_json(path: Path, values: Sequence[dict[str, Any]]) -> None:
    text = json.dumps(values, indent=None, separators=(",", ":"), ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _dataset(beacon: DemoBeacon, dataset: DemoSet) -> dict[str, Any]:
    return {
        "id": dataset.id,
        "name": dataset.name,
        "description": f"{dataset.description} {INVENTED}",
        "version": "1",
        "createDateTime": "2026-01-01T00:00:00Z",
        "updateDateTime": "2026-11-22T00:00:00Z",
        "dataUseConditions": {
            "duoDataUse": [
                {"id": _DUO[use][0], "label": _DUO[use][1], "version": "2021-02-23"}
                for use in dataset.uses
            ]
        },
        "info": {"assemblyId": beacon.assembly},
    }


def _cohorts(dataset: DemoSet, found: Records) -> list[dict[str, Any]]:
    individuals = found["individual"]
    if not dataset.families:
        return [_cohort(f"{dataset.id}-all", "Everybody in the dataset", individuals, ())]
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
            f"{dataset.id}-inherited-anaemia",
            "Inherited anaemias",
            [one for one in individuals if _has_disease(one, blood)],
            blood,
        ),
        _cohort(
            f"{dataset.id}-cancer",
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
