"""What a question costs in round trips, however many datasets it asks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.monitoring import CommandListener

from beacon.framework.access import ANY, Access
from beacon.framework.query import Filter, Granularity, Pagination, Query, VariationQuery
from beacon.load.bff import load_bff
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

DATASETS = [f"d{number}" for number in range(8)]
EVERYTHING = Access(grants={one: {ANY: Granularity.RECORD} for one in DATASETS})
PEOPLE = [
    {"id": f"I{number}", "sex": {"id": "NCIT:C16576" if number % 2 else "NCIT:C20197"}}
    for number in range(80)
]
FEMALE = Filter(id="NCIT:C16576")


def variant(start: int, carriers: int) -> dict[str, Any]:
    interval = {
        "type": "SequenceInterval",
        "start": {"type": "Number", "value": start},
        "end": {"type": "Number", "value": start + 1},
    }
    return {
        "variantInternalId": f"V{start}",
        "variation": {
            "variantType": "SNP",
            "referenceBases": "A",
            "alternateBases": "C",
            "location": {
                "type": "SequenceLocation",
                "sequence_id": "refseq:NC_000017.11",
                "interval": interval,
            },
        },
        "caseLevelData": [
            {"biosampleId": f"I{number}", "zygosity": {"id": "GENO:0000135"}}
            for number in range(carriers)
        ],
    }


class Counter(CommandListener):
    """Counts what is sent to the database."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def started(self, event: Any) -> None:
        self.sent.append(f"{event.command_name} {event.command.get(event.command_name)}")

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass


@pytest.fixture
async def asked(
    mongo_uri: str, database: str, tmp_path: Path
) -> AsyncIterator[tuple[MongoStore, Counter]]:
    (tmp_path / "individuals.json").write_text(json.dumps(PEOPLE))
    # A rare allele, a common one, and one 20 kb further on.
    variants = [variant(1_000, 2), variant(1_010, 70), variant(21_000, 3)]
    (tmp_path / "genomicVariations.json").write_text(json.dumps(variants))
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        sink = MongoSink(client[database])
        for one in DATASETS:
            load_bff(sink, one, [tmp_path])
    counter = Counter()
    async with pymongo.AsyncMongoClient[dict[str, Any]](
        mongo_uri, event_listeners=[counter]
    ) as connected:
        store = MongoStore(connected[database], refresh_s=3600)
        await store.search(people(1_000, FEMALE), EVERYTHING)  # what is read once is read
        counter.sent.clear()
        yield store, counter


def people(start: int, *filters: Filter) -> Query:
    return Query(
        entry_type="individual",
        variation=VariationQuery(
            reference_name="NC_000017.11", start=(start,), alternate_bases="C", reference_bases="A"
        ),
        filters=filters,
        granularity=Granularity.COUNT,
    )


async def test_an_exact_count_is_one_round_trip_for_eight_datasets(
    asked: tuple[MongoStore, Counter],
) -> None:
    store, counter = asked

    answer = await store.search(people(1_000), EVERYTHING)

    assert [one.count for one in answer.result_sets] == [2] * 8
    assert counter.sent == ["find vblk"]


@pytest.mark.parametrize(
    ("start", "carriers", "female"), [(1_000, "cblk", 1), (1_010, "cdense", 35)]
)
async def test_a_joint_count_is_two_round_trips_for_eight_datasets(
    asked: tuple[MongoStore, Counter], start: int, carriers: str, female: int
) -> None:
    """Blocks, then carriers; the rows of the phenotype are kept in memory once asked for."""
    store, counter = asked

    answer = await store.search(people(start, FEMALE), EVERYTHING)

    assert [one.count for one in answer.result_sets] == [female] * 8
    assert counter.sent == ["find vblk", f"find {carriers}"]


async def test_a_range_is_one_round_trip_for_eight_datasets(
    asked: tuple[MongoStore, Counter],
) -> None:
    store, counter = asked
    variation = VariationQuery(reference_name="NC_000017.11", start=(0,), end=(50_000,))

    answer = await store.search(
        Query(entry_type="genomicVariant", variation=variation, granularity=Granularity.COUNT),
        EVERYTHING,
    )

    assert [one.count for one in answer.result_sets] == [3] * 8
    assert counter.sent == ["find vblk"]


async def test_a_page_of_people_is_one_round_trip_for_eight_datasets(
    asked: tuple[MongoStore, Counter],
) -> None:
    store, counter = asked

    answer = await store.search(
        Query(
            entry_type="individual",
            filters=(FEMALE,),
            granularity=Granularity.RECORD,
            pagination=Pagination(skip=1, limit=5),
        ),
        EVERYTHING,
    )

    assert [len(one.records) for one in answer.result_sets] == [5] * 8
    assert counter.sent == ["find records"]
