"""Few people are as many in MongoDB as in memory: what is held back is the same in all stores."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pymongo
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from protected_world import asked, document, frequencies, frequency, variant

from beacon.framework.access import ANY, Access, Protection
from beacon.framework.disclosure import Disclosed, disclose
from beacon.framework.errors import InvalidRequest
from beacon.framework.query import Granularity
from beacon.framework.source import TermsQuery
from beacon.memory import MemoryDataset, MemoryStore
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore
from tests.contract import random_cohorts as made
from tests.contract.test_sources_agree import _assembly, _terms, load, whole

QUESTIONS = 40


@pytest.fixture(scope="module")
def sink(mongo_uri: str) -> Any:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        sink = MongoSink(client["protected"], grace_s=0)
        sink.put_ontology(made.ONTOLOGY)
        for assembly, genes in made.GENES.items():
            sink.put_genes(assembly, genes, "1")
        yield sink
        client.drop_database("protected")


def protected(rng: Random) -> Access:
    """Access of any kind to two of the datasets, which protects few people in some way."""
    levels = (Granularity.BOOLEAN, Granularity.COUNT, Granularity.RECORD)
    of_levels = tuple(
        Protection(min_count=least, round_to=rng.choice([1, 1, 2, 3]))
        for least in sorted(rng.choice([1, 2, 2, 3, 4]) for _ in levels)
    )
    return Access(
        grants={one: {ANY: rng.choice(levels)} for one in ("d1", "d2")},
        protections={one: {ANY: of_levels} for one in ("d1", "d2")},  # type: ignore[dict-item]
    )


def told(found: Disclosed) -> Any:
    """What is compared: all that is told but records, which each store has an order of its own."""
    sets = [
        (one.dataset_id, one.exists, one.count, one.precision, one.adjusted_to)
        for one in found.result_sets
    ]
    return found.granularity, found.exists, found.total, found.precision, sets


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rng=st.randoms(use_true_random=False))
async def test_mongo_protects_as_memory_does(
    rng: Random, sink: MongoSink, mongo_uri: str, tmp_path: Path
) -> None:
    cohorts = {name: made.cohort(rng, assembly) for name, assembly in made.DATASETS.items()}
    for name, records in cohorts.items():
        sink.drop(name)
        load(sink, name, records, tmp_path)
    memory = MemoryStore(
        {
            name: MemoryDataset(records=records, assembly=_assembly(name, records))
            for name, records in cohorts.items()
            if any(records.values())
        },
        made.ONTOLOGIES,
        lambda assembly, symbol: made.GENES.get(assembly, {}).get(symbol),
        made.REFERENCES,
    )
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        mongo = MongoStore(client["protected"], refresh_s=0, references=made.REFERENCES)
        for _ in range(QUESTIONS):
            query, access = whole(made.question(rng)), protected(rng)
            try:
                expected = await memory.search(query, access)
            except InvalidRequest:
                continue
            actual = await mongo.search(query, access)

            assert told(disclose(actual, query, access)) == told(
                disclose(expected, query, access)
            ), (query, access)

        access = protected(rng)
        for terms_query in (TermsQuery(), TermsQuery(entry_type="individual")):
            expected_terms = await memory.filtering_terms(terms_query, access)
            actual_terms = await mongo.filtering_terms(terms_query, access)
            assert _terms(actual_terms) == _terms(expected_terms)


async def test_frequencies_that_records_bring_are_numbers_of_people(
    sink: MongoSink, mongo_uri: str, tmp_path: Path
) -> None:
    """Where nobody's genotypes are known, and no file counted alleles."""
    told = [frequency("Total", 50, 6_000), frequency("FI", 30, 3_000), frequency("SE", 20, 3_000)]
    records = {
        "genomicVariant": [
            variant("rare", 100, []) | frequencies(frequency("Total", 9, 6_000)),
            variant("common", 200, []) | frequencies(*told),
        ]
    }
    for name in made.DATASETS:
        sink.drop(name)
    load(sink, "d1", records, tmp_path)
    access = Access(
        grants={"d1": {ANY: Granularity.RECORD}},
        protections={"d1": {ANY: (Protection(min_count=10),) * 3}},
    )
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        mongo = MongoStore(client["protected"], refresh_s=0)
        found = json.loads(await document(mongo, asked("genomicVariant"), access))
    (record,) = found["response"]["resultSets"][0]["results"]

    assert record["id"] == "common"
    assert record["frequencyInPopulations"][0]["frequencies"] == told
