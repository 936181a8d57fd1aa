"""Invented people for attacks: genomes with linkage and a rare tail, attributes, and the files.

Genomes come from a coalescent with recombination of many short regions, far from each other, in a
population of constant size: a neutral spectrum in which most alleles are rare, and neighbours that
are inherited together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, SupportsInt

import msprime  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]
Places = NDArray[np.intp]
Floats = NDArray[np.float64]

CHROMOSOMES = 22
BASES = 23_000
"""Of one region: about a hundred sites, whose neighbours are in linkage."""

_BETWEEN = 1_000_000
_PEOPLE_BEFORE = 10_000
_RECOMBINATIONS = 1e-8
_MUTATIONS = 1.25e-8

ATTRIBUTES = 64
"""Phenotypic features that about half of the people have each."""

USUAL = 50
"""Features that nearly everybody has: each person lacks one of them."""

FEMALE, MALE = (
    {"id": "NCIT:C16576", "label": "female"},
    {"id": "NCIT:C20197", "label": "male"},
)
ASSAY = "LOINC:8302-2"
"""Of the measure that no two people share."""


@dataclass(frozen=True)
class Genomes:
    """Everybody's haplotypes: sites x people x 2, and where the sites are.

    `region` of each site numbers the stretches that are inherited independently; `start` is
    0-based on its chromosome.
    """

    haplotypes: Bits
    region: Places
    start: Places

    @property
    def people(self) -> int:
        return int(self.haplotypes.shape[1])

    @cached_property
    def dosage(self) -> NDArray[np.int8]:
        """Copies of each allele that each person has: sites x people."""
        return np.asarray(self.haplotypes.sum(axis=2, dtype=np.int8))

    @cached_property
    def carried(self) -> Bits:
        """Who carries each allele: sites x people."""
        return np.asarray(self.haplotypes.any(axis=2))

    def chromosome(self, site: SupportsInt) -> str:
        return str(int(self.region[int(site)]) % CHROMOSOMES + 1)

    def asked(self, site: int) -> dict[str, Any]:
        """The parameters that ask for the allele at a site."""
        return {
            "assemblyId": "GRCh38",
            "referenceName": self.chromosome(site),
            "start": [int(self.start[site])],
            "referenceBases": "A",
            "alternateBases": "C",
        }


def simulate(people: int, regions: int, seed: int = 7) -> Genomes:
    """Genomes of so many people, in so many regions."""
    haplotypes, region, start = [], [], []
    replicates = msprime.sim_ancestry(
        samples=people,
        sequence_length=BASES,
        recombination_rate=_RECOMBINATIONS,
        population_size=_PEOPLE_BEFORE,
        num_replicates=regions,
        random_seed=seed,
    )
    for number, tree in enumerate(replicates):
        mutated = msprime.sim_mutations(
            tree,
            rate=_MUTATIONS,
            random_seed=seed * 100_000 + number + 1,
            model=msprime.BinaryMutationModel(),
        )
        found = mutated.genotype_matrix() > 0
        haplotypes.append(found.reshape(len(found), people, 2))
        region.append(np.full(len(found), number))
        positions = mutated.tables.sites.position.astype(np.intp)
        start.append(positions + (number // CHROMOSOMES + 1) * _BETWEEN)
    return Genomes(np.concatenate(haplotypes), np.concatenate(region), np.concatenate(start))


@dataclass(frozen=True)
class Cohorts:
    """Who is where: people by number.

    `members` are of each dataset. `reference` are in no dataset and no target: what an attacker
    can have read elsewhere.
    """

    genomes: Genomes
    members: Mapping[str, Places]
    reference: Places
    targets_in: Mapping[str, Places]
    targets_out: Mapping[str, Places]

    @cached_property
    def oracle(self) -> Floats:
        """Allele frequencies of the whole population: nobody could know them better."""
        return np.asarray(self.genomes.dosage.mean(axis=1) / 2)

    @cached_property
    def held_out(self) -> Floats:
        """Allele frequencies as the reference tells them, with half a copy added of each kind."""
        copies = self.genomes.dosage[:, self.reference].sum(axis=1)
        return np.asarray((copies + 0.5) / (2 * len(self.reference) + 1))

    def present(self, dataset_id: str) -> Places:
        """The sites at which anybody in the dataset carries the allele."""
        return np.flatnonzero(self.genomes.carried[:, self.members[dataset_id]].any(axis=1))


def split(genomes: Genomes, sizes: Sequence[int], targets: int, seed: int = 8) -> Cohorts:
    """Draw datasets of these sizes; one that is too small for its targets becomes several.

    The datasets are drawn from the same people. Those who are not members of any are the targets
    outside, and the reference.
    """
    chance = np.random.default_rng(seed)
    order = chance.permutation(genomes.people)
    inside, outside = order[: max(sizes)], order[max(sizes) : max(sizes) + targets]
    members: dict[str, Places] = {}
    targets_in: dict[str, Places] = {}
    targets_out: dict[str, Places] = {}
    for size in sizes:
        pieces = max(-(-targets // size), 1)
        for piece in range(pieces):
            name = f"n{size}" if pieces == 1 else f"n{size}-{piece + 1}"
            members[name] = inside[piece * size : (piece + 1) * size]
            each = targets // pieces
            targets_in[name] = chance.permutation(members[name])[:each]
            targets_out[name] = outside[piece * each : (piece + 1) * each]
    return Cohorts(genomes, members, order[max(sizes) + targets :], targets_in, targets_out)


_CALLS = np.array([b"\t0|0", b"\t0|1", b"\t1|0", b"\t1|1"], dtype="S4")


def write_vcf(path: Path, genomes: Genomes, people: Places) -> Path:
    """The genotypes of some of the people, at the sites where any of them differs."""
    some = genomes.haplotypes[:, people]
    codes = some[:, :, 0] * np.int8(2) + some[:, :, 1]
    sites = np.flatnonzero(codes.any(axis=1))
    order = sorted(sites, key=lambda one: (int(genomes.chromosome(one)), genomes.start[one]))
    names = "\t".join(f"P{one}" for one in people)
    contigs = "".join(f"##contig=<ID={one + 1}>\n" for one in range(CHROMOSOMES))
    with path.open("wb") as file:
        file.write(
            f"##fileformat=VCFv4.2\n{contigs}"
            '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
            f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n".encode()
        )
        for site in order:
            pos = genomes.start[site] + 1  # VCF is 1-based
            head = f"{genomes.chromosome(site)}\t{pos}\t.\tA\tC\t.\tPASS\t.\tGT"
            file.write(head.encode() + _CALLS[codes[site]].tobytes() + b"\n")
    return path


def attribute(number: int) -> str:
    return f"HP:9{number:06d}"


def has_attribute(person: int, number: int) -> bool:
    """Whether a person has a feature: half of the people do."""
    bits = hashlib.blake2b(str(person).encode(), digest_size=ATTRIBUTES // 8).digest()
    return bool(bits[number // 8] >> number % 8 & 1)


def lacked(person: int) -> str:
    """The usual feature that a person has not."""
    return attribute(1000 + person % USUAL)


def height(person: int) -> float:
    """In centimetres; no two people have the same."""
    return round(140 + (person * 7_919 % 60_013) / 1_000, 3)


def individual(person: int) -> dict[str, Any]:
    """What is known of a person besides the genome."""
    features = [
        {"featureType": {"id": attribute(one), "label": f"feature {one}"}}
        for one in (*range(ATTRIBUTES), *range(1000, 1000 + USUAL))
        if (has_attribute(person, one) if one < ATTRIBUTES else attribute(one) != lacked(person))
    ]
    measure = {
        "assayCode": {"id": ASSAY, "label": "Body height"},
        "measurementValue": {
            "unit": {"id": "UCUM:cm", "label": "centimeter"},
            "value": height(person),
        },
    }
    return {
        "id": f"P{person}",
        "sex": FEMALE if person % 2 else MALE,
        "phenotypicFeatures": features,
        "measures": [measure],
    }


def write_individuals(path: Path, people: Places) -> Path:
    path.write_text(json.dumps([individual(int(one)) for one in people]))
    return path
