"""`beacon privacy report`: what it says of rules and data, and whom it never names."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pymongo
import pytest
from click.testing import CliRunner

from beacon.cli import main
from beacon.framework.access import Asker
from beacon.framework.attack_power import questions_without_frequencies, scrape_power
from beacon.framework.budget import Budget, limit_of_power
from beacon.load.bff import load_bff
from beacon.load.frequencies import load_frequencies
from beacon.load.vcf import load_vcf
from beacon.mongo.ledger import Ledger
from beacon.mongo.ledger_account import Entry
from beacon.mongo.sink import MongoSink
from beacon.secrets_file import Keys

PEOPLE = 20
SITES = 30
POLICY = """
data_dir = "{folder}"

[mongo]
uri = "{uri}"
database = "{database}"

[policy.datasets.ours.public]
dataset = "record"
genomicVariant = "count"

[policy.datasets.ours.tiers.registered]
individual = {{ level = "count", round_to = 10 }}

[policy.datasets.ours.budgets.registered]

[policy.datasets.told]
min_count = 1
accept_risk = "the people are invented"
public = {{ "*" = "record" }}

[policy.datasets.counted]
membership_sensitive = false
public = {{ genomicVariant = "record" }}

[policy.datasets.hidden]
visa_value = "https://example.org/hidden"
dac = ["https://dac.example.org"]
public = {{ dataset = "record" }}
tiers.controlled = {{ "*" = "record" }}
tiers.healthcare = {{ genomicVariant = "boolean" }}

[policy.datasets.elsewhere.public]
"*" = "boolean"
"""


def vcf(folder: Path) -> Path:
    names = "\t".join(f"P{number}" for number in range(PEOPLE))
    head = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT"
    lines = [
        "##fileformat=VCFv4.2",
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        f"{head}\t{names}",
    ]
    genotypes = "\t".join(["0/1"] * PEOPLE)
    lines += [f"17\t{7_577_000 + at}\t.\tG\tA\t.\t.\t.\tGT\t{genotypes}" for at in range(SITES)]
    path = folder / "some.vcf"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def frequencies(folder: Path) -> Path:
    head = "##fileformat=VCFv4.2\n"
    for name, number in (("AC", "A"), ("AN", "1"), ("AF", "A")):
        kind = "Float" if name == "AF" else "Integer"
        head += f'##INFO=<ID={name},Number={number},Type={kind},Description="-">\n'
    head += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    path = folder / "counts.vcf"
    row = "17\t7577100\t.\tG\tA\t.\t.\tAC=500;AN=200000;AF=0.0025\n"
    path.write_text(head + row, encoding="utf-8")
    return path


def people(folder: Path, ill: int) -> Path:
    sex = {"id": "NCIT:C16576", "label": "female"}
    disease = [{"diseaseCode": {"id": "MONDO:0007254", "label": "breast cancer"}}]
    path = folder / "individuals.json"
    records = [
        {"id": f"P{number}", "sex": sex, "diseases": disease if number < ill else []}
        for number in range(PEOPLE)
    ]
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


class World:
    """A database with datasets, and the settings of its beacon."""

    def __init__(self, folder: Path, uri: str, database: str) -> None:
        self.folder, self.uri, self.name = folder, uri, database
        self.settings = folder / "beacon.toml"
        text = POLICY.format(folder=folder, uri=uri, database=database)
        self.settings.write_text(text, encoding="utf-8")

    def load(self) -> None:
        with pymongo.MongoClient[dict[str, Any]](self.uri) as client:
            sink = MongoSink(client[self.name], grace_s=0)
            file = vcf(self.folder)
            for dataset_id in ("ours", "told", "hidden"):
                assert load_vcf(sink, dataset_id, "GRCh38", [file]).ok
            assert load_bff(sink, "ours", [people(self.folder, ill=15)]).ok
            assert load_frequencies(sink, "counted", "GRCh38", [frequencies(self.folder)]).ok

    def set(self, old: str, new: str) -> None:
        text = self.settings.read_text(encoding="utf-8")
        assert old in text
        self.settings.write_text(text.replace(old, new), encoding="utf-8")

    def report(self, *arguments: str) -> str:
        command = ["privacy", "report", "--settings", str(self.settings), *arguments]
        result = CliRunner().invoke(main, command)

        assert result.exit_code == 0, result.output
        return result.output

    def datasets(self) -> dict[str, Any]:
        return {one["dataset"]: one for one in json.loads(self.report("--json"))["datasets"]}


@pytest.fixture(scope="module")
def loaded(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("report"), mongo_uri, "privacy_report")
    world.load()
    yield world
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        client.drop_database(world.name)


@pytest.fixture
def world(loaded: World) -> World:
    return World(loaded.folder, loaded.uri, loaded.name)


def tier(dataset: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (one for one in dataset["tiers"] if one["tier"] == name)
    return dict(found)


def test_says_what_is_held_and_what_a_copy_of_it_would_give_away(world: World) -> None:
    found = world.datasets()["ours"]

    assert (found["people"], found["peopleAre"], found["sites"]) == (PEOPLE, "individuals", SITES)
    assert found["shareWithDisease"] == 0.75
    assert found["wholeTable"]["power"] == scrape_power(PEOPLE, SITES)
    assert found["wholeTable"]["peopleFor10Percent"] > found["wholeTable"]["peopleFor20Percent"]
    assert found["questionsWithoutFrequencies"] == questions_without_frequencies(PEOPLE)


def test_a_tier_without_a_budget_takes_so_many_questions(world: World) -> None:
    found = tier(world.datasets()["ours"], "public")

    assert found["power"] == 1.0
    assert found["questionsTo95Percent"] == 129
    assert found["told"][1] == {
        "entryType": "genomicVariant",
        "granularity": "count",
        "minCount": 10,
        "roundTo": 1,
        "below": "zero",
        "noise": 0.0,
    }


def test_a_budget_bounds_the_power_of_every_attack(world: World) -> None:
    found = tier(world.datasets()["ours"], "registered")

    assert found["power"] == pytest.approx(0.20, abs=0.001)
    assert found["questionsTo95Percent"] is None
    assert found["budget"]["information"] == pytest.approx(0.645, abs=0.001)
    assert found["budget"]["organisationPower"] == pytest.approx(0.56, abs=0.01)
    assert found["budget"]["windowDays"] == 365
    assert found["wholeTablePower"] is None


def test_of_few_people_one_answer_is_enough(world: World) -> None:
    found = world.datasets()["told"]

    assert found["acceptedRisk"] == "the people are invented"
    assert 'policy.datasets."told".public.*' in found["risks"]
    assert tier(found, "public")["boundedBy"] == "records of people are shown"
    assert tier(found, "public")["power"] == 1.0


def test_where_only_the_dataset_is_public_nobody_is_found(world: World) -> None:
    found = world.datasets()["hidden"]

    assert tier(found, "public")["power"] == 0.05
    assert tier(found, "controlled")["power"] == 1.0
    assert tier(found, "healthcare")["told"][1]["minCount"] == 3
    assert found["missingStatement"] is None


def test_people_of_frequencies_are_counted_by_their_alleles(world: World) -> None:
    found = world.datasets()["counted"]

    assert (found["people"], found["peopleAre"], found["sites"]) == (100_000, "alleles", 1)
    assert tier(found, "public")["wholeTablePower"] == pytest.approx(0.05, abs=0.001)
    assert found["shareWithDisease"] is None


def test_a_public_dataset_of_ill_people_needs_a_statement(world: World) -> None:
    unsaid = world.datasets()
    world.set("[policy.datasets.ours.public]", "[policy.datasets.ours]\n"
              "membership_sensitive = false\n[policy.datasets.ours.public]")  # fmt: skip
    said = world.datasets()

    assert "75 % of its people have a disease" in unsaid["ours"]["missingStatement"]
    assert unsaid["told"]["missingStatement"] is None
    assert unsaid["counted"]["missingStatement"] is None
    assert said["ours"]["missingStatement"] is None


def test_so_does_one_of_which_nothing_is_known(world: World) -> None:
    of_many = world.datasets()["counted"]["missingStatement"]
    world.set('accept_risk = "the people are invented"\npublic = { "*" = "record" }',
              'public = { genomicVariant = "boolean" }')  # fmt: skip
    world.set("min_count = 1", "min_count = 10")
    found = world.datasets()["told"]["missingStatement"]

    assert of_many is None
    assert "nothing says whether" in found


def test_says_how_far_budgets_are_used_up_and_not_by_whom(world: World) -> None:
    asyncio.run(spend(world))
    found = world.datasets()["ours"]
    text = world.report()

    assert found["spent"] == {
        "callers": 2,
        "people": 3,
        "exhausted": 2,
        "most": pytest.approx(0.93, abs=0.005),
    }
    assert "2 callers" in " ".join(text.split())
    for name in ("anna", "ben", "P1", "P2", "P3"):
        assert name not in text
        assert name not in json.dumps(found)


async def spend(world: World) -> None:
    """Anna has learnt nearly all of two people, and Ben a little of one of them and of a third."""
    limit = limit_of_power(0.2)
    budget = Budget(
        limit=limit, organisation_limit=5 * limit, dataset_limit=30 * limit, window_s=3e7
    )
    key = Keys.of_file(world.folder / "secret").derive("ledger")
    async with pymongo.AsyncMongoClient[dict[str, Any]](world.uri) as client:
        # The first one asked so long ago that it no longer counts.
        for name, ids, units, ago in (
            ("carl", ["P4"], limit, 5e7),
            ("anna", ["P1", "P2"], 600_000, 0),
            ("ben", ["P2", "P3"], 100_000, 0),
        ):
            at = time.time() - ago
            ledger = Ledger(client[world.name], key, clock=partial(float, at))
            standing = await ledger.standing(Asker(identities=(name,)), "ours", budget)
            people = np.sort(ledger.people("ours", ids))
            entry = Entry(name.encode(), people, np.full(len(people), units, np.uint32))
            assert await ledger.charge(standing, entry)


def test_prints_a_picture_of_each_tier(world: World) -> None:
    text = " ".join(world.report().split())

    assert "20 people, 30 variants" in text
    assert "██░░░░░░░░ 20 %" in text
    assert "accepted risk: the people are invented" in text
    assert "Rules without data: elsewhere" in text


def test_an_empty_beacon_has_nothing_to_report(tmp_path: Path, mongo_uri: str) -> None:
    world = World(tmp_path, mongo_uri, "privacy_report_of_nothing")

    assert json.loads(world.report("--json"))["datasets"] == []
    assert "No dataset is loaded" in world.report()
