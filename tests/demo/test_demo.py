"""The demo is whole, valid, believable, and the same every time."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from beacon import schemas
from beacon.demo import DemoFiles, test_records, write_demo
from beacon.demo.known_alleles import KNOWN_ALLELES
from beacon.demo.variants import ASSEMBLY, GENES, SEQUENCES
from beacon.framework.query import Granularity
from beacon.model import assemblies
from beacon.model.allele import Allele, internal_id, structural_from_vcf
from beacon.model.variation import allele_from_record
from tests.demo.conftest import FILES, Dataset

F508DEL = ("7", 117559590, "ATCT", "A")
BRONCHIECTASIS = "HP:0002110"


def test_same_seed_gives_the_same_bytes(demo_files: DemoFiles, tmp_path: Path):
    again = write_demo(tmp_path)

    for first, second in zip(demo_files.datasets, again.datasets, strict=True):
        assert first.vcf.read_bytes() == second.vcf.read_bytes()
        for name in FILES.values():
            assert (first.bff / f"{name}.json").read_bytes() == (
                second.bff / f"{name}.json"
            ).read_bytes()


@pytest.mark.parametrize("entry_type", FILES)
def test_every_record_is_valid(demo: dict[str, Dataset], entry_type: str):
    validator = schemas.validator(f"entry_types/{entry_type}.json")
    records = [*demo["demo-rare-disease"].records[entry_type][:60], *test_records()[entry_type]]

    assert records
    assert [schemas.describe(e) for record in records for e in validator.iter_errors(record)] == []


@pytest.mark.parametrize("entry_type", FILES)
def test_every_record_is_what_the_specification_accepts(demo: dict[str, Dataset], entry_type: str):
    official = pytest.importorskip("tests.conformance.official")
    if not official.is_present():
        pytest.skip("the official schemas are not beside the checkout")
    validator = official.validator(f"entry_types/{entry_type}.json")
    records = [record for dataset in demo.values() for record in dataset.records[entry_type]]

    for record in [*records, *test_records()[entry_type]]:
        validator.validate(record)


def test_sizes_are_as_described(demo: dict[str, Dataset]):
    sizes = {name: len(dataset.records["individual"]) for name, dataset in demo.items()}

    assert sizes == {"demo-rare-disease": 1000, "demo-population": 2000, "demo-hidden": 40}
    assert len(demo["demo-rare-disease"].carriers) > 3000


def test_every_sample_of_the_vcf_is_a_biosample_or_a_person(demo: dict[str, Dataset]):
    for dataset in demo.values():
        known = set(dataset.people_of) | set(dataset.people_of.values())

        assert set(dataset.samples) <= known
        assert len(dataset.samples) == len(dataset.records["biosample"])


def test_ids_are_unique_and_references_resolve(demo: dict[str, Dataset]):
    for dataset in demo.values():
        ids = {
            entry_type: [record["id"] for record in dataset.records[entry_type]]
            for entry_type in ("individual", "biosample", "run", "analysis")
        }

        assert all(len(set(one)) == len(one) for one in ids.values())
        assert {run["biosampleId"] for run in dataset.records["run"]} == set(ids["biosample"])
        assert {one["runId"] for one in dataset.records["analysis"]} == set(ids["run"])
        for cohort in dataset.records["cohort"]:
            assert set(cohort["info"]["individualIds"]) <= set(ids["individual"])
            assert cohort["cohortSize"] == len(cohort["info"]["individualIds"]) > 0


def test_the_question_of_the_readme_has_people_in_both_datasets(demo: dict[str, Dataset]):
    found = {
        name: len(dataset.people_with(*F508DEL) & dataset.people_who_have(BRONCHIECTASIS))
        for name, dataset in demo.items()
        if name != "demo-hidden"
    }

    assert found == {"demo-rare-disease": 22, "demo-population": 3}


def test_patients_of_a_recessive_disease_have_two_alleles(demo: dict[str, Dataset]):
    dataset = demo["demo-rare-disease"]
    copies: dict[str, int] = {}
    for key in ("CFTR-F508del", "CFTR-G542X", "CFTR-G551D"):
        allele = KNOWN_ALLELES[key]
        place = (allele.name, allele.pos, allele.ref, allele.alt)
        for sample, genotype in dataset.carriers[place].items():
            person = dataset.people_of[sample]
            copies[person] = copies.get(person, 0) + genotype.count(1)
    patients = [
        individual["id"]
        for individual in dataset.records["individual"]
        for disease in individual.get("diseases", ())
        if disease["diseaseCode"]["id"] == "MONDO:0009061"
    ]

    assert len(patients) >= 26
    assert all(copies[patient] == 2 for patient in patients)


def test_some_features_were_looked_for_and_not_found(demo: dict[str, Dataset]):
    features = [
        feature
        for individual in demo["demo-rare-disease"].records["individual"]
        for feature in individual.get("phenotypicFeatures", ())
    ]

    assert any(feature.get("excluded") for feature in features)
    assert not any(feature.get("excluded") and "onset" in feature for feature in features)


def test_children_have_the_alleles_of_their_parents(demo: dict[str, Dataset]):
    dataset = demo["demo-rare-disease"]
    trio = next(
        {member["role"]["label"]: member["memberId"] for member in pedigree["members"]}
        for individual in dataset.records["individual"]
        for pedigree in individual.get("pedigrees", ())
        if pedigree["disease"]["diseaseCode"]["id"] == "MONDO:0009061"
    )
    child, mother, father = (f"{trio[role]}-B1" for role in ("Proband", "Mother", "Father"))

    for (name, *_), carriers in dataset.carriers.items():
        if name in ("X", "MT"):
            continue
        calls = carriers.get(child, ())
        if calls.count(1) == 2:
            parents = (carriers.get(mother, ()), carriers.get(father, ()))
            assert all(not one or 1 in one or -1 in one for one in parents)


def test_men_have_one_copy_of_x_and_everybody_one_of_the_mitochondrion(demo: dict[str, Dataset]):
    dataset = demo["demo-rare-disease"]
    sex = {one["id"]: one["sex"]["label"] for one in dataset.records["individual"]}

    for (name, *_), carriers in dataset.carriers.items():
        for sample, genotype in carriers.items():
            if name == "X":
                expected = 1 if sex[dataset.people_of[sample]] == "male" else 2
                assert len(genotype) == expected
            elif name == "MT":
                assert len(genotype) == 1


def test_the_allele_of_a_tumour_is_not_in_the_blood(demo: dict[str, Dataset]):
    carriers = demo["demo-rare-disease"].carriers["7", 140753336, "A", "T"]

    assert carriers
    assert all(sample.endswith("-T1") for sample in carriers)


def test_sequences_are_those_of_the_assembly():
    for name, sequence in SEQUENCES.items():
        assert sequence.length == assemblies.length(ASSEMBLY, name)
        assert sequence.refseq == assemblies.refseq(ASSEMBLY, name).removeprefix("refseq:")


@pytest.mark.parametrize("key", KNOWN_ALLELES)
def test_an_annotation_names_the_allele_of_the_vcf(key: str):
    known = KNOWN_ALLELES[key]
    if known.is_structural:
        in_vcf = structural_from_vcf(known.name, known.pos, known.ref, known.alt, end=known.end)
    else:
        in_vcf = Allele.from_vcf(known.name, known.pos, known.ref, known.alt)
    record = known.record()

    assembly, allele = allele_from_record(record["variation"])

    assert allele == in_vcf
    assert assembly == ASSEMBLY or known.name == "MT"  # the same sequence in every assembly
    assert record["variantInternalId"] == internal_id(in_vcf, ASSEMBLY)


@pytest.mark.parametrize("key", KNOWN_ALLELES)
def test_a_published_allele_lies_in_its_gene(key: str):
    known = KNOWN_ALLELES[key]
    genes = [gene for gene in GENES if gene.symbol in known.genes]
    end = known.end or known.pos + len(known.ref) - 1

    for gene in genes:
        assert gene.reference_name == known.name
        assert known.pos <= gene.end
        assert end > gene.start


def test_the_policy_is_public_counts_and_hidden(demo_files: DemoFiles):
    rules = tomllib.loads(demo_files.settings)["policy"]["datasets"]

    assert rules["demo-rare-disease"]["public"]["*"] == Granularity.RECORD.wire
    assert rules["demo-population"]["public"]["*"] == Granularity.COUNT.wire
    assert "demo-hidden" not in rules


def test_records_of_test_mode_say_so():
    for entry_type, records in test_records().items():
        ids = [record.get("id", record.get("variantInternalId")) for record in records]

        assert all(one.startswith("TEST") for one in ids)
        assert len(set(ids)) == len(ids) >= (12 if entry_type == "individual" else 1)
