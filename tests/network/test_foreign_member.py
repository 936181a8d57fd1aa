"""A beacon of version 2.0 is asked in its own way, and what it says is understood."""

from __future__ import annotations

import asyncio
import json

from msgspec.structs import replace

from beacon.framework.access import EVERYTHING
from beacon.framework.query import Filter, Granularity, VariationQuery
from beacon.model.entry_types import MODEL
from beacon.network.dialects import Dialect
from beacon.network.remote import Remotes
from beacon.network.replies import decode
from beacon.network.requests import encode
from tests.network.asking import network_of, question, status_of
from tests.network.foreign_member import BEACON_ID, Foreign, foreign_member

ALLELES = {"a": {"17-7577120-G-A": 3, "17-7577120-G-T": 1}, "b": {"17-7577120-G-A": 2}}
KNOWN = VariationQuery(
    assembly_id="GRCh38",
    reference_name="17",
    start=(7577120,),
    reference_bases="G",
    alternate_bases="A",
)
BY_ACCESSION = replace(KNOWN, assembly_id=None, reference_name="refseq:NC_000017.11")


async def ask(behaviour, **asked):
    """The answer of a network whose only member is the foreign one, and what that one was sent."""
    async with (
        foreign_member(behaviour) as fake,
        network_of([fake.member()], meet=True) as network,
    ):
        answer = await network.search(question(**asked), EVERYTHING)
    received = [one for one in fake.questions if one.method == "POST"]
    assert len(received) == 1
    return answer, received[0]


def state_of(answer):
    (member,) = status_of(answer.info)["members"]
    return member["status"]


async def test_flat_parameters_reach_it():
    """Nested, they would be passed over, and everybody counted."""
    answer, received = await ask(Foreign(alleles=ALLELES), variation=KNOWN)

    assert received.json["query"]["requestParameters"] == {
        "assemblyId": "GRCh38",
        "referenceName": "17",
        "start": [7577120],
        "referenceBases": "G",
        "alternateBases": "A",
    }
    assert received.json["meta"]["apiVersion"] == "v2.0.0"
    assert [(one.dataset_id, one.count) for one in answer.result_sets] == [(BEACON_ID, 5)]


async def test_it_is_told_the_chromosome_in_its_words():
    answer, received = await ask(Foreign(alleles=ALLELES), variation=BY_ACCESSION)

    assert received.json["query"]["requestParameters"]["referenceName"] == "17"
    assert received.json["query"]["requestParameters"]["assemblyId"] == "GRCh38"
    assert [one.count for one in answer.result_sets] == [5]


async def test_what_it_has_not_is_a_miss():
    answer, _ = await ask(Foreign(alleles=ALLELES), variation=replace(KNOWN, alternate_bases="C"))

    assert state_of(answer) == "miss"
    assert [(one.exists, one.count) for one in answer.result_sets] == [(False, 0)]


async def test_a_mere_yes_is_a_hit_without_a_count():
    answer, _ = await ask(Foreign(alleles=ALLELES, most="boolean"), variation=KNOWN)

    assert state_of(answer) == "hit"
    assert [(one.exists, one.count) for one in answer.result_sets] == [(True, None)]


async def test_datasets_are_told_apart_where_it_names_them():
    answer, _ = await ask(Foreign(alleles=ALLELES, names_sets=True), variation=KNOWN)

    assert [(one.dataset_id, one.count) for one in answer.result_sets] == [("a", 3), ("b", 2)]


async def test_records_are_relayed():
    answer, _ = await ask(
        Foreign(alleles=ALLELES),
        entry_type="genomicVariant",
        granularity=Granularity.RECORD,
        variation=KNOWN,
    )

    assert [bytes(one) for found in answer.result_sets for one in found.reported.records] == [
        b'{"variantInternalId": "a:0"}',
        b'{"variantInternalId": "b:0"}',
    ]


async def test_filters_reach_it():
    people = {"a": {"HP:0001250": 7}, "b": {}}
    answer, _ = await ask(
        Foreign(people=people, names_sets=True),
        variation=None,
        filters=(Filter(id="HP:0001250"),),
    )

    assert [(one.dataset_id, one.count) for one in answer.result_sets] == [("a", 7), ("b", 0)]


async def test_what_it_refuses_is_not_a_no():
    """Neither by status nor by code; and the reason names no address."""
    for refusals in ("by status", "by code"):
        answer, _ = await ask(
            Foreign(alleles=ALLELES, refusals=refusals),
            entry_type="biosample",
            variation=KNOWN,
        )

        assert answer.result_sets == ()
        (member,) = status_of(answer.info)["members"]
        assert member["status"] == "notApplicable"
        assert member["reason"] == "/biosamples was not found at …"


async def test_its_datasets_are_listed():
    answer, _ = await ask(
        Foreign(alleles=ALLELES),
        entry_type="dataset",
        granularity=Granularity.RECORD,
        variation=None,
    )

    assert [
        json.loads(bytes(one)) for found in answer.result_sets for one in found.reported.records
    ] == [
        {"id": "a", "name": "Dataset a", "beaconId": "org.foreign.beacon"},
        {"id": "b", "name": "Dataset b", "beaconId": "org.foreign.beacon"},
    ]


async def test_it_may_answer_nothing_but_get():
    query = question(variation=BY_ACCESSION)
    dialect = Dialect(api_version="v2.0.0", verb="GET", prefix="")
    async with foreign_member(Foreign(alleles=ALLELES, verbs=("GET",))) as fake:
        member = fake.member()
        async with Remotes([member]) as remotes:
            deadline = asyncio.get_running_loop().time() + 5
            raw = await remotes.ask(member, encode(query, dialect, MODEL), deadline=deadline)

    assert decode(raw, query, member).total == 5
