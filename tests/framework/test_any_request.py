"""Whatever is sent, it is a question or a bad request; never a failure of ours."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from beacon.framework.disclosure import Disclosed
from beacon.framework.entry_types import endpoints
from beacon.framework.errors import InvalidRequest
from beacon.framework.parameters import FILTER, GET_NAMES
from beacon.framework.request import Limits, decode_get, decode_post, decode_terms
from beacon.framework.response import Identity, Organisation, encode_answer, encode_error
from beacon.model.entry_types import MODEL

ENDPOINT = endpoints(MODEL)[0]
IDENTITY = Identity(
    beacon_id="org.example",
    name="Example",
    base_url="https://example.org",
    organisation=Organisation(id="org.example", name="Example", url="https://example.org"),
)
NAMES = [*GET_NAMES, *FILTER, "meta", "query", "pagination", "requestParameters", "g_variant"]
WORDS = st.sampled_from(["", "1", "-1", "true", "record", "ALL", "A:1", "=", "17", "GRCh38", "A"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=20,
)


def judge(decode):
    """The reply to a request, decoded and encoded again."""
    try:
        query = decode()
    except InvalidRequest as error:
        return encode_error(400, str(error), None, IDENTITY)
    nothing = Disclosed(
        granularity=query.granularity, exists=False, total=0, precision="exact", result_sets=()
    )
    return encode_answer(nothing, query, IDENTITY, MODEL)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.booleans())
def test_any_json_body(parts, inside):
    body = json.dumps({"query": parts} if inside else parts).encode()

    reply = judge(lambda: decode_post(ENDPOINT, {}, body, MODEL, Limits()))

    assert json.loads(reply)["meta"]["beaconId"] == "org.example"


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes(body):
    reply = judge(lambda: decode_post(ENDPOINT, {}, body, MODEL, Limits()))

    assert json.loads(reply)["meta"]["beaconId"] == "org.example"


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(list(GET_NAMES)), WORDS | st.text())))
def test_any_parameters(pairs):
    reply = judge(lambda: decode_get(ENDPOINT, {}, pairs, MODEL, Limits()))

    assert json.loads(reply)["meta"]["beaconId"] == "org.example"


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["skip", "limit", "testMode"]), WORDS | st.text())))
def test_any_parameters_of_terms(pairs):
    try:
        query, _ = decode_terms(None, {}, pairs)
    except InvalidRequest:
        return

    assert query.pagination.skip >= 0
