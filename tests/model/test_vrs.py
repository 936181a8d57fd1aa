"""VRS ids: published ones come out, and every spelling of an allele has the same."""

from __future__ import annotations

import time
from pathlib import Path

import pysam
import pytest
from toy_reference import bases_from

from beacon.model.allele import Allele
from beacon.model.assemblies import ASSEMBLIES, refget
from beacon.model.identifiers import identifiers_of
from beacon.model.vrs import allele_id, sha512t24u

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "genes-reference"


# From the examples of VRS 1.3 and of those who compute its ids; the bases around are GRCh38's.
@pytest.mark.parametrize(
    ("allele", "around", "expected"),
    [
        (
            Allele.from_vcf("19", 44908822, "C", "T"),
            None,
            "ga4gh:VA.CxiA_hvYbkD8Vqwjhx5AYuyul4mtlkpD",
        ),
        (
            Allele.from_vcf("X", 32386323, "T", "GA"),
            None,
            "ga4gh:VA.HH3RHjZymrie-09X8aR2SMf1ULMlee6u",
        ),
        (
            Allele.from_bases("7", 55181219, "T", ""),
            ("CTG", 55181218),
            "ga4gh:VA.h6WuolTwZJYZh86qP2a8YVA1WXpHuY_X",
        ),
        (
            Allele.from_bases("7", 55181230, "", "GGCT"),
            ("CA", 55181229),
            "ga4gh:VA.JKGCs07cFu2wlDydCAe2ea06jMFXyK56",
        ),
        (
            Allele.from_bases("13", 19993839, "", "GT"),
            ("AGTC", 19993836),
            "ga4gh:VA.S3eUS2hlp6q4pSv4u2CbN0OPMusMUnHZ",
        ),
        (
            Allele.from_bases("13", 19993837, "", "GT"),
            ("AGTC", 19993836),
            "ga4gh:VA.S3eUS2hlp6q4pSv4u2CbN0OPMusMUnHZ",
        ),
    ],
)
def test_published_ids_come_out(
    allele: Allele, around: tuple[str, int] | None, expected: str
) -> None:
    bases = None if around is None else bases_from(*around, name=allele.reference_name)

    assert allele_id(allele, "GRCh38", bases) == expected


@pytest.mark.parametrize(
    "allele",
    [
        Allele("17", 100, 200, "", "", "DEL", structural=True),
        Allele.from_bases("17", 100, "A", ""),  # without a reference
        Allele.from_bases("17", 100, "N", "A"),
        Allele.from_bases("GL000192.1", 100, "C", "A"),
    ],
)
def test_what_cannot_be_told_has_none(allele: Allele) -> None:
    assert allele_id(allele, "GRCh38") is None


def test_every_chromosome_has_a_digest_of_its_own() -> None:
    digests = [refget(assembly, name) for assembly in ASSEMBLIES for name in ASSEMBLIES[assembly]]

    assert None not in digests
    assert len(set(digests)) == 49  # both assemblies have the same mitochondrion
    assert refget("GRCh38", "GL000192.1") is None


def test_the_mitochondrion_has_the_digest_of_its_bases() -> None:
    path = SHARED / "homo_sapiens_grch37_small.fa.gz"
    if not path.is_file():
        pytest.skip("the real data are not here")
    with pysam.FastxFile(str(path)) as file:
        bases = next(str(one.sequence) for one in file if one.name == "MT")

    assert refget("GRCh37", "MT") == sha512t24u(bases.upper().encode())


def test_identifiers_are_those_that_are_known() -> None:
    substitution = identifiers_of(Allele.from_vcf("17", 7577121, "G", "A"), "GRCh38")
    deletion = Allele.from_bases("17", 100, "A", "")

    assert substitution["genomicHGVSId"] == "NC_000017.11:g.7577121G>A"
    (entry,) = substitution["variantAlternativeIds"]
    assert entry["id"].startswith("ga4gh:VA.")
    assert identifiers_of(deletion, "GRCh38") == {}
    assert set(identifiers_of(deletion, "GRCh38", bases_from("CAAG", 98))) == set(substitution)


def test_identifiers_cost_next_to_nothing() -> None:
    """A page of records has a thousand of them."""
    allele = Allele.from_vcf("17", 7577121, "G", "A")
    rounds = []
    for _ in range(20):
        begun = time.perf_counter()
        for _ in range(100):
            identifiers_of(allele, "GRCh38")
        rounds.append((time.perf_counter() - begun) / 100)

    assert min(rounds) < 30e-6
