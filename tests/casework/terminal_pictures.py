"""Pictures of the commands on a terminal, as SVG, for the documentation.

`python -m tests.casework.terminal_pictures docs/screenshots` asks real beacons, and writes
`match-terminal.svg` and `annotate-terminal.svg`.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from beacon.mongo.embedded import embedded_mongod
from tests.casework import family_files
from tests.casework.countries import World, served
from tests.network.real_beacons import ROOT

WIDTH = 140


def main(folder: Path) -> None:
    """Write both pictures into a folder."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "mongod").mkdir()
        (work / "world").mkdir()
        with (
            embedded_mongod(work / "mongod", cache_gb=0.5) as uri,
            served(uri, work / "world") as world,
        ):
            _match(world, work, folder / "match-terminal.svg")
            _annotate(world, work, folder / "annotate-terminal.svg")


def _match(world: World, work: Path, picture: Path) -> None:
    family_files.write_vcf(work / "case.vcf")
    family_files.write_packet(work / "case.json")
    family_files.write_ped(work / "case.ped")
    screen = _screen()
    options = "--phenopacket case.json --ped case.ped --network https://network.example.org/api"
    screen.print(f"$ beacon match case.vcf {options}", markup=False, highlight=False)
    _show(
        screen,
        *("match", work / "case.vcf", "--phenopacket", work / "case.json"),
        *("--ped", work / "case.ped", "--network", world.network),
    )
    screen.save_svg(str(picture), title="beacon match", unique_id="match")


def _annotate(world: World, work: Path, picture: Path) -> None:
    screen = _screen()
    command = "annotate-vcf case.vcf --network https://network.example.org/api -o out.vcf"
    screen.print(f"$ beacon {command}", markup=False, highlight=False)
    out = work / "out.vcf"
    _show(screen, "annotate-vcf", work / "case.vcf", "--network", world.network, "-o", out)
    screen.print("$ grep -v '^#' out.vcf | cut -f 1,2,4,5,8", markup=False, highlight=False)
    for line in out.read_text().splitlines():
        if not line.startswith("#"):
            chrom, pos, _, ref, alt, _, _, info, *_ = line.split("\t")
            added = [one for one in info.split(";") if one.startswith("BEACON_")]
            text = Text(f"{chrom:<3}{pos:<10}{ref:<5}{alt:<2}…;")
            text.append(";".join(added), "cyan")
            screen.print(text, highlight=False)
    screen.save_svg(str(picture), title="beacon annotate-vcf", unique_id="annotate")


def _show(screen: Console, *arguments: object) -> None:
    """What a command prints, in its colours and without its progress, which moves."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.casework.commands", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": str(WIDTH), "FORCE_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    for said in (done.stderr, done.stdout):
        still = _MOVES.sub("", said).replace("\r", "")
        lines = still.splitlines()
        if said is done.stderr:
            lines = [line for line in lines if line.strip() and "━" not in line]
        screen.print(Text.from_ansi("\n".join(lines)), highlight=False)


_MOVES = re.compile(r"\x1b\[[0-9;?]*[A-HJKSTfhlnsu]")


def _screen() -> Console:
    """A terminal that nobody sees, and that remembers."""
    return Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
