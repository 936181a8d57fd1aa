"""`beacon load …`: files of every kind into the database."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import click

from beacon import databases
from beacon.commands.options import (
    AS_JSON,
    ASSEMBLIES,
    ASSEMBLY,
    DATASET,
    LISTING,
    NO_PUBLISH,
    PATHS,
    Commands,
    err,
    finish,
    sink_of,
    with_settings,
)
from beacon.framework.errors import SettingsError
from beacon.load.progress import RichProgress
from beacon.load.report import Report
from beacon.model.reference import Bases
from beacon.mongo.sink import MongoSink
from beacon.settings import Settings


class Loads(Commands):
    """The loads, which say what becomes of them."""

    interrupted = "stopped; nothing of it is published, and the same command goes on from there"


@click.group(cls=Loads)
def load() -> None:
    """Load files into the database. Nothing shows before all of it is there."""


@load.command("vcf")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@DATASET
@ASSEMBLY
@with_settings
@click.option(
    "--assessed",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="BED file of the regions that were looked at, for files of single people that have no "
    "NAME.bed beside NAME.vcf.gz.",
)
@click.option(
    "--processes",
    type=click.IntRange(1),
    help="Processes that load: a cohort if all its files are indexed (by default one less than "
    "there are processors), or files of single people.",
)
@LISTING
@NO_PUBLISH
@AS_JSON
def load_vcf(
    files: tuple[Path, ...],
    dataset_id: str,
    assembly: str,
    settings: Settings,
    assessed: Path | None,
    processes: int | None,
    listing: Path | None,
    as_json: bool,
) -> None:
    """Load the genotypes of VCF or BCF files: of a cohort, or of many people with a file each."""
    from beacon import reference_files
    from beacon.load.parallel import Processes
    from beacon.load.reading import available_processors
    from beacon.load.single_samples import is_for_single_samples, load_single_samples
    from beacon.load.vcf import load_vcf as load_files

    sequence = reference_files.reference_sequence(settings, assembly)
    opens = None if sequence is None else functools.partial(_bases, settings, assembly)
    if assessed is not None or is_for_single_samples(files, assembly):
        how = functools.partial(
            load_single_samples,
            assembly=assembly,
            paths=files,
            assessed=assessed,
            process_count=processes,
            reference=opens,
            listing=listing,
        )
        _load(how, settings, dataset_id, as_json)
        return
    count = processes or max(available_processors() - 1, 1)  # one is for the database
    with (
        databases.database_uri(settings) as uri,
        databases.database_at(uri, settings) as database,
        RichProgress(err) as progress,
    ):
        report = load_files(
            sink_of(database, settings, uri=uri),
            dataset_id,
            assembly,
            files,
            progress=progress,
            listing=listing,
            bases=None if sequence is None else sequence.bases,
            in_parts=Processes(count, assembly, opens),
        )
    finish(report, as_json, settings, dataset_id)


def _load(how: Callable[..., Report], settings: Settings, dataset_id: str, as_json: bool) -> None:
    """Load into the database of the settings, show progress, and report.

    Args:
        how: Takes the sink, the id of the dataset, and `progress`.
    """
    with databases.open_database(settings) as database, RichProgress(err) as progress:
        report = how(sink_of(database, settings), dataset_id, progress=progress)
    finish(report, as_json, settings, dataset_id)


def _bases(settings: Settings, assembly: str) -> Bases:
    """The reference sequence, opened in a process of its own; the settings name it."""
    from beacon import reference_files

    sequence = reference_files.reference_sequence(settings, assembly)
    if sequence is None:
        raise SettingsError(f"the settings name no FASTA of {assembly}")
    return sequence.bases


@load.command("bff")
@PATHS
@DATASET
@click.option("--assembly", type=ASSEMBLIES, help="Of variants that do not say so themselves.")
@with_settings
@LISTING
@NO_PUBLISH
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

    how = functools.partial(load_files, paths=paths, assembly=assembly, listing=listing)
    _load(how, settings, dataset_id, as_json)


@load.command("tables")
@PATHS
@DATASET
@click.option("--assembly", type=ASSEMBLIES, help="Of variants that do not say so themselves.")
@with_settings
@LISTING
@NO_PUBLISH
@AS_JSON
def load_tables(
    paths: tuple[Path, ...],
    dataset_id: str,
    assembly: str | None,
    settings: Settings,
    listing: Path | None,
    as_json: bool,
) -> None:
    """Load tables of records (CSV, TSV, XLSX): files, or folders of them."""
    from beacon.load.tables import load_tables as load_files

    how = functools.partial(load_files, paths=paths, assembly=assembly, listing=listing)
    _load(how, settings, dataset_id, as_json)


@load.command("phenopackets")
@PATHS
@DATASET
@click.option("--assembly", type=ASSEMBLIES, help="Of the dataset; others' variants stay out.")
@with_settings
@LISTING
@NO_PUBLISH
@AS_JSON
def load_phenopackets(
    paths: tuple[Path, ...],
    dataset_id: str,
    assembly: str | None,
    settings: Settings,
    listing: Path | None,
    as_json: bool,
) -> None:
    """Load GA4GH Phenopackets, version 2 (JSON): files, or folders with any folders in them."""
    from beacon.load.phenopackets import load_phenopackets as load_files

    how = functools.partial(load_files, paths=paths, assembly=assembly, listing=listing)
    _load(how, settings, dataset_id, as_json)


@load.command("pedigree")
@PATHS
@DATASET
@click.option("--disease", help="What affected means: a term such as MONDO:0005015.")
@click.option("--disease-label", help="What that term is called.")
@with_settings
@LISTING
@NO_PUBLISH
@AS_JSON
def load_pedigree(
    paths: tuple[Path, ...],
    dataset_id: str,
    disease: str | None,
    disease_label: str | None,
    settings: Settings,
    listing: Path | None,
    as_json: bool,
) -> None:
    """Load families from PED or FAM files; what is known of their members stays."""
    from beacon.load.pedigree import disease_term
    from beacon.load.pedigree import load_pedigree as load_files

    term = disease_term(disease, disease_label)
    how = functools.partial(load_files, paths=paths, disease=term, listing=listing)
    _load(how, settings, dataset_id, as_json)


@load.command("frequencies")
@PATHS
@DATASET
@ASSEMBLY
@click.option(
    "--mapping",
    help="Which fields count what: a preset, or a mapping file (TOML). By default the preset that "
    "fits the fields of the files.",
)
@with_settings
@LISTING
@NO_PUBLISH
@AS_JSON
def load_frequencies(
    paths: tuple[Path, ...],
    dataset_id: str,
    assembly: str,
    mapping: str | None,
    settings: Settings,
    listing: Path | None,
    as_json: bool,
) -> None:
    """Load counts of sites by population, without genotypes (VCF, BCF, TSV, CSV, Parquet)."""
    from beacon.load.frequencies import choose_mapping
    from beacon.load.frequencies import load_frequencies as load_files

    chosen = choose_mapping(paths, assembly, mapping)
    by = "recognised by the fields of the files" if chosen.recognised else "as asked"
    err.print(f"counts are read as {chosen.name}, {by}: {chosen.mapping.title}", markup=False)
    how = functools.partial(
        load_files, assembly=assembly, paths=paths, mapping=chosen.mapping, listing=listing
    )
    _load(how, settings, dataset_id, as_json)


@load.command("ontology")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@with_settings
def load_ontology(files: tuple[Path, ...], settings: Settings) -> None:
    """Load ontologies (OBO, obographs JSON, or a table). Later loads expand terms with them."""
    from beacon.load import packages
    from beacon.load.ontologies import read_ontology

    with databases.open_database(settings) as database:
        sink = MongoSink(database)
        for file in files:
            ontology = read_ontology(file)
            sink.put_ontology(packages.described(ontology))
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
