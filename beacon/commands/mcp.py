"""`beacon mcp`: tools for assistants over standard input and output.

It needs the client alone, so it imports nothing of the server.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import click

TOKEN = "BEACON_TOKEN"  # noqa: S105 - the name of it
_TOKEN_BYTES = 64 * 1024


class _Stops(click.ClickException):
    """One sentence, and status 2, as all commands have it."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"beacon: {self.message}", file=file or sys.stderr)


@click.command()
@click.argument("url")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"File with the bearer token that says who asks; else {TOKEN} in the environment.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(1, 600),
    default=60.0,
    show_default=True,
    help="Seconds until an answer must be there.",
)
def mcp(url: str, token_file: Path | None, timeout_s: float) -> None:
    """Let an assistant ask the beacon or network at URL, as whoever runs this.

    It speaks the Model Context Protocol over standard input and output, and is started by the
    program that the assistant is in.
    """
    from beacon.client import AsyncBeacon

    try:
        from beacon.assistants.tools import run
    except ModuleNotFoundError as missing:
        raise _Stops(
            f"{missing.name} is not installed, which comes with the extra `mcp`: "
            "pip install 'genome-beacon[mcp]'"
        ) from missing
    try:
        beacon = AsyncBeacon(url, read_token(token_file, os.environ), timeout_s)
    except ValueError as error:
        raise _Stops(str(error)) from error
    asyncio.run(run(beacon))


def read_token(path: Path | None, environment: Mapping[str, str]) -> str | None:
    """The token in a file or in the environment; `None` for the public.

    It is never an argument: those are shown to everybody on the machine.
    """
    if path is None:
        return environment.get(TOKEN) or None
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            data = file.read(_TOKEN_BYTES)
    except OSError as error:
        raise _Stops(f"{path}: {error.strerror}") from None
    if mode & 0o007:
        raise _Stops(f"{path} can be read by everybody: chmod o= {path}")
    try:
        text = data.decode("ascii").strip()
    except UnicodeDecodeError:
        raise _Stops(f"{path} holds no token") from None
    if not text:
        raise _Stops(f"{path} is empty")
    return text
