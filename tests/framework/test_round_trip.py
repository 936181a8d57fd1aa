"""Encoding a query and decoding the request gives the query back."""

from __future__ import annotations

import dataclasses
import json
from urllib.parse import unquote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from beacon.framework.entry_types import endpoints
from beacon.framework.errors import InvalidRequest
from beacon.framework.parameters import token_of_filter
from beacon.framework.query import (
    Filter,
    Granularity,
    Include,
    Operator,
    Pagination,
    Query,
    RequestedSchema,
    Similarity,
    VariationQuery,
    Within,
)
from beacon.framework.request import Limits, decode_get, decode_post
from beacon.framework.request_encoding import encode_get, encode_post
from beacon.model.entry_types import MODEL

LENIENT = dataclasses.replace(MODEL, check_variation=lambda variation: None)
ENDPOINTS = [one for one in endpoints(MODEL) if one.kind != "filtering_terms"]

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
TOKENS = TEXTS.filter(lambda text: "," not in text and text == text.strip())
POSITIONS = st.lists(st.integers(0, 2**63 - 1), max_size=2).map(tuple)
BASES = st.none() | st.text("ACGTN", max_size=4)
VARIATIONS = st.builds(
    VariationQuery,
    assembly_id=st.none() | TEXTS,
    reference_name=st.none() | TEXTS,
    start=POSITIONS,
    end=POSITIONS,
    reference_bases=BASES,
    alternate_bases=BASES,
    variant_type=st.none() | TEXTS,
    variant_min_length=st.none() | st.integers(0, 2**63 - 1),
    variant_max_length=st.none() | st.integers(1, 2**63 - 1),
    mate_name=st.none() | TEXTS,
    gene_id=st.none() | TEXTS,
    aminoacid_change=st.none() | TEXTS,
    genomic_allele_short_form=st.none() | TEXTS,
).filter(lambda variation: variation != VariationQuery())
INCLUDES = st.tuples(st.sampled_from(Include), st.just(True)) | st.just((Include.HIT, False))
SCOPES = st.none() | st.sampled_from([one.id for one in MODEL.entry_types]) | st.just("patients")
COMPARISONS = st.tuples(st.sampled_from(Operator), TEXTS) | st.just((None, None))


@st.composite
def filters(draw, texts):
    operator, value = draw(COMPARISONS)
    return Filter(
        id=draw(texts),
        operator=operator,
        value=value,
        include_descendant_terms=draw(st.booleans()),
        similarity=draw(st.sampled_from(Similarity)),
        scope=draw(SCOPES),
    )


@st.composite
def get_filters(draw):
    operator, value = draw(COMPARISONS)
    found = Filter(id=draw(TOKENS), operator=operator, value=value)
    token = token_of_filter(found)
    assume(token is not None and "," not in token and token == token.strip())
    return found


@st.composite
def queries(draw, *, texts, one_filter, schemas):
    endpoint = draw(st.sampled_from(ENDPOINTS))
    entry_id = draw(TEXTS.filter(lambda text: text != "filtering_terms"))
    include, include_given = draw(INCLUDES)
    return endpoint, Query(
        entry_type=endpoint.entry_type,
        entry_id=entry_id if endpoint.kind == "single" else None,
        within=Within(endpoint.within, entry_id) if endpoint.within else None,
        variation=draw(st.none() | VARIATIONS),
        filters=tuple(draw(st.lists(one_filter, max_size=3))),
        dataset_ids=tuple(draw(st.lists(texts, max_size=3, unique=True))),
        include=include,
        include_given=include_given,
        pagination=Pagination(skip=draw(st.integers(0, 10**6)), limit=draw(st.integers(1, 1000))),
        granularity=draw(st.sampled_from(Granularity).filter(bool)),
        test_mode=draw(st.booleans()),
        requested_schemas=tuple(draw(st.lists(schemas, max_size=2, unique=True))),
        api_version=draw(TEXTS),
    )


GET_QUERIES = queries(
    texts=TOKENS, one_filter=get_filters(), schemas=st.builds(RequestedSchema, schema=TOKENS)
)
POST_QUERIES = queries(
    texts=TEXTS,
    one_filter=filters(TEXTS),
    schemas=st.builds(RequestedSchema, entity_type=st.none() | TEXTS, schema=st.none() | TEXTS),
)


def path_params(endpoint, path):
    """What a router takes from the path, given that it found this endpoint."""
    parts = path.split("/")

    assert len(parts) == len(endpoint.pattern.split("/"))
    return {"id": unquote(parts[2])} if "{id}" in endpoint.pattern else {}


@settings(deadline=None)
@given(GET_QUERIES)
def test_get_round_trip(asked):
    endpoint, query = asked

    path, pairs = encode_get(query, LENIENT)

    assert decode_get(endpoint, path_params(endpoint, path), pairs, LENIENT, Limits()) == query


@settings(deadline=None)
@given(POST_QUERIES)
def test_post_round_trip(asked):
    endpoint, query = asked

    path, body = encode_post(query, LENIENT)
    sent = json.dumps(body).encode()

    assert decode_post(endpoint, path_params(endpoint, path), sent, LENIENT, Limits()) == query


@settings(deadline=None, max_examples=50)
@given(POST_QUERIES)
def test_get_says_the_same_or_refuses(asked):
    """A GET that cannot carry a part of the question must not ask a different one."""
    endpoint, query = asked

    try:
        path, pairs = encode_get(query, LENIENT)
    except InvalidRequest:
        return

    assert decode_get(endpoint, path_params(endpoint, path), pairs, LENIENT, Limits()) == query


@pytest.mark.parametrize(
    "one",
    [
        Filter(id="HP:1", scope="run"),
        Filter(id="HP:1", include_descendant_terms=False),
        Filter(id="a,b"),
        Filter(id="age:>"),
        Filter(id="age", operator=Operator.EQUAL, value="1,2"),
    ],
)
def test_get_refuses_filters_it_cannot_say(one):
    with pytest.raises(InvalidRequest, match="use POST"):
        encode_get(Query(entry_type="individual", filters=(one,)), MODEL)
