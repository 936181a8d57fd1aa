"""Frequencies of a record: of everybody, and of each population that is large enough."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pymongo
import pytest

from beacon.framework.access import ANY, Access
from beacon.framework.query import Filter, Granularity, Query, VariationQuery
from beacon.framework.source import SourceFile
from beacon.load.bff import load_bff
from beacon.load.vcf import load_vcf
from beacon.model.allele import Allele, Observation
from beacon.model.entry_types import NO_INDIVIDUALS
from beacon.mongo.populations import POPULATION_MIN, Gathering, populations_of
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

HEAD = (
    "##fileformat=VCFv4.2\n##contig=<ID=17>\n##contig=<ID=X>\n"
    '##ALT=<ID=DEL,Description="Deletion">\n'
    '##INFO=<ID=END,Number=1,Type=Integer,Description="End">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
)
SITES = {
    "17\t1000\t.\tA\tC\t.\tPASS\t.": "diploid",
    "17\t1001\t.\tA\tC\t.\tPASS\t.": "missing",
    "17\t5000\t.\tA\t<DEL>\t.\tPASS\tEND=9000": "missing",
    "X\t50000\t.\tG\tT\t.\tPASS\t.": "haploid",
}
SEXES = {"M": ("NCIT:C20197", "male"), "F": ("NCIT:C16576", "female")}
COUNTRIES = {"FI": "Finland", "ES": "Spain", "Atlantis": "Atlantis"}
EMPTY = np.empty(0, np.uint32)


@pytest.fixture
def sink(mongo_uri: str, database: str) -> Any:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        yield MongoSink(client[database], grace_s=0)


async def records(uri: str, database: str, level: Granularity = Granularity.RECORD) -> Any:
    access = Access(grants={"d": {ANY: level, "genomicVariant": Granularity.RECORD}})
    async with pymongo.AsyncMongoClient[dict[str, Any]](uri) as client:
        query = Query(entry_type="genomicVariant", granularity=Granularity.RECORD)
        answer = await MongoStore(client[database], refresh_s=0).search(query, access)
    return answer.result_sets[0].records


def counts(record: Any) -> dict[str, tuple[int, int, int, int, int]]:
    (source,) = record["frequencyInPopulations"]
    return {
        one["population"]: (
            one["alleleCount"],
            one["alleleNumber"],
            one["alleleCountHeterozygous"],
            one["alleleCountHomozygous"],
            one["alleleCountHemizygous"],
        )
        for one in source["frequencies"]
    }


def make_people(number: int) -> dict[str, tuple[str, str]]:
    chance = random.Random(7)
    return {
        f"S{one}": (chance.choice("MF"), chance.choices([*COUNTRIES], [6, 5, 1])[0])
        for one in range(number)
    }


def call(kind: str, sex: str, chance: random.Random) -> str:
    if kind == "haploid" and sex == "M":
        return chance.choice("001.")
    if kind == "diploid":
        return chance.choice(["0/0", "0/0", "0/1", "1/1"])
    return chance.choice(["0/0", "0/1", "1/1", "./.", "./1", "0/."])


def tally(people: dict[str, tuple[str, str]], calls: dict[str, str]) -> dict[str, Any]:
    """Counts by population, one genotype at a time."""
    found: dict[str, Counter[str]] = {}
    members: Counter[str] = Counter()
    for name, (sex, place) in people.items():
        alleles = calls[name].replace("|", "/").split("/")
        called = [one for one in alleles if one != "."]
        carried = called.count("1")
        for label in ("Total", sex, place, f"{place}_{sex}", f"people of {place}"):
            of_label = found.setdefault(label, Counter())
            of_label["ac"] += carried
            of_label["an"] += len(called)
            members[label] += bool(called)
            of_label["hom"] += carried == 2
            of_label["hemi"] += carried == 1 and len(alleles) == 1
            of_label["het"] += carried == 1 and len(alleles) == 2
    told = {"Total", *told_of(members, [*"MF"]), *told_of(members, [*COUNTRIES])}
    told |= told_of(members, [f"people of {place}" for place in COUNTRIES])
    for place in told & {*COUNTRIES}:
        told |= told_of(members, [f"{place}_{sex}" for sex in "MF"])
    return {
        label: tuple(one[key] for key in ("ac", "an", "het", "hom", "hemi"))
        for label, one in found.items()
        if one["an"] and label in told
    }


def told_of(members: Counter[str], parts: list[str]) -> set[str]:
    """The parts of a whole that leave nobody in a small remainder, the largest ones."""
    told = sorted((one for one in parts if members[one] >= POPULATION_MIN), key=members.get)
    while told and 0 < sum(members[one] for one in parts if one not in told) < POPULATION_MIN:
        told.pop(0)
    return {*told}


def write(folder: Path, people: dict[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    chance = random.Random(8)
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *people]
    lines, calls_of = ["\t".join(columns)], {}
    for site, kind in SITES.items():
        calls = {name: call(kind, sex, chance) for name, (sex, _) in people.items()}
        calls_of[":".join(site.split("\t")[:2])] = calls
        lines.append("\t".join([site, "GT", *calls.values()]))
    (folder / "calls.vcf").write_text(HEAD + "\n".join(lines) + "\n")
    individuals = [
        {
            "id": name,
            "sex": dict(zip(("id", "label"), SEXES[sex], strict=True)),
            "geographicOrigin": {"id": f"GAZ:{place}", "label": COUNTRIES[place]},
            "ethnicity": {"id": f"NCIT:{place}", "label": f"people of {place}"},
        }
        for name, (sex, place) in people.items()
    ]
    (folder / "individuals.json").write_text(json.dumps(individuals))
    return calls_of


@pytest.mark.parametrize("people_first", [True, False])
async def test_counts_by_sex_country_and_ancestry_are_those_of_the_genotypes(
    sink: MongoSink, mongo_uri: str, database: str, tmp_path: Path, people_first: bool
) -> None:
    people = make_people(175)
    calls_of = write(tmp_path, people)
    loads = [
        lambda: load_bff(sink, "d", [tmp_path / "individuals.json"]),
        lambda: load_vcf(sink, "d", "GRCh38", [tmp_path / "calls.vcf"]),
    ]
    for load in loads if people_first else reversed(loads):
        load()
    found = await records(mongo_uri, database)

    assert len(found) == len(SITES)
    for record, calls in zip(
        sorted(found, key=lambda one: one["id"]),
        [calls_of[place] for place in ("17:1000", "17:1001", "17:5000", "X:50000")],
        strict=True,
    ):
        expected = tally(people, calls)
        assert counts(record) == expected
        assert "Atlantis_F" not in expected


async def test_who_may_not_count_individuals_is_told_of_everybody_together(
    sink: MongoSink, mongo_uri: str, database: str, tmp_path: Path
) -> None:
    write(tmp_path, make_people(60))
    load_bff(sink, "d", [tmp_path / "individuals.json"])
    load_vcf(sink, "d", "GRCh38", [tmp_path / "calls.vcf"])
    found = await records(mongo_uri, database, Granularity.BOOLEAN)

    assert {label for record in found for label in counts(record)} == {"Total"}


def write_counts(sink: MongoSink, name: str, names: list[str], of: dict[str, list[Any]]) -> None:
    file = SourceFile(name=name, digest=name)
    load = sink.open("d", assembly="GRCh38", files=[file])
    load.populations(names)
    load.write_alleles(
        [
            Observation(
                Allele.from_vcf("17", int(pos), "A", alternate),
                EMPTY,
                EMPTY.astype(np.uint8),
                allele_number=strata[0][1],
                allele_count=strata[0][0],
                strata=np.array(strata, np.int64),
            )
            for place, strata in of.items()
            for pos, alternate in [place.split(">")]
        ]
    )
    load.mark(file, len(of))
    load.finish(file)
    load.publish()


async def test_counts_that_were_loaded_come_back_by_population(
    sink: MongoSink, mongo_uri: str, database: str
) -> None:
    of_first = {
        "1000>C": [[3, 200, 1, 1, 0], [2, 120, 0, 1, 0]],
        "1000>G": [[0, 200, 0, 0, 0], [0, 120, 0, 0, 0]],
        "9000>T": [[1, 90, -1, -1, -1], [-1, -1, -1, -1, -1]],
    }
    write_counts(sink, "first", ["Total", "afr"], of_first)
    write_counts(sink, "second", ["Total", "nfe"], {"1000>C": [[9, 900, 9, 0, 0], [4, 4, 0, 2, 0]]})
    found = {record["id"]: record for record in await records(mongo_uri, database)}

    assert set(found) == {"GRCh38-17-1000-A-C", "GRCh38-17-9000-A-T"}  # seen in nobody: not found
    assert counts(found["GRCh38-17-1000-A-C"]) == {
        "Total": (9, 900, 9, 0, 0),
        "nfe": (4, 4, 0, 2, 0),
    }
    (of_last,) = found["GRCh38-17-9000-A-T"]["frequencyInPopulations"][0]["frequencies"]
    assert of_last == {
        "population": "Total",
        "alleleFrequency": 1 / 90,
        "alleleCount": 1,
        "alleleNumber": 90,
    }


def test_annotations_are_added_to_alleles_that_are_there(
    sink: MongoSink, mongo_uri: str, database: str
) -> None:
    write_counts(sink, "first", ["Total"], {"1000>C": [[3, 200, 1, 1, 0]]})
    file = SourceFile(name="annotations", digest="annotations")
    load = sink.open("d", assembly="GRCh38", files=[file])
    fragment = {"molecularAttributes": {"geneIds": ["GENE"]}}
    matched = load.annotate(
        [
            (Allele.from_vcf("17", 1000, "A", "C"), fragment),
            (Allele.from_vcf("17", 1000, "A", "T"), fragment),
            (Allele.from_vcf("18", 1000, "A", "C"), fragment),
        ]
    )
    load.mark(file, 3)
    load.publish()
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        stored = list(client[database]["annotations"].find({}, {"key": 1, "g": 1}))

    assert matched == 1
    assert [one["g"] for one in stored] == [["GENE"]]


async def test_a_dataset_of_counts_does_not_know_of_people(
    sink: MongoSink, mongo_uri: str, database: str
) -> None:
    write_counts(sink, "first", ["Total"], {"1000>C": [[3, 200, 1, 1, 0]]})
    variation = VariationQuery(
        assembly_id="GRCh38", reference_name="17", start=(999,), alternate_bases="C"
    )
    access = Access(grants={"d": {ANY: Granularity.RECORD}})
    asked = (
        Query(entry_type="individual", variation=variation),
        Query(entry_type="individual"),
        Query(entry_type="genomicVariant", filters=(Filter(id="NCIT:C16576"),)),
        Query(entry_type="genomicVariant", variation=variation),
    )
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        store = MongoStore(client[database], refresh_s=0)
        *unknown, known = [(await store.search(one, access)).result_sets[0] for one in asked]

    assert [one.info for one in unknown] == [NO_INDIVIDUALS] * 3
    assert (known.count, known.info) == (1, None)


async def test_a_population_of_which_few_were_looked_at_is_not_told(
    sink: MongoSink, mongo_uri: str, database: str, tmp_path: Path
) -> None:
    """People without genotypes make no population of the one who has them."""
    people = {f"S{number}": ("F", "FI") for number in range(30)}
    people |= {f"T{number}": ("M", "ES") for number in range(30)}
    write(tmp_path, people)
    looked_at = ["S0", *(name for name in people if name.startswith("T"))]
    header = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + "\t".join(looked_at)
    line = "17\t1000\t.\tA\tC\t.\tPASS\t.\tGT\t0/1" + "\t0/0" * 30
    (tmp_path / "calls.vcf").write_text(f"{HEAD}{header}\n{line}\n")
    load_bff(sink, "d", [tmp_path / "individuals.json"])
    load_vcf(sink, "d", "GRCh38", [tmp_path / "calls.vcf"])
    (record,) = await records(mongo_uri, database)

    assert set(counts(record)) == {"Total"}  # that of all others would tell hers by subtraction


@pytest.mark.parametrize("key", ["geographicOrigin", "ethnicity"])
def test_free_text_in_place_of_an_origin_is_no_population(key: str) -> None:
    people = 70_000
    gathering = Gathering(people + 20, np.arange(people + 20))
    for number in range(people):
        gathering.add(number, {"sex": {"id": "NCIT:C16576"}, key: {"label": f"of {number}"}})
    for number in range(people, people + 20):
        gathering.add(number, {key: {"label": "Kven"}})
    found = populations_of(gathering.stored())

    assert found is not None
    assert [label.name for label in found.labels] == ["F", "Kven"]


async def test_an_allele_that_is_annotated_has_a_type_like_any_other(
    sink: MongoSink, mongo_uri: str, database: str
) -> None:
    write_counts(sink, "first", ["Total"], {"1000>C": [[3, 200, 1, 1, 0]]})
    query = Query(
        entry_type="genomicVariant", filters=(Filter(id="variantType", operator="=", value="SNP"),)
    )
    access = Access(grants={"d": {ANY: Granularity.RECORD}})
    found = []
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        store = MongoStore(client[database], refresh_s=0)
        found.append((await store.search(query, access)).result_sets[0].count)
        file = SourceFile(name="annotations", digest="annotations")
        load = sink.open("d", assembly="GRCh38", files=[file])
        load.annotate(
            [(Allele.from_vcf("17", 1000, "A", "C"), {"molecularAttributes": {"geneIds": ["G"]}})]
        )
        load.mark(file, 1)
        load.publish()
        found.append((await store.search(query, access)).result_sets[0].count)

    assert found == [1, 1]
