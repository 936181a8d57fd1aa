"""The report and the progress of a load, as a person or a program sees them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from memory_sink import MemorySink
from rich.console import Console

from beacon.load.progress import RichProgress
from beacon.load.report import EXAMPLES, Problem, Report
from beacon.load.validate import validate
from beacon.load.vcf import load_vcf

DATA = Path(__file__).parent.parent / "data" / "load"


def problem(number: int) -> Problem:
    return Problem(file="[a].vcf", place=f"record {number}", reason="odd", detail="[bold]x")


def test_problems_of_a_reason_are_counted_and_the_first_are_kept():
    report = Report()
    for number in range(20):
        report.lose(problem(number), 2)
    shown = json.loads(report.to_json())

    assert shown["ok"] is False
    assert shown["notLoaded"][0]["count"] == 40
    assert shown["notLoaded"][0]["examples"][0]["place"] == "record 0"
    assert len(shown["notLoaded"][0]["examples"]) == EXAMPLES


def test_a_report_that_lost_count_is_a_bug():
    report = Report(items=3)
    report.loaded["individual"] += 1
    report.lose(problem(1))

    with pytest.raises(RuntimeError, match="3 items were read but 2 accounted for"):
        report.check_complete()


def test_the_table_shows_names_as_they_are():
    report = Report()
    report.lose(problem(1))
    report.warn(problem(2))
    text = io.StringIO()
    Console(file=text, width=120).print(report)

    assert "[a].vcf, record 1: [bold]x" in text.getvalue()
    assert "Warnings" in text.getvalue()


def test_progress_tells_how_many_records_of_each_file():
    text = io.StringIO()
    console = Console(file=text, width=120, force_terminal=True)
    with RichProgress(console) as progress:
        load_vcf(MemorySink(), "d", "GRCh38", [DATA / "calls.vcf"], progress=progress)

    assert "calls.vcf (digest)" in text.getvalue()
    assert "19/19" in text.getvalue()


def test_files_of_every_kind_are_checked_without_a_database(tmp_path):
    (tmp_path / "individuals.json").write_text('[{"id": "P1"}, {"id": 3}]')
    (tmp_path / "targets.json").write_text("[]")
    (tmp_path / "broken.vcf").write_text("hello\n")
    (tmp_path / "genes.bed").write_text("17\t1\t5\tGENE\n")
    report = validate([tmp_path, DATA / "calls.vcf", DATA / "tiny.obo"])
    vcf = load_vcf(MemorySink(), "d", "GRCh38", [DATA / "calls.vcf"])

    assert report.loaded == {
        "individual": 1,
        "ontology": 1,
        "gene table": 1,
        "genomicVariant": vcf.alleles,
    }
    assert report.not_loaded["no id"].examples[0].place == "record 2"
    assert "is not a VCF" in report.not_loaded["the file cannot be loaded"].examples[0].detail
    assert "individual: `sex` is not as the schema wants it" in report.warnings
    assert set(vcf.not_loaded) < set(report.not_loaded)
    report.check_complete()
