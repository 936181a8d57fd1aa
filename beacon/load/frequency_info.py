"""The home of reading counts from the INFO column of a VCF record, as text and once a record."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from beacon.load.frequency_mapping import Mapping, Stratum

KINDS = 5
"""Cells of a stratum: allele count, allele number, heterozygous, homozygous, hemizygous."""

NOT_STATED = -1
UNREADABLE = -2
"""A count that is not a whole number."""
NEGATIVE = -3
WRONG_NUMBER = -4
"""More or fewer values than the record has alternates."""

_COUNT, _NUMBER, _HETEROZYGOUS, _HOMOZYGOUS, _HEMIZYGOUS = range(KINDS)
DIGITS_MAX = 18
"""Digits of a count at most: so many fit an int64."""
_TOKENS = re.compile(rb"A\d+|R|[ACGT]")
_LAYOUTS_MAX = 16

Cells = bytes
"""Counts of one allele, `KINDS` for each stratum, as text with spaces between them, which is read
at once for many alleles; below zero is one of the above."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the fields stand in the INFO of records that are alike.

    Attributes:
        values: matches INFO if the fields stand where they did and each is one whole number.
        cells: puts the numbers, and NOT_STATED at last, into the order of cells.
        without_hemizygous: the same, with nobody stated to be hemizygous.
        signs: what INFO would have in it if it had a field that records of this layout lack.

    """

    values: re.Pattern[bytes]
    cells: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]
    without_hemizygous: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]
    signs: tuple[bytes, ...]


class InfoReader:
    """Reads the cells of each allele from INFO.

    Records of a file mostly have the same fields in the same order: where they stood in a record
    tells where they stand in the next, and a single match makes sure of it.

    Args:
        strata: The strata in the order of the cells; `None` for one that this file does not have.
    """

    def __init__(self, mapping: Mapping, strata: Sequence[Stratum | None]) -> None:
        self._mapping = mapping
        self._strata = strata
        kinds = [stratum.kinds if stratum else (None,) * KINDS for stratum in strata]
        self._fields = [None if name is None else name.encode() for one in kinds for name in one]
        self._people = {
            name.encode()
            for stratum in strata
            if stratum is not None
            for name in (stratum.carriers, stratum.people)
            if name is not None
        }
        self._is_plain = not (
            mapping.reference_count_last
            or mapping.genotype_names is not None
            or mapping.counts_from_frequency
        )
        self._flag = mapping.hemizygous_flag and b";" + mapping.hemizygous_flag.encode() + b";"
        self._layouts: list[_Layout] = []

    def read(
        self, info: bytes, alternates: Sequence[bytes], *, sex_linked: bool
    ) -> Sequence[Cells]:
        """The cells of each alternate.

        Args:
            sex_linked: Whether the record is on X or Y.
        """
        hemizygous = not self._flag or (sex_linked and self._flag in b";%s;" % info)
        if self._is_plain and len(alternates) == 1:
            for place, layout in enumerate(self._layouts):
                if (numbers := _numbers(layout, info)) is not None:
                    if place:
                        self._layouts.insert(0, self._layouts.pop(place))
                    cells = layout.cells if hemizygous else layout.without_hemizygous
                    return (b" ".join(cells(numbers)),)
            self._learn(info)
        fields = dict(_pair(item) for item in info.split(b";"))
        return [
            self._cells(fields, alternates, index, hemizygous=hemizygous)
            for index in range(len(alternates))
        ]

    def _learn(self, info: bytes) -> None:
        """Remember how this record is laid out, unless it counts people instead of alleles."""
        names = [item.partition(b"=")[0] for item in info.split(b";")]
        present = set(names)
        if not present.isdisjoint(self._people):
            return
        wanted = dict.fromkeys(field for field in self._fields if field is not None)
        there = [name for name in names if name in wanted]
        if not there or len(set(there)) < len(there):
            return
        number_of: dict[bytes | None, int] = {name: at for at, name in enumerate(there)}
        cells = [number_of.get(field, len(there)) for field in self._fields]
        without = [
            len(there) if cell % KINDS == _HEMIZYGOUS else number
            for cell, number in enumerate(cells)
        ]
        absent = [*(field for field in wanted if field not in present), *self._people]
        layout = _Layout(
            values=_values_among(names, set(wanted), absent),
            cells=itemgetter(*cells),
            without_hemizygous=itemgetter(*without),
            signs=tuple(_signs(absent, info)),
        )
        self._layouts.insert(0, layout)
        del self._layouts[_LAYOUTS_MAX:]

    def _cells(
        self,
        fields: dict[bytes, bytes],
        alternates: Sequence[bytes],
        index: int,
        *,
        hemizygous: bool,
    ) -> Cells:
        """The cells of one alternate, the thorough way."""
        cells: list[int] = []
        for stratum in self._strata:
            if stratum is None:
                cells += (NOT_STATED,) * KINDS
                continue
            own = [
                self._value(fields, name, index, len(alternates), shared=kind == _NUMBER)
                for kind, name in enumerate(stratum.kinds)
            ]
            if self._mapping.reference_count_last:
                own[_NUMBER] = self._sum(fields, stratum.kinds[_COUNT], len(alternates))
            if stratum.genotypes is not None:
                own[_HETEROZYGOUS:] = self._people_of(fields, stratum.genotypes, alternates, index)
            if stratum.allele_frequency is not None and own[_COUNT] == NOT_STATED:
                own[_COUNT] = self._count_from_frequency(
                    fields.get(stratum.allele_frequency.encode()), index, len(alternates), own
                )
            if stratum.people is not None and own[_NUMBER] in (NOT_STATED, 0):
                people = self._value(fields, stratum.people, index, len(alternates), shared=True)
                if people > 0:
                    carriers = self._value(fields, stratum.carriers, index, len(alternates))
                    own = [carriers, people, *(NOT_STATED,) * 3]
            if not hemizygous:
                own[_HEMIZYGOUS] = NOT_STATED
            cells += own
        return b" ".join(b"%d" % cell for cell in cells)

    def _value(
        self,
        fields: dict[bytes, bytes],
        name: str | None,
        index: int,
        alternates: int,
        *,
        shared: bool = False,
    ) -> int:
        """The value of one alternate; one that is `shared` is the same for all of them."""
        text = fields.get(name.encode()) if name is not None else None
        if text is None:
            return NOT_STATED
        values = text.split(b",")
        if len(values) == 1 and (shared or alternates == 1 or values[0] in (b".", b"")):
            return whole_number(values[0])
        if len(values) != alternates + self._mapping.reference_count_last:
            return WRONG_NUMBER
        return whole_number(values[index])

    def _sum(self, fields: dict[bytes, bytes], name: str | None, alternates: int) -> int:
        values = [self._value(fields, name, index, alternates) for index in range(alternates + 1)]
        return min(values) if min(values) < 0 else sum(values)

    def _people_of(
        self,
        fields: dict[bytes, bytes],
        name: str,
        alternates: Sequence[bytes],
        index: int,
    ) -> list[int]:
        """Heterozygous, homozygous and hemizygous people, from the counts of each genotype."""
        text = fields.get(name.encode())
        names = fields.get((self._mapping.genotype_names or "").encode())
        if text is None or names is None:
            return [NOT_STATED] * 3
        genotypes, counts = names.split(b","), text.split(b",")
        if len(genotypes) != len(counts):
            return [WRONG_NUMBER] * 3
        spelled = (alternates[index], b"A%d" % (index + 1))
        people = [0, 0, 0]
        for genotype, count in zip(genotypes, map(whole_number, counts), strict=True):
            if count < 0:
                return [count] * 3
            alleles = _TOKENS.findall(genotype)
            copies = sum(allele in spelled for allele in alleles)
            if copies:
                people[2 if len(alleles) == 1 else copies - 1] += count
        return people

    @staticmethod
    def _count_from_frequency(
        text: bytes | None, index: int, alternates: int, own: Sequence[int]
    ) -> int:
        if text is None:
            return NOT_STATED
        values = text.split(b",")
        if len(values) != alternates:
            return WRONG_NUMBER
        return count_from_frequency(values[index], own[_NUMBER])


def _values_among(
    names: Sequence[bytes], wanted: Set[bytes], absent: Sequence[bytes]
) -> re.Pattern[bytes]:
    """Matches INFO with the wanted fields in this order, with a group for the number of each.

    Other fields may lie between them, of which some records have more than others.
    """
    parts = [b"(?!%s)" % b"|".join(re.escape(field) + b"=" for field in absent)] if absent else []
    for is_wanted, run in groupby(names, key=wanted.__contains__):
        if not is_wanted:
            continue
        for place, field in enumerate(run):
            spelled = re.escape(field) + b"="
            # Atomic: when a field is missing, there is nothing to be gained by going back.
            parts.append(spelled if place else b"(?>(?:[^;]*+;)*?%s)" % spelled)
            parts.append(rb"(\d{1,18})(?:;|$)")
    return re.compile(b"".join(parts))


def _signs(absent: Sequence[bytes], info: bytes) -> Iterator[bytes]:
    """What tells that INFO has one of these fields, which this INFO does not have.

    Looking for each of a hundred fields takes long; those of one kind end or begin alike.
    """
    left = list(absent)
    while left:
        words = left[0].split(b"_")
        candidates = [b"_".join(words[at:]) + b"=" for at in range(len(words) - 1, 0, -1)]
        alike = next((end for end in candidates if len(end) > 3 and end not in info), None)
        if alike is None:
            yield b";" + left.pop(0) + b"="
            continue
        yield alike
        left = [field for field in left if not (field + b"=").endswith(alike)]


def _numbers(layout: _Layout, info: bytes) -> tuple[bytes, ...] | None:
    """The numbers of a record, and NOT_STATED, if the record is of that layout."""
    match = layout.values.match(info)
    if match is None:
        return None
    for sign in layout.signs:
        if sign in info:
            return None
    return (*match.groups(), b"-1")


def whole_number(text: bytes | str) -> int:
    """A count that was written down; one of the values below zero when it is none."""
    text = text.strip()
    digits = text if isinstance(text, bytes) else text.encode()
    if digits.isdigit() and len(digits) <= DIGITS_MAX:
        return int(digits)
    if digits in (b"", b".", b"NA"):
        return NOT_STATED
    try:
        number = float(digits)
    except ValueError:
        return UNREADABLE
    if number < 0:
        return NEGATIVE
    return int(number) if number.is_integer() and number < 10**DIGITS_MAX else UNREADABLE


def count_from_frequency(text: bytes | str | float, allele_number: int) -> int:
    """The allele count that a frequency of so many alleles makes, rounded."""
    try:
        frequency = float(text)
    except ValueError:
        return NOT_STATED if text in (b".", b"", ".", "") else UNREADABLE
    if allele_number < 0:
        return NOT_STATED
    return round(frequency * allele_number) if 0 <= frequency <= 1 else UNREADABLE


def _pair(item: bytes) -> tuple[bytes, bytes]:
    name, _, value = item.partition(b"=")
    return name, value
