"""`beacon load …`: files of every kind into the database."""

from __future__ import annotations

from pathlib import Path

import click

from beacon import databases
from beacon.commands.options import (
    AS_JSON,
    ASSEMBLIES,
    ASSEMBLY,
    DATASET,
    LISTING,
    PATHS,
    err,
    finish,
    sink_of,
    with_settings,
)
from beacon.load.progress import RichProgress
from beacon.mongo.sink import MongoSink
from beacon.settings import Settings


@click.group()
def load() -> None:
    """Load files into the database. Nothing shows before all of it is there."""


@load.command("vcf")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@DATASET
@ASSEMBLY
@with_settings
@LISTING
@AS_JSON
def load_vcf(
    files: tuple[Path, ...],
    dataset_id: str,
    assembly: str,
    settings: Settings,
    listing: Path | None,
    as_json: bool,
) -> None:
    """Load the genotypes of VCF or BCF files."""
    from beacon.load.vcf import load_vcf as load_files

    with databases.open_database(settings) as database, RichProgress(err) as progress:
        report = load_files(
            sink_of(database, settings),
            dataset_id,
            assembly,
            files,
            progress=progress,
            listing=listing,
        )
    finish(report, as_json, settings, dataset_id)


@load.command("bff")
@PATHS
@DATASET
@click.option("--assembly", type=ASSEMBLIES, help="Of variants that do not say so themselves.")
@with_settings
@LISTING
@AS_JSON
def load_bff(
    paths: tuple[Path, ...],
    dataset_id: str,
    assembly: str | None,
    settings: Settings,
    listing: Path | None,
    as_json: bool,
) -> None:
    """Load records in Beacon-friendly format (JSON): files, or folders of them."""
    from beacon.load.bff import load_bff as load_files

    with databases.open_database(settings) as database, RichProgress(err) as progress:
        report = load_files(
            sink_of(database, settings),
            dataset_id,
            paths,
            assembly=assembly,
            progress=progress,
            listing=listing,
        )
    finish(report, as_json, settings, dataset_id)


@load.command("ontology")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@with_settings
def load_ontology(files: tuple[Path, ...], settings: Settings) -> None:
    """Load ontologies (OBO, obographs JSON, or a table). Later loads expand terms with them."""
    from beacon.load.ontologies import read_ontology

    with databases.open_database(settings) as database:
        sink = MongoSink(database)
        for file in files:
            ontology = read_ontology(file)
            sink.put_ontology(ontology)
            resource = ontology.resource
            err.print(f"{resource.namespace_prefix} {resource.version or ''}: from {file}")


@load.command("genes")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@ASSEMBLY
@with_settings
def load_genes(file: Path, assembly: str, settings: Settings) -> None:
    """Load the positions of genes (BED, or a table from BioMart)."""
    from beacon.load.genes import read_genes

    genes = read_genes(file)
    with databases.open_database(settings) as database:
        MongoSink(database).put_genes(assembly, genes, f"file {file.name}")
    err.print(f"{len(genes):,} genes of {assembly} from {file}")
