"""A synthetic cohort, written through the loader's own door, with the truth kept beside it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from beacon.framework.answer import Resource
from beacon.framework.source import SourceFile
from beacon.model.allele import Allele, Observation
from beacon.model.ontology import Ontology, Term
from beacon.mongo.sink import MongoSink

U32 = npt.NDArray[np.uint32]

MAIN = "main"
SMALL = tuple(f"small{number}" for number in range(8))
ASSEMBLY = "GRCh38"
REGION = ("1", 10_000_000)
SMALL_REGION = ("2", 20_000_000)
FEMALE = "NCIT:C16576"
_BASES = np.array(list("ACGT"))
_SPACING = 25  # bases from one allele to the next, on average
_MARK = 20_000


@dataclass(slots=True)
class Cohort:
    """What was made.

    `alleles` are those of the main dataset in the order of the genome, `carriers` how many carry
    each, `kept` the carriers themselves of some; `terms` are people by term, kinds included.
    """

    people: int
    alleles: list[Allele]
    carriers: npt.NDArray[np.int64]
    kept: dict[int, U32] = field(default_factory=dict)
    terms: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    small: list[Allele] = field(default_factory=list)
    small_carriers: list[npt.NDArray[np.int64]] = field(default_factory=list)
    load_s: float = 0.0
    pairs: int = 0

    def with_carriers(self, low: float, high: float) -> npt.NDArray[np.int64]:
        """The alleles whose frequency among people lies in a range."""
        share = self.carriers / self.people
        return np.flatnonzero((share >= low) & (share <= high))


def ontology() -> Ontology:
    """Three levels of ten: `BENCH:123` is a kind of `BENCH:12`, that one of `BENCH:1`."""
    terms = {"BENCH:root": Term("anything", ())}
    for level in (1, 2, 3):
        for number in range(10**level):
            name = f"{number:0{level}}"
            parent = "BENCH:root" if level == 1 else f"BENCH:{name[:-1]}"
            terms[f"BENCH:{name}"] = Term(f"condition {name}", (parent,))
    return Ontology(
        Resource(id="bench", name="Bench", namespace_prefix="BENCH", version="1"), terms
    )


def make(sink: MongoSink, people: int, variants: int, seed: int = 1) -> Cohort:
    """Make and load the main dataset, and eight small ones that share their alleles."""
    sink.put_ontology(ontology())
    random = np.random.default_rng(seed)
    alleles = _alleles(random, *REGION, variants)
    cohort = Cohort(people, alleles, np.zeros(variants, np.int64))
    names = [f"P{number:07}" for number in range(people)]
    started = time.perf_counter()
    load = sink.open(MAIN, assembly=ASSEMBLY, files=[SourceFile(name="synthetic", digest="0")])
    file = SourceFile(name="synthetic", digest="0")
    rows = load.rows(names)
    made = 0.0
    for start in range(0, variants, _MARK):
        part = alleles[start : start + _MARK]
        before = time.perf_counter()
        observed = _observations(random, part, rows)
        for number, one in enumerate(observed, start=start):
            cohort.carriers[number] = len(one.rows)
            if number % 7 == 0:
                cohort.kept[number] = one.rows
        made += time.perf_counter() - before
        load.write_alleles(observed)
        load.mark(file, start + len(part))
    cohort.load_s = time.perf_counter() - started - made
    cohort.pairs = int(cohort.carriers.sum())
    records = _individuals(random, names, cohort)
    for start in range(0, people, 5_000):
        load.write_records("individual", records[start : start + 5_000])
    load.finish(file)
    load.publish()
    _make_small(sink, random, cohort, max(people // 10, 100), max(variants // 10, 100))
    return cohort


def _make_small(
    sink: MongoSink, random: np.random.Generator, cohort: Cohort, people: int, variants: int
) -> None:
    cohort.small = _alleles(random, *SMALL_REGION, variants)
    for name in SMALL:
        file = SourceFile(name=name, digest=name)
        load = sink.open(name, assembly=ASSEMBLY, files=[file])
        rows = load.rows([f"{name}-{number}" for number in range(people)])
        observed = _observations(random, cohort.small, rows)
        cohort.small_carriers.append(np.array([len(one.rows) for one in observed]))
        load.write_alleles(observed)
        load.mark(file, variants)
        load.finish(file)
        load.publish()


def _alleles(random: np.random.Generator, name: str, start: int, size: int) -> list[Allele]:
    """Substitutions, and one insertion or deletion in ten."""
    positions = start + np.cumsum(random.integers(1, 2 * _SPACING, size))
    reference = random.integers(0, 4, size)
    alternate = (reference + random.integers(1, 4, size)) % 4
    kinds = random.random(size)
    lengths = random.integers(1, 12, size)
    alleles = []
    for position, ref, alt, kind, length in zip(
        positions.tolist(), _BASES[reference], _BASES[alternate], kinds, lengths, strict=True
    ):
        more = "".join(_BASES[random.integers(0, 4, length)]) if kind < 0.1 else ""
        if kind < 0.05:
            alleles.append(
                Allele.from_vcf(name, position + 1, str(ref), str(ref) + more + str(alt))
            )
        elif kind < 0.1:
            alleles.append(
                Allele.from_vcf(name, position + 1, str(ref) + more + str(alt), str(ref))
            )
        else:
            alleles.append(Allele.from_vcf(name, position + 1, str(ref), str(alt)))
    return alleles


def _observations(
    random: np.random.Generator, alleles: list[Allele], rows: U32
) -> list[Observation]:
    """Carriers in Hardy-Weinberg proportions: most alleles very rare, one in thirty common."""
    people = len(rows)
    rare_max = max(people // 64, 2)
    sizes = np.arange(1, rare_max + 1)
    weights = sizes**-1.8
    carriers = random.choice(sizes, len(alleles), p=weights / weights.sum())
    drawn = random.integers(0, people, int(carriers.sum()), dtype=np.uint32)
    ends = np.cumsum(carriers)
    is_common = random.random(len(alleles)) < 1 / 30
    observations = []
    for index, allele in enumerate(alleles):
        if is_common[index]:
            frequency = float(np.exp(random.uniform(np.log(0.004), np.log(0.5))))
            copies = random.random((2, people)) < frequency
            chosen = np.flatnonzero(copies[0] | copies[1])
            zygosity = (copies[0] & copies[1])[chosen].astype(np.uint8)
        else:
            chosen = np.unique(drawn[ends[index] - carriers[index] : ends[index]])
            zygosity = np.zeros(len(chosen), np.uint8)
        observations.append(
            Observation(
                allele,
                rows[chosen],
                zygosity,
                allele_number=2 * people,
                allele_count=len(chosen) + int(zygosity.sum()),
            )
        )
    return observations


def _individuals(
    random: np.random.Generator, names: list[str], cohort: Cohort
) -> list[dict[str, Any]]:
    female = random.random(len(names)) < 0.5
    conditions = random.integers(0, 1000, (len(names), 3))
    cohort.terms[FEMALE] = female
    for prefix in range(10):
        cohort.terms[f"BENCH:{prefix}"] = (conditions // 100 == prefix).any(axis=1)
    return [
        {
            "id": name,
            "sex": {"id": FEMALE if is_female else "NCIT:C20197", "label": "sex"},
            "diseases": [
                {"diseaseCode": {"id": f"BENCH:{number:03}", "label": f"condition {number:03}"}}
                for number in sorted(set(of_person))
            ],
        }
        for name, is_female, of_person in zip(
            names, female.tolist(), conditions.tolist(), strict=True
        )
    ]
