"""The home of the command `beacon` where it starts: it says what is missing, if something is.

Who installs the client alone has no server, and no commands but the one for assistants: that one
is started often, and the server is not imported for it.
"""

from __future__ import annotations

import sys
from typing import NoReturn

EXIT_OPERATOR_ERROR = 2


def main() -> None:
    """Run the commands; without what they need, say what to install, with status 2."""
    if sys.argv[1:2] == ["mcp"]:
        _assistants()
    else:
        _commands()


def _commands() -> None:
    try:
        from beacon.cli import main as commands
    except ModuleNotFoundError as missing:
        _stop("server", missing)
    commands()


def _assistants() -> None:
    try:
        from beacon.commands.mcp import mcp
    except ModuleNotFoundError as missing:
        _stop("mcp", missing)
    mcp(sys.argv[2:], prog_name="beacon mcp")


def _stop(extra: str, missing: ModuleNotFoundError) -> NoReturn:
    if missing.name is None or missing.name.partition(".")[0] == "beacon":
        raise missing  # a fault of ours
    sys.stderr.write(
        f"beacon: {missing.name} is not installed, which comes with the extra `{extra}`: "
        f"pip install 'genome-beacon[{extra}]'\n"
    )
    sys.exit(EXIT_OPERATOR_ERROR)


if __name__ == "__main__":
    main()
