"""A source is a source: MongoDB gives the answers that brute force over plain records gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pymongo
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beacon.framework.answer import Answer
from beacon.framework.errors import InvalidRequest
from beacon.framework.query import Pagination, Query
from beacon.framework.source import TermsQuery
from beacon.load.bff import load_bff
from beacon.memory import MemoryDataset, MemoryStore
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore
from tests.contract import random_cohorts as made

QUESTIONS = 40


@pytest.fixture(scope="module")
def sink(mongo_uri: str) -> Any:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        sink = MongoSink(client["contract"], grace_s=0)
        sink.put_ontology(made.ONTOLOGY)
        for assembly, genes in made.GENES.items():
            sink.put_genes(assembly, genes, "1")
        yield sink
        client.drop_database("contract")


def load(sink: MongoSink, dataset_id: str, records: made.Records, folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    for record in records.get("dataset", ()):
        record["id"] = dataset_id
    for entry_type, entries in records.items():
        names = {"analysis": "analyses", "genomicVariant": "genomicVariations"}
        path = folder / f"{names.get(entry_type, entry_type + 's')}.json"
        if entries:
            path.write_text(json.dumps(entries))
    if any(records.values()):
        load_bff(sink, dataset_id, [folder], assembly=made.DATASETS[dataset_id])


def plain(answer: Answer) -> list[tuple[Any, ...]]:
    """What is compared: counts, and records without what only a store knows."""
    return [
        (
            one.dataset_id,
            one.count,
            one.info,
            sorted(json.dumps(_record(record), sort_keys=True) for record in one.records),
        )
        for one in answer.result_sets
    ]


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in record.items() if key != "caseLevelData"}
    for name in ("createDateTime", "updateDateTime"):
        kept.pop(name, None)
    cases = [json.dumps(case, sort_keys=True) for case in record.get("caseLevelData", ())]
    return kept | {"cases": sorted(cases)}


def whole(query: Query) -> Query:
    """The question with all its records on one page: order is each source's own."""
    return msgspec.structs.replace(query, pagination=Pagination(limit=1000))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rng=st.randoms(use_true_random=False))
async def test_mongo_answers_as_memory_does(
    rng: Random, sink: MongoSink, mongo_uri: str, tmp_path: Path
) -> None:
    """Random cohorts, random questions, equal answers; pages partition them."""
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
        mongo = MongoStore(client["contract"], refresh_s=0, references=made.REFERENCES)
        for _ in range(QUESTIONS):
            query, access = made.question(rng), made.access(rng)
            try:
                expected = plain(await memory.search(whole(query), access))
            except InvalidRequest:
                with pytest.raises(InvalidRequest):
                    await mongo.search(query, access)
                continue
            actual = plain(await mongo.search(whole(query), access))

            assert actual == expected, (query, access)

            paged = await mongo.search(query, access)
            everything = await mongo.search(whole(query), access)
            assert [one.count for one in paged.result_sets] == [
                one.count for one in everything.result_sets
            ]
            if query.entry_type not in ("dataset", "cohort"):
                offset, limit = query.pagination.offset, query.pagination.limit
                for page, one in zip(paged.result_sets, everything.result_sets, strict=True):
                    assert page.records == one.records[offset : offset + limit]

        access = made.access(rng)
        for terms_query in (TermsQuery(), TermsQuery(entry_type="individual")):
            expected_terms = await memory.filtering_terms(terms_query, access)
            actual_terms = await mongo.filtering_terms(terms_query, access)
            assert _terms(actual_terms) == _terms(expected_terms)


def _terms(found: Any) -> list[tuple[Any, ...]]:
    return [(term.type, term.id, term.scopes, term.values) for term in found.terms]


def _assembly(name: str, records: made.Records) -> str | None:
    return made.DATASETS[name] if records["genomicVariant"] else None
