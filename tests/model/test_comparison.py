"""Alphanumeric filters: what values mean and how they compare."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.framework.errors import InvalidRequest
from beacon.framework.query import Filter, Operator
from beacon.model.comparison import Comparison, compile_comparison
from beacon.model.units import unit_key
from beacon.model.values import Kind, Value, duration_days, number_value, text_value, time_value


def compare(operator: str, asked: str) -> Comparison:
    return compile_comparison(Filter(id="field", operator=Operator(operator), value=asked))


def matches(operator: str, asked: str, *values: Value | None) -> bool:
    assert None not in values, "the test's own value cannot be read"
    return compare(operator, asked).matches([value for value in values if value is not None])


def age(duration: str) -> Value | None:
    return time_value({"iso8601duration": duration})


CM = {"id": "NCIT:C49668", "label": "Centimeter"}
DENSITY = {"id": "NCIT:C67015", "label": "mg/dL"}


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("P1Y", 365.25),
        ("P12M", 365.25),
        ("P2W", 14.0),
        ("P1Y6M", duration_days("P18M")),
        ("PT12H", 0.5),
        ("P1DT1M", 1 + 1 / 1440),
        ("P0D", 0.0),
        ("P", None),
        ("PT", None),
        ("P1Y1", None),
        ("14 months", None),
        ("p1y", None),
        ("P1.2.3Y", None),
    ],
)
def test_durations_are_lengths(text: str, days: float | None) -> None:
    assert duration_days(text) == days


@pytest.mark.parametrize(
    ("operator", "asked", "stored", "expected"),
    [
        ("<", "P10Y", "P9Y", True),  # as text "P9Y" would come after
        ("<", "P2Y", "P18M", True),
        ("=", "P1Y", "P12M", True),
        (">=", "P1Y", "P12M", True),
        (">", "P1Y", "P12M", False),
        (">", "40", "P41Y", True),  # a bare number is years
        ("<", "18 months", "P1Y", True),
        ("=", "50 kg", "P50Y", False),
        (">", "2020-01-01", "P50Y", False),
    ],
)
def test_ages_compare_by_length(operator: str, asked: str, stored: str, expected: bool) -> None:
    assert matches(operator, asked, age(stored)) is expected


@pytest.mark.parametrize(
    ("operator", "asked", "expected"),
    [
        (">=", "P20Y", True),
        (">", "P20Y", False),
        (">", "P19Y", True),
        ("<=", "P30Y", True),
        ("<", "P30Y", False),
        ("<", "P25Y", False),
        ("=", "P25Y", True),
        ("=", "P31Y", False),
    ],
)
def test_age_ranges_compare_by_their_ends(operator: str, asked: str, expected: bool) -> None:
    between = time_value({"start": {"iso8601duration": "P20Y"}, "end": {"iso8601duration": "P30Y"}})

    assert matches(operator, asked, between) is expected


@pytest.mark.parametrize(
    ("operator", "asked", "expected"),
    [
        ("=", "2021-09-24", True),
        ("=", "2021-09", True),
        ("=", "2021", True),
        (">", "2021-08", True),
        (">", "2021-09", False),
        (">=", "2021-09-25", False),
        ("<", "2022", True),
        ("=", "2021-02-30", False),
    ],
)
def test_dates_compare_by_day(operator: str, asked: str, expected: bool) -> None:
    assert matches(operator, asked, time_value("2021-09-24")) is expected
    assert matches(operator, asked, time_value("2021-09-24T18:30:00Z")) is expected


@pytest.mark.parametrize(
    ("operator", "asked", "expected"),
    [
        (">", "170", True),  # no unit: the record's own
        ("=", "1.75 m", True),
        ("=", "1.75m", True),
        ("=", "175 NCIT:C49668", True),
        ("=", "175 Centimeters", True),
        ("<", "1.75 m", False),
        ("<=", "1.75 m", True),
        (">=", "1.75 m", True),
        ("=", "175 kg", False),
        ("=", "175 mg/dL", False),
        ("=", "1.75e2", True),
    ],
)
def test_units_of_one_dimension_are_converted(operator: str, asked: str, expected: bool) -> None:
    assert matches(operator, asked, number_value(175, CM)) is expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("90 mg/dL", True),
        ("90 MG/DL", True),
        ("90 NCIT:C67015", True),
        ("90", True),
        ("90 g", False),
    ],
)
def test_other_units_match_by_name(asked: str, expected: bool) -> None:
    assert matches("=", asked, number_value(90, DENSITY)) is expected


def test_a_time_in_a_measurement_compares_with_a_duration() -> None:
    months = number_value(24, {"label": "months"})

    assert matches("=", "P2Y", months)


@pytest.mark.parametrize(
    ("operator", "asked", "expected"),
    [
        ("=", "Illumina", True),
        ("=", "illumina", False),
        ("=", "illu%", True),
        ("=", "%MIN%", True),
        ("=", "%min", False),
        ("=", ".llumina", False),
        ("=", ".%", False),  # a dot is a dot
        ("=", "%", True),
        ("!", "PacBio", True),
        ("!", "Illumina", False),
        ("!", "illu%", False),
        ("<", "5", False),  # text has no order
    ],
)
def test_texts_compare_exactly_or_by_wildcard(operator: str, asked: str, expected: bool) -> None:
    assert matches(operator, asked, text_value("Illumina")) is expected


def test_wildcards_are_for_text_only() -> None:
    assert not matches("=", "1%", number_value(17))


def test_not_needs_a_value_and_none_that_is_equal() -> None:
    assert not matches("!", "A")
    assert matches("!", "A", text_value("B"))
    assert not matches("!", "A", text_value("B"), text_value("A"))
    assert matches("!", "P1Y", age("P2Y"))


def test_one_of_several_values_is_enough() -> None:
    assert matches(">", "P50Y", age("P20Y"), age("P60Y"))


@pytest.mark.parametrize(
    ("operator", "asked"), [("<", "female"), (">=", ""), ("<", "5%"), (">", "%")]
)
def test_order_needs_a_value_with_an_order(operator: str, asked: str) -> None:
    with pytest.raises(InvalidRequest, match="field"):
        compare(operator, asked)


@pytest.mark.parametrize(
    "asked",
    [Filter(id="field", operator=Operator.LESS), Filter(id="field", value="5")],
)
def test_operator_and_value_come_together(asked: Filter) -> None:
    with pytest.raises(InvalidRequest, match="both"):
        compile_comparison(asked)


@pytest.mark.parametrize(
    "element",
    [
        {"weeks": 20, "days": 3},  # gestation runs on another clock
        {"id": "HP:0003577", "label": "Congenital onset"},
        {"start": "2020-01-01", "end": {"iso8601duration": "P1Y"}},
        {"start": {"iso8601duration": "P1Y"}},
        None,
        True,
        [],
    ],
)
def test_time_elements_without_a_comparable_time_have_no_value(element: object) -> None:
    assert time_value(element) is None


def test_phenopacket_wrappers_are_opened() -> None:
    assert time_value({"age": {"iso8601duration": "P3Y"}}) == age("P3Y")


def test_time_that_cannot_be_read_stays_text() -> None:
    assert time_value("two years") == text_value("two years")


def test_unit_keys_are_symbols_or_names() -> None:
    assert unit_key("UO:0000009", None) == "kg"
    assert unit_key(None, " Kilograms ") == "kg"
    assert unit_key("NCIT:C67015", "mg/dL") == "ncit:c67015|mg/dl"
    assert unit_key(None, "") is None


@pytest.mark.parametrize("value", [True, None, "tall", [], {}])
def test_what_is_no_number_has_no_number(value: object) -> None:
    assert number_value(value) is None


NUMBERS = st.integers(-40, 40).map(lambda number: number / 4)
SPANS = st.tuples(NUMBERS, NUMBERS).map(sorted)
ASKED = st.one_of(
    NUMBERS.map(str),
    NUMBERS.map(lambda number: f"{number} m"),
    NUMBERS.map(lambda number: f"{abs(number)} days"),
    st.integers(0, 5).map(lambda years: f"P{years}Y"),
    st.sampled_from(["0001-01-03", "0001-01"]),
)


@given(
    operator=st.sampled_from(Operator),
    asked=ASKED,
    kind=st.sampled_from([Kind.NUMBER, Kind.DURATION, Kind.DATE]),
    unit=st.sampled_from([None, "cm", "m", "d", "ncit:c67015|mg/dl"]),
    spans=st.lists(SPANS, max_size=6),
)
def test_columns_select_what_values_match(
    operator: Operator, asked: str, kind: Kind, unit: str | None, spans: list[list[float]]
) -> None:
    comparison = compare(operator, asked)
    values = [Value(kind=kind, low=low, high=high, unit=unit) for low, high in spans]
    low = np.array([span[0] for span in spans], dtype=np.float64)
    high = np.array([span[1] for span in spans], dtype=np.float64)
    selected = comparison.select(kind, unit, low, high)

    assert selected.dtype == np.bool_
    assert [bool(one) != comparison.negated for one in selected] == [
        comparison.matches([value]) for value in values
    ]
    assert comparison.matches(values) == (
        bool(values) and bool(selected.any()) != comparison.negated
    )


@given(text=st.text(max_size=20))
def test_any_text_equals_itself(text: str) -> None:
    asked = text.strip()

    assert compare("=", asked).selects_text(asked)
