"""The order of records that may be shown does not tell who carries what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pymongo
import pytest
from protected_world import COUNT, RECORD, asked, cohort, document, store

from beacon.framework.access import Access, Protection
from beacon.framework.query import Pagination
from beacon.load.bff import load_bff
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

OPEN = (Protection(),) * 3
ACCESS = Access(
    grants={"d": {"individual": RECORD, "biosample": RECORD, "genomicVariant": COUNT}},
    protections={
        "d": {
            "individual": OPEN,
            "biosample": OPEN,
            "genomicVariant": (Protection(min_count=10),) * 3,
        }
    },
)


@pytest.mark.parametrize("entry_type", ["individual", "biosample"])
async def test_in_memory(entry_type: str) -> None:
    query = asked(entry_type, pagination=Pagination(limit=5))
    few = await document(store({"d": cohort([], [17, 4])}), query, ACCESS)

    assert few == await document(store({"d": cohort([])}), query, ACCESS)


async def test_in_the_database(mongo_uri: str, database: str, tmp_path: Path) -> None:
    """Loaded as records, where rows are numbered as variants name them."""
    told = []
    for carriers in ([17, 4], []):
        records = cohort([], carriers)
        for entry_type, name in (
            ("individual", "individuals"),
            ("biosample", "biosamples"),
            ("genomicVariant", "genomicVariations"),
        ):
            (tmp_path / f"{name}.json").write_text(json.dumps(records[entry_type]))
        name = f"{database}_{len(carriers)}"
        with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
            load_bff(MongoSink(client[name], grace_s=0), "d", [tmp_path], assembly="GRCh38")
        async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as asking:
            source = MongoStore(asking[name], refresh_s=0)
            told.append(
                [
                    await document(
                        source, asked(one, pagination=Pagination(skip=skip, limit=5)), ACCESS
                    )
                    for one in ("individual", "biosample")
                    for skip in (0, 2)
                ]
            )
            await asking.drop_database(name)

    assert told[0] == told[1]
