"""The home of what is asked of alleles: one dataset's condition, and when an allele meets it.

`VariationCondition.matches` is the definition that every source has to agree with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec

from beacon.model.allele import Allele
from beacon.model.reference import AMBIGUITY_CODES

Kind = Literal["sequence", "range", "bracket", "reference", "gene", "annotation", "any"]

MAX_POSITION = 2**31 - 1
"""Beyond any chromosome; larger bounds are lowered to it, so that stores may keep 32 bits."""

_IUPAC = {**AMBIGUITY_CODES, "N": "A-Z"}


class Pattern(NamedTuple):
    """A spelling as asked: `None` is "any"; an IUPAC code in bases stands for one base."""

    start: int | None
    reference_bases: str | None
    alternate_bases: str | None


class VariationCondition(msgspec.Struct, frozen=True, kw_only=True):
    """A question about variation, for one dataset. Everything that is set must hold.

    Attributes:
        assembly: the dataset's assembly, which all coordinates are on.
        kind: the shape of the question. Positions decide (`sequence`, `range`, `bracket`), else
            `reference` (a whole sequence), `gene`, `annotation`, or `any` (type or length alone).
        reference_name: canonical sequence name.
        start: interbase; one position (`sequence`, `range`) or two, half-open (`bracket`).
        end: one position (`range`) or two (`bracket`), half-open.
        spellings: what `referenceBases` and `alternateBases` ask for; one of them must fit one
            spelling of the allele. Empty: not asked.
        types: accepted types of alleles known by their bases, upper case. `None`: not asked.
        structural_types: the same of structural alleles.
        min_length: bases, inclusive.
        max_length: bases, inclusive.
        gene_id: symbol; the allele overlaps `gene_region`, or is annotated with the gene.
        gene_region: sequence name, interbase start, end. `None`: position of the gene not known.
        aminoacid_change: equals one of `molecularAttributes.aminoacidChanges`.
        short_form: equals one of the HGVS expressions or rsIDs in `identifiers`, or says in
            `named` which allele it is.
        named: the alleles that `short_form` stands for, if it can be read: one of these will do.

    """

    assembly: str
    kind: Kind
    reference_name: str | None = None
    start: tuple[int, ...] = ()
    end: tuple[int, ...] = ()
    spellings: tuple[Pattern, ...] = ()
    types: frozenset[str] | None = None
    structural_types: frozenset[str] | None = None
    min_length: int | None = None
    max_length: int | None = None
    gene_id: str | None = None
    gene_region: tuple[str, int, int] | None = None
    aminoacid_change: str | None = None
    short_form: str | None = None
    named: tuple[VariationCondition, ...] = ()

    def matches(self, allele: Allele, annotation: Mapping[str, Any] | None = None) -> bool:
        """Whether the allele is asked for; `annotation` is its genomic variation record, if any.

        Whether anybody was seen to carry it is not decided here.
        """
        return (
            self.matches_allele(allele)
            and self._matches_gene(allele, annotation)
            and self._matches_aminoacid_change(annotation)
            and self._matches_short_form(allele, annotation)
        )

    def matches_allele(self, allele: Allele) -> bool:
        """Whether position, bases, type and length fit."""
        return (
            (self.reference_name is None or allele.reference_name == self.reference_name)
            and self._matches_position(allele)
            and self._matches_bases(allele)
            and self._matches_type(allele)
            and (self.min_length is None or allele.length >= self.min_length)
            and (self.max_length is None or allele.length <= self.max_length)
        )

    def _matches_position(self, allele: Allele) -> bool:
        start, end = allele.footprint
        if self.kind == "range":
            return start < self.end[0] and end > self.start[0]
        if self.kind == "bracket":
            return self.start[0] <= start < self.start[1] and self.end[0] <= end < self.end[1]
        return True  # a sequence query's position is part of its spellings

    def _matches_bases(self, allele: Allele) -> bool:
        return not self.spellings or any(
            (asked.start is None or asked.start == written.start)
            and bases_match(asked.reference_bases, written.reference_bases)
            and bases_match(asked.alternate_bases, written.alternate_bases)
            for asked in self.spellings
            for written in allele.spellings()
        )

    def _matches_type(self, allele: Allele) -> bool:
        accepted = self.structural_types if allele.structural else self.types
        return accepted is None or allele.variant_type.upper() in accepted

    def _matches_gene(self, allele: Allele, annotation: Mapping[str, Any] | None) -> bool:
        if self.gene_id is None or self.gene_id in gene_ids(annotation):
            return True
        if self.gene_region is None:
            return False
        name, gene_start, gene_end = self.gene_region
        start, end = allele.footprint
        return allele.reference_name == name and start < gene_end and end > gene_start

    def _matches_aminoacid_change(self, annotation: Mapping[str, Any] | None) -> bool:
        change = self.aminoacid_change
        return change is None or change in aminoacid_changes(annotation)

    def _matches_short_form(self, allele: Allele, annotation: Mapping[str, Any] | None) -> bool:
        form = self.short_form
        return (
            form is None
            or form in short_forms(annotation)
            or any(one.matches_allele(allele) for one in self.named)
        )


_RS_ID = re.compile(r"(?:dbsnp:)?(?P<id>rs[0-9]+)", re.IGNORECASE)


@lru_cache(maxsize=4096)
def bases_pattern(bases: str) -> str:
    """An anchored regular expression of asked bases: IUPAC codes stand for exactly one base."""
    return f"^{''.join(f'[{_IUPAC[base]}{base}]' if base in _IUPAC else base for base in bases)}$"


def has_wildcards(bases: str) -> bool:
    """Whether asked bases hold any code that stands for several bases."""
    return any(base in _IUPAC for base in bases)


def bases_match(asked: str | None, written: str) -> bool:
    """Whether written bases are what was asked, position by position and of the same length."""
    if asked is None:
        return True
    # The lengths first: a pattern as long as a request allows takes seconds to compile.
    return len(asked) == len(written) and re.search(bases_pattern(asked), written) is not None


def gene_ids(annotation: Mapping[str, Any] | None) -> frozenset[str]:
    """Gene symbols of a genomic variation record."""
    return _texts(_part(annotation, "molecularAttributes").get("geneIds"))


def aminoacid_changes(annotation: Mapping[str, Any] | None) -> frozenset[str]:
    """Amino acid changes of a genomic variation record."""
    return _texts(_part(annotation, "molecularAttributes").get("aminoacidChanges"))


def short_forms(annotation: Mapping[str, Any] | None) -> frozenset[str]:
    """Genomic, transcript and protein HGVS expressions of a genomic variation record, and rsIDs.

    The specification has no other parameter for what a variant is called.
    """
    identifiers = _part(annotation, "identifiers")
    return (
        _texts(identifiers.get("genomicHGVSId"))
        | _texts(identifiers.get("transcriptHGVSIds"))
        | _texts(identifiers.get("proteinHGVSIds"))
        | _rs_ids(identifiers.get("variantAlternativeIds"))
    )


def _rs_ids(alternatives: object) -> frozenset[str]:
    """`rs80357065` of `dbSNP:rs80357065`, in a list of other ids."""
    if not isinstance(alternatives, list | tuple):
        return frozenset()
    ids = (one.get("id") for one in alternatives if isinstance(one, Mapping))
    found = (_RS_ID.fullmatch(one.strip()) for one in ids if isinstance(one, str))
    return frozenset(one["id"].lower() for one in found if one is not None)


def _part(annotation: Mapping[str, Any] | None, key: str) -> Mapping[str, Any]:
    part = (annotation or {}).get(key)
    return part if isinstance(part, Mapping) else {}


def _texts(value: object) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset((value.strip(),))
    if isinstance(value, list | tuple):
        return frozenset(item.strip() for item in value if isinstance(item, str))
    return frozenset()
