"""The attacks of `make attack`, small: controls must succeed, and protections hold."""

from __future__ import annotations

import asyncio
from statistics import NormalDist

import pytest

from tests.attacks.measures import FALSE_POSITIVES, clopper_pearson
from tests.attacks.run import NAMES, run
from tests.attacks.stage import FAST, Arm

NORMAL = NormalDist()
LOADED = {"A10", "U3"}
"""Depend on the clock: on a machine with other work their figures say nothing, and `make attack`
measures them."""

Found = dict[str, list[Arm]]


@pytest.fixture(scope="module")
def found(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What every attack reached."""
    folder = tmp_path_factory.mktemp("attacks")
    chosen = [one for one in NAMES if one not in LOADED]
    arms = asyncio.run(run(FAST, mongo_uri, folder, chosen))
    return {name: [one for one in arms if one.attack == name] for name in (*NAMES, "U2")}


@pytest.mark.parametrize("name", ["A1", "A2", "A3", "A4", "A5", "A7", "A9", "A11"])
def test_without_protections_the_attack_succeeds(found: Found, name: str) -> None:
    controls = [one for one in found[name] if one.beacon == "off"]

    assert controls
    assert [one for one in controls if not one.ok] == []


@pytest.mark.parametrize(
    "name", ["A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A11", "U1", "U2", "U4"]
)
def test_protections_hold(found: Found, name: str) -> None:
    protected = [one for one in found[name] if one.beacon != "off"]

    assert protected
    assert [one for one in protected if not within(one)] == []


def within(arm: Arm) -> bool:
    """Whether the limit is kept, as far as so few targets can tell.

    Two shares are estimated, not one: of members above the threshold, and of others, for which the
    threshold was chosen. A limit at 5 % of these is one at every share: as far apart as the scores
    of both would lie if they were normal.
    """
    if arm.interval is None or arm.targets is None or arm.at_most is None:
        return arm.ok
    _, of_others = clopper_pearson(FALSE_POSITIVES * arm.targets, arm.targets)
    apart = NORMAL.inv_cdf(arm.at_most) - NORMAL.inv_cdf(FALSE_POSITIVES)
    return arm.interval[0] <= NORMAL.cdf(NORMAL.inv_cdf(of_others) + apart)


@pytest.mark.parametrize(
    ("targets", "power", "kept"),
    [(30, 0.25, True), (30, 0.5, True), (30, 0.9, False), (200, 0.3, True), (200, 0.5, False)],
)
def test_a_limit_is_broken_by_more_than_chance(targets: int, power: float, kept: bool) -> None:
    interval = clopper_pearson(power * targets, targets)
    arm = Arm("A1", "on", "", power, at_most=0.25, targets=targets, interval=interval)

    assert within(arm) is kept
