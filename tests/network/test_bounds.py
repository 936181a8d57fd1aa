"""Between which numbers a count lies: by policy, by what an answer says itself, and in sum."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beacon.network.bounds import Bounds, bounds_of_outcome, bounds_of_set
from beacon.network.merging import merge
from beacon.network.spans import read_bounds, written_bounds
from beacon.network.states import Outcome, ReportedSet, State
from beacon.settings import Reporting
from tests.network.outcomes import PEOPLE, VARIANTS, answered, member, reported, silent

NOISE = math.ceil(2 * math.log(20))


@pytest.mark.parametrize(
    ("policy", "count", "expected"),
    [
        ({}, 7, (7, 7)),
        ({}, 0, (0, 0)),
        ({"reporting": Reporting.RAISED, "threshold": 10}, 10, (1, 10)),
        ({"reporting": Reporting.RAISED, "threshold": 10}, 11, (11, 11)),
        ({"reporting": Reporting.RAISED, "threshold": 10}, 0, (0, 0)),
        ({"reporting": Reporting.ZEROED, "threshold": 5}, 0, (0, 4)),
        ({"reporting": Reporting.ZEROED, "threshold": 5}, 5, (5, 5)),
        ({"reporting": Reporting.OMITTED, "threshold": 5}, 9, (9, 9)),
        ({"reporting": Reporting.ROUNDED, "step": 10}, 20, (15, 25)),
        ({"reporting": Reporting.ROUNDED, "step": 10}, 0, (0, 5)),
        ({"reporting": Reporting.ROUNDED, "step": 5}, 20, (18, 22)),
        ({"reporting": Reporting.ROUNDED_UP, "step": 10}, 20, (11, 20)),
        ({"reporting": Reporting.ROUNDED_UP, "step": 100}, 100, (1, 100)),
        ({"reporting": Reporting.ROUNDED_UP, "step": 10}, 0, (0, 0)),
        ({"reporting": Reporting.NOISY, "scale": 2.0}, 50, (50 - NOISE, 50 + NOISE)),
        ({"reporting": Reporting.NOISY, "scale": 2.0}, 1, (0, 1 + NOISE)),
    ],
)
def test_a_count_means_what_the_policy_of_its_member_says(policy, count, expected):
    bounds = bounds_of_set(reported(count), member(**policy))

    assert (bounds.lower, bounds.upper) == expected


@pytest.mark.parametrize(
    ("policy", "exists", "expected"),
    [
        ({}, True, (1, None)),
        ({}, False, (0, 0)),
        ({"reporting": Reporting.BOOLEAN}, True, (1, None)),
        ({"reporting": Reporting.BOOLEAN}, False, (0, 0)),
        ({"reporting": Reporting.BOOLEAN, "threshold": 5}, True, (5, None)),
        ({"reporting": Reporting.BOOLEAN, "threshold": 5}, False, (0, 4)),
        ({"reporting": Reporting.ZEROED, "threshold": 5}, False, (0, 4)),
        ({"reporting": Reporting.NOISY, "scale": 1.0}, True, (0, None)),
        ({"reporting": Reporting.NOISY, "scale": 1.0}, False, (0, None)),
    ],
)
def test_a_yes_or_no_means_what_the_policy_of_its_member_says(policy, exists, expected):
    bounds = bounds_of_set(reported(None, exists=exists), member(**policy))

    assert (bounds.lower, bounds.upper) == expected


@pytest.mark.parametrize(
    ("count", "precision", "adjusted_to", "expected"),
    [
        (10, "exact", (), (10, 10)),
        (10, "imprecise", (), (1, None)),
        (10, "imprecise", (10,), (1, 10)),
        (0, "imprecise", (5,), (0, 5)),
        (12, "imprecise", (10,), (1, None)),  # adjusted to something that it is not
        (10, "imprecise", (1, 10), (1, 10)),
        (10, "rounded", (1, 10), (1, 10)),
        (20, "rounded", (10,), (11, 29)),  # up, down or to the nearest
        (10, "rounded", (10,), (1, 19)),
        (20, "rounded", (), (1, None)),
    ],
)
def test_an_answer_can_say_itself_how_far_its_count_is_right(
    count, precision, adjusted_to, expected
):
    said = reported(count, precision=precision, adjusted_to=adjusted_to)

    bounds = bounds_of_set(said, member())

    assert (bounds.lower, bounds.upper) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ([3, 9], (3, 9)),
        ([3], (3, None)),
        ([3, None], (3, None)),
        ({"lower": 3, "upper": 9}, (3, 9)),
        ({"lower": 3}, (3, None)),
        ([9, 3], None),
        ([-1, 3], None),
        ([True, 3], None),
        ("3-9", None),
        ([], None),
        ({}, None),
        ([1, 2, 3], None),
    ],
)
def test_bounds_that_a_network_gives_are_read_and_nonsense_is_not(stated, expected):
    bounds = read_bounds(stated)

    assert (None if bounds is None else (bounds.lower, bounds.upper)) == expected


def test_bounds_that_are_written_can_be_read():
    for bounds in (Bounds(lower=3, upper=None), Bounds(lower=0, upper=8)):
        assert read_bounds(written_bounds(bounds)) == bounds


def test_a_result_set_of_a_network_has_the_bounds_it_comes_with():
    said = reported(10, info={"bounds": [1, 10]})

    assert bounds_of_set(said, member()) == Bounds(lower=1, upper=10)


@pytest.mark.parametrize("state", [one for one in State if not one.is_answer])
def test_who_said_neither_yes_nor_no_may_have_anybody(state):
    assert bounds_of_outcome(silent(member(), state), PEOPLE) == Bounds(lower=0, upper=None)
    assert bounds_of_outcome(silent(member(people=500), state), PEOPLE) == Bounds(
        lower=0, upper=500
    )


def test_the_number_of_people_bounds_people_only():
    boolean = answered(member(people=500), reported(None, exists=True))

    assert bounds_of_outcome(boolean, PEOPLE) == Bounds(lower=1, upper=500)
    assert bounds_of_outcome(boolean, VARIANTS) == Bounds(lower=1, upper=None)


def test_datasets_of_one_member_may_share_people_unless_it_is_said_that_nobody_is_shared():
    sets = (reported(3, "a"), reported(4, "b"))

    assert bounds_of_outcome(answered(member(disjoint=False), *sets), PEOPLE) == Bounds(
        lower=4, upper=7
    )
    assert bounds_of_outcome(answered(member(), *sets), PEOPLE) == Bounds(lower=7, upper=7)


def test_a_member_that_counts_shared_people_once_is_believed():
    outcome = answered(
        member(disjoint=False), reported(3, "a"), reported(4, "b"), total=5, precision="exact"
    )

    assert bounds_of_outcome(outcome, PEOPLE) == Bounds(lower=4, upper=5)


def test_datasets_that_were_left_out_may_have_as_many_as_are_left_out():
    quiet = member(reporting=Reporting.OMITTED, threshold=5)
    outcome = answered(quiet, reported(9, "a"))

    assert bounds_of_outcome(outcome, PEOPLE) == Bounds(lower=9, upper=None)
    assert bounds_of_outcome(outcome, PEOPLE, {"fi": ("a", "b", "c")}) == Bounds(
        lower=9, upper=9 + 2 * 4
    )


def test_a_dataset_that_cannot_be_asked_may_have_anybody():
    said = reported(0, "b", info={"notApplicable": "this dataset has no individuals"})

    assert bounds_of_outcome(answered(member(), reported(2, "a"), said), PEOPLE) == Bounds(
        lower=2, upper=None
    )


@pytest.mark.parametrize(("bound", "expected"), [("upper", (0, 7)), ("lower", (7, None))])
def test_a_question_put_otherwise_bounds_on_one_side(bound, expected):
    outcome = answered(member(), reported(7), applied={"bound": bound})

    bounds = bounds_of_outcome(outcome, PEOPLE)

    assert (bounds.lower, bounds.upper) == expected


def test_who_has_none_of_the_datasets_asked_for_has_nobody():
    query = PEOPLE.__class__(
        entry_type="individual", granularity=PEOPLE.granularity, dataset_ids=("se:x",)
    )
    outcome = silent(member("fi"), State.NOT_APPLICABLE)

    assert bounds_of_outcome(outcome, query, {"fi": ("a",)}) == Bounds(lower=0, upper=0)
    assert bounds_of_outcome(silent(member("se")), query, {"se": ("x",)}).upper is None


def test_noise_of_many_members_partly_cancels():
    noisy = [
        answered(member(f"m{n}", reporting=Reporting.NOISY, scale=2.0), reported(50))
        for n in range(25)
    ]

    bounds = _bounds(noisy)

    # √25 times the noise of one, not 25 times.
    assert bounds.upper - 25 * 50 == math.ceil(5 * 2 * math.log(20))


def test_noise_is_missed_in_no_more_than_a_twentieth_of_all_cases():
    random = Random(7)
    missed = 0
    for _ in range(400):
        noisy = [
            answered(
                member(f"m{n}", reporting=Reporting.NOISY, scale=3.0),
                reported(40 + round(random.expovariate(1 / 3) - random.expovariate(1 / 3))),
            )
            for n in range(4)
        ]
        bounds = _bounds(noisy)
        missed += not bounds.lower <= 160 <= bounds.upper

    assert missed <= 20


def _tell(policy: str, truth: int, threshold: int, step: int) -> tuple[dict, ReportedSet | None]:
    """How a member of that policy reports a true count; `None` is a dataset left out."""
    match policy:
        case "raised":
            told = threshold if 0 < truth < threshold else truth
        case "zeroed" | "omitted":
            told = 0 if truth < threshold else truth
        case "rounded":
            told = (truth + step // 2) // step * step
        case "rounded_up":
            told = -(-truth // step) * step
        case "boolean":
            hit = truth >= threshold
            return {"threshold": threshold}, reported(None, exists=hit)
        case _:
            told = truth
    settings = {"threshold": threshold, "step": step}
    return settings, None if policy == "omitted" and truth < threshold else reported(told)


MEMBERS = st.lists(
    st.tuples(
        st.sampled_from([one.value for one in Reporting if one is not Reporting.NOISY]),
        st.lists(st.integers(0, 40), min_size=1, max_size=3),
        st.integers(2, 12),
        st.integers(2, 12),
        st.sampled_from([State.HIT, State.HIT, State.HIT, *State]),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


def _outcome(number: int, one: tuple, *, disjoint: bool) -> tuple[Outcome, int, tuple[str, ...]]:
    policy, truths, threshold, step, state, size_known, _ = one
    sets, settings = [], {}
    for place, truth in enumerate(truths):
        settings, told = _tell(policy, truth, threshold, step)
        if told is not None:
            sets.append(_named(told, f"d{place}"))
    truth = sum(truths)
    of = member(
        f"m{number}",
        reporting=Reporting(policy),
        people=truth + number if size_known else None,
        disjoint=disjoint,
        **settings,
    )
    names = tuple(f"d{place}" for place in range(len(truths)))
    if state is State.PENDING or (not state.is_answer and state is not State.STALE):
        return silent(of, state), truth, names
    if state is State.STALE:
        return answered(of, *sets, state=state, age_s=60.0), truth, names
    return answered(of, *sets), truth, names


def _named(told: ReportedSet, name: str) -> ReportedSet:
    return reported(told.count, name, exists=told.exists)


@given(members=MEMBERS, datasets_known=st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_true_sum_is_within_the_bounds_whatever_the_policies(members, datasets_known):
    told = [_outcome(number, one, disjoint=True) for number, one in enumerate(members)]
    datasets = {f"m{number}": names for number, (_, _, names) in enumerate(told)}

    bounds = _bounds([one for one, _, _ in told], datasets if datasets_known else {})

    truth = sum(truth for _, truth, _ in told)
    assert bounds.lower <= truth
    assert bounds.upper is None or truth <= bounds.upper


@given(
    people=st.lists(
        st.lists(st.frozensets(st.integers(0, 25)), min_size=1, max_size=3), min_size=1, max_size=5
    ),
    policies=st.lists(
        st.sampled_from(["exact", "raised", "rounded", "boolean"]), min_size=5, max_size=5
    ),
)
@settings(max_examples=100, deadline=None)
def test_people_in_several_beacons_are_within_the_bounds(people, policies):
    outcomes = []
    for number, datasets in enumerate(people):
        told = [_tell(policies[number], len(one), 5, 10) for one in datasets]
        of = member(
            f"m{number}", reporting=Reporting(policies[number]), disjoint=False, **told[0][0]
        )
        sets = [_named(one, f"d{n}") for n, (_, one) in enumerate(told) if one is not None]
        outcomes.append(answered(of, *sets))

    bounds = _bounds(outcomes)

    truth = len(frozenset().union(*(one for datasets in people for one in datasets)))
    assert bounds.lower <= truth
    assert bounds.upper is None or truth <= bounds.upper


def _bounds(outcomes: list[Outcome], datasets: dict | None = None) -> Bounds:
    answer = merge(outcomes, PEOPLE, network_id="n", query_id="q", datasets=datasets or {})
    assert answer.info is not None
    bounds = answer.info["networkStatus"]["bounds"]
    return Bounds(lower=bounds["lower"], upper=bounds.get("upper"))
