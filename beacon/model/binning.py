"""The home of questions that are too fine for a dataset that protects few people.

Numbers and dates of people are compared there at the edges of bins only: who may ask for 41 and for
42 finds out who is 41. A question that is too fine is not applied; that is neither yes nor no.
Whether it is depends on the question and on the rules, not on the data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from beacon.framework.access import Access
from beacon.framework.query import Filter, Granularity, Operator, Query
from beacon.model.entry_types import OF_PEOPLE
from beacon.model.fields import FIELDS, Field, Reading
from beacon.model.units import YEAR_DAYS, Quantity, read_quantity
from beacon.model.values import duration_days

AGE_YEARS = 5
BMI = 5

_BODY_MASS_INDEX = frozenset(
    ("loinc:39156-5", "efo:0004340", "ncit:c16358", "bmi", "body mass index", "body-mass index")
)
_DATE = re.compile(r"([1-9]\d{3})(-\d\d.*)?", re.DOTALL)
_MAGNITUDE_MAX = 20
_SYMBOLS = {"length": " m", "mass": " kg"}
_ORDERED = "<, <=, > and >="
_SMALL = range(10, 20)
"""Two digits of numbers that begin with 1; of others the second one is 0 or 5."""


def too_fine(query: Query, access: Access, dataset_id: str) -> Mapping[str, str] | None:
    """Why a question is not applied to a dataset, as the `info` of its result set.

    Args:
        query: What is asked.
        access: What the caller may learn, and spend.
        dataset_id: Of whom.
    """
    budget = access.budgets.get(dataset_id)
    if budget is not None and 0 < budget.filters_max < len(query.filters):
        return _not_applied(
            f"{len(query.filters)} filters describe few people; this dataset takes "
            f"{budget.filters_max} in one question"
        )
    if not any(one.operator is not None for one in query.filters):
        return None
    level = max(
        min(query.granularity, access.level(dataset_id, query.entry_type)), Granularity.BOOLEAN
    )
    protection = access.protecting(query, dataset_id, level)
    if protection.min_count <= 1 and not protection.noise:
        return None
    for one in query.filters:
        right = _right_values(one)
        if right is not None:
            return _not_applied(f'filter "{one}" is too fine for this dataset: {right}')
    return None


def _not_applied(why: str) -> Mapping[str, str]:
    return {"notApplicable": why}


def _right_values(asked: Filter) -> str | None:
    """Which values would be right instead; `None` when the filter is no finer than a bin."""
    if asked.operator is None or asked.value is None:
        return None
    if asked.scope is not None and asked.scope not in OF_PEOPLE:
        return None
    named = _named(asked)
    is_time = any(of in OF_PEOPLE and one.reading is Reading.TIME for of, one in named)
    value = asked.value.strip()
    if "%" in value or (named and not is_time):
        return None  # compared with text only, or not of people
    date = _DATE.fullmatch(value)
    if date is not None and (is_time or date[2]):
        return f"dates are compared by year, such as {date[1]}" if date[2] else None
    days = duration_days(value)
    if days is not None:
        return _of_age(asked, Decimal(repr(days)))
    amount = read_quantity(value)
    if amount is None:
        return None  # text
    if amount.dimension == "time":
        return _of_age(asked, amount.base)
    if is_time:
        return _of_age(asked, amount.number * Decimal(repr(YEAR_DAYS)))
    return _of_number(asked, amount)


def _of_number(asked: Filter, amount: Quantity) -> str | None:
    if asked.operator in (Operator.EQUAL, Operator.NOT):
        return f"numbers are compared by {_ORDERED}, not by {asked.operator}"
    if not -_MAGNITUDE_MAX < amount.number.adjusted() < _MAGNITUDE_MAX:
        return "there is no such number"
    if asked.id.replace("_", ":", 1).casefold() in _BODY_MASS_INDEX:
        edges = _multiples(amount.number, BMI)
    else:
        edges = _edges(amount.base)
    if edges is None:
        return None
    low, high = (f"{one.normalize():f}{_SYMBOLS.get(amount.dimension or '', '')}" for one in edges)
    return f"use {low} or {high}"


def _named(asked: Filter) -> list[tuple[str, Field]]:
    """The fields that a filter may be about, each with its entry type."""
    wanted = asked.id.casefold()
    return [
        (entry_type, field)
        for entry_type, fields in FIELDS.items()
        if asked.scope is None or entry_type == asked.scope
        for field in fields
        if asked.id in field.names or field.label.casefold() == wanted
    ]


def _of_age(asked: Filter, days: Decimal) -> str | None:
    if asked.operator in (Operator.EQUAL, Operator.NOT):
        return f"ages are compared by {_ORDERED}, not by {asked.operator}"
    if days.adjusted() >= _MAGNITUDE_MAX:
        return "nobody is so old"
    edges = _multiples(round(days / Decimal(repr(YEAR_DAYS)), 6), AGE_YEARS)
    return None if edges is None else f"use P{edges[0]:f}Y or P{edges[1]:f}Y"


def _multiples(number: Decimal, step: int) -> tuple[Decimal, Decimal] | None:
    """The multiples of a step on both sides of a number, `None` when it is one itself."""
    rest = number % step
    if not rest:
        return None
    below = number - rest - (step if number < 0 else 0)
    return below.quantize(Decimal(1)), (below + step).quantize(Decimal(1))


def _edges(number: Decimal) -> tuple[Decimal, Decimal] | None:
    """The numbers of two digits on both sides of a number, `None` when it is one itself.

    Of numbers from 20 to 99 these are the multiples of five, so that bins are between a twentieth
    and a quarter of what they hold.
    """
    size = abs(number)
    if not size:
        return None
    unit = Decimal(1).scaleb(size.adjusted() - 1)
    digits = size / unit  # from 10 to 99.9…
    step = 1 if int(digits) in _SMALL else 5
    below = digits // step * step
    if digits == below:
        return None
    low, high = below * unit, (below + step) * unit
    return (low, high) if number > 0 else (-high, -low)
