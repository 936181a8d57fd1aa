"""People added to a dataset one file at a time: the same numbers as counted from the text."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymongo

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


@dataclass
class PersonFile:
    """The newest file of a person."""

    name: str
    calls: Calls
    blocks: bool
    regions: bool

    def copies(self, site: Site) -> int | None:
        """Alleles called; `None` where the file does not tell."""
        pos, _ = site
        if site in self.calls:
            return COPIES[self.calls[site][self.name]]
        if self.blocks:
            return 2 if FIRST <= pos <= max(self.calls)[0] else 0
        if self.regions:
            return 2 if REGIONS[0] < pos <= REGIONS[1] else 0
        return None


class Dataset:
    """A dataset in the database, and what is known of each allele by counting."""

    def __init__(self, uri: str, database: str, folder: Path, dataset_id: str = "d") -> None:
        self.uri, self.database, self.folder, self.id = uri, database, folder, dataset_id
        self.cohort: Calls = {}
        self.people: dict[str, PersonFile] = {}
        self._number = itertools.count()

    def load(self, calls: Calls, *, blocks: bool = False, regions: bool = False) -> None:
        """Load one file, a cohort's or a person's, and remember what it says."""
        folder = self.folder / f"{self.id}-{next(self._number)}"
        folder.mkdir()
        (folder / "file.vcf").write_text(text(calls, blocks=blocks))
        if regions:
            (folder / "file.bed").write_text("\t".join(map(str, ("22", *REGIONS))) + "\n")
        with pymongo.MongoClient[dict[str, Any]](self.uri) as client:
            load = load_vcf if len(next(iter(calls.values()))) > 1 else load_single_samples
            load(MongoSink(client[self.database]), self.id, "GRCh38", [folder])
        names = [*next(iter(calls.values()))]
        if len(names) > 1:
            self.cohort = calls
        else:
            self.people[names[0]] = PersonFile(names[0], calls, blocks, regions)

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
            counts = {
                one["population"]: (one["alleleCount"], one["alleleNumber"])
                for source in record.get("frequencyInPopulations", ())
                for one in source["frequencies"]
            }
            found[pos, variation["alternateBases"]] = (carriers, counts)
        assert result_set.count == len(found)
        return found

    def expected(self) -> dict[Site, Any]:
        """Everybody counts where the own file says so, and a cohort where its file has the allele.

        Where a person's file says nothing, those of people's files count as carriers alone; and
        nobody does where no cohort was looked at.
        """
        listed = {site for person in self.people.values() for site in person.calls}
        found = {}
        for site in {*self.cohort, *listed}:
            of_cohort = self.cohort.get(site, {})
            of_people = {one: file.copies(site) for one, file in self.people.items()}
            calls = of_cohort | {
                one: file.calls[site][one]
                for one, file in self.people.items()
                if site in file.calls
            }
            carriers = {one: ZYGOSITY[gt] for one, gt in calls.items() if gt in ZYGOSITY}
            called = {one: COPIES[gt] for one, gt in of_cohort.items()}
            if None not in of_people.values():
                called |= {one: copies or 0 for one, copies in of_people.items()}
            elif called:
                called |= {one: COPIES[calls[one]] for one in carriers}
            if carriers:
                found[site] = (sorted(carriers), dict(populations(carriers, called)))
        return found


def populations(
    carriers: dict[str, str], called: dict[str, int]
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Allele count and number of everybody, and of populations that may be told.

    At least 20 of them were looked at, and nobody is left whose genotype would be told by
    subtraction: all are women, one is not said to be a Finn.
    """
    everybody = {*FINNS, "NEITHER"}
    looked_at = {one for one, copies in called.items() if copies}
    for label, members in (("Total", everybody), ("F", everybody), ("FI", FINNS), ("FI_F", FINNS)):
        among = [how for one, how in carriers.items() if one in members]
        number = sum(copies for one, copies in called.items() if one in members)
        told = len(looked_at & members) >= POPULATION_MIN and looked_at <= members
        if number and (told or label == "Total"):
            yield label, (len(among) + among.count("hom"), number)


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
