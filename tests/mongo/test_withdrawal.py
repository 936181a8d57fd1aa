"""People who withdraw: gone from every answer at once, then from the database, and not back."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import bson
import msgspec
import pymongo
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from beacon.framework.errors import InvalidRequest, LoadError, OperatorError
from beacon.framework.source import TermsQuery
from beacon.load.bff import load_bff
from beacon.load.vcf import load_vcf
from beacon.memory import MemoryDataset, MemoryStore
from beacon.memory.rows import JoinedDataset
from beacon.model.ontology import Ontologies
from beacon.mongo import documents
from beacon.mongo.barred import without_gone
from beacon.mongo.history import history
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore
from beacon.mongo.withdrawal import plan_withdrawal, readmit, withdraw
from tests.contract import random_cohorts as made
from tests.contract.test_sources_agree import _terms, load, plain, whole
from tests.mongo.test_releases import ASSEMBLY, FEMALE, Documents, Reader, folder, variation, vcf

QUESTIONS = 40


class Interrupted(Exception):
    """Pulls the plug."""


def interrupt() -> None:
    raise Interrupted


@pytest.fixture
def stored(mongo_uri: str, database: str) -> Iterator[Documents]:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        yield client[database]


@pytest.fixture
def sink(stored: Documents) -> MongoSink:
    return MongoSink(stored, grace_s=0)


@pytest.fixture
async def reader(mongo_uri: str, database: str) -> AsyncIterator[Reader]:
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        yield Reader(MongoStore(client[database], refresh_s=0))


def out(
    stored: Documents, *names: str, dataset: str = "d", ontologies: Ontologies | None = None
) -> None:
    withdraw(stored, dataset, names, ontologies=ontologies or Ontologies(), grace_s=0)


# Random people from random cohorts --------------------------------------------------------------


def renamed(records: made.Records) -> made.Records:
    """The records with ids that occur nowhere by chance."""
    text = re.sub(r'"([IBRAS]\d)"', r'"zq\1wx"', json.dumps(records))
    found: made.Records = json.loads(text)
    return found


def names_of(joined: JoinedDataset, gone: set[str]) -> set[str]:
    rows = [row for row in joined.rows if row.individual in gone]
    return gone | {name for row in rows for name in (row.biosample, row.sample) if name}


def without(records: made.Records, gone: set[str], names: set[str]) -> made.Records:
    """The records as if some people had never been there."""
    left = {key: list(entries) for key, entries in records.items()}
    left["individual"] = [one for one in records["individual"] if one["id"] not in gone]
    left["biosample"] = [one for one in records["biosample"] if one["id"] not in names]
    for entry_type, links in (
        ("run", ("individualId", "biosampleId")),
        ("analysis", ("individualId", "biosampleId", "runId")),
    ):
        left[entry_type] = [
            one for one in records[entry_type] if not any(one.get(key) in names for key in links)
        ]
        names |= {one["id"] for one in records[entry_type] if one not in left[entry_type]}
    for cohort in left["cohort"]:
        if "info" in cohort:
            members = cohort["info"]["individualIds"]
            cohort["info"] = {"individualIds": [one for one in members if one not in gone]}
    variants = []
    for one in records["genomicVariant"]:
        cases = one.get("caseLevelData")
        kept = [case for case in cases or () if case["biosampleId"] not in names]
        if kept or not cases:
            variants.append({**one, "caseLevelData": kept} if cases else one)
    left["genomicVariant"] = variants
    return left


async def agree(
    rng: Random, mongo: MongoStore, memory: MemoryStore, *, but: str | None = None
) -> None:
    """Random questions get equal answers, and equal terms are listed.

    Args:
        but: An entry type whose terms are not compared.
    """
    for _ in range(QUESTIONS):
        query, access = made.question(rng), made.access(rng)
        question = re.sub(r'"([IBRAS]\d)"', r'"zq\1wx"', msgspec.json.encode(query).decode())
        query = msgspec.json.decode(question, type=type(query))
        try:
            expected = plain(await memory.search(whole(query), access))
        except InvalidRequest:
            with pytest.raises(InvalidRequest):
                await mongo.search(query, access)
            continue

        assert plain(await mongo.search(whole(query), access)) == expected, (query, access)

    access = made.access(rng)
    for terms_query in (TermsQuery(), TermsQuery(entry_type="individual")):
        expected_terms = await memory.filtering_terms(terms_query, access)
        actual_terms = await mongo.filtering_terms(terms_query, access)
        assert listed(actual_terms, but) == listed(expected_terms, but)


def listed(found: Any, but: str | None) -> list[tuple[Any, ...]]:
    scoped = (
        (kind, name, tuple(one for one in scopes if one != but), values)
        for kind, name, scopes, values in _terms(found)
    )
    return [one for one in scoped if one[2]]


def everything(stored: Documents) -> bytes:
    """All that a database holds, decompressed."""
    parts = []
    for name in stored.list_collection_names():
        for document in stored[name].find():
            parts.append(bson.encode(document))
            if isinstance(document.get("z"), bytes):
                parts.append(zlib.decompress(document["z"]))
    return b"\n".join(parts)


@settings(
    max_examples=10,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rng=st.randoms(use_true_random=False))
async def test_answers_are_as_if_people_had_never_been_there(
    rng: Random, stored: Documents, mongo_uri: str, database: str, tmp_path: Path
) -> None:
    """While they are only masked, and once they are deleted; and nothing of them is left."""
    sink = MongoSink(stored, grace_s=0)
    sink.put_ontology(made.ONTOLOGY)
    for assembly, genes in made.GENES.items():
        sink.put_genes(assembly, genes, "1")
    sink.drop("d1")
    stored[documents.WITHDRAWN].delete_many({})
    records = renamed(made.cohort(rng, "GRCh38"))
    records["individual"].append({"id": "zqI7wx", "sex": made.term("NCIT:C16576")})
    load(sink, "d1", records, tmp_path)
    load(sink, "d1", {"individual": [{"id": "zqI7wx", "info": {"site": "west"}}]}, tmp_path)
    records["individual"][-1] = {"id": "zqI7wx", "info": {"site": "west"}}
    joined = JoinedDataset("d1", MemoryDataset(records=records, assembly="GRCh38"))
    people = sorted({row.individual for row in joined.rows})
    gone = set(rng.sample(people, rng.randint(1, max(1, len(people) - 1))))
    names = names_of(joined, gone)
    left = without(records, gone, names)
    memory = MemoryStore(
        {
            "d1": MemoryDataset(
                records=left, assembly="GRCh38" if records["genomicVariant"] else None
            )
        },
        made.ONTOLOGIES,
        lambda assembly, symbol: made.GENES.get(assembly, {}).get(symbol),
    )
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        mongo = MongoStore(client[database], refresh_s=0)
        with pytest.raises(Interrupted):
            withdraw(
                stored,
                "d1",
                sorted(gone),
                ontologies=made.ONTOLOGIES,
                grace_s=0,
                masked=interrupt,
            )
        # Terms of variants' records go when the data do.
        await agree(rng, mongo, memory, but="genomicVariant")
        out(stored, dataset="d1", ontologies=made.ONTOLOGIES)
        await agree(rng, mongo, memory)
    held = everything(stored)

    assert [name for name in sorted(names) if name.encode() in held] == []
    assert [one.state for one in history(stored, "d1")] == ["published"]


# Genotypes, releases and loads ------------------------------------------------------------------

CALLS = {
    "1000 A G": ["0/1", "1/1", "0/0"],
    "2000 C CT": ["0/0", "0/1", "0/1"],
    "3000 G T": ["0/1", "0/0", "0/0"],
    "9000 A <DEL>": ["0/1", "0/0", "1/1"],
}


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return vcf(tmp_path / "first.vcf", ["S1", "S2", "S3"], CALLS)


async def state(reader: Reader) -> list[Any]:
    return [
        await reader.count("individual"),
        await reader.count("genomicVariant"),
        await reader.carriers(1000, "A", "G"),
        await reader.numbers(1000, "A", "G"),
        await reader.carriers(3000, "G", "T"),
    ]


async def test_frequencies_are_of_those_who_are_left(
    sink: MongoSink, stored: Documents, reader: Reader, first: Path
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [first])
    with pytest.raises(Interrupted):
        withdraw(stored, "d", ["S1"], ontologies=Ontologies(), grace_s=0, masked=interrupt)
    masked = await state(reader)
    out(stored)

    assert masked == [2, 3, {"S2": "homozygous"}, (2, 4), {}]
    assert await state(reader) == masked
    assert await reader.count("biosample") == 2


async def test_a_release_without_them_is_all_that_is_left(
    sink: MongoSink, stored: Documents, first: Path, tmp_path: Path
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [first])
    people = folder(tmp_path / "people", individuals=[{"id": "S2", "sex": FEMALE}])
    load_bff(sink, "d", [people])
    later = vcf(tmp_path / "S1-only.vcf", ["S9"], {"1000 A G": ["0/1"]})
    load_vcf(MongoSink(stored, grace_s=0, serve=False), "d", ASSEMBLY, [later])
    planned = plan_withdrawal(stored, "d", ["S1", "S9"])
    out(stored, "S1", "S9")
    (only,) = history(stored, "d")

    assert planned.releases == (1, 3)
    assert (only.release, only.state, only.kind) == (4, "published", "withdrawal")
    assert not {name for name in (b"S1", b"S9") if name in everything(stored)}


async def test_a_person_who_withdrew_is_not_loaded_again(
    sink: MongoSink, stored: Documents, reader: Reader, first: Path, tmp_path: Path
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [first])
    out(stored, "S1")
    again = vcf(tmp_path / "again.vcf", ["S1", "S4"], {"1000 A G": ["1/1", "0/1"]})
    load_vcf(sink, "d", ASSEMBLY, [again])
    biosamples = [
        {"id": "new", "individualId": "S1", "biosampleStatus": FEMALE, "sampleOriginType": FEMALE}
    ]
    bff = folder(
        tmp_path / "bff",
        individuals=[{"id": "S1", "sex": FEMALE}, {"id": "S4", "sex": FEMALE}],
        biosamples=biosamples,
        genomicVariations=[variation(4000, "C", "T", "S1", "S2"), variation(5000, "C", "T", "S1")],
    )
    report = load_bff(sink, "d", [bff], assembly=ASSEMBLY)
    more = vcf(tmp_path / "more.vcf", ["new", "S5"], {"1000 A G": ["1/1", "0/1"]})
    load_vcf(sink, "d", ASSEMBLY, [more])

    assert report.nothing_to_load == {"of people who have withdrawn": 2}
    assert await reader.count("individual") == 4
    assert set(await reader.carriers(1000, "A", "G")) == {"S2", "S4", "S5"}
    assert await reader.numbers(1000, "A", "G") == (4, 8)
    assert set(await reader.carriers(4000, "C", "T")) == {"S2"}
    assert await reader.records(5000, "C", "T") == ()


async def test_a_person_who_was_readmitted_is_loaded_again(
    sink: MongoSink, stored: Documents, reader: Reader, first: Path
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [first])
    before = await state(reader)
    out(stored, "S1")
    readmit(stored, "d", "S1")
    load_vcf(sink, "d", ASSEMBLY, [first])

    assert await state(reader) == before
    with pytest.raises(OperatorError, match='nobody called "S1" has withdrawn'):
        readmit(stored, "d", "S1")


async def test_withdrawing_again_changes_nothing(
    sink: MongoSink, stored: Documents, reader: Reader, first: Path
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [first])
    out(stored, "S1")
    before = await reader.everything()
    out(stored, "S1")
    out(stored, "S3")

    assert await reader.count("individual") == 1
    assert before[0].count == 2
    assert [one.release for one in history(stored, "d")] == [3]


def test_a_withdrawn_person_stays_out_of_a_dataset_that_was_dropped(
    sink: MongoSink, stored: Documents, first: Path
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [first])
    out(stored, "S1")
    sink.drop("d")
    load_vcf(sink, "d", ASSEMBLY, [first])

    assert sink.manifests()[0]["counts"]["individual"] == 2


def test_nobody_withdraws_by_mistake(
    sink: MongoSink, stored: Documents, first: Path, tmp_path: Path
) -> None:
    biosamples = [
        {"id": "P1", "individualId": "P2", "biosampleStatus": FEMALE, "sampleOriginType": FEMALE}
    ]
    bff = folder(tmp_path / "bff", individuals=[{"id": "P1"}], biosamples=biosamples)
    load_bff(sink, "d", [bff])
    with pytest.raises(OperatorError, match='"P1" may be any of P1, P2'):
        out(stored, "P1")
    with pytest.raises(OperatorError, match='"P3" is no individual, biosample or sample'):
        out(stored, "P2", "P3")
    with pytest.raises(OperatorError, match="say who withdraws"):
        out(stored)

    assert sink.manifests()[0]["counts"]["individual"] == 2


def test_nothing_is_loaded_while_people_are_taken_out(
    sink: MongoSink, stored: Documents, first: Path, tmp_path: Path
) -> None:
    load_vcf(sink, "d", ASSEMBLY, [first])
    with pytest.raises(Interrupted):
        withdraw(stored, "d", ["S1"], ontologies=Ontologies(), grace_s=0, masked=interrupt)
    again = vcf(tmp_path / "again.vcf", ["S4"], {"1000 A G": ["0/1"]})
    with pytest.raises(LoadError, match="beacon datasets withdraw d"):
        load_vcf(sink, "d", ASSEMBLY, [again])
    out(stored)

    assert load_vcf(sink, "d", ASSEMBLY, [again]).ok


def test_what_is_said_of_somebody_goes_from_other_records() -> None:
    record = {
        "id": "P1",
        "pedigrees": [{"id": "F", "members": [{"memberId": "P2"}, {"memberId": "P1"}]}],
        "info": {"individualIds": ["P1", "P2"], "note": "P2", "biosampleId": "P2"},
    }
    freed = without_gone(record, lambda one: one == ("individual", "P2"))

    assert freed == {
        "id": "P1",
        "pedigrees": [{"id": "F", "members": [{"memberId": "P1"}]}],
        "info": {"individualIds": ["P1"], "note": "P2", "biosampleId": "P2"},
    }
    assert without_gone(record, lambda one: False) is record
