"""The home of what a text says before it is known which assembly it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass

from beacon.model.allele import trim
from beacon.model.assemblies import chromosome, implied_assembly
from beacon.portal.reading.values import Doubt, NotRead

BASES = re.compile(r"[ACGTUNRYSWKMBDHV]+")
_PLAIN = frozenset("ACGT")
_NUMBERS = {"23": "X", "24": "Y", "25": "MT", "26": "MT"}
_NUCLEAR = re.compile(r"NC_0000(?:0[1-9]|1[0-9]|2[0-4])")
_POSITION_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Sequence:
    """A chromosome as it was named: canonically, and the assembly that an accession fixes."""

    name: str
    assembly: str | None = None
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """An allele by its bases.

    Attributes:
        start: interbase.
        reference_bases: upper case, N where they were not said.
        expression: what followed the accession, if it was genomic HGVS.
        others: other ways to read the same.
    """

    sequence: Sequence
    start: int
    reference_bases: str
    alternate_bases: str
    expression: str | None = None
    doubts: tuple[Doubt, ...] = ()
    others: tuple[Written, ...] = ()

    @property
    def last(self) -> int:
        """The last base that it needs, 1-based."""
        return max(self.start + len(self.reference_bases), 1)


@dataclass(frozen=True, slots=True)
class Range:
    """A region, 0-based and half-open, or variants of one type in it; `end` `None` is all of it."""

    sequence: Sequence
    start: int
    end: int | None
    variant_type: str | None = None
    doubts: tuple[Doubt, ...] = ()
    others: tuple[Written, ...] = ()

    @property
    def last(self) -> int:
        """The last base that it needs, 1-based."""
        return self.end or 1


@dataclass(frozen=True, slots=True)
class Bracket:
    """A structural variant by where it begins and ends, both 0-based and half-open.

    `expression` is what follows the accession in HGVS, where that was typed.
    """

    sequence: Sequence
    starts: tuple[int, int]
    ends: tuple[int, int] | None
    variant_type: str
    expression: str | None = None
    doubts: tuple[Doubt, ...] = ()
    others: tuple[Written, ...] = ()

    @property
    def last(self) -> int:
        """The last base that it needs, 1-based."""
        return self.starts[1] if self.ends is None else self.ends[1] - 1


@dataclass(frozen=True, slots=True)
class Unspelt:
    """A genomic expression that does not write its bases: what follows the accession."""

    sequence: Sequence
    expression: str
    start: int
    end: int
    doubts: tuple[Doubt, ...] = ()
    others: tuple[Written, ...] = ()

    @property
    def last(self) -> int:
        """The last base that it needs, 1-based."""
        return self.end


Written = Change | Range | Bracket | Unspelt


def named_sequence(text: str, *, is_ucsc: bool = False) -> Sequence:
    """The sequence that is called this.

    Raises:
        NotRead: it is none of the 25, or the mitochondrion of another reference.
    """
    bare = text.strip()
    short = re.sub(r"^chr[_.]?", "", bare, flags=re.IGNORECASE)
    if (number := _NUMBERS.get(short)) is not None:
        doubt = Doubt("chromosome_number", {"number": short, "name": number})
        return Sequence(number, None, (doubt,))
    name = chromosome(bare) or chromosome(short)
    if name is not None:
        assembly = implied_assembly(bare)
        doubts: tuple[Doubt, ...] = ()
        if assembly is None and name != "MT" and "_" in bare:
            doubts = (Doubt("version_missing", {"accession": bare.upper()}),)
        ucsc = is_ucsc and name == "MT"
        return Sequence(name, assembly, (Doubt("mitochondrion"),) if ucsc else doubts)
    accession, _, version = bare.upper().partition(".")
    if accession == "NC_001807":
        raise NotRead("other_mitochondrion")
    if version and (_NUCLEAR.fullmatch(accession) or accession == "NC_012920"):
        known = chromosome(accession)
        if known is not None:
            return Sequence(known, None, (Doubt("version_unknown", {"accession": bare.upper()}),))
    raise NotRead("chromosome_unknown", name=bare)


def position(text: str) -> int:
    """A 1-based position.

    Raises:
        NotRead: it is 0, or longer than that of any chromosome.
    """
    if len(text.lstrip("0")) > _POSITION_DIGITS:
        raise NotRead("position_too_large", position=text)
    if not (value := int(text)):
        raise NotRead("position_zero")
    return value


def as_bases(text: str) -> str:
    """Bases in upper case, U as T.

    Raises:
        NotRead: there are other letters.
    """
    upper = text.upper()
    if not BASES.fullmatch(upper):
        raise NotRead("bases", bases=text)
    return upper.replace("U", "T")


def is_plain(bases: str) -> bool:
    """Whether it is A, C, G and T alone."""
    return _PLAIN.issuperset(bases)


def of_bases(
    sequence: Sequence,
    start: int,
    reference_bases: str,
    alternates: tuple[str, ...],
    doubts: tuple[Doubt, ...] = (),
    *,
    expression: str | None = None,
) -> Change:
    """A change to the first of these alternates; changes to the rest are other readings.

    Raises:
        NotRead: nothing changes, or bases that are not certain are all there is.
    """
    changes: list[Change] = []
    for alternate in dict.fromkeys(alternates):
        if alternate != reference_bases:
            _check_nameable(start, reference_bases, alternate)
            codes = "" if is_plain(alternate) else "".join(sorted(set(alternate) - _PLAIN))
            unsure = (Doubt("ambiguity_code", {"codes": codes}),) if codes else ()
            changes.append(
                Change(sequence, start, reference_bases, alternate, expression, unsure + doubts)
            )
    if not changes:
        raise NotRead("no_change")
    first, *rest = changes
    if not rest:
        return first
    several = Doubt("several_alternates", {"count": str(len(changes))})
    return Change(
        sequence,
        start,
        reference_bases,
        first.alternate_bases,
        expression,
        (several, *first.doubts),
        tuple(rest),
    )


def _check_nameable(start: int, reference_bases: str, alternate_bases: str) -> None:
    """Refuse a deletion or insertion of uncertain bases with no base before it: nothing names it.

    Raises:
        NotRead: it is one.
    """
    at, ref, alt = trim(start, reference_bases, alternate_bases)
    if at == start and not (ref and alt) and not is_plain((ref or alt).replace("N", "")):
        raise NotRead("bases", bases=ref or alt)
