"""What the software is made of: each part has a reason, an allowed licence, and no known fault."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools/supply_chain.py"
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("supply_chain", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_dependency_has_a_reason_and_an_allowed_licence(tool: ModuleType) -> None:
    assert [*tool.without_reason(PROJECT), *tool.not_allowed(PROJECT)] == []


def test_what_is_needed_in_turn_is_looked_at_too(tool: ModuleType) -> None:
    delivered = tool.delivered(PROJECT)

    assert {"aiohttp", "multidict", "pymongo", "dnspython"} <= {*delivered}
    assert "ruff" not in delivered


def test_a_missing_reason_and_a_licence_that_is_not_allowed_are_named(tool: ModuleType) -> None:
    text = PROJECT.replace("# MongoDB, with its own asynchronous client", "")
    text = text.replace('"PSF-2.0", ', "")

    assert [*tool.without_reason(text)] == ["pymongo: say behind # what it is for"]
    assert any(one.startswith("isal: PSF-2.0 is not in") for one in tool.not_allowed(text))


@pytest.fixture
async def database(request: pytest.FixtureRequest) -> Any:
    """A database of known faults that knows one, of aiohttp."""

    async def known(asked: web.Request) -> web.Response:
        queries = (await asked.json())["queries"]
        return web.json_response(
            {
                "results": [
                    {"vulns": [{"id": "GHSA-1"}]} if one["package"]["name"] == "aiohttp" else {}
                    for one in queries
                ]
            }
        )

    app = web.Application()
    app.router.add_post("/v1/querybatch", known)
    async with TestServer(app) as server:
        yield str(server.make_url("/v1/querybatch"))


async def test_a_known_fault_is_named_unless_it_is_accepted(
    tool: ModuleType, database: str
) -> None:

    heading = "[tool.supply-chain.accepted]\n"
    accepting = PROJECT.replace(heading, heading + 'GHSA-1 = "we never do that"\n')
    found = await asyncio.to_thread(lambda: [*tool.faults(PROJECT, database)])
    accepted = await asyncio.to_thread(lambda: [*tool.faults(accepting, database)])

    assert len(found) == 1
    assert found[0].startswith("aiohttp ")
    assert found[0].endswith(": GHSA-1")
    assert accepted == []


def test_without_a_network_it_says_so_and_does_not_fail() -> None:
    done = subprocess.run(
        [sys.executable, str(TOOL), "audit", "--url", "http://127.0.0.1:9/"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert "not checked: no network" in done.stderr


def test_the_bill_of_materials_is_valid_and_whole(tool: ModuleType, tmp_path: Path) -> None:
    status = tool.main(["sbom", "--to", str(tmp_path / "dist/sbom.json")])
    text = (tmp_path / "dist/sbom.json").read_text()
    document = json.loads(text)
    names = {one["name"] for one in document["components"]}

    assert status == 0
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert document["bomFormat"] == "CycloneDX"
    assert document["metadata"]["component"]["name"] == "genome-beacon"
    assert names == {*tool.delivered(PROJECT)}
    assert all(one["licenses"] for one in document["components"])
