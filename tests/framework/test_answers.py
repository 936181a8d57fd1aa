"""The form of an answer: how much each document says, and that the official schemas accept it."""

from __future__ import annotations

import json

import pytest

from beacon.framework.access import Access
from beacon.framework.answer import Answer, ResultSet
from beacon.framework.disclosure import disclose
from beacon.framework.query import (
    Filter,
    Granularity,
    Include,
    Operator,
    Query,
    RequestedSchema,
    VariationQuery,
    Within,
)
from beacon.framework.response import encode_answer, encode_error

BOOLEAN, COUNT, RECORD = Granularity.BOOLEAN, Granularity.COUNT, Granularity.RECORD
FOUND = Answer(
    result_sets=(
        ResultSet(dataset_id="ds1", count=2, records=({"id": "a"}, {"id": "b", "x": [None, {}]})),
        ResultSet(dataset_id="ds2", count=0, info={"notApplicable": "GRCh37"}),
    )
)
SCHEMA = {
    BOOLEAN: "responses/beaconBooleanResponse",
    COUNT: "responses/beaconCountResponse",
    RECORD: "responses/beaconResultsetsResponse",
}


def asked(granularity, include=None, entry_type="individual", **more):
    given = {} if include is None else {"include": include, "include_given": True}
    return Query(entry_type=entry_type, granularity=granularity, **given, **more)


@pytest.fixture
def answer(identity, model):
    def encode(query, *levels, found=FOUND):
        """The document, with the datasets on the given levels (all `record` when none)."""
        levels = levels or (RECORD, RECORD)
        grants = {f"ds{n}": {"*": level} for n, level in enumerate(levels, start=1)}
        disclosed = disclose(found, query, Access(grants=grants))
        return json.loads(encode_answer(disclosed, query, identity, model))

    return encode


def test_boolean_says_yes_and_nothing_else(answer, conforms):
    document = answer(asked(BOOLEAN))

    conforms(SCHEMA[BOOLEAN], document)
    assert document["responseSummary"] == {"exists": True}
    assert "response" not in document


def test_count_says_how_many_and_how_precisely(answer, conforms):
    document = answer(asked(COUNT))

    conforms(SCHEMA[COUNT], document)
    assert document["responseSummary"] == {
        "exists": True,
        "numTotalResults": 2,
        "countPrecision": "exact",
    }
    assert "response" not in document


def test_a_count_that_leaves_out_a_hit_is_imprecise(answer, conforms):
    document = answer(asked(COUNT), BOOLEAN, COUNT)

    conforms(SCHEMA[COUNT], document)
    assert document["responseSummary"]["numTotalResults"] == 0
    assert document["responseSummary"]["countPrecision"] == "imprecise"


def test_records_come_in_result_sets(answer, conforms):
    document = answer(asked(RECORD))

    conforms(SCHEMA[RECORD], document)
    assert document["meta"]["returnedGranularity"] == "record"
    assert document["responseSummary"] == {"exists": True, "numTotalResults": 2}
    assert document["response"]["resultSets"] == [
        {
            "id": "ds1",
            "setType": "dataset",
            "exists": True,
            "resultsCount": 2,
            "countPrecision": "exact",
            "results": [{"id": "a"}, {"id": "b", "x": [{}]}],
        }
    ]


def test_a_miss_has_its_reason(answer):
    (one,) = answer(asked(RECORD, Include.MISS))["response"]["resultSets"]

    assert one == {
        "id": "ds2",
        "setType": "dataset",
        "exists": False,
        "resultsCount": 0,
        "countPrecision": "exact",
        "results": [],
        "info": {"notApplicable": "GRCh37"},
    }


def test_a_beacon_asked_for_records_counts_per_dataset_when_it_may_only_count(answer, conforms):
    document = answer(asked(RECORD), COUNT, COUNT)

    conforms(SCHEMA[RECORD], document)
    assert document["meta"]["returnedGranularity"] == "count"
    assert document["response"]["resultSets"] == [
        {
            "id": "ds1",
            "setType": "dataset",
            "exists": True,
            "resultsCount": 2,
            "countPrecision": "exact",
        }
    ]


def test_each_result_set_tells_what_its_own_level_allows(answer, conforms):
    document = answer(asked(RECORD, Include.ALL), BOOLEAN, RECORD)

    conforms(SCHEMA[RECORD], document)
    assert document["meta"]["returnedGranularity"] == "record"
    assert document["responseSummary"]["countPrecision"] == "imprecise"
    first, second = document["response"]["resultSets"]
    assert first == {"id": "ds1", "setType": "dataset", "exists": True}
    assert second["results"] == []


@pytest.mark.parametrize("granularity", [BOOLEAN, COUNT])
@pytest.mark.parametrize("include", [Include.ALL, Include.HIT, Include.MISS])
def test_naming_the_sets_wanted_brings_them(answer, conforms, granularity, include):
    document = answer(asked(granularity, include))

    conforms(SCHEMA[RECORD], document)
    assert document["meta"]["returnedGranularity"] == granularity.wire
    assert ("numTotalResults" in document["responseSummary"]) is (granularity is COUNT)
    for one in document["response"]["resultSets"]:
        assert ("resultsCount" in one) is (granularity is COUNT)
        assert "results" not in one


@pytest.mark.parametrize("granularity", [BOOLEAN, COUNT, RECORD])
def test_no_sets_wanted_leaves_the_plain_form(answer, conforms, granularity):
    document = answer(asked(granularity, Include.NONE))

    conforms(SCHEMA[granularity], document)
    assert document["responseSummary"]["exists"]
    assert document.get("response") == ({"resultSets": []} if granularity is RECORD else None)


def test_no_sets_wanted_and_no_records_allowed_is_a_plain_count(answer, conforms):
    document = answer(asked(RECORD, Include.NONE), COUNT, COUNT)

    conforms(SCHEMA[COUNT], document)
    assert "response" not in document


@pytest.mark.parametrize("entry_type", ["dataset", "cohort"])
def test_collections_are_listed_as_collections(answer, conforms, entry_type):
    found = Answer(
        result_sets=(
            ResultSet(dataset_id="ds1", count=1, records=({"id": "c1", "name": "C"},)),
            ResultSet(dataset_id="ds2", count=1, records=({"id": "c2", "name": "D"},)),
        )
    )

    document = answer(asked(RECORD, entry_type=entry_type), found=found)

    conforms("responses/beaconCollectionsResponse", document)
    assert [one["id"] for one in document["response"]["collections"]] == ["c1", "c2"]
    assert document["responseSummary"]["numTotalResults"] == 2
    assert "resultSets" not in document["response"]


def test_collections_that_may_only_be_counted_are_a_plain_count(answer, conforms):
    document = answer(asked(RECORD, Include.ALL, entry_type="dataset"), COUNT, COUNT)

    conforms(SCHEMA[COUNT], document)
    assert "response" not in document


def test_one_collection_is_in_both_forms(answer, conforms):
    found = Answer(result_sets=(ResultSet(dataset_id="ds1", count=1, records=({"id": "ds1"},)),))

    document = answer(asked(RECORD, entry_type="dataset", entry_id="ds1"), found=found)

    conforms(SCHEMA[RECORD], document)
    assert document["response"]["collections"] == [{"id": "ds1"}]
    assert document["response"]["resultSets"][0]["results"] == [{"id": "ds1"}]


def test_entries_within_a_collection_are_result_sets(answer):
    document = answer(asked(RECORD, within=Within("dataset", "ds1")))

    assert document["response"].keys() == {"resultSets"}


def test_the_word_null_in_a_text_stays(answer):
    found = Answer(result_sets=(ResultSet(dataset_id="ds1", count=1, records=({"id": "null"},)),))

    (one,) = answer(asked(RECORD), found=found)["response"]["resultSets"]

    assert one["results"] == [{"id": "null"}]


def test_the_request_is_echoed_as_the_schema_wants_it(answer, conforms):
    query = asked(
        COUNT,
        variation=VariationQuery(reference_name="17", start=(5,), alternate_bases=""),
        dataset_ids=("ds1",),
        filters=(
            Filter(id="NCIT:C9306", scope="biosample"),
            Filter(id="ageOfOnset", operator=Operator.GREATER, value="P65Y"),
        ),
        test_mode=True,
        requested_schemas=(RequestedSchema(schema="s"),),
        api_version="v2.0",
    )

    document = answer(query)

    conforms(SCHEMA[COUNT], document)
    assert document["meta"]["testMode"] is True
    assert document["meta"]["receivedRequestSummary"] == {
        "apiVersion": "v2.0",
        "requestedSchemas": [{"schema": "s"}],
        "pagination": {"skip": 0, "limit": 10},
        "requestedGranularity": "count",
        "includeResultsetResponses": "HIT",
        "testMode": True,
        "filters": ["NCIT:C9306", "ageOfOnset:>P65Y"],
        "requestParameters": {
            "g_variant": {"referenceName": "17", "start": [5], "alternateBases": ""},
            "datasets": {"datasetIds": ["ds1"]},
        },
    }


def test_returned_schema_is_our_own_at_an_absolute_url(answer):
    assert answer(asked(BOOLEAN))["meta"]["returnedSchemas"] == [
        {
            "entityType": "individual",
            "schema": "https://beacon.example.org/api/schemas/entry_types/individual.json",
        }
    ]


def test_a_hidden_beacon_and_an_empty_one_answer_alike(answer):
    hidden = answer(asked(RECORD), Granularity.NONE, Granularity.NONE)

    assert hidden == answer(asked(RECORD), found=Answer())


@pytest.mark.parametrize("query", [None, asked(RECORD, filters=(Filter(id="a"),))])
def test_errors_carry_the_whole_meta(identity, conforms, query):
    document = json.loads(encode_error(404, "no such path", query, identity))

    conforms("responses/beaconErrorResponse", document)
    assert document["error"] == {"errorCode": 404, "errorMessage": "no such path"}
    if query is not None:
        assert document["meta"]["receivedRequestSummary"]["filters"] == ["a"]
