"""The command `beacon`.

What only some commands need is imported by them, so that the others start at once.
"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from beacon import __version__, settings_file
from beacon.commands.annotate import annotate
from beacon.commands.annotate_vcf import annotate_vcf
from beacon.commands.audit import audit
from beacon.commands.datasets import datasets
from beacon.commands.demo import demo
from beacon.commands.load import load
from beacon.commands.match import match
from beacon.commands.mcp import mcp
from beacon.commands.network import network
from beacon.commands.options import (
    AS_JSON,
    ASSEMBLIES,
    LISTING,
    PATHS,
    PORT,
    Commands,
    print_report,
    rereader,
    with_access_log,
    with_server,
    with_settings,
)
from beacon.commands.policy import policy
from beacon.commands.privacy import privacy
from beacon.settings import Settings


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="beacon")
def main() -> None:
    """A GA4GH Beacon v2 server."""


main.add_command(load)
main.add_command(annotate)
main.add_command(annotate_vcf)
main.add_command(audit)
main.add_command(datasets)
main.add_command(demo)
main.add_command(match)
main.add_command(mcp)
main.add_command(network)
main.add_command(policy)
main.add_command(privacy)


@main.command()
@with_settings
@click.option("--host", help="Address to listen on.")
@PORT
@click.option("--workers", type=click.IntRange(1), help="Processes that answer.")
@click.option("--no-access-log", is_flag=True, help="Do not log each request.")
def serve(
    settings: Settings,
    host: str | None,
    port: int | None,
    workers: int | None,
    no_access_log: bool,
) -> None:
    """Answer questions until SIGTERM or Ctrl-C; SIGHUP reads the settings again."""
    from beacon import serving

    def as_told(read: Settings) -> Settings:
        read = with_access_log(read, wanted=not no_access_log)
        return with_server(read, host=host, port=port, workers=workers)

    serving.serve(as_told(settings), reread=rereader(as_told))


@main.command(hidden=True)
@click.argument("descriptor", type=int)
def worker(descriptor: int) -> None:
    """Answer on an inherited socket, with settings from standard input."""
    from beacon import serving

    serving.serve_as_worker(descriptor)


@main.command()
@PATHS
@click.option("--assembly", type=ASSEMBLIES, help="Of variants that do not say so themselves.")
@LISTING
@AS_JSON
def validate(
    paths: tuple[Path, ...], assembly: str | None, listing: Path | None, as_json: bool
) -> None:
    """Check files of any kind as a load would, without a database."""
    from beacon.load.validate import validate as check

    print_report(check(paths, assembly=assembly, listing=listing), as_json)


@main.command("settings")
@with_settings
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the settings file instead.")
def show_settings(settings: Settings, schema: bool) -> None:
    """Print the effective settings, secrets starred out."""
    if schema:
        click.echo(settings_file.json_schema_text(), nl=False)
    else:
        click.echo(msgspec.json.format(msgspec.json.encode(settings_file.masked(settings))))


if __name__ == "__main__":
    main()
