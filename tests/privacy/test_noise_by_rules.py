"""Which noise rules amount to: of a rule its own, of a question the most that it reads."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from protected_world import COUNT, asked

from beacon.auth.policy import Policy
from beacon.framework.access import Protection
from beacon.framework.errors import SettingsError
from beacon.framework.query import Filter
from beacon.model.entry_types import MODEL
from beacon.settings import PolicySettings

ENTRY_TYPES = tuple(one.id for one in MODEL.entry_types)


def policy(public: dict[str, Any], **more: Any) -> Policy:
    settings = msgspec.convert({"datasets": {"d": {"public": public, **more}}}, PolicySettings)
    return Policy.from_settings(settings, ENTRY_TYPES)


def test_a_rule_says_it_instead_of_the_dataset() -> None:
    rules = {"individual": "count", "biosample": {"level": "count", "noise": 0.1}}
    access = policy(rules, noise=0.3).public

    assert access.protection("d", "individual", COUNT).noise == 0.3
    assert access.protection("d", "biosample", COUNT).noise == 0.1


def test_a_question_has_the_noise_of_all_that_it_reads() -> None:
    rules = {
        "individual": {"level": "count", "noise": 0.1},
        "biosample": {"level": "count", "noise": 0.3},
        "run": "count",
    }
    access = policy(rules).public
    of_ill = [Filter(id="MONDO:1", scope="individual")]
    noises = [
        access.protecting(asked(one, COUNT, filters=filters), "d", COUNT).noise
        for one, filters in (("biosample", of_ill), ("biosample", []), ("run", of_ill), ("run", []))
    ]

    assert noises == [0.1, 0.3, 0.1, 0.0]


@pytest.mark.parametrize(
    ("one", "other", "covers"),
    [(0.1, 0.3, True), (0.3, 0.1, False), (0.3, 0.0, True), (0.0, 0.3, False), (0.0, 0.0, True)],
)
def test_the_smaller_epsilon_protects_more(one: float, other: float, covers: bool) -> None:
    assert Protection(noise=one).covers(Protection(noise=other)) is covers


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"level": "count", "noise": 0.001}, "0.01 or more"),
        ({"level": "record", "min_count": 1, "noise": 0.3}, "noise = 0"),
    ],
)
def test_what_makes_no_sense_is_refused(rule: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        policy({"individual": rule}, accept_risk="invented people")
