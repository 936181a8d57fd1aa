"""People added to a dataset one file at a time: the same numbers as counted from the text."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
from test_any_loads import Known

from beacon.framework.access import ANY, Access
from beacon.framework.query import Granularity, Pagination, Query, VariationQuery
from beacon.load.bff import load_bff
from beacon.load.single_samples import load_single_samples
from beacon.load.vcf import load_vcf
from beacon.mongo.populations import POPULATION_MIN
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

COHORT = [f"S{number:02}" for number in range(20)]
FINNS = {*COHORT, "BLOCKS", "REGIONS"}
HEAD = (
    "##fileformat=VCFv4.2\n##contig=<ID=22>\n"
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
)
FIRST, LAST, LENGTH = 20_000_000, 20_030_000, 100
REGIONS = (FIRST, FIRST + 20_000)
Site = tuple[int, str]
Calls = dict[Site, dict[str, str]]
"""Of each POS and ALT the genotypes that a load has."""
ZYGOSITY = {"0/1": "het", "1/1": "hom", "1": "hemi"}
COPIES = {"0/0": 2, "0/1": 2, "1/1": 2, "1": 1, "0": 1, "./.": 0}


def genotype(chance: random.Random) -> str:
    return chance.choices([*COPIES], [40, 30, 15, 4, 2, 9])[0]


SITES = [(pos, "CGT"[pos // LENGTH % 3]) for pos in range(FIRST + 50, LAST, LENGTH)]


def cohort(chance: random.Random) -> Calls:
    return {
        site: {one: genotype(chance) for one in COHORT} for site in SITES if chance.random() < 0.8
    }


def person(chance: random.Random, name: str) -> Calls:
    return {site: {name: genotype(chance)} for site in SITES if chance.random() < 0.4}


def text(calls: Calls, *, blocks: bool = False) -> str:
    samples = [*next(iter(calls.values()))]
    lines = []
    at = FIRST
    for (pos, alternate), of_sample in calls.items():
        if blocks:
            lines.append(f"22\t{at}\t.\tA\t<NON_REF>\t.\t.\tEND={pos - 1}\tGT\t0/0")
            alternate += ",<NON_REF>"
            at = pos + 1
        lines.append(
            "\t".join(
                ("22", str(pos), ".", "A", alternate, ".", ".", ".", "GT", *of_sample.values())
            )
        )
    return HEAD + "\t".join(samples) + "\n" + "\n".join(lines) + "\n"


class Dataset:
    """A dataset in the database, and what is known of each allele by counting."""

    def __init__(self, uri: str, database: str, folder: Path, dataset_id: str = "d") -> None:
        self.uri, self.database, self.folder, self.id = uri, database, folder, dataset_id
        self.known: dict[Site, Known] = {}
        self._number = itertools.count()

    def load(self, calls: Calls, *, blocks: bool = False, regions: bool = False) -> None:
        """Load one file, and count it: it speaks for its samples at the alleles that it lists."""
        folder = self.folder / f"{self.id}-{next(self._number)}"
        folder.mkdir()
        (folder / "file.vcf").write_text(text(calls, blocks=blocks))
        if regions:
            (folder / "file.bed").write_text("\t".join(map(str, ("22", *REGIONS))) + "\n")
        with pymongo.MongoClient[dict[str, Any]](self.uri) as client:
            load = load_vcf if len(next(iter(calls.values()))) > 1 else load_single_samples
            load(MongoSink(client[self.database]), self.id, "GRCh38", [folder])
        for site, of_sample in calls.items():
            carriers = {one: ZYGOSITY[gt] for one, gt in of_sample.items() if gt in ZYGOSITY}
            called = {one: COPIES[gt] for one, gt in of_sample.items()}
            self.known.setdefault(site, Known()).speak(set(of_sample), carriers, called)

    def describe(self) -> None:
        """Where people are from."""
        records = [
            {
                "id": one,
                "sex": {"id": "NCIT:C16576", "label": "female"},
                "geographicOrigin": {"id": "GAZ:00002937", "label": "Finland"}
                if one in FINNS
                else {"id": "GAZ:00002729", "label": "Sweden"},
            }
            for one in (*sorted(FINNS), "NEITHER")
        ]
        folder = self.folder / f"{self.id}-people"
        folder.mkdir()
        (folder / "individuals.json").write_text(json.dumps(records))
        with pymongo.MongoClient[dict[str, Any]](self.uri) as client:
            load_bff(MongoSink(client[self.database]), self.id, [folder])

    async def answers(self) -> dict[Site, Any]:
        """Carriers, and counts by population, of all alleles."""
        access = Access(grants={self.id: {ANY: Granularity.RECORD}})
        query = Query(
            entry_type="genomicVariant",
            variation=VariationQuery(reference_name="22", start=(FIRST,), end=(LAST,)),
            granularity=Granularity.RECORD,
            pagination=Pagination(limit=1_000),
        )
        async with pymongo.AsyncMongoClient[dict[str, Any]](self.uri) as client:
            answer = await MongoStore(client[self.database], refresh_s=0).search(query, access)
        (result_set,) = answer.result_sets
        found = {}
        for record in result_set.records:
            variation = record["variation"]
            pos = variation["location"]["interval"]["start"]["value"] + 1
            carriers = sorted(one["biosampleId"] for one in record["caseLevelData"])
            (source,) = record["frequencyInPopulations"]
            counts = {
                one["population"]: (one["alleleCount"], one["alleleNumber"])
                for one in source["frequencies"]
            }
            found[pos, variation["alternateBases"]] = (carriers, counts)
        assert result_set.count == len(found)
        return found

    def expected(self) -> dict[Site, Any]:
        return {
            site: (sorted(known.carriers), dict(populations(known)))
            for site, known in self.known.items()
            if known.carriers
        }


def populations(known: Known) -> Iterator[tuple[str, tuple[int, int]]]:
    """Allele count and number of everybody, and of populations that may be told.

    At least 20 of them were looked at, and nobody is left whose genotype would be told by
    subtraction: all are women, one is not said to be a Finn.
    """
    everybody = {*FINNS, "NEITHER"}
    called = {one for one, copies in (known.called or {}).items() if copies}
    for label, members in (("Total", everybody), ("F", everybody), ("FI", FINNS), ("FI_F", FINNS)):
        carriers = [how for one, how in known.carriers.items() if one in members]
        number = sum(copies for one, copies in (known.called or {}).items() if one in members)
        told = len(called & members) >= POPULATION_MIN and called <= members
        if number and (told or label == "Total"):
            yield label, (len(carriers) + carriers.count("hom"), number)


async def test_people_are_added_and_corrected_one_file_at_a_time(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    chance = random.Random(7)
    dataset = Dataset(mongo_uri, database, tmp_path)
    dataset.describe()
    with_blocks = person(chance, "BLOCKS")
    corrected = with_blocks | {site: {"BLOCKS": genotype(chance)} for site in [*with_blocks][::2]}
    steps: list[tuple[Calls, dict[str, bool]]] = [
        (cohort(chance), {}),
        (with_blocks, {"blocks": True}),
        # Off-target calls, too: the file speaks for nobody but its own person.
        (person(chance, "REGIONS"), {"regions": True}),
        (person(chance, "NEITHER"), {}),
        (corrected, {"blocks": True}),
    ]
    for calls, how in steps:
        dataset.load(calls, **how)
        expected = dataset.expected()

        assert await dataset.answers() == expected
        assert len(expected) >= 200


async def test_files_may_be_loaded_in_any_order(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    chance = random.Random(8)
    loads: list[tuple[Calls, dict[str, bool]]] = [
        (cohort(chance), {}),
        (person(chance, "BLOCKS"), {"blocks": True}),
        (person(chance, "REGIONS"), {"regions": True}),
        (person(chance, "NEITHER"), {}),
    ]
    orders = [
        loads,
        loads[::-1],
        [loads[at] for at in (2, 0, 3, 1)],
        [loads[at] for at in (1, 3, 0, 2)],
    ]
    answers = []
    for number, order in enumerate(orders):
        dataset = Dataset(mongo_uri, database, tmp_path, f"d{number}")
        if number % 2:
            dataset.describe()
        for calls, how in order:
            dataset.load(calls, **how)
        if not number % 2:
            dataset.describe()
        answers.append(await dataset.answers())

        assert answers[-1] == dataset.expected()
    assert all(one == answers[0] for one in answers)
