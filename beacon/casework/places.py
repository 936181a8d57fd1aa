"""The home of places: stretches of chromosomes that a case is kept to, from BED or from genes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from beacon.casework.failures import CaseError
from beacon.load import packages
from beacon.model.assemblies import chromosome

Stretch = tuple[str, int, int]
"""Canonical chromosome, start, end; 0-based, half-open."""


@dataclass(frozen=True, slots=True)
class Places:
    """Stretches, joined where they overlap; starts and ends in order, by chromosome."""

    starts: Mapping[str, tuple[int, ...]]
    ends: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, stretches: Iterable[Stretch]) -> Places:
        """The places that some stretches are."""
        by_name: dict[str, list[tuple[int, int]]] = {}
        for name, start, end in stretches:
            by_name.setdefault(name, []).append((start, end))
        starts: dict[str, tuple[int, ...]] = {}
        ends: dict[str, tuple[int, ...]] = {}
        for name, parts in by_name.items():
            joined: list[list[int]] = []
            for start, end in sorted(parts):
                if joined and start <= joined[-1][1]:
                    joined[-1][1] = max(joined[-1][1], end)
                else:
                    joined.append([start, end])
            starts[name] = tuple(start for start, _ in joined)
            ends[name] = tuple(end for _, end in joined)
        return cls(starts, ends)

    def overlap(self, name: str, start: int, end: int) -> bool:
        """Whether any of them has a base of [start, end), on a canonical chromosome."""
        starts = self.starts.get(name)
        if starts is None:
            return False
        before = bisect_right(starts, max(end - 1, start)) - 1
        return before >= 0 and self.ends[name][before] > start

    def within(self, other: Places) -> Places:
        """What is in both."""
        return Places.of(
            (name, max(start, begin), min(end, stop))
            for name in self.starts
            for start, end in zip(self.starts[name], self.ends[name], strict=True)
            for begin, stop in zip(
                other.starts.get(name, ()), other.ends.get(name, ()), strict=True
            )
            if begin < end and start < stop
        )


def read_bed(path: Path) -> Places:
    """The places of a BED file: chromosome, start, end; what else it has is left unread.

    Raises:
        CaseError: It is none, or has no stretch on a chromosome that is known.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(f"{path} cannot be read as text: {error}") from error
    stretches: list[Stretch] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        fields = line.split()
        try:
            name, start, end = chromosome(fields[0]), int(fields[1]), int(fields[2])
        except (IndexError, ValueError) as error:
            raise CaseError(
                f"{path}, line {number}: chromosome, start and end were expected"
            ) from error
        if not 0 <= start < end:
            raise CaseError(f"{path}, line {number}: a region from {start} to {end} is none")
        if name is not None:
            stretches.append((name, start, end))
    if not stretches:
        raise CaseError(f"{path} has no region on 1-22, X, Y or MT")
    return Places.of(stretches)


def read_gene_list(given: str) -> tuple[str, ...]:
    """The symbols of `A,B`, or of a file with one a line, in their order.

    Raises:
        CaseError: There is none, or the file cannot be read.
    """
    path = Path(given)
    if path.is_file():
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise CaseError(f"{path} cannot be read as text: {error}") from error
        names = [line.partition("#")[0].split("\t")[0].strip() for line in lines]
    else:
        names = [name.strip() for name in given.split(",")]
    genes = tuple(dict.fromkeys(name for name in names if name))
    if not genes:
        raise CaseError(f"{given} names no gene")
    return genes


def places_of_genes(genes: Iterable[str], assembly: str) -> Places:
    """Where genes lie, by the table that an installed package brings along.

    Raises:
        CaseError: There is no table of the assembly, or it does not have one of them.
    """
    table = next((one for one in packages.genes() if one.assembly == assembly), None)
    if table is None:
        raise CaseError(
            f"the VCF names no genes, and where they lie on {assembly} is not known here; "
            "say where to look with --regions BED"
        )
    known = table.read()
    missing = [gene for gene in genes if gene not in known]
    if missing:
        raise CaseError(
            f"{', '.join(missing)} is none of the genes of {table.version}; "
            "say where to look with --regions BED"
        )
    return Places.of(known[gene] for gene in genes)
