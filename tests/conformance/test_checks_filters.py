"""Conformance checks 103 to 117: filters."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.conformance import seed
from tests.conformance.checks import check
from tests.conformance.client import Beacon, answered
from tests.conformance.seed import numbered

WOMEN = set(numbered(range(1, 26, 2)))
NERVOUS = {"I01", "I02", "I03", "I04", "I07"}
Q_TP53 = {"geneId": "TP53"}


def compare(field: str, operator: str, value: str, **more: Any) -> dict[str, Any]:
    return {"id": field, "operator": operator, "value": value, **more}


@check(103)
@pytest.mark.parametrize(
    ("path", "asked", "expected"),
    [
        ("/individuals", "NCIT:C16576", WOMEN),
        ("/individuals", "HP:0000618", {"I05", "I07"}),
        ("/biosamples", "UBERON:0000955", {"B03", "B26"}),
        ("/biosamples", "NCIT:C9306", {"B03", "B05", "B25"}),
        ("/runs", "OBI:0002048", set(numbered(seed.SEQUENCED, "R"))),
        ("/g_variants", "SO:0001583", {"K"}),
        ("/g_variants", "MONDO:0005105", {"K"}),
        ("/analyses", {"id": "NCIT:C16576", "scope": "individual"}, None),
    ],
)
def test_term_finds_the_records_that_have_it(
    beacon: Beacon, path: str, asked: Any, expected: set[str] | None
) -> None:
    """Check 103."""
    if expected is None:
        expected = set(numbered((1, 3, 5, 7, 9, 25, 26), "A"))

    assert beacon.ids(path, filters=[asked]) == expected


@check(103)
def test_zygosity_says_which_carriers_count(beacon: Beacon) -> None:
    """Check 103, for the entry type whose terms are on its observations."""
    assert beacon.ids("/g_variants", filters=["GENO:0000134"]) == {"X"}
    assert beacon.ids("/g_variants", filters=["GENO:0000136"]) == {"A"}
    [record] = beacon.ask("/g_variants", filters=["GENO:0000136"]).records()
    assert [one["individualId"] for one in record["caseLevelData"]] == ["I02"]
    assert beacon.ids("/individuals", filters=["GENO:0000136"]) == {"I02"}


@check(104)
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"id": "HP:0001250"}, {"I01", "I02", "I03"}),
        ({"id": "HP:0001250", "includeDescendantTerms": True}, {"I01", "I02", "I03"}),
        ({"id": "HP:0001250", "includeDescendantTerms": False}, {"I01"}),
        ({"id": "HP:0000707"}, NERVOUS),
        ({"id": "HP:0000707", "includeDescendantTerms": False}, set()),
        ({"id": "HP:0000118"}, NERVOUS | {"I05"}),
        ({"id": "MONDO:0005015"}, set(seed.DIABETICS)),
        ({"id": "HP:0007359", "similarity": "exact"}, {"I02"}),
    ],
)
def test_descendants_count_unless_told_otherwise(
    beacon: Beacon, asked: dict[str, Any], expected: set[str]
) -> None:
    """Check 104."""
    assert beacon.ids("/individuals", filters=[asked]) == expected


@check(104)
def test_less_similarity_finds_no_less(beacon: Beacon) -> None:
    """Check 104: what is like a term is found when similarity is asked for."""
    found = [
        beacon.ids("/individuals", filters=[{"id": "HP:0007359", "similarity": similarity}])
        for similarity in ("exact", "high", "medium", "low")
    ]

    assert found[0] == {"I02"}
    assert found[0] <= found[1] <= found[2] <= found[3]
    assert {"I01", "I03"} <= found[3]
    assert "I05" not in found[3]


@check(105)
def test_filters_are_joined_by_and(beacon: Beacon) -> None:
    """Check 105: each may be met by another element of the same array."""
    for filters, expected in (
        (["HP:0001251", "HP:0000618"], {"I07"}),
        (["HP:0000618", "HP:0001251"], {"I07"}),
        (["HP:0000618", "HP:0001251", "HP:0000618"], {"I07"}),
        (["HP:0001250", "NCIT:C16576"], {"I01", "I03"}),
        (["HP:0001250", "NCIT:C20197"], {"I02"}),
        (["NCIT:C16576", "NCIT:C20197"], set()),
        (["HP:0001250", "no:term"], set()),
    ):
        assert beacon.ids("/individuals", filters=filters) == expected


@check(106)
def test_filters_and_variation_are_joined_by_and(beacon: Beacon) -> None:
    """Check 106."""
    both = {"g_variant": Q_TP53, "filters": ["NCIT:C16576"]}

    assert beacon.ids("/individuals", g_variant=Q_TP53) == {
        "I01",
        *numbered(range(6, 11)),
        "I25",
    }
    assert beacon.ids("/individuals", **both) == {"I01", "I07", "I09", "I25"}
    assert beacon.ids("/g_variants", **both) == {"J", "F", "H"}
    assert beacon.ids("/biosamples", **both) == {"B01", "B07", "B09", "B25"}


@check(107)
@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("=", "25", (2, 3)),
        ("=", "25.0", (2, 3)),
        ("<", "25", (1, 5)),
        ("<=", "25", (1, 2, 3, 5)),
        (">", "25", (4,)),
        (">=", "25", (2, 3, 4)),
        (">=", "25.1", (4,)),
        ("!", "25", (1, 4, 5)),
        (">", "1000", ()),
    ],
)
def test_numbers_compare_at_the_boundary(
    beacon: Beacon, operator: str, value: str, expected: tuple[int, ...]
) -> None:
    """Check 107: by the code of what was measured, and by its label."""
    for field in ("LOINC:39156-5", "BMI"):
        found = beacon.ids("/individuals", filters=[compare(field, operator, value)])

        assert found == set(numbered(expected))


@check(107)
def test_units_are_converted(beacon: Beacon) -> None:
    """Check 107, for values with units."""
    for value, expected in (
        ("175 cm", {"I01"}),
        ("1.75 m", {"I01"}),
        ("1750 mm", {"I01"}),
        ("175", {"I01"}),
        ("175 kg", set()),
    ):
        asked = [compare("LOINC:8308-9", "=", value)]
        assert beacon.ids("/individuals", filters=asked) == expected


@check(108)
@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        (">", "P9Y", (9, 12, 15, 16)),
        (">=", "P9Y", (8, 9, 12, 15, 16)),
        ("=", "P12M", (10, 11)),
        ("=", "P1Y", (10, 11)),
        ("<", "P9Y", (10, 11)),
        ("<=", "P65Y", (8, 9, 10, 11, 12, 16)),
        (">", "P65Y", (15,)),
        (">", "P35Y", (15,)),  # the range begins before
        ("=", "P35Y", (12,)),  # and holds it
        ("!", "P1Y", (8, 9, 12, 15, 16)),
    ],
)
def test_ages_compare_by_length(
    beacon: Beacon, operator: str, value: str, expected: tuple[int, ...]
) -> None:
    """Check 108."""
    for field in ("ageOfOnset", "age"):
        found = beacon.ids("/individuals", filters=[compare(field, operator, value)])

        assert found == set(numbered(expected))


@check(108)
def test_age_that_is_a_term_is_found_as_one(beacon: Beacon) -> None:
    """Check 108: ontology terms have no length."""
    assert beacon.ids("/individuals", filters=["NCIT:C49685"]) == {"I13"}


@check(109, 128)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("sarek%", (1, 2, 3)),
        ("SAREK%", (1, 2, 3)),
        ("%rare%", (3,)),
        ("%own", (5,)),
        ("%4", (1, 4)),
        ("%", seed.SEQUENCED),
        ("sarek.3", (2,)),
        ("sarek.%", (2,)),  # the dot is a dot
        ("%(rare)%", (3,)),
        ("%(r.re)%", ()),
        ("[s]arek%", ()),
        ("sarek 3.4", (1,)),
        ("Sarek 3.4", ()),  # without a wildcard, as it is written
        ("dragen_4", (4,)),
        ("dragen_%", (4,)),  # the underscore is an underscore
        ("sarek_%", ()),
    ],
)
def test_percent_stands_for_any_text(beacon: Beacon, value: str, expected: tuple[int, ...]) -> None:
    """Check 109."""
    found = beacon.ids("/analyses", filters=[compare("pipelineName", "=", value)])

    assert found == set(numbered(expected, "A"))


@check(110)
def test_not_needs_a_value_that_differs(beacon: Beacon) -> None:
    """Check 110: `I11` and above have no karyotypic sex."""
    for operator in ("!", "!="):
        asked = {"id": "karyotypicSex", "operator": operator, "value": "XX"}
        assert beacon.ids("/individuals", filters=[asked]) == set(numbered(range(2, 11, 2)))
    assert beacon.ids("/individuals", filters=[compare("karyotypicSex", "!", "X%")]) == set()
    assert beacon.ids("/analyses", filters=[compare("pipelineName", "!", "%a%")]) == set(
        numbered((5, 6, 7, 8, 9, 10, 25, 26), "A")
    )


@check(111)
def test_excluded_feature_is_no_feature(beacon: Beacon) -> None:
    """Check 111."""
    for asked in ("HP:0001250", "HP:0000707", "HP:0000118"):
        assert "I06" not in beacon.ids("/individuals", filters=[asked])


@check(112)
@pytest.mark.parametrize(
    "asked",
    ["HP:9999999", "nonsense", "no:term", "demographic.ethnicity:martian", "$where", "{}", "HP:"],
)
@pytest.mark.parametrize("path", ["/individuals", "/g_variants", "/datasets", "/runs"])
def test_unknown_filter_finds_nothing(beacon: Beacon, path: str, asked: str) -> None:
    """Check 112."""
    for one in (asked, compare(asked, "=", "1"), compare(asked, "!", "1")):
        reply = beacon.ask(path, filters=[one], datasets=(), granularity="count")

        assert not reply.summary["exists"]
        assert reply.summary["numTotalResults"] == 0


@check(113)
@pytest.mark.parametrize(
    "asked",
    [
        {"id": "age", "operator": "~", "value": "P1Y"},
        {"id": "age", "operator": "==", "value": "P1Y"},
        {"id": "age", "operator": ["="], "value": "P1Y"},
        {"id": "age", "operator": ">"},
        {"id": "age", "operator": ">", "value": None},
        {"id": "age", "operator": ">", "value": ["P1Y"]},
        {"id": "age", "operator": ">", "value": {"$gt": ""}},
        {"id": "age", "operator": ">", "value": "P%Y"},
        {"id": "age", "operator": "<", "value": "old"},
        {"id": "HP:0001250", "similarity": "close"},
        {"id": "HP:0001250", "similarity": 1},
        {"id": "HP:0001250", "includeDescendantTerms": "maybe"},
        {"id": "HP:0001250", "scope": 5},
        {"id": "HP:0001250", "scope": {"$ne": ""}},
        {"id": "HP:0001250", "scope": ["individual", "biosample"]},
        {"id": 5},
        {"id": ""},
        {"id": None},
        {"id": {"$gt": ""}},
        {},
        {"operator": "=", "value": "1"},
        "HP:0001250",
        5,
        None,
        [],
    ],
    ids=str,
)
def test_filter_that_is_none_is_refused(beacon: Beacon, asked: Any) -> None:
    """Check 113."""
    for path in ("/individuals", "/g_variants", "/datasets/open/runs"):
        assert beacon.refused(path, {"filters": [asked]})


@check(113)
@pytest.mark.parametrize("filters", ["HP:0001250", {"id": "HP:0001250"}, 5, True])
def test_filters_that_are_no_list_are_refused(beacon: Beacon, filters: Any) -> None:
    """Check 113."""
    beacon.refused("/individuals", {"filters": filters})


@check(114)
@pytest.mark.parametrize("scope", ["individual", "individuals"])
def test_filter_of_another_entry_type_joins(beacon: Beacon, scope: str) -> None:
    """Check 114."""
    asked = [{"id": "HP:0001250", "scope": scope}]

    assert beacon.ids("/individuals", filters=asked) == {"I01", "I02", "I03"}
    assert beacon.ids("/biosamples", filters=asked) == {"B01", "B02", "B03"}
    assert beacon.ids("/runs", filters=asked) == {"R01", "R02", "R03"}
    assert beacon.ids("/g_variants", filters=asked) == {"A", "B", "J"}


@check(114)
def test_scope_decides_where_a_filter_applies(beacon: Beacon) -> None:
    """Check 114: a person's samples are not all of the tumour."""
    for scope in ("biosample", "biosamples"):
        tumour = [{"id": "NCIT:C9306", "scope": scope}]
        assert beacon.ids("/individuals", filters=tumour) == {"I03", "I05", "I25"}
        # K was seen in the other sample of I25.
        assert beacon.ids("/g_variants", filters=tumour) == {"B", "D", "J"}
        assert beacon.ids("/runs", filters=tumour) == {"R03", "R05", "R25"}
    for scope in ("individual", "run", "nonsense", "dataset"):
        tumour = [{"id": "NCIT:C9306", "scope": scope}]
        assert beacon.ids("/individuals", filters=tumour) == set()


@check(114)
def test_same_sample_meets_all_filters_of_its_scope(beacon: Beacon) -> None:
    """Check 114: `I25` has a tumour sample and a brain sample; `B03` is both."""
    both = ["NCIT:C9306", "UBERON:0000955"]

    assert beacon.ids("/individuals", filters=both) == {"I03"}
    assert beacon.ids("/biosamples", filters=both) == {"B03"}


@check(115)
@pytest.mark.parametrize(
    ("path", "asked", "expected"),
    [
        ("/individuals", "demographic.ethnicity:asian", {"I01", "I02"}),
        ("/runs", "libraryStrategy:WES", {"R01", "R02"}),
        ("/biosamples", "demographic.ethnicity:asian", {"B01", "B02"}),
    ],
)
def test_custom_filter(beacon: Beacon, path: str, asked: str, expected: set[str]) -> None:
    """Check 115."""
    assert beacon.ids(path, filters=[asked]) == expected


@check(116)
def test_filters_in_a_get(beacon: Beacon) -> None:
    """Check 116: percent-encoded, raw, repeated, with underscores for colons."""
    options = "requestedGranularity=record&limit=0&datasetIds=open"
    over = [compare("LOINC:39156-5", ">", "25")]
    tokens = "LOINC:39156-5:>25", "LOINC_39156-5:>25", "BMI:>25"
    cases: list[tuple[str, list[Any]]] = [
        ("HP:0001250,NCIT:C16576", ["HP:0001250", "NCIT:C16576"]),
        ("HP:0001250&filters=NCIT:C16576", ["HP:0001250", "NCIT:C16576"]),
        (quote("HP:0001250,NCIT:C16576", safe=""), ["HP:0001250", "NCIT:C16576"]),
        ("HP_0001250", ["HP:0001250"]),
        ("age:%3EP9Y", [compare("age", ">", "P9Y")]),
        ("age:>P9Y", [compare("age", ">", "P9Y")]),
        ("age:<=P65Y,NCIT:C16576", [compare("age", "<=", "P65Y"), "NCIT:C16576"]),
        ("karyotypicSex:!XX", [compare("karyotypicSex", "!", "XX")]),
        *((token, over) for token in tokens),
        *((quote(token, safe=""), over) for token in tokens),
    ]
    for raw, filters in cases:
        by_get = answered(beacon.get("/individuals", raw=f"filters={raw}&{options}"))
        expected = beacon.ask("/individuals", filters=filters)

        assert expected.summary["exists"]
        assert by_get.document["response"] == expected.document["response"], raw


@check(116, 128)
def test_plus_is_a_space_in_a_get(beacon: Beacon) -> None:
    """Checks 116 and 128."""
    options = "requestedGranularity=record&limit=0"
    raw = f"filters=pipelineName:=sarek+3.4&{options}"

    assert answered(beacon.get("/analyses", raw=raw)).ids() == ["A01"]


@check(117)
@pytest.mark.parametrize(
    ("path", "filters", "expected"),
    [
        ("/datasets", ["DUO:0000042"], ["open"]),
        ("/datasets", ["DUO:0000007"], []),
        ("/datasets", ["HP:0001250"], ["open"]),
        ("/datasets", ["HP:0001250", "DUO:0000042"], ["open"]),
        ("/datasets", ["HP:0001250", "DUO:0000007"], []),
        ("/cohorts", ["OMIABIS:0001019"], ["diabetes"]),
        ("/cohorts", [{"id": "cohortType", "operator": "=", "value": "beacon-defined"}], ["eyes"]),
        ("/cohorts", ["HP:0000618"], ["eyes"]),
        ("/cohorts", ["MONDO:0005015"], ["diabetes"]),
        ("/cohorts", ["HP:0001250"], []),
    ],
)
def test_filters_on_collections(
    beacon: Beacon, path: str, filters: list[Any], expected: list[str]
) -> None:
    """Check 117."""
    reply = beacon.ask(path, filters=filters)

    assert [one["id"] for one in reply.document["response"]["collections"]] == expected
    assert reply.summary == {"exists": bool(expected), "numTotalResults": len(expected)}
