"""The home of candidates: alleles of a patient that may matter, and which of them matter more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from beacon.casework.inheritance import Inheritance, Trio, compound
from beacon.model.allele import Allele
from beacon.model.consequences import UNKNOWN_SEVERITY, consequence

PATHOGENIC = ("pathogenic", "likely pathogenic")
_UNSAID = 2
_CLINVAR_ORDER = {
    "pathogenic": 0,
    "likely pathogenic": 1,
    "": _UNSAID,
    "uncertain significance": 3,
    "likely benign": 4,
    "benign": 5,
}


def _severity(name: str) -> int:
    term = consequence(name)
    return UNKNOWN_SEVERITY if term is None else term.severity


LEAST_SEVERE = max(_severity("missense_variant"), _severity("splice_region_variant"))
"""What is less severe is not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An allele that the patient has.

    Attributes:
        gene, consequence, change: the gene, the most severe effect, and the change of the protein
            (`R101Q`); empty where the file does not say.
        severity: of the effect; the lower, the more severe.
        clinvar: the classes that ClinVar gives it.
        frequency: the highest that the file states of any population, `None` if it does not.
        zygosity: `heterozygous`, `homozygous`, `hemizygous`, or nothing.
        origin: the parent who has it, too: `mother`, `father`, `both` or nothing.
    """

    assembly: str
    allele: Allele
    trio: Trio
    inheritance: Inheritance
    zygosity: str
    gene: str = ""
    consequence: str = ""
    severity: int = UNKNOWN_SEVERITY
    change: str = ""
    clinvar: tuple[str, ...] = ()
    frequency: float | None = None

    @property
    def name(self) -> str:
        """The allele as `2-166012346-G-A`; POS is 1-based."""
        pos, reference, alternate = self.allele.vcf
        return f"{self.allele.reference_name}-{pos}-{reference}-{alternate}"

    @property
    def readable(self) -> str:
        """Gene and change as people say them: `SCN1A p.R101Q`."""
        change = f"p.{self.change}" if self.change else ""
        return " ".join(part for part in (self.gene, change) if part)

    @property
    def origin(self) -> str:
        """The parent who has it, too."""
        return self.trio.origin

    @property
    def clinvar_order(self) -> int:
        """How much ClinVar makes of it; contradictions count as nothing said."""
        orders = {_CLINVAR_ORDER.get(one, _UNSAID) for one in self.clinvar}
        if not orders or (min(orders) < _UNSAID < max(orders)):
            return _UNSAID
        return min(orders)

    @property
    def rank(self) -> tuple[Any, ...]:
        """What it is ordered by: those that may explain a disease first."""
        order = self.clinvar_order
        explains = self.inheritance.is_flagged or order < _UNSAID
        benign = order > _CLINVAR_ORDER["uncertain significance"]
        return (
            benign,
            not explains,
            self.severity,
            self.inheritance.order,
            order,
            self.frequency or 0.0,
            self.allele.reference_name,
            self.allele.start,
            self.allele.alternate_bases,
        )


def annotated(fragment: dict[str, Any] | None) -> dict[str, Any]:
    """What a candidate has from an annotation, by the names of its attributes."""
    if fragment is None:
        return {}
    attributes = fragment.get("molecularAttributes", {})
    effects = [one["label"] for one in attributes.get("molecularEffects", ())]
    genes = attributes.get("geneIds", ())
    changes = attributes.get("aminoacidChanges", ())
    level = fragment.get("variantLevelData", {})
    said = (one.get("clinicalRelevance", "") for one in level.get("clinicalInterpretations", ()))
    return {
        "gene": genes[0] if genes else "",
        "consequence": effects[0] if effects else "",
        "severity": _severity(effects[0]) if effects else UNKNOWN_SEVERITY,
        "change": changes[0] if changes else "",
        "clinvar": tuple(dict.fromkeys(one for one in said if one)),
    }


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """All of them in order, with those that are two of one gene known for it."""
    return sorted(_with_compounds(candidates), key=lambda one: one.rank)


def _with_compounds(candidates: Iterable[Candidate]) -> list[Candidate]:
    found = list(candidates)
    by_gene: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(found):
        if one.gene and one.zygosity == "heterozygous":
            by_gene[one.gene].append(place)
    for places in by_gene.values():
        made = [_best(found, place, places) for place in places]
        for place, inheritance in zip(places, made, strict=True):
            if inheritance is not None and inheritance.order < found[place].inheritance.order:
                found[place] = replace(found[place], inheritance=inheritance)
    return found


def _best(found: Sequence[Candidate], place: int, places: Sequence[int]) -> Inheritance | None:
    """The most that it can be together with any other of its gene."""
    pairs = [
        inheritance
        for other in places
        if other != place
        and (inheritance := compound(found[place].trio, found[other].trio)) is not None
    ]
    return min(pairs, key=lambda one: one.order, default=None)


def is_wanted(candidate: Candidate, *, needs_effect: bool) -> bool:
    """Whether its effect, or what ClinVar says, makes it worth a look."""
    if not needs_effect or candidate.severity <= LEAST_SEVERE:
        return True
    return not set(candidate.clinvar).isdisjoint(PATHOGENIC)
