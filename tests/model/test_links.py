"""Which links to entries of other types a record keeps, by what the caller may see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import beacon
from beacon.framework.query import Granularity
from beacon.model.entry_types import MODEL
from beacon.model.links import LINKED, UNDISCLOSED, LevelOf, visible

SCHEMAS = Path(beacon.__file__).parent.parent / "schemas"


def all_but(**levels: Granularity) -> LevelOf:
    return lambda entry_type: levels.get(entry_type, Granularity.RECORD)


def nothing(_entry_type: str) -> Granularity:
    return Granularity.COUNT


@pytest.mark.parametrize(
    ("entry_type", "record", "expected"),
    [
        ("biosample", {"id": "B", "individualId": "I"}, {"id": "B"}),
        ("analysis", {"id": "A", "individualId": "I", "runId": "R"}, {"id": "A", "runId": "R"}),
        (
            "cohort",
            {"id": "C", "info": {"individualIds": ["I"], "site": "north"}},
            {"id": "C", "info": {"site": "north"}},
        ),
        ("individual", {"id": "I", "info": {"cohortId": "C"}}, {"id": "I", "info": {}}),
    ],
)
def test_links_to_what_is_no_record_are_left_out(
    entry_type: str, record: dict[str, Any], expected: dict[str, Any]
) -> None:
    level_of = all_but(individual=Granularity.COUNT, cohort=Granularity.NONE)

    assert visible(entry_type, record, level_of) == expected


def test_records_are_whole_where_everything_is_a_record() -> None:
    record = {"id": "A", "individualId": "I", "info": {"cohortIds": ["C"]}}

    assert visible("analysis", record, all_but()) is record


def test_a_required_link_stays_without_saying_where_to() -> None:
    record = {"id": "R", "biosampleId": "B", "individualId": "I", "runDate": "2020-01-01"}

    assert visible("run", record, nothing) == {
        "id": "R",
        "biosampleId": UNDISCLOSED,
        "runDate": "2020-01-01",
    }


@pytest.mark.parametrize("entry_type", [one.id for one in MODEL.entry_types])
def test_no_property_that_a_schema_requires_is_left_out(entry_type: str) -> None:
    schema = json.loads((SCHEMAS / MODEL.by_id(entry_type).schema_path).read_text())
    record = dict.fromkeys(schema["required"], "x")

    assert visible(entry_type, record, nothing).keys() == record.keys()


def test_every_link_of_the_schemas_is_known() -> None:
    named = {
        name.removesuffix("Id")
        for one in MODEL.entry_types
        for name in json.loads((SCHEMAS / one.schema_path).read_text())["properties"]
        if name.endswith("Id") and name != "variantInternalId"
    }

    assert named <= set(LINKED)
