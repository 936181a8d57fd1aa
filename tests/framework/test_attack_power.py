"""What attacks can reach: the formulas give the figures that are published, or were simulated."""

from __future__ import annotations

import math

import pytest

from beacon.framework.attack_power import (
    CERTAIN,
    LEVEL,
    information_for,
    information_of_answer,
    people_for_scrape,
    power_of,
    questions_for,
    questions_without_frequencies,
    scrape_power,
)
from beacon.framework.budget import UNITS, cost, limit_of_power

NEUTRAL = (0.0, 1.0)
GENOMES = (0.0735, 1.0096)
ARRAY = (0.6483, 1.2876)
ALL_SITES = 1_000_000


@pytest.mark.parametrize(
    ("spectrum", "people", "questions"),
    [
        (NEUTRAL, 65, 193),
        (NEUTRAL, 498, 1_468),
        (NEUTRAL, 1_000, 2_946),
        (NEUTRAL, 10_000, 29_446),
        (NEUTRAL, 100_000, 294_446),
        (GENOMES, 65, 258),
        (GENOMES, 498, 2_266),
        (GENOMES, 1_000, 4_785),
        (GENOMES, 5_000, 26_912),
        (GENOMES, 10_000, 56_631),
        (GENOMES, 100_000, 670_686),
        (ARRAY, 65, 1_940),
        (ARRAY, 1_000, 170_347),
    ],
)
def test_questions_without_frequencies(
    spectrum: tuple[float, float], people: int, questions: int
) -> None:
    found = questions_without_frequencies(people, spectrum=spectrum)

    assert found == pytest.approx(questions, rel=0.005)


def test_published_figures_of_1000_genomes() -> None:
    """Shringarpure and Bustamante found 250 questions for 65 people, 5,000 for 1,000."""
    assert questions_without_frequencies(65) == pytest.approx(250, rel=0.05)
    assert questions_without_frequencies(1_000) == pytest.approx(5_000, rel=0.05)


@pytest.mark.parametrize(
    ("people", "sites", "power"),
    [
        (1_000, 1_000, 0.26),
        (1_000, 5_000, 0.72),
        (1_000, 10_000, 0.94),
        (1_000, ALL_SITES, 1.00),
        (10_000, ALL_SITES, 0.72),
        (50_000, ALL_SITES, 0.26),
        (100_000, ALL_SITES, 0.17),
        (500_000, ALL_SITES, 0.09),
        (1_000_000, ALL_SITES, 0.08),
    ],
)
def test_power_of_a_whole_table(people: int, sites: int, power: float) -> None:
    assert scrape_power(people, sites) == pytest.approx(power, abs=0.006)


def test_people_that_a_public_table_needs() -> None:
    assert people_for_scrape(0.20, ALL_SITES) == pytest.approx(77_000, rel=0.01)
    assert people_for_scrape(0.10, ALL_SITES) == pytest.approx(380_000, rel=0.01)
    assert scrape_power(people_for_scrape(0.2, ALL_SITES), ALL_SITES) <= 0.2


def test_nobody_is_found_in_what_is_empty() -> None:
    assert scrape_power(0, 0) == LEVEL
    assert scrape_power(10, 0) == pytest.approx(LEVEL)


@pytest.mark.parametrize(
    ("min_count", "information"),
    [(2, 0.67), (3, 0.33), (5, 0.16), (10, 0.071), (20, 0.034), (50, 0.0125)],
)
def test_information_of_a_yes_or_no(min_count: int, information: float) -> None:
    assert information_of_answer(min_count) == pytest.approx(information, rel=0.05)


def test_information_of_a_number() -> None:
    assert information_of_answer(10, 10) == pytest.approx(0.076, rel=0.02)
    assert information_of_answer(1, 10) == information_of_answer(1) == math.inf


@pytest.mark.parametrize("min_count", [3, 5, 10, 20, 50])
def test_a_number_tells_more_than_a_yes_and_rounding_takes_little(min_count: int) -> None:
    yes = information_of_answer(min_count)
    rounded = information_of_answer(min_count, 10)
    exact = information_of_answer(min_count, 1)

    assert yes <= rounded * 1.001
    assert rounded <= exact <= 1.4 * yes


@pytest.mark.parametrize("min_count", [5, 10, 20, 50])
def test_no_answer_tells_more_than_is_charged(min_count: int) -> None:
    assert information_of_answer(min_count, 1) <= cost(0, min_count) / UNITS


@pytest.mark.parametrize(
    ("min_count", "round_to", "simulated"),
    [(5, None, 69), (10, None, 154), (20, None, 336), (10, 1, 112), (10, 10, 132)],
)
def test_questions_to_certainty_are_near_the_fewest_that_simulations_took(
    min_count: int, round_to: int | None, simulated: int
) -> None:
    found = questions_for(CERTAIN, information_of_answer(min_count, round_to))

    assert found == pytest.approx(simulated, rel=0.16)


def test_one_question_is_enough_without_a_threshold() -> None:
    assert questions_for(CERTAIN, information_of_answer(1)) == 1
    assert power_of(math.inf) == 1.0


@pytest.mark.parametrize(
    ("information", "power"), [(0, 0.05), (0.132, 0.10), (0.37, 0.15), (0.645, 0.20), (2.71, 0.50)]
)
def test_power_of_what_is_learnt(information: float, power: float) -> None:
    assert power_of(information) == pytest.approx(power, abs=0.001)
    assert information_for(power) == pytest.approx(information, abs=0.005)
    assert limit_of_power(power) / UNITS == pytest.approx(information_for(power), abs=2e-6)


@pytest.mark.parametrize(("accounts", "power"), [(2, 0.31), (5, 0.56), (10, 0.82)])
def test_power_of_accounts_together(accounts: int, power: float) -> None:
    assert power_of(accounts * information_for(0.2)) == pytest.approx(power, abs=0.01)
