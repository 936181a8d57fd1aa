"""Terms are found as people begin to type them."""

from __future__ import annotations

import pytest

from beacon.framework.answer import FilteringTerm
from beacon.model.term_search import starting_with

TERMS = [
    FilteringTerm(type="ontologyTerm", id="HP:0002110", label="Bronchiectasis"),
    FilteringTerm(type="ontologyTerm", id="HP:0001250", label="Seizure"),
    FilteringTerm(type="ontologyTerm", id="HP:0020219", label="Motor seizure"),
    FilteringTerm(type="alphanumeric", id="ageOfOnset", label=None),
]


@pytest.mark.parametrize(
    ("prefix", "ids"),
    [
        ("seiz", ["HP:0001250", "HP:0020219"]),
        ("MOTOR  s", ["HP:0020219"]),
        ("hp:00", ["HP:0001250", "HP:0020219", "HP:0002110"]),
        ("age", ["ageOfOnset"]),
        ("izure", []),
        ("", ["ageOfOnset", "HP:0001250", "HP:0020219", "HP:0002110"]),
    ],
)
def test_an_id_or_a_word_of_the_label_starts_so(prefix: str, ids: list[str]) -> None:
    assert [one.id for one in starting_with(TERMS, prefix)] == ids
