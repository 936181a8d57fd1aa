"""Whoever is similar to a case in memory is so in MongoDB, as much, and for the same reasons."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pymongo
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from beacon.framework.answer import Resource
from beacon.framework.query import Case, CaseVariant, Granularity, Pagination, Query, VariationQuery
from beacon.memory import MemoryDataset, MemoryStore
from beacon.model.ontology import Ontologies, Ontology, Term
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore
from tests.contract import random_cohorts as made
from tests.contract.test_sources_agree import load

PHENOTYPES = Ontology(
    Resource(id="hp", name="Phenotypes", namespace_prefix="HP", version="1"),
    {
        "HP:0000001": Term("all"),
        "HP:0000118": Term("phenotypic abnormality", ("HP:0000001",)),
        "HP:0000005": Term("inheritance", ("HP:0000001",)),
        "HP:0000010": Term("of the brain", ("HP:0000118",)),
        "HP:0000011": Term("seizure", ("HP:0000010",)),
        "HP:0000012": Term("febrile seizure", ("HP:0000011",)),
        "HP:0000013": Term("small brain", ("HP:0000010", "HP:0000020")),
        "HP:0000020": Term("of the skull", ("HP:0000118",)),
        "HP:0000021": Term("small skull", ("HP:0000020",)),
    },
    {
        "HP:0000001": 40,
        "HP:0000118": 40,
        "HP:0000010": 25,
        "HP:0000011": 9,
        "HP:0000012": 2,
        "HP:0000020": 12,
    },
)
TERMS = (*PHENOTYPES.terms, "HP:0999999")
ONTOLOGIES = Ontologies({"MONDO": made.ONTOLOGY, "HP": PHENOTYPES})


@pytest.fixture(scope="module")
def sink(mongo_uri: str) -> Any:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        sink = MongoSink(client["cases"], grace_s=0)
        for ontology in ONTOLOGIES:
            sink.put_ontology(ontology)
        yield sink
        client.drop_database("cases")


def cohort(rng: Random, assembly: str) -> made.Records:
    records = made.cohort(rng, assembly)
    for one in records["individual"]:
        one["phenotypicFeatures"] = [
            {"featureType": made.term(name), "excluded": rng.random() < 0.3}
            for name in rng.sample(TERMS, rng.randint(0, 5))
        ]
    return records


def case(rng: Random, cohorts: dict[str, made.Records]) -> Case:
    terms = rng.sample(TERMS, rng.randint(0, 6))
    known = [one for records in cohorts.values() for one in records["genomicVariant"]]
    variants = {}
    for record in rng.sample(known, min(len(known), rng.randint(0, 3))):
        start = record["variation"]["location"]["interval"]["start"]["value"]
        bases = record["variation"].get("referenceBases")
        name = "17" if "NC_000017" in record["variation"]["location"]["sequence_id"] else "X"
        if bases is None:
            continue
        variation = VariationQuery(
            assembly_id=rng.choice(["GRCh38", "GRCh37"]),
            reference_name=name,
            start=(start,),
            reference_bases=bases,
            alternate_bases=record["variation"]["alternateBases"],
        )
        variants[f"{name}-{start}"] = CaseVariant(
            variation=variation,
            name=f"{name}-{start}",
            zygosity=rng.choice([None, "heterozygous", "homozygous"]),
            gene=rng.choice([None, "AAA", "CCC"]),
            aminoacid_change=rng.choice([None, "V600K", "p.Arg175Gly"]),
            effect=rng.choice([None, "SO:0001587", "missense_variant", "synonymous_variant"]),
        )
    genes = {one.gene for one in variants.values() if one.gene}
    genes.update(rng.sample(["AAA", "CCC"], rng.randint(0, 1)))
    return Case(
        features=tuple(sorted(terms[: len(terms) // 2])),
        excluded=tuple(sorted(terms[len(terms) // 2 :])),
        genes=tuple(sorted(genes)),
        variants=tuple(variants.values()),
        least=rng.choice([0.05, 0.2, 0.5]),
    )


@settings(
    max_examples=25,
    phases=[Phase.generate],  # a smaller example of random records says no more
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rng=st.randoms(use_true_random=False))
async def test_mongo_finds_similar_people_as_memory_does(
    rng: Random, sink: MongoSink, mongo_uri: str, tmp_path: Path
) -> None:
    cohorts = {name: cohort(rng, assembly) for name, assembly in made.DATASETS.items()}
    for name, records in cohorts.items():
        sink.drop(name)
        load(sink, name, records, tmp_path)
    memory = MemoryStore(
        {
            name: MemoryDataset(
                records=records,
                assembly=made.DATASETS[name] if records["genomicVariant"] else None,
            )
            for name, records in cohorts.items()
            if any(records.values())
        },
        ONTOLOGIES,
        references=made.REFERENCES,
    )
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        mongo = MongoStore(client["cases"], refresh_s=0, references=made.REFERENCES)
        for _ in range(20):
            query = Query(
                entry_type="individual",
                case=case(rng, cohorts),
                granularity=Granularity.RECORD,
                pagination=Pagination(limit=100),
            )
            access = made.access(rng)

            expected = await memory.search(query, access)
            actual = await mongo.search(query, access)

            assert [_plain(one) for one in actual.result_sets] == [
                _plain(one) for one in expected.result_sets
            ], (query, access)


def _plain(found: Any) -> Any:
    return found.dataset_id, found.count, found.info, json.loads(json.dumps(found.records))
