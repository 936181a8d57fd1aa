"""The home of counted alleles: cells of many alleles checked together, and made observations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beacon.load.frequency_info import (
    KINDS,
    NEGATIVE,
    NOT_STATED,
    UNREADABLE,
    WRONG_NUMBER,
    Cells,
)
from beacon.load.frequency_mapping import EVERYBODY
from beacon.load.report import Problem, Report
from beacon.model.allele import Allele, Observation

_NAMES = ("allele count", "allele number", "heterozygous", "homozygous", "hemizygous")
_COUNT, _NUMBER, _HETEROZYGOUS, _HOMOZYGOUS, _HEMIZYGOUS = range(KINDS)
_WRONG = {
    NOT_STATED: "not stated",
    UNREADABLE: "not a whole number",
    NEGATIVE: "negative",
    WRONG_NUMBER: "not one value for each alternate",
}
_NO_ROWS: NDArray[np.uint32] = np.zeros(0, dtype=np.uint32)
_NO_ZYGOSITY: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)

Block = NDArray[np.int64]
"""Cells of many alleles; shape (alleles, strata, `KINDS`)."""


class Place(NamedTuple):
    """Where in a file a site is: `record` or `row`, its number from 1, and its coordinates."""

    unit: str
    number: int
    chrom: str
    pos: int

    def __str__(self) -> str:
        return f"{self.unit} {self.number} ({self.chrom}:{self.pos})"


@dataclass(slots=True)
class Batch:
    """Alleles of a file with their cells, on their way to be observations.

    Args:
        labels: What the strata are called, everybody first.
        homozygous_alleles: Whether the homozygous are counted by alleles, two for each person.
    """

    file_name: str
    labels: Sequence[str]
    homozygous_alleles: bool
    report: Report
    alleles: list[Allele] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    cells: list[bytes] = field(default_factory=list)

    def add(self, allele: Allele, place: Place, cells: Cells = b"") -> None:
        """Add an allele, with its cells if `drain` is to be told no others."""
        self.alleles.append(allele)
        self.places.append(place)
        self.cells.append(cells)

    def lose(self, place: Place, reason: str, column: str, detail: str = "") -> None:
        """Note that an item is not loaded."""
        self.report.lose(self._problem(place, reason, column, detail))

    def drain(self) -> list[Observation]:
        """The alleles that can be loaded, checked; the batch is empty after."""
        if not self.cells:
            return []
        cells = np.fromstring(b" ".join(self.cells), dtype=np.int64, sep=" ")
        return self.drain_with(cells.reshape(-1, len(self.labels), KINDS))

    def drain_with(self, block: Block) -> list[Observation]:
        """The same, of cells that were not added one by one."""
        alleles, places = self.alleles, self.places
        self.alleles, self.places, self.cells = [], [], []
        if self.homozygous_alleles:
            self._halve(block, places)
        usable = self._usable(block, places)
        self._clear_what_cannot_be(block, places, usable)
        counts, numbers = block[:, 0, _COUNT].tolist(), block[:, 0, _NUMBER].tolist()
        observations = [
            Observation(allele, _NO_ROWS, _NO_ZYGOSITY, None, number, count, None, False, strata)
            for allele, number, count, strata, is_usable in zip(
                alleles, numbers, counts, block, usable.tolist(), strict=True
            )
            if is_usable
        ]
        self.report.loaded["genomicVariant"] += len(observations)
        return observations

    def _halve(self, block: Block, places: Sequence[Place]) -> None:
        """Make people of homozygous alleles."""
        homozygous = block[:, :, _HOMOZYGOUS]
        stated = homozygous > 0
        odd = stated & (homozygous % 2 == 1)
        for site, stratum in np.argwhere(odd).tolist():
            detail = f"{self.labels[stratum]}: {homozygous[site, stratum]}"
            self._warn(places[site], "an odd number of homozygous alleles", detail)
        np.floor_divide(homozygous, 2, out=homozygous, where=stated)
        homozygous[odd] = NOT_STATED

    def _usable(self, block: Block, places: Sequence[Place]) -> NDArray[np.bool_]:
        """Which alleles have counts of everybody that can be."""
        count, number = block[:, 0, _COUNT], block[:, 0, _NUMBER]
        usable = (count >= 0) & (number >= 0)
        for site in np.flatnonzero(~usable).tolist():
            kind = _COUNT if count[site] < 0 else _NUMBER
            wrong = _WRONG[int(block[site, 0, kind])]
            self.lose(places[site], f"the {_NAMES[kind]} is {wrong}", EVERYBODY)
        too_many = usable & (count > number)
        for site in np.flatnonzero(too_many).tolist():
            detail = f"{count[site]} of {number[site]}"
            self.lose(places[site], "more alleles seen than called", EVERYBODY, detail)
        return usable & ~too_many

    def _clear_what_cannot_be(
        self, block: Block, places: Sequence[Place], usable: NDArray[np.bool_]
    ) -> None:
        """Take counts that cannot be for not stated, with a warning."""
        unreadable = (block < NOT_STATED) & usable[:, None, None]
        for site, stratum, kind in np.argwhere(unreadable).tolist():
            wrong = _WRONG[int(block[site, stratum, kind])]
            reason = f"the {_NAMES[kind]} of a population is {wrong}"
            self._warn(places[site], reason, self.labels[stratum])
        block[unreadable] = NOT_STATED
        count, number = block[:, :, _COUNT], block[:, :, _NUMBER]
        too_many = (count > number) & (number >= 0) & usable[:, None]
        for site, stratum in np.argwhere(too_many).tolist():
            detail = f"{self.labels[stratum]}: {count[site, stratum]} of {number[site, stratum]}"
            self._warn(places[site], "more alleles seen than called in a population", detail)
        block[too_many] = NOT_STATED
        people = np.maximum(block[:, :, _HETEROZYGOUS:], 0)
        copies = people[:, :, 0] + 2 * people[:, :, 1] + people[:, :, 2]
        contradicting = (copies > count) & (count >= 0) & usable[:, None]
        for site, stratum in np.argwhere(contradicting).tolist():
            detail = (
                f"{self.labels[stratum]}: {copies[site, stratum]} copies in people, "
                f"{count[site, stratum]} alleles"
            )
            self._warn(places[site], "more copies in people than alleles seen", detail)
        block[:, :, _HETEROZYGOUS:][contradicting] = NOT_STATED

    def _warn(self, place: Place, reason: str, detail: str) -> None:
        self.report.warn(self._problem(place, reason, "", detail))

    def _problem(self, place: Place, reason: str, column: str, detail: str) -> Problem:
        return Problem(
            file=self.file_name, place=str(place), field=column, reason=reason, detail=detail
        )
