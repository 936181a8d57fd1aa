"""The home of genomic HGVS expressions: read from a question, written for an allele.

`NC_000017.11:g.7577121G>A`: positions are 1-based and inclusive, and indels stand at the rightmost
place that the reference lets them. https://hgvs-nomenclature.org
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from beacon.model.allele import Allele, Spelling
from beacon.model.assemblies import ASSEMBLIES, chromosome, implied_assembly, length, refseq
from beacon.model.normalisation import Room, is_movable, room
from beacon.model.reference import Bases, reverse_complement

Change = Literal["substitution", "del", "ins", "dup", "inv"]

LONGEST = 10_000
"""Bases of a `del`, `dup` or `inv` that are filled in from a reference; longer ones keep theirs."""

_EXPRESSION = re.compile(
    r"\s*(?:HGVSid:)?(?P<name>[^:\s]+(?::[^:\s]+)?):(?P<kind>[gm])\."
    r"(?P<first>[1-9]\d{0,9})(?:_(?P<last>[1-9]\d{0,9}))?"
    r"(?:(?P<ref>[ACGTN]+)>(?P<alt>[ACGTN]+)"
    r"|del(?P<deleted>[ACGTN]*|\d{1,10})(?:ins(?P<replacement>[ACGTN]+))?"
    r"|ins(?P<inserted>[ACGTN]+)"
    r"|dup(?P<doubled>[ACGTN]*|\d{1,10})"
    r"|inv(?P<turned>[ACGTN]*|\d{1,10}))\s*"
)
_PLAIN = frozenset("ACGT")


class GenomicName(NamedTuple):
    """What an expression says.

    Attributes:
        assembly: that the accession fixes; `None` for `chr17` and the mitochondrion.
        reference_name: canonical sequence name.
        change: `substitution` is also what replaces several bases, by as many or by others.
        start: interbase; of an insertion the point between its two bases.
        end: interbase; equals `start` for insertions alone.
        reference_bases: as written, `None` where it does not write them.
        alternate_bases: what is put in their place or between; `None` where that follows from the
            reference (`dup` and `inv` without bases).

    """

    assembly: str | None
    reference_name: str
    change: Change
    start: int
    end: int
    reference_bases: str | None
    alternate_bases: str | None

    def spelling(self, bases: Bases | None = None) -> Spelling | None:
        """The allele by its bases; `None` where neither expression nor reference has them.

        Args:
            bases: of the assembly that the expression is on. Bases that are written count, whatever
                the reference has there.

        """
        reference_bases = self.reference_bases
        if reference_bases is None:
            if bases is None or self.end - self.start > LONGEST:
                return None
            reference_bases = bases(self.reference_name, self.start, self.end)
            if len(reference_bases) != self.end - self.start:
                return None
        match self.change:
            case "dup":
                return Spelling(self.end, "", reference_bases)
            case "inv":
                return Spelling(self.start, reference_bases, reverse_complement(reference_bases))
        return Spelling(self.start, reference_bases, self.alternate_bases or "")


def parse_genomic(text: str) -> GenomicName | None:
    """What a genomic or mitochondrial expression says, `None` for any other text.

    Read are substitutions, `del`, `ins`, `delins`, `dup` and `inv`, with or without the bases they
    take away, on any name of one of the 25 sequences. Not read are uncertain positions, repeats,
    `=`, and positions that the sequence does not have.
    """
    parts = _EXPRESSION.fullmatch(text)
    name = chromosome(parts["name"]) if parts else None
    if parts is None or name is None or (parts["kind"] == "m" and name != "MT"):
        return None
    assembly = implied_assembly(parts["name"])
    start, end = int(parts["first"]) - 1, int(parts["last"] or parts["first"])
    if parts["last"] is None and parts["ref"] is not None:
        end = start + len(parts["ref"])
    known = (assembly,) if assembly else tuple(ASSEMBLIES)
    if start >= end or end > max(length(one, name) for one in known):
        return None
    where = assembly, name
    change: Change
    alternate: str | None
    if parts["inserted"] is not None:
        # Between two neighbours: 100_101insA.
        if end != start + 2:
            return None
        return GenomicName(*where, "ins", start + 1, start + 1, "", parts["inserted"])
    if parts["ref"] is not None:
        stated, alternate, change = parts["ref"], parts["alt"], "substitution"
    elif parts["deleted"] is not None:
        stated, alternate = parts["deleted"], parts["replacement"] or ""
        change = "substitution" if alternate else "del"
    elif parts["doubled"] is not None:
        stated, alternate, change = parts["doubled"], None, "dup"
    else:
        stated, alternate, change = parts["turned"], None, "inv"
    if stated.isdecimal():  # a length, as was once allowed
        if int(stated) != end - start:
            return None
        stated = ""
    if (stated and len(stated) != end - start) or (change == "inv" and end - start < 2):
        return None
    return GenomicName(*where, change, start, end, stated or None, alternate)


def genomic(
    allele: Allele, assembly: str, bases: Bases | None = None, space: Room | None = None
) -> str | None:
    """The expression for an allele, `None` where there is none.

    Args:
        assembly: canonical.
        bases: of that assembly; insertions and deletions need them, as they are written at the
            rightmost place and an insertion that repeats what is before it is a `dup`.
        space: what `room` says of the allele, if it was asked already.

    Returns:
        `None` for structural alleles, for bases other than A, C, G and T, for sequences without an
        accession, and for what needs a reference that is not there.

    """
    if allele.structural or allele.reference_name not in ASSEMBLIES.get(assembly, ()):
        return None
    ref, alt = allele.reference_bases, allele.alternate_bases
    if not (_PLAIN.issuperset(ref) and _PLAIN.issuperset(alt)):
        return None
    name = allele.reference_name
    prefix = f"{refseq(assembly, name)}:{'m' if name == 'MT' else 'g'}."
    if len(ref) == 1 and len(alt) == 1:
        return f"{prefix}{allele.end}{ref}>{alt}"
    if not is_movable(allele):
        turned = len(ref) == len(alt) and alt == reverse_complement(ref)
        return f"{prefix}{_span(allele.start, allele.end)}{'inv' if turned else f'delins{alt}'}"
    if bases is None or (space := space or room(allele, bases)) is None:
        return None
    start, end = allele.start + space.right, allele.end + space.right
    if ref:
        return f"{prefix}{_span(start, end)}del"
    turn = space.right % len(alt)
    alt = alt[turn:] + alt[:turn]
    if start >= len(alt) and bases(name, start - len(alt), start) == alt:
        return f"{prefix}{_span(start - len(alt), start)}dup"
    # Before the first base there is no base to stand after.
    return f"{prefix}{start}_{start + 1}ins{alt}" if start else None


def _span(start: int, end: int) -> str:
    """An interval as HGVS writes it: first and last base, or the only one."""
    return f"{end}" if end - start == 1 else f"{start + 1}_{end}"
