"""Loading records of any reader: checks, order and account are the same for all kinds of file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from memory_sink import MemorySink

from beacon.load.items import Item
from beacon.load.records import load_items
from beacon.load.report import Problem

FEMALE = {"id": "NCIT:C16576"}


@dataclass(frozen=True)
class Rows:
    """A file whose records are given: place, entry type, record."""

    path: Path
    rows: tuple[tuple[str, str, Any], ...]
    entry_types: Collection[str] = ("individual", "biosample")
    columns: tuple[tuple[str, str], ...] = ()

    def read(self) -> Iterator[Item]:
        for place, entry_type, record in self.rows:
            problems = tuple(
                Problem(file="f", place=place, field=field, reason=field)
                for field in (record if isinstance(record, list) else ())
            )
            yield Item(
                file="f",
                place=place,
                entry_type=entry_type,
                record=None if problems else record,
                columns=dict(self.columns),
                problems=problems,
            )


def rows(tmp_path: Path, *given: tuple[str, str, Any], **options: Any) -> Rows:
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}"
    path.write_text(str(given))
    return Rows(path, given, **options)


def person(name: str) -> dict[str, Any]:
    return {"id": name, "sex": FEMALE}


def sample(name: str) -> dict[str, Any]:
    return {"id": name, "biosampleStatus": FEMALE, "sampleOriginType": FEMALE}


def test_a_row_may_be_several_records(tmp_path):
    file = rows(tmp_path, ("row 1", "individual", person("a")), ("row 1", "biosample", sample("s")))
    report = load_items(MemorySink(), "d", [file])

    assert (report.records, report.items) == (1, 2)
    assert report.loaded == {"individual": 1, "biosample": 1}


def test_a_record_with_several_problems_is_lost_once(tmp_path):
    file = rows(tmp_path, ("row 1", "individual", ["x", "y"]), ("row 2", "individual", person("a")))
    report = load_items(MemorySink(), "d", [file])

    assert {reason: found.count for reason, found in report.not_loaded.items()} == {"x": 1, "y": 0}
    assert [found.examples[0].place for found in report.not_loaded.values()] == ["row 1", "row 1"]


@pytest.mark.parametrize(
    ("columns", "record", "named"),
    [
        ({"sex.id": "sex code"}, {"id": "a", "sex": {"id": "x"}}, "sex code"),
        ({"sex": "sex"}, {"id": "a", "sex": {"id": "x"}}, "sex"),
        ({"sex.id": "sex code"}, {"id": "a"}, "sex code"),
        ({"id": "person"}, {"id": "a"}, "sex"),
        (
            {"diseases[0].diseaseCode.id": "icd", "diseases[1].diseaseCode.id": "other"},
            {**person("a"), "diseases": [{"diseaseCode": FEMALE}, {"diseaseCode": {"id": "x"}}]},
            "other",
        ),
    ],
    ids=["its own", "the whole", "a part", "none", "of a list"],
)
def test_a_departure_from_the_schema_names_its_column(tmp_path, columns, record, named):
    file = rows(tmp_path, ("row 1", "individual", record), columns=tuple(columns.items()))
    report = load_items(MemorySink(), "d", [file])
    (found,) = report.warnings.values()

    assert found.examples[0].field == named


def test_people_come_before_samples_whatever_the_order_of_files(tmp_path):
    files = [
        rows(tmp_path, ("row 1", "biosample", sample("s")), entry_types=("biosample",)),
        rows(tmp_path, ("row 1", "individual", person("a")), entry_types=("individual",)),
    ]
    sink = MemorySink()
    load_items(sink, "d", files)

    assert list(sink.published["d"].records) == ["individual", "biosample"]


def test_an_interrupted_file_of_several_types_goes_on_where_it_was(tmp_path):
    given = [
        one
        for number in range(2_600)
        for one in (
            (f"row {number}", "individual", person(f"a{number}")),
            (f"row {number}", "biosample", sample(f"s{number}")),
        )
    ]
    file = rows(tmp_path, *given)
    sink = MemorySink(stop_after_mark=1)
    with pytest.raises(KeyboardInterrupt):
        load_items(sink, "d", [file])
    report = load_items(sink, "d", [file])

    assert report.loaded == {"individual": 2_600, "biosample": 2_600}
    assert [len(records) for records in sink.published["d"].records.values()] == [2_600, 2_600]
