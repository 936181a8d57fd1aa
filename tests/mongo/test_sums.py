"""Sums by the keys of people, against a dictionary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.mongo import sums
from beacon.mongo.sums import Sums

KEYS = st.integers(0, 40).map(lambda one: one * (2**64 // 41))
ADDED = st.lists(st.dictionaries(KEYS, st.integers(0, 2**32 - 1), max_size=12), max_size=20)


def arrays(people: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
    keys = sorted(people)
    return np.array(keys, np.uint64), np.array([people[one] for one in keys], np.uint32)


@pytest.mark.parametrize("apart", [0, 3, 4096])
def test_sums_are_those_of_a_dictionary(apart: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "_APART_MAX", apart)

    @given(ADDED, st.dictionaries(KEYS, st.integers(0, 2**32 - 1)), st.integers(0, 2**34))
    def check(added: list[dict[int, int]], before: dict[int, int], limit: int) -> None:
        expected, found = dict(before), Sums(*arrays(before))
        for one in added:
            after = found.add(*arrays(one))
            for person, amount in one.items():
                expected[person] = expected.get(person, 0) + amount
            assert after.tolist() == [expected[person] for person in sorted(one)]
        asked = np.array(sorted({*range(3), *expected}), np.uint64)
        assert found.of(asked).tolist() == [expected.get(int(one), 0) for one in asked]
        above = [person for person, amount in sorted(expected.items()) if amount > limit]
        assert found.above(limit).tolist() == above
        assert found.most_up_to(limit) == max(
            (amount for amount in expected.values() if amount <= limit), default=0
        )
        assert len(found) == len(expected)
        people, units = found.items()
        assert dict(zip(people.tolist(), units.tolist(), strict=True)) == expected
        assert people.tolist() == sorted(expected)
        assert found.of(asked).tolist() == [expected.get(int(one), 0) for one in asked]

    check()


def test_what_was_given_is_not_changed() -> None:
    people, units = arrays({1: 2, 3: 4})
    Sums(people, units).add(people, units)

    assert units.tolist() == [2, 4]
