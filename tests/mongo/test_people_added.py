"""People loaded in several loads: the same numbers as in one load, and as counted base by base."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymongo
import pytest

from beacon.framework.access import ANY, Access
from beacon.framework.query import Granularity, Pagination, Query
from beacon.load.output import Sizes
from beacon.load.report import Report
from beacon.load.single_samples import load_single_samples
from beacon.model.allele import Allele
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

ASSEMBLY = "GRCh38"
HEAD = (
    "##fileformat=VCFv4.2\n##contig=<ID=22>\n##contig=<ID=X>\n##contig=<ID=Y>\n##contig=<ID=MT>\n"
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base">\n'
    '##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Type">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
)
ORIGINS = {"22": 20_000_000, "X": 50_000_000, "Y": 5_000_000, "MT": 4_060}
SPAN = 120
"""Bases that records are on; bins of the database and of the spool end in the midst of some."""
CALLED = {"0/0": 2, "0/1": 2, "1/1": 2, "1": 1, "0": 1, "./.": 0, "./1": 1}
COUNT = {"0/1": 1, "1/1": 2, "1": 1, "./1": 1}


@dataclass
class Record:
    """A line: POS, REF, ALT and GT; of a block ALT is `<*>`, and REF as long as it."""

    name: str
    pos: int
    ref: str
    alt: str
    call: str

    @property
    def is_block(self) -> bool:
        return self.alt == "<*>"

    @property
    def allele(self) -> Allele:
        return Allele.from_vcf(self.name, self.pos, self.ref, self.alt)

    def line(self, *, blocks: bool) -> str:
        if self.is_block:
            end = self.pos + len(self.ref) - 1
            fields = (self.name, self.pos, ".", "A", "<*>", ".", ".", f"END={end}", "GT", self.call)
        else:
            alt = f"{self.alt},<*>" if blocks else self.alt
            fields = (self.name, self.pos, ".", self.ref, alt, ".", ".", ".", "GT", self.call)
        return "\t".join(map(str, fields)) + "\n"


@dataclass
class Person:
    """What the file of one person has."""

    name: str
    kind: str
    """`blocks`, `regions` or `neither`."""
    records: list[Record]
    regions: list[tuple[str, int, int]] = field(default_factory=list)

    def write(self, folder: Path) -> Path:
        folder.mkdir(exist_ok=True, parents=True)
        path = folder / f"{self.name}.vcf"
        order = [*ORIGINS]
        records = sorted(self.records, key=lambda one: (order.index(one.name), one.pos))
        lines = (one.line(blocks=self.kind == "blocks") for one in records)
        path.write_text(HEAD + self.name + "\n" + "".join(lines))
        if self.kind == "regions":
            bed = "".join(f"{name}\t{start}\t{end}\n" for name, start, end in self.regions)
            (folder / f"{self.name}.bed").write_text(bed)
        return path


def person(chance: random.Random, name: str, kind: str, shared: Any) -> Person:
    """Somebody with variants that others have too, and regions, or blocks between them."""
    records: list[Record] = []
    is_male = chance.random() < 0.5
    for sequence, origin in ORIGINS.items():
        if sequence == "Y" and not is_male:
            continue
        pos = 1
        while pos < SPAN:
            size = chance.randint(1, 7)
            draw = chance.random()
            calls = ["0/1", "1/1", "0/1", "1", "./.", "0/0", "./1"]
            if sequence in ("X", "Y", "MT") and is_male:
                calls = ["1", "1", "1", "1", "0", "./.", "1/1"]
            call = chance.choice(calls)
            if kind == "blocks" and draw < 0.5:
                block = chance.choice(["0/0", "0/0", "0", "./."])
                records.append(Record(sequence, origin + pos, "A" * size, "<*>", block))
            elif draw < 0.65:
                records.append(Record(sequence, origin + pos, "A", chance.choice("CGT"), call))
                size = 1
            elif draw < 0.8 and size > 1:
                deleted = "G" + "A" * (size - 1)
                records.append(Record(sequence, origin + pos, deleted, "G", call))
                size = chance.choice([size, 1])  # the next record may overlap this one
            elif draw < 0.85:
                records.append(Record(sequence, origin + pos, "A", "AC", call))
            pos += size + (chance.randint(0, 8) if kind != "blocks" else 0)
    if not any(one.alt != "<*>" for one in records):
        records.append(Record("22", ORIGINS["22"] + SPAN, "A", "C", "0/1"))
    if kind == "blocks" and not any(one.is_block for one in records):
        records.append(Record("22", ORIGINS["22"] + 2 * SPAN, "A", "<*>", "0/0"))
    regions = shared if chance.random() < 0.6 else some_regions(chance)
    return Person(name, kind, unique(records), regions if kind == "regions" else [])


def unique(records: Sequence[Record]) -> list[Record]:
    return list({(one.name, one.pos, one.ref, one.alt): one for one in records}.values())


def some_regions(chance: random.Random) -> list[tuple[str, int, int]]:
    found = []
    for name, origin in ORIGINS.items():
        at = chance.randint(-30, 20)
        while at < SPAN:
            size = chance.randint(5, 60)
            found.append((name, origin + at, origin + at + size))
            at += size + chance.randint(1, 25)
    return found


# Counted base by base -----------------------------------------------------------------------------


def one_x(of: Person) -> bool:
    called = [CALLED[one.call] for one in of.records if one.name == "X" and not one.is_block]
    return called.count(1) > called.count(2)


def has_call_on_y(of: Person) -> bool:
    return any(one.name == "Y" and CALLED[one.call] for one in of.records)


def copies_of_region(of: Person, name: str) -> int:
    if name == "MT":
        return 1
    if name == "Y":
        return 1 if has_call_on_y(of) else 0
    return 1 if name == "X" and one_x(of) else 2


def by_base(of: Person, name: str) -> dict[int, int]:
    """Of each base the copies that were called: by records, else blocks, else regions."""
    levels: list[dict[int, int]] = [{}, {}, {}]
    for one in of.records:
        if one.name == name:
            level = levels[1 if one.is_block else 0]
            for base in range(one.pos - 1, one.pos - 1 + len(one.ref)):
                level[base] = max(level.get(base, 0), CALLED[one.call])
    for region, start, end in of.regions:
        if region == name:
            levels[2] |= dict.fromkeys(range(start, end), copies_of_region(of, name))
    return levels[2] | levels[1] | levels[0]


def copies(of: Person, allele: Allele) -> int:
    """How many copies somebody has called at an allele."""
    own = [one for one in of.records if not one.is_block and one.allele == allele]
    if own:
        return CALLED[own[-1].call]
    if of.kind == "neither":
        return 0
    start, end = allele.footprint
    there = by_base(of, allele.reference_name)
    called = {there.get(base, 0) for base in range(start, end)}
    if len(called) == 1:
        return called.pop()
    overlapping = [
        CALLED[one.call]
        for one in of.records
        if not one.is_block
        and one.name == allele.reference_name
        and one.allele.footprint[0] < end
        and one.allele.footprint[1] > start
    ]
    return max(overlapping, default=0)


def is_outside(of: Person, allele: Allele) -> bool:
    """Whether somebody carries an allele that neither own regions nor blocks contain."""
    if of.kind != "regions" or not carries(of, allele):
        return False
    assessed: set[int] = set()
    for name, first, last in of.regions:
        if name == allele.reference_name:
            assessed |= set(range(first, last))
    return not assessed >= set(range(*allele.footprint))


def lists(of: Person, allele: Allele) -> bool:
    return any(not one.is_block and one.allele == allele for one in of.records)


def carries(of: Person, allele: Allele) -> int:
    """Copies carried."""
    own = [one for one in of.records if not one.is_block and one.allele == allele]
    return COUNT.get(own[-1].call, 0) if own else 0


def expected(people: Sequence[Person], sexes: dict[str, str]) -> dict[str, Any]:
    """Of each allele its carriers, and allele count and number: of all, and by sex."""
    alleles = {one.allele for of in people for one in of.records if not one.is_block}
    found: dict[str, Any] = {}
    for allele in alleles:
        carriers = sorted(of.name for of in people if carries(of, allele))
        if not carriers:
            continue
        called = {of.name: copies(of, allele) for of in people}
        left_out = [of for of in people if not lists(of, allele) and not called[of.name]]
        unknown = any(of.kind == "neither" for of in people if not lists(of, allele))
        if any(is_outside(of, allele) for of in people):
            unknown |= any(of.kind == "regions" for of in left_out)
        counts = {}
        if not unknown:
            for label, among in groups(people, called, sexes):
                number = sum(called[of.name] for of in among)
                counts[label] = (sum(carries(of, allele) for of in among), number)
        found[key(allele)] = (carriers, counts)
    return found


def groups(
    people: Sequence[Person], called: dict[str, int], sexes: dict[str, str]
) -> Iterator[tuple[str, list[Person]]]:
    yield "Total", [*people]
    of_sex = {sex: [of for of in people if sexes.get(of.name) == sex] for sex in "MF"}
    looked_at = {sex: sum(1 for of in found if called[of.name]) for sex, found in of_sex.items()}
    for sex, among in of_sex.items():
        others = looked_at["F" if sex == "M" else "M"]
        if looked_at[sex] >= 20 and (others == 0 or others >= 20):
            yield sex, among


def key(allele: Allele) -> str:
    return f"{allele.reference_name}-{allele.vcf[0]}-{allele.vcf[1]}-{allele.vcf[2]}"


# In the database ----------------------------------------------------------------------------------


@dataclass
class Dataset:
    uri: str
    database: str
    folder: Path
    id: str = "d"
    loads: int = 0

    def load(self, people: Sequence[Person], sizes: Sizes | None = None) -> Report:
        self.loads += 1
        paths = [of.write(self.folder / self.id / str(self.loads)) for of in people]
        with pymongo.MongoClient[dict[str, Any]](self.uri) as client:
            return load_single_samples(
                MongoSink(client[self.database], grace_s=0),
                self.id,
                ASSEMBLY,
                paths,
                process_count=1,
                sizes=sizes or Sizes(),
            )

    def describe(self, sexes: dict[str, str]) -> None:
        terms = {"M": ("NCIT:C20197", "male"), "F": ("NCIT:C16576", "female")}
        with pymongo.MongoClient[dict[str, Any]](self.uri) as client:
            load = MongoSink(client[self.database]).open(self.id, assembly=None, files=[])
            load.write_records(
                "individual",
                [
                    {"id": one, "sex": dict(zip(("id", "label"), terms[sex], strict=True))}
                    for one, sex in sexes.items()
                ],
            )
            load.publish()

    async def answers(self) -> dict[str, Any]:
        access = Access(grants={self.id: {ANY: Granularity.RECORD}})
        records: list[Any] = []
        async with pymongo.AsyncMongoClient[dict[str, Any]](self.uri) as client:
            store = MongoStore(client[self.database], refresh_s=0)
            while True:
                query = Query(
                    entry_type="genomicVariant",
                    granularity=Granularity.RECORD,
                    pagination=Pagination(skip=len(records) // 1_000, limit=1_000),
                )
                (result_set,) = (await store.search(query, access)).result_sets
                records += result_set.records
                if len(result_set.records) < 1_000:
                    break
        found: dict[str, Any] = {}
        for record in records:
            carriers = sorted(one["biosampleId"] for one in record["caseLevelData"])
            counts = {
                one["population"]: (one["alleleCount"], one["alleleNumber"])
                for source in record.get("frequencyInPopulations", ())
                for one in source["frequencies"]
            }
            name = record["variantInternalId"].removeprefix(f"{ASSEMBLY}-")
            found[name] = (carriers, counts)
        return found


def split(chance: random.Random, people: Sequence[Person]) -> list[list[Person]]:
    """In any order, and in any loads."""
    order = [*people]
    chance.shuffle(order)
    loads: list[list[Person]] = []
    while order:
        size = chance.choice([1, 1, 2, len(order)])
        loads.append(order[:size])
        order = order[size:]
    return loads


@pytest.mark.parametrize("seed", range(10))
async def test_loads_of_some_people_each_give_what_one_load_of_all_gives(
    mongo_uri: str, database: str, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    kinds = ["blocks", "regions", "regions"] + ["neither"] * (seed % 4 == 0)
    shared = some_regions(chance)
    people = [person(chance, name, chance.choice(kinds), shared) for name in "ABCDEF"]
    at_once = Dataset(mongo_uri, database, tmp_path, "once")
    one_by_one = Dataset(mongo_uri, database, tmp_path, "each")
    sizes = Sizes(alleles=chance.choice([30, 50_000]), window=chance.choice([1, 10_000]))
    at_once.load(people)
    for some in split(chance, people):
        report = one_by_one.load(some, sizes)
        assert report.ok
    counted = expected(people, {})

    assert await at_once.answers() == counted
    assert await one_by_one.answers() == counted
