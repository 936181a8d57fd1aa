"""Genomic HGVS: what expressions say, how alleles are written, and questions by expression."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_reference import bases_from

from beacon.framework.errors import InvalidRequest
from beacon.framework.query import VariationQuery
from beacon.model.allele import Allele, Spelling
from beacon.model.hgvs import GenomicName, genomic, parse_genomic
from beacon.model.normalisation import left_shifted
from beacon.model.reference import Bases
from beacon.model.variation_query import check_reference, check_variation, interpret

#            0123456789012345678
REFERENCE = "GGATTTTCACACACGTACC"
bases = bases_from(REFERENCE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NC_000017.11:g.6T>G", ("GRCh38", "17", "substitution", 5, 6, "T", "G")),
        ("refseq:NC_000017.10:g.6T>G", ("GRCh37", "17", "substitution", 5, 6, "T", "G")),
        ("HGVSid:22:g.16050075A>G", (None, "22", "substitution", 16050074, 16050075, "A", "G")),
        ("chr17:g.6_7TT>GA", (None, "17", "substitution", 5, 7, "TT", "GA")),
        ("17:g.6TT>GA", (None, "17", "substitution", 5, 7, "TT", "GA")),
        ("17:g.6_7delinsG", (None, "17", "substitution", 5, 7, None, "G")),
        ("17:g.6_7delTTinsG", (None, "17", "substitution", 5, 7, "TT", "G")),
        ("17:g.6del", (None, "17", "del", 5, 6, None, "")),
        ("17:g.6_8del", (None, "17", "del", 5, 8, None, "")),
        ("17:g.6_8delTTC", (None, "17", "del", 5, 8, "TTC", "")),
        ("17:g.6_8del3", (None, "17", "del", 5, 8, None, "")),
        ("17:g.6_7insA", (None, "17", "ins", 6, 6, "", "A")),
        ("17:g.6_7dup", (None, "17", "dup", 5, 7, None, None)),
        ("17:g.6_7dupTT", (None, "17", "dup", 5, 7, "TT", None)),
        ("17:g.6_8inv", (None, "17", "inv", 5, 8, None, None)),
        ("NC_012920.1:m.263A>G", (None, "MT", "substitution", 262, 263, "A", "G")),
        ("chrM:m.263A>G", (None, "MT", "substitution", 262, 263, "A", "G")),
        (" NC_000017.11:g.6T>G ", ("GRCh38", "17", "substitution", 5, 6, "T", "G")),
    ],
)
def test_expressions_are_read(text: str, expected: tuple[Any, ...]) -> None:
    assert parse_genomic(text) == GenomicName(*expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "g.1",
        "TP53",
        "NM_000546.6:c.817C>T",
        "NP_000537.3:p.Arg273Cys",
        "NC_000017.12:g.6T>G",  # no such version
        "NC_000017.11:g.0T>G",
        "NC_000017.11:g.83257442T>G",  # beyond the end
        "17:m.6T>G",
        "17:g.6=",
        "17:g.(5_6)_(8_9)del",
        "17:g.7_6del",
        "17:g.6_7delTTC",  # three bases are not two
        "17:g.6_8del2",
        "17:g.6_8insA",  # no neighbours
        "17:g.6insA",
        "17:g.6inv",
        "17:g.6_8T[3]",
        "17:g.6t>g",
    ],
)
def test_other_texts_are_no_expressions(text: str) -> None:
    assert parse_genomic(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("17:g.6T>G", Spelling(5, "T", "G")),
        ("17:g.6_8del", Spelling(5, "TTC", "")),
        ("17:g.6_8delAAA", Spelling(5, "AAA", "")),  # what is written counts
        ("17:g.6_8delinsG", Spelling(5, "TTC", "G")),
        ("17:g.7_8dup", Spelling(8, "", "TC")),
        ("17:g.7_8inv", Spelling(6, "TC", "GA")),
        ("17:g.15_19inv", Spelling(14, "GTACC", "GGTAC")),
        ("17:g.18_21del", None),  # the reference ends before
    ],
)
def test_the_reference_fills_in_bases(text: str, expected: Spelling | None) -> None:
    name = parse_genomic(text)

    assert name is not None
    assert name.spelling(bases) == expected


def test_without_a_reference_written_bases_must_do() -> None:
    spellings = {
        text: name.spelling()
        for text in ("17:g.6_7del", "17:g.6_7delTT", "17:g.6_7dup", "17:g.6_7dupTT", "17:g.6_7insA")
        if (name := parse_genomic(text))
    }

    assert spellings == {
        "17:g.6_7del": None,
        "17:g.6_7delTT": Spelling(5, "TT", ""),
        "17:g.6_7dup": None,
        "17:g.6_7dupTT": Spelling(7, "", "TT"),
        "17:g.6_7insA": Spelling(6, "", "A"),
    }


@pytest.mark.parametrize(
    ("spelling", "known", "expected"),
    [
        ((5, "T", "G"), None, "6T>G"),
        ((5, "TT", "GA"), None, "6_7delinsGA"),
        ((5, "TTC", "GA"), None, "6_8delinsGA"),
        ((1, "G", "CC"), None, "2delinsCC"),
        ((6, "TC", "GA"), None, "7_8inv"),
        ((3, "T", ""), None, None),
        ((3, "T", ""), bases, "7del"),  # the last of the run
        ((3, "TT", ""), bases, "6_7del"),
        ((3, "", "T"), bases, "7dup"),
        ((3, "", "TT"), bases, "6_7dup"),
        ((14, "", "T"), bases, "14_15insT"),
        ((7, "CA", ""), bases, "13_14del"),  # CA of CACACAC: the last two are AC
        ((7, "", "CA"), bases, "13_14dup"),
    ],
)
def test_alleles_are_written(
    spelling: tuple[int, str, str], known: Bases | None, expected: str | None
) -> None:
    written = genomic(Allele.from_bases("17", *spelling), "GRCh38", known)

    assert written == (expected and f"NC_000017.11:g.{expected}")


def test_the_mitochondrion_and_unknown_sequences() -> None:
    assert genomic(Allele.from_vcf("MT", 263, "A", "G"), "GRCh37") == "NC_012920.1:m.263A>G"
    assert genomic(Allele.from_vcf("GL000192.1", 263, "A", "G"), "GRCh37") is None
    assert genomic(Allele.from_vcf("17", 263, "N", "G"), "GRCh37") is None


@given(
    text=st.text("ACG", min_size=8, max_size=24),
    start=st.integers(0, 7),
    size=st.integers(0, 4),
    alternate=st.text("ACG", max_size=4),
)
def test_what_is_written_reads_as_the_same_allele(
    text: str, start: int, size: int, alternate: str
) -> None:
    reference = text[start : start + size]
    if reference == alternate:
        return
    known = bases_from(text + "T")
    allele = Allele.from_bases("17", start, reference, alternate)
    expression = genomic(allele, "GRCh38", known)
    if expression is None:  # an insertion before the first base has nothing to stand between
        assert allele.start == 0
        return

    name = parse_genomic(expression)

    assert name is not None
    assert name.assembly == "GRCh38"
    spelling = name.spelling(known)
    assert spelling is not None
    again = Allele.from_bases("17", *spelling)
    assert left_shifted(again, known) == left_shifted(allele, known)


# Questions ------------------------------------------------------------------------------------

SNV = Allele.from_bases("17", 5, "T", "G")
RUN = Allele.from_bases("17", 2, "AT", "A")  # one T of four, leftmost
RUN_RIGHT = Allele.from_bases("17", 6, "T", "")
STRUCTURAL = Allele("17", 5, 8, "", "", "DEL", structural=True)
DOUBLED = Allele("17", 5, 8, "", "", "DUP", structural=True)


def found(
    text: str, alleles: dict[str, Allele], known: Bases | None = None, assembly: str = "GRCh38"
) -> set[str]:
    query = VariationQuery(genomic_allele_short_form=text)
    check_variation(query)
    condition = interpret(query, assembly, lambda *_: None, known)
    assert condition is not None
    return {name for name, allele in alleles.items() if condition.matches(allele)}


ALLELES = {
    "snv": SNV,
    "run": RUN,
    "right": RUN_RIGHT,
    "structural": STRUCTURAL,
    "doubled": DOUBLED,
    "ttc": Allele.from_bases("17", 5, "TTC", ""),
    "copy": Allele.from_bases("17", 8, "", "TTC"),
}


@pytest.mark.parametrize(
    ("text", "known", "expected"),
    [
        ("NC_000017.11:g.6T>G", None, {"snv"}),
        ("17:g.6T>G", None, {"snv"}),
        ("17:g.6A>G", None, set()),
        ("18:g.6T>G", None, set()),
        ("17:g.7del", None, {"right"}),
        ("17:g.7del", bases, {"right", "run"}),  # as written, and where VCF would have it
        ("17:g.7delT", bases, {"right", "run"}),
        ("17:g.6_8del", None, {"ttc", "structural"}),
        ("17:g.6_8del", bases, {"ttc", "structural"}),
        ("17:g.6_8dup", None, {"doubled"}),
        ("17:g.6_8dup", bases, {"doubled", "copy"}),
        ("17:g.6_8dupTTC", None, {"doubled", "copy"}),
        ("17:g.5_8del", None, set()),
    ],
)
def test_an_expression_finds_its_allele(text: str, known: Bases | None, expected: set[str]) -> None:
    assert found(text, ALLELES, known) == expected


def test_an_expression_on_another_assembly_is_a_text() -> None:
    assert found("NC_000017.10:g.6T>G", ALLELES) == set()


def test_records_that_say_so_are_found_too() -> None:
    text = "NC_000017.11:g.6T>G"
    condition = interpret(VariationQuery(genomic_allele_short_form=text), "GRCh38", lambda *_: None)

    assert condition is not None
    other = Allele.from_bases("17", 10, "C", "G")
    assert condition.matches(other, {"identifiers": {"genomicHGVSId": text}})
    assert not condition.matches(other, {"identifiers": {"genomicHGVSId": "else"}})


def test_what_else_is_asked_holds_as_well() -> None:
    condition = interpret(
        VariationQuery(genomic_allele_short_form="NC_000017.11:g.6T>G", variant_type="DEL"),
        "GRCh38",
        lambda *_: None,
    )

    assert condition is not None
    assert not condition.matches(SNV)


def test_contradictions_and_bare_chromosomes_are_refused() -> None:
    contradicts = VariationQuery(
        genomic_allele_short_form="NC_000017.10:g.6T>G", assembly_id="GRCh38"
    )
    bare = VariationQuery(genomic_allele_short_form="17:g.6T>G")

    with pytest.raises(InvalidRequest, match="genomicAlleleShortForm is on GRCh37"):
        check_variation(contradicts)
    with pytest.raises(InvalidRequest, match="needs an assemblyId"):
        check_reference(bare, ["GRCh37", "GRCh38"])
    check_reference(bare, ["GRCh38"])
    check_reference(VariationQuery(genomic_allele_short_form="chrM:m.263A>G"), ["GRCh37", "GRCh38"])
    check_reference(VariationQuery(genomic_allele_short_form="g.1"), ["GRCh37", "GRCh38"])


def test_left_shifted_datasets_are_asked_for_the_left_shifted_allele() -> None:
    query = VariationQuery(
        reference_name="17", start=(6,), reference_bases="T", alternate_bases="", assembly_id="hg38"
    )
    plain = interpret(query, "GRCh38", lambda *_: None, bases)
    shifted = interpret(query, "GRCh38", lambda *_: None, bases, normalised=True)

    assert plain is not None
    assert shifted is not None
    assert [plain.matches(RUN), plain.matches(RUN_RIGHT)] == [False, True]
    assert [shifted.matches(RUN), shifted.matches(RUN_RIGHT)] == [True, False]
