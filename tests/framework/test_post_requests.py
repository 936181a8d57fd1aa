"""What a POST request means."""

from __future__ import annotations

import json

import pytest

from beacon.framework.errors import InvalidRequest
from beacon.framework.query import (
    Filter,
    Granularity,
    Include,
    Operator,
    Pagination,
    RequestedSchema,
    Similarity,
    VariationQuery,
)
from beacon.framework.request import Limits, decode_get, decode_post

LIMITS = Limits()
VARIATION = {"referenceName": "NC_000017.11", "start": [7577120], "alternateBases": "A"}
ASKED = VariationQuery(reference_name="NC_000017.11", start=(7577120,), alternate_bases="A")


@pytest.fixture
def raw(endpoint, model):
    def decode(body, limits=LIMITS):
        return decode_post(endpoint("/g_variants"), {}, body, model, limits)

    return decode


@pytest.fixture
def post(raw):
    def decode(query=None, *, limits=LIMITS, **beside):
        document = {"meta": {"apiVersion": "v2.0"}, "query": query or {}, **beside}
        return raw(json.dumps(document).encode(), limits)

    return decode


@pytest.mark.parametrize("body", [b"{}", b' {"meta": null, "query": null}\n'])
def test_everything_may_be_left_out(raw, body):
    query = raw(body)

    assert query.is_unfiltered
    assert query.pagination == Pagination(skip=0, limit=10)
    assert query.api_version == "v2.2.0"


def test_a_complete_body(post):
    query = post(
        {
            "requestParameters": {
                "g_variant": VARIATION,
                "datasets": {"datasetIds": ["ds1", "ds2"]},
            },
            "filters": [
                {"id": "NCIT:C9306", "includeDescendantTerms": False, "scope": "biosamples"},
                {"id": "HP:1", "similarity": "high"},
                {"id": "ageOfOnset", "operator": ">", "value": "P65Y", "scope": "individual"},
            ],
            "includeResultsetResponses": "ALL",
            "pagination": {"skip": 1, "limit": 5, "nextPage": "x"},
            "requestedGranularity": "record",
            "testMode": False,
        },
        meta={"apiVersion": 2.0, "requestedSchemas": [{"entityType": "run", "schema": "s"}, {}]},
    )

    assert query.variation == ASKED
    assert query.dataset_ids == ("ds1", "ds2")
    assert query.filters == (
        Filter(id="NCIT:C9306", include_descendant_terms=False, scope="biosample"),
        Filter(id="HP:1", similarity=Similarity.HIGH),
        Filter(id="ageOfOnset", operator=Operator.GREATER, value="P65Y", scope="individual"),
    )
    assert (query.include, query.include_given) == (Include.ALL, True)
    assert query.pagination == Pagination(skip=1, limit=5)
    assert query.granularity is Granularity.RECORD
    assert query.api_version == "2.0"
    assert query.requested_schemas == (
        RequestedSchema(entity_type="run", schema="s"),
        RequestedSchema(),
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {"g_variant": VARIATION, "datasets": {"datasetIds": ["ds1"]}},
        {"genomicVariations": VARIATION, "datasets": ["ds1"]},
        {**VARIATION, "datasetIds": "ds1"},
        [{"g_variant": VARIATION}, {"datasets": {"datasets": ["ds1"]}}],
        [{"g_variant": VARIATION, "datasets": "ds1"}, VARIATION],
        {**VARIATION, "start": "7577120", "datasetIds": ["ds1", "ds1"]},
        {**VARIATION, "start": 7577120, "datasets": "ds1"},
        {**VARIATION, "start": 7577120.0, "geneId": None, "datasets": "ds1"},
    ],
)
def test_request_parameters_have_many_shapes(post, parameters):
    query = post({"requestParameters": parameters})

    assert query.variation == ASKED
    assert query.dataset_ids == ("ds1",)


def test_get_and_post_mean_the_same(post, endpoint, model):
    pairs = [
        ("referenceName", "NC_000017.11"),
        ("start", "7577120"),
        ("alternateBases", "A"),
        ("filters", "A:1,age:>P70Y"),
        ("apiVersion", "v2.0"),
    ]

    filters = [{"id": "A:1"}, {"id": "age", "operator": ">", "value": "P70Y"}]
    query = post({"requestParameters": {"g_variant": VARIATION}, "filters": filters})

    assert query == decode_get(endpoint("/g_variants"), {}, pairs, model, Limits())


def test_a_bare_chromosome_may_be_a_number(post):
    query = post({"requestParameters": {"referenceName": 17, "assemblyId": "GRCh38"}})

    assert query.variation.reference_name == "17"


def test_what_lies_beside_the_query_counts(post):
    query = post(
        filters=[{"id": "A:1"}],
        pagination={"limit": 3},
        requestedGranularity="count",
        includeResultsetResponses="MISS",
        testMode=True,
        requestParameters={"geneId": "TP53"},
    )

    assert query.filters == (Filter(id="A:1"),)
    assert query.pagination.limit == 3
    assert query.granularity is Granularity.COUNT
    assert query.include is Include.MISS
    assert query.test_mode
    assert query.variation.gene_id == "TP53"


def test_what_lies_in_the_query_wins(post):
    query = post(
        {"requestedGranularity": "record", "pagination": {"limit": 4}, "filters": []},
        requestedGranularity="count",
        pagination={"limit": 3},
        filters=[{"id": "A:1"}],
    )

    assert query.granularity is Granularity.RECORD
    assert query.pagination.limit == 4
    assert query.filters == ()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (
            {"id": "a", "operator": "!=", "value": "b"},
            Filter(id="a", operator=Operator.NOT, value="b"),
        ),
        (
            {"id": "a", "operator": "<", "value": 7},
            Filter(id="a", operator=Operator.LESS, value="7"),
        ),
        ({"id": "a", "value": 1.5}, Filter(id="a", operator=Operator.EQUAL, value="1.5")),
        ({"id": "a", "scopes": ["runs"]}, Filter(id="a", scope="run")),
        ({"id": "a", "scopes": []}, Filter(id="a")),
        ({"id": "a", "scope": "genomicVariation"}, Filter(id="a", scope="genomicVariant")),
        ({"id": "a", "scope": "patients"}, Filter(id="a", scope="patients")),
        ({"id": "a", "unknown": 1, "operator": None}, Filter(id="a")),
    ],
)
def test_filters_are_read_leniently(post, sent, expected):
    assert post({"filters": [sent]}).filters == (expected,)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"filters": ["A:1"]}, 'query.filters[0] is "A:1"; it must be an object'),
        ({"filters": {"id": "A:1"}}, "query.filters is"),
        ({"filters": [{"id": "a"}, {"scope": "run"}]}, "query.filters[1].id is missing"),
        ({"filters": [{"id": {"$gt": ""}}]}, 'query.filters[0].id is {"$gt": ""}'),
        ({"filters": [{"id": 5}]}, "query.filters[0].id is 5"),
        ({"filters": [{"id": "a", "operator": "~", "value": "1"}]}, "query.filters[0].operator"),
        ({"filters": [{"id": "a", "operator": ["="], "value": "1"}]}, "query.filters[0].operator"),
        ({"filters": [{"id": "a", "operator": "="}]}, "query.filters[0].value is missing"),
        ({"filters": [{"id": "a", "value": True}]}, "query.filters[0].value is true"),
        ({"filters": [{"id": "a", "similarity": "near"}]}, "one of exact, high, medium, low"),
        ({"filters": [{"id": "a", "scopes": ["run", "individual"]}]}, "query.filters[0].scopes"),
        ({"filters": [{"id": "a", "scope": 1}]}, "query.filters[0].scope is 1"),
        ({"filters": [{"id": "a"}] * 101}, "at most 100"),
        ({"pagination": {"skip": -1}}, "query.pagination.skip is -1"),
        ({"pagination": {"limit": True}}, "query.pagination.limit is true"),
        ({"pagination": {"limit": 2**63}}, "query.pagination.limit"),
        ({"pagination": {"limit": 10**40}}, "query.pagination.limit"),
        ({"pagination": [0, 1]}, "query.pagination is [0, 1]; it must be an object"),
        ({"requestedGranularity": "aggregated"}, "query.requestedGranularity"),
        ({"testMode": 1}, "query.testMode is 1"),
        ({"requestParameters": "x"}, "query.requestParameters is"),
        ({"requestParameters": {"g_variant": [1]}}, "query.requestParameters.g_variant is [1]"),
        (
            {"requestParameters": {"g_variant": {"strat": [1]}}},
            "query.requestParameters.g_variant.strat is unknown; known are assemblyId",
        ),
        ({"requestParameters": {"gene": "TP53"}}, "query.requestParameters.gene is unknown"),
        ({"requestParameters": {"individual": {}}}, "requestParameters.individual is unknown"),
        ({"requestParameters": {"geneId": ["A", "B"]}}, "query.requestParameters.geneId is"),
        ({"requestParameters": {"geneId": "A", "geneid": "B"}}, "geneid is given twice"),
        ({"requestParameters": {"geneId": "A", "g_variant": {"geneId": "B"}}}, "given twice"),
        ({"requestParameters": {"datasets": [{}]}}, "a list of strings"),
        ({"requestParameters": {"start": []}}, "one or two integers"),
        ({"requestParameters": {"start": [1.5]}}, "one or two integers"),
        ({"requestParameters": {"mateName": "17"}}, "mateName"),
        ([], "query is []"),
    ],
)
def test_malformed_parts_are_named_by_their_path(raw, query, message):
    with pytest.raises(InvalidRequest) as caught:
        raw(json.dumps({"query": query}).encode())

    assert message in str(caught.value)


@pytest.mark.parametrize(
    "meta",
    ["x", {"apiVersion": []}, {"requestedSchemas": {}}, {"requestedSchemas": [{"schema": 1}]}],
)
def test_malformed_meta_is_named(raw, meta):
    with pytest.raises(InvalidRequest, match=r"^meta"):
        raw(json.dumps({"meta": meta}).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"x"',
        b"null",
        b"{",
        b'{"a": NaN}',
        b"\xff",
        b'{"query": "\xff"}',
        b'{"meta": {"apiVersion": "\\u0000"}}',
        b'{"meta": {"apiVersion": "\\ud800"}}',
        b'{"query": ' + b'{"a": ' * 50 + b"1" + b"}" * 51,
        b'{"query": ' + b"[" * 100_000,
        b'{"query": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_bodies_that_are_no_shallow_json_object_are_refused(raw, body):
    with pytest.raises(InvalidRequest, match="the body"):
        raw(body)


@pytest.mark.parametrize(("depth", "accepted"), [(32, True), (33, False)])
def test_depth_is_counted_in_brackets(raw, depth, accepted):
    body = b'{"x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b',"y":[[],[]]}'

    try:
        raw(body)
    except InvalidRequest:
        assert not accepted
    else:
        assert accepted


def test_a_wide_body_is_not_a_deep_one(post):
    query = post({"filters": [{"id": str(n), "scopes": []} for n in range(100)]})

    assert len(query.filters) == 100
