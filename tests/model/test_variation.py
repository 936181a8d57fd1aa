"""Alleles: trimming, footprints, types, ids, and reading and writing Beacon's `variation`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.model.variant_types import types_accepted
from beacon.model.variation import (
    Allele,
    UnreadableVariation,
    allele_from_record,
    internal_id,
    parse_internal_id,
    structural_from_vcf,
    trim,
    variation_of,
)
from beacon.schemas import validator

BASES = st.text(alphabet="ACGT", min_size=1, max_size=6)
CHANGES = st.tuples(BASES, BASES).filter(lambda pair: pair[0] != pair[1])


@pytest.mark.parametrize(
    ("pos", "ref", "alt", "start", "end", "trimmed", "anchor", "variant_type", "footprint"),
    [
        (7577121, "G", "A", 7577120, 7577121, ("G", "A"), "", "SNP", (7577120, 7577121)),
        (7577001, "CAAG", "C", 7577001, 7577004, ("AAG", ""), "C", "DEL", (7577000, 7577004)),
        (7577500, "T", "TGG", 7577500, 7577500, ("", "GG"), "T", "INS", (7577499, 7577500)),
        (101, "CAAG", "CAAT", 103, 104, ("G", "T"), "", "SNP", (103, 104)),
        (101, "AC", "GT", 100, 102, ("AC", "GT"), "", "MNP", (100, 102)),
        (101, "AC", "GTT", 100, 102, ("AC", "GTT"), "", "INDEL", (100, 102)),
        (101, "CAAAA", "CAA", 101, 103, ("AA", ""), "C", "DEL", (100, 103)),
        # The base before is not in the spelling: it was the base after that was shared.
        (1, "AC", "C", 0, 1, ("A", ""), "", "DEL", (0, 1)),
        (1, "C", "AC", 0, 0, ("", "A"), "", "INS", (0, 1)),
        (101, "c", "cat", 101, 101, ("", "AT"), "C", "INS", (100, 101)),
    ],
)
def test_vcf_spellings_are_trimmed(
    pos: int,
    ref: str,
    alt: str,
    start: int,
    end: int,
    trimmed: tuple[str, str],
    anchor: str,
    variant_type: str,
    footprint: tuple[int, int],
) -> None:
    allele = Allele.from_vcf("17", pos, ref, alt)

    assert (allele.start, allele.end, allele.anchor) == (start, end, anchor)
    assert (allele.reference_bases, allele.alternate_bases) == trimmed
    assert (allele.variant_type, allele.footprint) == (variant_type, footprint)
    assert allele.length == max(map(len, trimmed))


@given(change=CHANGES, before=st.text(alphabet="ACGT", max_size=3))
def test_every_spelling_of_a_change_with_the_same_flank_is_the_same_allele(
    change: tuple[str, str], before: str
) -> None:
    ref, alt = change
    plain = Allele.from_bases("1", 50, ref, alt)
    padded = Allele.from_bases("1", 50 - len(before), before + ref, before + alt)

    # Longer flanks on the left may show that the change can be written further left; never right.
    assert padded.start <= plain.start
    assert padded.length == plain.length
    assert trim(*padded.trimmed) == padded.trimmed
    assert Allele.from_bases("1", *padded.anchored) == padded


@given(change=CHANGES, pos=st.integers(min_value=1, max_value=10_000))
def test_an_allele_survives_its_record_and_its_id(change: tuple[str, str], pos: int) -> None:
    allele = Allele.from_vcf("17", pos, *change)
    variation = variation_of(allele, "GRCh38")
    assembly, read = allele_from_record(variation)

    assert (assembly, read, read.anchor) == ("GRCh38", allele, allele.anchor)
    assert parse_internal_id(internal_id(allele, "GRCh38")) == ("GRCh38", allele)


@pytest.mark.parametrize(
    ("alt", "end", "svlen", "start", "stop", "variant_type", "length", "footprint"),
    [
        ("<DEL>", 26000, -5000, 21000, 26000, "DEL", 5000, (21000, 26000)),
        ("<DEL>", None, -50, 21000, 21050, "DEL", 50, (21000, 21050)),
        ("<DEL:ME:LINE1>", 22000, None, 21000, 22000, "DEL", 1000, (21000, 22000)),
        ("<DUP:TANDEM>", 21500, None, 21000, 21500, "DUP", 500, (21000, 21500)),
        ("<INS>", 21050, 52, 21000, 21000, "INS", 52, (20999, 21000)),
        ("<INS:ME:ALU>", None, None, 21000, 21000, "INS", 0, (20999, 21000)),
        ("<INV>", 21590, None, 21000, 21590, "INV", 590, (21000, 21590)),
        ("<CNV>", 22000, None, 21000, 22000, "CNV", 1000, (21000, 22000)),
        ("<CN0>", 22000, None, 21000, 22000, "DEL", 1000, (21000, 22000)),
        ("<CN2>", 22000, None, 21000, 22000, "DUP", 1000, (21000, 22000)),
        ("<CN=2>", 22000, None, 21000, 22000, "CNV", 1000, (21000, 22000)),
        ("<CN=3>", 22000, None, 21000, 22000, "DUP", 1000, (21000, 22000)),
        ("<STR12>", 21033, None, 21000, 21033, "STR", 33, (21000, 21033)),
        ("<CPX>", 22000, None, 21000, 22000, "CPX", 1000, (21000, 22000)),
        ("G]17:198982]", None, None, 20999, 21000, "BND", 1, (20999, 21000)),
        ("<BND>", 30000, -1, 20999, 21000, "BND", 1, (20999, 21000)),
    ],
)
def test_symbolic_alleles_and_breakends_have_extent_and_type(
    alt: str,
    end: int | None,
    svlen: int | None,
    start: int,
    stop: int,
    variant_type: str,
    length: int,
    footprint: tuple[int, int],
) -> None:
    allele = structural_from_vcf("2", 21000, "N", alt, end=end, svlen=svlen, info={"cn": 1})

    assert (allele.start, allele.end, allele.variant_type) == (start, stop, variant_type)
    assert (allele.length, allele.footprint, allele.spellings()) == (length, footprint, ())
    assert allele.info["alt"] == alt
    assert allele.info["cn"] == 1
    assert allele_from_record(variation_of(allele, "GRCh37")) == ("GRCh37", allele)
    assert parse_internal_id(internal_id(allele, "GRCh37")) == ("GRCh37", allele)


def test_a_breakend_knows_its_mate() -> None:
    allele = structural_from_vcf("2", 321681, "G", "G]17:198982]")

    assert allele.info["mate"] == "17:198982"
    assert internal_id(allele, "GRCh37") == "GRCh37-2-321681-321681-BND-G]17:198982]"


def test_structural_alleles_of_one_extent_differ_by_what_they_are() -> None:
    alts = ("<DUP>", "<DUP:TANDEM>", "<CN=3>", "<CN=4>")
    alleles = [structural_from_vcf("1", 100, "N", alt, end=900) for alt in alts]

    assert len(set(alleles)) == len(alts)
    assert len({internal_id(allele, "GRCh38") for allele in alleles}) == len(alts)


@pytest.mark.parametrize("alt", ["<*>", "<NON_REF>", "*", "."])
def test_what_is_no_change_is_no_structural_allele(alt: str) -> None:
    with pytest.raises(UnreadableVariation, match="no change"):
        structural_from_vcf("1", 100, "N", alt, end=100)


def test_an_end_before_the_position_is_refused() -> None:
    with pytest.raises(UnreadableVariation, match="END 50 lies before POS 100"):
        structural_from_vcf("1", 100, "N", "<DEL>", end=50)


def test_internal_ids_are_vcf_like() -> None:
    hcc78 = Allele("17", 7438502, 8115886, "", "", "DEL", structural=True)

    assert internal_id(Allele.from_vcf("17", 7577121, "G", "A"), "GRCh38") == (
        "GRCh38-17-7577121-G-A"
    )
    assert internal_id(hcc78, "GRCh38") == "GRCh38-17-7438503-8115886-DEL"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rs1234",
        "GRCh38-17-0-G-A",
        "GRCh38-chr17-100-G-A",
        "hg38-17-100-G-A",
        "GRCh38-17-100-GT-GA",
        "GRCh38-17-100-g-a",
        "GRCh38-17-0100-G-A",
        "GRCh38-17-100-DEL",
        "cf58d796a28326aca537a568aa0484a10529bb4f",
        f"GRCh38-17-{'9' * 5000}-G-A",
        f"GRCh38-17-100-{'9' * 5000}-DEL",
    ],
)
def test_other_texts_are_no_internal_ids(text: str) -> None:
    assert parse_internal_id(text) is None


def test_a_length_of_thousands_of_digits_is_no_length() -> None:
    parsed = parse_internal_id(f"GRCh38-17-100-99-INS-{'9' * 5000}")

    assert parsed is None or parsed[1].length == 0


def location(
    start: object, end: object, sequence_id: str = "refseq:NC_000017.11"
) -> dict[str, Any]:
    return {
        "type": "SequenceLocation",
        "sequence_id": sequence_id,
        "interval": {
            "type": "SequenceInterval",
            "start": {"type": "Number", "value": start},
            "end": {"type": "Number", "value": end},
        },
    }


SNP = Allele.from_vcf("17", 101, "G", "A")


@pytest.mark.parametrize(
    ("record", "assembly", "allele"),
    [
        pytest.param(
            {
                "variation": {
                    "variantType": "SNV",
                    "referenceBases": "G",
                    "alternateBases": "A",
                    "location": location(100.0, 101.0, "HGVSid:17:g.101G>A"),
                }
            },
            None,
            SNP,
            id="HGVS for a sequence id, floats for coordinates",
        ),
        pytest.param(
            {
                "identifiers": {"genomicHGVSId": "NC_000017.10:g.101G>A"},
                "variation": {
                    "alternateBases": "A",
                    "referenceBases": "G",
                    "location": location("100", "101", "HGVSid:17:g.101G>A"),
                },
            },
            "GRCh37",
            SNP,
            id="assembly from the HGVS expression",
        ),
        pytest.param(
            {
                "_position": {
                    "assemblyId": "GRCh37",
                    "refseqId": "17",
                    "startInteger": 100,
                    "endInteger": 101,
                },
                "variation": {"alternateBases": "A", "referenceBases": "G", "variantType": "SNP"},
            },
            "GRCh37",
            SNP,
            id="coordinates in _position",
        ),
        pytest.param(
            {
                "variation": {
                    "variantType": "INDEL",
                    "alternateBases": "TA",
                    "referenceBases": "T",
                    "location": location(100, 101),
                }
            },
            "GRCh38",
            Allele.from_vcf("17", 101, "T", "TA"),
            id="what is called INDEL is known to be an insertion",
        ),
        pytest.param(
            {
                "variation": {
                    "variantType": "dup",
                    "alternateBases": "TA",
                    "referenceBases": "T",
                    "location": location(100, 101),
                }
            },
            "GRCh38",
            Allele("17", 101, 101, "", "A", "DUP", "T"),
            id="a duplication by bases stays one",
        ),
        pytest.param(
            {
                "variation": {
                    "type": "Allele",
                    "location": location(100, 101),
                    "state": {"type": "LiteralSequenceExpression", "sequence": "A"},
                }
            },
            "GRCh38",
            Allele.from_vcf("17", 101, "N", "A"),
            id="VRS allele",
        ),
        pytest.param(
            {
                "identifiers": {"genomicHGVSId": "NC_000017.11:g.101G>A"},
                "variation": {
                    "type": "Allele",
                    "location": {
                        "sequence_id": "refseq:NC_000017.11",
                        "interval": {"type": "SimpleInterval", "start": 100, "end": 101},
                    },
                    "state": {"type": "SequenceState", "sequence": "A"},
                },
            },
            "GRCh38",
            SNP,
            id="VRS allele whose HGVS expression tells the reference base",
        ),
        pytest.param(
            {
                "variation": {
                    "type": "Allele",
                    "location": location(100, 20100),
                    "state": {"type": "LiteralSequenceExpression", "sequence": ""},
                }
            },
            "GRCh38",
            Allele("17", 100, 20100, "", "", "DEL", structural=True),
            id="long VRS deletion",
        ),
        pytest.param(
            {
                "variation": {
                    "type": "CopyNumberChange",
                    "subject": location(100, 900),
                    "copy_change": "efo:0030069",
                }
            },
            "GRCh38",
            Allele("17", 100, 900, "", "", "EFO:0030069", structural=True),
            id="copy number change",
        ),
        pytest.param(
            {
                "variation": {
                    "type": "CopyNumberCount",
                    "subject": {"type": "DerivedSequence", "location": location(100, 900)},
                    "copies": {"type": "Number", "value": 3},
                }
            },
            "GRCh38",
            Allele("17", 100, 900, "", "", "DUP", structural=True),
            id="copy number count",
        ),
        pytest.param(
            {
                "variation": {
                    "variantType": "DEL",
                    "alternateBases": "",
                    "location": {
                        "sequence_id": "refseq:NC_000017.11",
                        "interval": {
                            "start": {"type": "DefiniteRange", "min": 90, "max": 110},
                            "end": {"type": "DefiniteRange", "min": 880, "max": 900},
                        },
                    },
                }
            },
            "GRCh38",
            Allele("17", 90, 900, "", "", "DEL", structural=True),
            id="a range of breakpoints is taken at its widest",
        ),
        pytest.param(
            {
                "variation": {
                    "variantType": "",
                    "referenceBases": "N",
                    "alternateBases": "<CN0>",
                    "location": location(100, 900),
                }
            },
            "GRCh38",
            structural_from_vcf("17", 100, "N", "<CN0>", end=900),
            id="symbolic ALT for bases",
        ),
        pytest.param(
            {
                "variation": {
                    "variantType": "DEL",
                    "referenceBases": "N",
                    "alternateBases": "",
                    "location": location(100, 900),
                }
            },
            "GRCh38",
            Allele("17", 100, 900, "", "", "DEL", structural=True),
            id="N for the bases of a structural deletion",
        ),
        pytest.param(
            {
                "variation": {
                    "variantType": "SNP",
                    "alternateBases": "A",
                    "location": location(9, 10),
                }
            },
            "GRCh38",
            Allele.from_vcf("17", 10, "N", "A"),
            id="reference bases left out",
        ),
    ],
)
def test_records_are_read_in_all_their_forms(
    record: dict[str, Any], assembly: str | None, allele: Allele
) -> None:
    read = allele_from_record(record["variation"], record)

    assert read == (assembly, allele)


@pytest.mark.parametrize(
    ("variation", "says"),
    [
        ({"variantType": "DEL", "alternateBases": ""}, "no sequence"),
        (
            {"variantType": "DEL", "location": {"sequence_id": "refseq:NC_000017.11"}},
            "no coordinates",
        ),
        ({"alternateBases": "", "location": location(1, 2)}, "neither bases nor a variantType"),
        (
            {"alternateBases": "A", "referenceBases": "A", "location": location(1, 2)},
            "both 'A'",
        ),
        ({"variantType": "DEL", "location": location(9, 2)}, "no interval"),
        ({"type": "Haplotype", "members": [], "location": location(1, 2)}, "'Haplotype' is not"),
        (
            {"type": "Allele", "location": location(1, 2), "state": {"type": "X"}},
            "state is 'X'",
        ),
        ({"type": "CopyNumberChange", "subject": location(1, 2)}, "without copy_change"),
        ({"type": "CopyNumberCount", "subject": location(1, 2)}, "without a number"),
        ({"variantType": "DEL", "location": location(1, None)}, "needs the end"),
        ({"alternateBases": "A", "location": location(1, None)}, "the end of the interval"),
    ],
)
def test_unreadable_variations_say_why(variation: dict[str, Any], says: str) -> None:
    with pytest.raises(UnreadableVariation, match=says):
        allele_from_record(variation)


@pytest.mark.parametrize(
    "allele",
    [
        SNP,
        Allele.from_vcf("X", 101, "CAAG", "C"),
        Allele.from_vcf("MT", 1, "AC", "C"),
        structural_from_vcf("17", 100, "N", "<DUP:TANDEM>", end=900, info={"cipos": [-5, 5]}),
        structural_from_vcf("17", 100, "N", "N]2:300]"),
    ],
)
def test_what_is_written_is_a_valid_record(allele: Allele) -> None:
    record = {
        "variantInternalId": internal_id(allele, "GRCh38"),
        "variation": variation_of(allele, "GRCh38"),
    }

    assert list(validator("entry_types/genomicVariant.json").iter_errors(record)) == []


@pytest.mark.parametrize(
    ("asked", "stored", "found"),
    [
        ("DEL", "EFO:0030067", True),
        ("efo:0030067", "SO:0001743", True),
        ("DEL", "EFO:0030069", True),
        ("EFO:0020073", "EFO:0030069", True),
        ("EFO:0030069", "EFO:0030067", False),
        ("EFO:0030068", "EFO:0030069", False),
        ("SO:0001742", "DUP", True),
        ("DUP", "EFO:0030073", True),
        ("DUP", "DEL", False),
        ("CNV", "DUP", True),
        ("SO:0001019", "EFO:0030072", True),
        ("DUP", "CNV", False),
        ("SNV", "SNP", True),
        ("SO:0001483", "SNP", True),
        ("snp", "SNP", True),
        ("MNV", "MNP", True),
        ("SO:0000667", "INS", True),
        ("SO:1000036", "INV", True),
        ("BND", "BND", True),
        ("CPX", "CPX", True),
        ("CPX", "DEL", False),
    ],
)
@pytest.mark.parametrize("structural", [True, False])
def test_types_of_one_class_find_each_other_and_what_is_narrower(
    asked: str, stored: str, found: bool, structural: bool
) -> None:
    assert (stored in types_accepted(asked, structural=structural)) is found


def test_an_indel_is_an_insertion_or_deletion_known_by_its_bases() -> None:
    assert types_accepted("SO:1000032", structural=False) >= {"INDEL", "INS", "DEL"}
    assert types_accepted("INDEL", structural=True).isdisjoint({"INS", "DEL"})
