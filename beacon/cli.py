"""The command `beacon`.

What only some commands need is imported by them, so that the others start at once.
"""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from beacon import __version__, databases, settings_file
from beacon.commands.annotate import annotate
from beacon.commands.datasets import datasets
from beacon.commands.load import load
from beacon.commands.options import (
    AS_JSON,
    ASSEMBLIES,
    LISTING,
    PATHS,
    PORT,
    Commands,
    err,
    print_report,
    sink_of,
    with_server,
    with_settings,
)
from beacon.framework.errors import OperatorError
from beacon.load.progress import RichProgress
from beacon.settings import LogFormat, LogSettings, Settings


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="beacon")
def main() -> None:
    """A GA4GH Beacon v2 server."""


main.add_command(load)
main.add_command(annotate)
main.add_command(datasets)


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
    """Answer questions until SIGTERM or Ctrl-C."""
    from beacon import serving

    settings = with_server(settings, host=host, port=port, workers=workers)
    if no_access_log:
        settings = msgspec.structs.replace(
            settings, log=msgspec.structs.replace(settings.log, access=False)
        )
    serving.serve(settings)


@main.command(hidden=True)
@click.argument("descriptor", type=int)
def worker(descriptor: int) -> None:
    """Answer on an inherited socket, with settings from standard input."""
    from beacon import serving

    serving.serve_as_worker(descriptor)


@main.command()
@PORT
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".beacon/demo"),
    show_default=True,
    help="Where the demo's files and database are kept.",
)
def demo(port: int | None, folder: Path) -> None:
    """Make up a few thousand people, load them, and serve them."""
    from beacon import serving
    from beacon.demo import write_demo
    from beacon.load.bff import load_bff as load_records
    from beacon.load.vcf import load_vcf as load_genotypes

    with err.status("making up people"):
        files = write_demo(folder / "files")
    path = folder / "settings.toml"
    path.write_text(f'data_dir = "database"\n\n{files.settings}', encoding="utf-8")
    settings = settings_file.load(path, os.environ)
    with databases.open_database(settings) as database:
        sink = sink_of(database, settings)
        with RichProgress(err) as progress:
            for one in files.datasets:
                records = load_records(sink, one.id, [one.bff], progress=progress)
                genotypes = load_genotypes(sink, one.id, one.assembly, [one.vcf], progress=progress)
                if not (records.ok and genotypes.ok):
                    raise OperatorError(f"{one.id} could not be loaded whole; this is a bug")
        serving.serve(
            with_server(
                msgspec.structs.replace(settings, log=LogSettings(format=LogFormat.CONSOLE)),
                port=port,
            )
        )


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
