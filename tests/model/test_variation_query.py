"""What variation queries mean: the worked examples, the decision table, and the edges of both."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.framework.errors import InvalidRequest
from beacon.framework.query import VariationQuery
from beacon.model.variation import Allele
from beacon.model.variation_query import (
    MAX_POSITION,
    VariationCondition,
    bases_match,
    check_reference,
    check_variation,
    has_wildcards,
    interpret,
    not_applicable,
)

NC17 = "refseq:NC_000017.11"


def structural(start: int, end: int, variant_type: str) -> Allele:
    return Allele("17", start, end, "", "", variant_type, structural=True)


TOYS = {
    "A": Allele.from_vcf("17", 7577121, "G", "A"),
    "B": Allele.from_vcf("17", 7577121, "G", "T"),
    "C": Allele.from_vcf("17", 7577001, "CAAG", "C"),
    "D": Allele.from_vcf("17", 7577500, "T", "TGG"),
    "E": structural(7438502, 8115886, "DEL"),
    "F": structural(7675360, 7676734, "DEL"),
    "G": structural(7354708, 7671298, "DUP"),
    "H": structural(6282340, 8595256, "DEL"),
    "I": structural(7570151, 8144202, "DEL"),
    "J": Allele.from_vcf("17", 7674858, "C", "A"),
}
GENES = {("GRCh38", "TP53"): ("17", 7668420, 7687490)}


def genes(assembly: str, symbol: str) -> tuple[str, int, int] | None:
    return GENES.get((assembly, symbol))


def condition_of(assembly: str = "GRCh38", **parameters: Any) -> VariationCondition | None:
    query = VariationQuery(**parameters)
    check_variation(query)
    return interpret(query, assembly, genes)


def found(assembly: str = "GRCh38", **parameters: Any) -> str:
    condition = condition_of(assembly, **parameters)
    if condition is None:
        return ""
    return "".join(name for name, allele in TOYS.items() if condition.matches(allele))


RANGE = {"reference_name": NC17, "start": (7572837,), "end": (7578641,)}
BRACKET = {"reference_name": NC17, "start": (5000000, 7676592), "end": (7669607, 10000000)}


def at(start: int, ref: str | None, alt: str | None, name: str = NC17) -> dict[str, Any]:
    return {
        "reference_name": name,
        "start": (start,),
        "reference_bases": ref,
        "alternate_bases": alt,
    }


def between(start: int, end: int, **more: Any) -> dict[str, Any]:
    return {"reference_name": NC17, "start": (start,), "end": (end,), **more}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        pytest.param(at(7577120, "G", "A"), "A", id="1 sequence"),
        pytest.param(at(7577120, "G", "N"), "AB", id="2 any base"),
        pytest.param(at(7577120, None, "T"), "B", id="3 without reference bases"),
        pytest.param(at(7577121, "G", "A"), "", id="4 one-based by mistake"),
        pytest.param(RANGE, "ABCDEGHI", id="5 range"),
        pytest.param({**RANGE, "variant_type": "DEL"}, "CEHI", id="6 range of deletions"),
        pytest.param(
            {**RANGE, "variant_type": "DEL", "variant_max_length": 1000}, "C", id="7 short"
        ),
        pytest.param(
            {**RANGE, "variant_type": "DEL", "variant_min_length": 1000}, "EHI", id="8 long"
        ),
        pytest.param({**RANGE, "alternate_bases": "A"}, "A", id="9 range narrowed by bases"),
        pytest.param(
            between(7577121, 7577122, variant_max_length=100), "", id="10 range starts at the end"
        ),
        pytest.param(
            between(7577119, 7577120, variant_max_length=100), "", id="11 range ends at the start"
        ),
        pytest.param(between(7577120, 7577121, variant_max_length=100), "AB", id="12 one base"),
        pytest.param(between(7668420, 7687490), "EFGHIJ", id="13 TP53"),
        pytest.param({**BRACKET, "variant_type": "DEL"}, "EFHI", id="14 bracket of deletions"),
        # Without a type the bracket holds the SNP J as well: it starts and ends within the bounds.
        pytest.param(BRACKET, "EFGHIJ", id="15 bracket"),
        pytest.param(
            {"reference_name": NC17, "start": (7675360, 7675361), "end": (7676734, 7676735)},
            "F",
            id="16 precise bracket",
        ),
        pytest.param(
            {
                "reference_name": NC17,
                "start": (5000000, 7675360),
                "end": (7669607, 10000000),
                "variant_type": "DEL",
            },
            "EHI",
            id="17 upper bound is exclusive",
        ),
        pytest.param(between(7577400, 7577600, alternate_bases="N"), "", id="18 one base only"),
        pytest.param(between(7577400, 7577600, alternate_bases="NGG"), "D", id="18 three bases"),
        pytest.param(at(7577000, "CAAG", "C"), "C", id="19 anchored"),
        pytest.param(at(7577001, "AAG", ""), "C", id="19 trimmed"),
        pytest.param(
            {**at(7577120, "G", "A", "17"), "assembly_id": "GRCh38"}, "A", id="20 bare name"
        ),
        pytest.param(
            {**at(7577120, "G", "A", "chr17"), "assembly_id": "hg38"}, "A", id="20 UCSC names"
        ),
        pytest.param(at(7577120, "G", "A", "NC_000017.11"), "A", id="20 accession"),
        pytest.param(at(7577120, "G", "A", "NC_000017.10"), "", id="21 other assembly"),
        pytest.param({"gene_id": "TP53", "variant_type": "DEL"}, "EFHI", id="22 gene"),
        pytest.param({**BRACKET, "variant_type": "EFO:0030067"}, "EFHI", id="23 equivalent type"),
    ],
)
def test_worked_examples(parameters: dict[str, Any], expected: str) -> None:
    assert found(**parameters) == expected


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        pytest.param({"reference_name": NC17, "start": (5,)}, "needs alternateBases", id="start"),
        pytest.param(
            {"reference_name": NC17, "start": (5,), "variant_type": "DEL"},
            "needs alternateBases",
            id="start and type",
        ),
        pytest.param(
            {"reference_name": NC17, "start": (5,), "variant_min_length": 3},
            "needs alternateBases",
            id="start and length",
        ),
        pytest.param(
            {"reference_name": NC17, "start": (5,), "reference_bases": "G"},
            "needs alternateBases",
            id="start and reference bases",
        ),
        pytest.param({"reference_name": NC17, "start": (5, 6)}, "start has 2 and end 0", id="2+0"),
        pytest.param({"reference_name": NC17, "end": (5,)}, "start has 0 and end 1", id="0+1"),
        pytest.param({"reference_name": NC17, "end": (5, 6)}, "start has 0 and end 2", id="0+2"),
        pytest.param(
            {"reference_name": NC17, "start": (5, 6), "end": (9,)},
            "start has 2 and end 1",
            id="2+1",
        ),
        pytest.param(
            {"reference_name": NC17, "start": (5,), "end": (9, 10)},
            "start has 1 and end 2",
            id="1+2",
        ),
        pytest.param(
            {"reference_name": NC17, "start": (1, 2, 3), "end": (9,)},
            "start has 3 values",
            id="3+1",
        ),
        pytest.param(
            {"reference_name": NC17, "start": (6, 5), "end": (7, 8)},
            "start must be",
            id="start down",
        ),
        pytest.param(
            {"reference_name": NC17, "start": (5, 6), "end": (8, 7)}, "end must be", id="end down"
        ),
        pytest.param(
            {"reference_name": NC17, "start": (7,), "end": (7,)}, "start < end", id="empty range"
        ),
        pytest.param(
            {"reference_name": NC17, "start": (8,), "end": (7,)}, "start < end", id="range down"
        ),
        pytest.param(
            {"reference_name": NC17, "start": (-1,), "end": (7,)}, "0 or more", id="negative"
        ),
        pytest.param(
            {"reference_name": NC17, "start": (1,), "end": (2**63,)}, "64 bits", id="too large"
        ),
        pytest.param({"start": (5,), "end": (7,)}, "need a referenceName", id="no sequence"),
        pytest.param(
            {"gene_id": "TP53", "start": (5,), "end": (7,)}, "need a referenceName", id="gene only"
        ),
        pytest.param({"mate_name": "chr9"}, "mateName is not supported", id="mate"),
        pytest.param(at(5, "G", "a"), "upper case", id="lower case"),
        pytest.param(at(5, "G", "<DEL>"), "use variantType", id="symbolic"),
        pytest.param(at(5, "G", "."), "IUPAC", id="dot"),
        pytest.param(at(5, "-", "A"), "IUPAC", id="dash"),
        pytest.param(at(5, "G", "A.*"), "IUPAC", id="regular expression"),
        pytest.param(at(5, "", ""), "nothing changed", id="no bases at all"),
        pytest.param(
            {**RANGE, "variant_min_length": 5, "variant_max_length": 4}, "above", id="lengths"
        ),
        pytest.param({**RANGE, "variant_min_length": -1}, "0 or more", id="negative length"),
        pytest.param({**RANGE, "variant_max_length": 0}, "1 or more", id="no length"),
        pytest.param({"gene_id": " "}, "geneId is empty", id="empty text"),
        pytest.param({"reference_name": "chr99"}, "chr99", id="unknown sequence"),
        pytest.param(
            {"reference_name": "17", "assembly_id": "hg99"}, "hg99", id="unknown assembly"
        ),
        pytest.param(
            {"reference_name": NC17, "assembly_id": "hg19"}, "belongs to GRCh38", id="contradiction"
        ),
    ],
)
def test_what_is_no_question_is_refused(parameters: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        check_variation(VariationQuery(**parameters))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        pytest.param({"reference_name": NC17}, "ABCDEFGHIJ", id="a whole sequence"),
        pytest.param({"reference_name": "NC_000018.10"}, "", id="another sequence"),
        pytest.param(
            {**RANGE, "reference_bases": "G", "alternate_bases": "A"}, "A", id="range with bases"
        ),
        pytest.param({**BRACKET, "alternate_bases": "A"}, "J", id="bracket with bases"),
        pytest.param(
            {**RANGE, "variant_type": "SNP", "alternate_bases": "T"}, "B", id="type and bases"
        ),
        pytest.param(
            {**RANGE, "variant_type": "DEL", "alternate_bases": "A"}, "", id="type against bases"
        ),
        pytest.param(
            {"gene_id": "TP53", **between(7675000, 7676000)}, "EFHI", id="gene and positions"
        ),
        pytest.param({"variant_type": "DUP"}, "G", id="a type anywhere"),
        pytest.param({}, "ABCDEFGHIJ", id="nothing asked"),
        pytest.param(at(7577120, "G", "R"), "A", id="IUPAC code"),
        pytest.param({**RANGE, "reference_bases": "CAAG"}, "C", id="anchored bases in a range"),
        pytest.param({**RANGE, "reference_bases": "AAG"}, "C", id="trimmed bases in a range"),
        pytest.param(
            {**RANGE, "reference_bases": "TAAG", "alternate_bases": "T"}, "", id="another anchor"
        ),
        pytest.param({**RANGE, "variant_type": "INDEL"}, "CD", id="indels are small"),
        pytest.param(at(7577498, "ATC", "ATGGC"), "D", id="flanks on both sides"),
        pytest.param(at(7577498, "ATC", "ATGAC"), "", id="another insertion"),
        pytest.param(at(7577498, "AT", "ATGG"), "D", id="longer flank than needed"),
        pytest.param(at(7577118, "ATG", "ATA"), "A", id="substitution with flank"),
        pytest.param({**RANGE, "variant_min_length": 3, "variant_max_length": 3}, "C", id="bounds"),
        pytest.param({"reference_name": "17", "gene_id": "NOSUCH"}, "", id="unknown gene"),
    ],
)
def test_other_combinations_are_joined_by_and(parameters: dict[str, Any], expected: str) -> None:
    assert found(**parameters) == expected


@pytest.mark.parametrize(
    ("allele", "touched"),
    [
        (Allele.from_vcf("17", 101, "G", "A"), (100, 101)),
        (Allele.from_vcf("17", 101, "G", "GA"), (100, 101)),
        (Allele.from_vcf("17", 101, "GAC", "G"), (100, 103)),
        (structural(100, 200, "DEL"), (100, 200)),
        (structural(100, 100, "INS"), (99, 100)),
    ],
)
def test_a_range_finds_what_it_overlaps_by_a_base(allele: Allele, touched: tuple[int, int]) -> None:
    start, end = touched

    def finds(low: int, high: int) -> bool:
        condition = condition_of(**between(low, high))
        return condition is not None and condition.matches(allele)

    assert finds(start, end)
    assert finds(start - 50, end + 50)
    assert finds(end - 1, end + 10)
    assert finds(start - 10, start + 1)
    assert not finds(end, end + 10)
    assert not finds(start - 10, start)


def test_a_bracket_up_to_the_end_of_the_sequence_includes_it() -> None:
    whole = Allele("2", 1000, 242_193_529, "", "", "DUP", structural=True)
    bounds: dict[str, Any] = {"reference_name": "NC_000002.12", "start": (0, 5000)}
    to_the_end = condition_of(**bounds, end=(63_900_000, 242_193_529))
    short_of_it = condition_of(**bounds, end=(63_900_000, 242_193_528))

    assert to_the_end is not None
    assert to_the_end.matches(whole)
    assert short_of_it is not None
    assert not short_of_it.matches(whole)


def test_positions_beyond_any_chromosome_are_lowered() -> None:
    condition = condition_of(reference_name=NC17, start=(10,), end=(10**12,))

    assert condition is not None
    assert condition.end == (MAX_POSITION,)
    assert condition.matches(TOYS["A"])


def test_types_compare_without_case_and_wider_finds_narrower() -> None:
    loss = structural(10, 20, "EFO:0030069")
    any_loss, complete = condition_of(variant_type="del"), condition_of(variant_type="efo:0030069")

    assert any_loss is not None
    assert any_loss.matches(loss)
    assert complete is not None
    assert complete.matches(loss)
    assert not complete.matches(structural(10, 20, "DEL"))


ANNOTATION = {
    "identifiers": {
        "genomicHGVSId": "NC_000017.11:g.7577121G>A",
        "transcriptHGVSIds": ["NM_000546.6:c.817C>T"],
        "proteinHGVSIds": ["NP_000537.3:p.Arg273Cys"],
        "variantAlternativeIds": [{"id": "dbSNP:rs121913343"}, {"id": "COSMIC:COSV52661091"}],
    },
    "molecularAttributes": {"geneIds": ["TP53"], "aminoacidChanges": ["R273C"]},
}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"aminoacid_change": "R273C"}, True),
        ({"aminoacid_change": " R273C "}, True),
        ({"aminoacid_change": "R273"}, False),
        ({"aminoacid_change": "R273C", "gene_id": "TP53"}, True),
        ({"aminoacid_change": "R273C", "gene_id": "BRCA1"}, False),
        ({"genomic_allele_short_form": "NC_000017.11:g.7577121G>A"}, True),
        ({"genomic_allele_short_form": "NM_000546.6:c.817C>T"}, True),
        ({"genomic_allele_short_form": "NP_000537.3:p.Arg273Cys"}, True),
        ({"genomic_allele_short_form": "NM_000546.6:c.817"}, False),
        ({"genomic_allele_short_form": "rs121913343"}, True),
        ({"genomic_allele_short_form": "rs12191334"}, False),
        ({"genomic_allele_short_form": "COSV52661091"}, False),
        ({"gene_id": "TP53", "assembly_id": "GRCh38"}, True),
        ({**RANGE, "aminoacid_change": "R273C"}, True),
        ({**RANGE, "aminoacid_change": "V600E"}, False),
    ],
)
def test_annotations_are_asked_for(parameters: dict[str, Any], expected: bool) -> None:
    condition = condition_of(**parameters)

    assert condition is not None
    assert condition.matches(TOYS["A"], ANNOTATION) is expected


@pytest.mark.parametrize("annotation", [None, {}, {"molecularAttributes": None}])
def test_an_allele_without_annotation_has_no_amino_acid_change(annotation: Any) -> None:
    condition = condition_of(aminoacid_change="R273C")

    assert condition is not None
    assert not condition.matches(TOYS["A"], annotation)


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        (at(5, "G", "A"), "sequence"),
        (RANGE, "range"),
        (BRACKET, "bracket"),
        ({**RANGE, "gene_id": "TP53"}, "range"),
        ({"reference_name": NC17}, "reference"),
        ({"reference_name": NC17, "gene_id": "TP53"}, "gene"),
        ({"aminoacid_change": "V600E"}, "annotation"),
        ({"variant_type": "DEL"}, "any"),
    ],
)
def test_shape_decides_the_kind(parameters: dict[str, Any], kind: str) -> None:
    condition = condition_of(**parameters)

    assert condition is not None
    assert condition.kind == kind


@pytest.mark.parametrize(
    ("asked", "written", "fits"),
    [
        ("ANNT", "ACGT", True),
        ("ANNT", "ACT", False),
        ("ANNT", "GACGTA", False),
        ("N", "N", True),
        ("N", "", False),
        ("", "", True),
        ("", "A", False),
        ("R", "A", True),
        ("R", "C", False),
        ("R", "R", True),
        ("A", "N", False),
        (None, "ACGT", True),
    ],
)
def test_bases_fit_position_by_position(asked: str | None, written: str, fits: bool) -> None:
    assert bases_match(asked, written) is fits


def test_uracil_is_thymine() -> None:
    assert found(**at(7577120, "G", "U")) == "B"


def test_codes_for_several_bases_are_wildcards() -> None:
    assert [has_wildcards(bases) for bases in ("ACGT", "", "ANT", "R")] == [
        False,
        False,
        True,
        True,
    ]


def test_two_wildcards_are_two_bases_and_never_trimmed_away() -> None:
    assert found(**at(7577120, "N", "N")) == "AB"
    assert found(**at(7577000, "CNN", "C")) == ""
    assert found(**at(7577000, "CNNN", "C")) == "C"
    assert found(**at(7577499, "N", "NGG")) == "D"


@given(
    change=st.tuples(
        st.text("ACGT", min_size=1, max_size=4), st.text("ACGT", min_size=1, max_size=4)
    ),
    flank=st.text("ACGT", max_size=3),
)
def test_an_allele_is_found_by_its_spellings_and_by_the_one_it_came_with(
    change: tuple[str, str], flank: str
) -> None:
    ref, alt = change[0] + flank, change[1] + flank
    if ref == alt:
        return
    allele = Allele.from_vcf("17", 101, ref, alt)
    conditions = [
        condition_of(**at(*spelling)) for spelling in (*allele.spellings(), (100, ref, alt))
    ]

    assert all(condition is not None and condition.matches(allele) for condition in conditions)


def test_a_dataset_on_another_assembly_is_not_concerned() -> None:
    query = VariationQuery(**at(7577120, "G", "A", "NC_000017.10"))

    assert interpret(query, "GRCh38", genes) is None
    assert not_applicable(query, "GRCh38") == "the query is on GRCh37, this dataset on GRCh38"
    assert not_applicable(query, "GRCh37") is None


def test_a_bare_chromosome_needs_an_assembly_where_several_are_served() -> None:
    bare = VariationQuery(reference_name="17")

    with pytest.raises(InvalidRequest, match="GRCh37 and GRCh38"):
        check_reference(bare, ["GRCh37", "GRCh38"])
    check_reference(bare, ["GRCh38", "GRCh38"])
    check_reference(bare, [])
    check_reference(VariationQuery(reference_name="17", assembly_id="hg19"), ["GRCh37", "GRCh38"])
    check_reference(VariationQuery(gene_id="TP53"), ["GRCh37", "GRCh38"])
