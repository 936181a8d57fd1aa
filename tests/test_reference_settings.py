"""Reference files as settings name them: where they are sought, and what `/info` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon import composition, serving, settings_file
from beacon.framework.errors import SettingsError
from beacon.framework.information import info
from beacon.model.entry_types import MODEL
from beacon.settings import AssemblyName

SETTINGS = """
[assemblies.GRCh37]
fasta = "reference/37.fa"
chain_to.GRCh38 = "/chains/37-38.chain.gz"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "beacon.toml"
    path.write_text(text)
    return path


def test_relative_paths_start_at_the_settings_file(tmp_path: Path) -> None:
    settings = settings_file.load(write(tmp_path, SETTINGS), {})

    files = settings.assemblies[AssemblyName.GRCH37]
    assert files.fasta == str(tmp_path / "reference" / "37.fa")
    assert files.chain_to == {AssemblyName.GRCH38: "/chains/37-38.chain.gz"}
    assert settings_file.masked(settings)["assemblies"]["GRCh37"]["fasta"] == files.fasta


def test_the_environment_names_them_too(tmp_path: Path) -> None:
    settings = settings_file.load(
        None,
        {
            "BEACON__ASSEMBLIES__GRCh38__FASTA": "/38.fa",
            "BEACON__ASSEMBLIES__GRCh38__CHAIN_TO__GRCh37": "/38-37.chain",
        },
    )

    files = settings.assemblies[AssemblyName.GRCH38]
    assert (files.fasta, files.chain_to) == ("/38.fa", {AssemblyName.GRCH37: "/38-37.chain"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[assemblies.hg19]\nfasta = "x"', "assemblies: invalid enum value 'hg19'"),
        ('[assemblies.GRCh37]\nchain_to.hg38 = "x"', "chain_to: invalid enum value 'hg38'"),
        ('[assemblies.GRCh37]\nfaste = "x"', "did you mean assemblies.GRCh37.fasta"),
    ],
)
def test_other_names_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        settings_file.load(write(tmp_path, text), {})


def test_a_beacon_does_not_start_without_its_files(tmp_path: Path) -> None:
    settings = settings_file.load(write(tmp_path, SETTINGS), {})

    with pytest.raises(SettingsError, match=r"there is no file .*37\.fa"):
        serving.serve(settings)


def test_info_says_what_becomes_of_indels_and_questions(tmp_path: Path) -> None:
    settings = settings_file.load(write(tmp_path, SETTINGS), {})

    told = info(composition.identity(settings), MODEL)["response"]["info"]

    assert told == {
        "assemblies": [
            {
                "assemblyId": "GRCh37",
                "indelsAreLeftShifted": True,
                "questionsAreLiftedTo": ["GRCh38"],
            },
            {"assemblyId": "GRCh38", "indelsAreLeftShifted": False, "questionsAreLiftedTo": []},
        ]
    }
