"""The home of what a genomic variation query means: which combinations are questions, and matching.

`check_variation` refuses what is no question, `check_reference` what could mean several assemblies,
and `interpret` translates a question for one dataset into a `VariationCondition`. Conditions
themselves live in `variation_condition.py` and are importable from here too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from beacon.framework.errors import InvalidRequest
from beacon.framework.query import VariationQuery
from beacon.model.allele import Allele, Spelling, trim
from beacon.model.assemblies import asked_assembly, chromosome, length, resolve
from beacon.model.hgvs import GenomicName, parse_genomic
from beacon.model.normalisation import is_movable, left_shifted, reference_mismatch
from beacon.model.reference import Bases
from beacon.model.variant_types import types_accepted
from beacon.model.variation_condition import (
    MAX_POSITION,
    Kind,
    Pattern,
    VariationCondition,
    aminoacid_changes,
    bases_match,
    bases_pattern,
    gene_ids,
    has_wildcards,
    short_forms,
)

__all__ = [
    "MAX_POSITION",
    "Genes",
    "Kind",
    "Pattern",
    "VariationCondition",
    "aminoacid_changes",
    "bases_match",
    "bases_pattern",
    "check_reference",
    "check_variation",
    "gene_ids",
    "genomic_name",
    "has_wildcards",
    "interpret",
    "named",
    "not_applicable",
    "short_forms",
]

Genes = Callable[[str, str], tuple[str, int, int] | None]
"""(assembly, symbol) → (canonical sequence name, interbase start, end), `None` if not known."""

_MAX_INTEGER = 2**63 - 1
_BASES = re.compile(r"[ACGTUNRYSWKMBDHV]*")
_WILDCARD = re.compile(r"[^ACGT]")
_WILDCARDS_MAX = 1_000
"""Bases that an expression without bases may leave open, where the reference is not known."""


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
    asked = asked_assembly(query.reference_name, query.assembly_id)
    expression = genomic_name(query)
    stated = expression.assembly if expression is not None else None
    if stated and asked and stated != asked:
        raise InvalidRequest(
            f"genomicAlleleShortForm is on {stated}, but assemblyId or referenceName is on {asked}."
        )


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
    if not served:
        return
    if query.reference_name is not None:
        resolve(query.reference_name, query.assembly_id, served)
    expression = genomic_name(query)
    # Every assembly has the same mitochondrion; any other sequence needs its assembly.
    if expression and expression.assembly is None and expression.reference_name != "MT":
        resolve(expression.reference_name, query.assembly_id, served)


def not_applicable(query: VariationQuery, assembly: str) -> str | None:
    """Why the query cannot concern a dataset on `assembly`, `None` if it can."""
    asked = asked_assembly(query.reference_name, query.assembly_id)
    if asked is None or asked == assembly:
        return None
    return f"the query is on {asked}, this dataset on {assembly}"


def genomic_name(query: VariationQuery) -> GenomicName | None:
    """What `genomicAlleleShortForm` says, if it is a genomic HGVS expression."""
    form = query.genomic_allele_short_form
    return None if form is None else parse_genomic(form)


def interpret(
    query: VariationQuery,
    assembly: str,
    genes: Genes,
    bases: Bases | None = None,
    *,
    normalised: bool = False,
) -> VariationCondition | None:
    """What the query asks of a dataset on `assembly`; `None` if it is about another assembly.

    `not_applicable` tells why. The query has passed `check_variation` and, where several assemblies
    are served, `check_reference`; a bare chromosome is taken to be one of `assembly`.

    Args:
        bases: of `assembly`.
        normalised: whether the dataset's insertions and deletions are left-shifted; what is asked
            for is then left-shifted, too.

    """
    if not_applicable(query, assembly) is not None:
        return None
    name = None if query.reference_name is None else chromosome(query.reference_name)
    end = tuple(min(position, MAX_POSITION) for position in query.end)
    if len(end) == 2 and name is not None and end[1] >= length(assembly, name):
        # The upper bound is exclusive, but whoever names the end of the sequence means all of it.
        end = (end[0], MAX_POSITION)
    kind = _kind(query)
    spellings = _spellings(query, min(query.start[0], MAX_POSITION) if kind == "sequence" else None)
    if normalised and bases is not None and kind == "sequence":
        spellings = _shifted(name or "", spellings, bases)
    expression = genomic_name(query)
    if expression is not None and expression.assembly not in (None, assembly):
        expression = None
    gene_id = _stripped(query.gene_id)
    asked_type = query.variant_type
    return VariationCondition(
        assembly=assembly,
        kind=kind,
        reference_name=name,
        start=tuple(min(position, MAX_POSITION) for position in query.start),
        end=end,
        spellings=spellings,
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
        named=() if expression is None else _named(expression, assembly, bases),
    )


def named(
    assembly: str, reference_name: str, spelling: Spelling, bases: Bases | None
) -> tuple[VariationCondition, ...]:
    """The conditions for one allele by its bases: as it is spelled, and left-shifted."""
    if spelling.reference_bases == spelling.alternate_bases:
        return ()
    allele = Allele.from_bases(reference_name, *spelling)
    found = [allele.trimmed]
    if bases is not None:
        found.append(left_shifted(allele, bases).trimmed)
    return tuple(
        VariationCondition(
            assembly=assembly,
            kind="sequence",
            reference_name=reference_name,
            start=(one.start,),
            spellings=(Pattern(*one),),
        )
        for one in dict.fromkeys(found)
    )


def _named(
    expression: GenomicName, assembly: str, bases: Bases | None
) -> tuple[VariationCondition, ...]:
    """What fits an expression: the allele by its bases, or a structural one of the same extent."""
    name, start, end = expression.reference_name, expression.start, expression.end
    spelling = expression.spelling(bases)
    found: tuple[VariationCondition, ...] = ()
    if spelling is not None:
        found = named(assembly, name, spelling, bases)
    elif expression.alternate_bases is not None and end - start <= _WILDCARDS_MAX:
        # Which bases went is not written and not known: those of any allele that is there.
        spelling = Spelling(start, "N" * (end - start), expression.alternate_bases)
        found = (
            VariationCondition(
                assembly=assembly,
                kind="sequence",
                reference_name=name,
                start=(start,),
                spellings=(Pattern(*spelling),),
            ),
        )
    if expression.change not in ("del", "dup", "inv"):
        return found
    by_extent = VariationCondition(
        assembly=assembly,
        kind="bracket",
        reference_name=name,
        start=(start, start + 1),
        end=(end, end + 1),
        types=frozenset(),
        structural_types=types_accepted(expression.change.upper(), structural=True),
    )
    return (*found, by_extent)


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


def _shifted(name: str, asked: tuple[Pattern, ...], bases: Bases) -> tuple[Pattern, ...]:
    """The only spelling that a left-shifted dataset can have of what is asked for exactly."""
    if not asked:
        return asked
    start, ref, alt = asked[-1]
    if start is None or ref is None or alt is None or ref == alt:
        return asked
    allele = Allele.from_bases(name, start, ref, alt)
    if not is_movable(allele) or reference_mismatch(name, start, ref, bases) is not None:
        return asked
    return (Pattern(*left_shifted(allele, bases).trimmed),)


def _as_dna(bases: str | None) -> str | None:
    return None if bases is None else bases.replace("U", "T")


def _stripped(text: str | None) -> str | None:
    return None if text is None else text.strip()


def _lowered(bound: int | None) -> int | None:
    return None if bound is None else min(bound, MAX_POSITION)
