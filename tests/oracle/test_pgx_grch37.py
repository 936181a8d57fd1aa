"""34,720 real variants of 2,504 people, with the phenotypes of a synthetic cohort, on GRCh37."""

from __future__ import annotations

import importlib.util
import json
import operator
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from questions import Asker, Filter, Open, expected_frequencies, frequencies
from truth import Genotypes, People, Seen, genes, kinds_in_icd10

from beacon.load.bff import load_bff
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink
from beacon.settings import Level

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATASET = "pgx37"
ASSEMBLY = "GRCh37"
VCF = "vcf-genotypes/1kg_pgx_genes_2504samples.GRCh37.vcf.gz"
BFF = "metadata-cineca/ega_v2_bff"

Condition = tuple[Filter, np.ndarray]


@pytest.fixture(scope="module")
def genotypes(data: Path) -> Genotypes:
    return Genotypes(data / VCF)


@pytest.fixture(scope="module")
def people(data: Path, genotypes: Genotypes) -> People:
    return People(data / BFF, genotypes.samples)


@pytest.fixture(scope="session")
def loaded(sink: MongoSink, data: Path) -> dict[str, int]:
    load_vcf(sink, DATASET, ASSEMBLY, [data / VCF])
    # Its variants name no assembly; they are on the dataset's.
    report = load_bff(sink, DATASET, [data / BFF])
    assert report.ok
    return dict(report.dataset)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ask(open_beacon: Open, loaded: dict[str, int]) -> AsyncIterator[Asker]:
    async with open_beacon(DATASET) as client:
        yield Asker(client, DATASET, ASSEMBLY)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ask_without_carriers(open_beacon: Open, loaded: dict[str, int]) -> AsyncIterator[Asker]:
    """Where samples are not shown, a record of a variant is short."""
    async with open_beacon(DATASET, biosample=Level.COUNT) as client:
        yield Asker(client, DATASET, ASSEMBLY)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.node.name)


def conditions(people: People, chance: random.Random) -> list[Condition]:
    """Filters of every kind, each with the samples of the people it holds for."""
    found: list[Condition] = []
    for path in ("sex", "ethnicity", "geographicOrigin", "diseases.diseaseCode"):
        found += [({"id": term}, people.having(path, {term})) for term in people.terms(path)]
    procedures = people.terms("interventionsOrProcedures.procedureCode")
    for term in chance.sample(procedures, 5):
        holds = people.having("interventionsOrProcedures.procedureCode", {term})
        found.append(({"id": term}, holds))
    in_use = {term.removeprefix("ICD10:") for term in people.terms("diseases.diseaseCode")}
    for code in ("J40-J47", "K20-K31", "IX", "X", "XI", "F20-F29"):
        used = {f"ICD10:{one}" for one in in_use & kinds_in_icd10(code)}
        found.append(({"id": f"ICD10:{code}"}, people.having("diseases.diseaseCode", used)))
        alone = {"id": f"ICD10:{code}", "includeDescendantTerms": False}
        found.append((alone, np.zeros(len(people.records), bool)))
    height = people.measured("Height-standing")
    for sign, compare in (
        ("<", operator.lt),
        ("<=", operator.le),
        (">", operator.gt),
        (">=", operator.ge),
        ("=", operator.eq),
    ):
        name = chance.choice(("LOINC:8308-9", "Height-standing"))
        value = float(chance.choice(height.tolist()))
        asked = {"id": name, "operator": sign, "value": repr(value)}
        found.append((asked, compare(height, value)))
    return found


def ordinary(genotypes: Genotypes) -> list[Seen]:
    """Alleles that only one record tells of."""
    return [one for one in genotypes.alleles if one.number >= 0]


async def test_everybody_and_every_allele_is_there(
    ask: Asker, genotypes: Genotypes, data: Path
) -> None:
    # On a stretch of chromosome 22 of which the genotypes tell nothing; one is there twice.
    in_records = len({one["variantInternalId"] for one in _variations(data)})

    assert await ask.count("individuals") == len(genotypes.samples) == 2504
    assert await ask.count("biosamples") == 2504
    assert await ask.count("runs") == 2504
    assert await ask.count("analyses") == 2504
    assert await ask.count("g_variants") == len(genotypes.observed) + in_records


def _variations(data: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        (data / BFF / "genomicVariations.json").read_text(encoding="utf-8")
    )
    return found


async def test_a_thousand_alleles(
    ask: Asker, ask_without_carriers: Asker, genotypes: Genotypes, chance: random.Random
) -> None:
    wrong = []
    for allele in chance.sample(ordinary(genotypes), 1000):
        people = await ask.count("individuals", ask.sequence(allele))
        records = await ask_without_carriers.records("g_variants", ask.sequence(allele))
        found = [(one["variantInternalId"], frequencies(one)) for one in records]
        expected = [(f"{ASSEMBLY}-{allele.id}", expected_frequencies(allele))]
        if people != len(genotypes.names(allele)) or found != (expected if allele.count else []):
            wrong.append((allele, people, found))

    assert wrong == []


async def test_alleles_that_nobody_reported(
    ask: Asker, genotypes: Genotypes, chance: random.Random
) -> None:
    known = {one.id for one in genotypes.observed}
    found = [
        await ask.count("g_variants", {**ask.sequence(allele), "alternateBases": alternate})
        for allele in chance.sample([one for one in ordinary(genotypes) if len(one.ref) == 1], 100)
        for alternate in sorted(set("ACGT") - {allele.ref, allele.alt})
        if f"{allele.chromosome}-{allele.pos}-{allele.ref}-{alternate}" not in known
    ]

    assert len(found) >= 100
    assert not any(found)


async def test_two_hundred_ranges(ask: Asker, genotypes: Genotypes, chance: random.Random) -> None:
    wrong = []
    for chromosome, start, end in genotypes.ranges(chance, (1, 10, 100, 5_000, 60_000), 200):
        expected = genotypes.overlapping(chromosome, start, end)
        found = await ask.count("g_variants", ask.range(chromosome, start, end))
        if found != len(expected):
            wrong.append((chromosome, start, end, found, len(expected)))

    assert wrong == []


async def test_who_carries_anything_in_a_range(
    ask: Asker, genotypes: Genotypes, chance: random.Random
) -> None:
    wrong = []
    for chromosome, start, end in genotypes.ranges(chance, (30, 300), 40):
        somebody = np.zeros(len(genotypes.samples), bool)
        for allele in genotypes.overlapping(chromosome, start, end):
            somebody |= genotypes.carries(allele)
        found = await ask.count("individuals", ask.range(chromosome, start, end))
        if found != somebody.sum():
            wrong.append((chromosome, start, end, found, int(somebody.sum())))

    assert wrong == []


async def test_genes(ask: Asker, genotypes: Genotypes, data: Path) -> None:
    package = importlib.util.find_spec("genmod")
    assert package is not None
    assert package.origin is not None
    table = genes(Path(package.origin).parent / "annotations" / "ensembl_genes_37.txt.gz")
    regions = data / "vcf-genotypes" / "1kg_pgx_genes_2504samples.GRCh37.regions.tsv"
    symbols = [line.split("\t")[0] for line in regions.read_text().splitlines()[1:]]
    asked = [one for one in symbols if one in table]
    found = {one: await ask.count("g_variants", {"geneId": one}) for one in asked}

    assert len(asked) >= 30
    assert found == {one: len(genotypes.overlapping(*table[one])) for one in asked}
    assert all(found.values())


async def test_alleles_joined_with_what_is_known_of_people(
    ask: Asker, genotypes: Genotypes, people: People, chance: random.Random
) -> None:
    known = conditions(people, chance)
    common = [one for one in genotypes.observed if one.count > 100 and one.number >= 0]
    wrong = []
    hits = 0
    for number in range(300):
        allele = chance.choice(common if number % 3 else genotypes.observed)
        asked = chance.sample(known, chance.choice((1, 1, 2)))
        holds = genotypes.carries(allele)
        for _, members in asked:
            holds = holds & members
        path = chance.choice(("individuals", "individuals", "biosamples", "runs", "g_variants"))
        expected = int(holds.any() if path == "g_variants" else holds.sum())
        filters = [{**one, "scope": "individual"} for one, _ in asked]
        found = await ask.count(path, ask.sequence(allele), filters)
        hits += expected > 0
        if found != expected:
            wrong.append((path, allele.id, filters, found, expected))

    assert wrong == []
    assert hits > 100


async def test_alleles_of_a_range_that_such_people_carry(
    ask: Asker, genotypes: Genotypes, people: People, chance: random.Random
) -> None:
    known = conditions(people, chance)
    wrong = []
    for chromosome, start, end in genotypes.ranges(chance, (100, 3_000), 30):
        condition, holds = chance.choice(known)
        inside = genotypes.overlapping(chromosome, start, end)
        expected = sum(bool((genotypes.carries(one) & holds).any()) for one in inside)
        asked = [{**condition, "scope": "individual"}]
        found = await ask.count("g_variants", ask.range(chromosome, start, end), asked)
        if found != expected:
            wrong.append((chromosome, start, end, condition, found, expected))

    assert wrong == []


async def test_filters_alone(ask: Asker, people: People, chance: random.Random) -> None:
    wrong = []
    for condition, holds in conditions(people, chance):
        found = await ask.count("individuals", None, [condition])
        if found != holds.sum():
            wrong.append((condition, found, int(holds.sum())))

    assert wrong == []


async def test_pages_of_people(ask: Asker, genotypes: Genotypes, chance: random.Random) -> None:
    few = [one for one in genotypes.observed if 20 < one.count < 80]
    for allele in chance.sample(few, 5):
        found = await ask.all_records("individuals", ask.sequence(allele), limit=7)
        ids = [one["id"] for one in found]

        assert len(ids) == len(set(ids))
        assert set(ids) == genotypes.names(allele)


async def test_pages_of_alleles(ask_without_carriers: Asker, genotypes: Genotypes) -> None:
    ask = ask_without_carriers
    expected = {f"{ASSEMBLY}-{one.id}" for one in genotypes.overlapping("22", 42522500, 42526000)}
    found = await ask.all_records("g_variants", ask.range("22", 42522500, 42526000), limit=9)
    ids = [one["variantInternalId"] for one in found]

    assert len(expected) > 20
    assert len(ids) == len(set(ids))
    assert set(ids) == expected


async def test_an_individual_comes_as_it_was_loaded(
    ask: Asker, genotypes: Genotypes, people: People, chance: random.Random
) -> None:
    for record in chance.sample(people.records, 10):
        (found,) = await ask.records(f"individuals/{record['id']}")

        assert found == {key: value for key, value in record.items() if key != "_id"}


async def test_carriers_are_named_with_their_zygosity(
    ask: Asker, genotypes: Genotypes, chance: random.Random
) -> None:
    terms = {"GENO:0000135": "het", "GENO:0000136": "hom"}
    for allele in chance.sample([one for one in ordinary(genotypes) if one.count], 25):
        (record,) = await ask.records("g_variants", ask.sequence(allele))
        found: dict[str, set[Any]] = {"het": set(), "hom": set()}
        for case in record["caseLevelData"]:
            found[terms[case["zygosity"]["id"]]].add(case["biosampleId"])

        assert found["het"] | found["hom"] == genotypes.names(allele)
        assert (len(found["het"]), len(found["hom"])) == (allele.heterozygous, allele.homozygous)


async def test_variants_of_a_person(
    ask_without_carriers: Asker, genotypes: Genotypes, chance: random.Random, data: Path
) -> None:
    ask = ask_without_carriers
    in_region = genotypes.overlapping("19", 15973868, 16023735)
    for name in chance.sample(genotypes.samples, 5):
        index = genotypes.samples.index(name)
        expected = sum(bool(genotypes.carries(one)[index]) for one in in_region)
        path = f"individuals/{name}/g_variants"

        assert await ask.count(path, ask.range("19", 15973868, 16023735)) == expected
