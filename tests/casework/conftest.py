"""What tests of casework share: a family's files, and countries that know of what it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.casework import family_files
from tests.casework.countries import World, served


@dataclass(frozen=True, slots=True)
class Files:
    """Of the family."""

    vcf: Path
    ped: Path
    packet: Path
    folder: Path


@pytest.fixture
def family(tmp_path: Path) -> Files:
    return Files(
        family_files.write_vcf(tmp_path / "Mette-at-home.vcf"),
        family_files.write_ped(tmp_path / "family.ped"),
        family_files.write_packet(tmp_path / "packet.json"),
        tmp_path,
    )


@pytest.fixture(scope="session")
def countries(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served(mongo_uri, tmp_path_factory.mktemp("casework")) as found:
        yield found
