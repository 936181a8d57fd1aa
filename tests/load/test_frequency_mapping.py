"""Frequency mappings: what they may say, and by what a file is recognised."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon.framework.errors import LoadError
from beacon.load.frequency_mapping import presets, read_mapping, recognise, strata_of

TOTAL = '[[strata]]\nlabel = "Total"\nallele_count = "AC"\nallele_number = "AN"\n'
PEOPLE = 'title = "mine"\nhomozygous_counts = "people"\n'
GDI = ["AC", "AN", "AC_FI", "AN_FI", "AC_FI_F", "AN_FI_F", "AC_M", "AN_M", "AC_FI_F_Hom", "AN_EST"]


def mapping_file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", presets())
def test_every_preset_counts_everybody_first(name: str) -> None:
    preset = presets()[name]

    assert preset.strata[0].label == "Total"
    assert preset.recognise is not None


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (["AC", "AN", "DP"], "plain"),
        (GDI, "gdi"),
        (["POS", "REF", "ALT", "POPULATION", "AC", "AN"], "gdi-table"),
        (["AC", "AN", *(f"{kind}_EUR" for kind in ("AC", "AN", "AC_Hom", "AC_Het"))],
         "1000-genomes-30x"),
    ],
)  # fmt: skip
def test_a_file_is_recognised_by_its_fields(fields: list[str], name: str) -> None:
    chosen = recognise(fields, "f.vcf")

    assert (chosen.name, chosen.recognised) == (name, True)


def test_populations_and_sexes_are_discovered_in_the_fields() -> None:
    strata = strata_of(presets()["gdi"], GDI, "f.vcf")

    assert [stratum.label for stratum in strata] == ["Total", "M", "FI", "FI_F"]
    assert strata[3].kinds == ("AC_FI_F", "AN_FI_F", None, "AC_FI_F_Hom", None)


def test_frequencies_without_numbers_are_refused_with_the_reason() -> None:
    with pytest.raises(LoadError, match="says nothing without the number of alleles"):
        recognise(["AF", "AF_EUR"], "f.vcf")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (PEOPLE + 'colour = "red"\n' + TOTAL, "colour"),
        (PEOPLE + TOTAL.replace("label", "name"), "name"),
        ('title = "mine"\n' + TOTAL + 'homozygous = "nhom"\n', "homozygous_counts is missing"),
        ('title = "mine"\nhomozygous_counts = "both"\n' + TOTAL, "both"),
        (PEOPLE + TOTAL.replace("Total", "all"), "must be everybody"),
        (PEOPLE + TOTAL + TOTAL.replace("Total", "{sex}"), r"\[sexes\] is missing"),
        (PEOPLE + TOTAL + TOTAL.replace("Total", "{population}"), r"\[populations\] is missing"),
        (PEOPLE + TOTAL + 'genotypes = "GTC"\n', "genotype_names is missing"),
        (PEOPLE + TOTAL.replace('"AC"', '"AC_{sex}"'), "which its label lacks"),
        (PEOPLE + 'discover_populations = "("\n' + TOTAL, "unterminated"),
        ("= not TOML", "mapping"),
    ],
)
def test_what_no_mapping_can_say_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(LoadError, match=problem):
        read_mapping(mapping_file(tmp_path, text))


def test_a_mapping_without_homozygotes_need_not_say_how_they_are_counted(tmp_path: Path) -> None:
    chosen = read_mapping(mapping_file(tmp_path, 'title = "mine"\n' + TOTAL))

    assert chosen.mapping.homozygous_counts is None


def test_what_is_neither_preset_nor_file_is_refused_with_the_presets() -> None:
    with pytest.raises(LoadError, match="gnomad-v4"):
        read_mapping("gnomad-v9")


def test_a_mapping_that_the_file_does_not_fit_is_refused(tmp_path: Path) -> None:
    mapping = read_mapping(mapping_file(tmp_path, PEOPLE + TOTAL)).mapping

    with pytest.raises(LoadError, match="does not count everybody: mine looks for AC, AN"):
        strata_of(mapping, ["AC", "AF"], "f.vcf")
