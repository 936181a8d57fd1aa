"""Every conformance check that concerns one beacon has a test."""

from __future__ import annotations

from tests.conformance import (
    test_checks_answers,
    test_checks_disclosure,
    test_checks_filters,
    test_checks_informational,
    test_checks_robustness,
    test_checks_variants,
)
from tests.conformance.checks import COVERED, EXPECTED

MODULES = (
    test_checks_informational,
    test_checks_answers,
    test_checks_variants,
    test_checks_filters,
    test_checks_disclosure,
    test_checks_robustness,
)
"""Importing them fills the list."""


def test_every_check_is_covered() -> None:
    assert MODULES
    assert sorted(EXPECTED - COVERED) == []
    assert sorted(COVERED - EXPECTED) == []
