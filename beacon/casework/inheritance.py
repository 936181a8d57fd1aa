"""The home of inheritance: what a patient's genotype and the parents' make of an allele."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from beacon.load.ped_file import UNKNOWN_SEX

SURE_QUALITY = 20
"""GQ from which on a genotype is taken for what it says, where the file states GQ."""

FEW_READS = 0.05
"""Share of a parent's reads up to which an allele counts as absent, where the file states AD."""


class Inheritance(enum.Enum):
    """How an allele came to the patient: what is said of it, in the order of preference."""

    DE_NOVO = "de novo"
    X_LINKED = "X-linked"
    HOMOZYGOUS = "homozygous"
    COMPOUND = "compound heterozygous"
    SHARED = "shared with an affected parent"
    MAYBE_COMPOUND = "possibly compound heterozygous"
    MAYBE_DE_NOVO = "possibly de novo"
    MITOCHONDRIAL = "mitochondrial"
    HETEROZYGOUS = "heterozygous"

    @property
    def order(self) -> int:
        """Its place: what explains more comes first."""
        return _ORDER[self]

    @property
    def is_flagged(self) -> bool:
        """Whether it may explain a disease by itself, so that the allele comes first."""
        return self in _FLAGGED


_ORDER = {one: place for place, one in enumerate(Inheritance)}
_FLAGGED = frozenset(
    {
        Inheritance.DE_NOVO,
        Inheritance.X_LINKED,
        Inheritance.HOMOZYGOUS,
        Inheritance.COMPOUND,
        Inheritance.SHARED,
    }
)

# Where X and Y pair, a man has two copies: first and last base, 1-based, of X.
_PAIRED = {
    "GRCh37": ((60_001, 2_699_520), (154_931_044, 155_260_560)),
    "GRCh38": ((10_001, 2_781_479), (155_701_383, 156_030_895)),
}


@dataclass(frozen=True, slots=True)
class Call:
    """What one genotype says of one allele.

    Attributes:
        copies: of the allele.
        called: copies of any allele that are known.
        ploidy: copies that there are, known or not.
        quality: GQ.
        share: of the reads that have the allele.
        haplotype: the phase set, and which of its two sides the allele is on.
    """

    copies: int
    called: int
    ploidy: int
    quality: float | None = None
    share: float | None = None
    haplotype: tuple[str, int] | None = None

    @property
    def is_sure(self) -> bool:
        """Whether its quality, if it is told, is good."""
        return self.quality is None or self.quality >= SURE_QUALITY

    @property
    def lacks_it(self) -> bool:
        """Whether the allele is not there, as far as was looked."""
        return self.called == self.ploidy > 0 and not self.copies


@dataclass(frozen=True, slots=True)
class Trio:
    """The calls of a patient and the parents; `None` for a parent who was not looked at."""

    patient: Call
    father: Call | None = None
    mother: Call | None = None

    @property
    def origin(self) -> str:
        """Who has it, too: `mother`, `father`, `both` or nothing."""
        has = [
            name
            for name, call in (("mother", self.mother), ("father", self.father))
            if call is not None and call.copies
        ]
        return "both" if len(has) == 2 else "".join(has)

    @property
    def other_parent_only(self) -> str:
        """Whose it can only be where one parent lacks it, and the other was not looked at."""
        if self.mother is None and self.father is not None and self.father.lacks_it:
            return "mother"
        if self.father is None and self.mother is not None and self.mother.lacks_it:
            return "father"
        return ""


def is_single_copy(assembly: str, name: str, pos: int, sex: str, call: Call) -> bool:
    """Whether the patient has one copy of a place: X and Y of a man but where they pair.

    Args:
        name: Of a canonical chromosome.
        pos: 1-based.
        sex: Of the patient; where it is not known, a call of one copy tells.
    """
    if name not in ("X", "Y"):
        return False
    if any(first <= pos <= last for first, last in _PAIRED[assembly]) and name == "X":
        return False
    return sex == "male" or (sex == UNKNOWN_SEX and call.ploidy == 1)


def zygosity(name: str, call: Call, *, single: bool) -> str:
    """`heterozygous`, `homozygous` or `hemizygous`; nothing for a mitochondrion."""
    if name == "MT":
        return ""
    if single or call.ploidy == 1:
        return "hemizygous"
    return "homozygous" if call.copies >= 2 else "heterozygous"


def inheritance_of(
    name: str, trio: Trio, *, single: bool, affected: Sequence[str] = ()
) -> Inheritance:
    """How one allele came to the patient, seen by itself.

    Args:
        name: Of a canonical chromosome.
        single: See `is_single_copy`.
        affected: Which of `father` and `mother` are ill.
    """
    if name == "MT":
        return Inheritance.MITOCHONDRIAL
    if single and name == "X":
        # A son has his X from his mother: what the father has says nothing.
        return _new(Trio(trio.patient, None, trio.mother), needed=1) or Inheritance.X_LINKED
    if single:
        return _new(Trio(trio.patient, trio.father), needed=1) or Inheritance.HETEROZYGOUS
    if trio.patient.copies >= 2:
        return Inheritance.HOMOZYGOUS
    new = _new(trio, needed=2)
    if new is not None:
        return new
    ill = [
        call for who, call in (("father", trio.father), ("mother", trio.mother)) if who in affected
    ]
    if any(call is not None and call.copies for call in ill):
        return Inheritance.SHARED
    return Inheritance.HETEROZYGOUS


def _new(trio: Trio, *, needed: int) -> Inheritance | None:
    """Whether no parent has it: for certain, perhaps, or not."""
    parents = [call for call in (trio.father, trio.mother) if call is not None]
    if len(parents) < needed or not all(call.lacks_it for call in parents):
        return None
    sure = all(call.is_sure for call in (trio.patient, *parents)) and not any(
        call.share is not None and call.share > FEW_READS for call in parents
    )
    return Inheritance.DE_NOVO if sure else Inheritance.MAYBE_DE_NOVO


def compound(one: Trio, other: Trio) -> Inheritance | None:
    """What two heterozygous alleles of one gene are together, `None` if they are on one copy."""
    if (sides := _sides(one, other)) is not None:
        return Inheritance.COMPOUND if sides else None
    first, second = (trio.origin or trio.other_parent_only for trio in (one, other))
    if {first, second} == {"mother", "father"}:
        return Inheritance.COMPOUND
    if first == second and first in ("mother", "father"):
        return None
    return Inheritance.MAYBE_COMPOUND


def _sides(one: Trio, other: Trio) -> bool | None:
    """Whether phase puts them on different copies; `None` where it does not tell."""
    mine, others = one.patient.haplotype, other.patient.haplotype
    if mine is None or others is None or mine[0] != others[0]:
        return None
    return mine[1] != others[1]
