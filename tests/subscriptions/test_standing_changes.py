"""Which changes of an answer are told: turns and classes, never one person more or fewer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.subscriptions.states import LEAST_MOVE, Place, State, class_of, compared

HIT, MISS, NOT_COVERED, UNKNOWN = State.HIT, State.MISS, State.NOT_COVERED, State.UNKNOWN


def told(before: Place | None, after: Place) -> list[tuple[State, State]]:
    known = {} if before is None else {"x": before}
    _, changes = compared(known, {"x": after})
    return [(one.before.state, one.after.state) for one in changes]


def place(state: State, count: int | None = None) -> Place:
    return Place(state=state, count=count)


@pytest.mark.parametrize(
    ("before", "after", "is_told"),
    [
        (place(MISS), place(HIT), True),
        (place(NOT_COVERED), place(HIT, 1), True),
        (place(UNKNOWN), place(HIT, 1), True),
        (place(NOT_COVERED), place(MISS), True),
        (place(UNKNOWN), place(MISS), True),
        (None, place(HIT, 1), True),  # a dataset that is new
        (None, place(MISS), False),
        (place(MISS), place(MISS), False),
        (place(HIT, 3), place(UNKNOWN), False),
        (place(MISS), place(NOT_COVERED), False),
        (place(HIT, 9), place(HIT, 10), False),  # one person, though the class is another
        (place(HIT, 10), place(HIT, 9), False),
        (place(HIT, 9), place(HIT, 14), True),
        (place(HIT, 20), place(HIT, 80), False),  # the same class
        (place(HIT, 80), place(HIT, 120), True),
        (place(HIT, 1), place(MISS), False),
        (place(HIT, 40), place(MISS), True),
        (place(HIT), place(MISS), False),  # a mere yes may have been one person
        (place(HIT), place(HIT), False),
    ],
)
def test_what_is_told(before: Place | None, after: Place, is_told: bool) -> None:
    assert bool(told(before, after)) is is_told


def test_who_was_away_has_not_turned() -> None:
    """Hit, away, hit: that is one and the same hit."""
    away, _ = compared({"x": place(HIT, 3)}, {"x": place(UNKNOWN)})

    assert compared(away, {"x": place(HIT, 3)})[1] == ()


def test_many_small_steps_are_told_once_they_amount_to_something() -> None:
    known, changes = {"x": place(HIT, 9)}, []
    for count in range(10, 20):
        known, found = compared(known, {"x": place(HIT, count)})
        changes += [(count, one.after.at_least) for one in found]

    assert changes == [(14, 10)]


@given(st.integers(1, 2_000_000), st.integers(-1, 1))
def test_one_person_more_or_fewer_is_never_told(count: int, step: int) -> None:
    after = place(HIT, count + step) if count + step else place(MISS)

    assert told(place(HIT, count), after) == []


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=30))
def test_whatever_is_told_differs_by_more_than_a_few(counts: list[int]) -> None:
    known = {"x": place(HIT, counts[0])}
    for count in counts[1:]:
        last = known["x"].count
        known, found = compared(known, {"x": place(HIT, count)})
        assert last is not None
        assert all(abs(count - last) >= LEAST_MOVE for _ in found)
        assert all(class_of(count) != class_of(last) for _ in found)
