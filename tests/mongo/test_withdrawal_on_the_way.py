"""Withdrawal while others are at work: running answers, rollbacks, older loads, later loads."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pymongo
import pytest

from beacon.framework.errors import OperatorError
from beacon.framework.query import Granularity, Pagination, Query, VariationQuery
from beacon.framework.source import TermsQuery
from beacon.load.bff import load_bff
from beacon.load.vcf import load_vcf
from beacon.model.ontology import Ontologies
from beacon.mongo import documents
from beacon.mongo.history import publish_release, roll_back
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore
from beacon.mongo.withdrawal import withdraw
from tests.mongo import test_releases, test_withdrawal
from tests.mongo.test_releases import (
    ASSEMBLY,
    EVERYTHING,
    FEMALE,
    Documents,
    Reader,
    folder,
    variation,
    vcf,
)
from tests.mongo.test_withdrawal import CALLS, Interrupted, interrupt, out

stored, sink, reader = test_withdrawal.stored, test_withdrawal.sink, test_releases.reader
PEOPLE = [{"id": "S1", "sex": FEMALE}, {"id": "S2", "sex": FEMALE}]
MISSENSE = {"id": "SO:0001583", "label": "missense_variant"}


def cohort(path: Path) -> Path:
    """Many people and alleles, rare and common; the first one carries every third alone or not."""
    chance = np.random.default_rng(1)
    names = [f"S{number}" for number in range(200)]
    calls = {}
    for number in range(2_000):
        copies = chance.binomial(2, chance.choice([0.003, 0.3]), len(names))
        copies[0] = number % 3 == 0
        calls[f"{1_000 + number * 20} A G"] = [("0/0", "0/1", "1/1")[one] for one in copies]
    return vcf(path, names, calls)


async def test_answers_stay_the_same_while_people_are_deleted(
    sink: MongoSink, stored: Documents, mongo_uri: str, database: str, tmp_path: Path
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [cohort(tmp_path / "cohort.vcf")])
    with pytest.raises(Interrupted):
        withdraw(stored, "d", ["S0"], ontologies=Ontologies(), grace_s=0, masked=interrupt)
    region = VariationQuery(reference_name="1", assembly_id=ASSEMBLY, start=(5_000,), end=(40_000,))
    questions = [
        Query(entry_type="individual", granularity=Granularity.COUNT, variation=region),
        Query(entry_type="genomicVariant", granularity=Granularity.COUNT, variation=region),
        Query(
            entry_type="genomicVariant",
            granularity=Granularity.RECORD,
            pagination=Pagination(limit=20),
            variation=region,
        ),
    ]
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        store = MongoStore(client[database], refresh_s=0.1)

        async def asked(question: Query) -> tuple[int | None, str]:
            (found,) = (await store.search(question, EVERYTHING)).result_sets
            return found.count, json.dumps(found.records, sort_keys=True)

        expected = [await asked(question) for question in questions]
        deleting = asyncio.create_task(
            asyncio.to_thread(withdraw, stored, "d", [], ontologies=Ontologies(), grace_s=2)
        )
        answers = []
        while not deleting.done():
            answers.append([await asked(question) for question in questions])
        await deleting
        after = [await asked(question) for question in questions]

    assert [one for one in answers if one != expected] == []
    assert after == expected


async def test_no_other_release_is_served_while_people_are_taken_out(
    sink: MongoSink, stored: Documents, reader: Reader, tmp_path: Path
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [vcf(tmp_path / "first.vcf", ["S1", "S2", "S3"], CALLS)])
    later = vcf(tmp_path / "later.vcf", ["S4"], {"1000 A G": ["0/1"]})
    load_vcf(sink, "d", ASSEMBLY, [later])
    with pytest.raises(Interrupted):
        withdraw(stored, "d", ["S1"], ontologies=Ontologies(), grace_s=0, masked=interrupt)
    with pytest.raises(OperatorError, match="beacon datasets withdraw d"):
        roll_back(stored, "d")
    with pytest.raises(OperatorError, match="beacon datasets withdraw d"):
        publish_release(stored, "d")

    assert set(await reader.carriers(1000, "A", "G")) == {"S2", "S4"}


async def test_what_is_said_of_variants_is_not_remembered(
    sink: MongoSink, stored: Documents, reader: Reader, tmp_path: Path
) -> None:
    said = {**variation(4000, "C", "T", "S1"), "molecularAttributes": {"geneIds": ["G"]}}
    said["molecularAttributes"]["molecularEffects"] = [MISSENSE]
    both = {**variation(5000, "C", "T", "S1", "S2"), "info": {"sampleIds": ["S1", "S2"]}}
    bff = folder(tmp_path / "bff", individuals=PEOPLE, genomicVariations=[said, both])
    load_bff(sink, "d", [bff], assembly=ASSEMBLY)
    before = await reader._store.filtering_terms(TermsQuery(), EVERYTHING)
    out(stored, "S1")
    after = await reader._store.filtering_terms(TermsQuery(), EVERYTHING)
    (left,) = await reader.records(5000, "C", "T")

    assert MISSENSE["id"] in [one.id for one in before.terms]
    assert MISSENSE["id"] not in [one.id for one in after.terms]
    assert left["info"] == {"sampleIds": ["S2"]}


@pytest.mark.parametrize("withdrawn_first", [True, False])
async def test_variants_that_waited_are_of_those_who_are_left(
    sink: MongoSink, stored: Documents, reader: Reader, tmp_path: Path, withdrawn_first: bool
) -> None:
    load_bff(sink, "d", [folder(tmp_path / "people", individuals=PEOPLE)])
    if withdrawn_first:
        out(stored, "S1")
    variants = [variation(4000, "C", "T", "S1"), variation(5000, "C", "T", "S1", "S2")]
    load_bff(sink, "d", [folder(tmp_path / "variants", genomicVariations=variants)])
    if not withdrawn_first:
        out(stored, "S1")
    later = vcf(tmp_path / "later.vcf", ["S4"], {"1000 A G": ["0/1"]})
    load_vcf(sink, "d", ASSEMBLY, [later])

    assert set(await reader.carriers(5000, "C", "T")) == {"S2"}
    assert await reader.records(4000, "C", "T") == ()


def test_blocks_that_later_loads_replaced_are_deleted(
    sink: MongoSink, stored: Documents, tmp_path: Path
) -> None:
    two = vcf(tmp_path / "two.vcf", ["S1", "S2"], {"1000 A G": ["0/1", "0/1"]})
    text = two.read_text().replace("<ID=1>", "<ID=1>\n##contig=<ID=2>")
    two.write_text(text + "2\t1000\t.\tA\tG\t.\t.\t.\tGT\t0/1\t0/1\n")
    load_vcf(sink, "d", ASSEMBLY, [two])
    later = vcf(tmp_path / "later.vcf", ["S3"], {"1000 A G": ["0/1"]})
    load_vcf(sink, "d", ASSEMBLY, [later])
    out(stored, "S1")
    carriers = [
        (np.frombuffer(one["c"], "<u4") >> 2).tolist() for one in stored[documents.RARE].find()
    ]

    assert sorted(carriers) == [[1], [1, 2]]
