"""The commands that work on a case, alone: in this process, or as `python -m` in one of its own."""

from __future__ import annotations

import click
from click.testing import CliRunner, Result

from beacon.commands.annotate_vcf import annotate_vcf
from beacon.commands.match import match
from beacon.commands.options import Commands


@click.group(cls=Commands)
def main() -> None:
    """The commands."""


main.add_command(annotate_vcf)
main.add_command(match)


def run(*arguments: object) -> Result:
    """What a command does."""
    return CliRunner().invoke(main, [str(one) for one in arguments])


if __name__ == "__main__":
    main()
