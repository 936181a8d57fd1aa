"""The home of the demo's metadata: people become individuals, biosamples, runs and analyses."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from beacon.demo import terms
from beacon.demo.families import Person
from beacon.demo.stories import RISKS, STORIES, Feature, Inheritance, Story
from beacon.demo.terms import Term

Records = dict[str, list[dict[str, Any]]]
"""Entry type id → its records."""

Copies = Mapping[str, int]
"""Key of a published allele → how many copies one person has."""

_ROLES = {
    "proband": Term("NCIT:C64435", "Proband"),
    "mother": Term("NCIT:C25189", "Mother"),
    "father": Term("NCIT:C25174", "Father"),
    "sibling": Term("NCIT:C25204", "Sibling"),
}
_GRADES = (
    Term("NCIT:C28077", "Grade 1"),
    Term("NCIT:C28078", "Grade 2"),
    Term("NCIT:C28079", "Grade 3"),
)


def biosample_id(person: Person, *, tumour: bool = False) -> str:
    """The id of a person's blood sample, or of the tumour sample."""
    return f"{person.id}-T1" if tumour else f"{person.id}-B1"


def records(
    rng: np.random.Generator, people: Sequence[Person], copies: Sequence[Copies]
) -> Records:
    """The records of people; `copies` are what each of them has of the published alleles."""
    found: Records = {"individual": [], "biosample": [], "run": [], "analysis": []}
    for person, has in zip(people, copies, strict=True):
        found["individual"].append(_individual(rng, person, has))
        for tumour in (False, True) if person.tumour else (False,):
            sample = _biosample(rng, person, tumour=tumour)
            run = _run(rng, sample)
            found["biosample"].append(sample)
            found["run"].append(run)
            found["analysis"].append(_analysis(rng, run, tumour=tumour))
    _add_pedigrees(people, found["individual"])
    return found


def _individual(rng: np.random.Generator, person: Person, has: Copies) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": person.id,
        "sex": (terms.FEMALE if person.sex == "F" else terms.MALE).record,
        "karyotypicSex": "XX" if person.sex == "F" else "XY",
        "geographicOrigin": person.country.origin.record,
        "ethnicity": person.country.ancestry.record,
        "info": {"age": f"P{person.age}Y"},
    }
    diseases: dict[str, dict[str, Any]] = {}
    features: dict[str, dict[str, Any]] = {}
    stories = _stories(rng, person, has)
    for story in stories:
        onset = min(int(rng.integers(story.onset[0], story.onset[1] + 1)), person.age)
        if not story.disease.id.startswith("HP:"):
            diseases[story.disease.id] = _disease(story.disease, onset, bool(person.family))
        _add_features(rng, features, story.features, onset, tells_absence=True)
    for risk in RISKS:
        at_risk = risk.allele is not None and has.get(risk.allele, 0) >= risk.copies
        share = risk.share if at_risk else risk.baseline
        if person.age < risk.onset or rng.random() >= share:
            continue
        onset = int(rng.integers(risk.onset, person.age + 1))
        if risk.disease is not None:
            diseases.setdefault(risk.disease.id, _disease(risk.disease, onset))
        _add_features(rng, features, risk.features, onset, tells_absence=False)
    if person.tumour is not None:
        onset = min(int(rng.integers(*person.tumour.onset)), person.age)
        diseases[person.tumour.diagnosis.id] = _disease(person.tumour.diagnosis, onset)
    if diseases:
        record["diseases"] = list(diseases.values())
    if features:
        record["phenotypicFeatures"] = list(features.values())
    measurements = _measurements(rng, person, stories)
    if measurements:
        record["measurements"] = measurements
    return record


def _stories(rng: np.random.Generator, person: Person, has: Copies) -> list[Story]:
    """The stories whose disease a person has: by the family's account, or by their alleles."""
    return [
        story
        for story in STORIES
        if (story is person.story and person.affected)
        or (person.age >= story.onset[1] and _explains(story, person, has) and rng.random() < 0.8)
    ]


def _explains(story: Story, person: Person, has: Copies) -> bool:
    count = sum(has.get(allele, 0) for allele in story.alleles)
    match story.inheritance:
        case Inheritance.RECESSIVE:
            return count >= 2
        case Inheritance.X_RECESSIVE:
            return count >= (1 if person.sex == "M" else 2)
        case Inheritance.MITOCHONDRIAL:
            return False
        case _:
            return count >= 1


def _disease(disease: Term, onset: int, familial: bool = False) -> dict[str, Any]:
    record: dict[str, Any] = {"diseaseCode": disease.record, "ageOfOnset": _age(onset)}
    if familial:
        record["familyHistory"] = True
    return record


def _add_features(
    rng: np.random.Generator,
    found: dict[str, dict[str, Any]],
    features: Sequence[Feature],
    onset: int,
    *,
    tells_absence: bool,
) -> None:
    """A clinic also writes down what it looked for and did not find."""
    for feature in features:
        if rng.random() < feature.share:
            found[feature.term.id] = {
                "featureType": feature.term.record,
                "onset": _age(onset),
            }
        elif tells_absence and feature.term.id not in found and rng.random() < 0.6:
            found[feature.term.id] = {"featureType": feature.term.record, "excluded": True}


def _measurements(
    rng: np.random.Generator, person: Person, stories: Sequence[Story]
) -> list[dict[str, Any]]:
    if rng.random() < 0.15:
        return []
    grown = min(person.age, 18) / 18
    mean, spread = (165.0, 6.3) if person.sex == "F" else (178.5, 6.8)
    shift = sum(story.height for story in stories)
    height = (50 + (mean - 50) * grown**0.75) + (rng.normal() + shift) * spread * (
        0.4 + 0.6 * grown
    )
    bmi = float(np.clip(rng.normal(16 + 9.5 * grown, 1.2 + 2.8 * grown), 12, 48))
    weight = bmi * (height / 100) ** 2
    found = [
        _measurement(terms.HEIGHT, height, terms.CENTIMETRE, person.age),
        _measurement(terms.WEIGHT, weight, terms.KILOGRAM, person.age),
        _measurement(terms.BMI, bmi, terms.KILOGRAM_PER_SQUARE_METRE, person.age),
    ]
    haemoglobin = min((s.haemoglobin for s in stories if s.haemoglobin), default=None)
    if haemoglobin is not None or rng.random() < 0.3:
        usual = 13.4 if person.sex == "F" else 14.8
        level = max(float(rng.normal(haemoglobin or usual, 0.9)), 4.5)
        found.append(_measurement(terms.HAEMOGLOBIN, level, terms.GRAM_PER_DECILITRE, person.age))
    ldl = max((s.ldl for s in stories if s.ldl), default=None)
    if ldl is not None or (person.age >= 18 and rng.random() < 0.3):
        level = max(float(rng.normal(ldl or 122.0, 28.0)), 40.0)
        found.append(
            _measurement(terms.LDL_CHOLESTEROL, level, terms.MILLIGRAM_PER_DECILITRE, person.age)
        )
    return found


def _measurement(assay: Term, value: float, unit: Term, age: int) -> dict[str, Any]:
    return {
        "assayCode": assay.record,
        "measurementValue": {"unit": unit.record, "value": round(float(value), 1)},
        "observationMoment": _age(age),
    }


def _biosample(rng: np.random.Generator, person: Person, *, tumour: bool) -> dict[str, Any]:
    status = terms.NEOPLASTIC_SAMPLE if tumour else terms.REFERENCE_SAMPLE
    record: dict[str, Any] = {
        "id": biosample_id(person, tumour=tumour),
        "individualId": person.id,
        "biosampleStatus": status.record,
        "sampleOriginType": terms.SPECIMEN.record,
        "sampleOriginDetail": terms.BLOOD.record,
        "collectionDate": _date(rng, 2016, 2022),
        "collectionMoment": f"P{max(person.age - int(rng.integers(0, 4)), 0)}Y",
    }
    if tumour and person.tumour is not None:
        record["sampleOriginDetail"] = person.tumour.site.record
        record["histologicalDiagnosis"] = person.tumour.diagnosis.record
        record["tumorProgression"] = terms.PRIMARY_NEOPLASM.record
        record["tumorGrade"] = _GRADES[int(rng.integers(len(_GRADES)))].record
        record["obtentionProcedure"] = {"procedureCode": terms.BIOPSY.record}
    return record


def _run(rng: np.random.Generator, sample: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{sample['id']}-run",
        "biosampleId": sample["id"],
        "individualId": sample["individualId"],
        "runDate": _date(rng, 2022, 2025),
        "libraryLayout": "PAIRED",
        "librarySelection": "RANDOM",
        "librarySource": terms.GENOMIC_SOURCE.record,
        "libraryStrategy": "WGS",
        "platform": "Illumina",
        "platformModel": terms.SEQUENCER.record,
    }


def _analysis(rng: np.random.Generator, run: Mapping[str, Any], *, tumour: bool) -> dict[str, Any]:
    kind = "somatic" if tumour else "germline"
    return {
        "id": f"{run['id']}-{kind}",
        "runId": run["id"],
        "biosampleId": run["biosampleId"],
        "individualId": run["individualId"],
        "analysisDate": _date(rng, 2025, 2026),
        "pipelineName": f"demo-{kind}",
        "pipelineRef": f"https://example.org/pipelines/{kind}",
        "aligner": "bwa-0.7.17",
        "variantCaller": "Mutect2" if tumour else "DeepVariant",
    }


def _add_pedigrees(people: Sequence[Person], individuals: list[dict[str, Any]]) -> None:
    """Give every member of a family of more than one the whole pedigree."""
    families: dict[str, list[Person]] = {}
    for person in people:
        if person.family is not None:
            families.setdefault(person.family, []).append(person)
    for family, members in families.items():
        story = next((member.story for member in members if member.story), None)
        if len(members) == 1 or story is None:
            continue
        pedigree = {
            "id": family,
            "disease": {"diseaseCode": story.disease.record},
            "members": [
                {
                    "memberId": member.id,
                    "role": _ROLES[member.role].record,
                    "affected": member.affected,
                }
                for member in members
            ],
            "numSubjects": len(members),
        }
        ids = {member.id for member in members}
        for record in individuals:
            if record["id"] in ids:
                record["pedigrees"] = [pedigree]


def _age(years: int) -> dict[str, str]:
    return {"iso8601duration": f"P{years}Y"}


def _date(rng: np.random.Generator, first_year: int, end_year: int) -> str:
    start = datetime.date(first_year, 1, 1)
    days = (datetime.date(end_year, 1, 1) - start).days
    return (start + datetime.timedelta(days=int(rng.integers(days)))).isoformat()
