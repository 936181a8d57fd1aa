"""What of a record can be filtered by, and where a filter applies."""

from __future__ import annotations

from typing import Any

import pytest

from beacon.framework.answer import Resource
from beacon.framework.query import Filter, Operator, Similarity
from beacon.model.allele import Zygosity
from beacon.model.entry_types import MODEL
from beacon.model.filterable import LISTED_FROM, is_listed
from beacon.model.filters import (
    FIELD_BY_NAME,
    FIELDS,
    TERM_PATHS,
    accepted_terms,
    asked_zygosities,
    attributes,
    canonical_curie,
    custom_ids,
    find_attributes,
    resolve_scopes,
    term_ids,
    zygosity_code,
)
from beacon.model.ontology import Ontologies, Ontology, Term
from beacon.model.values import Kind


def term(term_id: str, label: str = "") -> dict[str, str]:
    return {"id": term_id, "label": label} if label else {"id": term_id}


def values(entry_type: str, record: dict[str, Any], attribute: str) -> list[Any]:
    return [
        value.text if value.kind is Kind.TEXT else value.low
        for name, _, value in attributes(entry_type, record)
        if name == attribute
    ]


HEIGHT = {
    "assayCode": term("LOINC:8308-9", "Height-standing"),
    "measurementValue": {"value": 179.5, "unit": term("NCIT:C49668", "Centimeter")},
}


def test_every_entry_type_has_its_tables() -> None:
    names = {one.id for one in MODEL.entry_types}

    assert set(TERM_PATHS) == set(FIELDS) == set(FIELD_BY_NAME) == names


def test_terms_are_found_through_arrays() -> None:
    record = {
        "sex": term("NCIT:C16576", "female"),
        "diseases": [
            {"diseaseCode": term("MONDO:1"), "ageOfOnset": {"iso8601duration": "P3Y"}},
            {"diseaseCode": term("MONDO:1", "asthma"), "ageOfOnset": term("HP:0003577")},
        ],
        "measures": [HEIGHT],
    }

    assert term_ids("individual", record) == {
        "NCIT:C16576": "female",
        "MONDO:1": "asthma",
        "HP:0003577": "",
        "LOINC:8308-9": "Height-standing",
    }


@pytest.mark.parametrize("excluded", [True, "TRUE", "true"])
def test_excluded_features_have_no_terms(excluded: object) -> None:
    record = {
        "phenotypicFeatures": [
            {
                "featureType": term("HP:1"),
                "modifiers": [term("HP:2")],
                "severity": term("HP:3"),
                "excluded": excluded,
            },
            {"featureType": term("HP:4"), "modifiers": [term("HP:5")], "excluded": False},
        ]
    }

    assert set(term_ids("individual", record)) == {"HP:4", "HP:5"}


@pytest.mark.parametrize(
    ("entry_type", "record", "expected"),
    [
        ("dataset", {"dataUseConditions": {"duoDataUse": [term("DUO:7")]}}, {"DUO:7"}),
        ("cohort", {"inclusionCriteria": {"genders": [term("NCIT:1")]}}, {"NCIT:1"}),
        ("run", {"librarySource": term("GENEPIO:1")}, {"GENEPIO:1"}),
        ("biosample", {"pathologicalTnmFinding": [term("NCIT:2")]}, {"NCIT:2"}),
        ("biosample", {"obtentionProcedure": {"procedureCode": term("OBI:1")}}, {"OBI:1"}),
        ("genomicVariant", {"molecularAttributes": {"molecularEffects": [term("SO:1")]}}, {"SO:1"}),
        ("analysis", {"aligner": "bwa"}, set()),
        ("individual", {"sex": "female", "ethnicity": {"id": 3}, "diseases": "none"}, set()),
    ],
)
def test_terms_of_each_entry_type(
    entry_type: str, record: dict[str, Any], expected: set[str]
) -> None:
    assert set(term_ids(entry_type, record)) == expected


def test_doubled_prefixes_are_dropped() -> None:
    assert canonical_curie("GENO:GENO_0000458") == "GENO:0000458"
    assert canonical_curie("HP:0000001") == "HP:0000001"
    assert canonical_curie("plain") == "plain"


def test_categories_and_info_make_custom_ids() -> None:
    record = {
        "karyotypicSex": "XX",
        "info": {
            "demographic": {"ethnicity": "asian", "deeper": {"not": "followed"}},
            "consented": True,
            "batch": 3,
            "age": 40,
            "prose": "x" * 41,
            "remark": "seen twice by Dr Jones",
            "karyotypicSex": "passes for a category",
            "list": ["a"],
        },
    }

    assert set(custom_ids("individual", record)) == {
        "karyotypicSex:XX",
        "demographic.ethnicity:asian",
        "consented:true",
        "batch:3",
    }


@pytest.mark.parametrize(
    ("custom", "entries", "listed"),
    [
        ("nationalId:1945-0", 1, False),
        ("site:north", LISTED_FROM - 1, False),
        ("site:north", LISTED_FROM, True),
        ("karyotypicSex:XX", 1, True),
        ("karyotypicSex:XX", 0, False),
    ],
)
def test_ids_from_info_are_listed_when_a_group_shares_them(
    custom: str, entries: int, listed: bool
) -> None:
    assert is_listed("individual", custom, entries) is listed


def test_variants_that_do_not_state_a_type_have_the_derived_one() -> None:
    location = {
        "type": "SequenceLocation",
        "sequence_id": "refseq:NC_000001.11",
        "interval": {
            "type": "SequenceInterval",
            "start": {"type": "Number", "value": 999},
            "end": {"type": "Number", "value": 1000},
        },
    }
    state = {"type": "LiteralSequenceExpression", "sequence": "G"}
    record = {"variation": {"type": "Allele", "location": location, "state": state}}

    assert values("genomicVariant", record, "variantType") == ["SNP"]
    assert values("genomicVariant", {"variation": {"type": "Text"}}, "variantType") == []
    assert values("genomicVariant", {}, "variantType") == []


def test_measurements_are_attributes_by_their_assay() -> None:
    assert values("individual", {"measurements": [HEIGHT]}, "LOINC:8308-9") == [179.5]
    assert values("individual", {"measures": [HEIGHT]}, "LOINC:8308-9") == [179.5]
    assert values("biosample", {"measurements": [HEIGHT]}, "LOINC:8308-9") == [179.5]


def test_measured_terms_are_texts_and_terms() -> None:
    record = {
        "measurements": [
            {"assayCode": term("LOINC:1"), "measurementValue": term("NCIT:C3", "Positive")}
        ]
    }

    assert values("individual", record, "LOINC:1") == ["NCIT:C3", "Positive"]
    assert "NCIT:C3" in term_ids("individual", record)


def test_typed_quantities_are_attributes_of_their_own() -> None:
    systolic = {
        "quantityType": term("NCIT:C25298"),
        "quantity": {"value": 120, "unit": term("X:1")},
    }
    record = {
        "measurements": [
            {"assayCode": term("LOINC:2"), "measurementValue": {"typedQuantities": [systolic]}}
        ]
    }

    assert values("individual", record, "NCIT:C25298") == [120.0]


def test_exposures_are_attributes_by_their_code() -> None:
    record = {"exposures": [{"exposureCode": term("CHEBI:1"), "value": 5}, {"exposureCode": {}}]}

    assert values("individual", record, "CHEBI:1") == [5.0]


def test_age_falls_back_to_the_onset_of_disease() -> None:
    onset = {"diseases": [{"ageOfOnset": {"iso8601duration": "P1Y"}}]}

    assert values("individual", onset, "age") == [365.25]
    assert values("individual", {**onset, "info": {"age": 2}}, "age") == [730.5]
    assert values("individual", {**onset, "info": {"age": 2}}, "ageOfOnset") == [365.25]


@pytest.mark.parametrize(
    ("entry_type", "asked", "attribute"),
    [
        ("individual", "ageOfOnset", "ageOfOnset"),
        ("individual", "diseases.ageOfOnset", "ageOfOnset"),
        ("individual", "diseases.ageOfOnset.iso8601duration", "ageOfOnset"),
        ("individual", "age", "age"),
        ("biosample", "age", "collectionMoment"),
        ("genomicVariant", "geneId", "geneIds"),
        ("genomicVariant", "molecularAttributes.geneIds", "geneIds"),
        ("individual", "LOINC:8308-9", "LOINC:8308-9"),
        ("individual", "LOINC_8308-9", "LOINC:8308-9"),
        ("individual", "height-standing", "LOINC:8308-9"),
    ],
)
def test_attributes_go_by_several_names(entry_type: str, asked: str, attribute: str) -> None:
    in_use = {one.id: one.label for one in FIELDS[entry_type]}

    assert find_attributes(
        entry_type, asked, {**in_use, "LOINC:8308-9": "Height-standing"}
    ) == frozenset((attribute,))


def test_attributes_that_no_record_has_are_not_found() -> None:
    assert find_attributes("individual", "age", {}) == frozenset()
    assert find_attributes("individual", "", {"LOINC:1": ""}) == frozenset()


def test_field_names_are_unambiguous_or_settled() -> None:
    for fields in FIELDS.values():
        assert len({one.id for one in fields}) == len(fields)
    assert all(
        FIELD_BY_NAME[entry_type][one.id] is one
        for entry_type, fields in FIELDS.items()
        for one in fields
    )


@pytest.mark.parametrize(
    ("scope", "target", "defined_in", "expected"),
    [
        ("biosample", "individual", ("individual", "biosample"), ("biosample",)),
        ("run", "individual", ("individual",), ()),
        ("no_such_type", "individual", ("individual",), ()),
        (None, "individual", ("biosample", "individual"), ("individual",)),
        (None, "run", ("biosample",), ("biosample",)),
        (None, "run", ("biosample", "individual"), ("biosample", "individual")),
        (None, "run", (), ()),
    ],
)
def test_scopes(
    scope: str | None, target: str, defined_in: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert resolve_scopes(Filter(id="x", scope=scope), target, defined_in) == expected


ONTOLOGIES = Ontologies(
    {
        "T": Ontology(
            Resource(id="t"),
            {
                "T:0": Term("all"),
                "T:1": Term("kind", ("T:0",)),
                "T:2": Term("kind of kind", ("T:1",)),
                "T:3": Term("sibling", ("T:1",)),
                "T:4": Term("other", ("T:0",)),
                "T:5": Term("other", ("T:0",)),
                "T:6": Term("other", ("T:0",)),
                "T:7": Term("other", ("T:0",)),
            },
        )
    }
)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Filter(id="T:1"), {"T:1", "T:2", "T:3"}),
        (Filter(id="T_1"), {"T:1", "T:2", "T:3"}),
        (Filter(id="T:1", include_descendant_terms=False), {"T:1"}),
        (Filter(id="T:2", similarity=Similarity.LOW), {"T:1", "T:2", "T:3"}),
        (Filter(id="T:2", similarity=Similarity.HIGH), {"T:2"}),
        (Filter(id="X:1"), {"X:1"}),
        (Filter(id="T:1", operator=Operator.EQUAL, value="3"), set()),
    ],
)
def test_accepted_terms(asked: Filter, expected: set[str]) -> None:
    assert accepted_terms(asked, ONTOLOGIES) == expected


@pytest.mark.parametrize(
    ("term_id", "expected"),
    [
        ("GENO:0000135", {Zygosity.HET}),
        ("GENO:GENO_0000458", {Zygosity.HET}),
        ("GENO_0000136", {Zygosity.HOM}),
        ("GENO:0000604", {Zygosity.HEMI}),
        ("GENO:0000402", set()),  # no single allele is compound heterozygous
        ("HP:0000001", None),
    ],
)
def test_asked_zygosities(term_id: str, expected: set[Zygosity] | None) -> None:
    assert asked_zygosities(Filter(id=term_id)) == expected


def test_zygosities_of_carriers() -> None:
    assert zygosity_code("GENO:0000402") is Zygosity.HET
    assert zygosity_code(None) is zygosity_code("X:1") is Zygosity.UNSPECIFIED
