"""The home of filters that are no conditions: they say of which populations frequencies are given.

The European data portal sends them with questions about variants, in the scope `population`, which
is no entry type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from beacon.framework.errors import InvalidRequest
from beacon.framework.query import Filter, Operator

SCOPE = "population"
SEX = "sexFilter"
COUNTRY = "countryFilter"

_LABEL = re.compile(r"(?:(?P<country>[A-Z]{2})(?:_(?P<sex>[MF]))?|(?P<alone>[MF]))")
_SEXES = {
    "f": "F",
    "female": "F",
    "ncit:c16576": "F",
    "m": "M",
    "male": "M",
    "ncit:c20197": "M",
}


class FrequencyFilters:
    """What `sexFilter` and `countryFilter` mean."""

    def takes(self, entry_type: str, asked: Filter) -> bool:
        """Whether a filter is one of these, in a question about variants.

        Raises:
            InvalidRequest: It is, and names no sex or no country.
        """
        if entry_type != "genomicVariant" or asked.scope != SCOPE:
            return False
        if asked.id not in (SEX, COUNTRY):
            raise InvalidRequest(
                f"the filter {asked.id!r} has the scope population; known there are {SEX} and "
                f"{COUNTRY}"
            )
        if asked.operator is not Operator.EQUAL:
            raise InvalidRequest(f"the filter {asked.id} needs the operator = and a value")
        if asked.id == SEX and (asked.value or "").lower() not in _SEXES:
            raise InvalidRequest(f"the value of {SEX} is {asked.value!r}; F or M was expected")
        if asked.id == COUNTRY and re.fullmatch("[A-Za-z]{2}", asked.value or "") is None:
            raise InvalidRequest(
                f"the value of {COUNTRY} is {asked.value!r}; an ISO code such as FI was expected"
            )
        return True

    def narrowed(self, record: Mapping[str, Any], asked: Sequence[Filter]) -> Mapping[str, Any]:
        """A variant with frequencies of only those populations that all filters ask for.

        A source of frequencies that has none of them is left out.
        """
        sources = record.get("frequencyInPopulations")
        if not isinstance(sources, list):
            return record
        kept = []
        for source in sources:
            frequencies = [
                one
                for one in source.get("frequencies", ())
                if _is_asked(one.get("population"), asked)
            ]
            if frequencies:
                kept.append({**source, "frequencies": frequencies})
        rest = {key: one for key, one in record.items() if key != "frequencyInPopulations"}
        return {**rest, "frequencyInPopulations": kept} if kept else rest


def _is_asked(label: Any, asked: Sequence[Filter]) -> bool:
    found = _LABEL.fullmatch(label) if isinstance(label, str) else None
    if found is None:
        return False
    for one in asked:
        value = one.value or ""
        if one.id == SEX and (found["sex"] or found["alone"]) != _SEXES[value.lower()]:
            return False
        if one.id == COUNTRY and found["country"] != value.upper():
            return False
    return True
