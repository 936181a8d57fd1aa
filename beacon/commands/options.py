"""What the commands share: options, the settings they read, and how they report."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console

from beacon import databases, reference_files, settings_file
from beacon.framework.errors import OperatorError
from beacon.load.report import Report
from beacon.mongo.sink import NOTICED_WITHIN_S, MongoSink
from beacon.settings import Settings

EXIT_NOT_LOADED = 1
EXIT_OPERATOR_ERROR = 2
EXIT_INTERRUPTED = 130

out = Console()
err = Console(stderr=True)

_NO_PUBLISH = "beacon.no_publish"
_SETTINGS_PATH = "beacon.settings_path"

Command = TypeVar("Command", bound=Callable[..., Any])

EXIT_NOT_LOADED = 1
EXIT_OPERATOR_ERROR = 2

_out = Console()
_err = Console(stderr=True)


class Commands(click.Group):
    """A group whose commands fail with one clean sentence on standard error and status 2.

    Attributes:
        interrupted: What is said when a command is stopped with Ctrl-C.
    """

    interrupted = "stopped"

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(f"beacon: {self.interrupted}", err=True)
            ctx.exit(EXIT_INTERRUPTED)
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
    context.meta[_SETTINGS_PATH] = path
    return settings_file.load(path, os.environ)


def rereader(as_told: Callable[[Settings], Settings]) -> Callable[[], Settings]:
    """What reads the settings of the running command again.

    Args:
        as_told: Puts what was given on the command line in the place of what was read.
    """
    path = click.get_current_context().meta.get(_SETTINGS_PATH)
    return lambda: as_told(settings_file.load(path, os.environ))


def _dataset_id(_context: click.Context, _option: click.Parameter, given: str) -> str:
    # It goes into URLs, settings and messages; one that cannot be seen cannot be asked for either.
    if not given or given != given.strip() or not given.isprintable() or {*'"\\/'} & {*given}:
        raise click.BadParameter(
            f"{given!r} is no id of a dataset; one or more characters that can be seen were "
            'expected, without ", / and \\, and without blanks at the ends, such as my-cohort'
        )
    return given


DATASET = click.option(
    "--dataset", "dataset_id", required=True, callback=_dataset_id, help="Id of the dataset."
)
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


def _note_no_publish(context: click.Context, _option: click.Parameter, given: bool) -> None:
    context.meta[_NO_PUBLISH] = given


NO_PUBLISH = click.option(
    "--no-publish",
    is_flag=True,
    expose_value=False,
    callback=_note_no_publish,
    help="Keep the release unpublished, for `beacon datasets publish`.",
)
"""Of all commands that load; `sink_of` and `finish` heed it."""
PATHS = click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
PORT = click.option("--port", type=click.IntRange(0, 65535), help="TCP port to listen on.")


def with_server(settings: Settings, **given: str | int | None) -> Settings:
    """The settings with what was given on the command line in the place of `[server]`."""
    overrides = {key: value for key, value in given.items() if value is not None}
    return msgspec.structs.replace(
        settings, server=msgspec.structs.replace(settings.server, **overrides)
    )


def with_access_log(settings: Settings, *, wanted: bool) -> Settings:
    """The settings, without a log line for each request where that is not wanted."""
    if wanted:
        return settings
    return msgspec.structs.replace(
        settings, log=msgspec.structs.replace(settings.log, access=False)
    )


def bare_sink(
    database: databases.Documents, settings: Settings, *, uri: str | None = None
) -> MongoSink:
    """The sink; what it retires outlives the answers that may still be read from it.

    Args:
        uri: The connection string, for loads that several processes may share.
    """
    return MongoSink(
        database,
        grace_s=settings.limits.deadline_s + NOTICED_WITHIN_S,
        keep=settings.releases.keep,
        serve=not _is_kept_back(),
        uri=uri,
    )


def sink_of(
    database: databases.Documents, settings: Settings, *, uri: str | None = None
) -> MongoSink:
    """The sink, with the ontologies and genes that installed packages bring."""
    from beacon.load.reference import ensure_reference

    sink = bare_sink(database, settings, uri=uri)
    sink.shift_by(reference_files.references(settings).bases)
    with err.status("looking for ontologies and genes"):
        brought = ensure_reference(sink)
    for one in brought:
        err.print(f"brought in {one}", markup=False)
    return sink


def finish(report: Report, as_json: bool, settings: Settings, dataset_id: str) -> None:
    """Print the report of a load; say so when the policy lets nobody see the dataset."""
    if dataset_id not in settings.policy.datasets:
        err.print(
            f'Nobody can see {dataset_id} yet: the settings have no [policy.datasets."{dataset_id}"'
            '.public], such as "*" = "count".',
            markup=False,
            soft_wrap=True,
        )
    if _is_kept_back() and report.dataset:
        err.print(
            f"The release is kept unpublished; to serve it: beacon datasets publish {dataset_id}",
            markup=False,
            soft_wrap=True,
        )
    print_report(report, as_json)


def _is_kept_back() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_NO_PUBLISH))


def print_report(report: Report, as_json: bool) -> None:
    """Print a report, and end with status 1 when something was not loaded."""
    if as_json:
        click.echo(report.to_json())
    else:
        out.print(report)
    if not report.ok:
        sys.exit(EXIT_NOT_LOADED)
