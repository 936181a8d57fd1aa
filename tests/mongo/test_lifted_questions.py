"""Questions on another assembly, put to stored datasets: lifted, or refused with a reason."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from beacon.framework.access import ANY, Access
from beacon.framework.answer import ResultSet
from beacon.framework.query import Granularity, Pagination, Query, VariationQuery
from beacon.framework.source import Source
from beacon.load.bff import load_bff
from beacon.memory import MemoryDataset, MemoryStore
from beacon.model.reference import Place, References
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

ACCESSIONS = {"GRCh37": "NC_000017.10", "GRCh38": "NC_000017.11"}
BASES = "ACGTTGCAAT" * 200


def bases(name: str, start: int, end: int) -> str:
    return BASES[max(start, 0) : end] if name == "17" else ""


def places(name: str, position: int) -> tuple[Place, ...]:
    """GRCh37 [1000, 1500) is GRCh38 [1100, 1600); [1500, 2000) is on the other strand."""
    if name != "17" or not 1000 <= position < 2000:
        return ()
    if position < 1500:
        return (Place("17", position + 100, False),)
    return (Place("17", 1899 - (position - 1600), True),)


REFERENCES = References({"GRCh38": bases}, {("GRCh37", "GRCh38"): places})


def variant(name: str, start: int, ref: str, alt: str, assembly: str) -> dict[str, Any]:
    return {
        "variantInternalId": name,
        "variation": {
            "variantType": "SNP" if len(ref) == len(alt) else "INDEL",
            "referenceBases": ref,
            "alternateBases": alt,
            "location": {
                "type": "SequenceLocation",
                "sequence_id": f"refseq:{ACCESSIONS[assembly]}",
                "interval": {
                    "type": "SequenceInterval",
                    "start": {"type": "Number", "value": start},
                    "end": {"type": "Number", "value": start + len(ref)},
                },
            },
        },
        "caseLevelData": [{"biosampleId": f"{name}-sample"}],
    }


RECORDS = {
    "new": [
        variant("snv", 1210, "A", "G", "GRCh38"),
        variant("turned", 1899, "T", "C", "GRCh38"),
        variant("deletion", 1215, "GCA", "G", "GRCh38"),
    ],
    "old": [variant("older", 1110, "A", "G", "GRCh37")],
}
ASSEMBLY = {"new": "GRCh38", "old": "GRCh37"}
EVERYTHING = Access(grants={one: {ANY: Granularity.RECORD} for one in RECORDS})


@pytest.fixture(params=["memory", "mongo"])
async def source(
    request: pytest.FixtureRequest, mongo_uri: str, database: str, tmp_path: Path
) -> AsyncIterator[Source]:
    if request.param == "memory":
        yield MemoryStore(
            {
                name: MemoryDataset(records={"genomicVariant": records}, assembly=ASSEMBLY[name])
                for name, records in RECORDS.items()
            },
            references=REFERENCES,
        )
        return
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        for name, records in RECORDS.items():
            folder = tmp_path / name
            folder.mkdir()
            (folder / "genomicVariations.json").write_text(json.dumps(records))
            load_bff(MongoSink(client[database]), name, [folder], assembly=ASSEMBLY[name])
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as asynchronous:
        yield MongoStore(asynchronous[database], refresh_s=0, references=REFERENCES)


async def ask(source: Source, **asked: Any) -> dict[str, ResultSet]:
    query = Query(
        entry_type="genomicVariant",
        variation=VariationQuery(**asked),
        granularity=Granularity.RECORD,
        pagination=Pagination(limit=100),
    )
    answer = await source.search(query, EVERYTHING)
    return {one.dataset_id: one for one in answer.result_sets}


def on37(start: int, ref: str | None, alt: str) -> dict[str, Any]:
    return {
        "reference_name": "NC_000017.10",
        "start": (start,),
        "reference_bases": ref,
        "alternate_bases": alt,
    }


@pytest.mark.parametrize(
    ("asked", "found", "told"),
    [
        (on37(1110, "A", "G"), {"snv"}, {"start": [1210], "end": [1211], "referenceBases": "A"}),
        (on37(1110, "N", "G"), {"snv"}, {"start": [1210]}),
        (on37(1600, "A", "G"), {"turned"}, {"start": [1899], "referenceBases": "T"}),
        (on37(1115, "GCA", "G"), {"deletion"}, {"start": [1215], "referenceBasesCompared": True}),
        (on37(1110, "A", "T"), set(), {"start": [1210]}),
        (
            {"reference_name": "NC_000017.10", "start": (1100,), "end": (1120,)},
            {"snv", "deletion"},
            {"start": [1200], "end": [1220]},
        ),
        (
            {
                "reference_name": "NC_000017.10",
                "start": (1100, 1112),
                "end": (1105, 1200),
            },
            {"snv"},
            {"start": [1200, 1212], "end": [1205, 1300]},
        ),
        ({"genomic_allele_short_form": "NC_000017.10:g.1111A>G"}, {"snv"}, {"start": [1210]}),
        ({"genomic_allele_short_form": "NC_000017.10:g.1601A>G"}, {"turned"}, {"start": [1899]}),
    ],
)
async def test_lifted_questions_are_answered(
    source: Source, asked: dict[str, Any], found: set[str], told: dict[str, Any]
) -> None:
    answer = (await ask(source, **asked))["new"]

    assert {record["id"] for record in answer.records} == found
    assert answer.count == len(found)
    assert answer.info is not None
    assert told.items() <= answer.info["liftover"].items()
    assert answer.info["liftover"]["from"] == "GRCh37"


async def test_the_dataset_on_that_assembly_is_asked_as_it_is(source: Source) -> None:
    answer = (await ask(source, **on37(1110, "A", "G")))["old"]

    assert (answer.count, answer.info) == (1, None)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (on37(500, "A", "G"), "base 501 of chromosome 17 has no counterpart"),
        (on37(1110, "C", "G"), "the reference of GRCh38 has A where GRCh37 has C"),
        (on37(1499, "TA", "G"), "bases 1500 to 1501 are not one stretch there"),
    ],
)
async def test_what_cannot_be_lifted_says_why(
    source: Source, asked: dict[str, Any], reason: str
) -> None:
    answer = (await ask(source, **asked))["new"]

    assert answer.count == 0
    assert answer.info == {
        "notApplicable": f"the query is on GRCh37, this dataset on GRCh38; {reason}"
    }


async def test_nothing_is_lifted_where_no_chain_leads(source: Source) -> None:
    asked = {**on37(1210, "A", "G"), "reference_name": "NC_000017.11"}

    answer = await ask(source, **asked)

    assert answer["new"].count == 1
    assert answer["old"].info == {"notApplicable": "the query is on GRCh38, this dataset on GRCh37"}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("NC_000017.11:g.1211A>G", {"snv"}),
        ("NC_000017.11:g.1217_1218del", {"deletion"}),
        ("NC_000017.11:g.1217_1218delCA", {"deletion"}),
        ("NC_000017.11:g.1211A>T", set()),
    ],
)
async def test_expressions_find_alleles_without_any_annotation(
    source: Source, expression: str, found: set[str]
) -> None:
    answer = (await ask(source, genomic_allele_short_form=expression))["new"]

    assert {record["id"] for record in answer.records} == found
    assert answer.info is None


async def test_carriers_of_a_lifted_allele_are_found(source: Source) -> None:
    query = Query(
        entry_type="biosample",
        variation=VariationQuery(genomic_allele_short_form="NC_000017.10:g.1111A>G"),
        granularity=Granularity.COUNT,
    )

    answer = await source.search(query, EVERYTHING)

    assert {one.dataset_id: one.count for one in answer.result_sets} == {"new": 1, "old": 1}
