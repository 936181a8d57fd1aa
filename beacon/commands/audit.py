"""`beacon audit …`: whether the audit trail is as it was written, and what is in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.table import Table

from beacon.audit import reading
from beacon.audit.chain import Link
from beacon.audit.reading import Report
from beacon.audit.verifying import ChainReport
from beacon.audit.verifying import verify as verify_trail
from beacon.commands.options import AS_JSON, Commands, err, out, with_settings
from beacon.framework.errors import SettingsError
from beacon.settings import Settings

EXIT_BROKEN = 1
_END_OF_PIPE = 32 + 128

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(cls=Commands)
def audit() -> None:
    """Check, export and sum up the audit trail."""


@audit.command()
@with_settings
@click.option(
    "--earlier",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What an earlier `verify --json` printed, kept elsewhere: what was there must still be.",
)
@AS_JSON
def verify(settings: Settings, earlier: Path | None, as_json: bool) -> None:
    """Check every line of the trail and that none is missing; the server may run.

    Ends with status 1 when something was changed, removed, inserted, reordered or truncated.
    """
    from beacon import auditing, composition

    key = auditing.key(composition.keys(settings))
    folder = auditing.folder(settings)
    found = verify_trail(folder, key, None if earlier is None else _ends(earlier))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    elif found:
        out.print(_chains(found))
    else:
        err.print(f"Nothing is written down in {folder} yet.", markup=False, soft_wrap=True)
    for one in found:
        if one.broken is not None:
            place = f":{one.broken.line}" if one.broken.line else ""
            said = f"{one.broken.file}{place}: {one.broken.what}: {one.broken.message}"
            err.print(said, markup=False, soft_wrap=True)
    if any(one.broken is not None for one in found):
        sys.exit(EXIT_BROKEN)


def _within(command: Command) -> Command:
    """The options of commands that read a part of the trail."""
    formats = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
    command = click.option(
        "--until", type=click.DateTime(formats), help="Only what was written before (UTC)."
    )(command)
    return click.option(
        "--since", type=click.DateTime(formats), help="Only what was written from then on (UTC)."
    )(command)


@audit.command()
@with_settings
@_within
def export(settings: Settings, since: datetime | None, until: datetime | None) -> None:
    """Write the lines to standard output by time, as they are: JSON Lines."""
    from beacon import auditing

    try:
        for line in reading.lines(auditing.folder(settings), **_span(since, until)):
            click.echo(line)
    except BrokenPipeError:
        sys.exit(_END_OF_PIPE)


@audit.command()
@with_settings
@_within
@AS_JSON
def report(
    settings: Settings, since: datetime | None, until: datetime | None, as_json: bool
) -> None:
    """Say who asked how much, how much of it was refused, and which alarms there were."""
    from beacon import auditing

    found = reading.report(auditing.folder(settings), **_span(since, until))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(_document(found))))
        return
    out.print(_people(found))
    if found.alarms:
        out.print(_alarms(found))


def _span(since: datetime | None, until: datetime | None) -> Mapping[str, str]:
    given = {"since": since, "until": until}
    return {name: moment.isoformat() for name, moment in given.items() if moment is not None}


def _ends(path: Path) -> Mapping[int, Link]:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=tuple[ChainReport, ...])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not what `beacon audit verify --json` prints") from error
    return {one.chain: one.end for one in found}


def _chains(found: Sequence[ChainReport]) -> Table:
    table = Table("chain", "files", "lines", "up to", "torn", "found")
    for one in found:
        broken = one.broken
        table.add_row(
            str(one.chain),
            str(one.files),
            str(one.lines),
            f"{one.end.n} {one.end.hash[:12]}",
            str(one.torn),
            "as it was written" if broken is None else broken.what,
            style=None if broken is None else "red",
        )
    return table


def _people(found: Report) -> Table:
    table = Table("person", "tiers", "questions", "denied", "rare", "charge", "last", "alarms")
    for one in found.people:
        table.add_row(
            one.person,
            "\n".join(one.tiers),
            str(one.questions),
            f"{one.denied} ({one.denied_share:.0%})",
            str(one.rare),
            f"{one.charge / 1_000_000:.3f}",
            one.last,
            "\n".join(one.alarms),
            style="red" if one.alarms else None,
        )
    return table


def _alarms(found: Report) -> Table:
    table = Table("at", "alarm", "person", "dataset", "value")
    for one in found.alarms:
        table.add_row(one.at, one.alarm, one.person or "", one.dataset or "", f"{one.value:g}")
    return table


def _document(found: Report) -> Mapping[str, Any]:
    return {
        "people": [
            {**msgspec.structs.asdict(one), "denied_share": round(one.denied_share, 4)}
            for one in found.people
        ],
        "alarms": found.alarms,
    }
