"""The home of the table of variants that a gene or a region has, merged over who showed them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from beacon.framework.intervals import interval
from beacon.portal.facts import Facts
from beacon.portal.records import Document, Named, key_of, named, total_of
from beacon.portal.rows import Bounds, Row


@dataclass(slots=True)
class Merged:
    """One variant, and who has it.

    Attributes:
        count: Alleles seen, added over those who count them; `None` where nobody does.
        number: Alleles looked at by the same.
        counted: How many of `rows` that is.
    """

    key: str
    named: Named | None
    facts: Facts
    rows: list[Row] = field(default_factory=list)
    count: int | None = None
    number: int | None = None
    counted: int = 0

    @property
    def has_bases(self) -> bool:
        """Whether its name has bases on both sides, as in VCF, so that it is read as a question."""
        return self.named is not None and bool(
            self.named.reference_bases and self.named.alternate_bases
        )

    @property
    def name(self) -> str:
        """As it is shown."""
        if self.named is None:
            return next(iter(self.facts.genomic), self.key)
        if self.has_bases:
            return self.named.name.partition("-")[2]
        one = self.named
        change = f"{one.reference_bases or _NOTHING} > {one.alternate_bases or _NOTHING}"
        return f"{one.reference_name}:{one.pos} {change}"

    @property
    def question(self) -> str | None:
        """What to write in the box for it; `None` where it has no name that is read."""
        if self.named is not None and self.has_bases:
            return self.named.name
        return next(iter(self.facts.genomic), None)

    @property
    def frequency(self) -> float | None:
        """The share of alleles, where there are both numbers."""
        return self.count / self.number if self.number and self.count is not None else None

    @property
    def highest(self) -> float | None:
        """What the frequency is below with 95 % confidence, where the allele was not seen."""
        return interval(0, self.number)[1] if self.number and self.count == 0 else None


def merged(rows: Iterable[Row], *, may_share: bool = False) -> list[Merged]:
    """The variants that were shown, in the order of the genome.

    Args:
        may_share: Whether rows may count the same people, so that the largest stands for them.
    """
    found: dict[str, Merged] = {}
    for row in rows:
        for key, records in _by_key(row).items():
            one = found.get(key)
            if one is None:
                one = found[key] = Merged(key, named(records[0]), Facts())
            one.rows.append(row)
            for record in records:
                one.facts.take(row, record)
            totals = [total for record in records if (total := total_of(record)) is not None]
            if totals:
                # Datasets of one country may share people: the largest stands for it.
                total = max(totals, key=lambda total: total.number or 0)
                if not may_share:
                    one.count = (one.count or 0) + (total.count or 0)
                    one.number = (one.number or 0) + (total.number or 0)
                    one.counted += 1
                elif (total.number or 0) > (one.number or 0):
                    one.count, one.number, one.counted = total.count, total.number, 1
    return sorted(found.values(), key=_place)


def unshown(rows: Iterable[Row]) -> list[tuple[Row, Bounds]]:
    """Who has more variants than it showed, and between how many it has."""
    found = []
    for row in rows:
        bounds = row.variants
        if bounds is None or bounds.lower == 0:
            continue
        shown = len(_by_key(row))
        if bounds.upper is None or bounds.upper > shown:
            found.append((row, bounds))
    return found


def _by_key(row: Row) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for record in row.records:
        found.setdefault(key_of(record), []).append(record)
    return found


def _place(one: Merged) -> tuple[int, str, int, str]:
    if one.named is None:
        return 99, "", 0, one.key
    name = one.named.reference_name
    number = int(name) if name.isdigit() else {"X": 23, "Y": 24}.get(name, 25)
    return number, name, one.named.pos, one.key


_NOTHING = "\N{EN DASH}"
