"""`python -m tests.attacks [NAME ...]`: attack a live beacon at full size, and write the evidence.

What was found of an attack replaces what is there of it, as soon as it is over.
Ends with status 2 when a control failed, which makes the run worthless, and with 1 when
protections did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from beacon.mongo.embedded import embedded_mongod
from tests.attacks import evidence
from tests.attacks.run import NAMES, run
from tests.attacks.stage import FAST, FULL, Arm, Stage


def main() -> int:
    """Attack, tell, and write."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.attacks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--fast", action="store_true", help="small sizes, as in the test suite")
    parser.add_argument("--no-write", action="store_true", help="leave docs/ as it is")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"there is no attack {', '.join(sorted(unknown))}")
    console = Console()
    begun = time.monotonic()
    scale = FAST if given.fast else FULL
    with (
        tempfile.TemporaryDirectory(prefix="beacon-attacks-") as folder,
        embedded_mongod(Path(folder) / "mongod", cache_gb=1) as uri,
        Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()) as shown,
    ):
        task = shown.add_task("")

        def begins(name: str) -> None:
            title = evidence.TITLES.get(name)
            shown.update(task, description=name if title is None else f"{name}: {title}")

        def ends(stage: Stage, arms: list[Arm]) -> None:
            for one in arms:
                shown.console.print(told(one), highlight=False, soft_wrap=True)
            if not (given.fast or given.no_write):
                evidence.write(evidence.document(arms, about(stage)))

        arms = asyncio.run(
            run(scale, uri, Path(folder), given.names or NAMES, begins=begins, ends=ends)
        )
    console.print(f"{(time.monotonic() - begun) / 60:.1f} minutes")
    console.print(summary(arms))
    invalid, failed = evidence.invalid(arms), evidence.failed(arms)
    if invalid:
        console.print(f"[red]not valid: {len(invalid)} controls failed")
        return 2
    console.print(
        f"[red]{len(failed)} limits are not kept" if failed else "[green]all limits are kept"
    )
    return 1 if failed else 0


def told(arm: Arm) -> str:
    """One line about one attack."""
    interval = "" if arm.interval is None else f" ({arm.interval[0]:.2f} to {arm.interval[1]:.2f})"
    people = "" if arm.people is None else f" of {arm.people}"
    return f"{arm.attack} {arm.beacon}{people}: {arm.title}: {arm.value:.3g}{interval} {limit(arm)}"


def limit(arm: Arm) -> str:
    """The limit, and whether it is kept."""
    if arm.at_least is None and arm.at_most is None:
        return ""
    bound = f"≥ {arm.at_least:g}" if arm.at_least is not None else f"≤ {arm.at_most:g}"
    if arm.beacon == "off":
        return f"{bound} {'control ok' if arm.ok else 'CONTROL FAILED'}"
    return f"{bound} {'pass' if arm.ok else 'FAIL'}"


def summary(arms: list[Arm]) -> Table:
    """A table of all attacks: what controls reached, and what protections let through."""
    table = Table("attack", "", "control", "protected", "outcome")
    for name in dict.fromkeys(one.attack for one in arms):
        own = [one for one in arms if one.attack == name]
        controls = [one for one in own if one.beacon == "off" and one.at_least is not None]
        others = [one for one in own if one.beacon != "off"]
        ok = all(one.ok for one in controls)
        table.add_row(
            name,
            evidence.TITLES[name],
            "; ".join(f"{one.value:.2g}" for one in controls) + ("" if ok else " FAILED"),
            "; ".join(f"{one.value:.2g} {limit(one)}" for one in others),
            "void" if not ok else "pass" if all(one.ok for one in others) else "FAIL",
        )
    return table


def about(stage: Stage) -> dict[str, object]:
    """What was attacked, and where."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "people": stage.cohorts.genomes.people,
        "sites": len(stage.cohorts.genomes.start),
        "sizes": list(stage.scale.sizes),
        "targets": stage.scale.targets,
        "load": round(os.getloadavg()[0], 1),
    }


if __name__ == "__main__":
    sys.exit(main())
