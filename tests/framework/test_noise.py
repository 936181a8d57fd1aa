"""Noise is the same whenever it is asked, has the distribution that rules say, and has no gaps."""

from __future__ import annotations

import math
from collections import Counter

import msgspec
import pytest

from beacon.framework.answer import Basis, ResultSet
from beacon.framework.noise import Noise

KEY = b"k" * 32
BASIS = Basis(people=50, size=100, question=b"question", members=b"members")


def counted(basis: Basis = BASIS, dataset: str = "d", release: str = "1") -> ResultSet:
    return ResultSet(dataset_id=dataset, count=50, basis=basis, release=release)


def amount(
    basis: Basis = BASIS,
    *,
    key: bytes = KEY,
    dataset: str = "d",
    release: str = "1",
    epsilon: float = 0.3,
) -> int:
    added = Noise(key).of(counted(basis, dataset, release), epsilon)
    assert added is not None
    return added.amount


def drawn(number: int, epsilon: float) -> list[int]:
    """Noise of as many questions about as many sets of people."""
    return [
        amount(
            msgspec.structs.replace(BASIS, question=b"q%d" % one, members=b"m%d" % one),
            epsilon=epsilon,
        )
        for one in range(number)
    ]


def test_the_same_question_has_the_same_noise() -> None:
    assert len({amount() for _ in range(100)}) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"basis": msgspec.structs.replace(BASIS, question=b"another")},
        {"basis": msgspec.structs.replace(BASIS, members=b"others")},
        {"release": "2"},
        {"dataset": "e"},
        {"key": b"l" * 32},
    ],
    ids=["question", "members", "release", "dataset", "key"],
)
def test_noise_depends_on(other: dict[str, object]) -> None:
    """On each of these: with so much of it, two draws are hardly ever equal."""
    assert amount(epsilon=0.01) != amount(**{"epsilon": 0.01, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "without", [{"question": None}, {"members": None}], ids=["question", "members"]
)
def test_who_does_not_say_what_was_asked_gets_none(without: dict[str, None]) -> None:
    assert Noise(KEY).of(counted(msgspec.structs.replace(BASIS, **without)), 0.3) is None


@pytest.mark.parametrize("epsilon", [0.1, 0.3, 1.0, 5.0])
def test_the_variance_is_that_of_the_geometric_mechanism(epsilon: float) -> None:
    a = math.exp(-epsilon)
    variance = 2 * a / (1 - a) ** 2
    values = drawn(8_000, epsilon)
    mean = sum(values) / len(values)
    found = sum((one - mean) ** 2 for one in values) / len(values)

    assert abs(mean) < 5 * math.sqrt(variance / len(values))
    assert found == pytest.approx(variance, rel=0.15)


def test_each_layer_has_half_of_the_variance() -> None:
    """Who asks for the same people in many ways is left with half of it."""
    a = math.exp(-0.3)
    means = []
    for people in range(150):
        values = [
            amount(msgspec.structs.replace(BASIS, question=b"%d" % one, members=b"%d" % people))
            for one in range(60)
        ]
        means.append(sum(values) / len(values))
    left = sum(one**2 for one in means) / len(means)

    assert left == pytest.approx(a / (1 - a) ** 2, rel=0.35)


def test_every_small_number_comes_up_and_both_signs_alike() -> None:
    seen = Counter(drawn(8_000, 0.3))

    assert all(seen[one] for one in range(-12, 13))
    for one in range(1, 8):
        assert seen[one] == pytest.approx(seen[-one], rel=0.35)


def test_noise_is_hardly_ever_beyond_what_is_said() -> None:
    for epsilon in (0.1, 0.3, 1.0):
        added = Noise(KEY).of(counted(), epsilon)
        assert added is not None
        values = drawn(5_000, epsilon)
        beyond = sum(abs(one) > added.reach for one in values) / len(values)
        nearly = sum(abs(one) > added.reach - 1 for one in values) / len(values)
        assert beyond < 0.015
        assert nearly > 0.002


def test_the_key_is_not_shown() -> None:
    assert "k" * 8 not in repr(Noise(KEY))
