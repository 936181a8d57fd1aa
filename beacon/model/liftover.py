"""The home of liftover: a question about one assembly, put to a dataset that is on another.

Questions are lifted, never data. A question is refused rather than guessed at: a base must have
exactly one counterpart, on the same chromosome, and bases that were neighbours must stay so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from beacon.framework.query import VariationQuery
from beacon.model.allele import Allele, Spelling, trim
from beacon.model.assemblies import asked_assembly, chromosome, length
from beacon.model.hgvs import GenomicName
from beacon.model.normalisation import is_movable, left_shifted
from beacon.model.reference import (
    NO_REFERENCES,
    Bases,
    Place,
    Places,
    References,
    reverse_complement,
)
from beacon.model.variation_condition import VariationCondition, bases_match, has_wildcards
from beacon.model.variation_query import Genes, genomic_name, interpret, named, not_applicable

LONGEST = 10_000
"""Reference bases of an allele that are lifted at most, as each of them is looked up."""
STRETCH_MAX = 0.1
"""By how much of its length an interval may grow or shrink."""


class NotLifted(ValueError):
    """A question has no counterpart on the other assembly; the message says why."""


class Applied(NamedTuple):
    """A question as it is put to one dataset.

    Attributes:
        condition: `None` where the dataset cannot be asked.
        info: what the reader of the answer must know: `liftover` or `notApplicable`.

    """

    condition: VariationCondition | None
    info: Mapping[str, Any] | None = None


def applied(
    query: VariationQuery,
    assembly: str,
    genes: Genes,
    references: References = NO_REFERENCES,
    *,
    normalised: bool = False,
) -> Applied:
    """What the query asks of a dataset, lifted to its assembly where that can be done.

    Args:
        assembly: the dataset's.
        normalised: whether the dataset's insertions and deletions are left-shifted.

    """
    bases = references.bases.get(assembly)
    expression = genomic_name(query)
    asked = asked_assembly(query.reference_name, query.assembly_id)
    source = asked or (expression.assembly if expression is not None else None) or assembly
    if source == assembly or (asked is None and expression is None):
        return Applied(interpret(query, assembly, genes, bases, normalised=normalised))
    reason = f"the query is on {source}, this dataset on {assembly}"
    places = references.chains.get((source, assembly))
    if query.start:
        if places is None:
            return Applied(None, {"notApplicable": reason})
        try:
            query, info = lift(query, source, assembly, references)
        except NotLifted as error:
            return Applied(None, {"notApplicable": f"{reason}; {error}"})
        condition = interpret(query, assembly, genes, bases, normalised=normalised)
        return Applied(condition, {"liftover": info})
    if expression is None or query.reference_name is not None:
        # Without positions there is nothing to lift, and what a chromosome is differs, too.
        return Applied(None, {"notApplicable": not_applicable(query, assembly) or reason})
    return _applied_expression(query, expression, source, assembly, genes, references)


def _applied_expression(
    query: VariationQuery,
    expression: GenomicName,
    source: str,
    assembly: str,
    genes: Genes,
    references: References,
) -> Applied:
    """An HGVS expression on another assembly: as text, and the allele where it can be lifted."""
    bases = references.bases.get(assembly)
    anywhere = msgspec.structs.replace(query, assembly_id=None)
    condition = interpret(anywhere, assembly, genes, bases)
    if condition is None:
        return Applied(None, {"notApplicable": not_applicable(anywhere, assembly)})
    condition = msgspec.structs.replace(condition, named=())
    try:
        spelling = expression.spelling(references.bases.get(source))
        if spelling is None:
            raise NotLifted("the expression does not write the bases")
        single = VariationQuery(
            reference_name=expression.reference_name,
            start=(spelling.start,),
            reference_bases=spelling.reference_bases,
            alternate_bases=spelling.alternate_bases,
        )
        lifted, info = lift(single, source, assembly, references)
    except NotLifted as error:
        reason = f"compared as text only: it is on {source}, this dataset on {assembly}; {error}"
        return Applied(condition, {"genomicAlleleShortForm": reason})
    found = Spelling(lifted.start[0], lifted.reference_bases or "", lifted.alternate_bases or "")
    conditions = named(assembly, str(lifted.reference_name), found, bases)
    return Applied(msgspec.structs.replace(condition, named=conditions), {"liftover": info})


def lift(
    query: VariationQuery, source: str, target: str, references: References
) -> tuple[VariationQuery, dict[str, Any]]:
    """The same question on another assembly, and what to tell of it.

    Args:
        query: with `start`.
        source: canonical assembly that the query is on.
        target: canonical assembly that it is lifted to.

    Raises:
        NotLifted: it has no single counterpart there.

    """
    name = chromosome(query.reference_name or "") or ""
    places = references.chains.get((source, target))
    if places is None:
        raise NotLifted(f"there is no chain from {source} to {target}")
    # Both assemblies have the same mitochondrion, while UCSC's older one, chrM, was another.
    road = _Road(_same_place if name == "MT" else places, name, source, target)
    if query.start and not query.end:
        lifted, compared = _sequence(query, road, references)
    else:
        lifted, compared = _intervals(query, road), None
    info: dict[str, Any] = {
        "from": source,
        "to": target,
        "referenceName": name,
        "start": list(lifted.start),
        "end": list(lifted.end),
    }
    if compared is not None:
        info["end"] = [lifted.start[0] + len(lifted.reference_bases or "")]
        if lifted.reference_bases is None:
            del info["end"]
        else:
            info["referenceBases"] = lifted.reference_bases
        info["alternateBases"] = lifted.alternate_bases
        info["referenceBasesCompared"] = compared
    return msgspec.structs.replace(lifted, reference_name=name, assembly_id=target), info


def _same_place(name: str, position: int) -> tuple[Place, ...]:
    return (Place(name, position, is_reverse=False),)


class _Road(NamedTuple):
    """One chromosome of one assembly, and where its bases lie in another."""

    places: Places
    name: str
    source: str
    target: str

    def place(self, position: int) -> Place:
        """Where a base lies, if that is one place on the same chromosome."""
        base = f"base {position + 1} of chromosome {self.name}"
        if not 0 <= position < length(self.source, self.name):
            raise NotLifted(f"there is no {base}")
        found = self.places(self.name, position)
        if not found:
            raise NotLifted(f"{base} has no counterpart")
        if len(found) > 1:
            raise NotLifted(f"{base} has {len(found)} counterparts")
        if found[0].reference_name != self.name:
            where = found[0].reference_name or "a sequence that is no chromosome"
            raise NotLifted(f"the counterpart of {base} is on {where}")
        return found[0]

    def stretch(self, low: int, high: int) -> Place:
        """Where the first base of [low, high) lies, if all follow it one after the other."""
        first = self.place(low)
        step = -1 if first.is_reverse else 1
        for number, position in enumerate(range(low + 1, high), start=1):
            place = self.place(position)
            if place != (self.name, first.position + step * number, first.is_reverse):
                raise NotLifted(f"bases {low + 1} to {high} are not one stretch there")
        return first

    def interval(self, low: int, high: int) -> tuple[int, int, bool]:
        """The interval between the counterparts of both ends of [low, high), and its strand."""
        if low >= high:
            raise NotLifted("an interval has no bases")
        first, last = self.place(low), self.place(high - 1)
        if first.is_reverse != last.is_reverse:
            raise NotLifted("the ends of an interval are on different strands there")
        start, end = first.position, last.position
        if first.is_reverse:
            start, end = end, start
        end += 1
        _check_length(high - low, end - start)
        return start, end, first.is_reverse


def _sequence(
    query: VariationQuery, road: _Road, references: References
) -> tuple[VariationQuery, bool]:
    """One allele, and whether its reference bases were compared with the other assembly's."""
    start = query.start[0]
    ref, alt = _as_dna(query.reference_bases), _as_dna(query.alternate_bases) or ""
    there = references.bases.get(road.target)
    if ref is None:
        place = road.place(start)
        if place.is_reverse:
            raise NotLifted("the strand is the other one there, so that referenceBases are needed")
        here = references.bases.get(road.source)
        stated = here(road.name, start, start + 1) if here is not None else ""
        compared = bool(stated) and _compared(there, road, place.position, stated)
        return msgspec.structs.replace(
            query, start=(place.position,), alternate_bases=alt
        ), compared
    low, high = start, start + len(ref)
    if high - low > LONGEST:
        raise NotLifted(f"an allele of more than {LONGEST} reference bases is not lifted")
    trimmed = Spelling(start, ref, alt)
    if not has_wildcards(ref) and not has_wildcards(alt):
        trimmed = trim(start, ref, alt)
    if not trimmed.reference_bases:
        # An insertion lies between two bases, which must be neighbours there, too.
        low, high = min(low, trimmed.start - 1), max(high, trimmed.start + 1)
    first = road.stretch(low, high)
    new_start = first.position + start - low
    if first.is_reverse:
        new_start = first.position - (start + len(ref) - 1 - low)
        ref, alt = reverse_complement(ref), reverse_complement(alt)
    compared = bool(ref) and _compared(there, road, new_start, ref)
    if first.is_reverse and bool(trimmed.reference_bases) != bool(trimmed.alternate_bases):
        # What was written at the leftmost place of a repeat is at the rightmost there.
        if there is None or not there(road.name, new_start, new_start + 1):
            raise NotLifted(
                f"the strand is the other one there, and moving an insertion or deletion needs the "
                f"reference sequence of {road.target}"
            )
        allele = Allele.from_bases(road.name, new_start, ref, alt)
        if is_movable(allele):
            new_start, ref, alt = left_shifted(allele, there).trimmed
    lifted = msgspec.structs.replace(
        query, start=(new_start,), reference_bases=ref, alternate_bases=alt
    )
    return lifted, compared


def _compared(there: Bases | None, road: _Road, start: int, ref: str) -> bool:
    """Whether the reference could be compared with `ref`, which is then the same."""
    found = there(road.name, start, start + len(ref)) if there is not None else ""
    if not found:
        return False
    if not bases_match(ref, found):
        shown = ref if len(ref) <= 20 else f"{ref[:20]}…"
        raise NotLifted(
            f"the reference of {road.target} has {found[:20]} where {road.source} has {shown}"
        )
    return True


def _intervals(query: VariationQuery, road: _Road) -> VariationQuery:
    """A range or a bracket; on the other strand, what was a start becomes an end."""
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    if len(query.start) == 1:
        start, end, is_reverse = road.interval(query.start[0], query.end[0])
        starts, ends = (start,), (end,)
    else:
        # A bracket is about the first base of an allele and its last, one before its end.
        first = road.interval(*query.start)
        last = road.interval(max(query.end[0] - 1, 0), query.end[1] - 1)
        is_reverse = first[2]
        if last[2] != is_reverse:
            raise NotLifted("the two intervals are on different strands there")
        if is_reverse:
            first, last = last, first
        _check_length(query.end[1] - 1 - query.start[0], last[1] - first[0])
        starts, ends = first[:2], (last[0] + 1, last[1] + 1)
    ref, alt = _as_dna(query.reference_bases), _as_dna(query.alternate_bases)
    if is_reverse:
        ref = None if ref is None else reverse_complement(ref)
        alt = None if alt is None else reverse_complement(alt)
    return msgspec.structs.replace(
        query, start=starts, end=ends, reference_bases=ref, alternate_bases=alt
    )


def _check_length(here: int, there: int) -> None:
    """Refuse an interval that is not nearly as long on the other assembly, or is turned round."""
    if here <= 0 or there <= 0 or abs(there - here) > STRETCH_MAX * here:
        raise NotLifted(f"an interval of {here} bases would have {there} there")


def _as_dna(bases: str | None) -> str | None:
    return None if bases is None else bases.replace("U", "T")
