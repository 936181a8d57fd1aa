"""What the first pages tell people to type works, and answers what they print."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.demo.conftest import RunningDemo

ROOT = Path(__file__).parents[2]
TUTORIAL = "docs/tutorial/ten-minutes.md"
OWN = "## Load your own"
PORTS = {"5050": "network", "5051": "fi", "5052": "es", "5053": "de"}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PORT = re.compile(r"127\.0\.0\.1:(505\d)")

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


def blocks(text: str) -> list[tuple[str, str]]:
    """The fenced blocks of a page: language and text."""
    return _FENCE.findall(text)


def asked(text: str) -> Iterator[tuple[str, list[str]]]:
    """Every question of a page, and what is printed of its answer."""
    question, printed = "", list[str]()
    for language, block in blocks(text):
        if block.startswith('"') and not language:
            printed.extend(block.splitlines())
        else:
            if question:
                yield question, printed
            question, printed = (block if block.startswith("curl ") else ""), []
    if question:
        yield question, printed


def demo_questions() -> Iterator[tuple[str, list[str]]]:
    for page in ("README.md", TUTORIAL, "docs/index.md"):
        yield from asked((ROOT / page).read_text(encoding="utf-8").partition(OWN)[0])


def answer_of(question: str, ports: dict[str, int]) -> str:
    command = _PORT.sub(lambda port: f"127.0.0.1:{ports[port[1]]}", question)
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    ("question", "printed"),
    [
        pytest.param(question, printed, id=f"{number}")
        for number, (question, printed) in enumerate(demo_questions())
    ],
)
def test_a_question_has_the_answer_that_is_printed(
    live: RunningDemo, question: str, printed: list[str]
):
    ports = {port: live.ports[key] for port, key in PORTS.items()}

    answer = answer_of(question, ports)

    assert '"exists":true' in answer or '"miss":3' in answer
    assert [line for line in printed if line not in answer] == []


def test_the_pages_ask_the_network_and_a_country():
    questions = [question for question, _ in demo_questions()]

    assert {port for one in questions for port in _PORT.findall(one)} >= {"5050", "5051"}
    assert sum(bool(printed) for _, printed in demo_questions()) >= 8


class Reader:
    """Follows the tutorial in a folder, on ports of its own."""

    def __init__(self, folder: Path, ports: dict[str, int]) -> None:
        self.folder, self.ports = folder, ports
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("BEACON_")
        }

    def here(self, text: str) -> str:
        """A text of the page with the ports that are free here."""
        return re.sub(r"\b505\d\b", lambda port: str(self.ports.get(port[0], port[0])), text)

    def run(self, line: str) -> None:
        done = subprocess.run(
            self.command(line), cwd=self.folder, env=self.environment, capture_output=True,
            text=True, timeout=300,
        )  # fmt: skip

        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def serving(self, line: str, port: str) -> Iterator[None]:
        with (self.folder / f"{port}.log").open("wb") as log:
            process = subprocess.Popen(
                self.command(line), cwd=self.folder, env=self.environment, stderr=log
            )
            try:
                wait_until_ready(self.ports[port], process)
                yield
            finally:
                process.terminate()
                process.wait(60)

    def command(self, line: str) -> Sequence[str]:
        words = self.here(line).split()
        return [sys.executable, "-m", "beacon.cli", *words[1:]] if words[0] == "beacon" else words


def wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 200
    while True:
        assert process.poll() is None
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=20).close()
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.2)
        else:
            return


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def test_the_tutorial_can_be_followed_to_a_network_with_a_beacon_of_ones_own(
    live: RunningDemo, tmp_path: Path
):
    text = (ROOT / TUTORIAL).read_text(encoding="utf-8").partition(OWN)[2]
    own, network = free_ports(2)
    reader = Reader(tmp_path, {"5054": own, "5055": network})
    (tmp_path / ".beacon").mkdir()
    shutil.copytree(live.folder / "files", tmp_path / ".beacon/demo/files")
    for path in live.folder.glob("*.chain"):
        shutil.copy(path, tmp_path / ".beacon/demo")
    for name, written in live.settings.items():
        (tmp_path / ".beacon/demo" / name).write_text(written, encoding="utf-8")
    settings, _policy, member = (block for language, block in blocks(text) if language == "toml")
    (tmp_path / "beacon.toml").write_text(reader.here(settings), encoding="utf-8")
    lines = [
        line
        for language, block in blocks(text)
        if not language and block.startswith(("beacon ", "cp "))
        for line in block.splitlines()
    ]
    (serve,) = (line for line in lines if line.startswith("beacon serve"))
    (serve_network,) = (line for line in lines if line.startswith("beacon network"))
    for line in lines:
        if line not in (serve, serve_network):
            reader.run(line)
    with (tmp_path / ".beacon/demo/mine.toml").open("a", encoding="utf-8") as file:
        file.write("\n" + reader.here(member))

    with reader.serving(serve, "5054"), reader.serving(serve_network, "5055"):
        for question, printed in asked(text):
            answer = answer_of(question, {"5054": own, "5055": network})

            assert '"exists":true' in answer
            assert [line for line in printed if line not in answer] == []
