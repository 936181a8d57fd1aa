"""The home of telling what kind of file a file is, by its name and by how it begins."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

from beacon.framework.errors import LoadError
from beacon.load.frequency_mapping import recognise
from beacon.load.frequency_tables import PARQUET
from beacon.load.json_files import entry_type_by_name, is_json, no_entity, read_records
from beacon.load.ped_file import is_ped
from beacon.load.spreadsheets import peek, require_text
from beacon.load.table_columns import best_entry_type
from beacon.load.tables import column_names, is_table, is_workbook
from beacon.load.vcf_file import is_vcf


class Kind(Enum):
    """Kinds of files that can be loaded, and what is none of them."""

    VCF = "VCF or BCF"
    RECORDS = "records in JSON"
    PHENOPACKETS = "phenopackets"
    TABLE = "table of records"
    PEDIGREE = "pedigree"
    FREQUENCIES = "table of frequencies"
    ONTOLOGY = "ontology"
    GENES = "gene table"
    REGIONS = "assessed regions"
    NO_ENTITY = "a file that other software makes for itself"
    UNKNOWN = "no file that is loaded"


_BED = re.compile(r".+\.bed(\.gz)?", re.IGNORECASE)
_OBO = re.compile(r".+\.obo(\.gz)?", re.IGNORECASE)
_BCF = b"BCF"
_VCF = b"##fileformat=VCF"
_OBOGRAPHS = b'"graphs"'
_PHENOPACKET = frozenset({"subject", "metaData", "proband", "phenopacket"})
_NOT_DATA = ("#", "track", "browser")
_ONTOLOGY_COLUMNS = frozenset({"id", "label"})


def kind_of(path: Path) -> Kind:
    """What kind of file it is.

    Raises:
        LoadError: Its name promises text, and it holds none.
    """
    if is_vcf(path):
        return Kind.VCF
    if no_entity(path) is not None and is_json(path):
        return Kind.NO_ENTITY
    if is_workbook(path):
        return Kind.TABLE
    if _OBO.fullmatch(path.name) or is_ped(path):
        require_text(path, peek(path))
        return Kind.PEDIGREE if is_ped(path) else Kind.ONTOLOGY
    if _BED.fullmatch(path.name):
        return _kind_of_bed(path)
    if is_json(path):
        return _kind_of_json(path)
    if is_table(path):
        return _kind_of_table(path)
    if path.name.endswith(PARQUET):
        return Kind.FREQUENCIES
    head = peek(path)
    if head.startswith((_VCF, _BCF)):
        return Kind.VCF
    if head.lstrip().startswith((b"{", b"[")):
        return _kind_of_json(path)
    return Kind.UNKNOWN


def _kind_of_json(path: Path) -> Kind:
    """By the first of its records, whatever the file is called."""
    head = peek(path)
    require_text(path, head)
    if _OBOGRAPHS in head:
        return Kind.ONTOLOGY
    _, first = next(read_records(path), ("", None))
    if isinstance(first, dict) and not _PHENOPACKET.isdisjoint(first):
        return Kind.PHENOPACKETS
    return Kind.RECORDS


def _kind_of_bed(path: Path) -> Kind:
    """Genes when there is a symbol in the fourth column, else regions."""
    head = peek(path)
    require_text(path, head)
    for line in head.decode("utf-8", "replace").splitlines():
        if line.strip() and not line.startswith(_NOT_DATA):
            return Kind.GENES if len(line.split("\t")) > 3 else Kind.REGIONS
    return Kind.REGIONS


def _kind_of_table(path: Path) -> Kind:
    if entry_type_by_name(path.name) is not None:
        return Kind.TABLE
    names = column_names(path)
    if best_entry_type(names) is not None:
        return Kind.TABLE
    if {name.lower() for name in names} >= _ONTOLOGY_COLUMNS:
        return Kind.ONTOLOGY
    if _is_recognised(names):
        return Kind.FREQUENCIES
    return Kind.GENES if _has_gene(path) else Kind.UNKNOWN


def _is_recognised(names: list[str]) -> bool:
    try:
        recognise([name.upper() for name in names], "")
    except LoadError:
        return False
    return True


def _has_gene(path: Path) -> bool:
    """Whether the first line of data is a chromosome, two numbers and more, between tabs."""
    for line in peek(path).decode("utf-8", "replace").splitlines():
        cells = line.split("\t")
        if line.strip() and not line.startswith(_NOT_DATA):
            return len(cells) >= 4 and cells[1].isdecimal() and cells[2].isdecimal()
    return False
