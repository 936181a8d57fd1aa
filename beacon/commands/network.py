"""`beacon network …`: the beacons of other countries, asked as one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import click
import msgspec
from rich.table import Table

from beacon.commands.options import (
    AS_JSON,
    PORT,
    Commands,
    err,
    out,
    rereader,
    with_access_log,
    with_server,
    with_settings,
)
from beacon.load.progress import RichProgress
from beacon.settings import Settings

EXIT_SOMEBODY_IS_AWAY = 1


@click.group(cls=Commands)
def network() -> None:
    """Ask many beacons at once."""


@network.command()
@with_settings
@click.option("--host", help="Address to listen on.")
@PORT
@click.option("--no-access-log", is_flag=True, help="Do not log each request.")
def serve(settings: Settings, host: str | None, port: int | None, no_access_log: bool) -> None:
    """Answer for all members that the settings name; SIGHUP reads the settings again."""
    from beacon import serving

    def as_told(read: Settings) -> Settings:
        read = with_access_log(read, wanted=not no_access_log)
        return with_server(read, host=host, port=port)

    serving.serve(as_told(settings), serving.NETWORK, reread=rereader(as_told))


@network.command()
@with_settings
@AS_JSON
def members(settings: Settings, as_json: bool) -> None:
    """Meet every member once, and say what each can be asked.

    Ends with status 1 when one of them does not answer.
    """
    from beacon import network_composition

    with RichProgress(err) as progress:
        progress.file("meeting members", len(network_composition.network_members(settings)))
        found = asyncio.run(
            network_composition.meet_members(settings, lambda _: progress.advance(1))
        )
    met = found["response"]["members"]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        out.print(_table(met))
    if any(one["state"] != "answering" for one in met):
        sys.exit(EXIT_SOMEBODY_IS_AWAY)


def _table(met: list[Mapping[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in (
        "member",
        "country",
        "state",
        "asked as",
        "version",
        "datasets",
        "assemblies",
        "serves",
    ):
        table.add_column(heading)
    for one in met:
        away = one["state"] != "answering"
        table.add_row(
            one["id"],
            one["country"],
            one["state"],
            one["askedAs"],
            one.get("apiVersion", ""),
            str(one.get("numberOfDatasets", "")),
            ", ".join(one.get("assemblies", ())),
            ", ".join(one.get("entryTypes", ())),
            style="red" if away else None,
        )
    return table
