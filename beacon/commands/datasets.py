"""`beacon datasets …`: what is published, and taking it back."""

from __future__ import annotations

from typing import Any

import click
import msgspec
from rich.table import Table

from beacon import databases
from beacon.commands.options import AS_JSON, bare_sink, err, out, with_settings
from beacon.framework.errors import OperatorError
from beacon.mongo.sink import MongoSink
from beacon.settings import Settings


@click.group(invoke_without_command=True)
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
        if not bare_sink(database, settings).drop(dataset_id):
            raise OperatorError(f'there is no dataset "{dataset_id}"')
    err.print(f"dropped {dataset_id}", markup=False)


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
    out.print(table)


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
