"""Numbers as people read them: a table of what each language writes, decided once."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.portal.languages import CODES
from beacon.portal.numbers import NUMBERS

GOLDEN: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("numbers.golden.json").read_text(encoding="utf-8")
)
"""Each: which way of writing, the values it is given, and what every language writes."""

_PLAIN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻,", "0123456789-.")


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['way']}-{row['of']}")
def test_numbers_are_written_as_in_the_table(row: dict[str, Any], code: str):
    written = getattr(NUMBERS[code], row["way"])(*row["of"])

    assert row["written"][code] == written


@given(st.floats(min_value=0, max_value=1))
def test_a_share_says_neither_none_nor_all_unless_it_is(value: float):
    for code in CODES:
        read = _read(NUMBERS[code].share(value))

        assert (read == 0) == (value == 0)
        assert (read == 1) == (value == 1)


@given(st.floats(min_value=1e-300, max_value=1))
def test_a_share_is_read_back_to_half_of_its_last_digit(value: float):
    for code in CODES:
        read = _read(NUMBERS[code].share(value))

        assert math.isclose(read, Decimal(repr(value)), rel_tol=0.005)


@given(st.lists(st.floats(min_value=0, max_value=1), min_size=2, max_size=2))
def test_a_larger_share_is_never_written_as_a_smaller_one(values: list[float]):
    smaller, larger = sorted(values)

    assert _read(NUMBERS["en"].share(smaller)) <= _read(NUMBERS["en"].share(larger))


@given(st.integers(min_value=0, max_value=10**12))
def test_no_digit_of_a_count_is_lost(number: int):
    for code in CODES:
        for written in (NUMBERS[code].count(number), NUMBERS[code].position(number)):
            assert "".join(filter(str.isdigit, written)) == str(number)


def test_a_share_that_is_no_number_is_a_question_mark():
    assert {NUMBERS[code].share(math.nan) for code in CODES} == {"?"}
    assert {NUMBERS[code].share(math.inf) for code in CODES} == {"?"}


def _read(written: str) -> Decimal:
    """The number that somebody reads."""
    plain = "".join(written.translate(_PLAIN).split())
    mantissa, _, power = plain.partition("\N{MULTIPLICATION SIGN}10")
    return Decimal(mantissa).scaleb(int(power or 0))
