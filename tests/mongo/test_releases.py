"""Loading again: what each release of a dataset holds, and when it is served."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pymongo
import pytest

from beacon.framework.access import Access
from beacon.framework.answer import ResultSet
from beacon.framework.errors import LoadError
from beacon.framework.query import (
    Filter,
    Granularity,
    Pagination,
    Query,
    VariationQuery,
    Within,
)
from beacon.framework.source import SourceFile
from beacon.load.bff import load_bff
from beacon.load.vcf import load_vcf
from beacon.model.allele import Allele, Observation
from beacon.mongo import documents
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

ASSEMBLY = "GRCh38"
EVERYTHING = Access(grants={"d": {"*": Granularity.RECORD}})
FEMALE = {"id": "NCIT:C16576", "label": "female"}
MALE = {"id": "NCIT:C20197", "label": "male"}
ADULT = {"id": "EFO:0009654", "label": "reference sample"}

Documents = pymongo.database.Database[dict[str, Any]]
Calls = Mapping[str, Sequence[str]]


@pytest.fixture
def stored(mongo_uri: str, database: str) -> Iterator[Documents]:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        yield client[database]


@pytest.fixture
def sink(stored: Documents) -> MongoSink:
    return MongoSink(stored, grace_s=0)


class Reader:
    """Asks one store, as anybody would, about the dataset `d`."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store

    async def found(self, query: Query) -> ResultSet | None:
        """The answer of the dataset, but for which release it is of: that is not compared."""
        answer = await self._store.search(query, EVERYTHING)
        one = next(iter(answer.result_sets), None)
        return None if one is None else msgspec.structs.replace(one, release=None)

    async def count(self, entry_type: str, *filters: str) -> int | None:
        asked = tuple(Filter(id=one) for one in filters)
        found = await self.found(
            Query(entry_type=entry_type, filters=asked, granularity=Granularity.COUNT)
        )
        return None if found is None else found.count

    async def carriers(self, pos: int, ref: str, alt: str) -> dict[str, str]:
        """Individual → zygosity; empty when the allele is not there."""
        return {
            case["individualId"]: case["zygosity"]["label"]
            for record in await self.records(pos, ref, alt)
            for case in record["caseLevelData"]
        }

    async def numbers(self, pos: int, ref: str, alt: str) -> tuple[int, int]:
        """Allele count and number."""
        (record,) = await self.records(pos, ref, alt)
        (total,) = record["frequencyInPopulations"][0]["frequencies"]
        return total["alleleCount"], total["alleleNumber"]

    async def records(self, pos: int, ref: str, alt: str) -> tuple[Mapping[str, Any], ...]:
        asked = VariationQuery(
            reference_name="1",
            assembly_id=ASSEMBLY,
            start=(pos - 1,),
            reference_bases=ref,
            alternate_bases=alt,
        )
        found = await self.found(
            Query(entry_type="genomicVariant", variation=asked, granularity=Granularity.RECORD)
        )
        return () if found is None else found.records

    async def everything(self) -> list[Any]:
        """All records of all types, in the order of answers."""
        return [
            await self.found(
                Query(
                    entry_type=entry_type,
                    granularity=Granularity.RECORD,
                    pagination=Pagination(limit=0),
                )
            )
            for entry_type in ("individual", "biosample", "run", "analysis", "genomicVariant")
        ]


@pytest.fixture
async def reader(mongo_uri: str, database: str, sink: MongoSink) -> AsyncIterator[Reader]:
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        yield Reader(MongoStore(client[database], refresh_s=0))


def vcf(path: Path, samples: Sequence[str], calls: Calls) -> Path:
    """A file of alleles `pos ref alt`, each with the genotypes of all samples."""
    lines = [
        "##fileformat=VCFv4.3",
        '##ALT=<ID=DEL,Description="Deletion">',
        '##INFO=<ID=END,Number=1,Type=Integer,Description="End">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        "##contig=<ID=1>",
        "\t".join(("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT", *samples)),
    ]
    for allele, genotypes in calls.items():
        pos, ref, alt = allele.split()
        info = f"END={int(pos) + 5000}" if alt.startswith("<") else "."
        lines.append("\t".join(("1", pos, ".", ref, alt, ".", ".", info, "GT", *genotypes)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def folder(path: Path, **files: Any) -> Path:
    path.mkdir()
    for name, content in files.items():
        (path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return path


def variation(pos: int, ref: str, alt: str, *carriers: str) -> dict[str, Any]:
    """A record that names no assembly."""
    return {
        "variantInternalId": f"record-{pos}",
        "variation": {
            "variantType": "SNP",
            "referenceBases": ref,
            "alternateBases": alt,
            "location": {
                "type": "SequenceLocation",
                "sequence_id": f"HGVSid:1:g.{pos}{ref}>{alt}",
                "interval": {
                    "type": "SequenceInterval",
                    "start": {"type": "Number", "value": pos - 1},
                    "end": {"type": "Number", "value": pos},
                },
            },
        },
        "caseLevelData": [
            {
                "biosampleId": name,
                "individualId": name,
                "zygosity": {"id": "GENO:0000135", "label": "heterozygous"},
            }
            for name in carriers
        ],
    }


def sizes(stored: Documents) -> dict[str, int]:
    """Documents by collection, of those that hold any, without what only numbers the loads."""
    names = sorted(set(stored.list_collection_names()) - {documents.COUNTERS})
    counted = {name: stored[name].count_documents({}) for name in names}
    return {name: size for name, size in counted.items() if size}


FIRST = {"1000 A G": ["0/1", "1/1", "0/0"], "2000 C CT": ["0/0", "0/1", "0/1"]}


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return vcf(tmp_path / "first.vcf", ["S1", "S2", "S3"], FIRST)


async def test_the_same_file_twice_is_the_file_once(
    sink: MongoSink, stored: Documents, reader: Reader, first: Path
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [first])
    before, size = await reader.everything(), sizes(stored)
    report = load_vcf(sink, "d", ASSEMBLY, [first])

    assert report.already_loaded == [str(first)]
    assert await reader.everything() == before
    assert sizes(stored) == size
    assert [one["release"] for one in sink.manifests()] == [1]


async def test_a_release_shows_when_it_is_published_and_not_before(
    sink: MongoSink, reader: Reader, first: Path
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [first])
    before = await reader.everything()
    more = SourceFile(name="more", digest="more")
    load = sink.open("d", assembly=ASSEMBLY, files=[more])
    rows = load.rows(["S4", "S5"])
    load.write_alleles(
        [
            Observation(
                allele=Allele.from_vcf("1", pos, "A", "G"),
                rows=rows,
                zygosity=np.zeros(2, np.uint8),
                allele_number=4,
            )
            for pos in (1000, 3000)
        ]
    )
    load.write_records("individual", [{"id": "S1", "sex": FEMALE}])
    load.mark(more, 2)
    during = await reader.everything()
    load.finish(more)
    load.publish()

    assert during == before
    assert await reader.numbers(1000, "A", "G") == (5, 10)
    assert set(await reader.carriers(3000, "A", "G")) == {"S4", "S5"}
    assert await reader.count("individual", FEMALE["id"]) == 1


async def test_an_abandoned_load_leaves_nothing(
    sink: MongoSink, stored: Documents, reader: Reader, first: Path
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [first])
    before, size = await reader.everything(), sizes(stored)
    more = SourceFile(name="more", digest="more")
    load = sink.open("d", assembly=ASSEMBLY, files=[more])
    observation = Observation(
        allele=Allele.from_vcf("1", 1000, "A", "G"),
        rows=load.rows(["S4"]),
        zygosity=np.zeros(1, np.uint8),
        allele_number=2,
    )
    load.write_alleles([observation])
    load.write_records("individual", [{"id": "S9", "sex": FEMALE}])
    load.mark(more, 1)
    load.abandon()

    assert await reader.everything() == before
    assert sizes(stored) == size


async def test_a_dropped_dataset_is_gone_and_can_be_loaded_anew(
    sink: MongoSink, stored: Documents, reader: Reader, first: Path
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [first])
    before = await reader.everything()
    dropped = sink.drop("d")
    gone = await reader.count("individual")
    again = sink.drop("d")
    left = sizes(stored)
    load_vcf(sink, "d", ASSEMBLY, [first])

    assert (dropped, again) == (True, False)
    assert gone is None
    assert left.keys() <= {documents.LOADS}
    assert await reader.everything() == before


async def test_other_people_at_the_same_places_add_up(
    sink: MongoSink, reader: Reader, first: Path, tmp_path: Path
) -> None:
    calls = {"1000 A G": ["1/1", "./."], "1000 A T": ["0/0", "./1"], "9000 G C": ["0/1", "0/1"]}
    second = vcf(tmp_path / "second.vcf", ["S4", "S5"], calls)
    load_vcf(sink, "d", ASSEMBLY, [first])
    load_vcf(sink, "d", ASSEMBLY, [second])

    assert await reader.count("individual") == 5
    assert await reader.numbers(1000, "A", "G") == (3 + 2, 6 + 2)
    assert set(await reader.carriers(1000, "A", "G")) == {"S1", "S2", "S4"}
    assert await reader.numbers(2000, "C", "CT") == (2, 6)
    assert await reader.numbers(1000, "A", "T") == (1, 3)


async def test_two_files_of_one_load_add_up_as_two_loads_do(
    sink: MongoSink, reader: Reader, first: Path, tmp_path: Path
) -> None:
    second = vcf(tmp_path / "second.vcf", ["S4"], {"1000 A G": ["1/1"], "2000 C CT": ["0/0"]})
    load_vcf(sink, "d", ASSEMBLY, [first, second])

    assert await reader.numbers(1000, "A", "G") == (3 + 2, 6 + 2)
    assert await reader.numbers(2000, "C", "CT") == (2, 6 + 2)


async def test_a_new_file_of_the_same_people_speaks_for_them(
    sink: MongoSink, reader: Reader, first: Path, tmp_path: Path
) -> None:
    calls = {"1000 A G": ["0/0", "0/1", "1/1"]}
    corrected = vcf(tmp_path / "corrected.vcf", ["S1", "S2", "S3"], calls)
    load_vcf(sink, "d", ASSEMBLY, [first])
    load_vcf(sink, "d", ASSEMBLY, [corrected])

    assert await reader.carriers(1000, "A", "G") == {"S2": "heterozygous", "S3": "homozygous"}
    assert await reader.numbers(1000, "A", "G") == (3, 6)
    assert await reader.numbers(2000, "C", "CT") == (2, 6)
    assert await reader.count("individual") == 3


async def test_a_file_of_everybody_and_more_speaks_for_all(
    sink: MongoSink, reader: Reader, first: Path, tmp_path: Path
) -> None:
    calls = {"1000 A G": ["0/1", "0/0", "0/0", "0/1"]}
    grown = vcf(tmp_path / "grown.vcf", ["S4", "S3", "S2", "S1"], calls)
    load_vcf(sink, "d", ASSEMBLY, [first])
    load_vcf(sink, "d", ASSEMBLY, [grown])

    assert set(await reader.carriers(1000, "A", "G")) == {"S1", "S4"}
    assert await reader.numbers(1000, "A", "G") == (2, 8)


async def test_a_file_of_some_of_the_people_speaks_for_them_alone(
    sink: MongoSink, reader: Reader, first: Path, tmp_path: Path
) -> None:
    partly = vcf(tmp_path / "partly.vcf", ["S3", "S4"], {"1000 A G": ["0/1", "./."]})
    load_vcf(sink, "d", ASSEMBLY, [first])
    before = await reader.carriers(1000, "A", "G")
    load_vcf(sink, "d", ASSEMBLY, [partly])

    after = await reader.carriers(1000, "A", "G")
    assert after == before | {"S3": "heterozygous"}
    assert (await reader.numbers(1000, "A", "G"))[1] == 6  # three people; S4 was not called


async def test_another_assembly_is_refused(sink: MongoSink, reader: Reader, first: Path) -> None:
    load_vcf(sink, "d", ASSEMBLY, [first])
    before = await reader.everything()
    with pytest.raises(LoadError, match="GRCh38"):
        load_vcf(sink, "d", "GRCh37", [first])

    assert await reader.everything() == before


async def test_metadata_that_come_later_say_whose_the_samples_are(
    sink: MongoSink, reader: Reader, first: Path, tmp_path: Path
) -> None:
    people = [{"id": "P1", "sex": FEMALE}, {"id": "P2", "sex": MALE}]
    biosamples = [
        {
            "id": name,
            "individualId": owner,
            "biosampleStatus": ADULT,
            "sampleOriginType": ADULT,
        }
        for name, owner in (("S1", "P1"), ("S2", "P1"), ("S3", "P2"))
    ]
    load_vcf(sink, "d", ASSEMBLY, [first])
    alone = (await reader.count("individual"), await reader.carriers(2000, "C", "CT"))
    metadata = folder(tmp_path / "records", individuals=people, biosamples=biosamples)
    load_bff(sink, "d", [metadata])

    assert alone == (3, {"S2": "heterozygous", "S3": "heterozygous"})
    assert await reader.count("individual") == 2
    assert await reader.count("biosample") == 3
    assert set(await reader.carriers(2000, "C", "CT")) == {"P1", "P2"}
    assert await reader.numbers(1000, "A", "G") == (3, 6)
    assert await reader.count("individual", FEMALE["id"]) == 1
    within = Query(
        entry_type="genomicVariant",
        within=Within("individual", "P2"),
        granularity=Granularity.COUNT,
    )
    found = await reader.found(within)
    assert found is not None
    assert found.count == 1


async def test_a_record_loaded_again_replaces_the_older_one(
    sink: MongoSink, reader: Reader, tmp_path: Path
) -> None:
    one = folder(tmp_path / "one", individuals=[{"id": f"P{n}", "sex": MALE} for n in range(3)])
    two = folder(tmp_path / "two", individuals=[{"id": "P1", "sex": FEMALE}])
    load_bff(sink, "d", [one])
    load_bff(sink, "d", [two])

    assert await reader.count("individual") == 3
    assert await reader.count("individual", FEMALE["id"]) == 1
    assert await reader.count("individual", MALE["id"]) == 2


async def test_structural_variants_alone_make_a_dataset(
    sink: MongoSink, reader: Reader, tmp_path: Path
) -> None:
    only = vcf(tmp_path / "sv.vcf", ["S1", "S2"], {"5000 A <DEL>": ["0/1", "0/0"]})
    load_vcf(sink, "d", ASSEMBLY, [only])
    asked = VariationQuery(
        reference_name="1", assembly_id=ASSEMBLY, start=(6000,), end=(6001,), variant_type="DEL"
    )
    found = await reader.found(
        Query(entry_type="individual", variation=asked, granularity=Granularity.COUNT)
    )

    assert [one["assembly"] for one in sink.manifests()] == [ASSEMBLY]
    assert found is not None
    assert found.count == 1


WAITING = [variation(1000, "A", "G", "S2", "S9"), variation(4000, "C", "T", "S9")]


async def test_variants_wait_for_the_assembly_over_several_loads(
    sink: MongoSink, reader: Reader, first: Path, tmp_path: Path
) -> None:
    bare = folder(tmp_path / "bare", genomicVariations=WAITING)
    people = folder(tmp_path / "people", individuals=[{"id": "S2", "sex": FEMALE}])
    load_bff(sink, "d", [bare])
    load_bff(sink, "d", [people])
    before = (await reader.count("genomicVariant"), await reader.count("individual"))
    load_vcf(sink, "d", ASSEMBLY, [first])

    assert before == (0, 1)
    assert await reader.count("genomicVariant") == 3
    assert set(await reader.carriers(1000, "A", "G")) == {"S1", "S2", "S9"}
    assert await reader.carriers(4000, "C", "T") == {"S9": "heterozygous"}
    assert await reader.count("individual") == 4


async def test_either_order_of_loading_gives_the_same_answers(
    sink: MongoSink, reader: Reader, first: Path, tmp_path: Path
) -> None:
    bare = folder(tmp_path / "bare", genomicVariations=WAITING, individuals=[{"id": "S2"}])
    load_vcf(sink, "d", ASSEMBLY, [first])
    load_bff(sink, "d", [bare])
    one = await reader.everything()
    sink.drop("d")
    load_bff(sink, "d", [bare])
    load_vcf(sink, "d", ASSEMBLY, [first])

    assert await reader.everything() == one


async def test_to_name_the_assembly_is_enough_for_what_waits(
    sink: MongoSink, reader: Reader, tmp_path: Path
) -> None:
    bare = folder(tmp_path / "bare", genomicVariations=WAITING)
    load_bff(sink, "d", [bare])
    report = load_bff(sink, "d", [bare], assembly=ASSEMBLY)
    again = load_bff(sink, "d", [bare], assembly=ASSEMBLY)

    assert len(report.already_loaded) == 1
    assert report.loaded["genomicVariant"] == 2
    assert again.loaded["genomicVariant"] == 0
    assert await reader.count("genomicVariant") == 2
    assert [one["release"] for one in sink.manifests()] == [2]
