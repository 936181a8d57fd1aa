"""Sites with several alternates and copy numbers on chromosome 22, and records of the same people.

The records name no assembly, and overlap with the genotypes: the order of loading must not matter.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient
from questions import Asker, Filter, Open, expected_frequencies, frequencies
from truth import Genotypes, People, Seen

from beacon.load.bff import load_bff
from beacon.load.report import Report
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATASET = "chr22"
ASSEMBLY = "GRCh37"
VCF = "vcf-genotypes/1kg_p3_chr22_first10k.GRCh37.vcf.gz"
BFF = "metadata-cineca/ega_v2_bff"
ORDERS = ("genotypes-first", "records-first")
RECORDS = 1_200
"""Records of the file that the two orders of loading are compared with."""


@pytest.fixture(scope="module")
def genotypes(data: Path) -> Genotypes:
    return Genotypes(data / VCF)


@pytest.fixture(scope="session")
def report(sink: MongoSink, data: Path) -> Report:
    return load_vcf(sink, DATASET, ASSEMBLY, [data / VCF])


@pytest.fixture(scope="session")
def part(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("chr22") / "part.vcf.gz"
    with gzip.open(data / VCF) as whole, gzip.open(path, "wb", compresslevel=1) as kept:
        header = [line for line in islice(whole, 1_000) if line.startswith(b"#")]
    with gzip.open(data / VCF) as whole, gzip.open(path, "wb", compresslevel=1) as kept:
        kept.writelines(islice(whole, len(header) + RECORDS))
    return path


@pytest.fixture(scope="session")
def variations(data: Path) -> list[dict[str, Any]]:
    """The records of the cohort, with reference and alternate, which it has the wrong way round,
    exchanged: so they are of alleles that the genotypes have too."""
    records = json.loads((data / BFF / "genomicVariations.json").read_text(encoding="utf-8"))
    for record in records:
        variation = record["variation"]
        ref, alt = variation["alternateBases"], variation["referenceBases"]
        variation |= {"referenceBases": ref, "alternateBases": alt}
        interval = variation["location"]["interval"]
        interval["end"]["value"] = interval["start"]["value"] + len(ref)
        del record["_id"]
    return [one for number, one in enumerate(records) if one not in records[:number]]


@pytest.fixture(scope="session")
def folder(
    data: Path, variations: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("chr22")
    for name in ("individuals", "biosamples", "runs", "analyses", "cohorts", "datasets"):
        (folder / f"{name}.json").write_bytes((data / BFF / f"{name}.json").read_bytes())
    (folder / "genomicVariations.json").write_text(json.dumps(variations), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def both_orders(sink: MongoSink, folder: Path, part: Path) -> dict[str, list[Report]]:
    first, second = ORDERS
    return {
        first: [
            load_vcf(sink, first, ASSEMBLY, [part]),
            load_bff(sink, first, [folder]),
        ],
        second: [
            load_bff(sink, second, [folder]),
            load_vcf(sink, second, ASSEMBLY, [part]),
        ],
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ask(open_beacon: Open, report: Report) -> AsyncIterator[Asker]:
    async with open_beacon(DATASET) as client:
        yield Asker(client, DATASET, ASSEMBLY)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(
    open_beacon: Open, both_orders: dict[str, list[Report]]
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with open_beacon(*ORDERS) as client:
        yield client


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.node.name)


async def test_every_allele_is_there(ask: Asker, report: Report, genotypes: Genotypes) -> None:
    assert report.ok
    assert await ask.count("g_variants") == len(genotypes.observed)


async def test_alleles_of_sites_with_several(
    ask: Asker, genotypes: Genotypes, chance: random.Random
) -> None:
    by_bases = [one for one in genotypes.observed if not one.kind and one.number >= 0]
    sites = Counter((one.pos, one.ref) for one in genotypes.alleles)
    several = [one for one in by_bases if sites[one.pos, one.ref] > 1]
    wrong = []
    for allele in [*several, *chance.sample(by_bases, 200)]:
        (record,) = await ask.records("g_variants", ask.sequence(allele))
        carriers = {case["biosampleId"] for case in record["caseLevelData"]}
        expected = (genotypes.names(allele), expected_frequencies(allele))
        if (carriers, frequencies(record)) != expected:
            wrong.append((allele, frequencies(record)))

    assert wrong == []
    assert len(several) > 40


def symbolic(genotypes: Genotypes) -> list[Seen]:
    return [one for one in genotypes.observed if one.kind]


async def test_copy_numbers_are_found_by_where_they_lie(ask: Asker, genotypes: Genotypes) -> None:
    for allele in symbolic(genotypes):
        same_place = {
            "assemblyId": ASSEMBLY,
            "referenceName": "22",
            "start": [allele.start - 1, allele.start + 1],
            "end": [allele.end - 1, allele.end + 1],
        }
        found = await ask.records("g_variants", same_place)
        carriers = [{case["biosampleId"] for case in one["caseLevelData"]} for one in found]

        assert genotypes.names(allele) in carriers
        assert expected_frequencies(allele)[:2] in [frequencies(one)[:2] for one in found]


async def test_lost_copies_are_deletions(ask: Asker, genotypes: Genotypes) -> None:
    whole = ask.range("22", 16_000_000, 17_000_000)
    long_deletions = {**whole, "variantType": "DEL", "variantMinLength": 1_000}
    somebody = set().union(
        *(genotypes.names(one) for one in symbolic(genotypes) if one.alt == "<CN0>")
    )
    lost = [one for one in symbolic(genotypes) if one.alt == "<CN0>"]

    assert await ask.count("g_variants", long_deletions) == len(lost) > 3
    assert await ask.count("individuals", long_deletions) == len(somebody)


async def test_a_range_inside_a_copy_number_finds_it(
    ask: Asker, genotypes: Genotypes, chance: random.Random
) -> None:
    wrong = []
    for chromosome, start, end in genotypes.ranges(chance, (1, 100, 3_000), 60):
        expected = genotypes.overlapping(chromosome, start, end)
        found = await ask.count("g_variants", ask.range(chromosome, start, end))
        if found != len(expected):
            wrong.append((chromosome, start, end, found, len(expected)))

    assert wrong == []


async def test_records_wait_for_the_assembly_and_are_not_lost(
    both_orders: dict[str, list[Report]], variations: list[dict[str, Any]]
) -> None:
    number = len(variations)
    (_, after), (before, then) = both_orders.values()

    assert (after.waiting, after.loaded["genomicVariant"]) == (0, number)
    assert (before.ok, before.waiting, before.loaded["genomicVariant"]) == (True, number, 0)
    assert before.warnings["waiting for the assembly of the dataset"].count == number
    assert (
        then.loaded["genomicVariant"]
        == after.loaded["genomicVariant"]
        + both_orders["genotypes-first"][0].loaded["genomicVariant"]
    )
    assert dict(then.dataset) == dict(after.dataset)


def questions(
    genotypes: Genotypes, people: People, records: list[dict[str, Any]], chance: random.Random
) -> Iterator[tuple[str, dict[str, Any], list[Filter]]]:
    """A hundred, of all kinds."""
    asker = Asker.__new__(Asker)
    asker.assembly = ASSEMBLY
    early = genotypes.alleles[:RECORDS]
    for allele in chance.sample(early, 20):
        yield "individuals", asker.sequence(allele), []
        yield "g_variants", asker.sequence(allele), []
    for record in chance.sample(records, 15):
        yield f"g_variants/{record['variantInternalId']}", {}, []
        yield f"g_variants/{record['variantInternalId']}/individuals", {}, []
    diseases = people.terms("diseases.diseaseCode")
    for _ in range(15):
        start = chance.randrange(16_050_000, 16_140_000)
        asked = [{"id": chance.choice(diseases)}]
        yield "g_variants", asker.range("22", start, start + 2_000), []
        yield "individuals", asker.range("22", start, start + 500), asked


async def test_either_order_of_loading_gives_the_same_answers(
    client: TestClient[web.Request, web.Application],
    genotypes: Genotypes,
    data: Path,
    variations: list[dict[str, Any]],
    chance: random.Random,
) -> None:
    people = People(data / BFF, genotypes.samples)
    first, second = (Asker(client, order, ASSEMBLY) for order in ORDERS)
    asked = list(questions(genotypes, people, variations, chance))
    answers = 0
    for question in asked:
        path, parameters, filters = question
        one = await first.result_set(path, parameters, filters, granularity="record", limit=50)
        other = await second.result_set(path, parameters, filters, granularity="record", limit=50)
        answers += one["exists"]

        assert plain(one) == plain(other), question
    assert len(asked) == 100
    assert answers > 70


def plain(result_set: dict[str, Any]) -> dict[str, Any]:
    """A result set without what names the dataset."""
    text = json.dumps({**result_set, "id": ""}, sort_keys=True)
    for order in ORDERS:
        text = text.replace(order, "")
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize("order", ORDERS)
async def test_a_record_of_an_allele_that_has_genotypes_is_that_allele(
    client: TestClient[web.Request, web.Application],
    variations: list[dict[str, Any]],
    part: Path,
    order: str,
) -> None:
    in_part = Genotypes(part)
    named = {one["variantInternalId"]: one for one in variations}
    by_place = {_place(one): name for name, one in named.items()}
    ask = Asker(client, order, ASSEMBLY)
    both = [
        (one, by_place[one.pos - 1, one.ref, one.alt])
        for one in in_part.observed
        if (one.pos - 1, one.ref, one.alt) in by_place
    ]
    wrong = []
    for allele, name in both:
        found = await ask.records("g_variants", ask.sequence(allele))
        carriers = {case["biosampleId"] for one in found for case in one["caseLevelData"]}
        stated = {case["biosampleId"] for case in named[name]["caseLevelData"]}
        if [one["variantInternalId"] for one in found] != [name] or carriers != in_part.names(
            allele
        ) | stated:
            wrong.append((name, [one["variantInternalId"] for one in found]))

    assert wrong == []
    assert len(both) > 500


def _place(record: dict[str, Any]) -> tuple[int, str, str]:
    variation = record["variation"]
    start = int(variation["location"]["interval"]["start"]["value"])
    return start, variation["referenceBases"], variation["alternateBases"]


async def test_records_come_back_as_they_were(
    client: TestClient[web.Request, web.Application],
    variations: list[dict[str, Any]],
    chance: random.Random,
) -> None:
    ask = Asker(client, ORDERS[1], ASSEMBLY)
    for record in chance.sample(variations, 20):
        (found,) = await ask.records(f"g_variants/{record['variantInternalId']}")
        stated = dict(record)
        cases = stated.pop("caseLevelData")

        assert {key: found[key] for key in stated} == stated
        assert [case for case in found["caseLevelData"] if case in cases] == cases
