"""The home of checking files without loading them: everything a load would stumble over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from beacon.framework.errors import LoadError
from beacon.load.assessed import read_regions
from beacon.load.bff import BffFile
from beacon.load.bff_variants import named_assembly, read_variant
from beacon.load.file_kinds import Kind, kind_of
from beacon.load.frequencies import Sites
from beacon.load.frequency_batches import Batch
from beacon.load.frequency_mapping import recognise
from beacon.load.frequency_tables import TableSites
from beacon.load.frequency_vcf import VcfSites
from beacon.load.genes import read_genes
from beacon.load.genotypes import Columns
from beacon.load.items import Item
from beacon.load.json_files import entry_type_of, no_entity
from beacon.load.ontologies import read_ontology
from beacon.load.ped_file import PedFile
from beacon.load.phenopackets import PhenopacketFile
from beacon.load.record_checks import departures, unusable
from beacon.load.records import RecordFile
from beacon.load.report import Problem, Report
from beacon.load.spreadsheets import peek, require_text
from beacon.load.tables import NO_ROWS, open_table
from beacon.load.vcf import RecordReader
from beacon.load.vcf_alleles import NOTHING, REFERENCE_BLOCK, AlleleReader, Unusable
from beacon.load.vcf_file import VcfFile
from beacon.model.assemblies import ASSEMBLIES, canonical_assembly

_INFO = re.compile(r"^##INFO=<.*?\bID=([^,>]+)", re.MULTILINE)
_LONGEST_MESSAGE = 500


def validate(
    paths: Sequence[Path], *, assembly: str | None = None, listing: Path | None = None
) -> Report:
    """Check files of any kind that can be loaded; what each is, its name and its content tell.

    Args:
        paths: Files, or folders of files, with the folders in them.
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
    for path, is_named in _files(paths):
        report.files.append(str(path))
        try:
            kind = kind_of(path)
            if kind is Kind.UNKNOWN and is_named:
                require_text(path, peek(path))
                raise LoadError(f"{path} is no file of a kind that is loaded")
            _CHECKS[kind](path, canonical, report)
        except LoadError as error:
            report.items += 1
            report.lose(
                Problem(
                    file=path.name,
                    place="the whole file",
                    reason="the file cannot be loaded",
                    detail=_one_line(str(error)),
                )
            )
    report.check_complete()
    report.finish()
    return report


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """The files to check, and whether each was named itself."""
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise LoadError(f"{path} does not exist")
        named = not path.is_dir()
        found = [path] if named else sorted(file for file in path.rglob("*") if file.is_file())
        if not found:
            raise LoadError(f"{path} holds no file")
        for file in found:
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if file not in seen and (named or not hidden):
                seen.add(file)
                yield file, named


def _check_vcf(path: Path, assembly: str | None, report: Report) -> None:
    file = VcfFile(path, assembly, needs_samples=False)
    try:
        known = _required(path, file.assembly)
        if file.samples:
            rows = np.arange(len(file.samples), dtype=np.uint32)
            reader = RecordReader(path.name, known, Columns(rows), report)
            for record in file.records():
                reader.take(record)
                reader.drain()
        elif not _has_counts(path, file):
            _check_sites(path, file, known, report)
        else:
            _check_counts(VcfSites(path, known), path, report)
    finally:
        file.close()


def _check_counts(sites: Sites, path: Path, report: Report) -> None:
    """Sites with counts: numbers of alleles and of people who have them."""
    mapping = recognise(sites.names, str(path)).mapping
    labels = [stratum.label for stratum in sites.strata(mapping)]
    batch = Batch(path.name, labels, mapping.homozygous_counts == "alleles", report)
    for _ in sites.batches(mapping, batch):
        pass


def _check_frequencies(path: Path, assembly: str | None, report: Report) -> None:
    _check_counts(TableSites(path, _required(path, assembly)), path, report)


def _has_counts(path: Path, file: VcfFile) -> bool:
    try:
        recognise(_INFO.findall(file.header), str(path))
    except LoadError:
        return False
    return True


def _check_sites(path: Path, file: VcfFile, assembly: str, report: Report) -> None:
    """Sites without genotypes and without counts: they can only annotate what is there."""
    alleles = AlleleReader(path.name, assembly)
    for number, record in enumerate(file.records(), start=1):
        alternates = record.ALT
        report.records += 1
        report.items += len(alternates) or 1
        if not alternates:
            report.nothing_to_load[REFERENCE_BLOCK] += 1
        for index, alternate in enumerate(alternates):
            if alternate in NOTHING:
                report.nothing_to_load[NOTHING[alternate]] += 1
                continue
            try:
                alleles.allele(record, index)
            except Unusable as wrong:
                report.lose(
                    Problem(
                        file=path.name,
                        place=f"record {number} ({record.CHROM}:{record.POS})",
                        field=wrong.field,
                        reason=wrong.reason,
                        detail=wrong.detail,
                    )
                )
            else:
                report.loaded["genomicVariant"] += 1


def _check_records(path: Path, assembly: str | None, report: Report) -> None:
    _check_items(BffFile(path, entry_type_of(path)), assembly, report)


def _check_phenopackets(path: Path, assembly: str | None, report: Report) -> None:
    _check_items(PhenopacketFile(path), assembly, report)


def _check_pedigree(path: Path, assembly: str | None, report: Report) -> None:
    _check_items(PedFile(path), assembly, report)


def _check_table(path: Path, assembly: str | None, report: Report) -> None:
    table = open_table(path)
    if not table.entry_types:
        report.items += 1
        report.nothing_to_load[f"{path.name} ({NO_ROWS})"] += 1
        return
    _check_items(table, assembly, report)


def _check_items(file: RecordFile, assembly: str | None, report: Report) -> None:
    place, before = None, report.items
    for item in file.read():
        report.records += item.place != place
        report.items += 1
        place = item.place
        wrong = item.problems if item.record is None else tuple(_unusable(item))
        for index, problem in enumerate(wrong):
            report.lose(problem, int(index == 0))  # one item, however many reasons there are
        if wrong or item.record is None:
            continue
        for doubt in item.problems:
            report.warn(doubt)
        for departure in departures(
            item.entry_type, item.record, file=item.file, place=item.place, columns=item.columns
        ):
            report.warn(departure)
        if item.entry_type != "genomicVariant" or _is_variant(item, assembly, report):
            report.loaded[item.entry_type] += 1
    if report.items == before:
        report.items += 1
        report.nothing_to_load[f"{file.path.name} (no records)"] += 1


def _unusable(item: Item) -> Iterator[Problem]:
    problem = unusable(item.entry_type, item.record, file=item.file, place=item.place)
    if problem is not None:
        yield problem


def _is_variant(item: Item, assembly: str | None, report: Report) -> bool:
    record = item.record or {}
    expected = assembly or named_assembly(record)
    if expected is None:
        report.warn(
            Problem(
                file=item.file,
                place=item.place,
                field="variation.location",
                reason="the record does not say which assembly it is on",
                detail="it waits until a load tells it; sequence_id refseq:NC_000017.11 would say",
            )
        )
    expected = expected or next(iter(ASSEMBLIES))
    return read_variant(record, expected, report, file=item.file, place=item.place) is not None


def _check_genes(path: Path, _assembly: str | None, report: Report) -> None:
    read_genes(path)
    _count("gene table", report)


def _check_ontology(path: Path, _assembly: str | None, report: Report) -> None:
    read_ontology(path)
    _count("ontology", report)


def _check_regions(path: Path, assembly: str | None, report: Report) -> None:
    read_regions(path, _required(path, assembly))
    _count("assessed regions", report)


def _required(path: Path, assembly: str | None) -> str:
    if assembly is None:
        raise LoadError(
            f"{path} does not say which assembly it is on; name it, one of {', '.join(ASSEMBLIES)}"
        )
    return assembly


def _count(what: str, report: Report) -> None:
    report.items += 1
    report.loaded[what] += 1


def _nothing(path: Path, _assembly: str | None, report: Report) -> None:
    report.items += 1
    why = no_entity(path) or "no file of a kind that is loaded"
    report.nothing_to_load[f"{path.name} ({why})"] += 1


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}…"


_CHECKS: Mapping[Kind, Callable[[Path, str | None, Report], None]] = {
    Kind.VCF: _check_vcf,
    Kind.RECORDS: _check_records,
    Kind.PHENOPACKETS: _check_phenopackets,
    Kind.TABLE: _check_table,
    Kind.PEDIGREE: _check_pedigree,
    Kind.FREQUENCIES: _check_frequencies,
    Kind.ONTOLOGY: _check_ontology,
    Kind.GENES: _check_genes,
    Kind.REGIONS: _check_regions,
    Kind.NO_ENTITY: _nothing,
    Kind.UNKNOWN: _nothing,
}
