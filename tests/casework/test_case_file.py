"""From a patient's VCF to the alleles that may matter."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from beacon.casework.candidates import LEAST_SEVERE, Candidate
from beacon.casework.case_file import (
    SEVERE_STEMS,
    Account,
    Wanted,
    read_candidates,
    read_header,
)
from beacon.casework.failures import CaseError
from beacon.casework.family import Family, family_of, read_people
from beacon.casework.inheritance import Inheritance
from beacon.casework.places import Places, places_of_genes, read_bed, read_gene_list
from beacon.casework.population import PopulationFrequencies, is_population_frequency
from beacon.model import consequences
from tests.casework import family_files
from tests.casework.conftest import Files
from tests.casework.family_files import (
    COMMON,
    FATHER,
    MOTHER,
    ON_X,
    ONE_COPY,
    OTHER_COPY,
    PATIENT,
    RARE,
    UNSEEN,
)

REAL = Path(__file__).parents[3] / "shared/data/vcf-annotated"
TRIO = Family(PATIENT, FATHER, MOTHER, "male")


def read(
    path: Path, family: Family = TRIO, wanted: Wanted | None = None
) -> tuple[list[Candidate], Account]:
    return read_candidates(read_header(path, None), family, wanted or Wanted())


def by_name(found: Sequence[Candidate]) -> dict[str, Candidate]:
    return {one.name: one for one in found}


def test_only_what_may_matter_is_kept(family: Files) -> None:
    found, account = read(family.vcf)

    assert by_name(found).keys() == {COMMON, RARE, UNSEEN, ONE_COPY, OTHER_COPY, ON_X}
    assert account.records == len(family_files.ROWS)
    assert account.dropped == {
        "common in a population": 1,
        "no effect on a protein or on splicing": 1,
        "filtered by the caller": 1,
        "not the patient's": 1,
    }


def test_inheritance_is_told_of_each(family: Files) -> None:
    found = by_name(read(family.vcf)[0])

    assert {name: one.inheritance.value for name, one in found.items()} == {
        COMMON: "heterozygous",
        RARE: "de novo",
        UNSEEN: "homozygous",
        ONE_COPY: "compound heterozygous",
        OTHER_COPY: "compound heterozygous",
        ON_X: "X-linked",
    }
    assert found[COMMON].origin == "father"
    assert found[ON_X].zygosity == "hemizygous"


def test_what_explains_a_disease_comes_first(family: Files) -> None:
    found, _ = read(family.vcf)

    assert found[0].name == RARE
    assert found[-1].name == COMMON


def test_gene_change_and_effect_come_from_the_file(family: Files) -> None:
    one = by_name(read(family.vcf)[0])[UNSEEN]

    assert (one.gene, one.change, one.consequence) == ("HBB", "E7D", "missense_variant")


def test_without_parents_two_of_a_gene_are_possibly_compound(family: Files) -> None:
    found = by_name(read(family.vcf, Family(PATIENT))[0])

    assert found[ONE_COPY].inheritance.value == "possibly compound heterozygous"
    assert found[RARE].inheritance.value == "heterozygous"


@pytest.mark.parametrize(
    "wanted",
    [Wanted(genes=("hbb",)), Wanted(places=Places.of([("11", 5_226_770, 5_226_780)]))],
    ids=["genes", "regions"],
)
def test_it_can_be_kept_to_genes_or_regions(family: Files, wanted: Wanted) -> None:
    found, _ = read(family.vcf, wanted=wanted)

    assert [one.name for one in found] == [UNSEEN]


def test_every_severe_effect_is_seen_at_a_glance() -> None:
    names = {*consequences._BY_NAME, *consequences._OTHER_NAMES}
    severe = {
        name
        for name in names | {one.removesuffix("_variant") for one in names}
        if (term := consequences.consequence(name)) is not None and term.severity <= LEAST_SEVERE
    }

    unseen = {one for one in severe if not any(stem in one.lower() for stem in SEVERE_STEMS)}
    assert severe
    assert unseen == set()


@pytest.mark.parametrize(
    "name",
    [
        *("gnomAD_AF", "gnomad_popmax_af", "gnomAD_exomes_AF", "gnomADg_AF_popmax", "EXACMAX_AF"),
        *("1000GAF", "AF_grpmax", "MAX_AF", "SWEGENAF", "dbNSFP_1000Gp3_AF", "BEACON_AF"),
    ],
)
def test_keys_of_reference_panels_are_known(name: str) -> None:
    assert is_population_frequency(name)


@pytest.mark.parametrize("name", ["AF", "MLEAF", "SAF", "gnomAD_NFE_AF", "gnomAD_AF_nfe", "BAF"])
def test_other_keys_are_not(name: str) -> None:
    assert not is_population_frequency(name)


def test_the_highest_frequency_of_the_allele_counts() -> None:
    header = (
        '##INFO=<ID=gnomAD_AF,Number=A,Type=Float,Description="x">\n'
        '##INFO=<ID=CSQ,Number=.,Type=String,Description="VEP. Format: Allele|MAX_AF|gnomADe_AF">\n'
    )
    reader = PopulationFrequencies.of(header)
    info = {"gnomAD_AF": (0.1, 0.001), "CSQ": "A|0.3|0.2,A|0.3|0.2"}

    assert reader.names == ("gnomAD_AF", "CSQ/MAX_AF", "CSQ/gnomADe_AF")
    assert reader.of_allele(info, 1, 2) == 0.001
    assert reader.of_allele({"CSQ": info["CSQ"]}, 0, 1) == 0.3
    assert reader.of_allele({}, 0, 1) is None


def test_the_affected_child_is_the_patient(family: Files) -> None:
    samples = [FATHER, PATIENT, MOTHER]

    found = family_of(samples, people=read_people(family.ped))

    assert found == Family(PATIENT, FATHER, MOTHER, "male")


def test_an_affected_parent_is_known(family: Files) -> None:
    people = read_people(family_files.write_ped(family.ped, ill=(PATIENT, MOTHER)))

    found = family_of([PATIENT, MOTHER], people=people)

    assert found == Family(PATIENT, None, MOTHER, "male", frozenset({MOTHER}))


@pytest.mark.parametrize(
    ("named", "message"),
    [(None, "say --sample NAME.*the samples are A, B"), ("C", "its samples are A, B")],
)
def test_whose_it_is_has_to_be_clear(named: str | None, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        family_of(["A", "B"], named=named)


def test_a_bed_file_and_genes_are_places(tmp_path: Path) -> None:
    bed = tmp_path / "regions.bed"
    bed.write_text("chr17\t100\t200\nchr17\t150\t300\nGL1\t1\t2\n")

    places = read_bed(bed)

    assert places.ends == {"17": (300,)}
    assert places.overlap("17", 299, 300)
    assert not places.overlap("17", 300, 301)
    assert read_gene_list("A, B,A") == ("A", "B")


def test_an_unknown_gene_is_an_error() -> None:
    with pytest.raises(CaseError, match=r"NOSUCHGENE|not known here"):
        places_of_genes(["NOSUCHGENE"], "GRCh38")


@pytest.mark.parametrize("damaged", ["X 50000000 . C", "X\tlater", "X"])
def test_a_damaged_record_is_told(family: Files, damaged: str) -> None:
    *lines, last = family.vcf.read_text().splitlines(keepends=True)
    with gzip.open(family.folder / "cut.vcf.gz", "wt") as file:
        file.writelines([*lines, damaged + last[len("X\t154030912") :]])

    with pytest.raises(CaseError, match="damaged"):
        read(family.folder / "cut.vcf.gz")


@pytest.mark.skipif(not REAL.is_dir(), reason="no real files here")
def test_a_real_trio_has_alleles_of_either_parent_in_one_gene() -> None:
    family = Family("HG002", "HG003", "HG004", "male")

    found, account = read(REAL / "slivar_ashk-trio_BCSQ.GRCh37.vcf.gz", family)

    pair = {one.name: one for one in found if one.gene == "H6PD"}
    assert account.records == 9940
    assert {one.inheritance for one in pair.values()} == {Inheritance.COMPOUND}
    assert {name: one.origin for name, one in pair.items()} == {
        "1-9304978-CCCCAGGCA-C": "mother",
        "1-9323910-G-A": "father",
    }


@pytest.mark.skipif(not REAL.is_dir(), reason="no real files here")
def test_a_real_case_is_read_with_two_annotators_and_frequencies() -> None:
    header = read_header(REAL / "scout_643594.clinical.GRCh37.vcf.gz", None)
    people = read_people(REAL / "scout_643594.ped")

    found, _ = read_candidates(header, family_of(header.samples, people=people), Wanted())

    assert "EXACAF" in header.frequencies.names
    assert by_name(found)["7-124491972-C-A"].change == "Q301H"
