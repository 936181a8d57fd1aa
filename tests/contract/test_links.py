"""What both sources keep back: links to hidden entries, and terms that few entries share."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from beacon.framework.access import ANY, Access
from beacon.framework.query import Filter, Granularity, Operator, Pagination, Query
from beacon.framework.source import Source, TermsQuery
from beacon.load.bff import load_bff
from beacon.memory import MemoryDataset, MemoryStore
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

UNKNOWN = {"id": "NCIT:C17998", "label": "Unknown"}
ENTRY_TYPES = ("individual", "biosample", "run", "analysis", "cohort", "genomicVariant")


def _location(start: int) -> dict[str, Any]:
    return {
        "type": "SequenceLocation",
        "sequence_id": "refseq:NC_000001.11",
        "interval": {
            "type": "SequenceInterval",
            "start": {"type": "Number", "value": start},
            "end": {"type": "Number", "value": start + 1},
        },
    }


PEOPLE = range(6)
RECORDS: dict[str, list[dict[str, Any]]] = {
    "individual": [
        {
            "id": f"PERSON{number}",
            "sex": UNKNOWN,
            "info": {
                "nationalId": f"1945-{number}",
                "site": "north" if number else "south",
                "cohortIds": ["COHORT"],
            },
        }
        for number in PEOPLE
    ],
    # One person has as many samples as others are people: a group is counted in people.
    "biosample": [
        {
            "id": f"SAMPLE{number}",
            "individualId": f"PERSON{max(number - 5, 0)}",
            "biosampleStatus": UNKNOWN,
            "sampleOriginType": UNKNOWN,
            "info": {"freezer": "one" if number < 5 else "two", "tube": number},
        }
        for number in range(11)
    ],
    "run": [
        {
            "id": f"RUN{number}",
            "biosampleId": f"SAMPLE{number}",
            "individualId": f"PERSON{max(number - 5, 0)}",
            "runDate": "2020-01-01",
            "libraryLayout": "PAIRED",
            "info": {"lane": "a" if number < 5 else "b"},
        }
        for number in PEOPLE
    ],
    "analysis": [
        {
            "id": "ANALYSIS0",
            "runId": "RUN0",
            "biosampleId": "SAMPLE0",
            "individualId": "PERSON0",
            "analysisDate": "2020-01-01",
            "pipelineName": "p",
        }
    ],
    "cohort": [
        {
            "id": "COHORT",
            "name": "some",
            "cohortType": "study-defined",
            "info": {"individualIds": ["PERSON0", "PERSON1"], "wave": "first"},
        }
    ],
    "genomicVariant": [
        {
            "variantInternalId": "plain",
            "variation": {
                "variantType": "SNP",
                "referenceBases": "A",
                "alternateBases": "G",
                "location": _location(99),
            },
            "caseLevelData": [
                {
                    "biosampleId": "SAMPLE0",
                    "individualId": "PERSON0",
                    "runId": "RUN0",
                    "analysisId": "ANALYSIS0",
                }
            ],
        },
        {
            "variantInternalId": "vrs",
            "variation": {
                "type": "Allele",
                "location": _location(999),
                "state": {"type": "LiteralSequenceExpression", "sequence": "G"},
            },
            "identifiers": {"genomicHGVSId": "NC_000001.11:g.1000A>G"},
            "caseLevelData": [{"biosampleId": "SAMPLE1"}],
        },
    ],
}
FILES = {"analysis": "analyses", "genomicVariant": "genomicVariations"}


@pytest.fixture(params=["memory", "mongo"])
async def source(
    request: pytest.FixtureRequest, mongo_uri: str, database: str, tmp_path: Path
) -> AsyncIterator[Source]:
    if request.param == "memory":
        yield MemoryStore({"d": MemoryDataset(records=RECORDS, assembly="GRCh38")})
        return
    for entry_type, records in RECORDS.items():
        name = FILES.get(entry_type, f"{entry_type}s")
        (tmp_path / f"{name}.json").write_text(json.dumps(records))
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        load_bff(MongoSink(client[database]), "d", [tmp_path], assembly="GRCh38")
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as asynchronous:
        yield MongoStore(asynchronous[database], refresh_s=0)


def access(**levels: Granularity) -> Access:
    return Access(grants={"d": {ANY: Granularity.RECORD, **levels}})


async def delivered(source: Source, granted: Access, entry_type: str, *asked: Filter) -> Any:
    query = Query(
        entry_type=entry_type,
        filters=asked,
        granularity=Granularity.RECORD,
        pagination=Pagination(limit=100),
    )
    (found,) = (await source.search(query, granted)).result_sets
    return found.records


@pytest.mark.parametrize("hidden", ["individual", "biosample", "run", "analysis", "cohort"])
@pytest.mark.parametrize("level", [Granularity.NONE, Granularity.COUNT])
async def test_no_record_names_entries_that_are_not_shown(
    source: Source, hidden: str, level: Granularity
) -> None:
    granted = access(**{hidden: level})
    name = {"individual": "PERSON", "biosample": "SAMPLE"}.get(hidden, hidden.upper())
    others = [one for one in ENTRY_TYPES if one != hidden]

    shown = {one: await delivered(source, granted, one) for one in others}

    assert all(shown.values())
    assert name not in json.dumps(shown)


async def test_every_link_is_shown_where_everything_is(source: Source) -> None:
    (analysis,) = await delivered(source, access(), "analysis")
    (cohort,) = await delivered(source, access(), "cohort")

    assert (analysis["runId"], analysis["individualId"]) == ("RUN0", "PERSON0")
    assert cohort["info"]["individualIds"] == ["PERSON0", "PERSON1"]


async def test_runs_stay_valid_without_their_sample(source: Source) -> None:
    runs = await delivered(source, access(biosample=Granularity.COUNT), "run")

    assert {run["biosampleId"] for run in runs} == {"undisclosed"}


async def test_ids_from_info_are_listed_when_five_entries_share_them(source: Source) -> None:
    terms = await source.filtering_terms(TermsQuery(), access())

    assert {one.id for one in terms.terms if one.type == "custom"} == {
        "site:north",
        "freezer:one",
        "freezer:two",
        "lane:a",
        # Fields of the model that are categories are listed whoever has them.
        "libraryLayout:PAIRED",
        "cohortType:study-defined",
    }


@pytest.mark.parametrize(
    ("entry_type", "custom", "expected"),
    [
        ("individual", "nationalId:1945-3", ["PERSON3"]),
        ("individual", "site:south", ["PERSON0"]),
        ("cohort", "wave:first", ["COHORT"]),
    ],
)
async def test_what_is_not_listed_can_be_filtered_by(
    source: Source, entry_type: str, custom: str, expected: list[str]
) -> None:
    found = await delivered(source, access(), entry_type, Filter(id=custom))

    assert [record["id"] for record in found] == expected


async def test_an_allele_without_a_stated_type_has_one_to_filter_by(source: Source) -> None:
    asked = Filter(id="variantType", operator=Operator.EQUAL, value="SNP")

    found = await delivered(source, access(), "genomicVariant", asked)

    assert {record["id"] for record in found} == {"plain", "vrs"}
