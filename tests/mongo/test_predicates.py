"""Which alleles and which carriers count, and that finding them lets others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pymongo
import pytest

from beacon.framework.access import ANY, Access
from beacon.framework.query import Granularity, Pagination, Query, VariationQuery
from beacon.load.vcf import load_vcf
from beacon.mongo.render import codes_among
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

EVERYTHING = Access(grants={"d": {ANY: Granularity.RECORD}})
SAMPLES = ("S1", "S2", "S3")
ALLELES = 200


@pytest.fixture
def sink(mongo_uri: str, database: str) -> Iterator[MongoSink]:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        sink = MongoSink(client[database])
        sink.put_genes("GRCh38", {"GENE": ("X", 50, 150)}, "1")
        yield sink


def vcf(path: Path, *calls: tuple[str, int]) -> Path:
    lines = ["##fileformat=VCFv4.2", '##FORMAT=<ID=GT,Number=1,Type=String,Description="GT">']
    lines += [f"##contig=<ID={name}>" for name in dict.fromkeys(name for name, _ in calls)]
    columns = ["CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    lines.append("#" + "\t".join([*columns, *SAMPLES]))
    for name, pos in calls:
        row = [name, str(pos), ".", "A", "G", ".", "PASS", ".", "GT", "0/1", "1/1", "0/1"]
        lines.append("\t".join(row))
    path.write_text("\n".join(lines) + "\n")
    return path


def asked(variation: VariationQuery | None = None) -> Query:
    return Query(
        entry_type="genomicVariant",
        variation=variation,
        granularity=Granularity.RECORD,
        pagination=Pagination(limit=1000),
    )


@pytest.mark.parametrize(
    ("variation", "expected"),
    [
        (VariationQuery(assembly_id="GRCh38", gene_id="GENE"), ["GRCh38-X-100-A-G"]),
        (VariationQuery(assembly_id="GRCh38", gene_id="GENE", reference_name="1"), []),
        (
            VariationQuery(
                assembly_id="GRCh38", gene_id="GENE", reference_name="1", start=(90,), end=(200,)
            ),
            [],
        ),
    ],
)
async def test_a_gene_lies_on_its_own_chromosome(
    sink: MongoSink,
    mongo_uri: str,
    database: str,
    tmp_path: Path,
    variation: VariationQuery,
    expected: list[str],
) -> None:
    load_vcf(sink, "d", "GRCh38", [vcf(tmp_path / "two.vcf", ("1", 100), ("X", 100))])
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        store = MongoStore(client[database])
        (found,) = (await store.search(asked(variation), EVERYTHING)).result_sets

    assert [record["id"] for record in found.records] == expected


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_carriers_beyond_the_limit_are_counted(
    sink: MongoSink, mongo_uri: str, database: str, tmp_path: Path, limit: int
) -> None:
    load_vcf(sink, "d", "GRCh38", [vcf(tmp_path / "one.vcf", ("1", 100))])
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        store = MongoStore(client[database], case_level_data_max=limit)
        (found,) = (await store.search(asked(), EVERYTHING)).result_sets
    (record,) = found.records

    assert [one["biosampleId"] for one in record["caseLevelData"]] == list(SAMPLES[:limit])
    assert record.get("info") == ({"caseLevelDataTotal": 3} if limit < 3 else None)


async def test_a_page_of_records_lets_others_go_on(
    sink: MongoSink, mongo_uri: str, database: str, tmp_path: Path
) -> None:
    """What ends a question at its deadline must get its turn while records are made."""
    calls = [("1", 100 + number) for number in range(ALLELES)]
    load_vcf(sink, "d", "GRCh38", [vcf(tmp_path / "many.vcf", *calls)])
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        store = MongoStore(client[database])
        await store.search(asked(), EVERYTHING)
        counting = asyncio.create_task(count_turns())
        before = turns
        (found,) = (await store.search(asked(), EVERYTHING)).result_sets
        counting.cancel()

    assert len(found.records) == ALLELES
    assert turns - before >= ALLELES


def test_carriers_that_count_are_on_given_rows_with_given_zygosities() -> None:
    codes = np.array([0 << 2 | 0, 1 << 2 | 1, 3 << 2 | 0, 4 << 2 | 2], np.uint32)
    among = np.array([True, True, False, False, True])

    assert codes_among(codes, None, None).tolist() == codes.tolist()
    assert codes_among(codes, among, None).tolist() == [0, 5, 18]
    assert codes_among(codes, among, frozenset((1, 2))).tolist() == [5, 18]
