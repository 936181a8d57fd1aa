"""The demo is whole, valid, believable, and the same every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon import schemas, settings_file
from beacon.demo import (
    BEACONS,
    NETWORK,
    DemoDataset,
    test_records,
    write_beacon,
    write_settings,
)
from beacon.demo.known_alleles import KNOWN_ALLELES
from beacon.demo.variants import ASSEMBLY, GENES
from beacon.model.allele import Allele, internal_id, structural_from_vcf
from beacon.model.variation import allele_from_record
from beacon.network.members import members
from beacon.settings import Level, Reporting
from tests.demo.conftest import FILES, Dataset

BRONCHIECTASIS = "HP:0002110"


@pytest.mark.parametrize("number", [0, 2])
def test_same_seed_gives_the_same_bytes(
    demo_files: tuple[DemoDataset, ...], tmp_path: Path, number: int
):
    """A country alone has the people that it has among the others."""
    again = write_beacon(tmp_path, BEACONS[number])
    ids = [one.id for one in again]

    assert ids
    for first, second in zip((one for one in demo_files if one.id in ids), again, strict=True):
        assert first.vcf.read_bytes() == second.vcf.read_bytes()
        for name in FILES.values():
            assert (first.bff / f"{name}.json").read_bytes() == (
                second.bff / f"{name}.json"
            ).read_bytes()


@pytest.mark.parametrize("entry_type", FILES)
def test_every_record_is_valid(demo: dict[str, Dataset], entry_type: str):
    validator = schemas.validator(f"entry_types/{entry_type}.json")
    records = [*demo["fi-rare-disease"].records[entry_type][:60], *test_records()[entry_type]]

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

    assert sizes == {
        "fi-rare-disease": 1000,
        "fi-unannounced": 40,
        "es-population": 2000,
        "de-hospitals": 800,
    }
    assert len(demo["fi-rare-disease"].carriers) > 3000
    assert len(demo["de-hospitals"].carriers) > 3000


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


def test_nobody_is_in_two_countries(demo: dict[str, Dataset]):
    ids = [one["id"] for dataset in demo.values() for one in dataset.records["individual"]]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("key", "where"),
    [
        pytest.param("CFTR-F508del", {"fi", "es", "de"}, id="in all countries"),
        pytest.param("HBB-C", {"es"}, id="in one"),
        pytest.param("TTR-V142I", set(), id="in none"),
    ],
)
def test_an_allele_is_where_the_documentation_says(
    demo: dict[str, Dataset], key: str, where: set[str]
):
    found = {
        name: len(dataset.people_with(key))
        for name, dataset in demo.items()
        if name != "fi-unannounced" and dataset.people_with(key)
    }

    assert {name[:2] for name in found} == where
    assert len(set(found.values())) == len(found)  # in different numbers


def test_the_question_of_the_readme_has_people_in_every_country(demo: dict[str, Dataset]):
    found = {
        name: len(dataset.people_with("CFTR-F508del") & dataset.people_who_have(BRONCHIECTASIS))
        for name, dataset in demo.items()
        if name != "fi-unannounced"
    }

    assert found == {"fi-rare-disease": 6, "es-population": 2, "de-hospitals": 22}


def test_patients_of_a_recessive_disease_have_two_alleles(demo: dict[str, Dataset]):
    dataset = demo["de-hospitals"]
    copies: dict[str, int] = {}
    for key in ("CFTR-F508del", "CFTR-G542X", "CFTR-G551D"):
        for sample, genotype in dataset.calls_of(key).items():
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
        for individual in demo["fi-rare-disease"].records["individual"]
        for feature in individual.get("phenotypicFeatures", ())
    ]

    assert any(feature.get("excluded") for feature in features)
    assert not any(feature.get("excluded") and "onset" in feature for feature in features)


def test_children_have_the_alleles_of_their_parents(demo: dict[str, Dataset]):
    dataset = demo["fi-rare-disease"]
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
    dataset = demo["fi-rare-disease"]
    sex = {one["id"]: one["sex"]["label"] for one in dataset.records["individual"]}

    for (name, *_), carriers in dataset.carriers.items():
        for sample, genotype in carriers.items():
            if name == "X":
                expected = 1 if sex[dataset.people_of[sample]] == "male" else 2
                assert len(genotype) == expected
            elif name == "MT":
                assert len(genotype) == 1


def test_the_allele_of_a_tumour_is_not_in_the_blood(demo: dict[str, Dataset]):
    carriers = demo["fi-rare-disease"].calls_of("BRAF-V600E")

    assert carriers
    assert all(sample.endswith("-T1") for sample in carriers)


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


def test_the_policies_are_records_counts_and_yes_or_no(tmp_path: Path):
    keys = [one.key for one in BEACONS]
    files = write_settings(tmp_path, dict.fromkeys((*keys, NETWORK), 1))
    rules = {
        dataset: rule.public["*"]
        for key in keys
        for dataset, rule in settings_file.load(files[key], {}).policy.datasets.items()
    }

    assert rules == {
        "fi-rare-disease": Level.RECORD,
        "es-population": Level.COUNT,
        "de-hospitals": Level.BOOLEAN,
    }


def test_the_network_knows_where_its_members_are_and_how_they_count(tmp_path: Path):
    ports = {"fi": 5051, "es": 5052, "de": 5053, NETWORK: 5050}
    files = write_settings(tmp_path, ports)
    network = members(settings_file.load(files[NETWORK], {}).network.members)
    found = {one.id: (one.country, one.urls, one.people, one.counts.reporting) for one in network}

    assert found == {
        "fi.example.demo": ("FI", ("http://127.0.0.1:5051/api",), 1000, Reporting.EXACT),
        "es.example.demo": ("ES", ("http://127.0.0.1:5052/api",), 2000, Reporting.EXACT),
        "de.example.demo": ("DE", ("http://127.0.0.1:5053/api",), 800, Reporting.BOOLEAN),
    }


def test_records_of_test_mode_say_so():
    for entry_type, records in test_records().items():
        ids = [record.get("id", record.get("variantInternalId")) for record in records]

        assert all(one.startswith("TEST") for one in ids)
        assert len(set(ids)) == len(ids) >= (12 if entry_type == "individual" else 1)
