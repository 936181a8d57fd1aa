"""What our own beacons and networks say is read as it was meant."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from beacon.framework.access import ANY, Access
from beacon.framework.answer import Answer, Reported, ResultSet
from beacon.framework.disclosure import disclose
from beacon.framework.entry_types import endpoints
from beacon.framework.query import Filter, Granularity, Include, Query
from beacon.framework.request import Limits, decode_post
from beacon.framework.response import Identity, Organisation, encode_answer, encode_error
from beacon.model.entry_types import MODEL, NO_INDIVIDUALS
from beacon.network.dialects import Dialect
from beacon.network.requests import encode
from beacon.network.states import State
from tests.network.replying import QUERY, failure, read, with_sets

IDENTITY = Identity(
    beacon_id="org.example",
    name="Example",
    base_url="https://example.org",
    organisation=Organisation(id="org.example", name="Example", url="https://example.org"),
)
COLLECTIONS = {one.entry_type: one for one in endpoints(MODEL) if one.kind == "collection"}
RECORDS = st.lists(st.builds(lambda n: {"id": f"r{n}"}, st.integers(0, 9)), max_size=3).map(tuple)
RESULT_SETS = st.lists(
    st.builds(
        ResultSet,
        dataset_id=st.sampled_from(["a", "b", "ö", "2"]),
        count=st.sampled_from([1, 7, 10**9]),
        records=RECORDS,
        info=st.none() | st.just({"note": "ü"}),
    )
    | st.builds(
        ResultSet,
        dataset_id=st.sampled_from(["c", "d"]),
        count=st.just(0),
        info=st.none() | st.just(NO_INDIVIDUALS),
    ),
    max_size=4,
    unique_by=lambda one: one.dataset_id,
).map(tuple)
GRANTS = st.fixed_dictionaries(
    {one: st.builds(lambda level: {ANY: level}, st.sampled_from(Granularity)) for one in "abcdö2"}
)
ASKED = st.builds(
    Query,
    entry_type=st.sampled_from([one.id for one in MODEL.entry_types]),
    filters=st.just((Filter(id="HP:0001250"),)),
    granularity=st.sampled_from([one for one in Granularity if one]),
    include=st.sampled_from(Include),
    include_given=st.booleans(),
)


@settings(deadline=None, max_examples=100)
@given(RESULT_SETS, GRANTS, ASKED)
def test_our_own_answers_are_understood(result_sets, grants, query):
    request = encode(query, Dialect(), MODEL)
    asked = decode_post(COLLECTIONS[query.entry_type], {}, request.body, MODEL, Limits())
    said = disclose(Answer(result_sets=result_sets), asked, Access(grants=grants))

    reply = read(encode_answer(said, asked, IDENTITY, MODEL), query)

    assert reply.exists == said.exists
    assert reply.total == said.total
    assert reply.granularity == said.granularity
    assert reply.reported_id == "org.example"
    assert reply.schema == f"https://example.org/schemas/entry_types/{query.entry_type}.json"
    told = [
        record for one in said.result_sets for record in (one.records or ()) if query.wants_records
    ]
    assert [json.loads(bytes(x)) for one in reply.sets for x in one.records] == told
    if said.result_sets and query.entry_type not in ("dataset", "cohort"):
        assert [(one.id, one.exists, one.count, one.info) for one in reply.sets] == [
            (one.dataset_id, one.exists, one.count, one.info) for one in said.result_sets
        ]
        assert not any(one.path or one.emulated for one in reply.sets)
    else:
        (everything,) = reply.sets
        assert everything.emulated
        assert (everything.exists, everything.count) == (said.exists, said.total)


def test_our_own_errors_are_understood():
    body = encode_error(400, "variantType CNV is unknown", QUERY, IDENTITY)

    refused = failure(body, status=400)

    assert refused.state is State.NOT_APPLICABLE
    assert refused.reason == "variantType CNV is unknown"


def test_a_dataset_that_cannot_say_stays_so():
    found = {"id": "a", "setType": "dataset", "exists": False, "info": NO_INDIVIDUALS}

    (one,) = read(with_sets(found, responseSummary={"exists": False})).sets

    assert one.info == NO_INDIVIDUALS


def test_networks_say_who_said_what():
    """As our networks write it: the way below the network, and the states of its members."""
    status = {"asked": 2, "answered": 2, "members": [{"beaconId": "no", "status": "hit"}]}
    nested = ResultSet(
        dataset_id="a",
        count=3,
        info={"path": ["no", "north"]},
        reported=Reported(beacon_id="no", exists=True, precision="exact"),
    )
    direct = ResultSet(dataset_id="b", count=0, reported=Reported(beacon_id="se", exists=False))
    query = replace(QUERY, granularity=Granularity.COUNT)
    everything = Access(grants={one: {ANY: Granularity.RECORD} for one in "ab"})
    said = disclose(
        Answer(result_sets=(nested, direct), info={"networkStatus": status}),
        replace(query, include=Include.ALL),
        everything,
    )

    reply = read(encode_answer(said, query, IDENTITY, MODEL), query)

    assert [(one.id, one.count, one.path) for one in reply.sets] == [
        ("a", 3, ("no", "north")),
        ("b", 0, ("se",)),
    ]
    assert reply.network_status == status
