"""`beacon policy`: what the rules amount to, said and tested."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from beacon.cli import main

EXAMPLE = str(Path(__file__).parents[2] / "deploy/settings/policy-example.toml")
TERMS = "https://gdi.example.org/terms/v3"
REGISTERED = ["--visa", f"ResearcherStatus={TERMS}", "--visa", f"AcceptedTermsAndPolicies={TERMS}"]
GRANT = (
    "ControlledAccessGrants=https://gdi.example.org/datasets/GOE-FI-COHORT-001"
    "@https://dac.fi.example.org#dac"
)


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(main, ["policy", *arguments, "--settings", EXAMPLE])

    assert result.exit_code == status, result.output
    return result.output


def test_explains_what_anybody_may_learn_and_why() -> None:
    (first, second) = json.loads(run("explain", "--json"))

    assert first["entryType"] == "dataset"
    assert second == {
        "dataset": "GOE-FI-FREQUENCIES-001",
        "entryType": "genomicVariant",
        "level": "record",
        "minCount": 10,
        "roundTo": 10,
        "below": "zero",
        "noise": 0.0,
        "tiers": ["public"],
        "rules": ['policy.datasets."GOE-FI-FREQUENCIES-001".public.genomicVariant'],
    }


def test_explains_what_visas_open() -> None:
    of_cohort = ("--dataset", "GOE-FI-COHORT-001")
    registered = json.loads(run("explain", *REGISTERED, *of_cohort, "--json"))
    granted = json.loads(run("explain", "--visa", GRANT, *of_cohort, "--json"))

    assert {one["level"] for one in registered if one["entryType"] != "dataset"} == {"count"}
    assert {one["level"] for one in granted} == {"record"}


def test_explains_in_a_table() -> None:
    assert "genomicVariant" in run("explain", *REGISTERED)


def test_says_that_there_is_nothing() -> None:
    assert "no dataset exists" in run("explain", "--dataset", "GOE-FI-COHORT-001")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dataset", "other"], 'no policy.datasets."other"'),
        (["--visa", "ResearcherStatus"], "is no visa"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], said: str) -> None:
    assert said in run("explain", *arguments, status=2)


EXPECTED = f"""
[[expect]]
caller = "anybody"
[expect.learns."GOE-FI-FREQUENCIES-001"]
dataset = "record"
genomicVariant = "record min_count=10 round_to=10"

[[expect]]
caller = "a researcher"
visas = ["ResearcherStatus={TERMS}", "AcceptedTermsAndPolicies={TERMS}"]
[expect.learns."GOE-FI-FREQUENCIES-001"]
dataset = "record"
genomicVariant = "record"
[expect.learns."GOE-FI-COHORT-001"]
dataset = "record"
cohort = "none"
"*" = "count"
"""


def test_expectations_that_hold(tmp_path: Path) -> None:
    path = tmp_path / "expected.toml"
    path.write_text(EXPECTED)

    assert "2 callers" in run("test", str(path))


def test_expectations_that_do_not_hold_fail(tmp_path: Path) -> None:
    path = tmp_path / "expected.toml"
    path.write_text(EXPECTED.replace('cohort = "none"', 'run = "record"'))
    misses = json.loads(run("test", str(path), "--json", status=1))

    assert [(one["entryType"], one["expected"], one["found"]) for one in misses] == [
        ("cohort", "count", "none"),
        ("run", "record", "count"),
    ]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "expected.toml"
    path.write_text("[[expect]]\nwho = 'x'")

    assert "unknown field" in run("test", str(path), status=2)
