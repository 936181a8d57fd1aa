"""Writes the reference pages from the code: run it after a change of what they describe.

`--check` writes nothing and fails when a page is stale.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from beacon import cli, settings_file
from beacon.framework import errors
from beacon.framework.entry_types import Endpoint, endpoints
from beacon.framework.extensions import BATCH, MEMBER, MEMBERS, QUESTION
from beacon.model.entry_types import MODEL
from beacon.model.fields import FIELDS, TERM_PATHS, Reading

FOLDER = Path(__file__).parent / "reference"
_NOTE = "<!-- Written by docs/generate.py. Do not edit. -->\n"
_WEB_ONLY = {
    "/filtering_terms": "What the beacon's datasets can be filtered by.",
    "/openapi.json": "The description of all of this, OpenAPI.",
    "/schemas/{path}": "The JSON Schema of that name.",
}
_EXTENSIONS = {
    f"POST {BATCH}": "Many questions in one request: [how](../how-to/ask-many.md).",
    f"GET {QUESTION}": "Of a network: the parts of an answer that came since, "
    "[how](../how-to/stream.md).",
    f"GET {MEMBERS}": "Of a network: the beacons that it asks.",
    f"GET {MEMBER}": "Of a network: one of them.",
}
"""Beyond the specification; `/service-info` says which of them there are."""

_INFORMATIONAL = {
    "/": "The same as `/info`.",
    "/info": "What the beacon says about itself.",
    "/service-info": "The same, as GA4GH Service Info.",
    "/configuration": "Entry types, their schemas, and the defaults of questions.",
    "/entry_types": "The entry types that are served.",
    "/map": "Where each entry type and its linked ones are.",
}
_READINGS = {
    Reading.TEXT: "text",
    Reading.CATEGORY: "text, also as a custom filter `id:value`",
    Reading.NUMBER: "number",
    Reading.TIME: "duration or date",
}


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or say which of them are stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when stale")
    check = parser.parse_args(arguments).check
    stale = []
    for name, text in pages().items():
        path = FOLDER / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    verb = "stale" if check else "written"
    sys.stdout.write("".join(f"{verb}: docs/reference/{name}\n" for name in stale))
    return 1 if check and stale else 0


def pages() -> dict[str, str]:
    """Every page: file name → text."""
    return {
        "settings.md": _page("Settings", _settings()),
        "commands.md": _page("Commands", _commands()),
        "endpoints.md": _page("Endpoints", _endpoints()),
        "errors.md": _page("Errors", _errors()),
        "filters.md": _page("What can be filtered", _filters()),
    }


def command_lines(
    command: click.Command, path: tuple[str, ...] = ("beacon",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """A command and all below it, with the words that call it; hidden ones are left out."""
    if command.hidden:
        return
    yield path, command
    if isinstance(command, click.Group):
        for name, one in sorted(command.commands.items()):
            yield from command_lines(one, (*path, name))


def _page(title: str, lines: Iterable[str]) -> str:
    return _NOTE + "\n".join([f"\n# {title}\n", *lines]).rstrip() + "\n"


def _settings() -> Iterator[str]:
    yield "Defaults, then a TOML file (`--settings FILE`), then the environment; the later wins."
    yield "A key that is not listed here refuses to start.\n"
    section = None
    for setting in settings_file.table():
        head, _, _ = setting.key.rpartition(".")
        if head != section:
            section = head
            yield f"\n## {f'[{head}]' if head else 'At the top'}\n"
            yield from _table_head("key", "type", "default", "meaning")
        secret = " *Secret: never printed.*" if setting.is_secret else ""
        yield _row(
            f"`{setting.key}`<br>`{setting.variable}`",
            setting.type,
            f"`{_plain(setting.default)}`" if setting.default not in ("", None) else "",
            setting.help + secret,
        )


def _commands() -> Iterator[str]:
    yield "A command ends with status 0, with 1 when something was not loaded, and with 2 when it"
    yield "could not be run: then one sentence on standard error says why."
    for path, command in command_lines(cli.main):
        context = click.Context(command, info_name=" ".join(path))
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"\n## `{' '.join(path)}`\n"
        yield inspect.cleandoc(command.help or "") + "\n"
        yield f"```\n{' '.join(path)} {usage}\n```\n"
        options = [record for one in command.params if (record := one.get_help_record(context))]
        if options:
            yield from _table_head("option", "meaning")
            yield from (_row(f"`{' '.join(name.split())}`", text) for name, text in options)


def _endpoints() -> Iterator[str]:
    yield "All paths start with `/api`. Each may end with a slash, and may have a version in front,"
    yield "as in `/api/v2.2.0/individuals`. Every other path is 404.\n"
    yield "## Informational\n"
    yield from _table_head("path", "answer")
    for path in information_paths():
        yield _row(f"`GET {path}`", _INFORMATIONAL.get(path) or _WEB_ONLY[path])
    for entry_type in MODEL.entry_types:
        yield f"\n## {entry_type.name}\n"
        yield f"{entry_type.description} Entry type `{entry_type.id}`.\n"
        yield from _table_head("path", "answer")
        for endpoint in endpoints(MODEL):
            if endpoint.pattern.split("/")[1] == entry_type.path:
                verbs = "GET" if endpoint.kind == "filtering_terms" else "GET, POST"
                yield _row(f"`{verbs} {endpoint.pattern}`", _describe(endpoint))
    yield "\n## Beyond the specification\n"
    yield "`/service-info` says under `extensions` which of these there are. Every data endpoint of"
    yield "a network also gives its answer [in parts](../how-to/stream.md), and every data endpoint"
    yield "and `/batch` take `Prefer: wait=` and `Beacon-Deadline-Ms`.\n"
    yield from _table_head("path", "answer")
    for path, answer in _EXTENSIONS.items():
        yield _row(f"`{path}`", answer)
    yield "\n## For machines that watch\n"
    yield "Without `/api` before them.\n"
    yield from _table_head("path", "answer")
    yield _row("`GET /livez`", "200 while the process answers.")
    yield _row("`GET /readyz`", "200 when the source can answer, else 503.")
    yield _row("`GET /metrics`", "Counters and timings, for Prometheus.")


def information_paths() -> tuple[str, ...]:
    """The paths that do not come from entry types."""
    return (*_INFORMATIONAL, *_WEB_ONLY)


def _describe(endpoint: Endpoint) -> str:
    delivered = MODEL.by_id(endpoint.entry_type).path
    match endpoint.kind:
        case "collection":
            return f"The {delivered} that satisfy the question."
        case "single":
            return "The one with that id."
        case "linked":
            return f"The {delivered} of that one that satisfy the question."
        case "filtering_terms":
            return "What can be filtered by" + (" in that one." if endpoint.within else ".")


def _errors() -> Iterator[str]:
    yield "An error is a `beaconErrorResponse`: `error.errorCode` is the status and"
    yield "`error.errorMessage` says what was wrong and, where it can, what would be right."
    yield "Anything unforeseen is 500 without detail; the log has it, under the id that the answer"
    yield "carries in `X-Request-ID`.\n"
    yield from _table_head("status", "error", "when")
    found = [
        one
        for _, one in inspect.getmembers(errors, inspect.isclass)
        if issubclass(one, errors.BeaconError) and one is not errors.BeaconError
    ]
    for one in sorted(found, key=lambda one: (one.status, one.__name__)):
        yield _row(str(one.status), f"`{one.__name__}`", _first_paragraph(one))
    yield "\nOf commands, for whoever runs them:\n"
    yield from _table_head("error", "when")
    for failure in (errors.SettingsError, errors.LoadError):
        yield _row(f"`{failure.__name__}`", _first_paragraph(failure))


def _filters() -> Iterator[str]:
    yield "What a dataset has of these is listed under `/filtering_terms`. How filters are read:"
    yield "[filters](../concepts/filters.md)."
    for entry_type in MODEL.entry_types:
        yield f"\n## {entry_type.name}\n"
        yield f"Scope `{entry_type.id}`.\n"
        fields = FIELDS.get(entry_type.id, ())
        if fields:
            yield from _table_head("attribute", "what", "compared as", "also called")
            for field in fields:
                others = ", ".join(f"`{name}`" for name in field.names if name != field.id)
                yield _row(f"`{field.id}`", field.label, _READINGS[field.reading], others)
        if entry_type.id in ("individual", "biosample"):
            yield "\nAnd every measurement, by the id or the label of its assay."
        paths = TERM_PATHS.get(entry_type.id, ())
        if paths:
            yield "\nOntology terms at:\n"
            yield "\n".join(f"- `{path}`" for path in paths)
        if entry_type.id == "genomicVariant":
            yield "- `caseLevelData.zygosity`: says which carriers count"


def _first_paragraph(one: type) -> str:
    return " ".join((inspect.getdoc(one) or "").partition("\n\n")[0].split())


def _table_head(*names: str) -> tuple[str, str]:
    return _row(*names), _row(*("---" for _ in names))


def _row(*cells: str) -> str:
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
