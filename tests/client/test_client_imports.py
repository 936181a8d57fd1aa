"""The client needs neither the server nor what the server is made of."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

from beacon import client

ROOT = Path(__file__).parents[2]

_PRINTS_WHAT_IT_IMPORTED = """
import json, sys
import aiohttp, msgspec, yarl
before = set(sys.modules)
import beacon.client
new = set(sys.modules) - before
print(json.dumps(sorted(n for n in new if n.partition(".")[0] not in sys.stdlib_module_names)))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_it_imports_nothing_but_itself_and_what_it_needs() -> None:
    imported = json.loads(run("-c", _PRINTS_WHAT_IT_IMPORTED).stdout)

    assert "beacon.client.asynchronous" in imported
    own = [one for one in imported if one.startswith("beacon.client")]
    assert sorted({*imported} - {*own}) == ["beacon"]


def test_a_bare_installation_is_what_the_client_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert {one.partition(">")[0] for one in project["dependencies"]} == {
        "aiohttp",
        "msgspec",
        "yarl",
    }


def without(*packages: str) -> str:
    """A program that starts the command where some packages are not installed."""
    missing = dict.fromkeys(packages)
    return f"import sys; sys.modules.update({missing!r}); from beacon.entry import main; main()"


def test_a_command_of_the_server_says_what_to_install() -> None:
    done = run("-c", without("click"), "serve")

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "beacon: click is not installed, which comes with the extra `server`: "
        "pip install 'genome-beacon[server]'\n"
    )


def test_with_everything_installed_the_commands_run() -> None:
    done = run("-c", without(), "--help")

    assert done.returncode == 0
    assert "Commands:" in done.stdout


def test_what_is_public_is_sorted_and_there() -> None:
    assert sorted(client.__all__) == client.__all__
    assert all(getattr(client, one).__doc__ for one in client.__all__)
