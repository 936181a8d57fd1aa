"""The image: small, without a shell in what it runs, and without rights that it does not need."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from files import DEPLOY, ROOT

from beacon import __version__

CONTAINERFILE = DEPLOY / "Containerfile"


def instructions() -> list[tuple[str, str]]:
    """Name and arguments of each instruction, continued lines joined."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(name, rest.strip()) for name, _, rest in (one.partition(" ") for one in lines if one)]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    starts = [number for number, (name, _) in enumerate(found) if name == "FROM"]
    return found[starts[-1] :]


def test_the_linter_has_nothing_to_say() -> None:
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert linter is not None
    done = subprocess.run([linter, CONTAINERFILE], capture_output=True, text=True, timeout=60)

    assert done.stdout == ""
    assert done.returncode == 0


def test_every_stage_begins_with_an_exact_version() -> None:
    bases = [rest.split()[0] for name, rest in instructions() if name == "FROM"]

    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-\w+", one) for one in bases)


def test_what_runs_is_a_number_and_no_shell() -> None:
    stage = last_stage()
    given = dict(stage)

    assert given["USER"] == "10001:10001"
    assert json.loads(given["ENTRYPOINT"]) == ["beacon"]
    assert json.loads(given["CMD"]) == ["serve"]
    assert "SHELL" not in given


def test_health_is_asked_without_a_shell_at_livez() -> None:
    command = json.loads(dict(last_stage())["HEALTHCHECK"].partition("CMD ")[2])
    compile(command[2], "health", "exec")

    assert command[:2] == ["python", "-c"]
    assert "'/livez'" in command[2]


def test_nothing_but_the_build_is_copied_to_what_runs() -> None:
    assert [rest for name, rest in last_stage() if name == "COPY"] == [
        "--from=build /opt/beacon /opt/beacon"
    ]


def test_labels_say_which_version_it_is() -> None:
    stage = last_stage()

    assert ("ARG", f"VERSION={__version__}") in stage
    assert "org.opencontainers.image.licenses" in dict(stage)["LABEL"]


def test_only_what_the_build_copies_is_sent_to_it() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {
        one
        for name, rest in instructions()
        if name == "COPY" and "--from" not in rest
        for one in rest.split()[:-1]
    }

    assert lines[1] == "*"
    assert {one[1:] for one in lines if one.startswith("!")} == copied
    assert all((ROOT / one).exists() for one in copied)
