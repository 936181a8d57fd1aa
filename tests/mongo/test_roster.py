"""Who runs and analyses are of."""

from __future__ import annotations

import pytest

from beacon.mongo.roster import Links, build_roster

LINKS = {
    "individuals": ["I0", "I1"],
    "biosamples": {"B0": "I0", "B1": "I1"},
    "runs": {"R0": ("B0", "I0"), "R1": (None, "I1"), "both": ("B0", "I1"), "none": ("B9", None)},
}


def rows_of_analysis(run: str | None, biosample: str | None, individual: str | None) -> list[str]:
    analyses = {"A": (run, biosample, individual)}
    roster = build_roster(["B0", "B1"], Links(**LINKS, analyses=analyses))  # type: ignore[arg-type]
    return [roster.individuals[roster.individual_of[row]] for row in roster.analyses.rows]


@pytest.mark.parametrize(
    ("run", "biosample", "individual", "whose"),
    [
        ("R0", None, None, ["I0"]),
        ("R0", "B0", "I0", ["I0"]),
        ("none", None, "I1", ["I1"]),
        ("R0", None, "I9", ["I0"]),
        (None, None, "I1", ["I1"]),
        ("R0", None, "I1", []),
        (None, "B0", "I1", []),
        ("both", None, None, []),
        ("both", None, "I0", []),
        ("R1", "B0", None, []),
    ],
)
def test_an_analysis_that_several_people_are_named_by_is_nobodys(
    run: str | None, biosample: str | None, individual: str | None, whose: list[str]
) -> None:
    assert rows_of_analysis(run, biosample, individual) == whose


def test_a_run_that_several_people_are_named_by_is_nobodys() -> None:
    roster = build_roster(["B0", "B1"], Links(**LINKS))  # type: ignore[arg-type]
    whose = {
        name: roster.runs.rows[roster.runs.ends[place] : roster.runs.ends[place + 1]].tolist()
        for place, name in enumerate(roster.runs.ids)
    }
    assert whose == {"R0": [0], "R1": [1], "both": [], "none": []}
