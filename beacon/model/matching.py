"""The home of how similar somebody is to a case: a score whose parts add up, and its reasons.

Phenotypes (0 to 1): see `model/phenotypes.py`.

Genome (0 to 1): the best of what somebody carries of the case's candidates: the variant itself,
another change of the same amino acid, another variant of the gene that does as much or more; half
of it where the case needs two copies and there is one. What many carry counts for nothing.

Where a case says something of both, each is half of the score.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from beacon.framework.access import Access
from beacon.framework.answer import Resource
from beacon.framework.query import BANDS, Case, CaseVariant, Query
from beacon.model.allele import Zygosity
from beacon.model.consequences import UNKNOWN_SEVERITY, consequence, consequence_of_id
from beacon.model.ontology import Ontologies, Ontology
from beacon.model.phenotypes import Phenotypes, Reason
from beacon.model.protein_changes import change_forms
from beacon.model.variation_condition import aminoacid_changes, gene_ids

SAME_VARIANT, SAME_CODON, SAME_GENE = "sameVariant", "sameCodon", "sameGene"
POINTS: Mapping[str, float] = {SAME_VARIANT: 1.0, SAME_CODON: 0.7, SAME_GENE: 0.5}
ONE_OF_TWO = 0.5
"""What is left of it for one copy where the case needs two."""

COMMON_SHARE = 0.01
COMMON_LEAST = 10
"""An allele that more than this share of people carry, and more than so many, is common."""

_PREFIX = "HP"
_NO_TERMS = Ontology(Resource(id="hp"), {})
_DIGITS = 9
"""Scores are told and compared to so many digits: sums differ by the order of their parts."""

_RESIDUE = re.compile(r"[A-Z*]\d+")
_PATHOGENIC = frozenset({"pathogenic", "likely pathogenic"})


def rounded(score: float) -> float:
    """A score as it is compared and told."""
    return round(score, _DIGITS)


def band(score: float) -> str | None:
    """What a score is called; `None` below the lowest band."""
    return next((name for name, least in BANDS.items() if score >= least), None)


def refused(query: Query, access: Access, dataset_id: str) -> Mapping[str, str] | None:
    """Why a dataset compares nobody with a case for a caller; `None` where it does.

    A case describes one person as nothing else does. Where an account is kept of what a caller
    learns, it is compared only where answers about single people are not told.
    """
    if query.case is None or dataset_id not in access.budgets:
        return None
    if access.people_min(query, dataset_id) > 1:
        return None
    return {"notApplicable": "cases are not compared where answers may be of a single person"}


def phenotypes(case: Case, ontologies: Ontologies) -> Phenotypes:
    """The features of a case; they are terms of the Human Phenotype Ontology."""
    return Phenotypes(case.features, case.excluded, ontologies.by_prefix.get(_PREFIX, _NO_TERMS))


def not_compared(case: Case, ontologies: Ontologies) -> Mapping[str, Any] | None:
    """Features of a case that nobody is compared by: no phenotypic abnormality is called so."""
    known = phenotypes(case, ontologies)
    asked = {*case.features, *case.excluded}
    left = sorted(asked.difference(known.features, known.excluded))
    return {"notCompared": left} if left else None


def features_of(record: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The features that an individual has, and was found not to have, each once."""
    present: dict[str, None] = {}
    absent: dict[str, None] = {}
    for one in record.get("phenotypicFeatures") or ():
        term = (one or {}).get("featureType") or {}
        if str(term.get("id") or "").startswith(f"{_PREFIX}:"):
            (absent if one.get("excluded") is True else present)[term["id"]] = None
    return tuple(present), tuple(absent)


def score_of(case: Case, similarity: float, genome: float) -> float:
    """The whole score, from 0 to 1; phenotypes that are less alike than strangers' are nothing."""
    of_phenotypes, of_genome = weights(case)
    return rounded(of_phenotypes * max(similarity, 0.0) + of_genome * genome)


def described(
    case: Case,
    individual_id: str,
    phenotypic: Sequence[Reason],
    genomic: Reason | None,
    ontologies: Ontologies,
) -> dict[str, Any]:
    """Somebody who is similar, as an answer tells: how similar, and in what.

    Args:
        case: The case.
        individual_id: Who.
        phenotypic: What `Phenotypes.reasons` gives.
        genomic: The best that is shared of the genome, with its `genome_score`.
        ontologies: Where labels are from.
    """
    of_phenotypes, of_genome = weights(case)
    similarity = sum(one.score for one in phenotypic)
    parts = [(one, of_phenotypes) for one in phenotypic] if similarity > 0 else []
    parts += [(genomic, of_genome)] if genomic is not None else []
    score = score_of(case, similarity, 0.0 if genomic is None else genomic.score)

    def told(one: Reason, weight: float) -> dict[str, Any]:
        reason: dict[str, Any] = {"kind": one.kind, "score": rounded(weight * one.score)}
        for name in ("asked", "found", "common"):
            if (value := getattr(one, name)) is not None:
                label = ontologies.label(value)
                reason[name] = {"id": value} if label is None else {"id": value, "label": label}
        if one.gene is not None:
            reason["gene"] = one.gene
        return reason

    return {
        "id": individual_id,
        "score": score,
        "band": band(score),
        "reasons": [told(one, weight) for one, weight in parts if weight],
    }


@dataclass(frozen=True, slots=True)
class Shared:
    """What an allele has in common with a candidate of a case.

    Attributes:
        locus: The gene, or the variant where no gene is known: copies of one locus count together.
        kind: `sameVariant`, `sameCodon` or `sameGene`.
        asked: The candidate, for people to read.
    """

    locus: str
    kind: str
    asked: str


@dataclass(frozen=True, slots=True)
class Carried:
    """An allele that somebody carries: what it shares, what it is called, and in how many copies.

    Two copies are two or more.
    """

    shared: Shared
    name: str
    copies: int


def best_of(case: Case, carried: Mapping[str, Sequence[Carried]]) -> Reason | None:
    """The best that somebody carries, with its `genome_score`; `None` when it is nothing.

    Args:
        case: The case.
        carried: What somebody carries, by locus.
    """
    best: Reason | None = None
    for locus, of_locus in sorted(carried.items()):
        one = max(of_locus, key=lambda each: (POINTS[each.shared.kind], each.name))
        score = genome_score(
            one.shared.kind,
            two_needed=needs_two(case, locus),
            copies=sum(each.copies for each in of_locus),
        )
        if best is None or score > best.score:
            gene = locus if locus in case.genes else None
            best = Reason(one.shared.kind, score, one.shared.asked, one.name, gene=gene)
    return best


def shared_with(
    case: Case, same: Collection[int], record: Mapping[str, Any] | None
) -> Iterable[Shared]:
    """What an allele shares with a case's candidates, the best of each locus.

    Args:
        case: The case.
        same: Places in `case.variants` of those that the allele is itself.
        record: What is said of the allele, if anything is.
    """
    found: dict[str, Shared] = {}
    for place in sorted(same):
        one = case.variants[place]
        locus = one.gene or one.name
        found.setdefault(locus, Shared(locus, SAME_VARIANT, one.name))
    genes = gene_ids(record)
    for gene in case.genes:
        if gene in found or gene not in genes:
            continue
        candidates = [one for one in case.variants if one.gene == gene]
        codons = {residue(one) for one in aminoacid_changes(record)} - {None}
        near = next((one for one in candidates if _residue_of(one) in codons), None)
        if near is not None:
            found[gene] = Shared(gene, SAME_CODON, near.name)
        elif _impact_of(record or {}) >= min(map(_impact, candidates), default=_MODERATE):
            found[gene] = Shared(gene, SAME_GENE, candidates[0].name if candidates else gene)
    return found.values()


def shared_regardless(
    case: Case, same: Collection[int], record: Mapping[str, Any] | None
) -> list[Shared]:
    """As `shared_with`, where it must not matter how many carry an allele.

    Nothing is passed over as common there; so of a gene only what is known to be pathogenic, or
    loses the protein, is enough.
    """
    is_telling = _impact_of(record or {}) >= _HIGH
    return [one for one in shared_with(case, same, record) if one.kind != SAME_GENE or is_telling]


def needs_two(case: Case, locus: str) -> bool:
    """Whether a patient has two copies of candidates in a locus, as in recessive disease."""
    of_locus = [one for one in case.variants if (one.gene or one.name) == locus]
    return len(of_locus) > 1 or any(one.zygosity == "homozygous" for one in of_locus)


def is_common(carriers: int, people: int) -> bool:
    """Whether so many carry an allele that it says nothing of a rare disease."""
    return carriers > COMMON_LEAST and carriers > COMMON_SHARE * people


def is_regardless(access: Access, dataset_id: str) -> bool:
    """Whether it must not matter to a caller how many carry an allele.

    Where an account is kept, one person more, or one who is left out, would take all carriers of an
    allele out of an answer or bring them in, which tells more than the number of them does.
    """
    return dataset_id in access.budgets


def genome_score(kind: str, *, two_needed: bool, copies: int) -> float:
    """What somebody has of a locus.

    Args:
        kind: The best that is shared.
        two_needed: As `needs_two`.
        copies: How many copies somebody carries of what is shared; 2 is two or more.
    """
    return POINTS[kind] * (ONE_OF_TWO if two_needed and copies < 2 else 1.0)


def copies_of(zygosity: int) -> int:
    """Of a carrier; where nothing is said it may be two, and it is not held against anybody."""
    return 1 if zygosity == Zygosity.HET else 2


def weights(case: Case) -> tuple[float, float]:
    """The shares of phenotypes and of genome in a score."""
    if case.has_candidates:
        return (0.5, 0.5) if case.features else (0.0, 1.0)
    return 1.0, 0.0


@lru_cache(maxsize=1 << 14)
def residue(change: str) -> str | None:
    """The first amino acid that a change of a protein is about, as in `R101`."""
    for form in change_forms(change.rpartition(":")[2]):
        if (found := _RESIDUE.match(form)) is not None:
            return found[0]
    return None


def _residue_of(one: CaseVariant) -> str | None:
    return None if one.aminoacid_change is None else residue(one.aminoacid_change)


_HIGH, _MODERATE, _LOW, _NONE = 3, 2, 1, 0
_LAST_OF = {
    "transcript_amplification": _HIGH,
    "protein_altering_variant": _MODERATE,
    "synonymous_variant": _LOW,
}


def impact_of_effect(effect: str) -> int | None:
    """How much an effect does, 3 for a lost protein to 0; `None` for what is no effect."""
    found = consequence(effect) or consequence_of_id(effect, effect)
    if found.severity == UNKNOWN_SEVERITY:
        return None
    for last, impact in _LAST_OF.items():
        limit = consequence(last)
        if limit is not None and found.severity <= limit.severity:
            return impact
    return _NONE


def _impact(one: CaseVariant) -> int:
    found = None if one.effect is None else impact_of_effect(one.effect)
    return _MODERATE if found is None else found


def _impact_of(record: Mapping[str, Any]) -> int:
    """Of an allele, by its worst effect; -1 where nothing is said of it."""
    said = record.get("molecularAttributes") or {}
    effects = [
        found
        for one in said.get("molecularEffects") or ()
        if (found := impact_of_effect(str((one or {}).get("id")))) is not None
    ]
    if effects:
        return max(effects)
    level = record.get("variantLevelData") or {}
    told = {
        str(one.get("clinicalRelevance")).casefold()
        for one in level.get("clinicalInterpretations") or ()
    }
    return _HIGH if told & _PATHOGENIC else -1
