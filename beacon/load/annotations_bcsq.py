"""The home of reading what `bcftools csq` writes: `BCSQ`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from beacon.load.annotation_entries import Entry, Info, Site, text
from beacon.model.allele import Allele
from beacon.model.consequences import consequences
from beacon.model.protein_changes import change_forms, residue_change

_FIELDS = 7
_RESIDUES = re.compile(r"(\d+)([A-Z*]+)(?:\.\.\d*)?(?:>\d+([A-Z*]+)(?:\.\.\d*)?)?")
_DNA_CHANGE = re.compile(r"(\d+)([A-Za-z]+)>([A-Za-z]+)")
# What is said of the place alone, whichever base is there instead.
_OF_PLACE = frozenset({"intron", "non_coding", "5_prime_utr", "3_prime_utr", "intergenic"})


@dataclass(frozen=True, slots=True)
class BcsqReader:
    """Reads entries, which name their allele by the change of DNA, if they name it."""

    key: str = "BCSQ"

    def entries(self, info: Info, site: Site) -> Iterator[Entry]:
        """What is said of the allele of a site."""
        value = text(info.get(self.key))
        for written in value.split(",") if value else ():
            if written.startswith("@"):  # says where else the consequence is told
                continue
            row = written.removeprefix("*").split("|")
            row += [""] * (_FIELDS - len(row))
            if _is_of(site, row):
                yield _entry(row)


def _is_of(site: Site, row: list[str]) -> bool:
    if len(site.alternates) == 1:
        return True
    if row[6]:
        name = site.allele.reference_name
        # Changes of a haplotype are told together, joined by `+`.
        return any(
            Allele.from_vcf(name, int(pos), reference, alternate) == site.allele
            for pos, reference, alternate in _DNA_CHANGE.findall(row[6])
        )
    return site.is_single_base and row[0] in _OF_PLACE


def _entry(row: list[str]) -> Entry:
    return Entry(
        consequences=consequences(row[0]),
        genes=(row[1],) if row[1] else (),
        changes=_changes(row[5], frameshift="frameshift" in row[0]) if row[5] else (),
    )


def _changes(written: str, *, frameshift: bool) -> tuple[str, ...]:
    """The protein change of `600V>600E`, `141T` (silent) or `13IDK>13IRK`."""
    residues = _RESIDUES.fullmatch(written)
    if residues is None:
        return ()
    position, old, new = residues.groups(default="")
    return change_forms(residue_change(position, old, new, frameshift=frameshift))
