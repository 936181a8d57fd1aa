"""The home of what leaves the house about a case: nothing else is ever put into a request.

There is no place in it for names, dates, identifiers, genotypes of others or names of files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Literal, cast, get_args

from beacon.casework.candidates import Candidate
from beacon.casework.failures import CaseError
from beacon.client import CarriedVariant, Case, Variant
from beacon.load.ped_file import UNKNOWN_SEX

Zygosity = Literal["heterozygous", "homozygous", "hemizygous"]

_SEXES = {"MALE": "male", "FEMALE": "female"}


@dataclass(frozen=True, slots=True)
class Person:
    """What is taken of a phenopacket; only `features` and `excluded` ever leave.

    Attributes:
        features, excluded: Ids of terms that apply, and of those that were looked for and do not.
        sex: `male`, `female` or `unknown`; to read the genotypes of X with.
    """

    features: tuple[str, ...]
    excluded: tuple[str, ...]
    sex: str


def read_phenopacket(path: Path) -> Person:
    """Read the features and the sex of the subject of a phenopacket, or of a family's proband.

    Raises:
        CaseError: It is no phenopacket, or has more features than may be asked with.
    """
    try:
        packet = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise CaseError(f"{path} cannot be read as JSON: {error}") from error
    if isinstance(packet, dict) and isinstance(packet.get("proband"), dict):
        packet = packet["proband"]
    if not isinstance(packet, dict) or not ({"subject", "phenotypicFeatures"} & packet.keys()):
        raise CaseError(f"{path} is no phenopacket: it has neither subject nor phenotypicFeatures")
    try:
        case = Case.from_phenopacket({"phenotypicFeatures": packet.get("phenotypicFeatures")})
    except ValueError as error:
        raise CaseError(f"{path}: {error}") from error
    subject = packet.get("subject")
    stated = subject.get("sex") if isinstance(subject, Mapping) else None
    return Person(case.features, case.excluded, _SEXES.get(str(stated), UNKNOWN_SEX))


@dataclass(frozen=True, slots=True)
class Leaving:
    """What leaves, in the order in which it leaves.

    Attributes:
        variants: With what is said of each; the alleles alone are asked about first, and of those
            that are not common the rest is said in the question for people who are alike.
        features, excluded: Ids of terms.
    """

    variants: tuple[CarriedVariant, ...]
    features: tuple[str, ...]
    excluded: tuple[str, ...]

    @property
    def alleles(self) -> tuple[Variant, ...]:
        """What is asked about first: alleles, and nothing of who has them."""
        return tuple(one.variant for one in self.variants)

    @property
    def genes(self) -> tuple[str, ...]:
        """Symbols, in alphabetical order."""
        return tuple(sorted({one.gene for one in self.variants if one.gene is not None}))

    def only(self, alleles: Sequence[Variant]) -> Leaving:
        """The same without all other alleles."""
        return replace(
            self, variants=tuple(one for one in self.variants if one.variant in set(alleles))
        )

    @property
    def case(self) -> Case:
        """What people are looked for with."""
        return Case(
            features=self.features,
            excluded=self.excluded,
            genes=self.genes,
            variants=self.variants,
        )

    def document(self) -> dict[str, Any]:
        """All of it, as JSON; positions are 1-based, as in a VCF."""
        return {
            "variants": [
                {
                    "assembly": one.variant.assembly,
                    "chromosome": one.variant.reference_name,
                    "pos": one.variant.start + 1,
                    "referenceBases": one.variant.reference_bases,
                    "alternateBases": one.variant.alternate_bases,
                    **({"zygosity": one.zygosity} if one.zygosity else {}),
                    **({"gene": one.gene} if one.gene else {}),
                    **({"aminoacidChange": one.aminoacid_change} if one.aminoacid_change else {}),
                }
                for one in self.variants
            ],
            "features": list(self.features),
            "excluded": list(self.excluded),
            "genes": list(self.genes),
        }


def leaving(
    candidates: Sequence[Candidate], person: Person, *, with_zygosity: bool, order: Random
) -> Leaving:
    """What leaves about some candidates.

    Args:
        with_zygosity: Whether it is told of each.
        order: What the order is drawn with: theirs would tell what we think of them.
    """
    variants = [_carried(one, with_zygosity=with_zygosity) for one in candidates]
    features, excluded = list(person.features), list(person.excluded)
    for one in (variants, features, excluded):
        order.shuffle(one)
    return Leaving(tuple(variants), tuple(features), tuple(excluded))


def variant_of(candidate: Candidate) -> Variant:
    """A candidate as it is asked for: where an allele is empty, with the base before it."""
    allele = candidate.allele
    start, reference_bases, alternate_bases = allele.anchored
    return Variant(
        candidate.assembly, allele.reference_name, start, reference_bases, alternate_bases
    )


def _carried(candidate: Candidate, *, with_zygosity: bool) -> CarriedVariant:
    variant = variant_of(candidate)
    zygosity = None
    if with_zygosity and candidate.zygosity in get_args(Zygosity):
        zygosity = cast("Zygosity", candidate.zygosity)
    gene, change = candidate.gene or None, candidate.change or None
    # A symbol or a change that is written in another way is left out, rather than the allele.
    for known in ((gene, change), (gene, None), (None, change)):
        try:
            return CarriedVariant(variant, zygosity, *known)
        except ValueError:
            continue
    return CarriedVariant(variant, zygosity)
