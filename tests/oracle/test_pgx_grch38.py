"""Whole-genome calls of 3,202 people with counts in INFO and haploid X in males, on GRCh38."""

from __future__ import annotations

import gzip
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from questions import Asker, Open, expected_frequencies, frequencies
from truth import Genotypes

from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink
from beacon.settings import Level

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATASET = "pgx38"
ASSEMBLY = "GRCh38"
VCF = "vcf-genotypes/1kg_pgx_genes_3202samples.GRCh38.vcf.gz"
CHROMOSOMES = (b"chrX", b"chr22", b"chr12")
"""Part of the file, for time; whole chromosomes, so that ranges lose nothing."""


@pytest.fixture(scope="session")
def part(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pgx38") / "part.vcf.gz"
    with gzip.open(data / VCF) as whole, gzip.open(path, "wb", compresslevel=1) as kept:
        kept.writelines(
            line
            for line in whole
            if line.startswith(b"#") or line[: line.index(b"\t")] in CHROMOSOMES
        )
    return path


@pytest.fixture(scope="module")
def genotypes(part: Path) -> Genotypes:
    return Genotypes(part)


@pytest.fixture(scope="session")
def loaded(sink: MongoSink, part: Path) -> bool:
    return load_vcf(sink, DATASET, ASSEMBLY, [part]).ok


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ask(open_beacon: Open, loaded: bool) -> AsyncIterator[Asker]:
    async with open_beacon(DATASET, biosample=Level.COUNT) as client:
        yield Asker(client, DATASET, ASSEMBLY)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ask_for_carriers(open_beacon: Open, loaded: bool) -> AsyncIterator[Asker]:
    async with open_beacon(DATASET) as client:
        yield Asker(client, DATASET, ASSEMBLY)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.node.name)


async def test_every_allele_is_there(ask: Asker, loaded: bool, genotypes: Genotypes) -> None:
    on = {code.decode().removeprefix("chr"): 0 for code in CHROMOSOMES}
    on |= Counter(one.chromosome for one in genotypes.observed)
    found = {
        name: await ask.count("g_variants", {"assemblyId": ASSEMBLY, "referenceName": name})
        for name in on
    }

    assert loaded
    assert found == on
    assert await ask.count("individuals") == 3202


async def test_three_hundred_alleles(
    ask: Asker, genotypes: Genotypes, chance: random.Random
) -> None:
    on_x = [one for one in genotypes.alleles if one.chromosome == "X"]
    wrong = []
    for allele in [*chance.sample(genotypes.alleles, 200), *chance.sample(on_x, 100)]:
        people = await ask.count("individuals", ask.sequence(allele))
        records = await ask.records("g_variants", ask.sequence(allele))
        found = [(one["variantInternalId"], frequencies(one)) for one in records]
        expected = [(f"{ASSEMBLY}-{allele.id}", expected_frequencies(allele))]
        if people != len(genotypes.names(allele)) or found != (expected if allele.count else []):
            wrong.append((allele, people, found))

    assert wrong == []
    assert sum(one.hemizygous > 0 for one in on_x) > 100


async def test_counts_are_those_that_the_file_states(
    ask: Asker, genotypes: Genotypes, chance: random.Random
) -> None:
    wrong = []
    for allele in chance.sample(genotypes.observed, 100):
        (record,) = await ask.records("g_variants", ask.sequence(allele))
        if frequencies(record)[:2] != allele.stated:
            wrong.append((allele.id, frequencies(record), allele.stated))

    assert wrong == []


async def test_fifty_ranges(ask: Asker, genotypes: Genotypes, chance: random.Random) -> None:
    wrong = []
    for chromosome, start, end in genotypes.ranges(chance, (1, 50, 2_000, 80_000), 50):
        expected = genotypes.overlapping(chromosome, start, end)
        found = await ask.count("g_variants", ask.range(chromosome, start, end))
        if found != len(expected):
            wrong.append((chromosome, start, end, found, len(expected)))

    assert wrong == []


async def test_alleles_that_nobody_carries_match_nothing(ask: Asker, genotypes: Genotypes) -> None:
    unseen = [one for one in genotypes.alleles if not one.count]
    found = [
        await ask.count(path, ask.sequence(allele))
        for allele in unseen[:50]
        for path in ("g_variants", "individuals", "biosamples")
    ]

    assert found == [0] * len(found)


async def test_males_with_an_allele_on_x_are_hemizygous(
    ask_for_carriers: Asker, genotypes: Genotypes
) -> None:
    on_x = [one for one in genotypes.observed if one.chromosome == "X" and one.hemizygous]
    for allele in on_x[:5]:
        (record,) = await ask_for_carriers.records("g_variants", ask_for_carriers.sequence(allele))
        zygosities = Counter(case["zygosity"]["id"] for case in record["caseLevelData"])

        assert {case["biosampleId"] for case in record["caseLevelData"]} == genotypes.names(allele)
        assert zygosities["GENO:0000604"] == allele.hemizygous
        assert zygosities["GENO:0000136"] == allele.homozygous
        assert zygosities["GENO:0000135"] == allele.heterozygous


async def test_zygosity_decides_who_counts(
    ask: Asker, genotypes: Genotypes, chance: random.Random
) -> None:
    wrong = []
    for allele in chance.sample([one for one in genotypes.observed if one.homozygous], 40):
        for term, expected in (
            ("GENO:0000135", allele.heterozygous),
            ("GENO:0000136", allele.homozygous),
            ("GENO:0000134", allele.hemizygous),
        ):
            found = await ask.count("individuals", ask.sequence(allele), [{"id": term}])
            if found != expected:
                wrong.append((allele.id, term, found, expected))

    assert wrong == []
