"""What all members said as one answer: who said what, how many in all, and how far that is sure."""

from __future__ import annotations

import json
from random import Random

import msgspec
import pytest
from msgspec.structs import replace

from beacon.framework.access import EVERYTHING
from beacon.framework.answer import Answer, Total
from beacon.framework.disclosure import disclose
from beacon.framework.query import Granularity, Include, Query
from beacon.framework.response import Identity, Organisation, encode_answer
from beacon.model.entry_types import MODEL
from beacon.network.merging import answer_of, member_document, merge
from beacon.network.remote import RawReply
from beacon.network.replies import decode
from beacon.network.states import MemberReply, Outcome, State
from beacon.network.summary import state_of
from beacon.settings import Reporting
from tests.conformance import official
from tests.network.outcomes import ALLELE, PEOPLE, VARIANTS, answered, member, reported, silent

NETWORK = Identity(
    beacon_id="eu.example.network",
    name="Network",
    base_url="https://network.example.eu/api",
    organisation=Organisation(id="eu.example", name="Example", url="https://example.eu/"),
)


def merged(outcomes: list[Outcome], query: Query = PEOPLE) -> Answer:
    return merge(outcomes, query, network_id="eu.example.network", query_id="q-1")


def status(answer: Answer) -> dict:
    assert answer.info is not None
    return dict(answer.info["networkStatus"])


def test_27_countries_with_a_carrier_each_and_counts_below_10_raised_to_it():
    outcomes = [
        answered(member(f"c{number}", reporting=Reporting.RAISED, threshold=10), reported(10))
        for number in range(1, 28)
    ]

    answer = merged(outcomes)

    assert answer.total == Total(count=270, precision="imprecise")
    assert status(answer)["bounds"] == {
        "lower": 27,
        "upper": 270,
        "upperIfOnlyAnswering": 270,
        "why": ["27 members: counts below 10 given as 10"],
    }
    assert status(answer)["hit"] == 27


def test_members_that_did_not_answer_leave_the_sum_open_and_are_named():
    outcomes = [
        answered(member("fi"), reported(31)),
        answered(member("es", reporting=Reporting.RAISED, threshold=10), reported(10)),
        silent(member("mt")),
        silent(member("fr"), State.RESTRICTED),
        silent(member("it"), State.RESTRICTED),
    ]

    bounds = status(merged(outcomes))["bounds"]

    assert bounds == {
        "lower": 32,
        "upperIfOnlyAnswering": 41,
        "why": [
            "es: counts below 10 given as 10",
            "mt: timeout",
            "2 members: restricted",
        ],
    }


def test_states_add_up_to_the_members_asked():
    outcomes = [silent(member(f"m{n}"), state) for n, state in enumerate(State)]

    said = status(merged(outcomes))

    assert said["asked"] == len(State) == sum(said[state.value] for state in State)
    assert said["responded"] == 5
    assert said["answered"] == 2
    assert said["error"] == 3
    assert said["complete"] is False
    assert [one["status"] for one in said["members"]] == [state.value for state in State]


def test_exact_counts_of_members_that_share_nobody_have_an_exact_sum():
    answer = merged([answered(member("fi"), reported(3)), answered(member("se"), reported(0))])

    assert answer.total == Total(count=3)
    assert status(answer)["bounds"] == {"lower": 3, "upper": 3, "upperIfOnlyAnswering": 3}
    assert status(answer)["complete"] is True


def test_members_that_may_share_people_have_at_least_the_largest_count():
    outcomes = [
        answered(member(name, disjoint=False), reported(count))
        for name, count in (("fi", 3), ("se", 5))
    ]

    answer = merged(outcomes)

    assert status(answer)["bounds"]["lower"] == 5
    assert status(answer)["bounds"]["upper"] == 8
    assert answer.total == Total(count=8, precision="imprecise")


def test_one_member_of_which_nothing_is_known_may_share_all_with_those_that_share_nobody():
    outcomes = [
        answered(member("fi"), reported(3)),
        answered(member("se"), reported(4)),
        answered(member("xx", disjoint=False), reported(5)),
    ]

    bounds = status(merged(outcomes))["bounds"]

    assert (bounds["lower"], bounds["upper"]) == (7, 12)


def test_result_sets_come_in_the_order_of_members_under_the_ids_they_are_registered_by():
    outcomes = [
        answered(member("se"), reported(0, "b"), reported(4, "a"), reported_id="org.other"),
        silent(member("mt")),
        answered(member("fi"), reported(1, "a")),
    ]

    sets = merged(outcomes).result_sets

    assert [(one.reported.beacon_id, one.dataset_id, one.count) for one in sets] == [
        ("se", "b", 0),
        ("se", "a", 4),
        ("fi", "a", 1),
    ]
    assert sets[0].info == {
        "country": "SE",
        "latencyMs": 12,
        "path": ["se"],
        "reportedBeaconId": "org.other",
    }


def test_a_member_cannot_say_that_it_is_in_another_country():
    said = reported(1, info={"country": "FR", "path": ["other"], "note": "kept"})

    (one,) = merged([answered(member("fi"), said)]).result_sets

    assert one.info == {"country": "FI", "path": ["fi"], "note": "kept", "latencyMs": 12}


@pytest.mark.parametrize(
    ("outcomes", "certainty"),
    [
        ([answered(member("fi"), reported(1)), silent(member("mt"))], "complete"),
        ([answered(member("fi"), reported(0)), silent(member("mt"))], "partial"),
        ([answered(member("fi"), reported(0)), answered(member("mt"), reported(0))], "complete"),
        ([answered(member("fi", reporting=Reporting.ZEROED, threshold=5), reported(0))], "partial"),
        ([answered(member("fi"), reported(1), state=State.STALE, age_s=60.0)], "partial"),
        ([answered(member("fi"), reported(2), applied={"bound": "upper"})], "partial"),
    ],
)
def test_a_no_is_certain_only_when_everybody_said_it_and_a_yes_when_anybody_did(
    outcomes, certainty
):
    assert status(merged(outcomes))["existsCertainty"] == certainty
    boolean = replace(PEOPLE, granularity=Granularity.BOOLEAN)
    assert status(merged(outcomes, boolean))["existsCertainty"] == certainty


def test_a_stale_answer_is_shown_with_its_age_and_not_counted():
    outcome = answered(member("fi"), reported(5), state=State.STALE, age_s=61.2)

    answer = merged([outcome, answered(member("se"), reported(1))])

    assert answer.result_sets[0].info["ageSeconds"] == 61
    assert answer.total == Total(count=1, precision="imprecise")
    assert status(answer)["members"][0]["ageSeconds"] == 61
    assert status(answer)["stale"] == 1


def test_a_mere_yes_counts_as_one_at_least():
    outcomes = [
        answered(member("fi"), reported(None, exists=True)),
        answered(member("se"), reported(4)),
    ]

    answer = merged(outcomes)

    assert answer.total == Total(count=5, precision="imprecise")
    assert status(answer)["bounds"] == {"lower": 5, "why": ["fi: only yes or no"]}


def test_noise_below_zero_is_shown_as_none_and_added_as_it_is():
    outcomes = [
        answered(member("fi", reporting=Reporting.NOISY, scale=1.0), reported(-2, exists=False)),
        answered(member("se"), reported(10)),
    ]

    answer = merged(outcomes)

    assert [one.count for one in answer.result_sets] == [0, 10]
    assert answer.total == Total(count=8, precision="imprecise")
    assert status(answer)["bounds"]["lower"] == 5


def test_how_a_question_was_put_is_told_with_the_member_and_its_sets():
    applied = {"filters": ["HP:0000118"], "bound": "upper"}

    answer = merged([answered(member("fi"), reported(5), applied=applied)])

    assert status(answer)["members"][0]["applied"] == applied
    assert answer.result_sets[0].info["applied"] == applied
    assert status(answer)["bounds"]["why"] == ["fi: asked for more than the question says"]


def test_datasets_of_several_members_add_up():
    query = Query(entry_type="dataset", granularity=Granularity.COUNT, include=Include.ALL)
    outcomes = [answered(member(name, disjoint=False), reported(2)) for name in ("fi", "se")]

    assert merged(outcomes, query).total == Total(count=4)


def test_one_allele_is_one_variant_however_many_have_it():
    outcomes = [answered(member(name), reported(1)) for name in ("fi", "se", "ee")]
    region = replace(ALLELE, variation=replace(ALLELE.variation, end=(7577130,)))

    assert merged(outcomes, ALLELE).total == Total(count=1)
    assert merged(outcomes, region).total == Total(count=3, precision="imprecise")
    assert status(merged(outcomes, region))["bounds"]["lower"] == 1


LEGACY = {
    "variantInternalId": "v1",
    "variation": {
        "variantType": "SNP",
        "referenceBases": "G",
        "alternateBases": "A",
        "location": {
            "type": "SequenceLocation",
            "sequence_id": "refseq:NC_000017.11",
            "interval": {
                "type": "SequenceInterval",
                "start": {"type": "Number", "value": 7577120},
                "end": {"type": "Number", "value": 7577121},
            },
        },
    },
}
OURS = {"variantInternalId": "GRCh38-17-7577121-G-A"}
BY_VRS = {
    "variantInternalId": "x",
    "identifiers": {"variantAlternativeIds": [{"id": "ga4gh:VA.abc", "notes": "VRS"}]},
}
BOTH = {**BY_VRS, "variantInternalId": "GRCh38-17-7577121-G-A"}
OTHER = {"variantInternalId": "GRCh38-17-7577121-G-T"}


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([[OURS], [OURS]], 1),
        ([[OURS], [LEGACY]], 1),
        ([[OURS], [OTHER]], 2),
        ([[OURS, OTHER], [LEGACY]], 2),
        ([[LEGACY], [BY_VRS], [BOTH]], 1),
        ([[BY_VRS], [BY_VRS, OTHER]], 2),
    ],
)
def test_variants_are_counted_by_what_they_are(records, expected):
    outcomes = [
        answered(member(f"m{number}"), reported(len(of_member), records=of_member))
        for number, of_member in enumerate(records)
    ]

    assert merged(outcomes, VARIANTS).total == Total(count=expected)


def test_variants_beyond_the_page_may_be_the_same():
    outcomes = [
        answered(member("fi"), reported(7, records=[OURS, OTHER])),
        answered(member("se"), reported(4, records=[OURS])),
    ]

    bounds = status(merged(outcomes, VARIANTS))["bounds"]

    assert (bounds["lower"], bounds["upper"]) == (7, 10)


def test_records_that_cannot_be_identified_are_not_taken_for_one_another():
    nameless = {"variantInternalId": "v1", "variation": {"what": "ever"}}
    outcomes = [answered(member(name), reported(1, records=[nameless])) for name in ("fi", "se")]

    bounds = status(merged(outcomes, VARIANTS))["bounds"]

    assert (bounds["lower"], bounds["upper"]) == (1, 2)


def nested(of: str, *sets, members: list[dict], bounds: dict | None = None, **said) -> Outcome:
    """A member that is a network, with the states of its own."""
    own = {
        "asked": len(members),
        "answered": sum(one["status"] in ("hit", "miss") for one in members),
        "complete": all(one["status"] in ("hit", "miss") for one in members),
        "members": members,
    }
    if bounds is not None:
        own["bounds"] = bounds
    return answered(member(of), *sets, network_status=own, **said)


def leaf(beacon_id: str, state: str = "hit", **said) -> dict:
    return {"beaconId": beacon_id, "country": "SE", "status": state, "afterMs": 5, **said}


def test_data_that_come_by_two_ways_are_counted_once_and_the_direct_way_is_preferred():
    outcomes = [
        nested(
            "net",
            reported(3, "a", path=("fi",)),
            reported(4, "b", path=("se.1",)),
            members=[leaf("fi"), leaf("se.1")],
            bounds={"lower": 7, "upper": 7},
        ),
        answered(member("fi"), reported(3, "a")),
    ]

    answer = merged(outcomes)

    assert [(one.reported.beacon_id, one.dataset_id) for one in answer.result_sets] == [
        ("net", "b"),
        ("fi", "a"),
    ]
    assert answer.total == Total(count=7)
    assert [one["path"] for one in status(answer)["leaves"]] == [["net", "se.1"]]
    assert merged(outcomes[::-1]).total == answer.total


def test_the_same_leaf_of_two_networks_is_counted_once():
    outcomes = [
        nested("net", reported(3, "a", path=("sub", "fi")), members=[leaf("fi")]),
        nested("web", reported(3, "a", path=("fi",)), members=[leaf("fi")]),
    ]

    answer = merged(outcomes)

    assert answer.total == Total(count=3)
    assert [one.info["path"] for one in answer.result_sets] == [["web", "fi"]]
    assert len(status(answer)["leaves"]) == 1


def test_datasets_of_one_name_in_two_beacons_are_two():
    outcomes = [
        nested(
            "net",
            reported(3, "a", path=("fi",)),
            reported(3, "a", path=("se",)),
            members=[leaf("fi"), leaf("se")],
        )
    ]

    assert merged(outcomes).total == Total(count=6)


def test_a_leaf_is_known_by_what_it_calls_itself():
    outcomes = [
        answered(member("fi"), reported(3, "a"), reported_id="fi.example.beacon"),
        nested(
            "net",
            reported(3, "a", path=("fi.example.beacon",)),
            members=[leaf("fi.example.beacon")],
        ),
    ]

    assert merged(outcomes).total == Total(count=3)


def test_a_leaf_is_known_by_what_the_network_before_it_says_that_it_calls_itself():
    said = {"reportedBeaconId": "fi.example.beacon"}
    outcomes = [
        answered(member("fi"), reported(3, "a"), reported_id="fi.example.beacon"),
        nested("net", reported(3, "a", path=("finland",), info=said), members=[leaf("finland")]),
    ]

    assert merged(outcomes).total == Total(count=3)


def test_a_network_cannot_say_that_two_beacons_are_one():
    said = {"reportedBeaconId": "se.example.beacon"}
    outcomes = [
        nested(
            "net",
            reported(3, "a", path=("fi",), info=said),
            reported(3, "a", path=("se",), info=said),
            members=[leaf("fi"), leaf("se")],
        )
    ]

    assert merged(outcomes).total == Total(count=6)


def test_the_answer_of_a_network_read_back_and_merged_again_has_the_same_bounds():
    inner = merged(
        [
            answered(member("fi"), reported(3, "a"), reported_id="fi.example.beacon"),
            answered(member("es", reporting=Reporting.RAISED, threshold=10), reported(10, "a")),
            silent(member("mt")),
        ]
    )
    body = encode_answer(disclose(inner, PEOPLE, EVERYTHING), PEOPLE, NETWORK, MODEL)
    reply = RawReply(status=200, body=body, content_type="application/json")
    net = member("net")

    outcome = Outcome(member=net, state=State.HIT, after_ms=1.0, reply=decode(reply, PEOPLE, net))
    outer = merged([outcome])

    assert outer.total == inner.total
    bounds = dict(status(outer)["bounds"], why=None)
    assert bounds == dict(status(inner)["bounds"], why=None)
    assert [one.info["path"] for one in outer.result_sets] == [["net", "fi"], ["net", "es"]]
    assert [one["path"][-1] for one in status(outer)["leaves"]] == ["fi", "es", "mt"]


def test_a_member_cannot_take_the_place_of_another_by_its_name():
    outcomes = [
        answered(member("xx"), reported(1, "a"), reported_id="fi"),
        nested("net", reported(3, "a", path=("fi",)), members=[leaf("fi")]),
        silent(member("fi")),
    ]

    answer = merged(outcomes)

    assert [one.count for one in answer.result_sets] == [1, 3]


def test_beacons_behind_a_network_that_did_not_answer_leave_the_sum_open():
    outcomes = [
        nested(
            "net",
            reported(3, "a", path=("fi",)),
            members=[leaf("fi"), leaf("se", "timeout")],
        )
    ]

    said = status(merged(outcomes))

    assert said["complete"] is False
    assert said["bounds"]["lower"] == 3
    assert "upper" not in said["bounds"]
    assert said["bounds"]["upperIfOnlyAnswering"] == 3


def test_leaves_of_networks_in_networks_are_listed_with_the_whole_way():
    inner = nested("net", reported(1, "a", path=("sub", "fi")), members=[leaf("sub")])
    own = {**inner.reply.network_status, "leaves": [leaf("fi", path=["sub", "fi"])]}
    outcome = replace(inner, reply=replace(inner.reply, network_status=own))

    leaves = status(merged([outcome]))["leaves"]

    assert [one["path"] for one in leaves] == [["net", "sub", "fi"]]


@pytest.mark.parametrize(
    "nonsense",
    [
        {},
        {"members": "all"},
        {"members": [1, {"beaconId": 3}, {"beaconId": "a"}], "leaves": [{"beaconId": "b"}]},
        {"bounds": [3], "answered": "0", "asked": None},
        {"leaves": [{"beaconId": "b", "path": []}, {"beaconId": "c", "path": [1], "status": 4}]},
        {"members": [{"beaconId": "a", "status": ["hit"]}], "answered": 0, "asked": 1},
    ],
)
def test_nonsense_about_members_of_a_network_does_no_harm(nonsense):
    outcome = answered(member("net"), reported(0), network_status=nonsense)

    said = status(merged([outcome, answered(member("fi"), reported(1))]))

    assert said["hit"] == 1
    assert state_of(outcome.reply)[0] in State


@pytest.mark.parametrize(
    ("sets", "members", "expected"),
    [
        ((reported(1),), None, State.HIT),
        ((reported(0),), None, State.MISS),
        ((reported(0, info={"notApplicable": "no people"}),), None, State.NOT_APPLICABLE),
        ((reported(0, info={"notApplicable": "no"}), reported(0, "b")), None, State.MISS),
        ((), [leaf("a", "timeout"), leaf("b", "timeout")], State.TIMEOUT),
        ((), [leaf("a", "timeout"), leaf("b", "restricted")], State.UNREACHABLE),
        ((reported(0),), [leaf("a", "miss"), leaf("b", "restricted")], State.MISS),
    ],
)
def test_what_a_reply_means(sets, members, expected):
    if members is None:
        reply = answered(member(), *sets).reply
    else:
        reply = nested("net", *sets, members=members).reply

    assert state_of(reply)[0] is expected


def test_one_member_has_an_answer_of_its_own_while_others_are_waited_for():
    outcome = answered(
        member("fi", reporting=Reporting.RAISED, threshold=10), reported(10), reported(0, "e")
    )

    answer = answer_of(outcome, PEOPLE)

    assert answer.result_sets == merged([outcome]).result_sets
    assert answer.total == Total(count=10, precision="imprecise")
    assert answer_of(silent(member("mt")), PEOPLE) == Answer()


def test_a_member_document_says_what_became_of_the_question_there():
    raised = member("es", reporting=Reporting.RAISED, threshold=10)
    boolean = replace(PEOPLE, granularity=Granularity.BOOLEAN)

    document = member_document(answered(raised, reported(10), reported_id="es.b"), PEOPLE)

    assert document == {
        "beaconId": "es",
        "name": "ES",
        "country": "ES",
        "status": "hit",
        "afterMs": 12,
        "reportedBeaconId": "es.b",
        "bounds": [1, 10],
    }
    assert "bounds" not in member_document(answered(raised, reported(10)), boolean)
    assert member_document(silent(member("mt")), PEOPLE)["reason"] == "said nothing"


def test_neither_the_order_of_members_nor_grouping_changes_the_numbers():
    random = Random(3)
    outcomes = [
        answered(
            member(f"m{n}", reporting=random.choice(list(Reporting)), threshold=5, step=10),
            reported(random.randrange(3) * 10, "a"),
        )
        for n in range(12)
    ]
    first = status(merged(outcomes))["bounds"]

    for _ in range(10):
        random.shuffle(outcomes)
        again = status(merged(outcomes))["bounds"]

        assert {**again, "why": set(again["why"])} == {**first, "why": set(first["why"])}


@pytest.mark.skipif(not official.is_present(), reason="the specification's schemas are not here")
@pytest.mark.parametrize("include", Include)
@pytest.mark.parametrize("granularity", [one for one in Granularity if one])
@pytest.mark.parametrize("entry_type", ["individual", "genomicVariant"])
def test_what_is_merged_is_valid(entry_type, granularity, include):
    query = Query(
        entry_type=entry_type, granularity=granularity, include=include, include_given=True
    )
    record = {"id": "i1"} if entry_type == "individual" else OURS
    outcomes = [
        answered(member("fi"), reported(2, records=[record])),
        answered(
            member("es", reporting=Reporting.RAISED, threshold=10),
            reported(10, adjusted_to=(10,), precision="imprecise"),
        ),
        answered(member("se"), reported(None, exists=True, emulated=True)),
        answered(member("ee"), reported(0)),
        nested("net", reported(3, "a", path=("no",)), members=[leaf("no"), leaf("dk", "timeout")]),
        silent(member("mt")),
    ]
    answer = merged(outcomes, query)

    body = encode_answer(disclose(answer, query, EVERYTHING), query, NETWORK, MODEL)

    document = msgspec.json.decode(body)
    kind = "Resultsets" if "response" in document else "Count" if granularity > 1 else "Boolean"
    errors = [
        error.message
        for error in official.validator(f"responses/beacon{kind}Response.json").iter_errors(
            json.loads(body)
        )
    ]
    assert errors == []


def test_a_reply_without_result_sets_counts_as_its_total():
    reply = MemberReply(exists=True, granularity=Granularity.COUNT, total=6)
    outcome = Outcome(member=member("fi"), state=State.HIT, after_ms=1.0, reply=reply)

    assert merged([outcome]).total == Total(count=6)


def test_datasets_of_several_countries_are_told_apart() -> None:
    """A list of datasets has no result sets, so each says itself whose it is."""
    query = Query(entry_type="dataset", granularity=Granularity.RECORD)
    record = {"id": "d", "name": "The same name"}
    outcomes = [
        answered(member(one), reported(1, records=[record], **said))
        for one, said in (("fi", {}), ("eu", {"path": ("north", "ee")}))
    ]

    answer = merge(outcomes, query, network_id="n", query_id="q")

    told = [
        msgspec.json.decode(one)
        for found in answer.result_sets
        for one in (found.reported.records if found.reported else ())
    ]
    assert [one["beaconId"] for one in told] == ["fi", "ee"]
    assert [one["id"] for one in told] == ["d", "d"]
