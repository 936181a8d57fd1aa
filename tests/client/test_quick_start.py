"""The scripts of the guide run as they are printed, against a beacon and a network of ours."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest

from tests.client.test_client_cases import PACKET, SENT
from tests.client.world import World

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "how-to" / "python-client.md"
SCRIPTS = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)


def script(*words: str) -> str:
    """The one script of the guide with these words in it."""
    (found,) = [one for one in SCRIPTS if all(word in one for word in words)]
    return str(found)


def run(text: str, world: World, folder: Path) -> str:
    text = text.replace("https://network.example.org/api", world.network)
    text = text.replace("https://beacon.example.org/api", world.beacon)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def quick_start(small_world: World, tmp_path_factory: pytest.TempPathFactory) -> str:
    return run(script("with Beacon", "stream"), small_world, tmp_path_factory.mktemp("sync"))


def test_the_quick_start_says_what_is_true(quick_start: str) -> None:
    lines = quick_start.splitlines()

    assert lines[0] == "Network v2.2.0 network"
    assert lines[1] == "seen: True"
    assert "carriers: True 7 None" in lines
    assert "  org.example.live open True 2" in lines
    assert "  Live answered" in lines
    assert "org.example.live open I01" in lines
    assert lines[-3:] == ["17-7577121-G-A True", "17-7577121-G-C False", "in parts: True"]


def test_who_awaits_gets_the_same(quick_start: str, small_world: World, tmp_path: Path) -> None:
    assert run(script("AsyncBeacon", "stream"), small_world, tmp_path) == quick_start


def test_a_refusal_is_caught_as_shown(small_world: World, tmp_path: Path) -> None:
    assert run(script("except Refused"), small_world, tmp_path) == "400\n"


def test_a_token_that_is_not_valid_is_refused(small_world: World, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("not-a-token\n")
    caught = f"try:\n{indent(script('token=token'), '    ')}\nexcept Exception as e: print(e)"

    assert "status 401" in run(caught, small_world, tmp_path)


def test_a_phenopacket_is_shown_before_it_is_sent(small_world: World, tmp_path: Path) -> None:
    (tmp_path / "patient.json").write_text(json.dumps(PACKET))
    lines = run(script("from_phenopacket"), small_world, tmp_path).splitlines()

    assert lines[0] == str(SENT)


def test_every_script_of_the_guide_is_run() -> None:
    assert len(SCRIPTS) == 5
