"""The home of what is read in records of variants.

What members send may be anything: what is not of the shape that it should have is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from beacon.framework.intervals import filtering_frequency, interval

Document = Mapping[str, Any]

FEW_ALLELES = 2_000
"""A frequency among fewer alleles than this says little, and is marked."""

_EVERYBODY = frozenset(("total", "all", "global", ""))
_NAME = re.compile(r"(GRCh3[78])-([0-9XYMT]{1,2})-([0-9]{1,9})-([ACGTN]*)-([ACGTN]*)")


@dataclass(frozen=True, slots=True)
class Frequency:
    """Counts of an allele in one population of one source.

    Attributes:
        interval: Of 95 %; of an allele that was not seen, from 0 to the highest it may be.
        filtering: The filtering allele frequency at 95 %.
        datasets: How many it was added up from, where that is told.
    """

    population: str
    count: int | None
    number: int | None
    frequency: float | None
    homozygous: int | None = None
    hemizygous: int | None = None
    interval: tuple[float, float] | None = None
    filtering: float | None = None
    datasets: int | None = None

    @classmethod
    def of(cls, stated: Document) -> Frequency:
        """From an element of `frequencies`; what is inferred from counts is, where they make sense.

        Counts of more alleles than were looked at are no counts.
        """
        count, number = whole(stated.get("alleleCount")), whole(stated.get("alleleNumber"))
        makes_sense = count is not None and number is not None and 0 <= count <= number > 0
        share = _share(stated.get("alleleFrequency"))
        if not makes_sense or count is None or number is None:
            return cls(str(stated.get("population") or ""), None, None, share)
        return cls(
            population=str(stated.get("population") or ""),
            count=count,
            number=number,
            frequency=count / number,
            homozygous=_carried(stated, "Homozygous"),
            hemizygous=_carried(stated, "Hemizygous"),
            interval=interval(count, number),
            filtering=filtering_frequency(count, number),
            datasets=whole(stated.get("datasets")),
        )

    @property
    def is_of_everybody(self) -> bool:
        """Whether its population is all of its source."""
        return self.population.strip().lower() in _EVERYBODY

    @property
    def is_of_few(self) -> bool:
        """Whether so few alleles were looked at that it says little."""
        return self.number is not None and self.number < FEW_ALLELES

    @property
    def highest(self) -> float | None:
        """What it is below with 95 % confidence, where the allele was looked for and not seen."""
        return self.interval[1] if self.count == 0 and self.interval is not None else None


def frequencies_of(record: Document) -> Iterator[Frequency]:
    """Those that a record of a variant gives, in the shapes in use."""
    stated = (
        one
        for source in objects(record.get("frequencyInPopulations"))
        for one in objects(source.get("frequencies", source.get("populations")))
    )
    yield from map(Frequency.of, islice(stated, _FREQUENCIES_MAX))


def total_of(record: Document) -> Frequency | None:
    """The counts in everybody of the largest source of a record."""
    found = [one for one in frequencies_of(record) if one.is_of_everybody and one.number]
    return max(found, key=lambda one: one.number or 0, default=None)


def objects(value: Any) -> Iterator[Document]:
    """The objects of a list, or the one that stands for it."""
    for one in value if isinstance(value, list | tuple) else (value,):
        if isinstance(one, Mapping):
            yield one


@dataclass(frozen=True, slots=True)
class Named:
    """What a variant is called where its bases are told, as in VCF: `pos` counts from 1."""

    assembly: str
    reference_name: str
    pos: int
    reference_bases: str
    alternate_bases: str

    @property
    def name(self) -> str:
        """As links have it."""
        return (
            f"{self.assembly}-{self.reference_name}-{self.pos}"
            f"-{self.reference_bases}-{self.alternate_bases}"
        )

    @property
    def start(self) -> int:
        """Interbase."""
        return self.pos - 1


def named(record: Document) -> Named | None:
    """The name of a record by its place and bases; `None` where it has none that is read."""
    for told in (record.get("variantInternalId"), record.get("id")):
        match = _NAME.fullmatch(told) if isinstance(told, str) else None
        if match is not None:
            assembly, reference_name, pos, reference_bases, alternate_bases = match.groups()
            return Named(assembly, reference_name, int(pos), reference_bases, alternate_bases)
    return None


def key_of(record: Document) -> str:
    """What tells a variant from others, over those who have it."""
    name = named(record)
    if name is not None:
        return name.name
    hgvs = text_of(inner(record, "identifiers").get("genomicHGVSId"))
    if hgvs:
        return hgvs
    variation = inner(record, "variation")
    place = inner(variation, "location")
    if place:
        return repr((place, variation.get("referenceBases"), variation.get("alternateBases")))
    return text_of(record.get("variantInternalId")) or "?"


def inner(record: Document, name: str) -> Document:
    """An object within a record, empty where there is none."""
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def texts(value: Any) -> Iterator[str]:
    """The texts of a list, or the one that stands for it."""
    for one in value if isinstance(value, list | tuple) else (value,):
        if isinstance(one, str) and one:
            yield one


def text_of(value: Any) -> str:
    """A text, empty where it is none."""
    return value if isinstance(value, str) else ""


def _carried(stated: Document, how: str) -> int | None:
    count = whole(stated.get(f"alleleCount{how}"))
    return whole(stated.get(f"genotype{how}")) if count is None else count


def whole(value: Any) -> int | None:
    """A number of things, in the ways in use to write one; `None` for anything else."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _DIGITS:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Of more than there can be, nothing can be computed.
    return int(value) if abs(value) < 10**_DIGITS and value == value // 1 else None


def _share(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None


_DIGITS = 16
_FREQUENCIES_MAX = 1_000
"""Of one record: more than any source has populations."""
