"""`beacon datasets …`: what is published, serving other releases of it, and taking it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec
from rich.table import Table

from beacon import databases
from beacon.commands.options import AS_JSON, bare_sink, err, out, with_settings
from beacon.framework.errors import OperatorError
from beacon.mongo.history import (
    Release,
    history,
    holds_of,
    publish_release,
    roll_back,
    unpublished_datasets,
)
from beacon.mongo.sink import NOTICED_WITHIN_S, MongoSink
from beacon.mongo.withdrawal import plan_withdrawal, readmit, withdraw
from beacon.settings import Settings

_DATASET = click.argument("dataset_id", metavar="DATASET")


@click.group(invoke_without_command=True)
@with_settings
@AS_JSON
@click.pass_context
def datasets(context: click.Context, settings: Settings, as_json: bool) -> None:
    """List the datasets, serve other releases of them, take people out, or drop one."""
    context.obj = settings
    if context.invoked_subcommand is None:
        _list_datasets(settings, as_json)


@datasets.command("list")
@with_settings
@AS_JSON
def list_datasets(settings: Settings, as_json: bool) -> None:
    """List the datasets, what they hold and what the public may learn of them."""
    _list_datasets(settings, as_json)


@datasets.command("history")
@_DATASET
@with_settings
@AS_JSON
def show_history(dataset_id: str, settings: Settings, as_json: bool) -> None:
    """List the releases of a dataset that are kept, the newest first."""
    with databases.open_database(settings) as database:
        releases = history(database, dataset_id)
    if as_json:
        _print_json(releases)
        return
    table = Table("release", "state", "made", "from", "files", "assembly", "holds")
    for one in releases:
        table.add_row(
            str(one.release),
            one.state,
            str(one.made)[:19],
            str(one.base or ""),
            _files(one),
            one.assembly or "",
            _lines(one.holds),
        )
    out.print(table)


@datasets.command("publish")
@_DATASET
@click.option("--release", type=click.IntRange(1), help="Else the newest that was never served.")
@with_settings
@AS_JSON
def publish_dataset(
    dataset_id: str, release: int | None, settings: Settings, as_json: bool
) -> None:
    """Serve a release that was kept unpublished, or rolled back from, at once."""
    with databases.open_database(settings) as database:
        number = publish_release(database, dataset_id, release)
    if as_json:
        _print_json({"id": dataset_id, "published": number})
    else:
        err.print(f"release {number} of {dataset_id} is published", markup=False)


@datasets.command("rollback")
@_DATASET
@click.option("--to", type=click.IntRange(1), help="Else the one that the served one came from.")
@with_settings
@AS_JSON
def roll_dataset_back(dataset_id: str, to: int | None, settings: Settings, as_json: bool) -> None:
    """Serve an older release again, at once. The next load builds on it."""
    with databases.open_database(settings) as database:
        before, number = roll_back(database, dataset_id, to)
    if as_json:
        _print_json({"id": dataset_id, "published": number, "rolledBackFrom": before})
    else:
        err.print(
            f"release {number} of {dataset_id} is published instead of {before}", markup=False
        )


@datasets.command("withdraw")
@_DATASET
@click.argument("people", nargs=-1, metavar="[PERSON]...")
@click.option(
    "--file",
    "listed",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with an id on each line.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_settings
@AS_JSON
def withdraw_people(
    dataset_id: str,
    people: tuple[str, ...],
    listed: Path | None,
    yes: bool,
    settings: Settings,
    as_json: bool,
) -> None:
    """Take people out of every answer, then delete their data and all other releases.

    PERSON is the id of an individual, or of a biosample or sample of theirs. Later loads leave them
    out. Without any PERSON a withdrawal that was interrupted is finished.
    """
    names = [*people, *_ids_in(listed)]
    grace_s = settings.limits.deadline_s + NOTICED_WITHIN_S
    with databases.open_database(settings) as database:
        planned = plan_withdrawal(database, dataset_id, names)
        for name, individual in planned.people.items():
            of = "" if name == individual else f", {individual}"
            err.print(f"{name}{of}: withdraws", markup=False, highlight=False)
        for name in planned.already:
            err.print(f"{name}: has withdrawn before", markup=False, highlight=False)
        if planned.people:
            others = ", ".join(map(str, planned.releases)) or "none"
            err.print(
                f"Their data in {dataset_id} are deleted, and with them all other releases "
                f"({others}), which hold them too. This cannot be undone.",
                markup=False,
                soft_wrap=True,
            )
            if not yes and not click.confirm("Go on?", err=True):
                raise OperatorError("nobody was withdrawn")
        sink = bare_sink(database, settings)
        withdraw(
            database,
            dataset_id,
            names,
            ontologies=sink.ontologies(),
            grace_s=grace_s,
            masked=lambda: err.print(
                "They are in no answer any more. Deleting their data.", markup=False
            ),
        )
    if as_json:
        individuals = sorted(set(planned.people.values()))
        _print_json({"id": dataset_id, "withdrawn": individuals, "before": planned.already})
    elif planned.people or planned.pending:
        err.print("Their data are deleted.", markup=False)


@datasets.command("readmit")
@_DATASET
@click.argument("person")
@with_settings
@AS_JSON
def readmit_person(dataset_id: str, person: str, settings: Settings, as_json: bool) -> None:
    """Let later loads bring somebody again who had withdrawn and has given consent anew."""
    with databases.open_database(settings) as database:
        readmit(database, dataset_id, person)
    if as_json:
        _print_json({"id": dataset_id, "readmitted": person})
    else:
        err.print(
            f"{person} may be loaded into {dataset_id} again: load the files that hold the person",
            markup=False,
            soft_wrap=True,
        )


@datasets.command("drop")
@_DATASET
@with_settings
@AS_JSON
def drop_dataset(dataset_id: str, settings: Settings, as_json: bool) -> None:
    """Take a dataset out of every answer and delete its data.

    It is gone from answers at once; its data go some seconds later, when every answer that had
    begun with them must have ended.
    """
    with databases.open_database(settings) as database:
        if not bare_sink(database, settings).drop(dataset_id):
            raise OperatorError(f'there is no dataset "{dataset_id}"')
    if as_json:
        _print_json({"id": dataset_id, "dropped": True})
    else:
        err.print(f"dropped {dataset_id}", markup=False)


def _list_datasets(settings: Settings, as_json: bool) -> None:
    with databases.open_database(settings) as database:
        rows = [_described(manifest, settings) for manifest in MongoSink(database).manifests()]
        rows += [_described({"_id": one}, settings) for one in unpublished_datasets(database)]
    if as_json:
        _print_json(rows)
        return
    table = Table("dataset", "assembly", "release", "updated", "holds", "the public may learn")
    for row in rows:
        table.add_row(
            row["id"],
            row["assembly"] or "",
            str(row["release"] or "unpublished"),
            str(row["updated"] or "")[:19],
            _lines(row["holds"]),
            _lines(row["public"]) or "nothing",
        )
    out.print(table)


def _described(manifest: dict[str, Any], settings: Settings) -> dict[str, Any]:
    rules = settings.policy.datasets.get(manifest["_id"])
    return {
        "id": manifest["_id"],
        "assembly": manifest.get("assembly"),
        "release": manifest.get("release"),
        "updated": manifest.get("updated"),
        "holds": holds_of(manifest) if "release" in manifest else {},
        "public": {}
        if rules is None
        else {name: str(one.granularity.wire) for name, one in rules.public.items()},
    }


def _files(release: Release) -> str:
    if release.kind == "withdrawal":
        return "(people withdrew)"
    shown = release.files[:5]
    more = len(release.files) - len(shown)
    return "\n".join([*shown, f"and {more:,} more"] if more else shown)


def _ids_in(listed: Path | None) -> list[str]:
    if listed is None:
        return []
    lines = listed.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _lines(values: dict[str, Any]) -> str:
    return "\n".join(
        f"{key}: {value:,}" if isinstance(value, int) else f"{key}: {value}"
        for key, value in values.items()
    )


def _print_json(value: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value)))
