"""The home of reading what SnpEff writes: `ANN`, and `EFF` of its older releases."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from beacon.load.annotation_entries import (
    Entry,
    Info,
    Site,
    as_vep,
    as_written,
    by_number,
    decoded,
    labels_of,
    text,
)
from beacon.model.consequences import Consequence, consequences
from beacon.model.protein_changes import change_forms

_ANN_SPELLED = (as_written, as_vep)
_NUMBERED = (by_number,)
_ANN_FIELDS = 16
_EFF_ENTRY = re.compile(r"([^(,]+)\(([^)]*)\)")
_EFF_VALUES = {
    "amino_acid_change": "amino_acid_change",
    "gene_name": "gene_name",
    "transcript": "transcript",
    "transcript_id": "transcript",
    "genotype": "genotype",
    "genotypenum": "genotype",
    "genotype_number": "genotype",
}
"""What is read of an entry, by the names that the header gave it over the years."""
_SILENT = re.compile(r"[A-Z*]\d+")
_SYNONYMOUS = frozenset({"synonymous_variant", "stop_retained_variant", "start_retained_variant"})


@dataclass(frozen=True, slots=True)
class AnnReader:
    """Reads `ANN`, which has sixteen values in every entry."""

    key: str = "ANN"

    def entries(self, info: Info, site: Site) -> Iterator[Entry]:
        """What is said of the allele of a site."""
        value = text(info.get(self.key))
        if not value:
            return
        rows = [written.split("|") for written in value.split(",")]
        # `A-G` and `A-chr1:123456_A>T` compare with another change rather than the reference.
        labels = {row[0] for row in rows if not _is_compound(row[0])}
        if not labels:
            return
        mine = labels_of(site, labels, _ANN_SPELLED, info)
        for row in rows:
            if row[0] in mine:
                yield _ann_entry(row)


def _is_compound(label: str) -> bool:
    return len(label) > 1 and "-" in label and not label.startswith("<")


def _ann_entry(row: list[str]) -> Entry:
    row = row + [""] * (_ANN_FIELDS - len(row))
    terms = consequences(row[1])
    transcript = row[6] if row[5].startswith("transcript") else ""
    hgvs, protein = decoded(row[9]), decoded(row[10])
    changes = change_forms(protein) if protein else ()
    return Entry(
        consequences=terms,
        # Between genes, the two around it are named in one: `WASH7P-MIR6859-1`.
        genes=() if row[1].endswith("intergenic_region") else _genes(decoded(row[3])),
        transcript_hgvs=f"{transcript}:{hgvs}" if transcript and hgvs else "",
        protein_hgvs=f"{transcript}:{protein}" if transcript and changes else "",
        changes=changes,
    )


def _genes(written: str) -> tuple[str, ...]:
    """The genes of an entry; those of a fusion are joined by `&`."""
    return tuple(gene for gene in written.split("&") if gene)


@dataclass(frozen=True, slots=True)
class EffReader:
    """Reads `EFF`, by the places that the header gives to the values in parentheses.

    Its entries name their allele by number, and before SnpEff 3.2 not at all: those of a record
    with several alleles are then nobody's.
    """

    places: Mapping[str, int]
    key: str = "EFF"

    @classmethod
    def of(cls, description: str) -> EffReader:
        """The reader for what a header says of the field."""
        inside = description.partition("(")[2].replace("[", "|").replace("]", "")
        names = [name.strip(" ')").lower() for name in inside.split("|")]
        places = {}
        for place, name in enumerate(name for name in names if name):
            if known := _EFF_VALUES.get(name):
                places[known] = place
        return cls(places)

    def entries(self, info: Info, site: Site) -> Iterator[Entry]:
        """What is said of the allele of a site."""
        value = text(info.get(self.key))
        rows = [(names, inside.split("|")) for names, inside in _EFF_ENTRY.findall(value)]
        if not rows:
            return
        labels = [self._value(row, "genotype") for _, row in rows]
        whole = len(site.alternates) == 1
        mine = labels_of(site, set(labels), _NUMBERED, info)
        for (names, row), label in zip(rows, labels, strict=True):
            if label in mine and (label or whole):
                yield self._entry(names, row)

    def _entry(self, names: str, row: list[str]) -> Entry:
        terms = consequences(re.sub(r"\[[^]]*\]", "", names).replace("+", "&"))
        transcript = self._value(row, "transcript")
        change, _, hgvs = decoded(self._value(row, "amino_acid_change")).partition("/")
        if change.startswith(("c.", "n.")):
            change, hgvs = "", change
        return Entry(
            consequences=terms,
            genes=_genes(decoded(self._value(row, "gene_name"))),
            transcript_hgvs=f"{transcript}:{hgvs}" if transcript and hgvs else "",
            protein_hgvs=(
                f"{transcript}:{change}" if transcript and change.startswith("p.") else ""
            ),
            changes=_eff_changes(change, terms),
        )

    def _value(self, row: list[str], name: str) -> str:
        place = self.places.get(name)
        return row[place] if place is not None and place < len(row) else ""


def _eff_changes(change: str, terms: tuple[Consequence, ...]) -> tuple[str, ...]:
    if _SILENT.fullmatch(change):  # the residue alone, of a change that is none
        return change_forms(f"{change}=") if terms and terms[0].label in _SYNONYMOUS else ()
    return change_forms(change) if change else ()
