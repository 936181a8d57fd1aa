"""The command `beacon`, run as people run it, against a database of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SETTINGS = """
[policy.datasets.ds]
min_count = 1
accept_risk = "invented people"
public = { "*" = "record" }
"""
VCF = """\
##fileformat=VCFv4.2
##contig=<ID=17,length=83257441>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2\tS3
17\t7577121\t.\tG\tA\t.\tPASS\t.\tGT\t0/1\t0/0\t1/1
17\t7577200\t.\tC\tT\t.\tPASS\t.\tGT\t0/0\t0/1\t0/0
"""
PROBLEM = VCF + "17\t7577300\t.\tC\tT\t.\tPASS\t.\tGT\t0/2\t0/1\t0/0\n"


class Beacon:
    """Runs commands with one settings file and one database."""

    def __init__(self, folder: Path, mongo_uri: str, database: str) -> None:
        self.folder = folder
        self.settings = folder / "settings.toml"
        self.settings.write_text(SETTINGS)
        self.environment = {
            **os.environ,
            "BEACON__MONGO__URI": mongo_uri,
            "BEACON__MONGO__DATABASE": database,
        }

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "beacon.cli", *map(str, arguments)]

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def load(self, text: str) -> subprocess.CompletedProcess[str]:
        path = self.folder / "some.vcf"
        path.write_text(text)
        arguments = ["--dataset", "ds", "--assembly", "GRCh38", "--json"]
        return self.run("load", "vcf", path, *arguments, "--settings", self.settings)

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
        """Yields the URL of the API and the process."""
        process = subprocess.Popen(
            self.command("serve", "--settings", self.settings, "--port", "0", *arguments),
            env=self.environment,
            cwd=self.folder,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        try:
            url = json.loads(process.stderr.readline())["url"]
            wait_until_ready(url)
            yield url, process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def wait_until_ready(url: str) -> None:
    for _ in range(300):
        try:
            get(url.removesuffix("/api") + "/readyz")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as response:
        body: bytes = response.read()
    return body


@pytest.fixture
def beacon(tmp_path: Path, mongo_uri: str, database: str) -> Beacon:
    return Beacon(tmp_path, mongo_uri, database)


def test_what_is_loaded_is_listed_served_and_dropped(beacon: Beacon) -> None:
    loaded = beacon.load(VCF)
    listed = json.loads(beacon.run("datasets", "--settings", beacon.settings, "--json").stdout)
    with beacon.serving("--workers", "2") as (url, process):
        question = "/individuals?requestedGranularity=count&referenceName=17&start=7577120"
        answer: dict[str, Any] = json.loads(get(url + question + "&alternateBases=A"))
        get(url.removesuffix("/api") + "/metrics")
    dropped = beacon.run("datasets", "drop", "ds", "--settings", beacon.settings)
    again = beacon.run("datasets", "drop", "ds", "--settings", beacon.settings)

    assert loaded.returncode == 0, loaded.stderr
    assert json.loads(loaded.stdout)["loaded"] == {"genomicVariant": 2}
    assert [(one["id"], one["assembly"]) for one in listed] == [("ds", "GRCh38")]
    assert answer["responseSummary"]["numTotalResults"] == 2
    assert process.returncode == 0
    assert dropped.returncode == 0
    assert again.returncode == 2
    assert again.stderr == 'beacon: there is no dataset "ds"\n'


def test_exit_status_tells_that_something_was_not_loaded(beacon: Beacon) -> None:
    result = beacon.load(PROBLEM)
    report = json.loads(result.stdout)

    assert result.returncode == 1
    assert report["ok"] is False
    assert report["loaded"] == {"genomicVariant": 2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "--settings", "none.toml"], "none.toml: No such file"),
        (["datasets", "drop", "none"], 'there is no dataset "none"'),
        (["serve", "--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
    ],
)
def test_operator_errors_are_one_sentence(
    beacon: Beacon, arguments: list[str], message: str
) -> None:
    result = beacon.run(*arguments)

    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_second_beacon_on_a_port_is_refused(beacon: Beacon) -> None:
    with beacon.serving("--workers", "2") as (url, _):
        port = url.removesuffix("/api").rpartition(":")[2]
        second = beacon.run("serve", "--port", port)

    assert second.returncode == 2
    assert "cannot listen" in second.stderr


def test_worker_that_dies_is_replaced(beacon: Beacon) -> None:
    with beacon.serving("--workers", "2") as (url, process):
        before = children(process.pid)
        os.kill(before[0], signal.SIGKILL)
        end = time.monotonic() + 20
        while len(set(children(process.pid)) - {before[0]}) < 2 and time.monotonic() < end:
            time.sleep(0.1)
        after = children(process.pid)
        get(url + "/info")

    assert len(after) == 2
    assert before[0] not in after


def test_settings_are_printed_without_secrets(beacon: Beacon) -> None:
    beacon.environment["BEACON__MONGO__URI"] = "mongodb://user:hunter2@db/"
    result = beacon.run("settings", "--settings", beacon.settings)

    assert json.loads(result.stdout)["policy"]["datasets"]["ds"]["public"] == {"*": "record"}
    assert "hunter2" not in result.stdout


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in text.split()]
