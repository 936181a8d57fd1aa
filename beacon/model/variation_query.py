"""The home of what a genomic variation query means: which combinations are questions, and matching.

`check_variation` refuses what is no question, `check_reference` what could mean several assemblies,
and `interpret` translates a question for one dataset into a `VariationCondition`, whose `matches`
is the definition that every source has to agree with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec

from beacon.framework.errors import InvalidRequest
from beacon.framework.query import VariationQuery
from beacon.model.assemblies import asked_assembly, chromosome, length, resolve
from beacon.model.variant_types import types_accepted
from beacon.model.variation import Allele, trim

Kind = Literal["sequence", "range", "bracket", "reference", "gene", "annotation", "any"]

Genes = Callable[[str, str], tuple[str, int, int] | None]
"""(assembly, symbol) → (canonical sequence name, interbase start, end), `None` if not known."""

MAX_POSITION = 2**31 - 1
"""Beyond any chromosome; larger bounds are lowered to it, so that stores may keep 32 bits."""

_MAX_INTEGER = 2**63 - 1
_BASES = re.compile(r"[ACGTUNRYSWKMBDHV]*")
_WILDCARD = re.compile(r"[^ACGT]")
_IUPAC = {
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
    "N": "A-Z",
}


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
        short_form: equals one of the HGVS expressions in `identifiers`.

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

    def matches(self, allele: Allele, annotation: Mapping[str, Any] | None = None) -> bool:
        """Whether the allele is asked for; `annotation` is its genomic variation record, if any.

        Whether anybody was seen to carry it is not decided here.
        """
        return (
            self.matches_allele(allele)
            and self._matches_gene(allele, annotation)
            and self.matches_annotation(annotation)
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

    def matches_annotation(self, annotation: Mapping[str, Any] | None) -> bool:
        """Whether amino acid change and HGVS expression fit."""
        change, form = self.aminoacid_change, self.short_form
        return (change is None or change in aminoacid_changes(annotation)) and (
            form is None or form in short_forms(annotation)
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
    """Genomic, transcript and protein HGVS expressions of a genomic variation record."""
    identifiers = _part(annotation, "identifiers")
    return (
        _texts(identifiers.get("genomicHGVSId"))
        | _texts(identifiers.get("transcriptHGVSIds"))
        | _texts(identifiers.get("proteinHGVSIds"))
    )


def _part(annotation: Mapping[str, Any] | None, key: str) -> Mapping[str, Any]:
    part = (annotation or {}).get(key)
    return part if isinstance(part, Mapping) else {}


def _texts(value: object) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset((value.strip(),))
    if isinstance(value, list | tuple):
        return frozenset(item.strip() for item in value if isinstance(item, str))
    return frozenset()


def check_variation(query: VariationQuery) -> None:
    """Refuse parameters that are no question, or not one that has one meaning.

    Raises:
        InvalidRequest: says which parameter and what would be right.

    """
    if query.mate_name is not None:
        raise InvalidRequest("mateName is not supported; ask for variantType BND at a position.")
    _check_positions(query)
    _check_bases("referenceBases", query.reference_bases)
    _check_bases("alternateBases", query.alternate_bases)
    if query.reference_bases == "" and query.alternate_bases == "":
        raise InvalidRequest("referenceBases and alternateBases are both empty: nothing changed.")
    _check_lengths(query)
    for name, text in (
        ("variantType", query.variant_type),
        ("geneId", query.gene_id),
        ("aminoacidChange", query.aminoacid_change),
        ("genomicAlleleShortForm", query.genomic_allele_short_form),
    ):
        if text is not None and not text.strip():
            raise InvalidRequest(f"{name} is empty; leave it out or give a value.")
    asked_assembly(query.reference_name, query.assembly_id)


def _check_positions(query: VariationQuery) -> None:
    start, end = query.start, query.end
    for name, values in (("start", start), ("end", end)):
        if len(values) > 2:
            raise InvalidRequest(f"{name} has {len(values)} values; 1 or 2 are possible.")
        if any(not 0 <= value <= _MAX_INTEGER for value in values):
            raise InvalidRequest(f"{name} must be 0 or more (0-based) and fit 64 bits.")
    if (start or end) and query.reference_name is None:
        raise InvalidRequest("start and end need a referenceName.")
    if len(start) == 1 and not end:
        if query.alternate_bases is None:
            raise InvalidRequest(
                "start without end asks for one allele and needs alternateBases; "
                "add end to ask for a range."
            )
    elif len(start) != len(end):
        raise InvalidRequest(
            f"start has {len(start)} and end {len(end)} values; give one of each for a range, "
            "two of each for a bracket, or start alone with alternateBases."
        )
    elif len(start) == 1:
        if start[0] >= end[0]:
            raise InvalidRequest(f"a range needs start < end; {start[0]} and {end[0]} were given.")
    else:
        for name, values in (("start", start), ("end", end)):
            if values and values[0] > values[1]:
                raise InvalidRequest(f"{name} must be given as lower,upper bound.")


def _check_bases(name: str, bases: str | None) -> None:
    if bases is None or _BASES.fullmatch(bases):
        return
    if bases.startswith("<"):
        raise InvalidRequest(f"{name} takes bases; for {bases} use variantType.")
    if _BASES.fullmatch(bases.upper()):
        raise InvalidRequest(f"{name} must be upper case.")
    raise InvalidRequest(f"{name} takes A, C, G, T, N and the other IUPAC codes, or nothing.")


def _check_lengths(query: VariationQuery) -> None:
    low, high = query.variant_min_length, query.variant_max_length
    if low is not None and not 0 <= low <= _MAX_INTEGER:
        raise InvalidRequest("variantMinLength must be 0 or more and fit 64 bits.")
    if high is not None and not 1 <= high <= _MAX_INTEGER:
        raise InvalidRequest("variantMaxLength must be 1 or more and fit 64 bits.")
    if low is not None and high is not None and low > high:
        raise InvalidRequest(f"variantMinLength {low} is above variantMaxLength {high}.")


def check_reference(query: VariationQuery, served: Collection[str]) -> None:
    """Refuse a sequence that could be of several of the assemblies `served`.

    Call it once with the assemblies of all visible datasets, before `interpret` for each of them.

    Raises:
        InvalidRequest: a bare chromosome, no assemblyId, and more than one assembly served.

    """
    if query.reference_name is not None and served:
        resolve(query.reference_name, query.assembly_id, served)


def not_applicable(query: VariationQuery, assembly: str) -> str | None:
    """Why the query cannot concern a dataset on `assembly`, `None` if it can."""
    asked = asked_assembly(query.reference_name, query.assembly_id)
    if asked is None or asked == assembly:
        return None
    return f"the query is on {asked}, this dataset on {assembly}"


def interpret(query: VariationQuery, assembly: str, genes: Genes) -> VariationCondition | None:
    """What the query asks of a dataset on `assembly`; `None` if it is about another assembly.

    `not_applicable` tells why. The query has passed `check_variation` and, where several assemblies
    are served, `check_reference`; a bare chromosome is taken to be one of `assembly`.
    """
    if not_applicable(query, assembly) is not None:
        return None
    name = None if query.reference_name is None else chromosome(query.reference_name)
    end = tuple(min(position, MAX_POSITION) for position in query.end)
    if len(end) == 2 and name is not None and end[1] >= length(assembly, name):
        # The upper bound is exclusive, but whoever names the end of the sequence means all of it.
        end = (end[0], MAX_POSITION)
    kind = _kind(query)
    gene_id = _stripped(query.gene_id)
    asked_type = query.variant_type
    return VariationCondition(
        assembly=assembly,
        kind=kind,
        reference_name=name,
        start=tuple(min(position, MAX_POSITION) for position in query.start),
        end=end,
        spellings=_spellings(
            query, min(query.start[0], MAX_POSITION) if kind == "sequence" else None
        ),
        types=None if asked_type is None else types_accepted(asked_type, structural=False),
        structural_types=(
            None if asked_type is None else types_accepted(asked_type, structural=True)
        ),
        min_length=_lowered(query.variant_min_length),
        max_length=_lowered(query.variant_max_length),
        gene_id=gene_id,
        gene_region=None if gene_id is None else genes(assembly, gene_id),
        aminoacid_change=_stripped(query.aminoacid_change),
        short_form=_stripped(query.genomic_allele_short_form),
    )


def _kind(query: VariationQuery) -> Kind:
    if query.start:
        return "bracket" if len(query.start) == 2 else "range" if query.end else "sequence"
    if query.gene_id is not None:
        return "gene"
    if query.aminoacid_change is not None or query.genomic_allele_short_form is not None:
        return "annotation"
    return "any" if query.reference_name is None else "reference"


def _spellings(query: VariationQuery, start: int | None) -> tuple[Pattern, ...]:
    """What is asked for as asked and, at a known position, trimmed too: stores know both forms."""
    ref, alt = _as_dna(query.reference_bases), _as_dna(query.alternate_bases)
    if ref is None and alt is None:
        return ()
    given = Pattern(start, ref, alt)
    if start is None or ref is None or alt is None or ref == alt:
        # Without a position the first base is all that tells CA>C from TA>T: it must stay.
        return (given,)
    # Codes in lower case on one side: two wildcards are two bases, not a shared one to cut.
    trimmed = trim(start, _WILDCARD.sub(lambda code: code[0].lower(), ref), alt)
    shorter = Pattern(trimmed.start, trimmed.reference_bases.upper(), trimmed.alternate_bases)
    return (given,) if shorter == given else (given, shorter)


def _as_dna(bases: str | None) -> str | None:
    return None if bases is None else bases.replace("U", "T")


def _stripped(text: str | None) -> str | None:
    return None if text is None else text.strip()


def _lowered(bound: int | None) -> int | None:
    return None if bound is None else min(bound, MAX_POSITION)
