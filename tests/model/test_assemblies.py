"""Names of assemblies and sequences lead to the canonical one; contradictions are refused."""

from __future__ import annotations

import pytest

from beacon.framework.errors import InvalidRequest
from beacon.model.assemblies import (
    ASSEMBLIES,
    NAMES,
    Reference,
    asked_assembly,
    canonical_assembly,
    chromosome,
    code,
    implied_assembly,
    length,
    refseq,
    resolve,
)


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("GRCh38", "GRCh38"),
        ("grch38.p13", "GRCh38"),
        ("hg38", "GRCh38"),
        ("GCF_000001405.39", "GRCh38"),
        ("refseq:GCF_000001405.26", "GRCh38"),
        ("GCA_000001405.15", "GRCh38"),
        ("hs38DH", "GRCh38"),
        ("GRCh37", "GRCh37"),
        ("hg19", "GRCh37"),
        (" b37 ", "GRCh37"),
        ("GCF_000001405.25", "GRCh37"),
        ("GCA_000001405.14", "GRCh37"),
        ("GCF_000001405.12", None),
        ("GCF_000001405", None),
        ("hg18", None),
        ("T2T-CHM13v2.0", None),
        ("", None),
    ],
)
def test_assembly_names_lead_to_the_canonical_one(name: str, canonical: str | None) -> None:
    assert canonical_assembly(name) == canonical


@pytest.mark.parametrize(
    ("name", "canonical", "implied"),
    [
        ("17", "17", None),
        ("chr17", "17", None),
        ("CHR17", "17", None),
        ("NC_000017.11", "17", "GRCh38"),
        ("refseq:NC_000017.10", "17", "GRCh37"),
        ("nc_000017.11", "17", "GRCh38"),
        ("NC_000017", "17", None),
        ("NC_000017.9", None, None),
        ("NC_0000017.11", None, None),
        ("CM000679.2", "17", "GRCh38"),
        ("insdc:CM000679.1", "17", "GRCh37"),
        ("X", "X", None),
        ("chry", "Y", None),
        ("23", "X", None),
        ("NC_000024.10", "Y", "GRCh38"),
        ("M", "MT", None),
        ("chrM", "MT", None),
        ("NC_012920.1", "MT", None),
        ("J01415.2", "MT", None),
        ("0", None, None),
        ("chrUn_KI270302v1", None, None),
        ("", None, None),
    ],
)
def test_sequence_names_lead_to_the_canonical_one(
    name: str, canonical: str | None, implied: str | None
) -> None:
    assert (chromosome(name), implied_assembly(name)) == (canonical, implied)


def test_tables_are_complete_and_in_genome_order() -> None:
    assert [code(name) for name in NAMES] == list(range(1, 26))
    assert all(tuple(table) == NAMES for table in ASSEMBLIES.values())
    assert refseq("GRCh37", "5") == "NC_000005.9"
    assert refseq("GRCh38", "X") == "NC_000023.11"
    assert length("GRCh38", "2") == 242_193_529
    assert length("GRCh37", "MT") == 16_569


@pytest.mark.parametrize(
    ("reference_name", "assembly_id", "served", "expected"),
    [
        ("17", None, ["GRCh38"], Reference("GRCh38", "17")),
        ("chr17", "hg19", ["GRCh37", "GRCh38"], Reference("GRCh37", "17")),
        ("NC_000017.11", None, ["GRCh37", "GRCh38"], Reference("GRCh38", "17")),
        ("NC_000017.10", None, ["GRCh38"], Reference("GRCh37", "17")),
        ("NC_000017.11", "GRCh38.p14", ["GRCh38"], Reference("GRCh38", "17")),
        ("NC_012920.1", "GRCh37", ["GRCh38"], Reference("GRCh37", "MT")),
    ],
)
def test_a_request_names_one_sequence(
    reference_name: str, assembly_id: str | None, served: list[str], expected: Reference
) -> None:
    assert resolve(reference_name, assembly_id, served) == expected


@pytest.mark.parametrize(
    ("reference_name", "assembly_id", "says"),
    [
        ("17", None, "needs an assemblyId"),
        ("chrM", None, "needs an assemblyId"),
        ("NC_000017.10", "GRCh38", "belongs to GRCh37"),
        ("17", "hg99", "assemblyId 'hg99' is not known"),
        ("chr99", "hg38", "referenceName 'chr99' is not known"),
    ],
)
def test_ambiguous_contradictory_and_unknown_names_are_refused(
    reference_name: str, assembly_id: str | None, says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        resolve(reference_name, assembly_id, ["GRCh37", "GRCh38"])


def test_a_request_without_sequence_may_still_name_an_assembly() -> None:
    assert asked_assembly(None, "hg19") == "GRCh37"
    assert asked_assembly(None, None) is None
