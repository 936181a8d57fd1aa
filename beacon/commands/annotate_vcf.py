"""`beacon annotate-vcf`: how often a network has seen what is in a VCF, written into it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beacon.commands.options import ASSEMBLIES, err
from beacon.load.progress import RichProgress

if TYPE_CHECKING:
    from beacon.casework.annotating import Account, Plan

EXIT_NETWORK_GONE = 1

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("annotate-vcf")
@click.argument(
    "vcf", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)
)
@click.option("--network", "url", required=True, help="URL of the API of a network, or a beacon.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File to write: .vcf, or .vcf.gz with an index; - is standard output, not compressed.",
)
@click.option("--assembly", type=ASSEMBLIES, help="Of a VCF that does not say so itself.")
@click.option(
    "--batch",
    type=click.IntRange(1, 10_000),
    default=500,
    show_default=True,
    help="Records that are asked about at a time.",
)
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
@click.option("--token-file", type=_FILE, help="File with the bearer token that says who asks.")
@click.option("--log", "log", type=_FILE, help="Add every request that leaves to this file.")
def annotate_vcf(
    vcf: Path,
    url: str,
    output: Path,
    assembly: str | None,
    batch: int,
    resume: bool,
    token_file: Path | None,
    log: Path | None,
) -> None:
    """Add to the INFO of a VCF how often a network has seen each of its alleles.

    Alleles are asked about, and nothing else: no genotypes, samples or names leave. Order and all
    other content stay as they are. Ends with status 1 when the network does not answer any more;
    what is written is kept, and `--resume` goes on with it.
    """
    from beacon.casework.annotating import STANDARD, Plan
    from beacon.casework.failures import CaseError, NetworkGone

    plan = Plan(vcf, output, assembly, url, batch, resume)
    if resume and STANDARD in (vcf, output):
        raise CaseError("--resume needs files: standard input and output cannot be gone on with")
    try:
        account = asyncio.run(_annotate(plan, token_file, log))
    except NetworkGone as gone:
        click.echo(f"beacon: {gone}", err=True)
        if output != STANDARD:
            click.echo("beacon: the same command with --resume goes on where it stopped", err=True)
        sys.exit(EXIT_NETWORK_GONE)
    _report(plan, account)


async def _annotate(plan: Plan, token_file: Path | None, log: Path | None) -> Account:
    from beacon.casework.annotating import annotate
    from beacon.casework.asking import Network
    from beacon.casework.connecting import connected, read_token
    from beacon.casework.sent import sent_log

    with sent_log(log) as sent, RichProgress(err) as progress:
        async with connected(plan.url, token=read_token(token_file), sent=sent) as beacon:
            return await annotate(plan, await Network.meet(beacon), progress)


def _report(plan: Plan, account: Account) -> None:
    from beacon.casework.annotating import STANDARD
    from beacon.casework.showing import annotation_notes

    err.print(annotation_notes(account))
    if plan.output != STANDARD and account.index is None and plan.is_compressed:
        err.print(f"{plan.output} has no index: its records are not in order", markup=False)
