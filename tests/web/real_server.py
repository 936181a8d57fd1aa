"""`beacon serve` as a process of its own, with data and a database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from beacon import databases, settings_file
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink

SETTINGS = """\
[policy.datasets.ds]
min_count = 1
accept_risk = "invented people"
public = { "*" = "count" }
"""
VCF = """\
##fileformat=VCFv4.2
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT S1 S2
17 7577121 . G A . PASS . GT 0/1 1/1
""".replace(" ", "\t")
COUNT = (
    "/api/individuals?requestedGranularity=count&referenceName=17&start=7577120&alternateBases=A"
)


@contextmanager
def on_its_own_database(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`beacon serve` with the embedded database; yields where, and the process."""
    (folder / "settings.toml").write_text(SETTINGS)
    settings = settings_file.load(folder / "settings.toml", {})
    with databases.open_database(settings) as database:
        load(database, folder)
    with served(folder) as (url, process):
        yield url, process


def load(database: databases.Documents, folder: Path) -> None:
    """Two people, who both carry what `COUNT` asks for."""
    (folder / "some.vcf").write_text(VCF)
    assert load_vcf(MongoSink(database), "ds", "GRCh38", [folder / "some.vcf"]).ok


@contextmanager
def served(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    command: Sequence[str] = ("serve", "--no-access-log"),
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`beacon serve`, or the like, with the settings in a folder; yields where, and the process."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "beacon.cli", *command, "--port", "0"),
                *("--settings", str(folder / "settings.toml"), *arguments),
            ],
            stderr=log,
            text=True,
            env={**os.environ, **(environment or {})},
        )
    try:
        until = time.monotonic() + 240
        while not (line := (folder / "log").read_text().partition("\n"))[1]:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        yield json.loads(line[0])["url"].removesuffix("/api"), process
    finally:
        process.terminate()
        process.wait(60)


def ask(url: str) -> tuple[int, Any]:
    """Status and body; status 0 when nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=20) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""


def ask_until(status: int, url: str, seconds: float = 30) -> tuple[int, Any]:
    until = time.monotonic() + seconds
    while (answer := ask(url))[0] != status and time.monotonic() < until:
        time.sleep(0.1)
    return answer
