"""The home of the names of genes: approved symbols, what else genes are called, where they lie."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from beacon.portal.reading.values import Suggestion

_PREFIX_MIN = 2
_SPELT_APART = str.maketrans("", "", "-_ ")


class Place(NamedTuple):
    """Where a gene lies: canonical sequence name, [start, end) in 0-based interbase."""

    reference_name: str
    start: int
    end: int


class NamedGene(NamedTuple):
    """One gene: its approved symbol and everything else it is called.

    Attributes:
        aliases: other names in use.
        previous: symbols that were once approved.
        ids: such as `HGNC:1100` and `ENSG00000012048`.
        is_coding: whether it makes a protein; where genes overlap, such a one is meant.
        places: by canonical assembly.
    """

    symbol: str
    aliases: tuple[str, ...] = ()
    previous: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    is_coding: bool = False
    places: Mapping[str, Place] = {}


class Found(NamedTuple):
    """What a name means: the genes, and which kind of name it is for all of them."""

    how: str
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GeneNames:
    """Genes by everything they are called. Made by `gene_names`."""

    genes: Mapping[str, NamedGene] = field(default_factory=dict)
    _names: Mapping[str, Found] = field(default_factory=dict)
    _apart: Mapping[str, Found] = field(default_factory=dict)
    _sorted: tuple[tuple[str, str, str], ...] = ()
    _places: Mapping[tuple[str, str], _Row] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.genes)

    def find(self, name: str) -> Found | None:
        """What a name means, without regard to case: `symbol`, `id`, `previous` or `alias`.

        A name that is several of these is the first of them; hyphens and spaces may be left out
        where no gene is called so.
        """
        folded = name.casefold()
        if (found := self._names.get(folded)) is not None or folded[:1].isdecimal():
            return found
        joined = folded.translate(_SPELT_APART)
        return self._names.get(joined) or self._apart.get(joined)

    def suggest(self, prefix: str, limit: int) -> tuple[Suggestion, ...]:
        """The genes with a name that begins like this: that name itself, symbols, the shortest."""
        folded = prefix.casefold()
        if len(folded) < _PREFIX_MIN or limit < 1:
            return ()
        first = bisect_left(self._sorted, (folded,))
        last = bisect_left(self._sorted, (folded + "\U0010ffff",))
        found = sorted(
            self._sorted[first:last],
            key=lambda row: (row[0] != folded, row[1] != row[2], len(row[0]), row[0], row[1]),
        )
        said: dict[str, str] = {}
        for _, symbol, said_as in found:
            said.setdefault(symbol, said_as)
            if len(said) == limit:
                break
        return tuple(Suggestion(*one) for one in said.items())

    def at(self, assembly: str, reference_name: str, start: int, end: int) -> str | None:
        """The gene that [start, end) lies in, where there is only one that can be meant."""
        row = self._places.get((assembly, reference_name))
        if row is None:
            return None
        inside = [
            self.genes[symbol]
            for symbol, gene_start, gene_end in row.around(start, max(end, start + 1))
            if gene_start <= start and end <= gene_end
        ]
        meant = [gene for gene in inside if gene.is_coding] or inside
        return meant[0].symbol if len(meant) == 1 else None


@dataclass(frozen=True, slots=True)
class _Row:
    """The genes of one sequence by their starts; `farthest` is the last end up to each of them."""

    starts: tuple[int, ...]
    farthest: tuple[int, ...]
    genes: tuple[tuple[str, int, int], ...]

    def around(self, start: int, end: int) -> tuple[tuple[str, int, int], ...]:
        """Genes among which are all that overlap [start, end)."""
        return self.genes[bisect_right(self.farthest, start) : bisect_left(self.starts, end)]


def gene_names(genes: Iterable[NamedGene]) -> GeneNames:
    """The names of these genes, ready to be looked up. Of equal symbols the first counts."""
    by_symbol: dict[str, NamedGene] = {}
    for gene in genes:
        by_symbol.setdefault(gene.symbol, gene)
    names: dict[str, Found] = {}
    apart: dict[str, Found] = {}
    for how in ("symbol", "id", "previous", "alias"):
        for gene in by_symbol.values():
            for name in _names_of(gene, how):
                folded = name.casefold()
                found = names.get(folded)
                if found is None:
                    found = names[folded] = Found(how, (gene.symbol,))
                elif found.how == how and gene.symbol not in found.symbols:
                    found = names[folded] = Found(how, (*found.symbols, gene.symbol))
                joined = folded.translate(_SPELT_APART) if "-" in folded else folded
                if joined != folded:
                    apart.setdefault(joined, found)
    rows = sorted(
        (name.casefold(), gene.symbol, name)
        for gene in by_symbol.values()
        for name in (gene.symbol, *gene.previous, *gene.aliases)
    )
    return GeneNames(by_symbol, names, apart, tuple(rows), _rows(by_symbol.values()))


def _names_of(gene: NamedGene, how: str) -> tuple[str, ...]:
    match how:
        case "symbol":
            return (gene.symbol,)
        case "id":
            return gene.ids
        case "previous":
            return gene.previous
    return gene.aliases


def _rows(genes: Iterable[NamedGene]) -> Mapping[tuple[str, str], _Row]:
    lying: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
    for gene in genes:
        for assembly, place in gene.places.items():
            row = lying.setdefault((assembly, place.reference_name), [])
            row.append((place.start, place.end, gene.symbol))
    rows = {}
    for key, row in lying.items():
        row.sort()
        farthest: list[int] = []
        for _, end, _ in row:
            farthest.append(max(end, farthest[-1]) if farthest else end)
        rows[key] = _Row(
            tuple(start for start, _, _ in row),
            tuple(farthest),
            tuple((symbol, start, end) for start, end, symbol in row),
        )
    return rows
