"""The home of the demo's genotypes: sites, haplotypes by descent, and the VCF that has them."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beacon.demo.families import Person
from beacon.demo.known_alleles import KNOWN_ALLELES
from beacon.demo.terms import COUNTRIES
from beacon.demo.variants import GENES, Gene
from beacon.model import assemblies

Haplotypes = NDArray[np.int8]
"""Allele numbers, shape (people, 2): the maternal copy, then the paternal; -1 is no copy at all."""

_BASES = "ACGT"
_DIFFERENTIATION = 0.01  # how far allele frequencies of countries lie apart (F_ST)
_MISSING_SHARE = 0.15  # sites with missing calls
_MULTI_ALLELIC_SHARE = 0.04
_INDEL_SHARE = 0.07
_CODES = 4  # alleles 0, 1 and 2, and none
_CALL = ["." if not high else str(high - 1) for high in range(_CODES)] + ["."] * _CODES
_CALL += [
    "./." if not high else f"{low}/{high - 1}"
    for low in range(_CODES - 1)
    for high in range(_CODES)
]


@dataclass(frozen=True, slots=True)
class Site:
    """A line of the VCF.

    `pos` is VCF POS, 1-based. `frequencies` is the frequency of each alternate allele by country,
    shape (alternates, countries). `key` names the published allele that the first alternate is.
    """

    name: str
    pos: int
    ref: str
    alts: tuple[str, ...]
    frequencies: NDArray[np.float64]
    missing: float
    key: str | None = None
    end: int | None = None

    @property
    def order(self) -> tuple[int, int]:
        """The place in a sorted VCF."""
        return assemblies.code(self.name), self.pos


def sites(rng: np.random.Generator, per_gene: int) -> list[Site]:
    """Published alleles and `per_gene` invented ones in every gene, in VCF order."""
    found = [
        Site(
            name=known.name,
            pos=known.pos,
            ref=known.ref,
            alts=(known.alt,),
            frequencies=np.array(
                [
                    [
                        known.frequency.get(country.key, known.frequency.get("", 0.0))
                        for country in COUNTRIES
                    ]
                ]
            ),
            missing=0.0,
            key=known.key,
            end=known.end,
        )
        for known in KNOWN_ALLELES.values()
    ]
    for gene in GENES:
        taken = {
            base
            for site in found
            if site.name == gene.reference_name and site.end is None
            for base in range(site.pos - 12, site.pos + 12)
        }
        size = min(per_gene, (gene.end - gene.start) // 16)
        starts = gene.start + np.sort(rng.choice(gene.end - gene.start - 8, size, replace=False))
        found.extend(
            _background(rng, gene, int(start)) for start in starts if int(start) + 1 not in taken
        )
    return sorted(found, key=lambda site: site.order)


def _background(rng: np.random.Generator, gene: Gene, start: int) -> Site:
    ref = _BASES[int(rng.integers(4))]
    others = [base for base in _BASES if base != ref]
    is_indel = rng.random() < _INDEL_SHARE
    if is_indel:
        tail = "".join(_BASES[int(index)] for index in rng.integers(0, 4, int(rng.integers(1, 6))))
        # The base after the anchor differs from it, so that the allele is where it seems to be.
        tail = others[0] + tail[1:]
        is_deletion = rng.random() < 0.6
        alts: tuple[str, ...] = (ref if is_deletion else ref + tail,)
        ref = ref + tail if is_deletion else ref
    elif rng.random() < _MULTI_ALLELIC_SHARE:
        first, second = rng.choice(3, 2, replace=False)
        alts = (others[int(first)], others[int(second)])
    else:
        alts = (others[int(rng.integers(3))],)
    missing = float(rng.random() * 0.03) if rng.random() < _MISSING_SHARE else 0.0
    frequencies = np.stack([_frequency(rng) for _ in alts])
    return Site(gene.reference_name, start + 1, ref, alts, frequencies, missing)


def _frequency(rng: np.random.Generator) -> NDArray[np.float64]:
    """Mostly rare, as in people, and a little different from country to country."""
    overall = 10 ** rng.uniform(-3.6, -2.0) if rng.random() < 0.75 else rng.beta(0.6, 2.0) * 0.49
    drift = rng.normal(0.0, np.sqrt(overall * (1 - overall) * _DIFFERENTIATION), len(COUNTRIES))
    frequency: NDArray[np.float64] = np.clip(overall + drift, 0.0, 0.49)
    return frequency


class Population:
    """People as columns, for drawing the alleles of one site after another."""

    def __init__(self, people: Sequence[Person]) -> None:
        """Children must come after their parents, and parents have no parents of their own."""
        self.people = people
        keys = [country.key for country in COUNTRIES]
        self.country = np.array([keys.index(person.country.key) for person in people])
        self.is_male = np.array([person.sex == "M" for person in people])
        self.with_tumour = np.array([row for row, one in enumerate(people) if one.tumour], np.intp)
        descent = [
            (row, person.mother, person.father)
            for row, person in enumerate(people)
            if person.mother is not None and person.father is not None
        ]
        self.child, self.mother, self.father = np.array(descent, np.intp).reshape(-1, 3).T

    def haplotypes(self, rng: np.random.Generator, site: Site) -> Haplotypes:
        """Who has which alleles of one site: founders by chance, children from their parents."""
        cumulative = np.cumsum(site.frequencies, axis=0)[:, self.country]
        drawn = rng.random((len(self.people), 2))
        alleles = np.zeros((len(self.people), 2), np.int8)
        for number in range(len(site.alts), 0, -1):
            alleles[drawn < cumulative[number - 1][:, None]] = number
        if site.name == "X":
            alleles[self.is_male, 1] = -1
        if site.name == "MT":
            alleles[:, 1] = -1
        self._inherit(rng, site, alleles)
        if site.key is not None:
            for row, person in enumerate(self.people):
                if site.key in person.maternal:
                    alleles[row, 0] = 1
                if site.key in person.paternal and alleles[row, 1] >= 0:
                    alleles[row, 1] = 1
        return alleles

    def _inherit(self, rng: np.random.Generator, site: Site, alleles: Haplotypes) -> None:
        from_mother, from_father = rng.integers(0, 2, (2, len(self.child)))
        if site.name == "MT":
            alleles[self.child, 0] = alleles[self.mother, 0]
            return
        alleles[self.child, 0] = alleles[self.mother, from_mother]
        if site.name == "X":  # a father's only X goes to his daughters
            paternal = np.where(self.is_male[self.child], -1, alleles[self.father, 0])
            alleles[self.child, 1] = paternal
        else:
            alleles[self.child, 1] = alleles[self.father, from_father]

    def with_tumours(self, site: Site, alleles: Haplotypes) -> Haplotypes:
        """The same, and after the people their tumours, in order, with what is new in them."""
        tumours = alleles[self.with_tumour].copy()
        if site.key is not None:
            for copy, row in zip(tumours, self.with_tumour, strict=True):
                person = self.people[row]
                if person.somatic and person.tumour and person.tumour.allele == site.key:
                    copy[1 if copy[1] >= 0 else 0] = 1
        return np.concatenate([alleles, tumours])


class VcfWriter:
    """Writes a VCF.gz, line by line, the same bytes for the same genotypes."""

    def __init__(
        self, path: Path, samples: Sequence[str], *, assembly: str, prefix: str, source: str
    ) -> None:
        """Open the file and write its header; `prefix` is `chr` or nothing."""
        self._prefix = prefix
        self._file = gzip.GzipFile(path, "wb", compresslevel=4, mtime=0)
        self._write = self._file.write
        self._write(_header(samples, assembly, prefix, source))

    def __enter__(self) -> VcfWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def line(self, rng: np.random.Generator, site: Site, alleles: Haplotypes) -> None:
        """Write one site; some calls go missing as the site says."""
        is_missing = rng.random(len(alleles)) < site.missing
        called = np.where(is_missing[:, None], -1, alleles)
        number = int((called >= 0).sum())
        counts = [int((called == alt).sum()) for alt in range(1, len(site.alts) + 1)]
        info = [
            f"AC={','.join(map(str, counts))}",
            f"AN={number}",
            f"AF={','.join(f'{count / max(number, 1):.5g}' for count in counts)}",
        ]
        if site.end is not None:
            kind = site.alts[0].strip("<>")
            length = site.end - site.pos
            info += [
                f"SVTYPE={kind}",
                f"END={site.end}",
                f"SVLEN={-length if kind == 'DEL' else length}",
            ]
        name = f"{self._prefix}{'M' if self._prefix and site.name == 'MT' else site.name}"
        columns = (name, site.pos, ".", site.ref, ",".join(site.alts), ".", "PASS", ";".join(info))
        line = BytesIO()
        line.write("\t".join(map(str, columns)).encode())
        line.write(b"\tGT")
        line.write(_calls(called, alleles, is_missing))
        line.write(b"\n")
        self._write(line.getvalue())


def _calls(called: Haplotypes, alleles: Haplotypes, is_missing: NDArray[np.bool_]) -> bytes:
    """Genotypes, each after its tab: unphased, haploid where there is one copy."""
    is_diploid = alleles[:, 1] >= 0
    if is_diploid.all():
        text = np.empty((len(called), 4), np.uint8)
        low, high = called.min(axis=1), called.max(axis=1)
        text[:, 0], text[:, 2] = ord("\t"), ord("/")
        text[:, 1] = np.where(is_missing, ord("."), low + ord("0"))
        text[:, 3] = np.where(is_missing, ord("."), high + ord("0"))
        return text.tobytes()
    low, high = alleles.min(axis=1), alleles.max(axis=1)
    codes = np.where(is_missing, 0, 1 + high) + np.where(is_diploid, (2 + low) * _CODES, 0)
    return ("\t" + "\t".join(map(_CALL.__getitem__, codes.tolist()))).encode()


def _header(samples: Sequence[str], assembly: str, prefix: str, source: str) -> bytes:
    lines = [
        "##fileformat=VCFv4.3",
        f"##source={source}",
        '##FILTER=<ID=PASS,Description="All filters passed">',
        '##INFO=<ID=AC,Number=A,Type=Integer,Description="Alleles seen">',
        '##INFO=<ID=AN,Number=1,Type=Integer,Description="Alleles called">',
        '##INFO=<ID=AF,Number=A,Type=Float,Description="Allele frequency">',
        '##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Type of structural variant">',
        '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base of the event">',
        '##INFO=<ID=SVLEN,Number=.,Type=Integer,Description="Change of length">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##ALT=<ID=DEL,Description="Deletion">',
        '##ALT=<ID=DUP,Description="Duplication">',
    ]
    for name, sequence in assemblies.ASSEMBLIES[assembly].items():
        written = f"{prefix}{'M' if prefix and name == 'MT' else name}"
        lines.append(f"##contig=<ID={written},length={sequence.length},assembly={assembly}>")
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    lines.append("\t".join([*columns, *samples]))
    return ("\n".join(lines) + "\n").encode()
