"""Frequencies by ancestry and sex of 3,202 people, against the counts that their file states."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from questions import Asker, Open
from truth import trimmed

from beacon.load.bff import load_bff
from beacon.load.frequencies import load_frequencies
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink
from beacon.settings import Level

pytestmark = pytest.mark.asyncio(loop_scope="module")

GENOTYPES = "population-genotypes"
COUNTS = "population-counts"
ASSEMBLY = "GRCh38"
VCF = "vcf-genotypes/1kg_pgx_genes_3202samples.GRCh38.vcf.gz"
PEOPLE = "metadata-other/1kg_20130606_g1k.ped"

RECORDS_OF_A_CHROMOSOME = 400
"""Of X all, of others the first ones, for time."""

ANCESTRIES = {
    "AFR": "ACB ASW ESN GWD LWK MSL YRI",
    "AMR": "CLM MXL PEL PUR",
    "EAS": "CDX CHB CHS JPT KHV",
    "EUR": "CEU FIN GBR IBS TSI",
    "SAS": "BEB GIH ITU PJL STU",
}
SEXES = {
    "1": {"id": "NCIT:C20197", "label": "male"},
    "2": {"id": "NCIT:C16576", "label": "female"},
}

Counts = tuple[int, int, int, int, int]
"""Allele count and number, heterozygous, homozygous and hemizygous people."""


@dataclass(frozen=True)
class Site:
    """A record of the file, which has one alternate allele."""

    chromosome: str
    pos: int
    ref: str
    alt: str
    info: dict[str, str]
    calls: list[str]

    @property
    def id(self) -> str:
        """What the beacon calls the allele."""
        start, ref, alt = trimmed(self.pos - 1, self.ref, self.alt)
        if not (ref and alt):
            base = self.ref[start - self.pos]
            start, ref, alt = start - 1, base + ref, base + alt
        return f"{ASSEMBLY}-{self.chromosome}-{start + 1}-{ref}-{alt}"

    @property
    def question(self) -> dict[str, Any]:
        """The question for this allele alone."""
        return {
            "assemblyId": ASSEMBLY,
            "referenceName": self.chromosome,
            "start": [self.pos - 1],
            "referenceBases": self.ref,
            "alternateBases": self.alt,
        }

    def stated(self, suffix: str) -> Counts:
        """The counts of INFO; who is neither of the two others there has one copy and no second."""
        count, number, het, in_hom = (
            int(self.info[f"{name}{suffix}"]) for name in ("AC", "AN", "AC_Het", "AC_Hom")
        )
        return count, number, het, in_hom // 2, count - het - in_hom

    def counted(self, among: list[bool]) -> Counts:
        """The counts of some of the samples, from their genotypes."""
        calls = [
            call.replace("|", "/") for call, is_in in zip(self.calls, among, strict=True) if is_in
        ]
        kinds = Counter(calls)
        het = kinds["0/1"] + kinds["1/0"]
        number = sum((call.count("0") + call.count("1")) * n for call, n in kinds.items())
        hom, hemi = kinds["1/1"], kinds["1"]
        return het + 2 * hom + hemi, number, het, hom, hemi


@pytest.fixture(scope="module")
def part(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first records of each chromosome, and the whole of X."""
    path = tmp_path_factory.mktemp("populations") / "part.vcf.gz"
    taken: Counter[bytes] = Counter()
    with gzip.open(data / VCF) as whole, gzip.open(path, "wb", compresslevel=1) as kept:
        for line in whole:
            if not line.startswith(b"#"):
                chromosome = line[: line.index(b"\t")]
                taken[chromosome] += 1
                if taken[chromosome] > RECORDS_OF_A_CHROMOSOME and chromosome != b"chrX":
                    continue
            kept.write(line)
    return path


@pytest.fixture(scope="module")
def samples(part: Path) -> list[str]:
    with gzip.open(part, "rt") as lines:
        return next(line for line in lines if line.startswith("#CHROM")).split()[9:]


@pytest.fixture(scope="module")
def sites(part: Path) -> dict[str, Site]:
    found = {}
    with gzip.open(part, "rt") as lines:
        for line in lines:
            if not line.startswith("#"):
                chromosome, pos, _, ref, alt, _, _, info, _, *calls = line.rstrip("\n").split("\t")
                said = dict(one.partition("=")[::2] for one in info.split(";"))
                site = Site(chromosome.removeprefix("chr"), int(pos), ref, alt, said, calls)
                found[site.id] = site
    return found


@pytest.fixture(scope="module")
def people(data: Path, samples: list[str]) -> list[dict[str, Any]]:
    """An individual for each sample, with what its pedigree file says of sex and ancestry."""
    _, *lines = (data / PEOPLE).read_text().splitlines()
    fields = {one[1]: one for one in (line.split("\t") for line in lines)}
    ancestry = {name: above for above, names in ANCESTRIES.items() for name in names.split()}
    return [
        {
            "id": sample,
            "sex": SEXES[fields[sample][4]],
            "ethnicity": {"id": f"1000G:{above}", "label": above},
        }
        for sample in samples
        for above in (ancestry[fields[sample][6]],)
    ]


@pytest.fixture(scope="module")
def loaded(
    sink: MongoSink, part: Path, people: list[dict[str, Any]], tmp_path_factory: Any
) -> bool:
    folder: Path = tmp_path_factory.mktemp("people")
    (folder / "individuals.json").write_text(json.dumps(people))
    reports = (
        load_vcf(sink, GENOTYPES, ASSEMBLY, [part]),
        load_bff(sink, GENOTYPES, [folder / "individuals.json"]),
        load_frequencies(sink, COUNTS, ASSEMBLY, [part]),
    )
    return all(one.ok for one in reports)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ask(open_beacon: Open, loaded: bool) -> AsyncIterator[Asker]:
    async with open_beacon(GENOTYPES, biosample=Level.COUNT) as client:
        yield Asker(client, GENOTYPES, ASSEMBLY)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ask_for_counts(open_beacon: Open, loaded: bool) -> AsyncIterator[Asker]:
    async with open_beacon(COUNTS) as client:
        yield Asker(client, COUNTS, ASSEMBLY)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counted(ask: Asker, sites: dict[str, Site]) -> dict[str, dict[str, Any]]:
    """What is answered of the dataset with genotypes."""
    return await answered(ask, sites)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stated(ask_for_counts: Asker, sites: dict[str, Site]) -> dict[str, dict[str, Any]]:
    """What is answered of the dataset that has counts alone."""
    return await answered(ask_for_counts, sites)


async def answered(ask: Asker, sites: dict[str, Site]) -> dict[str, dict[str, Any]]:
    """Every allele of the dataset, with its frequencies by population."""
    found = {}
    for chromosome in sorted({site.chromosome for site in sites.values()}):
        whole = {"assemblyId": ASSEMBLY, "referenceName": chromosome}
        for record in await ask.all_records("g_variants", whole, limit=100):
            found[record["variantInternalId"]] = by_population(record)
    return found


def by_population(record: dict[str, Any]) -> dict[str, Any]:
    (source,) = record["frequencyInPopulations"]
    entries = {one["population"]: one for one in source["frequencies"]}
    if len(entries) != len(source["frequencies"]):
        raise AssertionError(f"a population occurs twice: {source}")
    return entries


def counts(entry: dict[str, Any] | None) -> tuple[int | None, ...]:
    """The counts of a population, in the order of `Counts`; `None` for what is not said."""
    zygosities = ("Heterozygous", "Homozygous", "Hemizygous")
    names = ("alleleCount", "alleleNumber", *(f"alleleCount{one}" for one in zygosities))
    return tuple((entry or {}).get(name) for name in names)


async def test_what_is_counted_from_genotypes_is_what_the_file_states(
    counted: dict[str, dict[str, Any]], loaded: bool, sites: dict[str, Site]
) -> None:
    wrong: list[Any] = []
    seen = {name: site for name, site in sites.items() if site.info["AC"] != "0"}
    for name, site in seen.items():
        for population in ("Total", *ANCESTRIES):
            expected = site.stated("" if population == "Total" else f"_{population}")
            found = counts(counted[name].get(population)) if name in counted else None
            if found != expected:
                wrong.append((name, population, found, expected))
            elif counted[name][population]["alleleFrequency"] != expected[0] / expected[1]:
                wrong.append((name, population, counted[name][population]["alleleFrequency"]))

    assert loaded
    assert wrong == []
    assert counted.keys() == seen.keys() < sites.keys()  # what nobody has is not answered
    assert len(seen) >= 2_000
    assert sum(site.chromosome == "X" for site in seen.values()) > 300


async def test_frequencies_by_sex_are_those_of_the_genotypes(
    counted: dict[str, dict[str, Any]], sites: dict[str, Site], people: list[dict[str, Any]]
) -> None:
    chance = random.Random(1)
    on_x = [name for name in sorted(counted) if sites[name].chromosome == "X"]
    wrong: list[Any] = []
    for name in {*chance.sample(on_x, 100), *chance.sample(sorted(counted), 200)}:
        for label, sex in (("M", "male"), ("F", "female")):
            expected = sites[name].counted([one["sex"]["label"] == sex for one in people])
            found = counts(counted[name].get(label))
            if found != expected:
                wrong.append((name, label, found, expected))

    assert wrong == []
    assert any(counts(counted[name]["M"])[4] for name in on_x)


async def test_every_population_that_is_answered_is_one_that_was_loaded(
    counted: dict[str, dict[str, Any]], stated: dict[str, dict[str, Any]]
) -> None:
    assert {label for one in counted.values() for label in one} == {"Total", "M", "F", *ANCESTRIES}
    assert {label for one in stated.values() for label in one} == {"Total", *ANCESTRIES}


async def test_counts_that_were_loaded_are_answered_like_those_that_were_counted(
    counted: dict[str, dict[str, Any]], stated: dict[str, dict[str, Any]]
) -> None:
    wrong: list[Any] = []
    for name, populations in stated.items():
        for label, entry in populations.items():
            of_genotypes = counted[name][label]
            differing = {key: one for key, one in entry.items() if of_genotypes.get(key) != one}
            if differing or counts(entry)[:4] != counts(of_genotypes)[:4]:
                wrong.append((name, label, entry, of_genotypes))

    assert wrong == []
    assert stated.keys() == counted.keys()


async def test_one_allele_is_answered_alike_alone_and_on_a_page(
    ask: Asker, ask_for_counts: Asker, counted: Any, stated: Any, sites: dict[str, Site]
) -> None:
    chance = random.Random(2)
    wrong: list[Any] = []
    for name in chance.sample(sorted(counted), 100):
        for asker, on_page in ((ask, counted), (ask_for_counts, stated)):
            records = await asker.records("g_variants", sites[name].question)
            if [by_population(record) for record in records] != [on_page[name]]:
                wrong.append((name, asker.dataset_id, records))

    assert wrong == []
