"""`beacon annotate`: what annotated VCF files say of the alleles that a dataset has."""

from __future__ import annotations

from pathlib import Path

import click

from beacon import databases
from beacon.commands.options import (
    AS_JSON,
    ASSEMBLY,
    DATASET,
    LISTING,
    NO_PUBLISH,
    err,
    finish,
    sink_of,
    with_settings,
)
from beacon.load.progress import RichProgress
from beacon.settings import Settings


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@DATASET
@ASSEMBLY
@with_settings
@LISTING
@NO_PUBLISH
@AS_JSON
def annotate(
    files: tuple[Path, ...],
    dataset_id: str,
    assembly: str,
    settings: Settings,
    listing: Path | None,
    as_json: bool,
) -> None:
    """Add genes, consequences, identifiers and ClinVar's interpretations to loaded alleles.

    FILES are VCF or BCF files annotated by VEP, SnpEff or bcftools csq, or those of ClinVar; with
    or without samples.
    """
    from beacon.load.annotate import annotate as annotate_alleles

    with databases.open_database(settings) as database, RichProgress(err) as progress:
        report = annotate_alleles(
            sink_of(database, settings),
            dataset_id,
            assembly,
            files,
            progress=progress,
            listing=listing,
        )
    finish(report, as_json, settings, dataset_id)
