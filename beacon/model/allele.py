"""The home of the allele: one change to one reference sequence, and who carries it.

Coordinates are interbase (0-based, half-open). An allele known by its bases is kept trimmed: bases
that reference and alternate share at the end are cut first, then those at the start. What a VCF
writes as `17 7577001 CAAG C` is `AAG` → nothing at [7577001, 7577004) with the anchor `C`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from beacon.model.assemblies import canonical_assembly, chromosome
from beacon.model.variant_types import type_of_bases, type_of_symbol

ALLELE_BASES_MAX = 4_000_000
"""Reference and alternate bases together that an allele may have and be kept by its bases."""

NO_INFO: Mapping[str, Any] = MappingProxyType({})


class UnreadableVariation(ValueError):
    """A variation that cannot be understood; the message says what is missing or wrong."""


class Spelling(NamedTuple):
    """One way to write an allele: interbase start, reference bases, alternate bases."""

    start: int
    reference_bases: str
    alternate_bases: str


class Zygosity(enum.IntEnum):
    """How many of a carrier's copies have the allele, as the codes of `Observation.zygosity`."""

    HET = 0
    HOM = 1
    HEMI = 2
    UNSPECIFIED = 3


def trim(start: int, reference_bases: str, alternate_bases: str) -> Spelling:
    """The trimmed spelling: shared bases cut from the end first, then from the start."""
    shorter = min(len(reference_bases), len(alternate_bases))
    cut = 0
    while cut < shorter and reference_bases[-1 - cut] == alternate_bases[-1 - cut]:
        cut += 1
    if cut:
        reference_bases = reference_bases[:-cut]
        alternate_bases = alternate_bases[:-cut]
        shorter -= cut
    cut = 0
    while cut < shorter and reference_bases[cut] == alternate_bases[cut]:
        cut += 1
    return Spelling(start + cut, reference_bases[cut:], alternate_bases[cut:])


class Allele(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One change, either known by its bases or, when `structural`, by its type and extent.

    Equal alleles are the same change. The anchor is no part of it: it repeats what the reference
    says, and a source that leaves it out tells of no other allele.

    Attributes:
        reference_name: canonical sequence name (`17`), or a file's own if it is none of the 25.
        start: first interbase position of the trimmed allele.
        end: last; equals `start` for insertions.
        reference_bases: trimmed, upper case; empty for insertions and structural alleles.
        alternate_bases: trimmed, upper case; empty for deletions and structural alleles.
        variant_type: `SNP`, `MNP`, `INS`, `DEL`, `INDEL`; `DUP`, `INV`, `CNV`, `BND`, …
        anchor: the base before `start`, when one allele is empty and the source wrote that base.
        structural: whether it is known by type and extent alone.
        info: what else is known of a structural allele: `alt` (the literal ALT), `svlen` (bases,
            positive), `mate`, `cipos`, `ciend`, `cn`. Only `alt`, `svlen` and `mate` identify it.

    """

    reference_name: str
    start: int
    end: int
    reference_bases: str
    alternate_bases: str
    variant_type: str
    anchor: str = ""
    structural: bool = False
    info: Mapping[str, Any] = NO_INFO

    @classmethod
    def from_vcf(
        cls, reference_name: str, pos: int, reference_bases: str, alternate_bases: str
    ) -> Allele:
        """The allele that `CHROM POS REF ALT` says; `pos` is 1-based, both alleles are bases."""
        return cls.from_bases(reference_name, pos - 1, reference_bases, alternate_bases)

    @classmethod
    def from_bases(
        cls, reference_name: str, start: int, reference_bases: str, alternate_bases: str
    ) -> Allele:
        """The allele of any spelling with bases, trimmed or not; `start` is interbase."""
        ref, alt = reference_bases.upper(), alternate_bases.upper()
        if len(ref) == 1 and len(alt) == 1:  # nearly every allele of a genome
            return cls(reference_name, start, start + 1, ref, alt, "SNP")
        if ref[:1] == alt[:1] and ref[-1:] != alt[-1:]:  # and nearly every indel
            if len(ref) == 1:
                return cls(reference_name, start + 1, start + 1, "", alt[1:], "INS", ref)
            if len(alt) == 1:
                return cls(reference_name, start + 1, start + len(ref), ref[1:], "", "DEL", alt)
        at, trimmed_ref, trimmed_alt = trim(start, ref, alt)
        # A substitution needs no base before it to be written down; only empty alleles do.
        anchored = at > start and not (trimmed_ref and trimmed_alt)
        return cls(
            reference_name,
            at,
            at + len(trimmed_ref),
            trimmed_ref,
            trimmed_alt,
            type_of_bases(trimmed_ref, trimmed_alt),
            ref[at - start - 1] if anchored else "",
        )

    @property
    def trimmed(self) -> Spelling:
        """Interbase start and bases without anything shared."""
        return Spelling(self.start, self.reference_bases, self.alternate_bases)

    @property
    def anchored(self) -> Spelling:
        """Interbase start and bases with the anchor, if it is known, else trimmed."""
        return Spelling(
            self.start - len(self.anchor),
            self.anchor + self.reference_bases,
            self.anchor + self.alternate_bases,
        )

    @property
    def vcf(self) -> tuple[int, str, str]:
        """1-based POS, REF and ALT; a base may be missing (empty) when the anchor is unknown."""
        start, reference_bases, alternate_bases = self.anchored
        return start + 1, reference_bases, alternate_bases

    def spellings(self) -> tuple[Spelling, ...]:
        """Every spelling that a sequence query may use: none, one, or trimmed and anchored."""
        if self.structural:
            return ()
        return (self.trimmed, self.anchored) if self.anchor else (self.trimmed,)

    @property
    def length(self) -> int:
        """Bases changed: the longer allele's, or the extent of a structural one."""
        if self.structural:
            return int(self.info.get("svlen") or self.end - self.start)
        return max(len(self.reference_bases), len(self.alternate_bases))

    @property
    def footprint(self) -> tuple[int, int]:
        """The interbase interval that range and bracket queries compare with; never empty.

        Insertions lie between two bases and are given the base before them, or the first base of
        the sequence. Alleles with a known anchor include it, as their VCF spelling does.
        """
        if self.anchor or self.start == self.end:
            start = max(self.start - 1, 0)
            return start, max(self.end, start + 1)
        return self.start, self.end

    @property
    def detail(self) -> str:
        """What sets a structural allele apart from others of its type and extent, or nothing."""
        if not self.structural:
            return ""
        literal = str(self.info.get("alt", ""))
        if self.variant_type == "BND":
            return str(self.info.get("mate", "")) if literal in ("", "<BND>") else literal
        symbol = literal[1:-1]
        parts = [symbol] if symbol not in ("", self.variant_type) else []
        if self.start == self.end and self.info.get("svlen"):
            parts.append(str(self.info["svlen"]))
        return "-".join(parts)

    def _identity(self) -> tuple[object, ...]:
        return (
            self.reference_name,
            self.start,
            self.end,
            self.reference_bases,
            self.alternate_bases,
            self.variant_type,
            self.structural,
            self.detail,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Allele):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())


class Called(NamedTuple):
    """Who was looked at at a site: rows with two alleles called there, and rows with one.

    A row in neither was not called, or not looked at. Neither set is changed once it is here.
    """

    twice: BitMap
    once: BitMap

    @property
    def allele_number(self) -> int:
        """Alleles called."""
        return 2 * len(self.twice) + len(self.once)


class Observation(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One allele of one dataset and who carries it.

    Attributes:
        allele: the allele.
        rows: the rows (sample slots) of its carriers, each once; shape (carriers,), uint32.
        zygosity: `Zygosity` codes in the same order; shape (carriers,), uint8.
        called: who was looked at; `None` where only carriers are known.
        allele_number: alleles called at the site; 0 is unknown.
        allele_count: alleles seen, when it is stated and cannot be counted from the carriers.
        annotation: what else is said of the allele, in the properties of a genomic variation
            record. It is added to what is known already, unless the observation is `asserted`.
        asserted: whether `annotation` is a whole record, which takes the place of an older one and
            says that the variant is there, whether or not it names carriers.
        strata: counts by population, shape (populations, 5), int64: allele count, allele number,
            heterozygous, homozygous and hemizygous *people*; -1 is not stated. The populations
            are those that `Load.populations` named, the first of them everybody.
        samples: the rows that it decides of, whatever was said before; `None` is all samples of the
            file, or nobody but the carriers where no more is known. Of others that are `called`
            it tells where nothing else does. Shape (samples,), uint32.

    """

    allele: Allele
    rows: NDArray[np.uint32]
    zygosity: NDArray[np.uint8]
    called: Called | None = None
    allele_number: int = 0
    allele_count: int | None = None
    annotation: Mapping[str, Any] | None = None
    asserted: bool = False
    strata: NDArray[np.int64] | None = None
    samples: NDArray[np.uint32] | None = None


_MATE = re.compile(r"[\[\]](?P<mate>[^\[\]]+:\d+)[\[\]]")
# Alternate alleles of gVCFs that stand for "anything else", not for a change.
_NOT_A_CHANGE = frozenset(("<*>", "<NON_REF>", "<X>", "*", ".", ""))


def structural_from_vcf(
    reference_name: str,
    pos: int,
    ref: str,
    alt: str,
    *,
    end: int | None = None,
    svlen: int | None = None,
    info: Mapping[str, Any] = NO_INFO,
) -> Allele:
    """The structural allele that a symbolic ALT or a breakend says.

    Args:
        reference_name: canonical sequence name.
        pos: 1-based POS: the base before a symbolic allele, the base at a breakend.
        ref: REF; it adds nothing to a symbolic allele and only fills in for a missing END.
        alt: `<DEL>`, `<DUP:TANDEM>`, `<CN0>`, `G]17:198982]`, …
        end: INFO/END, 1-based inclusive.
        svlen: INFO/SVLEN of this allele; its sign is ignored.
        info: what else to keep, by the names that `Allele.info` lists.

    Raises:
        UnreadableVariation: ALT stands for no change, or END lies before POS.

    """
    if alt in _NOT_A_CHANGE:
        raise UnreadableVariation(f"ALT {alt!r} stands for no change")
    extras = {**info, "alt": alt}
    if not alt.startswith("<"):
        if mate := _MATE.search(alt):
            extras["mate"] = mate["mate"]
        return Allele(reference_name, pos - 1, pos, "", "", "BND", structural=True, info=extras)
    variant_type = type_of_symbol(alt[1:-1])
    # Some callers write -1 for "unknown" where nothing of that length was lost.
    known = svlen if svlen and (svlen > 0 or variant_type == "DEL" or svlen < -1) else None
    if known and variant_type != "BND":
        extras["svlen"] = abs(known)
    if variant_type == "BND":
        start, stop = pos - 1, pos
    elif variant_type == "INS":
        start, stop = pos, pos
    else:
        # VCF POS is the base before, so the change starts at interbase POS; END is its last base.
        start = pos
        stop = end if end is not None else pos + abs(known or len(ref) - 1)
        if stop < start:
            raise UnreadableVariation(f"END {end} lies before POS {pos}")
    return Allele(reference_name, start, stop, "", "", variant_type, structural=True, info=extras)


def internal_id(allele: Allele, assembly: str) -> str:
    """The `variantInternalId` of an allele that has none of its own, the same on every load.

    By bases `GRCh38-17-7577121-G-A`, as in VCF; structural `GRCh38-17-7438503-8115886-DEL`: first
    and last base (1-based), type, and `Allele.detail` if there is any.
    """
    if allele.structural:
        where = f"{assembly}-{allele.reference_name}-{allele.start + 1}-{allele.end}"
        detail = f"-{allele.detail}" if allele.detail else ""
        return f"{where}-{allele.variant_type}{detail}"
    pos, ref, alt = allele.vcf
    return f"{assembly}-{allele.reference_name}-{pos}-{ref}-{alt}"


_DIGITS_MAX = 10  # no sequence is that long, and Python refuses to read very long numbers
_INTERNAL_ID = re.compile(
    rf"(?P<assembly>[^-]+)-(?P<name>[^-]+)-(?P<pos>[1-9]\d{{0,{_DIGITS_MAX - 1}}})-(?:"
    r"(?P<ref>[A-Z]*)-(?P<alt>[A-Z]*)"
    rf"|(?P<end>\d{{1,{_DIGITS_MAX}}})-(?P<type>[^-]+)(?:-(?P<detail>.+))?)"
)


def parse_internal_id(text: str) -> tuple[str, Allele] | None:
    """Assembly and allele of an id that `internal_id` wrote, `None` for any other text."""
    parts = _INTERNAL_ID.fullmatch(text)
    if parts is None:
        return None
    assembly, name = parts["assembly"], parts["name"]
    if canonical_assembly(assembly) != assembly or chromosome(name) != name:
        return None
    start = int(parts["pos"]) - 1
    if parts["end"] is None:
        allele = Allele.from_bases(name, start, parts["ref"], parts["alt"])
    else:
        end, variant_type = int(parts["end"]), parts["type"]
        info = _info_of_detail(variant_type, parts["detail"] or "", insertion=start == end)
        allele = Allele(name, start, end, "", "", variant_type, structural=True, info=info)
    return (assembly, allele) if internal_id(allele, assembly) == text else None


def _info_of_detail(variant_type: str, detail: str, *, insertion: bool) -> dict[str, Any]:
    if variant_type == "BND":
        if ":" in detail and not _MATE.search(detail):
            return {"alt": "<BND>", "mate": detail}
        mate = _MATE.search(detail)
        return {"alt": detail or "<BND>"} | ({"mate": mate["mate"]} if mate else {})
    info: dict[str, Any] = {}
    symbol, _, last = detail.rpartition("-")
    if insertion and last.isdecimal() and len(last) <= _DIGITS_MAX:
        detail, info["svlen"] = symbol, int(last)
    info["alt"] = f"<{detail or variant_type}>"
    return info
