"""Whatever way members say it, it is understood as they mean it."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from beacon.framework.query import Granularity, Query
from beacon.network.states import ReportedSet, State
from beacon.settings import Reporting
from tests.network.replying import META, QUERY, failure, read, with_sets


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"responseSummary": {"exists": True}}, (True, None)),
        ({"responseSummary": {"exists": False}}, (False, None)),
        ({"responseSummary": {"exists": True, "numTotalResults": 4}}, (True, 4)),
        ({"responseSummary": {"exists": False, "numTotalResults": 0}}, (False, 0)),
        ({"responseSummary": {"numTotalResults": 4}}, (True, 4)),
        ({"responseSummary": {"numTotalResults": "4"}}, (True, 4)),
        ({"responseSummary": {"numTotalResults": 4.0}}, (True, 4)),
        ({"responseSummary": {"exists": None, "resultsCount": 0}}, (False, 0)),
        ({"meta": META, "responseSummary": {"exists": True}, "response": None}, (True, None)),
        ({"responseSummary": {"exists": True}, "response": {}, "error": None}, (True, None)),
        ({"responseSummary": {"exists": True}, "response": {"resultSets": []}}, (True, None)),
        ({"responseSummary": {"exists": True}, "error": {"errorCode": 0}}, (True, None)),
        ({"response": {"collections": []}}, (False, None)),
        (b'\xef\xbb\xbf{"responseSummary":{"exists":true}}', (True, None)),
    ],
)
def test_answers_without_result_sets_become_one(document, found):
    reply = read(document)

    exists, count = found
    assert reply.sets == (ReportedSet(id="fi", exists=exists, count=count, emulated=True),)
    assert (reply.exists, reply.total) == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"id": "a", "exists": True, "resultsCount": 4}, ("a", True, 4, False)),
        ({"id": "a", "exists": True, "resultCount": "4"}, ("a", True, 4, False)),
        ({"id": 7, "resultsCount": 4, "results": []}, ("7", True, 4, False)),
        ({"id": "a", "exists": False, "results": None, "info": None}, ("a", False, None, False)),
        ({"id": "a", "results": []}, ("a", False, None, False)),
        ({"exists": True, "resultsCount": 4}, ("fi", True, 4, True)),
        ({"beaconId": "x", "exists": True}, ("x", True, None, True)),
    ],
)
def test_result_sets_may_lack_what_is_required(given, found):
    (one,) = read(with_sets(given)).sets

    assert (one.id, one.exists, one.count, one.emulated) == found
    assert one.set_type == "dataset"


def test_result_sets_are_read_wherever_they_are():
    one = {"id": "a", "setType": "cohort", "exists": True}

    reply = read({"meta": META, "resultSets": [one], "responseSummary": {"exists": False}})

    assert reply.exists  # some summaries leave out whoever gives no counts
    assert [(found.id, found.set_type) for found in reply.sets] == [("a", "cohort")]


def test_records_stay_as_they_came():
    text = b'{"id": "\xc3\xa4",  "x": 1.50}'
    body = (
        b'{"response": {"resultSets": [{"id": "a", "exists": true, "results": [' + text + b"]}]}}"
    )

    (one,) = read(body).sets

    assert [bytes(record) for record in one.records] == [text]
    assert read(body).granularity is Granularity.RECORD


def test_listed_collections_are_one_set():
    query = Query(entry_type="dataset", granularity=Granularity.RECORD)
    document = {
        "responseSummary": {"exists": True, "numTotalResults": 9},
        "response": {"collections": [{"id": "a"}, {"id": "b"}]},
    }

    (one,) = read(document, query).sets

    assert (one.id, one.count, one.emulated) == ("fi", 9, True)
    assert [json.loads(bytes(record)) for record in one.records] == [{"id": "a"}, {"id": "b"}]


@pytest.mark.parametrize("granularity", [one for one in Granularity if one])
def test_nothing_is_taken_that_was_not_asked_for(granularity):
    given = {"id": "a", "exists": True, "resultsCount": 1, "results": [{"id": "p"}]}

    reply = read(
        with_sets(given, responseSummary={"exists": True, "numTotalResults": 1}),
        replace(QUERY, granularity=granularity),
    )

    (one,) = reply.sets
    assert reply.granularity is granularity
    assert (one.count, reply.total) == (
        (1, 1) if granularity > Granularity.BOOLEAN else (None,) * 2
    )
    assert bool(one.records) == (granularity is Granularity.RECORD)


def test_other_datasets_than_those_asked_are_left_out():
    query = replace(QUERY, dataset_ids=("b", "no:c", "d"))
    found = with_sets(
        {"id": "a", "exists": True, "resultsCount": 4},
        {"id": "b", "exists": False, "resultsCount": 0},
        {"id": "c", "exists": False, "resultsCount": 0, "beaconId": "no"},
        {"id": "c", "exists": True, "resultsCount": 2, "beaconId": "se"},
        responseSummary={"exists": True, "numTotalResults": 6},
    )

    reply = read(found, query)

    assert [(one.id, one.path) for one in reply.sets] == [("b", ()), ("c", ("no",))]
    assert (reply.exists, reply.total) == (False, None)
    assert failure(found, replace(QUERY, dataset_ids=("z",))).state is State.NOT_APPLICABLE


def test_a_yes_for_all_datasets_is_none_for_some():
    """A no for all of them is one for each."""
    query = replace(QUERY, dataset_ids=("b",))

    assert failure({"responseSummary": {"exists": True}}, query).state is State.NOT_APPLICABLE
    assert not read({"responseSummary": {"exists": False}}, query).exists


@pytest.mark.parametrize(
    ("given", "precision", "adjusted_to"),
    [
        ({"countPrecision": "imprecise", "countAdjustedTo": [10]}, "imprecise", (10,)),
        ({"countPrecision": "rounded", "countAdjustedTo": ["1", "10"]}, "rounded", (1, 10)),
        ({"countPrecision": "rounded", "countAdjustedTo": ["immediate ten"]}, "rounded", ()),
        ({"countPrecision": "imprecise", "countAdjustedTo": ["<5"]}, "imprecise", (1, 4)),
        ({"countPrecision": "imprecise", "countAdjustedTo": "<= 5"}, "imprecise", (1, 5)),
        ({"countPrecision": "approximately"}, "imprecise", ()),
        ({"countPrecision": None, "countAdjustedTo": [1, 2, 3]}, None, ()),
        ({"countAdjustedTo": {"a": 1}}, None, ()),
    ],
)
def test_changed_counts_say_so(given, precision, adjusted_to):
    summary = {"exists": True, "numTotalResults": 10, **given}
    reply = read(with_sets({"id": "a", "exists": True, "resultsCount": 10, **given}))
    bare = read({"responseSummary": summary})

    for one in (*reply.sets, *bare.sets, bare):
        assert (one.precision, one.adjusted_to) == (precision, adjusted_to)


@pytest.mark.parametrize(
    ("reporting", "count"),
    [
        (Reporting.EXACT, None),
        (Reporting.RAISED, None),
        (Reporting.ZEROED, 0),
        (Reporting.ROUNDED, 0),
        (Reporting.NOISY, 0),
    ],
)
def test_a_yes_with_a_count_of_none_keeps_its_count_back(reporting, count):
    (one,) = read(
        with_sets({"id": "a", "exists": True, "resultsCount": 0}), reporting=reporting
    ).sets

    assert (one.exists, one.count) == (True, count)


def test_noisy_counts_may_be_anything():
    found = with_sets(
        {"id": "a", "exists": False, "resultsCount": -3},
        {"id": "b", "exists": False, "resultsCount": 2.4},
        {"id": "c", "resultsCount": -1},
    )

    reply = read(found, reporting=Reporting.NOISY)

    assert [(one.exists, one.count) for one in reply.sets] == [(False, -3), (False, 2), (False, -1)]


def test_sets_of_other_beacons_came_through_the_member():
    found = with_sets(
        {"id": "a", "exists": True, "beaconId": "org.leaf"},
        {"id": "b", "exists": True, "beaconId": "org.other"},
        {"id": "c", "exists": True, "beaconId": "x", "info": {"path": ["org.leaf", "x", "y"]}},
        {"id": "d", "exists": True, "beaconId": "x", "info": {"path": [1, {}]}},
        {"id": "e", "exists": True, "beaconId": "x", "info": {"path": ["x"] * 99}},
    )

    assert [one.path for one in read(found).sets] == [
        (),
        ("org.other",),
        ("x", "y"),
        (),
        ("x",),
    ]


def test_beacons_that_a_network_says_failed_did_not_say_no():
    """One common network software writes `exists: false` for them, and the error beside it."""
    reply = read(
        with_sets(
            {"beaconId": "no", "exists": True, "resultsCount": 2, "results": []},
            {
                "beaconId": "se",
                "exists": False,
                "info": {"error": {"errorCode": 401, "errorMessage": "log in"}},
            },
            {"beaconId": "dk", "exists": False, "info": {"error": {"errorMessage": "x"}}},
        )
    )

    assert [one.path for one in reply.sets] == [("no",)]
    assert reply.network_status == {
        "asked": 3,
        "answered": 1,
        "members": [
            {"beaconId": "se", "status": "restricted", "reason": "log in"},
            {"beaconId": "dk", "status": "badResponse", "reason": "x"},
        ],
    }


def test_handovers_are_a_list():
    link = {"handoverType": {"id": "EDAM:3016"}, "url": "https://example.org"}
    found = with_sets(
        {"id": "a", "exists": True, "resultsHandovers": [link]},
        {"id": "b", "exists": True, "resultsHandovers": link},
        {"id": "c", "exists": True, "resultsHandovers": []},
        {"id": "d", "exists": True, "resultsHandovers": None},
    )

    handovers = [one.handovers for one in read(found).sets]

    assert [one and json.loads(bytes(one)) for one in handovers] == [[link], [link], None, None]


def test_info_that_could_not_be_written_again_is_left_out():
    deep = b'{"a":' + b"[" * 100 + b"]" * 100 + b"}"
    for info in (deep, b'{"a":1e999}', b"[1]", b'"x"'):
        body = b'{"response":{"resultSets":[{"id":"a","exists":true,"info":' + info + b"}]}}"

        assert read(body).sets[0].info is None


def test_long_info_is_read():
    members = [{"beaconId": f"m{n}", "path": ["m"]} for n in range(100)]
    found = {"responseSummary": {"exists": True}, "info": {"networkStatus": {"members": members}}}

    assert read(found).network_status == {"members": members}
