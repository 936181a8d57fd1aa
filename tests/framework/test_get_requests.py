"""What a GET request means."""

from __future__ import annotations

import pytest

from beacon.framework.errors import InvalidRequest
from beacon.framework.query import (
    Filter,
    Granularity,
    Include,
    Operator,
    Pagination,
    RequestedSchema,
    VariationQuery,
    Within,
)
from beacon.framework.request import Limits, decode_get, decode_terms
from beacon.framework.source import TermsQuery

LIMITS = Limits()


@pytest.fixture
def get(endpoint, model):
    def decode(*pairs, pattern="/individuals", entry_id=None, limits=LIMITS):
        return decode_get(endpoint(pattern), {"id": entry_id}, pairs, model, limits)

    return decode


def test_defaults_are_filled_in(get):
    query = get(limits=Limits(page_default=7, default_granularity=Granularity.COUNT))

    assert query.pagination == Pagination(skip=0, limit=7)
    assert query.granularity is Granularity.COUNT
    assert (query.include, query.include_given) == (Include.HIT, False)
    assert query.api_version == "v2.2.0"
    assert query.is_unfiltered


def test_framework_parameters_are_read(get):
    query = get(
        ("apiVersion", "v2.0"),
        ("requestedSchema", "a,b"),
        ("skip", "2"),
        ("limit", "8"),
        ("requestedGranularity", "record"),
        ("includeResultsetResponses", "MISS"),
        ("testMode", "true"),
        ("datasets", "ds1,ds2"),
        ("datasetIds", "ds3"),
        ("whatever", "is not ours"),
    )

    assert query.api_version == "v2.0"
    assert query.requested_schemas == (RequestedSchema(schema="a"), RequestedSchema(schema="b"))
    assert query.pagination == Pagination(skip=2, limit=8)
    assert query.granularity is Granularity.RECORD
    assert (query.include, query.include_given) == (Include.MISS, True)
    assert query.test_mode
    assert query.dataset_ids == ("ds1", "ds2", "ds3")


@pytest.mark.parametrize("comma", [True, False])
def test_lists_come_with_commas_or_repeated(get, comma):
    positions = (
        [("start", "1,2"), ("end", "3,4")]
        if comma
        else [("start", "1"), ("start", "2"), ("end", "3"), ("end", "4")]
    )

    query = get(("referenceName", "NC_000017.11"), *positions)

    assert query.variation.start == (1, 2)
    assert query.variation.end == (3, 4)


def test_openapi_spellings_are_the_same_parameters(get):
    query = get(("geneid", "TP53"), ("allele", "NM_004006.2:c.4375C>T"))

    assert query.variation == VariationQuery(
        gene_id="TP53", genomic_allele_short_form="NM_004006.2:c.4375C>T"
    )


def test_empty_bases_are_asked_for(get):
    query = get(
        ("referenceName", "NC_000017.11"),
        ("start", "7577001"),
        ("referenceBases", "AAG"),
        ("alternateBases", ""),
    )

    assert query.variation.alternate_bases == ""


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("NCIT:C9306", Filter(id="NCIT:C9306")),
        ("age:>P70Y", Filter(id="age", operator=Operator.GREATER, value="P70Y")),
        ("age:<=P65Y", Filter(id="age", operator=Operator.LESS_OR_EQUAL, value="P65Y")),
        (
            "LOINC:8308-9:>=1",
            Filter(id="LOINC:8308-9", operator=Operator.GREATER_OR_EQUAL, value="1"),
        ),
        ("sex:!=x", Filter(id="sex", operator=Operator.NOT, value="x")),
        (
            "HP_0032443:!unknown medical history",
            Filter(id="HP_0032443", operator=Operator.NOT, value="unknown medical history"),
        ),
        (
            "ethnicity:=%ünïcode%",
            Filter(id="ethnicity", operator=Operator.EQUAL, value="%ünïcode%"),
        ),
        ("a:<1:>2", Filter(id="a:<1", operator=Operator.GREATER, value="2")),
        ("weight:>70+", Filter(id="weight", operator=Operator.GREATER, value="70+")),
    ],
)
def test_filter_token(get, token, expected):
    assert get(("filters", token)).filters == (expected,)


def test_filters_are_separated_by_commas(get):
    assert [one.id for one in get(("filters", "A:1, B:2,"), ("filters", "C:3")).filters] == [
        "A:1",
        "B:2",
        "C:3",
    ]


def test_limit_zero_is_the_largest_page(get):
    query = get(("limit", "0"), ("skip", "3"), limits=Limits(page_max=50))

    assert query.pagination == Pagination(skip=0, limit=50)


def test_limit_is_lowered_to_the_largest_page(get):
    assert get(("limit", "51"), limits=Limits(page_max=50)).pagination.limit == 50


def test_path_says_what_is_delivered(get):
    single = get(pattern="/individuals/{id}", entry_id="I1")
    linked = get(pattern="/individuals/{id}/g_variants", entry_id="I1")

    assert (single.entry_type, single.entry_id, single.within) == ("individual", "I1", None)
    assert (linked.entry_type, linked.entry_id) == ("genomicVariant", None)
    assert linked.within == Within("individual", "I1")


def test_a_parameter_given_twice_alike_is_given_once(get):
    assert get(("limit", "3"), ("limit", "3")).pagination.limit == 3


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("skip", "-1")], 'skip is "-1"; it must be an integer from 0'),
        ([("limit", "1e3")], "limit is"),
        ([("limit", "\u0661")], "limit is"),
        ([("limit", "9223372036854775808")], "limit is"),
        ([("skip", "9223372036854775807")], "skip is 9223372036854775807; pages of 10"),
        ([("limit", "1"), ("limit", "2")], "limit is given twice"),
        ([("geneId", "A"), ("geneid", "B")], "geneid is given twice"),
        ([("requestedGranularity", "aggregated")], "one of boolean, count, record"),
        ([("includeResultsetResponses", "hit")], "one of ALL, HIT, MISS, NONE"),
        ([("testMode", "perhaps")], "true or false"),
        ([("filters", "age:>")], "a value is missing"),
        ([("start", "1,2,3")], "one or two integers"),
        ([("start", "")], "one or two integers"),
        ([("geneId", "")], "at least one character"),
        ([("geneId", "a\x00")], "NUL"),
        ([("geneId", "\udc80")], "surrogate"),
        ([("variantMaxLength", "0")], "from 1"),
        ([("filters", ",".join(map(str, range(101))))], "more than 100 filters"),
        ([("start", "5"), ("referenceName", "NC_000017.11")], "start"),
        ([("alternateBases", "a"), ("start", "5"), ("referenceName", "NC_000017.11")], "Bases"),
    ],
)
def test_malformed_parameters_are_named(get, pairs, message):
    with pytest.raises(InvalidRequest) as caught:
        get(*pairs)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (None, TermsQuery()),
        ("/individuals/filtering_terms", TermsQuery(entry_type="individual")),
        ("/datasets/{id}/filtering_terms", TermsQuery(within=Within("dataset", "ds1"))),
    ],
)
def test_terms_are_those_of_beacon_entry_type_or_entry(endpoint, pattern, expected):
    entry = None if pattern is None else endpoint(pattern)

    assert decode_terms(entry, {"id": "ds1"}, []) == (expected, False)


def test_terms_are_paged(endpoint):
    query, test_mode = decode_terms(
        None, {}, [("skip", "1"), ("limit", "20"), ("testMode", "true"), ("x", "y")]
    )

    assert query.pagination == Pagination(skip=1, limit=20)
    assert test_mode


@pytest.mark.parametrize(
    "pairs", [[("skip", "9223372036854775807"), ("limit", "2")], [("limit", "1"), ("limit", "2")]]
)
def test_malformed_pages_of_terms_are_named(pairs):
    with pytest.raises(InvalidRequest, match=r"skip is|limit is given twice"):
        decode_terms(None, {}, pairs)
