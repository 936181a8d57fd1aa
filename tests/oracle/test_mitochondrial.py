"""Haploid calls with several alternates a site: the whole mitochondrial genome of 2,534 people."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from questions import Asker, Open, expected_frequencies, frequencies
from truth import Genotypes

from beacon.load.report import Report
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATASET = "mt37"
ASSEMBLY = "GRCh37"
VCF = "vcf-genotypes/1kg_p3_chrMT.GRCh37.vcf.gz"


@pytest.fixture(scope="module")
def genotypes(data: Path) -> Genotypes:
    return Genotypes(data / VCF)


@pytest.fixture(scope="session")
def report(sink: MongoSink, data: Path) -> Report:
    return load_vcf(sink, DATASET, ASSEMBLY, [data / VCF])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ask(open_beacon: Open, report: Report) -> AsyncIterator[Asker]:
    async with open_beacon(DATASET) as client:
        yield Asker(client, DATASET, ASSEMBLY)


async def test_every_allele_is_there(ask: Asker, report: Report, genotypes: Genotypes) -> None:
    usable = [one for one in genotypes.observed if set(one.alt) <= set("ACGTN")]

    assert await ask.count("g_variants") == len(usable)
    assert report.items == len(genotypes.alleles) + report.nothing_to_load.total()


async def test_every_alternate_of_a_site_has_its_own_carriers(
    ask: Asker, genotypes: Genotypes
) -> None:
    chance = random.Random(4)
    several = [one for one in genotypes.observed if one.number >= 0]
    wrong = []
    for allele in chance.sample(several, 200):
        (record,) = await ask.records("g_variants", ask.sequence(allele))
        carriers = {case["biosampleId"] for case in record["caseLevelData"]}
        zygosities = {case["zygosity"]["id"] for case in record["caseLevelData"]}
        if (carriers, frequencies(record)) != (
            genotypes.names(allele),
            expected_frequencies(allele),
        ):
            wrong.append((allele, frequencies(record)))
        assert zygosities == {"GENO:0000602"}

    assert wrong == []


@pytest.mark.parametrize("name", ["MT", "M", "chrM", "NC_012920.1"])
async def test_every_name_of_the_sequence_will_do(
    ask: Asker, genotypes: Genotypes, name: str
) -> None:
    asked = {**ask.range("MT", 0, 16569), "referenceName": name}

    assert await ask.count("g_variants", asked) == len(genotypes.overlapping("MT", 0, 16569))
