"""The home of reading what Ensembl's VEP writes: `CSQ`, or whatever the field is called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from beacon.load.annotation_entries import (
    UNPREFERRED,
    Entry,
    Info,
    Site,
    as_minimal,
    as_vep,
    as_written,
    by_number,
    decoded,
    labels_of,
    text,
)
from beacon.model.consequences import consequences
from beacon.model.protein_changes import change_forms, residue_change

_VERSION = re.compile(r"^##VEP=\"?v(\d+)", re.MULTILINE)
# Before, ids of whatever is known at the same place were listed, whichever the allele.
_IDS_BY_ALLELE_SINCE = 90
_READ = (
    "Consequence",
    "SYMBOL",
    "Gene",
    "HGVSg",
    "HGVSc",
    "HGVSp",
    "Protein_position",
    "Amino_acids",
    "Existing_variation",
    # Marks of transcripts that are preferred, the most preferred first.
    "MANE_SELECT",
    "MANE_PLUS_CLINICAL",
    "CANONICAL",
)
_NUMBERED = (by_number,)
_SPELLED = (as_vep, as_written, as_minimal)


@dataclass(frozen=True, slots=True)
class VepReader:
    """Reads one INFO field, by the places that its `Format:` gives to the values of an entry.

    Attributes:
        places: of values, by name.
        read: places of what is read of an entry; -1, where it ends in an empty value, of what the
            field does not have.
        has_known_ids: whether the ids of known variants are of the allele.
    """

    key: str
    places: Mapping[str, int]
    read: tuple[int, ...]
    has_known_ids: bool

    @classmethod
    def of(cls, key: str, description: str, raw_header: str) -> VepReader | None:
        """The reader of an INFO field, if VEP wrote it."""
        names = [name.strip(" '") for name in description.partition("Format:")[2].split("|")]
        if "Consequence" not in names or not ("VEP" in description or key in ("CSQ", "vep")):
            return None
        version = _VERSION.search(raw_header)
        since = version is not None and int(version[1]) >= _IDS_BY_ALLELE_SINCE
        places = {name: place for place, name in enumerate(names)}
        return cls(key, places, tuple(places.get(name, -1) for name in _READ), since)

    def entries(self, info: Info, site: Site) -> Iterator[Entry]:
        """What is said of the allele of a site."""
        value = text(info.get(self.key))
        if not value:
            return
        rows = _rows(value, len(self.places))
        labels, mine = self._labels(rows, site, info)
        for label, row in zip(labels, rows, strict=True):
            if label in mine:
                yield self._entry(row)

    def _labels(
        self, rows: list[list[str]], site: Site, info: Info
    ) -> tuple[list[str], frozenset[str]]:
        """The allele labels of all entries, and those of this allele."""
        for name, spellings in (("ALLELE_NUM", _NUMBERED), ("Allele", _SPELLED)):
            place = self.places.get(name)
            if place is None:
                continue
            labels = [row[place] for row in rows]
            # A split record keeps numbers of alleles that it no longer has.
            is_whole = len(site.alternates) > 1 or set(labels) == {"1"}
            if name == "Allele" or is_whole:
                mine = labels_of(site, set(labels), spellings, info)
                if mine:
                    return labels, mine
        place = self.places.get("ALLELE_NUM", -1)
        labels = [row[place] if place >= 0 else "" for row in rows]
        if "Allele" in self.places or len(site.alternates) > 1:
            return labels, frozenset()
        return labels, labels_of(site, set(labels), _NUMBERED, info)

    def _entry(self, row: list[str]) -> Entry:
        names, symbol, gene, hgvs_g, hgvs_c, hgvs_p, position, amino_acids, known, *preferred = [
            row[place] for place in self.read
        ]
        gene = symbol or gene
        protein_hgvs = decoded(hgvs_p)
        if ":p." not in protein_hgvs:  # of a silent change, the transcript once more
            protein_hgvs = ""
        changes: tuple[str, ...] = ()
        if protein_hgvs:
            changes = change_forms(protein_hgvs.rpartition(":")[2])
        elif amino_acids:
            changes = _changes(position, amino_acids, names)
        return Entry(
            consequences=consequences(names),
            genes=(decoded(gene),) if gene else (),
            # The first of the marks that the transcript has.
            preference=next((at for at, mark in enumerate(preferred) if mark), UNPREFERRED),
            genomic_hgvs=decoded(hgvs_g),
            transcript_hgvs=decoded(hgvs_c),
            protein_hgvs=protein_hgvs,
            changes=changes,
            known_ids=known if self.has_known_ids else "",
        )


def _rows(value: str, count: int) -> list[list[str]]:
    """The values of each entry, at least `count` of them, and an empty one at the end.

    Plugins such as LOFTEE write commas into theirs, and entries may have more values than the
    header has names (gnomAD 4.0).
    """
    parts = value.split(",")
    bars = [part.count("|") for part in parts]
    whole = max(count - 1, *bars)
    joined: list[str] = []
    so_far = whole + 1  # as if an entry had just ended
    for part, more in zip(parts, bars, strict=True):
        so_far += more
        if so_far <= whole:
            joined[-1] += f",{part}"
        else:
            joined.append(part)
            so_far = more
    rows = [f"{written}|".split("|") for written in joined]
    return [row if len(row) > count else row + [""] * (count + 1 - len(row)) for row in rows]


@lru_cache(maxsize=1 << 14)
def _changes(position: str, amino_acids: str, names: str) -> tuple[str, ...]:
    """The protein change of an entry without HGVS: `67/236` or `67`, and `S/P` or `L`."""
    first = position.partition("/")[0].partition("-")[0]
    old, _, new = amino_acids.partition("/")
    return change_forms(residue_change(first, old, new, frameshift="frameshift" in names))
