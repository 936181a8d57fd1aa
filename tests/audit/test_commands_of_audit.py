"""`beacon audit …`: what an operator sees of the trail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from audited import serving, settings_in
from click.testing import CliRunner, Result

from beacon.cli import main
from beacon.settings import Settings
from tests.auth.mock_broker import World


def beacon(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments], obj=settings)


@pytest.fixture
async def asked(tmp_path: Path, world: World) -> Settings:
    """A beacon that was asked by the public and by Alice."""
    settings = settings_in(tmp_path)
    headers = {"Authorization": f"Bearer {world.passport(world.visa())}"}
    async with serving(settings, authenticator=world.authenticator) as (client, _):
        for _ in range(3):
            await client.get("/api/individuals?requestedGranularity=count")
        await client.get("/api/individuals", headers=headers)
        await client.get("/api/individuals", headers={"Authorization": "Bearer x"})
    return settings


def test_a_whole_trail_is_verified(asked: Settings) -> None:
    result = beacon(asked, "verify")
    found = json.loads(beacon(asked, "verify", "--json").stdout)

    assert result.exit_code == 0
    assert "as it was written" in result.stdout
    assert [one["broken"] for one in found] == [None]
    assert found[0]["end"]["n"] == 6


def test_a_change_ends_with_status_1_and_names_the_line(asked: Settings) -> None:
    (path,) = (Path(asked.data_dir) / "audit").glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"status":401', b'"status":200'))
    result = beacon(asked, "verify")

    assert result.exit_code == 1
    assert f"{path.name}:6: changed" in result.stderr


def test_what_was_verified_must_still_be_there(asked: Settings, tmp_path: Path) -> None:
    noted = tmp_path / "noted.json"
    noted.write_text(beacon(asked, "verify", "--json").stdout)
    before = beacon(asked, "verify", "--earlier", str(noted)).exit_code
    for path in (Path(asked.data_dir) / "audit").iterdir():
        path.unlink()
    result = beacon(asked, "verify", "--earlier", str(noted))
    noted.write_text("{}")

    assert before == 0
    assert result.exit_code == 1
    assert "truncated" in result.stderr
    assert beacon(asked, "verify", "--earlier", str(noted)).exit_code == 2


def test_nothing_written_yet_is_no_failure(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)

    assert [beacon(settings, one).exit_code for one in ("verify", "export", "report")] == [0, 0, 0]


def test_lines_are_exported_as_they_are(asked: Settings) -> None:
    (path,) = (Path(asked.data_dir) / "audit").glob("*.jsonl")
    day = path.name[:10]

    assert beacon(asked, "export").stdout == path.read_text()
    assert beacon(asked, "export", "--since", day).stdout == path.read_text()
    assert beacon(asked, "export", "--until", day).stdout == ""
    assert beacon(asked, "export", "--since", "2100-01-01").stdout == ""


def test_the_report_says_who_asked_how_much(asked: Settings) -> None:
    result = beacon(asked, "report")
    found: dict[str, Any] = json.loads(beacon(asked, "report", "--json").stdout)

    questions = {one["person"]: one["questions"] for one in found["people"]}
    denied = {one["person"]: one["denied_share"] for one in found["people"]}
    (alice,) = questions.keys() - {"public", "unverified"}
    assert questions == {"public": 3, "unverified": 1, alice: 1}
    assert denied == {"public": 0.0, "unverified": 1.0, alice: 0.0}
    assert "public" in result.stdout
