"""What stays of people's files, and what goes: corrected files, other files, older releases."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymongo
import pytest
from test_people_added import (
    ASSEMBLY,
    HEAD,
    Dataset,
    Person,
    Record,
    expected,
    person,
    some_regions,
    split,
)

from beacon.framework.source import Load, SourceFile
from beacon.load.output import Sizes
from beacon.load.single_samples import load_single_samples
from beacon.load.vcf import load_vcf
from beacon.model.allele import Observation
from beacon.model.ontology import Ontologies
from beacon.mongo import documents
from beacon.mongo.history import roll_back
from beacon.mongo.sink import MongoSink
from beacon.mongo.withdrawal import withdraw

REGION = [("22", 20_000_000, 20_000_100)]


def of(name: str, kind: str, *records: tuple[int, str], regions: Any = REGION) -> Person:
    """Somebody with changes of one base on chromosome 22."""
    found = [Record("22", 20_000_000 + pos, "A", alt, "0/1") for pos, alt in records]
    if kind == "blocks":
        found += [Record("22", 20_000_000 + pos + 1, "A" * 5, "<*>", "0/0") for pos, _ in records]
    return Person(name, kind, found, regions if kind == "regions" else [])


def kept(uri: str, database: str) -> list[dict[str, Any]]:
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        return list(client[database][documents.ASSESSED].find())


@pytest.mark.parametrize("seed", range(8))
async def test_a_corrected_file_takes_the_place_of_the_earlier_one(
    mongo_uri: str, database: str, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(100 + seed)
    kinds = ["blocks", "regions", "regions"] + ["neither"] * (seed % 2)
    shared = some_regions(chance)
    people = {one: person(chance, one, chance.choice(kinds), shared) for one in "ABCD"}
    dataset = Dataset(mongo_uri, database, tmp_path)
    for some in split(chance, [*people.values()]):
        dataset.load(some)
    for name in "AB":
        people[name] = person(chance, name, chance.choice(["blocks", "regions"]), shared)
        report = dataset.load([people[name]])
        assert not any("beside" in reason for reason in report.warnings)

    assert await dataset.answers() == expected([*people.values()], {})


async def test_a_file_of_another_name_is_added_and_the_report_says_so(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    dataset = Dataset(mongo_uri, database, tmp_path)
    first, other = of("A", "regions", (10, "C")), of("B", "regions", (20, "C"))
    dataset.load([first, other])
    more = of("A", "neither", (30, "T")).write(tmp_path / "more")
    more = more.rename(more.with_name("A.structural.vcf"))
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        report = load_single_samples(MongoSink(client[database]), "d", ASSEMBLY, [more])

    assert await dataset.answers() == {
        "22-20000010-A-C": (["A"], {"Total": (1, 4)}),
        "22-20000020-A-C": (["B"], {"Total": (1, 4)}),
        "22-20000030-A-T": (["A"], {"Total": (1, 4)}),
    }
    assert any("beside an earlier file" in reason for reason in report.warnings)


async def test_a_persons_sequences_may_come_in_loads_of_their_own(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    dataset = Dataset(mongo_uri, database, tmp_path)
    both = [*REGION, ("X", 50_000_000, 50_000_100)]
    on_22 = of("A", "regions", (10, "C"), regions=both)
    on_x = Person("A", "regions", [Record("X", 50_000_050, "A", "C", "1")], both)
    other = of("B", "regions", (20, "C"), regions=both)
    other.records.append(Record("X", 50_000_060, "A", "C", "0/1"))
    for one in (on_22, other, on_x):
        dataset.load([one])

    assert await dataset.answers() == {
        "22-20000010-A-C": (["A"], {"Total": (1, 4)}),
        "22-20000020-A-C": (["B"], {"Total": (1, 4)}),
        "X-50000050-A-C": (["A"], {"Total": (1, 3)}),
        "X-50000060-A-C": (["B"], {"Total": (1, 3)}),
    }


async def test_what_was_not_known_is_known_once_the_silent_file_is_replaced(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    dataset = Dataset(mongo_uri, database, tmp_path)
    people = [of("A", "regions", (10, "C")), of("B", "blocks", (10, "C"), (14, "T"))]
    dataset.load(people)
    dataset.load([of("C", "neither", (10, "C"), (30, "G"))])
    unknown = await dataset.answers()
    replaced = of("C", "regions", (10, "C"), (30, "G"))
    dataset.load([replaced])

    assert unknown["22-20000014-A-T"] == (["B"], {})
    assert await dataset.answers() == expected([*people, replaced], {})


async def test_a_cohort_counts_as_its_own_file_says_and_people_as_theirs(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    names = [f"S{number}" for number in range(20)]
    text = HEAD + "\t".join(names) + "\n"
    for pos, alt in ((10, "C"), (40, "T"), (500, "G")):
        calls = "\t".join(["0/1", *["0/0"] * 19])
        text += f"22\t{20_000_000 + pos}\t.\tA\t{alt}\t.\t.\t.\tGT\t{calls}\n"
    (tmp_path / "cohort.vcf").write_text(text)
    people = [of("A", "regions", (10, "C")), of("B", "regions", (20, "C"))]

    def load_cohort(dataset: Dataset) -> None:
        with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
            sink = MongoSink(client[database])
            load_vcf(sink, dataset.id, ASSEMBLY, [tmp_path / "cohort.vcf"])

    answers = []
    for number, when in enumerate((0, 1, 2)):
        dataset = Dataset(mongo_uri, database, tmp_path, f"d{number}")
        for turn, one in enumerate([*people, None]):
            if turn == when:
                load_cohort(dataset)
            if one is not None:
                dataset.load([one])
        answers.append(await dataset.answers())

    assert answers[0] == {
        "22-20000010-A-C": (["A", "S0"], {"Total": (2, 44)}),
        "22-20000020-A-C": (["B"], {"Total": (1, 4)}),
        "22-20000040-A-T": (["S0"], {"Total": (1, 44)}),
        "22-20000500-A-G": (["S0"], {"Total": (1, 40)}),
    }
    assert answers[1] == answers[2] == answers[0]


async def test_long_deletions_and_structural_variants_are_asked_where_they_are(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    deleted = Record("22", 20_000_010, "G" + "A" * 80, "G", "0/1")
    symbolic = Record("22", 20_000_050, "A", "<DEL>", "0/1")
    carrier = Person("A", "regions", [deleted, symbolic], REGION)
    people = [
        of("B", "regions", (20, "C")),
        of("C", "regions", (20, "T"), regions=[("22", 20_000_000, 20_000_060)]),
        of("D", "regions", (20, "G")),
    ]
    answers = []
    for number, order in enumerate(([carrier, *people], [*people, carrier])):
        dataset = Dataset(mongo_uri, database, tmp_path, f"d{number}")
        for one in order:
            dataset.load([one])
        answers.append(await dataset.answers())
    at_once = Dataset(mongo_uri, database, tmp_path, "d")
    at_once.load([carrier, *people])

    assert answers[0] == answers[1] == await at_once.answers()
    # C's regions end within the deletion, and C's record overlaps it.
    assert [counts for _, counts in answers[0].values()].count({"Total": (1, 8)}) == 5


async def test_by_sex_the_numbers_are_those_of_one_load(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    chance = random.Random(5)
    shared = some_regions(chance)
    people = [person(chance, f"P{number:02}", "regions", shared) for number in range(50)]
    for one in people:
        one.regions = shared
        one.records = [it for it in one.records if it.name in ("X", "Y") and it.pos % 1_000 < 30]
    sexes = {one.name: "M" if number % 2 else "F" for number, one in enumerate(people)}
    dataset = Dataset(mongo_uri, database, tmp_path)
    dataset.load(people[:20])
    dataset.describe(sexes)
    dataset.load(people[20:45])
    dataset.load(people[45:])
    counted = expected(people, sexes)

    assert await dataset.answers() == counted
    assert sum("F" in counts and "M" in counts for _, counts in counted.values()) > 10


# What is kept -------------------------------------------------------------------------------------


def test_regions_that_people_share_are_kept_once(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    dataset = Dataset(mongo_uri, database, tmp_path)
    for number in range(4):
        dataset.load([of(f"P{number}", "regions", (10 + number, "C"))])

    assert len([one for one in kept(mongo_uri, database) if "c" not in one]) == 1
    assert len([one for one in kept(mongo_uri, database) if one.get("c") == 22]) == 4


async def test_what_a_file_assessed_goes_with_the_person(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    dataset = Dataset(mongo_uri, database, tmp_path)
    alone = [("22", 20_000_000, 20_000_070)]
    people = [of("A", "regions", (10, "C")), of("B", "regions", (20, "C"), regions=alone)]
    for one in people:
        dataset.load([one])
    before = kept(mongo_uri, database)
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        withdraw(client[database], "d", ["B"], ontologies=Ontologies(), grace_s=0)
    after = kept(mongo_uri, database)
    dataset.load([of("C", "regions", (30, "C"))])

    assert (len(before), len(after)) == (6, 3)
    assert {one.get("r", 0) for one in after} == {0}
    assert await dataset.answers() == {
        "22-20000010-A-C": (["A"], {"Total": (1, 4)}),
        "22-20000030-A-C": (["C"], {"Total": (1, 4)}),
    }


async def test_going_back_to_an_older_release_takes_people_out_again(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    dataset = Dataset(mongo_uri, database, tmp_path)
    people = [of("A", "regions", (10, "C")), of("B", "regions", (20, "C"))]
    dataset.load(people[:1])
    alone = await dataset.answers()
    dataset.load(people[1:])
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        roll_back(client[database], "d")

    assert await dataset.answers() == alone == {"22-20000010-A-C": (["A"], {"Total": (1, 2)})}
    other = of("C", "regions", (30, "C"))
    dataset.load([other])
    assert await dataset.answers() == expected([people[0], other], {})


def test_nothing_is_left_of_a_dataset_that_is_dropped(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    dataset = Dataset(mongo_uri, database, tmp_path)
    dataset.load([of("A", "regions", (10, "C"))])
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        MongoSink(client[database], grace_s=0).drop("d")

    assert kept(mongo_uri, database) == []


# When it stops ------------------------------------------------------------------------------------


class Unplugged(BaseException):
    """The process is gone."""


@dataclass
class Breaking:
    """A load that ends after some marks, or once all is written and nothing published."""

    load: Load
    marks: int
    _seen: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.load, name)

    def mark(self, file: SourceFile, position: int) -> None:
        self.load.mark(file, position)
        self._seen.append(position)
        if len(self._seen) == self.marks:
            raise Unplugged

    def write_alleles(self, observations: Sequence[Observation]) -> None:
        self.load.write_alleles(observations)

    def publish(self) -> Any:
        alleles = self.load._alleles  # type: ignore[attr-defined]
        alleles.flush("publish", 10)
        alleles.revisit(10)
        raise Unplugged


@dataclass
class BreakingSink:
    sink: MongoSink
    marks: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sink, name)

    def open(self, *arguments: Any, **named: Any) -> Any:
        return Breaking(self.sink.open(*arguments, **named), self.marks)


@pytest.mark.parametrize("marks", [1, 2, 1_000])
async def test_a_load_that_is_taken_up_again_gives_the_same_numbers(
    mongo_uri: str, database: str, tmp_path: Path, marks: int
) -> None:
    chance = random.Random(40)
    shared = some_regions(chance)
    kinds = ["regions", "blocks", "neither", "regions"]
    people = [person(chance, *one, shared) for one in zip("ABCD", kinds, strict=True)]
    dataset = Dataset(mongo_uri, database, tmp_path)
    dataset.load(people[:1])
    paths = [one.write(tmp_path / "broken") for one in people[1:]]
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        sink = MongoSink(client[database], grace_s=0)
        sizes = Sizes(alleles=40)
        broken = BreakingSink(sink, marks)
        with pytest.raises(Unplugged):
            load_single_samples(broken, "d", ASSEMBLY, paths, process_count=1, sizes=sizes)
        load_single_samples(sink, "d", ASSEMBLY, paths, process_count=1, sizes=sizes)

    assert await dataset.answers() == expected(people, {})
