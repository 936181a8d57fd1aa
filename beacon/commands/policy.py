"""`beacon policy …`: what the rules amount to, for callers who are made up on the spot."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.table import Table

from beacon.auth.callers import Visa
from beacon.auth.policy import Policy, Reason, Rules
from beacon.commands.options import AS_JSON, Commands, err, out, with_settings
from beacon.framework.access import Protection
from beacon.framework.errors import SettingsError
from beacon.framework.query import Granularity
from beacon.model.entry_types import MODEL
from beacon.settings import Settings

EXIT_NOT_AS_EXPECTED = 1

_ENTRY_TYPES = tuple(one.id for one in MODEL.entry_types)
_VISA = re.compile(
    r"(?P<type>[^=]+)=(?P<value>.+?)(?:@(?P<source>https?://[^#]+))?(?:#(?P<by>\w+))?"
)
_NO_END = 1e12


class _Expectation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is expected of one caller: dataset id → entry type id → level, all others `none`."""

    caller: str
    visas: tuple[str, ...] = ()
    purpose: str | None = None
    learns: dict[str, dict[str, str]] = {}


class _Expectations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of them: a list of tables `[[expect]]`."""

    expect: tuple[_Expectation, ...]


@click.group(cls=Commands)
def policy() -> None:
    """Show and test who may learn what."""


VISA = click.option(
    "--visa",
    "visas",
    multiple=True,
    metavar="TYPE=VALUE[@SOURCE][#BY]",
    help="A visa that the caller has, such as "
    "ControlledAccessGrants=https://example.org/cohort@https://dac.example.org#dac.",
)


@policy.command()
@with_settings
@VISA
@click.option("--purpose", help="What the caller asks for, such as DUO:0000043.")
@click.option("--dataset", "dataset_ids", multiple=True, help="Only this dataset.")
@AS_JSON
def explain(
    settings: Settings,
    visas: tuple[str, ...],
    purpose: str | None,
    dataset_ids: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say what a caller may learn, and which rules say so; without visas, what anybody may."""
    for one in dataset_ids:
        if one not in settings.policy.datasets:
            raise SettingsError(f'the settings have no policy.datasets."{one}": it is not there')
    rules = Rules(settings.policy, _ENTRY_TYPES)
    found = [
        one
        for one in rules.explain(tuple(map(_visa, visas)), purpose)
        if not dataset_ids or one.dataset_id in dataset_ids
    ]
    if as_json:
        documents = [_document(one) for one in found]
        click.echo(msgspec.json.format(msgspec.json.encode(documents)))
    elif found:
        out.print(_table(found))
    else:
        err.print("Nothing: no dataset exists for this caller.")


@policy.command("test")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, exists=True))
@with_settings
@AS_JSON
def test_policy(path: Path, settings: Settings, as_json: bool) -> None:
    """Compare the rules with what a TOML file expects of callers.

    Ends with status 1 when something is otherwise.
    """
    rules = Policy.from_settings(settings.policy, _ENTRY_TYPES)
    misses = [miss for one in _read(path).expect for miss in _misses(one, rules, settings)]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(misses)))
    elif misses:
        table = Table("caller", "dataset", "entry type", "expected", "may learn")
        for miss in misses:
            table.add_row(*miss.values())
        out.print(table)
    else:
        out.print(f"{len(_read(path).expect)} callers may learn what is expected")
    if misses:
        sys.exit(EXIT_NOT_AS_EXPECTED)


def _misses(expected: _Expectation, policy: Policy, settings: Settings) -> Iterable[dict[str, str]]:
    if policy.rules is None:
        return
    access = policy.rules.access(tuple(map(_visa, expected.visas)), expected.purpose)
    for unknown in expected.learns.keys() - settings.policy.datasets.keys():
        raise SettingsError(f'{expected.caller}: there is no policy.datasets."{unknown}"')
    for dataset_id in settings.policy.datasets:
        levels = expected.learns.get(dataset_id, {})
        for entry_type in _ENTRY_TYPES:
            wanted = levels.get(entry_type, levels.get("*", "none"))
            level = access.level(dataset_id, entry_type)
            protection = access.protection(dataset_id, entry_type, max(level, Granularity.BOOLEAN))
            found = level.wire if " " not in wanted else _in_words(level, protection)
            if found != wanted:
                yield {
                    "caller": expected.caller,
                    "dataset": dataset_id,
                    "entryType": entry_type,
                    "expected": wanted,
                    "found": found,
                }


def _read(path: Path) -> _Expectations:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(document, _Expectations)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{path}: {error}") from error


def _visa(text: str) -> Visa:
    found = _VISA.fullmatch(text)
    if found is None:
        raise SettingsError(f"{text!r} is no visa; TYPE=VALUE, TYPE=VALUE@SOURCE or …#BY")
    return Visa(
        type=found["type"],
        value=found["value"],
        source=found["source"] or "",
        by=found["by"],
        asserted=0.0,
        expires=_NO_END,
        issuer="",
    )


def _in_words(level: Granularity, protection: Protection) -> str:
    """`count`, or with how numbers are told `count min_count=10 round_to=10`."""
    words = [level.wire]
    if level is not Granularity.NONE:
        if protection.min_count > 1:
            words.append(f"min_count={protection.min_count}")
            words += ["below=threshold"] if protection.tells_few else []
        if protection.round_to > 1:
            words.append(f"round_to={protection.round_to}")
        if protection.noise:
            words.append(f"noise={protection.noise:g}")
    return " ".join(words)


def _document(reason: Reason) -> dict[str, Any]:
    return {
        "dataset": reason.dataset_id,
        "entryType": reason.entry_type,
        "level": reason.granularity.wire,
        "minCount": reason.protection.min_count,
        "roundTo": reason.protection.round_to,
        "noise": reason.protection.noise,
        "below": "threshold" if reason.protection.tells_few else "zero",
        "tiers": reason.tiers,
        "rules": reason.rules,
    }


def _table(reasons: Sequence[Reason]) -> Table:
    table = Table("dataset", "entry type", "may learn", "numbers of people", "by")
    for one in reasons:
        told = _in_words(one.granularity, one.protection).partition(" ")[2]
        table.add_row(
            one.dataset_id,
            one.entry_type,
            one.granularity.wire,
            told.replace(" ", "\n") or "as they are",
            "\n".join(
                rule.removeprefix(f'policy.datasets."{one.dataset_id}".') for rule in one.rules
            ),
        )
    return table
