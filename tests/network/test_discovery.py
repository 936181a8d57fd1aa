"""What a network learns of its members, keeps, and does without."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from beacon import composition
from beacon.framework.query import Granularity
from beacon.memory import MemoryDataset, MemoryStore
from beacon.model.entry_types import MODEL
from beacon.network.descriptions import metadata_from
from beacon.network.discovery import Discovery
from beacon.network.members import Member, host_of
from beacon.network.metadata import Metadata
from beacon.network.remote import Remotes
from beacon.network.states import MemberFailure, State
from beacon.settings import DatasetPolicy, Level, PolicySettings, Settings
from tests.network.fake_members import BAD_JSON, Computes, FakeMember, Hangs, Received, Says

SEIZURE = {"type": "ontologyTerm", "id": "HP:0001250", "label": "Seizure", "scopes": ["individual"]}

DATASETS = {
    "meta": {"beaconId": "fi.example.beacon", "returnedGranularity": "record"},
    "responseSummary": {"exists": True, "numTotalResults": 1},
    "response": {
        "collections": [
            {
                "id": "d1",
                "name": "Biobank",
                "info": {"assemblyId": "hg38"},
                "dataUseConditions": {
                    "duoDataUse": [{"id": "DUO:0000042", "label": "general research use"}]
                },
            }
        ]
    },
}


def datasets(received: Received) -> dict[str, Any]:
    assert received.path == "/datasets"
    return DATASETS


@asynccontextmanager
async def discovering(
    *members: Member, folder: Path | None = None, refresh_s: float = 900, spread: float = 1
) -> AsyncIterator[Discovery]:
    """With connections, and not running."""
    async with Remotes(members) as remotes:
        yield Discovery(members, remotes, refresh_s=refresh_s, folder=folder, spread=lambda: spread)


@asynccontextmanager
async def running(discovery: Discovery) -> AsyncIterator[None]:
    task = asyncio.create_task(discovery.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def described(documents: Mapping[str, Any], **known: Any) -> Metadata:
    """What is read out of documents that were never sent."""
    member = Member(
        id="FI",
        name="Finland",
        country="FI",
        urls=("https://fi.example.org/api",),
        hosts=frozenset({"fi.example.org:443"}),
    )
    bodies = {
        path: document if isinstance(document, bytes) else json.dumps(document).encode()
        for path, document in documents.items()
    }
    return metadata_from(bodies, member, MODEL, fetched_at=0.0, **known)


async def test_a_member_is_described_by_what_it_says_of_itself() -> None:
    async with (
        FakeMember(behaviour=Computes(datasets), filtering_terms=[SEIZURE]) as fake,
        discovering(fake.member("FI")) as discovery,
    ):
        assert discovery.of("FI") is None

        await discovery.look(discovery.members[0])

    found = discovery.of("FI")
    assert found is not None
    assert found.beacon_id == "fi.example.beacon"
    assert found.api_version == "v2.2.0"
    assert found.organisation == "Example Organization"
    assert list(found.entry_types) == [one.id for one in MODEL.entry_types]
    assert found.entry_types["individual"].linked == {
        one: MODEL.by_id(one).path for one in MODEL.by_id("individual").linked
    }
    assert found.served_assemblies == {"GRCh38"}
    assert found.default_granularity is Granularity.BOOLEAN
    assert found.terms["HP:0001250"].label == "Seizure"
    assert found.terms["HP:0001250"].scopes == ("individual",)
    assert found.datasets["d1"].data_use == (("DUO:0000042", "general research use"),)
    assert found.has_all_datasets
    assert found.dialect.nested
    assert not found.is_network


async def test_a_beacon_of_ours_is_described_whole(aiohttp_server: Any) -> None:
    people = MemoryDataset(
        assembly="GRCh38",
        records={"individual": [{"id": "p1", "sex": {"id": "NCIT:C16576", "label": "female"}}]},
    )
    settings = Settings(
        policy=PolicySettings(
            datasets={
                "open": DatasetPolicy(
                    public={"*": Level.RECORD}, min_count=1, accept_risk="invented people"
                )
            }
        )
    )
    store = MemoryStore({"open": people})
    server = await aiohttp_server(composition.app(settings, store, store))
    url = f"http://127.0.0.1:{server.port}/api"
    member = Member(
        id="FI",
        name="Finland",
        country="FI",
        urls=(url,),
        hosts=frozenset({host_of(url)}),
        allow_private=True,
    )

    async with discovering(member) as discovery:
        await discovery.look(member)

    found = discovery.of("FI")
    assert found is not None
    assert list(found.entry_types) == [one.id for one in MODEL.entry_types]
    assert list(found.datasets) == ["open"]
    assert found.has_all_datasets
    assert found.terms["NCIT:C16576"].scopes == ("individual",)
    assert found.batch_max == settings.limits.batch_max
    assert not found.is_network


async def test_what_stays_as_it_is_is_read_once() -> None:
    async with FakeMember() as fake, discovering(fake.member("FI")) as discovery:
        first = await discovery.look(discovery.members[0])
        before = discovery.of("FI")
        second = await discovery.look(discovery.members[0])

        assert (first, second) == (True, False)
        assert discovery.of("FI") is before
        assert discovery.generation == 1


async def test_members_are_looked_at_again() -> None:
    async with (
        FakeMember() as fake,
        discovering(fake.member("FI"), refresh_s=0.05) as discovery,
        running(discovery),
    ):
        await until(lambda: discovery.of("FI") is not None)
        fake.filtering_terms.append(SEIZURE)

        await until(lambda: "HP:0001250" in discovery.all()["FI"].terms)
        await until(lambda: len(discovery.terms) == 1)

        assert discovery.terms.terms[0].members == ("FI",)
        assert discovery.generation == 2


async def test_a_member_that_is_away_keeps_what_was_known() -> None:
    async with FakeMember() as fake, discovering(fake.member("FI")) as discovery:
        await discovery.look(discovery.members[0])
        known = discovery.of("FI")
        await fake.stop()

        with pytest.raises(MemberFailure):
            await discovery.look(discovery.members[0])

        assert discovery.of("FI") is known


async def test_one_member_that_hangs_does_not_keep_others_from_being_met() -> None:
    async with (
        FakeMember("ee.example", Hangs(), informs=False) as hangs,
        FakeMember() as fake,
        discovering(hangs.member("EE"), fake.member("FI")) as discovery,
        running(discovery),
    ):
        await until(lambda: discovery.of("FI") is not None)

        assert discovery.of("EE") is None
        assert list(discovery.all()) == ["FI"]


@pytest.mark.parametrize("says", [BAD_JSON, Says(b"[]"), Says(b'{"error": {}}')], ids=str)
async def test_what_cannot_be_read_is_nothing(says: Says) -> None:
    async with (
        FakeMember(behaviour=says, informs=False) as fake,
        discovering(fake.member("FI")) as discovery,
    ):
        with pytest.raises(MemberFailure) as failure:
            await discovery.look(discovery.members[0])

    assert failure.value.state is State.BAD_RESPONSE
    assert discovery.of("FI") is None


async def test_the_last_good_state_outlives_the_process(tmp_path: Path) -> None:
    folder = tmp_path / "network"
    async with (
        FakeMember(behaviour=Computes(datasets), filtering_terms=[SEIZURE]) as fake,
        discovering(fake.member("a/../b"), folder=folder) as discovery,
    ):
        await discovery.look(discovery.members[0])
        before = discovery.of("a/../b")
        member = discovery.members[0]

    async with discovering(member, folder=folder) as later, running(later):
        await until(lambda: later.of("a/../b") is not None)

        assert later.of("a/../b") == before
        await until(lambda: len(later.terms) == 1)
    assert [one.name for one in folder.iterdir()] == ["a%2F..%2Fb.json"]


async def test_what_was_kept_of_another_address_is_not_used(tmp_path: Path) -> None:
    async with FakeMember() as fake, discovering(fake.member("FI"), folder=tmp_path) as discovery:
        await discovery.look(discovery.members[0])
    async with (
        FakeMember(behaviour=Hangs(), informs=False) as other,
        discovering(other.member("FI"), folder=tmp_path) as later,
        running(later),
    ):
        await until(lambda: other.received)

        assert later.of("FI") is None


async def test_a_file_that_is_broken_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "FI.json").write_text('{"url": ')
    async with (
        FakeMember() as fake,
        discovering(fake.member("FI"), folder=tmp_path) as discovery,
        running(discovery),
    ):
        await until(lambda: discovery.of("FI") is not None)
        await until(lambda: b"fi.example.beacon" in (tmp_path / "FI.json").read_bytes())


async def test_a_document_that_is_out_of_reach_leaves_what_was_known_of_it() -> None:
    """A list of terms that once took too long does not mean that there are no terms."""
    async with (
        FakeMember(behaviour=Computes(datasets)) as fake,
        discovering(fake.member("FI")) as discovery,
    ):
        await discovery.look(discovery.members[0])
        fake.behaviour = Says(b"{}", status=500)
        fake.documents["/info"] = {
            **fake.documents["/info"],
            "response": {**fake.documents["/info"]["response"], "name": "Renamed"},
        }

        await discovery.look(discovery.members[0])

    found = discovery.of("FI")
    assert found is not None
    assert found.name == "Renamed"
    assert list(found.datasets) == ["d1"]


async def test_nothing_is_sent_where_a_map_points_to() -> None:
    async with FakeMember("other.example") as other, FakeMember() as fake:
        moved = json.dumps(fake.documents["/map"]).replace(fake.url, other.url)
        fake.documents["/map"] = json.loads(moved)
        async with discovering(fake.member("FI")) as discovery:
            await discovery.look(discovery.members[0])

        found = discovery.of("FI")
        assert found is not None
        assert found.entry_types["genomicVariant"].path == "g_variants"
        assert other.received == []


def test_old_versions_are_asked_flat() -> None:
    old = described({"/info": {"response": {"id": "x", "apiVersion": "v2.0.0"}}})

    assert old.dialect.api_version == "v2.0.0"
    assert not old.dialect.nested


def test_a_version_in_every_path_of_the_map_is_put_before_paths() -> None:
    endpoint_sets = {
        "individual": {
            "entryType": "individual",
            "rootUrl": "https://fi.example.org/api/v2.0.0/individuals",
        }
    }

    found = described({"/map": {"response": {"endpointSets": endpoint_sets}}})

    assert found.dialect.version_in_path
    assert found.dialect.api_version == "v2.0.0"


def test_without_a_map_the_configuration_tells_the_entry_types() -> None:
    entry_types = {
        "genomicVariation": {"id": "genomicVariation", "nonFilteredQueriesAllowed": False}
    }

    found = described({"/configuration": {"response": {"entryTypes": entry_types}}})

    assert list(found.entry_types) == ["genomicVariant"]
    assert found.entry_types["genomicVariant"].linked is None
    assert not found.entry_types["genomicVariant"].listed_whole


@pytest.mark.parametrize(
    "info", [{"isAggregated": True}, {"responses": []}, {"response": {"isBeaconNetwork": True}}]
)
def test_networks_are_known_by_what_they_say(info: dict[str, Any]) -> None:
    assert described({"/info": info}).is_network


def test_batches_and_descendants_are_taken_from_declarations() -> None:
    found = described(
        {
            "/service-info": {
                "extensions": {
                    "batch": {"url": "x", "maxItems": 500},
                    "filteringTerms": {"descendantsAreFound": True},
                }
            },
        }
    )

    assert found.batch_max == 500
    assert found.expands_descendants


def test_scopes_and_types_are_read_however_they_are_spelled() -> None:
    terms = [
        {"id": "HP:1", "type": "Human Phenotype Ontology", "scope": "individuals"},
        {"id": "HP:1", "type": "ontology", "scopes": ["biosamples", "nonsense"]},
        {"id": "age", "type": "alphanumeric", "scopes": "individual"},
        {"label": "no id"},
        "not even an object",
    ]

    found = described({"/filtering_terms": {"response": {"filteringTerms": terms}}}).terms

    assert found["HP:1"].type == "ontologyTerm"
    assert found["HP:1"].scopes == ("individual", "biosample")
    assert found["age"].type == "alphanumeric"
    assert len(found) == 2


def test_a_list_of_datasets_that_is_not_whole_rules_nothing_out() -> None:
    page = {**DATASETS, "responseSummary": {"exists": True, "numTotalResults": 2}}

    found = described({"/datasets": page})

    assert list(found.datasets) == ["d1"]
    assert not found.has_all_datasets


@pytest.mark.parametrize(
    "nonsense",
    [
        {"response": None},
        {"response": {"info": {"assemblies": [7, {"assemblyId": {}}]}, "organization": []}},
        {"response": {"endpointSets": {"individual": {"rootUrl": "http://[", "endpoints": [1]}}}},
        {"response": {"filteringTerms": {"id": 1}, "resources": "x", "collections": [[]]}},
        {"extensions": {"batch": {"maxItems": "many"}}},
    ],
)
@pytest.mark.parametrize(
    "path", ["/info", "/map", "/configuration", "/filtering_terms", "/datasets", "/service-info"]
)
def test_nonsense_is_passed_over(path: str, nonsense: dict[str, Any]) -> None:
    found = described({"/info": {"response": {"id": "x"}}, path: nonsense})

    assert found.batch_max == 0
    assert not found.terms
