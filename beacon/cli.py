"""The command `beacon`.

What only some commands need is imported by them, so that the others start at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console
from rich.table import Table

from beacon import __version__, databases, settings_file
from beacon.framework.errors import OperatorError
from beacon.load.progress import RichProgress
from beacon.load.report import Report
from beacon.mongo.sink import NOTICED_WITHIN_S, MongoSink
from beacon.settings import LogFormat, LogSettings, Settings

Command = TypeVar("Command", bound=Callable[..., Any])

EXIT_NOT_LOADED = 1
EXIT_OPERATOR_ERROR = 2

_out = Console()
_err = Console(stderr=True)


class Commands(click.Group):
    """A group whose commands fail with one clean sentence on standard error and status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except OperatorError as error:
            click.echo(f"beacon: {error}", err=True)
            ctx.exit(EXIT_OPERATOR_ERROR)


def with_settings(command: Command) -> Command:
    """The option every command has that reads settings: `settings` is the effective ones."""
    return click.option(
        "--settings",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="BEACON_SETTINGS",
        help="Settings file (TOML). BEACON__SECTION__KEY in the environment overrides it.",
        callback=_load_settings,
    )(command)


def _load_settings(context: click.Context, _option: click.Parameter, path: Path | None) -> Settings:
    if path is None and isinstance(context.obj, Settings):
        return context.obj  # given to the group
    return settings_file.load(path, os.environ)


DATASET = click.option("--dataset", "dataset_id", required=True, help="Id of the dataset.")
ASSEMBLIES = click.Choice(["GRCh37", "GRCh38"])
ASSEMBLY = click.option(
    "--assembly", required=True, type=ASSEMBLIES, help="Reference assembly of the coordinates."
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
LISTING = click.option(
    "--listing",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to append every problem to, as JSON Lines.",
)
PATHS = click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
PORT = click.option("--port", type=click.IntRange(0, 65535), help="TCP port to listen on.")


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="beacon")
def main() -> None:
    """A GA4GH Beacon v2 server."""


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

    settings = _with_server(settings, host=host, port=port, workers=workers)
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


@main.group()
def load() -> None:
    """Load files into the database. Nothing shows before all of it is there."""


@load.command("vcf")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@DATASET
@ASSEMBLY
@with_settings
@LISTING
@AS_JSON
def load_vcf(
    files: tuple[Path, ...],
    dataset_id: str,
    assembly: str,
    settings: Settings,
    listing: Path | None,
    as_json: bool,
) -> None:
    """Load the genotypes of VCF or BCF files."""
    from beacon.load.vcf import load_vcf as load_files

    with databases.open_database(settings) as database, RichProgress(_err) as progress:
        report = load_files(
            _sink(database, settings),
            dataset_id,
            assembly,
            files,
            progress=progress,
            listing=listing,
        )
    _finish(report, as_json, settings, dataset_id)


@load.command("bff")
@PATHS
@DATASET
@click.option("--assembly", type=ASSEMBLIES, help="Of variants that do not say so themselves.")
@with_settings
@LISTING
@AS_JSON
def load_bff(
    paths: tuple[Path, ...],
    dataset_id: str,
    assembly: str | None,
    settings: Settings,
    listing: Path | None,
    as_json: bool,
) -> None:
    """Load records in Beacon-friendly format (JSON): files, or folders of them."""
    from beacon.load.bff import load_bff as load_files

    with databases.open_database(settings) as database, RichProgress(_err) as progress:
        report = load_files(
            _sink(database, settings),
            dataset_id,
            paths,
            assembly=assembly,
            progress=progress,
            listing=listing,
        )
    _finish(report, as_json, settings, dataset_id)


@load.command("ontology")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@with_settings
def load_ontology(files: tuple[Path, ...], settings: Settings) -> None:
    """Load ontologies (OBO, obographs JSON, or a table). Later loads expand terms with them."""
    from beacon.load.ontologies import read_ontology

    with databases.open_database(settings) as database:
        sink = MongoSink(database)
        for file in files:
            ontology = read_ontology(file)
            sink.put_ontology(ontology)
            resource = ontology.resource
            _err.print(f"{resource.namespace_prefix} {resource.version or ''}: from {file}")


@load.command("genes")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@ASSEMBLY
@with_settings
def load_genes(file: Path, assembly: str, settings: Settings) -> None:
    """Load the positions of genes (BED, or a table from BioMart)."""
    from beacon.load.genes import read_genes

    genes = read_genes(file)
    with databases.open_database(settings) as database:
        MongoSink(database).put_genes(assembly, genes, f"file {file.name}")
    _err.print(f"{len(genes):,} genes of {assembly} from {file}")


@main.group(invoke_without_command=True)
@with_settings
@AS_JSON
@click.pass_context
def datasets(context: click.Context, settings: Settings, as_json: bool) -> None:
    """List the datasets, or drop one."""
    context.obj = settings
    if context.invoked_subcommand is None:
        _list_datasets(settings, as_json)


@datasets.command("list")
@with_settings
@AS_JSON
def list_datasets(settings: Settings, as_json: bool) -> None:
    """List the datasets, what they hold and what the public may learn of them."""
    _list_datasets(settings, as_json)


@datasets.command("drop")
@click.argument("dataset_id")
@with_settings
def drop_dataset(dataset_id: str, settings: Settings) -> None:
    """Take a dataset out of every answer and delete its data.

    It is gone from answers at once; its data go some seconds later, when every answer that had
    begun with them must have ended.
    """
    with databases.open_database(settings) as database:
        if not _bare_sink(database, settings).drop(dataset_id):
            raise OperatorError(f'there is no dataset "{dataset_id}"')
    _err.print(f"dropped {dataset_id}", markup=False)


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

    with _err.status("making up people"):
        files = write_demo(folder / "files")
    path = folder / "settings.toml"
    path.write_text(f'data_dir = "database"\n\n{files.settings}', encoding="utf-8")
    settings = settings_file.load(path, os.environ)
    with databases.open_database(settings) as database:
        sink = _sink(database, settings)
        with RichProgress(_err) as progress:
            for one in files.datasets:
                records = load_records(sink, one.id, [one.bff], progress=progress)
                genotypes = load_genotypes(sink, one.id, one.assembly, [one.vcf], progress=progress)
                if not (records.ok and genotypes.ok):
                    raise OperatorError(f"{one.id} could not be loaded whole; this is a bug")
        serving.serve(
            _with_server(
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

    _print_report(check(paths, assembly=assembly, listing=listing), as_json)


@main.command("settings")
@with_settings
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the settings file instead.")
def show_settings(settings: Settings, schema: bool) -> None:
    """Print the effective settings, secrets starred out."""
    if schema:
        click.echo(settings_file.json_schema_text(), nl=False)
    else:
        click.echo(msgspec.json.format(msgspec.json.encode(settings_file.masked(settings))))


def _with_server(settings: Settings, **given: str | int | None) -> Settings:
    """The settings with what was given on the command line in the place of `[server]`."""
    overrides = {key: value for key, value in given.items() if value is not None}
    return msgspec.structs.replace(
        settings, server=msgspec.structs.replace(settings.server, **overrides)
    )


def _bare_sink(database: databases.Documents, settings: Settings) -> MongoSink:
    """The sink; what it retires outlives the answers that may still be read from it."""
    return MongoSink(database, grace_s=settings.limits.deadline_s + NOTICED_WITHIN_S)


def _sink(database: databases.Documents, settings: Settings) -> MongoSink:
    """The sink, with the ontologies and genes that installed packages bring."""
    from beacon.load.reference import ensure_reference

    sink = _bare_sink(database, settings)
    with _err.status("looking for ontologies and genes"):
        brought = ensure_reference(sink)
    for one in brought:
        _err.print(f"brought in {one}", markup=False)
    return sink


def _finish(report: Report, as_json: bool, settings: Settings, dataset_id: str) -> None:
    if dataset_id not in settings.policy.datasets:
        _err.print(
            f'Nobody can see {dataset_id} yet: the settings have no [policy.datasets."{dataset_id}"'
            '.public], such as "*" = "count".',
            markup=False,
            soft_wrap=True,
        )
    _print_report(report, as_json)


def _print_report(report: Report, as_json: bool) -> None:
    if as_json:
        click.echo(report.to_json())
    else:
        _out.print(report)
    if not report.ok:
        sys.exit(EXIT_NOT_LOADED)


def _list_datasets(settings: Settings, as_json: bool) -> None:
    with databases.open_database(settings) as database:
        rows = [_described(manifest, settings) for manifest in MongoSink(database).manifests()]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows)))
        return
    table = Table("dataset", "assembly", "release", "updated", "holds", "the public may learn")
    for row in rows:
        table.add_row(
            row["id"],
            row["assembly"] or "",
            str(row["release"]),
            str(row["updated"])[:19],
            _lines(row["holds"]),
            _lines(row["public"]) or "nothing",
        )
    _out.print(table)


def _described(manifest: dict[str, Any], settings: Settings) -> dict[str, Any]:
    rules = settings.policy.datasets.get(manifest["_id"])
    counts = {
        key: count for key, count in manifest.get("counts", {}).items() if count and key != "rows"
    }
    return {
        "id": manifest["_id"],
        "assembly": manifest.get("assembly"),
        "release": manifest["release"],
        "updated": manifest["updated"],
        "holds": {**counts, "genomicVariant": manifest.get("observed", 0)},
        "public": {} if rules is None else dict(rules.public),
    }


def _lines(values: dict[str, Any]) -> str:
    return "\n".join(
        f"{key}: {value:,}" if isinstance(value, int) else f"{key}: {value}"
        for key, value in values.items()
    )


if __name__ == "__main__":
    main()
