"""Several loads of one dataset: each adds to what the others said, and none is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pymongo
import pytest

from beacon.framework.access import ANY, Access
from beacon.framework.errors import LoadError
from beacon.framework.query import Granularity, Query, VariationQuery
from beacon.framework.source import SourceFile
from beacon.load.bff import load_bff
from beacon.load.vcf import load_vcf
from beacon.mongo import documents
from beacon.mongo.fetch import Lookup
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

EVERYTHING = Access(grants={"d": {ANY: Granularity.RECORD}})
HEAD = (
    "##fileformat=VCFv4.2\n##contig=<ID=17>\n"
    '##ALT=<ID=DEL,Description="Deletion">\n'
    '##INFO=<ID=END,Number=1,Type=Integer,Description="End">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
)
DELETION = "17\t5000\t.\tA\t<DEL>\t.\tPASS\tEND=9000\tGT"
LONG = f"17\t7000\t.\t{'A' * 90}\tA\t.\tPASS\t.\tGT"
SNP = "17\t1000\t.\tA\tC\t.\tPASS\t.\tGT"


@pytest.fixture
def sink(mongo_uri: str, database: str) -> Any:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        yield MongoSink(client[database], grace_s=0)


def load(sink: MongoSink, folder: Path, samples: list[str], *lines: str) -> None:
    columns = "\t".join(
        ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
    )
    path = folder / f"{'-'.join(samples)}-{len(list(folder.iterdir()))}.vcf"
    calls = "\t".join(["0/1"] * len(samples))
    path.write_text(HEAD + columns + "\n" + "".join(f"{line}\t{calls}\n" for line in lines))
    load_vcf(sink, "d", "GRCh38", [path])


async def frequencies(uri: str, database: str) -> dict[str, tuple[int, int]]:
    """Allele count and number by variant id."""
    async with pymongo.AsyncMongoClient[dict[str, Any]](uri) as client:
        query = Query(entry_type="genomicVariant", granularity=Granularity.RECORD)
        answer = await MongoStore(client[database], refresh_s=0).search(query, EVERYTHING)
    found = {}
    for record in answer.result_sets[0].records:
        (of_all,) = record["frequencyInPopulations"][0]["frequencies"]
        found[record["id"]] = (of_all["alleleCount"], of_all["alleleNumber"])
    return found


async def test_every_load_of_other_people_adds_to_every_kind_of_allele(
    sink: MongoSink, mongo_uri: str, database: str, tmp_path: Path
) -> None:
    for samples in (["A", "B"], ["C"], ["D"]):
        load(sink, tmp_path, samples, SNP, DELETION, LONG)

    found = await frequencies(mongo_uri, database)

    assert len(found) == 3
    assert set(found.values()) == {(4, 8)}


async def test_loading_one_of_two_batches_again_counts_nobody_twice(
    sink: MongoSink, mongo_uri: str, database: str, tmp_path: Path
) -> None:
    load(sink, tmp_path, ["A", "B"], SNP, DELETION)
    load(sink, tmp_path, ["C", "D"], SNP, DELETION)
    load(sink, tmp_path, ["A", "B"], SNP, DELETION, "17\t2000\t.\tG\tT\t.\tPASS\t.\tGT")

    found = await frequencies(mongo_uri, database)

    assert found.pop("GRCh38-17-2000-G-T") == (2, 4)
    assert set(found.values()) == {(4, 8)}


async def test_a_key_that_cannot_be_is_nobody_elses_problem(
    sink: MongoSink, mongo_uri: str, database: str, tmp_path: Path
) -> None:
    load(sink, tmp_path, ["A"], SNP)

    def asked(start: int) -> Query:
        variation = VariationQuery(
            reference_name="17", start=(start,), reference_bases="A", alternate_bases="C"
        )
        return Query(entry_type="individual", variation=variation, granularity=Granularity.COUNT)

    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        store = MongoStore(client[database], refresh_s=0)
        answers = await asyncio.gather(
            *(store.search(asked(start), EVERYTHING) for start in (999, 2**63 - 2, 999))
        )
        lookup = Lookup(client[database][documents.BLOCKS])
        impossible, possible = await asyncio.gather(
            lookup.get(2**70), lookup.get(1), return_exceptions=True
        )

    assert [one.result_sets[0].count for one in answers] == [1, 0, 1]
    assert isinstance(impossible, OverflowError)
    assert possible is None


async def test_what_is_being_loaded_is_not_dropped_and_what_was_dropped_is_not_published(
    sink: MongoSink, tmp_path: Path
) -> None:
    load(sink, tmp_path, ["A"], SNP)
    late = sink.open("d", assembly="GRCh38", files=[SourceFile(name="x", digest="x")])
    late.rows(["B"])
    sink.drop("d")  # this very process holds the load, so nobody else is in the way

    with pytest.raises(LoadError, match="meanwhile"):
        late.publish()
    late.abandon()

    assert sink.manifests() == []


async def test_a_load_that_died_after_publishing_has_published(
    sink: MongoSink, mongo_uri: str, database: str, tmp_path: Path
) -> None:
    """Records alone bring no layer of alleles: what was published is known by its metadata."""
    (tmp_path / "individuals.json").write_text('[{"id": "I1", "sex": {"id": "NCIT:C16576"}}]')
    load_bff(sink, "d", [tmp_path])
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        # As it was in the moment between the two last writes of a load.
        client[database]["loads"].update_many({}, {"$set": {"open": True, "owner.pid": 2**22}})
    (tmp_path / "individuals.json").write_text('[{"id": "I2", "sex": {"id": "NCIT:C16576"}}]')
    load_bff(sink, "d", [tmp_path])

    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        query = Query(entry_type="individual", granularity=Granularity.RECORD)
        answer = await MongoStore(client[database], refresh_s=0).search(query, EVERYTHING)

    assert {record["id"] for record in answer.result_sets[0].records} == {"I1", "I2"}
