"""Pictures of frequencies, and the same arithmetic in the browser as on the server."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from beacon.framework.intervals import interval
from beacon.portal import static_files
from beacon.portal.pictures import Axis, picture
from beacon.portal.populations import panels
from beacon.portal.records import Frequency
from tests.portal.look_up_world import (
    about,
    accepted,
    counted,
    member,
    record,
    result_set,
    taken,
)

WORDS = {"total": "Everybody", "female": "Women", "male": "Men"}
NODE = shutil.which("node")


def frequency(count: int, number: int) -> Frequency:
    return Frequency.of(counted("x", count, number))


@pytest.mark.parametrize("counts", [(0, 10), (0, 1_000_000), (1, 2_000_000), (5, 10), (10, 10)])
def test_whatever_is_drawn_is_within_the_picture(counts):
    one = frequency(*counts)
    drawn = picture([("x", one)], Axis.of([one]))

    (line,) = drawn.lines
    assert 0 <= line.left <= line.right <= 100
    assert line.dot is None or line.left <= line.dot <= line.right
    assert drawn.axis.lowest < drawn.axis.highest <= 0


def test_an_allele_that_was_not_seen_has_no_dot():
    one = frequency(0, 2_000)
    (line,) = picture([("x", one)], Axis.of([one])).lines

    assert line.dot is None
    assert line.right > line.left


def test_ten_times_as_often_is_as_far_everywhere():
    axis = Axis(-4, 0)

    steps = [axis.at(10.0 ** (power + 1)) - axis.at(10.0**power) for power in range(-4, 0)]

    assert steps == pytest.approx([steps[0]] * 4)


def test_lines_are_below_each_other():
    drawn = picture([("a", frequency(1, 9)), ("b", frequency(2, 9))], Axis(-3, 0))

    first, second = drawn.lines
    assert first.mark_y < second.words_y < second.mark_y < drawn.axis_y < drawn.height


def test_few_alleles_are_marked():
    assert frequency(1, 1_999).is_of_few
    assert not frequency(1, 2_000).is_of_few


def _two_countries(info):
    sets = [
        result_set(
            record(counted("Total", 3, 100), counted("F", 1, 40), counted("Finnish", 2, 50))
        ),
        result_set(record(counted("Total", 1, 300))),
    ]
    parts = [accepted(0, "Finland", "Spain")]
    for name, one in zip(("Finland", "Spain"), sets, strict=True):
        parts.append(member(0, about(name, "hit"), one))
    parts.append((0, {"kind": "summary", "about": {}, "answer": {"info": info}}))
    return taken(parts)


COMBINED = {
    "networkStatus": {},
    "frequencies": [
        {
            "variantInternalId": "v",
            "frequencies": [counted("Total", 4, 400), counted("F", 1, 40), counted("FI", 2, 50)],
            "countries": [],
        }
    ],
}


def test_only_totals_of_countries_may_be_added():
    found = panels(_two_countries(COMBINED), WORDS, is_network=True)

    assert {panel.kind: panel.disjoint for panel in found} == {
        "countries": 2,
        "sexes": 0,
        "origin": 0,
    }
    countries = found[0].picture.lines
    assert [line.label for line in countries] == ["Finland", "Spain", "Everybody"]


def test_datasets_of_one_beacon_may_share_people_and_are_not_added():
    found = panels(_two_countries({}), WORDS, is_network=False)

    assert [panel.disjoint for panel in found] == [0] * len(found)


def test_what_several_variants_have_in_common_is_not_drawn_as_one():
    two = {**COMBINED, "frequencies": COMBINED["frequencies"] * 2}

    assert _two_countries(two).combined == []


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_the_browser_computes_the_intervals_of_the_server(tmp_path: Path):
    cases = [(0, 50), (0, 30_000), (1, 9), (1, 20_000), (30, 5_000), (31, 5_000), (7, 10), (10, 10)]
    shutil.copy(static_files.FOLDER / "intervals.js", tmp_path / "intervals.mjs")
    script = tmp_path / "run.mjs"
    script.write_text(
        'import { interval } from "./intervals.mjs";\n'
        "console.log(JSON.stringify(JSON.parse(process.argv[2]).map((one) => interval(...one))));"
    )

    told = subprocess.run(
        [str(NODE), str(script), json.dumps(cases)], check=True, capture_output=True, text=True
    ).stdout

    for (low, high), case in zip(json.loads(told), cases, strict=True):
        assert (low, high) == pytest.approx(interval(*case), rel=1e-9, abs=1e-15)
