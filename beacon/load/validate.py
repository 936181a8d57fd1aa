"""The home of checking files without loading them: everything a load would stumble over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from beacon.framework.errors import LoadError
from beacon.load.bff_variants import named_assembly, read_variant
from beacon.load.genes import read_genes
from beacon.load.genotypes import Columns
from beacon.load.json_files import entry_type_of, is_json, no_entity, read_records
from beacon.load.ontologies import read_ontology
from beacon.load.record_checks import departures, unusable
from beacon.load.report import Problem, Report
from beacon.load.source_files import find_files
from beacon.load.vcf import RecordReader
from beacon.load.vcf_file import VcfFile, is_vcf
from beacon.model.assemblies import ASSEMBLIES, canonical_assembly

_ONTOLOGY = (".obo", ".obo.gz")
_GENES = (".bed", ".bed.gz")
_PEEK_BYTES = 200


def validate(
    paths: Sequence[Path], *, assembly: str | None = None, listing: Path | None = None
) -> Report:
    """Check files of any kind that can be loaded: VCF, BCF, JSON records, ontologies, genes.

    Args:
        paths: Files, or folders of files.
        assembly: What variants are on that do not say so themselves.
        listing: A file that every problem is appended to, as JSON Lines.

    Returns:
        The report that a load would give; what could be loaded counts as loaded. A file that
        cannot be loaded at all is one item that is not loaded.

    Raises:
        LoadError: There is nothing to check, or the assembly is unknown.
    """
    canonical = None if assembly is None else canonical_assembly(assembly)
    if assembly is not None and canonical is None:
        raise LoadError(f"assembly {assembly} is unknown; one of {', '.join(ASSEMBLIES)}")
    report = Report(listing=listing)
    for path in find_files(paths, _is_checked):
        report.files.append(str(path))
        try:
            _check(path, canonical, report)
        except LoadError as error:
            report.items += 1
            report.lose(
                Problem(
                    file=path.name,
                    place="the whole file",
                    reason="the file cannot be loaded",
                    detail=str(error),
                )
            )
    report.finish()
    return report


def _is_checked(path: Path) -> bool:
    return is_vcf(path) or is_json(path) or path.name.endswith(_ONTOLOGY + _GENES)


def _check(path: Path, assembly: str | None, report: Report) -> None:
    if is_vcf(path):
        _check_vcf(path, assembly, report)
    elif path.name.endswith(_GENES):
        report.items += 1
        read_genes(path)
        report.loaded["gene table"] += 1
    elif path.name.endswith(_ONTOLOGY) or _is_obographs(path):
        report.items += 1
        read_ontology(path)
        report.loaded["ontology"] += 1
    elif (why := no_entity(path)) is not None:
        report.items += 1
        report.nothing_to_load[f"{path.name} ({why})"] += 1
    else:
        _check_records(path, assembly, report)


def _check_vcf(path: Path, assembly: str | None, report: Report) -> None:
    file = VcfFile(path, assembly)
    try:
        if file.assembly is None:
            raise LoadError(
                f"{path} does not say which assembly it is on; name it, "
                f"one of {', '.join(ASSEMBLIES)}"
            )
        rows = np.arange(len(file.samples), dtype=np.uint32)
        reader = RecordReader(path.name, file.assembly, Columns(rows), report)
        for record in file.records():
            reader.take(record)
            reader.drain()
    finally:
        file.close()


def _check_records(path: Path, assembly: str | None, report: Report) -> None:
    entry_type = entry_type_of(path)
    for place, record in read_records(path):
        report.records += 1
        report.items += 1
        if problem := unusable(entry_type, record, file=path.name, place=place):
            report.lose(problem)
            continue
        kept = {key: value for key, value in record.items() if key != "_id"}
        for departure in departures(entry_type, kept, file=path.name, place=place):
            report.warn(departure)
        if entry_type == "genomicVariant":
            expected = assembly or named_assembly(kept)
            if expected is None:
                report.warn(
                    Problem(
                        file=path.name,
                        place=place,
                        field="variation.location",
                        reason="the record does not say which assembly it is on",
                        detail="it waits until a load tells it; sequence_id "
                        "refseq:NC_000017.11 would say",
                    )
                )
            expected = expected or next(iter(ASSEMBLIES))
            if read_variant(kept, expected, report, file=path.name, place=place) is None:
                continue
        report.loaded[entry_type] += 1


def _is_obographs(path: Path) -> bool:
    with path.open("rb") as file:
        return b'"graphs"' in file.read(_PEEK_BYTES)
