"""What members refuse, and what makes no sense, is a failure of theirs and never a no."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from beacon.framework.query import Filter
from beacon.network.refusals import REASON_CHARACTERS
from beacon.network.replies import beacon_error, decode
from beacon.network.states import MemberFailure, State
from beacon.settings import Reporting
from tests.network.replying import QUERY, failure, member, raw


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "nothing"),
        (b"  \n", "nothing"),
        (b"<!doctype html><title>nginx</title>", "HTML"),
        (b"null", "no Beacon document"),
        (b"[]", "no Beacon document"),
        (b"{}", "neither a summary nor result sets"),
        (b'{"responseSummary":{}}', "neither a summary nor result sets"),
        (b'{"responseSummary":{"exists":"yes"}}', r"no Beacon document.*exists"),
        (b'{"responseSummary":{"exists":1}}', "no Beacon document"),
        (b'{"responseSummary":[]}', "no Beacon document"),
        (b'{"response":{"resultSets":{}}}', "no Beacon document"),
        (b'{"response":{"resultSets":[1]}}', "no Beacon document"),
        (b'{"response":{"resultSets":[{"id":"a"}]}}', "neither yes nor no"),
        (b'{"response":{"resultSets":[{"exists":true,"results":[1]}]}}', "no objects"),
        (b'{"response":{"resultSets":[{"exists":false,"results":[{}]}]}}', "no, and gives records"),
        (b'{"response":{"resultSets":[{"exists":false,"resultsCount":5}]}}', "no, and counts 5"),
        (b'{"responseSummary":{"exists":false,"numTotalResults":5}}', "no, and counts 5"),
        (b'{"responseSummary":{"exists":true,"numTotalResults":-5}}', "below zero"),
        (b'{"responseSummary":{"exists":true,"numTotalResults":1.5}}', "no whole number"),
        (b'{"responseSummary":{"exists":true,"numTotalResults":"few"}}', "no whole number"),
        (b'{"responseSummary":{"exists":true,"numTotalResults":99999999999999999999}}', "number"),
        (b'{"responseSummary":{"exists":true}', "cut off"),
        (b'{"responseSummary":{"exists":true}}{}', "not JSON"),
        (b'{"responseSummary":{"exists":true},"x":"\xff"}', "UTF-8"),
        (b'{"responseSummary":{"exists":true},"x":' + b"[" * 9999 + b"]" * 9999 + b"}", "deep"),
        (b'{"error":{"errorMessage":"broken"}}', "broken"),
        (b'{"error":"broken"}', "broken"),
        (b'{"error":{"errorCode":500}}', "500 Internal Server Error"),
    ],
)
def test_what_makes_no_sense_is_no_answer(body, reason):
    failed = failure(body)

    assert failed.state is State.BAD_RESPONSE
    assert msgspec.json.decode(msgspec.json.encode(failed.reason)) == failed.reason
    with pytest.raises(MemberFailure, match=reason):
        raise failed


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (400, State.NOT_APPLICABLE),
        (401, State.RESTRICTED),
        (403, State.RESTRICTED),
        (404, State.NOT_APPLICABLE),
        (405, State.NOT_APPLICABLE),
        (413, State.NOT_APPLICABLE),
        (429, State.UNREACHABLE),
        (500, State.BAD_RESPONSE),
        (501, State.NOT_APPLICABLE),
        (502, State.UNREACHABLE),
        (503, State.UNREACHABLE),
        (504, State.TIMEOUT),
        (508, State.NOT_APPLICABLE),
        (302, State.BAD_RESPONSE),
        (599, State.BAD_RESPONSE),
    ],
)
def test_a_status_means_a_state(status, state):
    error = {"error": {"errorCode": status, "errorMessage": "so it is"}}

    refused = failure(error, status=status)

    assert (refused.state, refused.reason) == (state, "so it is")
    if status >= 400:
        assert failure(error).state is state  # with status 200
        assert failure({"error": {**error["error"], "errorCode": str(status)}}).state is state


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (404, b"", "404 Not Found"),
        (799, b"", "status 799"),
        (502, b"<html><h1>Bad Gateway</h1></html>", "502 Bad Gateway"),
        (400, b'{"detail": "no\\nsuch\\u0007 thing"}', "no such thing"),
        (400, b'{"title": "Bad", "message": 5}', "Bad"),
        (400, b'"plain"', "plain"),
        (400, b'{"error": {"errorMessage": "<b>bold</b> claim"}}', "bold claim"),
        (400, b'{"error": {"errorMessage": ["a"]}, "message": "b"}', "b"),
        (
            500,
            b'{"error": "cannot reach mongodb://u:p@10.0.0.7:27017/x now"}',
            "cannot reach … now",
        ),
        (500, b'{"error": "cannot reach db.internal:27017"}', "cannot reach …"),
        (500, b'{"error": "no route to 10.1.2.3"}', "no route to …"),
        (500, b'{"error": "no route to [fe80::1:2:3]"}', "no route to …"),
        (500, b'{"error": "see /srv/app/views.py"}', "see …"),
        (500, b'{"error": "write to a.b@example.org."}', "write to …"),
        (500, b"[" * 9999, "500 Internal Server Error"),
        (500, b"\xff", "500 Internal Server Error"),
    ],
)
def test_reasons_are_one_line_without_addresses(status, body, text):
    assert beacon_error(status, body) == text


def test_reasons_are_short():
    assert len(beacon_error(400, json.dumps({"message": "long " * 9999}).encode())) <= (
        REASON_CHARACTERS
    )


def test_reasons_do_not_tell_what_was_asked():
    query = replace(QUERY, filters=(Filter(id="HP:0001250"),), entry_id="P-17")
    message = "HP:0001250 of p-17 at 17:7577120 with A is not on GRCh38; 2017 and 175771201 are"

    refused = failure({"message": message}, query, status=400)

    assert refused.reason == "… of … at …:… with A is not on GRCh38; 2017 and 175771201 are"


NUMBERS = st.none() | st.integers(-3, 9) | st.sampled_from(["", "4", "few", 1.0, 1.5, True])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "fi", "<5", "\0"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["path", "error", "errorCode", "networkStatus", "schema", "a"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
COUNTED = {
    "exists": st.none() | st.booleans(),
    "resultsCount": NUMBERS,
    "countPrecision": st.sampled_from([None, "exact", "rounded", "about"]),
    "countAdjustedTo": JUNK,
}
SETS = st.fixed_dictionaries(
    {},
    optional={
        **COUNTED,
        "id": st.sampled_from([None, "", "a", 7]),
        "beaconId": st.sampled_from([None, "", "fi", "org.leaf", "x"]),
        "results": st.none() | st.lists(st.just({"id": "p"}) | JUNK, max_size=2),
        "info": JUNK,
        "resultsHandovers": JUNK,
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "meta": st.fixed_dictionaries(
            {}, optional={"beaconId": st.just("org.leaf"), "returnedSchemas": JUNK}
        ),
        "responseSummary": st.fixed_dictionaries({}, optional=COUNTED),
        "response": st.fixed_dictionaries(
            {}, optional={"resultSets": st.lists(SETS, max_size=3), "collections": st.lists(JUNK)}
        ),
        "info": JUNK,
        "error": st.none() | st.none() | JUNK,
    },
)


@settings(deadline=None, max_examples=150)
@given(
    DOCUMENTS | JUNK,
    st.sampled_from([200, 200, 200, 400, 500]),
    st.sampled_from(Reporting),
    st.sampled_from([(), ("a",)]),
)
def test_whatever_is_said_is_an_answer_or_a_failure_of_the_member(
    document, status, reporting, dataset_ids
):
    query = replace(QUERY, dataset_ids=dataset_ids)
    try:
        reply = decode(raw(document, status), query, member(reporting))
    except MemberFailure:
        return

    assert reply.exists == any(one.exists for one in reply.sets)
    assert reply.sets or reply.network_status
    assert msgspec.json.encode(reply)


@settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from([200, 403, 500]))
def test_any_bytes_are_a_failure_of_the_member(body, status):
    with pytest.raises(MemberFailure):
        decode(raw(body, status), QUERY, member())
