"""The home of `Absence`: when nobody has a variant, who has looked, and among how many alleles.

A beacon says of a variant that it does not have it, but not among how many alleles it looked. Of
variants near by it does; where it looked at those, it mostly looked at this place, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from beacon.framework.intervals import interval
from beacon.framework.query import Granularity, Include, Pagination, Query, VariationQuery
from beacon.portal.facts import protein_place
from beacon.portal.look_up import LookUp
from beacon.portal.reading import Reading
from beacon.portal.records import named, total_of
from beacon.portal.rows import MISS, Row
from beacon.portal.variant_table import Merged, merged

NEAR = 20
"""How many bases to either side are looked at."""

_OF_PROTEIN = 100
"""How many variants of a gene each country is asked to show, to find some of the same codon."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Among how many alleles one country looked near a place.

    Attributes:
        is_at_site: Whether it was at the very place, in another change there.
    """

    row: Row
    number: int
    is_at_site: bool


@dataclass(frozen=True, slots=True)
class Absence:
    """What stands for a variant that nobody has.

    Attributes:
        looked: Those who said no, and among how many alleles they looked near by.
        neighbours: Variants near by, with how many bases away they begin, where that is known.
        same_codon: Those that change the same amino acid.
        by_protein: Whether they were looked for by amino acid rather than by place.
        may_share: Whether who looked may have looked at the same people, as datasets may.
    """

    looked: tuple[Looked, ...]
    neighbours: tuple[tuple[Merged, int | None], ...]
    same_codon: tuple[Merged, ...]
    by_protein: bool
    may_share: bool = False

    @property
    def number(self) -> int:
        """Alleles looked at in all; where they may be the same, at least."""
        numbers = [one.number for one in self.looked]
        return max(numbers, default=0) if self.may_share else sum(numbers)

    @property
    def is_at_site(self) -> bool:
        """Whether all of them were looked at at the very place."""
        return bool(self.looked) and all(one.is_at_site for one in self.looked)

    @property
    def highest(self) -> float | None:
        """A frequency at which it would have been seen with 95 % probability."""
        return interval(0, self.number)[1] if self.number else None

    @property
    def one_in(self) -> int | None:
        """The same, as one of how many alleles."""
        return None if self.highest is None else max(round(1 / self.highest), 1)


def further_question(reading: Reading) -> Query | None:
    """What is asked when nobody has a variant: of those near by, or of the same amino acid.

    Returns:
        `None` where there is no place to look near.
    """
    variation = reading.variation
    if reading.kind == "variant" and variation.reference_name and len(variation.start) == 1:
        start = variation.start[0]
        length = len(variation.reference_bases or "")
        if len(variation.end) == 1:
            length = max(length, variation.end[0] - start)
        if length > _LONG:
            return None
        near = VariationQuery(
            assembly_id=variation.assembly_id,
            reference_name=variation.reference_name,
            start=(max(start - NEAR, 0),),
            end=(start + max(length, 1) + NEAR,),
        )
        return _records(near, _NEIGHBOURS)
    if variation.gene_id and variation.aminoacid_change:
        return _records(VariationQuery(gene_id=variation.gene_id), _OF_PROTEIN)
    return None


def absence(reading: Reading, found: LookUp, near: LookUp, *, may_share: bool = False) -> Absence:
    """What the answers to both questions amount to.

    Args:
        found: Where nobody said yes.
        near: What was answered to the further question.
        may_share: Whether several may have looked at the same people.
    """
    variation = reading.variation
    by_protein = reading.kind != "variant"
    said_no = {row.id for row in found.rows.values() if row.state == MISS}
    rows = [row for row in near.rows.values() if row.id in said_no]
    all_near = merged(rows, may_share=may_share)
    place = protein_place(variation.aminoacid_change or "")
    same = [one for one in all_near if place is not None and place in one.facts.protein_places]
    start = variation.start[0] if variation.start and not by_protein else None
    certain = [row for row in rows if _is_none(found.rows[row.id])]
    looked = () if start is None else _looked(certain, reading.assembly, start)
    neighbours = [] if by_protein else [(one, _distance(one, reading, start)) for one in all_near]
    return Absence(tuple(looked), tuple(neighbours), tuple(same), by_protein, may_share)


def _records(variation: VariationQuery, limit: int) -> Query:
    return Query(
        entry_type="genomicVariant",
        variation=variation,
        granularity=Granularity.RECORD,
        include=Include.ALL,
        include_given=True,
        pagination=Pagination(limit=limit),
    )


def _is_none(row: Row) -> bool:
    """Whether a no means nobody at all, rather than fewer than are told of."""
    return all(one is None or one.upper == 0 for one in (row.people, row.variants))


def _looked(rows: list[Row], assembly: str | None, start: int) -> list[Looked]:
    """Of each country, the nearest variant of which it says how many alleles it looked at."""
    found = []
    for row in rows:
        known: Mapping[int, list[int]] = _numbers(row, assembly, start)
        if known:
            nearest = min(known)
            # The fewest, where several are as near: no more than that is certain.
            found.append(Looked(row, min(known[nearest]), nearest == 0))
    return found


def _numbers(row: Row, assembly: str | None, start: int) -> dict[int, list[int]]:
    """Alleles looked at, by distance; of other assemblies the distance is not known, and large."""
    found: dict[int, list[int]] = {}
    for record in row.records:
        name, total = named(record), total_of(record)
        if total is None or not total.number:
            continue
        is_here = name is not None and name.assembly == assembly
        distance = abs(name.start - start) if name is not None and is_here else NEAR
        found.setdefault(distance, []).append(total.number)
    return found


def _distance(one: Merged, reading: Reading, start: int | None) -> int | None:
    if one.named is None or start is None or one.named.assembly != reading.assembly:
        return None
    return one.named.start - start


_NEIGHBOURS = 25
_LONG = 1_000
