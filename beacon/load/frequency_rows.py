"""The home of making counted alleles of the rows of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beacon.framework.errors import LoadError
from beacon.load.frequency_batches import Batch, Block, Place
from beacon.load.frequency_info import (
    DIGITS_MAX,
    KINDS,
    NEGATIVE,
    NOT_STATED,
    count_from_frequency,
    whole_number,
)
from beacon.load.frequency_mapping import Mapping as FrequencyMapping
from beacon.load.frequency_mapping import Stratum
from beacon.load.frequency_sites import NOTHING_TO_COUNT, Site
from beacon.load.vcf_alleles import AlleleReader, Unusable
from beacon.model.allele import Allele, Observation

_AT_ONCE = 2_000  # alleles
_DIGITS = b"0123456789 "
_OF_ONE_SEX = re.compile(r"(?:.*_)?[MF]")

Chunk = Mapping[str, Sequence[Any]]
"""Some rows: for each column its values, of whatever type the file has."""
Counts = NDArray[np.int64]


class Rows:
    """Makes observations of the rows of one table.

    Args:
        sites: The column of each part of a site; `None` is one that the table does without.
        counted: The strata that the columns count, in rows that are an allele each; in rows that
            are a population of an allele each, the one whose columns count them all.
    """

    def __init__(
        self,
        path: Path,
        assembly: str,
        mapping: FrequencyMapping,
        batch: Batch,
        sites: Mapping[str, str | None],
        counted: Sequence[Stratum],
    ) -> None:
        self.number = 0
        self._path, self._mapping, self._batch = path, mapping, batch
        self._sites, self._counted = sites, counted
        self._alleles = AlleleReader(batch.file_name, assembly)
        self._stratum = {label: at for at, label in enumerate(batch.labels)}
        self._chromosome = "" if sites["chromosome"] is not None else _chromosome(path, mapping)
        self._cells: list[Counts] = []
        self._at: tuple[str, Any] | None = None
        self._left: set[str] = set()
        self._open: dict[tuple[str, str], int] = {}

    def by_allele(self, chunk: Chunk, _population: str | None) -> list[Observation]:
        """The observations of rows that are an allele each."""
        counts = self._counts(chunk)
        kept = []
        for row, (place, site) in enumerate(self._places(chunk)):
            self._batch.report.items += 1
            allele = self._allele(place, site)
            if allele is not None:
                self._batch.add(allele, place)
                kept.append(row)
        block = np.full((len(kept), len(self._batch.labels), KINDS), NOT_STATED, dtype=np.int64)
        for at, stratum in enumerate(self._counted):
            block[:, self._stratum[stratum.label]] = counts[kept, at]
        return self._batch.drain_with(block)

    def by_population(self, chunk: Chunk, population: str | None) -> list[Observation]:
        """The observations of rows that are a population of an allele each.

        Those of the last position are kept for later: the next rows may be of it.
        """
        counts = self._counts(chunk)[:, 0]
        ready: list[Observation] = []
        labels = self._mapping.populations
        codes = chunk[population or ""]
        for row, (place, site) in enumerate(self._places(chunk)):
            if self._at != (site.CHROM, site.POS):
                if len(self._cells) >= _AT_ONCE:
                    ready += self._close()
                self._open.clear()
                self._move(site)
            code = text_of(codes[row])
            whole = code in ("", self._mapping.everybody)
            stratum = 0 if whole else self._stratum[labels.get(code, code)]
            key = site.REF, site.ALT[0]
            at = self._open.get(key)
            if at is None:
                self._batch.report.items += 1
                allele = self._allele(place, site)
                if allele is None:
                    continue
                at = self._open[key] = len(self._cells)
                self._batch.add(allele, place)
                self._cells.append(
                    np.full((len(self._batch.labels), KINDS), NOT_STATED, dtype=np.int64)
                )
            elif self._cells[at][stratum, 0] != NOT_STATED:
                self._batch.report.items += 1
                self._batch.lose(place, "an allele has a population twice", population or "", code)
                continue
            self._cells[at][stratum] = counts[row]
        return ready

    def rest(self) -> list[Observation]:
        """The observations that were kept for later."""
        return self._close()

    def _close(self) -> list[Observation]:
        if not self._cells:
            return []
        block = np.stack(self._cells)
        self._cells = []
        self._open.clear()
        if self._mapping.columns.population is not None and self._mapping.everybody is None:
            _add_up(block, self._batch.labels)
        return self._batch.drain_with(block)

    def _move(self, site: Site) -> None:
        """Go on to the next position, which no earlier row may have been of."""
        if self._at is not None:
            chrom, pos = self._at
            if chrom != site.CHROM:
                self._left.add(chrom)
            if site.CHROM in self._left or (chrom == site.CHROM and pos > site.POS):
                raise LoadError(
                    f"{self._path} is not sorted: {site.CHROM}:{site.POS} comes after "
                    f"{chrom}:{pos}, and the populations of an allele are in rows of their own"
                )
        self._at = site.CHROM, site.POS

    def _places(self, chunk: Chunk) -> Iterator[tuple[Place, Site]]:
        """Where each row is, and of which site."""
        size = len(next(iter(chunk.values())))
        parts: list[Sequence[Any]] = []
        for part, column in self._sites.items():
            if column is not None and part == "pos":
                parts.append(np.maximum(_whole_numbers(chunk[column]), 0).tolist())
            elif column is not None:
                parts.append(chunk[column])
            else:
                parts.append([self._chromosome if part == "chromosome" else None] * size)
        report = self._batch.report
        for chrom, pos, reference, alternate, end, svlen in zip(*parts, strict=True):
            self.number += 1
            report.records += 1
            name = chrom if type(chrom) is str else text_of(chrom)
            alternate_bases = text_of(alternate)
            info = _info(end, svlen) if alternate_bases.startswith("<") else b""
            site = Site(name, pos, text_of(reference), [alternate_bases], info)
            yield Place("row", self.number, name, pos), site

    def _allele(self, place: Place, site: Site) -> Allele | None:
        alternate = site.ALT[0]
        if alternate in NOTHING_TO_COUNT:
            self._batch.report.nothing_to_load[NOTHING_TO_COUNT[alternate]] += 1
            return None
        if "," in alternate:
            detail = f"ALT is {alternate[:40]}; counts in columns are of one allele"
            self._batch.lose(place, "several alternates in one row", "ALT", detail)
            return None
        try:
            return self._alleles.allele(site, 0)
        except Unusable as unusable:
            self._batch.lose(place, unusable.reason, unusable.field, unusable.detail)
            return None

    def _counts(self, chunk: Chunk) -> Block:
        """The cells of the rows; shape (rows, strata that are counted, `KINDS`)."""
        size = len(next(iter(chunk.values())))
        cells = np.full((size, len(self._counted), KINDS), NOT_STATED, dtype=np.int64)
        for at, stratum in enumerate(self._counted):
            for kind, column in enumerate(stratum.kinds):
                if column is not None:
                    cells[:, at, kind] = _whole_numbers(chunk[column])
            if stratum.allele_frequency is not None:
                frequencies = chunk[stratum.allele_frequency]
                for row in np.flatnonzero(cells[:, at, 0] == NOT_STATED).tolist():
                    frequency = frequencies[row]
                    cells[row, at, 0] = count_from_frequency(
                        frequency if isinstance(frequency, float) else text_of(frequency),
                        int(cells[row, at, 1]),
                    )
            if stratum.people is not None and stratum.carriers is not None:
                people = _whole_numbers(chunk[stratum.people])
                instead = (cells[:, at, 1] <= 0) & (cells[:, at, 1] >= NOT_STATED) & (people > 0)
                carriers = _whole_numbers(chunk[stratum.carriers])
                cells[instead, at] = NOT_STATED
                cells[instead, at, 0] = carriers[instead]
                cells[instead, at, 1] = people[instead]
        return cells


def _add_up(block: Block, labels: Sequence[str]) -> None:
    """Make everybody the sum of the populations, each person counted once."""
    both = [at for at, label in enumerate(labels) if at and not _OF_ONE_SEX.fullmatch(label)]
    one = [at for at, label in enumerate(labels) if label in ("M", "F")]
    parts = block[:, both or one or slice(1, None)]
    told = (parts != NOT_STATED).any(axis=2)
    summed = np.where(told[:, :, None], parts, 0)
    worst = summed.min(axis=1)
    total = np.where(worst < 0, worst, summed.sum(axis=1))
    stated_already = (block[:, 0] != NOT_STATED).any(axis=1)
    total[~told.any(axis=1)] = NOT_STATED
    block[:, 0] = np.where(stated_already[:, None], block[:, 0], total)


def _whole_numbers(values: Sequence[Any]) -> Counts:
    """A column of counts; what is no count is one of the numbers below zero."""
    try:
        if type(values[0]) is int:
            numbers = np.array(values, dtype=np.int64)  # fails where one is missing
            return np.where(numbers < 0, NEGATIVE, numbers)
        joined = " ".join(values)
        if not joined.encode().translate(None, _DIGITS) and max(map(len, values)) <= DIGITS_MAX:
            numbers = np.fromstring(joined, dtype=np.int64, sep=" ")
            # Neither is one empty nor does one hold several.
            if len(numbers) == len(values) == joined.count(" ") + 1:
                return numbers
    except (TypeError, ValueError, OverflowError):
        pass  # one by one
    return np.array(
        [NOT_STATED if value is None else whole_number(str(value)) for value in values],
        dtype=np.int64,
    )


def _info(end: Any, svlen: Any) -> bytes:
    """END and SVLEN as an INFO column has them."""
    values = (("END", end), ("SVLEN", svlen))
    return ";".join(
        f"{name}={text_of(value)}" for name, value in values if value is not None
    ).encode()


def text_of(value: Any) -> str:
    """The text of a cell, empty when there is nothing in it."""
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else str(value)


def _chromosome(path: Path, mapping: FrequencyMapping) -> str:
    pattern = mapping.columns.chromosome_in_file_name or ""
    match = re.search(pattern, path.name)
    if match is None:
        raise LoadError(
            f"{path} has no column {mapping.columns.chromosome}, and its name does not tell the "
            "chromosome, as in allele-freq-chr3.parquet"
        )
    return match[1]
