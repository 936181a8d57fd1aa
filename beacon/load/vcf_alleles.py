"""The home of what a VCF record's ALTs are: alleles, nothing of their own, or not usable."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from beacon.framework.errors import LoadError
from beacon.load.structural import is_structural, structural_allele
from beacon.model.allele import ALLELE_BASES_MAX, Allele, UnreadableVariation
from beacon.model.assemblies import chromosome, implied_assembly, length
from beacon.model.normalisation import left_shifted, reference_mismatch
from beacon.model.reference import Bases

REFERENCE_BLOCK = "reference block"
NOTHING = {
    "<NON_REF>": REFERENCE_BLOCK,
    "<*>": REFERENCE_BLOCK,
    "<X>": REFERENCE_BLOCK,
    "*": "spanning deletion",
}
"""ALTs that stand for no allele of the record's own."""

_BASES = re.compile("[ACGTN]+")
_SHORT = 10  # bases that nearly every allele has at most, and not many ways to have


class Unusable(Exception):
    """An allele cannot be loaded: the reason, the column, and what was found in it."""

    def __init__(self, reason: str, field: str, detail: str) -> None:
        super().__init__(reason)
        self.reason, self.field, self.detail = reason, field, detail


@dataclass(slots=True)
class _Contig:
    """What is the same for all records of one contig: `name` is `None` if it is none of ours."""

    name: str | None
    length: int


@dataclass(slots=True)
class AlleleReader:
    """Makes alleles of the records of one file.

    Args:
        bases: The reference sequence of the assembly, to compare REF with and to shift insertions
            and deletions along; `None` when there is none.
    """

    file_name: str
    assembly: str
    bases: Bases | None = None
    _contigs: dict[str, _Contig] = field(default_factory=dict)

    def allele(self, record: Any, index: int) -> Allele:
        """The allele of one ALT.

        Args:
            record: The record, as `VcfFile.records` gives it.
            index: Which ALT, from 0; not one of `NOTHING`.

        Raises:
            Unusable: It cannot be loaded.
            LoadError: The file is on another assembly.
        """
        contig = self._contigs.get(record.CHROM) or self._contig(record.CHROM)
        if contig.name is None:
            detail = f"{record.CHROM} is none of 1-22, X, Y and M"
            raise Unusable("unknown chromosome", "CHROM", detail)
        reference = _sequence(record.REF)
        if reference is None:
            detail = f"REF is {shown(record.REF)}; only A, C, G, T and N are bases"
            raise Unusable("REF is not a sequence of bases", "REF", detail)
        pos = record.POS
        if pos < 1 or pos - 1 + len(reference) > contig.length:
            detail = f"{contig.name} of {self.assembly} has bases 1 to {contig.length:,}"
            raise Unusable("outside the chromosome", "POS", detail)
        if self.bases is not None:
            found = reference_mismatch(contig.name, pos - 1, reference, self.bases)
            if found is not None:
                detail = f"REF is {shown(reference)}, the reference sequence has {shown(found)}"
                raise Unusable("REF is not what the reference sequence has", "REF", detail)
        alternate = record.ALT[index]
        alternate_bases = _sequence(alternate)
        if alternate_bases is not None:
            if len(reference) + len(alternate_bases) > ALLELE_BASES_MAX:
                detail = (
                    f"REF and ALT have {len(reference) + len(alternate_bases):,} bases, at most "
                    f"{ALLELE_BASES_MAX:,} are kept; <DEL>, <INS> or <DUP> would say it as well"
                )
                raise Unusable("the allele is too long", "ALT", detail)
            if alternate_bases == reference:
                raise Unusable("REF and ALT are the same", "ALT", f"both are {shown(reference)}")
            allele = Allele.from_vcf(contig.name, pos, reference, alternate_bases)
            return allele if self.bases is None else left_shifted(allele, self.bases)
        if not is_structural(alternate):
            detail = f"ALT is {shown(alternate)}; only A, C, G, T and N are bases"
            raise Unusable("ALT is not a sequence of bases", "ALT", detail)
        try:
            allele = structural_allele(record, contig.name, reference, alternate, index)
        except UnreadableVariation as error:
            raise Unusable("structural variant not understood", "ALT", str(error)) from error
        if allele.end > contig.length:
            detail = f"it ends at {allele.end:,}, {contig.name} at {contig.length:,}"
            raise Unusable("outside the chromosome", "INFO/END", detail)
        return allele

    def _contig(self, name: str) -> _Contig:
        canonical, implied = chromosome(name), implied_assembly(name)
        if implied not in (None, self.assembly):
            raise LoadError(
                f"{self.file_name} has records on {name}, which is of {implied}, "
                f"and was to be loaded as {self.assembly}"
            )
        contig = _Contig(
            name=canonical,
            length=length(self.assembly, canonical) if canonical else 0,
        )
        self._contigs[name] = contig
        return contig


def _sequence(text: str) -> str | None:
    """Bases in upper case, `None` if anything else is among them."""
    return _short_sequence(text) if len(text) <= _SHORT else _long_sequence(text)


def _long_sequence(text: str) -> str | None:
    upper = text.upper()
    return upper if _BASES.fullmatch(upper) else None


_short_sequence = lru_cache(maxsize=4096)(_long_sequence)


def as_written(record: Any, index: int, allele: Allele) -> Allele:
    """An allele at the place where its record has it, wherever it was moved to."""
    if allele.structural:
        return allele
    reference, alternate = record.REF.upper(), record.ALT[index].upper()
    return Allele.from_vcf(allele.reference_name, record.POS, reference, alternate)


def shown(bases: str) -> str:
    """Bases as an error shows them, cut where they are many."""
    return bases if len(bases) <= 20 else f"{bases[:20]}… ({len(bases)} bases)"
