"""Joining what is said of a variant: nothing is lost, nothing is said twice."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.model.annotation import merged
from beacon.model.consequences import UNKNOWN_SEVERITY, consequence, consequences
from beacon.model.protein_changes import change_forms, residue_change


def interpretation(tool: str, relevance: str) -> dict[str, object]:
    return {
        "conditionId": "MONDO:0016419",
        "effect": {"id": "MONDO:0016419"},
        "clinicalRelevance": relevance,
        "annotatedWith": {"toolName": tool, "version": "1", "toolReferences": {"url": "u"}},
    }


OLD = {
    "variantInternalId": "v1",
    "variation": {"variantType": "SNP"},
    "caseLevelData": [{"biosampleId": "b1"}],
    "identifiers": {"genomicHGVSId": "NC_1:g.1A>C", "transcriptHGVSIds": ["NM_1:c.1A>C"]},
    "molecularAttributes": {
        "geneIds": ["BRCA1"],
        "molecularEffects": [{"id": "SO:0001583", "label": "missense"}],
    },
    "variantLevelData": {
        "clinicalInterpretations": [
            interpretation("InterVar", "benign"),
            interpretation("ClinVar", "uncertain significance"),
        ]
    },
}
NEW = {
    "variantInternalId": "other",
    "variation": {},
    "caseLevelData": [],
    "identifiers": {
        "genomicHGVSId": "NC_2:g.1A>C",
        "transcriptHGVSIds": ["NM_2:c.1A>C", "NM_1:c.1A>C"],
        "clinvarVariantId": "clinvar:7",
    },
    "molecularAttributes": {
        "geneIds": ["BRCA1", "NBR2"],
        "molecularEffects": [
            {"id": "SO:0001583", "label": "missense_variant"},
            {"id": "SO:0001627", "label": "intron_variant"},
        ],
    },
    "variantLevelData": {"clinicalInterpretations": [interpretation("ClinVar", "pathogenic")]},
}


def test_lists_are_united_and_what_was_there_stays_first():
    attributes = merged(OLD, NEW)["molecularAttributes"]

    assert attributes["geneIds"] == ["BRCA1", "NBR2"]
    assert [term["id"] for term in attributes["molecularEffects"]] == ["SO:0001583", "SO:0001627"]
    assert attributes["molecularEffects"][0]["label"] == "missense"


def test_a_single_identifier_is_set_only_where_it_was_missing():
    identifiers = merged(OLD, NEW)["identifiers"]

    assert identifiers == {
        "genomicHGVSId": "NC_1:g.1A>C",
        "transcriptHGVSIds": ["NM_1:c.1A>C", "NM_2:c.1A>C"],
        "clinvarVariantId": "clinvar:7",
    }


def test_interpretations_of_the_same_tool_are_replaced_and_those_of_others_kept():
    found = merged(OLD, NEW)["variantLevelData"]["clinicalInterpretations"]

    assert [(one["annotatedWith"]["toolName"], one["clinicalRelevance"]) for one in found] == [
        ("InterVar", "benign"),
        ("ClinVar", "pathogenic"),
    ]


def test_what_a_variant_is_is_never_touched():
    record = merged(OLD, NEW)
    what_it_is = ("variation", "variantInternalId")

    assert {key: record[key] for key in what_it_is} == {key: OLD[key] for key in what_it_is}
    assert merged({}, NEW).keys() == NEW.keys() - {*what_it_is}


def test_what_is_said_of_carriers_is_joined_by_biosample():
    old = {"caseLevelData": [{"biosampleId": "b1", "zygosity": {"id": "GENO:0000135"}}]}
    new = {"caseLevelData": [{"biosampleId": "b2"}, {"biosampleId": "b1", "alleleOrigin": "g"}]}
    expected = [
        {"biosampleId": "b1", "zygosity": {"id": "GENO:0000135"}, "alleleOrigin": "g"},
        {"biosampleId": "b2"},
    ]

    assert merged(old, new)["caseLevelData"] == expected
    assert merged(merged(old, new), new)["caseLevelData"] == expected


def test_neither_record_nor_fragment_is_changed():
    old, new = copy.deepcopy(OLD), copy.deepcopy(NEW)
    merged(old, new)

    assert (old, new) == (OLD, NEW)


@pytest.mark.parametrize(
    "old",
    [
        {"molecularAttributes": None},
        {"molecularAttributes": {"geneIds": "BRCA1"}},
        {"molecularAttributes": {"geneIds": None}},
        {"variantLevelData": {"clinicalInterpretations": [{"annotatedWith": "text"}, None]}},
    ],
)
def test_records_that_depart_from_their_schema_can_be_added_to(old):
    record = merged(old, NEW)

    assert record["molecularAttributes"]["geneIds"] == ["BRCA1", "NBR2"]
    assert merged(record, NEW) == record


words = st.sampled_from(["a", "b", "c"])
fragments = st.fixed_dictionaries(
    {},
    optional={
        "identifiers": st.fixed_dictionaries(
            {}, optional={"genomicHGVSId": words, "transcriptHGVSIds": st.lists(words)}
        ),
        "molecularAttributes": st.fixed_dictionaries(
            {},
            optional={
                "geneIds": st.lists(words),
                "molecularEffects": st.lists(
                    st.fixed_dictionaries({"id": words, "label": words}), max_size=3
                ),
            },
        ),
        "variantLevelData": st.fixed_dictionaries(
            {
                "clinicalInterpretations": st.lists(
                    st.builds(interpretation, words, words), max_size=3
                )
            }
        ),
    },
)


@given(fragments, fragments)
def test_adding_the_same_again_changes_nothing(old, new):
    once = merged(old, new)

    assert merged(once, new) == once


@pytest.mark.parametrize(
    ("written", "forms"),
    [
        ("p.Val600Glu", ("V600E", "p.Val600Glu")),
        ("p.(Val600Glu)", ("V600E", "p.Val600Glu")),
        ("V600E", ("V600E", "p.Val600Glu")),
        ("p.Gln55*", ("Q55*", "p.Gln55Ter")),
        ("p.Gln55Ter", ("Q55*", "p.Gln55Ter")),
        ("*250R", ("*250R", "p.Ter250Arg")),
        ("p.Arg97ProfsTer23", ("R97Pfs*23", "p.Arg97ProfsTer23")),
        ("p.Arg97fs", ("R97fs", "p.Arg97fs")),
        ("p.Leu10Leu", ("L10=", "p.Leu10=")),
        ("p.Leu10=", ("L10=", "p.Leu10=")),
        ("p.Ile366_Gly367del", ("I366_G367del", "p.Ile366_Gly367del")),
        ("p.Ter495LeuextTer?", ("*495Lext*?", "p.Ter495LeuextTer?")),
        ("p.Met1?", ("M1?", "p.Met1?")),
        ("p.?", ()),
        ("p.(=)", ()),
        ("", ()),
    ],
)
def test_protein_changes_have_a_form_in_each_code(written, forms):
    assert change_forms(written) == forms


@pytest.mark.parametrize(
    ("position", "old", "new", "frameshift", "change"),
    [
        ("600", "V", "E", False, "V600E"),
        ("10", "L", "", False, "L10="),
        ("10", "L", "L", False, "L10="),
        ("35", "VK", "VE", True, "K36fs"),
        ("366", "IGM", "M", False, ""),  # which residues went, they alone do not tell
        ("?", "V", "E", False, ""),
        ("", "", "", False, ""),
    ],
)
def test_residues_tell_a_protein_change_where_they_suffice(position, old, new, frameshift, change):
    assert residue_change(position, old, new, frameshift=frameshift) == change


def test_consequences_are_terms_of_the_sequence_ontology_by_any_of_their_names():
    names = ("missense_variant", "missense", "NON_SYNONYMOUS_CODING")

    assert {consequence(name) for name in names} == {consequence("missense_variant")}
    assert [term.id for term in consequences("stop_gained&nonsense&no_such_thing")] == [
        "SO:0001587",
        "SO:0001587",
    ]
    assert consequence("stop_gained") < consequence("missense") < consequence("intron_variant")
    assert consequence("sequence_variant").severity < UNKNOWN_SEVERITY
