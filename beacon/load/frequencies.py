"""The home of loading frequencies: sites with counts by population, and nobody's genotypes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from beacon.framework.errors import LoadError
from beacon.framework.source import Load, Sink, SourceFile
from beacon.load.bff_variants import load_waiting
from beacon.load.ending import conclude, settled
from beacon.load.frequency_batches import Batch
from beacon.load.frequency_mapping import Chosen, Mapping, read_mapping, recognise
from beacon.load.frequency_tables import SUFFIXES, TableSites
from beacon.load.frequency_vcf import VcfSites
from beacon.load.progress import Progress, Silent
from beacon.load.report import Problem, Report
from beacon.load.source_files import find_files, identify
from beacon.load.vcf_file import is_vcf
from beacon.model.assemblies import ASSEMBLIES, canonical_assembly

MARK_EVERY = 20_000
"""Records between two points at which an interrupted load can be taken up again."""

Sites = VcfSites | TableSites


def load_frequencies(
    sink: Sink,
    dataset_id: str,
    assembly: str,
    paths: Sequence[Path],
    *,
    mapping: Mapping | None = None,
    progress: Progress | None = None,
    listing: Path | None = None,
) -> Report:
    """Load the counts of sites, by population, into a dataset, and publish.

    Genotypes that a file has are passed over. An interrupted load goes on where it was when called
    again with the same files; a file that the dataset already holds is passed over.

    Args:
        assembly: What the files are on; `hg38` and the like will do.
        paths: VCF, BCF, TSV, CSV or Parquet files, or folders of such.
        mapping: What the count fields mean; by default that of the preset that fits the files.
        listing: A file that everything not loaded is appended to, as JSON Lines.

    Raises:
        LoadError: A file cannot be loaded as asked; nothing was published.
    """
    progress = progress or Silent()
    canonical = _assembly(assembly)
    report = Report(listing=listing)
    files = [_open(path, canonical) for path in find_files(paths, is_countable)]
    mapping = mapping or _recognise(files).mapping
    labels = _labels(files, mapping)
    sources = [identify(file.path, progress) for file in files]
    _require_different(sources)
    load = sink.open(dataset_id, assembly=canonical, files=sources)
    with settled(load, report):
        load.populations(labels)
        for file, source in zip(files, sources, strict=True):
            report.files.append(source.name)
            if load.is_loaded(source):
                report.already_loaded.append(source.name)
            else:
                batch = Batch(
                    file.path.name, labels, mapping.homozygous_counts == "alleles", report
                )
                _load_file(load, file, source, mapping, batch, progress)
        load_waiting(load, report)
        conclude(load, report, is_new=len(report.already_loaded) < len(files))
    return report


def choose_mapping(paths: Sequence[Path], assembly: str, given: str | None = None) -> Chosen:
    """The mapping to load files by: the one given, by preset or file, or the preset that fits.

    Raises:
        LoadError: There is no such mapping, none fits, or the files need different ones.
    """
    if given is not None:
        return read_mapping(given)
    canonical = _assembly(assembly)
    return _recognise([_open(path, canonical) for path in find_files(paths, is_countable)])


def is_countable(path: Path) -> bool:
    """Whether the name says that it is a file that may have counts of sites."""
    return is_vcf(path) or path.name.endswith(SUFFIXES)


def _recognise(files: Sequence[Sites]) -> Chosen:
    chosen = [recognise(file.names, str(file.path)) for file in files]
    for file, one in zip(files, chosen, strict=True):
        if one.name != chosen[0].name:
            raise LoadError(
                f"{files[0].path} is recognised as {chosen[0].name} and {file.path} as {one.name}: "
                "load them into different datasets, or say which mapping both have"
            )
    return chosen[0]


def _open(path: Path, assembly: str) -> Sites:
    if is_vcf(path):
        return VcfSites(path, assembly)
    if path.name.endswith(SUFFIXES):
        return TableSites(path, assembly)
    raise LoadError(f"{path} is neither VCF, BCF, TSV, CSV nor Parquet by its name")


def _labels(files: Sequence[Sites], mapping: Mapping) -> list[str]:
    """Everybody that some file counts, in the order of the mapping."""
    labels = (stratum.label for file in files for stratum in file.strata(mapping))
    return list(dict.fromkeys(labels))


def _assembly(given: str) -> str:
    canonical = canonical_assembly(given)
    if canonical is None:
        raise LoadError(f"assembly {given} is unknown; one of {', '.join(ASSEMBLIES)}")
    return canonical


def _require_different(sources: Sequence[SourceFile]) -> None:
    """Refuse to load the same counts twice."""
    by_digest: dict[str, str] = {}
    for source in sources:
        other = by_digest.setdefault(source.digest, source.name)
        if other != source.name:
            raise LoadError(f"{other} and {source.name} are the same file, byte for byte")


def _load_file(
    load: Load,
    file: Sites,
    source: SourceFile,
    mapping: Mapping,
    batch: Batch,
    progress: Progress,
) -> None:
    """Load one file from where an earlier load stopped.

    What that load has already written is read again but not handed over again, so that the report
    is of the whole file.
    """
    written = load.position(source)
    if file.has_genotypes:
        batch.report.warn(
            Problem(
                file=batch.file_name,
                place="the whole file",
                reason="genotypes are not loaded here, only the counts that the file states",
                detail="beacon load vcf loads genotypes",
            )
        )
    progress.file(file.path.name, file.size)
    number = marked = 0
    for number, observations in file.batches(mapping, batch):
        if number > written:
            load.write_alleles(observations)
        if number - marked >= MARK_EVERY:
            progress.advance(number - marked)
            if number > written:
                load.mark(source, number)
            marked = number
    if number < written:
        raise LoadError(f"{file.path} has fewer records than were loaded of it before")
    progress.advance(number - marked)
    load.finish(source)
